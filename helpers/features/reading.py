"""From frames to features: the forward pass, with hooks on the layers to read, removed afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import nn

from helpers import runtime
from helpers.features.folding import foldable, folded
from helpers.features.perturbation import perturbed
from helpers.networks import Network, evaluating
from helpers.networks.nodes import of_tokens
from helpers.networks.passes import parameter

# The C library returns blocks of 32 MiB and more to the system each time, and getting their pages back costs as
# much as the arithmetic; activations well below that are also more likely to stay in the cache.
_ACTIVATION = 24e6  # bytes
FOLDED = 1e-5  # the largest difference that folding may make, of a layer's largest feature: rounding


class Reader:
    """What :func:`reader` gives: from frames, or from the network's input, to the layers' features."""

    def __init__(
        self, network: Network, names: list[str], *, found: dict, device: torch.device, precision: str, fold: bool
    ) -> None:
        self.network, self.names, self.found, self.device, self.precision = network, names, found, device, precision
        self.module, self._fold, self.folded, self._tried = network.module, fold and precision == "float32", 0, False
        self.tails: dict[str, nn.Module] = {}  # without what comes before a node; `reuse` makes them
        exact = precision == "float32" and parameter(network.module).dtype == torch.float32
        self.rounding = 1e-4 if exact else 5e-2  # more than any layer's, of its largest feature
        # Channels-last is the layout that convolutions are fastest in, on the CPU and on GPUs.
        self.layout = torch.channels_last

    def __call__(self, frames: torch.Tensor) -> dict[str, torch.Tensor]:
        """uint8 frames (B, 3, H, W) on the device -> layer -> (B, D) on the device."""
        return self.forward(self.network.preprocess(frames))

    def each(self, frames: torch.Tensor, *, size: int) -> dict[str, torch.Tensor]:
        """uint8 frames (N, 3, H, W), ``size`` at a time -> layer -> float32 (N, D) on the CPU."""
        found = [self(part.to(self.device)) for part in frames.split(size)]
        return {layer: torch.cat([part[layer] for part in found]).float().cpu() for layer in self.names}

    def forward(self, inputs: torch.Tensor, module: nn.Module | None = None) -> dict[str, torch.Tensor]:
        """The same from preprocessed frames, float32 (B, 3, H, W); the first call decides what is folded.

        Later ``module``, a copy of the network, can be read instead, from whatever it takes.

        Raises:
            ValueError: the first frame has other features alone than beside another.
        """
        if not self._tried:
            self._tried = True
            alone = self._alone(inputs[:1])
            # Beside a frame unlike it: those of a scene are so alike that a batch of them may have their statistics.
            beside = self.run(self.module, torch.cat([inputs[:1], 1 - inputs[:1]]))
            for name, values in alone.items():
                # A NaN or an infinity is no change: what reads the features names them.
                if ((beside[name][:1] - values).abs() > self.rounding * values.abs().max()).any():
                    why = "draws at random (dropout) or looks at the batch (its statistics, dynamic quantisation)"
                    what = f"{self.network.title}: {name} of one frame is not the same beside another"
                    raise ValueError(f"{what}: in eval mode, too, the network {why}")
        return {name: perturbed(values) for name, values in self.run(module or self.module, inputs).items()}

    def _alone(self, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The layers of these inputs; from now on a copy with folded batch norms is read, if that gives the same."""
        with foldable(self.module) as pairs:
            exact = self.run(self.module, inputs)
        taken = {self.network.layers[name].removesuffix(":mean") for name in self.names}
        pairs = [(conv, norm) for conv, norm in pairs if not taken & {conv, f"{norm}:input"}]
        if not pairs or not self._fold:
            return exact
        try:
            twin = folded(self.module, pairs)
        except (RuntimeError, TypeError):  # it holds something that cannot be copied
            return exact
        again = self.run(twin, inputs)
        if all((again[name] - exact[name]).abs().max() <= FOLDED * exact[name].abs().max() for name in exact):
            self.module, self.folded = twin, len(pairs)
        return exact

    def run(self, module: nn.Module, inputs: torch.Tensor) -> dict[str, torch.Tensor]:
        """The layers' features as they are, from the network or a copy of it."""
        self.found.clear()
        try:
            module(inputs.contiguous(memory_format=self.layout))
        except RuntimeError as error:
            # Modules that flatten with .view (antialiased-cnns' AlexNet) need the plain layout.
            if "view size is not compatible" not in str(error) or self.layout == torch.contiguous_format:
                raise
            self.layout = torch.contiguous_format
            module.to(memory_format=self.layout)
            return self.run(module, inputs)
        missing = [name for name in self.names if name not in self.found]
        if missing:
            raise ValueError(f"{self.network.name}: the forward pass never reaches {', '.join(missing)}")
        for name in self.names:
            if len(self.found[name]) != len(inputs):
                got = f"{len(self.found[name])} vectors for {len(inputs)} images"
                raise ValueError(f"{self.network.name}: layer {name!r} gives {got}: take another layer")
        return {name: self.found[name] for name in self.names}


@contextlib.contextmanager
def reader(
    network: Network,
    layers: Sequence[str] | None = None,
    *,
    device: str | torch.device = "auto",
    precision: str = "float32",
    average: bool = False,
    fold: bool = True,
) -> Iterator[Reader]:
    """A context that gives a function from uint8 frames on the device to layer -> (B, D) there, without gradients.

    Inside it the network is on the device, in eval mode and hooked. Arguments and errors are those of
    :func:`helpers.features.extract`.
    """
    names = network.check(network.layers if layers is None else layers)
    where, module = runtime.device(str(device)), network.module
    own = parameter(module).dtype
    if own != torch.float32 and precision != "float32":
        raise ValueError(f"{network.name} is in {own} itself: leave precision out, or wrap module.float()")
    home = next((each.device for each in module.parameters()), torch.device("cpu"))
    found: dict[str, torch.Tensor] = {}
    handles = [_hook(module, network.layers[name], name, found, average) for name in names]
    try:
        module.to(where, memory_format=torch.channels_last)
        # Not inference mode: tensors made in it, weights in another layout among them, can never be trained.
        with evaluating(module), torch.no_grad(), runtime.precision(precision, where):
            yield Reader(network, names, found=found, device=where, precision=precision, fold=fold)
    finally:
        for handle in handles:
            handle.remove()
        module.to(home, memory_format=torch.contiguous_format)


def batch_for(network: Network, frame: Sequence[int], *, device: torch.device) -> int:
    """Frames in a batch: 512 on a GPU; on the CPU 1 to 64, so that the largest activation stays under 24 MB."""
    widest = network.widest(frame)  # an error if the network takes no such frame
    return 512 if device.type == "cuda" else int(min(max(_ACTIVATION // (4 * widest), 1), 64))


def _hook(
    module: nn.Module, node: str, layer: str, found: dict[str, torch.Tensor], average: bool
) -> torch.utils.hooks.RemovableHandle:
    path, *marks = node.split(":")
    average = average or "mean" in marks

    def note(value: Any) -> None:
        value = of_tokens(value.dequantize() if getattr(value, "is_quantized", False) else value, marks)
        if average and isinstance(value, torch.Tensor) and value.ndim == 4:
            found[layer] = value.mean((2, 3))
            return
        if isinstance(value, torch.Tensor) and value.ndim == 4 and value.shape[2:] == (1, 1):
            value = value.flatten(1)
        if not isinstance(value, torch.Tensor) or value.ndim != 2:
            tensor = isinstance(value, torch.Tensor)
            shape = f"a tensor {tuple(value.shape)}" if tensor else f"a {type(value).__name__}"
            mean = "average it over the frame with average=True, or " if tensor and value.ndim == 4 else ""
            raise ValueError(f"layer {layer!r} gives {shape}, not one vector per image: {mean}take another layer")
        # A copy: the ReLU that follows fc6 and fc7 works in place and would overwrite them.
        found[layer] = value.clone()

    target = module.get_submodule(path)
    if "input" in marks:
        return target.register_forward_pre_hook(
            lambda _, inputs, named: note(next(iter([*inputs, *named.values()]), None)), with_kwargs=True
        )
    return target.register_forward_hook(lambda _, __, output: note(output))
