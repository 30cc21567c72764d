"""Subjects of which only maps against some of the classic anchors are known: a store's, the study's, the authors'."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from helpers import assets, networks, objects
from helpers.measures.published.data import LABELS, find_maps
from helpers.measures.study import load as load_study
from helpers.networks import KINDS, PUBLISHED, Source
from helpers.objects import Photo
from helpers.shifting import Crop, Paste
from helpers.suggestions import nearest
from helpers.tools.page.subjects import Maps, Subject, moved

if TYPE_CHECKING:
    from xarray import Dataset

AT_MOST = 4  # objects of a store, where none are named: more make a large page


def store(path: Path, wanted: list[str] | None) -> list[Subject]:
    """The first objects of a sweep's store, or those wanted: maps against the five anchors.

    Raises:
        ValueError: An object that is not there, or no finished one.
        SweepError: A damaged store.
    """
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
            data = [load(node.to_dataset().sel(object=[name]), path / node.path.lstrip("/")) for node in nodes]
            pixels = torch.from_numpy(data[0].pixels.values[0])
            subjects.append(_subject(
                name, data, pixels, name=f"{name}, {shown}", frame=about["frame"],
                background=tree.attrs["made_from"]["background"], note="from a store: the five classic anchors only",
            ))  # fmt: skip
    if not subjects:
        raise ValueError(f"{path} has no object that every network is finished with: continue the sweep first")
    return subjects


def study(wanted: Sequence[str] | None = None) -> list[Subject]:
    """Each object of the workbook's own study, or those wanted, at its best: maps against the five anchors.

    Raises:
        ValueError: An object that it does not have.
    """
    groups = load_study().groups.values()
    known = list(dict.fromkeys(name for data in groups for name in data.object.values.tolist()))
    for name in wanted or ():
        if name not in known:
            raise ValueError(f"there is no object {name!r} in the study{nearest(name, known)}")
    frames = {name: Source.parse(name).load().frame for name in dict.fromkeys(data.attrs["network"] for data in groups)}
    together: dict[tuple[int, int, int], list[Dataset]] = {}  # the groups at the same positions of the same frame
    for data in groups:
        about = data.attrs
        together.setdefault((frames[about["network"]], about["size"], about["stride"]), []).append(data)
    subjects = []
    for (frame, size, stride), alike in sorted(together.items(), key=lambda item: (item[0][0], -item[0][1])):
        for name in alike[0].object.values.tolist():
            if wanted and name not in wanted:
                continue
            where = f"{size} px, every {stride} px" + (f" of {frame}" if frame > 224 else "")
            subjects.append(_subject(
                name, [data.sel(object=[name]) for data in alike], objects.load(name, size).rgba, frame=(frame, frame),
                name=f"{name}, {where}",background=alike[0].attrs["background"],
                group=f"The study's photographs, {size} px" + (f", in a frame of {frame}" if frame > 224 else ""),
                note="of the workbook's study: the five classic anchors only",
            ))  # fmt: skip
    return subjects


def _px(sides: Sequence[int]) -> str:
    return " x ".join(str(side) for side in dict.fromkeys(sides)) + " px"


def _subject(
    thing: str, data: list[Dataset], pixels: torch.Tensor, *, name: str, frame: Sequence[int], background: str,
    note: str, group: str = "",
) -> Subject:  # fmt: skip
    """One object of a store or of the study: ``data`` are datasets of that object alone, one per network."""
    data = [each.isel(object=0) for each in data]
    cutout = objects.Cutout(pixels, thing, str(data[0].category.values) or None)
    scene = Paste(cutout, tuple(frame), background=background)
    found = []
    for each in data:
        about = each.attrs["made_from"]
        several = "layer" in each.similarity.dims
        similarity = each.similarity if several else each.similarity.expand_dims(layer=[each.attrs["layer"]])
        maps = {
            layer: {
                anchor: similarity.sel(layer=layer, anchor=anchor).values for anchor in each.anchor.values.tolist()
            }
            for layer in similarity.layer.values.tolist()
        }
        found.append(
            Maps(
                about["title"], about["weights"], maps, probability=each.probability.values,
                label=str(each.category.values), top1=each.top1.values,
                labels=networks.class_names(Source.parse(about["network"]).name), note=note,
            )
        )  # fmt: skip
    about = data[0].attrs["made_from"]
    return Subject(
        name=name, rows=about["rows"], cols=about["cols"], frame=scene.frame, networks=found, scene=scene,
        size=moved(scene), group=group,
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
                thing = objects.load(name)
                scene = Crop(thing, 224) if isinstance(thing, Photo) else Paste(thing, 224)
            except assets.AssetError:
                scene = None  # the maps are here and the picture isn't
            subjects.append(
                Subject(
                    name=f"{name}, the paper's own maps", group="The paper's own maps", rows=range(rows),
                    cols=range(cols), frame=(224, 224), networks=shown, scene=scene,
                    size=moved(scene) if scene else (225 - rows, 225 - cols),
                )
            )  # fmt: skip
    return subjects
