"""Pictures of reorderings: two feature vectors against each other, and what a permutation is worth."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from helpers.views.plots.style import PALETTE, Figure, style

# meaning -> (name, colour, line, marker): the lines of `reorderings`, told apart without colour too
LINES = {
    "upper": ("sorted, same object: the upper bound", PALETTE[2], "-", "^"),
    "others": ("sorted, different objects: the bound's null", PALETTE[2], "--", "v"),
    "trained": ("fitted, on its training objects", PALETTE[3], "--", "s"),
    "identity": ("as they are: no reordering", "black", "-", "o"),
    "fitted": ("fitted, on unseen objects: the answer", PALETTE[3], "-", "D"),
    "random": ("a random reordering", "0.55", ":", "x"),
}


def against(pairs: Mapping[str, tuple[np.ndarray, np.ndarray]], *, labels: Sequence[tuple[str, str]]) -> Figure:
    """Feature by feature, as points.

    On the diagonal the two vectors are the same; on a line through 0 their cosine is 1.

    Args:
        pairs: {title: (u, v)}, both (D,).
        labels: (x, y) of each panel.
    """
    with style():
        figure = Figure(figsize=(3.1 * len(pairs), 3.3))
        axes = figure.subplots(1, len(pairs), squeeze=False, sharex=True, sharey=True)[0]
        every = np.concatenate([np.concatenate(pair) for pair in pairs.values()])
        margin = 0.04 * (every.max() - every.min())
        edge = [every.min() - margin, every.max() + margin]
        for axis, (title, (u, v)), (across, up) in zip(axes, pairs.items(), labels, strict=True):
            axis.plot(edge, edge, color="0.75", linewidth=1, zorder=0)
            axis.plot(u, v, "o", color=PALETTE[0], ms=3, mew=0, alpha=0.45)
            axis.set(title=title, xlabel=across, ylabel=up)
            axis.set(xlim=edge, ylim=edge)
            axis.set_aspect("equal")
        return figure


def reorderings(table: Mapping[str, Mapping[str, tuple[np.ndarray, np.ndarray]]], *, at: Sequence[float]) -> Figure:
    """Cosine against the size of the displacement, a column per network.

    Args:
        table: {title: {line: (mean, spread)}}, the lines those of ``LINES``; means and spreads (standard
            deviations over objects) are (K,).
        at: K displacements, pixels.
    """
    with style():
        figure = Figure(figsize=(1.2 + 3.7 * len(table), 5.2))
        axes = figure.subplots(
            2, len(table), squeeze=False, sharex=True, sharey="row", gridspec_kw={"height_ratios": [4, 1]}
        )
        for (axis, below), (title, lines) in zip(axes.T, table.items(), strict=True):
            for key, (name, colour, look, marker) in LINES.items():
                mean, spread = (np.asarray(part) for part in lines[key])
                # far below the rest, whose differences are what matters: a panel of its own
                panel = below if key == "random" else axis
                panel.plot(at, mean, look, marker=marker, ms=5, color=colour, label=name, clip_on=False)
                panel.fill_between(at, mean - spread, mean + spread, color=colour, alpha=0.13, linewidth=0)
            axis.set_title(title)
            below.set(xlabel="displacement (px)", ylim=(0, None))
            axis.grid(axis="y", color="0.92")
            below.grid(axis="y", color="0.92")
        axes[0, 0].set_ylabel("cosine similarity")
        handles = [handle for axis in axes[:, 0] for handle in axis.get_legend_handles_labels()[0]]
        figure.legend(handles=handles, loc="outside lower center", ncols=2)
        return figure
