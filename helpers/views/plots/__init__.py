"""Arrays in, Figure out. One style, shared colour limits, axes in pixels.

Everywhere `rows`, `columns` and `titles` are words, `stride` the pixels between neighbouring positions, `label` and
`xlabel` what the numbers on an axis or a colour bar are.
"""

from helpers.views.plots.causes import by_cause, conditions
from helpers.views.plots.claims import claims
from helpers.views.plots.consistency import answer_maps, curves, pair_bars
from helpers.views.plots.equivariance import over_depth, predictions, samplings
from helpers.views.plots.maps import distances, frames, heatmaps, profiles
from helpers.views.plots.permutations import against, reorderings
from helpers.views.plots.probes import accuracies, fold_maps, readout, right_answers
from helpers.views.plots.published import anchor_means, local_global
from helpers.views.plots.remedies import gain_and_price
from helpers.views.plots.variation import biases, falls, intervals, parts, spectrum

__all__ = [
    "accuracies",
    "against",
    "anchor_means",
    "answer_maps",
    "biases",
    "by_cause",
    "claims",
    "conditions",
    "curves",
    "distances",
    "falls",
    "fold_maps",
    "frames",
    "gain_and_price",
    "heatmaps",
    "intervals",
    "local_global",
    "over_depth",
    "pair_bars",
    "parts",
    "predictions",
    "profiles",
    "readout",
    "reorderings",
    "right_answers",
    "samplings",
    "spectrum",
]
