"""What the page shows, as plain data: a subject is one object with every network's maps of it."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from tqdm.auto import tqdm

from helpers import similarity
from helpers.features import Features
from helpers.shifting import Scene
from helpers.tools.page import compress

SIMILARITY, PROBABILITY = "cosine similarity", "probability"
_FINE = 2e-4  # step of a probability's codes


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """A network of which only maps are known, against some of the classic anchors: published ones, a sweep's.

    layers: layer -> anchor (tl, tr, c, bl, br) -> (R, C) cosines. probability: (R, C) of ``label``, or None.
    top1: (R, C) indices into ``labels``, or None. note: shown under the map.
    """

    title: str
    weights: str
    layers: dict[str, dict[str, np.ndarray]]
    probability: np.ndarray | None = None
    label: str = ""
    top1: np.ndarray | None = None
    labels: Sequence[str] | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False)
class Subject:
    """An object, its positions in pixels, and the networks that looked at it.

    scene: None where the picture is not at hand; then the frame shows the object's box, ``size`` (h, w).
    """

    name: str
    rows: Sequence[int]
    cols: Sequence[int]
    frame: tuple[int, int]
    networks: list[Features | Maps]
    scene: Scene | None = None
    size: tuple[int, int] = (0, 0)


class Blocks:
    """The page's data blocks: bytes by number, each compressed."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, packed: bytes) -> str:
        """Keeps a zlib stream; returns its name."""
        self.texts.append(base64.b64encode(packed).decode("ascii"))
        return str(len(self.texts) - 1)

    def integers(self, codes: np.ndarray) -> dict:
        """Keeps integers (K, R, C)."""
        return {"data": self.add(compress.to_bytes(codes)), "k": len(codes)}

    def pixels(self, image: torch.Tensor) -> dict:
        """Keeps a picture, uint8 (3 or 4, h, w), as RGBA."""
        alpha = torch.full_like(image[:1], 255)
        rgba = torch.cat([image, alpha])[:4].permute(1, 2, 0).contiguous().numpy()
        return {"data": self.add(zlib.compress(rgba.tobytes(), 9)), "size": list(rgba.shape[:2])}


def from_features(features: Sequence[Features]) -> list[Subject]:
    """Features, grouped by scene name; those of one name must be at the same positions.

    Raises ValueError where they aren't.
    """
    groups: dict[str, list[Features]] = {}
    for each in features:
        groups.setdefault(each.scene.name, []).append(each)
    subjects = []
    for name, group in groups.items():
        lattices = {(tuple(each.rows.tolist()), tuple(each.cols.tolist())) for each in group}
        if len(lattices) > 1:
            raise ValueError(f"the features of {name!r} are at different positions; extract them at one stride")
        scene = group[0].scene
        rows, cols = lattices.pop()
        subjects.append(Subject(name, rows, cols, scene.frame, list(group), scene))
    return subjects


def describe(subject: Subject, blocks: Blocks, bound: float) -> dict:
    """A subject as the page's JSON has it, its data in ``blocks``.

    Raises ValueError as ``compress.pack`` does.
    """
    networks = [
        _features(each, blocks, bound) if isinstance(each, Features) else _maps(each, blocks, bound)
        for each in tqdm(subject.networks, desc=f"compressing {subject.name}", unit="network", leave=False)
    ]
    lowest = min(layer["lowest"] for network in networks for layer in network["layers"])
    return {
        "name": subject.name,
        "kind": subject.scene.kind if subject.scene else "",
        "rows": _lattice(subject.rows),
        "cols": _lattice(subject.cols),
        "frame": list(subject.frame),
        "size": list(subject.size),
        "floor": float(np.clip(np.floor(10 * lowest) / 10, -1.0, 0.9)),
        "picture": _picture(subject.scene, blocks),
        "networks": networks,
    }


def _lattice(positions: Sequence[int]) -> list[int]:
    step = positions[1] - positions[0] if len(positions) > 1 else 1
    return [int(positions[0]), int(step), len(positions)]


def _picture(scene: Scene | None, blocks: Blocks) -> dict | None:
    if scene is None:
        return None
    canvas, photo, start, step = scene.picture()
    return {
        "canvas": blocks.pixels(canvas),
        "photo": None if photo is None else blocks.pixels(photo),
        "start": list(start),
        "step": step,
    }


def _features(features: Features, blocks: Blocks, bound: float) -> dict:
    network = features.network
    layers = []
    for name, values in features.layers.items():
        packed = compress.pack(values, f"{network.title}, {name}", bound)
        block = blocks.integers(packed.codes)
        layers.append({
            "name": name, "kind": "features", "unit": SIMILARITY, **block, "steps": packed.steps.tolist(),
            "dimensions": values.shape[-1],
            "error": packed.error, "lowest": packed.lowest, "bytes": len(blocks.texts[int(block["data"])]),
        })  # fmt: skip
    probability = top1 = None
    if network.logits in features.layers:
        logits = features.layers[network.logits].float()
        top1 = logits.argmax(-1).numpy()
        if features.scene.label and features.scene.label in (network.labels or ()):
            probability = logits.softmax(-1)[..., network.class_index(features.scene.label)].numpy()
    answers = _answers(probability, features.scene.label or "", top1, network.labels, layers, blocks)
    return {"title": network.title, "weights": network.weights, "layers": layers, **answers}


def _maps(maps: Maps, blocks: Blocks, bound: float) -> dict:
    layers = []
    for name, by_anchor in maps.layers.items():
        anchors = [anchor for anchor in similarity.ANCHORS if anchor in by_anchor]
        planes = np.stack([by_anchor[anchor] for anchor in anchors]).astype(np.float64)
        block = blocks.integers(np.rint(planes / bound))  # off by half a step: half the bound
        layers.append({
            "name": name, "kind": "anchors", "unit": SIMILARITY, **block, "step": bound, "anchors": anchors,
            "error": bound / 2, "lowest": float(planes.min()), "note": maps.note,
            "bytes": len(blocks.texts[int(block["data"])]),
        })  # fmt: skip
    answers = _answers(maps.probability, maps.label, maps.top1, maps.labels, layers, blocks)
    return {"title": maps.title, "weights": maps.weights, "layers": layers, **answers}


def _answers(probability, label, top1, labels, layers: list[dict], blocks: Blocks) -> dict:
    """The classifier's answers: the probability, which becomes a layer, too, and the top class."""
    found: dict = {"label": label}
    if probability is not None and np.isfinite(probability).all():
        block = blocks.integers(np.rint(np.asarray(probability, np.float64)[None] / _FINE))
        found["probability"] = {**block, "step": _FINE}
        layers.append({
            "name": f"P({label})", "kind": "map", "unit": PROBABILITY, **block, "step": _FINE, "lowest": 0.0,
            "error": _FINE / 2, "bytes": len(blocks.texts[int(block["data"])]),
        })  # fmt: skip
    if top1 is not None:
        classes, codes = np.unique(top1, return_inverse=True)
        names = [labels[index] if labels is not None else f"class {index}" for index in classes]
        found["top1"] = {**blocks.integers(codes.reshape(1, *top1.shape)), "labels": names}
    return found
