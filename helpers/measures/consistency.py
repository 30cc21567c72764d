"""What a classifier's answer does when the object moves: probabilities, flips, consistency, worst cases.

Everything is read off the logits (R, C, K) of one object at every position of an R x C lattice at stride 1,
or off the answers (R, C), the class of the largest logit. A *window* is a square of neighbouring positions;
all its pairs of shifts are counted exactly, by running sums, so no number here depends on a random draw.

What one kind of shift (pasted, cropped, circular) gives says nothing about another: keep their results apart.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

DIRECTIONS = ("vertical", "horizontal", "diagonal")

# R. Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019: ImageNet validation set, top-1
# accuracy and consistency in %, off-the-shelf and with the 5-tap binomial filter (Bin-5). To be quoted only.
ZHANG_2019: dict[str, dict[str, tuple[float, float]]] = {
    "AlexNet": {"off-the-shelf": (56.55, 78.18), "anti-aliased": (56.58, 82.51)},
    "VGG16": {"off-the-shelf": (71.59, 88.52), "anti-aliased": (72.33, 90.19)},
    "ResNet-50": {"off-the-shelf": (76.16, 89.20), "anti-aliased": (77.04, 91.31)},
    "MobileNetV2": {"off-the-shelf": (71.88, 86.50), "anti-aliased": (72.50, 87.79)},
}


def probability_map(logits: Any, target: int) -> Tensor:
    """The softmax probability of one class at every position (the "class" layer of the paper's website).

    logits: floats (R, C, K), unbounded; target: the class index. Returns float32 (R, C), in [0, 1]; computed
    as ``exp(logit - logsumexp)`` in float64, so that logits of any size neither overflow nor round to 0 / 0.

    Raises ValueError for fewer than two classes, values that are not finite, or a class that does not exist.
    """
    logits = _logits(logits)
    _target(target, logits.shape[-1])
    return (logits[..., target] - logits.logsumexp(-1)).exp().float()


def answers(logits: Any, ties: str = "error") -> Tensor:
    """The top-1 class at every position, long (R, C), from logits (R, C, K).

    ties: what to do where two classes share the largest logit exactly. ``"error"`` names the place (a tie
    would make the flips depend on the order of the classes); ``"lowest"`` answers the lowest class index.

    Raises ValueError for a tie, fewer than two classes, values that are not finite, or an unknown ``ties``.
    """
    if ties not in ("error", "lowest"):
        raise ValueError(f"ties {ties!r} must be 'error' or 'lowest'")
    logits = _logits(logits)
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


def flips(answers: Any) -> tuple[Tensor, Tensor]:
    """Where neighbouring positions have different answers: the outlines of the answer map.

    answers: integers (R, C). Returns two bool tensors: (R - 1, C), whether (r, c) and (r + 1, c) differ, and
    (R, C - 1), whether (r, c) and (r, c + 1) differ. Raises ValueError for another shape or dtype.
    """
    answers = _answers(answers)
    return answers[1:] != answers[:-1], answers[:, 1:] != answers[:, :-1]


def change_rates(answers: Any, stride: int = 1) -> dict[str, float]:
    """P(top-1 changes) when the object moves by one pixel, per direction (Azulay and Weiss 2019).

    The share of all neighbouring pairs of positions whose answers differ: ``vertical`` over the (R - 1) C
    pairs (r, c), (r + 1, c); ``horizontal`` over the R (C - 1) pairs (r, c), (r, c + 1); ``diagonal`` over
    the 2 (R - 1)(C - 1) pairs along both diagonals. Their number is the diagonal one, on eight steps along
    one diagonal in the middle of the image; here every position counts.

    answers: integers (R, C); stride: the step of the lattice in pixels, to be sure that it is 1.

    Raises ValueError for a stride other than 1, or a lattice under 2 x 2.
    """
    answers = _answers(answers)
    pairs = _neighbours(answers, stride)
    return {way: float(torch.cat([(a != b).flatten() for a, b in pairs[way]]).double().mean()) for way in DIRECTIONS}


def mean_absolute_change(logits: Any, stride: int = 1) -> dict[str, float]:
    """How much the probability of the answer moves in one pixel, in [0, 1] (Azulay and Weiss 2019).

    For a step from p to q: |P_q(k) - P_p(k)| with k the top-1 class at p. The mean over the pairs of
    :func:`change_rates`, each taken in both orders. logits: floats (R, C, K). Raises as there, and for bad
    logits; a tie counts for the lowest class index.
    """
    logits = _logits(logits)
    probabilities = logits.softmax(-1)
    rates = {}
    for direction, pairs in _neighbours(probabilities, stride).items():
        changes = []
        for here, there in (step for pair in pairs for step in (pair, pair[::-1])):
            top, best = here.max(-1)
            changes.append((there.gather(-1, best[..., None])[..., 0] - top).abs().flatten())
        rates[direction] = float(torch.cat(changes).mean())
    return rates


def consistency(answers: Any, window: int) -> float:
    """P(same answer at two random shifts): the exact expectation of Zhang's (2019) "consistency".

    Two shifts are drawn independently and uniformly from a window x window square of neighbouring positions
    (his evaluation on ImageNet: 32 x 32). The same shift can be drawn twice: with probability 1 / window^2
    the pair agrees for that reason alone. Exact: the sum over classes of the squared share of the window
    that they hold, averaged over every window that fits. His code draws one pair per image.

    answers: integers (R, C); window: side in positions. Returns a share in [0, 1].

    Raises ValueError for a window under 2 or over the lattice.
    """
    answers = _answers(answers)
    _window(window, answers)
    agreeing = sum((_count(answers == k, window) ** 2).double().mean() for k in answers.unique())
    return float(agreeing) / window**4


@dataclass(frozen=True)
class PairShares:
    """How the pairs of shifts of :func:`consistency` divide by right and wrong; the four shares sum to 1.

    "Consistency given that both answers are right" is 1 by definition, two right answers being the same, so
    it measures nothing. :attr:`stays_right` rises with the accuracy; :attr:`excess` is what it has above it.
    """

    both_right: float
    one_right: float
    both_wrong_same: float
    both_wrong_different: float

    @property
    def consistency(self) -> float:
        """Share of pairs with the same answer, right or wrong."""
        return self.both_right + self.both_wrong_same

    @property
    def accuracy(self) -> float:
        """P(right) at one random shift; positions in the middle of the lattice are in more windows."""
        return self.both_right + self.one_right / 2

    @property
    def stays_right(self) -> float:
        """P(right at the second shift, given right at the first); NaN where no answer is right (ours)."""
        return self.both_right / self.accuracy if self.accuracy else float("nan")

    @property
    def excess(self) -> float:
        """`stays_right` above the accuracy, ``(stays_right - accuracy) / (1 - accuracy)``, in [0, 1] (ours).

        0: right and wrong are mixed in every window as they are in all; 1: no window holds both. It is the
        :func:`kappa` of right against wrong. NaN where all answers are right, or none is.
        """
        wrong = 1 - self.accuracy
        return (self.stays_right - self.accuracy) / wrong if wrong else float("nan")


def pair_shares(answers: Any, target: int, window: int) -> PairShares:
    """The exact shares of pairs of shifts that are both right, one right, both wrong and the same or not.

    answers: integers (R, C); target: the right class; window as in :func:`consistency`, with its errors.
    """
    answers = _answers(answers)
    _target(target)
    _window(window, answers)
    right = _count(answers == target, window)
    total = float(window**4)
    both = float((right**2).double().mean()) / total
    one = float((2 * right * (window**2 - right)).double().mean()) / total
    same = consistency(answers, window) - both
    # Differences of shares: rounding can leave -1e-16 where there is nothing.
    return PairShares(both, one, max(same, 0.0), max(1 - both - one - same, 0.0))


def chance_agreement(answer_maps: Iterable[Any], window: int) -> float:
    """P(same answer) of two draws from all answers given, whatever the object and place (Fleiss 1971).

    The sum of squared shares of the classes over all maps, each map with equal weight: the consistency of a
    network that answers as often with each class, but at random. A network that always says the same has 1.
    A position weighs as in :func:`consistency`, by the number of windows that hold it.

    answer_maps: one or more integer maps (R, C). Raises ValueError for none, and as :func:`consistency`.
    """
    maps = [_answers(one) for one in answer_maps]
    if not maps:
        raise ValueError("no answers: give at least one (R, C) map")
    for one in maps:
        _window(window, one)
    shares = [
        sum(float(_count(one == k, window).double().mean()) / window**2 for one in maps) / len(maps)
        for k in torch.cat([one.unique() for one in maps]).unique()
    ]
    return sum(share**2 for share in shares)


def kappa(agreement: float, chance: float) -> float:
    """Agreement above chance, ``(agreement - chance) / (1 - chance)`` (Fleiss 1971): 1 always agrees, 0 as by
    chance. NaN where chance is 1, a network that gives one answer to everything: nothing can be told.

    Raises ValueError for a share outside [0, 1].
    """
    for name, value in (("agreement", agreement), ("chance", chance)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} {value} is a share: it must be in [0, 1]")
    return (agreement - chance) / (1 - chance) if chance < 1 else float("nan")


def worst_case_accuracy(answers: Any, target: int, reaches: Sequence[int]) -> Tensor:
    """The share of start positions that are right at every shift up to m pixels, for each m of ``reaches``.

    A start (r, c) counts as right when all (2 m + 1)^2 positions within Chebyshev distance m answer
    ``target`` (the exhaustive grid attack of Engstrom et al. 2019, translations only). All m are judged on
    the same starts, those at least max(reaches) from the border of the lattice, so the curve cannot rise.

    answers: integers (R, C) at stride 1; reaches: pixels, 0 or more. Returns float64 (len(reaches),).

    Raises ValueError for no reach, a negative one, or one that leaves no start position.
    """
    answers = _answers(answers)
    _target(target)
    if not len(reaches) or min(reaches) < 0:
        raise ValueError(f"reaches {list(reaches)} must be one or more distances of at least 0 px")
    furthest, shape = max(reaches), tuple(answers.shape)
    if 2 * furthest + 1 > min(shape):
        raise ValueError(
            f"a reach of {furthest} px needs a lattice of at least {2 * furthest + 1} positions a side, "
            f"not {shape}: take at most {(min(shape) - 1) // 2}"
        )
    curve = []
    for reach in reaches:
        margin = furthest - reach
        inner = answers[margin : shape[0] - margin, margin : shape[1] - margin]
        curve.append((_count(inner == target, 2 * reach + 1) == (2 * reach + 1) ** 2).double().mean())
    return torch.stack(curve)


def _count(mask: Tensor, window: int) -> Tensor:
    """How many of each window are true: bool (R, C) -> long (R - window + 1, C - window + 1)."""
    sums = F.pad(mask.long().cumsum(0).cumsum(1), (1, 0, 1, 0))
    return sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]


def _neighbours(values: Tensor, stride: int) -> dict[str, list[tuple[Tensor, Tensor]]]:
    if stride != 1:
        raise ValueError(f"stride {stride}: a one-pixel shift is between neighbours at stride 1 only")
    if min(values.shape[:2]) < 2:
        raise ValueError(f"a lattice of {tuple(values.shape[:2])} positions has no neighbours each way")
    down, right = (values[:-1], values[1:]), (values[:, :-1], values[:, 1:])
    diagonals = [(values[:-1, :-1], values[1:, 1:]), (values[:-1, 1:], values[1:, :-1])]
    return {"vertical": [down], "horizontal": [right], "diagonal": diagonals}


def _logits(logits: Any) -> Tensor:
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


def _answers(answers: Any) -> Tensor:
    answers = torch.as_tensor(answers).detach().cpu()
    if answers.ndim != 2 or answers.is_floating_point() or answers.dtype == torch.bool or 0 in answers.shape:
        raise ValueError(f"answers are class indices (R, C), not {answers.dtype} {tuple(answers.shape)}")
    if answers.min() < 0:
        raise ValueError(f"answers are class indices: {int(answers.min())} is under 0")
    return answers.long()


def _target(target: int, classes: int | None = None) -> None:
    if target < 0 or (classes is not None and target >= classes):
        known = "0 or more" if classes is None else f"0 to {classes - 1}"
        raise ValueError(f"class {target} does not exist: it must be {known}")


def _window(window: int, answers: Tensor) -> None:
    if not 2 <= window <= min(answers.shape):
        raise ValueError(
            f"a window of {window} positions does not fit a lattice of {tuple(answers.shape)}: "
            f"take 2 to {min(answers.shape)}"
        )
