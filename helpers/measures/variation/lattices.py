"""What repeats with the network's strides: a map split into smooth, lattice and rest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from math import gcd

import numpy as np
from scipy import stats

from helpers.measures.arrays import as_map
from helpers.measures.variation.local import bias

# Rounding of a sum of squares: with less than this of it left, there is nothing to take a share of
_ROUNDING = 1e-13


@dataclass(frozen=True)
class Lattice:
    """The part of a map that repeats with the network's strides, against white noise."""

    rms: float  # of the lattice part, units of the map
    share: float  # of the power that is left when the smooth part is gone, 0 to 1
    null: float  # the share white noise has on average: what no lattice at all looks like
    low: float  # 2.5 % and ...
    high: float  # ... 97.5 % quantile of that share, exact for Gaussian white noise
    by_stride: dict[int, float] = field(default_factory=dict)  # pixels -> rms added by this stride
    noise_by_stride: dict[int, float] = field(default_factory=dict)  # pixels -> white noise stays under, in 97.5 %


@dataclass(frozen=True)
class Spectrum:
    """How much of a map repeats with each of some periods; arrays (K,)."""

    periods: np.ndarray  # pixels
    amplitude: np.ndarray  # units of the map; white noise has its standard deviation at every period
    ratio: np.ndarray  # power per dimension at the period over that elsewhere; white noise has about 1


@dataclass(frozen=True)
class Parts:
    """A map as a sum of four orthogonal maps and its mean; all (R, C) float64."""

    mean: float
    tilt: np.ndarray  # the least-squares plane, without the mean
    smooth: np.ndarray  # what a low polynomial surface adds to the plane
    lattice: np.ndarray  # what repeats with the strides
    rest: np.ndarray

    def rms(self) -> dict[str, float]:
        """Root mean square of each part; their squares add up to the map's variance."""
        return {name: _rms(getattr(self, name)) for name in ("tilt", "smooth", "lattice", "rest")}


def decompose(values, *, strides: Sequence[int], stride: int = 1) -> Parts:
    """The map as mean + tilt + smooth + lattice + rest, by orthogonal projection.

    Per axis: polynomials up to degree `2 L / (1.5 S)` (L the side, S the largest stride, both in
    positions), whose finest wave is 1.5 S long, are the smooth functions; functions of the position
    modulo S, made orthogonal to them, are the lattice functions, that is all harmonics k / S. In two
    dimensions smooth is polynomial x polynomial; lattice is lattice x lattice, lattice x constant and
    constant x lattice, so a function of (row mod S, column mod S). Works for sides that aren't multiples
    of the stride. A stride that has fewer than two periods in the map is left out.

    Args:
        strides: the network's cumulative strides, pixels, each dividing the next.

    Raises:
        ValueError: no stride is left, or they do not divide each other.
    """
    cosines = as_map(values, stride=stride)
    rows, cols, _ = _bases(cosines.shape, strides, stride)
    weights = rows.basis.T @ cosines @ cols.basis
    smooth, level = _masks(rows, cols)
    surface = rows.basis @ (weights * smooth) @ cols.basis.T
    lattice = rows.basis @ (weights * (level > 0)) @ cols.basis.T
    mean = cosines.mean()
    lean = bias(cosines)
    plane = (
        lean.tilt_down / 100 * (np.arange(cosines.shape[0]) - (cosines.shape[0] - 1) / 2)[:, None]
        + lean.tilt_right / 100 * (np.arange(cosines.shape[1]) - (cosines.shape[1] - 1) / 2)[None]
    )
    return Parts(float(mean), plane, surface - mean - plane, lattice, cosines - surface - lattice)


def lattice(values, *, strides: Sequence[int], stride: int = 1) -> Lattice:
    """Size of what repeats with the network's strides, in total and added by each stride.

    Parts as in `decompose`. Share: lattice power over the power left without the smooth part. Null: for
    white noise this is a ratio of sums of squares over orthogonal subspaces of d and N - d dimensions,
    so it follows Beta(d / 2, (N - d) / 2) exactly. White is a low bar: maps are smoother than noise, and
    a sharp peak or border leaks into all frequencies; `spectrum` is the stricter control. The same law gives
    what white noise of the same power would add at each stride.

    Args:
        strides: the network's cumulative strides, pixels, each dividing the next.

    Raises:
        ValueError: as `decompose`.
    """
    cosines = as_map(values, stride=stride)
    rows, cols, periods = _bases(cosines.shape, strides, stride)
    power = (rows.basis.T @ cosines @ cols.basis) ** 2
    smooth, level = _masks(rows, cols)
    left = (cosines**2).sum() - power[smooth].sum()
    size = cosines.size
    dims, free = int((level > 0).sum()), size - int(smooth.sum())
    null = stats.beta(dims / 2, max(free - dims, 1) / 2)
    found = power[level > 0].sum()
    each = {pixels: level == index for index, pixels in enumerate(periods, 1)}
    own = {pixels: int(mask.sum()) for pixels, mask in each.items()}
    return Lattice(
        rms=float(np.sqrt(found / size)),
        share=float(found / left) if left > _ROUNDING * (cosines**2).sum() else 0.0,
        null=dims / free,
        low=float(null.ppf(0.025)),
        high=float(null.ppf(0.975)),
        by_stride={pixels: float(np.sqrt(power[mask].sum() / size)) for pixels, mask in each.items()},
        noise_by_stride={
            pixels: float(np.sqrt(stats.beta(d / 2, max(free - d, 1) / 2).ppf(0.975) * max(left, 0) / size))
            for pixels, d in own.items()
        },
    )


def spectrum(values, *, periods: Sequence[int], stride: int = 1) -> Spectrum:
    """Each period (pixels) on its own, whether or not it is a stride of the network.

    The control for `lattice`: a network's strides (and their multiples) should stand out from the periods
    beside them, which no stride explains. The smooth part is that of the longest period for all of them,
    so that they are comparable. The amplitude of white noise is its standard deviation; what truly repeats adds
    up over the repeats, so its amplitude grows with the map. A constant map has ratio 0.

    Args:
        periods: K of them, pixels.

    Raises:
        ValueError: as `decompose`.
    """
    cosines = as_map(values, stride=stride)
    longest = max(_repeat(period, stride) for period in periods)
    amplitude, ratio = [], []
    for period in periods:
        rows, cols, _ = _bases(cosines.shape, (period,), stride, longest)
        power = (rows.basis.T @ cosines @ cols.basis) ** 2
        smooth, level = _masks(rows, cols)
        dims = int((level > 0).sum())
        free = cosines.size - int(smooth.sum()) - dims
        inside, left = power[level > 0].sum(), (cosines**2).sum() - power[smooth].sum()
        amplitude.append(np.sqrt(inside / dims))
        flat = left <= _ROUNDING * (cosines**2).sum()
        ratio.append(0.0 if flat else (inside / dims) / max((left - inside) / free, np.finfo(float).tiny))
    return Spectrum(np.array(periods), np.array(amplitude), np.array(ratio))


@dataclass(frozen=True)
class _Axis:
    basis: np.ndarray  # (L, K) orthonormal columns
    level: np.ndarray  # (K,) -1 polynomial of degree 1 and up, 0 constant, 1... index of the stride


@lru_cache(maxsize=256)
def _axis(length: int, periods: tuple[int, ...], longest: int) -> _Axis:
    """Orthonormal basis along one axis: constant, polynomials, then what each period adds to them."""
    degree = max(1, int(2 * length / (1.5 * longest)))
    basis = np.linalg.qr(np.polynomial.legendre.legvander(np.linspace(-1, 1, length), degree))[0]
    level = [0] + [-1] * degree
    for index, period in enumerate(periods, 1):
        classes = (np.arange(length)[:, None] % period == np.arange(period)).astype(float)
        classes -= basis @ (basis.T @ classes)
        left, sizes, _ = np.linalg.svd(classes, full_matrices=False)
        new = left[:, sizes > 1e-6 * np.sqrt(length)]  # the rest is already in the basis
        basis = np.hstack([basis, new])
        level += [index] * new.shape[1]
    return _Axis(basis, np.array(level))


def _repeat(pixels: int, stride: int) -> int:
    """After how many positions, `stride` pixels apart, a period comes back to the same place."""
    return pixels // gcd(pixels, stride)


def _bases(shape, strides, stride: int, longest: int | None = None) -> tuple[_Axis, _Axis, list[int]]:
    """Bases of both axes, and the strides (pixels) that the grid can resolve; longest in positions."""
    strides = sorted({int(size) for size in strides})
    if not strides or strides[0] < 1 or any(b % a for a, b in zip(strides, strides[1:], strict=False)):
        raise ValueError(f"strides {tuple(strides)}: give positive cumulative strides, each dividing the next")
    period = {pixels: _repeat(pixels, stride) for pixels in strides}
    kept = [pixels for pixels in strides if period[pixels] > 1 and 2 * period[pixels] <= min(shape)]
    if not kept:
        raise ValueError(
            f"a map of {shape[0]} x {shape[1]} positions, {stride} px apart, holds no two periods of any "
            f"of the strides {tuple(strides)}; use a larger map or a finer stride"
        )
    used = tuple(period[pixels] for pixels in kept)
    finest = max(used) if longest is None else longest
    return _axis(shape[0], used, finest), _axis(shape[1], used, finest), kept


def _masks(rows: _Axis, cols: _Axis) -> tuple[np.ndarray, np.ndarray]:
    """Which products of basis functions are smooth; the stride index of those that are lattice, else 0."""
    smooth = (rows.level[:, None] <= 0) & (cols.level[None] <= 0)
    periodic = (rows.level[:, None] >= 0) & (cols.level[None] >= 0)
    return smooth, np.where(periodic, np.maximum(rows.level[:, None], cols.level[None]), 0)


def _rms(values: np.ndarray) -> float:
    return float(np.sqrt(np.mean(values**2)))
