"""The features of every position: rendered, fed forward and collected on the device, batch by batch."""

from helpers.features.precision import Choice, fastest
from helpers.features.reading import batch_for, reader
from helpers.features.streaming import Features, extract, of_frames, similarity_maps

__all__ = ["Choice", "Features", "batch_for", "extract", "fastest", "of_frames", "reader", "similarity_maps"]
