"""The study in one small file, and out of it again: whole numbers of a known step, their differences, LZMA.

Cosines and probabilities are kept to a step of 2^-12, so within 1.2e-4. (Half precision, which 1 - cosine would have
at the same size, is finer near the anchor and coarser where a map is dark; what notebooks read off a map, they read
off all of it.) Neighbours in a map resemble each other: the differences along rows and columns are small, and take a
third less room than the numbers. The file is a zip of NumPy's arrays, one each for maps, probabilities, answers,
scalars and drops of a network and object size, with ``about.json``: ``numpy.load`` opens it.
"""

from __future__ import annotations

import dataclasses
import io
import json
import lzma
import zipfile
import zlib
from collections.abc import Mapping
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
import xarray

from helpers import assets
from helpers.similarity import ANCHORS

FILE = "study.npz"
STEP = 2.0**-12  # of cosines and probabilities
_FORMAT = 1
_UNKNOWN = -1  # where a network has no class for an object, there is no probability
_WHEN = (1980, 1, 1, 0, 0, 0)  # of every member, so that the same content is the same file


@dataclasses.dataclass(frozen=True, eq=False)
class Study:
    """What the study holds.

    Attributes:
        groups: by ``network/size/stride`` in px, e.g. ``efficientnet_lite0AA/75px/2``, labelled arrays:
            ``similarity`` float32 (object, anchor, row, col), cosines of the layer in its attributes, and
            ``probability`` float32 (object, row, col) of the object's own class, both within ``STEP / 2``;
            ``top1`` int32 (object, row, col), the index of the answer; and of the maps as they were before rounding
            ``scalars`` float32 (layer, object, anchor, measure) and ``drop`` float32 (layer, object, ring). Its
            coordinates are in px; category is the object's class. Its attributes say what it was made from.
        relative: mean cosines of the real MobileNetV2 over COCO objects: object, category, size (px), anchor,
            mean_cosine.
        about: provenance of the whole: versions, commit, command, date, checksums.
    """

    groups: dict[str, xarray.Dataset]
    relative: pd.DataFrame
    about: dict


def load(path: str | Path | None = None) -> Study:
    """The study that comes with the workbook, or another file of one.

    Raises:
        assets.AssetError: the file is missing or damaged.
    """
    path = Path(path) if path is not None else Path(str(resources.files(__package__).joinpath(FILE)))
    try:
        with zipfile.ZipFile(path) as archive:
            content = {name: archive.read(name) for name in archive.namelist()}  # which checks each one's CRC
        about = json.loads(content.pop("about.json"))
        if about.get("format") != _FORMAT:
            raise ValueError(f"its format is {about.get('format')}, this reads {_FORMAT}")
        arrays = {name: np.load(io.BytesIO(data), allow_pickle=False) for name, data in content.items()}
        groups = {key: _group(key, attributes, arrays) for key, attributes in about.pop("groups").items()}
        rows = about["relative"].pop("rows")
    except (OSError, LookupError, TypeError, ValueError, EOFError, RuntimeError, NotImplementedError,
            zipfile.BadZipFile, zlib.error, lzma.LZMAError) as error:  # fmt: skip
        raise assets.AssetError(
            f"the study's file {path} is missing, damaged or of another version ({type(error).__name__}: {error}): "
            f"get it again (git checkout -- {FILE}, or reinstall), or make it: make study"
        ) from error
    return Study(groups, pd.DataFrame(rows), about)


def save(path: Path, study: Study) -> int:
    """Write a study: the same content gives the same bytes. Returns the file's size in bytes.

    Raises:
        ValueError: a group whose name is not its network, size and stride, or as :func:`packed`.
    """
    about = {"format": _FORMAT, **study.about, "groups": {}}
    about["relative"] = {**about.get("relative", {}), "rows": study.relative.to_dict("list")}
    members = {}
    for key, data in study.groups.items():
        about["groups"][key] = {**data.attrs, **_coordinates(data)}
        for name, values in _arrays(key, data).items():
            buffer = io.BytesIO()
            np.save(buffer, values, allow_pickle=False)
            members[f"{key}/{name}.npy"] = buffer.getvalue()
    members["about.json"] = json.dumps(about, ensure_ascii=False, indent=1).encode()
    partial = path.with_name(path.name + ".partial")
    with zipfile.ZipFile(partial, "w", compression=zipfile.ZIP_LZMA) as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name, _WHEN), content, zipfile.ZIP_LZMA)
    partial.replace(path)
    return path.stat().st_size


def packed(values: np.ndarray) -> np.ndarray:
    """Numbers in [-1, 1], (..., R, C), as bytes that compress well: uint8 (2, ..., R, C), low bytes and high bytes.

    NaN stands for what there is none of, in whole maps.

    Raises:
        ValueError: numbers outside [-1, 1], or a map with only some numbers.
    """
    known = np.isfinite(values)
    if not (known.all((-2, -1)) | ~known.any((-2, -1))).all() or np.abs(values[known]).max(initial=0) > 1 + 1e-5:
        raise ValueError("a map holds numbers outside [-1, 1], or is not finite in places")
    steps = np.where(known, np.rint((1 - np.where(known, values, 0)) / STEP), _UNKNOWN).astype(np.int64)
    found = np.diff(np.diff(steps, axis=-2, prepend=0), axis=-1, prepend=0)
    folded = np.where(found < 0, -2 * found - 1, 2 * found)  # small of either sign: the high byte is mostly 0
    planes = np.stack([folded & 255, folded >> 8 & 255]).astype(np.uint8)
    if folded.max(initial=0) > 0xFFFF:  # neighbours 4 apart in cosine, which only planted numbers can be
        raise ValueError("neighbouring numbers of a map are further apart than two bytes hold")
    return planes


def unpacked(planes: np.ndarray) -> np.ndarray:
    """The numbers of :func:`packed`, float32 (..., R, C), each to the nearest step."""
    folded = planes[0].astype(np.int64) + 256 * planes[1].astype(np.int64)
    found = np.where(folded % 2, -(folded + 1) // 2, folded // 2)
    steps = found.cumsum(-1).cumsum(-2)
    return np.where(steps == _UNKNOWN, np.nan, 1 - steps * STEP).astype(np.float32)


def _coordinates(data: xarray.Dataset) -> dict:
    names = ("object", "category", "row", "col", "layer", "measure", "ring")
    return {"coordinates": {name: data[name].values.tolist() for name in names}}


def _arrays(key: str, data: xarray.Dataset) -> dict[str, np.ndarray]:
    step = int(data.row[1] - data.row[0])
    if key != f"{data.attrs['network']}/{data.attrs['size']}px/{step}":
        raise ValueError(f"{key} holds {data.attrs['network']}, {data.attrs['size']} px, every {step} px")
    order = ("object", "anchor", "row", "col")
    return {
        "similarity": packed(data.similarity.transpose(*order).values),
        "probability": packed(data.probability.values),
        "top1": data.top1.values.astype(np.int16),
        "scalars": data.scalars.values.astype(np.float32),
        "drop": data["drop"].values.astype(np.float32),
    }


def _group(key: str, attributes: dict, arrays: Mapping[str, np.ndarray]) -> xarray.Dataset:
    found = {name: arrays[f"{key}/{name}.npy"] for name in ("similarity", "probability", "top1", "scalars", "drop")}
    coordinates = attributes.pop("coordinates")
    category = coordinates.pop("category")
    place = ("object", "row", "col")
    data = xarray.Dataset(
        {
            "similarity": (("object", "anchor", "row", "col"), unpacked(found["similarity"])),
            "probability": (place, unpacked(found["probability"])),
            "top1": (place, found["top1"].astype(np.int32)),
            "scalars": (("layer", "object", "anchor", "measure"), found["scalars"]),
            "drop": (("layer", "object", "ring"), found["drop"]),
        },
        coords={**coordinates, "anchor": list(ANCHORS), "category": ("object", category)},
        attrs=attributes,
    )
    data.similarity.attrs["layer"] = attributes["layer"]
    return data
