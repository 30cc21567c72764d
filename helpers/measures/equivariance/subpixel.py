"""Shifts smaller than a pixel, down to none at all: the derivative of the features along a translation."""

from __future__ import annotations

import torch
from torch import Tensor

from helpers.measures.equivariance.maps import phase_shift
from helpers.networks import Network, evaluating, nodes
from helpers.networks.passes import parameter


def lie_derivative(network: Network, frames: Tensor, layer: str | None = None, *, axis: int = -1) -> Tensor:
    """How fast the features change when the frame begins to move: (B, D), per pixel.

    The Lie derivative of an invariant function along translations, ``d/dt f(T_t x)`` at 0, with the Fourier shift for
    ``T_t`` (Gruver, Finzi, Goldblum and Wilson, ICLR 2023). Their local equivariance error is the mean of its squares.
    Exact by forward-mode differentiation, no step is chosen.

    Args:
        frames: uint8 or float (B, 3, H, W), values from 0 to 255.
        layer: of the network, one that a part gives or reads; None for its output.
        axis: -1 to the right, -2 down.

    Raises:
        ValueError: an unknown layer.
    """
    like = parameter(network.module)
    path, marks = nodes.split(layer, network.layers[network.check(layer)[0]]) if layer else ("", [])
    held: list[Tensor] = []
    part = network.submodule(path)
    if "input" in marks:
        handle = part.register_forward_pre_hook(lambda _, inputs: held.append(inputs[0]))
    else:
        handle = part.register_forward_hook(lambda _, __, output: held.append(output))

    def features(by: Tensor) -> Tensor:
        held.clear()
        network.module(network.preprocess(phase_shift(frames.to(like), by, axis)))
        value = held[-1]
        return value.mean((2, 3)) if value.ndim == 4 else value

    with handle, evaluating(network.module):
        start = torch.zeros((), dtype=like.dtype, device=like.device)
        return torch.func.jvp(features, (start,), (torch.ones_like(start),))[1].detach()
