"""What a stride cannot keep: the energy above the Nyquist frequency of the grid that it leaves."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers import features
from helpers.measures.equivariance.maps import stride_of
from helpers.networks import Network
from helpers.networks.passes import hooked


def above_nyquist(maps: Tensor, *, step: int = 2) -> Tensor:
    """The share of the energy that a grid of every ``step``-th cell cannot show, (B,) float64.

    Such a grid shows waves down to a length of ``2 * step`` cells. Shorter ones do not vanish: sampled, each looks
    like a longer one, another one from each place of the grid. The energy is that around the mean of each channel;
    maps without any have the share 0.

    Args:
        maps: (B, C, h, w), continued around a torus.
        step: cells.
    """
    height, width = maps.shape[2:]
    power = torch.fft.fft2(maps.double()).abs().square().sum(1)
    rows, cols = (torch.fft.fftfreq(side, dtype=torch.float64).abs() for side in (height, width))
    finest = 0.5 / step + 1e-9
    lost = (rows > finest)[:, None] | (cols > finest)
    power[:, 0, 0] = 0
    total = power.sum((1, 2))
    return power.where(lost, 0).sum((1, 2)) / total.clamp(min=torch.finfo(torch.float64).tiny)


def before_strides(
    network: Network, frames: Tensor, empty: Tensor, *, device: str | torch.device = "auto"
) -> dict[int, Tensor]:
    """The share above the Nyquist frequency before each stride of a network: stride in pixels -> (B,) float64.

    A convolution, pool or blur of stride 2 is its dense version, of which every second value is taken; the dense map
    is what is looked at, after that of the empty frame is taken away: what the object adds. Where several parts take
    the same stride (the two branches of a residual block), the share is the mean over them.

    Args:
        frames: uint8 (B, 3, H, W).
        empty: uint8 (1, 3, H, W), the frame without an object.

    Raises:
        ValueError: a network without a part of stride 2.
    """
    found: dict[int, list[Tensor]] = {}
    side, strides = frames.shape[-1], network.strides

    def note(part: nn.Module, inputs: tuple[Any, ...], _: Any) -> None:
        whole = part.stride
        try:
            part.stride = 1 if isinstance(whole, int) else (1, 1)
            dense = part.forward(*inputs).detach().float().cpu()
        finally:
            part.stride = whole
        stride = 2 * stride_of(side / inputs[0].shape[-1], strides)
        found.setdefault(stride, []).append(above_nyquist(dense[:-1] - dense[-1:]))

    steps = [part for part in network.module.modules() if _halves(part)]
    if not steps:
        raise ValueError(f"{network.name} has no convolution, pool or blur of stride 2")
    with features.reader(network, [network.logits], device=device, fold=False) as reading:
        batch = torch.cat([frames, empty]).to(reading.device)
        reading(batch[-1:])  # the first call runs it more than once, to try it
        with hooked([part.register_forward_hook(note) for part in steps]):
            reading(batch)
    return {stride: torch.stack(shares).mean(0) for stride, shares in sorted(found.items())}


def _halves(part: nn.Module) -> bool:
    """Whether a part itself keeps every second value: a layer, and no block that only notes its layer's stride."""
    return getattr(part, "stride", None) in (2, (2, 2)) and not list(part.children())
