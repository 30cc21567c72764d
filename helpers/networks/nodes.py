"""Nodes: how a place inside a network is written, and the vector that is read there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

from helpers.networks.passes import watch

_MARK = re.compile(r"input|mean|(token|from)\d+")


def split(layer: str, node: str) -> tuple[str, list[str]]:
    """A node's path and its marks.

    Raises:
        ValueError: an unknown mark, naming the layer.
    """
    path, *marks = node.split(":")
    for mark in marks:
        if not _MARK.fullmatch(mark):
            use = "':input', ':mean', ':token0' or ':from1'"
            raise ValueError(f"layer {layer!r}: a node ends in {use}, not {':' + mark!r}")
    return path, marks


def of_tokens(value: Any, marks: Sequence[str]) -> Any:
    """What the marks select from a sequence of tokens (B, N, D), as (B, D); any other value unchanged."""
    if not (isinstance(value, torch.Tensor) and value.ndim == 3):
        return value
    for mark in marks:
        if mark.startswith("token"):
            return value[:, int(mark.removeprefix("token"))]
        if mark.startswith("from"):
            value = value[:, int(mark.removeprefix("from")) :]
    return value.mean(1) if "mean" in marks else value


def find_layers(module: nn.Module, frame: int) -> dict[str, str]:
    """``fc``, the output of any classifier, and ``pool``, the input of the layer whose output that is.

    Found on one pass of a frame of this side. The layer is the first to give the output's values: a linear one, or
    a convolution of 1 x 1 whose scores are averaged over the frame. Where only a part that changes nothing gives
    them (an Identity in the place of a head cut off, a Flatten), the output itself is ``pool`` too.

    Raises:
        ValueError: the output is not one vector, or no layer gives it: activations, gates or sums come after.
    """
    calls: list[tuple[nn.Module, torch.Tensor | None, torch.Tensor | None]] = []

    def note(part: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
        calls.append((part, _vector(next(iter(inputs), None)), _vector(output)))

    paths = {part: path for path, part in module.named_modules()}
    output = watch(module, (frame, frame), note, paths)
    shape = tuple(getattr(output, "shape", ()))
    vector = _vector(output) if set(shape[2:]) <= {1} else None

    def same(value: torch.Tensor | None) -> bool:
        near = value is not None and vector is not None and value.shape == vector.shape
        return near and bool((value - vector).abs().max() <= 1e-5 * vector.abs().max())  # rounding

    for part, given, result in calls:
        if not same(result):
            continue
        weight = getattr(part, "weight", None)
        weight = weight() if callable(weight) else weight  # of quantised layers
        if weight is not None and weight.ndim > 1:
            if given is None or weight[0, 0].numel() > 1:
                break
            return {"pool": f"{paths[part]}:input{':mean' * (weight.ndim == 4)}", "fc": ""}
        if weight is None and same(given):
            return {"pool": "", "fc": ""}
    raise ValueError(
        f"no linear or convolutional layer gives the output of {type(module).__name__}, a {type(output).__name__} "
        f"{shape or ''}: name the layers, layers={{'pool': 'path:input', 'fc': 'path'}}; print(module) shows the paths"
    )


def _vector(value: Any) -> torch.Tensor | None:
    """The values (B, D), or a map's means (B, D) over its frame; None of anything else."""
    if not isinstance(value, torch.Tensor) or value.ndim not in (2, 4):
        return None
    value = value.dequantize().float()
    return value.flatten(2).mean(2) if value.ndim == 4 else value.clone()
