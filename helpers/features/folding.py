"""Batch norms folded into the convolutions before them: the same features from fewer operations. Ours.

In eval mode a batch norm is a scale and a shift of each channel, which a convolution can do by itself. Which one
stands directly before it is seen in a forward pass: its output is the very tensor that the batch norm is given.
"""

from __future__ import annotations

import collections
import contextlib
import copy
from collections.abc import Iterable, Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.utils.fusion import fuse_conv_bn_weights

from helpers.networks.passes import hooked


class _Folded(nn.Module):
    """What replaces a folded batch norm: nothing, or the activation that is part of timm's norms."""

    def forward(self, value: torch.Tensor) -> torch.Tensor:
        for child in self.children():
            value = child(value)
        return value


@contextlib.contextmanager
def foldable(module: nn.Module) -> Iterator[list[tuple[str, str]]]:
    """A context that watches forward passes; afterwards its list holds the paths (convolution, batch norm) to fold.

    The convolution stands directly before the norm, and each is called once. Other uses of the convolution's output
    go unseen here: they show when the folded network's features are compared.
    """
    found: list[tuple[str, str]] = []
    calls: collections.Counter[str] = collections.Counter()
    last: list[Any] = ["", None]  # the latest convolution's path and output

    def leave(path: str, output: torch.Tensor) -> None:
        calls[path] += 1
        last[:] = path, output

    def enter(path: str, value: torch.Tensor) -> None:
        calls[path] += 1
        if value is last[1]:
            found.append((last[0], path))

    handles = []
    for path, part in module.named_modules():
        if isinstance(part, nn.Conv2d) and "weight" in part._parameters:  # not computed from others
            handles.append(part.register_forward_hook(lambda _, __, output, path=path: leave(path, output)))
        elif isinstance(part, nn.BatchNorm2d) and part.running_mean is not None:
            handles.append(part.register_forward_pre_hook(lambda _, inputs, path=path: enter(path, inputs[0])))
    with hooked(handles):
        yield found
    found[:] = [pair for pair in found if calls[pair[0]] == calls[pair[1]] == 1]


def sharing(module: nn.Module) -> nn.Module:
    """A copy, with the hooks, of all modules, which shares its weights with them."""
    tensors = [*module.parameters(), *module.buffers()]
    return copy.deepcopy(module, {id(tensor): tensor for tensor in tensors})


def folded(module: nn.Module, pairs: Iterable[tuple[str, str]]) -> nn.Module:
    """A copy with the batch norms of these (convolution, batch norm) folded; all other weights are shared with it."""
    twin = sharing(module)
    for before, after in pairs:
        conv, norm = twin.get_submodule(before), twin.get_submodule(after)
        conv.weight, conv.bias = fuse_conv_bn_weights(
            conv.weight, conv.bias, norm.running_mean, norm.running_var, norm.eps, norm.weight, norm.bias
        )
        norm.__class__ = _Folded  # in place: the hooks on it stay
    return twin
