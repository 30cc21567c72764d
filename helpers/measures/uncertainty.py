"""How far a mean over objects can be trusted: bootstrap intervals, clustered by category (ours).

The paper averages over 200 objects of ten categories and gives the spread. Objects of one category
resemble each other, so twenty dogs are fewer than twenty independent objects: the draws here take
categories first, then objects within them, both with replacement. Percentile intervals; with few
categories they are a little narrow, and no resampling can tell about categories nobody looked at.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from helpers.measures.arrays import check_positive


@dataclass(frozen=True)
class Interval:
    """A statistic and its percentile interval, in the units of the values."""

    value: float  # of the sample itself
    low: float
    high: float
    level: float  # 0.95: the interval's nominal coverage
    objects: int
    clusters: int

    def __str__(self) -> str:
        return f"{self.value:.3g} [{self.low:.3g}, {self.high:.3g}]"

    def times_smaller(self, *, digits: int = 1) -> str:
        """A `ratio` in words: "1.6 times smaller (1.4 to 1.9)", or below 1 "1.2 times larger (1.1 to 1.4)"."""
        word, power = ("smaller", 1) if self.value >= 1 else ("larger", -1)
        value, *ends = (each**power for each in (self.value, self.low, self.high))
        low, high = sorted(ends)
        return f"{value:.{digits}f} times {word} ({low:.{digits}f} to {high:.{digits}f})"

    def within(self, low: float, high: float) -> Interval:
        """The interval cut to the values that there are: a share has none under 0 or over 1."""
        return dataclasses.replace(self, low=max(low, self.low), high=min(high, self.high))


def resample(clusters: Sequence, *, draws: int = 1000, seed: int = 0) -> list[np.ndarray]:
    """Object indices of each draw: categories with replacement, then objects within each, with replacement.

    The draws depend on the categories and the seed only, so two quantities of the same objects are resampled
    alike.

    Args:
        clusters: (N,), the category of each object.

    Returns:
        `draws` arrays of indices; a draw holds as many objects as the categories it took.

    Raises:
        ValueError: fewer than two objects or two categories, or less than one draw.
    """
    labels = np.asarray(clusters)
    if labels.ndim != 1 or len(labels) < 2:
        raise ValueError(f"{labels.size} object(s): an interval over objects needs at least two")
    check_positive(draws=draws)
    _, codes, sizes = np.unique(labels, return_inverse=True, return_counts=True)
    if len(sizes) < 2:
        raise ValueError(
            f"all {len(labels)} objects are of one category ({labels[0]}): the spread between categories is "
            "unknown; give objects of at least two, or clusters=None for an interval about this category"
        )
    order, starts = np.argsort(codes, kind="stable"), np.cumsum(sizes) - sizes
    generator = np.random.default_rng(seed)
    result = []
    for chosen in generator.integers(len(sizes), size=(draws, len(sizes))):
        cluster = np.repeat(chosen, sizes[chosen])  # the category of each object of this draw
        within = (generator.random(len(cluster)) * sizes[cluster]).astype(int)
        result.append(order[starts[cluster] + within])
    return result


def interval(
    values,
    *,
    clusters: Sequence | None = None,
    statistic: Callable[[np.ndarray], float] = np.mean,
    draws: int = 1000,
    level: float = 0.95,
    seed: int = 0,
) -> Interval:
    """Percentile bootstrap interval of a statistic over objects.

    Args:
        values: (N,), one number per object.
        clusters: (N,) categories; None: every object stands for itself (the plain bootstrap).
        statistic: from an array (M,) to a float.
        level: nominal coverage, between 0 and 1.

    Raises:
        ValueError: as `resample`, and for values that are not finite or do not match the clusters.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or not np.isfinite(numbers).all():
        raise ValueError(f"give one finite number per object, (N,); got shape {numbers.shape}")
    labels = np.arange(len(numbers)) if clusters is None else np.asarray(clusters)
    if len(labels) != len(numbers):
        raise ValueError(f"{len(numbers)} values but {len(labels)} categories: give one of each per object")
    if not 0 < level < 1:
        raise ValueError(f"level is {level}; give a coverage between 0 and 1, such as 0.95")
    sample = [statistic(numbers[index]) for index in resample(labels, draws=draws, seed=seed)]
    low, high = np.quantile(sample, [(1 - level) / 2, (1 + level) / 2])
    size = len(np.unique(labels))
    return Interval(float(statistic(numbers)), float(low), float(high), level, len(numbers), size)


def student(values, *, clusters: Sequence | None = None, level: float = 0.95) -> Interval:
    """Student's t interval of a mean over objects, for as few as two (then 12.7 standard errors to each side).

    A percentile bootstrap of two objects ends at the two, which cover the mean every other time. This takes the
    objects, or the means of their categories, for normal, and is wide where they are few.

    Args:
        values: (N,), one number per object.
        clusters: (N,) categories: the mean is over categories, each weighing the same, and so is the interval.
        level: nominal coverage, between 0 and 1.

    Raises:
        ValueError: values that are not finite, fewer than two objects or categories, or lengths that differ.
    """
    numbers = np.asarray(values, dtype=np.float64)
    if numbers.ndim != 1 or len(numbers) < 2 or not np.isfinite(numbers).all():
        raise ValueError(f"give one finite number per object, (N,), for at least two; got shape {numbers.shape}")
    labels = np.arange(len(numbers)) if clusters is None else np.asarray(clusters)
    if labels.shape != numbers.shape:
        raise ValueError(f"{len(numbers)} values but {len(labels)} categories: give one of each per object")
    means = np.array([numbers[labels == each].mean() for each in np.unique(labels)])
    if len(means) < 2:
        raise ValueError(f"all {len(numbers)} objects are of one category: give at least two, or clusters=None")
    half = stats.t.ppf((1 + level) / 2, len(means) - 1) * means.std(ddof=1) / np.sqrt(len(means))
    mean = float(means.mean())
    return Interval(mean, mean - float(half), mean + float(half), level, len(numbers), len(means))


def paired(first, second, *, by: Callable[..., Interval] = interval, **options) -> Interval:
    """Interval of `first - second`, object by object: what differs between objects cancels.

    Args:
        first: (N,), one number per object, for instance anti-aliased.
        second: (N,), the same objects in the same order, for instance off-the-shelf.
        by: `interval`, or `student` where objects are few.
        **options: of it.

    Raises:
        ValueError: as `interval`, and for lengths that differ.
    """
    one, two = _both(first, second)
    return by(one - two, **options)


def ratio(first, second, *, by: Callable[..., Interval] = interval, **options) -> Interval:
    """Interval of how many times larger `first` is than `second`, object by object (geometric mean).

    Args:
        first: positive, (N,), or (N, K) with K conditions, over which the ratio is averaged first.
        second: the same for the same objects.
        by: `interval`, or `student` where objects are few.
        **options: of it.

    Raises:
        ValueError: as `interval`, and for shapes that differ or values that are not positive.
    """
    one, two = _both(first, second)
    if not ((one > 0).all() and (two > 0).all()):
        raise ValueError("a ratio needs positive values on both sides; compare differences with `paired`")
    logs = (np.log(one) - np.log(two)).reshape(len(one), -1).mean(1)
    found = by(logs, **options)
    ends = {name: float(np.exp(getattr(found, name))) for name in ("value", "low", "high")}
    return dataclasses.replace(found, **ends)


def _both(first, second) -> tuple[np.ndarray, np.ndarray]:
    one, two = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    if one.shape != two.shape:
        raise ValueError(f"pairs need the same objects on both sides; got shapes {one.shape} and {two.shape}")
    return one, two
