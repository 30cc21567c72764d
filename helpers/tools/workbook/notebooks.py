"""The notebooks on disk: which there are, whether each is in step with its source, what parameters it has."""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode, ValidationError

from helpers.suggestions import nearest

FOLDER = Path(__file__).resolve().parents[3] / "notebooks"
# Kinds that papermill can read from an annotation, and that a command line can spell
KINDS = {
    "str": str, "int": int, "float": float, "bool": bool,
    "list": list, "list[str]": list, "list[int]": list, "list[float]": list,
}  # fmt: skip


class Refused(ValueError):
    """Something asked for cannot be run: what, and what would be right. Nothing was executed."""


@contextlib.contextmanager
def readable(path: Path) -> Iterator[None]:
    """Within it, whatever a file or folder has wrong in its content is Refused, in one line that names it."""
    try:
        yield
    except Refused:
        raise
    except (OSError, ValueError, LookupError, TypeError, AttributeError, SyntaxError, ValidationError) as error:
        why = f"no {error}" if isinstance(error, LookupError) else f"{error}".partition("\n")[0]
        raise Refused(f"{path} is damaged, or not what it should be: {why[:200]}") from error


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell."""

    name: str
    kind: str
    default: object
    help: str


@dataclass(frozen=True)
class Notebook:
    """A notebook: ``path`` of its .ipynb, the .py it is made from beside it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.stem

    @property
    def number(self) -> str:
        return self.name.partition("_")[0]

    @property
    def source(self) -> Path:
        return self.path.with_suffix(".py")


def discover(folder: Path = FOLDER) -> list[Notebook]:
    """All notebooks ``NN_name`` of a folder, by number; one of each pair is enough to be found.

    Raises:
        Refused: where there is none.
    """
    stems = {path.stem for pattern in ("[0-9][0-9]_*.py", "[0-9][0-9]_*.ipynb") for path in Path(folder).glob(pattern)}
    if not stems:
        raise Refused(f"there are no notebooks in {folder}")
    return [Notebook(Path(folder) / f"{stem}.ipynb") for stem in sorted(stems)]


def paired(notebooks: list[Notebook]) -> None:
    """Raises Refused where a .py has no .ipynb beside it or an .ipynb no .py."""
    for notebook in notebooks:
        if not notebook.path.exists():
            raise Refused(f"{notebook.source.name} has no {notebook.path.name} beside it: run `make pair`")
        if not notebook.source.exists():
            raise Refused(f"{notebook.path.name} has no {notebook.source.name}, which it should be made from")


def select(notebooks: list[Notebook], only: Iterable[str]) -> list[Notebook]:
    """The notebooks named by number or name (``"02"``, ``"2"``, ``"02_position_probe"``); all for none.

    Raises Refused for a name that is none of them.
    """
    chosen = set()
    for word in only:
        match = [n for n in notebooks if word in (n.number, n.number.lstrip("0"), n.name)]
        if not match:
            raise Refused(f"no notebook {word!r}{nearest(word, [n.name for n in notebooks])}")
        chosen.update(n.name for n in match)
    return [n for n in notebooks if not chosen or n.name in chosen]


def _tags(cell: NotebookNode) -> list[str]:
    return list(cell.metadata.get("tags", []))


def out_of_step(notebook: Notebook) -> str | None:
    """Where the .ipynb differs from its .py (cells, their kinds, sources and tags), or None."""
    import jupytext

    with readable(notebook.source):
        made = jupytext.read(notebook.source).cells
    with readable(notebook.path):
        there = nbformat.read(notebook.path, as_version=4).cells
    for index, (a, b) in enumerate(zip(made, there, strict=False), start=1):
        if a.cell_type != b.cell_type:
            return f"cell {index} is {b.cell_type} in the .ipynb and {a.cell_type} in the .py"
        if a.source.strip() != b.source.strip():
            ours, theirs = a.source.strip().splitlines(), b.source.strip().splitlines()
            lines = (pair for pair in itertools.zip_longest(ours, theirs, fillvalue="") if len({*pair}) == 2)
            mine, other = next(lines)
            return f"cell {index} has {other.strip()[:60]!r} where the .py has {mine.strip()[:60]!r}"
        if _tags(a) != _tags(b):
            return f"cell {index} has the tags {_tags(b)} in the .ipynb and {_tags(a)} in the .py"
    if len(made) != len(there):
        return f"the .ipynb has {len(there)} cells, the .py {len(made)}"
    return None


def parameters(notebook: Notebook) -> dict[str, Parameter]:
    """The parameters of a notebook, read by papermill from its cell tagged ``parameters``.

    Raises Refused where that cell is missing, or holds a line that is not ``name: type = literal``: a value
    derived there would keep its old value when a parameter changes.
    """
    import papermill

    with readable(notebook.path):
        tagged = [cell for cell in nbformat.read(notebook.path, as_version=4).cells if "parameters" in _tags(cell)]
    if len(tagged) != 1:
        raise Refused(f"{notebook.name} has {len(tagged)} cells tagged 'parameters': it needs exactly one")
    with readable(notebook.path):
        defaults = _literals(notebook, tagged[0].source)
    seen = papermill.inspect_notebook(str(notebook.path))
    if list(seen) != list(defaults):
        missed = ", ".join(sorted(set(defaults) ^ set(seen)))
        raise Refused(f"{notebook.name}: papermill cannot read the parameter {missed}: a second '='?")
    found = {}
    for name, entry in seen.items():
        kind = entry["inferred_type_name"].replace(" ", "")
        if kind not in KINDS:
            raise Refused(f"{notebook.name}: {name} has the type {kind}; use one of {', '.join(KINDS)}")
        found[name] = Parameter(name, kind, defaults[name], entry["help"])
        check(found[name], defaults[name], where=notebook.name)
    return found


def _literals(notebook: Notebook, source: str) -> dict[str, object]:
    values: dict[str, object] = {}
    for node in ast.parse(source).body:
        try:
            if not isinstance(node, ast.AnnAssign) or node.value is None:
                raise ValueError
            values[ast.unparse(node.target)] = ast.literal_eval(node.value)
        except ValueError:
            line = ast.get_source_segment(source, node) or ""
            raise Refused(
                f"{notebook.name}: the parameters cell may hold only lines `name: type = literal`, not "
                f"`{line.splitlines()[0]}`; derive values in the next cell, which a changed parameter reaches"
            ) from None
    return values


def check(parameter: Parameter, value: object, *, where: str) -> object:
    """``value`` if it has the parameter's type (an int passes as float). Raises Refused otherwise."""
    item = re.fullmatch(r"list\[(\w+)]", parameter.kind)
    if item and isinstance(value, list):
        return [check(Parameter(parameter.name, item[1], None, ""), each, where=where) for each in value]
    wanted = KINDS[parameter.kind]
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        kind = type(value).__name__
        raise Refused(f"{where}: {parameter.name} is {parameter.kind}, and {value!r} is {kind}")
    return value


def spelled(parameter: Parameter, text: str, *, where: str) -> object:
    """A parameter's value from the command line: text as it is, ``a,b`` for lists, Python literals otherwise.

    Raises Refused for text that does not fit the type.
    """
    if parameter.kind == "str":
        return text
    if parameter.kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if parameter.kind.startswith("list") and not text.lstrip().startswith("["):
        item = Parameter(parameter.name, parameter.kind[5:-1] or "str", None, "")
        return [spelled(item, part.strip(), where=where) for part in text.split(",") if part.strip()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    return check(parameter, value, where=where)
