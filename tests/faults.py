"""Ten planted faults, each of which must turn a run red: a sieve that lets a fault through has holes too wide.

``python tests/faults.py [--preset smoke] [--only 3]`` plants each in a copy of the checkout, runs the notebooks that
must notice, and says what caught it. Exit code 1 where one got through.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
COPIED = ("helpers", "notebooks", "tests/baselines")


@dataclass(frozen=True)
class Fault:
    """A fault: in this file the old text becomes the new one, and one of these notebooks must notice."""

    name: str
    file: str
    old: str
    new: str
    notebooks: str


FAULTS = (
    Fault(
        "the sign of the cosine",
        "helpers/similarity.py",
        "    return (unit @ chosen.T).permute(2, 0, 1).contiguous()",
        "    return -(unit @ chosen.T).permute(2, 0, 1).contiguous()",
        "01",
    ),
    Fault(
        "positions off by one",
        "helpers/shifting.py",
        "        return torch.tensor(self._reach, device=positions.device) - positions",
        "        return torch.tensor(self._reach, device=positions.device) - (positions - 1).clamp(min=0)",
        "01",
    ),
    Fault(
        "the ReLU read for fc7",
        "helpers/networks/embedded/architectures.py",
        '"fc7": "classifier.4"',
        '"fc7": "classifier.5"',
        "07",
    ),
    Fault(
        "rows and columns exchanged",
        "helpers/features/extraction.py",
        "values.view(len(rows), len(cols), -1) for layer",
        "values.view(len(cols), len(rows), -1).transpose(0, 1) for layer",
        "01",
    ),
    Fault(
        "preprocessing with the wrong deviation",
        "helpers/networks/network.py",
        "IMAGENET_STD = (0.229, 0.224, 0.225)",
        "IMAGENET_STD = (0.225, 0.224, 0.229)",  # blue for red
        "07",
    ),
    Fault(
        "a probe trained on its test positions",
        "helpers/measures/probes/same_object.py",
        "decide(points[~test], truth[~test], test=points[test], c=c)",
        "decide(points, truth, test=points[test], c=c)",
        "02",
    ),
    Fault(
        "an interval over positions instead of objects",
        "helpers/measures/uncertainty.py",
        "    labels = np.arange(len(numbers)) if clusters is None else np.asarray(clusters)\n    if labels.shape",
        "    numbers = np.repeat(numbers, 100)\n    labels = np.arange(len(numbers))\n    if labels.shape",
        "10",
    ),
    Fault(
        "calibration without the mean over objects",
        "helpers/measures/variation/calibration.py",
        "        others.append(((vectors * (total - vectors)).sum(-1) / (len(features) - 1)).mean())",
        "        others.append((vectors * unit(index - 1)).sum(-1).mean())",
        "05",
    ),
    Fault(
        "a lattice period off by one",
        "helpers/measures/variation/lattices.py",
        "    return pixels // gcd(pixels, stride)",
        "    return pixels // gcd(pixels, stride) + 1",
        "05",
    ),
    Fault(
        "accuracy against the wrong class",
        "helpers/networks/network.py",
        "        return self.labels.index(label)\n",
        "        return (self.labels.index(label) + 1) % len(self.labels)\n",
        "04",
    ),
)


def misplaced(faults: Iterable[Fault] = FAULTS) -> list[str]:
    """The faults whose old text does not stand exactly once in its file, with how often it does."""
    found = {fault: (ROOT / fault.file).read_text(encoding="utf-8").count(fault.old) for fault in faults}
    return [f"{fault.name}: {count} times in {fault.file}" for fault, count in found.items() if count != 1]


def plant(fault: Fault, folder: Path) -> None:
    """Copy what a run needs of the checkout into a folder, with the fault in it."""
    for name in COPIED:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    path = folder / fault.file
    path.write_text(path.read_text(encoding="utf-8").replace(fault.old, fault.new), encoding="utf-8")


def caught(fault: Fault, preset: str, folder: Path) -> list[str]:
    """What noticed the fault, in words; empty where it got through.

    A notebook that stops before its end has noticed too. Raises RuntimeError where nothing ran.
    """
    plant(fault, folder)
    command = [sys.executable, "-m", "helpers", "run", "--preset", preset, "--only", fault.notebooks]
    done = subprocess.run([*command, "--out", str(folder / "out")], cwd=folder, capture_output=True, text=True)
    path = folder / "out" / "summary.json"
    if not path.exists():
        raise RuntimeError(f"{fault.name}: the run did not start: {done.stderr[-500:]}")
    lines = []
    for entry in json.loads(path.read_text(encoding="utf-8"))["notebooks"]:
        moved = [number["name"] for number in entry["numbers"] if number["fails"]]
        lines += [f"check {check['check']}" for check in entry["checks"] if not check["holds"]]
        lines += [f"{len(moved)} of {len(entry['numbers'])} numbers, such as {moved[0]}"] if moved else []
        if entry["verdict"] == "failed" and not lines:
            lines.append(entry["reason"].splitlines()[0])
    return lines


def main() -> int:
    """Plant every fault, or those asked for by number, and tell what caught it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--preset", default="smoke")
    parser.add_argument("--only", type=int, action="append", metavar="N", help="this fault, from 1; repeatable")
    options = parser.parse_args()
    through = 0
    for number, fault in enumerate(FAULTS, 1):
        if options.only and number not in options.only:
            continue
        with tempfile.TemporaryDirectory(prefix="fault-") as folder:
            lines = caught(fault, options.preset, Path(folder))
        through += not lines
        print(f"{number:2} {fault.name} ({fault.notebooks}): {'; '.join(lines) or 'GOT THROUGH'}", flush=True)
    return int(bool(through))


if __name__ == "__main__":
    sys.exit(main())
