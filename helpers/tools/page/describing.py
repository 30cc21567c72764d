"""Subjects as the page's JSON has them, and its data blocks."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable, Sequence

import numpy as np
import torch

from helpers import similarity
from helpers.features import Features
from helpers.shifting import Scene
from helpers.tools.page import compress
from helpers.tools.page.subjects import Maps, Subject

SIMILARITY, PROBABILITY, ANSWER = "cosine similarity", "probability", "answer"
# Of answers: the right one, the most frequent others (the last for all that are left); for the colour-blind, too
RIGHT, WRONG = "#029e73", ("#cc78bc", "#ece133", "#56b4e9", "#d55e00", "#ca9161", "#9a9a9a")
_FINE = 2e-4  # step of a probability's codes
_BEST = 2  # answers of a network whose logits are known, with their probabilities


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


def describe(subject: Subject, blocks: Blocks, *, done: Callable[[], object] = lambda: None) -> dict:
    """A subject as the page's JSON has it, its data in ``blocks``; ``done`` is called after each network.

    Raises:
        ValueError: As of ``compress.pack``.
    """
    networks = []
    for each in subject.networks:
        found = each() if callable(each) else each
        networks.append(_features(found, blocks) if isinstance(found, Features) else _maps(found, blocks))
        done()
    return {
        "name": subject.name,
        "group": subject.group,
        "kind": subject.scene.kind if subject.scene else "",
        "rows": _lattice(subject.rows),
        "cols": _lattice(subject.cols),
        "frame": list(subject.frame),
        "size": list(subject.size),
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
    kept = len(blocks.texts[int(block["data"])])
    return {"name": name, "key": name, "unit": SIMILARITY, **block, "bytes": kept, **about}


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
    probability = best = None
    if network.logits in features.layers:
        every = features.layers[network.logits].float().softmax(-1)
        best = every.topk(min(_BEST, every.shape[-1]), dim=-1)
        if label in (network.labels or ()):
            probability = every[..., network.class_index(label)].numpy()
    shown = Maps(
        network.title, network.weights, {}, probability=probability, label=label, labels=network.labels,
        top1=None if best is None else best.indices.movedim(-1, 0).numpy(),
    )  # fmt: skip
    return _described(shown, layers, blocks, likely=None if best is None else best.values.movedim(-1, 0).numpy())


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


def _described(shown: Maps, layers: list[dict], blocks: Blocks, *, likely: np.ndarray | None = None) -> dict:
    """A network as the page's JSON has it, with its answers and the probability of the right one, layers too.

    ``likely`` (n, R, C) are the probabilities of the answers, if known.
    """
    found: dict = {"title": shown.title, "weights": shown.weights, "layers": layers, "label": shown.label}
    if shown.probability is not None and np.isfinite(shown.probability).all():
        layers.insert(0, _probability(shown.probability[None], blocks, name=f"P({shown.label})", kind="map", key="P"))
    if shown.top1 is not None:
        answers = shown.top1 if shown.top1.ndim == 3 else shown.top1[None]
        classes, codes = np.unique(answers, return_inverse=True)
        names = [str(shown.labels[index]) if shown.labels is not None else f"class {index}" for index in classes]
        layers.insert(0, _layer(
            "answers", codes.reshape(answers.shape), blocks, kind="answers", unit=ANSWER, step=1, error=0.0,
            lowest=0.9, labels=names, right=names.index(shown.label) if shown.label in names else -1,
            known=bool(shown.labels) and shown.label in shown.labels,
        ))  # fmt: skip
        if likely is not None:
            found["likely"] = _probability(likely, blocks, name="probability of the answers")
    return found


def _probability(values: np.ndarray, blocks: Blocks, *, name: str, **about: object) -> dict:
    codes = np.rint(np.asarray(values, np.float64) / _FINE)
    return _layer(name, codes, blocks, unit=PROBABILITY, step=_FINE, lowest=0.0, error=_FINE / 2, **about)
