"""The arrays that measures take, checked: maps, features, unit vectors, and counts that start at one."""

from __future__ import annotations

import numpy as np


def check_positive(**given: int) -> None:
    """Raise ValueError, by its name, for a whole number under 1."""
    for name, value in given.items():
        if not value >= 1:
            raise ValueError(f"{name} {value} must be at least 1")


def as_map(values, *, stride: int = 1) -> np.ndarray:
    """A map as float64 (R, C).

    Args:
        values: (R, C), anything `numpy.asarray` takes.
        stride: pixels between neighbouring positions; checked here, since every measure of a map has one.

    Raises:
        ValueError: another shape, an empty map, a value that is not finite, or a stride under 1.
    """
    check_positive(stride=stride)
    array = np.asarray(values, dtype=np.float64)
    if array.ndim != 2 or not array.size:
        raise ValueError(f"a map is a 2-D array (rows, columns); got shape {array.shape}")
    if not np.isfinite(array).all():
        row, col = np.argwhere(~np.isfinite(array))[0]
        raise ValueError(f"the map is not finite at row {row}, column {col}")
    return array


def grid_features(values) -> np.ndarray:
    """Features (R, C, D) of one object as an array of the precision they have.

    Raises:
        ValueError: another shape, or a value that is not finite.
    """
    features = np.asarray(values)
    if features.ndim != 3 or not features.size:
        raise ValueError(f"features are (rows, columns, dimensions); got shape {features.shape}")
    if not np.isfinite(features).all():
        row, col, _ = np.argwhere(~np.isfinite(features))[0]
        raise ValueError(f"the features at row {row}, column {col} are not finite")
    return features


def unit_vectors(values, *, what: str = "features") -> np.ndarray:
    """Vectors (..., D) divided by their lengths, float64 (`similarity.normalise` does the same in float32).

    Raises:
        ValueError: no dimensions, or a zero or non-finite vector; the message calls the vectors `what`.
    """
    values = np.asarray(values, dtype=np.float64)
    if not values.ndim or not values.shape[-1]:
        raise ValueError(f"{what} has no dimensions: shape {values.shape}")
    norm = np.linalg.norm(values, axis=-1, keepdims=True)
    wrong = ~(np.isfinite(norm[..., 0]) & (norm[..., 0] > 0))
    if wrong.any():
        place = tuple(int(index) for index in np.argwhere(wrong)[0])
        raise ValueError(f"{what}: a zero or non-finite feature vector at position {place}, which has no cosine")
    return values / norm
