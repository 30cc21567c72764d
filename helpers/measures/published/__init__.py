"""The published study as data: the authors' mean cosines, their 256 maps, and our runs beside them."""

from helpers.measures.published.data import coco_means, find_maps, map_sums, parse_csv
from helpers.measures.published.effects import effects
from helpers.measures.published.replaying import replay, replayable
from helpers.measures.published.tables import beside, corner_cosines, corners, gates, measures

__all__ = [
    "beside",
    "coco_means",
    "corner_cosines",
    "corners",
    "effects",
    "find_maps",
    "gates",
    "map_sums",
    "measures",
    "parse_csv",
    "replay",
    "replayable",
]
