"""The chain of modules that a network begins with, and what each link of it costs. Ours.

A network can be cut between two modules, however it was built, if the second is given the very tensor that the first
gave. Other uses of that tensor go unseen here: they show when the features read behind the cut are compared.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import nn

from helpers.features.reading import Reader
from helpers.networks.passes import hooked

# What writing one activation costs, in multiply-adds. With it the shares of time that lie before a node come out
# within 0.08 as measured in MobileNetV2, EfficientNet-Lite0, ResNet-50 and AlexNet (folded, one thread, AVX-512).
WRITE = 20

Stamp = tuple[int, int]  # which tensor, and how often it was written to


@dataclasses.dataclass(eq=False)
class Call:
    """A module's call in a forward pass.

    Attributes:
        path: of the module.
        given, gave: its input and its output.
        shape: of the output; () if that is no tensor.
        cost: of the forward pass up to its end, in multiply-adds per frame.
        read: how many layers had been read by then.
        inner: the calls inside it.
    """

    path: str
    given: Stamp
    gave: Stamp = (0, 0)
    shape: tuple[int, ...] = ()
    cost: int = 0
    read: int = 0
    inner: list[Call] = dataclasses.field(default_factory=list)

    def chain(self) -> list[Call]:
        """The calls that follow one another from the first on, in links as fine as there are.

        A module is taken apart if it is a chain itself, to its end; the last link also if only its beginning is one:
        a network within a network, behind a normalisation of its own.
        """
        found = self._links()
        return found[:-1] + (found[-1].chain() or found[-1:]) if found else []

    def _links(self) -> list[Call]:
        found, before = [], self.given
        for call in self.inner:
            if call.given != before:
                break
            inside = call._links()
            found += inside if inside and inside[-1].gave == call.gave else [call]
            before = call.gave
        return found


def calls(read: Reader, inputs: torch.Tensor) -> Call:
    """What is called in a forward pass of one preprocessed frame (1, 3, H, W)."""
    alive: list[Any] = []  # so that no two tensors have the same id
    under_way, spent = [Call("", (0, 0))], 0

    def stamp(value: Any) -> Stamp:
        alive.append(value)
        return id(value), value._version if isinstance(value, torch.Tensor) else 0

    def enter(path: str, inputs: tuple[Any, ...]) -> None:
        call = Call(path, stamp(inputs[0] if len(inputs) == 1 else None))
        under_way[-1].inner.append(call)
        under_way.append(call)

    def leave(part: nn.Module, output: Any) -> None:
        nonlocal spent
        call = under_way.pop()
        call.gave, call.shape = stamp(output), tuple(getattr(output, "shape", ()))
        if not call.inner and call.gave != call.given and call.shape:
            weight = getattr(part, "weight", None)
            spent += output.numel() * (WRITE + (weight[0].numel() if weight is not None and weight.ndim > 1 else 0))
        call.cost, call.read = spent, len(read.found)

    handles = []
    for path, part in read.module.named_modules():
        handles.append(part.register_forward_pre_hook(lambda _, inputs, path=path: enter(path, inputs)))
        handles.append(part.register_forward_hook(lambda part, _, output: leave(part, output)))
    with hooked(handles):
        read.run(read.module, inputs)
    return under_way[0].inner[0]
