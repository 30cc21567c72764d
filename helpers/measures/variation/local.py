"""Change with distance and with direction: rings, displacements, total variation, tilt, asymmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers.measures.arrays import as_map, centre, check_stride, unit_vectors


@dataclass(frozen=True)
class Drop:
    """`1 - cosine` on the rings around an anchor; arrays of equal length, ring 0 (the anchor) left out."""

    distance: np.ndarray  # (K,) Chebyshev distance, pixels
    mean: np.ndarray  # (K,) mean of 1 - cosine over the ring
    rms: np.ndarray  # (K,) root mean square of 1 - cosine over the ring
    count: np.ndarray  # (K,) positions on the ring


@dataclass(frozen=True)
class Bias:
    """Directions in which a map leans; units of the map."""

    tilt_down: float  # slope of the least-squares plane, per 100 px downwards
    tilt_right: float  # the same, to the right
    top_bottom: float  # mean of the lower half minus mean of the upper half
    left_right: float  # mean of the right half minus mean of the left half


def drop(values, anchor: tuple[int, int] | None = None, stride: int = 1) -> Drop:
    """`1 - cosine` per ring of Chebyshev distance (larger of row and column distance) around `anchor`.

    values (R, C); anchor in grid indices, by default the centre `((R - 1) // 2, (C - 1) // 2)`.
    Raises: ValueError for an anchor outside the map, a map of one position, or a stride under 1.
    """
    cosines = as_map(values, stride)
    row, col = centre(cosines.shape) if anchor is None else (int(anchor[0]), int(anchor[1]))
    if not (0 <= row < cosines.shape[0] and 0 <= col < cosines.shape[1]):
        raise ValueError(f"anchor ({row}, {col}) is outside the map of {cosines.shape[0]} x {cosines.shape[1]}")
    rings = np.maximum(
        np.abs(np.arange(cosines.shape[0]) - row)[:, None], np.abs(np.arange(cosines.shape[1]) - col)[None]
    ).ravel()
    lost = 1 - cosines.ravel()
    count = np.bincount(rings)[1:]
    if not count.size:
        raise ValueError("a map of one position has no rings; use more positions")
    mean, square = np.bincount(rings, lost)[1:] / count, np.bincount(rings, lost**2)[1:] / count
    return Drop(np.arange(1, count.size + 1) * stride, mean, np.sqrt(square), count)


def drop_at(values, distances: Sequence[int] = (1, 4, 16, 32), anchor=None, stride: int = 1) -> dict[int, float]:
    """Mean of `1 - cosine` at some distances (pixels) from the anchor: {distance: drop}.

    Raises: ValueError for a distance that no ring of the map has.
    """
    rings = drop(values, anchor, stride)
    known = dict(zip(rings.distance.tolist(), rings.mean.tolist(), strict=True))
    for distance in distances:
        if distance not in known:
            raise ValueError(
                f"no ring at {distance} px: positions are {stride} px apart and the last ring is at "
                f"{rings.distance[-1]} px"
            )
    return {int(distance): known[distance] for distance in distances}


def displaced(features, distances: Sequence[int] = (1, 4, 16, 32), stride: int = 1) -> dict[int, float]:
    """Mean of `1 - cosine` between *all* pairs of positions some pixels apart along a row or a column.

    features (R, C, D). Where `drop_at` looks from one anchor, this looks from everywhere.
    Raises: ValueError for a distance that isn't a multiple of the stride or doesn't fit the grid, and for a
    stride under 1.
    """
    check_stride(stride)
    unit = unit_vectors(np.asarray(features), "features")
    result = {}
    for distance in distances:
        steps, odd = divmod(distance, stride)
        if odd or not 0 < steps < max(unit.shape[:2]):
            raise ValueError(
                f"no two positions are {distance} px apart: stride {stride} px, grid {unit.shape[0]} x {unit.shape[1]}"
            )
        # |u - v|^2 / 2 = 1 - cos for unit vectors, without the cancellation near 1
        pairs = (unit[steps:] - unit[:-steps], unit[:, steps:] - unit[:, :-steps])
        squares = [(pair * pair).sum(-1).ravel() / 2 for pair in pairs if pair.size]
        result[int(distance)] = float(np.concatenate(squares).mean())
    return result


def walks(grid: tuple[int, int], distances: Sequence[int], count: int = 16, seed: int = 0) -> np.ndarray:
    """Positions for measuring change at several distances with few frames: int64 (count, 1 + 2 K, 2).

    Each walk is a random position of the (R, C) grid (pixels) and, from it, each of the K distances along
    the column and then along the row, up or down and left or right at random where both fit.
    Raises: ValueError for a distance over half the grid, which doesn't fit from everywhere, or none at all.
    """
    longest = min(grid) // 2
    if not distances or min(distances) < 1 or max(distances) > longest:
        raise ValueError(f"distances {tuple(distances)} px: give some from 1 to {longest}, half the grid")
    generator = np.random.default_rng(seed)
    result = np.empty((count, 1 + 2 * len(distances), 2), dtype=np.int64)
    result[:] = generator.integers(grid, size=(count, 2))[:, None]
    for axis, side in enumerate(grid):
        sign = generator.choice([-1, 1], size=(count, len(distances)))
        start, away = result[:, :1, axis], np.asarray(distances)
        sign = np.where(start < away, 1, np.where(start + away >= side, -1, sign))
        result[:, 1 + axis * len(away) : 1 + (axis + 1) * len(away), axis] = start + sign * away
    return result


def drop_along(features, distances: Sequence[int]) -> dict[int, float]:
    """Mean of `1 - cosine` with the start of each walk, per distance: {distance: drop}.

    features: (count, 1 + 2 K, D), those of the positions of `walks` for the same K distances.
    """
    unit = unit_vectors(np.asarray(features), "features")
    if unit.shape[1] != 1 + 2 * len(distances):
        raise ValueError(
            f"{len(distances)} distances give walks of {1 + 2 * len(distances)} positions, not {unit.shape[1]}"
        )
    lost = np.square(unit[:, 1:] - unit[:, :1]).sum(-1).mean(0) / 2  # as in `displaced`
    return dict(zip(map(int, distances), lost.reshape(2, -1).mean(0).tolist(), strict=True))


def total_variation(values, stride: int = 1) -> float:
    """Mean absolute difference between neighbouring positions (rows and columns), per pixel.

    Raises: ValueError for a map of one position, or a stride under 1.
    """
    cosines = as_map(values, stride)
    steps = np.concatenate([np.abs(np.diff(cosines, axis=axis)).ravel() for axis in (0, 1)])
    if not steps.size:
        raise ValueError("a map of one position has no neighbours; use more positions")
    return float(steps.mean() / stride)


def bias(values, stride: int = 1) -> Bias:
    """Tilt of the least-squares plane and differences between halves (the middle line is in neither).

    A map of similarity falls away from its anchor. Where the anchor is not in the middle (the centre of an
    even grid is half a position off it), a symmetric fall leans: cut the map to the window that is
    symmetric about its anchor first.
    Raises: ValueError for a map with fewer than two rows or columns, or a stride under 1.
    """
    cosines = as_map(values, stride)
    height, width = cosines.shape
    if min(height, width) < 2:
        raise ValueError(f"a map of {height} x {width} has no direction; it needs two rows and two columns")
    rows, cols = np.arange(height) - (height - 1) / 2, np.arange(width) - (width - 1) / 2
    # on a full grid the two slopes are independent one-variable regressions
    down = (rows @ cosines.mean(1)) / (rows @ rows)
    right = (cols @ cosines.mean(0)) / (cols @ cols)
    half, side = height // 2, width // 2
    return Bias(
        tilt_down=float(100 * down / stride),
        tilt_right=float(100 * right / stride),
        top_bottom=float(cosines[-half:].mean() - cosines[:half].mean()),
        left_right=float(cosines[:, -side:].mean() - cosines[:, :side].mean()),
    )
