"""Golden replay: the authors' maps computed again, for the networks and objects that are on this machine."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import torch

from helpers import assets, features, networks, objects, shifting, similarity
from helpers.measures.published.data import LABELS, NETWORKS
from helpers.networks import Network

# Trained from, but not, the weights that the authors used: what it gives is like theirs, not a reproduction.
RELATIVES = {"mobilev2": "weights/mobilenet_v2_imagenet_qat.pth"}
RELATIVE = "fine-tuned relative"
PUBLISHED_WEIGHTS = "published weights"
# Between this and the authors' maps: another torch, other kernels, and a resize within one grey level.
# Chosen, not measured: the run that would measure it needs the published weights.
TOLERANCE = 0.005
_LAYERS = {"fc": "fc8"}  # the authors call AlexNet's and VGG16's logits fc, too


def replayable(*, download: bool = False) -> dict[str, tuple[str, str]]:
    """The networks that can be replayed: the authors' name -> (what its weights are, where they come from).

    With the published weights where their file is on this machine (or may be downloaded); otherwise with a
    relative of them, where there is one on the assets search path.
    """
    found = {}
    for theirs, ours in NETWORKS.items():
        for antialiased in (False, True):
            name = theirs + "AA" * antialiased
            relative = assets.find(RELATIVES[name]) if name in RELATIVES else None
            if download or networks.local_weights(ours, antialiased=antialiased):
                found[name] = (PUBLISHED_WEIGHTS, "default")
            elif relative:
                found[name] = (RELATIVE, str(relative))
    return found


def replay(
    maps: Mapping[str, np.ndarray],
    available: Mapping[str, tuple[str, str]],
    *,
    names: Sequence[str] = ("berry", "plane"),
    stride: int = 1,
    device: str = "auto",
    progress: bool = True,
) -> tuple[pd.DataFrame, dict[str, np.ndarray]]:
    """Compute published maps, those of ``find_maps``, again, with the networks of :func:`replayable`.

    Objects whose files are not on this machine are left out.

    Args:
        stride: the step between the positions that are computed, pixels; the anchors stay the authors'.

    Returns:
        A table with a row per map (key, weights, positions, largest |difference|, Pearson r, verdict, checksum of
        the weights), and ours by key, float32 (R', C'). The verdict is ``reproduced`` or ``differs`` at 0.005 for
        the published weights; a relative has none, only its r.
    """
    rows, ours = [], {}
    for name, (words, weights) in available.items():
        network = networks.load(NETWORKS[name.removesuffix("AA")], antialiased=name.endswith("AA"), weights=weights)
        for thing in names:
            keys = [key for key in maps if key.split("/")[0] == name and key.split("/")[2] == thing]
            scene = _scene(thing, network)
            if not keys or scene is None:
                continue
            for key, values in _maps(network, scene, keys, stride, device, progress).items():
                theirs = maps[key][::stride, ::stride]
                rows.append(
                    {"key": key, "weights": words, **_verdict(values, theirs, words), "checksum": network.checksum}
                )
                ours[key] = values
    columns = ["key", "weights", "positions", "largest_difference", "pearson_r", "verdict", "checksum"]
    return pd.DataFrame(rows, columns=columns), ours


def _scene(name: str, network: Network) -> shifting.Scene | None:
    try:
        item = objects.load(name)
    except assets.AssetError:
        return None
    return shifting.Crop(item, network.frame) if name == "plane" else shifting.Paste(item, network.frame)


def _maps(
    network: Network, scene: shifting.Scene, keys: list[str], stride: int, device: str, progress: bool
) -> dict[str, np.ndarray]:
    """Ours for some keys of one network and object. The anchors are the authors', also off the lattice."""
    layers = {key: _layer(network, key.split("/")[1]) for key in keys}
    wanted = sorted(set(layers.values()))
    found = features.extract(network, scene, wanted, stride=stride, device=device, progress=progress)
    corners = torch.tensor(list(similarity.anchors(scene.grid).values()))
    at_anchors = features.of_frames(network, scene.render(corners), wanted, device=device)
    result = {}
    for key in keys:
        layer, anchor = key.split("/")[1], key.split("/")[3]
        values = found.layers[layers[key]]
        if layer == "class":
            index = network.class_index(LABELS[key.split("/")[2]])
            result[key] = values.softmax(-1)[..., index].numpy()
        else:
            held = at_anchors[layers[key]][similarity.ANCHORS.index(anchor)]
            result[key] = (similarity.normalise(values) @ similarity.normalise(held)).numpy()
    return result


def _layer(network: Network, theirs: str) -> str:
    if theirs == "class":
        return network.logits
    return theirs if theirs in network.layers else _LAYERS.get(theirs, theirs)


def _verdict(ours: np.ndarray, theirs: np.ndarray, words: str) -> dict[str, object]:
    largest = float(np.abs(ours - theirs).max())
    r = float(np.corrcoef(ours.ravel(), theirs.ravel())[0, 1])
    if words == PUBLISHED_WEIGHTS:
        verdict = "reproduced" if largest <= TOLERANCE else "differs"
    else:
        verdict = f"no verdict: {words}"
    return {"positions": ours.size, "largest_difference": largest, "pearson_r": r, "verdict": verdict}
