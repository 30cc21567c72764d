"""What the probes are compared with: fields that have nothing to do with the position."""

from __future__ import annotations

import numpy as np

from helpers.measures.arrays import grid_features


def surrogate(features, *, seed: int = 0) -> np.ndarray:
    """A field as smooth as the features that knows nothing of position.

    Every dimension keeps its mean and its power at each spatial frequency, and all dimensions keep their
    correlations with each other at each, but the phases are drawn anew: a stationary random field, which has
    no centre, no border, no top. What a probe reaches on it, it owes to smoothness alone.

    The grid is mirrored at its edges before the Fourier transform (the features at opposite edges have
    nothing to do with each other), so the power kept is that of the mirrored field.

    Source: phase randomisation (Theiler et al., Physica D 58, 1992; Prichard and Theiler, PRL 73, 1994, for
    several series with one set of phases), in two dimensions.

    Args:
        features: (R, C, D).

    Returns:
        float64 (R, C, D).

    Raises:
        ValueError: another shape, or non-finite features.
    """
    features = grid_features(features)
    rows, cols, d = features.shape
    noise = np.random.default_rng(seed).standard_normal((2 * rows, 2 * cols))
    # the phases of a real field: they give a real field back
    turn = np.exp(1j * np.angle(np.fft.rfft2(noise)))
    turn[0, 0] = 1.0  # keeps the means
    result = np.empty(features.shape)
    for start in range(0, d, 64):  # 64 dimensions at a time bound the memory of the mirrored field
        block = features[..., start : start + 64].astype(np.float64)
        mirrored = np.concatenate([block, block[::-1]], 0)
        mirrored = np.concatenate([mirrored, mirrored[:, ::-1]], 1)
        spectrum = np.fft.rfft2(mirrored, axes=(0, 1)) * turn[..., None]
        field = np.fft.irfft2(spectrum, s=mirrored.shape[:2], axes=(0, 1))
        result[..., start : start + 64] = field[:rows, :cols]
    return result
