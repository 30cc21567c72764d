"""A run as one self-contained page, and as files for machines: index.html, summary.json, junit.xml."""

from __future__ import annotations

import base64
import json
import math
import xml.etree.ElementTree as ET
from pathlib import Path

import jinja2

from helpers.measures import claims
from helpers.tools.workbook import judge, ledger
from helpers.tools.workbook.judge import counted
from helpers.tools.workbook.rendering import body
from helpers.views import plots

TABLE = Path("figures", "claims.png")  # of findings and networks, in a run's folder
_TEMPLATES = Path(__file__).parent / "templates"


def write(summary: dict, *, out: Path) -> None:
    """Write the three files of a run's summary into its folder, and the table of its claims as a picture."""
    text = json.dumps(_finite(summary), indent=1, ensure_ascii=False, allow_nan=False, default=str)
    (out / "summary.json").write_text(text + "\n", encoding="utf-8")
    _junit(summary).write(out / "junit.xml", encoding="utf-8", xml_declaration=True)
    table = claims.table(claims.kept(judge.records(out).values()))
    if len(table):
        (out / "figures").mkdir(exist_ok=True)
        plots.claims(table).savefig(out / TABLE, dpi=150, metadata={"Software": None})
    (out / "index.html").write_text(_html(summary, out), encoding="utf-8")


def _finite(value: object) -> object:
    """The value with NaN and infinities as text: JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _junit(summary: dict) -> ET.ElementTree:
    """The summary as JUnit XML: a suite per notebook; a case for its execution, each check, claim and number."""
    suites = ET.Element("testsuites", name=f"workbook {summary['preset']}")
    for entry in summary["notebooks"]:
        cases: list[tuple[str, str | None]] = [("executed", entry["reason"] or None)]
        if entry["verdict"] != "not run":
            for c in entry["checks"]:
                message = None if c["holds"] else f"{c['value']:.6g}, expected {c['expected']}"
                cases.append((f"check: {c['check']}", message))
            for claim in entry["claims"]:
                said = "no longer made" if claim["state"] == "gone" else ledger.now(claim)
                message = f"{said}; baseline {claim['then']}" if claim["fails"] else None
                cases.append((f"claim: {claim['sentence']}", message))
            for n in entry["numbers"]:
                said = "no longer recorded" if n["state"] == "gone" else f"{n['value']}{counted(n)}"
                message = f"{said}, baseline {n['expected']} ± {n['tolerance']}" if n["fails"] else None
                if n["state"] in ("holds", "moved", "gone"):
                    cases.append((f"number: {n['name']}", message))
        skipped = entry["verdict"] == "not run"
        suite = ET.SubElement(
            suites,
            "testsuite",
            name=entry["name"],
            tests=str(len(cases)),
            failures=str(0 if skipped else sum(message is not None for _, message in cases)),
            skipped=str(int(skipped)),
            time=f"{entry['seconds'] or 0:.3f}",
        )
        for name, message in cases:
            time = {"time": f"{entry['seconds'] or 0:.3f}"} if name == "executed" else {}
            case = ET.SubElement(suite, "testcase", classname=entry["name"], name=name, **time)
            if skipped:
                ET.SubElement(case, "skipped", message=message or "not run")
            elif message is not None:
                ET.SubElement(case, "failure", message=message).text = _printable(entry["traceback"])
    return ET.ElementTree(suites)


def _printable(text: str) -> str:
    """Text without the control characters XML forbids."""
    return "".join(c for c in text if c in "\n\t" or ord(c) >= 32)


def _html(summary: dict, out: Path) -> str:
    """The summary as one page with everything in it: styles, figures and the executed notebooks."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, seconds=seconds, place=place, title=title, counted=counted)
    executed = {entry["name"]: out / "notebooks" / f"{entry['name']}.ipynb" for entry in summary["notebooks"]}
    pages = {name: body(path) for name, path in executed.items() if path.exists()}
    figures = {name: _picture(out / name) for entry in summary["notebooks"] for name in entry["figures"]}
    table = _picture(out / TABLE) if (out / TABLE).exists() else None
    return environment.get_template("report.html").render(run=summary, pages=pages, figures=figures, table=table)


def _picture(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode("ascii")


def number(value: object) -> str:
    """A number for people: six digits at most, thousands set apart by a thin space."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f").replace("-", "\u2212")
    return f"{value:.6g}".replace("-", "\u2212")


def seconds(value: float | None) -> str:
    """A duration: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def place(value: float | None, target: float | None, *, tolerance: float | None) -> float | None:
    """Where a value lies between ``target - tolerance`` (0) and ``target + tolerance`` (100), clipped to these."""
    if value is None or target is None or tolerance is None or not math.isfinite(value):
        return None
    if tolerance == 0:
        return 50.0 if value == target else 100.0 * (value > target)
    return min(100.0, max(0.0, 50 + 50 * (value - target) / tolerance))


def title(name: str) -> str:
    """``"02_position_probe"`` as ``"Position probe"``."""
    words = name.partition("_")[2].replace("_", " ") or name
    return words[:1].upper() + words[1:]
