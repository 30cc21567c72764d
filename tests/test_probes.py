"""Position probes: hand-made features with known answers, slow references, and nulls."""

import warnings

import numpy as np
import pytest
import torch
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.svm import SVC
from threadpoolctl import threadpool_info, threadpool_limits

from helpers.measures import probes
from helpers.measures.probes import same_object, solver

GRID = (10, 12)


@pytest.fixture
def rng():
    return np.random.default_rng(11)


def coordinates(grid=GRID):
    return np.stack(np.indices(grid), -1).astype(float)


def smooth(rng, grid=GRID, d=20, waves=3):
    """A smooth random field (R, C, D): a few cosines of random direction and phase per dimension."""
    row, col = np.indices(grid)
    field = 0.0
    for _ in range(waves):
        down, right, phase = rng.uniform(-1, 1, (3, d))
        field = field + np.cos(row[..., None] * down + col[..., None] * right + 6 * phase)
    return field


# labels and folds


def test_halves_by_hand():
    np.testing.assert_array_equal(probes.labels((4, 2), "top/bottom")[:, 0], [False, False, True, True])
    np.testing.assert_array_equal(probes.labels((2, 4), "left/right")[0], [False, False, True, True])
    # odd: the lower, or right, half takes the middle line
    np.testing.assert_array_equal(probes.labels((3, 2), "top/bottom")[:, 1], [False, True, True])


def test_folds_are_scikit_learns_and_leave_bands_out():
    for divide in probes.DIVIDES:
        truth = probes.labels(GRID, divide)
        fold = probes.folds(truth)
        split = StratifiedKFold(5, shuffle=False).split(np.zeros(truth.size), truth.ravel())
        for index, (_, test) in enumerate(split):
            np.testing.assert_array_equal(np.flatnonzero(fold.ravel() == index), test)
    # top/bottom, 10 rows: fold k leaves out row k of the upper and row k of the lower half, whole
    fold = probes.folds(probes.labels(GRID, "top/bottom"))
    np.testing.assert_array_equal(fold, np.tile(np.arange(5), 2)[:, None] + np.zeros(12, int))
    # left/right: bands of two rows across the frame
    fold = probes.folds(probes.labels(GRID, "left/right"))
    np.testing.assert_array_equal(fold, np.repeat(np.arange(5), 2)[:, None] + np.zeros(12, int))


def test_tiles_are_a_latin_square():
    fold = probes.tiles((10, 15), count=5)
    assert (fold[:2, :3] == fold[0, 0]).all()  # compact tiles of 2 x 3
    blocks = fold[::2, ::3]
    for line in (*blocks, *blocks.T):
        assert sorted(line) == [0, 1, 2, 3, 4]


# the solver


@pytest.mark.parametrize("shape", [(30, 80), (80, 30)])
def test_reduce_keeps_all_distances(rng, shape):
    points = rng.standard_normal(shape).astype(np.float32)
    reduced = probes.reduce(points)
    assert reduced.shape[1] <= min(shape)
    difference = (np.linalg.norm(a[:, None] - a, axis=-1) for a in (points.astype(float), reduced))
    # axes under 1e-6 of the largest are left out, and the squares resolve no more than 1e-8
    np.testing.assert_allclose(*difference, atol=1e-5)


def test_reduce_takes_a_grid_of_positions(rng):
    grid = rng.standard_normal((5, 6, 80))
    np.testing.assert_array_equal(probes.reduce(grid).reshape(30, -1), probes.reduce(grid.reshape(30, 80)))


def test_reduce_keeps_axes_down_to_a_millionth_of_the_largest(rng):
    points = np.linalg.qr(rng.standard_normal((60, 4)))[0] * [1, 1e-3, 1e-5, 1e-7]
    assert probes.reduce(points).shape == (60, 3)


def test_reduce_finds_the_rank_and_survives_constants(rng):
    low = rng.standard_normal((40, 3)) @ rng.standard_normal((3, 100))
    assert probes.reduce(low).shape == (40, 3)
    np.testing.assert_array_equal(probes.reduce(np.full((6, 4), 7.0)), np.zeros((6, 1)))


def test_decide_by_hand():
    # -1 and 1 on a line, hard margin: the plane is at 0, the margins at the points
    np.testing.assert_allclose(
        probes.decide(np.array([[-1.0], [1.0]]), [False, True], test=np.array([[0.5], [3.0]])),
        [0.5, 3.0],
        atol=1e-3,
    )  # tolerance: SVC's own stopping rule is 1e-3
    # C = 0.25 caps the multipliers: w = 2 * 0.25 = 0.5, b = 0
    np.testing.assert_allclose(
        probes.decide(np.array([[-1.0], [1.0]]), [False, True], test=np.array([[1.0]]), c=0.25), [0.5], atol=1e-3
    )


@pytest.mark.parametrize("products", [300, 0])
def test_decide_adds_to_its_working_set_until_it_is_the_svm_of_all_points(rng, monkeypatch, products):
    monkeypatch.setattr(solver, "FIRST", 20)
    monkeypatch.setattr(solver, "PRODUCTS", products)
    train, test = rng.standard_normal((400, 5)), rng.standard_normal((50, 5))
    truth = train[:, 0] + 0.5 * rng.standard_normal(400) > 0
    expected = SVC(kernel="linear", C=1).fit(train, truth).decision_function(test)
    # tolerance: SVC's own stopping rule is 1e-3, for either
    np.testing.assert_allclose(probes.decide(train, truth, test=test), expected, atol=1e-2)
    few = np.linspace(0, 399, 20).astype(int)
    first = SVC(kernel="linear", C=1).fit(train[few], truth[few]).decision_function(test)
    assert np.abs(first - expected).max() > 0.1  # the first set alone would not do


# the paper's probe


@pytest.mark.parametrize("divide", probes.DIVIDES)
@pytest.mark.parametrize("exact", [False, True])
def test_probe_is_scikit_learns_cross_validation(rng, divide, exact):
    features = smooth(rng, d=300) + 0.5 * rng.standard_normal((*GRID, 300))
    result = probes.probe(features, divide, exact=exact)
    truth = probes.labels(GRID, divide).ravel()
    expected = cross_val_score(SVC(kernel="linear", C=1), features.reshape(len(truth), -1), truth, cv=5)
    # exact: the same numbers to the same solver. Reduced: a position whose answer hangs on the solver's
    # stopping rule (1e-3) may differ: one of the 24 of a fold.
    np.testing.assert_allclose(result.folds, expected, atol=1e-12 if exact else 1 / 24 + 1e-12)
    assert result.accuracy == pytest.approx(np.mean(result.folds))
    assert 0.5 < result.accuracy < 1.0  # a case in between, or the comparison would be idle


def test_an_accuracy_is_the_mean_over_folds_where_they_differ_in_size(rng):
    """As `cross_val_score`'s mean is; all positions taken together would give the larger folds more weight."""
    result = probes.probe(smooth(rng, (7, 9)) + 3 * rng.standard_normal((7, 9, 20)), "left/right")
    truth = probes.labels((7, 9), "left/right")
    together = (result.correct[truth].mean() + result.correct[~truth].mean()) / 2
    assert result.accuracy == result.folds.mean() and abs(result.accuracy - together) > 1e-4


def test_exact_is_not_the_fast_solver(rng, monkeypatch):
    """Or comparing the two would compare the fast one with itself."""
    monkeypatch.setattr(same_object, "decide", None)
    assert 0.5 < probes.probe(smooth(rng), exact=True).accuracy <= 1.0


@pytest.mark.parametrize("grid", [(10, 12), (7, 9)])
@pytest.mark.parametrize("divide", probes.DIVIDES)
def test_constant_features_give_chance(grid, divide):
    assert probes.probe(np.full((*grid, 5), 3.0), divide, count=3).accuracy == 0.5


def test_coordinates_among_the_features_are_found(rng):
    objects = [np.concatenate([0.1 * smooth(rng), coordinates()], -1) for _ in range(2)]
    assert probes.probe(objects[0], "left/right").accuracy > 0.97
    for divide in probes.DIVIDES:
        assert probes.unseen(objects, divide).accuracy.min() > 0.97


def test_coordinates_alone_fall_short_beside_the_line_in_the_paper_mode():
    """The band beside the dividing line is held out whole; the widest margin then lies in the band's middle."""
    features = coordinates((20, 20))
    # fold 0 lacks rows 10 and 11: the plane lies midway between 9 and 12, and row 10 is on its wrong side
    np.testing.assert_allclose(probes.probe(features, "top/bottom").folds, [0.75, 1, 1, 1, 0.75])
    assert probes.probe(features, "left/right").accuracy == 1.0


def test_noise_gives_chance(rng):
    # 120 positions x 5 draws, standard deviation of the mean 0.5 / sqrt(600) = 0.02: within 5 of them
    found = [probes.probe(rng.standard_normal((*GRID, 8))).accuracy for _ in range(5)]
    assert abs(np.mean(found) - 0.5) < 0.1


def test_a_map_of_ones_own_labels(rng):
    chequered = np.indices(GRID).sum(0) % 2 == 0
    features = np.stack([chequered * 2.0, rng.standard_normal(GRID)], -1)
    result = probes.probe(torch.tensor(features), chequered)
    assert result.accuracy == 1.0 and result.correct.all()
    np.testing.assert_array_equal(result.decision > 0, chequered)


def test_probes_is_probe_of_each(rng):
    objects = [smooth(rng) for _ in range(2)]
    together = probes.probes(objects, "left/right")
    np.testing.assert_array_equal(together[1].decision, probes.probe(objects[1], "left/right").decision)


# where it is, in pixels


def test_rows_and_columns_may_have_strides_of_their_own():
    result = probes.locate(coordinates(), stride=(4, 7), alpha=1e-9)
    np.testing.assert_allclose(result.predicted, coordinates() * [4, 7], atol=1e-4)  # alpha shrinks by about 1e-9


@pytest.mark.parametrize("split", ["tiles", "bands", "random"])
def test_coordinates_are_located(split):
    result = probes.locate(coordinates(), stride=4, split=split, alpha=1e-9)
    np.testing.assert_allclose(result.predicted, 4 * coordinates(), atol=1e-4)  # alpha shrinks by about 1e-9
    np.testing.assert_allclose(result.r2, 1, atol=1e-8)


def test_constant_features_locate_no_better_than_the_mean():
    result = probes.locate(np.ones((*GRID, 3)))
    # the mean of the training positions is about the mean of the grid: R^2 at most 0
    assert (result.r2 <= 0).all() and (result.r2 > -0.1).all()


@pytest.mark.parametrize("split", ["tiles", "bands", "random"])
def test_locate_never_sees_the_positions_it_is_asked_about(rng, split):
    """More dimensions of noise than positions fit any training position exactly, and tell nothing of others."""
    assert probes.locate(rng.standard_normal((*GRID, 200)), split=split).r2.max() < 0.2


def test_the_splits_hold_out_what_they_say():
    row, col = np.indices(GRID)
    names = np.concatenate([np.eye(10)[row], np.eye(12)[col]], -1)  # a dimension for each row and each column
    # seen in other columns or rows, a row or column is known by its name; held out whole, it has none
    for split in ("tiles", "random"):
        assert probes.locate(names, split=split).r2.min() > 0.9
    assert probes.locate(names, split="bands").r2.max() < 0.2
    # the code of every fifth position is another: unknown where all of these are held out at once
    code = np.eye(5)[(12 * row + col) % 5][..., None] * np.stack([row, col, np.ones(GRID)], -1)[:, :, None]
    assert probes.locate(code.reshape(*GRID, 15), split="random").r2.min() > 0.9


def test_r2_by_hand():
    from helpers.measures.probes.same_object import location

    truth = np.array([[0.0, 0.0], [2.0, 4.0]])
    result = location(np.array([[0.0, 2.0], [1.0, 2.0]]), truth, grid=(1, 2))
    np.testing.assert_allclose(result.r2, [1 - 0.5 / 1, 0])  # rows: error^2 0.5, variance 1; columns: the mean
    np.testing.assert_allclose(result.error, [np.sqrt(0.5), 2])


def test_ridge_against_the_normal_equations(rng):
    from helpers.measures.probes.solver import ridge

    train, test, target = (
        rng.standard_normal((30, 4)) + 2,
        rng.standard_normal((5, 4)),
        rng.standard_normal(30),
    )
    mean = train.mean(0)
    penalty = 0.01 * np.square(train - mean).sum()
    augmented = np.vstack([np.hstack([train - mean, np.ones((30, 1))]), np.zeros((4, 5))])
    augmented[30:, :4] = np.sqrt(penalty) * np.eye(4)
    weights = np.linalg.lstsq(augmented, np.append(target, np.zeros(4)), rcond=None)[0]
    np.testing.assert_allclose(ridge(train, target, test=test, alpha=0.01), (test - mean) @ weights[:4] + weights[4])


# unseen objects


def shared(rng, count=6, noise=0.3):
    """Objects whose features hold the coordinates the same way, beside a field of their own."""
    return [
        np.concatenate([smooth(rng), coordinates() + noise * rng.standard_normal((*GRID, 2))], -1) for _ in range(count)
    ]


def test_position_shared_by_objects_is_read_from_unseen_ones(rng):
    objects = shared(rng)
    assert probes.unseen(objects).accuracy.min() > 0.85
    assert probes.locate_unseen(objects, stride=2).r2.min() > 0.8


def private(rng, count=12):
    """Objects that hold the coordinates in two dimensions of 40, with a sign, of each one's own."""
    objects = []
    for _ in range(count):
        code = np.zeros((2, 40))
        code[:, rng.permutation(40)[:2]] = np.diag(rng.choice([-1.0, 1.0], 2))
        objects.append(coordinates() @ code + 0.01 * rng.standard_normal((*GRID, 40)))
    return objects


def test_position_of_each_objects_own_kind_is_not(rng):
    """The surprise of the notebook: within each object readable, for another object worthless."""
    objects = private(rng)
    assert min(probe.accuracy for probe in probes.probes(objects, "left/right")) > 0.95
    # 12 objects, each anywhere between 0 and 1: standard deviation of the mean at most 0.5 / sqrt(12)
    assert abs(probes.unseen(objects, "left/right").accuracy.mean() - 0.5) < 0.3
    assert probes.swap_test(objects, "left/right", draws=200).p_value > 0.01


def test_locate_unseen_never_sees_the_object_it_is_asked_about(rng):
    objects = private(rng)
    assert min(probes.locate(item).r2.min() for item in objects) > 0.95
    assert probes.locate_unseen(objects).r2.mean() < 0.2
    # copies: known by the twin, unless it is held out together with it
    copies = [item for item in private(rng, 4) for _ in range(2)]
    assert probes.locate_unseen(copies).r2.mean() > 0.5
    assert probes.locate_unseen(copies, groups=np.arange(8) // 2).r2.mean() < 0.2


def test_a_pool_answers_as_its_objects_do(rng):
    objects, groups = shared(rng, 4), [0, 0, 1, 2]
    pool = probes.Pool(objects)
    for divide in probes.DIVIDES:
        found, expected = (probes.unseen(each, divide, groups=groups).decision for each in (pool, objects))
        np.testing.assert_array_equal(found, expected)
        found, expected = (probes.swap_test(each, divide, groups=groups).null for each in (pool, objects))
        np.testing.assert_array_equal(found, expected)
    found, expected = (probes.locate_unseen(each, groups=groups).predicted for each in (pool, objects))
    np.testing.assert_array_equal(found, expected)


def test_locate_unseen_against_a_slow_loop(rng):
    objects, groups = shared(rng, 4), np.array([0, 0, 1, 2])
    truth = coordinates().reshape(-1, 2)
    found = probes.locate_unseen(objects, groups=groups, alpha=0.01).predicted
    for out, item in enumerate(objects):
        train = np.concatenate([objects[i].reshape(len(truth), -1) for i in range(4) if groups[i] != groups[out]])
        target = np.tile(truth, (len(train) // len(truth), 1))
        expected = solver.ridge(train, target, test=item.reshape(len(truth), -1), alpha=0.01)
        # of pixels; sums of 500 float64 products, in another order, and an inverse that loses four digits at most
        np.testing.assert_allclose(found[out].reshape(-1, 2), expected, atol=1e-8)


def test_training_objects_that_never_change_give_the_mean(rng):
    objects = [smooth(rng), np.full((*GRID, 20), 3.0), np.full((*GRID, 20), 3.0)]
    found = probes.locate_unseen(objects).predicted[0]
    np.testing.assert_allclose(found, np.broadcast_to(np.stack(np.indices(GRID), -1).mean((0, 1)), found.shape))


def test_the_products_at_hand_are_those_the_svm_makes(rng, monkeypatch):
    objects = [smooth(rng) for _ in range(4)]
    known = probes.unseen(objects, groups=[0, 1, 1, 2]).decision
    monkeypatch.setattr("helpers.measures.probes.unseen_objects.PRODUCTS", 0)
    # where an SVM stops, 1e-5 of the margins
    np.testing.assert_allclose(known, probes.unseen(objects, groups=[0, 1, 1, 2]).decision, atol=1e-4)


def test_unseen_never_sees_the_groups_other_objects(rng):
    """Two copies of each object: held out together, the twin can't help."""
    private = [smooth(rng, d=60) for _ in range(3)]
    copies = [item for item in private for _ in range(2)]
    alone = probes.unseen(copies).accuracy
    together = probes.unseen(copies, groups=[0, 0, 1, 1, 2, 2]).accuracy
    assert alone.min() == 1.0 and together.mean() < 0.9


def test_unseen_against_a_slow_loop(rng):
    objects = [smooth(rng) for _ in range(3)]
    truth = probes.labels(GRID, "top/bottom").ravel()
    for out, found in enumerate(probes.unseen(objects).accuracy):
        train = np.concatenate([objects[i].reshape(120, -1) for i in range(3) if i != out])
        machine = SVC(kernel="linear", C=1).fit(train, np.tile(truth, 2))
        # one of the 120 positions may hang on the solver's stopping rule
        assert found == pytest.approx(machine.score(objects[out].reshape(120, -1), truth), abs=1.5 / 120)


# p-values


def test_swap_test_against_refitting(rng):
    """Every pattern refitted from scratch gives the null that the sums give."""
    from helpers.measures.probes.same_object import balanced
    from helpers.measures.probes.solver import ridge

    objects = [smooth(rng, (5, 4), d=6) for _ in range(4)]
    result = probes.swap_test(objects, alpha=0.01)
    assert result.exact and len(result.null) == 8
    truth = probes.labels((5, 4), "top/bottom").ravel()
    slow = []
    for pattern in range(8):
        swap = [False, *(bool(pattern >> bit & 1) for bit in range(3))]
        named = [truth ^ s for s in swap]
        scores = []
        for out in range(4):
            train = [i for i in range(4) if i != out]
            points = np.concatenate([objects[i].reshape(20, -1) for i in train])
            target = np.concatenate([np.where(named[i], 1.0, -1.0) for i in train])
            answer = ridge(points, target, test=objects[out].reshape(20, -1), alpha=0.01) > 0
            scores.append(balanced(answer == named[out], named[out]))
        slow.append(np.mean(scores))
    np.testing.assert_allclose(result.null, slow, atol=1e-12)
    assert result.p_value == np.mean(np.array(slow) >= slow[0] - 1e-12)


@pytest.mark.parametrize("grid", [(6, 8), (5, 7)])
@pytest.mark.parametrize("draws", [4, 1024])
def test_swap_test_tells_nothing_of_constant_features(grid, draws):
    for divide in probes.DIVIDES:
        result = probes.swap_test([np.ones((*grid, 3))] * 4, divide, draws=draws)
        np.testing.assert_allclose(result.null, 0.5, atol=1e-12)
        assert result.observed == pytest.approx(0.5, abs=1e-12) and result.p_value == 1


def test_swap_test_finds_what_is_shared(rng):
    result = probes.swap_test(shared(rng, 8))
    assert result.observed > 0.85 and result.p_value == 1 / 128  # the least that 8 objects can give
    drawn = probes.swap_test(shared(rng, 8), draws=99)
    assert not drawn.exact and len(drawn.null) == 100 and 1 / 100 <= drawn.p_value < 0.06


def test_swap_test_is_level_under_its_null(rng):
    """Private fields: a p-value under 0.25 comes about in a quarter of the cases (here 40: 10 +- 2.7)."""
    found = [probes.swap_test([smooth(rng, (5, 4), d=6) for _ in range(5)]).p_value for _ in range(40)]
    assert 2 <= np.count_nonzero(np.array(found) <= 0.25) <= 19  # within 3.2 standard deviations


def test_a_smooth_field_that_knows_nothing_is_told_apart_all_the_same(rng):
    """Why shuffled labels are no null: they take the smoothness away along with the position."""
    field, truth = probes.surrogate(smooth(rng, d=40), seed=3), probes.labels(GRID, "left/right")
    shuffled = [probes.probe(field, rng.permutation(truth.ravel()).reshape(GRID)).accuracy for _ in range(19)]
    assert probes.probe(field, truth).accuracy > max(shuffled) + 0.1


def test_surrogate_keeps_power_and_loses_place(rng):
    features = smooth(rng, (8, 9), d=70) + 5
    field = probes.surrogate(features, seed=1)
    assert field.shape == features.shape and np.isrealobj(field)
    assert np.abs(field - features).max() > 0.5
    np.testing.assert_array_equal(field, probes.surrogate(features, seed=1))

    # the ensemble forgets the place: the mean over many draws is flat, where the features are not
    mean = np.mean([probes.surrogate(features[..., :5], seed=seed) for seed in range(300)], 0)
    assert mean.std((0, 1)).max() < 0.25 * features[..., :5].std((0, 1)).min()


def test_surrogate_keeps_the_power_at_each_frequency(rng):
    """Mirrored, transformed: amplitudes as before. Seen on a field that is its own mirror image's period."""
    features = smooth(rng, (6, 5), d=3)

    def spectrum(values):
        mirrored = np.concatenate([values, values[::-1]], 0)
        return np.abs(np.fft.fft2(np.concatenate([mirrored, mirrored[:, ::-1]], 1), axes=(0, 1)))

    # of the surrogate only a quarter of its period is returned; its mean over draws has the variance it
    # should: sum of squared amplitudes over all frequencies but 0, divided by the number of points squared
    power = np.square(spectrum(features))[..., :].reshape(-1, 3)
    expected = power[1:].sum(0) / (12 * 10) ** 2
    draws = np.stack([probes.surrogate(features, seed=seed) for seed in range(400)])
    mean = spectrum(features)[0, 0] / 120
    np.testing.assert_allclose(np.square(draws - mean).mean((0, 1, 2)), expected, rtol=0.1)  # 400 draws


def test_small_probes_take_one_thread_and_give_the_threads_back(rng, monkeypatch):
    def threads():
        return {pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"}

    seen = []
    decide = same_object.decide
    monkeypatch.setattr(same_object, "decide", lambda *a, **k: seen.append(threads()) or decide(*a, **k))
    with threadpool_limits(2, user_api="blas"):
        before = threads()
        probes.probe(smooth(rng))
        assert seen == [{1}] * 5 and threads() == before
        with solver.one_thread(np.broadcast_to(0.0, (5000, 4096))):  # many features: threads pay off
            assert threads() == before


@pytest.mark.parametrize("exact", [False, True])
def test_a_probe_that_would_take_for_ever_is_stopped_and_says_so(rng, monkeypatch, exact):
    monkeypatch.setattr(solver, "_WORK", 10**6)  # a thousandth of the work: a thousandth of the time
    monkeypatch.setattr(solver, "_STEPS", 10)
    noise = rng.standard_normal((20, 20, 20))
    with pytest.warns(UserWarning, match="after 3200 steps.*C = 1.0 is too much.*divide them by their deviation"):
        found = probes.probe(noise * 10, exact=exact)
    assert 0.3 < found.accuracy < 0.7 and np.isfinite(found.decision).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")  # the remedy
        probes.probe(noise * 0.01, exact=exact)


def test_the_bound_is_above_what_features_take(rng):
    seen = []

    class Counted(SVC):
        def fit(self, *given):
            super().fit(*given)
            seen.append(int(self.n_iter_[0]) / self.max_iter)
            return self

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(solver, "SVC", Counted)
        probes.probe(smooth(rng, (20, 20)))
    assert max(seen) < 0.1  # ten times as many steps as these take would not be too many


@pytest.mark.parametrize(
    "call, message",
    [
        (lambda: probes.labels((4, 4), "top-bottom"), "did you mean 'top/bottom'"),
        (lambda: probes.labels((1, 4), "top/bottom"), "at least two rows"),
        (lambda: probes.probe(np.ones((1, 1, 3))), "at least two rows"),
        (lambda: probes.probe(np.ones((2, 2, 3))), "smaller half, which has 2"),
        (lambda: probes.probe(np.ones((4, 4))), "rows, columns, dimensions"),
        (lambda: probes.probe(np.full((4, 4, 2), np.nan)), "row 0, column 0 are not finite"),
        (lambda: probes.probe(np.ones((4, 4, 2)), np.ones((3, 4), bool)), "do not fit"),
        (lambda: probes.probe(np.ones((4, 4, 2)), np.ones((4, 4), bool)), "which has 0"),
        (lambda: probes.probe(np.ones((4, 4, 2)), count=1), "at least 2"),
        (lambda: probes.probes([]), "no objects"),
        (lambda: probes.probes([np.ones((5, 4, 2)), np.ones((2, 2, 2))]), "object 1: "),
        (lambda: probes.unseen([np.ones((4, 4, 2))]), "at least two; got 1"),
        (lambda: probes.unseen([np.ones((4, 4, 2)), np.ones((4, 3, 2))]), "differ in shape"),
        (
            lambda: probes.unseen([np.ones((4, 4, 2))] * 2, groups=["dog", "dog"]),
            "all objects are of one group",
        ),
        (lambda: probes.unseen([np.ones((4, 4, 2))] * 2, groups=["dog"]), "as many groups"),
        (lambda: probes.locate(np.ones((4, 4, 2))), "grid of at least as many"),
        (lambda: probes.locate(np.ones((6, 6, 2)), split="rows"), "unknown split 'rows'"),
        (lambda: probes.locate(np.ones((6, 6, 2)), alpha=0), "alpha 0"),
        (lambda: probes.swap_test([np.ones((4, 4, 2))] * 2, draws=0), "draws 0"),
        (lambda: probes.reduce(np.ones(3)), r"points are \(\.\.\., D\)"),
        (lambda: probes.decide(np.ones((2, 1)), [True, True], test=np.ones((1, 1))), "same half"),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_figures_hold_what_they_are_given_and_fit(rng):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    from helpers.views import plots

    kinds = ["off-the-shelf", "anti-aliased"]
    share = rng.uniform(0, 1, (2, 2, 7, 9))
    strides = {"stride": (4, 8)}
    where = np.stack(np.indices((7, 9)), -1) * [4.0, 8.0]
    said = {kind: np.stack([where + [5, -5], where + [7, -5]]) for kind in kinds}  # two objects, which differ by 2 rows
    figures = {
        "folds": plots.fold_maps({d: probes.folds(probes.labels(GRID, d)) for d in probes.DIVIDES}, stride=4),
        "answers": plots.right_answers(share, rows=kinds, columns=probes.DIVIDES, divides=probes.DIVIDES, **strides),
        "accuracies": plots.accuracies({"top/bottom\nsame object": {kind: [0.7, 0.9] for kind in kinds}}),
        "readout": plots.readout(said, **strides),
    }
    for name, figure in figures.items():
        FigureCanvasAgg(figure).draw()
        box = figure.get_tightbbox(figure.canvas.get_renderer())
        width, height = figure.get_size_inches()
        # a pixel and a half: anti-aliased edges
        assert min(box.x0, box.y0, width - box.x1, height - box.y1) >= -1.5 / figure.dpi, name
    # the line lies between rows 2 and 3 of 7, four pixels apart, and between columns 3 and 4 of 9, eight apart
    axes = figures["answers"].axes
    assert axes[0].lines[0].get_ydata()[0] == 2.5 * 4 and axes[1].lines[0].get_xdata()[0] == 3.5 * 8
    assert axes[0].images[0].get_extent() == [-4, 8.5 * 8, 6.5 * 4, -2]
    # rows are said to be 6 px further down in the mean, one more or less by object; columns 5 px to the left
    down, across = (axis.lines[0] for axis in figures["readout"].axes)
    np.testing.assert_allclose(down.get_xydata(), np.arange(7)[:, None] * 4 + [0, 6])
    np.testing.assert_allclose(across.get_xydata(), np.arange(9)[:, None] * 8 + [0, -5])
    edge = figures["readout"].axes[0].collections[0].get_paths()[0].vertices
    assert edge[:, 1].min() == 5 and edge[:, 1].max() == 24 + 7
