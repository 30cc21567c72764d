"""Accepted numbers per preset, each with a tolerance that follows from its own sensitivity.

``tests/baselines/<preset>.json`` holds, per notebook, the parameters, every recorded number and every claim's
verdict. Numbers repeat to the bit on one machine, but another machine adds float32 numbers in another order. What
that can do to a number is measured, not guessed: the preset runs again a few times with the features perturbed by
more than machines differ (:mod:`helpers.features.perturbation`), and :func:`tolerance` follows from the changes.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from helpers.records import write_file
from helpers.tools.workbook import formats, ledger

FOLDER = Path(__file__).resolve().parents[3] / "tests" / "baselines"
IGNORED = frozenset({"out", "device"})  # parameters that say where a notebook runs, not what it computes
TIMES = frozenset({"s", "ms", "s/frame", "frames/s", "images/s", "MB/s", "MiB", "x (time)", "time ratio"})
STATES = ("holds", "moved", "gone", "new", "other", "untracked")
DRAWS = 2  # perturbed runs of a notebook that `accept --measure` makes, where one does not settle its numbers
# The draws are five times the largest difference measured between ways of computing, and another machine's change is
# one more draw, of a fifth of that size. It exceeds three times the largest of two draws once in 350 numbers (normal
# changes). Most numbers have a floor that is far wider than any draw: one draw tells them from the few others.
SETTLED = 10.0  # times its largest change: a floor that wide needs no further draw
MARGIN = 3.0
# float32 carries 6e-8; sums over some thousand terms and the differences of near-equal cosines lose up to three
# digits of it. No tolerance is smaller than this, however little the draws change.
FLOOR_RELATIVE, FLOOR_ABSOLUTE = 1e-4, 1e-6
# A count moves in steps, and draws that took none do not show that there can be none. Answers near a boundary flip
# now and then, independently of each other; where one flip is to be expected, more than three hardly ever happen.
COUNTS = 3


@dataclass(frozen=True)
class Row:
    """One number against its baseline.

    Attributes:
        state: holds, moved, gone (no longer recorded), new, other (the run has other parameters than the baseline)
            or untracked (a time).
        because: where the tolerance comes from.
        counts: of a number of the kind count: by how many of the things counted it moved.
    """

    name: str
    state: str
    value: float | None
    unit: str
    expected: float | None = None
    tolerance: float | None = None
    because: str = ""
    counts: float | None = None

    @property
    def fails(self) -> bool:
        """Whether the number makes its notebook fail."""
        return self.state in ("moved", "gone")


def read(preset: str, *, folder: Path = FOLDER) -> dict:
    """The baseline of a preset by notebook name; empty if it has none yet."""
    file = folder / f"{preset}.json"
    if not file.exists():
        return {}
    return formats.read(file, "baseline")["notebooks"]


def numbers(record: Mapping) -> dict[str, dict]:
    """The numbers of a record that a baseline follows, by name: value, unit, kind, n. Times are left out."""
    return {name: entry for name, entry in record.get("values", {}).items() if entry["unit"] not in TIMES}


def _settings(record: Mapping) -> dict[str, object]:
    return {k: v for k, v in record.get("parameters", {}).items() if k not in IGNORED}


def differing(record: Mapping, baseline: Mapping) -> list[str]:
    """The parameters in which a record and its baseline differ, as ``name value (baseline value)``."""
    now, then = _settings(record), _settings(baseline)
    return [
        f"{name} {now.get(name)!r} (baseline {then.get(name)!r})"
        for name in sorted(now.keys() | then.keys())
        if now.get(name) != then.get(name)
    ]


def tolerance(entry: Mapping) -> tuple[float, str]:
    """How far a number may move from its accepted value, and why.

    The larger of `MARGIN` times the largest change over the draws and of a floor: `COUNTS` counts of ``1 / n`` for a
    *count*, and float32's own, `FLOOR_RELATIVE` of the value, for all kinds. A *statistic* over objects needs no
    floor of its own, however few they are: a mean, median, quantile or bootstrap bound never moves further than
    the objects' numbers do (with ``seed`` the draws of a bootstrap are the same everywhere). Rounded up to two digits.
    """
    largest, draws = max(entry["changes"], default=0.0), len(entry["changes"])
    over = f"the largest change over {draws} runs, {largest:.1e}" if draws else "changes: not measured"
    ways = [
        (FLOOR_ABSOLUTE, f"float32 floor; {over}"),
        (FLOOR_RELATIVE * abs(entry["value"]), f"float32 floor; {over}"),
        (MARGIN * largest, f"{MARGIN:g} x {over}"),
    ]
    if entry["kind"] == "count":
        ways.append((COUNTS / entry["n"], f"{COUNTS} counts of {entry['n']:,}; {over}"))
    size, why = max(ways)
    step = 10.0 ** (math.floor(math.log10(size)) - 1)
    return float(f"{math.ceil(size / step - 1e-6) * step:.2g}"), why


def settled(entry: Mapping) -> bool:
    """Whether a number has draws enough: `DRAWS` of them, or fewer, if its floor is `SETTLED` times their largest."""
    changes = entry["changes"]
    return len(changes) >= DRAWS or (len(changes) > 0 and SETTLED * max(changes) <= entry["tolerance"])


def compare(record: Mapping, baseline: Mapping | None) -> list[Row]:
    """A notebook's record against its part of the baseline: a row per number."""
    found = record.get("values", {})
    missing = "new" if baseline is None else "other" if differing(record, baseline) else ""
    entries = {} if missing else baseline["numbers"]
    rows = []
    for name, now in found.items():
        value, unit, entry = now["value"], now["unit"], entries.get(name)
        if unit in TIMES or entry is None:
            rows.append(Row(name, "untracked" if unit in TIMES else missing or "new", value, unit))
            continue
        change = value - entry["value"]
        alike = all(now.get(key) == entry[key] for key in ("unit", "kind"))
        state = "holds" if alike and abs(change) <= entry["tolerance"] else "moved"
        counts = round(change * entry["n"], 1) if entry["kind"] == "count" else None
        rows.append(Row(name, state, value, unit, entry["value"], entry["tolerance"], tolerance(entry)[1], counts))
    for name, entry in entries.items():
        if name not in found and not entry.get("optional"):
            why = tolerance(entry)[1]
            rows.append(Row(name, "gone", None, entry["unit"], entry["value"], entry["tolerance"], why))
    return rows


def accepted(
    records: Mapping[str, Mapping],
    before: Mapping[str, Mapping],
    *,
    draws: list[Mapping[str, Mapping]] = (),
    spread: list[Mapping[str, Mapping]] = (),
) -> dict[str, dict]:
    """The new baseline of a run: its records by notebook name, with tolerances.

    Args:
        records: of the run, by notebook name.
        before: the baseline so far. Without new draws its numbers keep the changes measured for them, unless
            their kind or the notebook's parameters changed.
        draws: records of perturbed runs; they replace the changes measured before.
        spread: records of runs made elsewhere; their changes are added. A number that some of the runs lack (it
            needs files that those machines did not have) becomes optional.
    """
    result = {}
    for notebook, record in records.items():
        old = before.get(notebook)
        kept = old["numbers"] if old and not differing(record, old) else {}
        fresh, further = (
            [numbers(run[notebook]) for run in runs if notebook in run and not differing(record, run[notebook])]
            for runs in (draws, spread)
        )
        entries = {}
        for name, now in numbers(record).items():
            then = kept.get(name, {})
            changes = [] if fresh or then.get("kind") != now["kind"] else then["changes"]
            runs = [run[name]["value"] for run in [*fresh, *further] if name in run]
            entry = {**now, "changes": [*changes, *(float(f"{abs(each - now['value']):.3g}") for each in runs)]}
            entries[name] = entry | {"tolerance": tolerance(entry)[0]}
            # Once optional, always: all of these runs may have had the files that an earlier one lacked.
            if len(runs) < len(fresh) + len(further) or then.get("optional"):
                entries[name]["optional"] = True
        for name, entry in kept.items():
            if entry.get("optional"):
                entries.setdefault(name, entry)
        claims = ledger.accepted(record, old if kept else None, entries)
        result[notebook] = {"parameters": _settings(record), "numbers": entries, "claims": claims}
    return result


def write(preset: str, notebooks: Mapping[str, Mapping], *, made: Mapping, folder: Path = FOLDER) -> Path:
    """Write the baseline of a preset; ``made`` is the version stamp of the run it comes from."""
    file = folder / f"{preset}.json"
    text = json.dumps({"preset": preset, "made": made, "notebooks": notebooks}, indent=1, ensure_ascii=False)
    write_file(file, text + "\n")
    return file


def moves(before: Mapping[str, Mapping], after: Mapping[str, Mapping]) -> list[str]:
    """What accepting a run changes: a line per number that moved, is new or is gone."""
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
