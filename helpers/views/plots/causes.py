"""What buys invariance: one picture of all embedded networks, and tables of conditions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib import colormaps
from matplotlib.colors import LogNorm, Normalize
from matplotlib.ticker import FuncFormatter, LogLocator
from seaborn.utils import relative_luminance

from helpers.measures.uncertainty import Interval
from helpers.views.plots.style import MAP, PALETTE, Figure, colours, style
from helpers.views.plots.variation import RING, dots, factor_axis

# Green and purple: blue and orange are networks, and vermilion is too near to that orange
_MEASURES = (PALETTE[2], PALETTE[4], *PALETTE[5:])
_FLOOR = 1e-6  # what is under it is rounding
_DARK_INK = 0.18  # relative luminance from which black has more contrast than white (WCAG 2)


def by_cause(
    points: pd.DataFrame,
    factors: Mapping[str, Mapping[str, Interval]],
    *,
    label: str = "calibrated invariance",
    others: Mapping[str, Mapping[str, Sequence[float]]] | None = None,
) -> Figure:
    """Left: invariance by training positions, one panel per architecture. Right: the factors of the causes.

    Args:
        points: columns `architecture`, `training`, `kind`, `value`, `low`, `high`, and where there are other
            trainings `others`, a list of their values, drawn as rings.
        factors: {measure: {cause: interval}}, how many times smaller the change becomes; 1 is no effect.
        others: the factors of single pairs of networks, drawn as rings.
    """
    families, trainings = (list(dict.fromkeys(points[name])) for name in ("architecture", "training"))
    kinds = list(dict.fromkeys(points["kind"]))
    causes = list(dict.fromkeys(cause for series in factors.values() for cause in series))
    with style():
        figure = Figure(figsize=(2.0 * len(families) + 5.2, 4.1))
        left, right = figure.subfigures(1, 2, width_ratios=[2.0 * len(families), 5.2])
        axes = left.subplots(1, len(families), sharey=True, squeeze=False)[0]
        for axis, family in zip(axes, families, strict=True):
            for k, (kind, colour) in enumerate(colours(kinds).items()):
                part = points[(points["architecture"] == family) & (points["kind"] == kind)]
                part = part.set_index("training").reindex(trainings)
                at = np.arange(len(trainings)) + 0.08 * (k - (len(kinds) - 1) / 2)
                axis.vlines(at, part["low"], part["high"], color=colour, linewidth=2.2, alpha=0.75)
                axis.plot(at, part["value"], color=colour, marker="o", markersize=6, label=kind)
                for x, values in zip(at, part["others"] if "others" in part else [], strict=False):
                    axis.plot([x] * len(values), values, color=colour, **RING)
            if axis is axes[0] and "others" in points and points["others"].map(len).any():
                axis.plot([], [], color="0.4", label="another training", **RING)
            axis.set_xticks(range(len(trainings)), trainings)
            axis.set_xlim(-0.4, len(trainings) - 0.6)
            axis.set_title(family)
        axes[0].set_ylabel(label)
        axes[len(axes) // 2].set_xlabel("objects' positions in training")
        left.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9.5)
        axis = right.subplots()
        axis.axvline(1, color="0.5", linewidth=1, zorder=0)
        dots(axis, factors, lines=causes, fills=_MEASURES, others=others)
        factor_axis(axis)
        axis.set_xlabel("change, times smaller")
        if others and any(values for series in others.values() for values in series.values()):
            axis.plot([], [], color="0.4", label="one pair of networks", **RING)
        right.legend(*axis.get_legend_handles_labels(), loc="outside lower center", ncols=3, fontsize=9.5)
        left.suptitle("what each network reaches")
        right.suptitle("what each cause buys")
        return figure


def conditions(tables: Mapping[str, pd.DataFrame], *, label: str, log: bool = False, digits: int = 3) -> Figure:
    """Annotated tables on one colour scale: {title: rows x columns of numbers}.

    Args:
        log: a logarithmic scale; values up to 1e-6 are off it: drawn white and written as 0.
        digits: after the point.
    """
    values = np.concatenate([table.to_numpy(dtype=float).ravel() for table in tables.values()])
    floor = _FLOOR if log else 0.0
    seen = values[values > floor] if log else values
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (_FLOOR, 1.0)
    norm = LogNorm(low, max(high, low * 1.01)) if log else Normalize(low, max(high, low + 1e-9))
    scale = colormaps[MAP].with_extremes(under="white")
    shape = next(iter(tables.values())).shape
    with style():
        figure = Figure(figsize=(1.9 + len(tables) * (0.6 + 0.85 * shape[1]), 1.1 + 0.48 * shape[0]))
        axes = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
        for axis, (title, table) in zip(axes, tables.items(), strict=True):
            words = table.map(lambda value: _words(value, floor, digits))
            sns.heatmap(
                table.clip(lower=low / 2) if log else table, annot=words, fmt="", norm=norm, cmap=scale, ax=axis,
                cbar=False, linewidths=1.5, linecolor="white", annot_kws={"fontsize": 9.5},
            )  # fmt: skip
            for text, colour in zip(axis.texts, axis.collections[0].get_facecolors(), strict=True):
                text.set_color("black" if relative_luminance(colour) > _DARK_INK else "white")
            axis.set(title=title, xlabel=table.columns.name or "", ylabel="")
            axis.tick_params(length=0, labelrotation=0)
        axes[0].set_ylabel(next(iter(tables.values())).index.name or "")
        zeros = log and bool((values <= floor).any())
        label = f"{label}\n(white: 0)" if zeros else label
        bar = figure.colorbar(axes[-1].collections[0], ax=axes, label=label, shrink=0.9, pad=0.02)
        if log:
            bar.locator = LogLocator(subs=(1, 2, 5))
            bar.formatter = FuncFormatter(lambda value, _: f"{value:g}")
            bar.minorticks_off()
        return figure


def _words(value: float, floor: float, digits: int) -> str:
    if abs(value) <= floor:
        return "0"
    return f"{value:.{digits}f}" if abs(value) >= 10**-digits else f"{value:.0e}".replace("e-0", "e-")
