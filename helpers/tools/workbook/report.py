"""A run as one self-contained page, index.html, and as data, summary.json."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import math
from collections.abc import Collection
from html import escape
from pathlib import Path

import jinja2
from PIL import Image

from helpers.measures import claims
from helpers.records import DPI, write_file
from helpers.tools.workbook import judge
from helpers.tools.workbook.captions import Caption, captions
from helpers.tools.workbook.judge import counted
from helpers.tools.workbook.rendering import body
from helpers.views import plots

TABLE = Path("figures", "claims.png")  # of findings and networks, in a run's folder
_TEMPLATES = Path(__file__).parent / "templates"


def write(summary: dict, *, out: Path) -> None:
    """Write the two files of a run's summary into its folder, and the table of its claims as a picture."""
    text = json.dumps(_finite(summary), indent=1, ensure_ascii=False, allow_nan=False, default=str)
    write_file(out / "summary.json", text + "\n")
    table = claims.table(claims.kept(judge.records(out, damaged=False).values()))
    if len(table):
        plots.claims(table).savefig(picture := io.BytesIO(), dpi=DPI, metadata={"Software": None})
        write_file(out / TABLE, picture.getvalue())
    write_file(out / "index.html", _html(summary, out))


def _finite(value: object) -> object:
    """The value with NaN and infinities as text: JSON has none."""
    if isinstance(value, dict):
        return {key: _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value


def _html(summary: dict, out: Path) -> str:
    """The summary as one page with everything in it: styles, figures and the executed notebooks."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(_TEMPLATES), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters.update(number=number, seconds=seconds, place=place, title=title, counted=counted)
    executed = {entry["name"]: out / "notebooks" / f"{entry['name']}.ipynb" for entry in summary["notebooks"]}
    there = {name: path for name, path in executed.items() if path.exists()}
    pages = {name: _executed(path, executed) for name, path in there.items()}
    words = {f"figures/{name}": caption for path in there.values() for name, caption in _captions(path).items()}
    figures = {name: _picture(out / name) for entry in summary["notebooks"] for name in entry["figures"]}
    table = _picture(out / TABLE) if (out / TABLE).exists() else None
    template = environment.get_template("report.html")
    return template.render(run=summary, pages=pages, figures=figures, captions=words, table=table)


def _captions(path: Path) -> dict[str, Caption]:
    """The captions of an executed notebook's figures, by file; none where it cannot be read."""
    with contextlib.suppress(Exception):  # as below
        return {f"{path.name[:2]}_{name}.png": caption for name, caption in captions(path).items()}
    return {}


def _executed(path: Path, beside: Collection[str]) -> str:
    """An executed notebook, or in its place why it cannot be shown: the report of the others is written."""
    try:
        return body(path, beside=beside)
    except Exception as error:  # readers, converters and picture decoders have no common error
        return f"<p>It cannot be shown: {escape(f'{type(error).__name__}: {error}'[:200])}</p>"


def _picture(path: Path) -> dict[str, object]:
    """The attributes of an image: the picture itself, and its size, so that the page does not move as it loads."""
    with Image.open(path) as image:
        width, height = image.size
    content = base64.b64encode(path.read_bytes()).decode("ascii")
    return {"width": width, "height": height, "src": f"data:image/png;base64,{content}"}


def number(value: object) -> str:
    """A number for people: six digits at most, thousands set apart by a thin space."""
    if value is None:
        return "–"
    if isinstance(value, str):
        return value
    if float(value).is_integer() and abs(value) < 1e15:
        return f"{int(value):,}".replace(",", "\u202f").replace("-", "\u2212")
    return f"{value:.6g}".replace("-", "\u2212")


def seconds(value: float | None) -> str:
    """A duration: ``0.4 s``, ``12 s``, ``3 min 05 s``, ``2 h 10 min``."""
    if value is None:
        return "–"
    if value < 10:
        return f"{value:.1f} s"
    whole = round(value)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def place(value: float | None, target: float | None, *, tolerance: float | None) -> float | None:
    """Where a value lies between ``target - tolerance`` (0) and ``target + tolerance`` (100), clipped to these."""
    if value is None or target is None or tolerance is None or not math.isfinite(value):
        return None
    if tolerance == 0:
        return 50.0 if value == target else 100.0 * (value > target)
    return min(100.0, max(0.0, 50 + 50 * (value - target) / tolerance))


def title(name: str) -> str:
    """``"02_position_probe"`` as ``"Position probe"``."""
    words = name.partition("_")[2].replace("_", " ") or name
    return words[:1].upper() + words[1:]
