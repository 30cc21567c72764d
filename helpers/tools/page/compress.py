"""Features made small enough for a page, with every cosine within a bound that is measured, not assumed.

Features divided by their length are turned to their principal axes (uncentred: a cosine is a plain inner
product of such vectors) and rounded, each axis by a step of its own. An error on an axis counts in a cosine in
proportion to what the other vector has there, so an axis that holds the share v of the vectors' squared length
gets a step proportional to ``v ** -0.5``: fine on the strong axes, coarse on the weak, and most axes round to
nothing and fall away (on the embedded AlexNet's fc6 a third of the bytes that one common step takes). The
scale of the steps is the coarsest that keeps the bound, and the largest error is that of *all* pairs of positions,
from the codes themselves: float32 tells where it can be, float64 how large it is.
"""

from __future__ import annotations

import dataclasses
import zlib

import numpy as np
import torch

from helpers import similarity

BOUND = 2e-3  # largest error of a cosine on the page
_BLOCK = 512  # rows of the pairs' matrix at a time
_ROUNDING = 1e-5  # of a float32 cosine, with room: sums of a thousand products of unit vectors stay within 1e-6
_SAMPLE = 192  # anchors for the search; the verdict is over all


@dataclasses.dataclass(frozen=True)
class Packed:
    """What the page computes cosines from.

    A position's vector is ``codes * steps`` there, and the cosine of two positions the inner product of their
    vectors (1 for a position with itself), kept in [-1, 1].

    Attributes:
        codes: int16 (K, R, C), one plane per axis, strongest first.
        steps: float64 (K,).
        error: The largest absolute difference from the exact cosine over all pairs.
        lowest: The smallest exact cosine of any pair.
    """

    codes: np.ndarray
    steps: np.ndarray
    error: float
    lowest: float

    def cosines(self, anchor: tuple[int, int]) -> np.ndarray:
        """The map (R, C) float64 that the page shows for an anchor (grid indices)."""
        vectors = np.moveaxis(self.codes, 0, -1) * self.steps
        found = np.clip(vectors @ vectors[anchor], -1, 1)
        found[anchor] = 1
        return found


def pack(features: torch.Tensor, *, layer: str = "features", bound: float = BOUND) -> Packed:
    """Codes for features (R, C, D) whose every cosine is within ``bound`` of the exact one.

    Raises:
        ValueError: Zero or non-finite features, or a bound that codes of 16 bits cannot keep.
    """
    rows, cols, _ = features.shape
    similarity.normalise(features, layer=layer)  # for its errors
    axes = _principal(features.reshape(rows * cols, -1).double().numpy())
    sample = np.unique(np.linspace(0, len(axes) - 1, _SAMPLE).astype(int))
    scale = bound / 40
    for _ in range(4):  # the error is close to proportional to the scale
        error, _ = _error(axes, *_codes(axes, scale), sample)
        scale *= np.clip(0.95 * bound / max(error, 1e-12), 0.2, 5)
    for _ in range(8):
        codes, steps = _codes(axes, scale)
        error, lowest = _error(axes, codes, steps, _suspects(axes, codes, steps))
        if error <= bound:
            return Packed(np.ascontiguousarray(codes.T).reshape(-1, rows, cols), steps, error, lowest)
        scale *= 0.97 * bound / error
    raise ValueError(f"{layer}: cosines are off by {error:.2g} at best, above the bound of {bound:g}")


def _principal(vectors: np.ndarray) -> np.ndarray:
    """Vectors (P, D) divided by their lengths, in the basis of their principal axes, strongest first."""
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    _, basis = np.linalg.eigh(unit.T @ unit)
    return unit @ basis[:, ::-1]


def _codes(axes: np.ndarray, scale: float) -> tuple[np.ndarray, np.ndarray]:
    """int16 (P, K) and steps (K,), the axes whose codes are all 0 left out."""
    share = np.maximum((axes**2).mean(axis=0), 1e-12)
    steps = np.maximum(scale * share**-0.5, np.abs(axes).max(axis=0) / 32767)
    steps = np.array([float(f"{step:.6g}") for step in steps])  # as the page's JSON writes them
    codes = np.rint(axes / steps)
    used = codes.any(axis=0)
    return codes[:, used].astype(np.int16), steps[used]


def _error(axes: np.ndarray, codes: np.ndarray, steps: np.ndarray, anchors: np.ndarray) -> tuple[float, float]:
    """The largest |cosine from codes - exact cosine| and the smallest exact one, of some positions with all."""
    vectors = codes * steps
    largest, lowest = 0.0, 1.0
    for start in range(0, len(anchors), _BLOCK):
        block = anchors[start : start + _BLOCK]
        exact = axes[block] @ axes.T
        lowest = min(lowest, float(exact.min()))
        found = np.clip(vectors[block] @ vectors.T, -1, 1)
        found[np.arange(len(block)), block] = 1
        largest = max(largest, float(np.abs(found - exact).max()))
    return largest, lowest


def _suspects(axes: np.ndarray, codes: np.ndarray, steps: np.ndarray) -> np.ndarray:
    """The positions that can be in a pair of the largest error or of the smallest cosine, by float32: a few of all."""
    exact, found = axes.astype(np.float32), (codes * steps).astype(np.float32)
    error, lowest = np.empty(len(axes), np.float32), np.empty(len(axes), np.float32)
    for start in range(0, len(axes), _BLOCK):
        rows = slice(start, start + _BLOCK)
        cosines = exact[rows] @ exact[start:].T  # a pair once: the other of the two need not be found, too
        differences = found[rows] @ found[start:].T
        np.clip(differences, -1, 1, out=differences)
        np.fill_diagonal(differences, 1)
        differences -= cosines
        error[rows], lowest[rows] = np.abs(differences, out=differences).max(1), cosines.min(1)
    return np.flatnonzero((error >= error.max() - _ROUNDING) | (lowest <= lowest.min() + _ROUNDING))


def to_bytes(codes: np.ndarray) -> bytes:
    """Integers (K, R, C) of 16 bits, compressed: see ``unpack`` in numbers.js, which undoes it.

    Each code is replaced by what is left of it over the mean of its neighbours to the left and above (0 where
    there is none), signs are folded (0, -1, 1, -2, ... become 0, 1, 2, 3, ...), so that the high bytes of small
    numbers of either sign are 0, then the low bytes of all and the high bytes of all go through zlib.
    """
    own = codes.astype(np.int32)
    left, above = np.zeros_like(own), np.zeros_like(own)
    left[:, :, 1:], above[:, 1:] = own[:, :, :-1], own[:, :-1]
    rest = (own - ((left + above) >> 1)).astype(np.int16)  # wraps; it wraps back on the way out
    folded = (rest << 1) ^ (rest >> 15)
    parts = np.ascontiguousarray(folded, dtype="<i2").view(np.uint8).reshape(-1, 2)
    return zlib.compress(parts.T.tobytes(), 7)  # 9 takes six times as long for 2% less
