"""The lines that notebook 10 gives to be copied: complete, few, and right for a network and an object of one's own."""

from __future__ import annotations

import re
from pathlib import Path

import jupytext
import numpy as np
import pytest
import torch
from PIL import Image

from helpers.views import plots

ROOT = Path(__file__).resolve().parents[1]


def block() -> str:
    notebook = jupytext.read(ROOT / "notebooks" / "10_your_own.py")
    text = "\n".join(cell.source for cell in notebook.cells if cell.cell_type == "markdown")
    return re.search(r"```python\n(.+?)```", text, flags=re.DOTALL)[1]  # the others are solutions


def test_there_are_as_few_lines_as_the_readme_says() -> None:
    assert "in fifteen lines" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(block().strip().splitlines()) <= 15


OWN = {  # what someone changes in the block
    'networks.load("efficientnet_lite0")': (
        'networks.wrap(torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.ReLU()), {"pool": "0:mean"})'
    ),
    '"espresso"': '"mug.png"',
}


@pytest.mark.parametrize("own", [{}, OWN], ids=["as it stands", "one's own"])
def test_the_lines_run_by_themselves(own: dict, tmp_path: Path, monkeypatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    Image.new("RGBA", (60, 90), "teal").save("mug.png")
    code = block()
    for theirs, mine in own.items():
        assert code.count(theirs) == 1, theirs
        code = code.replace(theirs, mine)
    names: dict = {"torch": torch}
    exec(compile(code, "the block of notebook 10", "exec"), names)
    maps = names["maps"]
    assert maps.shape == (5, 6, 6) and maps.isfinite().all()  # 224 - 75 + 1 rows, every twenty-fifth
    assert names["scenes"][0].name == ("mug" if own else "espresso")
    for each, at in zip(maps, names["marks"], strict=True):
        assert float(each[at]) == pytest.approx(1, abs=1e-5)  # each map's own anchor
    with Image.open("maps.png") as picture:
        assert picture.width > 5 * picture.height / 2  # five maps in a row
    invariance = float(names["result"].invariance.mean())
    assert f"calibrated invariance: {invariance:.2f}" in capsys.readouterr().out
    assert own or invariance > 0.5  # a trained network, to which moving a cup is less than exchanging it


def test_rows_of_maps_with_frames_of_their_own() -> None:
    """As the notebook sets a network beside one that has another frame: each row in its own pixels."""
    maps = [[np.eye(17), np.eye(17)], [torch.eye(9), torch.eye(9)]]
    figure = plots.heatmaps(maps, rows=["224", "128"], columns=["moved", "exchanged"], stride=[8, 5])
    assert [axis.get_xlim()[1] for axis in figure.axes[:4]] == [132, 132, 42.5, 42.5]
    with pytest.raises(ValueError):
        plots.heatmaps(maps, rows=["224", "128"], columns=["moved", "exchanged"], stride=[8])
