"""Reading a sweep's store, also while a run writes to it; a damaged one is named."""

from __future__ import annotations

import contextlib
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import xarray
from zarr.errors import UnstableSpecificationWarning

from helpers.tools.commandline import CommandError
from helpers.tools.sweep.task import MEASURES

# Variable: type, value before anything is written, dimensions, and the one besides object that is split into chunks
VARIABLES = {
    "similarity": ("float32", np.nan, ("layer", "object", "anchor", "row", "col"), "layer"),
    "probability": ("float32", np.nan, ("object", "row", "col"), ""),
    "top1": ("int32", -1, ("object", "row", "col"), ""),
    "scalars": ("float64", np.nan, ("layer", "object", "anchor", "measure"), ""),
    "drop": ("float64", np.nan, ("layer", "object", "ring"), ""),
    "done": ("uint8", 0, ("object",), ""),
}


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
            yield
    except CommandError:
        raise
    except (LookupError, TypeError, AttributeError, ValueError, OSError, RuntimeError) as error:
        raise SweepError(
            f"{path} cannot be read as a sweep's store, or is damaged ({type(error).__name__}: {error}): "
            "give another path, or remove it and sweep again"
        ) from error


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
        for node in (tree, *groups(tree)):  # a KeyError for a store of something else, or with a part missing
            _ = node.attrs["made_from"], [node[name] for name in VARIABLES if node is not tree]
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
