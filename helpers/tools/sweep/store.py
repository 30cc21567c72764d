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
import pandas as pd
import xarray
import zarr
from zarr.errors import UnstableSpecificationWarning

from helpers.similarity import ANCHORS, anchors
from helpers.tools.sweep.task import MEASURES

FORMAT = 1


class SweepError(RuntimeError):
    """A sweep that cannot go on: in one sentence why, and what to do."""


def _beside(path: Path, suffix: str) -> Path:
    return path.with_name(path.name + suffix)


@contextlib.contextmanager
def lock(path: Path) -> Iterator[None]:
    """Hold a store for one run. The system lets go of it with the process, however that ends.

    Raises SweepError when another run holds it.
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


def prepare(path: Path, identity: dict, made_with: dict) -> None:
    """Create the store, or see that it was made from the same parameters and objects.

    Raises SweepError naming what differs.
    """
    root = {"format": FORMAT, **_plain(identity)}
    shutil.rmtree(_beside(path, ".new"), ignore_errors=True)
    if not path.exists():
        with _room(path):
            group = zarr.open_group(_beside(path, ".new"), mode="w")
            group.attrs.update({"made_from": root, "made_with": _plain(made_with)})
            _beside(path, ".new").replace(path)
        return
    try:
        there = zarr.open_group(path, mode="r").attrs["made_from"]
    except (KeyError, FileNotFoundError, zarr.errors.GroupNotFoundError) as error:
        raise SweepError(f"{path} exists and is no store of a sweep: give another --out") from error
    _same(there, root, path)
    for leftover in path.rglob("*.partial"):  # of a write that was killed
        leftover.unlink()


def prepare_group(path: Path, name: str, about: dict, objects: list[tuple[str, str | None]]) -> np.ndarray:
    """Create the group, or see that it was made with the same network; returns ``done``, bool (objects,).

    Raises SweepError naming what differs.
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
    group = zarr.open_group(path, path=name, mode="r")
    _same(group.attrs["made_from"], about, place)
    return group["done"][:].astype(bool)


def _create(place: Path, about: dict, objects: list[tuple[str, str | None]]) -> None:
    group = zarr.open_group(place, mode="w")
    group.attrs["made_from"] = about
    layers, rows, cols, count = list(about["layers"]), about["rows"], about["cols"], len(objects)
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
    variables = {
        "similarity": ("float32", np.nan, ("layer", "object", "anchor", "row", "col"), "layer"),
        "probability": ("float32", np.nan, ("object", "row", "col"), ""),
        "top1": ("int32", -1, ("object", "row", "col"), ""),
        "scalars": ("float64", np.nan, ("layer", "object", "anchor", "measure"), ""),
        "drop": ("float64", np.nan, ("layer", "object", "ring"), ""),
        "done": ("uint8", 0, ("object",), ""),
    }
    assert sizes["object"] == count
    with warnings.catch_warnings():
        # zarr has no final specification for text yet; zarr and xarray read what they wrote.
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        for name, (dimension, values) in coordinates.items():
            group.create_array(name, data=values, dimension_names=(dimension,))
        for name, (dtype, fill, dimensions, apart) in variables.items():
            shape = tuple(sizes[dimension] for dimension in dimensions)
            chunks = tuple(1 if d in ("object", apart) else sizes[d] for d in dimensions)
            group.create_array(
                name, shape=shape, dtype=dtype, chunks=chunks, fill_value=fill, dimension_names=dimensions
            )
    group.attrs["coordinates"] = "category unit"


def write(path: Path, name: str, index: int, result: dict[str, np.ndarray]) -> None:
    """Write one task's result, its mark of completion last. Raises SweepError when the disk is full."""
    with _room(path):
        group = zarr.open_group(path, path=name, mode="r+")
        for variable in ("similarity", "scalars", "drop"):
            group[variable][:, index] = result[variable]
        for variable in ("probability", "top1"):
            group[variable][index] = result[variable]
        group["done"][index] = 1


def open_store(path: str | Path) -> xarray.DataTree:
    """The store as a tree of labelled arrays, read lazily; also while a run writes to it.

    ``tree["alexnetAA/75px"].similarity.sel(layer="fc7", anchor="c")``. Raises SweepError for no store.
    """
    path = Path(path)
    if not (path / "zarr.json").exists():
        raise SweepError(f"there is no store at {path}: `python -m helpers sweep --out {path}` makes one")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UnstableSpecificationWarning)
        tree = xarray.open_datatree(path, engine="zarr", consolidated=False)
    # The file system lists a folder in any order it likes; a reader gets the groups in one.
    return xarray.DataTree.from_dict(dict(sorted(tree.to_dict().items())))


def table(path: str | Path) -> pd.DataFrame:
    """The scalars of all finished tasks: a row per network, size, layer, object and anchor.

    Columns: network, size (px), layer, object, category, anchor, and one per measure. Raises SweepError for
    no store.
    """
    columns = ["network", "size", "layer", "object", "category", "anchor", *MEASURES]
    frames = []
    for node in open_store(path).leaves:
        data = node.to_dataset() if "done" in node else None
        if data is None or not data.done.any():
            continue
        finished = data.isel(object=np.flatnonzero(data.done.values))
        wide = finished.scalars.to_series().unstack("measure").reset_index()
        categories = dict(zip(data.object.values, data.category.values, strict=True))
        about = {"network": node.parent.name, "size": int(node.name.removesuffix("px"))}
        frames.append(wide.assign(**about, category=wide["object"].map(categories))[columns])
    return pd.concat(frames, ignore_index=True).rename_axis(columns=None) if frames else pd.DataFrame(columns=columns)


def _plain(values: dict) -> dict:
    return json.loads(json.dumps(values))


def _same(there: dict, here: dict, place: Path) -> None:
    differences = list(_differences(there, here, ""))
    if differences:
        more = f" (and {len(differences) - 3} more)" if len(differences) > 3 else ""
        raise SweepError(
            f"{place} was made from something else: {'; '.join(differences[:3])}{more}. "
            "Give another --out, or the same parameters, networks and objects"
        )


def _differences(there: object, here: object, where: str) -> Iterator[str]:
    if isinstance(there, dict) and isinstance(here, dict):
        for key in dict.fromkeys([*there, *here]):
            inner = f"{where} {key}".strip()
            if key not in there:
                yield f"{inner} is new"
            elif key not in here:
                yield f"{inner} is not asked for"
            else:
                yield from _differences(there[key], here[key], inner)
    elif there != here:
        yield f"{where} was {_short(there)}, now {_short(here)}"


def _short(value: object) -> str:
    text = str(value)
    return text if len(text) <= 24 else text[:21] + "..."
