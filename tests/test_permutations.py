"""Reorderings of features: hand-computed cosines, planted permutations, brute force, and nulls."""

import itertools

import numpy as np
import pytest
import torch

from helpers.measures import permutations

# float64 sums of at most 4,096 products of unit vectors: far below this
EXACT = 1e-12


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def test_cosines_by_hand():
    # (3, 4) and (4, 3): 24 / 25 as they are, 1 once both are (3, 4)
    assert permutations.cosine([3.0, 4.0], [4.0, 3.0]) == pytest.approx(0.96, abs=EXACT)
    assert permutations.sorted_cosine([3.0, 4.0], [4.0, 3.0]) == pytest.approx(1.0, abs=EXACT)
    # signs do not sort away: (-1, 0) and (0, 1) sort to (-1, 0) and (0, 1)
    assert permutations.sorted_cosine([0.0, -1.0], [0.0, 1.0]) == pytest.approx(0.0, abs=EXACT)


def test_a_tensor_and_an_array_give_the_same(rng):
    u, v = rng.standard_normal((2, 5, 8))
    np.testing.assert_array_equal(permutations.cosine(torch.tensor(u), torch.tensor(v)), permutations.cosine(u, v))


def test_sorting_is_the_best_of_all_permutations(rng):
    u, v = rng.standard_normal((2, 6))
    best = max(float(permutations.cosine(u, v[list(p)])) for p in itertools.permutations(range(6)))
    assert permutations.sorted_cosine(u, v) == pytest.approx(best, abs=EXACT)


def test_unrelated_gaussian_vectors_reach_0999(rng):
    pairs = permutations.others(rng.standard_normal((6, 4096)))
    assert pairs.shape == (15,)
    assert pairs.min() > 0.998 and pairs.mean() == pytest.approx(0.999, abs=1e-3)  # stated in the module


def test_others_against_a_slow_loop(rng):
    features = rng.standard_normal((4, 9))
    slow = []
    for i in range(4):
        for j in range(i + 1, 4):
            a, b = sorted(features[i]), sorted(features[j])
            top = sum(x * y for x, y in zip(a, b, strict=True))
            slow.append(top / np.sqrt(sum(x * x for x in a) * sum(y * y for y in b)))
    np.testing.assert_allclose(permutations.others(features), slow, atol=EXACT)


def test_maps_are_one_at_the_anchor_and_sorted_is_never_below_raw(rng):
    features = rng.standard_normal((4, 3, 20)).astype(np.float32)
    raw, ordered = permutations.maps(features, anchor=(1, 2))
    assert raw.shape == ordered.shape == (4, 3)
    assert raw[1, 2] == pytest.approx(1, abs=EXACT) and ordered[1, 2] == pytest.approx(1, abs=EXACT)
    assert (ordered >= raw - EXACT).all()
    assert raw[3, 0] == pytest.approx(
        np.dot(features[3, 0], features[1, 2])
        / np.linalg.norm(features[3, 0]) / np.linalg.norm(features[1, 2]),
        abs=1e-6,  # the reference here is float32
    )  # fmt: skip


def test_fit_is_the_best_of_all_permutations(rng):
    u, v = rng.standard_normal((2, 3, 6))
    scores = {p: permutations.score(u, v, permutation=p).mean() for p in itertools.permutations(range(6))}
    fitted = permutations.fit(u, v)
    assert permutations.score(u, v, permutation=fitted).mean() == pytest.approx(max(scores.values()), abs=1e-8)
    assert tuple(fitted) == max(scores, key=scores.get)


@pytest.mark.parametrize("dimensions", [16, 256])
def test_a_planted_permutation_is_recovered_and_holds_on_unseen_objects(rng, dimensions):
    planted = rng.permutation(dimensions)
    v = rng.standard_normal((5, 4, dimensions))
    u = v[..., planted]
    np.testing.assert_array_equal(permutations.fit(u.reshape(-1, dimensions), v.reshape(-1, dimensions)), planted)
    result = permutations.held_out(u, v)
    np.testing.assert_allclose(result.fitted, 1.0, atol=EXACT)
    assert result.identity.max() < 0.9 and abs(result.random.mean()) < 0.2
    np.testing.assert_allclose(result.moved, np.mean(planted != np.arange(dimensions)))


def test_unrelated_features_fit_in_training_and_fail_on_unseen_objects(rng):
    """The null of the fit: much to fit, nothing to find."""
    result = permutations.held_out(*rng.standard_normal((2, 6, 1, 400)))
    assert result.trained.mean() > 0.5
    # 6 cosines of unrelated vectors, each of standard deviation 1 / sqrt(400) = 0.05; within 4 of the mean's
    assert abs(result.fitted.mean()) < 4 * 0.05 / np.sqrt(6)
    assert result.upper.min() > 0.97 and result.others.min() > 0.97


def test_held_out_against_a_slow_loop(rng):
    u, v = rng.standard_normal((2, 3, 2, 5))
    result = permutations.held_out(u, v, draws=3)
    for out in range(3):
        train = [i for i in range(3) if i != out]
        p = permutations.fit(np.concatenate(u[train]), np.concatenate(v[train]))
        own = [float(permutations.cosine(u[out, k], v[out, k, p])) for k in range(2)]
        assert result.fitted[out] == pytest.approx(np.mean(own), abs=EXACT)
        cross = [float(permutations.sorted_cosine(u[out, k], v[i, k])) for i in train for k in range(2)]
        assert result.others[out] == pytest.approx(np.mean(cross), abs=EXACT)
        plain = [float(permutations.cosine(u[out, k], v[out, k])) for k in range(2)]
        assert result.identity[out] == pytest.approx(np.mean(plain), abs=EXACT)
        known = [float(permutations.cosine(u[i, k], v[i, k, p])) for i in train for k in range(2)]
        assert result.trained[out] == pytest.approx(np.mean(known), abs=EXACT)
        bound = [float(permutations.sorted_cosine(u[out, k], v[out, k])) for k in range(2)]
        assert result.upper[out] == pytest.approx(np.mean(bound), abs=EXACT)
        shuffles = np.random.default_rng(0)  # the seed's permutations, in the order drawn
        drawn = [shuffles.permutation(5) for _ in range(3)]
        chance = [float(permutations.cosine(u[out, k], v[out, k, q])) for q in drawn for k in range(2)]
        assert result.random[out] == pytest.approx(np.mean(chance), abs=EXACT)


def test_no_change_is_left_alone(rng):
    """Silent dimensions are tied with each other: the identity is among the best, and is the one taken."""
    u = np.maximum(rng.standard_normal((4, 1, 60)), 0)
    u[..., 30:] = 0
    result = permutations.held_out(u, u)
    np.testing.assert_array_equal(result.moved, 0)
    np.testing.assert_allclose(result.fitted, 1, atol=EXACT)


def test_a_margin_keeps_chance_from_moving_dimensions_and_finds_what_is_planted(rng):
    """60 dimensions fire for one object each: silent in training, they are shuffled by chance, at the object's cost."""
    fires = 0.5 + np.abs(rng.standard_normal((6, 1, 90)))
    fires[..., :60] *= np.arange(60) % 6 == np.arange(6)[:, None, None]
    u, v = (fires + 0.02 * np.abs(rng.standard_normal((6, 3, 90))) for _ in range(2))
    greedy, careful = permutations.held_out(u, v), permutations.held_out(u, v, margin=0.1)
    assert greedy.undone.mean() < -1 and greedy.moved.mean() > 0.05
    np.testing.assert_array_equal(careful.moved, 0)
    np.testing.assert_array_equal(careful.undone, 0)
    planted = permutations.plant(v, share=0.3, seed=1)
    assert permutations.held_out(u, planted, margin=0.1).undone.min() > 0.05
    found = careful.found(permutations.held_out(u, planted, margin=0.1))
    assert 0.5 < found.min() and found.max() < 1
    # without a margin all of it is found, net of the loss: the best permutation turns with what is planted
    np.testing.assert_allclose(greedy.found(permutations.held_out(u, planted)), 1, atol=1e-6)


def test_found_and_undone_by_hand():
    one = np.ones(1)
    plain = permutations.HeldOut(0.8 * one, one, one, 0.75 * one, one, one, one)
    planted = permutations.HeldOut(0.6 * one, one, one, 0.7 * one, one, one, one)
    # of 0.2 missing to 1, 0.05 are added; planted: 0.1 regained, 0.15 more than without, of 0.2 that were added
    np.testing.assert_allclose([plain.undone, planted.undone, plain.found(planted)], [[-0.25], [0.25], [0.75]])


def test_what_is_planted_moves_every_chosen_dimension_and_no_other(rng):
    v = np.arange(40.0)
    for seed in range(20):
        moved = permutations.plant(v, share=0.1, seed=seed) != v
        assert np.count_nonzero(moved) == 4
    half = permutations.plant(v, share=1, strength=0.5, seed=3)
    np.testing.assert_allclose(half, (v + permutations.plant(v, share=1, seed=3)) / 2)
    np.testing.assert_array_equal(np.sort(permutations.plant(v, share=1)), v)
    assert np.count_nonzero(permutations.plant(v, share=0) != v) == 2


def test_silent_dimensions_close_the_cycles_they_lie_on():
    """Dimensions 0 to 2 tell where 3 of 6 go: 0 from 1, 1 from 3, 2 from 2. Silent: 3 to 5 of u, 0, 4 and 5 of v."""
    v = np.eye(6)[[1, 3, 2]]
    u = np.eye(6)[[0, 1, 2]]
    # The chain 0 <- 1 <- 3 has a beginning, 0, that nothing took: 3 takes it; 4 and 5 stay
    np.testing.assert_array_equal(permutations.fit(u, v), [1, 3, 2, 0, 4, 5])


@pytest.mark.parametrize("seed", range(3))
def test_last_digits_do_not_decide_where_silent_dimensions_go(seed):
    """Planted in features of which a third is silent: noise of another machine's size elsewhere changes nothing."""
    rng = np.random.default_rng(seed)
    v = np.maximum(rng.standard_normal((12, 300)), 0)
    v[:, rng.permutation(300)[:100]] = 0
    planted = rng.permutation(300)
    other = v * (1 + 1e-5 * rng.standard_normal(v.shape))
    found = permutations.fit(v[:, planted], v)
    np.testing.assert_array_equal(permutations.fit(other[:, planted], other), found)
    alive = v[:, planted].any(0)
    np.testing.assert_array_equal(found[alive], planted[alive])
    # and one more dimension that fell silent moves itself and its neighbour on the cycle, no others
    other[:, planted[np.flatnonzero(alive)[0]]] = 0
    assert np.count_nonzero(permutations.fit(other[:, planted], other) != found) <= 2


def test_closing_cycles_costs_nothing_where_values_have_signs(rng):
    """Silent dimensions beside some of either sign: the best of all permutations, whatever the cycles."""
    for _ in range(20):
        u, v = rng.standard_normal((2, 2, 6))
        u[:, rng.integers(6, size=2)] = 0
        v[:, rng.integers(6, size=2)] = 0
        best = max(permutations.score(u, v, permutation=p).mean() for p in itertools.permutations(range(6)))
        found = permutations.score(u, v, permutation=permutations.fit(u, v)).mean()
        assert found == pytest.approx(best, abs=1e-8)  # ties towards the identity are worth 1e-9


def test_pairs_by_hand():
    features = np.arange(2 * 3 * 4, dtype=float).reshape(2, 3, 4, 1)
    before, after = permutations.pairs(features, displacement=(1, -2))
    # rows 0 and 1, columns 2 and 3 of the first object, and where they go
    np.testing.assert_array_equal(before[0, :, 0], [2, 3, 6, 7])
    np.testing.assert_array_equal(after[0, :, 0], [4, 5, 8, 9])
    assert permutations.pairs(features, displacement=(1, 0), step=2)[0].shape == (2, 2, 1)


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: permutations.cosine([0.0, 0.0], [1.0, 0.0]), "zero or non-finite"),
        (lambda: permutations.cosine([np.nan, 0.0], [1.0, 0.0]), "zero or non-finite"),
        (lambda: permutations.cosine([1.0, 2.0], [1.0, 2.0, 3.0]), "2 dimensions, v has 3"),
        (lambda: permutations.maps(np.ones((2, 3)), anchor=(0, 0)), "rows, columns, dimensions"),
        (lambda: permutations.maps(np.ones((2, 3, 4)), anchor=(2, 0)), "off the 2 x 3 grid"),
        (lambda: permutations.others(np.ones((1, 4))), "different objects"),
        (lambda: permutations.fit(np.ones((2, 4)), np.ones((3, 4))), "in correspondence"),
        (lambda: permutations.score([1.0, 2.0], [1.0, 2.0], permutation=[0, 0]), "each of 0"),
        (lambda: permutations.pairs(np.ones((1, 3, 3, 2)), displacement=(0, 0)), "must move"),
        (lambda: permutations.pairs(np.ones((1, 3, 3, 2)), displacement=(3, 0)), "fit the grid of 3 x 3"),
        (lambda: permutations.pairs(np.ones((1, 3, 3, 2)), displacement=(1, 0), step=0), "step 0"),
        (lambda: permutations.held_out(np.ones((1, 2, 3)), np.ones((1, 2, 3))), "at least two"),
        (lambda: permutations.held_out(np.ones((2, 2, 3)), np.ones((2, 2, 3)), draws=0), "draws 0"),
        (lambda: permutations.held_out(np.ones((2, 2, 3)), np.ones((2, 2, 3)), margin=-1), "margin -1"),
        (lambda: permutations.plant(np.ones(3), share=1.5), "share 1.5"),
        (
            lambda: permutations.HeldOut(*np.ones((7, 1))).found(permutations.HeldOut(*np.ones((7, 1)))),
            "adds no change",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_figures_hold_what_they_are_given_and_fit(rng):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from helpers.views import plots

    u, v = rng.standard_normal((2, 40))
    at = [4, 8, 16]
    lines = {key: (rng.uniform(0.2, 1, 3), np.full(3, 0.05)) for key in plots.permutations.LINES}
    figures = [
        plots.against(
            {"raw": (u, v), "sorted": (np.sort(u), np.sort(v))}, labels=[("u", "v"), ("u, sorted", "v, sorted")]
        ),
        plots.reorderings({"off-the-shelf": lines, "anti-aliased": lines}, at=at),
    ]
    for figure in figures:
        FigureCanvasAgg(figure).draw()
        box = figure.get_tightbbox(figure.canvas.get_renderer())
        width, height = figure.get_size_inches()
        # a pixel and a half: anti-aliased edges
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1.5 / figure.dpi
    drawn = [line for line in figures[1].axes[0].lines if len(line.get_xdata()) == 3]
    np.testing.assert_allclose(drawn[0].get_ydata(), lines["upper"][0])
    _, points = figures[0].axes[0].lines
    np.testing.assert_array_equal([points.get_xdata(), points.get_ydata()], [u, v])
    assert (figures[0].axes[0].get_xlabel(), figures[0].axes[0].get_ylabel()) == ("u", "v")
