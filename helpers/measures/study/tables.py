"""What the study says: means over its objects with intervals, in the columns of the published table."""

from __future__ import annotations

import pandas as pd

from helpers import similarity
from helpers.measures import uncertainty
from helpers.measures.published.tables import SIZES, corner_cosines
from helpers.measures.study.pack import Study
from helpers.networks import Source
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

    Returns:
        A row per run (network, variant, layer, patch) and anchor, with stride, objects, clusters, mean_cosine, low,
        high and std_over_objects.
    """
    rows = []
    for key, run in table.groupby([*RUN, "stride", "anchor"], sort=False):
        found = uncertainty.interval(run["mean_cosine"], clusters=run["cluster"])
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
        bottom right (``bottom_right_lowest``) and the top left (``top_left_lowest``) the lowest; and the intervals
        over objects of the centre above the mean of the corners (``centre``) and of the bottom right above the mean
        of the other three corners (``bottom_right``).
    """
    rows = []
    for key, run in table.groupby(RUN, sort=False):
        wide = run.pivot_table(index="object", columns="anchor", values="mean_cosine", sort=False)
        wide = wide[list(similarity.ANCHORS)]
        clusters = run.drop_duplicates("object").set_index("object")["cluster"].loc[wide.index]
        others = wide[["tl", "tr", "bl"]].mean(axis=1)
        rows.append(
            {
                **dict(zip(RUN, key, strict=True)),
                "objects": len(wide),
                "centre_highest": int((wide.idxmax(axis=1) == "c").sum()),
                "bottom_right_lowest": int((wide.idxmin(axis=1) == "br").sum()),
                "top_left_lowest": int((wide.idxmin(axis=1) == "tl").sum()),
                "centre": uncertainty.paired(wide["c"], wide.drop(columns="c").mean(axis=1), clusters=clusters),
                "bottom_right": uncertainty.paired(wide["br"], others, clusters=clusters),
            }
        )
    return pd.DataFrame(rows)


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
