"""Less than a forward pass per frame: early activations computed once and moved with the object. Ours.

Over a plain background, moving the object by a multiple of a node's cumulative stride moves the activations
there with it, as long as only background is within reach of the object, and no border. So the part of the
network before a node (its head) runs once per phase of the stride, and again only where the object is near a
border; every frame then starts from the blank frame's activations with the object's patch put in its place.
Along a border, patches are shared between positions that differ by a translation along it.
"""

from __future__ import annotations

import collections
import contextlib
from collections.abc import Callable

import torch
from torch import nn

from helpers.features.reading import Reader
from helpers.networks import blank
from helpers.shifting import Scene

TOLERANCE = 1e-5  # of the largest feature: the same sums, in another order at another place


class _Reached(Exception):
    """Ends a forward pass at the node."""


def reusing(read: Reader, scene: Scene, *, node: str) -> Callable[[torch.Tensor], dict[str, torch.Tensor]]:
    """A function from positions (B, 2) to layer -> (B, D), the same as reading the rendered frames.

    Args:
        node: the path of a submodule up to which the network is a chain of modules, e.g. ``"features.2"`` of
            MobileNetV2.

    Raises:
        ValueError: another scene; a layer asked for before the node; or features at nine positions, at all
            borders and the middle, that differ from the frames' by over 1e-5 of the largest.
    """
    if scene.kind != "pasted" or scene.picture()[1] is not None:
        raise ValueError(f"reuse needs an object over a plain background, and {scene.name} is not: leave reuse out")
    ends = [sorted({0, side // 2, side - 1}) for side in scene.grid]
    corners = torch.cartesian_prod(*map(torch.tensor, ends)).view(-1, 2)
    exact = read(scene.render(corners, read.device))  # first, since this settles which module is read
    head = _Head(read, node)
    memory = _Memory(head, scene)

    def at_positions(places: torch.Tensor) -> dict[str, torch.Tensor]:
        return head.go_on(memory.activations(places))

    for layer, values in at_positions(corners).items():
        worst = float((values - exact[layer]).abs().max() / exact[layer].abs().max())
        if not worst <= TOLERANCE:
            raise ValueError(
                f"{read.network.title}: {layer} from the reused {node} differs by {worst:.1e} of the largest feature: "
                "its activations do not move with the object; take an earlier node, or leave reuse out"
            )
    return at_positions


class _Head:
    """The chain of modules up to a node, which can be run alone, or left out."""

    def __init__(self, read: Reader, node: str) -> None:
        self.read, self.module = read, read.module
        paths = dict(self.module.named_modules())
        read.network.submodule(node)  # for its error
        self.node = self.module.get_submodule(node)
        above = {node.rpartition(".")[0]}
        while "" not in above:
            above |= {path.rpartition(".")[0] for path in above}
        called: list[str] = []
        handles = [
            child.register_forward_pre_hook(lambda _, __, path=path: called.append(path))
            for path, child in paths.items()
        ]
        side = read.network.frame
        try:
            self.run(blank(self.module, (side, side)))
        finally:
            for handle in handles:
                handle.remove()
        skipped = [path for path in called if path not in above and path.rpartition(".")[0] in above]
        self.skipped: list[nn.Module] = [paths[path] for path in skipped]
        for layer in read.names:
            path = read.network.layers[layer].split(":")[0]
            if any(path == other or path.startswith(f"{other}.") for other in skipped):
                raise ValueError(f"layer {layer!r} lies before {node!r}, which is reused: take an earlier node")

    def run(self, inputs: torch.Tensor) -> torch.Tensor:
        """The activations (B, D, h, w) at the node."""
        found = []

        def stop(_: nn.Module, __: object, output: torch.Tensor) -> None:
            found.append(output)
            raise _Reached

        handle = self.node.register_forward_hook(stop)
        try:
            with contextlib.suppress(_Reached):
                self.module(inputs.contiguous(memory_format=self.read.layout))
        finally:
            handle.remove()
        if not found:
            raise ValueError(f"the forward pass of {self.read.network.name} never reaches the node to reuse")
        return found[0]

    def go_on(self, activations: torch.Tensor) -> dict[str, torch.Tensor]:
        """The layers' features from the activations at the node."""
        kept = [child.__dict__.get("forward") for child in self.skipped]
        for child in self.skipped:
            child.forward = _pass_on
        try:
            return self.read.forward(activations)
        finally:
            for child, forward in zip(self.skipped, kept, strict=True):
                del child.forward
                if forward is not None:
                    child.forward = forward


def _pass_on(value: torch.Tensor) -> torch.Tensor:
    return value


class _Memory:
    """The activations at the node for any position, from those of a few."""

    def __init__(self, head: _Head, scene: Scene) -> None:
        self.head, self.scene, self.device = head, scene, head.read.device
        corner = scene.render(torch.tensor([[0, 0]]), self.device)[:, :, -1:, -1:]
        blank = corner.expand(1, 3, *scene.frame)
        self.blank = head.run(head.read.network.preprocess(blank))
        self.axes = [self._axis(axis, blank) for axis in (0, 1)]
        counts = collections.Counter(same for same, _, _ in self.axes[0])
        self.shared = {row for row, count in counts.items() if count > 1}
        self.patches: dict[tuple[int, int], torch.Tensor] = {}

    def _axis(self, axis: int, blank: torch.Tensor) -> list[tuple[int, int, int]]:
        """Per position along an axis: the position it is a translation of, and its first and last + 1 cell."""
        side, cells = self.scene.frame[axis], self.blank.shape[2 + axis]
        size = side - self.scene.grid[axis] + 1
        step, before, after = self._reach(axis, blank)
        found, first = [], {}
        for at in range(self.scene.grid[axis]):
            start, stop = -((after - at) // step), (at + size - 1 + before) // step + 1
            inside = start * step - before >= 0 and (stop - 1) * step + after < side and stop <= cells
            same = first.setdefault(at % step, at) if inside else at
            found.append((same, max(start, 0), min(stop, cells)))
        return found

    def _reach(self, axis: int, blank: torch.Tensor) -> tuple[int, int, int]:
        """The node's stride in pixels, and how many before and after ``stride * i`` its cell i sees.

        Traced with a NaN in one pixel, which spreads to every cell that reaches it, whatever the weights.
        """
        side, cells = self.scene.frame[axis], self.blank.shape[2 + axis]
        pixels = list(range(side // 2, min(side // 2 + 2 * -(-side // cells) + 2, side)))
        inputs = self.head.read.network.preprocess(blank).repeat(len(pixels), 1, 1, 1)
        lines = inputs.movedim(2 + axis, 1)  # (B, side, 3, other side): a view
        for values, pixel in zip(lines, pixels, strict=True):
            values[pixel, :, values.shape[2] // 2] = torch.nan
        touched = self.head.run(inputs).isnan().any(1).any(2 - axis)
        ends = [cells.nonzero()[[0, -1], 0].tolist() for cells in touched if cells.any()]
        turns = [k for k in range(1, len(ends)) if ends[k][0] != ends[k - 1][0]]
        if len(ends) < len(pixels) or len(turns) < 2:
            raise ValueError(
                f"the activations of {self.head.read.network.name} at the node to reuse do not move with the object: "
                "take an earlier node, or leave reuse out"
            )
        step = turns[1] - turns[0]
        before = max(last * step - pixel for pixel, (_, last) in zip(pixels, ends, strict=True))
        after = max(pixel - start * step for pixel, (start, _) in zip(pixels, ends, strict=True))
        return step, before, after

    def activations(self, places: torch.Tensor) -> torch.Tensor:
        """At positions (B, 2): (B, D, h, w)."""
        rows, cols = self.axes
        places = places.tolist()
        keys = [(rows[row][0], cols[col][0]) for row, col in places]
        # Rows near the border share patches only within themselves: these go when the row is done.
        stay = self.shared | {row for row, _ in keys}
        self.patches = {key: patch for key, patch in self.patches.items() if key[0] in stay}
        new = [key for key in dict.fromkeys(keys) if key not in self.patches]
        if new:
            found = self.head.run(self.head.read.network.preprocess(self.scene.render(torch.tensor(new), self.device)))
            for key, values in zip(new, found, strict=True):
                self.patches[key] = values[:, slice(*rows[key[0]][1:]), slice(*cols[key[1]][1:])].clone()
        shape = (len(places), *self.blank.shape[1:])
        out = torch.empty(shape, device=self.device, dtype=self.blank.dtype, memory_format=self.head.read.layout)
        out.copy_(self.blank.expand(shape))
        for values, key, (row, col) in zip(out, keys, places, strict=True):
            values[:, slice(*rows[row][1:]), slice(*cols[col][1:])] = self.patches[key]
        return out
