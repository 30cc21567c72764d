"""Accepted numbers per preset, each with a tolerance that says where it comes from.

``tests/baselines/<preset>.json`` holds, per notebook, the parameters and every recorded number. Numbers are
repeatable to the bit on one machine; across machines float32 sums are taken in other orders, so a tolerance
is four times the largest change seen between runs that differ only in how they were computed (threads,
instruction sets, devices; `VARIATIONS`), and never less than a floor.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "baselines"
IGNORED = frozenset({"out", "device"})  # parameters that say where a notebook runs, not what it computes
TIMES = frozenset({"s", "ms", "s/frame", "frames/s", "images/s", "MB/s", "MiB", "x (time)", "time ratio"})
STATES = ("holds", "moved", "gone", "new", "other", "untracked")
MARGIN = 4.0
# float32 carries 6e-8; sums over some thousand terms and the differences of near-equal cosines lose up to
# three digits of it. Every change measured so far (see `because` in the baselines) is below this floor
# or has its own tolerance above it.
FLOOR_RELATIVE, FLOOR_ABSOLUTE = 1e-4, 1e-6
# Ways of computing that change rounding and nothing else, as environment variables
VARIATIONS = {
    "one thread": {"OMP_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"},
    "AVX2 instructions": {"ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2"},
    "SSE4.1 instructions": {"ONEDNN_MAX_CPU_ISA": "SSE41", "ATEN_CPU_CAPABILITY": "default"},
}


@dataclass(frozen=True)
class Row:
    """One number against its baseline.

    ``state``: holds, moved, gone (no longer recorded), new, other (the run has other parameters than the
    baseline), or untracked (a time). Moved and gone fail.
    """

    name: str
    state: str
    value: float | None
    unit: str
    expected: float | None = None
    tolerance: float | None = None
    because: str = ""

    @property
    def fails(self) -> bool:
        return self.state in ("moved", "gone")


def path(preset: str, folder: Path = FOLDER) -> Path:
    """The baseline file of a preset."""
    return folder / f"{preset}.json"


def read(preset: str, folder: Path = FOLDER) -> dict:
    """The baseline of a preset by notebook name; empty where there is none."""
    file = path(preset, folder)
    return json.loads(file.read_text(encoding="utf-8"))["notebooks"] if file.exists() else {}


def numbers(record: Mapping) -> dict[str, tuple[float, str]]:
    """The numbers of a record: value and unit by name."""
    return {name: (entry["value"], entry["unit"]) for name, entry in record.get("values", {}).items()}


def _settings(record: Mapping) -> dict[str, object]:
    return {k: v for k, v in record.get("parameters", {}).items() if k not in IGNORED}


def differing(record: Mapping, baseline: Mapping) -> list[str]:
    """The parameters in which a record and its baseline differ, as ``name value (baseline value)``."""
    now, then = _settings(record), baseline.get("parameters", {})
    return [
        f"{name} {now.get(name)!r} (baseline {then.get(name)!r})"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]


def compare(record: Mapping, baseline: Mapping | None) -> list[Row]:
    """A notebook's record against its part of the baseline, a row per number."""
    found = numbers(record)
    if baseline is None:
        return [Row(n, "untracked" if u in TIMES else "new", v, u) for n, (v, u) in found.items()]
    if differing(record, baseline):
        return [Row(n, "untracked" if u in TIMES else "other", v, u) for n, (v, u) in found.items()]
    rows, entries = [], baseline["numbers"]
    for name, (value, unit) in found.items():
        if unit in TIMES:
            rows.append(Row(name, "untracked", value, unit))
        elif name not in entries:
            rows.append(Row(name, "new", value, unit))
        else:
            entry = entries[name]
            close = math.isclose(value, entry["value"], rel_tol=0, abs_tol=entry["tolerance"])
            state = "holds" if close and unit == entry["unit"] else "moved"
            rows.append(Row(name, state, value, unit, entry["value"], entry["tolerance"], entry["because"]))
    for name, entry in entries.items():
        if name not in found and not entry.get("optional"):
            expected, tolerance = entry["value"], entry["tolerance"]
            rows.append(Row(name, "gone", None, entry["unit"], expected, tolerance, entry["because"]))
    return rows


def accepted(
    records: Mapping[str, Mapping], before: Mapping[str, Mapping], others: Mapping[str, Mapping[str, Mapping]]
) -> dict[str, dict]:
    """The new baseline of a run: its records by notebook name, with tolerances.

    ``others`` are further runs by what differed in them (``"one thread"``), each with records by notebook
    name as well. Where there are none, a number whose notebook has the parameters it had in the baseline
    ``before`` keeps its measured tolerance. A number that some of the runs lack (it needs files that were
    not there) becomes optional.
    """
    result = {}
    for notebook, record in records.items():
        old = before.get(notebook)
        kept = old["numbers"] if old and not differing(record, old) else {}
        runs = {
            label: numbers(run[notebook])
            for label, run in others.items()
            if notebook in run and _settings(run[notebook]) == _settings(record)
        }
        entries = {}
        for name, (value, unit) in numbers(record).items():
            if unit not in TIMES:
                entries[name] = _entry(name, value, unit, runs, kept.get(name))
        for name, entry in kept.items():
            if entry.get("optional") and name not in entries:
                entries[name] = entry
        result[notebook] = {"parameters": _settings(record), "numbers": entries}
    return result


def _entry(name: str, value: float, unit: str, runs: Mapping[str, Mapping], old: Mapping | None) -> dict:
    floor = max(FLOOR_ABSOLUTE, FLOOR_RELATIVE * abs(value))
    seen = {label: abs(run[name][0] - value) for label, run in runs.items() if name in run}
    if seen:
        widest = max(seen, key=seen.get)
        spread, labels = seen[widest], ", ".join(sorted(seen))
        tolerance = max(floor, MARGIN * spread)
        because = f"largest change {spread:.1e} over: {labels}"
        wide = tolerance > floor
        because = f"{MARGIN:g} x the {because} (in: {widest})" if wide else f"float32 floor; {because}"
    elif old is not None:
        tolerance, because = max(floor, old["tolerance"]), old["because"]
    else:
        tolerance, because = floor, "float32 floor; changes between machines not measured"
    entry = {"value": value, "unit": unit, "tolerance": float(f"{tolerance:.2g}"), "because": because}
    # Once optional, always: these runs may all have had the files that another lacked.
    if len(seen) < len(runs) or (old and old.get("optional")):
        entry["optional"] = True
    return entry


def write(preset: str, notebooks: Mapping[str, Mapping], made: Mapping, folder: Path = FOLDER) -> Path:
    """Write the baseline of a preset; ``made`` is the version stamp of the run it comes from."""
    file = path(preset, folder)
    file.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps({"preset": preset, "made": made, "notebooks": notebooks}, indent=1, ensure_ascii=False)
    file.write_text(text + "\n", encoding="utf-8")
    return file


def moves(before: Mapping[str, Mapping], after: Mapping[str, Mapping]) -> list[str]:
    """What an acceptance changes, a line per number that moved, came or went."""
    lines = []
    for notebook in sorted(before.keys() | after.keys()):
        old = before.get(notebook, {}).get("numbers", {})
        new = after.get(notebook, {}).get("numbers", {})
        for name in [*new, *(n for n in old if n not in new)]:
            if name not in new:
                lines.append(f"{notebook}  {name}: gone, was {old[name]['value']:.6g} {old[name]['unit']}")
            elif name not in old:
                lines.append(f"{notebook}  {name}: new, {new[name]['value']:.6g} {new[name]['unit']}")
            elif new[name]["value"] != old[name]["value"]:
                change = new[name]["value"] - old[name]["value"]
                times = abs(change) / old[name]["tolerance"]
                how = "within its tolerance" if times <= 1 else f"{times:.3g} x its tolerance"
                lines.append(
                    f"{notebook}  {name}: {old[name]['value']:.6g} -> {new[name]['value']:.6g} "
                    f"{new[name]['unit']} ({change:+.2g}, {how})"
                )
    return lines


def as_dict(row: Row) -> dict:
    """A row for JSON."""
    return {**asdict(row), "fails": row.fails}
