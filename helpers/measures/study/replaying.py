"""Golden replay: a random part of the study computed again on this machine, so that its file is never only believed."""

from __future__ import annotations

import zlib
from collections.abc import Collection

import numpy as np
import pandas as pd
import xarray

from helpers import features, objects, shifting, similarity
from helpers.features.perturbation import EPSILON
from helpers.measures.study.pack import STEP, Study
from helpers.networks import Network, Source

# Half a step of the file, and what another machine's float32 does to a cosine of two features, each up to EPSILON of
# its length away (that is five times the largest difference measured). A probability moves less than a logit does.
TOLERANCE = STEP / 2 + 2 * EPSILON
MARGIN = 1e-3  # of the logits: answers nearer to each other than this may swap places on another machine


def replay(
    study: Study, *, positions: int = 12, seed: int = 0, networks: Collection[str] | None = None, device: str = "auto"
) -> pd.DataFrame:
    """Compute a random sample of the study again: of each network, size and step one object at some positions.

    Each frame goes through the whole network, where the study moved early activations with the object.

    Args:
        positions: how many, of each group.
        seed: of the draw; another seed looks at other objects and positions.
        networks: those of these names only, e.g. ``efficientnet_lite0AA``; None for all.

    Returns:
        A row per group: network, size (px), stride (px), object, positions; ``cosine`` and ``probability``, the
        largest differences (probability 0 where the network has no class for the object); ``answers``, how many
        differ though their logits are over 1e-3 apart; ``same_weights``.

    Raises:
        assets.AssetError: a network's package, or an object's photograph, is missing.
        ValueError: fewer than one position.
    """
    if positions < 1:
        raise ValueError(f"positions is {positions}: at least one must be computed again")
    rows, loaded = [], {}
    for key, data in study.groups.items():
        name = data.attrs["network"]
        if networks is None or name in networks:
            if name not in loaded:
                loaded = {name: Source.parse(name).load()}  # one at a time: groups of a network follow each other
            draw = np.random.default_rng([seed, zlib.crc32(key.encode())])
            rows.append(_compared(data, loaded[name], draw, positions, device))
    return pd.DataFrame(rows)


def _compared(
    data: xarray.Dataset, network: Network, draw: np.random.Generator, positions: int, device: str
) -> dict[str, object]:
    shape = data.sizes["row"], data.sizes["col"]
    one = data.isel(object=int(draw.integers(data.sizes["object"])))
    at = np.column_stack([draw.integers(side, size=positions) for side in shape])
    indices = np.concatenate([np.array(list(similarity.anchors(shape).values())), at])
    places = np.column_stack([data.row.values[indices[:, 0]], data.col.values[indices[:, 1]]])

    size, layer = data.attrs["size"], data.attrs["layer"]
    scene = shifting.Paste(objects.load(one.object.item(), size), network.frame, background=data.attrs["background"])
    found = features.of_frames(network, scene.render(places), [layer, network.logits], device=device)
    unit = similarity.normalise(found[layer])
    count = len(similarity.ANCHORS)
    cosines = (unit[:count] @ unit[count:].T).numpy()
    logits = found[network.logits][count:]
    probabilities, answers = logits.softmax(1).numpy(), logits.argmax(1)

    stored_cosines = one.similarity.values[:, at[:, 0], at[:, 1]]
    stored_probability = one.probability.values[at[:, 0], at[:, 1]]
    stored_answers = one.top1.values[at[:, 0], at[:, 1]].astype(np.int64)
    every = np.arange(positions)
    ahead = logits[every, answers].numpy() - logits[every, stored_answers].numpy()
    apart = np.zeros(1)
    if one.category.item() in (network.labels or []):
        apart = np.abs(probabilities[:, network.class_index(one.category.item())] - stored_probability)
    return {
        "network": data.attrs["network"],
        "size": size,
        "stride": int(data.row[1] - data.row[0]),
        "object": one.object.item(),
        "positions": positions,
        "cosine": float(np.abs(cosines - stored_cosines).max()),
        "probability": float(apart.max()),
        "answers": int((ahead > MARGIN).sum()),
        "same_weights": network.checksum == data.attrs["checksum"],
    }
