"""Invariance on a scale of its own: 1 invariant, 0 no better than another object."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from helpers.measures.arrays import unit_vectors


@dataclass(frozen=True)
class Calibrated:
    """Cosines of N objects over positions, and the invariance they amount to; arrays (N,)."""

    same: np.ndarray  # the object with itself, mean over all pairs of different positions
    different: np.ndarray  # the object with the other objects at the same position
    invariance: np.ndarray  # (same - different) / (1 - different)


def invariance(same, different):
    """Calibrated invariance `(s - d) / (1 - d)`: 1 invariant, 0 no better than another object.

    same, different: cosines, floats or arrays of one shape. Raw cosines are inflated by what the features
    of all images share; d measures that. Negative when the object is less like itself elsewhere than
    like other objects in the same place. Raises: ValueError where d is 1: nothing tells objects apart.
    """
    same, different = np.asarray(same, dtype=np.float64), np.asarray(different, dtype=np.float64)
    if not (np.isfinite(same).all() and np.isfinite(different).all()):
        raise ValueError("cosines must be finite")
    if (different >= 1 - 1e-9).any():
        raise ValueError("different objects have the same features (d = 1), so invariance can't be calibrated")
    result = (same - different) / (1 - different)
    return float(result) if result.ndim == 0 else result


def calibrate(features, blank=None) -> Calibrated:
    """Calibrated invariance of N objects at the same grid of positions.

    features: (N, R, C, D), or a sequence of N arrays (R, C, D). blank: (D,), the features of the frame
    without an object, subtracted first: what is left is due to the object.
    same: mean over all pairs of different positions; different: mean over the other objects, same position.
    Raises: ValueError for fewer than two objects or positions, objects whose shapes differ, a blank of
    another length, or a zero vector.
    """
    if len(features) < 2:
        raise ValueError("one object has no other to be compared with; give at least two")
    first = tuple(np.shape(features[0]))
    for index, item in enumerate(features):
        if tuple(np.shape(item)) != first:  # NumPy would stretch some of them without a word
            raise ValueError(
                f"object {index} has features {tuple(np.shape(item))}, object 0 {first}: objects are compared at the "
                "same grid of positions and the same layer"
            )
    if blank is not None and tuple(np.shape(blank)) != first[-1:]:
        raise ValueError(
            f"blank has shape {tuple(np.shape(blank))}; give one feature vector of the same layer, {first[-1:]}"
        )
    shift = 0.0 if blank is None else np.asarray(blank, dtype=np.float64)
    total, own = 0.0, []
    for index, item in enumerate(features):
        unit = unit_vectors(np.asarray(item, dtype=np.float64) - shift, f"object {index}")
        flat = unit.reshape(-1, unit.shape[-1])
        if len(flat) < 2:
            raise ValueError("one position can't show invariance; give at least two")
        # sum over all ordered pairs = |sum|^2; take the pairs with itself (1 each) out
        own.append((np.square(flat.sum(0)).sum() - len(flat)) / (len(flat) * (len(flat) - 1)))
        total = total + unit
    others = []
    for item in features:
        unit = unit_vectors(np.asarray(item, dtype=np.float64) - shift, "object")
        others.append(((unit * (total - unit)).sum(-1) / (len(features) - 1)).mean())
    same, different = np.array(own), np.array(others)
    return Calibrated(same, different, invariance(same, different))
