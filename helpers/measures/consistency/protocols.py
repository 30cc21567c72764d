"""Published protocols, by name: what exactly is drawn, from which range, and when an image counts as right.

Each takes the answers of N images at every shift of one square lattice, so that images, the unit, stay apart.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from helpers.measures.consistency.changes import check_target, checked_answers
from helpers.suggestions import nearest

DRAWN = ("zhang2019",)
WORST = ("engstrom2019 worst of k", "engstrom2019 exhaustive", "michaeli2023")


def drawn_consistency(
    answers: Any, *, protocol: str = "zhang2019", batch: int = 256, passes: int = 5, seed: int = 0
) -> Tensor:
    """The share of drawn pairs of shifts to which each image gets the same answer; the mean is the published number.

    ``zhang2019``, as in the code of R. Zhang, "Making Convolutional Networks Shift-Invariant Again" (ICML 2019): for
    each *batch* of images one pair of shifts is drawn, the same for all its images, both uniform in the range
    (32 x 32 offsets of a 224 px crop; the two may coincide); and the whole set is gone through five times. An image
    has `passes` pairs, and of its lattice only those are looked at. These are few: 50,000 images in batches of 256 see
    980 pairs.

    Args:
        answers: integers (N, R, C), the top-1 class of each image at each shift of the range.
        protocol: ``"zhang2019"``.
        batch: images that share a pair.
        passes: how often the set is gone through.
        seed: of the pairs.

    Returns:
        float64 (N,), in [0, 1].

    Raises:
        ValueError: an unknown protocol, answers that are not (N, R, C), or a batch or passes under 1.
    """
    _known(protocol, DRAWN)
    maps = _maps(answers)
    for name, value in (("batch", batch), ("passes", passes)):
        if value < 1:
            raise ValueError(f"{name} is {value}: it must be at least 1")
    generator = np.random.default_rng(seed)
    agrees = torch.zeros(len(maps), dtype=torch.float64)
    for _ in range(passes):
        for start in range(0, len(maps), batch):
            (r0, c0), (r1, c1) = generator.integers(maps.shape[1:], size=(2, 2))
            here = maps[start : start + batch]
            agrees[start : start + batch] += (here[:, r0, c0] == here[:, r1, c1]).double()
    return agrees / passes


def worst_case(answers: Any, *, targets: Sequence[int], protocol: str, k: int = 10, seed: int = 0) -> Tensor:
    """Whether each image is right at every shift that a protocol tries; the mean is its robust accuracy.

    - ``engstrom2019 worst of k``: at k shifts drawn for each image, uniform in the range (Engstrom et al., "Exploring
      the Landscape of Spatial Robustness", ICML 2019, with k = 10; they rotate as well, which is left out here).
    - ``engstrom2019 exhaustive``: at all shifts of the range, their grid search. (They try five shifts each way within
      24 px, with rotations; here it is every pixel.)
    - ``michaeli2023``: at the unmoved image, the middle of the lattice, and at all crops shifted by 1 - m to m px each
      way, where the lattice holds -m to m (Michaeli et al., "Alias-Free Convnets", CVPR 2023: the crop-shift robust
      accuracy of m pixels, with the range of their code, which leaves out the first row and column).

    Args:
        answers: integers (N, R, C).
        targets: (N,), the right class of each.
        protocol: one of ``WORST``.
        k: shifts per image, of the first.
        seed: of those shifts.

    Returns:
        bool (N,).

    Raises:
        ValueError: an unknown protocol, answers or targets of another shape, k under 1, or a lattice without a middle.
    """
    _known(protocol, WORST)
    maps = _maps(answers)
    if len(targets) != len(maps):
        raise ValueError(f"{len(maps)} images but {len(targets)} targets: give the right class of each")
    for target in targets:
        check_target(target)
    right = maps == torch.as_tensor(list(targets))[:, None, None]
    if protocol == "michaeli2023" and (maps.shape[1] % 2 == 0 or maps.shape[1] != maps.shape[2]):
        raise ValueError(f"a lattice of {tuple(maps.shape[1:])} has no middle: give 2 m + 1 shifts each way")
    if protocol == "michaeli2023":  # the middle is among the shifts that are left
        return right[:, 1:, 1:].flatten(1).all(1)
    if protocol == "engstrom2019 exhaustive":
        return right.flatten(1).all(1)
    if k < 1:
        raise ValueError(f"k is {k}: at least one shift must be tried")
    rows, cols = (torch.from_numpy(each) for each in _draws(maps.shape, k, seed))
    return right[torch.arange(len(maps))[:, None], rows, cols].all(1)


def _draws(shape: Sequence[int], k: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Rows and columns (N, k) of shifts drawn for each of N images; more of them begin with the same."""
    count, height, width = shape
    every = np.random.default_rng(seed).random((k, 2, count))
    return (every[:, 0].T * height).astype(int), (every[:, 1].T * width).astype(int)


def _maps(answers: Any) -> Tensor:
    maps = torch.as_tensor(answers)
    if maps.ndim != 3 or not len(maps):
        raise ValueError(f"answers are (N, R, C), images by shifts; got {tuple(maps.shape)}")
    return torch.stack([checked_answers(each) for each in maps])


def _known(protocol: str, offered: Sequence[str]) -> None:
    if protocol not in offered:
        raise ValueError(f"unknown protocol {protocol!r}{nearest(protocol, offered)}")
