"""The features of every position: frames rendered, fed forward and collected on the device in batches."""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from tqdm.auto import tqdm

from helpers import runtime, similarity
from helpers.networks import Network
from helpers.shifting import Scene, positions

_FIRST_BATCH = {"cuda": 512, "cpu": 64}  # where the search for a batch that fits begins


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
        return int(self.rows[1] - self.rows[0]) if len(self.rows) > 1 else 1


def extract(
    network: Network,
    scene: Scene,
    layers: Sequence[str] | None = None,
    stride: int = 1,
    device: str | torch.device = "auto",
    precision: str = "float32",
    batch_size: int | None = None,
    progress: bool = True,
    average: bool = False,
) -> Features:
    """Every position's features, all layers from one forward pass each.

    layers: names of the network's layers, None for all. stride: pixels between positions. precision:
    ``"float32"`` (exact, the default), ``"tf32"``, ``"bfloat16"``, ``"float16"``. batch_size: None finds
    one that fits; any is halved when memory runs out. average: take the global average of layers that give
    maps. The network is in eval mode meanwhile, and no hook or mode outlasts the call.

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

    settings = _stream(network, scene, grid, keep, layers, device, precision, batch_size, progress, average)
    shaped = {layer: values.view(len(rows), len(cols), -1) for layer, values in kept.items()}
    for layer, values in shaped.items():
        _finite(values, layer, rows, cols, network)
    return Features(shaped, rows, cols, network, scene, settings)


def similarity_maps(
    network: Network,
    scene: Scene,
    layers: Sequence[str] | None = None,
    stride: int = 1,
    device: str | torch.device = "auto",
    precision: str = "float32",
    batch_size: int | None = None,
    progress: bool = True,
    average: bool = False,
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
    where = runtime.device(str(device))
    units: dict[str, torch.Tensor] = {}
    maps: dict[str, torch.Tensor] = {}

    def remember(_: slice, found: dict[str, torch.Tensor]) -> None:
        for layer, values in found.items():
            units[layer] = similarity.normalise(values.float(), layer)

    def compare(at: slice, found: dict[str, torch.Tensor]) -> None:
        if watch is not None:
            watch(at, found)
        for layer, values in found.items():
            if layer not in maps:
                maps[layer] = torch.empty(5, len(grid), device=where)
            lengths = torch.linalg.vector_norm(values, dim=1, dtype=torch.float64)
            products = units[layer] @ values.float().T
            # A NaN, an infinity or a zero length comes out as NaN, found below with no wait in between.
            maps[layer][:, at] = (products / lengths.float()).nan_to_num(torch.nan, torch.nan, torch.nan)

    _stream(network, scene, corners, remember, layers, where, precision, len(corners), False, average)
    _stream(network, scene, grid, compare, layers, where, precision, batch_size, progress, average)
    shaped = {layer: values.view(5, len(rows), len(cols)).cpu() for layer, values in maps.items()}
    for layer, values in shaped.items():
        _finite(values[2][..., None], layer, rows, cols, network)
    return shaped


def of_frames(
    network: Network,
    frames: torch.Tensor,
    layers: Sequence[str] | None = None,
    device: str | torch.device = "auto",
    precision: str = "float32",
    average: bool = False,
) -> dict[str, torch.Tensor]:
    """The features of given frames, uint8 (B, 3, H, W), in one batch: layer -> float32 (B, D) on the CPU."""
    where = runtime.device(str(device))
    with reader(network, layers, where, precision, average) as read:
        return {layer: values.float().cpu() for layer, values in read(frames.to(where)).items()}


@contextlib.contextmanager
def reader(
    network: Network,
    layers: Sequence[str] | None = None,
    device: str | torch.device = "auto",
    precision: str = "float32",
    average: bool = False,
) -> Iterator[Callable[[torch.Tensor], dict[str, torch.Tensor]]]:
    """Within it, a function from uint8 frames on the device to layer -> (B, D) on the device.

    The network is moved there, put into eval mode and hooked; device, modes and hooks are as before at the
    end, also after an error. No gradients.
    """
    names = network.check(network.layers if layers is None else layers)
    where = runtime.device(str(device))
    module = network.module
    modes = {child: child.training for child in module.modules()}
    home = next((parameter.device for parameter in module.parameters()), torch.device("cpu"))
    found: dict[str, torch.Tensor] = {}
    handles = [_hook(module, network.layers[name], name, found, average) for name in names]

    # Channels-last is the layout that convolutions are fastest in, on the CPU and on GPUs.
    layout = [torch.channels_last]

    def read(frames: torch.Tensor) -> dict[str, torch.Tensor]:
        found.clear()
        inputs = network.preprocess(frames)
        try:
            module(inputs.contiguous(memory_format=layout[0]))
        except RuntimeError as error:
            # Modules that flatten by .view (antialiased-cnns' AlexNet) take the plain layout only.
            if "view size is not compatible" not in str(error) or layout[0] == torch.contiguous_format:
                raise
            layout[0] = torch.contiguous_format
            module.to(memory_format=layout[0])
            return read(frames)
        missing = [name for name in names if name not in found]
        if missing:
            raise ValueError(f"{network.name}: the forward pass never reaches {', '.join(missing)}")
        return {name: found[name] for name in names}

    try:
        module.to(where, memory_format=torch.channels_last).eval()
        with torch.inference_mode(), runtime.precision(precision, where):
            yield read
    finally:
        for handle in handles:
            handle.remove()
        for child, mode in modes.items():
            child.training = mode
        module.to(home, memory_format=torch.contiguous_format)


def _hook(
    module: nn.Module, node: str, layer: str, found: dict[str, torch.Tensor], average: bool
) -> torch.utils.hooks.RemovableHandle:
    path, *marks = node.split(":")
    average = average or "mean" in marks

    def note(value: Any) -> None:
        if average and isinstance(value, torch.Tensor) and value.ndim == 4:
            found[layer] = value.mean((2, 3))
            return
        if isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[2:] == (1, 1):
            value = value.flatten(1)
        if not isinstance(value, torch.Tensor) or value.ndim != 2:
            shape = tuple(value.shape) if isinstance(value, torch.Tensor) else type(value).__name__
            raise ValueError(
                f"layer {layer!r} gives {shape}, not one vector per image: "
                "average it over the frame with average=True, or take another layer"
            )
        # A copy: the ReLU that follows fc6 and fc7 works in place and would overwrite them.
        found[layer] = value.clone()

    target = module.get_submodule(path)
    if "input" in marks:
        return target.register_forward_pre_hook(lambda _, inputs: note(inputs[0]))
    return target.register_forward_hook(lambda _, __, output: note(output))


def _stream(
    network: Network,
    scene: Scene,
    grid: torch.Tensor,
    take: Callable[[slice, dict[str, torch.Tensor]], None],
    layers: Sequence[str] | None,
    device: str | torch.device,
    precision: str,
    batch_size: int | None,
    progress: bool,
    average: bool,
) -> dict[str, Any]:
    """Give the features of positions (P, 2) batch by batch to ``take``; returns the settings used."""
    where = runtime.device(str(device))
    if batch_size is not None and batch_size < 1:
        raise ValueError(f"batch_size {batch_size} must be at least 1, or None to find one")
    size = min(batch_size or _FIRST_BATCH.get(where.type, 64), len(grid))
    done = 0
    title = f"{network.title}: {scene.name}"
    bar = tqdm(total=len(grid), desc=title, unit="frame", leave=False, disable=not progress)
    with bar, reader(network, layers, where, precision, average) as read:
        while done < len(grid):
            at = slice(done, min(done + size, len(grid)))
            try:
                take(at, read(scene.render(grid[at], where)))
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if not _out_of_memory(error) or size == 1:
                    raise
                size //= 2
                if where.type == "cuda":
                    torch.cuda.empty_cache()
                continue
            bar.update(at.stop - at.start)
            done = at.stop
    return {"device": str(where), "precision": precision, "batch_size": size}


def _out_of_memory(error: Exception) -> bool:
    # On the CPU torch raises a plain RuntimeError from its allocator.
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or "can't allocate memory" in str(error)


def _finite(
    values: torch.Tensor, layer: str, rows: torch.Tensor, cols: torch.Tensor, network: Network
) -> None:
    bad = ~values.isfinite().all(-1)
    if bad.any():
        row, col = bad.nonzero()[0].tolist()
        at = (int(rows[row]), int(cols[col]))
        raise ValueError(
            f"{network.title}: {layer} at position {at} is not finite, or has no length: check the weights, "
            "or use precision='float32'"
        )
