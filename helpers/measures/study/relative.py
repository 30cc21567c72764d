"""The real MobileNetV2 over COCO objects, as the paper measured its networks: a mean cosine per object and anchor.

Its weights are a fine-tuned relative of those that the authors used. Neither they nor COCO come with the workbook:
the study holds the numbers, and where both are on this machine they can be measured again.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers import assets, features, networks, objects, runtime, shifting, similarity
from helpers.measures.published.replaying import RELATIVES

SPLITS = ("train2017", "val2017")
SIZES = (75, 125)  # px, the paper's small and large patches
# An odd step meets every phase of the network's strides, so that the mean over a part of the positions is that over
# all. On the published maps of this network every 9th pixel is within 0.003 of all; every 2nd is up to 0.006 above.
STRIDE = 9
LAYER = "fc"  # the paper's
COLUMNS = ["object", "category", "size", "anchor", "mean_cosine"]


def relative_files() -> tuple[str, str] | None:
    """The weights' file and COCO's folder where both are on the assets search path; None where one is missing."""
    found = assets.find(RELATIVES["mobilev2"]), assets.find("coco")
    return None if None in found else (str(found[0]), str(found[1]))


def measure_relative(
    *, per_category: int = 20, stride: int = STRIDE, device: str = "auto", progress: bool = True
) -> tuple[pd.DataFrame, dict[str, object]]:
    """Mean cosines of the real MobileNetV2 over the paper's kind of objects, as many of them as are there.

    The objects are chosen, cropped and resized by the paper's protocol, from both splits. The anchors are those of
    all positions, off the lattice of ``stride`` too, as the paper's are.

    Args:
        per_category: at most so many objects of a category from each split.
        stride: pixels between the positions that are averaged over.

    Returns:
        A row per object, size (px) and anchor: object, category, size, anchor, mean_cosine. And what it was measured
        with: network, name and weights (of the file), checksum, layer, stride, splits.

    Raises:
        assets.AssetError: the weights or COCO are not on the assets search path.
    """
    files = relative_files()
    if files is None:
        raise assets.AssetError(
            f"{RELATIVES['mobilev2']} or coco/ is on none of the folders of the assets search path (SHIFT_ASSETS): "
            "without them the study shows the numbers that it recorded"
        )
    weights, folder = files
    network = networks.load("mobilenet_v2", weights=weights)
    options = {"per_category": per_category, "paper_crop": True, "at_most": True}
    chosen = [
        (size, cutout)
        for size in SIZES
        for split in SPLITS
        for cutout in objects.load_coco(folder, split, size, **options)
    ]
    rows = []
    for size, cutout in tqdm(chosen, desc=network.title, unit="object", disable=not progress):
        scene = shifting.Paste(cutout, network.frame)
        found = features.extract(network, scene, [LAYER], stride=stride, device=device, progress=False).layers[LAYER]
        corners = scene.render(np.array(list(similarity.anchors(scene.grid).values())))
        held = features.of_frames(network, corners, [LAYER], device=device)[LAYER]
        cosines = similarity.normalise(found).flatten(0, 1) @ similarity.normalise(held).T
        means = cosines.double().mean(0).tolist()
        rows += [
            (cutout.name, cutout.label, size, anchor, mean)
            for anchor, mean in zip(similarity.ANCHORS, means, strict=True)
        ]
    about = {
        "network": "mobilenet_v2",
        "name": Path(weights).stem,
        "weights": network.weights,
        "checksum": network.checksum,
        "layer": LAYER,
        "stride": stride,
        "splits": list(SPLITS),
        "made_with": runtime.stamp(device),
    }
    return pd.DataFrame(rows, columns=COLUMNS), about
