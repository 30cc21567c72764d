"""Where the page's subjects come from: photographs and embedded networks, a run, a sweep's store."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from pathlib import Path

from helpers import features, networks, objects, shifting
from helpers.features import Features
from helpers.networks import KINDS, Network
from helpers.networks.source import TITLES
from helpers.objects import Photo
from helpers.shifting import Crop, Paste, Scene
from helpers.tools.commandline import read_json
from helpers.tools.page import stored
from helpers.tools.page.subjects import Subject, moved

REAL, PHOTOGRAPHED, SIDE = "efficientnet_lite0", "demitasse", 75  # what the page leads with; px
EMBEDDED_OBJECT, SMALL = "cup", 48  # for the embedded networks; px
# Odd strides meet every phase of the networks' own. A frame takes a real network 20 ms, an embedded one 1 ms.
REAL_STRIDE, EMBEDDED_STRIDE = 5, 5
TRAINED = {"centre": "trained at the centre", "uniform": "trained everywhere"}
_LAYERS = ("fc6", "fc7", "fc8", "fc", "pool")  # the paper's first
_BLOCKS = ("block7", "block6", "block5", "block4", "block3", "block2", "block1")  # averaged over their maps


def find(source: Path | None, *, wanted: list[str] | None = None) -> list[Subject]:
    """The subjects of a sweep's store, a run's folder, or (None) those that come with the workbook.

    Raises:
        ValueError: A path that is neither, a damaged record, or an object that is not there.
        SweepError: A damaged store.
    """
    if source is None:
        return own(wanted)
    if (source / "zarr.json").is_file():
        return stored.store(source, wanted)
    records = sorted(source.glob("01_*.json"))
    if records:
        return _run(records[0], wanted)
    raise ValueError(
        f"{source} is neither a sweep's store (a folder with zarr.json) nor a run (a folder with 01_*.json): "
        "give the folder after --out of `python -m helpers sweep` or of `python -m helpers run`"
    )


def own(wanted: Sequence[str] | None = None) -> list[Subject]:
    """A photographed object with any anchor, the study's, and an embedded one; or the study's of those wanted.

    Raises:
        ValueError: An object that the study does not have.
    """
    if wanted:
        return stored.study(wanted)
    return [photographed(), *stored.study(), embedded()]


def photographed(name: str = PHOTOGRAPHED, *, stride: int = REAL_STRIDE) -> Subject:
    """A photographed object on white, by EfficientNet-Lite0 and its anti-aliased twin, block by block."""
    loaded = [networks.load(REAL, antialiased=smooth) for smooth in KINDS]
    thing = objects.load(name, size=SIDE)
    return _lazily(
        loaded, thing, stride, name=f"{name}, {SIDE} px, any anchor", group="Photographs, any anchor",
        layers=("pool", "fc", *_BLOCKS), average=True,
    )  # fmt: skip


def embedded(name: str = EMBEDDED_OBJECT, *, stride: int = EMBEDDED_STRIDE) -> Subject:
    """An embedded object on white, by the twelve embedded networks, their training in their titles."""
    loaded = [
        dataclasses.replace(network, title=f"{TITLES[each]}, {words}, {KINDS[smooth]}")
        for each in networks.EMBEDDED
        for positions, words in TRAINED.items()
        for smooth in KINDS
        for network in [networks.load(each, antialiased=smooth, weights=positions)]
    ]
    thing = objects.load(name, size=SMALL)
    return _lazily(loaded, thing, stride, name=f"{name}, {SMALL} px, any anchor", group="The workbook's own networks")


def _lazily(loaded: Sequence[Network], thing: objects.Cutout | Photo, stride: int, **about: object) -> Subject:
    """A subject whose networks run when their turn comes, ``layers`` and ``average`` as of ``features.extract``."""
    scene = Crop(thing, frame=loaded[0].frame) if isinstance(thing, Photo) else Paste(thing, frame=loaded[0].frame)
    options = {key: about.pop(key) for key in ("layers", "average") if key in about}
    rows, cols = shifting.positions(scene.grid, stride)
    return Subject(
        rows=rows.tolist(), cols=cols.tolist(), frame=scene.frame, scene=scene, size=moved(scene),
        networks=[functools.partial(_extract, network, scene, stride, **options) for network in loaded],
        **{"name": scene.name, **about},
    )  # fmt: skip


def _extract(
    network: Network, scene: Scene, stride: int, *, layers: Sequence[str] = _LAYERS, average: bool = False
) -> Features:
    there = [layer for layer in layers if layer in network.layers]
    return features.extract(network, scene, there or None, stride=stride, average=average, progress=False)


def _run(record: Path, wanted: list[str] | None) -> list[Subject]:
    """The network and objects that a run's notebook 01 looked at, extracted again at its stride."""
    try:
        parameters = read_json(record)["parameters"]
        name, size = parameters["network"], parameters["object_size"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{record} is no record of notebook 01: {error} is missing") from error
    names = wanted or parameters.get("object_names") or [parameters.get("object_name", EMBEDDED_OBJECT)]
    weights = parameters.get("weights", "default")
    pair = [networks.load(name, antialiased=smooth, weights=weights) for smooth in KINDS]
    return [_lazily(pair, objects.load(each, size=size), parameters.get("stride", 1)) for each in names]
