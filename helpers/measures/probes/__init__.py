"""Can the position of an object be read from its features? Experiment 2: arrays in, numbers out.

- ``probe``, ``probes``: the paper's experiment. Per object, a linear SVM tells the upper from the lower half
  of the positions (or left from right), C = 1, five folds, stratified and unshuffled.
- ``unseen``: the same question without the leak: trained on some objects, asked about others.
- ``locate``, ``locate_unseen``: the position itself, (row, col), by ridge regression.
- ``swap_test``: a p-value whose unit is the object. ``surrogate`` makes fields as smooth as the features that know
  nothing of position: what a probe reaches on these, within one object, it owes to smoothness.

Features are (R, C, D) for one object, a sequence of N such arrays for several: floats, anything
`numpy.asarray` takes (a CPU tensor too), as they come out of the network. `divide` is "top/bottom" or
"left/right", `stride` the pixels between neighbouring positions, or a pair of
them, for rows and for columns. The paper does not standardise
them, so neither does this package; C = 1 then means something else for features of another size (standardise
or rescale beforehand to see what it does), and where they are large and cannot be told apart the solver is stopped
early, with a warning. All accuracies are *balanced*: the mean of the two halves' shares
of right answers. On the paper's even grids that is the plain accuracy; on odd grids, where the lower (right)
half takes the middle row (column), it keeps chance at 0.5.
"""

from helpers.measures.probes.labels import DIVIDES, folds, labels, tiles
from helpers.measures.probes.nulls import surrogate
from helpers.measures.probes.same_object import Location, Probe, locate, probe, probes
from helpers.measures.probes.solver import decide, reduce
from helpers.measures.probes.unseen_objects import Pool, SwapTest, Unseen, locate_unseen, swap_test, unseen

__all__ = [
    "DIVIDES",
    "Location",
    "Pool",
    "Probe",
    "SwapTest",
    "Unseen",
    "decide",
    "folds",
    "labels",
    "locate",
    "locate_unseen",
    "probe",
    "probes",
    "reduce",
    "surrogate",
    "swap_test",
    "tiles",
    "unseen",
]
