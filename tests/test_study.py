"""The workbook's own study: its file is exact to what it says, damage is told, and a replay finds what is wrong."""

import json
import zipfile

import numpy as np
import pandas as pd
import pytest
import torch
import xarray

from helpers import assets, features, networks, objects, shifting, similarity
from helpers.measures import published, study
from helpers.measures.study import relative
from helpers.networks.packaged import LITE
from helpers.tools import study as packing
from helpers.tools import sweep
from helpers.tools.sweep import Plan, Source, named
from helpers.tools.sweep.plan import Settings

NETWORK = "demo_resnet"
RELATIVE = pd.DataFrame(
    {"object": ["a"] * 2, "category": ["car"] * 2, "size": [75] * 2, "anchor": ["c", "br"], "mean_cosine": [0.9, 0.8]}
)
ABOUT = {"command": "a test", "relative": {"layer": "fc", "stride": 5}}


@pytest.fixture(scope="module")
def swept(tmp_path_factory) -> xarray.DataTree:
    """A small sweep as the study's are: two objects, of which the network knows one; 11 x 11 positions."""
    path = tmp_path_factory.mktemp("study") / "study.zarr"
    torch.set_num_threads(1)
    cutouts = [objects.load(name, 48) for name in ("cup", "espresso")]
    sweep.run(path, Plan([Source(NETWORK)], {48: cutouts}, settings=Settings(stride=8, device="cpu")), progress=False)
    return sweep.open_store(path)


@pytest.fixture(scope="module")
def small(swept) -> study.Study:
    data = packing._group(swept[f"{NETWORK}/48px"].to_dataset(), settings=swept.attrs["made_from"])
    return study.Study({f"{NETWORK}/48px/8": data}, RELATIVE, ABOUT)


@pytest.fixture(scope="module")
def file(small, tmp_path_factory):
    path = tmp_path_factory.mktemp("file") / "study.npz"
    study.save(path, small)
    return path


def _with(found: study.Study, **changes) -> study.Study:
    """The study with some variables of its one group in place of the right ones."""
    ((key, data),) = found.groups.items()
    return study.Study({key: data.assign(changes)}, found.relative, found.about)


def test_what_is_unpacked_is_what_was_packed(small, swept, file):
    found = study.load(file)
    ((key, data),) = found.groups.items()
    stored = swept[f"{NETWORK}/48px"]
    assert key == f"{NETWORK}/48px/8" and data.row.values.tolist() == list(range(0, 81, 8))
    # To the nearest step: half of one, and what float32 adds.
    for name, exact in (("similarity", stored.similarity.sel(layer="pool")), ("probability", stored.probability)):
        assert data[name].dims == exact.dims
        apart = np.abs(data[name] - exact).max().item()
        assert study.STEP / 4 < apart <= study.STEP / 2 + 1e-7, name
    assert data.probability.isel(object=1).isnull().all() and data.probability.isel(object=0).notnull().all()
    assert (data.top1 == stored.top1).all() and data.top1.dtype == np.int32
    np.testing.assert_array_equal(data.scalars, stored.scalars.astype(np.float32))
    assert data.scalars.sel(layer="fc", object="cup", anchor="br", measure="mean_cosine") == np.float32(
        stored.similarity.sel(layer="fc", object="cup", anchor="br").values.mean(dtype=float)
    )
    assert data.attrs["checksum"] == networks.load(NETWORK).checksum and data.attrs["layer"] == "pool"
    assert list(data.attrs["objects_sha256"]) == ["cup", "espresso"]
    pd.testing.assert_frame_equal(found.relative, RELATIVE)
    assert found.about["command"] == "a test"


def test_the_same_study_is_the_same_file(small, file, tmp_path):
    study.save(tmp_path / "again.npz", small)
    study.save(tmp_path / "unpacked.npz", study.load(file))  # packing what was unpacked changes nothing either
    assert (tmp_path / "again.npz").read_bytes() == file.read_bytes() == (tmp_path / "unpacked.npz").read_bytes()


@pytest.mark.parametrize(
    "values",
    [np.array([[1.0, -1.0, 1.0], [-1.0, 1.0, -1.0]]), np.full((2, 3), np.nan), np.array([[1 + 9e-6, 1, 0], [0, 0, 0]])],
    ids=["as far apart as cosines can be", "none", "rounded above 1"],
)
def test_extreme_maps_survive(values):
    found = study.unpacked(study.packed(values))
    np.testing.assert_allclose(found, values, atol=study.STEP / 2)


def test_what_cannot_be_packed_is_refused():
    for wrong in ([[0.5, 1.1]], [[0.5, np.nan]]):
        with pytest.raises(ValueError, match="outside|not finite"):
            study.packed(np.array(wrong))


def test_a_damaged_file_is_one_clear_error(file, tmp_path):
    content = file.read_bytes()
    path = tmp_path / "study.npz"
    middle = len(content) // 2
    flipped = bytes([content[middle] ^ 1])
    other = tmp_path / "other.npz"
    np.savez(other, a=np.zeros(3))
    for wrong in (
        content[: len(content) - 100],
        content[:middle] + flipped + content[middle + 1 :],
        content[:middle] + content[middle + 50 :],
        b"",
        other.read_bytes(),
    ):
        path.write_bytes(wrong)
        with pytest.raises(assets.AssetError, match="missing, damaged or of another version.*make study"):
            study.load(path)
    with pytest.raises(assets.AssetError, match="missing"):
        study.load(tmp_path / "none.npz")
    with zipfile.ZipFile(file) as whole, zipfile.ZipFile(path, "w") as part:
        for name in whole.namelist()[1:]:
            part.writestr(name, whole.read(name))
    with pytest.raises(assets.AssetError, match=r"KeyError.*similarity"):
        study.load(path)


def _replay(found: study.Study, **options) -> pd.Series:
    return study.replay(found, device="cpu", **{"positions": 20, **options}).iloc[0]


def test_a_replay_of_what_is_right(file):
    for seed in (0, 1, 2):  # among them both objects
        row = _replay(study.load(file), seed=seed)
        assert 0 < row.cosine <= study.TOLERANCE and row.probability <= study.TOLERANCE
        assert row.answers == 0 and row.same_weights and row.positions == 20


def test_a_replay_finds_what_is_wrong(file):
    found = study.load(file)
    ((_, data),) = found.groups.items()
    maps, chance = data.similarity, data.probability
    turned = maps.copy(data=maps.values.swapaxes(2, 3))
    for wrong in (
        {"similarity": turned},
        {"similarity": maps.copy(data=maps.values[:, ::-1])},  # anchors in another order
        {"similarity": maps + study.STEP / 2},  # beside the half that rounding takes
        {"probability": chance + study.STEP / 2},
        {"probability": chance.copy(data=chance.values.swapaxes(1, 2))},
        {"top1": (data.top1 + 1) % 10},
    ):
        row = _replay(_with(found, **wrong))
        assert row.cosine > study.TOLERANCE or row.probability > study.TOLERANCE or row.answers > 0, list(wrong)
    # One wrong answer at the positions looked at is enough; the others stay as they are.
    one = (data.top1 + 1) % 10
    assert _replay(_with(found, top1=one)).answers == 20
    # The objects' maps exchanged.
    assert _replay(_with(found, similarity=maps.copy(data=maps.values[::-1]))).cosine > study.TOLERANCE


def test_a_replay_sees_other_weights(file, monkeypatch):
    other = networks.load(NETWORK, weights="uniform")
    monkeypatch.setattr(Source, "load", lambda self: other)
    row = _replay(study.load(file))
    assert not row.same_weights and row.cosine > study.TOLERANCE


def test_another_seed_looks_elsewhere(file):
    found = study.load(file)
    drawn = {tuple(_replay(found, seed=seed, positions=3)[["object", "cosine"]]) for seed in (0, 1, 2, 0)}
    assert len(drawn) == 3
    assert study.replay(found, networks=["efficientnet_lite1"]).empty
    with pytest.raises(ValueError, match="positions is 0"):
        study.replay(found, positions=0)


# What the study says


def _synthetic(network: str, values: np.ndarray) -> xarray.Dataset:
    """A group with given mean cosines (object, anchor): a cup twice, cut from one photograph, a cat, a temple."""
    names = ["espresso", "demitasse", "cat", "temple"]
    maps = np.full((4, 5, 2, 2), 0.5, np.float32)
    maps[:, 0, 0, 1], maps[:, 3, 1, 1] = 0.9, 0.7  # tl with tr, bl with br
    maps[:, 0, 1, 0], maps[:, 1, 1, 1] = 0.3, 0.1  # tl with bl, tr with br
    return xarray.Dataset(
        {
            "similarity": (("object", "anchor", "row", "col"), maps),
            "scalars": (("layer", "object", "anchor", "measure"), values[None, ..., None]),
        },
        coords={"layer": ["pool"], "object": names, "anchor": list(similarity.ANCHORS), "measure": ["mean_cosine"]},
        attrs={"network": network, "size": 75, "stride": 2, "layer": "pool"},
    )


def test_means_and_orders_by_hand():
    #                   tl   tr    c    bl   br
    plain = np.array([[0.5, 0.6, 0.9, 0.6, 0.4], [0.5, 0.6, 0.8, 0.6, 0.4], [0.35, 0.6, 0.7, 0.6, 0.5],
                      [0.5, 0.9, 0.8, 0.6, 0.4]])  # fmt: skip
    groups = {"efficientnet_lite0/75px/2": _synthetic("efficientnet_lite0", plain),
              "efficientnet_lite0AA/75px/2": _synthetic("efficientnet_lite0AA", plain + 0.05)}  # fmt: skip
    coco = pd.DataFrame(
        [(f"{kind}-{i}", kind, 125, anchor, value + i / 100)
         for kind, value in (("car", 0.8), ("dog", 0.9)) for i in range(2) for anchor in similarity.ANCHORS],
        columns=["object", "category", "size", "anchor", "mean_cosine"],
    )  # fmt: skip
    found = study.Study(groups, coco, ABOUT)
    table = study.by_object(found)
    assert set(table[table["object"].isin(["espresso", "demitasse"])].cluster) == {"coffee.png"}

    means = study.means(table).set_index(["network", "variant", "layer", "patch", "anchor"])
    centre = means.loc[("efficientnet_lite0", "off-the-shelf", "pool", "small", "c")]
    # Three photographs: .9 and .8 of the coffee count as .85; their standard deviation is sqrt(.01167 / 2) = .07638,
    # and Student's t for 2 degrees of freedom 4.3027.
    assert centre.mean_cosine == pytest.approx((0.85 + 0.7 + 0.8) / 3) and (centre.objects, centre.clusters) == (4, 3)
    assert centre.high - centre.mean_cosine == pytest.approx(4.3027 * 0.07638 / 3**0.5, rel=1e-3)
    assert centre.std_over_objects == pytest.approx(np.std([0.9, 0.8, 0.7, 0.8]))
    twin = means.loc[("efficientnet_lite0", "antialiased", "pool", "small", "c")]
    assert twin.mean_cosine == pytest.approx(centre.mean_cosine + 0.05)
    theirs = means.loc[("mobilenet_v2", "off-the-shelf", "fc", "large", "br")]
    assert theirs.mean_cosine == pytest.approx(0.855) and (theirs.objects, theirs.clusters) == (4, 2)

    # Of the relative all anchors are alike, and the first in the alphabet counts as highest and lowest.
    gates = published.gates(study.means(table))
    assert gates.holds.tolist() == [2, 2, 1] and gates["of"].tolist() == [3, 3, 1]

    orders = study.orders(table).set_index(["network", "variant"])
    row = orders.loc[("efficientnet_lite0", "off-the-shelf")]
    assert (row.objects, row.centre_highest, row.bottom_right_lowest, row.top_left_lowest) == (4, 3, 3, 1)

    corners = study.corners(found)
    assert (
        len(corners) == 8
        and corners.across.unique() == pytest.approx([0.8])
        and corners.down.unique() == pytest.approx([0.2])
    )


def test_corners_of_published_maps(shared):
    table = published.corners(published.find_maps()).set_index(["network", "variant", "layer", "object"])
    one = table.loc[("alexnet", "off-the-shelf", "fc7", "berry")]
    # Read off the authors' own map: from the top left, .990 at the top right and .902 at the bottom left.
    assert one.across == pytest.approx(0.990, abs=0.002) and one.down == pytest.approx(0.902, abs=0.002)


def test_the_relative_is_measured_as_recorded(shared, monkeypatch):
    """One object again, and once more frame by frame.

    Reused activations and float32 move a mean by up to 1e-5; recorded was before resizing rounded halves exactly, which
    moves a few pixels by one grey level and the means by 1.2e-5 here.
    """
    monkeypatch.setattr(relative, "SPLITS", ("val2017",))
    monkeypatch.setattr(relative, "SIZES", (125,))
    (cutout,) = objects.load_coco(shared / "coco", "val2017", 125, per_category=1, categories=["dog"], paper_crop=True)
    monkeypatch.setattr(relative.objects, "load_coco", lambda *_, **__: [cutout])
    table, about = study.measure_relative(device="cpu", progress=False)
    recorded = study.load()
    assert about["checksum"] == recorded.about["relative"]["checksum"]
    columns = ["object", "category", "size", "anchor"]
    both = table.merge(recorded.relative, on=columns, suffixes=("", "_recorded"))
    assert both.anchor.tolist() == list(similarity.ANCHORS)
    assert np.abs(both.mean_cosine - both.mean_cosine_recorded).max() < 5e-5

    network = networks.load("mobilenet_v2", weights=shared / "weights/mobilenet_v2_imagenet_qat.pth")
    scene = shifting.Paste(cutout, 224)
    places = torch.cartesian_prod(*shifting.positions(scene.grid, relative.STRIDE))
    assert len(places) == 144
    corner = features.of_frames(network, scene.render(torch.tensor([[99, 99]])), ["fc"], device="cpu")["fc"]
    every = features.of_frames(network, scene.render(places), ["fc"], device="cpu")["fc"]
    mean = torch.cosine_similarity(every, corner).double().mean().item()
    assert table.set_index("anchor").mean_cosine["br"] == pytest.approx(mean, abs=1e-5)


# The command


def test_the_presets_are_what_the_study_says():
    for preset in packing.PRESETS:
        values = named.parameters(preset)
        assert packing.LAYER in values["layers"] and set(values["objects"]) <= set(objects.RECOGNISED)
        assert all(Source.parse(text).name in LITE for text in values["networks"])


def test_an_unfinished_sweep_is_not_packed(swept, tmp_path, monkeypatch, capsys):
    half = {name: node.to_dataset() for name, node in swept.subtree_with_keys}
    name = next(name for name in half if name.endswith("48px"))
    half[name] = half[name].assign(done=("object", np.array([1, 0], np.uint8)))
    monkeypatch.setattr(packing.sweep, "open_store", lambda path: xarray.DataTree.from_dict(half))
    assert packing.main(["--stores", str(tmp_path), "--out", str(tmp_path / "study.npz")]) == 2
    assert "isn't finished" in capsys.readouterr().err and not (tmp_path / "study.npz").exists()


def test_stores_become_a_file(swept, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(packing.sweep, "open_store", lambda path: swept)
    (tmp_path / "relative.json").write_text(json.dumps({"about": ABOUT["relative"], "rows": RELATIVE.to_dict("list")}))
    monkeypatch.setattr(study, "relative_files", lambda: None)
    out = tmp_path / "study.npz"
    assert packing.main(["--stores", str(tmp_path), "--out", str(out)]) == 0
    assert "1 groups, 242 frames" in capsys.readouterr().out
    found = study.load(out)
    assert found.about["packages"]["timm"] and found.about["made_with"]["study"]["packages"]["torch"]


# The file itself


def test_the_study_is_whole():
    found = study.load()
    assert {key.split("/")[0] for key in found.groups} == {
        "efficientnet_lite0", "efficientnet_lite0AA", "efficientnet_lite1", "efficientnet_lite2",
    }  # fmt: skip
    for key, data in found.groups.items():
        fine = key.endswith("/1")
        assert data.object.values.tolist() == (["motorcycle"] if fine else list(objects.RECOGNISED)), key
        assert np.isfinite(data.similarity).all() and np.isfinite(data.probability).all()
        assert data.top1.min() >= 0 and data.top1.max() < 1000
        at = similarity.anchors((data.sizes["row"], data.sizes["col"]))
        for anchor, (row, col) in at.items():
            assert (data.similarity.sel(anchor=anchor).isel(row=row, col=col) == 1).all()
        # The scalars are of the maps before they were rounded, which moves a mean by far less than a step.
        mean = data.scalars.sel(layer="pool", measure="mean_cosine")
        assert np.abs(data.similarity.mean(("row", "col")) - mean).max() < study.STEP / 10
    assert packing._STORED.stat().st_size < 2.5e6


def test_the_study_has_its_step_at_one_pixel_where_it_says_so():
    """Every second position of the map at every pixel is the map at every second pixel, of the same object."""
    found = study.load().groups
    fine, coarse = (found[f"efficientnet_lite0/125px/{step}"].sel(object="motorcycle") for step in (1, 2))
    # The top left is the same place at both steps; the other anchors are a pixel apart.
    apart = fine.similarity.sel(anchor="tl").values[::2, ::2] - coarse.similarity.sel(anchor="tl").values
    assert np.abs(apart).max() <= study.STEP * 1.01


def test_the_effects_are_those_of_the_maps():
    found = study.load()
    effects = study.effects(found)
    assert set(effects) == {"EfficientNet-Lite0", "EfficientNet-Lite0, anti-aliased", "EfficientNet-Lite1",
                            "EfficientNet-Lite2", "MobileNetV2, ours"}  # fmt: skip
    data = found.groups["efficientnet_lite0/75px/2"]
    means = data.similarity.mean(("row", "col")).to_series().unstack("anchor")
    photographs = [objects.PHOTOGRAPHED[name][0] for name in means.index]
    by_photograph = means.groupby(photographs).mean().mean()
    above = by_photograph["c"] - by_photograph.drop("c").max()
    assert effects["EfficientNet-Lite0"]["centre highest"].value == pytest.approx(above, abs=1e-6)
    assert effects["EfficientNet-Lite0"]["centre highest"].clusters == 6
    # "Times smaller": the small object's change over the large one's, object by object.
    change = {
        px: 1 - found.groups[f"efficientnet_lite0/{px}px/2"].similarity.mean(("anchor", "row", "col")).to_series()
        for px in (75, 125)
    }
    ratio = np.exp(np.log(change[75] / change[125]).mean())
    assert ratio > 1 and effects["EfficientNet-Lite0"]["size"].value == pytest.approx(ratio, rel=1e-5)
    # A step of 5 px meets a lattice of 32 px at another phase each time.
    assert "lattice" in effects["EfficientNet-Lite0"] and "lattice" not in effects["EfficientNet-Lite1"]
    theirs = study.by_object(found).query("network == 'mobilenet_v2' and patch == 'small'")
    change = 1 - theirs.groupby("cluster").mean_cosine.mean().mean()
    assert effects["MobileNetV2, ours"]["not invariant"].value == pytest.approx(change)
    theirs = study.by_object(found).query("network == 'mobilenet_v2'").groupby(["patch", "object"])
    change = np.log(1 - theirs.mean_cosine.mean()).groupby("patch").mean()
    expected = np.exp(change["small"] - change["large"])
    assert effects["MobileNetV2, ours"]["size"].value == pytest.approx(expected, rel=1e-5)
