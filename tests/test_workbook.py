"""The runner: what it refuses, what it does not let pass, what it leaves behind. On notebooks made here."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import jupytext
import nbformat
import pytest

from helpers.tools.workbook import baselines, child, commands, notebooks, presets, report
from helpers.tools.workbook.notebooks import Refused

ROOT = Path(__file__).resolve().parents[1]
HEAD = """\
# %% [markdown]
# # A notebook

# %% tags=["parameters"]
seed: int = 0  # integer, of all random numbers
scale: float = 1.5  # factor
names: list[str] = ["a"]  # names
label: str = "x"  # word
quick: bool = False  # yes or no
out: str = "../runs/lab"  # folder

# %% [markdown]
# ## Run

# %%
"""
# What every notebook ends in, without the seconds it takes to import the helpers
RECORD = """\

# %% [markdown]
# ## Checks

# %%
import json, pathlib
given = {"seed": seed, "scale": scale, "names": names, "label": label, "quick": quick}
holds = total == expected
check = {"check": "total", "value": total, "expected": f"{expected} ± 0", "source": "by hand", "holds": holds}
check |= {"target": expected, "tolerance": 0}
record = {"notebook": stem, "parameters": given, "checks": [check], "figures": [], "stamp": {"networks": []}}
record["values"] = {
    name: {"value": value, "unit": unit, "kind": "value"}
    for name, value, unit in (("total", total, "points"), ("took", 0.1, "s"))
}
pathlib.Path(out, f"{stem}.json").write_text(json.dumps(record))
assert holds, "1 of 1 checks failed: total"
"""
GOOD = "total, expected = seed + 2, seed + 2\n"


def make(folder: Path, stem: str, code: str = GOOD, record: str = RECORD, head: str = HEAD) -> None:
    """A notebook and its .py, paired; ``code`` sets ``total`` and ``expected``."""
    folder.mkdir(exist_ok=True)
    text = head + f"stem = {stem!r}\n" + code + record
    (folder / f"{stem}.py").write_text(text, encoding="utf-8")
    notebook = jupytext.reads(text, fmt="py:percent")
    notebook.metadata["kernelspec"] = {"name": "python3", "display_name": "Python 3", "language": "python"}
    nbformat.write(notebook, folder / f"{stem}.ipynb")


def options(tmp_path: Path, *more: str) -> list[str]:
    """The command line of a run of the notebooks in ``tmp_path``."""
    where = ["--notebooks", str(tmp_path / "notebooks"), "--baselines", str(tmp_path / "baselines")]
    return [*where, "--out", str(tmp_path / "out"), "--jobs", "2", *more]


def summary(tmp_path: Path) -> dict:
    return json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))


# Refusals: nothing is executed


@pytest.fixture
def one(tmp_path: Path) -> Path:
    make(tmp_path / "notebooks", "01_one")
    return tmp_path


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "sed=3"], "no notebook parameter 'sed'; did you mean 'seed'?"),
        (["--set", "seed=3.5"], "seed is int, but 3.5 is float"),
        (["--set", "seed=many"], "seed is int, but 'many' is str"),
        (["--set", "seed=True"], "seed is int, but True is bool"),
        (["--set", "quick=1"], "quick is bool, but 1 is int"),
        (["--set", "scale=wide"], "scale is float, but 'wide' is str"),
        (["--set", "names=[1, 2]"], "names is str, but 1 is int"),
        (["--set", "seed"], "write --set name=value"),
        (["--set", "out=elsewhere"], "with --out"),
        (["--only", "07"], "no notebook '07'"),
        (["--preset", "dmeo"], "unknown preset 'dmeo'; did you mean 'demo'?"),
        (["--jobs", "0"], "must be positive"),
    ],
)
def test_refuses_what_does_not_fit(one: Path, words: list[str], message: str, capsys) -> None:
    assert commands.run(options(one, *words)) == 2
    assert message in capsys.readouterr().err
    assert not (one / "out").exists()


def test_values_are_spelled_by_their_type(one: Path) -> None:
    have = notebooks.parameters(notebooks.discover(one / "notebooks")[0])
    spell = {name: lambda text, p=p: notebooks.spelled(p, text, where="--set") for name, p in have.items()}
    assert spell["label"]("3") == "3"  # a text stays a text
    assert spell["scale"]("2") == 2.0 and type(spell["scale"]("2")) is float
    assert spell["names"]("berry, plane") == ["berry", "plane"]
    assert spell["names"]('["berry"]') == ["berry"]
    assert spell["quick"]("true") is True


def test_refuses_a_notebook_out_of_step(one: Path, capsys) -> None:
    source = one / "notebooks" / "01_one.py"
    source.write_text(source.read_text().replace("seed + 2, seed + 2", "seed + 3, seed + 3"))
    assert commands.run(options(one)) == 2
    message = capsys.readouterr().err
    assert "01_one.ipynb is not in step with 01_one.py" in message
    assert "'total, expected = seed + 2, seed + 2' where the .py has 'total, expected = seed + 3" in message
    assert commands.pairs(["--notebooks", str(one / "notebooks")]) == 1
    jupytext_update = [sys.executable, "-m", "jupytext", "--quiet", "--to", "ipynb", "--update", str(source)]
    subprocess.run(jupytext_update, check=True)
    assert commands.pairs(["--notebooks", str(one / "notebooks")]) == 0


@pytest.mark.parametrize("change", ["tags", "cells", "kind"])
def test_out_of_step_sees_more_than_sources(one: Path, change: str) -> None:
    path = one / "notebooks" / "01_one.ipynb"
    notebook = nbformat.read(path, as_version=4)
    if change == "tags":
        notebook.cells[1].metadata["tags"] = []
    elif change == "cells":
        notebook.cells.pop()
    else:
        notebook.cells[-1] = nbformat.v4.new_markdown_cell(notebook.cells[-1].source)
    nbformat.write(notebook, path)
    assert notebooks.out_of_step(notebooks.Notebook(path))


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("double: int = seed * 2", "derive values in the next cell"),
        ("double = 2", "derive values in the next cell"),
        ("double: int | None = 2", "the type int | None"),
        ("double: tuple = (1, 2)", "the type tuple"),
        ("double: int = 'two'", "double is int"),
    ],
)
def test_refuses_parameters_that_go_stale(tmp_path: Path, line: str, message: str) -> None:
    make(tmp_path / "notebooks", "01_one", head=HEAD.replace("quick: bool", f"{line}\nquick: bool"))
    with pytest.raises(Refused, match=message):
        notebooks.parameters(notebooks.discover(tmp_path / "notebooks")[0])


def test_presets_are_held_to_the_notebooks(one: Path) -> None:
    every = notebooks.discover(one / "notebooks")
    file = one / "notebooks" / "presets.toml"
    file.write_text("[smoke.01_one]\nseed = 5\nscale = 2\n")
    named = presets.read(one / "notebooks")
    wanted = presets.resolve(every, every=every, preset="smoke", settings={"seed": "6"}, presets=named)
    assert wanted == {"01_one": {"seed": 6, "scale": 2.0}}  # the command line wins
    assert presets.resolve(every, every=every, preset="demo", settings={}, presets=named) == {"01_one": {}}
    for text, message in [
        ("[smoke.01_one]\nseeds = 5\n", "did you mean 'seed'"),
        ("[smoke.01_one]\nseed = '5'\n", "seed is int"),
        ("[smoke.01_won]\nseed = 5\n", "did you mean '01_one'"),
        ("[smok.01_one]\nseed = 5\n", "did you mean 'smoke'"),
        ("alone = ['02_two']\n", "no notebook '02_two'"),
    ]:
        file.write_text(text)
        with pytest.raises(Refused, match=message):
            presets.resolve(every, every=every, preset="smoke", settings={}, presets=presets.read(one / "notebooks"))


def test_refuses_a_folder_that_is_not_fresh(one: Path, capsys) -> None:
    (one / "out").mkdir()
    (one / "out" / "old.json").write_text("{}")
    assert commands.run(options(one)) == 2
    assert "is not empty" in capsys.readouterr().err
    assert [p.name for p in (one / "out").iterdir()] == ["old.json"]


def test_refuses_half_a_pair(one: Path, capsys) -> None:
    (one / "notebooks" / "02_two.py").write_text("# %%\n1\n")
    assert commands.run(options(one)) == 2
    said = capsys.readouterr().err
    assert "02_two.ipynb is not in step with 02_two.py (there is no 02_two.ipynb): run `make pair`" in said


def test_the_budget_is_ten_minutes_on_two_cores() -> None:
    every, named = notebooks.discover(), presets.read(notebooks.FOLDER)
    assert set(named.budget) == {notebook.name for notebook in every}
    assert sum(named.budget.values()) <= 2 * 600


# Refusals of what is damaged: one line, exit code 2, no traceback


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory) -> Path:
    """A demo run that holds."""
    folder = tmp_path_factory.mktemp("held")
    make(folder / "notebooks", "01_one")
    assert commands.run(options(folder)) == 0
    return folder


def spoil(folder: Path, name: str) -> None:
    """Damage one file of a run or of its notebooks."""
    path = folder / name
    path.write_text("{" if path.suffix in (".json", ".ipynb") else "= [", encoding="utf-8")


@pytest.mark.parametrize(
    ("command", "damaged", "words"),
    [
        ("run", "", ["--out", "{folder}/file/x"]),
        ("run", "", ["--out", "/proc/here"]),
        ("run", "", ["--notebooks", "{folder}/nowhere"]),
        ("run", "notebooks/01_one.ipynb", []),
        ("run", "notebooks/01_one.py", []),
        ("run", "notebooks/presets.toml", []),
        ("run", "baselines/demo.json", []),
        ("pairs", "notebooks/01_one.ipynb", []),
        ("pairs", "", ["--notebooks", "{folder}/nowhere"]),
        *[(c, "", ["{folder}/nowhere"]) for c in ("accept", "publish_run")],
        *[(c, "", ["{folder}/file"]) for c in ("accept", "publish_run")],
        *[(c, "held/summary.json", ["{folder}/held"]) for c in ("accept", "publish_run")],
        *[(c, "held/01_one.json", ["{folder}/held"]) for c in ("accept", "publish_run")],
        ("accept", "", ["{folder}/held", "--spread", "{folder}/empty"]),
        ("publish_run", "held/notebooks/01_one.ipynb", ["{folder}/held"]),
    ],
)
def test_what_cannot_be_used_is_refused_in_a_line(
    run_folder: Path, tmp_path: Path, command: str, damaged: str, words: list[str], capsys
) -> None:
    shutil.copytree(run_folder / "notebooks", tmp_path / "notebooks")
    shutil.copytree(run_folder / "out", tmp_path / "held")
    for folder in ("empty", "baselines"):
        (tmp_path / folder).mkdir()
    (tmp_path / "file").write_text("", encoding="utf-8")
    if damaged:
        spoil(tmp_path, damaged)
    given = ["--notebooks", str(tmp_path / "notebooks")]
    if command != "pairs":
        given += ["--baselines", str(tmp_path / "baselines")]
    if command == "publish_run":
        given += ["--figures", str(tmp_path / "figures")]
    if command == "run" and "--out" not in words:
        given += ["--out", str(tmp_path / "out")]
    capsys.readouterr()
    assert getattr(commands, command)([*given, *(word.format(folder=tmp_path) for word in words)]) == 2
    said = capsys.readouterr().err.splitlines()
    assert len(said) == 1 and said[0].startswith(command.partition("_")[0] + ": ")
    assert Path(damaged).name in said[0]


# Executions: one run with everything that can go wrong, judged notebook by notebook

BROKEN = {
    "02_check": "total, expected = 1, 2\n",
    "03_error": "total = undefined_name\n",
    "04_exit": "import sys\nsys.exit(0)\n",
    "05_dead": "import os\nos.kill(os.getpid(), 9)\n",
    "06_slow": "import time\ntime.sleep(600)\n",
    "08_quit": GOOD + "quit()\n",
    "09_gone": "import os\nos._exit(0)\n",
}


@pytest.fixture(scope="module")
def broken(tmp_path_factory) -> tuple[Path, int, dict[str, dict]]:
    """A run of one good notebook and several bad ones: its folder, exit code and entries by name."""
    folder = tmp_path_factory.mktemp("broken")
    make(folder / "notebooks", "01_good", 'print("seed", seed)\n' + GOOD)
    for stem, code in BROKEN.items():
        make(folder / "notebooks", stem, code)
    make(folder / "notebooks", "07_silent", record="\n")
    make(folder / "notebooks", "10_last", record=RECORD + "exit()\n")  # nothing is left that could be missing
    code = commands.run(options(folder, "--set", "seed=4", "--timeout", "20"))
    return folder, code, {entry["name"]: entry for entry in summary(folder)["notebooks"]}


def test_a_good_notebook_passes_among_bad_ones(broken) -> None:
    folder, code, entries = broken
    assert code == 1
    good = entries["01_good"]
    assert good["verdict"] == "passed" and good["reason"] == "" and good["seconds"] > 0
    assert good["parameters"]["seed"] == 4 and good["overrides"] == {"seed": 4}
    assert {n["name"]: (n["value"], n["state"]) for n in good["numbers"]} == {
        "total": (6, "new"),
        "took": (0.1, "untracked"),
    }
    executed = nbformat.read(folder / "out" / "notebooks" / "01_good.ipynb", as_version=4)
    assert any("seed 4" in o.get("text", "") for c in executed.cells for o in c.get("outputs", []))


@pytest.mark.parametrize(
    ("name", "reason", "section"),
    [
        ("02_check", "AssertionError: 1 of 1 checks failed: total", "Checks"),
        ("03_error", "NameError: name 'undefined_name' is not defined", "Run"),
        ("04_exit", "it left early", "Run"),
        ("05_dead", "the kernel died", "Run"),
        ("06_slow", "longer than the time limit", "Run"),
        ("07_silent", "it wrote no record", ""),
        ("08_quit", "KernelExit: exit() or quit() stops the kernel: remove it", "Run"),
        ("09_gone", "the kernel died", "Run"),
        ("10_last", "KernelExit: exit() or quit() stops the kernel: remove it", "Checks"),
    ],
)
def test_a_bad_notebook_fails_and_says_where(broken, name: str, reason: str, section: str) -> None:
    _, _, entries = broken
    entry = entries[name]
    assert entry["verdict"] == "failed"
    assert reason in entry["reason"] and entry["reason"]
    assert entry["section"] == section


def test_the_report_shows_what_failed(broken, capsys) -> None:
    folder, _, _ = broken
    page = (folder / "out" / "index.html").read_text(encoding="utf-8")
    assert "9 of 10 notebooks do not hold" in page
    assert "undefined_name" in page and "longer than the time limit" in page
    for outside in ("http://", "https://", 'src="figures', "@import"):
        assert outside not in page.replace("http://www.w3.org/", ""), "the page needs something from elsewhere"
    assert commands.conclude(summary(folder), folder / "out") == 1
    said = capsys.readouterr().out
    assert "02_check, cell" in said and "total = 1, expected 2 ± 0 (by hand)" in said


def test_every_code_cell_counts() -> None:
    cells = [nbformat.v4.new_code_cell("1", execution_count=1), nbformat.v4.new_code_cell("2")]
    notebook = nbformat.v4.new_notebook(cells=cells)
    assert child.verdict(notebook)["reason"] == "the cell was never executed"
    cells[1].execution_count = 3
    assert child.verdict(notebook)["status"] == "failed"  # one was left out in between
    cells[1].execution_count = 2
    assert child.verdict(notebook) == {"status": "completed"}
    assert child.verdict(nbformat.v4.new_notebook())["status"] == "failed"


# Baselines


def test_accept_then_hold_then_move(one: Path, capsys) -> None:
    assert commands.run(options(one)) == 0
    assert summary(one)["counts"]["new"] == 1
    common = ["--notebooks", str(one / "notebooks"), "--baselines", str(one / "baselines")]
    assert commands.accept([*common, str(one / "out")]) == 0
    assert "total: new, 2 points" in capsys.readouterr().out
    assert commands.accept([*common, str(one / "out")]) == 0
    assert "Nothing moved." in capsys.readouterr().out

    make(one / "notebooks", "01_one", "total, expected = 5, 5\n")  # its own check holds: only the number tells
    (one / "out").rename(one / "first")
    assert commands.run(options(one)) == 1
    entry = summary(one)["notebooks"][0]
    assert entry["reason"] == "1 of 2 numbers moved beyond what another machine can do"
    assert "total = 5, baseline 2" in capsys.readouterr().out
    assert entry["previous_seconds"] > 0 and summary(one)["previous"] == "first"
    assert commands.accept([*common, str(one / "out")]) == 0
    assert "01_one  total: 2 -> 5 points (+3, " in capsys.readouterr().out
    assert summary(one)["verdict"] == "holds"  # the run's report is judged again


CLAIMED = """
from helpers import records
from helpers.measures import uncertainty
record = records.Record(stem, out, {"seed": seed, "scale": scale, "names": names, "label": label, "quick": quick})
record.claim("gain", "Blur <helps>.", uncertainty.Interval(2.0, LOW, 3.0, 0.95, 8, 8), above=1, unit="times")
record.check("total", 1, expected=1, tolerance=0, source="by hand")
record.finish()
"""


def test_claims_are_shown_accepted_and_judged(one: Path, capsys) -> None:
    make(one / "notebooks", "01_one", CLAIMED.replace("LOW", "0.5"), record="")
    assert commands.run(options(one)) == 0
    assert "1 claims (1 undecided), no baseline compared" in capsys.readouterr().out
    page = (one / "out" / "index.html").read_text(encoding="utf-8")
    table = page[page.index("<h2>Claims</h2>") : page.index("<h2>Notebooks</h2>")]
    assert "Blur &lt;helps&gt;." in table and "undecided here" in table and 'href="#01_one"' in table
    assert "2.0 (0.5 to 3.0) times over 8 objects" in table and "above 1" in table
    executed = page[page.index("The executed notebook") :]
    assert "<b>Undecided here:</b> Blur &lt;helps&gt;." in executed
    common = ["--notebooks", str(one / "notebooks"), "--baselines", str(one / "baselines")]
    assert commands.accept([*common, str(one / "out")]) == 0
    said = capsys.readouterr().out
    assert "01_one  claim gain: new, undecided (above 1)" in said
    assert "Claims that do not hold, or are undecided:\n01_one  undecided: Blur <helps>. (gain, rule: above 1)" in said

    make(one / "notebooks", "01_one", CLAIMED.replace("LOW", "1.5"), record="")
    shutil.rmtree(one / "out")
    assert commands.run(options(one)) == 1
    said = capsys.readouterr().out
    assert "claim   Blur <helps>. Now holds, 2.0 (1.5 to 3.0) times over 8 objects, rule: above 1; baseline: un" in said
    assert "baseline: undecided, 2 (0.5 to 3)" in (one / "out" / "index.html").read_text(encoding="utf-8")


PERTURBED = """
import os
from helpers import runtime
total = expected = 7 + int(os.environ[runtime.PERTURB]) / 1e4
"""


def test_a_perturbed_run_has_its_draw_and_is_no_baseline(tmp_path: Path, capsys) -> None:
    make(tmp_path / "notebooks", "01_one", PERTURBED)
    totals = {}
    for name, draw in (("plain", 0), ("first", 1), ("second", 2)):
        assert commands.run([*options(tmp_path, "--perturb", str(draw)), "--out", str(tmp_path / name)]) == 0
        made = json.loads((tmp_path / name / "summary.json").read_text(encoding="utf-8"))
        totals[name] = made["notebooks"][0]["numbers"][0]["value"]
    assert made["notebooks"][0]["command"] == "python -m helpers run --preset demo --only 01 --perturb 2"
    assert totals == {"plain": 7, "first": 7 + 1e-4, "second": 7 + 2e-4}
    common = ["--notebooks", str(tmp_path / "notebooks"), "--baselines", str(tmp_path / "baselines")]
    assert commands.accept([*common, str(tmp_path / "first")]) == 2
    assert "--perturb" in capsys.readouterr().err
    spread = [word for name in ("first", "second") for word in ("--spread", str(tmp_path / name))]
    assert commands.accept([*common, str(tmp_path / "plain"), *spread]) == 0
    (number,) = baselines.read("demo", folder=tmp_path / "baselines")["01_one"]["numbers"].values()
    assert len(number["changes"]) == 2 and min(number["changes"]) > 0


def test_other_parameters_are_not_compared(one: Path) -> None:
    assert commands.run(options(one)) == 0
    common = ["--notebooks", str(one / "notebooks"), "--baselines", str(one / "baselines")]
    assert commands.accept([*common, str(one / "out")]) == 0
    (one / "out").rename(one / "first")
    assert commands.run(options(one, "--set", "seed=9")) == 0
    assert summary(one)["counts"]["other"] == 1
    assert summary(one)["notebooks"][0]["other_parameters"] == ["seed 9 (baseline 0)"]
    assert commands.accept([*common, str(one / "out")]) == 2  # not the preset any more


# Interruption


@pytest.mark.parametrize("signals", [[signal.SIGINT, signal.SIGTERM], [signal.SIGHUP]], ids=["twice", "dropped"])
def test_an_interruption_keeps_what_is_finished(tmp_path: Path, signals: list[int]) -> None:
    make(tmp_path / "notebooks", "01_good")
    make(tmp_path / "notebooks", "02_slow", "import time\ntime.sleep(600)\n")
    command = [sys.executable, "-m", "helpers", "run", *options(tmp_path)]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=ROOT,
        start_new_session=True,
        # ignored where tests run in background
        preexec_fn=lambda: [signal.signal(number, signal.SIG_DFL) for number in (signal.SIGINT, signal.SIGHUP)],
    )
    good, slow = (tmp_path / "out" / "notebooks" / name for name in ("01_good.ipynb", "02_slow.ipynb"))
    hung = threading.Timer(300, process.kill)
    hung.start()
    errors = ""
    for line in process.stderr:
        errors += line
        if "01_good" in line and " ran " in line:
            break
    while not slow.exists() and process.poll() is None:
        time.sleep(0.1)
    for number in signals:
        process.send_signal(number)
        time.sleep(0.3)  # the next one meets the run as it ends its notebooks
    said, _ = process.communicate()
    hung.cancel()
    assert process.returncode == 130, errors
    assert "Interrupted: 1/2 notebooks passed" in said and "is kept" in said
    assert good.exists() and not slow.exists()
    states = {entry["name"]: entry["verdict"] for entry in summary(tmp_path)["notebooks"]}
    assert states == {"01_good": "passed", "02_slow": "not run"}
    assert not _processes(str(tmp_path)), "a kernel or a child outlived the run"


def _processes(word: str) -> list[str]:
    """Command lines of living processes that contain a word, or run in a folder whose name does."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            line = (entry / "cmdline").read_text().replace("\0", " ")
            if word in line or word in os.readlink(entry / "cwd"):
                found.append(line)
        except OSError:
            continue
    return found


# The report's small parts


def test_numbers_and_durations_as_people_read_them() -> None:
    assert report.number(1234567) == "1\u202f234\u202f567" and report.number(-0.5) == "\u22120.5"
    assert report.number(None) == "–" and report.number(0.123456789) == "0.123457"
    assert [report.seconds(s) for s in (0.44, 12.4, 185, 7800)] == ["0.4 s", "12 s", "3 min 05 s", "2 h 10 min"]


def test_gauge() -> None:
    assert report.place(1.0, 1.0, tolerance=0.5) == 50
    assert report.place(1.25, 1.0, tolerance=0.5) == 75
    assert report.place(9.0, 1.0, tolerance=0.5) == 100 and report.place(-9.0, 1.0, tolerance=0.5) == 0
    assert report.place(None, 1.0, tolerance=0.5) is None and report.place(float("nan"), 1.0, tolerance=0.5) is None
