"""The store of a sweep: an xarray tree on zarr, written task by task, that knows what it was made from.

A group per network and object size (``alexnetAA/75px``) holds, each with one object per chunk, so that two
tasks never share a file:

- ``similarity`` float32 (layer, object, anchor, row, col); ``probability`` float32 and ``top1`` int32
  (object, row, col); ``scalars`` float64 (layer, object, anchor, measure); ``drop`` float64 (layer, object,
  ring); ``done`` uint8 (object), 1 where all of that is there.
- coordinates: layer, object (its name), category, anchor, measure, unit, row and col and ring in pixels.

zarr puts each file in place by a rename and ``done`` is written last, so a process killed at any moment
leaves either a whole task or one to be computed again.
"""

from __future__ import annotations

import contextlib
import errno
import json
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import filelock
import numpy as np
import zarr
from zarr.errors import UnstableSpecificationWarning

from helpers.similarity import ANCHORS, anchors
from helpers.tools.sweep.reading import VARIABLES, SweepError, reading
from helpers.tools.sweep.task import MEASURES

FORMAT = 1


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a store for one run. The system releases it with the process, however that ends.

    Raises:
        SweepError: Another run holds it.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    holder = filelock.FileLock(_beside(path, ".lock"))
    try:
        holder.acquire(timeout=0)
    except filelock.Timeout as error:
        raise SweepError(f"another run is writing to {path}: wait for it, or give another --out") from error
    try:
        yield
    finally:
        holder.release()


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
    root = {"format": FORMAT, **_plain(identity)}
    shutil.rmtree(_beside(path, ".new"), ignore_errors=True)
    if not path.exists():
        with _room(path):
            group = zarr.open_group(_beside(path, ".new"), mode="w")
            group.attrs.update({"made_from": root, "made_with": _plain(made_with)})
            _beside(path, ".new").replace(path)
        return
    if not (path / "zarr.json").is_file():
        raise SweepError(f"{path} exists and is no store of a sweep: give another --out")
    with reading(path):
        there = zarr.open_group(path, mode="r").attrs["made_from"]
    _same(there, root, path)
    for leftover in path.rglob("*.partial"):  # of a write that was killed
        leftover.unlink()


def prepare_group(path: Path, name: str, *, about: dict, objects: list[tuple[str, str | None]]) -> np.ndarray:
    """Create a group, or see that it was made with the same network.

    ``about`` is what it is made of (the network, its layers, the positions), ``objects`` name and category of each.

    Returns:
        Which objects are finished, bool (objects,).

    Raises:
        SweepError: It was made from something else; names what differs.
    """
    place = path / name
    about = _plain(about)
    if not (place / "zarr.json").exists():
        new = _beside(path, ".new")
        shutil.rmtree(new, ignore_errors=True)
        with _room(path):
            _create(new, about, objects)
            zarr.open_group(path, path=str(Path(name).parent), mode="a")
            new.replace(place)
    with reading(place):
        group = zarr.open_group(path, path=name, mode="r")
        there, done = group.attrs["made_from"], group["done"][:].astype(bool)
    _same(there, about, place)
    return done


def _create(place: Path, about: dict, objects: list[tuple[str, str | None]]) -> None:
    group = zarr.open_group(place, mode="w")
    group.attrs["made_from"] = about
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
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)  # as in `reading`
        for name, (dimension, values) in coordinates.items():
            group.create_array(name, data=values, dimension_names=(dimension,))
        for name, (dtype, fill, dimensions, apart) in VARIABLES.items():
            shape = tuple(sizes[dimension] for dimension in dimensions)
            chunks = tuple(1 if d in ("object", apart) else sizes[d] for d in dimensions)
            group.create_array(
                name, shape=shape, dtype=dtype, chunks=chunks, fill_value=fill, dimension_names=dimensions
            )
    group.attrs["coordinates"] = "category unit"


def write(path: Path, name: str, *, index: int, result: dict[str, np.ndarray]) -> None:
    """Write one task's result into the group ``name``, its mark of completion last.

    Raises:
        SweepError: The disk is full.
    """
    with _room(path):
        group = zarr.open_group(path, path=name, mode="r+")
        for variable in ("similarity", "scalars", "drop"):
            group[variable][:, index] = result[variable]
        for variable in ("probability", "top1"):
            group[variable][index] = result[variable]
        group["done"][index] = 1


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
