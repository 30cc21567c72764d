"""Pictures of what happens inside a network when its frame moves: a stride by hand, errors over depth, a prediction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.measures.uncertainty import Interval
from helpers.views.plots.style import PALETTE, Figure, colours, plain_numbers, style
from helpers.views.plots.variation import banded

_SHIFTS = (PALETTE[4], "#33445c")  # not the blue and orange that stand for the two kinds of network


def samplings(rows: Mapping[str, Mapping[int, np.ndarray]], *, step: int = 2) -> Figure:
    """What a stride keeps of a signal and of the same signal moved, and the two results on top of each other.

    Args:
        rows: {title: {shift in px: the dense signal (L,), moved by so much}}, two shifts.
        step: every so many-th value is kept.
    """
    with style():
        shifts = list(next(iter(rows.values())))
        figure = Figure(figsize=(9.2, 0.7 + 1.75 * len(rows)))
        axes = figure.subplots(len(rows), len(shifts) + 1, squeeze=False, sharex=True, sharey=True)
        for line, (title, signals) in zip(axes, rows.items(), strict=True):
            for axis, (shift, dense), colour in zip(line, signals.items(), _SHIFTS, strict=False):
                at = np.arange(len(dense))
                axis.plot(at, dense, "-o", color="0.75", linewidth=1, markersize=2.5, label="the signal")
                axis.vlines(at[::step], 0, dense[::step], color=colour, linewidth=1)
                axis.plot(at[::step], dense[::step], "o", color=colour, markersize=5, label="what is kept")
                line[-1].plot(
                    at[::step] - shift, dense[::step], "-o", color=colour, markersize=4, label=f"moved by {shift} px"
                )
            line[0].set_ylabel(title)
        for axis, shift in zip(axes[0], shifts, strict=False):
            axis.set_title(f"moved by {shift} px" if shift else "as it is")
        axes[0, -1].set_title("what is kept, moved back")
        for axis in axes[-1]:
            axis.set_xlabel("px")
        handles, labels = axes[0, -1].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(shifts))
        return figure


def over_depth(
    table: Mapping[str, Mapping[str, Mapping[str, Sequence[Interval]]]], *, strides: Sequence[int], label: str
) -> Figure:
    """A quantity of every layer, with intervals as bands: {row: {column: {network: K intervals}}}.

    Args:
        strides: of the K layers in px, ascending: where one begins, a line is drawn and the stride written.
        label: of the vertical axes, which are shared.
    """
    first = [k for k, stride in enumerate(strides) if k == 0 or stride != strides[k - 1]]
    columns = list(next(iter(table.values())))
    with style():
        figure = Figure(figsize=(0.9 + 2.7 * len(columns), 0.9 + 2.1 * len(table)))
        axes = figure.subplots(len(table), len(columns), squeeze=False, sharex=True, sharey=True)
        for line, (row, panels) in zip(axes, table.items(), strict=True):
            for axis, curves in zip(line, panels.values(), strict=True):
                for at in first[1:]:
                    axis.axvline(at - 0.5, color="0.88", linewidth=1, zorder=0)
                for name, colour in colours(curves).items():
                    banded(axis, range(len(curves[name])), curves[name], color=colour, markersize=3, label=name)
                axis.set_xticks(first, [str(strides[at]) for at in first])
            line[0].set_ylabel(f"{row}\n{label}")
        axes[0, 0].set_ylim(0, None)
        for axis, column in zip(axes[0], columns, strict=True):
            axis.set_title(column)
        for axis in axes[-1]:
            axis.set_xlabel("layer; where a stride (px) begins")
        handles, labels = axes[0, 0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(labels))
        return figure


def predictions(table: Mapping[str, Mapping[str, tuple[Interval, Interval]]], *, xlabel: str, ylabel: str) -> Figure:
    """One quantity against another, both logarithmic, with intervals: {network: {place: (across, up)}}.

    The places of a network are joined in their order, and written beside their points.
    """
    with style():
        figure = Figure(figsize=(6.4, 4.2))
        axis = figure.subplots()
        for k, (name, colour) in enumerate(colours(table).items()):
            across, up = zip(*table[name].values(), strict=True)
            x, y = ([each.value for each in side] for side in (across, up))
            axis.plot(x, y, "-", color=colour, linewidth=1, alpha=0.5)
            axis.hlines(y, [p.low for p in across], [p.high for p in across], color=colour, linewidth=1.2, alpha=0.6)
            axis.vlines(x, [p.low for p in up], [p.high for p in up], color=colour, linewidth=1.2, alpha=0.6)
            axis.plot(x, y, "o", color=colour, markersize=7, label=name)
            for place, *at in zip(table[name], x, y, strict=True):
                axis.annotate(place, at, xytext=(6, -13 if k % 2 else 5), textcoords="offset points", color=colour)
        axis.set(xscale="log", yscale="log", xlabel=xlabel, ylabel=ylabel)
        plain_numbers(axis.xaxis)
        plain_numbers(axis.yaxis)
        axis.legend(loc="best")
        return figure
