"""What a notebook asks and folds away: guesses, uploads, tables behind a line; live, and where nobody is there."""

from __future__ import annotations

import io
from datetime import UTC, datetime

import nbformat
import pandas as pd
import pytest
from ipywidgets.widgets.widget import _instances
from nbclient import NotebookClient
from PIL import Image

from helpers import objects
from helpers.views import panels

ASKED = {"Is it <flat>?": ["flat", "not flat"], "How high?": ["0.5", "0.9"]}
WIDGET = "application/vnd.jupyter.widget-view+json"


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch):
    monkeypatch.setattr(panels.Guess, "_kept", {})


def test_a_guess_stands_beside_what_was_measured():
    guess = panels.Guess(ASKED)
    beside = guess.beside("no: 0.91", 0.93)
    assert "<td" in beside._html() and ">–<" in beside._html()  # nobody has guessed yet
    guess.choose("How high?", "0.5")
    guess.choose("How high?", "0.9")
    html = beside._html()
    assert html.index("How high?") < html.index(">0.9<") < html.index(">0.93<")
    assert "Is it &lt;flat&gt;?" in html and html.count(">–<") == 1
    assert "How high? Your guess: 0.9. Measured: 0.93." in beside._repr_mimebundle_()["text/plain"]


def test_a_guess_is_kept_when_its_cell_runs_again():
    panels.Guess(ASKED).choose("How high?", "0.5")
    assert panels.Guess(ASKED).chosen == {"How high?": "0.5"}
    assert panels.Guess({"How high?": ["1", "2"]}).chosen == {}  # an answer that is no longer offered


def test_what_is_not_offered_is_refused():
    guess = panels.Guess(ASKED)
    with pytest.raises(ValueError, match="unknown answer 'flatt'; did you mean 'flat'"):
        guess.choose("Is it <flat>?", "flatt")
    with pytest.raises(ValueError, match="unknown question 'How hi'; did you mean 'How high"):
        guess.choose("How hi", "0.5")
    assert guess.chosen == {}
    with pytest.raises(ValueError, match="1 results for 2 questions"):
        guess.beside("no")
    for questions in ({}, {"Why?": ["so"]}):
        with pytest.raises(ValueError, match="at least two answers"):
            panels.Guess(questions)


def test_buttons_choose_and_the_table_follows(displayed):
    guess = panels.Guess(ASKED)
    guess._ipython_display_()
    guess.beside("no", 0.93)._ipython_display_()
    assert [WIDGET in each for each in displayed] == [True, False] * 2
    first, second = guess.widget.children[1::2]
    assert first.value is None  # no answer is suggested
    second.value = "0.9"
    assert guess.chosen == {"How high?": "0.9"}
    assert panels.Guess(ASKED).widget.children[3].value == "0.9"


def test_what_is_on_show_is_renewed_and_what_was_chosen_kept(displayed):
    guess = panels.Guess(ASKED)
    guess._ipython_display_()
    assert "<li>Is it &lt;flat&gt;? <i>flat</i> / <i>not flat</i>" in displayed[1]["text/html"]
    guess.beside("no", 0.93)._ipython_display_()
    table = _instances[displayed[2][WIDGET]["model_id"]].children[0]
    guess.choose("How high?", "0.5")
    assert ">0.5<" in table.value
    renewed = [each["text/html"] for each in displayed[4:]]
    assert len(renewed) == 2
    assert any("<b>0.5</b> / <i>0.9</i>" in each for each in renewed) and any(table.value in each for each in renewed)


def test_a_folded_table_is_all_there():
    folded = panels.Folded("2 <checks>", pd.DataFrame({"a": [1]}), pd.DataFrame({"b": [2]}).style)
    html = folded._repr_html_()
    assert html.startswith("<details><summary>2 &lt;checks&gt;</summary>") and html.endswith("</details>")
    assert html.count("<table") == 2
    assert "2 <checks>" in repr(folded) and "a" in repr(folded)


def test_an_uploaded_image_becomes_the_object(tmp_path, displayed):
    upload = panels.Upload("espresso", folder=tmp_path)
    upload._ipython_display_()
    button, shown = upload.widget.children
    png = io.BytesIO()
    Image.new("RGBA", (6, 9), "teal").save(png, "PNG")
    file = {"name": "../mug.png", "type": "image/png", "size": 1, "last_modified": datetime.now(UTC)}
    button.value = ({**file, "content": memoryview(png.getvalue())},)
    assert upload.name == str(tmp_path / "uploads" / "mug.png") and "mug.png" in shown.value
    assert objects.load(upload.name, 12).name == "mug"
    assert [path.name for path in tmp_path.rglob("*.png")] == ["mug.png"]
    assert "espresso" in displayed[1]["text/html"] and "mug.png" in displayed[2]["text/html"]


NOTEBOOK = """
from helpers.views import panels
from IPython.display import display
guess = panels.Guess({"Is it flat?": ["flat", "not flat"]})
display(guess, guess.beside("no"), panels.Upload("espresso", folder="."))
"""


def test_where_nobody_can_answer_the_question_is_printed():
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    asked, beside, upload = (output.data for output in notebook.cells[0].outputs)
    assert set(asked) == {"text/plain", "text/markdown"} and "Is it flat? *flat / not flat*" in asked["text/markdown"]
    assert set(beside) == {"text/plain", "text/html"} and set(upload) == {"text/plain"}
    assert not notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state")
