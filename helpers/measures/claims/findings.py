"""The findings: sentences about a network, each with the rule by which an effect decides it."""

from __future__ import annotations

import math
from dataclasses import dataclass

PAPER, MEANS = "paper, section 4.1", "the authors' table of means"
BLURRED = ", anti-aliased"  # how the name of an anti-aliased network ends; `TWINS` are asked of these alone


@dataclass(frozen=True)
class Finding:
    """A sentence and its rule: the whole interval lies above the first and below the second number of `bounds`."""

    name: str
    sentence: str
    unit: str  # of the effect
    bounds: tuple[tuple[float, float], ...] = ((0.0, math.inf),)  # the first decides; the others are asked, too
    source: str = "ours"
    claim: str = ""  # the claim of a notebook that is this finding, about the first of its networks


FINDINGS = {
    each.name: each
    for each in (
        Finding(
            "not invariant",
            "Features change across the frame.",
            "1 - cosine",
            tuple((bound, math.inf) for bound in (0.02, 0.01, 0.05)),
            PAPER,
        ),
        Finding(
            "centre highest",
            "The centre resembles the other positions more than any corner does.",
            "cosine",
            source=PAPER,
        ),
        Finding("bottom right lowest", "The bottom right resembles the other positions least.", "cosine", source=MEANS),
        Finding(
            "lattice",
            "Similarity repeats with the network's stride more than with the periods beside it.",
            "times",
            ((1.0, math.inf),),
            PAPER,
        ),
        Finding(
            "anti-aliasing, locally",
            "Anti-aliasing makes the change over the smallest shift smaller.",
            "times smaller",
            ((1.0, math.inf),),
            PAPER,
        ),
        Finding(
            "anti-aliasing, globally",
            "Anti-aliasing leaves the change across the frame as it is, within a tenth.",
            "times smaller",
            tuple((1 / bound, bound) for bound in (1.1, 1.05, 1.25)),
            PAPER,
        ),
        Finding(
            "position readable",
            "A linear readout tells where an object is that it was not trained on.",
            "R²",
            ((0.0, math.inf), (0.5, math.inf)),
            "paper, experiment 2",
        ),
        Finding(
            "no mere reordering",
            "A permutation fitted on other objects undoes less than half of the change.",
            "share of the change",
            tuple((-math.inf, bound) for bound in (0.5, 0.1, 0.9)),
            "paper, experiment 3",
        ),
        Finding(
            "training positions",
            "Objects everywhere in training make the change across the frame smaller.",
            "times smaller",
            ((1.0, math.inf),),
        ),
        Finding(
            "padding", "Without a border the change across the frame is smaller.", "times smaller", ((1.0, math.inf),)
        ),
        Finding("size", "A larger object changes less across the frame.", "times smaller", ((1.0, math.inf),)),
        Finding(
            "padding's side",
            "With the odd lines of padding on the other side, another corner is the lowest.",
            "cosine",
            claim="padding's side",
        ),
        Finding(
            "directions of position",
            "Without the directions that tell the position the change across the frame is smaller by a tenth at most.",
            "times smaller",
            ((-math.inf, 1.1),),
            claim="ablation",
        ),
        Finding(
            "average over shifts",
            "An average over four shifts makes the change over one pixel more than twice smaller.",
            "times smaller",
            ((2.0, math.inf), (1.0, math.inf)),
            claim="advice/average",
        ),
        Finding(
            "cropped to the object",
            "Cropped to the object, the change across the frame is more than twice smaller.",
            "times smaller",
            ((2.0, math.inf), (1.0, math.inf)),
            claim="advice/crop",
        ),
    )
}
TWINS = ("anti-aliasing, locally", "anti-aliasing, globally")
