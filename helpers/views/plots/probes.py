"""Pictures of what can be read of the position: folds, answers, accuracies, nulls, and the position itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.colors import ListedColormap
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from helpers.views.plots.maps import heatmaps
from helpers.views.plots.style import ANTIALIASED, OFF_THE_SHELF, PALETTE, Figure, style

# Fold by fold lighter or darker too, so that neighbours differ in a grey print
_FOLDS = ["#12355b", "#f0c808", "#4c8f8b", "#e4e4e4", "#a23b72", "#c9a690", "#3f7cac", "#95b46a"]


def fold_maps(maps: Mapping[str, np.ndarray], *, stride: int = 1) -> Figure:
    """Which fold each position is held out in: title -> integers (R, C) from 0, eight folds at most."""
    count = max(int(np.max(item)) for item in maps.values()) + 1
    with style():
        figure = Figure(figsize=(1.5 + 2.5 * len(maps), 2.7))
        axes = figure.subplots(1, len(maps), squeeze=False, sharey=True)[0]
        for axis, (title, item) in zip(axes, maps.items(), strict=True):
            axis.imshow(
                np.asarray(item),
                cmap=ListedColormap(_FOLDS[:count]),
                vmin=-0.5,
                vmax=count - 0.5,
                extent=_extent(np.shape(item), stride),
            )
            _pixels(axis, title)
        axes[0].set_ylabel("row (px)")
        handles = [
            Patch(facecolor=_FOLDS[k], edgecolor="0.3", linewidth=0.5, label=f"fold {k + 1}") for k in range(count)
        ]
        figure.legend(handles=handles, loc="outside right center", title="held out in")
        return figure


def answers(
    shares: Sequence[Sequence[np.ndarray]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    divides: Sequence[str],
    stride: int = 1,
) -> Figure:
    """Share of right answers at every position: maps (R, C) with the dividing line on them.

    shares: as many rows of maps as ``rows`` has titles; divides: per column "top/bottom" or "left/right".
    """
    scale = {"label": "share of right answers", "limits": (0, 1)}
    figure = heatmaps(shares, rows=rows, columns=columns, stride=stride, **scale)
    height, width = np.shape(shares[0][0])
    for axis, divide in zip(figure.axes, list(divides) * len(shares), strict=False):
        line, side = (axis.axhline, height) if divide == "top/bottom" else (axis.axvline, width)
        line((side // 2 - 0.5) * stride, color="white", linewidth=2.4)
        line((side // 2 - 0.5) * stride, color="black", linewidth=1.0, linestyle="--")
    return figure


def accuracies(
    table: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    label: str = "accuracy (balanced)",
    chance: float = 0.5,
    limits: tuple[float, float] | None = None,
) -> Figure:
    """One line per question, one colour per network: a dot per object, a diamond at the mean.

    table: question -> network -> values, one per object. chance: where the dotted line stands.
    """
    questions, names = list(table), list(next(iter(table.values())))
    with style():
        figure = Figure(figsize=(7.4, 0.9 + len(questions) * (0.18 + 0.2 * len(names))))
        axis = figure.subplots()
        step = min(0.32, 0.7 / max(1, len(names) - 1))
        for i, question in enumerate(questions):
            for j, name in enumerate(names):
                colour = colours(names)[name]
                values, at = np.asarray(table[question][name]), i - step * (len(names) - 1) / 2 + j * step
                axis.plot(values, np.full(len(values), at), "o", color=colour, alpha=0.4, ms=4.5, mew=0)
                mean = {"color": colour, "mec": "white", "mew": 0.8, "ms": 8.5, "clip_on": False}
                axis.plot(values.mean(), at, "D", label=name if i == 0 else None, **mean)
        axis.axvline(chance, color="0.4", linestyle=":", zorder=0)
        axis.text(chance, -0.72, " chance", color="0.4", fontsize=8.5, va="center")
        axis.set_yticks(range(len(questions)), questions)
        axis.set(xlabel=label, ylim=(len(questions) - 0.5, -0.9), xlim=limits)
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="x", color="0.92")
        axis.set_axisbelow(True)
        figure.legend(loc="outside upper right", ncols=len(names))
        return figure


def by_line_distance(
    table: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], *, dashed: Sequence[str] = ()
) -> Figure:
    """Accuracy against the distance from the dividing line: divide -> curve's name -> (distances px, accuracy).

    dashed: names of the curves to draw dashed. A colour follows the network that the name begins with.
    """
    with style():
        figure = Figure(figsize=(8.4, 3.6))
        axes = figure.subplots(1, len(table), squeeze=False, sharex=True, sharey=True)[0]
        for axis, (divide, lines) in zip(axes, table.items(), strict=True):
            for name, (at, accuracy) in lines.items():
                colour = ANTIALIASED if name.startswith("anti-aliased") else OFF_THE_SHELF
                look = "--" if name in dashed else "-"
                axis.plot(at, accuracy, look, marker="o", ms=4, color=colour, label=name, clip_on=False)
            axis.axhline(0.5, color="0.4", linestyle=":")
            axis.set(title=divide, xlabel="distance from the dividing line (px)", xlim=(0, None))
            axis.grid(axis="y", color="0.92")
        axes[0].set(ylabel="share of right answers", ylim=(None, 1))
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=2)
        return figure


def nulls(table: Mapping[str, tuple[float, Mapping[str, Sequence[float]]]]) -> Figure:
    """What chance would give, under each null: divide -> (observed accuracy, null's name -> accuracies).

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
    """Histograms of a swap test's null, two in a row: title -> (observed, null (B,), p-value)."""
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


def warped_grids(grids: Mapping[str, np.ndarray], *, stride: int = 1, step: int = 2) -> Figure:
    """Where the object is said to be: title -> predicted (row, col) in pixels, (R, C, 2), as a net; two in a row.

    The pale net is where it is. ``step``: every how many lines one is drawn.
    """
    lines = -(-len(grids) // 2)
    with style():
        # "compressed" closes the gaps that panels of equal scale leave between them
        figure = Figure(figsize=(7.2, 0.9 + 2.8 * lines), layout="compressed")
        axes = figure.subplots(lines, min(2, len(grids)), squeeze=False, sharex=True, sharey=True)
        for axis, (title, net) in zip(axes.flat, grids.items(), strict=False):
            true = np.stack(np.indices(net.shape[:2]), -1) * stride
            found = colours(list(grids)).get(title, "black")
            for values, colour, width in ((true, "0.82", 1.0), (net, found, 1.2)):
                for line in (*values[::step], *values[:, ::step].swapaxes(0, 1)):
                    axis.plot(line[:, 1], line[:, 0], color=colour, linewidth=width)
            axis.set_aspect("equal")
            _pixels(axis, title)
            axis.set_xlabel("column (px)" if axis in axes[-1] else "")
        for axis in axes.flat[len(grids) :]:
            axis.set_visible(False)
        for axis in axes[:, 0]:
            axis.set_ylabel("row (px)")
        axes[0, 0].invert_yaxis()
        return figure


def colours(names: Sequence[str]) -> dict[str, tuple]:
    """A colour per name: orange where it begins with "anti-aliased", blue off-the-shelf, others in turn."""
    fixed = {"anti-aliased": ANTIALIASED, "off-the-shelf": OFF_THE_SHELF}
    rest = iter(PALETTE[2:])
    return {
        name: next((colour for kind, colour in fixed.items() if name.startswith(kind)), None) or next(rest)
        for name in names
    }


def _extent(shape: tuple[int, int], stride: int) -> tuple[float, float, float, float]:
    height, width = shape
    return -stride / 2, (width - 0.5) * stride, (height - 0.5) * stride, -stride / 2


def _pixels(axis, title: str) -> None:
    axis.set(title=title, xlabel="column (px)")
    axis.xaxis.set_major_locator(MaxNLocator(4, integer=True))
    axis.yaxis.set_major_locator(MaxNLocator(4, integer=True))
