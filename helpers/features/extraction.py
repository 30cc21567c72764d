"""The features of every position: frames rendered, fed forward and collected on the device in batches."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import torch
from tqdm.auto import tqdm

from helpers import runtime, similarity
from helpers.features.precision import fastest
from helpers.features.reading import batch_for, reader
from helpers.features.reuse import reusing
from helpers.networks import Network
from helpers.shifting import Scene, positions


@dataclasses.dataclass(frozen=True, eq=False)
class Features:
    """The features of a scene's positions.

    layers: layer name -> float32 (R, C, D) on the CPU; rows (R,), cols (C,): long, the positions in pixels;
    network and scene: where they come from; settings: what the forward passes ran with.
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
    reuse: str | None = None,
) -> Features:
    """Every position's features, all layers from one forward pass each.

    layers: names of the network's layers, None for all. stride: pixels between positions. precision:
    ``"float32"`` (exact, the default), ``"tf32"``, ``"bfloat16"``, ``"float16"``, or ``"fast"``, the choice
    of :func:`fastest`. batch_size: None is :func:`batch_for`; any is halved when memory runs out. average:
    take the global average of layers that give maps. reuse: a node, e.g. ``"features.2"`` of MobileNetV2, up
    to which activations are computed once and moved with the object (see :mod:`helpers.features.reuse`):
    within 1e-5 of the same features, in less time. ``settings`` of the result holds what was used. The
    network is in eval mode meanwhile, and no hook or mode outlasts the call.

    Raises ValueError for an unknown layer, a stride under 1, a layer that is not one vector per image, and
    features that are NaN or infinite (naming layer and position).
    """
    rows, cols = positions(scene.grid, stride)
    grid = torch.cartesian_prod(rows, cols)
    kept: dict[str, torch.Tensor] = {}

    def keep(at: slice, found: dict[str, torch.Tensor]) -> None:
        for layer, values in found.items():
            if layer not in kept:
                kept[layer] = torch.empty(len(grid), values.shape[1])
            kept[layer][at] = values.float()

    chosen, where, how = _chosen(network, scene, layers, device, precision, average)
    settings = _stream(network, scene, grid, keep, layers, where, chosen, batch_size, progress, average, reuse)
    shaped = {layer: values.view(len(rows), len(cols), -1) for layer, values in kept.items()}
    for layer, values in shaped.items():
        _finite(values, layer, rows, cols, network)
    return Features(shaped, rows, cols, network, scene, settings | how)


def similarity_maps(
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
    reuse: str | None = None,
    watch: Callable[[slice, dict[str, torch.Tensor]], None] | None = None,
) -> dict[str, torch.Tensor]:
    """The five similarity maps per layer, (5, R, C) float32, without keeping any features.

    The same as ``similarity.cosine_maps`` of :func:`extract` (within 1e-6), in the memory of one batch:
    the anchors' frames go first. Arguments and errors as in :func:`extract`. watch: is given each batch in
    passing, its slice of the positions in row-major order and its features (B, D) on the device, by layer.
    """
    rows, cols = positions(scene.grid, stride)
    grid = torch.cartesian_prod(rows, cols)
    at = torch.tensor(list(similarity.anchors((len(rows), len(cols))).values()))
    corners = torch.stack([rows[at[:, 0]], cols[at[:, 1]]], 1)
    precision, where, _ = _chosen(network, scene, layers, device, precision, average)
    units: dict[str, torch.Tensor] = {}
    maps: dict[str, torch.Tensor] = {}

    def remember(at: slice, found: dict[str, torch.Tensor]) -> None:
        for layer, values in found.items():
            if layer not in units:
                units[layer] = torch.empty(len(corners), values.shape[1], device=where)
            units[layer][at] = similarity.normalise(values, layer=f"{network.title}: {layer}", positions=corners[at])

    def compare(at: slice, found: dict[str, torch.Tensor]) -> None:
        if watch is not None:
            watch(at, found)
        for layer, values in found.items():
            if layer not in maps:
                maps[layer] = torch.empty(5, len(grid), device=where)
            cosines = units[layer] @ values.float().T / similarity.lengths(values).T
            # A NaN, an infinity or a zero length comes out as NaN, found below with no wait in between.
            maps[layer][:, at] = cosines.nan_to_num(torch.nan, torch.nan, torch.nan).float()

    _stream(network, scene, corners, remember, layers, where, precision, len(corners), False, average)
    _stream(network, scene, grid, compare, layers, where, precision, batch_size, progress, average, reuse)
    shaped = {layer: values.view(5, len(rows), len(cols)).cpu() for layer, values in maps.items()}
    for layer, values in shaped.items():
        _finite(values[2][..., None], layer, rows, cols, network)
    return shaped


def of_frames(
    network: Network,
    frames: torch.Tensor,
    layers: Sequence[str] | None = None,
    *,
    device: str | torch.device = "auto",
    precision: str = "float32",
    average: bool = False,
) -> dict[str, torch.Tensor]:
    """The features of given frames, uint8 (B, 3, H, W), batch by batch: layer -> float32 (B, D) on the CPU.

    Raises ValueError for other frames, and as :func:`extract` for layers.
    """
    if frames.dtype != torch.uint8 or frames.ndim != 4 or frames.shape[1] != 3:
        raise ValueError(f"frames are uint8 (B, 3, H, W) from 0 to 255, not {frames.dtype} {tuple(frames.shape)}")
    where = runtime.device(str(device))
    size = batch_for(network, frames.shape[2:], device=where)
    with reader(network, layers, device=where, precision=precision, average=average) as read:
        return read.each(frames, size=size)


def _chosen(
    network: Network,
    scene: Scene,
    layers: Sequence[str] | None,
    device: str | torch.device,
    precision: str,
    average: bool,
) -> tuple[str, torch.device, dict[str, float]]:
    where = runtime.device(str(device))
    if precision != "fast":
        return precision, where, {}
    choice = fastest(network, scene, layers, device=where, average=average)
    return choice.precision, where, {"largest difference": choice.difference, "speedup": choice.speedup}


def _stream(
    network: Network,
    scene: Scene,
    grid: torch.Tensor,
    take: Callable[[slice, dict[str, torch.Tensor]], None],
    layers: Sequence[str] | None,
    where: torch.device,
    precision: str,
    batch_size: int | None,
    progress: bool,
    average: bool,
    reuse: str | None = None,
) -> dict[str, Any]:
    """Give the features of positions (P, 2) batch by batch to ``take``; returns the settings used."""
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1, or None to find one")
    size = min(batch_size or batch_for(network, scene.frame, device=where), len(grid))
    done = 0
    title = f"{network.title}: {scene.name}"
    with contextlib.ExitStack() as stack:
        bar = stack.enter_context(tqdm(total=len(grid), desc=title, unit="frame", leave=False, disable=not progress))
        read = stack.enter_context(reader(network, layers, device=where, precision=precision, average=average))
        source = None if reuse is None else stack.enter_context(reusing(read, scene, node=reuse))
        while done < len(grid):
            at = slice(done, min(done + size, len(grid)))
            try:
                take(at, source(grid[at]) if source else read(scene.render(grid[at], where)))
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _out_of_memory(error) or size == 1:
                    raise
                size //= 2
                if where.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            bar.update(at.stop - at.start)
            done = at.stop
    return {"device": str(where), "precision": precision, "batch_size": size, "reuse": reuse}


def _out_of_memory(error: Exception) -> bool:
    # Plain RuntimeErrors: of the CPU's allocator (Linux and macOS, Windows), Apple's GPU and CUDA's libraries.
    words = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)


def _finite(values: torch.Tensor, layer: str, rows: torch.Tensor, cols: torch.Tensor, network: Network) -> None:
    bad = ~values.isfinite().all(-1)
    if bad.any():
        row, col = bad.nonzero()[0].tolist()
        at = (int(rows[row]), int(cols[col]))
        raise ValueError(
            f"{network.title}: {layer} at position {at} is not finite, or has no length: check the weights, "
            "or use precision='float32'"
        )
