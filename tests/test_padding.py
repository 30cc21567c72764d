"""Padding replaced in place: against scipy's border modes, and the test on a torus."""

import numpy as np
import pytest
import torch
import torchvision
from scipy import ndimage
from torch import nn

from helpers import features, networks, objects, shifting
from helpers.measures import padding
from helpers.networks.embedded import architectures

# scipy's names: torch's "reflect" does not repeat the edge, which scipy calls mirror
BORDERS = {"zeros": "constant", "reflect": "mirror", "circular": "wrap"}


def wrapped(*layers, frame=16):
    torch.manual_seed(0)
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return networks.wrap(body, layers={"pool": str(len(layers) + 1)}, frame=frame, name="tiny")


def image(side=16, channels=3):
    return torch.from_numpy(
        np.random.default_rng(0).normal(size=(1, channels, side, side)).astype(np.float32)
    )


@pytest.mark.parametrize("mode", padding.MODES)
def test_convolution_against_scipy(mode):
    network = padding.replace(wrapped(nn.Conv2d(3, 2, 5, padding=2, bias=False)), mode=mode)
    conv, x = network.module[0], image()
    found = conv(x)[0].detach().numpy()
    kernel = conv.weight.detach().numpy().astype(np.float64)
    for out in range(2):
        slow = sum(
            ndimage.correlate(x[0, c].numpy().astype(np.float64), kernel[out, c], mode=BORDERS[mode])
            for c in range(3)
        )
        np.testing.assert_allclose(found[out], slow, atol=1e-5)  # float32 sums of 75 products of size 1


@pytest.mark.parametrize("mode", ["reflect", "circular"])
def test_max_pool_against_scipy(mode):
    network = padding.replace(wrapped(nn.MaxPool2d(3, stride=2, padding=1)), mode=mode)
    x = image()
    slow = ndimage.maximum_filter(x[0, 0].numpy(), size=3, mode=BORDERS[mode])[::2, ::2]
    np.testing.assert_array_equal(network.module[0](x)[0, 0].numpy(), slow)


@pytest.mark.parametrize("mode", ["reflect", "circular"])
@pytest.mark.parametrize(
    ("pool", "slow"), [(nn.MaxPool2d, ndimage.maximum_filter), (nn.AvgPool2d, ndimage.uniform_filter)]
)
def test_pools_wider_than_high_are_padded_by_more_at_their_sides(mode, pool, slow):
    network = padding.replace(wrapped(pool((3, 5), stride=1, padding=(1, 2))), mode=mode)
    x = image()
    expected = slow(x[0, 0].double().numpy(), size=(3, 5), mode=BORDERS[mode])
    np.testing.assert_allclose(network.module[0](x)[0, 0], expected, atol=1e-6)  # float32 means of 15 values


def test_a_pool_that_loses_a_row_takes_it_from_the_other_end():
    """Its windows begin where they began: at each pixel, looking down and right."""
    network = padding.replace(wrapped(nn.MaxPool2d((2, 3), stride=1)), mode="circular")
    x = image()
    windows = torch.stack([x.roll((-down, -right), (2, 3)) for down in range(2) for right in range(3)])
    assert torch.equal(network.module[0](x), windows.amax(0))


def test_max_pool_of_negative_values_keeps_its_infinite_border_with_zeros():
    network = padding.replace(
        wrapped(nn.Conv2d(3, 3, 3, padding=1), nn.MaxPool2d(3, stride=2, padding=1)), mode="zeros"
    )
    assert network.module[1](-image().abs() - 1).max() < 0  # a zero border would win


@pytest.mark.parametrize("mode", padding.MODES)
def test_blur_pool_against_scipy(mode):
    network = padding.replace(wrapped(architectures.Blur(3)), mode=mode)
    x = image()
    weights = np.outer([1, 4, 6, 4, 1], [1, 4, 6, 4, 1]) / 256
    slow = ndimage.correlate(x[0, 1].numpy().astype(np.float64), weights, mode=BORDERS[mode])[::2, ::2]
    np.testing.assert_allclose(network.module[0](x)[0, 1].numpy(), slow, atol=1e-6)


def test_average_pool_by_hand():
    network = padding.replace(wrapped(nn.AvgPool2d(3, stride=1, padding=1)), mode="circular")
    x = torch.zeros(1, 3, 16, 16)
    x[..., 0, 0] = 9
    found = network.module[0](x)[0, 0]
    # the nine neighbours of the corner on a torus
    assert found.sum() == 9
    assert found[[0, 0, 15, 15, 1], [0, 15, 0, 15, 1]].tolist() == [1] * 5


def tiny_demo(name, antialiased):
    torch.manual_seed(3)
    module = architectures.build(name, antialiased=antialiased)
    norms = [part for part in module.modules() if isinstance(part, nn.BatchNorm2d)]
    for part in norms:
        part.momentum = 1.0
    with torch.no_grad():  # statistics of a batch, or random weights fade out on the way up
        module.train()(torch.stack([photo(128, seed).rgb for seed in range(4)]).float() / 128 - 1)
    return networks.wrap(module, layers=architectures.LAYERS[name], frame=128, name=name)


def photo(side, seed=4):
    pixels = np.random.default_rng(seed).integers(0, 256, (3, side // 8, side // 8), dtype=np.uint8)
    return objects.Photo(objects.resize(torch.from_numpy(pixels), side), "noise")


def moved(network, side, layer="pool", shift=32):
    """Largest change of the features under circular shifts, over their largest value."""
    scene = shifting.Roll(photo(side), side, reach=shift, boundary="circular")
    places = torch.tensor([[shift, shift], [0, 0], [0, shift], [2 * shift, shift], [shift, 0]])
    found = features.of_frames(network, scene.render(places), [layer], device="cpu")[layer]
    return float((found[1:] - found[0]).abs().max() / found[0].abs().max())


@pytest.mark.parametrize("antialiased", [False, True])
@pytest.mark.parametrize("name", ["demo_resnet", "demo_mobilenet_v2"])
def test_on_a_torus_shifts_by_the_total_stride_change_nothing(name, antialiased):
    plain = tiny_demo(name, antialiased)
    circular = padding.replace(plain, mode="circular")
    assert padding.obstacles(circular) == []
    assert moved(circular, 128) < 1e-5  # float32 sums in another order
    # the same by 31 px, and with the padding it had: the test can fail
    assert moved(circular, 128, shift=31) > 1e-4
    assert moved(plain, 128) > 1e-4


@pytest.mark.parametrize("antialiased", [False, True])
def test_on_a_torus_with_paddings_like_tensorflows(antialiased):
    """Its strided convolutions and the twin's blurs pad inside `forward`, where no padding layer shows it."""
    network = networks.load("efficientnet_lite0", antialiased=antialiased)
    circular = padding.replace(network, mode="circular")
    assert padding.obstacles(circular) == []
    assert moved(circular, 224) < 2e-5  # float32 sums in another order
    assert moved(circular, 224, shift=31) > 1e-3
    again = padding.replace(circular, mode="zeros")
    frames = shifting.Roll(photo(224), 224, reach=0).render(torch.tensor([[0, 0]]))
    if not antialiased:  # the blurs repeat the edge in place of zeros
        mine, theirs = (features.of_frames(each, frames, ["pool"], device="cpu")["pool"] for each in (again, network))
        torch.testing.assert_close(mine, theirs, rtol=0, atol=1e-5)


@pytest.mark.parametrize("antialiased", [False, True])
def test_on_a_torus_with_the_layout_of_the_papers_resnet(antialiased):
    torch.manual_seed(5)
    if antialiased:
        import antialiased_cnns

        module = antialiased_cnns.resnet18(pretrained=False, filter_size=5)
    else:
        module = torchvision.models.resnet18(weights=None)
    plain = networks.wrap(module, frame=224, name="resnet18")
    circular = padding.replace(plain, mode="circular")
    assert circular.strides == (2, 4, 8, 16, 32)
    assert padding.obstacles(circular) == []
    assert moved(circular, 224) < 1e-5
    # the max pool of the anti-aliased layout is 2 wide at stride 1: 112 becomes 111 until it is closed
    assert bool(padding.obstacles(plain)) == antialiased


@pytest.mark.parametrize("antialiased", [False, True])
def test_alexnet_is_said_to_be_unable(antialiased):
    network = padding.replace(tiny_demo("demo_alexnet", antialiased), mode="circular")
    reasons = padding.obstacles(network)
    assert any("flattened" in reason for reason in reasons)
    assert any("features.0: a map of 128 becomes" in reason for reason in reasons)
    assert moved(network, 128, "fc6") > 1e-3


def test_original_is_untouched_and_weights_are_equal():
    plain = tiny_demo("demo_resnet", True)
    before = {key: value.clone() for key, value in plain.module.state_dict().items()}
    frames = photo(128).rgb[None]
    first = features.of_frames(plain, frames, ["fc"], device="cpu")["fc"]
    circular = padding.replace(plain, mode="circular")
    assert plain.checksum == circular.checksum
    assert circular.title.endswith("circular padding")
    assert circular.layers == plain.layers
    for parameter in circular.module.parameters():
        parameter.data.zero_()
    assert all(torch.equal(before[key], value) for key, value in plain.module.state_dict().items())
    assert torch.equal(features.of_frames(plain, frames, ["fc"], device="cpu")["fc"], first)


def test_replacing_again_counts_from_the_original():
    plain = tiny_demo("demo_resnet", False)
    frames = photo(128).rgb[None]
    direct = features.of_frames(padding.replace(plain, mode="zeros"), frames, ["fc"], device="cpu")["fc"]
    twice = padding.replace(padding.replace(plain, mode="circular"), mode="zeros")
    assert torch.equal(features.of_frames(twice, frames, ["fc"], device="cpu")["fc"], direct)
    # zeros is what this network was trained with
    assert torch.equal(features.of_frames(plain, frames, ["fc"], device="cpu")["fc"], direct)


def test_bad_input():
    with pytest.raises(ValueError, match="did you mean 'circular'"):
        padding.replace(tiny_demo("demo_resnet", False), mode="circle")
    with pytest.raises(ValueError, match="nothing to replace"):
        padding.replace(wrapped(nn.Conv2d(3, 4, 3)), mode="zeros")
    with pytest.raises(ValueError, match="0 is a transposed convolution"):
        padding.replace(wrapped(nn.ConvTranspose2d(3, 4, 3, padding=1)), mode="reflect")
    # two steps of stride 2 leave a map of one pixel, which has nothing to be mirrored
    small = wrapped(nn.Conv2d(3, 4, 3, stride=2, padding=1), nn.Conv2d(4, 4, 3, stride=2, padding=1),
                    nn.Conv2d(4, 4, 3, padding=1), frame=4)  # fmt: skip
    with pytest.raises(ValueError, match="frame 4 has a map too small for reflect padding.*larger frame"):
        padding.replace(small, mode="reflect")
    assert padding.replace(small, mode="circular") and padding.replace(small, mode="zeros")


def test_padding_is_replaced_in_the_networks_own_precision():
    network = wrapped(nn.Conv2d(3, 4, 3, padding=1))
    network.module.double()
    assert padding.obstacles(padding.replace(network, mode="circular")) == []
