"""The effects of findings, from similarity maps or from their means over objects."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

import numpy as np
from scipy import stats

from helpers import similarity
from helpers.measures import uncertainty, variation
from helpers.measures.uncertainty import Interval


def of_maps(
    maps: Sequence[np.ndarray],
    *,
    stride: int,
    strides: Sequence[int] = (),
    twin: Sequence[np.ndarray] | None = None,
    clusters: Sequence | None = None,
) -> dict[str, Interval]:
    """The effects that similarity maps show, by finding.

    Args:
        maps: of N objects, each (5, R, C): to the anchors of `similarity.ANCHORS`, in this order. R and C may differ
            between objects.
        stride: pixels between neighbouring positions, over which the smallest shift is, too.
        strides: the network's cumulative strides, pixels; with none, or maps that hold no two periods of the last and
            its neighbours, there is no effect for the lattice.
        twin: where the network is anti-aliased, the maps (5, R, C) of the same objects without.
        clusters: (N,) categories of the objects; none: each stands for itself.

    Raises:
        ValueError: fewer than two objects, maps of another shape, or a twin with other objects.
    """
    every = [np.asarray(each, dtype=np.float64) for each in maps]
    for each in every:
        if each.ndim != 3 or len(each) != len(similarity.ANCHORS):
            raise ValueError(f"an object has {len(similarity.ANCHORS)} maps, (5, rows, columns); got {each.shape}")
    means = np.array([each.mean(axis=(1, 2)) for each in every])
    found = of_anchors(means, clusters=clusters)
    peaks = [_peak(each, strides, stride) for each in every] if strides else [None]
    if None not in peaks:
        found["lattice"] = _geometric(peaks, clusters)
    if twin is not None:
        if [np.shape(each) for each in twin] != [each.shape for each in every]:
            raise ValueError("the twin's maps are not of the same objects: give one (5, rows, columns) for each")
        drops = [[_drop(each, stride) for each in side] for side in (twin, every)]
        found["anti-aliasing, locally"] = _geometric(np.divide(*drops), clusters)
        change = [[1 - np.mean(each) for each in side] for side in (twin, every)]
        found["anti-aliasing, globally"] = _geometric(np.divide(*change), clusters)
    return found


def of_anchors(means: np.ndarray, *, clusters: Sequence | None = None) -> dict[str, Interval]:
    """The effects that the mean cosines of single objects show, where there are no maps.

    Args:
        means: (N, 5), of N objects to the anchors of `similarity.ANCHORS`.
        clusters: as of `of_maps`.
    """
    return _of_anchors(lambda weights: uncertainty.student(np.asarray(means) @ weights, clusters=clusters))


def of_means(
    mean: Mapping[str, float],
    deviation: Mapping[str, float],
    *,
    objects: int,
    twin: tuple[Mapping[str, float], Mapping[str, float]] | None = None,
) -> dict[str, Interval]:
    """The effects that mean cosines over objects show, where only their deviations are known.

    How anchors vary together is not known, and a difference may vary as much as both taken together: its deviation
    is at most the sum of theirs, which is what is used. (The anchors of one object do vary together, so the intervals
    are wider than they need be.) The deviation of the logarithm of a change is its relative deviation.

    Args:
        mean: of the mean cosine over N objects, by anchor.
        deviation: its standard deviation over the objects, by anchor.
        objects: N. Where they are of few categories, the number of categories is the cautious choice.
        twin: where the network is anti-aliased, mean and deviation without, of the same objects.
    """
    anchors = list(similarity.ANCHORS)
    sides = [[np.array([part[each] for each in anchors]) for part in side] for side in ((mean, deviation), twin or ())]
    wide = float(stats.t.ppf(0.975, objects - 1)) / math.sqrt(objects)

    def around(value: float, spread: float) -> Interval:
        return Interval(
            float(value), float(value - wide * spread), float(value + wide * spread), 0.95, objects, objects
        )

    (level, spread), before = sides[0], sides[1]
    found = _of_anchors(lambda weights: around(level @ weights, spread @ np.abs(weights)))
    if before:
        changes = [1 - each.mean() for each in (before[0], level)]
        relative = sum(each.mean() / change for each, change in zip((before[1], spread), changes, strict=True))
        found["anti-aliasing, globally"] = _exponential(around(math.log(changes[0] / changes[1]), relative))
    return found


def _of_anchors(contrast) -> dict[str, Interval]:
    """The findings about the means of the five anchors; ``contrast`` gives the interval of a weighted sum of them."""
    names = list(similarity.ANCHORS)
    unit = np.eye(len(names))
    mean = contrast(np.full(len(names), 1 / len(names)))
    change = replace(mean, value=1 - mean.value, low=1 - mean.high, high=1 - mean.low)
    centre, last = names.index("c"), names.index("br")
    highest = [contrast(unit[centre] - unit[each]) for each in range(len(names)) if each != centre]
    lowest = [contrast(unit[each] - unit[last]) for each in range(len(names)) if each != last]
    return {"not invariant": change, "centre highest": _each(highest), "bottom right lowest": _each(lowest)}


def _each(intervals: Sequence[Interval]) -> Interval:
    """The interval of the least of several differences: above zero only where each of them is."""
    ends = {name: min(getattr(each, name) for each in intervals) for name in ("value", "low", "high")}
    return replace(intervals[0], **ends)


def _geometric(ratios, clusters: Sequence | None) -> Interval:
    """The interval of the geometric mean of positive ratios, one per object."""
    return _exponential(uncertainty.student(np.log(np.asarray(ratios, dtype=np.float64)), clusters=clusters))


def _exponential(found: Interval) -> Interval:
    ends = {name: math.exp(getattr(found, name)) for name in ("value", "low", "high")}
    return replace(found, **ends)


def _drop(maps, stride: int) -> float:
    """1 - cosine one position away from the centre, in all directions."""
    return variation.drop(maps[similarity.ANCHORS.index("c")], anchor="c", stride=stride)[stride]


def _peak(maps: np.ndarray, strides: Sequence[int], stride: int) -> float | None:
    """Power at the network's stride over that at the stronger of its neighbours, geometric mean over the maps.

    The neighbours are an eighth (and at least one position) shorter and longer. None where they do not fit twice.
    """
    longest = max(strides)
    gap = max(stride, longest // 8 // stride * stride)
    if 2 * (longest + gap) > min(maps.shape[1:]) * stride or longest <= gap:
        return None
    logs = []
    for each in maps:
        below, at, above = variation.spectrum(
            each, periods=(longest - gap, longest, longest + gap), stride=stride
        ).ratio
        logs.append(math.log(at / max(below, above)))
    return math.exp(np.mean(logs))
