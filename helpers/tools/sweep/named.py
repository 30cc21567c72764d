"""The sweeps by name, and how ``--set name=value`` narrows them."""

from __future__ import annotations

from typing import Any

from helpers import objects
from helpers.objects import coco_download
from helpers.suggestions import nearest
from helpers.tools.sweep.plan import Plan, Settings, Source

_EMBEDDED = [
    "demo_alexnet",
    "demo_alexnetAA",
    "demo_resnet",
    "demo_resnetAA",
    "demo_mobilenet_v2",
    "demo_mobilenet_v2AA",
]
_COMMON = {
    "layers": ["fc6", "fc7", "fc8", "fc"],  # those of these that a network has; "all" for all it has
    "coco": "",  # folder in COCO's layout; empty: what is needed is downloaded once
    "split": "train2017",
    "per_category": 20,  # objects
    "at_most": False,  # go on where a category has fewer
    "paper_crop": True,  # the authors' crop, which their numbers come from; False: the whole object
    "background": "white",
    "device": "auto",
    "precision": "float32",
    "batch_size": 0,  # frames; 0: what suits the network and the kind of device
}
PRESETS: dict[str, dict[str, Any]] = {
    "smoke": {
        "networks": ["demo_resnet", "demo_resnetAA"],
        "objects": ["airplane", "digit 3"],
        "sizes": [48],
        "stride": 16,
        **_COMMON,
    },
    "demo": {
        "networks": _EMBEDDED,
        "objects": ["airplane", "umbrella", "scissors", "cup", "digit 3", "digit 8"],
        "sizes": [48],
        "stride": 4,
        **_COMMON,
    },
    # Paper, sections 3 and 4; VGG16 is on the authors' site, not in the paper's COCO tables.
    "paper": {
        "networks": [
            "alexnet",
            "alexnetAA",
            "resnet50",
            "resnet50AA",
            "mobilenet_v2",
            "mobilenet_v2AA",
            "vgg16",
            "vgg16AA",
        ],
        "objects": ["coco"],
        "sizes": [75, 125],
        "stride": 1,
        **_COMMON,
    },
}


def parameters(preset: str, changes: list[str]) -> dict[str, Any]:
    """A preset's parameters with ``name=value`` changes; lists are comma-separated.

    Raises ValueError for an unknown preset or name (naming the nearest) and a value of another type.
    """
    values = dict(PRESETS[_known(preset, PRESETS, "preset")])
    for change in changes:
        name, equals, text = change.partition("=")
        if not equals:
            raise ValueError(f"--set {change}: write --set name=value")
        name = _known(name.strip(), values, "parameter")
        values[name] = _value(name, text.strip(), values[name])
    return values


def plan(values: dict[str, Any]) -> Plan:
    """The plan of :func:`parameters`, its objects loaded (COCO's downloaded first where no folder is given).

    Raises as ``objects.load_coco``, ``objects.load`` and :class:`Plan` do.
    """
    layers = None if values["layers"] == ["all"] else tuple(values["layers"])
    settings = Settings(
        layers=layers,
        stride=values["stride"],
        background=values["background"],
        device=values["device"],
        precision=values["precision"],
        batch_size=values["batch_size"] or None,
    )
    sources = [Source.parse(text) for text in values["networks"]]
    return Plan(sources, {size: _cutouts(values, size) for size in values["sizes"]}, settings)


def _cutouts(values: dict[str, Any], size: int) -> list[objects.Cutout]:
    if values["objects"] != ["coco"]:
        return [objects.load(name, size) for name in values["objects"]]
    split, count = values["split"], values["per_category"]
    folder = values["coco"] or coco_download.fetch(split=split, per_category=count)
    return objects.load_coco(folder, split, size, count, paper_crop=values["paper_crop"], at_most=values["at_most"])


def _known(name: str, known: dict[str, Any], what: str) -> str:
    if name not in known:
        raise ValueError(f"unknown {what} {name!r}{nearest(name, known)}")
    return name


def _value(name: str, text: str, default: Any) -> Any:
    if isinstance(default, list):
        kind = type(default[0])
        return [_value(name, part.strip(), kind()) for part in text.split(",") if part.strip()]
    if isinstance(default, bool):
        if text.lower() not in ("true", "false"):
            raise ValueError(f"{name} is true or false, not {text!r}")
        return text.lower() == "true"
    if isinstance(default, int):
        try:
            return int(text)
        except ValueError as error:
            raise ValueError(f"{name} is a whole number, not {text!r}") from error
    return text
