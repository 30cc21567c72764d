"""One forward pass of a frame that shows nothing, and what it shows of a network without knowing how it was built."""

from __future__ import annotations

import contextlib
import copy
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import torch
from torch import nn
from torch.utils.hooks import RemovableHandle

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
    """A context in which the module is in eval mode; afterwards its parts' modes and its buffers are as before.

    Buffers change even in eval mode where a module asks for it: batch statistics, observers of quantisation.
    """
    modes = {part: part.training for part in module.modules()}
    buffers = [(part._buffers, *item) for part in modes for item in part._buffers.items() if item[1] is not None]
    values = [buffer.clone() for _, _, buffer in buffers]
    try:
        module.eval()
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode
        for (held, name, buffer), value in zip(buffers, values, strict=True):
            held[name], buffer.data = buffer, value


@contextlib.contextmanager
def hooked(handles: Sequence[RemovableHandle]) -> Iterator[None]:
    """A context at whose end these hooks are removed."""
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def watch(
    module: nn.Module, frame: tuple[int, int], note: Callable[..., None] | None = None, parts: Iterable[nn.Module] = ()
) -> Any:
    """Send a frame (H, W) of noise, in which no two values agree by chance, through a module, and return its output.

    ``note(part, inputs, output)`` is called after each call of a part.

    Raises:
        ValueError: the module takes no such frame; in its own words, and what to do.
    """
    hooks = [part.register_forward_hook(note) for part in parts]
    try:
        with hooked(hooks), evaluating(module), torch.no_grad():
            noise = torch.randn(1, 3, *frame, generator=torch.Generator().manual_seed(0), device="cpu")
            return module(noise.to(parameter(module)))
    except Exception as error:  # whatever a module raises
        told = next(iter(str(error).splitlines()), type(error).__name__)
        raise ValueError(
            f"{type(module).__name__} takes no frames of 3 channels and {frame[0]} x {frame[1]} pixels ({told}): give "
            "frames of the size it was made for; where it takes 1 channel, put a layer in front of it, "
            "nn.Sequential(torchvision.transforms.Grayscale(), module)"
        ) from error


def copied(module: nn.Module, frame: int) -> nn.Module:
    """A deep copy; a pass before it makes weights that are computed in each pass (weight norm) ones that copy."""
    watch(module, (frame, frame))
    return copy.deepcopy(module)


def sides(value: Any) -> tuple:
    """A size that may be one for both sides, as (vertical, horizontal)."""
    return tuple(value) if isinstance(value, tuple | list) else (value, value)


def reach(part: nn.Module) -> tuple[int, int]:
    """The sides of a layer's kernel, in pixels of its input, gaps of a dilation included."""
    sizes, gaps = sides(part.kernel_size), sides(getattr(part, "dilation", 1))
    return tuple(gap * (size - 1) + 1 for size, gap in zip(sizes, gaps, strict=True))


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
    watch(module, (frame, frame), note, [part for part in module.modules() if _steps(part)])
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
