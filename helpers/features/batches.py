"""Reading any positions of a scene batch by batch, for features and similarity maps alike."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import torch
from tqdm import tqdm

from helpers.features.reading import Reader, batch_for, reader
from helpers.features.reuse import reusing
from helpers.networks import Network
from helpers.shifting import Scene

Found = dict[str, torch.Tensor]  # layer -> features (B, D) on the device


class SceneReader:
    """From positions to features, as :func:`scene_reader` sets it up; ``settings`` says how they are read."""

    def __init__(self, read: Reader, scene: Scene, *, at: Callable[[torch.Tensor], Found], settings: dict[str, Any]):
        self.read, self.scene, self._at, self.settings = read, scene, at, settings

    def batches(
        self, places: torch.Tensor, *, size: int | None = None, progress: bool = True
    ) -> Iterator[tuple[slice, Found]]:
        """The slice and the features of each batch of positions, long (P, 2), in turn.

        ``size`` frames in a batch, halved where memory runs out; None for :func:`batch_for`.
        """
        if size is not None and size < 1:
            raise ValueError(f"batch_size {size} must be at least 1, or None to find one")
        found = batch_for(self.read.network, self.scene.frame, device=self.read.device)  # tries the frame, too
        size = min(size or found, len(places))
        title, done = f"{self.read.network.title}: {self.scene.name}", 0
        with tqdm(total=len(places), desc=title, unit="frame", leave=False, disable=not progress) as bar:
            while done < len(places):
                at = slice(done, min(done + size, len(places)))
                try:
                    found = self._at(places[at])
                except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                    if not _out_of_memory(error) or size == 1:
                        raise
                    size //= 2
                    if self.read.device.type == "cuda":
                        torch.cuda.empty_cache()
                    continue
                yield at, found
                bar.update(at.stop - at.start)
                done = at.stop
        self.settings |= {"batch_size": size, "folded": self.read.folded}


@contextlib.contextmanager
def scene_reader(
    network: Network | Reader,
    scene: Scene,
    layers: Sequence[str] | None,
    places: torch.Tensor,
    *,
    device: str | torch.device,
    precision: str,
    average: bool,
    reuse: bool,
    fold: bool,
) -> Iterator[SceneReader]:
    """A context in which the network reads the scene at some positions, long (P, 2), all at once or not.

    A reader that is open already reads as it was opened. The other arguments and errors are those of
    ``features.extract``.
    """
    given = {"device": device, "precision": precision, "average": average, "fold": fold}
    with contextlib.nullcontext(network) if isinstance(network, Reader) else reader(network, layers, **given) as read:
        reused = reusing(read, scene, places) if reuse and precision == "float32" else None
        settings = {"device": str(read.device), "precision": precision, "reuse": reused and reused.node}
        settings |= {"gain of reuse": reused.gain} if reused else {}
        yield SceneReader(read, scene, at=reused or (lambda at: read(scene.render(at, read.device))), settings=settings)


def _out_of_memory(error: Exception) -> bool:
    # Plain RuntimeErrors: of the CPU's allocator (Linux and macOS, Windows), Apple's GPU and CUDA's libraries.
    words = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
