"""Networks that are invariant by construction: the upper end of every scale, whatever their weights."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from helpers import networks
from helpers.networks import Network


class Polyphase(nn.Module):
    """Every second value, from whichever of the four grids holds the most energy.

    Adaptive polyphase sampling (Chaman and Dokmanic, CVPR 2021): a map moved around a torus by one cell has the same
    four grids in another order, so that the same one is chosen.
    """

    stride = 2  # what Network.strides reads

    def forward(self, maps: Tensor) -> Tensor:
        """(B, C, H, W), even sides, to half the sides."""
        grids = torch.stack([maps[..., row::2, col::2] for row in (0, 1) for col in (0, 1)], 1)
        best = grids.square().sum((2, 3, 4)).argmax(1)
        return grids[torch.arange(len(maps), device=maps.device), best]


def polyphase(*, adaptive: bool = True, frame: int = 64, channels: tuple[int, ...] = (16, 32, 32)) -> Network:
    """A small network with random weights and no border: one halving per entry of ``channels``, then the mean.

    Args:
        adaptive: halve by :class:`Polyphase`; otherwise by a stride, the same network without the remedy.
        frame: the side of its frames, a multiple of 2 to the number of halvings.
        channels: of each convolution. The weights are drawn from torch's generator.
    """
    layers: list[nn.Module] = []
    for given, made in zip((3, *channels), channels, strict=False):
        layers += [nn.Conv2d(given, made, 3, padding=1, padding_mode="circular"), nn.ReLU()]
        layers.append(Polyphase() if adaptive else nn.MaxPool2d(1, stride=2))
    module = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    name = "polyphase" if adaptive else "strided"
    return networks.wrap(module, {"pool": str(len(layers) + 1)}, frame=frame, name=f"{name}, untrained")
