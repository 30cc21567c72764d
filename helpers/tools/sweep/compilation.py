"""Networks compiled for long work: the same features in four fifths of the time. Ours.

``torch.compile`` takes as long as some thousand frames, so it is for groups of a sweep with minutes of work left, on
this machine's CPU, where there is a C++ compiler. What is compiled is what is read anyway: the network with its batch
norms folded, behind the early activations that are reused, its hooks included. Only full batches are; a shorter one,
of which there is one per scene, would be compiled anew.
"""

from __future__ import annotations

import contextlib
import dataclasses
import os
import shutil
import sys
import time
from collections.abc import Iterator

import torch

from helpers import features, runtime
from helpers.features.batches import SceneReader
from helpers.features.reading import FOLDED, Reader
from helpers.networks import Network
from helpers.objects import Cutout
from helpers.shifting import positions
from helpers.tools.sweep.plan import Settings

WORTH = 300  # s of work left: three times what makes up for a quarter of a minute, at the gains measured
FRAMES = 2_000  # fewer are never worth it
ROUNDS = 8  # batches timed each way, in turn; the quickest counts, which what else runs disturbs least
WAY = {"backend": "inductor", "options": {"freezing": True}}  # weights are constants, packed as the processor likes


def possible(settings: Settings) -> bool:
    """Whether networks can be compiled with these settings: on a CPU, with the compiler that torch would take."""
    compiler = os.environ.get("CXX", "clang++" if sys.platform == "darwin" else "g++")
    on_cpu = runtime.device(settings.device).type == "cpu" and settings.precision == "float32"
    return on_cpu and shutil.which(compiler) is not None


@dataclasses.dataclass(frozen=True)
class Compiled:
    """How a network is read: ``reader`` is for all objects of a group; ``words`` say what came of compiling."""

    reader: Reader
    words: str
    used: bool


@contextlib.contextmanager
def compiled(network: Network, cutout: Cutout, *, settings: Settings, frames: int) -> Iterator[Compiled | None]:
    """A context in which a network is open for scenes like an object's, compiled if that pays for so many frames.

    It pays if they take :data:`WORTH` seconds, measured, and the compiled network is faster, measured in turn, with
    features within 1e-5 of each layer's largest. Whatever fails, the network is read as it is. None for few frames,
    or where :func:`possible` is not.
    """
    if frames < FRAMES or not possible(settings):
        yield None
        return
    scene, layers = settings.scene(network, cutout), settings.layers_to_read(network)
    size = settings.batch_size or features.batch_for(network, scene.frame, device=runtime.device(settings.device))
    grid = torch.cartesian_prod(*positions(scene.grid, settings.stride))
    size = min(size, len(grid))
    how = {"device": settings.device, "precision": settings.precision}
    with features.reader(network, layers, **how) as read, contextlib.ExitStack() as given_back:
        source = SceneReader(read, scene, grid)
        places = grid[:size]

        def timed() -> tuple[float, dict[str, torch.Tensor]]:
            start = time.perf_counter()
            ((_, found),) = source.batches(places, size=size, progress=False)
            return (time.perf_counter() - start) / size, found

        if len(list(source.batches(places, size=size, progress=False))) > 1:  # which settles what is read, too
            yield Compiled(read, "not compiled: there is no memory for a whole batch", used=False)
            return
        module = read.tails.get(source.settings["reuse"], read.module)
        own = {"forward": module.forward} if "forward" in vars(module) else {}
        plainly, (slow, exact) = module.forward, min((timed() for _ in range(ROUNDS)), key=lambda each: each[0])
        if slow * frames < WORTH:
            yield Compiled(read, f"not compiled: {slow * frames:.0f} s of work", used=False)
            return
        given_back.callback(_give_back, module, own)  # also after an interrupt
        try:
            start = time.perf_counter()
            quickly = torch.compile(plainly, dynamic=False, **WAY)
            ways = plainly, lambda inputs: (quickly if len(inputs) == size else plainly)(inputs)
            module.forward = ways[1]
            _, again = timed()
            spent, taken = time.perf_counter() - start, ([], [])
            for turn in range(2 * ROUNDS):
                module.forward = ways[turn % 2]
                taken[turn % 2].append(timed()[0])
            words = _verdict(exact, again, *map(min, taken))
        except Exception as error:  # of the compiler, or of a network that cannot be compiled
            words = f"not compiled: {type(error).__name__}: {' '.join(str(error).split()):.120}"
        if used := not words:
            words = f"compiled in {spent:.0f} s: {1 / min(taken[1]):,.0f} frames/s, {1 / min(taken[0]):,.0f} before"
        module.forward = ways[1] if used else plainly
        yield Compiled(read, words, used=used)


def _give_back(module: torch.nn.Module, own: dict) -> None:
    vars(module).pop("forward", None)
    vars(module).update(own)
    torch._dynamo.reset()  # forgets what was compiled; it keeps a few versions only


def _verdict(exact: dict[str, torch.Tensor], again: dict[str, torch.Tensor], slow: float, fast: float) -> str:
    """Why features are not read from the compiled network; empty if they can be."""
    for layer, values in exact.items():
        if not (apart := float((again[layer] - values).abs().max() / values.abs().max())) <= FOLDED:
            return f"not compiled: {layer} would differ by {apart:.0e} of its largest feature"
    return "" if fast < slow else f"not compiled: no faster ({1 / fast:,.0f} frames/s, {1 / slow:,.0f} as it is)"
