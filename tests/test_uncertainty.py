"""Bootstrap intervals: against hand-made cases, a slow loop, and simulations whose truth is known."""

import numpy as np
import pytest

from helpers.measures import uncertainty


def test_constant_values_have_an_interval_of_no_width():
    found = uncertainty.interval([0.25] * 6, clusters=["a", "a", "b", "b", "c", "c"])
    assert (found.value, found.low, found.high) == (0.25, 0.25, 0.25)
    assert (found.objects, found.clusters) == (6, 3)


def test_two_objects_by_hand():
    # each draw is one of the means 0, 1/2, 1/2, 1, so the 95 % interval is the whole range
    found = uncertainty.interval([0.0, 1.0])
    assert (found.value, found.low, found.high) == (0.5, 0.0, 1.0)
    assert str(found) == "0.5 [0, 1]"


def test_level_is_the_coverage():
    # draws are 0, 1/2 or 1 with probabilities 1/4, 1/2, 1/4: quantiles 0.2 and 0.8, then 0.3 and 0.7
    wide, narrow = (uncertainty.interval([0.0, 1.0], level=level) for level in (0.6, 0.4))
    assert (wide.low, wide.high) == (0.0, 1.0)
    assert (narrow.low, narrow.high) == (0.5, 0.5)


def test_objects_within_a_category_are_drawn_too():
    # both categories have the same mean: all the spread is within them
    found = uncertainty.interval([0.0, 1.0, 0.0, 1.0], clusters=["a", "a", "b", "b"])
    assert (found.low, found.high) == (0.0, 1.0)  # all zeros or all ones: 1 draw in 16 each


def test_draws_take_whole_categories_first():
    clusters = ["a"] * 3 + ["b"] * 5 + ["c"] * 2
    for index in uncertainty.resample(clusters, draws=50, seed=3):
        sizes = {"a": 3, "b": 5, "c": 2}
        drawn = [clusters[i] for i in index]
        # every category appears as often as a whole number of times its size, three categories in all
        times = {name: drawn.count(name) / size for name, size in sizes.items()}
        assert sum(times.values()) == 3
        assert all(value == int(value) for value in times.values())


def test_category_means_decide_when_objects_within_are_alike():
    # two categories of 50 identical objects: only four draws of categories are possible
    found = uncertainty.interval([0.0] * 50 + [1.0] * 50, clusters=["a"] * 50 + ["b"] * 50)
    plain = uncertainty.interval([0.0] * 50 + [1.0] * 50)
    assert (found.low, found.high) == (0.0, 1.0)
    assert 0.35 < plain.low < 0.45  # 1.96 * sqrt(0.25 / 100) = 0.098 below 0.5


def test_same_seed_same_interval_other_seed_other():
    values, clusters = np.random.default_rng(1).normal(size=30), np.repeat(np.arange(6), 5)
    first = uncertainty.interval(values, clusters=clusters, seed=4)
    assert first == uncertainty.interval(values, clusters=clusters, seed=4)
    assert first != uncertainty.interval(values, clusters=clusters, seed=5)


def test_pairing_removes_what_differs_between_objects():
    generator = np.random.default_rng(0)
    clusters = np.repeat(np.arange(8), 5)
    base = generator.normal(size=8)[clusters] + generator.normal(size=40)
    better = base + 0.1 + generator.normal(scale=0.02, size=40)
    found = uncertainty.paired(better, base, clusters=clusters)
    assert found.low > 0
    assert found.low < 0.1 < found.high
    apart = uncertainty.interval(better, clusters=clusters)
    assert found.high - found.low < 0.1 * (apart.high - apart.low)


def test_statistic_is_a_parameter():
    found = uncertainty.interval([0.0, 0.0, 0.0, 0.0, 9.0], statistic=np.median)
    # the median of a draw is 9 where three of its five or more are: probability 0.058, over 2.5 %
    assert (found.value, found.low, found.high) == (0.0, 0.0, 9.0)


def test_coverage_by_simulation():
    """The clustered interval covers the true mean about as often as it says; the plain one doesn't."""
    generator = np.random.default_rng(7)
    clusters = np.repeat(np.arange(15), 6)
    clustered = plain = 0
    for seed in range(150):
        values = generator.normal(size=15)[clusters] + generator.normal(scale=0.5, size=90)
        found = uncertainty.interval(values, clusters=clusters, draws=200, seed=seed)
        alone = uncertainty.interval(values, draws=200, seed=seed)
        clustered += found.low < 0 < found.high
        plain += alone.low < 0 < alone.high
    # 150 trials: standard error of a coverage of 0.95 is 0.018; percentile intervals of 15 clusters run a
    # few points low, hence 0.86. Resampling objects alone ignores the categories' spread.
    assert clustered / 150 > 0.86
    assert plain / 150 < 0.75


@pytest.mark.parametrize(
    ("values", "clusters", "message"),
    [
        ([1.0], None, "at least two"),
        ([1.0, 2.0, 3.0], ["dog"] * 3, "one category .dog."),
        ([1.0, 2.0], ["dog"], "2 values but 1 categories"),
        ([1.0, np.nan], None, "finite"),
    ],
)
def test_degenerate_input_is_met_with_one_error(values, clusters, message):
    with pytest.raises(ValueError, match=message):
        uncertainty.interval(values, clusters=clusters)


def test_pairs_of_different_lengths():
    with pytest.raises(ValueError, match="same objects"):
        uncertainty.paired([1.0, 2.0], [1.0, 2.0, 3.0])
    with pytest.raises(ValueError, match="level"):
        uncertainty.interval([1.0, 2.0], level=95)
    with pytest.raises(ValueError, match="draws"):
        uncertainty.resample(["a", "b"], draws=0)


def test_ratio_is_the_geometric_mean_of_the_objects_ratios():
    found = uncertainty.ratio([2.0, 8.0], [1.0, 1.0])
    assert (found.value, found.low, found.high) == pytest.approx((4.0, 2.0, 8.0))
    # conditions side by side are averaged within an object first
    table = uncertainty.ratio([[2.0, 8.0], [4.0, 4.0]], [[1.0, 1.0], [1.0, 1.0]])
    assert (table.low, table.high) == pytest.approx((4.0, 4.0))
    with pytest.raises(ValueError, match="positive"):
        uncertainty.ratio([1.0, 0.0], [1.0, 1.0])


def test_ratio_in_words_is_turned_over_below_one():
    def words(value, low, high, **options):
        return uncertainty.Interval(value, low, high, 0.95, 8, 8).times_smaller(**options)

    assert words(1.6, 1.4, 1.9) == "1.6 times smaller (1.4 to 1.9)"
    assert words(0.8, 0.5, 1.25) == "1.2 times larger (0.8 to 2.0)"
    assert words(0.5, 0.4, 0.8, digits=2) == "2.00 times larger (1.25 to 2.50)"


def test_an_interval_is_cut_to_what_there_is_and_objects_may_be_few():
    wide = uncertainty.student([0.0, 1.0])
    assert (wide.low, wide.high) != (0, 1) and wide.low < 0 and wide.high > 1
    cut = wide.within(0, 1)
    assert (cut.value, cut.low, cut.high, cut.objects) == (0.5, 0, 1, 2)
    first, second = np.array([3.0, 4.0, 8.0]), np.array([1.0, 2.0, 3.0])
    assert uncertainty.paired(first, second, by=uncertainty.student) == uncertainty.student(first - second)
    times = uncertainty.ratio(first, second, by=uncertainty.student)
    logs = uncertainty.student(np.log(first / second))
    assert (times.low, times.high) == pytest.approx((np.exp(logs.low), np.exp(logs.high)), rel=1e-14)
