"""Features of every position: hand-made networks whose cosines are known, and no trace left behind."""

import pytest
import torch
from torch import nn

from helpers import features, networks, shifting, similarity
from helpers.objects import Photo


class Sums(nn.Module):
    """A linear network: the sums of the red channel over two rectangles of the frame, plus a constant one."""

    def __init__(self, split: int) -> None:
        super().__init__()
        self.split = split
        self.head = nn.Identity()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        left, right = x[:, 0, :, : self.split].sum((1, 2)), x[:, 0, :, self.split :].sum((1, 2))
        return self.head(torch.stack([left, right], 1))


def plain(module: nn.Module, layers: dict[str, str], frame: int = 16) -> networks.Network:
    return networks.wrap(module, layers, mean=(0, 0, 0), std=(1, 1, 1), frame=frame)


def square(side: int = 4) -> Photo:
    return Photo(torch.full((3, side, side), 255, dtype=torch.uint8), "square")


@pytest.fixture
def moving(disc):
    return shifting.Paste(disc, frame=32)


@pytest.fixture(scope="module")
def small():
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(3, 8, 5, stride=2), nn.BatchNorm2d(8), nn.ReLU(inplace=True), nn.Conv2d(8, 6, 3),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(54, 20), nn.ReLU(inplace=True), nn.Dropout(),
        nn.Linear(20, 5),
    )  # fmt: skip
    return plain(module, {"map": "3", "fc6": "6", "fc6relu": "7", "fc": "9"}, frame=32)


def test_a_linear_network_whose_cosines_are_known():
    # A white square 4 px wide on black moves over a split at column 8 of 16: at column c it has
    # 4 * (number of its columns left of 8) = 16, 12, 8, 4, 0 on the left and the rest on the right.
    from helpers.objects import Cutout

    cutout = Cutout(torch.full((4, 4, 4), 255, dtype=torch.uint8), "square")
    scene = shifting.Paste(cutout, frame=16, background="black")
    found = features.extract(plain(Sums(8), {"sums": "head"}), scene, device="cpu", progress=False)
    line = found.layers["sums"][0]
    assert line[4:9].tolist() == [[16, 0], [12, 4], [8, 8], [4, 12], [0, 16]]
    at_left = similarity.cosine_map(found.layers["sums"], (0, 0))[0]
    expected = [1, 12 / 160**0.5, 0.5**0.5, 4 / 160**0.5, 0]
    assert torch.allclose(at_left[4:9], torch.tensor(expected), atol=1e-6)


def test_a_position_independent_network_gives_exactly_one():
    class Total(nn.Module):
        def forward(self, x):
            return torch.stack([x.amax((1, 2, 3)), x.amin((1, 2, 3)) + 3], 1)

    photo = Photo(torch.randint(0, 256, (3, 16, 16), dtype=torch.uint8), "noise")
    scene = shifting.Roll(photo, frame=16, reach=8)
    found = features.extract(plain(Total(), {"total": ""}), scene, device="cpu", progress=False)
    maps = similarity.cosine_maps(found.layers["total"])
    assert (maps == maps[0, 0, 0]).all() and abs(float(maps[0, 0, 0]) - 1) <= 1e-7


def test_circular_convolution_with_global_pooling_is_shift_invariant():
    torch.manual_seed(1)
    module = nn.Sequential(
        nn.Conv2d(3, 16, 5, padding=2, padding_mode="circular"), nn.ReLU(),
        nn.Conv2d(16, 12, 3, padding=1, padding_mode="circular"), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
    )  # fmt: skip
    photo = Photo(torch.randint(0, 256, (3, 20, 20), dtype=torch.uint8), "noise")
    scene = shifting.Roll(photo, frame=20, reach=10)
    found = features.extract(plain(module, {"pool": ""}), scene, device="cpu", progress=False)
    # The sums are over the same numbers in another order.
    assert (similarity.cosine_maps(found.layers["pool"]) - 1).abs().max() <= 1e-6


def test_same_features_for_every_batch_size_and_frame_by_frame(small, moving):
    whole = features.extract(small, moving, ["fc6", "fc"], stride=3, device="cpu", progress=False)
    for size in (1, 7, 1000):
        found = features.extract(small, moving, ["fc6", "fc"], stride=3, device="cpu", batch_size=size, progress=False)
        for layer in ("fc6", "fc"):
            assert torch.allclose(found.layers[layer], whole.layers[layer], atol=1e-5), (layer, size)
    for i, row in enumerate(whole.rows.tolist()):
        for j, col in enumerate(whole.cols.tolist()):
            frame = moving.render(torch.tensor([[row, col]]))
            one = features.of_frames(small, frame, ["fc6"], device="cpu")["fc6"][0]
            assert torch.allclose(one, whole.layers["fc6"][i, j], atol=1e-5)


def test_streamed_maps_equal_those_of_kept_features(small, moving):
    kept = features.extract(small, moving, ["fc6", "fc"], stride=2, device="cpu", progress=False)
    maps = features.similarity_maps(small, moving, ["fc6", "fc"], stride=2, device="cpu", batch_size=13, progress=False)
    for layer, values in maps.items():
        assert torch.allclose(values, similarity.cosine_maps(kept.layers[layer]), atol=2e-6)


def test_layers_that_are_maps_are_refused_or_averaged(small, moving):
    with pytest.raises(ValueError, match=r"'map'.*not one vector per image.*average=True"):
        features.extract(small, moving, ["map"], stride=8, device="cpu", progress=False)
    found = features.extract(small, moving, ["map"], stride=8, device="cpu", average=True, progress=False)
    assert found.layers["map"].shape == (3, 3, 6)
    frame = moving.render(torch.tensor([[8, 16]]))
    with torch.inference_mode():
        expected = small.module[:4](small.preprocess(frame)).mean((2, 3))[0]
    assert torch.allclose(found.layers["map"][1, 2], expected, atol=1e-6)


def test_nothing_outlasts_the_call_not_even_an_error(small, moving):
    module = small.module
    module.train()
    module[1].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    hooks = [len(child._forward_hooks) + len(child._forward_pre_hooks) for child in module.modules()]
    features.extract(small, moving, ["fc"], stride=8, device="cpu", progress=False)
    with pytest.raises(ValueError):
        features.extract(small, moving, ["map"], stride=8, device="cpu", progress=False)
    assert module.training and not module[1].training
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert hooks == [len(c._forward_hooks) + len(c._forward_pre_hooks) for c in module.modules()]
    frame = moving.render(torch.tensor([[0, 0]]))
    assert not features.of_frames(small, frame, ["fc"], device="cpu")["fc"].requires_grad
    module.eval()


@pytest.mark.parametrize("name", ["demo_alexnet", "alexnet"])
def test_network_and_features_can_be_trained_afterwards(name, disc):
    # The anti-aliased AlexNet flattens by .view and is read in another memory layout than the rest.
    network = networks.load(name, antialiased=True, weights=None)
    scene = shifting.Paste(disc, network.frame)
    found = features.of_frames(network, scene.render(torch.tensor([[0, 0]])), ["fc7"], device="cpu")["fc7"]
    stride = network.frame // 2
    maps = features.similarity_maps(network, scene, ["fc7"], stride=stride, device="cpu", progress=False)["fc7"]
    assert not any(value.is_inference() for value in (found, maps, *network.module.parameters()))
    nn.Linear(found.shape[1], 2)(found).sum().backward()
    network.module.train()(torch.zeros(2, 3, network.frame, network.frame)).sum().backward()
    assert all(parameter.grad is not None for parameter in network.module.parameters())


def test_memory_that_runs_out_halves_the_batch(small, moving, monkeypatch):
    sizes = []
    render = shifting.Paste.render

    def limited(self, places, device="cpu"):
        sizes.append(len(places))
        if len(places) > 10:
            raise torch.OutOfMemoryError("no room")
        return render(self, places, device)

    whole = features.extract(small, moving, ["fc"], stride=2, device="cpu", progress=False)
    monkeypatch.setattr(shifting.Paste, "render", limited)
    found = features.extract(small, moving, ["fc"], stride=2, device="cpu", batch_size=64, progress=False)
    sizes = [size for size in sizes if size > 1]  # single frames are tried before
    assert sizes[:4] == [64, 32, 16, 8] and found.settings["batch_size"] == 8
    assert torch.allclose(found.layers["fc"], whole.layers["fc"], atol=1e-5)
    with pytest.raises(torch.OutOfMemoryError):
        monkeypatch.setattr(shifting.Paste, "render", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError()))
        features.extract(small, moving, ["fc"], stride=2, device="cpu", progress=False)


def test_memory_that_runs_out_at_the_anchors_halves_their_batch(small, moving, monkeypatch):
    render = shifting.Paste.render

    def limited(self, places, device="cpu"):
        if len(places) > 2:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 8 bytes.")
        return render(self, places, device)

    whole = features.similarity_maps(small, moving, ["fc"], stride=4, device="cpu", progress=False)["fc"]
    monkeypatch.setattr(shifting.Paste, "render", limited)
    found = features.similarity_maps(small, moving, ["fc"], stride=4, device="cpu", progress=False)["fc"]
    assert torch.allclose(found, whole, atol=1e-5)
    for map_, (row, col) in zip(found, similarity.anchors(found.shape[1:]).values(), strict=True):
        assert abs(float(map_[row, col]) - 1) < 1e-5


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (lambda x: (x, x), "a tuple, not one vector per image: take another layer"),
        (lambda x: {"out": x}, "a dict, not one vector"),
        (lambda x: x.flatten(2), r"a tensor \(\d+, 3, 1024\), not one vector per image: take"),
        (lambda x: x.mean((2, 3))[:1], "'out' gives 1 vectors for"),
    ],
)
def test_outputs_that_are_no_vector_per_image_are_refused(moving, output, words):
    class Odd(nn.Module):
        def forward(self, x):
            return output(x)

    with pytest.raises(ValueError, match=words):
        frames = moving.render(torch.tensor([[0, 0], [1, 1]]))
        features.of_frames(plain(Odd(), {"out": ""}), frames, device="cpu", average=True)


def test_an_input_given_by_name_is_read(moving):
    class Named(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.fc = nn.Linear(3, 2)

        def forward(self, x):
            return self.fc(input=x.mean((2, 3)))

    network = plain(Named(), {"pool": "fc:input", "fc": "fc"}, frame=32)
    found = features.extract(network, moving, stride=8, device="cpu", progress=False).layers
    assert torch.allclose(network.module.fc(found["pool"]), found["fc"], atol=1e-6)


@pytest.mark.parametrize("kind", [torch.float64, torch.bfloat16])
def test_a_network_of_another_precision_is_read_in_it(small, moving, kind):
    import copy

    other = plain(copy.deepcopy(small.module).to(kind), small.layers, frame=32)
    found = features.extract(other, moving, ["fc"], stride=8, device="cpu", progress=False).layers["fc"]
    whole = features.extract(small, moving, ["fc"], stride=8, device="cpu", progress=False).layers["fc"]
    # bfloat16 carries 8 bits
    assert found.dtype == torch.float32 and torch.allclose(found, whole, atol=1e-5 if kind == torch.float64 else 0.1)


def test_frames_are_checked(small, moving):
    frames = moving.render(torch.tensor([[0, 0]]))
    for wrong in (frames.float() / 255, frames[0], frames[:, :1]):
        with pytest.raises(ValueError, match=r"frames are uint8 \(B, 3, H, W\)"):
            features.of_frames(small, wrong, ["fc"], device="cpu")


def test_one_layer_may_be_named_alone_and_none_may_not(small, moving):
    places = moving.render(torch.tensor([[0, 0]]))
    assert list(features.of_frames(small, places, "fc", device="cpu")) == ["fc"]
    assert list(features.of_frames(small, places, (name for name in ["fc6", "fc"]), device="cpu")) == ["fc6", "fc"]
    with pytest.raises(ValueError, match="no layer of .* was asked for; there are"):
        features.of_frames(small, places, [], device="cpu")


def test_an_anchor_without_length_is_named_in_pixels(moving):
    class Blind(nn.Module):
        """Sees nothing of the frame's right half: zero where the object lies there."""

        def forward(self, x):
            return (1 - x[:, :, :, :16]).clamp(min=0).mean((2, 3))

    network = networks.wrap(Blind(), {"out": ""}, mean=(0, 0, 0), std=(1, 1, 1), frame=32)
    with pytest.raises(ValueError, match=rf"out at position \(0, {moving.grid[1] - 1}\) is zero"):
        features.similarity_maps(network, moving, stride=1, device="cpu", progress=False)


def test_features_that_are_not_finite_name_layer_and_position(moving):
    class Poison(nn.Module):
        """NaN where the object's first column is 6: where the frame's ink begins there."""

        def forward(self, x):
            ink = (x < 1).any(1)
            first = ink.any(1).float().argmax(1)
            last = x.mean((1, 2, 3)) + first
            return torch.stack([last, torch.where(first == 6, torch.nan, 1.0)], 1)

    network = plain(Poison(), {"fc9": ""}, frame=32)
    with pytest.raises(ValueError, match=r"fc9 at position \(0, 6\)"):
        features.extract(network, moving, stride=2, device="cpu", progress=False)
    with pytest.raises(ValueError, match=r"fc9 at position \(0, 6\)"):
        features.similarity_maps(network, moving, stride=2, device="cpu", progress=False)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"stride": 0}, "stride 0"),
        ({"layers": ["fc66"]}, r"'fc66'.*'fc6'"),
        ({"precision": "float8"}, "float8"),
        ({"layers": ["fc"], "batch_size": 0}, "batch_size 0"),
        ({"device": "gpu"}, "gpu"),
    ],
)
def test_bad_arguments_are_named(small, moving, arguments, word):
    with pytest.raises(ValueError, match=word):
        features.extract(small, moving, **{"device": "cpu", "progress": False, **arguments})


def test_a_module_that_flattens_with_view(moving):
    class View(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3, stride=4)
            self.fc = nn.Linear(4 * 64, 3)

        def forward(self, x):
            x = self.conv(x)
            return self.fc(x.view(x.shape[0], -1))

    network = plain(View(), {"fc": "fc"}, frame=32)
    frames = moving.render(torch.tensor([[3, 4], [9, 0]]))
    with torch.inference_mode():
        expected = network.module(network.preprocess(frames))
    assert torch.allclose(features.of_frames(network, frames, device="cpu")["fc"], expected, atol=1e-5)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")
def test_cuda_gives_the_features_of_the_cpu(small, moving):
    ours = features.extract(small, moving, ["fc6", "fc"], device="cuda", progress=False)
    theirs = features.extract(small, moving, ["fc6", "fc"], device="cpu", progress=False)
    for layer in ("fc6", "fc"):
        assert torch.allclose(ours.layers[layer], theirs.layers[layer], atol=1e-4)


def test_batches_keep_activations_small_on_the_cpu(small):
    cpu = torch.device("cpu")
    # The first convolution gives 8 x 14 x 14 = 1568 values of a frame of 32 x 32, itself 3072.
    assert small.widest((32, 32)) == 3072 and small.widest((64, 64)) == 3 * 64 * 64
    torch.manual_seed(0)
    mobilenet = networks.load("mobilenet_v2", weights=None)
    assert mobilenet.widest((224, 224)) == 96 * 112 * 112  # 4.8 MB: four and a bit in 24 MB
    assert features.batch_for(mobilenet, (224, 224), device=cpu) == 4
    assert features.batch_for(mobilenet, (448, 448), device=cpu) == 1
    assert features.batch_for(small, (32, 32), device=cpu) == 64
    assert features.batch_for(mobilenet, (224, 224), device=torch.device("cuda")) == 512


def test_measuring_the_batch_changes_nothing(small):
    small.module.train()
    before = {key: value.clone() for key, value in small.module.state_dict().items()}
    small.widest((32, 33))
    assert small.module.training and small.module[1].training
    assert all(torch.equal(value, before[key]) for key, value in small.module.state_dict().items())
    small.module.eval()


def test_frames_of_many_batches_are_those_of_one(small, moving):
    frames = moving.render(torch.cartesian_prod(torch.arange(0, 20), torch.arange(0, 9)))
    assert len(frames) > 2 * features.batch_for(small, (32, 32), device=torch.device("cpu"))
    with features.reader(small, ["fc"], device="cpu") as read:
        whole = read(frames)["fc"]
    assert torch.allclose(features.of_frames(small, frames, ["fc"], device="cpu")["fc"], whole, atol=1e-6)


@pytest.mark.parametrize(("rows", "cols", "stride"), [([8], [0, 4, 8], 4), ([0, 3], [5], 3), ([7], [7], 1)])
def test_a_single_row_or_column_of_positions_has_the_stride_of_the_other_axis(small, moving, rows, cols, stride):
    assert features.Features({}, torch.tensor(rows), torch.tensor(cols), small, moving).stride == stride


def test_the_fastest_precision_is_near_enough(moving, monkeypatch):
    from helpers.measures import precision
    from helpers.objects import load

    network = networks.load("demo_resnet")
    scene = shifting.Paste(load("airplane", 48), network.frame)
    choice = precision.fastest(network, scene, ["fc"], device="cpu")
    tried = {one.precision: one for one in choice.tried}
    assert tried["float32"].difference == 0 and tried["float32"].speedup == 1
    assert choice.difference <= precision.BOUND / 2
    # bfloat16 keeps 8 bits, so its cosines differ by about 1e-3; and by no less than on a few positions of those.
    exact, half = (
        features.extract(network, scene, ["fc"], stride=40, device="cpu", precision=kind, progress=False)
        for kind in ("float32", "bfloat16")
    )
    corners = similarity.cosine_maps(exact.layers["fc"]) - similarity.cosine_maps(half.layers["fc"])
    assert 1e-4 < tried["bfloat16"].difference < 1e-2 and 1e-5 < float(corners.abs().max()) < 1e-2
    monkeypatch.setattr(precision, "BOUND", 1.0)
    loose = precision.fastest(network, scene, ["fc"], device="cpu")
    assert loose.speedup == max(one.speedup for one in loose.tried)
    monkeypatch.setattr(precision, "BOUND", 0.0)
    strict = precision.fastest(network, scene, ["fc"], device="cpu")
    assert strict.precision == "float32" and strict.difference == 0
