"""Pictures of a classifier's answers: which one where, how often they agree, and how long they stay right."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from helpers.views.plots.style import (
    ANTIALIASED,
    PALETTE,
    Figure,
    Map,
    colours,
    extent,
    label_outside,
    style,
    whole_pixels,
)

RIGHT, OTHER = "#ececec", "#8f8f8f"
# Not the blue and orange that stand for the two kinds of network in every figure.
_WRONG = [PALETTE[k] for k in (2, 4, 8, 9, 5, 3)]


def answer_maps(
    maps: Sequence[Sequence[Map]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    names: Sequence[str],
    target: int,
    stride: int = 1,
) -> Figure:
    """A grid of answer maps, integers (R, C), with an outline wherever neighbouring answers differ.

    The six most frequent wrong answers have a colour each, the same in all maps; the rest are grey.

    Args:
        maps: as many rows of maps as ``rows`` has titles, each as long as ``columns``.
        target: the right class, drawn pale.
    """
    values = [[np.asarray(item) for item in line] for line in maps]
    found, counts = np.unique(np.concatenate([item.ravel() for line in values for item in line]), return_counts=True)
    wrong = [int(k) for k in found[np.argsort(-counts, kind="stable")] if k != target]
    shown = [target, *wrong[: len(_WRONG)]]
    fills = [RIGHT, *_WRONG[: len(shown) - 1], OTHER]
    lookup = np.full(max(int(found.max()), target) + 1, len(shown))
    lookup[shown] = range(len(shown))
    with style():
        # "compressed" keeps the titles of square panels inside; the legend takes the width that is left.
        figure = Figure(figsize=(2.6 + 2.3 * len(columns), 0.6 + 2.2 * len(rows)), layout="compressed")
        axes = figure.subplots(len(rows), len(columns), squeeze=False, sharex=True, sharey=True)
        for i, line in enumerate(values):
            for j, item in enumerate(line):
                axis = axes[i, j]
                scale = {"cmap": ListedColormap(fills), "vmin": -0.5, "vmax": len(fills) - 0.5}
                axis.imshow(lookup[item], extent=extent(item.shape, stride=stride), **scale)
                axis.add_collection(LineCollection(_outlines(item, stride), colors="black", linewidths=0.7))
                whole_pixels(axis)
        label_outside(axes, rows=rows, columns=columns)
        labels = [f"{names[target]} (right)", *(names[k] for k in shown[1:])]
        labels += [f"{len(wrong) - len(_WRONG)} others"] if len(wrong) > len(_WRONG) else []
        handles = [
            Patch(facecolor=colour, edgecolor="black", linewidth=0.5, label=label)
            for colour, label in zip(fills, labels, strict=False)
        ]
        handles.append(Line2D([], [], color="black", linewidth=1, label="the answer changes"))
        figure.legend(handles=handles, loc="outside right center", title="top-1 answer")
        return figure


def pair_bars(table: Mapping[str, Mapping[str, Sequence[float]]], *, parts: Sequence[str]) -> Figure:
    """Kinds of shift (across) x networks (lines): how all pairs of shifts divide, as bars that sum to 1.

    Args:
        table: {kind: {network: shares}}, as many shares as ``parts`` has names.
        parts: names, at most four, from pale to dark.
    """
    kinds = list(table)
    names = list(table[kinds[0]])
    tones = ["#d9d9d9", "#e1be6a", "#7aa6c2", "#33445c"]  # by lightness first: they survive a grey print
    with style():
        figure = Figure(figsize=(3.0 + 2.1 * len(kinds), 1.3 + 0.3 * len(names)))
        axes = figure.subplots(1, len(kinds), squeeze=False, sharex=True, sharey=True)[0]
        for axis, kind in zip(axes, kinds, strict=True):
            shares = np.array([table[kind][name] for name in names])
            starts = np.cumsum(shares, 1) - shares
            for k, part in enumerate(parts):
                axis.barh(names, shares[:, k], left=starts[:, k], color=tones[k], height=0.72, label=part)
            axis.set(title=kind, xlim=(0, 1), xticks=[0, 0.5, 1])
            axis.tick_params(axis="y", length=0)
        axes[0].invert_yaxis()
        axes[len(kinds) // 2].set_xlabel("share of all pairs of shifts")
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=len(parts))
        return figure


def curves(
    table: Mapping[str, Mapping[str, Sequence[float]]],
    *,
    at: Sequence[float],
    xlabel: str,
    ylabel: str,
    variants: Mapping[str, str] | None = None,
) -> Figure:
    """A panel per kind of shift, a line per network, on shared axes.

    Off-the-shelf markers are larger, so that they show around the anti-aliased ones where two lines coincide.

    Args:
        table: {kind: {network: values}}, a value for each of ``at``.
        at: where the values are, on the horizontal axis.
        variants: the variant of each network, as in `style.colours`.
    """
    kinds = list(table)
    looks = _looks(list(table[kinds[0]]), variants)
    with style():
        figure = Figure(figsize=(0.8 + 2.5 * len(kinds), 3.2))
        axes = figure.subplots(1, len(kinds), squeeze=False, sharex=True, sharey=True)[0]
        for axis, kind in zip(axes, kinds, strict=True):
            for name, values in table[kind].items():
                colour, face, line = looks[name]
                size = 5 if colour == ANTIALIASED else 7.5
                axis.plot(at, values, line, marker="o", ms=size, color=colour, mfc=face, label=name, clip_on=False)
            axis.set(title=kind, ylim=(0, 1))
            axis.set_xticks(at)
            axis.grid(axis="y", color="0.9")
        axes[0].set_ylabel(ylabel)
        axes[len(kinds) // 2].set_xlabel(xlabel)
        handles, labels = axes[0].get_legend_handles_labels()
        figure.legend(handles, labels, loc="outside lower center", ncols=min(4, len(labels)))
        return figure


def _looks(names: Sequence[str], variants: Mapping[str, str] | None) -> dict[str, tuple]:
    """(colour, marker face, line) of each network.

    The first of a colour is filled and solid, the next open and dashed, so pairs differ without colour too.
    """
    looks, seen = {}, {}
    for name, colour in colours(names, variants=variants).items():
        first = seen.setdefault(colour, name) == name
        looks[name] = (colour, colour if first else "white", "-" if first else "--")
    return looks


def _outlines(answers: np.ndarray, stride: int) -> np.ndarray:
    """Segments (n, 2, 2) in pixels, (x, y), along the edges between positions whose answers differ."""
    above, left = np.nonzero(answers[1:] != answers[:-1]), np.nonzero(answers[:, 1:] != answers[:, :-1])
    level = [np.stack([above[1] - 0.5, above[0] + 0.5], 1), np.stack([above[1] + 0.5, above[0] + 0.5], 1)]
    upright = [np.stack([left[1] + 0.5, left[0] - 0.5], 1), np.stack([left[1] + 0.5, left[0] + 0.5], 1)]
    return stride * np.concatenate([np.stack(level, 1), np.stack(upright, 1)])
