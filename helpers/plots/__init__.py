"""Arrays in, Figure out. One style, shared colour limits, axes in pixels."""

from helpers.plots.causes import by_cause, conditions
from helpers.plots.consistency import answer_maps, by_kind, curves, pair_bars
from helpers.plots.maps import distances, frames, heatmaps, profiles
from helpers.plots.variation import biases, falls, intervals, parts, spectrum

__all__ = [
    "answer_maps",
    "biases",
    "by_cause",
    "by_kind",
    "conditions",
    "curves",
    "distances",
    "falls",
    "frames",
    "heatmaps",
    "intervals",
    "pair_bars",
    "parts",
    "profiles",
    "spectrum",
]
