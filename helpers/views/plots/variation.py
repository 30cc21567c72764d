"""Where a map's variation lives: its parts, its periods, its fall with distance, its lean; with intervals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.ticker import FixedLocator, FuncFormatter, MaxNLocator, NullLocator

from helpers.measures.uncertainty import Interval
from helpers.views.plots.style import (
    DIFFERENCE,
    MAP,
    Figure,
    Map,
    colours,
    extent,
    label_outside,
    plain_numbers,
    style,
    whole_pixels,
)

# A quantity measured again: larger than a dot, so that it shows around one
RING = {"marker": "o", "markersize": 8.5, "markerfacecolor": "none", "markeredgewidth": 1.3, "linestyle": "none"}


def parts(rows: Mapping[str, tuple[Map, Mapping[str, Map]]], *, stride: int = 1, label: str = "cosine") -> Figure:
    """Maps beside the parts they are the sum of: {title: (map, {part: (R, C) map})}.

    One colour range for the maps, one for the first part (the large, smooth one), one for all the other
    parts; each shared over the rows.
    """
    names = list(next(iter(rows.values()))[1])
    whole = [np.asarray(values, dtype=float) for values, _ in rows.values()]
    pieces = [[np.asarray(found[name], dtype=float) for name in names] for _, found in rows.values()]
    coarse = max(float(np.abs(line[0]).max()) for line in pieces)
    fine = max((float(np.abs(item).max()) for line in pieces for item in line[1:]), default=1.0)
    with style():
        figure = Figure(figsize=(1.2 + 2.15 * (1 + len(names)), 1.0 + 2.1 * len(rows)))
        axes = figure.subplots(len(rows), 1 + len(names), squeeze=False, sharex=True, sharey=True)
        images = [None] * (1 + len(names))
        low, high = min(item.min() for item in whole), max(item.max() for item in whole)
        for i in range(len(rows)):
            for j, item in enumerate([whole[i], *pieces[i]]):
                limit = coarse if j == 1 else fine
                scale = {"cmap": DIFFERENCE, "vmin": -limit, "vmax": limit}
                if j == 0:
                    scale = {"cmap": MAP, "vmin": low, "vmax": high}
                images[j] = axes[i, j].imshow(item, extent=extent(item.shape, stride=stride), **scale)
                whole_pixels(axes[i, j], ticks=3)
                axes[i, j].spines[:].set_visible(False)
        titles = ["map", f"= {names[0]}", *(f"+ {name}" for name in names[1:])]
        label_outside(axes, rows=rows, columns=titles)
        below = {"location": "bottom", "shrink": 0.8, "aspect": 25, "pad": 0.02}
        figure.colorbar(images[0], ax=axes[:, 0], label=label, **below)
        bars = [figure.colorbar(images[1], ax=axes[:, 1], label="around the mean", **below)]
        if len(names) > 1:
            below["aspect"] = 25 * (len(names) - 1)
            bars.append(figure.colorbar(images[2], ax=axes[:, 2:], label="around zero", **below))
        for bar in bars:
            bar.locator = MaxNLocator(4 if bar is bars[0] else 6, symmetric=True)
        return figure


def spectrum(periods: Sequence[int], curves: Mapping[str, np.ndarray], *, strides: Sequence[int]) -> Figure:
    """How much of a map repeats with each period; the network's strides are marked.

    Args:
        periods: K of them, pixels.
        curves: {name: amplitudes (K,)}.
        strides: of the network, pixels.
    """
    marked = [stride for stride in strides if min(periods) <= stride <= max(periods)]
    with style():
        figure = Figure(figsize=(8.2, 3.4))
        axis = figure.subplots()
        for stride in marked:
            axis.axvline(stride, color="0.85", linewidth=6, zorder=0)
        for name, colour in colours(curves).items():
            axis.plot(periods, curves[name], color=colour, marker="o", markersize=3.5, linewidth=1.2, label=name)
        axis.set(ylim=(0, None), xlabel="period (px)")
        axis.set_ylabel("strength (white noise:\nits standard deviation)")
        if marked:
            axis.set_xticks(marked)
        figure.legend(loc="outside right center", title="grey: the network's strides", title_fontsize=9)
        return figure


def intervals(
    groups: Mapping[str, Mapping[str, Interval]], *, label: str, zero: float | None = None, log: bool = False
) -> Figure:
    """Dots with their intervals: {series: {line: interval}}; the lines down, the series side by side in colour.

    Args:
        zero: where to draw a line of no effect.
        log: a logarithmic axis, of factors where `zero` is 1.
    """
    lines = list(dict.fromkeys(name for series in groups.values() for name in series))
    with style():
        figure = Figure(figsize=(7.4, 0.95 + len(lines) * (0.22 + 0.16 * len(groups))))
        axis = figure.subplots()
        if zero is not None:
            axis.axvline(zero, color="0.5", linewidth=1, zorder=0)
        dots(axis, groups, lines=lines, fills=colours(groups).values())
        if log and zero == 1:
            factor_axis(axis)
        elif log:
            axis.set_xscale("log")
            plain_numbers(axis.xaxis)
        axis.set_xlabel(label)
        if len(groups) > 1:
            figure.legend(loc="outside upper center", ncols=len(groups))  # over no dot
        return figure


def falls(distances: Sequence[int], curves: Mapping[str, Sequence[Interval]], *, label: str = "1 − cosine") -> Figure:
    """A quantity against distance (px) with its interval as a band, both axes logarithmic: {name: intervals}."""
    with style():
        figure = Figure(figsize=(6.2, 3.8))
        axis = figure.subplots()
        for name, colour in colours(curves).items():
            banded(axis, distances, curves[name], color=colour, markersize=4, label=name)
        axis.set(xscale="log", yscale="log", xlabel="shift (px)", ylabel=label)
        axis.set_xticks(list(distances), [str(distance) for distance in distances])
        axis.xaxis.set_minor_locator(NullLocator())
        plain_numbers(axis.yaxis)
        axis.legend(loc="upper left")
        return figure


def biases(table: pd.DataFrame) -> Figure:
    """Which way maps lean: one dot per object, the mean and its 95 % interval beside them (seaborn).

    The intervals draw categories first, then objects within them, as `uncertainty.interval`.

    Args:
        table: one row per object, kind and direction, columns `direction`, `kind`, `value`, `category`.

    Raises:
        ValueError: a missing column.
    """
    for name in ("direction", "kind", "value", "category"):
        if name not in table:
            raise ValueError(f"the table has no column {name!r}; it has {', '.join(table.columns)}")
    palette = colours(dict.fromkeys(table["kind"]))
    with style():
        figure = Figure(figsize=(7.4, 3.6))
        axis = figure.subplots()
        shared = {"data": table, "x": "direction", "y": "value", "hue": "kind", "ax": axis, "palette": palette}
        axis.axhline(0, color="0.5", linewidth=1, zorder=0)
        sns.stripplot(**shared, dodge=True, jitter=0.12, size=3.5, alpha=0.45, legend=False, zorder=1)
        apart = 0.4 if len(palette) > 1 else False  # seaborn divides by the kinds less one
        sns.pointplot(
            **shared, dodge=apart, linestyle="none", marker="D", markersize=6, errorbar=("ci", 95), units="category",
            seed=0, err_kws={"linewidth": 2.2}, zorder=3,
        )  # fmt: skip
        axis.set(xlabel="", ylabel="difference of cosines")
        axis.legend(title=None, loc="best")
        return figure


def banded(axis: Axes, at: Sequence[float], points: Sequence[Interval], **look: Any) -> None:
    """A line through the intervals' values, with the intervals as a band."""
    axis.plot(at, [p.value for p in points], marker="o", **look)
    ends = [p.low for p in points], [p.high for p in points]
    axis.fill_between(at, *ends, color=look["color"], alpha=0.2, linewidth=0)


def factor_axis(axis: Axes) -> None:
    """Make the horizontal axis a logarithmic one of factors: 1/2×, 1×, 2×, ..."""
    axis.set_xscale("log")
    axis.xaxis.set_major_locator(FixedLocator([2.0**power for power in range(-6, 11)]))
    axis.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}×" if value >= 1 else f"1/{1 / value:g}×"))
    axis.xaxis.set_minor_locator(NullLocator())


def dots(
    axis: Axes,
    groups: Mapping[str, Mapping[str, Interval]],
    *,
    lines: Sequence[str],
    fills: Iterable,
    others: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> None:
    """Dots and whiskers on one axis.

    Args:
        groups: {series: {line: interval}}.
        lines: their order, the first on top.
        fills: a colour per series.
        others: the same quantities measured again, drawn as rings.
    """
    step = 0.62 / max(len(groups), 1)
    for k, ((name, series), colour) in enumerate(zip(groups.items(), fills, strict=False)):
        shown = [line for line in lines if line in series]
        at = np.array([lines.index(line) for line in shown]) + (k - (len(groups) - 1) / 2) * step
        values = np.array([series[line].value for line in shown])
        ends = np.array([[series[line].low, series[line].high] for line in shown]).reshape(-1, 2).T
        axis.hlines(at, *ends, color=colour, linewidth=2.2, alpha=0.75)
        axis.plot(values, at, "o", color=colour, markersize=6, label=name)
        if others:
            again = [(value, y) for y, line in zip(at, shown, strict=True) for value in others[name][line]]
            axis.plot(*np.reshape(again, (-1, 2)).T, color=colour, **RING)
    axis.set_yticks(range(len(lines)), lines)
    axis.set_ylim(len(lines) - 0.45, -0.55)
    axis.tick_params(axis="y", length=0)
    axis.spines["left"].set_visible(False)
