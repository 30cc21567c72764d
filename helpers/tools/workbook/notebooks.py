"""The notebooks on disk: where they are, whether each is in step with its source, what parameters it has."""

from __future__ import annotations

import ast
import contextlib
import itertools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from helpers.suggestions import nearest

FOLDER = Path(__file__).resolve().parents[3] / "notebooks"
# Types that a command line can spell
TYPES = {
    "str": str, "int": int, "float": float, "bool": bool,
    "list": list, "list[str]": list, "list[int]": list, "list[float]": list,
}  # fmt: skip


class Refused(ValueError):
    """Why what was asked for cannot be run, and what to do about it; nothing was executed."""


@contextlib.contextmanager
def readable(path: Path, *, remedy: str = "") -> Iterator[None]:
    """Refuse, in one line that names the file or folder, whatever is found wrong with its content inside the block."""
    try:
        yield
    except Refused:
        raise
    except Exception as error:  # the readers of three formats raise what they like
        why = f"no {error}" if isinstance(error, LookupError) else f"{error}".partition("\n")[0]
        raise Refused(f"{path} is damaged, or is another kind of file: {why[:200]}{remedy}") from error


@dataclass(frozen=True)
class Parameter:
    """One line of a notebook's parameters cell."""

    name: str
    kind: str
    default: object = None


@dataclass(frozen=True)
class Notebook:
    """A notebook: the ``path`` of its .ipynb, with the .py that it is made from beside it."""

    path: Path

    @property
    def name(self) -> str:
        """The stem of its files, e.g. ``02_position_probe``."""
        return self.path.stem

    @property
    def number(self) -> str:
        """Its two digits."""
        return self.name.partition("_")[0]

    @property
    def source(self) -> Path:
        """The .py."""
        return self.path.with_suffix(".py")


def discover(folder: Path = FOLDER) -> list[Notebook]:
    """All notebooks ``NN_name`` of a folder, by number; one file of a pair is enough to be found.

    Raises:
        Refused: There is none.
    """
    stems = {path.stem for pattern in ("[0-9][0-9]_*.py", "[0-9][0-9]_*.ipynb") for path in Path(folder).glob(pattern)}
    if not stems:
        raise Refused(f"there are no notebooks in {folder}")
    return [Notebook(Path(folder) / f"{stem}.ipynb") for stem in sorted(stems)]


def select(notebooks: list[Notebook], only: Iterable[str]) -> list[Notebook]:
    """The notebooks named by number or name (``"02"``, ``"2"``, ``"02_position_probe"``); all if none is named.

    Raises:
        Refused: A word names no notebook.
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


def _cells(path: Path) -> list[NotebookNode]:
    """The cells of one file of a pair.

    Raises:
        Refused: It is damaged, not in plain UTF-8, or holds the marks of a conflict.
    """
    import jupytext

    script = path.suffix == ".py"
    with readable(path, remedy="" if script else "; delete it, and `make pair` makes it again from the .py"):
        text = path.read_text(encoding="utf-8")
        if text.startswith("\ufeff"):
            raise ValueError("it begins with a byte-order mark; save it as UTF-8 without one")
        if "<<<<<<< " in (line[:8] for line in text.splitlines()):
            raise ValueError("it holds git's conflict marks")
        return (jupytext.reads(text, fmt="py") if script else nbformat.reads(text, as_version=4)).cells


def out_of_step(notebook: Notebook) -> str | None:
    """Where the .ipynb differs from its .py (cells, their kinds, sources and tags), or None."""
    for path in (notebook.path, notebook.source):
        if not path.exists():
            return f"there is no {path.name}"
    made, there = _cells(notebook.source), _cells(notebook.path)
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


def solutions(markdown: str) -> list[str]:
    """The code of the folded solutions in a notebook's text: the Python blocks inside ``<details>``."""
    folded = re.findall(r"<details>.*?</details>", markdown, flags=re.DOTALL)
    return re.findall(r"^```python\n(.+?)^```", "\n".join(folded), flags=re.DOTALL | re.MULTILINE)


def require_in_step(notebooks: list[Notebook]) -> None:
    """See that every .ipynb is in step with its .py.

    Raises:
        Refused: One is not, or one of the two files is missing.
    """
    for notebook in notebooks:
        if difference := out_of_step(notebook):
            names = f"{notebook.path.name} is not in step with {notebook.source.name}"
            raise Refused(f"{names} ({difference}): run `make pair`")


def parameters(notebook: Notebook) -> dict[str, Parameter]:
    """The parameters of a notebook, from its cell tagged ``parameters``.

    Raises:
        Refused: That cell is missing, or holds a line that is not ``name: type = literal``. A value derived
            there would stay as it was when a parameter changes.
    """
    tagged = [cell for cell in _cells(notebook.path) if "parameters" in _tags(cell)]
    if len(tagged) != 1:
        raise Refused(f"{notebook.name} has {len(tagged)} cells tagged 'parameters': it needs exactly one")
    source = tagged[0].source
    try:
        lines = ast.parse(source).body
    except (SyntaxError, ValueError) as error:
        mend = f"mend it in {notebook.source.name} and run `make pair`"
        raise Refused(f"{notebook.name}: the parameters cell is no Python ({error}): {mend}") from error
    found = {}
    for line in lines:
        try:
            if not isinstance(line, ast.AnnAssign) or line.value is None:
                raise ValueError
            name, kind, default = ast.unparse(line.target), ast.unparse(line.annotation), ast.literal_eval(line.value)
        except ValueError:
            text = (ast.get_source_segment(source, line) or "").partition("\n")[0]
            raise Refused(
                f"{notebook.name}: the parameters cell may hold only lines `name: type = literal`, not `{text}`; "
                "derive values in the next cell, which a changed parameter reaches"
            ) from None
        if kind not in TYPES:
            raise Refused(f"{notebook.name}: {name} has the type {kind}; use one of {', '.join(TYPES)}")
        found[name] = Parameter(name, kind, default)
        typed(found[name], default, where=notebook.name)
    return found


def typed(parameter: Parameter, value: object, *, where: str) -> object:
    """A value that has the parameter's type; an int becomes a float where one is wanted.

    Raises:
        Refused: It has another type; ``where`` begins the message.
    """
    item = re.fullmatch(r"list\[(\w+)]", parameter.kind)
    if item and isinstance(value, list):
        return [typed(Parameter(parameter.name, item[1]), each, where=where) for each in value]
    wanted = TYPES[parameter.kind]
    if wanted is float and type(value) is int:
        return float(value)
    if type(value) is not wanted:
        kind = type(value).__name__
        raise Refused(f"{where}: {parameter.name} is {parameter.kind}, but {value!r} is {kind}")
    return value


def spelled(parameter: Parameter, text: str, *, where: str) -> object:
    """A parameter's value from the command line: text as it is, ``a,b`` for lists, Python literals otherwise.

    Raises:
        Refused: The text does not fit the parameter's type; ``where`` begins the message.
    """
    if parameter.kind == "str":
        return text
    if parameter.kind == "bool" and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if parameter.kind.startswith("list") and not text.lstrip().startswith("["):
        item = Parameter(parameter.name, parameter.kind[5:-1] or "str")
        return [spelled(item, part.strip(), where=where) for part in text.split(",") if part.strip()]
    try:
        value = ast.literal_eval(text)
    except (ValueError, SyntaxError):
        value = text
    return typed(parameter, value, where=where)
