"""An executed notebook as self-contained HTML, with pictures inside and formulas drawn."""

from __future__ import annotations

import base64
import io
import re
import zlib
from collections.abc import Collection, Iterator
from html import escape
from pathlib import Path

import nbformat
from bleach import Cleaner
from bleach.css_sanitizer import CSSSanitizer
from bleach.html5lib_shim import Filter
from PIL import Image

_COLOURS = 256
_ROOM = 1_000_000  # characters of output shown of a notebook; the workbook's own notebooks have half of that
_SHOWN = ("text/html", "text/markdown", "text/plain", "image/png")
_TAGS = {
    "a", "b", "blockquote", "br", "caption", "code", "div", "em", "h1", "h2", "h3", "h4", "h5", "h6", "hr", "i", "img",
    "li", "ol", "p", "pre", "s", "small", "span", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr",
    "ul",
}  # fmt: skip
_DROPPED = {"script", "style"}
_STYLES = ["background-color", "border-left", "color", "font-style", "font-weight", "margin", "padding", "text-align"]
_DRAWN = re.compile("\ue000(\\d+)\ue001")  # stands for a formula's drawing while what others wrote is cleaned
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", flags=re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<!\s)\$(?![\w$])")
_RELATIVE = re.compile(r'href="(?!https?://|#)([^"#]*?)(?:\.ipynb)?(?:#[^"]*)?"')
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", flags=re.DOTALL)
# TeX that matplotlib's typesetter knows by another name
_SAME = {r"\lVert": r"\|", r"\rVert": r"\|", r"\tfrac": r"\frac", r"\text": r"\mathrm"}
_SAME[r"\operatorname"] = r"\mathrm"


def body(path: Path, *, beside: Collection[str] = ()) -> str:
    """The cells and outputs of an executed notebook, as the inside of a page.

    Args:
        path: of the notebook.
        beside: the names of the notebooks on the same page: a link to one leads to its section, with its name for an
            id. Links to other files are left out, for the page may be read anywhere.

    Returns:
        HTML. Widgets are left out (they need a kernel), and so is papermill's own markup; formulas are SVG
        drawings. Names of files and labels stand in it, and may hold scripts: of its HTML only what neither runs nor
        fetches anything stays.
    """
    from nbconvert import HTMLExporter

    notebook = nbformat.read(path, as_version=4)
    room, drawn = _ROOM, []
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = _formulas(cell.source, drawn)
        if cell.cell_type != "code":
            continue
        outputs = []
        for output in cell.outputs:
            data = {kind: content for kind, content in output.get("data", {}).items() if kind in _SHOWN}
            if "data" in output:
                output.data = data
            if not _shows(output):
                continue
            if "image/png" in data:
                data["image/png"] = base64.b64encode(small(base64.b64decode(data["image/png"]))).decode("ascii")
            size, outputs = sum(len(where[key]) for where, key in _words(output)), [*outputs, output]
            for where, key in _words(output):
                where[key] = where[key][:room]
            if size > room:
                note = f"… {size - room:,} characters are left out here; the executed notebook has them\n"
                outputs.append(nbformat.v4.new_output("stream", text=note))
            if "text/markdown" in data:
                data["text/markdown"] = _formulas(data["text/markdown"], drawn)
            room = max(0, room - size)
        cell.outputs = outputs
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(template_name="basic", embed_images=False, exclude_anchor_links=True)
    text = _cleaned(exporter.from_notebook_node(notebook)[0]).replace("<img ", '<img loading="lazy" ')
    text = _RELATIVE.sub(lambda found: f'href="#{found[1]}"' if found[1] in beside else "", text)
    return _DRAWN.sub(lambda found: drawn[int(found[1])] if int(found[1]) < len(drawn) else "", text)


def _words(output: nbformat.NotebookNode) -> Iterator[tuple]:
    """Where the texts of an output are: containers, each with the text's key."""
    yield from ((output.data, kind) for kind in output.get("data", {}) if kind.startswith("text/"))
    yield from ((output, "text") for _ in range("text" in output))
    yield from ((output.traceback, line) for line in range(len(output.get("traceback", []))))


def _cleaned(html: str) -> str:
    return Cleaner(
        tags=_TAGS | _DROPPED,
        attributes=_harmless,
        protocols={"http", "https", "data"},
        strip=True,
        filters=[_Silent],
        css_sanitizer=CSSSanitizer(allowed_css_properties=_STYLES),
    ).clean(html)


def _harmless(tag: str, name: str, value: str) -> bool:
    """Whether an attribute neither runs nor fetches anything."""
    if name == "href":
        return value.startswith(("http://", "https://")) or ":" not in value
    if name == "src":
        return value.startswith("data:image/")
    return name in ("alt", "class", "colspan", "rowspan", "style", "title")


class _Silent(Filter):
    """Drops scripts and style sheets with their content, of which the cleaner alone would make text."""

    def __iter__(self) -> Iterator[dict]:
        inside = 0
        for token in super().__iter__():
            named = token.get("name") in _DROPPED
            inside += named and token["type"] == "StartTag"
            if not inside and not named:
                yield token
            inside -= named and token["type"] == "EndTag"


def small(png: bytes) -> bytes:
    """A PNG with at most 256 colours, undithered: a third of the size without a visible difference.

    MAXCOVERAGE, because median cut goes by the number of pixels and would lose the rare colours at a map's ends.
    """
    with Image.open(io.BytesIO(png)) as image:
        flat = Image.new("RGB", image.size, "white")
        flat.paste(image.convert("RGBA"), mask=image.convert("RGBA").getchannel("A"))
    buffer = io.BytesIO()
    palette = flat.quantize(_COLOURS, method=Image.Quantize.MAXCOVERAGE, dither=Image.Dither.NONE)
    palette.save(buffer, "PNG", optimize=True)
    return min(buffer.getvalue(), png, key=len)


def _shows(output: nbformat.NotebookNode) -> bool:
    """Whether an output has anything to show beside a widget or a progress bar."""
    if output.get("name") == "stderr":
        return "%|" not in output.text
    return "data" not in output or bool(output.data)


def _formulas(markdown: str, drawn: list[str]) -> str:
    """Markdown with a mark for each of its TeX formulas, except in code; their drawings are added to ``drawn``."""

    def keep(drawing: str) -> str:
        drawn.append(drawing)
        return f"\ue000{len(drawn) - 1}\ue001"

    parts = _CODE.split(markdown)
    for index in range(0, len(parts), 2):
        parts[index] = _DISPLAY.sub(lambda found: f"\n\n{keep(_draw(found[1], True))}\n\n", parts[index])
        parts[index] = _INLINE.sub(lambda found: keep(_draw(found[1], False)), parts[index])
    return "".join(parts)


def _draw(tex: str, display: bool) -> str:
    """A formula as inline SVG in the colour of the text; as code where matplotlib cannot set it."""
    from matplotlib import mathtext
    from matplotlib.font_manager import FontProperties

    source = " ".join(tex.split())
    for theirs, ours in _SAME.items():
        source = re.sub(re.escape(theirs) + r"(?![a-zA-Z])", lambda _, text=ours: text, source)
    buffer = io.BytesIO()
    try:
        font = FontProperties(size=13 if display else 11, math_fontfamily="cm")
        depth = mathtext.math_to_image(f"${source}$", buffer, prop=font, dpi=72, format="svg", color="#123456")
    except (ValueError, RuntimeError):
        return f"<code>{escape(tex)}</code>"
    svg = buffer.getvalue().decode("utf-8")
    svg = svg[svg.index("<svg") :].replace("#123456", "currentColor")
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->|<style.*?</style>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<g id="patch_1">.*?</g>', "", svg, count=1, flags=re.DOTALL)  # the white background
    stem = f"f{zlib.crc32(source.encode()):08x}"
    svg = re.sub(r'(id="|xlink:href="#)([^"]+)"', lambda m: f'{m[1]}{stem}-{m[2]}"', svg)
    svg = " ".join(svg.split()).replace("<svg ", f'<svg role="img" aria-label="{escape(source)}" ', 1)
    kind = "formula display" if display else "formula"
    return f'<span class="{kind}" style="vertical-align:-{depth:.1f}pt">{svg}</span>'
