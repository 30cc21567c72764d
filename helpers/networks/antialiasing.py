"""A network of one's own made anti-aliased: a blur before each stride, on the grid that the stride took."""

import copy
import math
from collections.abc import Iterable

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.networks.network import blank, evaluating

_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


class Blur(nn.Module):
    """A binomial blur that keeps every second value; the edge is continued by its outermost values.

    taps: odd, of the filter. kernel: None after a layer that pads both sides alike, which samples its even
    places; after one that pads as TensorFlow's "same" does, that layer's kernel in pixels: at stride 2 such
    a layer may start one place later than at stride 1, depending on the side.
    """

    def __init__(self, taps: int = 3, kernel: int | None = None) -> None:
        super().__init__()
        if taps < 3 or taps % 2 == 0:
            raise ValueError(f"a blur of {taps!r} taps has no middle or no width: take 3, 5 or 7")
        line = torch.tensor([math.comb(taps - 1, i) for i in range(taps)], dtype=torch.float32) / 2 ** (taps - 1)
        self.register_buffer("filter", line[:, None] * line)
        self.stride = 2
        self.kernel = kernel

    def first(self, side: int) -> int:
        """The first place that the stride took, of a side of the undecimated map."""
        if self.kernel is None:
            return 0
        before = [max((math.ceil(side / step) - 1) * step + self.kernel - side, 0) // 2 for step in (1, 2)]
        return before[0] - before[1]

    def forward(self, x: Tensor) -> Tensor:
        half = len(self.filter) // 2
        top, left = (half - self.first(side) for side in x.shape[-2:])
        x = functional.pad(x, (left, half, top, half), mode="replicate")
        filters = self.filter.to(x.dtype).expand(x.shape[1], 1, -1, -1)
        return functional.conv2d(x, filters, stride=2, groups=x.shape[1])


def _passes(module: nn.Module) -> bool:
    """Whether a module is a norm, an activation or one that changes nothing: the blur goes after it."""
    neutral = isinstance(module, (*_NORMS, nn.Identity, nn.Dropout, nn.Dropout2d))
    return neutral or "activation" in type(module).__module__


def _calls(module: nn.Module, frame: tuple[int, int]) -> list[tuple[str, nn.Module, Tensor, Tensor]]:
    """(path, module, input, output) of every call that maps a map to a map, in the order they end."""
    calls = []

    def hook(path):
        def note(part, inputs, output):
            if inputs and all(isinstance(each, Tensor) and each.ndim == 4 for each in (inputs[0], output)):
                calls.append((path, part, inputs[0], output))

        return note

    handles = [part.register_forward_hook(hook(path)) for path, part in module.named_modules() if path]
    try:
        with evaluating(module), torch.no_grad():
            module(blank(module, frame))
    finally:
        for handle in handles:
            handle.remove()
    return calls


def _strided(part: nn.Module) -> bool:
    stride = getattr(part, "stride", 1)
    return isinstance(part, (nn.Conv2d, nn.MaxPool2d)) and stride in (2, (2, 2), [2, 2])


def _put(module: nn.Module, path: str, *parts: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, nn.Sequential(*parts))


def blurred(module: nn.Module, taps: int = 3, frame: int = 224) -> nn.Module:
    """A copy whose layers of stride 2 run at stride 1, with a blur after them that takes every second value.

    The first convolution is left as it is. Raises ValueError where nothing is strided.
    """
    module = copy.deepcopy(module).eval()
    calls = _calls(module, (frame, frame))
    times = [part for _, part, _, _ in calls]
    stem = next((part for part in times if isinstance(part, nn.Conv2d)), None)
    for i, (path, part, _, output) in enumerate(calls):
        if not _strided(part) or part is stem:
            continue
        size = part.kernel_size if isinstance(part.kernel_size, int) else part.kernel_size[0]
        part.stride = (1, 1)
        if size == 1:  # the blur commutes with it, and before it there is less to do
            _put(module, path, Blur(taps), part)
            continue
        blur = Blur(taps, size if type(part).__name__.endswith("Same") else None)
        end, place = (path, part), "after"
        if isinstance(part, nn.Conv2d):
            for later, reader, given, result in calls[i + 1 :]:
                if given is not output:
                    continue
                if not _passes(reader):
                    if place == "before":
                        end = (later, reader)
                    break
                place = "after" if times.count(reader) == 1 else "before"
                if place == "after":
                    end = (later, reader)
                output = result
        _put(module, end[0], *((end[1], blur) if place == "after" else (blur, end[1])))
    return module


def _norms(module: nn.Module) -> list[nn.Module]:
    return [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]


def _met(module: nn.Module, inputs: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance that each batch norm meets on some inputs."""
    module = copy.deepcopy(module).eval()
    for norm in _norms(module):
        norm.reset_running_stats()
        norm.momentum = None  # a plain average
        norm.train()
    with torch.no_grad():
        for batch in inputs:
            module(batch)
    return [(norm.running_mean, norm.running_var) for norm in _norms(module)]


def correct_statistics(smooth: nn.Module, plain: nn.Module, inputs: list[Tensor]) -> None:
    """Move a blurred network's batch statistics by what the blur changed on some inputs.

    Both see the inputs normalised by their own; the variance is scaled by the ratio and the mean moved by the
    difference. The inputs' own statistics never replace those of the training data.
    """
    for norm, (mean, var), (new_mean, new_var) in zip(
        _norms(smooth), _met(plain, inputs), _met(smooth, inputs), strict=True
    ):
        norm.running_mean += (new_mean - mean) * (norm.running_var / (var + norm.eps)).sqrt()
        norm.running_var *= (new_var + norm.eps) / (var + norm.eps)
