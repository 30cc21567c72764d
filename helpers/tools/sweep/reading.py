"""Reading a sweep's store, also while a run writes to it; what is damaged is named, and never read as numbers."""

from __future__ import annotations

import contextlib
import hashlib
import json
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray
import zarr
from zarr.errors import UnstableSpecificationWarning, ZarrUserWarning

from helpers.tools.commandline import CommandError
from helpers.tools.sweep.task import MEASURES

# Variable: type, value before anything is written, dimensions, and the one besides object that is split into chunks
VARIABLES = {
    "similarity": ("float32", np.nan, ("layer", "object", "anchor", "row", "col"), "layer"),
    "probability": ("float32", np.nan, ("object", "row", "col"), ""),
    "top1": ("int32", -1, ("object", "row", "col"), ""),
    "scalars": ("float64", np.nan, ("layer", "object", "anchor", "measure"), ""),
    "drop": ("float64", np.nan, ("layer", "object", "ring"), ""),
    "pixels": ("uint8", 0, ("object", "channel", "y", "x"), ""),
    "done": ("uint8", 0, ("object",), ""),
}
COORDINATES = ("layer", "object", "category", "anchor", "measure", "unit", "row", "col", "ring")
AGAIN = "the same `python -m helpers sweep` computes again what is damaged"


class SweepError(CommandError):
    """A sweep that cannot continue: in one sentence why, and what to do."""


@contextlib.contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever zarr and xarray raise for a damaged store into an error that names it.

    Raises:
        SweepError: The store, or a part of it, cannot be read.
    """
    try:
        with warnings.catch_warnings():
            # zarr has no final specification for text yet; zarr and xarray read what they wrote.
            warnings.simplefilter("ignore", UnstableSpecificationWarning)
            warnings.simplefilter("ignore", ZarrUserWarning)  # of a part that is missing: an error says it
            yield
    except CommandError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError, RuntimeError) as error:
        raise SweepError(
            f"{path} cannot be read as a sweep's store, or is damaged ({type(error).__name__}: {error}): "
            f"give another path, or {AGAIN}"
        ) from error


def chunks(place: Path, index: int, layers: int) -> list[Path]:
    """The files of one task in a group of so many layers, its mark of completion last."""
    found = []
    for name, (_, _, dimensions, apart) in VARIABLES.items():
        for each in range(layers if apart else 1):
            at = {"object": index, apart: each}
            found.append(place.joinpath(name, "c", *(str(at.get(dimension, 0)) for dimension in dimensions)))
    return found


def description(place: Path) -> list[Path]:
    """The files that say what a group's numbers are: of its coordinates all, of its variables their types."""
    files = [f"{name}/zarr.json" for name in (*COORDINATES, *VARIABLES)] + [f"{name}/c/0" for name in COORDINATES]
    return [place / file for file in files if (place / file).is_file()]


def digest(place: Path, attributes: dict) -> str:
    """The SHA-256 of what a group, or the whole store, says it is made from, and of its description."""
    told = {key: value for key, value in attributes.items() if key not in ("sha256", "made_with")}
    summed = hashlib.sha256(json.dumps(told, sort_keys=True).encode())
    for file in description(place):
        summed.update(f"{file.relative_to(place)}".encode() + file.read_bytes())
    return summed.hexdigest()


def made_from(place: Path) -> dict:
    """What a group, or the whole store, is made from.

    Raises:
        SweepError: Its description is damaged.
    """
    with reading(place):
        attributes = zarr.open_group(place, mode="r").attrs.asdict()
        if attributes["sha256"] != digest(place, attributes):
            raise ValueError("its description is not the one that was written")
        return attributes["made_from"]


def load(data: xarray.Dataset, place: Path) -> xarray.Dataset:
    """Variables of finished tasks, lazily opened, read into memory.

    Raises:
        SweepError: A file of a task is missing or damaged; names the task.
    """
    try:
        with reading(place):
            return data.load()
    except SweepError:
        for name in data.object.values if "object" in data.dims else ():
            with _task(place, name):
                data.sel(object=name).load()
        raise


@contextlib.contextmanager
def _task(place: Path, name: str) -> Iterator[None]:
    try:
        yield
    except (ValueError, OSError, RuntimeError) as error:
        raise SweepError(f"{place}: what is stored of {name} is damaged ({error}): {AGAIN}") from error


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
        found = [path / node.path.lstrip("/") for node in groups(tree)]
        if lost := sorted({place for place in path.glob("*/*") if place.is_dir()} - set(found)):
            raise ValueError(f"{lost[0]} cannot be read")
    made_from(path)
    for place, node in zip(found, groups(tree), strict=True):
        made_from(place)
        with reading(place):
            done = np.flatnonzero(node.done.values)
        for index in done:
            with _task(place, node.object.values[index]):
                if lost := [file for file in chunks(place, index, len(node.layer)) if not file.is_file()]:
                    raise ValueError(f"{lost[0]} is missing")
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
        data = node.to_dataset()[["scalars"]]
        finished = load(data.isel(object=np.flatnonzero(node.done.values)), Path(path) / node.path.lstrip("/"))
        if not finished.object.size:
            continue
        wide = finished.scalars.to_series().unstack("measure").reset_index()
        categories = dict(zip(data.object.values, data.category.values, strict=True))
        about = {"network": node.parent.name, "size": int(node.name.removesuffix("px"))}
        frames.append(wide.assign(**about, category=wide["object"].map(categories))[columns])
    return pd.concat(frames, ignore_index=True).rename_axis(columns=None) if frames else pd.DataFrame(columns=columns)
