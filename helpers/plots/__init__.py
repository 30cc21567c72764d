"""Arrays in, Figure out. One style, shared colour limits, axes in pixels."""

from helpers.plots.maps import distances, frames, heatmaps, profiles

__all__ = [
    "distances",
    "frames",
    "heatmaps",
    "profiles",
]
