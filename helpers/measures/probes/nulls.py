"""Nulls for the probes: label maps and fields that have nothing to do with the true position."""

from __future__ import annotations

import numpy as np

from helpers.measures.arrays import check_positive, grid_features


def null_labels(label_map, *, how: str, draws: int = 99, seed: int = 0) -> np.ndarray:
    """Label maps that have lost the true dividing line.

    - "shuffle": labels of single positions, permuted. The usual label permutation, and *anticonservative*
      here: it also destroys the smoothness of the labels, so it compares "smooth features tell smooth
      halves apart" with "smooth features tell salt from pepper", and anything smooth is significant.
    - "torus": the whole map moved around both axes (Lotwick and Silverman, J. R. Stat. Soc. B 44, 1982). The
      labels stay smooth, but halves become stripes with two dividing lines, a harder question, and there are
      few different ones (R for "top/bottom"), so that no small p-value can come of it.

    Neither is a fair null for one object. `swap_test` is the one to quote, over several.

    Args:
        label_map: bool (R, C).
        how: "shuffle" or "torus".

    Returns:
        bool (draws, R, C).

    Raises:
        ValueError: an unknown `how`, another shape, or draws under 1.
    """
    label_map = np.asarray(label_map, dtype=bool)
    if label_map.ndim != 2:
        raise ValueError(f"labels are (R, C); got shape {label_map.shape}")
    check_positive(draws=draws)
    rng = np.random.default_rng(seed)
    if how == "shuffle":
        return np.stack([rng.permutation(label_map.ravel()).reshape(label_map.shape) for _ in range(draws)])
    if how == "torus":
        moves = np.stack([rng.integers(side, size=draws) for side in label_map.shape], 1)
        return np.stack([np.roll(label_map, move, (0, 1)) for move in moves])
    raise ValueError(f"unknown null {how!r}: use 'shuffle' or 'torus'")


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


def p_value(observed: float, null) -> float:
    """Share of the null at least as large as the observed value, which counts too: (1 + n) / (1 + B).

    Raises:
        ValueError: an empty null, or a value that is not finite.
    """
    null = np.asarray(null, dtype=np.float64)
    if not null.size or not np.isfinite(null).all() or not np.isfinite(observed):
        raise ValueError(f"a p-value needs a finite value, not {observed}, and a null of at least one finite value")
    return float((1 + np.count_nonzero(null >= observed - 1e-12)) / (1 + null.size))
