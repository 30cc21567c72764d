"""What the page shows, as plain data: a subject is one object with every network's maps of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

import numpy as np

from helpers.features import Features
from helpers.shifting import Scene


@dataclasses.dataclass(frozen=True, eq=False)
class Maps:
    """A network of which only maps against some of the classic anchors are known: published ones, a sweep's.

    Attributes:
        layers: layer -> anchor (tl, tr, c, bl, br) -> (R, C) cosines.
        probability: (R, C), of ``label``, if known.
        top1: (R, C), indices into ``labels``, or (n, R, C), the n likeliest, if known.
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

    Without a scene there is no picture, and the frame shows the object's box.

    Attributes:
        networks: each one's features or maps, or a function that gives them when their turn comes.
        size: (h, w) of what moves, in pixels; (0, 0) where the frame itself does.
        group: a heading in the page's menu of objects.
    """

    name: str
    rows: Sequence[int]
    cols: Sequence[int]
    frame: tuple[int, int]
    networks: Sequence[Features | Maps | Callable[[], Features | Maps]]
    scene: Scene | None = None
    size: tuple[int, int] = (0, 0)
    group: str = ""


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
            Subject(
                name=name, rows=rows, cols=cols, frame=scene.frame, networks=list(group), scene=scene, size=moved(scene)
            )
        )  # fmt: skip
    return subjects


def moved(scene: Scene) -> tuple[int, int]:
    """(h, w) in pixels of what moves in a scene's frame; (0, 0) where it is the frame that moves."""
    if scene.kind != "pasted":
        return 0, 0
    return tuple(side - places + 1 for side, places in zip(scene.frame, scene.grid, strict=True))
