"""One forward pass of a blank frame, and what it shows of a network without knowing how it was built."""

from __future__ import annotations

import contextlib
import math
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import torch
from torch import nn

# How far these reduce a side depends on the frame: they have no stride.
_ADAPTIVE = (nn.AdaptiveAvgPool2d, nn.AdaptiveMaxPool2d)


def parameter(module: nn.Module) -> torch.Tensor:
    """Any floating-point parameter: where the module is, and how precise."""
    return next((each for each in module.parameters() if each.is_floating_point()), torch.empty(0))


def blank(module: nn.Module, frame: tuple[int, int]) -> torch.Tensor:
    """A module's input of zeros (1, 3, H, W), where the module is and as precise as its parameters."""
    like = parameter(module)
    return torch.zeros(1, 3, *frame, device=like.device, dtype=like.dtype)


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """A context in which the module is in eval mode; afterwards each of its parts has its former mode again."""
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def watch(module: nn.Module, parts: Iterable[nn.Module], note: Callable[..., None], frame: tuple[int, int]) -> None:
    """Send a blank frame (H, W) through a module; ``note(part, inputs, output)`` after each call of a part."""
    handles = [part.register_forward_hook(note) for part in parts]
    try:
        with evaluating(module), torch.no_grad():
            module(blank(module, frame))
    finally:
        for handle in handles:
            handle.remove()


def strides(module: nn.Module, frame: int) -> tuple[int, ...]:
    """The cumulative strides in pixels, ascending, e.g. (2, 4, 8, 16, 32).

    Where a part maps a side a to a smaller side b, b's stride is a's times the part's own: convolutions, pools
    and blurs carry it as an attribute, whatever their class. A part that carries none and still shrinks a map,
    such as Swin's patch merging, has the ratio of the sides. Ours.
    """
    known = {frame: 1}

    def note(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        stride = getattr(part, "stride", None)
        before, after = (_side(each, tokens=stride is not None) for each in (next(iter(inputs), None), output))
        if before in known and 1 < after < before:
            if stride is None:
                step = round(before / after)
            else:
                step = stride if isinstance(stride, int) else stride[-1]
            known.setdefault(after, known[before] * step)

    # A block may carry a stride as a note beside the part that takes it (ResNet's Bottleneck): the part counts.
    watch(module, [part for part in module.modules() if _steps(part)], note, (frame, frame))
    return tuple(sorted({stride for stride in known.values() if stride > 1}))


def _steps(part: nn.Module) -> bool:
    noted = hasattr(part, "stride") and any(hasattr(each, "stride") for each in part.modules() if each is not part)
    return not noted and not isinstance(part, _ADAPTIVE)


def _side(value: Any, *, tokens: bool) -> int:
    """The side of one square map, channels first or last, or of a square of tokens; 0 of anything else."""
    shape = tuple(value.shape) if isinstance(value, torch.Tensor) else ()
    if len(shape) == 4 and shape[0] == 1:
        return next((a for a, b in (shape[2:], shape[1:3]) if a == b), 0)
    if tokens and len(shape) == 3 and math.isqrt(shape[1]) ** 2 == shape[1]:
        return math.isqrt(shape[1])
    return 0
