"""Arrays in, Figure out. One style, shared colour limits, axes in pixels."""

from helpers.plots.causes import by_cause, conditions
from helpers.plots.consistency import answer_maps, by_kind, curves, pair_bars
from helpers.plots.maps import distances, frames, heatmaps, profiles
from helpers.plots.permutations import against, gains, reorderings
from helpers.plots.probes import (
    accuracies,
    answers,
    by_line_distance,
    fold_maps,
    nulls,
    swap_nulls,
    warped_grids,
)
from helpers.plots.published import agreement, anchor_means, local_global
from helpers.plots.variation import biases, falls, intervals, parts, spectrum

__all__ = [
    "accuracies",
    "against",
    "agreement",
    "anchor_means",
    "answer_maps",
    "answers",
    "biases",
    "by_cause",
    "by_kind",
    "by_line_distance",
    "conditions",
    "curves",
    "distances",
    "falls",
    "fold_maps",
    "frames",
    "gains",
    "heatmaps",
    "intervals",
    "local_global",
    "nulls",
    "pair_bars",
    "parts",
    "profiles",
    "reorderings",
    "spectrum",
    "swap_nulls",
    "warped_grids",
]
