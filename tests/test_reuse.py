"""Reused early activations: the same features at every position, borders included, or read plainly without a word."""

import pytest
import timm
import torch
from torch import nn

from helpers import features, networks, runtime, shifting, similarity
from helpers.features import chain, perturbation, reuse
from helpers.objects import Photo, load

# Sums over the same numbers in another order, relative to the largest feature; measured 2e-6.
TOLERANCE = 1e-5


@pytest.fixture(autouse=True)
def start(monkeypatch) -> float:
    """As if operations cost nothing to start, or it would pay only in networks too large for a test; what it was."""
    before = reuse._START
    monkeypatch.setattr(reuse, "_START", 0)
    return before


def read(network, scene, layers=None, stride=1, **how) -> features.Features:
    return features.extract(network, scene, layers, stride=stride, device="cpu", progress=False, **how)


def worst(network, scene, layers=None, stride=1, **how) -> tuple[float, str | None]:
    """The largest difference from every frame's own features, of a layer's largest; and the node found."""
    plain, again = (read(network, scene, layers, stride, reuse=either, **how) for either in (False, True))
    assert plain.settings["reuse"] is None and again.layers.keys() == plain.layers.keys()
    assert (again.settings["reuse"] is not None) == (again.settings.get("gain of reuse", 0) >= reuse.GAIN)
    worst = max(
        float((again.layers[layer] - values).abs().max() / values.abs().max()) for layer, values in plain.layers.items()
    )
    return worst, again.settings["reuse"]


@pytest.mark.parametrize(
    "name, antialiased, frame, size, stride",
    [("demo_mobilenet_v2", True, 64, 24, 3), ("demo_resnet", False, 64, 24, 1), ("demo_alexnet", False, 128, 88, 2),
     ("demo_alexnet", True, 128, 40, 5), ("efficientnet_lite0", True, 64, 16, 5), ("mobilenet_v2", False, 80, 20, 5)],
)  # fmt: skip
def test_the_same_at_every_position(name, antialiased, frame, size, stride, monkeypatch):
    torch.manual_seed(0)
    options = {"weights": None} if name == "mobilenet_v2" else {}
    network = networks.load(name, antialiased=antialiased, **options)
    monkeypatch.setattr(reuse, "GAIN", 0.1)  # too few frames for it to pay
    difference, node = worst(network, shifting.Paste(load("airplane", size), frame), stride=stride)
    assert difference <= TOLERANCE and node


@pytest.mark.parametrize(("frame", "stride"), [((72, 91), 2), ((65, 58), 1)])
def test_the_same_on_a_lattice_over_another_colour_and_off_square(frame, stride):
    scene = shifting.Paste(load("umbrella", (24, 15)), frame, background="teal")
    difference, node = worst(networks.load("demo_resnet"), scene, stride=stride)
    assert difference <= TOLERANCE and node


def links(network) -> list[str]:
    with features.reader(network, [network.logits], device="cpu") as source:
        source(torch.zeros(1, 3, 64, 64, dtype=torch.uint8))
        return [call.path for call in chain.calls(source, torch.zeros(1, 3, 64, 64)).chain()]


@pytest.mark.parametrize("node", [2, 6, 9, 15, 18])
def test_the_same_from_other_nodes_than_the_best(node, monkeypatch):
    network, scene = networks.load("demo_mobilenet_v2"), shifting.Paste(load("cup", 16), (64, 57))
    path, whole = links(network)[node], chain.Call.chain

    def up_to(call):  # the last link is the one that costs least to skip
        found = whole(call)
        for link in found[:node] + found[node + 1 :]:
            link.shape = ()
        return found

    monkeypatch.setattr(reuse, "GAIN", 0.0)
    monkeypatch.setattr(chain.Call, "chain", lambda call: up_to(call) if call.path == "" else whole(call))
    difference, found = worst(network, scene, stride=2)
    assert difference <= TOLERANCE and found == path


@pytest.fixture(scope="module")
def mobilenet():
    torch.manual_seed(0)
    return networks.load("mobilenet_v2", weights=None)


def test_most_frames_never_enter_the_head(mobilenet):
    scene, entered = shifting.Paste(load("airplane", 40), 96), 0

    def count(_, inputs):
        nonlocal entered
        entered += len(inputs[0])

    handle = mobilenet.module.features[0][0].register_forward_pre_hook(count)
    maps = features.similarity_maps(mobilenet, scene, ["fc"], stride=1, device="cpu", progress=False)["fc"]
    handle.remove()
    # Of 57 rows, at a stride of 4 px and a reach of up to 19 px each way (features.3), at most 2 * 19 + 4 differ. The
    # rest, under 60: for the batch's size, folding, counting, tracing and the comparison.
    assert maps.shape == (5, 57, 57) and entered < 42**2 + 60


def test_maps_are_those_of_the_plain_way():
    network, scene = networks.load("demo_resnet", antialiased=True), shifting.Paste(load("cup", 32), 96)
    plain, again = (
        features.similarity_maps(network, scene, stride=2, device="cpu", progress=False, reuse=reuse)
        for reuse in (False, True)
    )
    for layer, values in plain.items():
        assert (again[layer] - values).abs().max() <= TOLERANCE
    assert similarity.ANCHORS[2] == "c" and again["pool"][2].max() == pytest.approx(1, abs=1e-6)


def test_the_network_itself_is_untouched():
    network, scene = networks.load("demo_mobilenet_v2"), shifting.Paste(load("cup", 24), 64)
    module = network.module.train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    parts = dict(module.named_modules())
    assert read(network, scene).settings["reuse"]
    assert dict(module.named_modules()) == parts and all(part.training for part in parts.values())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    for part in parts.values():
        assert "forward" not in part.__dict__ and not part._forward_hooks and not part._forward_pre_hooks


def test_halved_batches_give_the_same(monkeypatch):
    network, scene = networks.load("demo_resnet"), shifting.Paste(load("cup", 24), 64)
    whole, run = read(network, scene, batch_size=64), reuse.Reused.__call__

    def small(self, places):
        if len(places) > 16:
            raise torch.OutOfMemoryError("out of memory")
        return run(self, places)

    monkeypatch.setattr(reuse.Reused, "__call__", small)
    halved = read(network, scene, batch_size=64)
    assert halved.settings["batch_size"] == 16 and halved.settings["reuse"] == whole.settings["reuse"] is not None
    for layer, values in whole.layers.items():
        assert (halved.layers[layer] - values).abs().max() <= TOLERANCE * values.abs().max()


def test_kept_patches_are_bounded(monkeypatch):
    network, scene = networks.load("demo_resnet"), shifting.Paste(load("cup", 24), 64)
    most, activations = [], reuse.Reused._activations

    def watched(self, places):
        out = activations(self, places)
        most.append(sum(patch.nbytes for patch in self._patches.values()))
        return out

    monkeypatch.setattr(reuse.Reused, "_activations", watched)
    assert read(network, scene, batch_size=1).settings["reuse"]
    monkeypatch.setattr(reuse, "_KEPT", max(most) * 0.9)
    limit, most[:] = max(most) * 0.9, []
    read(network, scene, batch_size=1)
    assert max(most, default=0) <= limit


def test_under_perturbation_the_values_before_it_are_compared(monkeypatch):
    network, scene = networks.load("demo_resnet"), shifting.Paste(load("cup", 24), 64)
    exact = read(network, scene)
    monkeypatch.setenv(runtime.PERTURB, "3")
    noisy = read(network, scene)
    assert noisy.settings["reuse"] == exact.settings["reuse"] is not None
    for layer, values in exact.layers.items():
        difference = (noisy.layers[layer] - values).norm() / values.norm()
        assert perturbation.EPSILON / 2 < difference < 2 * perturbation.EPSILON


def test_plainly_where_it_cannot_be_or_does_not_pay(start, monkeypatch):
    network, cup = networks.load("demo_resnet"), load("cup", 24)
    noise = Photo(torch.randint(0, 256, (3, 96, 96), dtype=torch.uint8), "noise")
    plain = shifting.Paste(cup, 64)
    assert read(network, plain).settings["reuse"]
    others = shifting.Paste(cup, 64, background=noise), shifting.Roll(noise, 64, reach=16), shifting.Crop(noise, 64)
    for scene in others:
        assert read(network, scene).settings["reuse"] is None
    assert read(network, plain, stride=5).settings["reuse"] is None  # 81 frames
    assert read(network, plain, precision="bfloat16").settings["reuse"] is None
    assert read(network, shifting.Paste(load("cup", 64), (64, 72))).settings["reuse"] is None  # always at a border
    monkeypatch.setattr(reuse, "_START", start)
    assert read(network, plain).settings["reuse"] is None  # small maps


def test_a_layer_before_the_best_node_takes_an_earlier_one(mobilenet, monkeypatch):
    monkeypatch.setattr(reuse, "GAIN", 0.1)
    scene, module = shifting.Paste(load("cup", 24), 80), mobilenet.module
    _, best = worst(mobilenet, scene, ["fc"], stride=8)
    before = {
        f"{best}:mean": "features.2.conv.2",
        f"{best}:input:mean": "features.2.conv.2",
        "features.2.conv.0.0:mean": "features.1.conv.2",
        "features.1:mean": "features.1.conv.2",
        ":input:mean": None,
    }
    for node, expected in before.items():
        difference, found = worst(networks.wrap(module, {"early": node, "fc": "classifier"}, frame=80), scene, stride=8)
        assert difference <= TOLERANCE and found == expected
    whole = networks.wrap(module, {"all": "features:mean", "fc": "classifier"}, frame=80)
    assert worst(whole, scene, stride=8) == (pytest.approx(0, abs=TOLERANCE), best)


class Odd(nn.Module):
    """A wide beginning, which would pay, and something in it that is no chain of modules or does not move."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way = way
        self.one, self.two = nn.Conv2d(3, 8, 7, padding=3), nn.Conv2d(8, 8, 3, padding=1)
        self.three, self.fc = nn.Conv2d(8, 8, 3, stride=2), nn.Linear(8, 3)
        self.gate, self.relu = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(8, 8, 1)), nn.ReLU(inplace=True)
        self.norm = nn.InstanceNorm2d(8)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.one(x)
        if self.way == "operation":
            y = y.exp()
        elif self.way == "operation in place":
            y += 1
        elif self.way == "gate":
            y = y * self.gate(y)
        elif self.way == "everywhere":
            y = self.norm(y)
        elif self.way == "sees its size":
            y = y * torch.linspace(1, 2, y.shape[-1])
        elif self.way == "same module again":
            y = self.relu(y)
        z = self.two(y)
        if self.way == "used again":
            z = z + y
        elif self.way == "used again in place":
            z += y
        elif self.way == "weights looked at":
            z = z * self.one.weight.mean()
        z = self.relu(self.three(z)).mean((2, 3))
        return self.fc(z + x.mean((1, 2, 3))[:, None] if self.way == "frame used again" else z)


@pytest.mark.parametrize(
    ("way", "expected"),
    [("", "two"), ("operation", "one"), ("operation in place", "one"), ("gate", "one"), ("everywhere", "one"),
     ("sees its size", "one"), ("same module again", None), ("used again", None), ("used again in place", None),
     ("weights looked at", None), ("frame used again", None)],
)  # fmt: skip
def test_what_is_no_chain_is_read_as_it_is(way, expected):
    torch.manual_seed(0)
    network = networks.wrap(Odd(way), {"fc": "fc"}, frame=40)
    difference, node = worst(network, shifting.Paste(load("cup", 8), 40))
    assert difference <= TOLERANCE and node == expected


def test_a_network_inside_another_is_taken_apart(mobilenet, monkeypatch):
    monkeypatch.setattr(reuse, "GAIN", 0.1)
    wrapped = networks.wrap(nn.Sequential(nn.Identity(), mobilenet.module), {"fc": "1.classifier"}, frame=80)
    scene = shifting.Paste(load("cup", 24), 80)
    difference, node = worst(wrapped, scene, stride=8)
    assert difference <= TOLERANCE and node == f"1.{worst(mobilenet, scene, ['fc'], stride=8)[1]}"


@pytest.mark.parametrize("name", ["resnet18", "densenet121"])
def test_a_block_that_adds_its_input_is_not_cut(name):
    found = links(networks.wrap(timm.create_model(name)))
    assert len(found) > 3 and not any("layer1.0." in path or "denselayer" in path for path in found)
