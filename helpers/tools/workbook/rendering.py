"""An executed notebook as self-contained HTML, with pictures inside and formulas drawn."""

from __future__ import annotations

import base64
import io
import re
import zlib
from html import escape
from pathlib import Path

import nbformat
from PIL import Image

_COLOURS = 256
_DISPLAY = re.compile(r"\$\$(.+?)\$\$", flags=re.DOTALL)
_INLINE = re.compile(r"(?<![\\$\w])\$(?!\s)([^$\n]+?)(?<!\s)\$(?![\w$])")
_CODE = re.compile(r"(```.*?```|`[^`\n]*`)", flags=re.DOTALL)
# TeX that matplotlib's typesetter knows by another name
_SAME = {r"\lVert": r"\|", r"\rVert": r"\|", r"\tfrac": r"\frac", r"\text": r"\mathrm"}
_SAME[r"\operatorname"] = r"\mathrm"


def body(path: Path) -> str:
    """The cells and outputs of an executed notebook, as the inside of a page.

    Widgets are left out (they need a kernel), and so is papermill's own markup; formulas are SVG drawings.
    """
    from nbconvert import HTMLExporter

    notebook = nbformat.read(path, as_version=4)
    for cell in notebook.cells:
        if cell.cell_type == "markdown":
            cell.source = formulas(cell.source)
        for output in cell.get("outputs", []):
            data = output.get("data", {})
            if "application/vnd.jupyter.widget-view+json" in data:
                del data["application/vnd.jupyter.widget-view+json"]
            if "image/png" in data:
                data["image/png"] = base64.b64encode(small(base64.b64decode(data["image/png"]))).decode("ascii")
            if "text/markdown" in data:
                data["text/markdown"] = formulas(data["text/markdown"])
        cell["outputs"] = [output for output in cell.get("outputs", []) if _shows(output)]
        if cell.cell_type != "code":
            del cell["outputs"]
    notebook.metadata.pop("widgets", None)
    exporter = HTMLExporter(template_name="basic", embed_images=False)
    text, _ = exporter.from_notebook_node(notebook)
    text = re.sub(r'<a class="anchor-link"[^>]*>.*?</a>', "", text)
    text = re.sub(r'(<(?:h\d|div)[^>]*?) id="[^"]*"', r"\1", text)  # those of several notebooks would clash
    return text.replace("<img ", '<img loading="lazy" ')


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
    return output.output_type != "display_data" or bool(output.data)


def formulas(markdown: str) -> str:
    """Markdown with its TeX formulas, except in code, replaced by drawings."""
    parts = _CODE.split(markdown)
    for index in range(0, len(parts), 2):
        parts[index] = _DISPLAY.sub(lambda found: f"\n\n{_draw(found[1], True)}\n\n", parts[index])
        parts[index] = _INLINE.sub(lambda found: _draw(found[1], False), parts[index])
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
