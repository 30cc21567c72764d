"""Pictures of what can be read of the position: folds, answers, accuracies, and the position itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from helpers.views.plots.maps import heatmaps
from helpers.views.plots.style import Figure, colours, extent, label_outside, style, whole_pixels

# Fold by fold lighter or darker too, so that neighbours differ in a grey print
_FOLDS = ["#12355b", "#f0c808", "#4c8f8b", "#e4e4e4", "#a23b72", "#c9a690", "#3f7cac", "#95b46a"]


def fold_maps(maps: Mapping[str, np.ndarray], *, stride: int | tuple[int, int] = 1) -> Figure:
    """Which fold each position is held out in: {title: integers (R, C) from 0}, eight folds at most."""
    count = max(int(np.max(item)) for item in maps.values()) + 1
    with style():
        figure = Figure(figsize=(1.5 + 2.5 * len(maps), 2.7))
        axes = figure.subplots(1, len(maps), squeeze=False, sharey=True)[0]
        for axis, (title, item) in zip(axes, maps.items(), strict=True):
            scale = {"cmap": ListedColormap(_FOLDS[:count]), "vmin": -0.5, "vmax": count - 0.5}
            axis.imshow(np.asarray(item), extent=extent(np.shape(item), stride=stride), **scale)
            axis.set_title(title)
            whole_pixels(axis)
        label_outside(axes[None])
        handles = [
            Patch(facecolor=_FOLDS[k], edgecolor="0.3", linewidth=0.5, label=f"fold {k + 1}") for k in range(count)
        ]
        figure.legend(handles=handles, loc="outside right center", title="held out in")
        return figure


def right_answers(
    shares: Sequence[Sequence[np.ndarray]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    divides: Sequence[str],
    stride: int | tuple[int, int] = 1,
) -> Figure:
    """Share of right answers at every position: maps (R, C) with the dividing line on them.

    Args:
        shares: as many rows of maps as ``rows`` has titles.
        divides: "top/bottom" or "left/right", per column.
    """
    scale = {"label": "share of right answers", "limits": (0, 1)}
    figure = heatmaps(shares, rows=rows, columns=columns, stride=[stride] * len(rows), **scale)
    (height, width), (down, across) = np.shape(shares[0][0]), np.broadcast_to(stride, 2)
    for axis, divide in zip(figure.axes, list(divides) * len(shares), strict=False):
        line, at = axis.axhline, (height // 2 - 0.5) * down
        if divide == "left/right":
            line, at = axis.axvline, (width // 2 - 0.5) * across
        line(at, color="white", linewidth=2.4)
        line(at, color="black", linewidth=1.0, linestyle="--")
    return figure


def accuracies(table: Mapping[str, Mapping[str, Sequence[float]]]) -> Figure:
    """One line per question, one colour per network: a dot per object, a diamond at the mean.

    Args:
        table: {question: {network: values}}, a value per object; networks are named by their variant.
    """
    questions, names = list(table), list(next(iter(table.values())))
    with style():
        figure = Figure(figsize=(7.4, 0.9 + len(questions) * (0.18 + 0.2 * len(names))))
        axis = figure.subplots()
        step = min(0.32, 0.7 / max(1, len(names) - 1))
        for i, question in enumerate(questions):
            for j, (name, colour) in enumerate(colours(names).items()):
                values, at = np.asarray(table[question][name]), i - step * (len(names) - 1) / 2 + j * step
                axis.plot(values, np.full(len(values), at), "o", color=colour, alpha=0.4, ms=4.5, mew=0)
                mean = {"color": colour, "mec": "white", "mew": 0.8, "ms": 8.5, "clip_on": False}
                axis.plot(values.mean(), at, "D", label=name if i == 0 else None, **mean)
        axis.axvline(0.5, color="0.4", linestyle=":", zorder=0)
        axis.text(0.5, -0.72, " chance", color="0.4", fontsize=8.5, va="center")
        axis.set_yticks(range(len(questions)), questions)
        axis.set(xlabel="accuracy (balanced)", ylim=(len(questions) - 0.5, -0.9))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x", color="0.92")
        axis.set_axisbelow(True)
        figure.legend(loc="outside upper right", ncols=len(names))
        return figure


def readout(predicted: Mapping[str, np.ndarray], *, stride: int | tuple[int, int] = 1) -> Figure:
    """Where objects are said to be, against where they are: a panel for the row and one for the column.

    A line is the mean over objects and over the other coordinate, a band one standard deviation over objects.

    Args:
        predicted: {network: (row, col) in pixels, (N, R, C, 2)}; networks are named by their variant.
        stride: pixels between neighbouring positions, or a pair of them, for rows and for columns.
    """
    with style():
        figure = Figure(figsize=(7.6, 3.9))
        axes = figure.subplots(1, 2, sharex=True, sharey=True)
        for axis, which, word, step in zip(axes, (0, 1), ("row", "column"), np.broadcast_to(stride, 2), strict=True):
            for name, colour in colours(predicted).items():
                said = np.asarray(predicted[name])[..., which].mean(2 - which)  # (N, R) or (N, C)
                at, mean, spread = np.arange(said.shape[1]) * step, said.mean(0), said.std(0)
                axis.plot(at, mean, "o-", ms=4, color=colour, label=name)
                axis.fill_between(at, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
            axis.axline((0, 0), slope=1, color="0.4", linestyle=":", zorder=0, label="where it is")
            axis.set(title=word, xlabel=f"{word} of the object (px)")
            whole_pixels(axis)
        axes[0].set_ylabel("said to be (px)")
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(predicted) + 1)
        return figure
