"""The verdict on a run: its summary, for the report and for machines."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path

import numpy as np
from PIL import Image

from helpers import runtime
from helpers.tools.workbook import baselines, formats, ledger
from helpers.tools.workbook.notebooks import Refused
from helpers.tools.workbook.runner import Outcome


def record(out: Path, name: str) -> dict | None:
    """The record that notebook ``name`` wrote into a run's folder, or None."""
    path = Path(out) / f"{name}.json"
    return formats.read(path, "record") if path.exists() else None


def records(out: Path, *, damaged: bool = True) -> dict[str, dict]:
    """All records of a run by notebook name.

    Args:
        out: its folder.
        damaged: whether one that is damaged is Refused; False leaves it out.
    """
    found = {}
    for path in sorted(Path(out).glob("[0-9][0-9]_*.json")):
        try:
            found[path.stem] = record(out, path.stem)
        except Refused:
            if damaged:
                raise
    return found


def judge(outcome: Outcome, *, out: Path, baseline: dict | None) -> dict:
    """One notebook's entry in the summary: its verdict and everything the verdict rests on.

    ``verdict``: passed, failed or not run. It passes when every cell was executed, a record of the given
    parameters was written, all its checks hold, every figure shows something, and no number and no claim left its
    baseline. A damaged record is a fault of its notebook alone.
    """
    written, damage = None, "it wrote no record: record.finish() is missing"
    if outcome.status != "not run":
        try:
            written = record(out, outcome.name)
        except Refused as error:
            damage = str(error)
    shown = written or {}
    figures = {f"figures/{name}": _flaw(Path(out) / "figures" / name) for name in _figures(out, outcome.name, shown)}
    entry = {
        "name": outcome.name,
        "fault": outcome.reason,
        "section": outcome.section,
        "cell": outcome.cell,
        "source": outcome.source,
        "traceback": outcome.traceback,
        "seconds": outcome.seconds,
        "overrides": outcome.parameters,
        "parameters": shown.get("parameters", {}),
        "networks": shown.get("stamp", {}).get("networks", []),
        "checks": shown.get("checks", []),
        "figures": [name for name, flaw in figures.items() if not flaw],
        "stamp": shown.get("stamp", {}),
    }
    if outcome.status == "completed":
        entry["fault"] = damage if written is None else _fault(entry) or ", ".join(filter(None, figures.values()))
    elif outcome.status == "not run":
        entry["verdict"] = "not run"
    return settle(entry, written, baseline=baseline)


def _fault(entry: dict) -> str:
    """What is wrong with the record of a notebook that ran to its end; empty if nothing is."""
    given = {name: value for name, value in entry["overrides"].items() if name not in baselines.IGNORED}
    if stale := [name for name, value in given.items() if entry["parameters"].get(name) != value]:
        return f"its record does not have the parameters it was given: {', '.join(stale)}"
    failing = sum(not check["holds"] for check in entry["checks"])
    return f"{failing} of {len(entry['checks'])} checks failed" if failing else ""


def settle(entry: dict, written: dict | None, *, baseline: dict | None) -> dict:
    """Compare an entry's numbers and claims with a baseline, and settle its verdict in place.

    Args:
        entry: of the summary.
        written: the notebook's record, if it wrote one.
        baseline: the notebook's part of the baseline, if there is one.
    """
    rows = baselines.compare(written, baseline) if written else []
    entry["numbers"] = [{**asdict(row), "fails": row.fails} for row in rows]
    entry["other_parameters"] = baselines.differing(written, baseline) if written and baseline else []
    entry["claims"] = ledger.compare(written, baseline, rows) if written else []
    moved, gone = (sum(row.state == state for row in rows) for state in ("moved", "gone"))
    parts = [f"{moved} of {len(rows) - gone} numbers moved beyond what another machine can do"] if moved else []
    parts += [f"{gone} in the baseline {'is' if gone == 1 else 'are'} no longer recorded"] if gone else []
    turned = sum(claim["fails"] for claim in entry["claims"])
    parts += [f"{turned} of the baseline's claims {'has' if turned == 1 else 'have'} another verdict"] if turned else []
    entry["reason"] = entry["fault"] or ", ".join(parts)
    if entry.get("verdict") != "not run":
        entry["verdict"] = "failed" if entry["reason"] else "passed"
    return entry


def _figures(out: Path, name: str, record: dict) -> list[str]:
    """The figures of a notebook: those that it recorded, in their order, and what else is there."""
    found = sorted((Path(out) / "figures").glob(f"{name.partition('_')[0]}_*.png"))
    return list(dict.fromkeys([*record.get("figures", []), *(path.name for path in found)]))


def _flaw(path: Path) -> str:
    """Why a figure shows nothing; empty where it shows something."""
    try:
        with Image.open(path) as image:
            pixels = np.asarray(image.convert("RGB"))
    except Exception as error:  # Pillow has one for each way in which a file can be no picture
        return f"{path.name} is no picture ({type(error).__name__})"
    return f"{path.name} is blank" if (pixels == pixels[0, 0]).all() else ""


def summarise(entries: list[dict], *, out: Path, **run: object) -> dict:
    """The summary of a run from its notebooks' entries; ``run`` says how it was run (preset, seconds, ...)."""
    previous = last(out, preset=str(run["preset"]))
    before = {entry["name"]: entry["seconds"] for entry in previous.get("notebooks", [])}
    for entry in entries:
        entry["previous_seconds"] = before.get(entry["name"])
    about = {"previous": previous.get("folder"), "provenance": runtime.stamp(), "folder": Path(out).name}
    summary = {**tally(entries), **run, **about, "notebooks": entries}
    for entry in entries:
        entry["command"] = _command(summary, entry["name"])
    return summary


def _command(summary: dict, name: str) -> str:
    """The command that runs one notebook of a run again, alone."""
    words = ["python", "-m", "helpers", "run", "--preset", summary["preset"], "--only", name.partition("_")[0]]
    for setting in summary.get("settings", {}).items():
        words += ["--set", "=".join(setting)]
    return shlex.join([*words, *(["--perturb", str(summary["perturb"])] if summary.get("perturb") else [])])


def tally(entries: list[dict]) -> dict:
    """The ``verdict`` of a run (holds, fails or interrupted) and its ``counts``."""
    verdicts = [entry["verdict"] for entry in entries]
    states = [number["state"] for entry in entries for number in entry["numbers"]]
    counts = {
        "notebooks": len(entries),
        **{verdict: verdicts.count(verdict) for verdict in ("passed", "failed", "not run")},
        "checks": sum(len(entry["checks"]) for entry in entries),
        "checks failed": sum(not check["holds"] for entry in entries for check in entry["checks"]),
        "numbers": len(states),
        **{state: states.count(state) for state in baselines.STATES},
        **ledger.tally(claim for entry in entries for claim in entry["claims"]),
        "figures": sum(len(entry["figures"]) for entry in entries),
    }
    verdict = "fails" if counts["failed"] else "interrupted" if counts["not run"] else "holds"
    return {"verdict": verdict, "counts": counts}


def renew(summary: dict, *, out: Path, baseline: dict) -> dict:
    """The summary of a finished run, judged again by another baseline."""
    for entry in summary["notebooks"]:
        settle(entry, record(out, entry["name"]), baseline=baseline.get(entry["name"]))
    return {**summary, **tally(summary["notebooks"])}


def last(out: Path, *, preset: str) -> dict:
    """The summary of the latest finished run of a preset beside the folder ``out``; empty if there is none."""
    found = []
    for path in Path(out).resolve().parent.glob("*/summary.json"):
        try:
            summary = formats.read(path, "summary")
        except Refused:
            continue
        if summary["preset"] == preset and path.parent.name != Path(out).name:
            found.append({**summary, "folder": path.parent.name})
    return max(found, key=lambda summary: str(summary.get("finished")), default={})


def failures(summary: dict) -> Iterable[str]:
    """The lines a failed run ends with: per notebook its reason, each failing check, claim, number."""
    for entry in summary["notebooks"]:
        if entry["verdict"] == "passed":
            continue
        where = f", cell {entry['cell']} ({entry['section']})" if entry["cell"] else ""
        yield f"{entry['name']}{where}: {(entry['reason'] or entry['verdict']).splitlines()[0]}"
        for check in entry["checks"]:
            if not check["holds"]:
                value, expected, source = check["value"], check["expected"], check["source"]
                yield f"    check   {check['check']} = {float(value):.6g}, expected {expected} ({source})"
        yield from ledger.failures(entry["claims"])
        by_state = {
            state: [number for number in entry["numbers"] if number["state"] == state]
            for state in ("moved", "gone", "new")
        }
        for number in by_state["moved"]:
            expected = f"{number['expected']:.6g} ± {number['tolerance']:.2g} {number['unit']}"
            yield f"    moved   {number['name']} = {number['value']:.6g}, baseline {expected}{counted(number)}"
        for number in by_state["gone"]:
            yield f"    gone    {number['name']}, baseline {number['expected']:.6g} {number['unit']}"
        if by_state["new"] and (by_state["moved"] or by_state["gone"]):
            yield f"    new     {', '.join(number['name'] for number in by_state['new'])}"
        yield f"    alone   {entry['command']}"


def counted(number: dict) -> str:
    """By how many of the things counted a number moved, in brackets; empty for numbers that are no counts."""
    return "" if number["counts"] is None else f" (by {number['counts']:+.3g} counts)"
