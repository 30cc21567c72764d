"""Trained on some objects, asked about others: no position of the object in question is ever seen.

Each function takes the objects' features, or a `Pool` of them, which holds what the functions have in common: make it
once where several questions are asked of the same objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from helpers.measures.arrays import check_positive, grid_features
from helpers.measures.probes.labels import labels
from helpers.measures.probes.same_object import Location, balanced, coordinates, location
from helpers.measures.probes.solver import PRODUCTS, TOLERANCE, decide, one_thread, reduce, solve


class Pool:
    """N objects in the coordinates that all of them share.

    Args:
        objects: N arrays (R, C, D).

    Attributes:
        points: (N, P, r) float64, centred over all.
        grid: (R, C), with P = R * C.

    Raises:
        ValueError: fewer than two objects, shapes that differ, or non-finite features.
    """

    def __init__(self, objects: Sequence) -> None:
        arrays = [grid_features(item) for item in objects]
        if len({array.shape for array in arrays}) > 1:
            raise ValueError(f"objects differ in shape: {sorted({array.shape for array in arrays})}")
        if len(arrays) < 2:
            raise ValueError(f"unseen objects need at least two; got {len(arrays)}")
        self.grid = arrays[0].shape[:2]
        flat = np.concatenate([array.reshape(-1, array.shape[-1]) for array in arrays])
        with one_thread(flat):
            self.points = reduce(flat).reshape(len(arrays), self.grid[0] * self.grid[1], -1)

    @cached_property
    def products(self) -> np.ndarray | None:
        """(N, P, N, P): every point's product with every other; None where there are too many to keep."""
        flat = self.points.reshape(-1, self.points.shape[-1])
        return (flat @ flat.T).reshape(self.points.shape[:2] * 2) if len(flat) <= PRODUCTS else None

    @cached_property
    def squares(self) -> np.ndarray:
        """(N, r, r): each object's products of its coordinates, summed over its points."""
        return np.stack([item.T @ item for item in self.points])


@dataclass(frozen=True)
class Unseen:
    """What probes trained on other objects said about each of N objects."""

    accuracy: np.ndarray  # (N,) balanced
    decision: np.ndarray  # (N, R, C) signed distance, margins at -1 and 1; > 0: lower, right
    correct: np.ndarray  # bool (N, R, C)


@dataclass(frozen=True)
class SwapTest:
    """Accuracy on unseen objects, and what it is when each object's halves may be swapped."""

    observed: float  # balanced accuracy, mean over groups
    null: np.ndarray  # (B,) the same for each pattern of swaps
    p_value: float  # share of the patterns at least as accurate
    exact: bool  # whether all patterns were tried


def unseen(
    objects: Sequence | Pool, divide: str = "top/bottom", *, groups: Sequence | None = None, c: float = 1.0
) -> Unseen:
    """The probe on objects it was not trained on: each group is held out in turn.

    Ours.

    Args:
        objects: N arrays (R, C, D), or a `Pool` of them.
        groups: N labels; what shares one is held out together (give the category where several objects are of
            one kind). By default every object is its own group.

    Raises:
        ValueError: fewer than two objects or groups, shapes that differ, or non-finite features.
    """
    pool, group = _pooled(objects, groups)
    points, truth = pool.points, labels(pool.grid, divide).ravel()
    decision = np.empty(points.shape[:2])
    with one_thread(points):
        for held in np.unique(group):
            test, known = group == held, np.flatnonzero(group != held)
            train, asked = (points[chosen].reshape(-1, points.shape[-1]) for chosen in (known, test))
            answers, products = np.tile(truth, len(known)), pool.products
            if products is not None:
                products = products[known][:, :, known].reshape(len(train), -1)
            decision[test] = decide(train, answers, test=asked, c=c, products=products).reshape(-1, len(truth))
    correct = (decision > 0) == truth
    accuracy = np.array([balanced(row, truth) for row in correct])
    return Unseen(accuracy, decision.reshape(-1, *pool.grid), correct.reshape(-1, *pool.grid))


def locate_unseen(
    objects: Sequence | Pool, *, stride: int | tuple[int, int] = 1, groups: Sequence | None = None, alpha: float = 1e-5
) -> Location:
    """(row, col) of objects that the ridge regression has not seen: each group is held out in turn.

    Arguments as `unseen` and `ridge`. Ours.

    Returns:
        A `Location` whose arrays have a leading N.

    Raises:
        ValueError: as `unseen`.
    """
    pool, group = _pooled(objects, groups)
    points, truth = pool.points, coordinates(pool.grid, stride=stride)
    predicted = np.empty((*points.shape[:2], 2))
    with one_thread(points):
        for test, mean, scatter in _held_out(pool, group):
            ways = (points[~test].sum(0) - np.count_nonzero(~test) * mean).T @ truth
            predicted[test] = truth.mean(0) + (points[test] - mean) @ solve(scatter, ways, alpha=alpha)
    return location(predicted, truth, grid=pool.grid)


def swap_test(
    objects: Sequence | Pool,
    divide: str = "top/bottom",
    *,
    groups: Sequence | None = None,
    alpha: float = 1e-5,
    draws: int = 1024,
    seed: int = 0,
) -> SwapTest:
    """Do objects agree on which features mean "lower" (or "right")? A p-value whose unit is the object.

    Neighbouring positions are near-copies, so their labels are not exchangeable, and shuffling them calls any
    smooth field significant. Objects are exchangeable: under the null hypothesis, that the direction from
    one half to the other in feature space has nothing in common between objects, calling an object's halves
    by each other's names changes nothing. So the labels of each group are kept or swapped *as a whole*,
    which leaves all correlation among positions in place, and the accuracy on unseen objects is found for
    every pattern of swaps (all 2^(G - 1) of them when that is at most `draws`, else `draws` at random; then
    the p-value counts the observed pattern too). With G groups it cannot go below 2^(1 - G): 8 give 0.008.

    The classifier is ridge regression on labels of -1 and 1, whose answers are sums over the training groups,
    so that one fit per held-out group serves all patterns. Arguments as `unseen` and `ridge`.

    Ours (a randomisation test: Fisher; Ernst, Statistical Science 19, 2004).

    Args:
        draws: patterns of swaps, where there are more.

    Raises:
        ValueError: as `unseen`, or draws under 1.
    """
    check_positive(draws=draws)
    pool, group = _pooled(objects, groups)
    names, group = np.unique(group, return_inverse=True)
    truth = labels(pool.grid, divide).ravel()
    sign = np.where(truth, 1.0, -1.0)
    count = len(names)
    exact = 2 ** (count - 1) <= draws
    if exact:  # the first group's names are fixed: swapping all changes nothing
        bits = np.arange(2 ** (count - 1))[:, None] >> np.arange(count - 1) & 1
        swaps = np.hstack([np.ones((len(bits), 1)), 1 - 2.0 * bits])
    else:
        swaps = np.random.default_rng(seed).choice([-1.0, 1.0], (draws, count))
        swaps = np.vstack([np.ones(count), swaps])
    total = np.zeros(len(swaps))
    with one_thread(pool.points):
        for held, (test, mean, scatter) in enumerate(_held_out(pool, group)):
            parts = _contributions(pool.points, group, test, mean, scatter, sign, alpha)
            # (patterns, held-out points): right where the answer has the sign of the label, swapped or not
            answers = swaps @ parts * swaps[:, [held]]
            agree = answers * np.tile(sign, np.count_nonzero(test))
            # an answer of exactly 0, as constant features give, is a coin's: half right whatever the pattern
            right = ((agree > 0) + 0.5 * (agree == 0)).reshape(len(swaps), -1, len(truth))
            total += (right[..., truth].mean((1, 2)) + right[..., ~truth].mean((1, 2))) / 2
    accuracy = total / count
    # the first row is the observed pattern in either case
    return SwapTest(float(accuracy[0]), accuracy, float(np.mean(accuracy >= accuracy[0] - 1e-12)), exact)


def _held_out(pool: Pool, group: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray, np.ndarray]]:
    """Each group once: which objects it is, bool (N,), and the mean (r,) and scatter (r, r) of all others' points."""
    count, everything = pool.points.shape[1], pool.squares.sum(0)
    for held in np.unique(group):
        test = group == held
        mean, squares = pool.points[~test].mean((0, 1)), everything - pool.squares[test].sum(0)
        scatter = squares - np.count_nonzero(~test) * count * np.outer(mean, mean)
        # objects that all look alike everywhere: what is left of the difference is rounding
        yield test, mean, scatter * (np.trace(scatter) > TOLERANCE**2 * np.trace(squares))


def _contributions(points, group, test, mean, scatter, sign, alpha) -> np.ndarray:
    """What each group adds to the ridge answers about the held-out group: (groups, held-out points)."""
    train = points[~test]
    directions = np.zeros((len(np.unique(group)), train.shape[-1]))
    levels = np.zeros((len(directions), 1))
    for own, item in zip(group[~test], train, strict=True):
        directions[own] += sign @ (item - mean)
        levels[own] += sign.mean() / len(train)
    weights = solve(scatter, directions.T, alpha=alpha)
    return ((points[test] - mean).reshape(-1, train.shape[-1]) @ weights).T + levels


def _pooled(objects: Sequence | Pool, groups: Sequence | None) -> tuple[Pool, np.ndarray]:
    pool = objects if isinstance(objects, Pool) else Pool(objects)
    return pool, _groups(groups, len(pool.points))


def _groups(groups: Sequence | None, count: int) -> np.ndarray:
    group = np.arange(count) if groups is None else np.asarray(groups)
    if group.shape != (count,):
        raise ValueError(f"{count} objects need as many groups; got {group.shape}")
    if len(np.unique(group)) < 2:
        raise ValueError(f"all objects are of one group ({group[0]}); unseen objects need at least two groups")
    return group
