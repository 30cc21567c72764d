"""What a sweep does: networks, objects, settings, and the identity that its store is known by."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence
from pathlib import Path

from helpers import assets, networks, runtime
from helpers.networks import Network
from helpers.objects import Cutout
from helpers.shifting import Paste, positions


@dataclasses.dataclass(frozen=True)
class Source:
    """A network by what ``networks.load`` takes: small, so that it travels to workers instead of weights.

    weights: ``"default"``, ``"centre"``, ``"uniform"``, or a file, by a path or by its name on the assets
    search path.
    """

    name: str
    antialiased: bool = False
    weights: str = "default"

    @classmethod
    def parse(cls, text: str) -> Source:
        """From ``alexnet``, ``alexnetAA`` (anti-aliased), or either with ``@weights`` behind."""
        name, _, weights = text.partition("@")
        return cls(name.removesuffix("AA"), name.endswith("AA"), weights or "default")

    @property
    def key(self) -> str:
        """The group's name in the store: the authors' way of writing it, ``alexnetAA``, and the weights."""
        which = "" if self.weights == "default" else f"@{Path(self.weights).stem}"
        return f"{self.name}{'AA' if self.antialiased else ''}{which}"

    def load(self) -> Network:
        """The network; errors as of ``networks.load``."""
        found = assets.find(self.weights) if Path(self.weights).suffix else None
        return networks.load(self.name, self.antialiased, str(found) if found else self.weights)


@dataclasses.dataclass(frozen=True)
class Settings:
    """How one task runs; travels to workers.

    layers: those of these names that a network has, None for all it has. stride: pixels between positions.
    frame: side in pixels, None for the network's own. background: a colour. device, precision, batch_size:
    as in ``features.extract``, but one precision for all; the last bits depend on the batch size.
    """

    layers: tuple[str, ...] | None = None
    stride: int = 1
    frame: int | None = None
    background: str = "white"
    device: str = "auto"
    precision: str = "float32"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        if self.precision not in runtime.PRECISIONS:
            known = ", ".join(runtime.PRECISIONS)
            raise ValueError(f"a sweep runs in one precision for all: {self.precision!r} is none of {known}")

    def layers_of(self, network: Network) -> list[str]:
        """The layers to look at in a network. Raises ValueError when it has none of those asked for."""
        if self.layers is None:
            return list(network.layers)
        found = [layer for layer in network.layers if layer in self.layers]
        return found or network.check(self.layers)  # which names the nearest known

    def scene(self, network: Network, cutout: Cutout) -> Paste:
        """The object over the background, in the frame that the network is looked at with."""
        return Paste(cutout, self.frame or network.frame, self.background)


@dataclasses.dataclass(frozen=True, eq=False)
class Task:
    """One object through one network: group name, place among the group's objects, and what it needs."""

    group: str
    index: int
    source: Source
    cutout: Cutout
    frames: int


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """A whole sweep: every network of ``sources`` over every object of ``cutouts`` (by size in pixels).

    Raises ValueError for no network or object, two networks of one key, and two objects of one name.
    """

    sources: Sequence[Source]
    cutouts: dict[int, list[Cutout]]
    settings: Settings = dataclasses.field(default_factory=Settings)

    def __post_init__(self) -> None:
        if not self.sources or not self.cutouts or not all(self.cutouts.values()):
            raise ValueError("a sweep needs at least one network and one object of each size")
        _unique([source.key for source in self.sources], "networks")
        for cutouts in self.cutouts.values():
            _unique([cutout.name for cutout in cutouts], "objects")

    def identity(self, settings: Settings) -> dict:
        """What all of a store has in common, as plain JSON values: settings and the objects' checksums."""
        return {
            "stride": settings.stride,
            "frame": settings.frame,
            "background": settings.background,
            "precision": settings.precision,
            "batch_size": settings.batch_size,
            "device": settings.device.partition(":")[0],
            "objects": {
                f"{size}px": {cutout.name: _checksum(cutout) for cutout in cutouts}
                for size, cutouts in self.cutouts.items()
            },
        }

    def groups(self, settings: Settings) -> Iterator[tuple[str, dict, list[Task]]]:
        """Per network and size: the group's name, what it is made of, and its tasks.

        Loads one network after the other, to read off its layers and the checksum of its weights.
        """
        for source in self.sources:
            network = source.load()
            layers = settings.layers_of(network)
            about = {
                "network": source.key,
                "title": network.title,
                "weights": network.weights,
                "checksum": network.checksum,
                "layers": {layer: network.layers[layer] for layer in layers},
                "strides": list(network.strides),
            }
            for size, cutouts in self.cutouts.items():
                rows, cols = positions(settings.scene(network, cutouts[0]).grid, settings.stride)
                if min(len(rows), len(cols)) < 2:
                    raise ValueError(
                        f"{size} px at stride {settings.stride} leaves {len(rows)} x {len(cols)} positions "
                        f"for {source.key}: take a smaller stride or object"
                    )
                group, frames = f"{source.key}/{size}px", len(rows) * len(cols)
                tasks = [Task(group, i, source, cutout, frames) for i, cutout in enumerate(cutouts)]
                yield group, {**about, "rows": rows.tolist(), "cols": cols.tolist()}, tasks


def _checksum(cutout: Cutout) -> str:
    digest = hashlib.sha256(f"{tuple(cutout.rgba.shape)}{cutout.label}".encode())
    digest.update(cutout.rgba.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _unique(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} of a sweep are called {', '.join(twice)}: each needs its own name")
