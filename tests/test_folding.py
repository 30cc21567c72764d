"""Folded batch norms: the same features within rounding, or none folded; and the network itself untouched."""

import threading

import pytest
import timm
import torch
import torchvision
from torch import nn

from helpers import features, networks, shifting, similarity

# Relative to a layer's largest feature. float32's own error, against float64, is as large: up to 5e-6 here.
TOLERANCE = 1e-5


def randomised(module: nn.Module) -> nn.Module:
    """With batch norms that do something: statistics, scales and shifts drawn at random."""
    draw = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for norm in module.modules():
            if isinstance(norm, nn.BatchNorm2d) and norm.running_mean is not None:
                for values, low in ((norm.weight, 0.5), (norm.bias, -0.5), (norm.running_var, 0.5)):
                    values.copy_(torch.rand(values.shape, generator=draw) + low)
                norm.running_mean.copy_(torch.rand(norm.running_mean.shape, generator=draw) / 5 - 0.1)
    return module.eval()


def read(network: networks.Network, layers=None, count: int = 2, **how) -> tuple[dict[str, torch.Tensor], int]:
    """The features of noise, and how many batch norms were folded for them."""
    shape = (count, 3, network.frame, network.frame)
    frames = torch.randint(256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(2))
    with features.reader(network, layers, device="cpu", **how) as reader:
        return reader.each(frames, size=count), reader.folded


def worst(network: networks.Network, layers=None, **how) -> tuple[float, int]:
    """The largest difference from the unfolded features, of a layer's largest, and how many were folded."""
    plain, none = read(network, layers, fold=False, **how)
    again, folded = read(network, layers, **how)
    assert none == 0 and plain.keys() == again.keys()
    return max(float((again[name] - plain[name]).abs().max() / plain[name].abs().max()) for name in plain), folded


# How many batch norms come directly after a convolution: not DenseNet's first ones, nor those of branches used in
# training only (GoogLeNet, Inception).
@pytest.mark.parametrize(
    ("name", "frame", "expected"),
    [
        ("densenet121", 64, 59), ("efficientnet_b0", 64, 49), ("googlenet", 64, 57), ("inception_v3", 96, 94),
        ("mnasnet0_5", 64, 52), ("mobilenet_v2", 64, 52), ("mobilenet_v3_small", 64, 34), ("regnet_y_400mf", 64, 53),
        ("resnet18", 64, 20), ("resnet50", 64, 53), ("shufflenet_v2_x0_5", 64, 56), ("convnext_tiny", 64, 0),
    ],
)  # fmt: skip
def test_torchvisions_classifiers(name, frame, expected):
    torch.manual_seed(0)
    unused = {"init_weights": False} if name in ("googlenet", "inception_v3") else {}
    network = networks.wrap(randomised(torchvision.models.get_model(name, weights=None, **unused)), frame=frame)
    difference, folded = worst(network)
    assert difference <= TOLERANCE and folded == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [("tf_efficientnet_lite0", 49), ("resnet18", 20), ("mobilenetv3_small_050", 34), ("convnext_atto", 0)],
)
def test_timms_norms_keep_their_activation(name, expected):
    torch.manual_seed(0)
    difference, folded = worst(networks.wrap(randomised(timm.create_model(name, pretrained=False)), frame=64))
    assert difference <= TOLERANCE and folded == expected


@pytest.mark.parametrize("name", ["demo_resnet", "demo_mobilenet_v2", "demo_alexnet"])
@pytest.mark.parametrize("antialiased", [False, True])
def test_trained_networks_and_all_their_layers(name, antialiased):
    difference, folded = worst(networks.load(name, antialiased=antialiased))
    assert difference <= TOLERANCE and (folded > 0) == (name != "demo_alexnet")


def chain(**layers: str) -> networks.Network:
    torch.manual_seed(0)
    parts = [nn.Conv2d(3, 6, 3), nn.BatchNorm2d(6), nn.ReLU(inplace=True), nn.Conv2d(6, 5, 3, bias=False)]
    module = nn.Sequential(*parts, nn.BatchNorm2d(5), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return networks.wrap(randomised(module), layers, frame=16)


@pytest.mark.parametrize(
    ("node", "expected"), [("0", 1), ("1:input", 1), ("1:input:mean", 1), ("1", 2), ("2", 2), ("4", 2), ("3:input", 2)]
)
def test_a_node_gives_what_it_gave(node, expected):
    difference, folded = worst(chain(node=node, out=""), average=True)
    assert difference <= TOLERANCE and folded == expected


def test_the_network_itself_is_untouched():
    network = chain(out="")
    module = network.module.train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    seen = []
    module[1].register_forward_hook(lambda *_: seen.append(1))
    _, folded = read(network)
    assert folded == 2 and len(seen) == 4  # once to look, once to compare, once beside another frame, once to read
    assert [type(part) for part in module[:2]] == [nn.Conv2d, nn.BatchNorm2d]
    assert all(part.training for part in module.modules())
    assert all(torch.equal(value, before[key]) for key, value in module.state_dict().items())
    assert all(part.requires_grad and part.is_leaf for part in module.parameters())
    module(torch.rand(2, 3, 16, 16)).sum().backward()
    assert all(part.grad is not None for part in module.parameters())
    changed = read(network)[0]["out"]
    with torch.no_grad():
        module[4].bias += 1  # weights that have changed since are read as they are now
    assert torch.allclose(read(network)[0]["out"], changed + 1, atol=1e-5)


def test_the_result_says_what_was_folded(disc):
    network, scene = chain(out=""), shifting.Paste(disc, 32)
    for fold, count in ((True, 2), (False, 0)):
        found = features.extract(network, scene, stride=8, device="cpu", progress=False, fold=fold)
        maps = features.similarity_maps(network, scene, stride=8, device="cpu", progress=False, fold=fold)
        assert found.settings["folded"] == count
        assert torch.allclose(maps["out"], similarity.cosine_maps(found.layers["out"]), atol=2e-6)


def test_folding_can_be_left_out():
    network, frame = chain(out=""), torch.full((1, 3, 16, 16), 99, dtype=torch.uint8)
    with torch.no_grad():
        exact = network.module(network.preprocess(frame))
    assert torch.allclose(features.of_frames(network, frame, device="cpu", fold=False)["out"], exact, atol=1e-6)
    assert read(network, fold=False)[1] == read(network, precision="bfloat16")[1] == 0


class Odd(nn.Module):
    """A convolution and a batch norm that must stay, each for a reason of its own."""

    def __init__(self, way: str) -> None:
        super().__init__()
        self.way, self.conv, self.norm = way, nn.Conv2d(3, 3, 3, padding=1), nn.BatchNorm2d(3)
        if way == "parametrised":
            nn.utils.parametrizations.weight_norm(self.conv)
        if way == "cannot be copied":
            self.lock = threading.Lock()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.conv(x)
        if self.way == "used elsewhere":
            y = y + self.norm(y)
        elif self.way == "convolution twice":
            y = self.norm(self.conv(y))
        elif self.way == "norm twice":
            y = self.norm(self.norm(y))
        elif self.way == "operation between":
            y = self.norm(y * 2)
        else:
            y = self.norm(y)
        return y.mean((2, 3))


@pytest.mark.parametrize(
    "way",
    ["used elsewhere", "convolution twice", "norm twice", "operation between", "parametrised", "cannot be copied"],
)
def test_what_cannot_be_folded_is_read_as_it_is(way):
    torch.manual_seed(0)
    difference, folded = worst(networks.wrap(randomised(Odd(way)), {"out": ""}, frame=16))
    assert difference == 0 and folded == 0


@pytest.mark.parametrize("layers", [{"norm": "norm:mean", "out": ""}, {"out": "", "norm": "norm:mean"}])
def test_every_layer_decides_whether_norms_are_folded(layers):
    """Folded, the norm's own output would stay as it is; the sum of that and the convolution's would not."""
    torch.manual_seed(0)
    assert worst(networks.wrap(randomised(Odd("used elsewhere")), layers, frame=16)) == (0, 0)
