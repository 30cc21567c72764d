"""Less than a forward pass per frame: early activations computed once and moved with the object. Ours.

Over a plain background, moving the object by a multiple of a node's cumulative stride moves the activations
there with it, as long as only background is within reach of the object, and no border. So the part of the
network before a node (its head) runs once per phase of the stride, and again only where the object is near a
border; every frame then starts from the blank frame's activations with the object's patch put in its place.
Along a border, patches are shared between positions that differ by a translation along it.

The node is found by counting operations, not by a clock: the same scene is read in the same way each time.
"""

from __future__ import annotations

import collections
import itertools
import math
from collections.abc import Sequence

import torch
from torch import nn

from helpers.features.chain import WRITE, Call, calls
from helpers.features.folding import sharing
from helpers.features.reading import Reader
from helpers.shifting import Scene

TOLERANCE = 1e-5  # of the largest feature: the same sums, in another order at another place
GAIN = 1.2  # the least that is worth it
_SETUP = 30  # what tracing and comparing cost, in forward passes of single frames
_START = 1e6  # what each operation of these costs besides, in multiply-adds; and each patch that is put in place
_CELL = 9  # px: nodes of larger strides see so far that few positions are alike there
_KEPT = 128e6  # bytes of patches

Axis = list[tuple[int, int, int]]  # per position: the one it is a translation of, its first and last + 1 cell


def reusing(read: Reader, scene: Scene, places: torch.Tensor) -> Reused | None:
    """A way to read positions (P, 2) with early activations reused; None where that is inexact or does not pay.

    Exact: the features at nine positions, at all borders and the middle, differ from those of the frames by 1e-5 of
    the largest or less. It pays from a predicted gain of 1.2 on, over all the positions.
    """
    if len(places) < _SETUP or scene.kind != "pasted" or scene.picture()[1] is not None:
        return None
    read.network.widest(scene.frame)  # an error if the network takes no such frame
    read(scene.render(places[:1], read.device))  # settles which module is read, and its layout, with its errors
    try:
        found = _best(read, scene, places)
        return found if found and found.exact() else None
    except Exception:  # a network may ask anything of its parts; what is wrong without reuse too is raised then
        return None


class Reused:
    """From positions (B, 2) to layer -> (B, D), the same as reading the rendered frames.

    Attributes:
        node: the path of the module up to which activations are reused.
        gain: predicted: how many times less it costs than reading every frame.
    """

    def __init__(
        self,
        read: Reader,
        scene: Scene,
        chain: Sequence[Call],
        axes: tuple[Axis, Axis],
        *,
        blank: torch.Tensor,
        gain: float,
    ) -> None:
        self.read, self.scene, self.axes, self.node, self.gain = read, scene, axes, chain[-1].path, gain
        self._head = nn.Sequential(*(read.module.get_submodule(call.path) for call in chain))
        if self.node not in read.tails:
            read.tails[self.node] = sharing(read.module)
            for call in chain:
                above, _, name = call.path.rpartition(".")
                setattr(read.tails[self.node].get_submodule(above), name, nn.Identity())
        self._tail = read.tails[self.node]
        self._blank = self._head(blank)
        self._patches: dict[tuple[int, int], torch.Tensor] = {}

    def __call__(self, places: torch.Tensor) -> dict[str, torch.Tensor]:
        """The layers' features at these positions."""
        return self.read.forward(self._activations(places), self._tail)

    def exact(self) -> bool:
        """Whether nine positions have the features of their frames."""
        ends = [torch.tensor(sorted({0, side // 2, side - 1})) for side in self.scene.grid]
        for place in torch.cartesian_prod(*ends).view(-1, 1, 2):
            again = self.read.run(self._tail, self._activations(place))
            frame = self.read.network.preprocess(self.scene.render(place, self.read.device))
            for layer, values in self.read.run(self.read.module, frame).items():
                if not (again[layer] - values).abs().max() <= TOLERANCE * values.abs().max():
                    return False
        return True

    def _activations(self, places: torch.Tensor) -> torch.Tensor:
        """At the node, (B, D, h, w)."""
        rows, cols = self.axes
        places = places.tolist()
        keys = [(rows[row][0], cols[col][0]) for row, col in places]
        # Rows near the border share patches only within themselves: these go when the row is done.
        stay = _shared(rows) | {row for row, _ in keys}
        self._patches = {key: patch for key, patch in self._patches.items() if key[0] in stay}
        new = [key for key in dict.fromkeys(keys) if key not in self._patches]
        if new:
            frames = self.read.network.preprocess(self.scene.render(torch.tensor(new), self.read.device))
            found = self._head(frames.contiguous(memory_format=self.read.layout))
            for key, values in zip(new, found, strict=True):
                self._patches[key] = values[:, slice(*rows[key[0]][1:]), slice(*cols[key[1]][1:])].clone()
        out = self._blank.expand(len(places), -1, -1, -1).clone(memory_format=self.read.layout)
        for values, key, (row, col) in zip(out, keys, places, strict=True):
            values[:, slice(*rows[row][1:]), slice(*cols[col][1:])] = self._patches[key]
        return out


def _best(read: Reader, scene: Scene, places: torch.Tensor) -> Reused | None:
    """Reuse up to the node with the largest gain, if that is enough."""
    corner = scene.render(torch.tensor([[0, 0]]), read.device)[:, :, -1:, -1:]
    blank = read.network.preprocess(corner.expand(1, 3, *scene.frame)).contiguous(memory_format=read.layout)
    whole = calls(read, blank)
    chain = list(itertools.takewhile(lambda call: not call.read, whole.chain()))

    setup = _SETUP * (whole.cost + _START * len(list(read.module.modules())))

    def gain(call: Call, passes: int) -> float:
        each = whole.cost - call.cost + WRITE * math.prod(call.shape) + _START
        return len(places) * whole.cost / (len(places) * each + passes * call.cost + setup)

    worth = [call for call in chain if _fine(call.shape, scene.frame) and gain(call, 0) >= GAIN]
    best, most = None, GAIN
    for call, lines in _touched(read, chain, worth, blank).items():
        rows, cols = (_axis(lines[axis], scene.frame[axis], scene.grid[axis]) for axis in (0, 1))
        if not (rows and cols):
            continue
        passes = len({(rows[row][0], cols[col][0]) for row, col in places.tolist()})
        cells = math.prod(max(stop - start for _, start, stop in axis) for axis in (rows, cols))
        kept = (len(_shared(rows)) + 1) * len({same for same, _, _ in cols}) * cells * call.shape[1]
        if blank.element_size() * kept <= _KEPT and gain(call, passes) >= most:
            best, most = (chain[: chain.index(call) + 1], (rows, cols)), gain(call, passes)
    return best and Reused(read, scene, *best, blank=blank, gain=most)


def _fine(shape: Sequence[int], frame: Sequence[int]) -> bool:
    return len(shape) == 4 and all(cells * _CELL >= side for cells, side in zip(shape[2:], frame, strict=True))


def _shared(axis: Axis) -> set[int]:
    counts = collections.Counter(same for same, _, _ in axis)
    return {same for same, count in counts.items() if count > 1}


def _touched(
    read: Reader, chain: Sequence[Call], worth: Sequence[Call], blank: torch.Tensor
) -> dict[Call, tuple[list[torch.Tensor], list[torch.Tensor]]]:
    """Which rows and which columns of cells each pixel of a diagonal line from the middle reaches, by call.

    Traced with a NaN in the pixel, which spreads to every cell that it reaches, whatever the weights.
    """
    found: dict[Call, tuple[list[torch.Tensor], list[torch.Tensor]]] = {call: ([], []) for call in worth}
    middle = [side // 2 for side in blank.shape[2:]]
    for pixel in range(min(2 * _CELL + 2, *(side - side // 2 for side in blank.shape[2:])) if worth else 0):
        value = blank.clone()
        value[..., middle[0] + pixel, middle[1] + pixel] = torch.nan
        for call in chain[: chain.index(worth[-1]) + 1]:
            value = read.module.get_submodule(call.path)(value)
            if call in found:
                cells = value.isnan().any(1)[0]
                for axis in (0, 1):
                    found[call][axis].append(cells.any(1 - axis))
    return found


def _axis(lines: Sequence[torch.Tensor], side: int, places: int) -> Axis | None:
    """Per position along an axis: what can be reused; None if the activations do not move with the object.

    From the cells that pixels reach follow the stride, and the pixels before and after ``stride * i`` that cell i
    sees.
    """
    ends = [cells.nonzero()[[0, -1], 0].tolist() for cells in lines if cells.any()]
    turns = [k for k in range(1, len(ends)) if ends[k][0] != ends[k - 1][0]]
    if len(ends) < len(lines) or len(turns) < 2:
        return None
    step, cells = turns[1] - turns[0], len(lines[0])
    before = max(last * step - pixel for pixel, (_, last) in enumerate(ends, start=side // 2))
    after = max(pixel - start * step for pixel, (start, _) in enumerate(ends, start=side // 2))
    size = side - places + 1
    found, first = [], {}
    for at in range(places):
        start, stop = -((after - at) // step), (at + size - 1 + before) // step + 1
        inside = start * step - before >= 0 and (stop - 1) * step + after < side and stop <= cells
        same = first.setdefault(at % step, at) if inside else at
        found.append((same, max(start, 0), min(stop, cells)))
    return found
