"""`python -m helpers weights`: train the embedded networks again, list them, keep what other seeds measured."""

import argparse
import os
from pathlib import Path

from helpers.networks.embedded import store
from helpers.tools.training import seeds, train

SHOWN = ("accuracy_centre", "accuracy_corners", "steps", "seconds")


def main(arguments: list[str] | None = None) -> None:
    """``weights list|train|keep``, as from the command line."""
    parser = argparse.ArgumentParser(prog="python -m helpers weights", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="the shipped weights: accuracy, steps, seconds, size")
    run = commands.add_parser("train", help="train from scratch, or go on where a run stopped")
    run.add_argument("--only", nargs="+", metavar="PART", help="only networks whose name contains a PART")
    run.add_argument("--seed", type=int, default=0)
    run.add_argument("--scale", type=float, default=1.0, help="times the recipe's steps (0.1: a quick look)")
    run.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    run.add_argument("--work", type=Path, default=Path("runs/train"), help="checkpoints")
    run.add_argument("--out", type=Path, help="where the weights go (seed 0: the package, N: runs/seedN)")
    keep = commands.add_parser("keep", help="keep the numbers that notebooks recorded on networks of another seed")
    keep.add_argument("records", type=Path, nargs="+", help="OUT/NN_name.json of runs with --set training_seed=N")
    options = parser.parse_args(arguments)
    if options.command == "keep":
        try:
            print(*seeds.keep(options.records), sep="\n")
        except (OSError, ValueError) as error:
            parser.error(str(error))
        return
    jobs = train.all_jobs(getattr(options, "seed", 0), getattr(options, "scale", 1.0))
    if options.command == "list":
        for job in jobs:
            metadata = store.load_state(job.name, job.antialiased, job.variant)[1]
            size = (store.FOLDER / f"{job.key}.safetensors").stat().st_size / 1e6
            print(f"{job.key:28}", *(f"{key} {metadata[key]:>7}" for key in SHOWN), f"{size:.2f} MB")
        return
    if options.only:
        jobs = [job for job in jobs if any(part in job.key for part in options.only)]
        if not jobs:
            parser.error(f"no network's name contains {' or '.join(options.only)}")
    train.train_all(jobs, options.work, options.out or seeds.folder(options.seed), options.processes)
