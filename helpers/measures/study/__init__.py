"""The workbook's own study: real networks over real objects, its maps and answers in one file, and its replay."""

from helpers.measures.study.pack import FILE, STEP, Study, load, packed, save, unpacked
from helpers.measures.study.relative import measure_relative, relative_files
from helpers.measures.study.replaying import MARGIN, TOLERANCE, replay
from helpers.measures.study.tables import by_object, corners, effects, means, orders

__all__ = [
    "FILE",
    "MARGIN",
    "STEP",
    "TOLERANCE",
    "Study",
    "by_object",
    "corners",
    "effects",
    "load",
    "means",
    "measure_relative",
    "orders",
    "packed",
    "relative_files",
    "replay",
    "save",
    "unpacked",
]
