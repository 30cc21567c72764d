"""All notebooks for real, with the smoke preset, as `make run` executes them; and twice the same numbers."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import jupytext
import nbformat
import pytest

from helpers.tools.workbook import baselines, commands, judge, notebooks

pytestmark = pytest.mark.notebooks
NAMES = [notebook.name for notebook in notebooks.discover()]


def with_solutions(folder: Path) -> Path:
    """A copy of the notebooks in which each exercise is followed by its solutions as cells.

    So a reader may run them: they fail nowhere, and change no number of what comes after them.
    """
    folder.mkdir()
    shutil.copy(notebooks.FOLDER / "presets.toml", folder)
    for notebook in notebooks.discover():
        book = nbformat.read(notebook.path, as_version=4)
        for index, cell in reversed(list(enumerate(book.cells))):
            if cell.cell_type == "markdown":
                solved = [nbformat.v4.new_code_cell(code.strip()) for code in notebooks.solutions(cell.source)]
                book.cells[index + 1 : index + 1] = solved
        nbformat.write(book, folder / notebook.path.name)
        jupytext.write(book, folder / notebook.source.name, fmt="py:percent")
    return folder


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[Path, int]:
    """The folder and exit code of a smoke run of everything, the solutions of exercises included."""
    made = tmp_path_factory.mktemp("smoke")
    books = with_solutions(made / "notebooks")
    return made / "run", commands.run(["--preset", "smoke", "--notebooks", str(books), "--out", str(made / "run")])


@pytest.mark.parametrize("name", NAMES)
def test_notebook_holds(smoke, name: str) -> None:
    out, _ = smoke
    summary = json.loads((out / "summary.json").read_text(encoding="utf-8"))
    entry = next(entry for entry in summary["notebooks"] if entry["name"] == name)
    assert entry["verdict"] == "passed", "\n".join(judge.failures({"notebooks": [entry]})) + entry["traceback"]
    assert entry["checks"] and entry["figures"]


def test_the_run_is_green_and_has_its_report(smoke) -> None:
    out, code = smoke
    assert code == 0
    page = (out / "index.html").read_text(encoding="utf-8")
    assert "Everything holds" in page
    assert all(f'id="{name}"' in page for name in NAMES)
    assert {path.name for path in out.iterdir()} >= {"summary.json", "figures", "notebooks"}


def test_two_runs_give_identical_records(smoke, tmp_path: Path) -> None:
    """To the last bit: numbers, checks and the bytes of the figures (times apart)."""
    first, _ = smoke
    name = "02_position_probe"  # of those that draw at random, fit and plot the quickest
    assert commands.run(["--preset", "smoke", "--only", name, "--out", str(tmp_path / "again")]) == 0
    one, two = judge.record(first, name), judge.record(tmp_path / "again", name)
    for record in (one, two):
        record.pop("stamp")
        record["values"] = {k: v for k, v in record["values"].items() if v["unit"] not in baselines.TIMES}
    assert one == two
    for figure in one["figures"]:
        path = Path("figures") / figure
        assert (first / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), figure
