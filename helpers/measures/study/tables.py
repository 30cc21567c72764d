"""What the study says: means over its objects with intervals, in the columns of the published table."""

from __future__ import annotations

import pandas as pd

from helpers import similarity
from helpers.measures import claims, uncertainty
from helpers.measures.published.tables import SIZES, corner_cosines
from helpers.measures.study.pack import Study
from helpers.measures.uncertainty import Interval
from helpers.networks import Source
from helpers.networks.source import TITLES
from helpers.objects import PHOTOGRAPHED

RUN = ["network", "variant", "layer", "patch"]
_PATCHES = {size: patch for patch, size in SIZES.items()}


def by_object(study: Study) -> pd.DataFrame:
    """The mean cosine of every object, where there are several.

    Returns:
        A row per network, layer, size, object and anchor: network, variant, layer, patch, stride (px), object,
        cluster, anchor, mean_cosine. Objects of one cluster are not independent of each other: they are cut out of
        one photograph, or, of the real MobileNetV2, of one COCO category.
    """
    rows = []
    for data in study.groups.values():
        if data.sizes["object"] > 1:
            found = data.scalars.sel(measure="mean_cosine").to_series().rename("mean_cosine").reset_index()
            photographs = {name: PHOTOGRAPHED[name][0] for name in data.object.values.tolist()}
            rows.append(found.assign(**_run(data.attrs), cluster=found["object"].map(photographs)))
    relative = study.relative.assign(
        network="mobilenet_v2",
        variant="off-the-shelf",
        layer=study.about["relative"]["layer"],
        patch=study.relative["size"].map(_PATCHES),
        stride=study.about["relative"]["stride"],
        cluster=study.relative["category"],
    )
    columns = [*RUN, "stride", "object", "cluster", "anchor", "mean_cosine"]
    return pd.concat([*rows, relative], ignore_index=True)[columns]


def means(table: pd.DataFrame) -> pd.DataFrame:
    """Means over objects of :func:`by_object`, with their 95% intervals, in the columns of the published table.

    Each cluster weighs the same, as each category of the paper's 200 objects does, and Student's t interval is over
    the clusters.

    Returns:
        A row per run (network, variant, layer, patch) and anchor, with stride, objects, clusters, mean_cosine, low,
        high and std_over_objects.
    """
    rows = []
    for key, run in table.groupby([*RUN, "stride", "anchor"], sort=False):
        found = uncertainty.student(run["mean_cosine"], clusters=run["cluster"])
        rows.append(
            {
                **dict(zip([*RUN, "stride", "anchor"], key, strict=True)),
                "objects": found.objects,
                "clusters": found.clusters,
                "mean_cosine": found.value,
                "low": found.low,
                "high": found.high,
                "std_over_objects": run["mean_cosine"].std(ddof=0),
            }
        )
    return pd.DataFrame(rows)


def orders(table: pd.DataFrame) -> pd.DataFrame:
    """Which anchor is best and which worst, object by object, of :func:`by_object`.

    Returns:
        A row per run: objects, and in how many of them the centre is the highest anchor (``centre_highest``), the
        bottom right (``bottom_right_lowest``) and the top left (``top_left_lowest``) the lowest.
    """
    rows = []
    for key, run in table.groupby(RUN, sort=False):
        wide = run.pivot_table(index="object", columns="anchor", values="mean_cosine", sort=False)
        wide = wide[list(similarity.ANCHORS)]
        highest, lowest = wide.idxmax(axis=1), wide.idxmin(axis=1)
        rows.append(
            {
                **dict(zip(RUN, key, strict=True)),
                "objects": len(wide),
                "centre_highest": int((highest == "c").sum()),
                "bottom_right_lowest": int((lowest == "br").sum()),
                "top_left_lowest": int((lowest == "tl").sum()),
            }
        )
    return pd.DataFrame(rows)


def effects(study: Study, *, patch: str = "small") -> dict[str, dict[str, Interval]]:
    """What the study says of each of its networks, by network and finding, for ``claims.table``.

    Of the study's own networks from the maps, of the layer that is kept; of the real MobileNetV2 from its mean
    cosines (of the logits), which are all that is recorded.

    Args:
        patch: small (75 px) or large (125 px). The effect of the size is of both.
    """
    found, of = {}, {}
    for data in study.groups.values():
        if data.sizes["object"] > 1:
            run = _run(data.attrs)
            of[run["network"], run["variant"], run["patch"]] = data
    for (network, variant, size), data in of.items():
        if size == patch:
            blurred = variant == "antialiased"
            plain = of.get((network, "off-the-shelf", size)) if blurred else None
            clusters = [PHOTOGRAPHED[name][0] for name in data.object.values.tolist()]
            here = claims.of_maps(
                data.similarity.values,
                stride=data.attrs["stride"],
                # A step that doesn't divide the network's meets its lattice at another phase each time: none to see.
                strides=() if max(data.attrs["strides"]) % data.attrs["stride"] else data.attrs["strides"],
                twin=None if plain is None else plain.similarity.values,
                clusters=clusters,
            )
            sizes = (1 - of[network, variant, each].similarity.mean(("anchor", "row", "col")) for each in SIZES)
            here["size"] = uncertainty.ratio(*sizes, clusters=clusters)
            found[TITLES[network] + claims.BLURRED * blurred] = here
    theirs = by_object(study).query("network == 'mobilenet_v2'")
    wide = theirs.pivot_table(index=["patch", "object", "cluster"], columns="anchor", values="mean_cosine")
    rows = {each: wide.loc[each][list(similarity.ANCHORS)] for each in SIZES}
    clusters = rows[patch].index.get_level_values("cluster")
    here = claims.of_anchors(rows[patch].values, clusters=clusters)
    here["size"] = uncertainty.ratio(*(1 - rows[each].mean(axis=1) for each in SIZES), clusters=clusters)
    return {**found, "MobileNetV2, ours": here}


def corners(study: Study) -> pd.DataFrame:
    """How alike the corners are, across and down: a row per network, size and object, of the study's maps.

    Returns:
        network, variant, layer, patch, stride, object, cluster, across, down; as of ``published.corners``.
    """
    rows = []
    for data in study.groups.values():
        for name in data.object.values.tolist() if data.sizes["object"] > 1 else []:
            found = corner_cosines(data.similarity.sel(object=name).values)
            about = {**_run(data.attrs), "layer": data.attrs["layer"], "object": name}
            rows.append({**about, "cluster": PHOTOGRAPHED[name][0], **found})
    return pd.DataFrame(rows)


def _run(attributes: dict) -> dict[str, object]:
    source = Source.parse(attributes["network"])
    variant = "antialiased" if source.antialiased else "off-the-shelf"
    patch = _PATCHES[attributes["size"]]
    return {"network": source.name, "variant": variant, "patch": patch, "stride": attributes["stride"]}
