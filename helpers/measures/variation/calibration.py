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


def calibrate(features, *, blank=None) -> Calibrated:
    """Calibrated invariance `(s - d) / (1 - d)` of N objects at the same grid of positions.

    Raw cosines are inflated by what the features of all images share; d, the cosine with other objects,
    measures that. Negative where the object is less like itself elsewhere than like other objects in the same
    place.

    Args:
        features: (N, R, C, D), or a sequence of N arrays (R, C, D).
        blank: (D,), the features of the frame without an object, subtracted first: what is left is due to
            the object.

    Raises:
        ValueError: fewer than two objects or positions, objects whose shapes differ, a blank of another
            length, a zero or non-finite vector, or d = 1, where nothing tells objects apart.
    """
    if len(features) < 2:
        raise ValueError("one object has no other to be compared with; give at least two")
    first = tuple(np.shape(features[0]))
    if len(first) != 3:
        raise ValueError(f"features of an object are (rows, columns, dimensions); got shape {first}")
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
    positions = first[0] * first[1]
    if positions < 2:
        raise ValueError("one position can't show invariance; give at least two")
    shift = 0.0 if blank is None else np.asarray(blank, dtype=np.float64)

    def unit(index: int) -> np.ndarray:  # made twice, so that one object's float64 copy is held at a time
        return unit_vectors(np.asarray(features[index], dtype=np.float64) - shift, what=f"object {index}")

    total, own = 0.0, []
    for index in range(len(features)):
        vectors = unit(index)
        # sum over all ordered pairs = |sum|^2; take the pairs with itself (1 each) out
        resultant = vectors.reshape(positions, -1).sum(0)
        own.append((np.square(resultant).sum() - positions) / (positions * (positions - 1)))
        total = total + vectors
    others = []
    for index in range(len(features)):
        vectors = unit(index)
        others.append(((vectors * (total - vectors)).sum(-1) / (len(features) - 1)).mean())
    same, different = np.array(own), np.array(others)
    if (different >= 1 - 1e-9).any():
        raise ValueError("different objects have the same features (d = 1), so invariance can't be calibrated")
    return Calibrated(same, different, (same - different) / (1 - different))
