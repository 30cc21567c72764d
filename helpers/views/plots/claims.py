"""The table of claims as a picture: findings against networks, a verdict in each cell."""

from __future__ import annotations

import re
import textwrap

import numpy as np
import pandas as pd
from matplotlib.patches import Patch, Rectangle

from helpers.records import shown
from helpers.views.plots.style import Figure, style

# Fill and mark: apart for the colour-blind, apart in grey by lightness, and apart without either by the mark
_LOOKS = {
    "holds": ("#b9d7ef", "\N{CHECK MARK}"),
    "does not hold": ("#f2a874", "\N{BALLOT X}"),
    "undecided": ("#eeeeee", "?"),
    "no data": ("white", ""),
    "not asked": ("white", ""),
}
_CELL = (1.12, 0.62)  # inches
_LEFT, _TOP = 1.75, 0.75


def claims(table: pd.DataFrame) -> Figure:
    """Findings (rows) by networks (columns): verdict, effect, its interval and the number of objects in each cell.

    A star at a verdict says that another of the finding's thresholds gives another one.

    Args:
        table: of `measures.claims.table`.
    """
    findings, networks = (list(dict.fromkeys(table[key])) for key in ("finding", "network"))
    wide, high = _CELL
    size = (_LEFT + wide * len(networks), _TOP + high * len(findings) + 0.55)
    with style():
        figure = Figure(figsize=size, layout="none")
        axis = figure.add_axes((0, 0, 1, 1))
        axis.set(xlim=(0, size[0]), ylim=(size[1], 0))
        axis.axis("off")
        for column, network in enumerate(networks):
            name = re.sub(", |(?<=-)(?=Lite)|(?<=embedded) ", "\n", network)
            axis.text(_LEFT + (column + 0.5) * wide, _TOP - 0.12, name, ha="center", va="bottom", fontsize=9)
        for row, finding in enumerate(findings):
            middle = _TOP + (row + 0.5) * high
            lines = table[table["finding"] == finding]
            unit = lines["unit"].iloc[0].replace("-", "\N{MINUS SIGN}")
            axis.text(_LEFT - 0.15, middle - 0.02, textwrap.fill(finding, 24), ha="right", va="bottom", fontsize=9)
            axis.text(_LEFT - 0.15, middle + 0.04, unit, ha="right", va="top", fontsize=7.5, color="0.4")
            for cell in lines.itertuples():
                _cell(axis, cell, (_LEFT + networks.index(cell.network) * wide, _TOP + row * high))
        marks = [Patch(facecolor=_LOOKS[each][0], edgecolor="0.75") for each in _LOOKS if _LOOKS[each][1]]
        names = [f"{mark} {verdict}" for verdict, (_, mark) in _LOOKS.items() if mark]
        names[-1] += "      * otherwise at another threshold"
        axis.legend(marks, names, ncols=3, loc="lower right", bbox_to_anchor=(1, 0), fontsize=8.5, borderaxespad=0.4)
        return figure


def _cell(axis, cell, corner: tuple[float, float]) -> None:
    """A cell of the table, with its upper left corner there."""
    (x, y), (wide, high) = corner, _CELL
    colour, mark = _LOOKS[cell.verdict]
    axis.add_patch(
        Rectangle((x + 0.02, y + 0.02), wide - 0.04, high - 0.04, facecolor=colour, edgecolor="0.85", lw=0.6)
    )
    if not mark:
        text = "no data" if cell.verdict == "no data" else "\N{EN DASH}"
        axis.text(x + wide / 2, y + high / 2, text, ha="center", va="center", fontsize=7.5, color="0.55")
        return
    if cell.unit.startswith("times"):  # what is wide on a logarithmic scale needs digits at its lower end
        effect, low, high = (_three(each) for each in (cell.effect, cell.low, cell.high))
        ends = f"{low} to {high}"
    else:
        effect, _, ends = shown(cell.effect, cell.low, cell.high).partition(" ")
    star = "*" if cell.elsewhere else ""
    first = f"{mark} {effect}{star}".replace("-", "\N{MINUS SIGN}")
    second = ends.strip("()").replace("-", "\N{MINUS SIGN}")
    axis.text(x + wide / 2, y + 0.09, first, ha="center", va="top", fontsize=9.5, weight="bold", color="black")
    axis.text(x + wide / 2, y + 0.28, second, ha="center", va="top", fontsize=7.2, color="0.15")
    axis.text(x + wide / 2, y + 0.43, f"n = {cell.objects}", ha="center", va="top", fontsize=6.8, color="0.35")


def _three(value: float) -> str:
    """A number with three significant digits, never as a power of ten."""
    return np.format_float_positional(value, precision=3, fractional=False, trim="-")
