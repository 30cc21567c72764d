"""What a classifier answers at every position, and how that changes from one pixel to the next."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor


def probability_map(logits: Any, *, target: int) -> Tensor:
    """The softmax probability of one class at every position (the "class" layer of the paper's website).

    Computed as ``exp(logit - logsumexp)`` in float64, so that logits of any size neither overflow nor round
    to 0 / 0.

    Returns:
        float32 (R, C), in [0, 1].

    Raises:
        ValueError: fewer than two classes, values that are not finite, or a class that does not exist.
    """
    logits = checked_logits(logits)
    check_target(target, classes=logits.shape[-1])
    return (logits[..., target] - logits.logsumexp(-1)).exp().float()


def answers(logits: Any, *, ties: str = "error") -> Tensor:
    """The top-1 class at every position.

    Args:
        ties: what to do where two classes share the largest logit exactly. ``"error"`` names the place (a tie
            would make the changes depend on the order of the classes); ``"lowest"`` answers the lowest index.

    Returns:
        long (R, C).

    Raises:
        ValueError: a tie, fewer than two classes, values that are not finite, or an unknown ``ties``.
    """
    if ties not in ("error", "lowest"):
        raise ValueError(f"ties {ties!r} must be 'error' or 'lowest'")
    logits = checked_logits(logits)
    top = logits.amax(-1, keepdim=True)
    tied = (logits == top).sum(-1) > 1
    if ties == "error" and tied.any():
        row, col = tied.nonzero()[0].tolist()
        which = (logits[row, col] == top[row, col]).nonzero().flatten().tolist()
        raise ValueError(
            f"{int(tied.sum())} of {tied.numel()} positions have no single top-1 answer; at ({row}, {col}) "
            f"classes {which[:5]} tie. Extract the logits in float32, or accept ties='lowest'"
        )
    # Not argmax of `logits`, which may return any of the tied classes.
    return (logits == top).int().argmax(-1)


def change_rates(answers: Any) -> dict[str, float]:
    """P(top-1 changes) when the object moves by one pixel, per direction (Azulay and Weiss 2019).

    The share of all neighbouring pairs of positions whose answers differ: ``vertical`` over the (R - 1) C
    pairs (r, c), (r + 1, c); ``horizontal`` over the R (C - 1) pairs (r, c), (r, c + 1); ``diagonal`` over
    the 2 (R - 1)(C - 1) pairs along both diagonals. Their number is the diagonal one, on eight steps along
    one diagonal in the middle of the image; here every position counts.

    Raises:
        ValueError: answers that are not integers (R, C), or a lattice under 2 x 2.
    """
    pairs = _neighbours(checked_answers(answers))
    return {way: float(torch.cat([(a != b).flatten() for a, b in each]).double().mean()) for way, each in pairs.items()}


def checked_logits(logits: Any) -> Tensor:
    """Logits (R, C, K) as float64 on the CPU; raises ValueError for anything else, or values not finite."""
    logits = torch.as_tensor(logits).detach().cpu()
    if logits.ndim != 3 or not logits.is_floating_point() or 0 in logits.shape:
        raise ValueError(f"logits are floats (R, C, K), not {logits.dtype} {tuple(logits.shape)}")
    if logits.shape[-1] < 2:
        raise ValueError("a single class always answers itself: give the logits of at least 2 classes")
    bad = ~logits.isfinite().all(-1)
    if bad.any():
        at = tuple(bad.nonzero()[0].tolist())
        raise ValueError(f"logits not finite at {int(bad.sum())} of {bad.numel()} positions, first at {at}")
    return logits.double()


def checked_answers(answers: Any) -> Tensor:
    """Answers (R, C) as long on the CPU; raises ValueError for anything else, or a class under 0."""
    answers = torch.as_tensor(answers).detach().cpu()
    if answers.ndim != 2 or answers.is_floating_point() or answers.dtype == torch.bool or 0 in answers.shape:
        raise ValueError(f"answers are class indices (R, C), not {answers.dtype} {tuple(answers.shape)}")
    if answers.min() < 0:
        raise ValueError(f"answers are class indices: {int(answers.min())} is under 0")
    return answers.long()


def check_target(target: int, *, classes: int | None = None) -> None:
    """Raise ValueError for a class that does not exist; `classes`: how many there are, if known."""
    if target < 0 or (classes is not None and target >= classes):
        known = "0 or more" if classes is None else f"0 to {classes - 1}"
        raise ValueError(f"class {target} does not exist: it must be {known}")


def _neighbours(values: Tensor) -> dict[str, list[tuple[Tensor, Tensor]]]:
    if min(values.shape[:2]) < 2:
        raise ValueError(f"a lattice of {tuple(values.shape[:2])} positions has no neighbours each way")
    down, right = (values[:-1], values[1:]), (values[:, :-1], values[:, 1:])
    diagonals = [(values[:-1, :-1], values[1:, 1:]), (values[:-1, 1:], values[1:, :-1])]
    return {"vertical": [down], "horizontal": [right], "diagonal": diagonals}
