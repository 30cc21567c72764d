"""What remedies buy and what they cost: one line each, side by side."""

from __future__ import annotations

from collections.abc import Mapping

from helpers.measures.uncertainty import Interval
from helpers.views.plots.style import PALETTE, Figure, style
from helpers.views.plots.variation import dots, factor_axis

# Blue and orange are networks; the gains are those of `by_cause`, the prices grey
_GAINS, _PRICE = (PALETTE[4], PALETTE[2], *PALETTE[5:]), "0.35"


def gain_and_price(
    gains: Mapping[str, Mapping[str, Interval]],
    prices: Mapping[str, Mapping[str, Interval]],
    *,
    times: Mapping[str, float],
    label: str = "times smaller",
) -> Figure:
    """A line per remedy: its gains as factors on the left, a panel per price beside them, its time on the right.

    Args:
        gains: {kind of change: {remedy: factor}}; the first kind's remedies give the order. A remedy may be missing.
        prices: {axis label: {remedy: difference}}, 0 is free.
        times: {remedy: factor}, written as "4×".
        label: of the gains.
    """
    lines = list(next(iter(gains.values())))
    with style():
        figure = Figure(figsize=(4.6 + 2.0 * len(prices), 1.3 + 0.37 * len(lines)))
        widths = [1.7, *[1] * len(prices)]
        axes = figure.subplots(1, len(widths), sharey=True, width_ratios=widths, squeeze=False)[0]
        for axis, start in zip(axes, [1.0, *[0.0] * len(prices)], strict=True):
            axis.axvline(start, color="0.5", linewidth=1, zorder=0)
        for axis, (words, values) in zip(axes[1:], prices.items(), strict=True):
            dots(axis, {"": values}, lines=lines, fills=[_PRICE])
            axis.set_xlabel(words)
        dots(axes[0], gains, lines=lines, fills=_GAINS)
        factor_axis(axes[0])
        axes[0].set_xlabel(label)
        right = axes[-1].get_yaxis_transform()
        axes[-1].text(1.08, 1.0, "time", transform=axes[-1].transAxes, ha="left", va="bottom", color=_PRICE)
        for at, line in enumerate(lines):
            for axis in axes:
                axis.axhline(at, color="0.92", linewidth=0.8, zorder=-1)
            if line in times:
                axes[-1].text(1.08, at, f"{times[line]:.2g}×", transform=right, ha="left", va="center", color=_PRICE)
        figure.legend(*axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=len(gains))
        return figure
