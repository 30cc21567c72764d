"""A blur before each stride: what it computes, where it samples, what it leaves as it was."""

from __future__ import annotations

import copy

import numpy as np
import pytest
import timm
import torch
import torchvision
from timm.layers import Conv2dSame
from timm.layers.pool2d_same import MaxPool2dSame
from torch import nn

from helpers import networks
from helpers.networks.antialiasing import Blur, blurred, match_statistics
from helpers.objects import embedded


def test_a_blur_by_hand():
    """1 2 1 over 4 at the even places, the edge repeated."""
    row = torch.tensor([4.0, 0.0, 8.0, 4.0, 0.0])
    blur = Blur()
    found = blur(row.expand(1, 2, 5, 5))  # constant along the other axis
    assert found.shape == (1, 2, 3, 3)
    assert torch.equal(found, torch.tensor([3.0, 5.0, 1.0]).expand(1, 2, 3, 3))
    assert torch.equal(blur(row[:, None].expand(1, 1, 5, 5))[0, 0, :, 1], torch.tensor([3.0, 5.0, 1.0]))


@pytest.mark.parametrize("taps", [3, 5, 7])
def test_a_blur_is_numpys_convolution(taps):
    """Powers of two, so only the sums round: float32 against float64, 2^-23 times a handful of terms."""
    line = np.array([1.0])
    for _ in range(taps - 1):
        line = np.convolve(line, [0.5, 0.5])
    image = np.random.default_rng(0).standard_normal((9, 12))
    padded = np.pad(image, taps // 2, mode="edge")
    square = np.outer(line, line)
    windows = np.lib.stride_tricks.sliding_window_view(padded, (taps, taps))
    expected = (windows * square).sum((2, 3))[::2, ::2]
    found = Blur(taps)(torch.from_numpy(image).float()[None, None])[0, 0]
    np.testing.assert_allclose(found.numpy(), expected, atol=1e-6)
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        assert Blur(taps).filter.to(dtype).sum() == 1, "a constant stays what it is"


@pytest.mark.parametrize("taps", [1, 4, 0])
def test_taps_are_odd(taps):
    with pytest.raises(ValueError, match=f"a blur of {taps} taps.*take 3, 5 or 7"):
        Blur(taps)


LAYERS = {
    "3x3": lambda: nn.Conv2d(1, 1, 3, stride=2, padding=1, bias=False),
    "5x5": lambda: nn.Conv2d(1, 1, 5, stride=2, padding=2, bias=False),
    "3x3 unpadded": lambda: nn.Conv2d(1, 1, 3, stride=2, bias=False),
    "3x3 dilated": lambda: nn.Conv2d(1, 1, 3, stride=2, padding=2, dilation=2, bias=False),
    "2x2": lambda: nn.Conv2d(1, 1, 2, stride=2, bias=False),
    "1x1": lambda: nn.Conv2d(1, 1, 1, stride=2, bias=False),
    "3x3 same": lambda: Conv2dSame(1, 1, 3, stride=2, bias=False),
    "5x5 same": lambda: Conv2dSame(1, 1, 5, stride=2, bias=False),
    "3x3 same, dilated": lambda: Conv2dSame(1, 1, 3, stride=2, dilation=2, bias=False),
    "1x1 same": lambda: Conv2dSame(1, 1, 1, stride=2, bias=False),
    "pool 2": lambda: nn.MaxPool2d(2),
    "pool 3": lambda: nn.MaxPool2d(3, 2, 1),
    "pool 3, ceil": lambda: nn.MaxPool2d(3, 2, ceil_mode=True),
    "pool 3 same": lambda: MaxPool2dSame(3, 2),
    "pool 2 same": lambda: MaxPool2dSame(2, 2),
}


@pytest.mark.parametrize("side", [32, 33, 34])
@pytest.mark.parametrize("name", LAYERS)
def test_a_blur_samples_where_the_stride_did(name, side):
    """A blur does not change a ramp, so where both sample one, equal values are equal places."""
    layer = LAYERS[name]()
    if isinstance(layer, nn.Conv2d):
        layer.weight.data.fill_(1 / layer.weight.numel())
    plain = nn.Sequential(nn.Conv2d(3, 1, 1, bias=False), layer)
    plain[0].weight.data.fill_(1 / 3)
    ramp = (torch.arange(side)[:, None] * 100.0 + torch.arange(side)).expand(1, 3, -1, -1)
    with torch.no_grad():
        expected, found = plain(ramp), blurred(plain, frame=side)(ramp)
    assert found.shape == expected.shape
    inner = (slice(None), slice(None), slice(3, -3), slice(3, -3))  # away from padding and repeated edges
    torch.testing.assert_close(found[inner], expected[inner], rtol=1e-5, atol=1e-3)  # half a place is 50


# Torchvision's and timm's, without weights: how many blurs, and one place that must have one.
NETWORKS = {
    "mobilenet_v2": (4, "features.2.conv.1.2.1"),  # after the activation of each strided depthwise convolution
    "resnet18": (7, "layer2.0.conv2.0"),  # one activation for the whole block: before the next convolution
    "alexnet": (3, "features.2.1"),
    "vgg11": (5, "features.2.1"),
    "squeezenet1_1": (3, "features.2.1"),
    "timm:resnet18": (7, "layer3.0.downsample.0.0"),
    "timm:tf_efficientnet_lite0": (4, "blocks.1.0.se.1"),
    "timm:mobilenetv3_small_050": (4, "blocks.0.0.aa.1"),
    "timm:convnext_atto": (3, "stages.1.downsample.1.1"),  # and not the patches of 4 px that it starts from
    "timm:poolformer_s12": (3, "stages.1.downsample.conv.1"),  # not after the next block's norm, which a sum skips
}


def _module(name: str) -> nn.Module:
    torch.manual_seed(0)
    if name.startswith("timm:"):
        return timm.create_model(name.removeprefix("timm:"), pretrained=False).eval()
    return torchvision.models.get_model(name, weights=None).eval()


def shapes(module: nn.Module, frames: torch.Tensor) -> list[torch.Size]:
    """Of the outputs of a module and of its parts."""
    module, found = copy.deepcopy(module), []
    for part in (*module.children(), module):
        part.register_forward_hook(lambda _, __, output: found.append(output.shape))
    with torch.no_grad():
        module(frames)
    return found


@pytest.mark.parametrize("name", NETWORKS)
def test_any_network(name):
    count, place = NETWORKS[name]
    module = _module(name)
    network = networks.wrap(module, name=name.removeprefix("timm:"))
    before = network.checksum
    smooth = networks.antialias(network)
    blurs = {path for path, part in smooth.module.named_modules() if isinstance(part, Blur)}
    assert len(blurs) == count and place in blurs
    assert smooth.strides == network.strides
    frames = torch.rand(1, 3, 224, 224)
    assert shapes(smooth.module, frames) == shapes(module, frames)
    assert networks.wrap(module).checksum == before, "the network given is not touched"
    assert not any(isinstance(part, Blur) for part in module.modules())


def test_it_says_what_it_is():
    network = networks.load("demo_resnet")
    smooth = networks.antialias(network, taps=5)
    assert smooth.antialiased and not network.antialiased
    words = "with a blur of 5 before each stride and batch statistics matched to it, not trained"
    assert smooth.weights == f"{network.weights}, {words}"
    assert smooth.title == "demo ResNet, blurred, not trained" and smooth.name == "demo_resnet_blurred"
    assert (smooth.layers, smooth.frame, smooth.labels) == (network.layers, network.frame, network.labels)
    assert smooth.checksum != networks.antialias(network).checksum, "another blur, another network"


def test_nothing_to_blur():
    module = nn.Sequential(nn.Conv2d(3, 4, 4, stride=2), nn.ReLU(), nn.Flatten(), nn.Linear(4, 2))
    with pytest.raises(ValueError, match=r"^tiny cannot be made anti-aliased: there is no stride to blur"):
        networks.antialias(networks.wrap(module, name="tiny", frame=4))


class Skips(nn.Module):
    """A sum that skips the norm behind a strided convolution of its own block."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.down = nn.Conv2d(3, 4, 3, padding=1), nn.Conv2d(4, 4, 3, stride=2, padding=1)
        self.norm, self.fc = nn.BatchNorm2d(4), nn.Linear(4, 2)

    def forward(self, x):
        x = self.down(self.stem(x))
        return self.fc((x + self.norm(x)).mean((2, 3)))


def test_maps_that_would_not_fit():
    with pytest.raises(ValueError, match="Skips cannot be made anti-aliased: its maps do not fit any more"):
        networks.antialias(networks.wrap(Skips(), frame=32))


def test_statistics_are_matched():
    """Behind every norm, each channel has the mean and the deviation that it had without the blur."""
    torch.manual_seed(0)
    plain = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Conv2d(4, 6, 3, 2, 1), nn.BatchNorm2d(6), nn.ReLU(),
        nn.Conv2d(6, 5, 3, 2, 1), nn.BatchNorm2d(5), nn.Flatten(2), nn.BatchNorm1d(5),
    ).eval()  # fmt: skip
    norms = [part for part in plain if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    for norm in norms:
        norm.eps = 1e-12  # added to both variances, which would else not be matched exactly
        norm.running_mean.normal_()
        norm.running_var.uniform_(0.5, 2)
    inputs = nn.functional.interpolate(torch.randn(16, 3, 6, 6), size=24, mode="bilinear")  # a blur leaves most of it
    smooth = blurred(plain, frame=24)
    before = [copy.deepcopy(norm.state_dict()) for norm in norms]
    match_statistics(smooth, plain, inputs)
    found = ([], [])
    for module, values in zip((plain, smooth), found, strict=True):
        for part in module.modules():
            if isinstance(part, nn.modules.batchnorm._BatchNorm):
                part.register_forward_hook(lambda _, __, output, values=values: values.append(output.transpose(0, 1)))
        with torch.no_grad():
            module(inputs)
    for was, now in zip(*found, strict=True):
        # float32 sums over thousands of values
        torch.testing.assert_close(now.flatten(1).mean(1), was.flatten(1).mean(1), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(now.flatten(1).std(1), was.flatten(1).std(1), rtol=1e-4, atol=1e-4)
    for norm, state in zip(norms, before, strict=True):
        assert all(torch.equal(value, state[key]) for key, value in norm.state_dict().items())


def test_a_channel_that_is_hardly_excited_is_not_trusted():
    """A variance changes by a factor of 4 at most; here a thousand times less reaches the second network."""
    plain, smooth = (nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.BatchNorm2d(1, eps=0)).eval() for _ in range(2))
    plain[0].weight.data.fill_(1)
    smooth[0].weight.data.fill_(1e-3)
    plain[1].running_var.fill_(3)
    smooth[1].running_var.fill_(3)
    match_statistics(smooth, plain, torch.randn(4, 1, 8, 8))
    assert smooth[1].running_var.item() == pytest.approx(3 / 4, rel=1e-6)


def test_a_real_network_is_steadier_and_answers_alike():
    """EfficientNet-Lite0 on seven packaged photographs; measured: the change over a pixel falls to less than half."""
    network = networks.load("efficientnet_lite0")
    smooth = networks.antialias(network)
    frames = torch.cat([_frames(name) for name in embedded.PHOTOS])
    pools, logits = {}, {}
    for key, each in (("plain", network), ("smooth", smooth), ("unmatched", blurred(network.module))):
        module = each if isinstance(each, nn.Module) else each.module
        with torch.no_grad():
            pools[key] = module.forward_head(
                module.forward_features(network.preprocess(frames)), pre_logits=True
            ).unflatten(0, (-1, 2))
            logits[key] = module.get_classifier()(pools[key])
    change = {key: 1 - torch.cosine_similarity(*pool.unbind(1)).mean() for key, pool in pools.items()}
    assert change["smooth"] < 0.6 * change["plain"]
    like = {key: torch.cosine_similarity(pools["plain"], pools[key], dim=-1).mean() for key in ("smooth", "unmatched")}
    assert like["smooth"] > like["unmatched"] + 0.1
    top_five = logits["smooth"].topk(5).indices
    assert (top_five == logits["plain"].argmax(-1, keepdim=True)).any(-1).float().mean() >= 0.7


def _frames(name: str) -> torch.Tensor:
    """The middle of a photograph, and the same one pixel further right: uint8 (2, 3, 224, 224)."""
    photo = torch.tensor(embedded.photo(name)).permute(2, 0, 1)
    top, left = (photo.shape[1] - 224) // 2, (photo.shape[2] - 225) // 2
    return torch.stack([photo[:, top : top + 224, left + col : left + col + 224] for col in (0, 1)])
