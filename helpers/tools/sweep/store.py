"""The store of a sweep: an xarray tree on zarr, written task by task, that knows what it was made from.

A group per network and object size (``alexnetAA/75px``) holds, each with one object per chunk, so that two
tasks never share a file:

- ``similarity`` float32 (layer, object, anchor, row, col); ``probability`` float32 and ``top1`` int32
  (object, row, col); ``scalars`` float64 (layer, object, anchor, measure); ``drop`` float64 (layer, object,
  ring); ``pixels`` uint8 (object, 4, y, x), the object itself; ``done`` uint8 (object), 1 where all of that is
  there, 2 where its network was compiled (features of a first batch within 1e-5 of each layer's largest).
- coordinates: layer, object (its name), category, anchor, measure, unit, row and col and ring in pixels.

zarr puts each file in place by a rename and ``done`` is written last, after the others are on the disk, so a process
killed at any moment, or a power cut, leaves either a whole task or one to be computed again. Every chunk carries a
checksum (CRC-32C), which zarr compares when it reads it; what a group is made from and its coordinates have one too.
"""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np
import zarr
from zarr.codecs import Crc32cCodec, ZstdCodec
from zarr.errors import UnstableSpecificationWarning

from helpers import assets
from helpers.similarity import ANCHORS, anchors
from helpers.tools.sweep.reading import VARIABLES, SweepError, chunks, description, digest, made_from, reading
from helpers.tools.sweep.task import MEASURES

FORMAT = 2
_CODECS = (ZstdCodec(), Crc32cCodec())


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a store for one run. The system releases it with the process, however that ends.

    Raises:
        SweepError: Another run holds it.
    """
    path = path.resolve()  # by whatever links it is reached, it is one store
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with assets.locked(path, timeout=0):
            yield
    except filelock.Timeout as error:
        raise SweepError(f"another run is writing to {path}: wait for it, or give another --out") from error


@contextlib.contextmanager
def _room(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise SweepError(
            f"no space left for {path}: what is finished is kept and readable; make room and give the same "
            "command again"
        ) from error


def prepare(path: Path, *, identity: dict, made_with: dict) -> None:
    """Create the store, or see that it was made from the same parameters and objects.

    Raises:
        SweepError: It is no store, or was made from something else; names what differs.
    """
    root, new = {"format": FORMAT, **_plain(identity)}, _beside(path, ".new")
    shutil.rmtree(new, ignore_errors=True)
    if not path.exists():
        with _room(path):
            _described(new, root, made_with=_plain(made_with))
            new.replace(path)
        return
    if not (path / "zarr.json").is_file():
        raise SweepError(f"{path} exists and is no store of a sweep: give another --out")
    try:
        there = made_from(path)
    except SweepError:
        with _room(path):
            _described(new, root, made_with=_plain(made_with))
            if not _repaired(path, new):
                raise
        there = root
    _same(there, root, path)
    for leftover in path.rglob("*.partial"):  # of a write that was killed
        leftover.unlink()


def prepare_group(path: Path, name: str, *, about: dict, objects: list[tuple[str, str | None]]) -> np.ndarray:
    """Create a group, or see that it was made with the same network; read everything that it calls finished.

    ``about`` is what it is made of (the network, its layers, the positions, the frame), ``objects`` name and category
    of each.

    Returns:
        Which objects are finished and undamaged, bool (objects,).

    Raises:
        SweepError: It was made from something else; names what differs. Or its description is damaged, and was not
            made from this.
    """
    place, new = path / name, _beside(path, ".new")
    about = _plain(about)
    shutil.rmtree(new, ignore_errors=True)
    with _room(path):
        try:
            with reading(place.parent):
                zarr.open_group(place.parent, mode="r")
        except SweepError:  # not there yet, or damaged: there is nothing in it
            (place.parent / "zarr.json").unlink(missing_ok=True)
            zarr.open_group(place.parent, mode="a")
        if not place.exists():
            _create(new, about, objects)
            new.replace(place)
    try:
        there = made_from(place)
    except SweepError as error:
        with _room(path):
            _create(new, about, objects)
            if not _repaired(place, new):
                raise SweepError(f"{error}; if it still says this, remove {place}, which alone is lost") from error
        there = about
    _same(there, about, place)
    group, layers = zarr.open_group(path, path=name, mode="r"), len(about["layers"])
    return np.array([_finished(group, place, index, layers) for index in range(len(objects))])


def _finished(group: zarr.Group, place: Path, index: int, layers: int) -> bool:
    """Whether a task is marked as finished and every number of it can be read."""
    with contextlib.suppress(SweepError), reading(place):
        if group["done"][index] and all(file.is_file() for file in chunks(place, index, layers)):
            for name, (_, _, dimensions, _) in VARIABLES.items():
                _ = group[name][tuple(index if dimension == "object" else slice(None) for dimension in dimensions)]
            return True
    return False


def _described(place: Path, about: dict, **more: object) -> None:
    """Write what a store or a group is made from, with the checksum of that and of its coordinates."""
    attributes = {"made_from": about, **more}
    zarr.open_group(place, mode="a").attrs.update({**attributes, "sha256": digest(place, attributes)})
    _flush([file for file in place.rglob("*") if file.is_file()])


def _repaired(place: Path, new: Path) -> bool:
    """Put a description just made in the place of a damaged one, if that was the same before it was damaged.

    It was if its checksum, or the checksum noted with it, is the new one's; not both are damaged.
    """
    wanted = zarr.open_group(new, mode="r").attrs["sha256"]
    same = (place / "zarr.json").is_file() and wanted.encode() in (place / "zarr.json").read_bytes()
    with contextlib.suppress(SweepError), reading(place):
        same = same or digest(place, zarr.open_group(place, mode="r").attrs.asdict()) == wanted
    for file in [*description(new), new / "zarr.json"] if same else ():
        target = place / file.relative_to(new)
        target.parent.mkdir(parents=True, exist_ok=True)
        file.replace(target)
    shutil.rmtree(new, ignore_errors=True)
    return same


def _flush(files: list[Path]) -> None:
    """Wait until files, and their names, are on the disk."""
    for path in {*files, *(file.parent for file in files)}:
        # Windows opens no folder, and needs none to be opened for a name to last.
        with contextlib.suppress(PermissionError):
            opened = os.open(path, os.O_RDONLY if path.is_dir() else os.O_RDWR)
            try:
                os.fsync(opened)
            finally:
                os.close(opened)


def _create(place: Path, about: dict, objects: list[tuple[str, str | None]]) -> None:
    group = zarr.open_group(place, mode="w")
    layers, rows, cols = list(about["layers"]), about["rows"], about["cols"]
    row, col = anchors((len(rows), len(cols)))["c"]
    rings = max(row, len(rows) - 1 - row, col, len(cols) - 1 - col)
    step = rows[1] - rows[0]
    coordinates = {
        "layer": ("layer", np.array(layers)),
        "object": ("object", np.array([name for name, _ in objects])),
        "category": ("object", np.array([label or "" for _, label in objects])),
        "anchor": ("anchor", np.array(ANCHORS)),
        "measure": ("measure", np.array(list(MEASURES))),
        "unit": ("measure", np.array(list(MEASURES.values()))),
        "row": ("row", np.array(rows)),
        "col": ("col", np.array(cols)),
        "ring": ("ring", np.arange(1, rings + 1) * step),
    }
    sizes = {name: len(values) for name, (dimension, values) in coordinates.items() if name == dimension}
    sizes |= dict(zip(("channel", "y", "x"), (4, *about["size"]), strict=True))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)  # as in `reading`
        for name, (dimension, values) in coordinates.items():
            chunks = values.shape
            group.create_array(name, data=values, chunks=chunks, compressors=_CODECS, dimension_names=(dimension,))
        for name, (dtype, fill, dimensions, apart) in VARIABLES.items():
            shape = tuple(sizes[dimension] for dimension in dimensions)
            chunks = tuple(1 if d in ("object", apart) else sizes[d] for d in dimensions)
            group.create_array(
                name, shape=shape, dtype=dtype, chunks=chunks, fill_value=fill, compressors=_CODECS,
                dimension_names=dimensions,
            )  # fmt: skip
    _described(place, about, coordinates="category unit")


def write(path: Path, name: str, *, index: int, result: dict[str, np.ndarray], pixels: np.ndarray) -> None:
    """Write one task's result and its object, uint8 (4, h, w), into the group ``name``, its mark of completion last.

    Raises:
        SweepError: The disk is full.
    """
    # A chunk that holds nothing but its fill value is written too: one that is not there is missing.
    with _room(path), zarr.config.set({"array.write_empty_chunks": True}):
        group = zarr.open_group(path, path=name, mode="r+")
        for variable in ("similarity", "scalars", "drop"):
            group[variable][:, index] = result[variable]
        for variable, values in (("probability", result["probability"]), ("top1", result["top1"]), ("pixels", pixels)):
            group[variable][index] = values
        *files, mark = chunks(path / name, index, group["layer"].size)
        _flush(files)
        group["done"][index] = 2 if result.get("compiled") else 1
        _flush([mark])


def _plain(values: dict) -> dict:
    return json.loads(json.dumps(values))


def _same(there: dict, here: dict, place: Path) -> None:
    was, now = _flat(there), _flat(here)
    differences = []
    for key in {**was, **now}:
        if key not in was:
            differences.append(f"{key} is new")
        elif key not in now:
            differences.append(f"{key} is not asked for")
        elif was[key] != now[key]:
            differences.append(f"{key} was {was[key]!s:.24}, now {now[key]!s:.24}")
    if differences:
        more = f" (and {len(differences) - 3} more)" if len(differences) > 3 else ""
        raise SweepError(
            f"{place} was made from something else: {'; '.join(differences[:3])}{more}. "
            "Give another --out, or the same parameters, networks and objects"
        )


def _flat(values: dict, where: str = "") -> dict[str, object]:
    """Nested values by their keys, joined by a space."""
    found = {}
    for key, value in values.items():
        found |= _flat(value, f"{where}{key} ") if isinstance(value, dict) else {f"{where}{key}": value}
    return found
