"""The page as one HTML file: scripts, style and data inside, nothing fetched."""

from __future__ import annotations

import html
import json
from collections.abc import Sequence
from pathlib import Path

import jinja2
import matplotlib
import numpy as np
from matplotlib.colors import to_hex
from tqdm import tqdm

from helpers import runtime
from helpers.records import write_file
from helpers.tools.page import compress, describing
from helpers.tools.page.subjects import Subject
from helpers.views.plots.style import DIFFERENCE, MAP

PALETTES = (MAP, "viridis", "magma", "hot")  # hot: the paper's
TITLE = "Move the object, watch the answer"
ABOUT = (
    "Drag an object through the frame and see what image networks say and how their features change: maps of real "
    "networks at every position, computed in the page."
)
_HERE = Path(__file__).parent
_SCRIPTS = ("numbers", "state", "maps", "answers", "drawing", "frame", "story", "pointing", "start")


def write(out: str | Path, shown: Sequence[Subject], *, url: str | None = None) -> Path:
    """Write the page of at least one subject; returns its path.

    The largest error of a cosine is measured over all pairs of positions and printed on the page.

    Args:
        url: where it will be published: with it, the page names its address and the picture beside it (``.png``),
            which other sites show for a link.

    Raises:
        ValueError: No subject, or an error above the bound.
    """
    if not shown:
        raise ValueError("a page needs at least one object with its maps")
    blocks = describing.Blocks()
    with tqdm(total=sum(len(subject.networks) for subject in shown), desc="page", unit="network") as bar:
        described = [describing.describe(subject, blocks, done=bar.update) for subject in shown]
    error = max(layer["error"] for one in described for network in one["networks"] for layer in network["layers"])
    if not error <= compress.BOUND:
        raise ValueError(f"the largest error of a cosine is {error:.2g}, above the bound of {compress.BOUND:g}")
    content = {
        "subjects": described,
        "bound": compress.BOUND,
        "error": error,
        "palette": MAP,
        "palettes": {name: _palette(name) for name in PALETTES},
        "right": describing.RIGHT,
        "wrong": describing.WRONG,
        "difference_palette": _palette(DIFFERENCE),
        "stamp": runtime.stamp(),
    }
    out = Path(out)
    write_file(out, _html(content, blocks, out, url))
    return out


def _palette(name: str) -> list[str]:
    """256 colours of a matplotlib colormap."""
    return [to_hex(colour) for colour in matplotlib.colormaps[name](np.linspace(0, 1, 256))]


def _html(content: dict, blocks: describing.Blocks, out: Path, url: str | None) -> str:
    code = "".join((_HERE / "static" / f"{name}.js").read_text("utf-8") for name in _SCRIPTS)
    template = jinja2.Template((_HERE / "templates" / "page.html").read_text("utf-8"), autoescape=True)
    ramp = ", ".join(content["difference_palette"][::15])
    base = url if url is None or url.endswith("/") else f"{url}/"
    return template.render(
        title=TITLE,
        about=ABOUT,
        url=base,
        preview=base and f"{base}{out.with_suffix('.png').name}",
        css=(_HERE / "static" / "page.css").read_text("utf-8").replace("var(--ramp)", ramp),
        code=code,
        page=json.dumps(content).replace("<", "\\u003c"),  # in a script element only "<" could end it
        blocks=list(enumerate(blocks.texts)),
        footer=_footer(content),
    )


def _footer(content: dict) -> str:
    """What the numbers are worth and where they come from; every name escaped."""
    computed = [
        (one, network, layer)
        for one in content["subjects"]
        for network in one["networks"]
        for layer in network["layers"]
    ]
    pairs = max(
        ((one["rows"][2] * one["cols"][2]) ** 2 for one, _, layer in computed if layer["kind"] == "features"),
        default=0,
    )
    error = f"{content['error']:.4g}"
    words = (
        f"The cosines are computed in this page from compressed features. When it was made, all of them were "
        f"compared with the exact ones, up to {pairs:,} pairs of positions per layer: the largest error is "
        f"<strong>{error}</strong>, the bound {content['bound']:g}."
        if pairs
        else f"The maps are rounded to {content['bound']:g}: they are off by {error} at most."
    )
    rows = "".join(_row(one["name"], network, layer) for one, network, layer in computed)
    weights = dict.fromkeys((network["title"], network["weights"]) for _, network, _ in computed)
    listed = "".join(f"<li>{html.escape(title)}: {html.escape(text)}</li>" for title, text in weights)
    stamp = html.escape(_stamp(content["stamp"]))
    return f"""
      <p>{words}</p>
      <details><summary>Each layer's size and error</summary><div class="wide"><table>
        <thead><tr><th>object</th><th>network</th><th>layer</th><th class="n">dimensions</th>
        <th class="n">axes kept</th><th class="n">kB</th><th class="n">largest error</th></tr></thead>
        <tbody>{rows}</tbody></table></div></details>
      <details><summary>Weights</summary><ul>{listed}</ul></details>
      <p>Made with <code>{stamp}</code>. After J. Lee, J. Yang, Z. Wang, <em>What Does CNN Shift Invariance
        Look Like? A Visualization Study</em>, ECCV 2020 workshops.</p>"""


def _row(name: str, network: dict, layer: dict) -> str:
    axes = layer["k"] if layer["kind"] == "features" else ""
    numbers = [layer.get("dimensions", ""), axes, f"{layer['bytes'] / 1000:.0f}", f"{layer['error']:.1e}"]
    return "<tr>" + "".join(
        [f"<td>{html.escape(text)}</td>" for text in (name, network["title"], layer["name"])]
        + [f'<td class="n">{number}</td>' for number in numbers]
    ) + "</tr>"  # fmt: skip


def _stamp(stamp: dict) -> str:
    packages = ", ".join(f"{name} {version}" for name, version in stamp["packages"].items())
    commit = f"commit {stamp['commit'] or 'unknown'}" + (" with uncommitted changes" if stamp["dirty"] else "")
    return f"Python {stamp['python']}, {packages}; {stamp['platform']}, {stamp['device']}; {commit}"
