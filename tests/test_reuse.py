"""Reused early activations: the same features at every position, borders included, or a clear refusal."""

import pytest
import torch
from torch import nn

from helpers import features, networks, shifting, similarity
from helpers.objects import load

# Sums over the same numbers in another order, relative to the largest feature; measured 2e-6.
TOLERANCE = 1e-5


def worst(network, scene, node, layers=None, stride=1) -> float:
    plain, again = (
        features.extract(network, scene, layers, stride=stride, device="cpu", progress=False, reuse=reuse)
        for reuse in (None, node)
    )
    assert again.settings["reuse"] == node and again.layers.keys() == plain.layers.keys()
    return max(
        float((again.layers[layer] - values).abs().max() / values.abs().max()) for layer, values in plain.layers.items()
    )


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize(
    "name, node, frame, size",
    [("demo_mobilenet_v2", "features.1", 64, 24), ("demo_resnet", "layer1", 64, 24),
     ("demo_alexnet", "features.2", 128, 88)],
)  # fmt: skip
def test_the_same_at_every_position(name, node, frame, size, antialiased):
    network = networks.load(name, antialiased=antialiased)
    scene = shifting.Paste(load("airplane", size), frame)
    assert worst(network, scene, node) <= TOLERANCE


@pytest.mark.parametrize("stride", [2, 3, 7])
def test_the_same_on_a_lattice_over_another_colour_and_off_square(stride):
    network = networks.load("demo_resnet")
    scene = shifting.Paste(load("umbrella", 24), (72, 91), background="teal")
    assert worst(network, scene, "layer1", stride=stride) <= TOLERANCE


@pytest.fixture(scope="module")
def torchvision_mobilenet():
    torch.manual_seed(0)
    return networks.load("mobilenet_v2", weights=None)


def test_most_frames_never_enter_the_head(torchvision_mobilenet):
    scene = shifting.Paste(load("airplane", 40), 96)
    entered = 0

    def count(_, inputs):
        nonlocal entered
        entered += len(inputs[0])

    handle = torchvision_mobilenet.module.features[0][0].register_forward_pre_hook(count)
    maps = features.similarity_maps(
        torchvision_mobilenet, scene, ["fc"], stride=1, device="cpu", progress=False, reuse="features.2"
    )["fc"]
    handle.remove()
    # Stride 4 and a reach of 5 px each way (3x3, then 3x3 at stride 2 twice): near a border lie at most 2 * 10
    # of 57 rows, so at most 400 frames in the corners, 4 phases along each border, and 16 inside: 576. Besides,
    # frames for the batch's size, the anchors, the tracing and the comparison.
    assert maps.shape == (5, 57, 57) and entered < 576 + 60


def test_wider_reach_is_traced_through_antialiasing():
    torch.manual_seed(0)
    network = networks.load("mobilenet_v2", antialiased=True, weights=None)
    assert worst(network, shifting.Paste(load("cup", 40), 112), "features.2", ["fc"], stride=5) <= TOLERANCE


def test_maps_are_those_of_the_plain_way():
    network, scene = networks.load("demo_resnet", antialiased=True), shifting.Paste(load("cup", 32), 96)
    plain = features.similarity_maps(network, scene, stride=2, device="cpu", progress=False)
    again = features.similarity_maps(network, scene, stride=2, device="cpu", progress=False, reuse="layer1")
    for layer, values in plain.items():
        assert (again[layer] - values).abs().max() <= TOLERANCE
    assert similarity.ANCHORS[2] == "c" and again["pool"][2].max() == pytest.approx(1, abs=1e-6)


def test_nothing_is_left_behind():
    network, scene = networks.load("demo_resnet"), shifting.Paste(load("cup", 32), 96)
    features.extract(network, scene, stride=16, device="cpu", progress=False, reuse="layer1")
    for child in network.module.modules():
        assert "forward" not in child.__dict__ and not child._forward_hooks and not child._forward_pre_hooks


def refusal(network, scene, node, layers=None) -> str:
    with pytest.raises(ValueError) as error:
        features.extract(network, scene, layers, stride=16, device="cpu", progress=False, reuse=node)
    return str(error.value)


def test_what_cannot_be_reused_is_refused():
    network, cup = networks.load("demo_resnet"), load("cup", 32)
    scene = shifting.Paste(cup, 96)
    assert "did you mean 'layer1'" in refusal(network, scene, "layer11")
    assert "do not move with the object" in refusal(network, scene, "avgpool")
    assert "'pool' lies before 'fc'" in refusal(network, scene, "fc", ["pool"])
    alexnet = networks.load("demo_alexnet")
    assert "'fc6' lies before" in refusal(alexnet, shifting.Paste(cup, 128), "classifier.4", ["fc6", "fc8"])


def test_a_photo_behind_is_refused():
    from helpers.objects import Photo

    noise = Photo(torch.randint(0, 256, (3, 96, 96), dtype=torch.uint8), "noise")
    network = networks.load("demo_resnet")
    assert "plain background" in refusal(network, shifting.Paste(load("cup", 32), 96, background=noise), "layer1")
    assert "plain background" in refusal(network, shifting.Roll(noise, 96, reach=8), "layer1")


class Between(nn.Module):
    """Between two modules stands an operation that is none, and cannot be left out with them."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.two, self.fc = nn.Conv2d(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.fc(self.two(self.one(x).exp()).amax((2, 3)))


def test_a_head_that_is_no_chain_of_modules_is_found_out():
    torch.manual_seed(0)
    network = networks.wrap(Between(), {"fc": "fc"}, frame=64)
    scene = shifting.Paste(load("cup", 24), 64)
    assert "differs by" in refusal(network, scene, "two")
    assert worst(network, scene, "one", stride=5) <= TOLERANCE  # which can be: the operation comes after
