"""``python -m helpers weights``: train the embedded networks again, list them, keep what other seeds measured."""

from __future__ import annotations

import argparse
import os
from pathlib import Path

from helpers.networks.embedded import store
from helpers.tools.commandline import guarded, writable
from helpers.tools.training import seeds, train, twins

SHOWN = ("accuracy_centre", "accuracy_corners", "steps", "seconds")


def main(arguments: list[str] | None = None) -> int:
    """The command ``weights``; returns its exit code."""
    parser = argparse.ArgumentParser(prog="python -m helpers weights", description=__doc__)
    commands = parser.add_subparsers(required=True)
    listing = commands.add_parser("list", help="the shipped weights: accuracy, steps, seconds, size")
    listing.set_defaults(work_on=_list)
    run = commands.add_parser("train", help="train from scratch, or continue where a run stopped")
    run.add_argument("--only", nargs="+", metavar="PART", help="only networks whose name contains a PART")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--positions", nargs="+", default=store.POSITIONS, choices=store.TRAINED)
    run.add_argument("--scale", type=float, default=1.0, help="times the recipe's steps (0.1: a quick look)")
    run.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    run.add_argument("--work", type=Path, default=Path("runs/train"), help="checkpoints")
    run.add_argument("--out", type=Path, help="where the weights go (seed 0: the package, N: runs/seedN)")
    run.set_defaults(work_on=_train)
    twin = commands.add_parser("twins", help="train the anti-aliased twins of real networks, or go on")
    twin.add_argument("names", nargs="*", default=["efficientnet_lite0"], help="default: efficientnet_lite0")
    twin.add_argument("--steps", type=int, default=twins.Recipe.steps)
    twin.add_argument("--work", type=Path, default=Path("runs/train"), help="checkpoints")
    twin.add_argument("--out", type=Path, default=store.FOLDER, help="where the weights go (default: the package)")
    twin.set_defaults(work_on=_twins)
    keep = commands.add_parser("keep", help="measure other trainings as notebook 07 does, and keep the numbers")
    keep.add_argument("files", type=Path, nargs="+", help="weights, for instance runs/seed1/*.safetensors")
    keep.set_defaults(work_on=_keep)
    options = parser.parse_args(arguments)
    return guarded("weights", lambda: options.work_on(options), interrupted="stopped; the same command continues")


def _list(options: argparse.Namespace) -> int:
    for job in train.all_jobs():
        metadata = store.load_state(job.name, antialiased=job.antialiased, positions=job.positions)[1]
        size = (store.FOLDER / f"{job.key}.safetensors").stat().st_size / 1e6
        print(f"{job.key:28}", *(f"{key} {metadata[key]:>7}" for key in SHOWN), f"{size:.2f} MB")
    return 0


def _train(options: argparse.Namespace) -> int:
    jobs = train.all_jobs(seed=options.seed, scale=options.scale, positions=options.positions)
    if options.only:
        jobs = [job for job in jobs if any(part in job.key for part in options.only)]
        if not jobs:
            raise ValueError(f"no network's name contains {' or '.join(options.only)}: see `weights list`")
    folder = options.out or seeds.folder(options.seed)
    for place in (options.work, folder):
        writable(place)
    train.train_all(jobs, work=options.work, folder=folder, processes=options.processes)
    return 0


def _twins(options: argparse.Namespace) -> int:
    for place in (options.work, options.out):
        writable(place)
    for name in options.names:
        print(twins.make(name, twins.Recipe(steps=options.steps), work=options.work, folder=options.out))
    return 0


def _keep(options: argparse.Namespace) -> int:
    print(*seeds.keep(options.files), sep="\n")
    return 0
