"""The sweeps by name, and how ``--set name=value`` narrows them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from helpers import networks, objects
from helpers.networks import Source
from helpers.suggestions import nearest
from helpers.tools import commandline
from helpers.tools.sweep import coco_download
from helpers.tools.sweep.plan import Plan, Settings
from helpers.tools.workbook.notebooks import Parameter, spelled

_COMMON = {
    "layers": ["fc6", "fc7", "fc8", "fc"],  # those of these that a network has; "all" for all it has
    "coco": "",  # folder in COCO's layout; empty: what is needed is downloaded once
    "split": "train2017",
    "categories": list(objects.PAPER_CATEGORIES),  # of COCO's; "all" for all in the file
    "per_category": 20,  # objects
    "at_most": False,  # continue with fewer where a category has fewer
    "paper_crop": True,  # the authors' crop, which their numbers come from; False: the whole object
    "background": "white",
    "device": "auto",
    "precision": "float32",
    "batch_size": 0,  # frames; 0: what suits the network and the kind of device
}
# What the workbook's own study has in common: the objects that EfficientNet-Lite0 recognises, since its answers are
# judged, too.
_STUDY = {
    **_COMMON,
    "objects": list(objects.RECOGNISED),
    "sizes": [75, 125],
    "layers": ["pool", "fc"],
}


def _twins(*names: str) -> list[str]:
    return [name + variant for name in names for variant in ("", "AA")]


PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "networks": _twins("demo_resnet"),
        "objects": ["airplane", "digit 3"],
        "sizes": [48],
        "stride": 16,
        **_COMMON,
    },
    "demo": {
        "networks": _twins(*networks.EMBEDDED),
        "objects": ["airplane", "umbrella", "scissors", "cup", "digit 3", "digit 8"],
        "sizes": [48],
        "stride": 4,
        **_COMMON,
    },
    # Paper, sections 3 and 4; VGG16 is on the authors' site, not in the paper's COCO tables.
    "paper": {
        "networks": _twins("alexnet", "resnet50", "mobilenet_v2", "vgg16"),
        "objects": ["coco"],
        "sizes": [75, 125],
        "stride": 1,
        **_COMMON,
    },
    # `make study` runs these three. The two larger networks take up to twice the time for a frame, and have more
    # frames: they are looked at every fifth pixel, an odd step, which meets every phase of their strides, up to the
    # edge. Every pixel is looked at of one object, in the size that has fewer positions.
    "study": {**_STUDY, "networks": _twins("efficientnet_lite0"), "stride": 2},
    "study_larger": {**_STUDY, "networks": ["efficientnet_lite1", "efficientnet_lite2"], "stride": 5},
    "study_fine": {
        **_STUDY,
        "networks": _twins("efficientnet_lite0"),
        "objects": ["motorcycle"],
        "sizes": [125],
        "stride": 1,
    },
}


def parameters(preset: str, changes: Iterable[str] = ()) -> dict[str, Any]:
    """A preset's parameters with changes, written ``name=value`` (lists: ``name=a,b``).

    Raises:
        ValueError: An unknown preset or name (naming the nearest), or a value of another type.
    """
    values = dict(PRESETS[_known(preset, PRESETS, "preset")])
    for name, text in commandline.settings(changes).items():
        default = values[_known(name, values, "parameter")]
        kind = f"list[{type(default[0]).__name__}]" if isinstance(default, list) else type(default).__name__
        values[name] = spelled(Parameter(name, kind), text, where=f"--set {name}={text}")
    return values


def plan(values: dict[str, Any]) -> Plan:
    """The plan of :func:`parameters`, its objects loaded (COCO's downloaded first if no folder is given).

    Raises:
        ValueError: As of ``objects.load_coco``, ``objects.load`` and :class:`Plan`.
    """
    settings = Settings(
        layers=None if values["layers"] == ["all"] else tuple(values["layers"]),
        batch_size=values["batch_size"] or None,
        **{name: values[name] for name in ("stride", "background", "device", "precision")},
    )
    sources = [Source.parse(text) for text in values["networks"]]
    return Plan(sources, {size: _cutouts(values, size) for size in values["sizes"]}, settings=settings)


def _cutouts(values: dict[str, Any], size: int) -> list[objects.Cutout]:
    if values["objects"] != ["coco"]:
        return [objects.load(name, size) for name in values["objects"]]
    split, count = values["split"], values["per_category"]
    which: dict = {"categories": None if values["categories"] == ["all"] else values["categories"]}
    folder = values["coco"] or coco_download.fetch(split=split, per_category=count, **which)
    crop, at_most = values["paper_crop"], values["at_most"]
    return objects.load_coco(folder, split, size, per_category=count, paper_crop=crop, at_most=at_most, **which)


def _known(name: str, known: dict[str, Any], what: str) -> str:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}{nearest(name, known)}")
    return name
