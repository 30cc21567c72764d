"""A network under study: a module, how frames are fed to it, and which of its nodes are called layers."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import torch
from torch import nn

from helpers.networks.source import KINDS
from helpers.suggestions import nearest

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)


@dataclasses.dataclass(frozen=True, eq=False)
class Network:
    """A module in eval mode with what the experiments need to know of it.

    layers: layer name -> node. A node is ``"path"``, the output of the submodule at that path (``""`` the
    whole module), or ``"path:input"``, its first input; the suffix ``":mean"`` averages a (B, D, h, w)
    map over the whole frame. logits: the layer that holds the class scores. frame: the side in pixels of
    the frames it was made for. mean, std: of the preprocessing, for values from 0 to 1. labels: the class
    names, or None. weights: in words, what the weights are.
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
        self.check(self.layers)

    def check(self, layers: str | Iterable[str]) -> list[str]:
        """Layer names, or one, as a list; ValueError names one that is unknown and the nearest known."""
        names = [layers] if isinstance(layers, str) else list(layers)
        if not names:
            raise ValueError(f"no layer of {self.name} was asked for{nearest('', self.layers)}")
        for layer in names:
            if layer not in self.layers:
                raise ValueError(f"{self.name} has no layer {layer!r}{nearest(layer, self.layers)}")
            path, *marks = self.layers[layer].split(":")
            try:
                self.submodule(path)
            except ValueError as error:
                raise ValueError(f"layer {layer!r}: {error}") from error
            for mark in marks:
                if mark not in ("input", "mean"):
                    raise ValueError(f"layer {layer!r}: a node ends in ':input' or ':mean', not {':' + mark!r}")
        return names

    def submodule(self, path: str) -> nn.Module:
        """The module at a path, as in ``torch.nn.Module.get_submodule``; ValueError names the nearest path."""
        try:
            return self.module.get_submodule(path)
        except AttributeError as error:
            hint = nearest(path, dict(self.module.named_modules()), otherwise="print(module) shows them")
            raise ValueError(f"{self.name} has no node {path!r}{hint}") from error

    def preprocess(self, frames: torch.Tensor) -> torch.Tensor:
        """uint8 frames (B, 3, H, W) to the network's input: / 255, minus the mean, over the deviation.

        In float32, then in the precision of the network's parameters.
        """
        mean = torch.tensor(self.mean, device=frames.device)[:, None, None]
        std = torch.tensor(self.std, device=frames.device)[:, None, None]
        return ((frames.float() / 255 - mean) / std).to(_parameter(self.module).dtype)

    def class_index(self, label: str) -> int:
        """The index of a class by its name. Raises ValueError for a name the network does not know."""
        if self.labels is None:
            raise ValueError(f"{self.name} has no class names: give labels=[...] to networks.wrap")
        if label not in self.labels:
            hint = nearest(label, self.labels, otherwise="see .labels")
            raise ValueError(f"{self.name} knows no class {label!r}{hint}")
        return self.labels.index(label)

    @property
    def kind(self) -> str:
        """The variant in words: off-the-shelf or anti-aliased."""
        return KINDS[self.antialiased]

    @functools.cached_property
    def strides(self) -> tuple[int, ...]:
        """The cumulative strides in pixels, ascending, e.g. (2, 4, 8, 16, 32).

        Read off one forward pass of a blank frame: where a module maps a side a to a smaller side b, b's
        stride is a's times the module's own.
        """
        known = {self.frame: 1}

        def note(module: nn.Module, inputs: tuple[Any, ...], output: Any) -> None:
            if not (inputs and _is_map(inputs[0]) and _is_map(output)):
                return
            before, after = inputs[0].shape[-1], output.shape[-1]
            if before in known and after < before:
                step = module.stride if isinstance(module.stride, int) else module.stride[-1]
                known.setdefault(after, known[before] * step)

        # Blocks may carry a stride as a note (ResNet's Bottleneck); only convolutions and pools step.
        kinds = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)
        steps = [m for m in self.module.modules() if isinstance(m, kinds) or {"Blur", "BlurPool"} & _ancestry(m)]
        self._blank_pass(steps, note, (self.frame, self.frame))
        return tuple(sorted({stride for stride in known.values() if stride > 1}))

    def widest(self, frame: Sequence[int]) -> int:
        """Values in the largest activation of one (H, W) frame, or in the frame: what a batch costs in memory.

        Read off one forward pass of a blank frame, the first time.
        """
        height, width = frame
        if (height, width) not in self._widest:
            sizes = [3 * height * width]

            def note(_: nn.Module, __: tuple[Any, ...], output: Any) -> None:
                if isinstance(output, torch.Tensor):
                    sizes.append(output.numel())

            leaves = [module for module in self.module.modules() if not list(module.children())]
            self._blank_pass(leaves, note, (height, width))
            self._widest[height, width] = max(sizes)
        return self._widest[height, width]

    def _blank_pass(self, modules: list[nn.Module], note: Callable[..., None], frame: tuple[int, int]) -> None:
        handles = [module.register_forward_hook(note) for module in modules]
        try:
            with evaluating(self.module), torch.no_grad():
                self.module(blank(self.module, frame))
        finally:
            for handle in handles:
                handle.remove()

    @functools.cached_property
    def checksum(self) -> str:
        """SHA-256 over names, shapes and values of all parameters and buffers: which network this is."""
        digest = hashlib.sha256()
        for key, value in self.module.state_dict().items():
            digest.update(f"{key}{value.dtype}{tuple(value.shape)}".encode())
            digest.update(value.detach().cpu().contiguous().flatten().view(torch.uint8).numpy().tobytes())
        return digest.hexdigest()


def _parameter(module: nn.Module) -> torch.Tensor:
    """Any floating-point parameter: where the module is, and how precise."""
    return next((each for each in module.parameters() if each.is_floating_point()), torch.empty(0))


def blank(module: nn.Module, frame: tuple[int, int]) -> torch.Tensor:
    """A module's input of zeros (1, 3, H, W), where the module is and as precise as its parameters."""
    like = _parameter(module)
    return torch.zeros(1, 3, *frame, device=like.device, dtype=like.dtype)


@contextlib.contextmanager
def evaluating(module: nn.Module) -> Iterator[None]:
    """Within it, the module is in eval mode; each of its parts is in its own mode again afterwards."""
    modes = {part: part.training for part in module.modules()}
    try:
        module.eval()
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


def _ancestry(module: nn.Module) -> set[str]:
    return {kind.__name__ for kind in type(module).__mro__}


def _is_map(value: Any) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim == 4


def find_layers(module: nn.Module) -> dict[str, str]:
    """``fc``, the logits, and ``pool``, the penultimate features, of any classifier.

    The classifier's last linear layer is the last one defined, or a last convolution with pooled scores
    (SqueezeNet). Raises ValueError where there is neither.
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


def wrap(
    module: nn.Module,
    layers: dict[str, str] | None = None,
    mean: Sequence[float] = IMAGENET_MEAN,
    std: Sequence[float] = IMAGENET_STD,
    frame: int = 224,
    labels: list[str] | None = None,
    name: str | None = None,
) -> Network:
    """A module of one's own as a Network; it is put into eval mode.

    layers: {name: node}, the nodes as in :class:`Network`, the last one the logits; None finds ``pool``
    and ``fc`` by itself. mean, std: per channel, of the preprocessing, for values 0 to 1. Raises
    ValueError for a node that is not there, naming the nearest.
    """
    if layers is not None and not (isinstance(layers, Mapping) and all(isinstance(v, str) for v in layers.values())):
        raise ValueError(f"layers is {layers!r}: give names and nodes, such as {{'fc7': 'classifier.4'}}")
    found = dict(layers) if layers else find_layers(module)
    logits = "fc" if not layers else next(reversed(found))
    return Network(
        name=name or type(module).__name__,
        module=module.eval(),
        layers=found,
        logits=logits,
        frame=frame,
        mean=tuple(mean),
        std=tuple(std),
        labels=labels,
    )
