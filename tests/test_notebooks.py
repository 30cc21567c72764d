"""All notebooks for real, with the smoke preset, as `make run` executes them; and twice the same numbers."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from helpers.tools.workbook import baselines, commands, judge, notebooks

pytestmark = pytest.mark.notebooks
NAMES = [notebook.name for notebook in notebooks.discover()]


@pytest.fixture(scope="module")
def smoke(tmp_path_factory) -> tuple[Path, int]:
    """The folder and exit code of a smoke run of everything."""
    out = tmp_path_factory.mktemp("smoke") / "run"
    return out, commands.run(["--preset", "smoke", "--out", str(out)])


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
    name = NAMES[0]
    assert commands.run(["--preset", "smoke", "--only", name, "--out", str(tmp_path / "again")]) == 0
    one, two = judge.record(first, name), judge.record(tmp_path / "again", name)
    for record in (one, two):
        record.pop("stamp")
        record["values"] = {k: v for k, v in record["values"].items() if v["unit"] not in baselines.TIMES}
    assert one == two
    for figure in one["figures"]:
        path = Path("figures") / figure
        assert (first / path).read_bytes() == (tmp_path / "again" / path).read_bytes(), figure
