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
from helpers.tools.commandline import CommandError
from helpers.tools.sweep.task import MEASURES

FORMAT = 1
# Variable: type, value where nothing is written yet, dimensions, and which of them, besides object, has a chunk
# of its own for each entry
_VARIABLES = {
    "similarity": ("float32", np.nan, ("layer", "object", "anchor", "row", "col"), "layer"),
    "probability": ("float32", np.nan, ("object", "row", "col"), ""),
    "top1": ("int32", -1, ("object", "row", "col"), ""),
    "scalars": ("float64", np.nan, ("layer", "object", "anchor", "measure"), ""),
    "drop": ("float64", np.nan, ("layer", "object", "ring"), ""),
    "done": ("uint8", 0, ("object",), ""),
}


class SweepError(CommandError):
    """A sweep that cannot continue: in one sentence why, and what to do."""


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
def reading(path: Path) -> Iterator[None]:
    """Around reads of a store: whatever zarr and xarray raise for a damaged one names it.

    Raises:
        SweepError: The store, or a part of it, cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # zarr has no final specification for text yet; zarr and xarray read what they wrote.
            warnings.simplefilter("ignore", UnstableSpecificationWarning)
            yield
    except CommandError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError, RuntimeError) as error:
        raise SweepError(
            f"{path} cannot be read as a sweep's store, or is damaged ({type(error).__name__}: {error}): "
            "give another path, or remove it and sweep again"
        ) from error


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

    Args:
        about: What the group is made of: the network, its layers, the positions.
        objects: Name and category of each.

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
        for name, (dtype, fill, dimensions, apart) in _VARIABLES.items():
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


def open_store(path: str | Path) -> xarray.DataTree:
    """The store as a tree of labelled arrays, read lazily; also while a run writes to it.

    ``tree["alexnetAA/75px"].similarity.sel(layer="fc7", anchor="c")``.

    Raises:
        SweepError: There is no store, or not a sweep's, or it is damaged.
    """
    path = Path(path)
    if not (path / "zarr.json").exists():
        raise SweepError(f"there is no store at {path}: `python -m helpers sweep --out {path}` makes one")
    with reading(path):
        tree = xarray.open_datatree(path, engine="zarr", consolidated=False)
        # The file system lists a folder in any order it likes; a reader gets the groups in one.
        tree = xarray.DataTree.from_dict(dict(sorted(tree.to_dict().items())))
        tree.attrs["made_from"]  # a KeyError for somebody else's store
        for node in groups(tree):
            node.attrs["made_from"], [node[name] for name in _VARIABLES]
    return tree


def groups(tree: xarray.DataTree) -> list[xarray.DataTree]:
    """The groups of an open store, one per network and size; without one that a run is just creating."""
    return [node for node in tree.leaves if node.depth == 2]


def table(path: str | Path) -> pd.DataFrame:
    """The scalars of all finished tasks.

    Returns:
        A row per network, size, layer, object and anchor, with the columns network, size (px), layer, object,
        category, anchor, and one per measure.

    Raises:
        SweepError: There is no store, or it is damaged.
    """
    columns = ["network", "size", "layer", "object", "category", "anchor", *MEASURES]
    frames = []
    for node in groups(open_store(path)):
        with reading(Path(path)):
            data = node.to_dataset()[["scalars", "done"]].load()
        if not data.done.any():
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
