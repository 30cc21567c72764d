"""What a network does at the border of its frame: how it pads, and what it sees where nothing is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from helpers.networks import Network, evaluating
from helpers.networks.passes import copied, parameter, reach, sides, watch


@dataclass(frozen=True)
class Padding:
    """How many lines of padding a layer really uses on each side of its map."""

    layer: str
    side: int  # of the map that it reads, cells
    stride: int
    top: int
    bottom: int
    left: int
    right: int

    @property
    def even(self) -> bool:
        """Whether opposite sides get the same."""
        return self.top == self.bottom and self.left == self.right


def paddings(network: Network, *, frame: int | None = None) -> list[Padding]:
    """The padding of each convolution and pool that pads or strides, in the order of the pass, found by looking.

    Whatever a layer says of its padding, its first output line sees less far into the map than its kernel is long, and
    the missing lines are padding; likewise its last. (With a stride, a line that was padded may be seen by no
    output: then it is not counted.) Lines are found by the gradient of the layer on noise.

    Args:
        frame: the side of the frame in pixels; by default the network's own.
    """
    module = copied(network.module, network.frame)
    side = frame or network.frame
    paths = {part: path for path, part in module.named_modules() if isinstance(part, _READS)}
    shapes: dict[nn.Module, tuple[int, ...]] = {}

    def note(part: nn.Module, inputs: tuple[Any, ...], _: Any) -> None:
        shapes.setdefault(part, tuple(inputs[0].shape))

    watch(module, (side, side), note, paths)
    found = []
    with evaluating(module):
        for part, shape in shapes.items():
            (kernel, across), (stride, _) = reach(part), sides(part.stride)
            if (kernel, across, stride) == (1, 1, 1):
                continue
            seen = _seen(part, shape)
            lines = [kernel - seen[0], kernel - seen[1], across - seen[2], across - seen[3]]
            if stride > 1 or any(lines):
                found.append(Padding(paths[part], shape[-1], stride, *lines))
    return found


_READS = (nn.Conv2d, nn.MaxPool2d, nn.AvgPool2d)


def _seen(part: nn.Module, shape: tuple[int, ...]) -> list[int]:
    """How far the first and the last output row see into the map, and the first and the last column, in lines."""
    like = parameter(part)
    generator = torch.Generator().manual_seed(0)
    given = torch.randn(1, *shape[1:], generator=generator).to(like).requires_grad_()
    with torch.enable_grad():
        output = part(given)
        lines = [output[..., 0, :], output[..., -1, :], output[..., 0], output[..., -1]]
        grads = [torch.autograd.grad(line.sum(), given, retain_graph=True)[0].abs().amax((0, 1)) for line in lines]
    found = []
    for k, grad in enumerate(grads):
        lines = grad.amax(1 - k // 2).nonzero()[:, 0]  # between them are gaps, if the kernel has any
        found.append(int(lines[-1]) + 1 if k % 2 == 0 else shape[2 + k // 2] - int(lines[0]))
    return found


def spread(grid: tuple[int, int], *, stride: int, count: int, seed: int = 0) -> Tensor:
    """Random positions whose rows and columns meet the places of a network's grid evenly: long (count, 2).

    A few positions in a regular pattern may all lie alike on the grid, and then a mean over them is one of the grid.
    Here both coordinates, modulo the stride, take ``count`` values spread evenly over it, paired at random.

    Args:
        grid: (R, C) positions in pixels, of a scene.
        stride: the network's largest, pixels.
        count: up to ``stride``.

    Raises:
        ValueError: more positions than the stride has pixels, or a grid smaller than the stride.
    """
    if not 1 <= count <= stride <= min(grid):
        raise ValueError(f"{count} positions over a stride of {stride} px and a grid of {grid}: give 1 to the stride's")
    generator = np.random.default_rng(seed)
    axes = []
    for side in grid:
        phases = generator.permutation(count) * stride // count
        axes.append(phases + stride * generator.integers((side - 1 - phases) // stride + 1))
    return torch.from_numpy(np.stack(axes, 1))


def echo(empty: Tensor, object_maps: Tensor) -> Tensor:
    """What the border alone writes into a map: (h, w) float64.

    The distance of each cell of the empty frame's map from the middle cell's, over the root mean square of what
    objects add to a cell where they add the most. A network without a border has zeros.

    Args:
        empty: (1, C, h, w).
        object_maps: (B, C, h, w), of frames with an object.

    Raises:
        ValueError: objects that add nothing.
    """
    base = empty.double()
    middle = base[..., base.shape[2] // 2, base.shape[3] // 2][..., None, None]
    added = (object_maps.double() - base).square().sum(1).amax((1, 2)).mean().sqrt()
    if not added > 0:
        raise ValueError("the objects add nothing to this map: there is nothing to compare the border with")
    return (base - middle)[0].square().sum(0).sqrt() / added
