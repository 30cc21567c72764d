"""From what ran to what holds: a run's summary, which the report and every machine reads."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
from PIL import Image

from helpers import runtime
from helpers.workbook import baselines
from helpers.workbook.runner import Outcome


def record(out: Path, name: str) -> dict | None:
    """The record that notebook ``name`` wrote into a run's folder, or None."""
    path = Path(out) / f"{name}.json"
    return json.loads(path.read_text(encoding="utf-8")) if path.exists() else None


def records(out: Path) -> dict[str, dict]:
    """All records of a run by notebook name."""
    return {path.stem: record(out, path.stem) for path in sorted(Path(out).glob("[0-9][0-9]_*.json"))}


def judge(outcome: Outcome, out: Path, baseline: dict | None) -> dict:
    """One notebook's entry in the summary: its verdict and everything the verdict rests on.

    ``verdict``: passed, failed or not run. It passes when every cell was executed, a record was written,
    every check of the record holds, and no number left its baseline.
    """
    written = record(out, outcome.name) if outcome.status != "not run" else None
    rows = baselines.compare(written, baseline) if written else []
    checks = written.get("checks", []) if written else []
    failing = [check for check in checks if not check["holds"]]
    moved = [row for row in rows if row.fails]
    reason = outcome.reason
    if outcome.status == "completed" and written is None:
        reason = "it wrote no record: record.finish() is missing"
    elif not reason and (stale := _stale(outcome, written)):
        reason = f"its record does not have the parameters it was given: {', '.join(stale)}"
    elif not reason and failing:
        reason = f"{len(failing)} of {len(checks)} checks failed"
    elif not reason and moved:
        reason = f"{len(moved)} of {len(rows)} numbers left the baseline"
    verdict = "not run" if outcome.status == "not run" else "failed" if reason else "passed"
    return {
        "name": outcome.name,
        "verdict": verdict,
        "reason": reason,
        "section": outcome.section,
        "cell": outcome.cell,
        "source": outcome.source,
        "traceback": outcome.traceback,
        "seconds": outcome.seconds,
        "overrides": outcome.parameters,
        "parameters": (written or {}).get("parameters", {}),
        "networks": (written or {}).get("stamp", {}).get("networks", []),
        "checks": checks,
        "numbers": [baselines.as_dict(row) for row in rows],
        "other_parameters": baselines.differing(written, baseline) if written and baseline else [],
        "figures": [f"figures/{name}" for name in _figures(out, outcome.name, written)],
        "stamp": (written or {}).get("stamp", {}),
    }


def _stale(outcome: Outcome, written: dict | None) -> list[str]:
    """The injected parameters that a record does not show as injected."""
    shown = (written or {}).get("parameters", {})
    given = {name: value for name, value in outcome.parameters.items() if name not in baselines.IGNORED}
    return [name for name, value in given.items() if shown.get(name) != value]


def _figures(out: Path, name: str, written: dict | None) -> list[str]:
    """The figures of a notebook, in the order in which it made them."""
    found = [path.name for path in sorted((Path(out) / "figures").glob(f"{name.partition('_')[0]}_*.png"))]
    order = (written or {}).get("figures", [])
    return sorted(found, key=lambda figure: order.index(figure) if figure in order else len(order))


def blank(path: Path) -> bool:
    """Whether a figure shows nothing: all its pixels are of one colour."""
    with Image.open(path) as image:
        pixels = np.asarray(image.convert("RGB"))
    return bool((pixels == pixels[0, 0]).all())


def summarise(entries: list[dict], out: Path, **run: object) -> dict:
    """The summary of a run from its notebooks' entries; ``run`` says how it was run (preset, seconds, ...).

    ``verdict``: holds, fails or interrupted.
    """
    for entry in entries:
        empty = [name for name in entry["figures"] if blank(Path(out) / name)]
        if empty and entry["verdict"] == "passed":
            entry["verdict"], entry["reason"] = "failed", f"a blank figure: {', '.join(empty)}"
    verdicts = [entry["verdict"] for entry in entries]
    verdict = "fails" if "failed" in verdicts else "interrupted" if "not run" in verdicts else "holds"
    previous = last(out, str(run.get("preset", "")))
    before = {entry["name"]: entry["seconds"] for entry in previous.get("notebooks", [])}
    for entry in entries:
        entry["previous_seconds"] = before.get(entry["name"])
    states = [number["state"] for entry in entries for number in entry["numbers"]]
    return {
        "verdict": verdict,
        "counts": {
            "notebooks": len(entries),
            "passed": verdicts.count("passed"),
            "failed": verdicts.count("failed"),
            "not run": verdicts.count("not run"),
            "checks": sum(len(entry["checks"]) for entry in entries),
            "checks failed": sum(not check["holds"] for entry in entries for check in entry["checks"]),
            "numbers": len(states),
            **{state: states.count(state) for state in baselines.STATES},
            "figures": sum(len(entry["figures"]) for entry in entries),
        },
        **run,
        "previous": previous.get("folder"),
        "provenance": runtime.stamp(),
        "folder": Path(out).name,
        "notebooks": entries,
    }


def last(out: Path, preset: str) -> dict:
    """The summary of the latest finished run of the same preset beside ``out``; empty where there is none."""
    found = []
    for path in Path(out).resolve().parent.glob("*/summary.json"):
        try:
            summary = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            continue
        if summary.get("preset") == preset and path.parent.name != Path(out).name:
            found.append({**summary, "folder": path.parent.name})
    return max(found, key=lambda summary: summary.get("finished", ""), default={})


def failures(summary: dict) -> Iterable[str]:
    """The lines a failed run ends with: per notebook its reason, and each failing check and number."""
    for entry in summary["notebooks"]:
        if entry["verdict"] == "passed":
            continue
        where = f", cell {entry['cell']} ({entry['section']})" if entry["cell"] else ""
        yield f"{entry['name']}{where}: {(entry['reason'] or entry['verdict']).splitlines()[0]}"
        for check in entry["checks"]:
            if not check["holds"]:
                value, expected, source = check["value"], check["expected"], check["source"]
                yield f"    check   {check['check']} = {value:.6g}, expected {expected} ({source})"
        for number in entry["numbers"]:
            if number["fails"]:
                value = "not recorded" if number["value"] is None else f"{number['value']:.6g}"
                expected = f"{number['expected']:.6g} ± {number['tolerance']:.2g} {number['unit']}"
                yield f"    number  {number['name']} = {value}, baseline {expected}"
