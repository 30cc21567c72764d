"""How much a similarity map varies, at which scale, and in which direction: maps in, numbers out.

A *map* is a 2-D array of cosines, (R, C), one value per position of the object, `stride` pixels between
neighbouring positions; anything `numpy.asarray` takes will do. Absolute sizes come first everywhere
(units of the map, that is of the cosine), shares second: a share also rises when what it is a share of
shrinks.

All measures are ours; the paper shows the maps and describes them in words (sections 4.1 and 5).
"""

from helpers.measures.variation.calibration import Calibrated, calibrate
from helpers.measures.variation.lattices import Lattice, Parts, Spectrum, decompose, lattice, spectrum
from helpers.measures.variation.local import Bias, bias, drop, drop_along, total_variation, walks

__all__ = [
    "Bias",
    "Calibrated",
    "Lattice",
    "Parts",
    "Spectrum",
    "bias",
    "calibrate",
    "decompose",
    "drop",
    "drop_along",
    "lattice",
    "spectrum",
    "total_variation",
    "walks",
]
