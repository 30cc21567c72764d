"""Nodes: how a place inside a network is written, and the vector that is read there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from torch import nn

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


def find_layers(module: nn.Module) -> dict[str, str]:
    """``fc``, the logits, and ``pool``, the penultimate features, of any classifier.

    The classifier's last linear layer is the last one defined, or a last convolution with pooled scores
    (SqueezeNet).

    Raises:
        ValueError: there is neither.
    """
    last = None
    for path, child in module.named_modules():
        if isinstance(child, nn.Linear):
            last = (path, "")
        elif isinstance(child, nn.Conv2d) and (last is None or last[1]):
            last = (path, ":mean")
    if last is None:
        raise ValueError("no linear or convolutional layer found: name the layers, layers={'fc': 'path'}")
    path, mean = last
    return {"pool": f"{path}:input{mean}", "fc": "" if mean else path}
