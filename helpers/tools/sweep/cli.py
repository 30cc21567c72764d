"""``python -m helpers sweep`` and ``python -m helpers paper-objects``."""

from __future__ import annotations

import argparse
from pathlib import Path

from helpers import assets
from helpers.tools.commandline import guarded, writable
from helpers.tools.sweep import coco_download, named
from helpers.tools.sweep.execute import run


def sweep(arguments: list[str] | None = None) -> int:
    """The command ``sweep``; returns its exit code: 0 done, 2 an error, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers sweep",
        description="Many objects through many networks into one store; the same command continues it.",
        epilog="parameters: " + ", ".join(named.PRESETS["paper"]),
    )
    parser.add_argument("--preset", default="demo", help=", ".join(named.PRESETS) + " (default: demo)")
    parser.add_argument("--out", type=Path, required=True, help="the store, a folder (created)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a parameter")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="compute on a Dask cluster")
    parser.add_argument("--dry-run", action="store_true", help="only say what there is to do and how long it takes")
    options = parser.parse_args(arguments)
    kept = f"stopped; what is finished is in {options.out}, and the same command continues"
    return guarded("sweep", lambda: _sweep(options), interrupted=kept)


def _sweep(options: argparse.Namespace) -> int:
    values = named.parameters(options.preset, options.set)
    writable(options.out.parent)  # before objects are downloaded
    summary = run(options.out, named.plan(values), scheduler=options.scheduler, dry_run=options.dry_run)
    if summary.tasks:
        speed = f"{summary.seconds:.0f} s ({summary.frames / summary.seconds:,.0f} frames/s)"
        print(f"{summary.tasks} tasks, {summary.frames:,} frames in {speed}.")
    print(f"{options.out}: {summary.finished} tasks finished.")
    return 0


def paper_objects(arguments: list[str] | None = None) -> int:
    """The command ``paper-objects``; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers paper-objects",
        description="Download the annotations and the 200 photos of the paper's protocol; resumable.",
    )
    parser.add_argument("--to", type=Path, help="folder (default: coco in the cache)")
    options = parser.parse_args(arguments)
    return guarded("paper-objects", lambda: _fetch(options.to), interrupted="stopped; the same command continues")


def _fetch(folder: Path | None) -> int:
    folder = folder or assets.cache() / "coco"
    writable(folder)
    print(f"The paper's objects are in {coco_download.fetch(folder)}.")
    return 0
