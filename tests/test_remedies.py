"""Remedies: hand-computed cases, slow references, planted directions, and the head of a real network."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from helpers import features, networks
from helpers.measures import padding, remedies, variation

RNG = np.random.default_rng


def cosine(a, b) -> float:
    return float(a @ b / np.sqrt((a @ a) * (b @ b)))


# Places


def test_neighbourhoods_stay_on_the_grid() -> None:
    found = remedies.neighbourhoods((6, 9), stride=4, reach=2)  # rows 0, 4; columns 0, 4, 8
    assert found.shape == (2, 3, 3, 3, 2)
    for r, row in enumerate([[0, 1, 2], [4, 3, 2]]):  # 4 + 2 is off: upwards
        for c, col in enumerate([[0, 1, 2], [4, 5, 6], [8, 7, 6]]):
            assert found[r, c].tolist() == [[[i, j] for j in col] for i in row]
    with pytest.raises(ValueError, match="reach 5 px leaves a grid of"):
        remedies.neighbourhoods((6, 9), stride=4, reach=5)  # row 4: to 9, or to -1
    with pytest.raises(ValueError, match="reach 0"):
        remedies.neighbourhoods((6, 9), stride=4, reach=0)


def test_steps_are_the_walks_of_one_pixel() -> None:
    walks = remedies.steps(remedies.neighbourhoods((40, 40), stride=13))
    assert walks.shape == (4, 4, 3, 2)
    down, right = walks[..., 1, :] - walks[..., 0, :], walks[..., 2, :] - walks[..., 0, :]
    assert (np.abs(down) == [1, 0]).all() and (np.abs(right) == [0, 1]).all()
    assert walks[1, 2, 0].tolist() == [13, 26] and walks.min() >= 0 and walks.max() <= 39


# What changes


def test_change_by_hand() -> None:
    """Two objects, 90 degrees apart, at two places: 60 between them; a pixel turns by 60 once, else by 0."""

    def turned(*degrees):
        return [[np.cos(np.deg2rad(d)), np.sin(np.deg2rad(d))] for d in degrees]

    one = [turned(0, 0, 60), turned(60, 60, 60)]  # first place: the pixel to the right turns by 60; second: none
    two = [turned(90, 90, 90), turned(150, 150, 150)]
    near = np.array([[one], [two]])  # (2, 1, 2, 3, 2)
    found = remedies.change(near)
    assert found.different == pytest.approx([0, 0], abs=1e-12)
    assert found.overall == pytest.approx([0.5, 0.5])  # s = cos 60, d = cos 90
    assert found.pixel == pytest.approx([0.5 / 4, 0], abs=1e-12)  # one of two places, one of two directions
    assert found.local == pytest.approx(found.pixel, abs=1e-12)  # 1 - d is 1


def test_change_against_loops() -> None:
    near, blank = RNG(0).normal(1, 1, (3, 2, 2, 3, 5)), RNG(1).normal(size=5)
    found = remedies.change(near.astype(np.float32), blank=blank.astype(np.float32))
    left, at = near - blank, [(0, 0), (0, 1), (1, 0), (1, 1)]
    for n in range(3):
        d = np.mean([cosine(left[n][p][0], left[m][p][0]) for m in range(3) if m != n for p in at])
        s = np.mean([cosine(left[n][p][0], left[n][q][0]) for p in at for q in at if p != q])
        pixel = np.mean([1 - cosine(left[n][p][0], left[n][p][k]) for p in at for k in (1, 2)])
        # float32 input: 6e-8 relative, over differences as small as 1 - d
        assert found.different[n] == pytest.approx(d, abs=1e-5)
        assert found.overall[n] == pytest.approx((1 - s) / (1 - d), rel=1e-5)
        assert found.pixel[n] == pytest.approx(pixel, rel=1e-5)
        assert found.local[n] == pytest.approx(pixel / (1 - d), rel=1e-5)


def test_change_is_not_fooled_by_features_that_are_all_alike() -> None:
    """What every picture shares, made larger, makes cosines high and calibrated shares hardly other."""
    near = RNG(0).normal(size=(4, 3, 3, 3, 400))
    alike = near + 3.0
    plain, raised = remedies.change(near), remedies.change(alike)
    assert (raised.pixel < plain.pixel / 5).all()
    assert raised.local == pytest.approx(plain.local, rel=0.05)  # random vectors of 400: cosines of 0.05
    with pytest.raises(ValueError, match=r"objects, rows, columns, 3 steps"):
        remedies.change(near[:, :, :, :2])


# Averages


def test_average_by_hand_and_against_loops() -> None:
    patch = np.arange(9.0).reshape(3, 3, 1)
    assert remedies.average(patch, 2)[..., 0].tolist() == [[2, 3], [5, 6]]  # (0 + 1 + 3 + 4) / 4, ...
    assert np.array_equal(remedies.average(patch, 1), patch) and remedies.average(patch, 3).tolist() == [[[4]]]
    patches = RNG(0).normal(size=(2, 5, 4, 3)).astype(np.float32)
    found = remedies.average(patches, 3)
    assert found.shape == (2, 3, 2, 3) and found.dtype == np.float64
    for n in range(2):
        for r in range(3):
            for c in range(2):
                total = sum(patches[n, r + i, c + j].astype(np.float64) for i in range(3) for j in range(3))
                np.testing.assert_allclose(found[n, r, c], total / 9, rtol=0, atol=1e-12)  # float64 rounding
    for k in (0, 5):
        with pytest.raises(ValueError, match=str(k)):
            remedies.average(patches, k)


@pytest.mark.parametrize("period, k", [(2, 2), (2, 3), (2, 4), (4, 2), (4, 4)])
def test_average_takes_out_the_periods_that_divide_it(period: int, k: int) -> None:
    tile = RNG(0).normal(size=(period, period, 6))
    lattice = np.tile(tile, (3, 3, 1))
    spread = np.ptp(remedies.average(lattice, k), axis=(0, 1)).max()
    assert (spread < 1e-12) == (k % period == 0)


# Ablation


def planted(noise: float = 0.0, n: int = 4, side: int = 4):
    """Features of n objects: an identity each, and (row, col) along two directions that all of them share."""
    generator = RNG(3)
    ways = np.linalg.qr(generator.normal(size=(20, 2)))[0]
    places = np.stack(np.indices((side, side)), -1).reshape(-1, 2) * 10.0
    own = generator.normal(size=(n, 1, 20)) * 50
    values = own + 0.3 * places @ ways.T + noise * generator.normal(size=(n, len(places), 20))
    return values, places, ways


def test_directions_of_position_are_found_and_taken_out() -> None:
    values, places, ways = planted(noise=0.03)
    found = remedies.position_directions(values, places, count=2)
    np.testing.assert_allclose(found.T @ found, np.eye(2), atol=1e-12)
    # the planted plane and the found one: cosines of the angles between them
    assert np.linalg.svd(found.T @ ways)[1].min() > 0.99
    left = remedies.ablate(values, found, mean=values.mean((0, 1)))
    moved = [np.square(each - each.mean(1, keepdims=True)).mean() for each in (left, values)]
    assert moved[0] < 0.05 * moved[1]  # what is left is noise: 0.03 against 0.3 * 11
    np.testing.assert_allclose((left - values.mean((0, 1))) @ found, 0, atol=1e-9)
    np.testing.assert_allclose(left.mean((0, 1)), values.mean((0, 1)), atol=1e-9)


def test_directions_against_ridge_in_full() -> None:
    """The first two span what scikit-learn's ridge finds; the next two what it finds in what the first leave."""
    from sklearn.linear_model import Ridge

    values, places, _ = planted(noise=1.0)
    found = remedies.position_directions(values, places, count=4, alpha=0.01)
    points = (values - values.mean(1, keepdims=True)).reshape(-1, 20)
    for k in (0, 2):
        machine = Ridge(alpha=0.01 * np.square(points).sum()).fit(points, np.tile(places, (4, 1)))
        plane = np.linalg.qr(machine.coef_.T)[0]
        assert np.linalg.svd(found[:, k : k + 2].T @ plane)[1].min() > 1 - 1e-8
        points = points - points @ plane @ plane.T
    np.testing.assert_allclose(found.T @ found, np.eye(4), atol=1e-9)
    assert remedies.position_directions(values, places, count=3, alpha=0.01) == pytest.approx(found[:, :3])


def test_directions_refuse_what_they_cannot_span() -> None:
    values, places, _ = planted()  # without noise the objects move in two directions only
    assert remedies.position_directions(values, places, count=2).shape == (20, 2)
    with pytest.raises(ValueError, match="3 directions, but the points span only 2"):
        remedies.position_directions(values, places, count=3)
    with pytest.raises(ValueError, match="places"):
        remedies.position_directions(values, places[1:], count=2)
    with pytest.raises(ValueError, match="count 0"):
        remedies.position_directions(values, places, count=0)


def test_random_directions_follow_the_features() -> None:
    values = RNG(0).normal(size=(5, 40, 30)) * np.r_[100.0, np.ones(29)]
    found = remedies.random_directions(values, count=1, seed=1)
    assert abs(found[0, 0]) > 0.99  # where nearly all of the variance is
    lifted = remedies.random_directions(values + 1e4 * np.eye(30)[1], count=1, seed=1)
    np.testing.assert_allclose(lifted, found, atol=1e-9)  # where they lie is no part of how they vary
    many = remedies.random_directions(values, count=6, seed=1)
    np.testing.assert_allclose(many.T @ many, np.eye(6), atol=1e-12)
    assert not np.allclose(many, remedies.random_directions(values, count=6, seed=2))
    with pytest.raises(ValueError, match="30 directions"):
        remedies.random_directions(values, count=30)


def test_without_position_asks_the_others_only() -> None:
    values, places, _ = planted(noise=0.5)
    near = RNG(1).normal(size=(4, 2, 3, 20))
    found = remedies.without_position(near, values, places, count=2)
    drawn = remedies.without_position(near, values, places, count=2, seed=7)
    for i in range(4):
        rest = [values[k] for k in range(4) if k != i]
        ways, mean = remedies.position_directions(rest, places, count=2), np.mean(rest, (0, 1))
        np.testing.assert_allclose((found[i] - mean) @ ways, 0, atol=1e-9)  # float64 rounding of values near 50
        chance = remedies.random_directions(rest, count=2, seed=7 + i)
        np.testing.assert_allclose((drawn[i] - mean) @ chance, 0, atol=1e-9)
        off = near[i] - found[i]  # what was taken out lies in the two directions
        np.testing.assert_allclose(off, off @ ways @ ways.T, atol=1e-9)
    own = values.copy()
    own[0] = RNG(2).normal(size=own[0].shape)
    again = remedies.without_position(near, own, places, count=2)
    assert np.array_equal(again[0], found[0]) and not np.allclose(again[1], found[1])
    with pytest.raises(ValueError, match="3 and 4 objects"):
        remedies.without_position(near[:3], values, places, count=2)


# Neighbours


def test_neighbour_changes_by_hand() -> None:
    """Angles in degrees. The picture at 0 has its neighbour at 40; moved to -10 it is nearer to the one at -45."""
    angle = np.deg2rad
    at = np.array([0.0, 1.0, 40.0, -45.0])
    groups = ["a", "a", "b", "c"]
    before = np.stack([np.cos(angle(at)), np.sin(angle(at))], -1)
    moves = np.array([[0, -10], [1, 2], [40, 40], [-45, -44]])  # of each picture two
    after = np.stack([np.cos(angle(moves)), np.sin(angle(moves))], -1)
    # 0 -> {40, -45}: 40; at -10: -45, changed. 1 -> 40 in both. 40 -> {0, 1, -45}: 1. -45 -> 0 in both.
    assert remedies.neighbour_changes(before, 3 * after, groups=groups) == {"a": 0.25, "b": 0, "c": 0}
    with pytest.raises(ValueError, match="all pictures are of a"):
        remedies.neighbour_changes(before, after, groups=["a"] * 4)
    with pytest.raises(ValueError, match="give"):
        remedies.neighbour_changes(before, after[:3], groups=groups)


def test_neighbour_changes_against_loops() -> None:
    generator = RNG(5)
    before, groups = generator.normal(size=(9, 4)), np.repeat(["x", "y", "z"], 3)
    after = before[:, None] + 0.5 * generator.normal(size=(9, 3, 4))
    expected = {"x": [], "y": [], "z": []}
    for p in range(9):
        others = [q for q in range(9) if groups[q] != groups[p]]
        first = max(others, key=lambda q: cosine(before[p], before[q]))
        for m in range(3):
            expected[groups[p]].append(max(others, key=lambda q: cosine(after[p, m], before[q])) != first)
    found = remedies.neighbour_changes(before, after, groups=groups)
    assert found == pytest.approx({name: np.mean(each) for name, each in expected.items()})
    assert 0 < sum(found.values()) < 3


# Networks


def test_scores_are_those_of_the_network() -> None:
    network = networks.load("demo_resnet")
    frames = torch.randint(0, 256, (3, 3, network.frame, network.frame), dtype=torch.uint8)
    found = features.of_frames(network, frames, ["pool", network.logits], device="cpu")
    # float32, with batch norms folded on one side: rounding
    scores = remedies.scores(network, "pool", found["pool"])
    np.testing.assert_allclose(scores, found[network.logits], rtol=1e-4, atol=1e-4)
    assert remedies.scores(network, "pool", found["pool"][None].double().numpy()).shape == (1, 3, len(network.labels))
    assert remedies.scores(network, network.logits, scores) is scores
    small = networks.wrap(nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten()), {"mid": "0:mean", "fc": ""}, frame=8)
    with pytest.raises(ValueError, match="not made of 'mid' by one linear layer: use 'pool', or"):
        remedies.scores(small, "mid", np.zeros((1, 4)))


def test_operations_by_hand() -> None:
    convolution = nn.Conv2d(3, 4, 3, padding=1, bias=False)
    module = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5))
    network = networks.wrap(module, {"pool": "3:input", "fc": ""}, frame=8)
    conv, linear = 2 * 8 * 8 * 4 * 3 * 9, 2 * 4 * 5  # a multiplication and an addition each
    assert remedies.operations(network) == conv + linear
    assert remedies.operations(network, 16) == 4 * conv + linear
    same = padding.replace(network, mode="circular")
    assert remedies.operations(same) == conv + linear


def test_an_exactly_invariant_network_leaves_nothing_to_remedy() -> None:
    """One convolution of stride 1, circular padding and an average: nothing moves, at one pixel and over the frame."""
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 8, 3, padding=1, padding_mode="circular")
    module = nn.Sequential(convolution, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5))
    network = networks.wrap(module, {"pool": "3:input", "fc": ""}, frame=24)
    places = torch.from_numpy(remedies.steps(remedies.neighbourhoods((12, 12), stride=5)).reshape(-1, 2))
    near = []
    for seed in range(2):
        thing = torch.randint(0, 256, (3, 12, 12), dtype=torch.uint8, generator=torch.Generator().manual_seed(seed))
        frames = torch.full((len(places), 3, 24, 24), 255, dtype=torch.uint8)
        for frame, (row, col) in zip(frames, places.tolist(), strict=True):
            frame[:, row : row + 12, col : col + 12] = thing // (seed + 1)
        near.append(features.of_frames(network, frames, ["pool"], device="cpu")["pool"].view(3, 3, 3, -1))
    found = remedies.change(np.stack(near))
    # float32 sums in another order, over 1 - d, which two random pictures leave at about 0.05
    assert np.abs(found.local).max() < 1e-4 and np.abs(found.overall).max() < 1e-4
    assert variation.calibrate(np.stack(near)[..., 0, :]).invariance == pytest.approx(1 - found.overall)
