"""The command line: every command is there, unknown ones are met, and publishing keeps unchanged bytes."""

from __future__ import annotations

import base64
import importlib
import inspect
import io
import json
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from PIL import Image
from test_workbook import GOOD, make

from helpers import __main__ as command_line
from helpers.tools.workbook import commands, rendering
from helpers.views import plots

ROOT = Path(__file__).resolve().parents[1]
DRAW = """
from helpers import records
from matplotlib.figure import Figure
import sys
given = {"seed": seed, "scale": scale, "names": names, "label": label, "quick": quick}
record = records.Record(stem, out, given)
record.value("total", total, unit="points")
record.check("total", total, expected=expected, tolerance=0, source="by hand")
from helpers.measures import claims, uncertainty
claims.keep(record, {"Net": {"padding": uncertainty.Interval(2.0, 1.5, 3.0, 0.95, 8, 8)}})
figure = Figure(figsize=(2, 1))
_ = figure.add_subplot().plot([0, total])
path = record.save_figure(figure, "line")
print("kept in", out, file=sys.stdout)
print("a progress" + " bar", file=sys.stderr)
record.finish()
from IPython.display import Image
Image(str(path))
"""


def test_help_lists_every_command(capsys) -> None:
    assert command_line.main(["--help"]) == 0
    said = capsys.readouterr().out
    assert all(name in said for name in command_line.COMMANDS)
    assert command_line.main([]) == 2


def test_an_unknown_command_names_the_nearest(capsys) -> None:
    assert command_line.main(["rnu"]) == 2
    assert "did you mean 'run'?" in capsys.readouterr().err


@pytest.mark.parametrize("name", command_line.COMMANDS)
def test_every_command_is_there(name: str, capsys) -> None:
    module, function, _ = command_line.COMMANDS[name]
    assert inspect.isfunction(getattr(importlib.import_module(module), function))
    with pytest.raises(SystemExit) as ended:
        command_line.main([name, "--help"])
    assert ended.value.code == 0
    assert f"python -m helpers {name}" in capsys.readouterr().out


def test_help_is_quick_to_import() -> None:
    """Asking for help must not import torch."""
    code = "import sys, helpers.__main__ as m; m.main(['--help']); sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT, stdout=subprocess.DEVNULL)


# Publishing


@pytest.fixture(scope="module")
def published(tmp_path_factory) -> tuple[Path, Path]:
    """A demo run of one notebook with a figure, published once: its folder and the run's."""
    folder = tmp_path_factory.mktemp("publish")
    make(folder / "notebooks", "01_one", GOOD, DRAW)
    run = folder / "runs" / "demo"
    where = ["--notebooks", str(folder / "notebooks"), "--baselines", str(folder / "baselines")]
    assert commands.run([*where, "--out", str(run)]) == 0
    assert publish_again(folder, run) == 0
    return folder, run


def publish_again(folder: Path, run: Path) -> int:
    figures = ["--figures", str(folder / "figures")]
    return commands.publish_run(["--notebooks", str(folder / "notebooks"), *figures, str(run)])


def state(folder: Path) -> dict[str, bytes]:
    paths = [*(folder / "notebooks").iterdir(), *(folder / "figures").iterdir()]
    return {path.name: path.read_bytes() for path in paths}


def test_published_notebook_is_as_it_is_committed(published) -> None:
    folder, run = published
    text = (folder / "notebooks" / "01_one.ipynb").read_text(encoding="utf-8")
    notebook = nbformat.reads(text, as_version=4)
    assert "injected-parameters" not in text and "papermill" not in text
    assert str(run) not in text and "kept in ../runs/lab" in text
    assert "a progress bar" not in text
    code = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    (picture,) = [o.data["image/png"] for cell in code for o in cell.outputs if "image/png" in o.get("data", {})]
    with Image.open(io.BytesIO(base64.b64decode(picture))) as image:
        assert image.mode == "P"
    assert commands.pairs(["--notebooks", str(folder / "notebooks")]) == 0


def test_published_figures_have_a_gallery(published) -> None:
    folder, _ = published
    names = sorted(path.name for path in (folder / "figures").iterdir())
    assert names == ["01_line.json", "01_line.png", "README.md", "claims.png"]
    page = (folder / "figures" / "README.md").read_text(encoding="utf-8")
    assert '<img src="01_line.png" alt="Line" width=' in page and '<a href="#01_line">' in page
    assert "../notebooks/01_one.ipynb" in page and "seed 0" in page


def test_unchanged_numbers_keep_their_bytes(published, capsys) -> None:
    """A second run, with another commit in its stamp, changes nothing; other numbers do."""
    folder, run = published
    before = state(folder)
    again = folder / "runs" / "again"
    where = ["--notebooks", str(folder / "notebooks"), "--baselines", str(folder / "baselines")]
    assert commands.run([*where, "--out", str(again)]) == 0
    sidecar = again / "figures" / "01_line.json"
    content = json.loads(sidecar.read_text(encoding="utf-8"))
    content["stamp"]["commit"] = "0" * 12
    sidecar.write_text(json.dumps(content), encoding="utf-8")
    capsys.readouterr()
    assert publish_again(folder, again) == 0
    assert capsys.readouterr().out == "Nothing changed.\n"
    assert state(folder) == before

    content["values"]["total"]["value"] += 1
    sidecar.write_text(json.dumps(content), encoding="utf-8")
    assert publish_again(folder, again) == 0
    assert capsys.readouterr().out == "figures/01_line.png\n"
    assert publish_again(folder, run) == 0  # back, for the other tests


def test_the_table_of_claims_is_in_the_report_and_published(published) -> None:
    folder, run = published
    picture = (run / "figures" / "claims.png").read_bytes()
    assert (folder / "figures" / "claims.png").read_bytes() == picture
    page = (run / "index.html").read_text(encoding="utf-8")
    assert base64.b64encode(picture).decode("ascii") in page and "the table of claims" in page
    assert "Net: without a border the change across the frame is smaller." in page


def test_a_stale_figure_is_removed(published) -> None:
    folder, run = published
    old = folder / "figures" / "01_old.png"
    old.write_bytes(b"")
    assert publish_again(folder, run) == 0
    assert not old.exists()


@pytest.mark.parametrize(
    "change",
    [{"verdict": "fails"}, {"preset": "smoke"}, {"settings": {"seed": "3"}}],
    ids=lambda change: next(iter(change)),
)
def test_only_a_plain_demo_run_that_holds_is_published(published, tmp_path: Path, change: dict, capsys) -> None:
    folder, run = published
    summary = json.loads((run / "summary.json").read_text(encoding="utf-8"))
    (tmp_path / "summary.json").write_text(json.dumps({**summary, **change}), encoding="utf-8")
    assert publish_again(folder, tmp_path) == 2
    assert capsys.readouterr().err.startswith("publish: ")


@pytest.mark.parametrize("difference", [False, True], ids=["cividis", "red-blue"])
def test_small_pictures_look_the_same(difference: bool) -> None:
    """Heatmaps with their colour bars: few pixels have the colours at the ends, and those are what is read."""
    rows, cols = np.mgrid[:61, :61]
    cone = 1 - np.hypot(rows - 30, cols - 30) / 60
    maps = [[cone - 0.6, 0.3 - cone]] if difference else [[cone, 0.9 * cone.T]]
    png = plots.heatmaps(maps, rows=["cosine"], columns=["one", "other"], difference=difference)._repr_png_()
    kept = rendering.small(png)
    assert len(kept) < len(png) / 2
    before, after = (np.asarray(Image.open(io.BytesIO(each)).convert("RGB")).astype(int) for each in (png, kept))
    assert np.abs(after - before).max() <= 8  # of 255, in each channel: below what is seen side by side
