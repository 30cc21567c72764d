"""Pictures of frames and of similarity maps, and what one reads along their edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from helpers.views.plots.style import (
    DIFFERENCE,
    MAP,
    PALETTE,
    Figure,
    Map,
    extent,
    label_outside,
    style,
    whole_pixels,
)


def frames(images: torch.Tensor, *, titles: Sequence[str], columns: int | None = None) -> Figure:
    """Frames side by side, axes in pixels.

    Args:
        images: uint8 (N, 3, H, W).
        columns: frames in a row; by default up to five.
    """
    with style():
        count = len(images)
        columns = columns or min(count, 5)
        rows = -(-count // columns)
        figure = Figure(figsize=(2.3 * columns, 0.85 + 2.1 * rows))
        axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
        for axis in axes.flat[count:]:
            axis.set_visible(False)
        for axis, image, title in zip(axes.flat, images, titles, strict=False):
            axis.imshow(np.asarray(image).transpose(1, 2, 0))
            axis.set_title(title)
            axis.spines[["top", "right"]].set_visible(True)
            whole_pixels(axis, ticks=3)
        label_outside(axes)
        return figure


def heatmaps(
    maps: Sequence[Sequence[Map]],
    *,
    rows: Sequence[str],
    columns: Sequence[str],
    stride: int | Sequence[int] = 1,
    label: str = "cosine similarity",
    limits: tuple[float, float] | None = None,
    difference: bool = False,
    marks: Sequence[tuple[int, int] | None] | None = None,
) -> Figure:
    """A grid of (R, C) maps that can be compared: one colour range, one colour bar, axes in pixels.

    Args:
        maps: as many rows of maps as ``rows`` has titles, each as long as ``columns``.
        stride: pixels between neighbouring values; a list gives each row its own stride and its own axes.
        limits: of the colours, by default the whole range of the values.
        difference: a diverging colour map, symmetric about zero.
        marks: per column, the (row, col) index to mark (the anchor), or None.
    """
    values = [[np.asarray(item, dtype=float) for item in line] for line in maps]
    every = np.concatenate([item.ravel() for line in values for item in line])
    low, high = limits or (float(np.nanmin(every)), float(np.nanmax(every)))
    if difference and limits is None:
        high = max(abs(low), abs(high), 1e-12)
        low = -high
    # Values below the range are drawn in its lowest colour; an arrow on the bar says so.
    below, above = bool(np.nanmin(every) < low - 1e-9), bool(np.nanmax(every) > high + 1e-9)
    extend = {(False, False): "neither", (True, False): "min", (False, True): "max"}.get((below, above), "both")
    steps, share = (stride, "row") if isinstance(stride, Sequence) else ([stride] * len(rows), "all")
    with style():
        figure = Figure(figsize=(1.25 + 2.05 * len(columns), 0.6 + 2.0 * len(rows)))
        axes = figure.subplots(len(rows), len(columns), squeeze=False, sharex=share, sharey=share)
        for i, (line, step) in enumerate(zip(values, steps, strict=True)):
            for j, item in enumerate(line):
                axis = axes[i, j]
                box = extent(item.shape, stride=step)
                image = axis.imshow(item, cmap=DIFFERENCE if difference else MAP, vmin=low, vmax=high, extent=box)
                if marks and marks[j] is not None:
                    row, col = marks[j]
                    point = {"marker": "o", "markersize": 6, "markerfacecolor": "none", "clip_on": False}
                    axis.plot(col * step, row * step, markeredgecolor="black", markeredgewidth=3, **point)
                    axis.plot(col * step, row * step, markeredgecolor="white", markeredgewidth=1.4, **point)
                whole_pixels(axis)
                axis.spines[:].set_visible(False)
        label_outside(axes, rows=rows, columns=columns)
        figure.colorbar(image, ax=axes, label=label, extend=extend, shrink=min(1.0, 1.5 / len(rows) + 0.35), pad=0.02)
        return figure


def profiles(
    lines: dict[str, tuple[np.ndarray, np.ndarray]], *, stride: int = 1, label: str = "mean cosine similarity"
) -> Figure:
    """Bias profiles on one vertical scale: {name: (mean per row (R,), mean per column (C,))}."""
    with style():
        figure = Figure(figsize=(8.4, 3.1))
        left, right = figure.subplots(1, 2, sharey=True)
        for colour, (name, (per_row, per_column)) in zip(PALETTE, lines.items(), strict=False):
            left.plot(np.arange(len(per_row)) * stride, per_row, color=colour, label=name)
            right.plot(np.arange(len(per_column)) * stride, per_column, color=colour, label=name)
        left.set(xlabel="row of the object (px)", ylabel=label, title="top to bottom")
        right.set(xlabel="column of the object (px)", title="left to right")
        right.legend(loc="best")
        return figure


def distances(
    curves: dict[str, tuple[np.ndarray, np.ndarray, np.ndarray]], *, label: str = "cosine similarity"
) -> Figure:
    """Similarity as a function of the shift: {name: (distances (px), means, standard deviations)}."""
    with style():
        figure = Figure(figsize=(6.2, 3.4))
        axis = figure.subplots()
        for colour, (name, (at, mean, spread)) in zip(PALETTE, curves.items(), strict=False):
            axis.plot(at, mean, color=colour, label=name)
            axis.fill_between(at, mean - spread, mean + spread, color=colour, alpha=0.18, linewidth=0)
        axis.set(xlabel="shift from the anchor (px, larger of rows and columns)", ylabel=label)
        axis.legend(loc="best")
        return figure
