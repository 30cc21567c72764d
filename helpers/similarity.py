"""Cosine similarity maps and their summaries (paper, section 4.1)."""

from __future__ import annotations

import operator

import numpy as np
import torch

from helpers.suggestions import nearest

ANCHORS = ("tl", "tr", "c", "bl", "br")


def anchors(grid: tuple[int, int]) -> dict[str, tuple[int, int]]:
    """The five anchors of an (R, C) grid as (row, col) indices: four corners and the centre.

    The centre is ``((R - 1) // 2, (C - 1) // 2)``, where the authors' published maps have their ones.

    Raises:
        ValueError: a grid that has no position, or whose sides are no integers.
    """
    if len(grid) != 2 or not all(isinstance(side, int | np.integer) and side > 0 for side in grid):
        raise ValueError(f"a grid is (rows, columns), two integers of at least 1, not {tuple(grid)}")
    rows, cols = grid
    last = rows - 1, cols - 1
    middle = last[0] // 2, last[1] // 2
    return {"tl": (0, 0), "tr": (0, last[1]), "c": middle, "bl": (last[0], 0), "br": last}


def anchor_index(grid: tuple[int, int], anchor: str | tuple[int, int]) -> tuple[int, int]:
    """The (row, col) indices of an anchor on an (R, C) grid, given by name or as indices.

    Raises:
        ValueError: an unknown name (with the nearest known one), or indices outside the grid.
    """
    if isinstance(anchor, str):
        named = anchors(grid)
        if anchor not in named:
            use = f"use {', '.join(ANCHORS)} or (row, col)"
            raise ValueError(f"unknown anchor {anchor!r}{nearest(anchor, ANCHORS, otherwise=use, cutoff=0.6)}")
        return named[anchor]
    try:
        row, col = (operator.index(value) for value in anchor)
    except (TypeError, ValueError) as error:
        use = f"use two integers (row, col), or one of {', '.join(ANCHORS)}"
        raise ValueError(f"unknown anchor {anchor!r}; {use}") from error
    if not (0 <= row < grid[0] and 0 <= col < grid[1]):
        raise ValueError(f"anchor ({row}, {col}) is off the {grid[0]} x {grid[1]} grid of positions")
    return row, col


def lengths(features: torch.Tensor) -> torch.Tensor:
    """The Euclidean lengths (..., 1) of features (..., D), float64 (float32 on MPS, which has no float64)."""
    exact = torch.float32 if features.device.type == "mps" else torch.float64
    return torch.linalg.vector_norm(features, dim=-1, keepdim=True, dtype=exact)


def normalise(
    features: torch.Tensor, *, layer: str = "features", positions: torch.Tensor | None = None
) -> torch.Tensor:
    """Features (..., D) of any precision divided by their :func:`lengths`, float32.

    Args:
        layer: what to call them in an error.
        positions: (..., 2), where they come from, for an error; None for their indices.

    Raises:
        ValueError: a NaN or infinite feature, or a vector of zeros, whose cosine is undefined.
    """
    size = lengths(features)
    # A NaN or an infinity anywhere in a vector makes its length one: one pass tests all.
    bad = ~((size > 0) & (size <= torch.finfo(torch.float32).max)).squeeze(-1)
    if bad.any():
        first = tuple(bad.nonzero()[0].tolist())
        what = "zero" if size[first].item() == 0 else "not finite"
        remedy = "take the layer before its ReLU" if what == "zero" else "check the weights and the precision"
        at = first if positions is None else tuple(positions[first].tolist())
        raise ValueError(f"{layer} at position {at} is {what}, so its cosine is undefined: {remedy}")
    wide = features if features.dtype == torch.float64 else features.float()
    return (wide / size.to(wide.dtype)).float()


def cosine_map(features: torch.Tensor, anchor: str | tuple[int, int], *, layer: str = "features") -> torch.Tensor:
    """The cosine similarity of every position's features with the anchor's. Paper, equation 1.

    Args:
        features: (R, C, D).
        anchor: grid indices (row, col) or one of tl, tr, c, bl, br.
        layer: what to call the features in an error.

    Returns:
        (R, C) float32, in [-1, 1] up to rounding (1e-6), 1 at the anchor.

    Raises:
        ValueError: as :func:`anchor_index` and :func:`normalise`.
    """
    features = _grid(features)
    unit = normalise(features, layer=layer)
    return unit @ unit[anchor_index(features.shape[:2], anchor)]


def cosine_maps(features: torch.Tensor, *, layer: str = "features") -> torch.Tensor:
    """The five maps (5, R, C), against the anchors tl, tr, c, bl, br; see :func:`cosine_map`."""
    features = _grid(features)
    unit = normalise(features, layer=layer)
    chosen = torch.stack([unit[at] for at in anchors(features.shape[:2]).values()])
    return (unit @ chosen.T).permute(2, 0, 1).contiguous()


def by_distance(
    similarity: torch.Tensor | np.ndarray, anchor: str | tuple[int, int], *, stride: int = 1
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean and standard deviation of a map over rings of equal Chebyshev distance from its anchor. Ours.

    Args:
        similarity: (R, C).
        anchor: as in :func:`cosine_map`.

    Returns:
        The distances in pixels, from 0, the means and the standard deviations, each (K,).

    Raises:
        ValueError: no map, or one that is not finite; or as :func:`anchor_index`.
    """
    values = np.asarray(similarity, dtype=np.float64)
    if values.ndim != 2 or not np.isfinite(values).all():
        raise ValueError(f"a map is (R, C) and finite, not {values.shape} with {np.isnan(values).sum()} NaN")
    row, col = anchor_index(values.shape, anchor)
    rows, cols = np.indices(values.shape)
    ring = np.maximum(abs(rows - row), abs(cols - col)).ravel()
    count = np.bincount(ring)
    mean = np.bincount(ring, values.ravel()) / count
    # From the differences to the ring's mean, so that small spreads stay exact.
    variance = np.bincount(ring, (values.ravel() - mean[ring]) ** 2) / count
    return np.arange(len(count)) * stride, mean, np.sqrt(variance)


def profiles(similarity: torch.Tensor | np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The bias profiles of an (R, C) map: per row, its mean over columns (R,); per column, over rows (C,)."""
    values = np.asarray(similarity, dtype=np.float64)
    return values.mean(1), values.mean(0)


def _grid(features: torch.Tensor) -> torch.Tensor:
    features = torch.as_tensor(features)
    if features.ndim != 3:
        raise ValueError(f"features are (R, C, D), rows by columns by dimensions, not {tuple(features.shape)}")
    if not features.is_floating_point():
        features = features.float()
    return features
