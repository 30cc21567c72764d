"""Inputs of the measures, checked."""

from __future__ import annotations

import numpy as np


def check_stride(stride: int) -> None:
    if not stride >= 1:
        raise ValueError(f"stride is {stride}; give the pixels between neighbouring positions, at least 1")


def as_map(values, stride: int = 1) -> np.ndarray:
    check_stride(stride)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"a map is a 2-D array (rows, columns); got shape {array.shape}")
    if not np.isfinite(array).all():
        row, col = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"the map is not finite at row {row}, column {col}")
    return array


def unit_vectors(values: np.ndarray, what: str) -> np.ndarray:
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
    return (shape[0] - 1) // 2, (shape[1] - 1) // 2
