"""Pictures of what can be read of the position: folds, answers, accuracies, nulls, and the position itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch

from helpers.views.plots.maps import heatmaps
from helpers.views.plots.style import PALETTE, Figure, colours, extent, label_outside, style, whole_pixels

# Fold by fold lighter or darker too, so that neighbours differ in a grey print
_FOLDS = ["#12355b", "#f0c808", "#4c8f8b", "#e4e4e4", "#a23b72", "#c9a690", "#3f7cac", "#95b46a"]


def fold_maps(maps: Mapping[str, np.ndarray], *, stride: int = 1) -> Figure:
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
    stride: int = 1,
) -> Figure:
    """Share of right answers at every position: maps (R, C) with the dividing line on them.

    Args:
        shares: as many rows of maps as ``rows`` has titles.
        divides: "top/bottom" or "left/right", per column.
    """
    scale = {"label": "share of right answers", "limits": (0, 1)}
    figure = heatmaps(shares, rows=rows, columns=columns, stride=stride, **scale)
    height, width = np.shape(shares[0][0])
    for axis, divide in zip(figure.axes, list(divides) * len(shares), strict=False):
        line, side = (axis.axhline, height) if divide == "top/bottom" else (axis.axvline, width)
        line((side // 2 - 0.5) * stride, color="white", linewidth=2.4)
        line((side // 2 - 0.5) * stride, color="black", linewidth=1.0, linestyle="--")
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


def by_line_distance(
    table: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]],
    *,
    dashed: Sequence[str] = (),
    variants: Mapping[str, str] | None = None,
) -> Figure:
    """Accuracy against the distance from the dividing line.

    Args:
        table: {divide: {name of the curve: (distances (px), accuracy)}}.
        dashed: names of the curves to draw dashed.
        variants: the variant of each curve, as in `style.colours`.
    """
    with style():
        figure = Figure(figsize=(8.4, 3.6))
        axes = figure.subplots(1, len(table), squeeze=False, sharex=True, sharey=True)[0]
        for axis, (divide, lines) in zip(axes, table.items(), strict=True):
            for name, colour in colours(lines, variants=variants).items():
                (at, accuracy), look = lines[name], "--" if name in dashed else "-"
                axis.plot(at, accuracy, look, marker="o", ms=4, color=colour, label=name, clip_on=False)
            axis.axhline(0.5, color="0.4", linestyle=":")
            axis.set(title=divide, xlabel="distance from the dividing line (px)", xlim=(0, None))
            axis.grid(axis="y", color="0.92")
        axes[0].set(ylabel="share of right answers", ylim=(None, 1))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return figure


def nulls(table: Mapping[str, tuple[float, Mapping[str, Sequence[float]]]]) -> Figure:
    """What chance would give, under each null: {divide: (observed accuracy, {null: accuracies})}.

    A dot per draw, a black tick at the mean of each null.
    """
    names = list(next(iter(table.values()))[1])
    with style():
        figure = Figure(figsize=(2.2 + 3.1 * len(table), 1.1 + 0.5 * len(names)))
        axes = figure.subplots(1, len(table), squeeze=False, sharex=True, sharey=True)[0]
        jitter = np.random.default_rng(0)
        for axis, (divide, (observed, groups)) in zip(axes, table.items(), strict=True):
            for i, name in enumerate(names):
                values = np.asarray(groups[name])
                spots = i + jitter.uniform(-0.2, 0.2, len(values))
                dot, tick = ("one draw", "mean of the null") if i == 0 else (None, None)
                look = {"color": PALETTE[7], "ms": 4.5, "mew": 0, "alpha": 0.7}
                axis.plot(values, spots, "o", label=dot, clip_on=False, **look)
                axis.plot([values.mean()] * 2, [i - 0.3, i + 0.3], color="black", linewidth=1.6, label=tick)
            axis.axvline(observed, color=PALETTE[3], linewidth=2, label="observed")
            axis.set(title=divide, xlabel="accuracy (balanced)", ylim=(len(names) - 0.45, -0.55))
            axis.tick_params(axis="y", length=0)
        axes[0].set_yticks(range(len(names)), names)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper right", ncols=3)
        return figure


def swap_nulls(tests: Mapping[str, tuple[float, np.ndarray, float]]) -> Figure:
    """Histograms of a swap test's null, two in a row: {title: (observed, null (B,), p-value)}."""
    lines = -(-len(tests) // 2)
    with style():
        figure = Figure(figsize=(7.6, 0.7 + 2.0 * lines))
        axes = figure.subplots(lines, min(2, len(tests)), squeeze=False, sharex=True, sharey=True)
        low = min(null.min() for _, null, _ in tests.values())
        high = max(null.max() for _, null, _ in tests.values())
        for axis, (title, (observed, null, p_value)) in zip(axes.flat, tests.items(), strict=False):
            axis.hist(null, bins=np.linspace(low, high, 41), color=PALETTE[7], label="each pattern of swaps")
            axis.axvline(observed, color=PALETTE[3], linewidth=2, label="observed: none swapped")
            axis.set_title(f"{title}: {observed:.3f}, p = {p_value:.3g}")
        for axis in axes.flat[len(tests) :]:
            axis.set_visible(False)
        for axis in axes[-1]:
            axis.set_xlabel("accuracy on unseen objects (balanced)")
        for axis in axes[:, 0]:
            axis.set_ylabel("patterns")
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=2)
        return figure


def warped_grids(
    grids: Mapping[str, np.ndarray], *, stride: int = 1, step: int = 2, variants: Mapping[str, str] | None = None
) -> Figure:
    """Where the object is said to be, as a net, over a pale one where it is; two in a row.

    Args:
        grids: {title: predicted (row, col) in pixels, (R, C, 2)}.
        step: draw one line in this many.
        variants: the variant of each title, as in `style.colours`.
    """
    lines = -(-len(grids) // 2)
    with style():
        # "compressed" closes the gaps that panels of equal scale leave between them
        figure = Figure(figsize=(7.2, 0.9 + 2.8 * lines), layout="compressed")
        axes = figure.subplots(lines, min(2, len(grids)), squeeze=False, sharex=True, sharey=True)
        for axis, (title, found) in zip(axes.flat, colours(grids, variants=variants).items(), strict=False):
            net = grids[title]
            true = np.stack(np.indices(net.shape[:2]), -1) * stride
            for values, colour, width in ((true, "0.82", 1.0), (net, found, 1.2)):
                for line in (*values[::step], *values[:, ::step].swapaxes(0, 1)):
                    axis.plot(line[:, 1], line[:, 0], color=colour, linewidth=width)
            axis.set_aspect("equal")
            axis.set_title(title)
            whole_pixels(axis)
        for axis in axes.flat[len(grids) :]:
            axis.set_visible(False)
        label_outside(axes)
        axes[0, 0].invert_yaxis()
        return figure
