"""The shape of the project: who imports whom, what every notebook looks like, what the packaging states."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import jupytext
import nbformat
import papermill
import pytest
import yaml

from helpers.tools.workbook import notebooks, presets

ROOT = Path(__file__).resolve().parents[1]
HELPERS = ROOT / "helpers"
# The three rings and the modules of the core in the order in which they build on each other. Imports go inwards:
# what a ring's package may import from the package, besides its own modules (README, "The structure").
CORE = ["suggestions", "runtime", "assets", "objects", "shifting", "similarity", "networks", "features", "records"]
MAY_IMPORT = {
    "core": {"core"},
    "measures": {"core"},
    "views": {"core", "measures"},
    "tools": {"core", "measures", "views"},
}
# Which parts may know a library that draws or shows things, besides what stands after them
DRAWS = {"views", "page"}
DRAWING = {"matplotlib", "seaborn", "ipywidgets", "anywidget"}
EXCEPTIONS = {
    ("records", "matplotlib"),  # a figure is saved, not drawn
    ("objects", "matplotlib"),  # its fonts and sample photos are the embedded objects
    ("workbook", "matplotlib"),  # its formula typesetter, for the report
}


def modules() -> list[Path]:
    return sorted(HELPERS.rglob("*.py"))


def place(parts: tuple[str, ...]) -> tuple[str, str]:
    """Ring and part of a module by its path inside the package: core and its module, or a ring and its room."""
    top, *rest = (part.removesuffix(".py") for part in parts)
    if top in MAY_IMPORT:
        return top, rest[0] if rest else "__init__"
    return ("core", top) if top in CORE else ("tools", top)  # __main__ starts the tools


def code_lines(path: Path) -> int:
    """The lines of a module that hold code: no docstring, no comment, not blank."""
    text = path.read_text(encoding="utf-8")
    told = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if ast.get_docstring(node, clean=False) is not None:
                told |= set(range(node.body[0].lineno, node.body[0].end_lineno + 1))
    lines = enumerate(text.splitlines(), start=1)
    return sum(1 for number, line in lines if number not in told and line.strip() and not line.lstrip().startswith("#"))


def imports(path: Path) -> set[str]:
    """The dotted names a module imports, at any depth, ``from helpers import x`` as ``helpers.x``."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: write absolute imports"
            if node.module == "helpers":
                found.update(f"helpers.{alias.name}" for alias in node.names)
            else:
                found.add(node.module)
    return found


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HELPERS)))
def test_imports_go_inwards(path: Path) -> None:
    ring, part = place(path.relative_to(HELPERS).parts)
    for name in imports(path):
        top, *rest = name.split(".")
        if top == "helpers" and rest:
            other, theirs = place(tuple(rest))
            if (other, theirs) != (ring, part):
                assert other in MAY_IMPORT[ring] | {ring}, f"{ring} may not import {name}: imports go inwards"
            if ring == other == "core":
                assert CORE.index(theirs) <= CORE.index(part), f"{part} may not import {theirs}, which builds on it"
            assert theirs != "panels" or part == "panels", "nothing but a notebook imports the panels"
        if top in DRAWING and not {ring, part} & DRAWS:
            assert (part, top) in EXCEPTIONS, f"{part} may not import {top}"
        assert top != "ipywidgets" or part == "panels", "only the panels know ipywidgets"


def test_the_core_is_thin() -> None:
    names = {path.name.removesuffix(".py") for path in HELPERS.iterdir() if path.name != "__pycache__"}
    assert names == {"__init__", "__main__", *CORE, "measures", "views", "tools"}
    core = [path for path in modules() if place(path.relative_to(HELPERS).parts)[0] == "core"]
    assert sum(map(code_lines, core)) <= 2_700, "the core shifts, reads features and compares: move or cut the rest"


@pytest.mark.parametrize("path", modules(), ids=lambda path: str(path.relative_to(HELPERS)))
def test_modules_are_short_and_documented(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= 300, "split it: a module is about 200 lines"
    tree = ast.parse(text)
    assert ast.get_docstring(tree), "say in one sentence what the module is for"
    for node in tree.body:
        named = isinstance(node, ast.FunctionDef | ast.ClassDef) and not path.name.startswith("_")
        public = named and not node.name.startswith("_")
        if public and node.name != "main":
            assert ast.get_docstring(node), f"{node.name} has no docstring"


def test_importing_does_nothing() -> None:
    """No device choice, no seed, no download, no choice of a precision at import."""
    for path in modules():
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Call):
                pytest.fail(f"{path.relative_to(ROOT)}:{node.lineno} calls something at import")
    dotted = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules()]
    names = [name.removesuffix(".__init__") for name in dotted if not name.endswith("__main__")]
    # In a process of its own, so that nothing is imported yet; what may not happen ends it.
    code = f"""
import random, socket
import numpy as np, torch
before = random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()
def no(*_, **__):
    raise SystemExit("connects, or asks for a device, at import")
socket.socket.connect = torch.cuda.is_available = torch.cuda.device_count = no
import importlib
for name in {names!r}:
    importlib.import_module(name)
assert before == (random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()), "seeds"
assert torch.is_grad_enabled() and torch.get_default_dtype() == torch.float32
"""
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT)
    assert ran.returncode == 0, ran.stderr[-2000:]


# Packaging


def project() -> dict:
    return tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]


def _requirement(text: str) -> tuple[str, str]:
    name, bound = re.fullmatch(r"([\w.-]+?)\s*((?:[<>=!~].*)?)", text).groups()
    return name.lower().replace("_", "-"), bound


def test_environment_repeats_the_dependencies() -> None:
    conda_names = {"pytorch": "torch"}
    environment = yaml.safe_load((ROOT / "environment.yml").read_text(encoding="utf-8"))
    listed, python = {}, None
    for entry in environment["dependencies"]:
        for text in entry["pip"] if isinstance(entry, dict) else [entry]:
            if text in ("pip", "-e ."):
                continue
            name, bound = _requirement(text)
            if name == "python":
                python = bound
            else:
                listed[conda_names.get(name, name)] = bound
    assert listed == dict(map(_requirement, project()["dependencies"]))
    assert python == project()["requires-python"]


def test_the_oldest_torch_that_is_allowed_is_run_every_night() -> None:
    stated = dict(map(_requirement, project()["dependencies"]))
    nightly = (ROOT / ".github" / "workflows" / "nightly.yml").read_text(encoding="utf-8")
    for name in ("torch", "torchvision"):
        assert f"{name}=={stated[name].removeprefix('>=')}.*" in nightly


def test_constraints_pin_every_dependency_and_name_no_address() -> None:
    text = (ROOT / ".ci" / "constraints.txt").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    for line in lines:
        assert re.fullmatch(r"[\w.-]+==[\w.+!-]+", line), f"not a plain version: {line}"
    pinned = {_requirement(line)[0] for line in lines}
    extras = sum(project()["optional-dependencies"].values(), [])
    assert {_requirement(text)[0] for text in project()["dependencies"] + extras} <= pinned


def test_every_import_is_a_dependency() -> None:
    """A module that imports what pyproject does not state would break on a fresh machine."""
    known = {"pillow": "PIL", "scikit-image": "skimage", "scikit-learn": "sklearn", "ipython": "IPython"}
    stated = [_requirement(text)[0] for text in project()["dependencies"]]
    top = {known.get(name, name.replace("-", "_")) for name in stated}
    top |= {"helpers", "IPython"}  # IPython comes with ipykernel
    optional = {"distributed", "dask"}  # the extra `cluster`
    for path in [*modules(), *sorted((ROOT / "notebooks").glob("*.py"))]:
        for name in imports(path):
            first = name.split(".")[0]
            if first in sys.stdlib_module_names or first in top:
                continue
            assert first in optional and "sweep" in path.parts, f"{path.name} imports {first}, not a dependency"


def test_makefile_targets_explain_themselves() -> None:
    text = (ROOT / "Makefile").read_text(encoding="utf-8")
    phony = set(re.search(r"^\.PHONY: (.+)$", text, flags=re.MULTILINE)[1].split())
    explained = set(re.findall(r"^([a-z-]+):.*## \w", text, flags=re.MULTILINE))
    assert phony == explained


def test_top_level_is_what_was_agreed() -> None:
    allowed = {"notebooks", "helpers", "environment.yml", "README.md", "figures", "tests"}
    allowed |= {"pyproject.toml", "Makefile", "LICENSE", "CITATION.cff", "runs", "build", "dist", "shared"}
    extra = {path.name for path in ROOT.iterdir() if not path.name.startswith(".")} - allowed
    assert not {name for name in extra if not name.endswith(".egg-info")}


# Notebooks

SOURCES = sorted((ROOT / "notebooks").glob("[0-9]*.py"))
SECTIONS = ["Set-up", "One object", "Method", "Run", "Results", "Exercises", "Explore", "What this does not show"]
SECTIONS += ["For sceptics", "References and next"]
FOLDED = "## For sceptics"
TERMS = ("features", "anchor", "off the shelf", "anti-aliased", "twin", "cosine similarity", "similarity map")
TERMS += ("convolution", "strides", "padding", "consistency", "softmax", "interval", "calibrated invariance")
TERMS += ("equivariant", "Nyquist frequency")
each_notebook = pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.stem)


def cells(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    return [cell for cell in jupytext.read(path).cells if cell.cell_type == kind]


def core(path: Path, kind: str) -> list[nbformat.NotebookNode]:
    """The cells of a kind that stand before the part for sceptics."""
    every = jupytext.read(path).cells
    end = next(i for i, cell in enumerate(every) if cell.source.startswith(FOLDED))
    return [cell for cell in every[:end] if cell.cell_type == kind]


@each_notebook
def test_notebook_has_the_same_parts_in_the_same_order(path: Path) -> None:
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    assert re.findall(r"^# (.+)$", re.sub(r"```.*?```", "", text, flags=re.DOTALL), flags=re.MULTILINE), "no title"
    assert re.findall(r"^## (.+?)\s*$", text, flags=re.MULTILINE) == SECTIONS


def assembled(source: str) -> list[str]:
    """What of a cell's code puts prose together, which is written and not assembled.

    The text of ``Markdown`` is a literal, in which at most three numbers are set; it stands under no condition. And
    nowhere does a condition choose between sentences: a sentence that may not hold is a claim (``record.claim``).
    """
    found = []
    tree = ast.parse(source)
    for node in ast.walk(tree):
        inside = list(ast.walk(node))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Markdown":
            (text,) = node.args
            holes = [each for each in ast.walk(text) if isinstance(each, ast.FormattedValue)]
            if not isinstance(text, ast.Constant | ast.JoinedStr):
                found.append("the text of Markdown is no literal")
            elif len(holes) > 3:
                found.append(f"{len(holes)} numbers in one reading: at most three")
            for each in (part for hole in holes for part in ast.walk(hole.value)):
                words = isinstance(each, ast.Constant) and isinstance(each.value, str) and " " in each.value
                if words or isinstance(each, ast.IfExp | ast.BoolOp | ast.Compare | ast.comprehension):
                    found.append(f"chosen or put together: {ast.unparse(each)}")
        elif isinstance(node, ast.If | ast.For | ast.While):
            if any(isinstance(each, ast.Call) and getattr(each.func, "id", "") == "Markdown" for each in inside):
                found.append("Markdown under a condition or in a loop")
        elif isinstance(node, ast.IfExp):
            texts = [each for branch in (node.body, node.orelse) for each in ast.walk(branch)]
            texts = [each.value for each in texts if isinstance(each, ast.Constant) and isinstance(each.value, str)]
            found += [f"a condition chooses a sentence: {text!r}" for text in texts if len(text.split()) > 2]
        elif isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "claim":
            if not isinstance(node.args[1], ast.Constant):
                found.append("the sentence of a claim is no literal")
    return found


@pytest.mark.parametrize(
    "source",
    [
        "Markdown(f\"It is {'more' if a > b else 'less'} similar.\")",
        "Markdown('One. ' + (more or 'Another.'))",
        "Markdown(text)",
        "Markdown(f\"{'; '.join(f'{k} is {v}' for k, v in rows)}.\")",
        "Markdown(f'{a} {b} {c} {d}')",
        "if a > b:\n    display(Markdown('It is larger.'))",
        "words = 'it is ahead at both' if a > b else ''",
        "record.claim('gain', f'It is {x:.1f} larger.', effect, above=1, unit='times')",
    ],
)
def test_assembled_prose_is_found(source: str) -> None:
    assert assembled(source)
    assert not assembled("Markdown(f'It is {float(a[0]):.2f} and `{layer}`; ' 'no more.')\nx = 'a' if b else 'c'")


@each_notebook
def test_notebook_prose_is_written(path: Path) -> None:
    for cell in cells(path, "code"):
        assert not assembled(cell.source), f"{path.name}: {assembled(cell.source)}"


@each_notebook
def test_notebook_core_takes_ten_minutes(path: Path) -> None:
    """At most 200 lines of code and five figures before the part for sceptics, which is folded when it is opened."""
    code = [cell.source for cell in core(path, "code")]
    lines = [line for line in "\n".join(code).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    assert len(lines) <= 200 and "\n".join(code).count("record.save_figure(") <= 5
    (heading,) = [cell for cell in cells(path, "markdown") if cell.source.startswith(FOLDED)]
    assert heading.metadata.get("jp-MarkdownHeadingCollapsed") is True
    assert "###" not in heading.source, "what stands in the heading's own cell is not folded with it"
    folded = "\n".join(cell.source for cell in cells(path, "code")).removeprefix("\n".join(code))
    assert re.search(r'panels\.Folded\("[^"]+", record\.finish\(\)\)', folded), "the table of checks is folded"


@each_notebook
def test_notebook_asks_before_it_answers(path: Path) -> None:
    """A guess before the results, beside them at the end; two exercises whose solutions are folded and can be run."""
    code = "\n".join(cell.source for cell in core(path, "code"))
    asked, answered = code.find("panels.Guess("), code.find("guess.beside(")
    first = re.search(r"features\.extract\(|equivariance\.read\(|study\.replay\(", code)
    assert first and 0 <= asked < first.start() < answered
    assert len(notebooks.solutions("\n".join(cell.source for cell in core(path, "markdown")))) == 2


@each_notebook
def test_notebook_says_what_its_words_mean(path: Path) -> None:
    """A term is explained where it is first used: marked, with a definition in the sentence or as a tooltip."""
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    text = re.sub(r"```.*?```", "", text, flags=re.DOTALL)
    text = re.sub(r"^#.*$|\[[^]]*]\([^)]*\)", "", text, flags=re.MULTILINE)  # headings and links
    for term in TERMS:
        plain = re.sub(r'(?<=title=")[^"]*', lambda found: " " * len(found[0]), text)
        if first := re.search(rf"\b{term}s?\b", plain, flags=re.IGNORECASE):
            before = text[: first.start()]
            assert before.endswith(("*", '">')), f"{path.name} uses {term!r} before it says what it means"


@each_notebook
def test_notebook_parameters(path: Path) -> None:
    have = notebooks.parameters(notebooks.Notebook(path.with_suffix(".ipynb")))
    assert 1 <= len(have) <= 10
    assert have["out"].default == "../runs/lab"
    shown = papermill.inspect_notebook(path.with_suffix(".ipynb"))  # what `papermill --help-notebook` shows
    assert list(shown) == list(have), "papermill cannot read a line with a second '='"
    assert all(parameter["help"] for parameter in shown.values()), "say unit and meaning of each"


@each_notebook
def test_notebook_code_is_thin(path: Path) -> None:
    for cell in cells(path, "code"):
        assert len(cell.source.splitlines()) <= 25, f"over 25 lines: {cell.source.splitlines()[0]}"
        assert not re.search(r"^\s*[%!]|sys\.path|\bpip\b", cell.source, flags=re.MULTILINE)
        for node in ast.walk(ast.parse(cell.source)):
            assert not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)


@each_notebook
def test_notebook_finishes_its_record(path: Path) -> None:
    code = "\n".join(cell.source for cell in cells(path, "code"))
    assert f'"{path.stem}"' in code and "record.finish()" in code
    assert "runtime.seed(seed)" in code or "seed" not in code


@each_notebook
def test_notebook_is_in_step(path: Path) -> None:
    assert notebooks.out_of_step(notebooks.Notebook(path.with_suffix(".ipynb"))) is None


def test_presets_fit_the_notebooks() -> None:
    every = notebooks.discover()
    named = presets.read(notebooks.FOLDER)
    for preset in presets.PRESETS:
        presets.resolve(every, every=every, preset=preset, settings={}, presets=named)


@each_notebook
def test_notebook_links_to_what_exists(path: Path) -> None:
    text = "\n".join(cell.source for cell in cells(path, "markdown"))
    for link in re.findall(r"]\(([^)#\s]+)\)", text):
        assert link.startswith("http") or (path.parent / link).exists(), f"{path.name} links to {link}"


# What is committed of a run

COMMITTED = sorted((ROOT / "notebooks").glob("[0-9]*.ipynb"))
SIDECARS = sorted((ROOT / "figures").glob("[0-9]*.json"))


@pytest.mark.parametrize("path", COMMITTED, ids=lambda path: path.stem)
def test_committed_notebook_is_clean(path: Path) -> None:
    notebook = nbformat.read(path, as_version=4)
    text = path.read_text(encoding="utf-8")
    assert len(text) < 3_000_000
    assert not {"papermill", "widgets"} & set(notebook.metadata)
    assert "application/vnd.jupyter.widget" not in text
    assert not re.search(r"""["'\s](/home/|/root/|/tmp/|/Users/|/work/)""", text), "a path of one machine"
    counts = [cell.execution_count for cell in notebook.cells if cell.cell_type == "code" and cell.source]
    assert counts in ([None] * len(counts), list(range(1, len(counts) + 1)))
    for cell in notebook.cells:
        assert not {"papermill", "execution"} & set(cell.metadata)
        assert "injected-parameters" not in cell.metadata.get("tags", [])
        assert not [o for o in cell.get("outputs", []) if o.output_type == "error"]


@pytest.mark.parametrize("path", SIDECARS, ids=lambda path: path.stem)
def test_sidecar_names_the_parameters_of_its_notebook(path: Path) -> None:
    sidecar = json.loads(path.read_text(encoding="utf-8"))
    assert path.with_suffix(".png").exists()
    have = notebooks.parameters(notebooks.Notebook(ROOT / "notebooks" / f"{sidecar['notebook']}.ipynb"))
    want = {name: p.default for name, p in have.items() if name not in ("out", "device")}
    assert sidecar["parameters"] == want, "run `make figures`"


def test_every_figure_has_a_sidecar_and_stands_in_the_gallery() -> None:
    pictures = {path.stem for path in (ROOT / "figures").glob("[0-9]*.png")}
    assert pictures == {path.stem for path in SIDECARS}
    page = ROOT / "figures" / "README.md"
    text = page.read_text(encoding="utf-8") if page.exists() else ""
    assert set(re.findall(r'<img src="([^"]+)\.png" alt="[^"]*" width=', text)) == pictures


def test_readme_names_commands_that_exist() -> None:
    from helpers.__main__ import COMMANDS

    text = (ROOT / "README.md").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert {"run", "test"} <= set(re.findall(r"\bmake ([a-z-]+)", text)) <= targets
    assert set(re.findall(r"python -m helpers ([a-z-]+)", text)) <= set(COMMANDS)
    for link in re.findall(r"]\(([^)#]+)\)", text):
        assert link.startswith(("http", "mailto")) or (ROOT / link).exists(), f"README links to {link}"


@pytest.mark.parametrize("path", sorted((ROOT / ".github" / "workflows").glob("*.yml")), ids=lambda path: path.stem)
def test_workflows_call_what_exists(path: Path) -> None:
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    steps = [step for job in workflow["jobs"].values() for step in job["steps"]]
    commands = " ".join(step.get("run", "") for step in steps)
    targets = set(re.findall(r"^([a-z-]+):.*## ", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE))
    assert set(re.findall(r"\bmake ([a-z-]+)", commands)) <= targets
    assert any(command in commands for command in (".ci/run", "make run", "make page"))
    assert set(workflow["permissions"].values()) <= {"read"}  # a job that needs more says so itself
    assert all(job["timeout-minutes"] <= 60 for job in workflow["jobs"].values())
    for step in steps:
        assert "uses" not in step or re.fullmatch(r"actions/[\w/-]+@v\d+", step["uses"])
