"""A network under study: a module, how frames are fed to it, and which of its nodes are called layers."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import numbers
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import nn

from helpers.networks import nodes, passes
from helpers.networks.passes import blank, evaluating
from helpers.networks.weights import tensors
from helpers.suggestions import nearest

__all__ = ["IMAGENET_MEAN", "IMAGENET_STD", "Network", "blank", "evaluating", "standardise", "wrap"]

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


def standardise(
    frames: torch.Tensor, *, mean: Sequence[float] = IMAGENET_MEAN, std: Sequence[float] = IMAGENET_STD
) -> torch.Tensor:
    """Frames (B, 3, H, W) to float32 (float64 stays): / 255, minus the mean, over the deviation of each channel."""
    mean, std = (torch.tensor(each, device=frames.device)[:, None, None] for each in (mean, std))
    # In place: the memory of a new tensor costs more than the arithmetic.
    return frames.to(torch.promote_types(frames.dtype, torch.float32), copy=True).div_(255).sub_(mean).div_(std)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Network:
    """A module in eval mode with what the experiments need to know of it.

    Attributes:
        name: as ``networks.load`` knows it.
        module: the network itself.
        layers: layer name -> node. A node is ``"path"``, the output of the submodule at that path (``""`` the
            whole module), or ``"path:input"``, its first input. ``":mean"`` behind it averages a map
            (B, D, h, w) over the whole frame, or a sequence (B, N, D) over its tokens; ``":token0"`` takes one
            token of a sequence, ``":from1:mean"`` averages those from that number on. Empty: ``fc``, the output,
            and ``pool``, the input of the layer that gives it, as :func:`nodes.find_layers` finds them.
        logits: the layer that holds the class scores.
        frame: the side in pixels of the frames it was made for.
        mean, std: of the preprocessing, for values from 0 to 1: one number, or one per channel.
        labels: the class names, or None: in any sequence, or as {index: name} or {name: index}.
        weights: what the weights are, in words.
        antialiased: the variant.
        title: for figures.
    """

    name: str
    module: nn.Module
    layers: dict[str, str]
    logits: str
    frame: int = 224
    mean: tuple[float, ...] = IMAGENET_MEAN
    std: tuple[float, ...] = IMAGENET_STD
    labels: list[str] | None = None
    weights: str = "as given"
    antialiased: bool = False
    title: str = ""
    _widest: dict[tuple[int, int], int] = dataclasses.field(default_factory=dict, init=False, repr=False)

    def __post_init__(self) -> None:
        if not self.title:
            object.__setattr__(self, "title", self.name)
        if not isinstance(self.frame, numbers.Integral) or self.frame < 1:
            raise ValueError(f"frame is {self.frame!r}: give the side of a frame in pixels, such as 224")
        for what, least in (("mean", -np.inf), ("std", 0)):
            values = tuple(np.ravel(getattr(self, what)).tolist())
            known = all(isinstance(each, int | float) and least < each < np.inf for each in values)
            if len(values) not in (1, 3) or not known:
                need = "one number or three, one per channel" + ", each above 0" * (what == "std")
                raise ValueError(f"{what} is {getattr(self, what)!r}: give {need}")
            object.__setattr__(self, what, values)
        object.__setattr__(self, "labels", _names(self.labels))
        if not self.layers:
            object.__setattr__(self, "layers", nodes.find_layers(self.module, self.frame))
        self.check(self.layers)

    def check(self, layers: str | Iterable[str]) -> list[str]:
        """Layer names, or one, as a list.

        Raises:
            ValueError: one that is unknown, naming the nearest known.
        """
        names = [layers] if isinstance(layers, str) else list(layers)
        if not names:
            raise ValueError(f"no layer of {self.name} was asked for{nearest('', self.layers)}")
        for layer in names:
            if layer not in self.layers:
                raise ValueError(f"{self.name} has no layer {layer!r}{nearest(layer, self.layers)}")
            path, _ = nodes.split(layer, self.layers[layer])
            try:
                self.submodule(path)
            except ValueError as error:
                raise ValueError(f"layer {layer!r}: {error}") from error
        return names

    def submodule(self, path: str) -> nn.Module:
        """The module at a path, as in ``torch.nn.Module.get_submodule``.

        Raises:
            ValueError: there is none, naming the nearest path.
        """
        try:
            return self.module.get_submodule(path)
        except AttributeError as error:
            hint = nearest(path, dict(self.module.named_modules()), otherwise="print(module) shows them")
            raise ValueError(f"{self.name} has no node {path!r}{hint}") from error

    def preprocess(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 frames (B, 3, H, W) to the network's input, normalised in float32, in its parameters' precision."""
        return standardise(frames, mean=self.mean, std=self.std).to(passes.parameter(self.module).dtype)

    def class_index(self, label: str) -> int:
        """The index of a class by its name.

        Raises:
            ValueError: a name that the network does not know.
        """
        if self.labels is None:
            raise ValueError(f"{self.name} has no class names: give labels=[...] to networks.wrap")
        if label not in self.labels:
            hint = nearest(label, self.labels, otherwise="see .labels")
            raise ValueError(f"{self.name} knows no class {label!r}{hint}")
        return self.labels.index(label)

    @functools.cached_property
    def strides(self) -> tuple[int, ...]:
        """The cumulative strides in pixels, ascending, e.g. (2, 4, 8, 16, 32); see :func:`passes.strides`."""
        return passes.strides(self.module, self.frame)

    def widest(self, frame: Sequence[int]) -> int:
        """Values in the largest activation of one (H, W) frame, or in the frame: what a batch costs in memory.

        Read off one forward pass of a frame of noise, the first time; raises as :func:`passes.watch` does.
        """
        height, width = frame
        if (height, width) not in self._widest:
            sizes = [3 * height * width]

            def note(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
                if isinstance(output, torch.Tensor):
                    sizes.append(output.numel())

            leaves = [module for module in self.module.modules() if not list(module.children())]
            passes.watch(self.module, (height, width), note, leaves)
            self._widest[height, width] = max(sizes)
        return self._widest[height, width]

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 over names, shapes and values of all parameters and buffers: which network this is."""
        digest = hashlib.sha256()
        for key, value in tensors(self.module.state_dict()).items():
            digest.update(f"{key}{value.dtype}{tuple(value.shape)}".encode())
            value = value.dequantize() if value.is_quantized else value
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def wrap(
    module: nn.Module,
    layers: dict[str, str] | None = None,
    *,
    mean: float | Sequence[float] = IMAGENET_MEAN,
    std: float | Sequence[float] = IMAGENET_STD,
    frame: int = 224,
    labels: Sequence[str] | Mapping[Any, Any] | None = None,
    name: str | None = None,
) -> Network:
    """Your own module as a Network; it is put into eval mode.

    Args:
        module: any that takes (B, 3, H, W).
        layers: {name: node}, the nodes as in :class:`Network`, the last one the logits; None finds ``pool`` and
            ``fc`` by itself (:func:`nodes.find_layers`).
        mean: of the preprocessing, one or per channel, for values from 0 to 1.
        std: likewise, above 0.
        frame: the side in pixels of its frames.
        labels: the class names, in any sequence, or as {index: name} or {name: index}.
        name: None takes that of the module's class.

    Raises:
        ValueError: a node that does not exist, naming the nearest; layers that cannot be found; no module, or a
            scripted one; or a frame, mean, deviation or labels of another kind.
    """
    if not isinstance(module, nn.Module) or any(isinstance(part, torch.jit.ScriptModule) for part in module.modules()):
        what = f"{type(module).__name__} is scripted or no module of torch, so that its layers cannot be read"
        raise ValueError(f"{what}: wrap the nn.Module that it was made from")
    if layers is not None and not (isinstance(layers, Mapping) and all(isinstance(v, str) for v in layers.values())):
        raise ValueError(f"layers is {layers!r}: give names and nodes, such as {{'fc7': 'classifier.4'}}")
    return Network(
        name=name or type(module).__name__,
        module=module.eval(),
        layers=dict(layers or {}),
        logits=next(reversed(layers)) if layers else "fc",
        frame=frame,
        mean=mean,
        std=std,
        labels=labels,
    )


def _names(labels: Any) -> list[str] | None:
    """Class names, given in any of the ways that :class:`Network` takes, in the order of their indices."""
    if labels is None:
        return None
    found = labels
    if isinstance(labels, Mapping):
        pairs = [pair[::-1] if isinstance(pair[1], numbers.Integral) else pair for pair in labels.items()]
        by_index = {str(index): name for index, name in pairs}
        found = [by_index.get(str(index)) for index in range(len(labels))]
    if isinstance(found, str) or None in (found := list(found)):
        raise ValueError(f"labels is {labels!r}: give a list of the class names, or {{0: name, 1: name, ...}}")
    return [str(each) for each in found]
