"""A demo run put into the repository: outputs in the notebooks, figures with their sidecars, a gallery.

What has not changed keeps its bytes: a notebook whose sources, numbers, figures and wording are those of
the committed one is left alone, and so is a sidecar that differs only in its version stamp or in times.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode
from PIL import Image

from helpers.records import DPI, write_file
from helpers.tools.commandline import read_json
from helpers.tools.workbook import baselines, judge
from helpers.tools.workbook.captions import Caption, captions
from helpers.tools.workbook.notebooks import Notebook, Refused, readable
from helpers.tools.workbook.rendering import small
from helpers.tools.workbook.report import TABLE, title

ROOT = Path(__file__).resolve().parents[3]
_WIDGET = "application/vnd.jupyter.widget-view+json"
_NUMBER = re.compile(r"0x[0-9a-f]+|[-+]?\d[\d.]*(e[-+]?\d+)?")


def publish(run: Path, notebooks: list[Notebook], *, summary: dict, figures: Path) -> list[str]:
    """Publish a run's notebooks and figures.

    Args:
        run: its folder.
        notebooks: all that there are.
        summary: of the run.
        figures: the folder for figures and gallery.

    Returns:
        The names of the files that were written.

    Raises:
        Refused: The run is not a plain one of the preset ``demo``, or does not hold.
    """
    if summary["preset"] != "demo" or summary["settings"] or summary.get("perturb"):
        raise Refused(f"{run} is not a plain demo run: publish one of the preset demo, without --set or --perturb")
    if summary["verdict"] != "holds":
        lines = "\n".join(judge.failures(summary))
        raise Refused(f"{run} does not hold: mend it, or `make accept` the numbers that moved\n{lines}")
    entries = {entry["name"]: entry for entry in summary["notebooks"]}
    chosen = [notebook for notebook in notebooks if notebook.name in entries]
    written = []
    for notebook in chosen:
        with readable(run / "notebooks" / notebook.path.name):
            executed = nbformat.read(run / "notebooks" / notebook.path.name, as_version=4)
        _tidy(executed, run)
        if _write_notebook(executed, notebook, judge.record(run, notebook.name) or {}):
            written.append(notebook.path.name)
        written += _write_figures(run, notebook, figures)
    if len(chosen) == len(notebooks):
        written += _gallery(notebooks, figures)
        written += _table(run, figures)
    return written


def _tidy(notebook: NotebookNode, run: Path) -> None:
    """Change an executed notebook into what is committed.

    That is its own cells only, counted from 1, with small pictures, and without timings, widget state, progress bars
    and paths of this machine.
    """
    notebook.cells = [c for c in notebook.cells if "injected-parameters" not in c.metadata.get("tags", [])]
    for key in ("papermill", "widgets"):
        notebook.metadata.pop(key, None)
    notebook.get("metadata", {}).get("language_info", {}).pop("version", None)
    count = 0
    for cell in notebook.cells:
        for key in ("papermill", "execution"):
            cell.metadata.pop(key, None)
        if cell.cell_type != "code":
            continue
        count += bool(cell.source.strip())
        cell.execution_count = count if cell.source.strip() else None
        cell.outputs = [output for output in cell.outputs if _stays(output)]
        for index, output in enumerate(cell.outputs):
            if "execution_count" in output:
                output.execution_count = count
            _lighten(output, run, f"T_{count}_{index}")


def _stays(output: NotebookNode) -> bool:
    """Whether an output is committed: all but widgets, progress bars and warnings."""
    return _WIDGET not in output.get("data", {}) and output.get("name") != "stderr"


def _lighten(output: NotebookNode, run: Path, table: str) -> None:
    hidden = {str(run.resolve()): "../runs/lab", str(ROOT): ".."}

    def clean(text: str) -> str:
        for theirs, ours in hidden.items():
            text = text.replace(theirs, ours)
        return text

    if "text" in output:
        output.text = clean(output.text)
    for kind, content in output.get("data", {}).items():
        if kind == "image/png":
            output.data[kind] = base64.b64encode(small(base64.b64decode(content))).decode("ascii")
        elif isinstance(content, str):
            # pandas draws an id for each styled table
            output.data[kind] = re.sub(r"\bT_[0-9a-f]{5}(?![0-9a-f])", table, clean(content))


def _write_notebook(executed: NotebookNode, notebook: Notebook, record: dict) -> bool:
    """Write a tidied notebook over the committed one, unless nothing but times and versions differs."""
    there = nbformat.read(notebook.path, as_version=4)
    digest = _digest(executed, record)
    executed.metadata["digest"] = digest
    if there.metadata.get("digest") == digest and _sources(there) == _sources(executed):
        return False
    write_file(notebook.path, nbformat.writes(executed) + "\n")
    return True


def _sources(notebook: NotebookNode) -> list[tuple[str, str]]:
    return [(cell.cell_type, cell.source) for cell in notebook.cells]


def _digest(notebook: NotebookNode, record: dict) -> str:
    """A digest of what decides whether a notebook is written again.

    That is its sources, recorded numbers and pictures, and the words of its outputs without digits, which may be
    times and versions.
    """
    parts: list[object] = [_sources(notebook), baselines.numbers(record)]
    for cell in notebook.cells:
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            page = re.sub(r"<style.*?</style>|<[^>]*>", "", str(data.get("text/html", "")), flags=re.DOTALL)
            texts = [output.get("text", ""), data.get("text/plain", ""), data.get("text/markdown", ""), page]
            parts.append([_NUMBER.sub("#", str(text)) for text in texts])
            parts.append(data.get("image/png", ""))
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:16]


def _write_figures(run: Path, notebook: Notebook, figures: Path) -> list[str]:
    """Copy a notebook's figures and sidecars that changed, and remove those that it no longer makes."""
    made = sorted((run / "figures").glob(f"{notebook.number}_*.png"))
    written = []
    for path in made:
        target, sidecar = figures / path.name, path.with_suffix(".json")
        same = target.exists() and path.read_bytes() == target.read_bytes()
        if same and _same_sidecar(sidecar, target.with_suffix(".json")):
            continue
        for file in (sidecar, path):  # the picture last: without it all of them are written again
            write_file(figures / file.name, file.read_bytes())
        written.append(f"figures/{path.name}")
    for old in figures.glob(f"{notebook.number}_*"):
        if old.with_suffix(".png").name not in {path.name for path in made}:
            old.unlink()
            written.append(f"figures/{old.name} (removed)")
    return written


def _same_sidecar(a: Path, b: Path) -> bool:
    """Whether two sidecars agree in all but the version stamp and times."""
    if not b.exists():
        return False
    one, two = map(_sidecar, (a, b))
    for sidecar in (one, two):
        sidecar["values"] = baselines.numbers(sidecar)
        sidecar.pop("stamp", None)
    return one == two


def _sidecar(path: Path) -> dict:
    with readable(path):
        content = read_json(path)
        _ = content["values"].items(), content["parameters"].items()
    return content


def _gallery(notebooks: list[Notebook], figures: Path) -> list[str]:
    """Write ``figures/README.md``: an index of all figures, then each under its notebook with what it shows."""
    index, lines = [], []
    for notebook in notebooks:
        there = {path.stem[3:]: path for path in sorted(figures.glob(f"{notebook.number}_*.png"))}
        told = captions(notebook.path)
        names = [name for name in told if name in there]  # in the notebook's order
        names += [name for name in there if name not in told]
        if not names:
            continue
        parameters = _sidecar(there[names[0]].with_suffix(".json"))["parameters"]
        given = ", ".join(f"{name} {_short(value)}" for name, value in parameters.items())
        lines += ["", f"## [{notebook.number} {title(notebook.name)}](../notebooks/{notebook.path.name})"]
        lines += ["", f"Made with: {given}."]
        for name in names:
            caption, file = told.get(name, Caption("", "")), there[name]
            index.append(f'<a href="#{file.stem}"><img src="{file.name}" alt="{title(file.stem)}" height="90"></a>')
            with Image.open(file) as image:
                width = round(image.width * 96 / DPI)  # a page has 96 dots an inch
            lines += [
                "",
                f'<a id="{file.stem}"></a>',
                "",
                f'<img src="{file.name}" alt="{title(file.stem)}" width="{width}">',
            ]
            shows, reading = (escape(each, quote=False) for each in (caption.shows, caption.reading))
            words = f"{shows} *{reading}*" if reading else shows
            lines += ["", f"**{title(file.stem)}.** {words} ([sidecar]({file.stem}.json))"]
    lines = [
        "# Figures",
        "",
        "Made by `make figures` from a demo run; each has a sidecar that tells from what.",
        "",
        *index,
        *lines,
    ]
    page = figures / "README.md"
    text = "\n".join(lines) + "\n"
    if page.exists() and page.read_text(encoding="utf-8") == text:
        return []
    write_file(page, text)
    return ["figures/README.md"]


def _table(run: Path, figures: Path) -> list[str]:
    """The table of claims, if the run made one and it is another than the committed one."""
    made, kept = run / TABLE, figures / TABLE.name
    if not made.exists() or (kept.exists() and kept.read_bytes() == made.read_bytes()):
        return []
    write_file(kept, made.read_bytes())
    return [f"figures/{kept.name}"]


def _short(value: object) -> str:
    return " / ".join(map(str, value)) if isinstance(value, list) else str(value)
