"""What a classifier's answer does when the object moves: probabilities, changes, consistency, worst cases.

Everything is read off the logits (R, C, K) of one object at every position of an R x C lattice at stride 1,
or off the answers (R, C), the class of the largest logit. A *window* is a square of neighbouring positions;
all its pairs of shifts are counted exactly, by running sums, so that these numbers depend on no random draw. The
published protocols, which draw, have names (`drawn_consistency`, `worst_case`).

What one kind of shift (pasted, cropped, circular) gives says nothing about another: keep their results apart.
"""

from helpers.measures.consistency.agreement import (
    PairShares,
    chance_agreement,
    consistency,
    kappa,
    pair_shares,
)
from helpers.measures.consistency.changes import answers, change_rates, probability_map
from helpers.measures.consistency.protocols import drawn_consistency, worst_case

# R. Zhang, "Making Convolutional Networks Shift-Invariant Again", ICML 2019: ImageNet validation set, top-1
# accuracy and consistency in %, off-the-shelf and with the 5-tap binomial filter (Bin-5). To be quoted only.
ZHANG_2019: dict[str, dict[str, tuple[float, float]]] = {
    "AlexNet": {"off-the-shelf": (56.55, 78.18), "anti-aliased": (56.58, 82.51)},
    "VGG16": {"off-the-shelf": (71.59, 88.52), "anti-aliased": (72.33, 90.19)},
    "ResNet-50": {"off-the-shelf": (76.16, 89.20), "anti-aliased": (77.04, 91.31)},
    "MobileNetV2": {"off-the-shelf": (71.88, 86.50), "anti-aliased": (72.50, 87.79)},
}

__all__ = [
    "ZHANG_2019",
    "PairShares",
    "answers",
    "chance_agreement",
    "change_rates",
    "consistency",
    "drawn_consistency",
    "kappa",
    "pair_shares",
    "probability_map",
    "worst_case",
]
