"""What is damaged, hostile or in the way costs its own notebook a verdict, and nobody else a report."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import jupytext
import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook, new_output
from test_records import figure, finished
from test_workbook import ROOT, _processes, make, options, summary

from helpers import records, runtime
from helpers.tools.workbook import baselines, commands, judge, notebooks, rendering, report, runner
from helpers.tools.workbook.runner import Outcome

# Damaged artefacts. The good notebook is 09_example; the other one, 08_other, is damaged.


def reported(out: Path) -> dict[str, dict]:
    """Judge both notebooks and write the report; returns their entries."""
    runs = [Outcome(name, status="completed", seconds=1.0) for name in ("08_other", "09_example")]
    entries = [judge.judge(run, out=out, baseline=None) for run in runs]
    how = {"settings": {}, "command": "", "jobs": 1, "started": "2020-01-01T00:00", "seconds": 1.0}
    report.write(judge.summarise(entries, out=out, preset="smoke", **how), out=out)
    return {entry["name"]: entry for entry in json.loads((out / "summary.json").read_text())["notebooks"]}


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> Path:
    """The folder of a run of two notebooks, each with a record, a figure and an executed notebook."""
    out = tmp_path_factory.mktemp("whole") / "out"
    finished(out)
    made = records.Record("08_other", out, {"stride": 4})
    made.value("mean", 0.5, unit="cosine")
    made.check("one", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    made.check_below("two", 1.0, bound=2.0, source="by hand")
    made.save_figure(figure(), "line")
    made.finish()
    (out / "notebooks").mkdir()
    for name in ("08_other", "09_example"):
        nbformat.write(new_notebook(cells=[new_code_cell("1")]), out / "notebooks" / f"{name}.ipynb")
    return out


@pytest.fixture
def pair(whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of that run, to be damaged."""
    stamp = json.loads((whole / "09_example.json").read_text(encoding="utf-8"))["stamp"]
    monkeypatch.setattr(runtime, "stamp", lambda *_, **__: stamp)  # asks git, which takes a second
    return shutil.copytree(whole, tmp_path / "out")


def changed(**how: object) -> Callable[[Path], None]:
    """A damage: entries of the record, by dotted path, set to something else; ``...`` removes them."""

    def damage(path: Path) -> None:
        content = json.loads(path.read_text(encoding="utf-8"))
        for place, value in how.items():
            *steps, last = (int(step) if step.isdecimal() else step for step in place.split("__"))
            where = content
            for step in steps:
                where = where[step]
            if value is ...:
                del where[last]
            else:
                where[last] = value
        path.write_text(json.dumps(content), encoding="utf-8")

    return damage


def folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


ENDS = {name: {"value": 1.5, "unit": "times", "kind": "value"} for name in ("claimed", "claimed/low", "claimed/high")}
CLAIM = {"claim": "claimed", "sentence": "", "verdict": "holds", "rule": "above 1", "above": 1.0, "n": 3,
         "found": "", "source": "ours"}  # fmt: skip
RECORDS = {
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:200]),
    "empty": lambda path: path.write_bytes(b""),
    "not UTF-8": lambda path: path.write_bytes(path.read_bytes().replace(b"by hand", b"\xe9")),
    "a list": lambda path: path.write_text("[]"),
    "nested too deep": lambda path: path.write_text("[" * 100_000),
    "a folder": folder,
    **{f"without {name}": changed(**{name: ...}) for name in ("parameters", "values", "checks", "figures", "stamp")},
    "without a check's bounds": changed(checks__0__target=...),
    "without a unit": changed(values__mean__unit=...),
    "a count of nothing": changed(values__mean__kind="count"),
    "parameters of another type": changed(parameters=[1]),
    "networks of another type": changed(stamp__networks=["a"]),
    "a checksum of another type": changed(stamp__networks=[{"checksum": 1}]),
    "figures of another type": changed(figures=[1]),
    "no check": changed(checks=[]),
    "holds against its numbers": changed(checks__0__value=1.2),
    "holds against its bound": changed(checks__1__value=2.1),
    "holds with NaN": changed(checks__1__value=float("nan")),
    "holds of another type": changed(checks__0__holds="yes"),
    **{f"{value!r} for a check": changed(checks__0__value=value) for value in (None, "1", True, [1])},
    **{
        f"{value!r:.5} for a number": changed(values__mean__value=value)
        for value in (None, float("nan"), float("inf"), "0.5", True, 10**400)
    },
    "a claim of no number": changed(claims=[CLAIM | {"claim": "gain"}]),
    "a claim against its numbers": changed(claims=[CLAIM | {"above": 2.0}], values=ENDS),
    "a claim without n": changed(claims=[{key: CLAIM[key] for key in CLAIM if key != "n"}], values=ENDS),
}  # fmt: skip


@pytest.mark.parametrize("damage", RECORDS.values(), ids=RECORDS)
def test_a_damaged_record_costs_its_own_verdict_only(pair: Path, damage: Callable[[Path], None]) -> None:
    damage(pair / "08_other.json")
    entries = reported(pair)
    assert entries["09_example"]["verdict"] == "passed"
    assert entries["08_other"]["verdict"] == "failed"
    assert "08_other.json is damaged" in entries["08_other"]["reason"] or "holds" in entries["08_other"]["reason"]
    page = (pair / "index.html").read_text(encoding="utf-8")
    assert "1 of 2 notebooks does not hold" in page and page.endswith("</html>")


def test_a_record_as_it_is_written_passes(pair: Path) -> None:
    changed(claims=[CLAIM], values=ENDS)(pair / "08_other.json")
    assert [entry["verdict"] for entry in reported(pair).values()] == ["passed", "passed"]


PICTURES = {
    "text": lambda path: path.write_text("no picture"),
    "empty": lambda path: path.write_bytes(b""),
    "cut short": lambda path: path.write_bytes(path.read_bytes()[:300]),
    "a folder": folder,
    "not there": Path.unlink,
}


@pytest.mark.parametrize("damage", PICTURES.values(), ids=PICTURES)
def test_a_picture_that_is_none_costs_its_own_verdict_only(pair: Path, damage: Callable[[Path], None]) -> None:
    damage(pair / "figures" / "08_line.png")
    entries = reported(pair)
    assert entries["08_other"]["reason"].startswith("08_line.png is no picture")
    assert entries["09_example"]["verdict"] == "passed" and entries["09_example"]["figures"]


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"nbformat": 4, "cells": 1}', b"\xff"], ids=repr)
def test_an_executed_notebook_that_cannot_be_shown_says_so(pair: Path, content: bytes) -> None:
    (pair / "notebooks" / "08_other.ipynb").write_bytes(content)
    assert reported(pair)["09_example"]["verdict"] == "passed"
    assert (pair / "index.html").read_text(encoding="utf-8").count("It cannot be shown: ") == 1


@pytest.mark.parametrize("text", ["\x00\x07\x1b[31m", "\ud800", "\ufffe</script>"], ids=ascii)
def test_any_text_can_be_reported(pair: Path, text: str) -> None:
    changed(checks__0__check=text, checks__0__source=text)(pair / "08_other.json")
    outcome = Outcome("08_other", status="failed", reason=text, traceback=text, source=text)
    how = {"settings": {"word": text}, "command": text, "jobs": 1, "started": "2020-01-01T00:00", "seconds": 1.0}
    entry = judge.judge(outcome, out=pair, baseline=None)
    report.write(judge.summarise([entry], out=pair, preset="smoke", **how), out=pair)
    assert json.loads((pair / "summary.json").read_text(encoding="utf-8"))["command"] == text
    assert (pair / "index.html").read_text(encoding="utf-8").endswith("</html>")


@pytest.mark.parametrize("content", ["[]", "{", '{"preset": "smoke", "notebooks": [{"name": 1}]}', "[" * 100_000])
def test_a_damaged_run_beside_is_no_last_run(pair: Path, content: str) -> None:
    beside = pair.parent / "before" / "summary.json"
    beside.parent.mkdir()
    beside.write_text(content[:200] if len(content) < 200 else content)
    assert reported(pair)["09_example"]["previous_seconds"] is None


KEPT = {"value": 0.5, "unit": "cosine", "kind": "value", "tolerance": 0.01, "changes": [0.0]}


@pytest.mark.parametrize(
    "number", [{**KEPT, "tolerance": float("nan")}, {**KEPT, "value": "0.5"}, {**KEPT, "changes": [None]},
               {**KEPT, "kind": "count"}, {"value": 0.5}, 0.5],
)  # fmt: skip
def test_a_damaged_baseline_is_found_before_anything_runs(tmp_path: Path, number: object) -> None:
    content = {"notebooks": {"01_one": {"parameters": {}, "numbers": {"mean": number}}}}
    (tmp_path / "smoke.json").write_text(json.dumps(content))
    with pytest.raises(notebooks.Refused, match=r"smoke\.json is damaged, .*01_one.*mean"):
        baselines.read("smoke", folder=tmp_path)
    content["notebooks"]["01_one"]["numbers"]["mean"] = KEPT
    (tmp_path / "smoke.json").write_text(json.dumps(content))
    assert baselines.read("smoke", folder=tmp_path)["01_one"]["numbers"] == {"mean": KEPT}


@pytest.mark.parametrize("there", [b"before", None], ids=["renewed", "new"])
def test_a_file_is_whole_or_what_it_was(tmp_path: Path, monkeypatch, there: bytes | None) -> None:
    path = tmp_path / "record.json"
    if there:
        path.write_bytes(there)

    def full(self: Path, data: bytes) -> None:
        self.open("wb").write(data[:3])
        raise OSError(28, "No space left on device", str(self))

    monkeypatch.setattr(Path, "write_bytes", full)
    with pytest.raises(OSError, match="No space left"):
        records.write_file(path, "after" * 100)
    monkeypatch.undo()
    assert [file.read_bytes() for file in tmp_path.iterdir()] == ([there] if there else [])
    records.write_file(path, "after")
    assert [file.read_bytes() for file in tmp_path.iterdir()] == [b"after"]


def test_what_a_run_leaves_is_written_in_one_step(pair: Path, monkeypatch) -> None:
    """All of it goes through os.replace: with that refused, nothing is changed."""

    def refuse(*_: object) -> None:
        raise OSError("refused")

    state = {path: path.read_bytes() for path in pair.rglob("*") if path.is_file()}
    monkeypatch.setattr(os, "replace", refuse)
    made = records.Record("09_example", pair, {})
    made.check("x", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    for write in (
        lambda: made.save_figure(figure(2.0), "curve"),
        made.finish,
        lambda: reported(pair),
        lambda: baselines.write("smoke", {}, made={}, folder=pair),
    ):
        with pytest.raises(OSError, match="refused"):
            write()
    assert {path: path.read_bytes() for path in pair.rglob("*") if path.is_file()} == state


# Scripts, and outputs without end

LIVE = "<img src=x onerror=alert(1)>.png"
HOSTILE = {
    "Markdown": new_markdown_cell(f"# {LIVE}"),
    "a link": new_markdown_cell("[name](javascript:alert(1)) <a href='data:text/html,<script>'>b</a>"),
    "a caption": new_code_cell("", outputs=[new_output("display_data", {"text/html": f"<caption>{LIVE}</caption>"})]),
    "shown Markdown": new_code_cell("", outputs=[new_output("display_data", {"text/markdown": f"*{LIVE}* $x$"})]),
    "a script": new_code_cell("", outputs=[new_output("display_data", {"text/html": "<script>alert(1)</script>"})]),
    "JavaScript": new_code_cell("", outputs=[new_output("display_data", {"application/javascript": "alert(1)"})]),
    "SVG": new_code_cell("", outputs=[new_output("display_data", {"image/svg+xml": "<svg onload='alert(1)'/>"})]),
    "a style sheet": new_markdown_cell("<style>body { background: url(http://a.b) }</style>"),
    "a frame": new_markdown_cell("<iframe src='http://a.b'></iframe> <img src='http://a.b/c.png'>"),
    "an attribute": new_markdown_cell("<p style='position:fixed; background:url(http://a.b)' onclick='alert(1)'>x</p>"),
    "a formula": new_markdown_cell(f"$x{LIVE}$"),
    "raw": nbformat.v4.new_raw_cell("<script>alert(1)</script>", metadata={"raw_mimetype": "text/html"}),
}


@pytest.mark.parametrize("cell", HOSTILE.values(), ids=HOSTILE)
def test_nothing_in_the_report_runs_or_fetches(tmp_path: Path, cell: nbformat.NotebookNode) -> None:
    from html.parser import HTMLParser

    nbformat.write(new_notebook(cells=[cell]), tmp_path / "01_one.ipynb")
    live = []

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attributes: list) -> None:
            if tag in ("script", "style", "iframe", "object", "embed", "link", "base", "form"):
                live.append(tag)
            for name, value in attributes:
                words = (value or "").lower()
                local = name in ("href", "xlink:href", "src") and words.startswith(("http", "#", "data:image/png"))
                if name.startswith("on") or "url(" in words or "fixed" in words or "script:" in words:
                    live.append((tag, name, value))
                elif name in ("href", "xlink:href", "src") and not local or tag == "img" and words.startswith("http"):
                    live.append((tag, name, value))

    Reader().feed(rendering.body(tmp_path / "01_one.ipynb"))
    assert not live


def test_what_is_harmless_stays(tmp_path: Path) -> None:
    """Tables, pictures, formulas, and a claim's coloured line."""
    png = figure().savefig  # a picture, by way of a notebook's output
    import base64
    import io

    png(buffer := io.BytesIO(), format="png")
    shown = {
        "text/html": '<div style="border-left: 4px solid #3b82c4; margin: 0.4em 0"><b>Holds:</b> it</div>'
        '<style>#T {}</style><table><caption>means</caption><tr><th colspan="2">a</th></tr></table>',
    }
    picture = {"image/png": base64.b64encode(buffer.getvalue()).decode()}
    cells = [
        new_markdown_cell("**bold** $x^2$ and $$y$$ [paper](https://arxiv.org/abs/2011.04127) `$z$`"),
        new_code_cell("print(1)", outputs=[new_output("display_data", each) for each in (shown, picture)]),
    ]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_one.ipynb")
    text = rendering.body(tmp_path / "01_one.ipynb")
    assert text.count("<svg") == 2 and 'aria-label="x^2"' in text and 'class="formula display"' in text
    assert "<strong>bold</strong>" in text and '<a href="https://arxiv.org/abs/2011.04127">' in text
    assert '<div style="border-left: 4px solid #3b82c4; margin: 0.4em 0;"><b>Holds:</b> it</div>' in text
    assert "<caption>means</caption>" in text and 'colspan="2"' in text and "#T" not in text
    assert '<img loading="lazy"' in text and 'src="data:image/png;base64,' in text and "<code>$z$</code>" in text


@pytest.mark.parametrize(
    "output",
    [
        new_output("stream", text="ab " * 10_000_000),
        new_output("display_data", {"text/html": "<b>" + "ab " * 10_000_000 + "</b>"}),
        new_output("error", ename="E", evalue="", traceback=["ab " * 10_000_000]),
    ],
    ids=["text", "HTML", "error"],
)  # fmt: skip
def test_an_output_of_30_mb_is_cut_with_a_note(tmp_path: Path, output: nbformat.NotebookNode) -> None:
    cells = [new_code_cell("", outputs=[output]), new_code_cell("", outputs=[new_output("stream", text="later")])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_one.ipynb")
    text = rendering.body(tmp_path / "01_one.ipynb")
    assert len(text) < 1_100_000
    assert "… 29,000,0" in text and "characters are left out here; the executed notebook has them" in text


def test_outputs_share_the_room_that_a_notebook_has(tmp_path: Path) -> None:
    outputs = [new_output("stream", text=letter * 600_000) for letter in "xyz"]
    cells = [new_code_cell("", outputs=outputs[:2]), new_code_cell("", outputs=outputs[2:])]
    nbformat.write(new_notebook(cells=cells), tmp_path / "01_one.ipynb")
    text = rendering.body(tmp_path / "01_one.ipynb")
    assert [text.count(letter * 1000) for letter in "xyz"] == [600, 400, 0]
    assert "… 200,000 characters are left out" in text and "… 600,000 characters are left out" in text


# Notebook files


@pytest.fixture
def one(tmp_path: Path) -> Path:
    make(tmp_path / "notebooks", "01_one")
    return tmp_path


def rewritten(old: bytes, new: bytes, suffix: str) -> Callable[[Path], None]:
    def change(folder: Path) -> None:
        path = folder / f"01_one{suffix}"
        content = path.read_bytes()
        assert old in content
        path.write_bytes(content.replace(old, new, 1))

    return change


def synchronised(old: str, new: str) -> Callable[[Path], None]:
    """A change of the .py, and of the .ipynb with it."""

    def change(folder: Path) -> None:
        source = folder / "01_one.py"
        text = source.read_text(encoding="utf-8")
        assert old in text
        source.write_text(text.replace(old, new), encoding="utf-8")
        nbformat.write(jupytext.read(source), folder / "01_one.ipynb")

    return change


def holding(name: str, content: bytes) -> Callable[[Path], None]:
    return lambda folder: (folder / name).write_bytes(content) and None


MARKS, ORDER = "it holds git's conflict marks", "it begins with a byte-order mark; save it as UTF-8 without one"
AGAIN = "; delete it, and `make pair` makes it again from the .py"
SYNTAX = "01_one: the parameters cell is no Python (invalid syntax (<unknown>, line 2)): mend it in 01_one.py and run"
FILES = {
    "conflict marks": (rewritten(b'{\n "cells"', b'{\n<<<<<<< HEAD\n "cells"', ".ipynb"), MARKS + AGAIN),
    "conflict marks, .py": (rewritten(b"# %%\n", b"# %%\n<<<<<<< HEAD\n", ".py"), f"01_one.py is damaged, .*: {MARKS}"),
    "empty": (holding("01_one.ipynb", b""), AGAIN),
    "byte-order mark": (rewritten(b"{", b"\xef\xbb\xbf{", ".ipynb"), ORDER + AGAIN),
    "byte-order mark, .py": (rewritten(b"# %%", b"\xef\xbb\xbf# %%", ".py"), f"01_one.py is damaged, .*: {ORDER}"),
    "latin-1": (rewritten(b"A notebook", b"\xe9", ".ipynb"), AGAIN),
    "latin-1, .py": (rewritten(b"A notebook", b"\xe9", ".py"), "01_one.py is damaged, .*: 'utf-8' codec"),
    "a list": (holding("01_one.ipynb", b"[]"), AGAIN),
    "nested too deep": (holding("01_one.ipynb", b"[" * 100_000), AGAIN),
    "parameters that are no Python": (synchronised("scale: float = 1.5", "scale: float ="), SYNTAX),
    **{
        f"presets, {name}": (holding("presets.toml", content), "presets.toml is damaged")
        for name, content in {
            "cut short": b"[smoke", "latin-1": b"# \xe9", "byte-order mark": b"\xef\xbb\xbf[smoke]",
            "of another type": b"alone = 3", "a budget that is none": b"budget = {01_one = 'x'}",
        }.items()
    },
}  # fmt: skip


@pytest.mark.parametrize(("change", "said"), FILES.values(), ids=FILES)
def test_a_file_that_cannot_be_run_is_refused_with_a_remedy(one: Path, change: Callable, said: str, capsys) -> None:
    change(one / "notebooks")
    capsys.readouterr()
    assert commands.run(options(one)) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and all(part in lines[0] for part in said.split(".*"))
    assert not (one / "out").exists()


def test_a_notebook_runs_in_this_environment_whatever_its_kernel_is_called(tmp_path: Path) -> None:
    """Editors write their own kernelspec; some tools strip it."""
    editor = {"kernelspec": {"name": ".venv", "display_name": "x", "language": "python"}}
    for stem, metadata in (("01_editor", editor), ("02_none", {})):
        make(tmp_path / "notebooks", stem)
        path = tmp_path / "notebooks" / f"{stem}.ipynb"
        notebook = nbformat.read(path, as_version=4)
        notebook.metadata = nbformat.from_dict(metadata)
        nbformat.write(notebook, path)
    assert commands.run(options(tmp_path)) == 0, summary(tmp_path)["notebooks"]


# Folders, limits, signals


@pytest.mark.parametrize("place", [".", "..", "/proc", "/proc/here", "file", "file/below", "x" * 300, "/dev/null"])
def test_a_folder_that_cannot_be_used_is_refused_in_a_line(one: Path, place: str, monkeypatch, capsys) -> None:
    monkeypatch.chdir(one / "notebooks")
    (one / "notebooks" / "file").write_text("kept")
    monkeypatch.setattr(runner, "run", lambda *_, **__: pytest.fail("it ran"))
    capsys.readouterr()
    assert commands.run([*options(one)[:4], "--out", place]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1 and lines[0].startswith("run: ")
    assert (one / "notebooks" / "file").read_text() == "kept"


@pytest.mark.skipif(os.geteuid() == 0, reason="nothing is forbidden to root")
def test_a_folder_without_permission_is_refused_in_a_line(one: Path, capsys) -> None:
    (one / "closed").mkdir(mode=0o500)
    assert commands.run([*options(one)[:4], "--out", str(one / "closed" / "out")]) == 2
    assert "Permission denied" in capsys.readouterr().err


@pytest.mark.parametrize("seconds", ["0", "-1", "nan", "inf", "0.5", "1e3", ""])
def test_a_limit_is_a_number_of_seconds(one: Path, seconds: str, capsys) -> None:
    try:
        code = commands.run(options(one, "--timeout", seconds))
    except SystemExit as ended:  # argparse
        code = ended.code
    assert code == 2 and "--timeout" in capsys.readouterr().err
    assert not (one / "out").exists()


@pytest.mark.parametrize("name", ["it's", "a b", 'a"b', "a$b", "a;b"])
def test_a_name_that_make_cannot_quote_is_refused_in_a_line(name: str) -> None:
    command = ["make", "--no-print-directory", "-n", "run", f"VENV={name.replace('$', '$$')}"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert ran.returncode == 2 and len(ran.stderr.splitlines()) == 1 and "VENV" in ran.stderr


def until(done: Callable[[], bool], seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while not done() and time.monotonic() < deadline:
        time.sleep(0.05)
    return done()


def test_a_killed_run_leaves_no_kernel(tmp_path: Path) -> None:
    """Nothing can be reported then, but the notebook's process sees that the runner is gone."""
    make(tmp_path / "notebooks", "01_slow", "import time, pathlib\npathlib.Path(out, 'on').touch()\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "helpers", "run", *options(tmp_path)]
    process = subprocess.Popen(command, cwd=ROOT, start_new_session=True, stderr=subprocess.DEVNULL)
    assert until((tmp_path / "out" / "on").exists, 120)
    process.kill()
    process.wait()
    assert until(lambda: not _processes(str(tmp_path)), 60)


def test_an_interruption_while_reporting_waits(one: Path, monkeypatch) -> None:
    """Ctrl-C during the report neither breaks it off nor stays ignored afterwards."""
    write = report.write

    def interrupted(*args: object, **how: object) -> None:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        write(*args, **how)

    monkeypatch.setattr(report, "write", interrupted)
    monkeypatch.setattr(runner, "run", lambda chosen, *_, **__: ([Outcome(each.name) for each in chosen], False))
    before = signal.getsignal(signal.SIGINT)
    assert commands.run(options(one)) == 1
    assert (one / "out" / "index.html").exists() and signal.getsignal(signal.SIGINT) == before


def test_a_notebook_that_cannot_be_started_stops_no_other(one: Path, monkeypatch) -> None:
    make(one / "notebooks", "02_two")
    start = runner._start

    def refused(notebook: notebooks.Notebook, *args: object) -> object:
        if notebook.name == "01_one":
            raise OSError(12, "Cannot allocate memory")
        return start(notebook, *args)

    monkeypatch.setattr(runner, "_start", refused)
    assert commands.run(options(one)) == 1
    first, second = summary(one)["notebooks"]
    assert "could not be started" in first["reason"] and second["verdict"] == "passed"
