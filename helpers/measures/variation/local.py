"""Change with distance and with direction: rings, walks, total variation, tilt, asymmetry."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from helpers import similarity
from helpers.measures.arrays import as_map, unit_vectors


@dataclass(frozen=True)
class Bias:
    """Directions in which a map leans; units of the map."""

    tilt_down: float  # slope of the least-squares plane, per 100 px downwards
    tilt_right: float  # the same, to the right
    top_bottom: float  # mean of the lower half minus mean of the upper half
    left_right: float  # mean of the right half minus mean of the left half


def drop(values, *, anchor: str | tuple[int, int] = "c", stride: int = 1) -> dict[int, float]:
    """Mean of `1 - cosine` over each ring around an anchor, by distance in pixels.

    Args:
        anchor: a name or (row, col) indices, as in `similarity.anchor_index`.

    Returns:
        {distance: drop}, the rings of `similarity.by_distance` from the anchor outwards, without the anchor.

    Raises:
        ValueError: an anchor off the map, a map of one position, or a stride under 1.
    """
    lost = 1 - as_map(values, stride=stride)
    distance, mean, _ = similarity.by_distance(lost, anchor, stride=stride)
    if len(distance) < 2:
        raise ValueError("a map of one position has no rings; use more positions")
    return dict(zip(distance[1:].tolist(), mean[1:].tolist(), strict=True))


def walks(grid: tuple[int, int], distances: Sequence[int], *, count: int = 16, seed: int = 0) -> np.ndarray:
    """Positions for measuring change at several distances with few frames.

    Each walk is a random position of the grid and, from it, each of the K distances along the column and then
    along the row, up or down and left or right at random where both fit.

    Args:
        grid: (R, C), pixels.
        distances: K of them, pixels.

    Returns:
        int64 (count, 1 + 2 K, 2), (row, col) in pixels.

    Raises:
        ValueError: no distance, or one over half the grid, which does not fit from everywhere.
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
    """Mean of `1 - cosine` with the start of each walk, by distance in pixels.

    Args:
        features: (count, 1 + 2 K, D), those of the positions of `walks`.
        distances: the same K distances, pixels.

    Returns:
        {distance: drop}.

    Raises:
        ValueError: features that are not those of such walks, or a zero or non-finite vector.
    """
    unit = unit_vectors(features)
    if unit.ndim != 3 or unit.shape[1] != 1 + 2 * len(distances):
        raise ValueError(
            f"{len(distances)} distances give walks of {1 + 2 * len(distances)} positions, (walks, positions, "
            f"dimensions); got shape {unit.shape}"
        )
    # |u - v|^2 / 2 = 1 - cos for unit vectors, without the cancellation near 1
    lost = np.square(unit[:, 1:] - unit[:, :1]).sum(-1).mean(0) / 2
    return dict(zip(map(int, distances), lost.reshape(2, -1).mean(0).tolist(), strict=True))


def total_variation(values, *, stride: int = 1) -> float:
    """Mean absolute difference between neighbouring positions (rows and columns), per pixel.

    Raises:
        ValueError: a map of one position, or a stride under 1.
    """
    cosines = as_map(values, stride=stride)
    steps = np.concatenate([np.abs(np.diff(cosines, axis=axis)).ravel() for axis in (0, 1)])
    if not steps.size:
        raise ValueError("a map of one position has no neighbours; use more positions")
    return float(steps.mean() / stride)


def bias(values, *, stride: int = 1) -> Bias:
    """Tilt of the least-squares plane and differences between halves (the middle line is in neither).

    A map of similarity falls away from its anchor. Where the anchor is not in the middle (the centre of an
    even grid is half a position off it), a symmetric fall leans: cut the map to the window that is
    symmetric about its anchor first.

    Raises:
        ValueError: a map with fewer than two rows or columns, or a stride under 1.
    """
    cosines = as_map(values, stride=stride)
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
