"""What the published numbers say, and ours beside them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from helpers import similarity
from helpers.measures import variation
from helpers.measures.published.data import NETWORKS

# Cumulative strides of the published networks, px. Anti-aliased, AlexNet reaches its first 4 in two steps.
STRIDES = {
    "alexnet": (4, 8, 16, 32),
    "alexnetAA": (2, 4, 8, 16, 32),
    "vgg16": (2, 4, 8, 16, 32),
    "resnet50": (2, 4, 8, 16, 32),
    "mobilev2": (2, 4, 8, 16, 32),
}
SIZES = {"small": 75, "large": 125}  # px
KEY = ["network", "variant", "layer", "patch"]
# Same objects, same weights: what is left is JPEG decoding and resizing by other libraries (one grey level).
# Chosen, not measured: the run that would measure it needs the published weights.
SAME = 0.005


def gates(means: pd.DataFrame) -> pd.DataFrame:
    """Our reading of the paper as counts: gate, holds, of.

    A *run* is a network, variant, layer and patch size; a *pair* a run off-the-shelf and anti-aliased.
    """
    runs = means.pivot_table(index=KEY, columns="anchor", values="mean_cosine")[list(similarity.ANCHORS)]
    pairs = runs.unstack("variant").dropna()
    gain = pairs.xs("antialiased", axis=1, level="variant") - pairs.xs("off-the-shelf", axis=1, level="variant")
    rows = [
        ("the centre is the highest anchor", (runs.idxmax(axis=1) == "c").sum(), len(runs)),
        ("the bottom right is the lowest anchor", (runs.idxmin(axis=1) == "br").sum(), len(runs)),
        ("anti-aliasing raises the centre", (gain["c"] > 0).sum(), len(gain)),
    ]
    table = pd.DataFrame(rows, columns=["gate", "holds", "of"])
    corners = gain.drop(columns="c").mean(axis=1)
    return table.assign(
        note=["", "", f"by {gain['c'].min():+.3f} to {gain['c'].max():+.3f}; the corners' mean by "
                      f"{corners.min():+.3f} to {corners.max():+.3f}"]
    )  # fmt: skip


def measures(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """The workbook's measures of the authors' maps (all but ``class``), a row per map.

    Returns:
        Columns: network (ours), variant, layer (the authors'), object, anchor; mean_cosine, lowest; drop_1 ...
        drop_32, 1 - cosine at that distance in px from the anchor; total_variation (cosine/px); lattice_rms and
        lattice_share with the share that white noise would have, lattice_null; tilt_down and tilt_right (cosine
        per 100 px), top_bottom, left_right (cosine). Defined in ``helpers.measures.variation``.
    """
    rows = []
    for key, values in maps.items():
        network, layer, name, anchor = key.split("/")
        if layer == "class":
            continue
        rings, lean = variation.drop(values, anchor=anchor), variation.bias(values)
        lattice = variation.lattice(values, strides=_strides(network))
        rows.append(
            {
                "network": NETWORKS[network.removesuffix("AA")],
                "variant": "antialiased" if network.endswith("AA") else "off-the-shelf",
                "layer": layer,
                "object": name,
                "anchor": anchor,
                "mean_cosine": float(values.mean(dtype=np.float64)),
                "lowest": float(values.min()),
                **{f"drop_{px}": rings[px] for px in (1, 4, 16, 32)},
                "total_variation": variation.total_variation(values),
                "lattice_rms": lattice.rms,
                "lattice_share": lattice.share,
                "lattice_null": lattice.null,
                "tilt_down": lean.tilt_down,
                "tilt_right": lean.tilt_right,
                "top_bottom": lean.top_bottom,
                "left_right": lean.left_right,
            }
        )
    return pd.DataFrame(rows)


def corner_cosines(five: np.ndarray) -> dict[str, float]:
    """How alike the features at the corners are, from the maps (5, R, C) of the five anchors.

    Returns:
        ``across``, the mean of top left with top right and of bottom left with bottom right, and ``down``, that of
        top left with bottom left and of top right with bottom right.
    """
    of = dict(zip(similarity.ANCHORS, np.asarray(five, dtype=np.float64), strict=True))
    across = (of["tl"][0, -1] + of["bl"][-1, -1]) / 2
    down = (of["tl"][-1, 0] + of["tr"][-1, -1]) / 2
    return {"across": float(across), "down": float(down)}


def corners(maps: Mapping[str, np.ndarray]) -> pd.DataFrame:
    """:func:`corner_cosines` of the authors' maps, those of ``find_maps``.

    Returns:
        A row per network (ours), variant, layer (the authors'), and object whose five maps are there: across, down.
    """
    rows = []
    for start in dict.fromkeys(key.rpartition("/")[0] for key in maps if "/class/" not in key):
        keys = [f"{start}/{anchor}" for anchor in similarity.ANCHORS]
        if all(key in maps for key in keys):
            network, layer, name = start.split("/")
            variant = "antialiased" if network.endswith("AA") else "off-the-shelf"
            about = {"network": NETWORKS[network.removesuffix("AA")], "variant": variant, "layer": layer}
            rows.append({**about, "object": name, **corner_cosines(np.stack([maps[key] for key in keys]))})
    return pd.DataFrame(rows)


def _strides(network: str) -> tuple[int, ...]:
    return STRIDES.get(network) or STRIDES[network.removesuffix("AA")]


def beside(ours: pd.DataFrame, means: pd.DataFrame) -> pd.DataFrame:
    """The authors' means with ours beside them, for the runs that a sweep has.

    The tolerance is that of two samples of objects, twice ``std_over_objects * sqrt(1 / objects + 1 / 200)``;
    with all 200 objects, which the protocol makes the same, 0.005. The verdict is ``within`` or ``outside``; for
    weights that are not the published ones it ends in ", other weights", and reproduces nothing.

    Args:
        ours: ``sweep.table`` of a store. A group with other weights, ``mobilenet_v2@mine``, counts as that
            network with weights ``mine``.

    Returns:
        The columns of ``means``, then weights, objects (how many of ours), ours, difference, tolerance, verdict.
    """
    split = ours["network"].str.extract(r"^(?P<name>[^@]*?)(?P<aa>AA)?(?:@(?P<weights>.*))?$")
    tidy = ours.assign(
        network=split["name"],
        variant=np.where(split["aa"].notna(), "antialiased", "off-the-shelf"),
        weights=split["weights"].fillna("default"),
        patch=ours["size"].map({size: patch for patch, size in SIZES.items()}),
    )
    by = [*KEY, "anchor", "weights"]
    ours_mean = tidy.groupby(by)["mean_cosine"].agg(objects="size", ours="mean").reset_index()
    both = means.merge(ours_mean, on=[*KEY, "anchor"])
    both["difference"] = both["ours"] - both["mean_cosine"]
    sampling = 2 * both["std_over_objects"] * np.sqrt(1 / both["objects"] + 1 / 200)
    both["tolerance"] = sampling.where(both["objects"] < 200, SAME)
    within = np.where(both["difference"].abs() <= both["tolerance"], "within", "outside")
    both["verdict"] = within + np.where(both["weights"] == "default", "", ", other weights").astype(object)
    return both
