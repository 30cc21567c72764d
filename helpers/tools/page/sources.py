"""Where the page's subjects come from: the embedded networks, a run, a sweep's store, the published maps."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import torchvision

from helpers import assets, features, networks, objects
from helpers.features import Features
from helpers.measures.published.data import LABELS, find_maps
from helpers.networks import Network
from helpers.objects import Photo
from helpers.shifting import Crop, Paste, Scene
from helpers.suggestions import nearest
from helpers.tools.page.subjects import Maps, Subject, from_features

OBJECTS = ("airplane", "cup", "digit 3")
SIZE = 48  # px, of an object in the embedded networks' frames
AT_MOST = 4  # objects of a store, where none are named: more make a large page
_LAYERS = ("fc6", "fc7", "fc8", "fc", "pool")  # the paper's first
_TITLES = {"alexnet": "AlexNet", "vgg16": "VGG16", "resnet50": "ResNet-50", "mobilev2": "MobileNetV2"}


def find(source: Path | None, wanted: list[str] | None = None) -> list[Subject]:
    """The subjects of a sweep's store, a run's folder, or (None) of the embedded networks.

    Raises ValueError for a path that is neither and for an object that isn't there.
    """
    if source is None:
        return demo(wanted or OBJECTS)
    if (source / "zarr.json").is_file():
        return store(source, wanted)
    if any(source.glob("01_*.json")):
        return run(source, wanted)
    raise ValueError(
        f"{source} is neither a sweep's store (a folder with zarr.json) nor a run (a folder with 01_*.json): "
        "give the folder after --out of `python -m helpers sweep` or of `python -m helpers run`"
    )


def demo(names: list[str] | tuple[str, ...] = OBJECTS, stride: int = 1) -> list[Subject]:
    """The embedded networks, off-the-shelf and anti-aliased, over embedded objects on white."""
    loaded = [
        networks.load(name, antialiased=antialiased) for name in networks.EMBEDDED for antialiased in (False, True)
    ]
    scenes = [Paste(objects.load(name, SIZE), frame=loaded[0].frame) for name in names]
    return from_features([_extract(network, scene, stride) for scene in scenes for network in loaded])


def _extract(network: Network, scene: Scene, stride: int) -> Features:
    layers = [layer for layer in _LAYERS if layer in network.layers]
    return features.extract(network, scene, layers or None, stride=stride)


def run(folder: Path, wanted: list[str] | None = None) -> list[Subject]:
    """The network and objects that a run's notebook 01 looked at, extracted again at stride 1 or its own.

    Raises ValueError where the record says too little.
    """
    record = sorted(folder.glob("01_*.json"))[0]
    try:
        parameters = json.loads(record.read_text("utf-8"))["parameters"]
        name, size = parameters["network"], parameters["object_size"]
    except (KeyError, ValueError) as error:
        raise ValueError(f"{record} is no record of notebook 01: {error} is missing") from error
    stride = parameters.get("stride", 1)
    names = wanted or parameters.get("object_names") or [parameters.get("object_name", OBJECTS[0])]
    pair = [networks.load(name, aa, parameters.get("weights", "default")) for aa in (False, True)]
    scenes = [_scene(objects.load(each, size), pair[0].frame) for each in names]
    return from_features([_extract(network, scene, stride) for scene in scenes for network in pair])


def _scene(thing: objects.Cutout | Photo, frame: int) -> Scene:
    return Crop(thing, frame) if isinstance(thing, Photo) else Paste(thing, frame)


def store(path: Path, wanted: list[str] | None = None) -> list[Subject]:
    """The first objects of a sweep's store, or those wanted: maps against the five anchors.

    The object's picture is shown where ``objects.load`` finds it by its name. Raises ValueError for an object
    that the store doesn't have, naming the nearest, and for a store with nothing finished.
    """
    from helpers.tools.sweep import open_store

    tree = open_store(path)
    if "made_from" not in tree.attrs:
        raise ValueError(f"{path} is a zarr store, but not one of a sweep")
    groups: dict[int, list] = {}
    for node in tree.leaves:
        groups.setdefault(int(node.name.removesuffix("px")), []).append(node)
    settings = tree.attrs["made_from"]
    subjects = []
    for size, nodes in groups.items():
        finished = [
            name
            for index, name in enumerate(nodes[0].object.values.tolist())
            if all(bool(node.done.values[index]) for node in nodes)
        ]
        names = [_known(name, finished) for name in wanted] if wanted else finished[:AT_MOST]
        subjects += [_stored(name, size, nodes, settings) for name in names]
    if not subjects:
        raise ValueError(f"{path} has no object that every network is finished with: let the sweep go on first")
    return subjects


def _stored(name: str, size: int, nodes: list, settings: dict) -> Subject:
    first = nodes[0].to_dataset()
    rows, cols = first.row.values.tolist(), first.col.values.tolist()
    frame = settings["frame"] or rows[-1] + size
    try:
        scene = Paste(objects.load(name, size), frame, settings["background"])
    except (ValueError, OSError, assets.AssetError):
        scene = None  # a name that only the sweep's source knows, such as a COCO object's
    found = []
    for node in nodes:
        data = node.to_dataset().sel(object=name)
        about = node.attrs["made_from"]
        layers = {
            str(layer): {
                str(anchor): data.similarity.sel(layer=layer, anchor=anchor).values for anchor in data.anchor.values
            }
            for layer in data.layer.values
        }
        found.append(
            Maps(about["title"], about["weights"], layers, data.probability.values, str(data.category.values),
                 data.top1.values, _labels(about["network"]), "from a store: the five classic anchors only")
        )  # fmt: skip
    return Subject(f"{name}, {size} px", rows, cols, (frame, frame), found, scene, (size, size))


def _labels(key: str) -> list[str] | None:
    """The classes' names of a store's network, without its weights."""
    name = key.partition("@")[0].removesuffix("AA")
    if name in networks.EMBEDDED:
        return list(objects.CLASSES)
    try:
        return torchvision.models.get_model_weights(name).DEFAULT.meta["categories"]
    except ValueError:
        return None


def published() -> list[Subject]:
    """The authors' maps as subjects of their own, as far as they are at hand; with the picture, where it is."""
    found = find_maps()
    subjects = []
    for name, label in LABELS.items():
        own = {key: values for key, values in found.items() if key.split("/")[2] == name}
        shown = [
            _published_network(own, network, antialiased, label) for network in _TITLES for antialiased in (False, True)
        ]
        shown = [maps for maps in shown if maps.layers]
        if shown:
            rows, cols = next(iter(own.values())).shape
            subjects.append(
                Subject(f"{name} (published maps)", range(rows), range(cols), (224, 224), shown,
                        _published_scene(name), (225 - rows, 225 - cols))
            )  # fmt: skip
    return subjects


def _published_scene(name: str) -> Scene | None:
    try:
        return _scene(objects.load(name), 224)
    except assets.AssetError:
        return None  # the maps are here and the picture isn't


def _published_network(maps: dict[str, np.ndarray], network: str, antialiased: bool, label: str) -> Maps:
    key = network + ("AA" if antialiased else "")
    layers: dict[str, dict[str, np.ndarray]] = {}
    probability = None
    for entry, values in maps.items():
        which, layer, _, anchor = entry.split("/")
        if which == key and layer == "class":
            probability = values
        elif which == key:
            layers.setdefault(layer, {})[anchor] = values
    title = f"{_TITLES[network]}, {'anti-aliased' if antialiased else 'off-the-shelf'}"
    return Maps(title, "maps published by the authors (Lee, Yang, Wang 2020)", layers, probability, label,
                note="published: the five classic anchors only")  # fmt: skip


def _known(name: str, names: list[str]) -> str:
    if name in names:
        return name
    raise ValueError(f"there is no object {name!r} in the store{nearest(name, names)}")
