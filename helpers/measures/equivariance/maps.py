"""The maps inside a network: which there are, what they hold for some frames, and how to move one by a fraction."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn

from helpers import features
from helpers.features.perturbation import perturbed
from helpers.networks import Network
from helpers.networks.passes import hooked, watch

_CONTAINERS = (nn.Sequential, nn.ModuleList)


def nodes(network: Network) -> dict[str, int]:
    """The maps along a network's trunk: the path of each part that gives one -> its stride in pixels.

    The parts are the outermost ones that are no mere containers: layers, and blocks as a whole. Found on one pass.
    """
    found: dict[str, int] = {}
    strides = network.strides  # found on a pass of its own, so not within another
    outer = dict(_outermost(network.module))
    paths = {part: path for path, part in outer.items()}

    def note(part: nn.Module, _: tuple[Any, ...], output: Any) -> None:
        if isinstance(output, Tensor) and output.ndim == 4 and 1 < output.shape[-1] <= network.frame:
            found[paths[part]] = stride_of(network.frame / output.shape[-1], strides)

    watch(network.module, (network.frame, network.frame), note, outer.values())
    return found


def _outermost(module: nn.Module, path: str = "") -> Iterable[tuple[str, nn.Module]]:
    for name, child in module.named_children():
        if isinstance(child, _CONTAINERS):
            yield from _outermost(child, f"{path}{name}.")
        else:
            yield f"{path}{name}", child


def stride_of(ratio: float, strides: Iterable[int]) -> int:
    """The stride of a map whose side is the frame's divided by ``ratio``: 1, or the nearest of the network's.

    They differ where a padding makes a map a cell longer than the frame divided by the stride.
    """
    return min((1, *strides), key=lambda stride: abs(math.log(ratio / stride)))


def read(
    network: Network, frames: Tensor, paths: Iterable[str], *, device: str | torch.device = "auto"
) -> dict[str, Tensor]:
    """The maps that frames give: path -> float32 (B, C, h, w) on the CPU.

    Args:
        network: as it is; batch norms are not folded.
        frames: uint8 or float (B, 3, H, W), values from 0 to 255.
        paths: as :func:`nodes` names them.

    Raises:
        ValueError: a path that does not exist, or that gives no map.
    """
    parts = {path: network.submodule(path) for path in paths}
    held: dict[str, Tensor] = {}
    kept: dict[str, list[Tensor]] = {path: [] for path in parts}

    def hook(path: str):
        # A copy: the activation that follows may work in place.
        return lambda _, __, output: held.update({path: output.detach().float().cpu().clone()})

    with features.reader(network, [network.logits], device=device, fold=False) as reading:
        size = features.batch_for(network, frames.shape[2:], device=reading.device)
        with hooked([part.register_forward_hook(hook(path)) for path, part in parts.items()]):
            for batch in frames.split(size):
                reading(batch.to(reading.device))
                for path in parts:
                    if held[path].ndim != 4:
                        raise ValueError(f"{path} of {network.name} gives {tuple(held[path].shape)}, no maps")
                    kept[path].append(perturbed(held[path].flatten(1)).view(held[path].shape))
    return {path: torch.cat(each) for path, each in kept.items()}


def moved(values: Tensor, by: tuple[float, float], *, how: str = "fourier") -> Tensor:
    """Maps or frames moved down and to the right by a number of cells, which need not be whole; around a torus.

    - ``fourier``: each wave keeps its size and moves by its phase, which is exact for what the grid can show; of the
      wave at the Nyquist frequency itself only the even part is known, and is kept.
    - ``bilinear``: the weighted mean of the nearest cells; it blurs, the most at a half. By whole cells it is exact
      to the bit.

    Args:
        values: (..., H, W).
        by: cells down and to the right.

    Raises:
        ValueError: another way than those two.
    """
    if how not in ("fourier", "bilinear"):
        raise ValueError(f"moved how? {how!r} is neither 'fourier' nor 'bilinear'")
    values = values if values.is_floating_point() else values.float()
    whole = [math.floor(each) for each in by]
    parts = [each - base for each, base in zip(by, whole, strict=True)]
    values = values.roll(whole, (-2, -1))
    for axis, part in zip((-2, -1), parts, strict=True):
        if part and how == "bilinear":
            values = (1 - part) * values + part * values.roll(1, axis)
        elif part:
            values = phase_shift(values, part, axis)
    return values


def phase_shift(values: Tensor, by: float | Tensor, axis: int) -> Tensor:
    """The Fourier shift of :func:`moved` along one axis; ``by`` may carry a derivative."""
    side = values.shape[axis]
    angle = -2 * math.pi * torch.fft.fftfreq(side, device=values.device, dtype=values.dtype) * by
    turn = torch.complex(angle.cos(), angle.sin())
    waves = torch.fft.fft(values.movedim(axis, -1)) * turn
    return torch.fft.ifft(waves).real.movedim(-1, axis)
