"""Cosine maps against float64 NumPy, hand-computed cosines, and errors instead of silent NaNs."""

import numpy as np
import pytest
import torch

from helpers import similarity


def test_hand_computed_cosines():
    # A 1 x 3 grid: along x, at 45 degrees, along y.
    features = torch.tensor([[[2.0, 0.0], [3.0, 3.0], [0.0, 0.5]]])
    half = 2**-0.5
    # 1e-6: a few roundings of float32.
    np.testing.assert_allclose(similarity.cosine_map(features, (0, 0)), [[1, half, 0]], atol=1e-6)
    np.testing.assert_allclose(similarity.cosine_map(features, (0, 1)), [[half, 1, half]], atol=1e-6)
    np.testing.assert_allclose(similarity.cosine_map(features, "br"), [[0, half, 1]], atol=1e-6)


def test_against_float64_at_every_anchor():
    features = np.random.default_rng(0).normal(size=(7, 9, 300)) + 0.5
    unit = features / np.linalg.norm(features, axis=-1, keepdims=True)
    maps = similarity.cosine_maps(torch.from_numpy(features).float())
    assert maps.shape == (5, 7, 9) and maps.dtype == torch.float32
    at = {"tl": (0, 0), "tr": (0, 8), "c": (3, 4), "bl": (6, 0), "br": (6, 8)}
    for ours, anchor in zip(maps, similarity.ANCHORS, strict=True):
        # 2e-6: float32 inputs and a sum over 300 products.
        np.testing.assert_allclose(ours, unit @ unit[at[anchor]], atol=2e-6)
        one = similarity.cosine_map(torch.from_numpy(features).float(), anchor)
        assert torch.allclose(ours, one, atol=1e-6)


def test_length_does_not_matter_even_for_tiny_and_huge_vectors():
    features = torch.randn(2, 2, 50)
    scaled = features * torch.tensor([1e-25, 1.0, 1e15, 3.0]).view(2, 2, 1)
    # Squares of 1e-25 underflow in float32: the lengths are taken in float64.
    assert torch.allclose(similarity.cosine_maps(scaled), similarity.cosine_maps(features), atol=1e-5)


@pytest.mark.parametrize(("side", "centre"), [(150, 74), (100, 49), (125, 62), (133, 66), (1, 0), (2, 0), (3, 1)])
def test_centre_is_where_the_published_maps_have_it(side, centre):
    assert similarity.anchors((side, side))["c"] == (centre, centre)


def test_published_maps_have_their_ones_at_our_anchors(shared):
    checked = 0
    with np.load(shared / "published/maps.npz") as maps:
        for key in maps.files:
            _, layer, _, anchor = key.split("/")
            if layer != "class":
                # 1e-6: the authors' float64 values were stored as float32.
                assert maps[key][similarity.anchors(maps[key].shape)[anchor]] == pytest.approx(1, abs=1e-6), key
                checked += 1
    assert checked > 200


def test_by_distance_by_hand():
    values = np.array([[3.0, 1.0, 5.0], [2.0, 9.0, 4.0], [0.0, 7.0, 6.0]])
    at, mean, spread = similarity.by_distance(values, "c", stride=2)
    assert at.tolist() == [0, 2]
    assert mean.tolist() == [9, pytest.approx(28 / 8)]
    assert spread[1] == pytest.approx(np.std([3, 1, 5, 2, 4, 0, 7, 6]))
    at, mean, _ = similarity.by_distance(values, "tl")
    assert (at.tolist(), mean.tolist()) == ([0, 1, 2], [3, pytest.approx(4), pytest.approx(22 / 5)])


def test_a_spread_is_exact_where_it_is_tiny_beside_its_mean():
    """Squares of 1 +- 1e-9 hold it in their last digit: mean square less squared mean would give 0 or 1e-8."""
    values = 1 + 1e-9 * (-1.0) ** np.indices((5, 5)).sum(0)  # as many of either sign in each ring
    _, mean, spread = similarity.by_distance(values, "c")
    assert mean[1:] == pytest.approx(1, abs=1e-12)
    assert spread[1:] == pytest.approx(1e-9, rel=1e-6)  # 1 + 1e-9 is rounded to 2e-16


def test_profiles_by_hand():
    rows, cols = similarity.profiles(torch.tensor([[1.0, 3.0], [5.0, 7.0], [0.0, 0.0]]))
    assert rows.tolist() == [2, 6, 0]
    assert cols.tolist() == [2, pytest.approx(10 / 3)]


@pytest.mark.parametrize(
    ("poison", "word"), [(0.0, "zero"), (float("nan"), "not finite"), (float("inf"), "not finite")]
)
def test_undefined_cosines_name_layer_and_position(poison, word):
    features = torch.ones(3, 4, 2)
    features[1, 2] = poison
    with pytest.raises(ValueError, match=rf"fc6.*\(1, 2\).*{word}"):
        similarity.cosine_maps(features, layer="fc6")


def test_one_nan_among_many_is_found():
    features = torch.ones(3, 4, 200)
    features[2, 0, 117] = float("nan")
    with pytest.raises(ValueError, match=r"\(2, 0\)"):
        similarity.cosine_map(features, "c")


def test_bad_anchors_are_named():
    features = torch.ones(3, 4, 2)
    with pytest.raises(ValueError, match=r"'lt'.*tl"):
        similarity.cosine_map(features, "lt")
    for off in ((3, 0), (0, 4), (-1, 0)):
        with pytest.raises(ValueError, match="3 x 4"):
            similarity.cosine_map(features, off)
    with pytest.raises(ValueError, match=r"\(3, 4\)"):
        similarity.cosine_maps(torch.ones(3, 4))


@pytest.mark.parametrize("kind", [torch.float16, torch.bfloat16])
def test_half_precision_features_are_compared_in_full(kind):
    features = (torch.randn(3, 3, 4096, generator=torch.Generator().manual_seed(0)) * 2000).to(kind)
    maps = similarity.cosine_maps(features)  # lengths near 128,000: float16 ends at 65,504
    assert torch.allclose(maps, similarity.cosine_maps(features.double()), atol=1e-5)
    assert abs(float(maps[0, 0, 0]) - 1) < 1e-6


def test_lengths_beyond_float32_are_an_error_and_not_a_zero():
    with pytest.raises(ValueError, match="not finite"):
        similarity.cosine_maps(torch.full((1, 2, 100), 1e38))


@pytest.mark.parametrize("anchor", [(0.9, 0.9), (1,), 3, ("a", "b"), (float("nan"), 1), torch.tensor([0.5, 1.0])])
def test_anchors_that_are_no_indices_are_refused(anchor):
    with pytest.raises(ValueError, match="unknown anchor .*two integers"):
        similarity.anchor_index((4, 4), anchor)


def test_anchor_names_are_suggested_where_one_is_near():
    with pytest.raises(ValueError, match=r"unknown anchor 'TL'; did you mean 'tl'\? Use tl, tr, c, bl, br or"):
        similarity.anchor_index((4, 4), "TL")
    with pytest.raises(ValueError, match="unknown anchor 'center'; use tl, tr, c, bl, br or"):
        similarity.anchor_index((4, 4), "center")


@pytest.mark.parametrize(
    "grid", [(0, 0), (3, 0), (-1, 4), (2.5, 3), (3, float("nan")), (3,), (3, 3, 3), ("3", 3)], ids=str
)
def test_a_grid_is_two_integers_of_at_least_one(grid):
    with pytest.raises(ValueError, match="two integers of at least 1"):
        similarity.anchors(grid)
    assert similarity.anchors((np.int64(3), 5))["c"] == (1, 2)


@pytest.mark.parametrize(
    "values",
    [np.full((3, 3), np.nan), np.diag([1, np.inf, 1]), np.ones(3), np.ones((0, 3))],
    ids=["NaN", "infinite", "a line", "empty"],
)
def test_distances_are_of_finite_maps(values):
    with pytest.raises(ValueError, match=r"\(R, C\) and finite|two integers of at least 1"):
        similarity.by_distance(values, "c")
