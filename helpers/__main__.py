"""``python -m helpers COMMAND``: the workbook from the command line. Each command has its own ``--help``."""

from __future__ import annotations

import importlib
import sys

from helpers.suggestions import nearest

# Command: the module and function that do it (imported only then), and a line of help
COMMANDS = {
    "run": ("helpers.tools.workbook.commands", "run", "execute the notebooks, judge their numbers, write a report"),
    "accept": ("helpers.tools.workbook.commands", "accept", "make a run's numbers the baseline, print what moved"),
    "publish": ("helpers.tools.workbook.commands", "publish_run", "outputs into notebooks, figures into figures/"),
    "pairs": ("helpers.tools.workbook.commands", "pairs", "check that every .ipynb is in step with its .py"),
    "page": ("helpers.tools.page", "main", "write the self-contained interactive page"),
    "sweep": ("helpers.tools.sweep.cli", "sweep", "many objects through many networks into one store"),
    "study": ("helpers.tools.study", "main", "pack the sweeps of the workbook's own study into its file"),
    "weights": ("helpers.tools.training.commands", "main", "train the embedded networks again, list, keep"),
    "paper-objects": ("helpers.tools.sweep.cli", "paper_objects", "download the paper's COCO objects"),
}


def usage() -> str:
    """The list of commands."""
    width = max(map(len, COMMANDS))
    lines = [f"  {name:<{width}}  {text}" for name, (_, _, text) in COMMANDS.items()]
    return "\n".join(["python -m helpers COMMAND [--help]", "", *lines])


def main(arguments: list[str] | None = None) -> int:
    """Run a command; returns its exit code: 2 for an unknown one or a wrong argument, 130 for Ctrl-C."""
    words = sys.argv[1:] if arguments is None else arguments
    if not words or words[0] in ("-h", "--help"):
        print(usage())
        return 0 if words else 2
    if words[0] not in COMMANDS:
        print(f"unknown command {words[0]!r}{nearest(words[0], COMMANDS)}\n\n{usage()}", file=sys.stderr)
        return 2
    module, function, _ = COMMANDS[words[0]]
    try:
        return getattr(importlib.import_module(module), function)(words[1:])
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130


if __name__ == "__main__":
    sys.exit(main())
