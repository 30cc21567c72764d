"""The embedded networks: exact twins, scenes by seed and step, resumable training, checked weights."""

import dataclasses
import json

import pytest
import torch
from torch import nn

from helpers import features, networks, objects, shifting, similarity
from helpers.measures import padding, variation
from helpers.networks.embedded import architectures, store
from helpers.networks.embedded.architectures import FRAME, NAMES, Blur, build
from helpers.objects import CLASSES
from helpers.tools.training import evaluate, saving, scenes, seeds, train
from helpers.tools.workbook import notebooks

TRUNKS = {
    "demo_alexnet": lambda net: net.features,
    "demo_resnet": lambda net: nn.Sequential(
        net.conv1, net.bn1, net.relu, net.maxpool, net.layer1, net.layer2, net.layer3, net.layer4
    ),
    "demo_mobilenet_v2": lambda net: net.features,
}


def twins(name: str) -> list[nn.Module]:
    pair = []
    for antialiased in (False, True):
        torch.manual_seed(3)
        pair.append(build(name, antialiased=antialiased).eval())
    return pair


def noise(*shape: int) -> torch.Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("name", NAMES)
def test_twins_share_keys_shapes_and_initial_weights(name):
    off, smooth = (network.state_dict() for network in twins(name))
    assert off.keys() == smooth.keys()
    assert all(torch.equal(off[key], smooth[key]) for key in off)


@pytest.mark.parametrize("name", NAMES)
def test_twins_differ_in_the_blur_and_nothing_else(name):
    # A filter that keeps its middle and drops the rest turns "stride 1, blur, every second pixel" into
    # "stride 2": the anti-aliased network must then be its twin, exactly.
    off, smooth = twins(name)
    images = noise(2, 3, FRAME, FRAME)
    with torch.inference_mode():
        assert not torch.allclose(off(images), smooth(images), rtol=1e-3)
        blurs = [module for module in smooth.modules() if isinstance(module, Blur)]
        for blur in blurs:
            assert blur.filt.shape[-1] == 5 and blur.stride == 2
            blur.filt.zero_()[..., 2, 2] = 1
        # 1e-5: float32 sums in another order
        torch.testing.assert_close(smooth(images), off(images), rtol=1e-5, atol=1e-5)
    # AlexNet: conv1 and three pools; ResNet: pool and two per strided block; MobileNetV2: four blocks.
    assert len(blurs) == {"demo_alexnet": 4, "demo_resnet": 7, "demo_mobilenet_v2": 4}[name]


@pytest.mark.parametrize("name", NAMES)
def test_largest_stride_is_that_of_the_last_map(name):
    # Moving a patch by the cumulative stride moves the map by one cell; away from the borders exactly.
    # Half the stride is not enough for the off-the-shelf network.
    trunk = TRUNKS[name](twins(name)[0])
    stride = 32  # px
    patch = noise(1, 3, 40, 40)

    def map_at(offset: int) -> torch.Tensor:
        image = torch.zeros(1, 3, 16 * stride, 16 * stride)
        image[..., 200 : 200 + 40, offset : offset + 40] = patch
        with torch.inference_mode():
            return trunk(image)[..., 3:-3, :]

    here, there, half = map_at(200), map_at(200 + stride), map_at(200 + stride // 2)
    inner = slice(3, -4)
    torch.testing.assert_close(there[..., 1:][..., inner], here[..., :-1][..., inner], rtol=1e-4, atol=1e-5)
    moved = (half[..., 1:] - here[..., :-1])[..., inner].abs().max()
    assert moved > 0.1 * (here - here.mean()).abs().max()


@pytest.mark.parametrize("name", NAMES)
def test_layer_nodes_exist(name):
    network = twins(name)[0]
    for node in architectures.LAYERS[name].values():
        assert network.get_submodule(node.split(":")[0]) is not None


def test_unknown_network_is_named():
    with pytest.raises(ValueError, match="'demo_vgg'; there are demo_alexnet"):
        build("demo_vgg", antialiased=False)


# Scenes


def boxes(frames: torch.Tensor) -> torch.Tensor:
    """Boxes (n, 4) top, bottom, left, right of what is not white, of the frames with white corners."""
    inked = (frames < 250).any(1)
    plain = ~(inked[:, 0] | inked[:, -1]).any(1) & ~(inked[:, :, 0] | inked[:, :, -1]).any(1)
    found = []
    for image in inked[plain & inked.any(2).any(1)]:
        rows, cols = image.any(1).nonzero(), image.any(0).nonzero()
        found.append([int(rows[0]), int(rows[-1]), int(cols[0]), int(cols[-1])])
    return torch.tensor(found)


def test_a_batch_depends_on_seed_and_step_alone():
    first = scenes.batch(5, 7, n=8, positions="centre")
    scenes.batch(5, 8, n=8, positions="uniform")
    torch.rand(3)  # the global generator plays no part
    again = scenes.batch(5, 7, n=8, positions="centre")
    assert torch.equal(first[0], again[0]) and torch.equal(first[1], again[1])
    assert first[0].dtype == torch.uint8 and first[0].shape == (8, 3, FRAME, FRAME)
    assert not torch.equal(first[0], scenes.batch(5, 8, n=8, positions="centre")[0])
    assert not torch.equal(first[0], scenes.batch(6, 7, n=8, positions="centre")[0])


def test_position_modes_share_objects_and_differ_in_place():
    centre, uniform = (scenes.batch(0, 0, n=400, positions=mode) for mode in store.POSITIONS)
    assert torch.equal(centre[1], uniform[1])
    assert set(centre[1].tolist()) == set(range(len(CLASSES)))
    middle = boxes(centre[0])
    offset = (middle[:, 0] + middle[:, 1] + 1) / 2 - FRAME / 2
    # Gaussian, sigma 6 px; about 170 frames give its estimate to about 6%, three of them 18%.
    assert abs(float(offset.std()) - scenes.SIGMAS["centre"]) < 1.2
    spread = boxes(uniform[0])
    assert float(((spread[:, 0] + spread[:, 1]) / 2 - FRAME / 2).std()) > 2 * scenes.SIGMAS["centre"]
    extents = torch.cat([middle[:, 1] - middle[:, 0], middle[:, 3] - middle[:, 2]]) + 1
    # 40 to 56 px, plus rotation, shear and the elastic warp
    assert 45 < int(extents.max()) <= 72


def test_doses_lie_between_the_centre_and_everywhere():
    spread = []
    for where in ("centre", *store.DOSES, "uniform"):
        found = boxes(scenes.batch(0, 0, n=400, positions=where)[0])
        spread.append(float(((found[:, 0] + found[:, 1] + 1) / 2 - FRAME / 2).std()))
    # Normal with 6 and 12 px, the estimates good to about 6%; at 24 px what lies beyond the border touches it.
    assert spread[0] < 7.2 and 10 < spread[1] < 14 and 17 < spread[2] < 24 and 17 < spread[3]


def test_position_word_is_checked():
    with pytest.raises(ValueError, match="centre, sigma12, sigma24 or uniform; got 'center'"):
        scenes.batch(0, 0, n=1, positions="center")


# Training


def test_resumed_training_is_the_uninterrupted_one(tmp_path, monkeypatch):
    monkeypatch.setattr(train, "BATCH", 4)
    monkeypatch.setattr(train, "CHECKPOINT_EVERY", 2)
    monkeypatch.setattr(train, "_metadata", lambda job, seconds, module, loss: {"loss": str(loss)})
    job = train.Job(name="demo_alexnet", antialiased=True, positions="uniform", seed=1, steps=8)
    whole, _ = train.train(job, tmp_path / "whole")

    real = scenes.batch

    def stop_at_five(seed, step, **options):
        if step == 5:
            raise KeyboardInterrupt
        return real(seed, step, **options)

    with monkeypatch.context() as patched:
        patched.setattr(scenes, "batch", stop_at_five)
        with pytest.raises(KeyboardInterrupt):
            train.train(job, tmp_path / "broken")
    resumed, _ = train.train(job, tmp_path / "broken")
    # 1e-6: threads may sum in another order; a lost optimiser or dropout state moves weights by 1e-4
    for key in whole:
        torch.testing.assert_close(resumed[key], whole[key], rtol=0, atol=1e-6)


def test_jobs_are_twelve_and_twins_share_the_schedule():
    jobs = train.all_jobs(seed=4)
    assert len({job.key for job in jobs}) == 12
    for off, smooth in zip(jobs[::2], jobs[1::2], strict=True):
        assert (off.antialiased, smooth.antialiased) == (False, True)
        assert (off.name, off.positions, off.seed, off.steps) == (
            smooth.name, smooth.positions, smooth.seed, smooth.steps,
        )  # fmt: skip


# Weights


def test_shipped_weights_fit_load_and_say_where_they_come_from():
    total = 0
    for job in train.all_jobs():
        state, metadata = store.load_state(job.name, antialiased=job.antialiased, positions=job.positions)
        network = build(job.name, antialiased=job.antialiased)
        network.load_state_dict(state)
        assert all(value.dtype == torch.float32 for value in network.parameters())
        assert metadata["network"] == job.name and metadata["variant"] == job.positions
        assert json.loads(metadata["antialiased"]) is job.antialiased
        assert json.loads(metadata["classes"]) == list(CLASSES)
        assert {"recipe", "seed", "seconds", "sources", "commit", "accuracy_centre"} <= metadata.keys()
        # Where a cosine moves by more through float16, the weights are stored in float32.
        assert metadata["stored"] == "float32" or float(metadata["float16_shift"]) < 5e-4
        total += (store.FOLDER / f"{job.key}.safetensors").stat().st_size
    assert total < 25e6


def test_a_changed_file_is_refused(tmp_path):
    state = {"layer.weight": noise(3, 3), "count": torch.tensor(5)}
    file = store.file_name("demo_resnet", antialiased=True, positions="uniform")
    path = saving.save_state(state, {"seed": "0"}, file=file, folder=tmp_path)
    loaded, metadata = store.load_state("demo_resnet", antialiased=True, positions="uniform", folder=tmp_path)
    assert metadata == {"seed": "0", "stored": "float16"} and loaded["count"].dtype == torch.int64
    # float16 keeps 11 bits
    torch.testing.assert_close(loaded["layer.weight"], state["layer.weight"], rtol=2**-11, atol=0)
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"demo_resnet_aa_uniform.safetensors has SHA-256 .*`make weights"):
        store.load_state("demo_resnet", antialiased=True, positions="uniform", folder=tmp_path)
    path.unlink()
    with pytest.raises(FileNotFoundError, match="make weights"):
        store.load_state("demo_resnet", antialiased=True, positions="uniform", folder=tmp_path)


def test_float32_storage_keeps_every_bit(tmp_path):
    file = store.file_name("demo_resnet", antialiased=False, positions="centre")
    saving.save_state({"w": noise(5)}, {}, file=file, folder=tmp_path, half=False)
    loaded, metadata = store.load_state("demo_resnet", antialiased=False, folder=tmp_path)
    assert torch.equal(loaded["w"], noise(5)) and metadata["stored"] == "float32"


def test_saving_two_files_lists_both_and_refuses_what_float16_cannot_hold(tmp_path):
    for positions in store.POSITIONS:
        name = store.file_name("demo_resnet", antialiased=False, positions=positions)
        saving.save_state({"w": torch.ones(1)}, {}, file=name, folder=tmp_path)
    for positions in store.POSITIONS:
        store.load_state("demo_resnet", antialiased=False, positions=positions, folder=tmp_path)
    with pytest.raises(ValueError, match="not finite in float16: w"):
        saving.save_state({"w": torch.tensor([1e6])}, {}, file="x.safetensors", folder=tmp_path)


def test_variant_is_checked():
    with pytest.raises(ValueError, match="'centre', 'uniform', 'sigma12', 'sigma24'; got 'center'"):
        store.load_state("demo_resnet", antialiased=False, positions="center")


def test_held_out_objects_are_placed_where_asked():
    class Mean(nn.Module):
        def forward(self, pixels):
            return torch.stack([pixels[:, 0, :48, :48].mean((1, 2)), pixels[:, 0, 80:, 80:].mean((1, 2))], 1)

    objects = torch.zeros(2, 4, 48, 48)
    objects[:, 3] = 1  # black squares
    assert evaluate.logits(Mean(), objects, position=(80, 80)).argmax(1).tolist() == [0, 0]
    assert evaluate.logits(Mean(), objects, position=(0, 0)).argmax(1).tolist() == [1, 1]


# Other trainings


@pytest.fixture
def weights(tmp_path):
    """Write untrained weights as ``weights train`` does, with what their file says of the training."""

    def write(positions: str, seed: int, *, name: str = "demo_resnet", antialiased: bool = False, **changed):
        torch.manual_seed(seed)
        said = {"network": name, "variant": positions, "seed": str(seed), "antialiased": json.dumps(antialiased)}
        said = {key: value for key, value in (said | changed).items() if value is not None}
        module = build(name, antialiased=antialiased)
        return saving.save_state(
            module.state_dict(), said, file=f"{name}_{seed}.safetensors", folder=tmp_path, half=False
        )

    return write


@pytest.fixture
def quick(monkeypatch):
    """The measurement at few positions, of two objects."""
    defaults = (("airplane", "cup"), 48, 35, 1, 0)
    monkeypatch.setattr(seeds.Protocol.__init__, "__kwdefaults__", dict(zip(FIELDS, defaults, strict=True)))


FIELDS = [field.name for field in dataclasses.fields(seeds.Protocol)]


def test_trainings_are_measured_kept_and_come_back_for_the_same_protocol_only(tmp_path, weights, quick):
    file, path = tmp_path / "seeds.json", weights("centre", 1)
    assert len(seeds.kept(seeds.Protocol(), file=file)) == 0
    seeds.keep([path, weights("sigma12", 0)], file=file)
    found = seeds.kept(seeds.Protocol(), file=file)
    assert found[["positions", "seed", "border"]].to_numpy().tolist() == [
        ["sigma12", 0, "as trained"], ["centre", 1, "as trained"], ["centre", 1, "no border"],
    ]  # fmt: skip
    network = networks.load("demo_resnet", weights=path)
    for row, mine in zip(
        found.iloc[1:].itertuples(), (network, padding.replace(network, mode="circular")), strict=True
    ):
        measured = seeds.Protocol().measure(mine)
        for name in seeds.MEASURES:
            assert getattr(row, name) == pytest.approx(measured[name].mean(), abs=1e-6)  # float32, the same machine
        assert row.by_object == pytest.approx(measured["invariance"], abs=1e-6)
    assert len(seeds.kept(seeds.Protocol(stride=17), file=file)) == 0
    seeds.keep([weights("centre", 1)], file=file)  # measured again: replaced
    assert len(seeds.kept(seeds.Protocol(), file=file)) == 3


def test_what_a_network_is_measured_by(monkeypatch):
    """Against the features themselves: answers, invariance and the change over one pixel."""
    network = networks.load("demo_resnet")
    protocol = seeds.Protocol(object_names=("airplane", "cup"), stride=35, walk_count=2)
    found = protocol.measure(network, device="cpu")
    assert found["right"].shape == (2, 3, 3) and found["right"][:, 1, 1].all()  # known in the centre
    assert found["accuracy"].tolist() == found["right"].mean((1, 2)).tolist()
    scenes_ = [shifting.Paste(objects.load(name, 48), 128) for name in ("airplane", "cup")]
    layers = [
        features.extract(network, each, ["fc"], stride=35, device="cpu", progress=False).layers["fc"]
        for each in scenes_
    ]
    assert found["invariance"] == pytest.approx(variation.calibrate(layers).invariance, abs=1e-6)
    maps = similarity.cosine_maps(layers[0])
    assert found["centre"][0] == pytest.approx(float(maps[2].mean()), abs=1e-6)
    assert found["corners"][0] == pytest.approx(float(maps[[0, 1, 3, 4]].mean()), abs=1e-6)
    places = torch.from_numpy(variation.walks(scenes_[0].grid, [1], count=2, seed=0).reshape(-1, 2))
    near = features.of_frames(network, scenes_[0].render(places), ["fc"], device="cpu")["fc"].unflatten(0, (2, -1))
    assert found["pixel"][0] == pytest.approx(variation.drop_along(near, [1])[1], abs=1e-6)
    other = protocol.measure(dataclasses.replace(network, labels=()), device="cpu")
    assert "accuracy" not in other and other["invariance"].tolist() == found["invariance"].tolist()


def test_positions_that_miss_most_of_the_grid_are_refused():
    with pytest.raises(
        ValueError, match="stride 16 px shares the factor 16 with the grid of .*: use an odd stride, such as 15"
    ):
        seeds.Protocol(stride=16).measure(networks.load("demo_resnet"))


def test_only_what_says_how_it_was_trained_and_is_not_shipped_is_kept(tmp_path, weights):
    file = tmp_path / "seeds.json"
    with pytest.raises(ValueError, match="has seed 0, which comes with the workbook: train another, --seed 1"):
        seeds.keep([weights("uniform", 0)], file=file)
    with pytest.raises(ValueError, match="does not say how it was trained: give weights of `weights train`"):
        seeds.keep([weights("uniform", 1, variant=None)], file=file)
    assert not file.exists()


def test_what_is_kept_is_what_notebook_07_measures():
    """By its default parameters, of every network that it has, and not the same numbers again."""
    have = notebooks.parameters(next(each for each in notebooks.discover() if each.name.startswith("07")))
    for name in ("object_size", "stride", "seed"):
        assert have[name].default == getattr(seeds.Protocol(), name)
    assert tuple(have["object_names"].default) == seeds.Protocol().object_names
    rows = seeds.kept(seeds.Protocol())
    one = rows[rows.seed == 1]
    assert len(one) == 16 and not one.duplicated(["network", "positions", "antialiased", "border"]).any()
    assert (one.border == "no border").sum() == 4 and one[list(seeds.MEASURES)].notna().all(axis=None)
    own = seeds.Protocol().measure(networks.load("demo_alexnet"), device="cpu")
    other = one.query("network == 'demo_alexnet' and positions == 'centre' and not antialiased").iloc[0]
    # Another training of the same recipe: alike (measured: 0.56 and 0.52), and not the same.
    assert 0.01 < abs(other.invariance - own["invariance"].mean()) < 0.15
