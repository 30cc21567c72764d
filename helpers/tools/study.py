"""``python -m helpers study``: the stores of the study's sweeps into the one file that comes with the workbook."""

from __future__ import annotations

import argparse
import datetime
import importlib.metadata
import json
from pathlib import Path

import pandas as pd
import xarray

from helpers import assets, similarity
from helpers.measures import study
from helpers.networks import Source
from helpers.tools import sweep
from helpers.tools.commandline import CommandError, guarded, read_json
from helpers.tools.sweep.reading import groups, load

PRESETS = ("study", "study_fine", "study_larger")  # a sweep each, in FOLDER/PRESET.zarr
LAYER = "pool"  # whose maps are kept; of the others, the scalars
_STORED = Path(study.__file__).parent / study.FILE
# What decides about the features, besides the packages of a run's stamp.
_PACKAGES = ("timm", "pillow", "scipy", "scikit-image", "scikit-learn")


def main(arguments: list[str] | None = None) -> int:
    """The command; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers study",
        description="Pack the finished sweeps of the study into one file. Where the weights of MobileNetV2 and COCO "
        "are on the assets search path it is measured first; elsewhere the file's numbers are kept.",
    )
    parser.add_argument("--stores", type=Path, default=Path("runs/study"), help="folder with " + ", ".join(PRESETS))
    parser.add_argument("--out", type=Path, default=_STORED, help="file (default: the workbook's own)")
    options = parser.parse_args(arguments)
    return guarded("study", lambda: _pack(options.stores, options.out))


def _pack(stores: Path, out: Path) -> int:
    trees = {preset: sweep.open_store(stores / f"{preset}.zarr") for preset in PRESETS}
    found = {}
    for preset, tree in trees.items():
        for node in groups(tree):
            if not node.done.values.all():
                raise CommandError(
                    f"{node.path} of the sweep {preset} isn't finished: `make study` goes on with it, and packs then"
                )
            kept = load(node.to_dataset().drop_vars("pixels"), stores / f"{preset}.zarr{node.path}")
            data = _group(kept, settings=tree.attrs["made_from"])
            found[f"{data.attrs['network']}/{data.attrs['size']}px/{data.attrs['stride']}"] = data
    relative, measured = _relative(stores / "relative.json")
    made = [tree.attrs["made_with"] for tree in trees.values()]
    about = {
        "command": "make study",
        "packed": datetime.datetime.now(datetime.UTC).date().isoformat(),
        "packages": {name: importlib.metadata.version(name) for name in _PACKAGES},
        "made_with": dict(zip(PRESETS, made, strict=True)),
        "relative": measured,
    }
    size = study.save(out, study.Study(found, relative, about))
    frames = sum(data.top1.size for data in found.values())
    print(f"{out}: {len(found)} groups, {frames:,} frames, {size / 1e6:.2f} MB.")
    return 0


def _group(data: xarray.Dataset, *, settings: dict) -> xarray.Dataset:
    """One network and size of a store, as the study keeps it."""
    made = data.attrs["made_from"]
    kept = data[["probability", "top1", "scalars", "drop"]].assign(similarity=data.similarity.sel(layer=LAYER))
    size, source = made["size"][0], Source.parse(made["network"])
    about = {
        "network": str(source),
        "size": size,
        "stride": settings["stride"],
        "layer": LAYER,
        "background": settings["background"],
        **{name: made[name] for name in ("title", "weights", "checksum", "strides")},
        "nodes": made["layers"],
        "objects_sha256": settings["objects"][f"{size}px"],
    }
    return kept.sel(anchor=list(similarity.ANCHORS)).drop_vars("unit").assign_attrs(about)


def _relative(kept: Path) -> tuple[pd.DataFrame, dict]:
    """The numbers of MobileNetV2 over COCO and their provenance: of an earlier run, measured now, or as recorded."""
    if not kept.is_file() and study.relative_files():
        table, about = study.measure_relative()
        kept.write_text(json.dumps({"about": about, "rows": table.to_dict("list")}), encoding="utf-8")
    if kept.is_file():
        content = read_json(kept)
        return pd.DataFrame(content["rows"]), content["about"]
    try:
        before = study.load(_STORED)
    except assets.AssetError as error:
        raise CommandError(
            f"nothing is known of MobileNetV2 over COCO, and it cannot be measured here: {error}"
        ) from error
    return before.relative, before.about["relative"]
