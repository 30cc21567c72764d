"""The features of every position of a scene, and its similarity maps without keeping any features."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch

from helpers import runtime, similarity
from helpers.features.batches import SceneReader
from helpers.features.reading import Reader, batch_for, reader
from helpers.networks import Network
from helpers.shifting import Scene, positions


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """The features of a scene's positions.

    Attributes:
        layers: layer name -> float32 (R, C, D) on the CPU.
        rows, cols: long (R,) and (C,), the positions in pixels.
        settings: what the forward passes ran with.
    """

    layers: dict[str, torch.Tensor]
    rows: torch.Tensor
    cols: torch.Tensor
    network: Network
    scene: Scene
    settings: dict[str, Any] = dataclasses.field(default_factory=dict)

    @property
    def stride(self) -> int:
        """Pixels between neighbouring positions."""
        axis = self.rows if len(self.rows) > 1 else self.cols
        return int(axis[1] - axis[0]) if len(axis) > 1 else 1


def extract(
    network: Network,
    scene: Scene,
    layers: Sequence[str] | None = None,
    *,
    stride: int = 1,
    device: str | torch.device = "auto",
    precision: str = "float32",
    batch_size: int | None = None,
    progress: bool = True,
    average: bool = False,
    reuse: bool = True,
    fold: bool = True,
) -> Features:
    """The features of all positions: one forward pass per frame, whatever the number of layers.

    The network is in eval mode meanwhile, and no hook or mode outlasts the call.

    Args:
        layers: names of the network's layers; None for all.
        stride: pixels between positions.
        device: as for :func:`helpers.runtime.device`.
        precision: ``"float32"`` (exact), ``"tf32"``, ``"bfloat16"`` or ``"float16"``, as for
            :func:`helpers.runtime.precision`.
        batch_size: frames in a batch, halved when memory runs out; None for :func:`helpers.features.batch_for`.
        average: take the global average of layers that give maps.
        reuse: compute early activations once and move them with the object, over a plain background, in float32, if
            that gives the same features within 1e-5 and pays (see :mod:`helpers.features.reuse`).
        fold: fold batch norms into the convolutions before them, in float32 and if that gives the same features
            within 1e-5 (see :mod:`helpers.features.folding`).

    Raises:
        ValueError: an unknown layer, a stride under 1, a layer that is not one vector per image, or a feature
            that is NaN or infinite (naming layer and position).
    """
    rows, cols = positions(scene.grid, stride)
    grid = torch.cartesian_prod(rows, cols)
    kept: dict[str, torch.Tensor] = {}
    with reader(network, layers, device=device, precision=precision, average=average, fold=fold) as read:
        source = SceneReader(read, scene, grid, reuse=reuse)
        for at, found in source.batches(grid, size=batch_size, progress=progress):
            for layer, values in found.items():
                if layer not in kept:
                    kept[layer] = torch.empty(len(grid), values.shape[1])
                kept[layer][at] = values.float()
    shaped = {layer: values.view(len(rows), len(cols), -1) for layer, values in kept.items()}
    for layer, values in shaped.items():
        _check(values, rows, cols, f"{network.title}: {layer}")
    return Features(shaped, rows, cols, network, scene, source.settings)


def similarity_maps(
    network: Network | Reader,
    scene: Scene,
    layers: Sequence[str] | None = None,
    *,
    stride: int = 1,
    device: str | torch.device = "auto",
    precision: str = "float32",
    batch_size: int | None = None,
    progress: bool = True,
    average: bool = False,
    reuse: bool = True,
    fold: bool = True,
    watch: Callable[[slice, dict[str, torch.Tensor]], None] | None = None,
) -> dict[str, torch.Tensor]:
    """The five similarity maps of each layer, without keeping any features: the anchors' frames go first.

    The same as ``similarity.cosine_maps`` of :func:`extract` (within 1e-6), in the memory of one batch.
    Arguments and errors are those of :func:`extract`; instead of the network, a :func:`reader` of it that is open
    already reads any number of scenes, the layers and in the way it was opened for. ``watch`` is given each batch in
    passing, its slice of the positions in row-major order and its features (B, D) on the device, by layer.

    Returns:
        layer -> (5, R, C) float32 on the CPU.
    """
    rows, cols = positions(scene.grid, stride)
    grid = torch.cartesian_prod(rows, cols)
    places = grid.view(len(rows), len(cols), 2)
    anchors = torch.stack([places[at] for at in similarity.anchors(places.shape[:2]).values()])
    given = {"device": device, "precision": precision, "average": average, "fold": fold}
    with contextlib.nullcontext(network) if isinstance(network, Reader) else reader(network, layers, **given) as read:
        source, title = SceneReader(read, scene, grid, reuse=reuse), read.network.title
        parts: dict[str, list[torch.Tensor]] = {}
        for at, found in source.batches(anchors, size=len(anchors), progress=False):
            for layer, values in found.items():
                unit = similarity.normalise(values, layer=f"{title}: {layer}", positions=anchors[at])
                parts.setdefault(layer, []).append(unit)
        units = {layer: torch.cat(part) for layer, part in parts.items()}
        maps = {layer: torch.empty(len(anchors), len(grid), device=read.device) for layer in units}
        for at, found in source.batches(grid, size=batch_size, progress=progress):
            if watch is not None:
                watch(at, found)
            for layer, values in found.items():
                cosines = units[layer] @ values.float().T / similarity.lengths(values).T
                # A NaN, an infinity or a zero length comes out as NaN, found below with no wait in between.
                maps[layer][:, at] = cosines.nan_to_num(torch.nan, torch.nan, torch.nan).float()
    shaped = {layer: values.view(-1, len(rows), len(cols)).cpu() for layer, values in maps.items()}
    for layer, values in shaped.items():
        _check(values[2][..., None], rows, cols, f"{title}: {layer}")
    return shaped


def of_frames(
    network: Network,
    frames: torch.Tensor,
    layers: Sequence[str] | None = None,
    *,
    device: str | torch.device = "auto",
    precision: str = "float32",
    average: bool = False,
    fold: bool = True,
) -> dict[str, torch.Tensor]:
    """The features of frames, uint8 (B, 3, H, W): layer -> float32 (B, D) on the CPU.

    Arguments and errors are those of :func:`extract`.
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3:
        raise ValueError(f"frames are uint8 (B, 3, H, W) from 0 to 255, not {frames.dtype} {tuple(frames.shape)}")
    where = runtime.device(str(device))
    size = batch_for(network, frames.shape[2:], device=where)
    with reader(network, layers, device=where, precision=precision, average=average, fold=fold) as read:
        return read.each(frames, size=size)


def _check(values: torch.Tensor, rows: torch.Tensor, cols: torch.Tensor, what: str) -> None:
    """Raise ValueError naming the first position whose values (R, C, D) are not finite."""
    bad = ~values.isfinite().all(-1)
    if bad.any():
        row, col = bad.nonzero()[0].tolist()
        raise ValueError(
            f"{what} at position {(int(rows[row]), int(cols[col]))} is not finite, or has no length: "
            "check the weights, or use precision='float32'"
        )
