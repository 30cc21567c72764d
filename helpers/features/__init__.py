"""The features of every position: rendered, fed forward and collected on the device, batch by batch."""

from helpers.features.extraction import Features, extract, of_frames, similarity_maps
from helpers.features.reading import batch_for, reader

__all__ = ["Features", "batch_for", "extract", "of_frames", "reader", "similarity_maps"]
