"""One object at a time: the paper's probe, and the position itself by ridge regression."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.measures.arrays import grid_features
from helpers.measures.probes.labels import bands, folds, labels, tiles
from helpers.measures.probes.solver import decide, one_thread, reduce, ridge, svm


@dataclass(frozen=True)
class Probe:
    """What a probe said about every position, each while it was held out."""

    accuracy: float  # balanced, mean over folds
    folds: np.ndarray  # (K,) balanced accuracy of each fold
    decision: np.ndarray  # (R, C) signed distance from the SVM's plane, margins at -1 and 1; > 0: lower, right
    correct: np.ndarray  # bool (R, C)


@dataclass(frozen=True)
class Location:
    """Positions predicted while they were held out; coordinates are (row, col), in pixels."""

    predicted: np.ndarray  # (..., R, C, 2)
    r2: np.ndarray  # (..., 2) coefficient of determination; 1 exact, 0 as good as the mean, below 0 worse
    error: np.ndarray  # (..., 2) root mean square error, pixels


def probe(
    features, divide: str | np.ndarray = "top/bottom", *, c: float = 1.0, count: int = 5, exact: bool = False
) -> Probe:
    """The paper's probe of one object: a linear SVM, cross-validated on contiguous blocks of positions.

    An SVM that would take too long is stopped, with a warning (see `solver.svm`). Constant features give 0.5.
    A high accuracy does not show that the network encodes position in a way
    that holds for another object: see `unseen`. Paper, experiment 2.

    Args:
        features: (R, C, D).
        divide: "top/bottom", "left/right", or labels of your own, bool (R, C).
        count: folds, stratified and unshuffled (see `folds` for what they leave out).
        exact: scikit-learn's ``SVC(kernel="linear")`` on all positions and on the features as they are; by
            default `decide` on fewer coordinates where there are more dimensions than positions (`reduce`),
            which leaves the answers as they are, but for the solver's stopping rule, and is faster.

    Raises:
        ValueError: another shape, non-finite features, or too few positions for the folds.
    """
    features = grid_features(features)
    grid = features.shape[:2]
    truth = labels(grid, divide) if isinstance(divide, str) else np.asarray(divide, dtype=bool)
    if truth.shape != grid:
        raise ValueError(f"labels of shape {truth.shape} do not fit the grid of {grid} positions")
    fold, truth = folds(truth, count=count).ravel(), truth.ravel()
    points = features.reshape(len(truth), -1)
    decision = np.empty(len(truth))
    with one_thread(points):
        if not exact:
            points = _few(points)
        for index in range(count):
            test = fold == index
            if exact:
                machine = svm(points[~test], truth[~test], c=c, kernel="linear")
                decision[test] = machine.decision_function(points[test])
            else:
                decision[test] = decide(points[~test], truth[~test], test=points[test], c=c)
    correct = (decision > 0) == truth
    each = np.array([balanced(correct[fold == k], truth[fold == k]) for k in range(count)])
    return Probe(float(each.mean()), each, decision.reshape(grid), correct.reshape(grid))


def probes(objects: Sequence, divide: str = "top/bottom", *, c: float = 1.0, count: int = 5) -> list[Probe]:
    """`probe` of each of N objects; the paper's number is the mean of their accuracies.

    Raises:
        ValueError: no objects, or as `probe`, naming the object.
    """
    if not len(objects):
        raise ValueError("no objects to probe; give at least one")
    found = []
    for index, features in enumerate(objects):
        try:
            found.append(probe(features, divide, c=c, count=count))
        except ValueError as error:
            raise ValueError(f"object {index}: {error}") from error
    return found


def locate(
    features, *, stride: int | tuple[int, int] = 1, split: str = "tiles", alpha: float = 1e-5, count: int = 5
) -> Location:
    """(row, col) of one object from its features, by ridge regression (`ridge`) on held-out positions.

    Ours.

    Args:
        features: (R, C, D).
        split: "tiles" (compact blocks, see `tiles`), "bands" (whole bands of rows for the row, of columns for
            the column: extrapolation at either end, the hardest) or "random" (single positions, each beside its
            near-copies in training: shown only because it flatters).

    Raises:
        ValueError: an unknown split, another shape, or too few rows or columns.
    """
    features = grid_features(features)
    grid = features.shape[:2]
    if split == "tiles":
        row_fold = col_fold = tiles(grid, count=count)
    elif split == "bands":
        row_fold, col_fold = bands(grid, count=count)
    elif split == "random":
        order = np.random.default_rng(0).permutation(grid[0] * grid[1])
        row_fold = col_fold = (order % count).reshape(grid)
    else:
        raise ValueError(f"unknown split {split!r}: use 'tiles', 'bands' or 'random'")
    points, truth = features.reshape(grid[0] * grid[1], -1), coordinates(grid, stride=stride)
    predicted = np.empty_like(truth)
    with one_thread(points):
        points = _few(points)
        for axis, fold in enumerate((row_fold, col_fold)):
            for index in range(count):
                test = fold.ravel() == index
                predicted[test, axis] = ridge(points[~test], truth[~test, axis], test=points[test], alpha=alpha)
    return location(predicted, truth, grid=grid)


def _few(points: np.ndarray) -> np.ndarray:
    """Points (P, D) by at most P coordinates: as they are, or reduced where that makes them fewer."""
    return reduce(points) if points.shape[1] > points.shape[0] else points


def location(predicted: np.ndarray, truth: np.ndarray, *, grid: tuple[int, int]) -> Location:
    """A `Location` from coordinates (..., P, 2), against truth (P, 2)."""
    squared = np.square(predicted - truth).mean(-2)
    spread = np.square(truth - truth.mean(0)).mean(0)
    return Location(predicted.reshape(*predicted.shape[:-2], *grid, 2), 1 - squared / spread, np.sqrt(squared))


def coordinates(grid: tuple[int, int], *, stride: int | tuple[int, int]) -> np.ndarray:
    """(row, col) in pixels of every position, (P, 2), row by row; a pair of strides is that of rows and of columns.

    Raises:
        ValueError: a grid with a single row or column.
    """
    if min(grid) < 2:
        raise ValueError(f"a coordinate needs at least two rows and two columns of positions; got {grid}")
    return np.stack(np.indices(grid), -1).reshape(-1, 2) * np.broadcast_to(stride, 2).astype(float)


def balanced(correct: np.ndarray, truth: np.ndarray) -> float:
    """Mean of the two halves' shares of right answers."""
    return float((correct[truth].mean() + correct[~truth].mean()) / 2)
