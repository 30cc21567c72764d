"""How all figures look: one style, one perceptual colour map, colours the colour-blind can tell apart."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Iterator

import matplotlib as mpl
import matplotlib.figure
import seaborn as sns

MAP = "cividis"  # perceptually uniform, and the same to readers with and without colour vision deficiency
DIFFERENCE = "RdBu_r"  # diverging, white at zero
PALETTE = sns.color_palette("colorblind")
OFF_THE_SHELF, ANTIALIASED = PALETTE[0], PALETTE[1]  # blue and orange, in every figure


class Figure(matplotlib.figure.Figure):
    """A matplotlib Figure that a notebook shows by itself, without pyplot and its global state.

    The same figure gives the same bytes: the PNG carries no version.
    """

    def _repr_png_(self) -> bytes:
        buffer = io.BytesIO()
        self.draw_without_rendering()  # axes of equal aspect find their places in the second layout only
        self.savefig(buffer, format="png", dpi=100, bbox_inches="tight", pad_inches=0.08, metadata={"Software": None})
        return buffer.getvalue()


@contextlib.contextmanager
def style() -> Iterator[None]:
    """Within it, figures are drawn in the workbook's style; nothing global is changed for good."""
    settings = {
        "figure.dpi": 110,
        "figure.constrained_layout.use": True,
        "font.size": 10,
        "axes.titlesize": 10.5,
        "axes.labelsize": 10,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.grid": False,
        "legend.frameon": False,
        "image.interpolation": "nearest",
    }
    with sns.axes_style("ticks"), mpl.rc_context(settings):
        yield
