"""Is the change between two positions only a reordering of the features? Experiment 3.

*Our reading*: the authors' public code does not contain their experiment 3, so this is what we understand by
it (the third experiment of the paper), with the controls that the question needs. For the features u and v of
one object at two positions:

- ``cosine(u, v)``: as they are;
- ``sorted_cosine(u, v)``: both sorted. By the rearrangement inequality no reordering of v gets closer to u,
  so this is an upper bound over all D! permutations, and for almost any two vectors it is near 1 (unrelated
  Gaussian ones of 4,096 dimensions: 0.999). Alone it proves nothing, which ``others`` shows;
- ``fit``: *one* permutation for a displacement, from training objects, scored on objects it has not seen
  (``held_out``). Only this can say that the change is a reordering.

Cosines are the paper's: nothing is centred. Features that are all positive (after a ReLU) or share a large
mean therefore start high; subtract a mean beforehand to ask the question without it.

Arrays are floats, anything `numpy.asarray` takes (a CPU tensor too); cosines are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment


def cosine(u, v) -> np.ndarray:
    """Cosine of vectors u and v (..., D), over the last axis; leading axes broadcast.

    Raises: ValueError for different D, or a zero or non-finite vector.
    """
    u, v = _unit(u, "u"), _unit(v, "v")
    _same_dimensions(u, v)
    return np.clip((u * v).sum(-1), -1.0, 1.0)


def sorted_cosine(u, v) -> np.ndarray:
    """Cosine of u and v (..., D) after sorting each: the largest cosine any reordering of v can reach.

    Source: rearrangement inequality (Hardy, Littlewood, Polya, "Inequalities", theorem 368).
    Raises: ValueError for different D, or a zero or non-finite vector.
    """
    u, v = _unit(u, "u"), _unit(v, "v")
    _same_dimensions(u, v)
    return np.clip((np.sort(u, -1) * np.sort(v, -1)).sum(-1), -1.0, 1.0)


def maps(features, anchor: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Raw and sorted cosine of every position with the anchor: two maps (R, C).

    features: (R, C, D); anchor: (row, column), indices into the grid. Sorted >= raw at every position.
    Raises: ValueError for another shape, an anchor off the grid, or a zero or non-finite vector.
    """
    features = np.asarray(features)
    if features.ndim != 3:
        raise ValueError(f"features are (rows, columns, dimensions); got shape {features.shape}")
    row, col = anchor
    if not (0 <= row < features.shape[0] and 0 <= col < features.shape[1]):
        raise ValueError(f"anchor {anchor} is not on the grid of {features.shape[:2]} positions")
    reference = features[row, col]
    # row by row: float64 copies of one row of positions, not of the whole grid
    raw = np.stack([cosine(line, reference) for line in features])
    return raw, np.stack([sorted_cosine(line, reference) for line in features])


def others(features) -> np.ndarray:
    """Sorted cosine of *different* objects, the null of the upper bound: all N (N - 1) / 2 pairs.

    features: (N, D), one vector per object. Raises: ValueError for fewer than two objects.
    """
    ordered = np.sort(_unit(features, "features"), -1)
    if ordered.ndim != 2 or len(ordered) < 2:
        raise ValueError(f"different objects need features (N >= 2, D); got shape {ordered.shape}")
    return np.clip((ordered @ ordered.T)[np.triu_indices(len(ordered), 1)], -1.0, 1.0)


def fit(u, v) -> np.ndarray:
    """The permutation p for which `v[:, p]` is most like u: long (D,), one for all rows.

    u, v: (N, D), rows in correspondence (an object before and after the displacement). Maximises the mean
    cosine over the rows exactly, as an assignment on the D x D matrix of products of the unit vectors
    (`scipy.optimize.linear_sum_assignment`). 16 * D^2 bytes, some ten seconds for D = 4096. Where N is far
    below D the training cosine is flattering: a permutation has D! choices; score it on other objects.
    Dimensions that nothing tells apart (silent ones after a ReLU) stay where they are as far as possible.
    Raises: ValueError for shapes that differ, or a zero or non-finite vector.
    """
    u, v = np.asarray(u), np.asarray(v)
    if u.ndim != 2 or u.shape != v.shape or not len(u):
        raise ValueError(f"u and v are (N, D) with rows in correspondence; got {u.shape} and {v.shape}")
    products = _unit(u, "u").T @ _unit(v, "v")
    # breaks ties towards the identity; worth 1e-9 of mean cosine over all D together, so only ties
    products[np.diag_indices_from(products)] += 1e-9 * len(u) / len(products)
    return linear_sum_assignment(products, maximize=True)[1]


def score(permutation, u, v) -> np.ndarray:
    """Cosine of u with the reordered v: `cosine(u, v[..., permutation])`, over the last axis.

    Raises: ValueError where `permutation` does not hold each of 0 .. D - 1 once.
    """
    permutation, v = np.asarray(permutation), np.asarray(v)
    if not np.array_equal(np.sort(permutation), np.arange(v.shape[-1])):
        raise ValueError(f"a permutation of {v.shape[-1]} dimensions holds each of 0 .. D - 1 once")
    return cosine(u, v[..., permutation])


def pairs(features, displacement: tuple[int, int], step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features before and after one displacement, for every `step`-th position where both are on the grid.

    features: (N, R, C, D); displacement: (rows, columns) in grid steps, negative is up or left.
    Returns (u, v), both (N, K, D). Raises: ValueError for another shape, a step under 1, or a displacement
    that is zero or leaves the grid.
    """
    features = np.asarray(features)
    if features.ndim != 4:
        raise ValueError(f"features are (objects, rows, columns, dimensions); got shape {features.shape}")
    if step < 1:
        raise ValueError(f"step {step} must be at least 1")
    n, rows, cols, d = features.shape
    down, right = displacement
    if (down, right) == (0, 0) or abs(down) >= rows or abs(right) >= cols:
        raise ValueError(
            f"displacement {displacement} must move, and fit the grid of {rows} x {cols} positions"
        )
    row = np.arange(max(0, -down), min(rows, rows - down), step)
    col = np.arange(max(0, -right), min(cols, cols - right), step)
    before = features[:, row[:, None], col].reshape(n, -1, d)
    after = features[:, row[:, None] + down, col + right].reshape(n, -1, d)
    return before, after


@dataclass(frozen=True)
class HeldOut:
    """One displacement, every object held out once; arrays (N,), means over the object's K pairs."""

    identity: np.ndarray  # raw cosine: the permutation that does nothing
    random: np.ndarray  # a random permutation, mean over draws
    trained: np.ndarray  # the fitted permutation on the objects it was fitted on
    fitted: np.ndarray  # the same permutation on the object held out: the answer
    upper: np.ndarray  # sorted cosine: no permutation of its own for each pair does better
    others: np.ndarray  # sorted cosine with the *other* objects after the displacement
    moved: np.ndarray  # share of the dimensions that the fitted permutation moves


def held_out(u, v, draws: int = 20, seed: int = 0) -> HeldOut:
    """Fit one permutation on all objects but one, score it on that one; each object in turn.

    u, v: (N, K, D), N objects with K pairs each (see `pairs`). The unit that is held out is the object:
    pairs of one object are near-copies of each other. N assignments of D x D.
    draws: random permutations for that null. Raises: ValueError for shapes that differ, one object, or draws
    under 1.
    """
    u, v = _unit(u, "u"), _unit(v, "v")
    if u.ndim != 3 or u.shape != v.shape or not u.shape[1]:
        raise ValueError(f"u and v are (objects, pairs, dimensions) alike; got {u.shape} and {v.shape}")
    n, _, d = u.shape
    if n < 2:
        raise ValueError("one object can't be held out and trained on; give at least two")
    if draws < 1:
        raise ValueError(f"draws {draws} must be at least 1")
    rng = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {name: [] for name in HeldOut.__dataclass_fields__}
    shuffles = [rng.permutation(d) for _ in range(draws)]
    for index in range(n):
        train = np.arange(n) != index
        permutation = fit(u[train].reshape(-1, d), v[train].reshape(-1, d))
        own_u, own_v = u[index], v[index]
        columns["identity"].append(cosine(own_u, own_v).mean())
        columns["random"].append(np.mean([score(p, own_u, own_v).mean() for p in shuffles]))
        columns["trained"].append(score(permutation, u[train], v[train]).mean())
        columns["fitted"].append(score(permutation, own_u, own_v).mean())
        columns["upper"].append(sorted_cosine(own_u, own_v).mean())
        columns["others"].append(sorted_cosine(own_u, v[train]).mean())
        columns["moved"].append(np.mean(permutation != np.arange(d)))
    return HeldOut(**{name: np.array(values) for name, values in columns.items()})


def _unit(values, what: str) -> np.ndarray:
    values = np.asarray(values, dtype=np.float64)
    if not values.ndim or not values.shape[-1]:
        raise ValueError(f"{what} has no dimensions: shape {values.shape}")
    norm = np.linalg.norm(values, axis=-1, keepdims=True)
    wrong = ~(np.isfinite(norm[..., 0]) & (norm[..., 0] > 0))
    if wrong.any():
        place = tuple(int(i) for i in np.argwhere(wrong)[0])
        raise ValueError(f"{what}: a zero or non-finite feature vector at index {place}; it has no cosine")
    return values / norm


def _same_dimensions(u: np.ndarray, v: np.ndarray) -> None:
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(f"u has {u.shape[-1]} dimensions, v has {v.shape[-1]}; they must be alike")
