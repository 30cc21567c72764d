"""The captions of a notebook's figures, and the page and the gallery that show them."""

from __future__ import annotations

import re
from pathlib import Path

import nbformat
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output

from helpers.tools.workbook.captions import Caption, captions
from helpers.tools.workbook.rendering import body

SAVES = 'figure = plots.lines(x)\nrecord.save_figure(figure, "{}")\nfigure'


def notebook(folder: Path) -> Path:
    """Two figures in one section, of which the second has a reading with a number; one with neither."""
    reading = new_output("display_data", {"text/markdown": "**Reading.** It falls to 0.87, *far* below 1.\n\nMore."})
    cells = [
        new_markdown_cell(
            "# 3. A title\n\nThe *mean* of a <abbr title='a picture'>map</abbr>, see [notebook 1](01_a.ipynb)."
        ),
        new_code_cell(SAVES.format("first")),
        new_markdown_cell("## Next\n\nLeft: $1 - s$ over\ndistance.\n\n- a list\n- that is no caption"),
        new_code_cell(SAVES.format("second")),
        new_code_cell("display(...)", outputs=[reading]),
        new_markdown_cell(
            "**The surprise.** It rises. Then it falls.\n\n[Another](07_b.ipynb), [none](README.md), [web](https://a.b)."
        ),
        new_code_cell(SAVES.format("third")),
    ]
    path = folder / "03_c.ipynb"
    nbformat.write(new_notebook(cells=cells), path)
    return path


def test_captions_are_the_words_around_a_figure(tmp_path: Path) -> None:
    found = captions(notebook(tmp_path))
    assert list(found) == ["first", "second", "third"]
    assert found["first"] == Caption("The mean of a map, see notebook 1.", "")
    assert found["second"] == Caption("Left: 1 - s over distance.", "It falls to 0.87, far below 1.")
    assert found["third"] == Caption("Another, none, web.", "")


def test_a_caption_is_of_the_figures_own_section(tmp_path: Path) -> None:
    """A heading ends what is said of a figure, and what was said before it says nothing of the next one."""
    cells = [
        new_markdown_cell("## One\n\nOf the first."),
        new_code_cell(SAVES.format("first")),
        new_markdown_cell("### Two"),
        new_code_cell(SAVES.format("second")),
        new_markdown_cell("**Reading.** Of the second.\n\n### Three\n\nOf the third."),
        new_code_cell(SAVES.format("third")),
        new_markdown_cell("## Four"),
        new_markdown_cell("**Reading.** Of none."),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "03_c.ipynb")
    found = captions(tmp_path / "03_c.ipynb")
    assert found["first"] == Caption("Of the first.", "")
    assert found["second"] == Caption("", "Of the second.")
    assert found["third"] == Caption("Of the third.", "")


def test_links_of_an_executed_notebook_lead_somewhere(tmp_path: Path) -> None:
    page = body(notebook(tmp_path), beside=["07_b", "03_c"])
    assert re.findall(r'<a href="([^"]*)"', page) == ["#07_b", "https://a.b"]


def test_every_committed_figure_has_a_caption() -> None:
    for path in sorted(Path(__file__).resolve().parents[1].glob("notebooks/[0-9]*.ipynb")):
        for name, caption in captions(path).items():
            assert caption.shows.endswith((".", ":", ")", "?")), (
                f"{path.stem}, {name}: no sentence before it says what it shows"
            )
