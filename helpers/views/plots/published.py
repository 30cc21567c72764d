"""Pictures of the published study: mean cosines per anchor, local against global change."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from helpers.views.plots.style import ANTIALIASED, OFF_THE_SHELF, Figure, plain_numbers, style

_KINDS = {"off-the-shelf": ("off-the-shelf", OFF_THE_SHELF, -0.1), "antialiased": ("anti-aliased", ANTIALIASED, 0.1)}
_MARKERS = {"alexnet": "o", "vgg16": "s", "resnet50": "^", "mobilenet_v2": "D"}


def _title(network: str) -> str:
    from helpers.networks.source import TITLES  # here: most pictures are of no network, whose libraries take seconds

    return TITLES.get(network, network)


def anchor_means(means: pd.DataFrame, *, anchors: Sequence[str]) -> Figure:
    """Mean cosine to each anchor, a panel per network and layer (columns) and patch size (rows), one scale.

    Args:
        means: columns network (a name, or words), variant, layer, patch, anchor, mean_cosine, std_over_objects;
            bars are plus and minus one standard deviation over objects. A variant may be missing.
        anchors: in the order of the horizontal axis.
    """
    runs = list(dict.fromkeys(zip(means["network"], means["layer"], strict=True)))
    patches = list(dict.fromkeys(means["patch"]))[::-1]
    with style():
        figure = Figure(figsize=(2.0 * len(runs) + 1.2, 2.3 * len(patches) + 0.5))
        axes = figure.subplots(len(patches), len(runs), sharex=True, sharey=True, squeeze=False)
        for i, patch in enumerate(patches):
            for j, (network, layer) in enumerate(runs):
                axis = axes[i, j]
                for variant, (name, colour, aside) in _KINDS.items():
                    line = means.query("network == @network and layer == @layer and patch == @patch")
                    line = line[line["variant"] == variant].set_index("anchor").reindex(list(anchors))
                    at = np.arange(len(anchors)) + aside
                    bars = {"elinewidth": 1, "alpha": 0.45, "fmt": "none"}
                    axis.errorbar(at, line["mean_cosine"], line["std_over_objects"], ecolor=colour, **bars)
                    axis.plot(at, line["mean_cosine"], "o", color=colour, markersize=5, label=name)
                axis.set_xticks(range(len(anchors)), anchors)
                axis.grid(axis="y", color="0.92")
                if i == 0:
                    axis.set_title(f"{_title(network)}\n{layer}")
                if j == 0:
                    axis.set_ylabel(f"{patch} patch\nmean cosine")
        figure.supxlabel("anchor", fontsize=10)
        figure.legend(*axes[0, 0].get_legend_handles_labels(), loc="outside right center", fontsize=8.5)
        return figure


def local_global(table: pd.DataFrame) -> Figure:
    """Change at 1 px against change over the whole frame, both logarithmic.

    An arrow per network and layer, from off-the-shelf to anti-aliased.

    Args:
        table: one row per network, layer and variant, columns drop_1 and mean_cosine.
    """
    with style():
        figure = Figure(figsize=(7.6, 4.6))
        axis = figure.subplots()
        for (network, layer), pair in table.groupby(["network", "layer"], sort=False):
            both = pair.set_index("variant")
            ends = [(both.loc[v, "drop_1"], 1 - both.loc[v, "mean_cosine"]) for v in _KINDS]
            axis.annotate(
                "", ends[1], ends[0], arrowprops={"arrowstyle": "-|>", "color": "0.65", "shrinkA": 4, "shrinkB": 4}
            )
            for (x, y), (_, colour, _) in zip(ends, _KINDS.values(), strict=True):
                axis.plot(x, y, _MARKERS[network], color=colour, markersize=7)
            axis.annotate(
                layer, ends[1], xytext=(-8, 5), textcoords="offset points", ha="right", fontsize=8, color="0.35"
            )
        for name, colour, _ in _KINDS.values():
            axis.plot([], [], "o", color=colour, label=name)
        for network in dict.fromkeys(table["network"]):
            axis.plot([], [], _MARKERS[network], color="0.5", label=_title(network))
        axis.set(xscale="log", yscale="log", xlabel="local: 1 − cosine at 1 px from the anchor")
        axis.set_ylabel("global: 1 − mean cosine over the frame")
        # Equal steps are equal ratios on both axes: a slope of one would be as much gained globally as locally.
        axis.set_aspect("equal", adjustable="datalim")
        for one in (axis.xaxis, axis.yaxis):
            plain_numbers(one)
        figure.legend(loc="outside right center")
        return figure
