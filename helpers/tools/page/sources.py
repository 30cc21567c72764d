"""Where the page's subjects come from: the embedded networks, a run, a sweep's store, the published maps."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from helpers import assets, features, networks, objects
from helpers.features import Features
from helpers.measures.published.data import LABELS, find_maps
from helpers.networks import KINDS, PUBLISHED, Network, Source
from helpers.objects import Photo
from helpers.shifting import Crop, Paste, Scene
from helpers.suggestions import nearest
from helpers.tools.commandline import read_json
from helpers.tools.page.subjects import Maps, Subject, from_features

if TYPE_CHECKING:
    from xarray import Dataset

OBJECTS = ("airplane", "cup", "digit 3")
SIZE = 48  # px, of an object in the embedded networks' frames
AT_MOST = 4  # objects of a store, where none are named: more make a large page
_LAYERS = ("fc6", "fc7", "fc8", "fc", "pool")  # the paper's first


def find(source: Path | None, *, wanted: list[str] | None = None) -> list[Subject]:
    """The subjects of a sweep's store, a run's folder, or (None) of the embedded networks.

    Raises:
        ValueError: A path that is neither, a damaged record, or an object that is not there.
        SweepError: A damaged store.
    """
    if source is None:
        return demo(wanted or OBJECTS)
    if (source / "zarr.json").is_file():
        return _store(source, wanted)
    records = sorted(source.glob("01_*.json"))
    if records:
        return _run(records[0], wanted)
    raise ValueError(
        f"{source} is neither a sweep's store (a folder with zarr.json) nor a run (a folder with 01_*.json): "
        "give the folder after --out of `python -m helpers sweep` or of `python -m helpers run`"
    )


def demo(names: Sequence[str] = OBJECTS, *, stride: int = 1) -> list[Subject]:
    """The embedded networks, off-the-shelf and anti-aliased, over embedded objects on white."""
    loaded = [networks.load(name, antialiased=smooth) for name in networks.EMBEDDED for smooth in KINDS]
    return _extracted(loaded, [objects.load(name, size=SIZE) for name in names], stride)


def _extracted(loaded: list[Network], things: list[objects.Cutout | Photo], stride: int) -> list[Subject]:
    scenes = [_scene(thing, loaded[0].frame) for thing in things]
    return from_features([_extract(network, scene, stride) for scene in scenes for network in loaded])


def _extract(network: Network, scene: Scene, stride: int) -> Features:
    layers = [layer for layer in _LAYERS if layer in network.layers]
    return features.extract(network, scene, layers=layers or None, stride=stride)


def _scene(thing: objects.Cutout | Photo, frame: int) -> Scene:
    return Crop(thing, frame=frame) if isinstance(thing, Photo) else Paste(thing, frame=frame)


def _run(record: Path, wanted: list[str] | None) -> list[Subject]:
    """The network and objects that a run's notebook 01 looked at, extracted again at its stride."""
    try:
        parameters = read_json(record)["parameters"]
        name, size = parameters["network"], parameters["object_size"]
    except (KeyError, TypeError) as error:
        raise ValueError(f"{record} is no record of notebook 01: {error} is missing") from error
    names = wanted or parameters.get("object_names") or [parameters.get("object_name", OBJECTS[0])]
    weights = parameters.get("weights", "default")
    pair = [networks.load(name, antialiased=smooth, weights=weights) for smooth in KINDS]
    return _extracted(pair, [objects.load(each, size=size) for each in names], parameters.get("stride", 1))


def _store(path: Path, wanted: list[str] | None) -> list[Subject]:
    """The first objects of a sweep's store, or those wanted: maps against the five anchors."""
    from helpers.tools.sweep.reading import groups, load, open_store, reading

    tree = open_store(path)
    together: dict[str, list] = {}  # the groups that look at one object in one frame at the same positions
    for node in groups(tree):
        about = node.attrs["made_from"]
        key = json.dumps([node.name, *(about[name] for name in ("frame", "size", "rows", "cols"))])
        together.setdefault(key, []).append(node)
    frames = {str(node.attrs["made_from"]["frame"]) for node in groups(tree)}
    subjects = []
    for nodes in together.values():
        about = nodes[0].attrs["made_from"]
        shown = _px(about["size"]) + (f" in {_px(about['frame'])}" if len(frames) > 1 else "")
        with reading(path):
            done = np.all([node.done.values for node in nodes], axis=0)
        finished = nodes[0].object.values[done].tolist()
        for name in wanted or finished[:AT_MOST]:
            if name not in finished:
                raise ValueError(f"there is no object {name!r} in the store{nearest(name, finished)}")
            stored = [load(node.to_dataset().sel(object=[name]), path / node.path.lstrip("/")) for node in nodes]
            subjects.append(_stored(name, shown, stored, tree.attrs["made_from"]["background"]))
    if not subjects:
        raise ValueError(f"{path} has no object that every network is finished with: continue the sweep first")
    return subjects


def _px(sides: Sequence[int]) -> str:
    return " x ".join(str(side) for side in dict.fromkeys(sides)) + " px"


def _stored(name: str, shown: str, stored: list[Dataset], background: str) -> Subject:
    """One object of a store, as the sweep saw it."""
    stored = [data.isel(object=0) for data in stored]
    first, about = stored[0], stored[0].attrs["made_from"]
    cutout = objects.Cutout(torch.from_numpy(first.pixels.values), name, str(first.category.values) or None)
    scene = Paste(cutout, tuple(about["frame"]), background=background)
    found = []
    for data in stored:
        about = data.attrs["made_from"]
        layers = {
            str(layer): {
                str(anchor): data.similarity.sel(layer=layer, anchor=anchor).values for anchor in data.anchor.values
            }
            for layer in data.layer.values
        }
        found.append(
            Maps(
                about["title"], about["weights"], layers, probability=data.probability.values,
                label=str(data.category.values), top1=data.top1.values,
                labels=networks.class_names(Source.parse(about["network"]).name),
                note="from a store: the five classic anchors only",
            )
        )  # fmt: skip
    return Subject(
        name=f"{name}, {shown}", rows=about["rows"], cols=about["cols"], frame=scene.frame, networks=found,
        scene=scene,
    )  # fmt: skip


def published() -> list[Subject]:
    """The authors' maps as subjects of their own, if they are on this machine; with the picture, if that is too."""
    found = find_maps()
    subjects = []
    for name, label in LABELS.items():
        by_network: dict[str, dict[str, dict[str, np.ndarray]]] = {}
        for key, values in found.items():
            network, layer, thing, anchor = key.split("/")
            if thing == name:
                by_network.setdefault(network, {}).setdefault(layer, {})[anchor] = values
        shown = []
        for source in (Source(network, smooth) for network in PUBLISHED for smooth in KINDS):
            layers = by_network.get(source.published, {})
            probability = layers.pop("class", {}).get("br")
            if layers:
                shown.append(
                    Maps(
                        source.title, "maps published by the authors (Lee, Yang, Wang 2020)", layers,
                        probability=probability, label=label, note="published: the five classic anchors only",
                    )
                )  # fmt: skip
        if shown:
            rows, cols = next(iter(next(iter(shown[0].layers.values())).values())).shape
            try:
                scene = _scene(objects.load(name), 224)
            except assets.AssetError:
                scene = None  # the maps are here and the picture isn't
            subjects.append(
                Subject(
                    name=f"{name} (published maps)", rows=range(rows), cols=range(cols), frame=(224, 224),
                    networks=shown, scene=scene, size=(225 - rows, 225 - cols),
                )
            )  # fmt: skip
    return subjects
