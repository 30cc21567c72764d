"""Equivariance layer by layer: slow references in NumPy, cases by hand, and networks of which the answer is known."""

import numpy as np
import pytest
import torch
from timm.layers import Conv2dSame
from torch import nn

from helpers import features, networks, objects, shifting
from helpers.measures import equivariance, padding

ROUNDING = 1e-5  # float32 sums of a few hundred products of size 1


def maps(*shape, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape))


def wrapped(*layers, frame=16, seed=0):
    torch.manual_seed(seed)
    body = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    return networks.wrap(body, {"pool": str(len(layers) + 1)}, frame=frame, name="tiny")


def frames(side=16, count=2, seed=0):
    return torch.from_numpy(np.random.default_rng(seed).integers(0, 256, (count, 3, side, side), dtype=np.uint8))


# Moving maps


@pytest.mark.parametrize("side", [7, 8])
def test_the_fourier_shift_against_a_sum_over_waves(side):
    values, by = maps(side).numpy(), 0.3
    at = np.arange(side)
    slow = np.zeros(side)
    for k in range(side):
        f = k if 2 * k <= side else k - side
        wave = (values * np.exp(-2j * np.pi * f * at / side)).sum() / side
        slow += (wave * np.exp(2j * np.pi * f * (at - by) / side)).real
    found = equivariance.moved(torch.from_numpy(values)[:, None], (by, 0))[:, 0].numpy()
    np.testing.assert_allclose(found, slow, atol=1e-12)
    across = equivariance.moved(torch.from_numpy(values)[None], (0, by))[0].numpy()
    np.testing.assert_allclose(across, slow, atol=1e-12)


def test_a_wave_that_the_grid_can_show_moves_by_a_quarter():
    at = torch.arange(16, dtype=torch.float64)
    found = equivariance.moved(torch.cos(2 * torch.pi * 3 * at / 16)[None], (0, 0.25))[0]
    torch.testing.assert_close(found, torch.cos(2 * torch.pi * 3 * (at - 0.25) / 16))


def test_the_bilinear_shift_by_hand():
    line = torch.tensor([[0.0, 8.0, 0.0, 0.0]])
    assert equivariance.moved(line, (0, 0.25), how="bilinear").tolist() == [[0, 6, 2, 0]]
    assert equivariance.moved(line, (0, -0.25), how="bilinear").tolist() == [[2, 6, 0, 0]]
    assert equivariance.moved(line, (0, 1.5), how="bilinear").tolist() == [[0, 0, 4, 4]]
    with pytest.raises(ValueError, match="'cubic' is neither"):
        equivariance.moved(line, (0, 1), how="cubic")


def test_whole_pixels_are_those_of_the_renderer():
    scene = shifting.Paste(objects.load("espresso", 24), 64)
    at = scene.render(torch.tensor([[10, 12], [14, 7]]))
    for how in ("bilinear", "fourier"):  # whole cells are rolled by either: to the bit
        assert torch.equal(equivariance.moved(at[:1], (4, -5), how=how), at[1:].float())
    odd = at[:1, :, :63, :63].double()  # no wave is at the Nyquist frequency of an odd side, so two parts are the whole
    twice = equivariance.moved(equivariance.moved(odd, (0.25, -0.25)), (0.75, -0.75))
    torch.testing.assert_close(twice, equivariance.moved(odd, (1, -1)), rtol=0, atol=1e-9)


# Reading maps


def test_nodes_and_what_is_read_there():
    block = nn.Sequential(nn.Conv2d(4, 4, 3, padding=1), nn.ReLU(inplace=True))
    network = wrapped(nn.Conv2d(3, 4, 3, stride=2, padding=1), block, nn.MaxPool2d(2))
    assert equivariance.nodes(network) == {"0": 2, "1.0": 2, "1.1": 2, "2": 4}
    pictures = frames()
    found = equivariance.read(network, pictures, ["1.0", "2"], device="cpu")
    with torch.no_grad():
        direct = network.module[1][0](network.module[0](network.preprocess(pictures)))
    torch.testing.assert_close(found["1.0"], direct, rtol=0, atol=ROUNDING)
    assert direct.min() < 0 and found["1.0"].min() < 0, "read before the ReLU that works in place"
    assert found["2"].shape == (2, 4, 4, 4)
    with pytest.raises(ValueError, match="no maps"):
        equivariance.read(network, pictures, ["4"], device="cpu")


def test_the_trunk_of_the_real_network():
    found = equivariance.nodes(networks.load("efficientnet_lite0"))
    assert list(found)[:3] == ["conv_stem", "bn1", "blocks.0.0"] and list(found)[-1] == "bn2" and len(found) == 20
    assert list(found.values()) == sorted(found.values()) and set(found.values()) == {2, 4, 8, 16, 32}


# The error


def slow_error(still, shifted, empty, by, wide):
    """Cell by cell, for shifts by whole cells that are not negative."""
    count, channels, height, width = still.shape
    interior, border = np.zeros(count), np.zeros(count)
    for b in range(count):
        size = sum(
            (still[b, c, i, j] - empty[0, c, i, j]) ** 2
            for c in range(channels)
            for i in range(height)
            for j in range(width)
        )
        for i in range(height - by[0]):
            for j in range(width - by[1]):
                to = (i + by[0], j + by[1])
                apart = sum(
                    ((shifted[b, c, *to] - empty[0, c, *to]) - (still[b, c, i, j] - empty[0, c, i, j])) ** 2
                    for c in range(channels)
                )
                edge = min(i, j, height - 1 - i, width - 1 - j) < wide
                (border if edge else interior)[b] += apart / size
    return np.sqrt(interior), np.sqrt(border)


def test_error_against_loops():
    still, shifted, empty = maps(2, 3, 6, 5), maps(2, 3, 6, 5, seed=1), maps(1, 3, 6, 5, seed=2)
    found = equivariance.error(still, shifted, empty, shift=(8, 4), stride=4, ring=7)
    interior, border = slow_error(still.numpy(), shifted.numpy(), empty.numpy(), (2, 1), 1)
    np.testing.assert_allclose(found.interior, interior, rtol=1e-12)
    np.testing.assert_allclose(found.border, border, rtol=1e-12)
    np.testing.assert_allclose(found.whole, np.sqrt(interior**2 + border**2), rtol=1e-12)
    assert found.cells.shape == (2, 6, 5) and found.cells[0].isnan().sum() == 6 * 5 - 4 * 4


def test_error_by_hand():
    """An object of one cell that adds 2; moved by one cell it adds 2 there, and 1 more beside it."""
    empty = torch.full((1, 1, 5, 5), 7.0)
    still, shifted = empty.clone(), empty.clone()
    still[..., 2, 1] += 2
    shifted[..., 2, 2] += 2
    exact = equivariance.error(still, shifted, empty, shift=(0, 8), stride=8, ring=8)
    assert exact.interior.item() == exact.border.item() == 0
    shifted[..., 3, 2] += 1
    found = equivariance.error(still, shifted, empty, shift=(0, 8), stride=8, ring=8)
    assert (found.interior.item(), found.border.item()) == (0.5, 0)
    assert found.cells[0, 3, 1] == 0.5 and found.cells[0, :, -1].isnan().all()
    assert equivariance.error(still, shifted, empty, shift=(0, 8), stride=8, ring=16).border.item() == 0.5
    assert equivariance.pooled_error(still, shifted, empty).item() == 0.5  # 1 / 25 more, of 2 / 25
    # half a cell to the left: the last column is not lost, the first is
    half = equivariance.error(still, shifted, empty, shift=(0, -4), stride=8, ring=8)
    assert half.cells[0, :, 0].isnan().all() and not half.cells[0, :, 1:].isnan().any()
    with pytest.raises(ValueError, match="adds nothing"):
        equivariance.error(empty, shifted, empty, shift=(0, 8), stride=8, ring=8)
    with pytest.raises(ValueError, match="adds nothing"):
        equivariance.pooled_error(empty, shifted, empty)
    with pytest.raises(ValueError, match="give alike"):
        equivariance.error(still, shifted[..., :4], empty, shift=(0, 8), stride=8, ring=8)


def test_on_a_torus_a_whole_stride_has_no_error_at_its_layer_and_the_next_has():
    network = wrapped(
        nn.Conv2d(3, 8, 3, stride=2, padding=1, padding_mode="circular"), nn.ReLU(),
        nn.Conv2d(8, 8, 3, stride=2, padding=1, padding_mode="circular"), frame=32,
    )  # fmt: skip
    scene = shifting.Paste(objects.load("espresso", 12), 32)
    paths = equivariance.nodes(network)
    still, shifted = (equivariance.read(network, scene.render([[8, 8 + d]]), paths, device="cpu") for d in (0, 2))
    empty = equivariance.read(network, torch.full((1, 3, 32, 32), 255, dtype=torch.uint8), paths, device="cpu")
    found = {
        path: equivariance.error(
            still[path], shifted[path], empty[path], shift=(0, 2), stride=stride, ring=4
        ).whole.item()
        for path, stride in paths.items()
    }
    assert max(found["0"], found["1"]) < ROUNDING and found["2"] > 0.01


def test_errors_over_shifts_are_those_of_each_shift():
    torus = {"padding": 1, "padding_mode": "circular", "stride": 2}
    network = wrapped(nn.Conv2d(3, 4, 3, **torus), nn.ReLU(), nn.Conv2d(4, 4, 3, **torus), frame=32)
    still = shifting.Paste(objects.load("espresso", 12), 32).render([[8, 9]])
    scene = shifting.Roll(objects.Photo(still[0], "cup"), 32, reach=4)
    paths, empty = equivariance.nodes(network), torch.full((1, 3, 32, 32), 255, dtype=torch.uint8)
    found = equivariance.over_shifts(network, scene, empty, paths, step=2, device="cpu")
    assert {path: each.shape for path, each in found.items()} == dict.fromkeys(paths, (5, 5))
    maps_of = [equivariance.read(network, each, paths, device="cpu") for each in (still, scene.render([[2, 8]]), empty)]
    for path, stride in paths.items():
        one = equivariance.error(*(each[path] for each in maps_of), shift=(-2, 4), stride=stride, ring=4)
        assert found[path][1, 4] == pytest.approx(one.whole.item(), abs=ROUNDING)
        assert found[path][2, 2] == 0
    assert found["0"].max() < ROUNDING and found["2"][::2, ::2].max() < ROUNDING < found["2"][1::2].min()
    with pytest.raises(ValueError, match="steps of 3 px do not meet"):
        equivariance.over_shifts(network, scene, empty, paths, step=3)


# Aliasing


def wave(frequency, side=16):
    return torch.cos(2 * torch.pi * frequency * torch.arange(side, dtype=torch.float64)).expand(side, side)[None, None]


def test_above_nyquist_by_hand():
    assert equivariance.above_nyquist(torch.full((1, 1, 4, 4), 3.0)).item() == 0
    for frequency, share in (
        (1 / 8, 0),
        (1 / 4, 0),
        (3 / 8, 1),
        (1 / 2, 1),
    ):  # at 1/4 every second value still shows it
        for each in (wave(frequency), wave(frequency).mT):
            assert equivariance.above_nyquist(each + 5).item() == pytest.approx(share, abs=1e-12)
    # amplitudes 1 and 2: a fifth of the energy
    assert equivariance.above_nyquist(wave(3 / 8) + 2 * wave(1 / 8)).item() == pytest.approx(0.2)
    assert equivariance.above_nyquist(wave(3 / 16), step=4).item() == pytest.approx(1)


def test_above_nyquist_against_a_sum_over_waves():
    values = maps(2, 2, 6, 5)
    slow = []
    for each in values.numpy():
        lost = total = 0.0
        for u in range(6):
            for v in range(5):
                turn = np.exp(-2j * np.pi * (u * np.arange(6)[:, None] / 6 + v * np.arange(5) / 5))
                power = (abs((each * turn).sum((1, 2))) ** 2).sum()
                total += power * ((u, v) != (0, 0))
                lost += power * (min(u, 6 - u) / 6 > 0.25 or min(v, 5 - v) / 5 > 0.25)
        slow.append(lost / total)
    np.testing.assert_allclose(equivariance.above_nyquist(values), slow, rtol=1e-12)


def test_before_strides_looks_at_the_dense_map():
    """A 1 x 1 convolution of a frame with a checkerboard in it: all of its energy is lost at the first stride."""
    network = wrapped(nn.Conv2d(3, 2, 1, stride=2, bias=False), nn.AvgPool2d(2))
    empty = torch.full((1, 3, 16, 16), 100, dtype=torch.uint8)
    rows, cols = torch.meshgrid(torch.arange(16), torch.arange(16), indexing="ij")
    board, slow = 100 + 50 * ((rows + cols) % 2), 100 + 50 * (cols < 8)
    pictures = torch.stack([each.to(torch.uint8).expand(3, 16, 16) for each in (board, slow)])
    found = equivariance.before_strides(network, pictures, empty, device="cpu")
    assert list(found) == [2, 4]
    # a step of 16 px has odd waves only, whose squares go as 1 / sin^2: above 4 of 16 are those of 5 and 7
    odd = 1 / np.sin(np.pi * np.array([1, 3, 5, 7]) / 16) ** 2
    assert found[2].tolist() == pytest.approx([1, odd[2:].sum() / odd.sum()], abs=1e-6)
    # every second value of the checkerboard is a constant, in which no stride loses anything
    with torch.no_grad():
        dense = nn.functional.avg_pool2d(
            network.module[0](network.preprocess(torch.cat([pictures, empty]))), 2, stride=1
        )
    assert found[4][0] == 0
    assert found[4].tolist() == pytest.approx(equivariance.above_nyquist(dense[:2] - dense[2:]).tolist(), abs=1e-9)
    assert network.module[0].stride == (2, 2) and network.module[1].stride == 2
    with pytest.raises(ValueError, match="no convolution, pool or blur of stride 2"):
        equivariance.before_strides(wrapped(nn.Conv2d(3, 2, 1)), pictures, empty, device="cpu")


def test_the_twin_lets_less_above_nyquist_through():
    scene = shifting.Paste(objects.load("espresso", 75), 224)
    pictures, empty = scene.render([[70, 70]]), torch.full((1, 3, 224, 224), 255, dtype=torch.uint8)
    plain, smooth = (
        equivariance.before_strides(
            networks.load("efficientnet_lite0", antialiased=each), pictures, empty, device="cpu"
        )
        for each in (False, True)
    )
    assert list(plain) == list(smooth) == [2, 4, 8, 16, 32]
    assert smooth[2].item() == pytest.approx(plain[2].item(), rel=0.05)  # no blur at the stem
    assert all(smooth[stride] < plain[stride] / 2 for stride in (4, 8, 16, 32))


# The border


@pytest.mark.parametrize(
    "layer, frame, sides",
    [
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), 16, (1, 0)),  # the last padded line is seen by no output
        (nn.Conv2d(3, 4, 3, stride=2, padding=1), 17, (1, 1)),
        (nn.Conv2d(3, 4, 3, padding=2, dilation=2), 16, (2, 2)),
        (Conv2dSame(3, 4, 3, stride=2), 16, (0, 1)),
        (Conv2dSame(3, 4, 3, stride=2), 17, (1, 1)),
        (Conv2dSame(3, 4, 5, stride=2), 16, (1, 2)),
        (nn.MaxPool2d(3, stride=2, padding=1), 16, (1, 0)),
        (nn.AvgPool2d(3, stride=2, padding=1), 17, (1, 1)),
    ],
)
def test_paddings_are_found(layer, frame, sides):
    (found,) = equivariance.paddings(
        wrapped(layer, nn.Conv2d(layer(torch.zeros(1, 3, 9, 9)).shape[1], 4, 1), frame=frame)
    )
    assert (found.top, found.bottom, found.left, found.right) == (*sides, *sides)
    assert (found.layer, found.side) == ("0", frame) and found.even == (sides[0] == sides[1])


def test_uneven_paddings_down_and_across_are_told_apart():
    layer = nn.Sequential(nn.Conv2d(3, 4, (3, 5), padding=(1, 2), stride=(1, 2)))
    (found,) = equivariance.paddings(wrapped(*layer, nn.Conv2d(4, 4, 1)))
    assert (found.top, found.bottom, found.left, found.right) == (1, 1, 2, 1)


def test_padding_on_the_other_side():
    network = wrapped(Conv2dSame(3, 4, 3, stride=2), nn.Conv2d(4, 4, 3, padding=1))
    first, second = equivariance.paddings(padding.swapped(network))
    assert (first.top, first.bottom, first.left, first.right) == (1, 0, 1, 0) and second.even
    # the network and the frame mirrored: what was at the bottom is at the top
    pictures = frames()
    (plain,) = equivariance.read(network, pictures, ["0"], device="cpu").values()
    mirrored = padding.swapped(network)
    with torch.no_grad():
        mirrored.module[0].weight.copy_(network.module[0].weight.flip((2, 3)))
    (turned,) = equivariance.read(mirrored, pictures.flip((2, 3)), ["0"], device="cpu").values()
    torch.testing.assert_close(turned.flip((2, 3)), plain, rtol=0, atol=ROUNDING)
    with pytest.raises(ValueError, match="no side to change"):
        padding.swapped(wrapped(nn.Conv2d(3, 4, 3, padding=1)))


def test_echo_by_hand_and_on_a_torus():
    empty = torch.zeros(1, 2, 3, 3)
    empty[0, :, 0, 0] = torch.tensor([3.0, 4.0])
    added = empty.clone()
    added[0, 0, 1, 2] += 10
    expected = torch.zeros(3, 3, dtype=torch.float64)
    expected[0, 0] = 0.5
    torch.testing.assert_close(equivariance.echo(empty, added), expected)
    with pytest.raises(ValueError, match="add nothing"):
        equivariance.echo(empty, empty)


def test_spread_positions_meet_every_place_of_the_grid_once():
    found = equivariance.spread((150, 140), stride=32, count=32, seed=3)
    assert found.shape == (32, 2) and (found >= 0).all() and (found < torch.tensor([150, 140])).all()
    for axis in (0, 1):
        assert sorted((found[:, axis] % 32).tolist()) == list(range(32))
    assert len(set((found // 32).flatten().tolist())) == 5, "from all over the frame"
    assert sorted((equivariance.spread((32, 33), stride=32, count=4)[:, 0]).tolist()) == [0, 8, 16, 24]
    with pytest.raises(ValueError, match="33 positions over a stride of 32 px"):
        equivariance.spread((150, 150), stride=32, count=33)


# Controls and derivatives


def noise(side):
    return objects.Photo(frames(side, 1)[0], "noise")


def test_polyphase_is_invariant_on_a_torus_untrained_and_a_stride_is_not():
    torch.manual_seed(1)
    adaptive = equivariance.polyphase()
    torch.manual_seed(1)
    strided = equivariance.polyphase(adaptive=False)
    assert adaptive.strides == strided.strides == (2, 4, 8)
    every = torch.cartesian_prod(torch.arange(0, 17, 3), torch.arange(0, 17, 3))
    cosines = {}
    for name, scene in {
        "circular": shifting.Roll(noise(64), 64, reach=8),
        "crop": shifting.Crop(noise(80), 64),
    }.items():
        for network in (adaptive, strided):
            found = features.of_frames(network, scene.render(every), ["pool"], device="cpu")["pool"].double()
            cosines[name, network.name] = torch.cosine_similarity(found, found[14:15]).min().item()
    assert cosines["circular", "polyphase, untrained"] == pytest.approx(1, abs=1e-9)  # float32 sums in another order
    assert cosines["circular", "strided, untrained"] < 1 - 1e-6
    assert cosines["crop", "polyphase, untrained"] < 1 - 1e-6


def test_polyphase_by_hand():
    given = torch.tensor([[1.0, 5.0], [2.0, -7.0]]).repeat(2, 2)[None, None]
    assert equivariance.Polyphase()(given).tolist() == [[[[-7.0, -7.0], [-7.0, -7.0]]]]
    assert equivariance.Polyphase()(given.roll((1, 1), (2, 3))).tolist() == [[[[-7.0, -7.0], [-7.0, -7.0]]]]


@pytest.mark.parametrize("axis", [-1, -2])
def test_lie_derivative_against_finite_differences(axis):
    network = wrapped(nn.Conv2d(3, 6, 3, stride=2, padding=1), nn.Softplus(), nn.Conv2d(6, 5, 3), nn.Tanh(), frame=17)
    network.module.double()
    pictures = frames(17).double()
    found = equivariance.lie_derivative(network, pictures, "pool", axis=axis)

    def at(by):
        shifted = equivariance.moved(pictures, (by, 0) if axis == -2 else (0, by))
        mean, std = (torch.tensor(each).double()[:, None, None] for each in (network.mean, network.std))
        with torch.no_grad():
            return network.module((shifted / 255 - mean) / std)

    step = 1e-4  # the error of a central difference goes as its square: 1e-8, of derivatives of size 1
    torch.testing.assert_close(found, (at(step) - at(-step)) / (2 * step), rtol=1e-5, atol=1e-6)
    assert found.abs().max() > 1e-3


def test_lie_derivative_of_an_equivariant_network_is_zero():
    network = wrapped(nn.Conv2d(3, 6, 3, padding=1, padding_mode="circular"), frame=17)  # linear: the mean stays
    assert equivariance.lie_derivative(network, frames(17)).abs().max() < ROUNDING
