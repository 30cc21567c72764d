"""Training scenes: one object, 40 to 56 pixels, in a frame of 128, at the centre, anywhere or between.

A batch is a function of (seed, step) alone: twins see the same scenes in the same order, a resumed run
continues where it stopped, and all modes of positions see the same objects, fills and backgrounds and
differ in the positions (and, on photos, in the fill's luminance, which follows the background under it).
"""

from functools import cache

import numpy as np
import torch
from torch import Tensor
from torch.nn.functional import grid_sample, interpolate

from helpers.networks.embedded import store
from helpers.networks.embedded.architectures import FRAME
from helpers.objects import embedded

SIZES = (40, 56)  # pixels, the longer side of the object
SIGMAS = {"centre": 6.0, **{name: float(name.removeprefix("sigma")) for name in store.DOSES}}  # pixels
BACKGROUNDS = (0.45, 0.15, 0.40)  # white, plain colour, photo

_PATCH = 72  # pixels: the largest object, rotated
_SHAPE = 72  # raster of a training shape, in a margin of _MARGIN pixels
_MARGIN = 8
_CROPS = 400


@cache
def _shapes() -> tuple[Tensor, list[tuple[int, int]]]:
    """All training shapes, float32 (n, 1, side, side), and each class's (first, count)."""
    rasters, spans = [], []
    for name in embedded.CLASSES:
        label = int(name.removeprefix("digit ")) if name not in embedded.SILHOUETTES else -1
        count = 1 if label < 0 else embedded.digit_count(label, held_out=False)
        spans.append((len(rasters), count))
        rasters += [embedded.shape(name, _SHAPE, index=index, held_out=False) for index in range(count)]
    stack = torch.from_numpy(np.stack(rasters))[:, None].float() / 255
    return torch.nn.functional.pad(stack, (_MARGIN,) * 4), spans


@cache
def _crops() -> Tensor:
    """Training crops of the photographs, float32 (n, 3, 128, 128) in [0, 1]."""
    rng = np.random.default_rng(20200823)
    crops = np.stack([embedded.crop(rng, side=FRAME, held_out=False) for _ in range(_CROPS)])
    return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255


@cache
def _plane() -> Tensor:
    """(x, y) in [-1, 1] of every pixel of a patch, (patch, patch, 2)."""
    axis = (torch.arange(_PATCH) + 0.5) * 2 / _PATCH - 1
    rows, cols = torch.meshgrid(axis, axis, indexing="ij")
    return torch.stack([cols, rows], 2)


@cache
def _basis() -> Tensor:
    """Bicubic weights that carry 5 knots to a patch's pixels, (patch, 5)."""
    knots = torch.eye(5)[None, None]
    return interpolate(knots, size=(_PATCH, 5), mode="bicubic", align_corners=False)[0, 0]


def _alphas(labels: Tensor, draw: torch.Generator) -> Tensor:
    """Warped shapes (n, 1, patch, patch): scale, rotation up to 8 degrees, shear, elastic displacement."""
    shapes, spans = _shapes()
    n = len(labels)
    pick = torch.rand(n, generator=draw)
    index = torch.tensor([spans[k][0] + int(u * spans[k][1]) for k, u in zip(labels, pick, strict=True)])
    size = SIZES[0] + (SIZES[1] - SIZES[0]) * torch.rand(n, generator=draw)
    turn = torch.deg2rad(16 * torch.rand(n, generator=draw) - 8)
    shear = 0.16 * torch.rand(n, generator=draw) - 0.08
    # Output in [-1, 1] over the patch -> input in [-1, 1] over the raster with its margin.
    zoom = _PATCH / size * (_SHAPE / (_SHAPE + 2 * _MARGIN))
    rows = torch.stack([turn.cos(), shear - turn.sin(), turn.sin(), turn.cos()], 1).view(n, 2, 2)
    grid = torch.einsum("nij,hwj->nhwi", rows * zoom.view(n, 1, 1), _plane())
    coarse = 0.03 * torch.randn(n, 5, 5, 2, generator=draw)
    basis = _basis()
    grid = grid + torch.einsum("hi,wj,nijk->nhwk", basis, basis, coarse)
    alpha = grid_sample(shapes[index], grid, align_corners=False)
    return ((alpha - 0.5) * 1.5 + 0.5).clamp(0, 1)


def _backgrounds(n: int, draw: torch.Generator) -> Tensor:
    crops = _crops()
    kind = torch.rand(n, generator=draw)
    which = torch.randint(len(crops), (n,), generator=draw)
    colour = torch.rand(n, 3, 1, 1, generator=draw)
    frames = torch.ones(n, 3, FRAME, FRAME)
    plain = (kind >= BACKGROUNDS[0]) & (kind < BACKGROUNDS[0] + BACKGROUNDS[1])
    frames[plain] = colour[plain].expand(-1, 3, FRAME, FRAME)
    photo = kind >= BACKGROUNDS[0] + BACKGROUNDS[1]
    photos = crops[which[photo]]
    # Flatter than the photograph, so that the object stands out.
    frames[photo] = torch.lerp(photos.mean((1, 2, 3), keepdim=True), photos, 0.6)
    return frames


def _fills(n: int, draw: torch.Generator) -> Tensor:
    crops = _crops()
    which = torch.randint(len(crops), (n,), generator=draw).tolist()
    corner = torch.randint(FRAME - _PATCH + 1, (n, 2), generator=draw).tolist()
    mix = 0.2 + 0.6 * torch.rand(n, 1, 1, 1, generator=draw)
    tint = torch.rand(n, 3, 1, 1, generator=draw)
    patches = [crops[k, :, r : r + _PATCH, c : c + _PATCH] for k, (r, c) in zip(which, corner, strict=True)]
    return torch.lerp(torch.stack(patches), tint, mix)


def _span(alpha: Tensor, axis: int) -> tuple[Tensor, Tensor]:
    """First index and length of the object along rows (axis 2) or columns (axis 3), each (n,)."""
    occupied = (alpha > 0.3).any(5 - axis).squeeze(1)
    first = occupied.float().argmax(1)
    return first, alpha.shape[axis] - occupied.flip(1).float().argmax(1) - first


def batch(seed: int, step: int, *, n: int, positions: str) -> tuple[Tensor, Tensor]:
    """Scenes of one training step.

    Positions are ``"centre"``, the object's middle near the frame's (Gaussian, sigma 6 pixels: the
    photographer's bias), ``"uniform"``, anywhere fully inside, or between the two: ``"sigma12"`` and
    ``"sigma24"``, as at the centre but with that sigma. What would lie outside touches the border instead.

    Returns:
        Frames uint8 (n, 3, 128, 128) and labels long (n,).

    Raises:
        ValueError: Another word for positions.
    """
    if positions not in store.TRAINED:
        raise ValueError(f"positions are {', '.join(SIGMAS)} or uniform; got {positions!r}")
    draw = torch.Generator().manual_seed(seed * 1_000_003 + step)
    labels = torch.randint(len(embedded.CLASSES), (n,), generator=draw)
    alpha, frames, fills = _alphas(labels, draw), _backgrounds(n, draw), _fills(n, draw)
    level = torch.rand(n, generator=draw).tolist()
    normal, flat = torch.randn(2, n, generator=draw), torch.rand(2, n, generator=draw)
    spans = (_span(alpha, 2), _span(alpha, 3))
    starts = []
    for (_, length), z, u in zip(spans, normal, flat, strict=True):
        room = FRAME - length
        if positions in SIGMAS:
            place = (room / 2 + SIGMAS[positions] * z).round().clamp(min=0)
        else:
            place = (u * (room + 1)).floor()
        starts.append(torch.minimum(place, room).long().tolist())
    (tops, heights), (lefts, widths) = [[t.tolist() for t in span] for span in spans]
    luminance = torch.tensor(embedded.LUMINANCE)
    means = (fills.mean((2, 3)) * luminance).sum(1)
    for i, (row, col) in enumerate(zip(*starts, strict=True)):
        here = (slice(None), slice(row, row + heights[i]), slice(col, col + widths[i]))
        there = (slice(None), slice(tops[i], tops[i] + heights[i]), slice(lefts[i], lefts[i] + widths[i]))
        under = float((frames[i][here].mean((1, 2)) * luminance).sum())
        # Mean luminance at least 0.3 from the background's: darker over light, lighter over dark.
        low, high = (0.1, under - 0.3) if under > 0.5 else (under + 0.3, 0.9)
        target = torch.tensor(low + (high - low) * level[i])
        fill = embedded.tone(fills[i][there], mean=means[i], target=target)
        frames[i][here].lerp_(fill, alpha[i][there])
    return (frames * 255).to(torch.uint8), labels
