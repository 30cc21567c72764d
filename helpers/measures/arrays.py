"""The arrays that measures take, checked: maps, features as unit vectors, strides."""

from __future__ import annotations

import numpy as np


def check_stride(stride: int) -> None:
    """Raise ValueError for a stride under one pixel."""
    if not stride >= 1:
        raise ValueError(f"stride is {stride}; give the pixels between neighbouring positions, at least 1")


def as_map(values, stride: int = 1) -> np.ndarray:
    """A map as float64 (R, C); ValueError for another shape, an empty one, and a value that is not finite."""
    check_stride(stride)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"a map is a 2-D array (rows, columns); got shape {array.shape}")
    if not np.isfinite(array).all():
        row, col = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"the map is not finite at row {row}, column {col}")
    return array


def unit_vectors(values: np.ndarray, what: str) -> np.ndarray:
    """Features (R, C, D) over their lengths, float64; ValueError calls them `what` and names the position."""
    if values.ndim != 3:
        raise ValueError(f"{what}: features are (rows, columns, dimensions); got shape {values.shape}")
    values = values.astype(np.float64, copy=False)
    norm = np.linalg.norm(values, axis=-1, keepdims=True)
    wrong = ~(np.isfinite(norm[..., 0]) & (norm[..., 0] > 0))
    if wrong.any():
        row, col = np.argwhere(wrong)[0]
        raise ValueError(f"{what}: a zero or non-finite feature vector at row {row}, column {col}")
    return values / norm


def centre(shape: tuple[int, int]) -> tuple[int, int]:
    """The central position of an (R, C) grid, as `similarity.anchors` has it."""
    return (shape[0] - 1) // 2, (shape[1] - 1) // 2
