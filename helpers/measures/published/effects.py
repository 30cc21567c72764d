"""The published study's part of the table of claims."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers import similarity
from helpers.measures import claims
from helpers.measures.published.data import NETWORKS
from helpers.measures.published.tables import STRIDES
from helpers.measures.uncertainty import Interval

TITLES = {"alexnet": "AlexNet", "vgg16": "VGG16", "resnet50": "ResNet-50", "mobilev2": "MobileNetV2"}
_LOGITS = {"alexnet": "fc8", "resnet50": "fc", "mobilev2": "fc"}  # as the table of means calls the maps' layer fc
_OBJECTS = 200  # of each mean


def effects(
    maps: Mapping[str, np.ndarray], means: pd.DataFrame, *, patch: str = "small"
) -> dict[str, dict[str, Interval]]:
    """What the authors' numbers say of each of their networks, by network and finding, for `claims.table`.

    The logits (their layer fc). Where the means over COCO objects have a finding, it is theirs (200 objects); the
    lattice, the smallest shift, and all of VGG16 rest on the maps of two objects. Other findings need features,
    which are not published.

    Args:
        maps: those of ``find_maps``; may be empty.
        means: those of ``coco_means``.
        patch: small (75 px) or large (125 px), of the means.
    """
    rows = means[means["patch"] == patch].set_index(["network", "layer", "variant", "anchor"]).sort_index()
    found = {}
    for theirs, title in TITLES.items():
        plain = plain_means = None
        for blurred, ending in (("", ""), ("AA", claims.BLURRED)):
            here = found.setdefault(title + ending, {})
            if several := _maps(maps, theirs + blurred):
                strides = STRIDES.get(theirs + blurred, STRIDES[theirs])
                here |= claims.of_maps(several, stride=1, strides=strides, twin=plain)
            plain = several
            if layer := _LOGITS.get(theirs):
                run = rows.loc[(NETWORKS[theirs], layer, "antialiased" if blurred else "off-the-shelf")]
                both = run["mean_cosine"].to_dict(), run["std_over_objects"].to_dict()
                here |= claims.of_means(*both, objects=_OBJECTS, twin=plain_means)
                plain_means = both
    return found


def _maps(maps: Mapping[str, np.ndarray], network: str) -> list[np.ndarray] | None:
    """The maps (5, R, C) of the two objects, or None where some are not at hand."""
    things = ("berry", "plane")
    keys = [[f"{network}/fc/{thing}/{anchor}" for anchor in similarity.ANCHORS] for thing in things]
    if not all(key in maps for row in keys for key in row):
        return None
    return [np.stack([maps[key] for key in row]) for row in keys]
