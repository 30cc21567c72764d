"""What a sweep does: networks, objects, settings, and the identity that its store is known by."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Sequence

from helpers import runtime
from helpers.networks import Network, Source
from helpers.objects import Cutout
from helpers.shifting import Paste, positions


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """How one task runs; travels to workers.

    Device, precision and batch size are as in ``features.extract``, but one precision for all; the last bits of
    a result depend on the batch size.

    Attributes:
        layers: Those of these names that a network has; None for all it has.
        stride: Pixels between positions.
        frame: Side in pixels; None for the network's own.
        background: A colour.
    """

    layers: tuple[str, ...] | None = None
    stride: int = 1
    frame: int | None = None
    background: str = "white"
    device: str = "auto"
    precision: str = "float32"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        """Raise ValueError for a precision that does not fit all layers."""
        if self.precision not in runtime.PRECISIONS:
            known = ", ".join(runtime.PRECISIONS)
            raise ValueError(f"a sweep has one precision for all: {self.precision!r} is not one of {known}")

    def layers_of(self, network: Network) -> list[str]:
        """The layers to look at in a network.

        Raises:
            ValueError: The network has none of those asked for; names the nearest.
        """
        if self.layers is None:
            return list(network.layers)
        found = [layer for layer in network.layers if layer in self.layers]
        return found or network.check(self.layers)

    def layers_to_read(self, network: Network) -> list[str]:
        """Those, and the logits."""
        return list(dict.fromkeys([*self.layers_of(network), network.logits]))

    def scene(self, network: Network, cutout: Cutout) -> Paste:
        """The object over the background, in the frame that the network is looked at with."""
        return Paste(cutout, self.frame or network.frame, background=self.background)


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Task:
    """One object through one network; ``index`` is the object's place in the store's ``group``."""

    group: str
    index: int
    source: Source
    cutout: Cutout
    frames: int


@dataclasses.dataclass(frozen=True, eq=False)
class Plan:
    """A whole sweep: every network of ``sources`` over every object of ``cutouts`` (by size in pixels)."""

    sources: Sequence[Source]
    cutouts: dict[int, list[Cutout]]
    settings: Settings = dataclasses.field(default_factory=Settings, kw_only=True)

    def __post_init__(self) -> None:
        """Raise ValueError for no network or object, two networks of one key and two objects of one name."""
        if not self.sources or not self.cutouts or not all(self.cutouts.values()):
            raise ValueError("a sweep needs at least one network and one object of each size")
        _unique([source.key for source in self.sources], "networks")
        for cutouts in self.cutouts.values():
            _unique([cutout.name for cutout in cutouts], "objects")

    def identity(self, settings: Settings) -> dict:
        """What all of a store has in common, as plain JSON values: settings and the objects' checksums."""
        shared = ("stride", "frame", "background", "precision", "batch_size")
        return {
            **{name: getattr(settings, name) for name in shared},
            "device": settings.device.partition(":")[0],
            "objects": {
                f"{size}px": {cutout.name: _checksum(cutout) for cutout in cutouts}
                for size, cutouts in self.cutouts.items()
            },
        }

    def groups(self, settings: Settings) -> Iterator[tuple[str, dict, list[Task]]]:
        """Per network and size: the group's name, what it is made of, and its tasks.

        Loads one network after the other, to read off its layers and the checksum of its weights.

        Raises:
            ValueError: Settings that do not fit a network or an object.
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
                scene = settings.scene(network, cutouts[0])
                rows, cols = positions(scene.grid, stride=settings.stride)
                if other := [cutout.name for cutout in cutouts if cutout.size != cutouts[0].size]:
                    raise ValueError(f"{other[0]} has another size than {cutouts[0].name}: a group has one size")
                if min(len(rows), len(cols)) < 2:
                    raise ValueError(
                        f"{size} px at stride {settings.stride} leaves {len(rows)} x {len(cols)} positions "
                        f"for {source.key}: take a smaller stride or object"
                    )
                group, frames = f"{source.key}/{size}px", len(rows) * len(cols)
                tasks = [
                    Task(group=group, index=index, source=source, cutout=cutout, frames=frames)
                    for index, cutout in enumerate(cutouts)
                ]
                where = {"frame": list(scene.frame), "size": list(cutouts[0].size)}
                yield group, {**about, **where, "rows": rows.tolist(), "cols": cols.tolist()}, tasks


def _checksum(cutout: Cutout) -> str:
    digest = hashlib.sha256(f"{tuple(cutout.rgba.shape)}{cutout.label}".encode())
    digest.update(cutout.rgba.contiguous().numpy().tobytes())
    return digest.hexdigest()


def _unique(names: Sequence[str], what: str) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise ValueError(f"two {what} of a sweep are called {', '.join(twice)}: each needs its own name")
