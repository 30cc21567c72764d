"""``python -m helpers sweep`` and ``python -m helpers paper-objects``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from helpers.assets import AssetError
from helpers.objects import coco_download
from helpers.tools.sweep import named
from helpers.tools.sweep.execute import run
from helpers.tools.sweep.store import SweepError


def sweep(arguments: list[str] | None = None) -> int:
    """The command ``sweep``; returns the exit code: 0 done, 1 a clear error, 130 interrupted."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers sweep",
        description="Many objects through many networks into one store; the same command goes on with it.",
        epilog="parameters: " + ", ".join(named.PRESETS["paper"]),
    )
    parser.add_argument("--preset", default="demo", help="smoke, demo (default) or paper")
    parser.add_argument("--out", type=Path, required=True, help="the store, a folder (created)")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE", help="change a parameter")
    parser.add_argument("--scheduler", metavar="tcp://HOST:PORT", help="compute on a Dask cluster")
    parser.add_argument("--dry-run", action="store_true", help="only say what is to do and how long it takes")
    options = parser.parse_args(arguments)
    try:
        plan = named.plan(named.parameters(options.preset, options.set))
        summary = run(options.out, plan, options.scheduler, dry_run=options.dry_run)
    except (SweepError, AssetError, ValueError, FileNotFoundError) as error:
        print(f"sweep: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"sweep: stopped; what is finished is in {options.out}, the same command goes on", file=sys.stderr)
        return 130
    if summary.tasks:
        speed = f"{summary.seconds:.0f} s ({summary.frames / summary.seconds:,.0f} frames/s)"
        print(f"{summary.tasks} tasks, {summary.frames:,} frames in {speed}.")
    print(f"{options.out}: {summary.finished} tasks finished.")
    return 0


def paper_objects(arguments: list[str] | None = None) -> int:
    """The command ``paper-objects``; returns the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers paper-objects",
        description="Download the annotations and the 200 photos of the paper's protocol; resumable.",
    )
    parser.add_argument("--to", type=Path, help="folder (default: coco in the cache)")
    options = parser.parse_args(arguments)
    try:
        folder = coco_download.fetch(options.to)
    except (AssetError, ValueError) as error:
        print(f"paper-objects: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("paper-objects: stopped; the same command goes on", file=sys.stderr)
        return 130
    print(f"The paper's objects are in {folder}.")
    return 0
