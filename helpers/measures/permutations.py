"""Is the change between two positions only a reordering of the features? Experiment 3.

*Our reading*: the authors' public code does not contain their experiment 3, so this is what we understand by
it (the third experiment of the paper), with the controls that the question needs. For the features u and v of
one object at two positions:

- ``cosine(u, v)``: as they are;
- ``sorted_cosine(u, v)``: both sorted. By the rearrangement inequality no reordering of v gets closer to u,
  so this is an upper bound over all D! permutations, and for almost any two vectors it is near 1 (unrelated
  Gaussian ones of 4,096 dimensions: 0.999). Alone it proves nothing, which ``others`` shows;
- ``fit``: *one* permutation for a displacement, from training objects, scored on objects it has not seen
  (``held_out``). Only this can say that the change is a reordering;
- ``plant``: a reordering put in, to see whether the test would find one. With no margin a complete one is always
  found, net of what the fit loses, since the best permutation simply turns with it; see ``fit``.

Cosines are the paper's: nothing is centred. Features that are all positive (after a ReLU) or share a large
mean therefore start high; subtract a mean beforehand to ask the question without it.

Arrays are floats, anything `numpy.asarray` takes (a CPU tensor too); cosines are computed in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import linear_sum_assignment

from helpers import similarity
from helpers.measures.arrays import check_positive, grid_features, unit_vectors


def cosine(u, v) -> np.ndarray:
    """Cosine of vectors u and v (..., D), over the last axis; leading axes broadcast.

    Raises:
        ValueError: different D, or a zero or non-finite vector.
    """
    u, v = _unit_pair(u, v)
    return np.clip((u * v).sum(-1), -1.0, 1.0)


def sorted_cosine(u, v) -> np.ndarray:
    """Cosine of u and v (..., D) after sorting each: the largest cosine any reordering of v can reach.

    Source: rearrangement inequality (Hardy, Littlewood, Polya, "Inequalities", theorem 368).

    Raises:
        ValueError: different D, or a zero or non-finite vector.
    """
    u, v = _unit_pair(u, v)
    return np.clip((np.sort(u, -1) * np.sort(v, -1)).sum(-1), -1.0, 1.0)


def maps(features, *, anchor: str | tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Raw and sorted cosine of every position with the anchor.

    Args:
        features: (R, C, D).
        anchor: a name or (row, col) indices, as in `similarity.anchor_index`.

    Returns:
        Two maps (R, C); sorted >= raw at every position.

    Raises:
        ValueError: another shape, an anchor off the grid, or a zero or non-finite vector.
    """
    features = grid_features(features)
    reference = features[similarity.anchor_index(features.shape[:2], anchor)]
    # row by row: float64 copies of one row of positions, not of the whole grid
    raw = np.stack([cosine(line, reference) for line in features])
    return raw, np.stack([sorted_cosine(line, reference) for line in features])


def others(features) -> np.ndarray:
    """Sorted cosine of *different* objects, the null of the upper bound: all N (N - 1) / 2 pairs.

    Args:
        features: (N, D), one vector per object.

    Raises:
        ValueError: fewer than two objects, or a zero or non-finite vector.
    """
    ordered = np.sort(unit_vectors(features), -1)
    if ordered.ndim != 2 or len(ordered) < 2:
        raise ValueError(f"different objects need features (N >= 2, D); got shape {ordered.shape}")
    return np.clip((ordered @ ordered.T)[np.triu_indices(len(ordered), 1)], -1.0, 1.0)


def fit(u, v, *, margin: float = 0.0) -> np.ndarray:
    """The permutation p for which `v[:, p]` is most like u, one for all rows.

    Maximises the mean cosine over the rows exactly, as an assignment on the D x D matrix of products of the
    unit vectors (`scipy.optimize.linear_sum_assignment`). 24 * D^2 bytes, some seconds for D = 4096. Where
    N is far below D the training cosine is flattering: a permutation has D! choices; score it on other objects.

    On other objects the best permutation of all *loses*: it exchanges dimensions that are nearly silent in training, by
    chance, and they are not silent there. With a margin a dimension moves only where that is worth something. Ours.

    Where u and v have nothing in common to go by (dimensions silent after a ReLU in all rows), many permutations are
    equally good. Of these it is the one fewest exchanges away from the identity: a dimension that nothing moves and
    nothing displaces stays, and a displaced one closes the cycle it lies on. So neither the order of the dimensions
    nor the last digits of the others decide where silent ones go.

    Args:
        u: (N, D), for instance N objects before a displacement.
        v: (N, D), the same after it, row by row.
        margin: what moving a dimension must gain, as a share of what one of D dimensions has in a cosine of 1.

    Returns:
        long (D,).

    Raises:
        ValueError: shapes that differ, a negative margin, or a zero or non-finite vector.
    """
    u, v = np.asarray(u), np.asarray(v)
    if u.ndim != 2 or u.shape != v.shape or not len(u):
        raise ValueError(f"u and v are (N, D) with rows in correspondence; got {u.shape} and {v.shape}")
    return _assign(unit_vectors(u, what="u").T @ unit_vectors(v, what="v"), rows=len(u), margin=margin)


def _assign(products: np.ndarray, *, rows: int, margin: float) -> np.ndarray:
    """The permutation (D,) of the largest sum, from products (D, D) of unit vectors summed over so many rows."""
    if not margin >= 0:
        raise ValueError(f"margin {margin} must be 0 or more")
    one = rows / len(products)  # what a dimension has in a cosine of 1, summed over the rows
    nothing = 1e-9 * one  # over all D together, 1e-9 of the mean cosine
    products = products.copy()
    products[np.diag_indices_from(products)] += nothing + margin * one  # nothing: ties are broken towards the identity
    # Less half of what either dimension has with itself: every permutation loses the same, and the solver starts where
    # the identity is the best, as it is for u = v. Near it a fit takes a tenth of the time.
    half = products.diagonal() / 2
    order, found = linear_sum_assignment(products - half[:, None] - half, maximize=True)
    closed = _close(found, np.abs(products[order, found]) > nothing)
    # closed cycles lose only where products are negative, and then what was found stands
    lost = (products[order, found] - products[order, closed]).sum()
    return closed if lost <= len(products) * nothing else found


def _close(permutation: np.ndarray, certain: np.ndarray) -> np.ndarray:
    """The permutation (D,) where it is certain (bool (D,)); each chain that this leaves is closed into a cycle.

    No other permutation that agrees where it is certain has more cycles, and so none takes fewer exchanges.
    """
    closed = np.where(certain, permutation, -1)
    before = np.full(len(closed), -1)
    before[permutation[certain]] = np.flatnonzero(certain)
    for end in np.flatnonzero(~certain):
        start = end
        while before[start] >= 0:
            start = before[start]
        closed[end] = start
    return closed


def score(u, v, *, permutation) -> np.ndarray:
    """Cosine of u with the reordered v: `cosine(u, v[..., permutation])`, over the last axis.

    Raises:
        ValueError: `permutation` does not hold each of 0 .. D - 1 once.
    """
    permutation, v = np.asarray(permutation), np.asarray(v)
    if not np.array_equal(np.sort(permutation), np.arange(v.shape[-1])):
        raise ValueError(f"a permutation of {v.shape[-1]} dimensions holds each of 0 .. D - 1 once")
    return cosine(u, v[..., permutation])


def pairs(features, *, displacement: tuple[int, int], step: int = 1) -> tuple[np.ndarray, np.ndarray]:
    """Features before and after one displacement, for every `step`-th position where both are on the grid.

    Args:
        features: (N, R, C, D).
        displacement: (rows, columns) in grid steps, negative is up or left.
        step: in grid steps.

    Returns:
        (u, v), both (N, K, D).

    Raises:
        ValueError: another shape, a step under 1, or a displacement that is zero or leaves the grid.
    """
    features = np.asarray(features)
    if features.ndim != 4:
        raise ValueError(f"features are (objects, rows, columns, dimensions); got shape {features.shape}")
    check_positive(step=step)
    n, rows, cols, d = features.shape
    down, right = displacement
    if (down, right) == (0, 0) or abs(down) >= rows or abs(right) >= cols:
        raise ValueError(f"displacement {displacement} must move, and fit the grid of {rows} x {cols} positions")
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

    @property
    def undone(self) -> np.ndarray:
        """(N,) The share of the change that the fitted permutation undoes on the object held out; below 0, adds."""
        return (self.fitted - self.identity) / (1 - self.identity)

    def found(self, planted: HeldOut) -> np.ndarray:
        """(N,) The share of a planted reordering that is found: undone beyond what is undone without it. Ours.

        Args:
            planted: the same pairs, with `plant` on v.

        Raises:
            ValueError: nothing was planted: the cosine is no lower with it.
        """
        added = self.identity - planted.identity
        if not (added > 0).all():
            raise ValueError(f"what was planted adds no change to each object: {added}; plant it in more dimensions")
        return ((planted.fitted - planted.identity) - (self.fitted - self.identity)) / added


def held_out(u, v, *, margin: float = 0.0, draws: int = 20, seed: int = 0) -> HeldOut:
    """Fit one permutation on all objects but one, score it on that one; each object in turn.

    The unit that is held out is the object: pairs of one object are near-copies of each other. N assignments
    of D x D.

    Args:
        u: (N, K, D), N objects with K pairs each, before the displacement (see `pairs`).
        v: the same after it.
        margin: of `fit`.
        draws: random permutations, for that null.

    Raises:
        ValueError: shapes that differ, one object, draws under 1, a negative margin, or a zero or non-finite vector.
    """
    u, v = unit_vectors(u, what="u"), unit_vectors(v, what="v")
    if u.ndim != 3 or u.shape != v.shape or not u.shape[1]:
        raise ValueError(f"u and v are (objects, pairs, dimensions) alike; got {u.shape} and {v.shape}")
    n, _, d = u.shape
    if n < 2:
        raise ValueError("one object can't be held out and trained on; give at least two")
    check_positive(draws=draws)
    rng = np.random.default_rng(seed)
    columns: dict[str, list[float]] = {name: [] for name in HeldOut.__dataclass_fields__}
    shuffles = [rng.permutation(d) for _ in range(draws)]
    # what all have in common is done once: sorting, and the products, of which each fit leaves out one object's
    ordered_u, ordered_v = np.sort(u, -1), np.sort(v, -1)
    everything = u.reshape(-1, d).T @ v.reshape(-1, d)
    for index in range(n):
        train = np.arange(n) != index
        permutation = _assign(everything - u[index].T @ v[index], rows=(n - 1) * u.shape[1], margin=margin)
        own_u, own_v = u[index], v[index]
        columns["identity"].append((own_u * own_v).sum(-1).mean())
        columns["random"].append(np.mean([(own_u * own_v[:, p]).sum(-1).mean() for p in shuffles]))
        columns["trained"].append((u[train] * v[train][..., permutation]).sum(-1).mean())
        columns["fitted"].append((own_u * own_v[:, permutation]).sum(-1).mean())
        columns["upper"].append((ordered_u[index] * ordered_v[index]).sum(-1).mean())
        columns["others"].append((ordered_u[index] * ordered_v[train]).sum(-1).mean())
        columns["moved"].append(np.mean(permutation != np.arange(d)))
    return HeldOut(**{name: np.array(values) for name, values in columns.items()})


def plant(v, *, share: float, strength: float = 1.0, seed: int = 0) -> np.ndarray:
    """Put a reordering into v, to see whether it is found: the same for all objects, in some of the dimensions.

    The dimensions are drawn and passed round in one cycle, so that each of them moves. Ours.

    Args:
        v: (..., D).
        share: of the dimensions, at least two of them.
        strength: how much of a dimension's value goes to the next one; the rest stays.

    Returns:
        v with it, (..., D).

    Raises:
        ValueError: a share or a strength outside 0 to 1.
    """
    if not (0 <= share <= 1 and 0 <= strength <= 1):
        raise ValueError(f"share {share} and strength {strength} must lie between 0 and 1")
    v = np.asarray(v)
    chosen = np.random.default_rng(seed).permutation(v.shape[-1])[: max(2, round(share * v.shape[-1]))]
    planted = v.copy()
    planted[..., chosen] = (1 - strength) * v[..., chosen] + strength * v[..., np.roll(chosen, 1)]
    return planted


def _unit_pair(u, v) -> tuple[np.ndarray, np.ndarray]:
    u, v = unit_vectors(u, what="u"), unit_vectors(v, what="v")
    if u.shape[-1] != v.shape[-1]:
        raise ValueError(f"u has {u.shape[-1]} dimensions, v has {v.shape[-1]}; they must be alike")
    return u, v
