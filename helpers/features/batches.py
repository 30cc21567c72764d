"""Reading any positions of a scene batch by batch, for features and similarity maps alike."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from tqdm import tqdm

from helpers.features.reading import Reader, batch_for
from helpers.features.reuse import reusing
from helpers.shifting import Scene

Found = dict[str, torch.Tensor]  # layer -> features (B, D) on the device


class SceneReader:
    """From positions of a scene to features, batch by batch.

    Args:
        read: the network's reader, open.
        scene: any.
        places: long (P, 2), the positions that will be read, all at once or not.
        reuse: as for ``features.extract``.

    Attributes:
        settings: how they are read.
    """

    def __init__(self, read: Reader, scene: Scene, places: torch.Tensor, *, reuse: bool = True) -> None:
        reused = reusing(read, scene, places) if reuse and read.precision == "float32" else None
        self.read, self.scene = read, scene
        self._at = reused or (lambda at: read(scene.render(at, read.device)))
        self.settings = {"device": str(read.device), "precision": read.precision, "reuse": reused and reused.node}
        self.settings |= {"gain of reuse": reused.gain} if reused else {}

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


def _out_of_memory(error: Exception) -> bool:
    # Plain RuntimeErrors: of the CPU's allocator (Linux and macOS, Windows), Apple's GPU and CUDA's libraries.
    words = ("can't allocate memory", "not enough memory", "out of memory", "ALLOC_FAILED")
    return isinstance(error, torch.OutOfMemoryError | MemoryError) or any(word in str(error) for word in words)
