"""How often answers agree within a window of shifts, how often they are right, and how far they stay right."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from helpers.measures.consistency.changes import check_target, checked_answers


def consistency(answers: Any, *, window: int) -> float:
    """P(same answer at two random shifts): the exact expectation of Zhang's (2019) "consistency".

    Two shifts are drawn independently and uniformly from a window x window square of neighbouring positions
    (his evaluation on ImageNet: 32 x 32). The same shift can be drawn twice: with probability 1 / window^2
    the pair agrees for that reason alone. Exact: the sum over classes of the squared share of the window
    that they hold, averaged over every window that fits. His code draws few of the pairs: see `drawn_consistency`.

    Returns:
        A share in [0, 1].

    Raises:
        ValueError: a window under 2 or over the lattice.
    """
    answers = checked_answers(answers)
    _window(window, answers)
    agreeing = sum((_count(answers == k, window) ** 2).double().mean() for k in answers.unique())
    return float(agreeing) / window**4


@dataclass(frozen=True)
class PairShares:
    """How the pairs of shifts of :func:`consistency` divide by right and wrong; the four shares sum to 1."""

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


def pair_shares(answers: Any, *, target: int, window: int) -> PairShares:
    """The exact shares of pairs of shifts that are both right, one right, both wrong and the same or not.

    Args:
        target: the right class.

    Raises:
        ValueError: a class under 0, or as :func:`consistency`.
    """
    answers = checked_answers(answers)
    check_target(target)
    _window(window, answers)
    right = _count(answers == target, window)
    total = float(window**4)
    both = float((right**2).double().mean()) / total
    one = float((2 * right * (window**2 - right)).double().mean()) / total
    same = consistency(answers, window=window) - both
    # Differences of shares: rounding can leave -1e-16 where there is nothing.
    return PairShares(both, one, max(same, 0.0), max(1 - both - one - same, 0.0))


def chance_agreement(answer_maps: Iterable[Any], *, window: int) -> float:
    """P(same answer) of two draws from all answers given, whatever the object and place (Fleiss 1971).

    The sum of squared shares of the classes over all maps, each map with equal weight: the consistency of a
    network that answers as often with each class, but at random. A network that always says the same has 1.
    A position weighs as in :func:`consistency`, by the number of windows that hold it.

    Args:
        answer_maps: one or more integer maps (R, C).

    Raises:
        ValueError: no map, or as :func:`consistency`.
    """
    maps = [checked_answers(one) for one in answer_maps]
    if not maps:
        raise ValueError("no answers: give at least one (R, C) map")
    for one in maps:
        _window(window, one)
    shares = [
        sum(float(_count(one == k, window).double().mean()) / window**2 for one in maps) / len(maps)
        for k in torch.cat([one.unique() for one in maps]).unique()
    ]
    return sum(share**2 for share in shares)


def kappa(agreement: float, *, chance: float) -> float:
    """Agreement above chance, ``(agreement - chance) / (1 - chance)``: 1 always agrees, 0 as by chance.

    NaN where chance is 1, a network that gives one answer to everything: nothing can be told. Fleiss 1971.

    Raises:
        ValueError: a share outside [0, 1].
    """
    for name, value in (("agreement", agreement), ("chance", chance)):
        if not 0 <= value <= 1:
            raise ValueError(f"{name} {value} is a share: it must be in [0, 1]")
    return (agreement - chance) / (1 - chance) if chance < 1 else float("nan")


def _count(mask: Tensor, window: int) -> Tensor:
    """How many of each window are true: bool (R, C) -> long (R - window + 1, C - window + 1)."""
    sums = F.pad(mask.long().cumsum(0).cumsum(1), (1, 0, 1, 0))
    return sums[window:, window:] - sums[:-window, window:] - sums[window:, :-window] + sums[:-window, :-window]


def _window(window: int, answers: Tensor) -> None:
    if not 2 <= window <= min(answers.shape):
        raise ValueError(
            f"a window of {window} positions does not fit a lattice of {tuple(answers.shape)}: "
            f"take 2 to {min(answers.shape)}"
        )
