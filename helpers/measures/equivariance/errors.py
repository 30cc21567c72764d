"""How far a map is from moving as the object did."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from helpers import shifting
from helpers.measures.equivariance.maps import moved, read
from helpers.networks import Network


@dataclass(frozen=True)
class Error:
    """Equivariance errors of B objects, as shares of what each object adds to the map.

    The two parts are orthogonal: the square of the error of the whole map is the sum of their squares.
    """

    interior: Tensor  # (B,) float64
    border: Tensor  # (B,) over the ring along the edge
    cells: Tensor  # (B, h, w) the share of each cell; NaN where the cell moved back came from outside the map

    @property
    def whole(self) -> Tensor:
        """Of the whole map, (B,)."""
        return (self.interior.square() + self.border.square()).sqrt()


def error(still: Tensor, shifted: Tensor, empty: Tensor, *, shift: tuple[int, int], stride: int, ring: int) -> Error:
    """Move the maps of a shifted scene back, and compare them with those of the scene as it was.

    Of all maps that of the empty frame is taken away first, so that what is compared is what the *object* adds: a
    pattern that the border makes by itself stays where it is, and an average forgives it. By a whole number of cells
    the map is moved exactly, by a fraction with :func:`~helpers.measures.equivariance.maps.moved`. An error of 1 is as
    large as all that the object adds; two maps that have nothing to do with each other have 1.41.

    Args:
        still: (B, C, h, w), of the scenes as they are.
        shifted: (B, C, h, w), of the scenes with the object moved.
        empty: (1, C, h, w), of the frame without an object.
        shift: pixels that the object moved down and to the right.
        stride: pixels between neighbouring cells.
        ring: pixels from the edge that belong to the border: it is as many cells wide as fit, and at least one.

    Raises:
        ValueError: maps of different shapes, or an object that adds nothing to a map.
    """
    if still.shape != shifted.shape or still.shape[1:] != empty.shape[1:]:
        raise ValueError(
            f"maps {tuple(still.shape)} and {tuple(shifted.shape)}, empty {tuple(empty.shape)}: give alike"
        )
    height, width = still.shape[2:]
    signal, other = ((each - empty).double() for each in (still, shifted))
    size = signal.square().sum((1, 2, 3))
    if not (size > 0).all():
        raise ValueError("the object adds nothing to this map: there is nothing to compare its error with")
    by = [each / stride for each in shift]
    apart = moved(other, (-by[0], -by[1])) - signal
    cells = apart.square().sum(1) / size[:, None, None]
    rows, cols = (torch.arange(side) + each for side, each in zip((height, width), by, strict=True))
    from_inside = ((rows >= 0) & (rows <= height - 1))[:, None] & ((cols >= 0) & (cols <= width - 1))
    cells = cells.where(from_inside, torch.nan)
    wide = max(1, ring // stride)
    inner = torch.zeros(height, width, dtype=torch.bool)
    inner[wide : height - wide, wide : width - wide] = True
    interior, border = (cells.where(mask, 0).nansum((1, 2)).sqrt() for mask in (inner, ~inner))
    return Error(interior, border, cells.sqrt())


def pooled_error(still: Tensor, shifted: Tensor, empty: Tensor) -> Tensor:
    """What an average over the map leaves of the error: (B,) float64, in the same units as :func:`error`.

    The change of the mean over all cells, over what the object adds to that mean; arguments as there.

    Raises:
        ValueError: an object that adds nothing.
    """
    first, second, base = (each.double().mean((2, 3)) for each in (still, shifted, empty))
    size = (first - base).norm(dim=1)
    if not (size > 0).all():
        raise ValueError("the object adds nothing to the mean over this map")
    return (second - first).norm(dim=1) / size


def over_shifts(
    network: Network,
    scene: shifting.Roll,
    empty: Tensor,
    nodes: Mapping[str, int],
    *,
    step: int = 1,
    device: str | torch.device = "auto",
) -> dict[str, np.ndarray]:
    """The error of the whole map for each shift of a scene: path -> (R, C) float64, in the middle the unmoved frame.

    Args:
        scene: an object on a plain ground, moved around by up to ``scene.reach`` pixels each way.
        empty: uint8 (1, 3, H, W), the ground alone.
        nodes: paths and their strides in pixels, of :func:`~helpers.measures.equivariance.maps.nodes`.
        step: pixels between the shifts; it divides the reach, so that no shift is among them.

    Raises:
        ValueError: a step that does not divide the reach, or as :func:`error`.
    """
    if scene.reach % step:
        raise ValueError(f"steps of {step} px do not meet the unmoved frame, {scene.reach} px from the first shift")
    rows, cols = shifting.positions(scene.grid, step)
    places = torch.cartesian_prod(rows, cols)
    base, seen = (read(network, each, nodes, device=device) for each in (empty, scene.render(places)))
    found = {}
    for path, stride in nodes.items():
        still = seen[path][len(places) // 2][None]
        errors = [
            error(still, each[None], base[path], shift=(down - scene.reach, right - scene.reach), stride=stride, ring=0)
            for each, (down, right) in zip(seen[path], places.tolist(), strict=True)
        ]
        found[path] = np.array([float(each.whole) for each in errors]).reshape(len(rows), len(cols))
    return found
