"""What each figure shows and how it reads, in the notebook's own words: those around the cell that saves it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import nbformat

_SAVED = re.compile(r"""\.save_figure\([^,()]+,\s*["']([^"']+)["']""")
_READING = re.compile(r"\s*\*\*(?:Reading|The surprise)[^*]*\*\*\s*")
_HEADING = re.compile(r"^#+ .*$", re.MULTILINE)
_MARKS = (
    (re.compile(r"<[^<>]+>"), ""),
    (re.compile(r"!?\[([^\[\]]*)\]\([^()]*\)"), r"\1"),  # links
    (re.compile(r"\*\*|(?<!\w)[*_](?=\S)|(?<=\S)[*_](?!\w)|`|\$"), ""),
    (re.compile(r"\\([a-zA-Z]+|.)"), r"\1"),  # what is left of a formula
)


@dataclass(frozen=True)
class Caption:
    """Sentences without marks; empty where the notebook has none."""

    shows: str  # the last paragraph of prose before the figure's cell, in its section
    reading: str  # the first paragraph of the reading after it, in its section


def captions(path: Path) -> dict[str, Caption]:
    """The captions of a notebook's figures by their names, in the order in which it draws them.

    Args:
        path: of the notebook, best executed: readings with numbers in them are outputs of cells.
    """
    found: dict[str, Caption] = {}
    prose, waiting = "", None  # the last figure that has no reading yet
    for cell in nbformat.read(path, as_version=4).cells:
        if cell.cell_type == "markdown":
            before, *sections = _HEADING.split(cell.source)
            texts = [before]
        else:
            sections = []
            for name in _SAVED.findall(cell.source):
                found[name] = Caption(prose, "")
                waiting = name
            texts = [str(output.get("data", {}).get("text/markdown", "")) for output in cell.get("outputs", [])]
        for text in texts:
            if waiting and _READING.match(text):
                reading = _paragraphs(_READING.sub("", text, count=1))[0]
                found[waiting], waiting = Caption(found[waiting].shows, reading), None
        if sections:
            prose, waiting = "", None
        if cell.cell_type == "markdown":
            prose = next(reversed(_paragraphs(sections[-1] if sections else before)), prose)
    return found


def _paragraphs(markdown: str) -> list[str]:
    """The paragraphs of prose as plain text: no headings, lists, tables, code or formulas that stand alone."""
    for pattern, text in _MARKS:
        markdown = pattern.sub(text, markdown) if not markdown.startswith("$$") else markdown
    each = (" ".join(part.split()) for part in re.split(r"\n\s*\n", markdown))
    return [part for part in each if part and part[0] not in "-|>#" and not re.match(r"\d+\. ", part)]
