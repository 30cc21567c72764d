"""What planted faults once got through: each of these was seen to fail with its fault in place."""

from __future__ import annotations

import dataclasses
import hashlib
import pickle
from pathlib import Path

import nbformat
import numpy as np
import pandas as pd
import pytest
import torch
from scipy import stats

from helpers import networks, objects, records, runtime, shifting
from helpers.measures import consistency, permutations, precision, probes, published, uncertainty, variation
from helpers.measures.published import replaying, tables
from helpers.networks import Source, weights
from helpers.tools.page import compress
from helpers.tools.sweep import plan, task
from helpers.tools.training import evaluate, scenes
from helpers.tools.workbook import publish

SMALL = plan.Settings(stride=16, frame=64, device="cpu", batch_size=16)


class Trap:
    """Unpickled, it leaves a file behind: proof that code ran, whatever is said of the file afterwards."""

    def __init__(self, proof: Path) -> None:
        self.proof = proof

    def __reduce__(self) -> tuple:
        return (Path.touch, (self.proof,))


@pytest.mark.parametrize("suffix", [".pth", ".pt", ".safetensors", ".bin"])
@pytest.mark.parametrize("plain", [False, True], ids=["torch.save", "pickle"])
def test_weights_never_run_code(tmp_path: Path, suffix: str, plain: bool) -> None:
    path, proof = tmp_path / f"trap{suffix}", tmp_path / "ran"
    content = {"state_dict": Trap(proof), "weight": torch.zeros(1)}
    path.write_bytes(pickle.dumps(content)) if plain else torch.save(content, path)
    with pytest.raises(ValueError, match="trap"):
        weights.read_weights(path)
    assert not proof.exists(), "code in a weights file was run"
    if not plain and suffix != ".safetensors":  # torch refuses that name
        torch.load(path, weights_only=False)
        assert proof.exists()  # the trap works


def test_a_published_file_is_what_its_name_says(tmp_path: Path) -> None:
    torch.save({"weight": torch.zeros(1)}, tmp_path / "net.pth")
    digest = hashlib.sha256((tmp_path / "net.pth").read_bytes()).hexdigest()
    right, wrong = tmp_path / f"net-{digest[:8]}.pth", tmp_path / f"net-{digest[1:9]}.pth"
    for path in (right, wrong):
        path.write_bytes((tmp_path / "net.pth").read_bytes())
    assert list(weights.read_weights(right, published=True)) == ["weight"]
    with pytest.raises(ValueError, match=f"does not begin with {digest[1:9]}"):
        weights.read_weights(wrong, published=True)


def test_a_file_in_torchs_cache_is_checked_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SHIFT_ASSETS", str(tmp_path / "nowhere"))
    folder = tmp_path / "hub" / "checkpoints"
    folder.mkdir(parents=True)
    torch.save({"weight": torch.zeros(1)}, folder / "net-0123abcd.pth")
    with pytest.raises(Exception, match="0123abcd"):
        weights.download("http://127.0.0.1:9/net-0123abcd.pth")


def test_a_worker_with_other_weights_computes_nothing() -> None:
    source, cutout = Source("demo_resnet"), objects.load("cup", size=32)
    right = source.load().checksum
    assert task.on_worker(source, cutout, checksum=right, settings=SMALL)["similarity"].shape[1:] == (5, 3, 3)
    with pytest.raises(ValueError, match=f"other weights for demo_resnet .*{right[:12]}.*expected 0000"):
        task.on_worker(source, cutout, checksum="0" * 64, settings=SMALL)


def test_an_objects_label_is_part_of_what_a_store_was_made_from() -> None:
    cutout = objects.load("cup", size=32)
    other = objects.Cutout(cutout.rgba, cutout.name, "another class")
    one, two = (plan.Plan([Source("demo_resnet")], {32: [each]}).identity(SMALL) for each in (cutout, other))
    assert one["objects"] != two["objects"]
    assert {**one, "objects": None} == {**two, "objects": None}


@pytest.mark.parametrize("draw", [lambda: torch.rand(4).tolist(), lambda: np.random.rand(4).tolist()])  # noqa: NPY002
def test_a_seed_decides_what_is_drawn(draw) -> None:
    """The same seed the same numbers, another seed others: for torch's generator too."""
    runtime.seed(3)
    first = draw()
    assert draw() != first
    runtime.seed(3)
    assert draw() == first
    runtime.seed(4)
    assert draw() != first


_FEATURES = np.random.default_rng(0).normal(size=(12, 4, 5, 6)) + 1
_ANSWERS = (np.indices((3, 9, 9)).sum(0) % 4 == 0).astype(int)
SEEDED = {
    "walks": lambda seed: variation.walks((40, 50), (1, 8), seed=seed),
    "random permutations": lambda seed: permutations.held_out(
        _FEATURES[:2, 0], _FEATURES[2:4, 0], draws=1, seed=seed
    ).random,
    "bootstrap": lambda seed: np.concatenate(uncertainty.resample(list("aabbc"), draws=5, seed=seed)),
    "surrogate": lambda seed: probes.surrogate(_FEATURES[0], seed=seed),
    "swaps": lambda seed: probes.swap_test(_FEATURES, draws=9, seed=seed).null,
    "pairs": lambda seed: consistency.drawn_consistency(_ANSWERS, batch=1, passes=9, seed=seed).numpy(),
    "worst of k": lambda seed: consistency.worst_case(
        np.repeat(_ANSWERS, 20, 0), targets=[0] * 60, protocol="engstrom2019 worst of k", k=2, seed=seed
    ).numpy(),
}


@pytest.mark.parametrize("what", SEEDED)
def test_whatever_takes_a_seed_draws_anew_with_another(what: str) -> None:
    first, again, other = (SEEDED[what](seed) for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert first.shape != other.shape or (first != other).any()


def test_the_pages_error_is_that_of_all_pairs() -> None:
    """One position far from the others, which no sample of anchors contains, has the largest error by far."""
    draw = torch.Generator().manual_seed(0)
    rows = cols = 24  # 576 positions, of which the search looks at 192 anchors
    values = torch.ones(rows * cols, 40) + 0.02 * torch.randn(rows * cols, 40, generator=draw)
    left_out = sorted(set(range(rows * cols)) - set(np.linspace(0, rows * cols - 1, compress._SAMPLE).astype(int)))
    odd = left_out[len(left_out) // 2 :][:3]
    values[odd] = torch.randn(3, 40, generator=draw)  # their axes are weak in all others: coarse steps
    packed = compress.pack(values.view(rows, cols, 40))
    unit = values.double().numpy() / np.linalg.norm(values.double().numpy(), axis=1, keepdims=True)
    exact, grid = unit @ unit.T, (rows, cols)
    error = [np.abs(packed.cosines(np.unravel_index(k, grid)).ravel() - exact[k]).max() for k in range(rows * cols)]
    assert max(error) <= compress.BOUND
    assert packed.error == pytest.approx(max(error), abs=1e-12)


@pytest.mark.parametrize(("difference", "taken"), [(0.4, True), (0.6, False)])
def test_a_precision_is_taken_up_to_half_the_bound(monkeypatch, difference: float, taken: bool) -> None:
    """A faster precision whose sample differs by a known share of the bound."""
    network, cutout = networks.load("demo_resnet"), objects.load("cup", size=32)
    scene, seconds = shifting.Paste(cutout, 64), iter(range(10**6))
    monkeypatch.setattr(precision.time, "perf_counter", lambda: next(seconds) ** 0.5)  # later rounds seem faster
    cosines = precision._cosines
    calls = []

    def shifted(values: torch.Tensor, anchors: int) -> torch.Tensor:
        calls.append(1)  # float32 and bfloat16 in turn
        return cosines(torch.ones_like(values), anchors) + (len(calls) % 2 == 0) * difference * precision.BOUND

    monkeypatch.setattr(precision, "_cosines", shifted)
    choice = precision.fastest(network, scene, ["fc"], device="cpu")
    assert {one.precision: round(one.difference / precision.BOUND, 6) for one in choice.tried}["bfloat16"] == difference
    assert (choice.precision == "bfloat16") == taken


def test_a_precision_is_judged_by_the_layer_it_changes_most(monkeypatch) -> None:
    """Of two layers bfloat16 leaves one as it is, and changes the other by twice the bound."""
    module = torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(12, 4))
    network = networks.wrap(module, {"pool": "1", "fc": ""}, frame=48)
    calls = []

    def shifted(values: torch.Tensor, anchors: int) -> torch.Tensor:
        calls.append(1)  # of float32 pool and fc, of bfloat16 pool and fc
        return torch.ones(anchors, len(values)) + (len(calls) % 4 == 0) * 2 * precision.BOUND

    monkeypatch.setattr(precision, "_cosines", shifted)
    choice = precision.fastest(network, shifting.Paste(objects.load("cup", size=32), 48), ["pool", "fc"], device="cpu")
    assert choice.precision == "float32"
    assert [one.difference for one in choice.tried] == pytest.approx([0, 2 * precision.BOUND], rel=1e-3)  # float32


def test_the_bound_of_white_noise_at_a_stride_is_its_quantile() -> None:
    """On 12 x 12 positions, by other means: the polynomials by least squares, the share's law by that of F.

    A stride of 2 has polynomials up to degree 2 * 12 / 3 = 8, so 63 of 144 dimensions are left; three of them, one
    per axis and their product, have period 2.
    """
    values = np.random.default_rng(0).normal(size=(12, 12))
    x = np.linspace(-1, 1, 12)
    surface = np.polynomial.legendre.legvander2d(*np.meshgrid(x, x), [8, 8]).reshape(144, 81)
    left = np.linalg.lstsq(surface, values.T.ravel(), rcond=None)[1].item()
    ratio = stats.f(3, 60).ppf(0.975)
    bound = np.sqrt(3 * ratio / (3 * ratio + 60) * left / 144)
    assert variation.lattice(values, strides=[2]).noise_by_stride == {2: pytest.approx(bound, rel=1e-9)}


def _beside(difference: float, objects: int) -> pd.DataFrame:
    means = published.coco_means()
    theirs = means.query("network == 'alexnet' and variant == 'off-the-shelf' and layer == 'fc6'")
    theirs = theirs.query("patch == 'small' and anchor == 'c'").iloc[0]
    row = {
        "network": "alexnet",
        "size": 75,
        "layer": "fc6",
        "anchor": "c",
        "mean_cosine": theirs.mean_cosine + difference,
    }
    return tables.beside(pd.DataFrame([{**row, "object": str(k)} for k in range(objects)]), means)


@pytest.mark.parametrize("sign", [-1, 1])
@pytest.mark.parametrize(("size", "verdict"), [(0.0049, "within"), (0.0051, "outside")])
def test_the_published_gates_end_at_five_thousandths(sign: int, size: float, verdict: str) -> None:
    assert _beside(sign * size, 200).verdict.tolist() == [verdict]
    theirs = np.linspace(0.2, 0.9, 25).reshape(5, 5)
    ours = theirs.copy()
    ours[1, 3] += sign * size  # one position is enough
    said = replaying._verdict(ours, theirs, replaying.PUBLISHED_WEIGHTS)["verdict"]
    assert said == {"within": "reproduced", "outside": "differs"}[verdict]


def test_settings_of_a_sweep_are_part_of_what_a_store_was_made_from() -> None:
    """All that change a number: a field added to the settings must be told apart, or said not to matter."""
    cutouts = {32: [objects.load("cup", size=32)]}
    whole = plan.Plan([Source("demo_resnet")], cutouts)
    changed = {
        "stride": 3,
        "frame": 80,
        "background": "grey",
        "precision": "bfloat16",
        "batch_size": 3,
        "device": "mps",
    }
    kept = {"layers"}  # each layer is an array of its own
    assert {field.name for field in dataclasses.fields(plan.Settings)} == {*changed, *kept}
    for name, value in changed.items():
        other = dataclasses.replace(SMALL, **{name: value})
        assert whole.identity(other) != whole.identity(SMALL), name


def test_a_photo_behind_an_object_is_its_middle() -> None:
    """Where the photo is larger than the frame, by different amounts each way; the object is one pixel."""
    rows, cols = torch.meshgrid(torch.arange(31), torch.arange(44), indexing="ij")
    photo = objects.Photo(torch.stack([rows, cols, rows + cols]).to(torch.uint8), "ramp")
    dot = objects.Cutout(torch.tensor([9, 9, 9, 255], dtype=torch.uint8)[:, None, None], "dot")
    expected = photo.rgb[:, 5:25, 10:34].clone()
    expected[:, 3, 7] = 9
    assert torch.equal(shifting.Paste(dot, (20, 24), background=photo).render(torch.tensor([[3, 7]]))[0], expected)


def test_a_surrogate_keeps_correlations_between_far_dimensions() -> None:
    """It is made 64 dimensions at a time: two that are equal stay equal across the blocks."""
    features_ = np.random.default_rng(0).normal(size=(6, 5, 100))
    features_[..., 90] = features_[..., 3]
    field = probes.surrogate(features_, seed=1)
    np.testing.assert_allclose(field[..., 90], field[..., 3], atol=1e-12)


def test_a_notebook_with_another_picture_is_written_again() -> None:
    """Its digest, where sources, numbers and words are the same."""
    outputs = [[nbformat.v4.new_output("display_data", {"image/png": name, "text/plain": "<Figure>"})] for name in "ab"]
    books = [nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("1", outputs=each)]) for each in outputs]
    assert publish._digest(books[0], {}) != publish._digest(books[1], {})


def test_float16_is_judged_by_its_worst_position(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rounded weights that turn the answer a little at one position, the first, and nowhere else."""
    module = torch.nn.Linear(1, 1)
    module.weight.data.fill_(1 + 2**-13)  # float16 rounds it to 1

    def logits(network: torch.nn.Module, cutouts: torch.Tensor, *, position: tuple[int, int]) -> torch.Tensor:
        turned = float(network.weight) == 1 and position == (0, 0)
        return torch.tensor([[1.0, 0.75 * turned]]).expand(len(cutouts), 2)

    monkeypatch.setattr(evaluate, "logits", logits)
    assert evaluate.float16_shift(module) == pytest.approx(1 - 1 / 1.25, abs=1e-6)


def test_training_at_the_centre_is_centred_both_ways() -> None:
    """The objects' middles, against those of frames whose background is white: no lean in rows or columns."""
    frames, _ = scenes.batch(0, 0, n=400, positions="centre")
    ink = (frames.float().mean(1) < 250).float()
    plain = ink.mean((1, 2)) < 0.5  # on a white background
    for axis in (1, 2):
        seen = ink[plain].amax(3 - axis)
        middle = (seen.argmax(1) + seen.shape[1] - 1 - seen.flip(1).argmax(1)) / 2 - (seen.shape[1] - 1) / 2
        # a deviation of 6 px over some hundred and more scenes: 0.6 px or less of the mean, four of them
        assert len(middle) > 100 and abs(float(middle.mean())) < 2.4


@pytest.mark.parametrize(("value", "holds"), [(0.91, True), (1.09, True), (0.89, False), (1.11, False)])
def test_a_check_has_two_ends(value: float, holds: bool) -> None:
    assert records.holds({"value": value, "target": 1.0, "tolerance": 0.1}) is holds


def test_the_pages_codes_fill_16_bits_and_no_more() -> None:
    """A bound so tight that the largest code is what limits the steps."""
    draw = torch.Generator().manual_seed(2)
    values = torch.ones(8, 8, 3) + 1e-3 * torch.randn(8, 8, 3, generator=draw)
    packed = compress.pack(values, bound=1e-5)
    assert np.abs(packed.codes.astype(int)).max() == 32767 and packed.error <= 1e-5
