"""What the page shows, as plain data: a subject is one object with every network's maps of it."""

from __future__ import annotations

import base64
import dataclasses
import zlib
from collections.abc import Sequence

import numpy as np
import torch
from tqdm import tqdm

from helpers import similarity
from helpers.features import Features
from helpers.shifting import Scene
from helpers.tools.page import compress

SIMILARITY, PROBABILITY = "cosine similarity", "probability"
_FINE = 2e-4  # step of a probability's codes


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """A network of which only maps against some of the classic anchors are known: published ones, a sweep's.

    Attributes:
        layers: layer -> anchor (tl, tr, c, bl, br) -> (R, C) cosines.
        probability: (R, C), of ``label``, if known.
        top1: (R, C), indices into ``labels``, if known.
        note: Shown under the map.
    """

    title: str
    weights: str
    layers: dict[str, dict[str, np.ndarray]]
    _: dataclasses.KW_ONLY
    probability: np.ndarray | None = None
    label: str = ""
    top1: np.ndarray | None = None
    labels: Sequence[str] | None = None
    note: str = ""


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Subject:
    """An object, its positions and frame in pixels, and the networks that looked at it.

    Without a scene there is no picture, and the frame shows the object's box, of ``size`` (h, w).
    """

    name: str
    rows: Sequence[int]
    cols: Sequence[int]
    frame: tuple[int, int]
    networks: list[Features | Maps]
    scene: Scene | None = None
    size: tuple[int, int] = (0, 0)


class Blocks:
    """The page's data blocks: compressed bytes by number."""

    def __init__(self) -> None:
        self.texts: list[str] = []

    def add(self, packed: bytes) -> str:
        """Keep a zlib stream; returns its name."""
        self.texts.append(base64.b64encode(packed).decode("ascii"))
        return str(len(self.texts) - 1)

    def integers(self, codes: np.ndarray) -> dict:
        """Keep integers (K, R, C)."""
        return {"data": self.add(compress.to_bytes(codes)), "k": len(codes)}

    def pixels(self, image: torch.Tensor) -> dict:
        """Keep a picture, uint8 (3 or 4, h, w), as RGBA."""
        alpha = torch.full_like(image[:1], 255)
        rgba = torch.cat([image, alpha])[:4].permute(1, 2, 0).contiguous().numpy()
        return {"data": self.add(zlib.compress(rgba.tobytes(), 9)), "size": list(rgba.shape[:2])}


def from_features(features: Sequence[Features]) -> list[Subject]:
    """Features, grouped by scene name.

    Raises:
        ValueError: Features of one name are at different positions.
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
        subjects.append(
            Subject(name=name, rows=rows, cols=cols, frame=scene.frame, networks=list(group), scene=scene)
        )
    return subjects


def describe(subject: Subject, blocks: Blocks) -> dict:
    """A subject as the page's JSON has it, its data in ``blocks``.

    Raises:
        ValueError: As of ``compress.pack``.
    """
    networks = [
        _features(each, blocks) if isinstance(each, Features) else _maps(each, blocks)
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


def _layer(name: str, codes: np.ndarray, blocks: Blocks, **about: object) -> dict:
    block = blocks.integers(codes)
    return {"name": name, "unit": SIMILARITY, **block, "bytes": len(blocks.texts[int(block["data"])]), **about}


def _features(features: Features, blocks: Blocks) -> dict:
    network = features.network
    layers = []
    for name, values in features.layers.items():
        packed = compress.pack(values, layer=f"{network.title}, {name}")
        layers.append(_layer(
            name, packed.codes, blocks, kind="features", steps=packed.steps.tolist(), dimensions=values.shape[-1],
            error=packed.error, lowest=packed.lowest,
        ))  # fmt: skip
    label = features.scene.label or ""
    probability = top1 = None
    if network.logits in features.layers:
        logits = features.layers[network.logits].float()
        top1 = logits.argmax(-1).numpy()
        if label in (network.labels or ()):
            probability = logits.softmax(-1)[..., network.class_index(label)].numpy()
    shown = Maps(
        network.title, network.weights, {}, probability=probability, label=label, top1=top1, labels=network.labels
    )
    return _described(shown, layers, blocks)


def _maps(maps: Maps, blocks: Blocks) -> dict:
    layers = []
    for name, by_anchor in maps.layers.items():
        anchors = [anchor for anchor in similarity.ANCHORS if anchor in by_anchor]
        planes = np.stack([by_anchor[anchor] for anchor in anchors]).astype(np.float64)
        codes = np.rint(planes / compress.BOUND)  # off by half a step: half the bound
        layers.append(_layer(
            name, codes, blocks, kind="anchors", step=compress.BOUND, anchors=anchors, error=compress.BOUND / 2,
            lowest=float(planes.min()), note=maps.note,
        ))  # fmt: skip
    return _described(maps, layers, blocks)


def _described(shown: Maps, layers: list[dict], blocks: Blocks) -> dict:
    """A network as the page's JSON has it, with its answers: the probability, a layer too, and the top class."""
    found: dict = {"title": shown.title, "weights": shown.weights, "layers": layers, "label": shown.label}
    if shown.probability is not None and np.isfinite(shown.probability).all():
        codes = np.rint(np.asarray(shown.probability, np.float64)[None] / _FINE)
        layer = _layer(
            f"P({shown.label})", codes, blocks, kind="map", unit=PROBABILITY, step=_FINE, lowest=0.0, error=_FINE / 2
        )
        layers.append(layer)
        found["probability"] = {key: layer[key] for key in ("data", "k", "step")}
    if shown.top1 is not None:
        classes, codes = np.unique(shown.top1, return_inverse=True)
        names = [shown.labels[index] if shown.labels is not None else f"class {index}" for index in classes]
        found["top1"] = {**blocks.integers(codes.reshape(1, *shown.top1.shape)), "labels": names}
    return found
