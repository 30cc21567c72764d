"""How all figures look: one style, one perceptual colour map, colours the colour-blind can tell apart."""

from __future__ import annotations

import contextlib
import io
import itertools
from collections.abc import Iterable, Iterator, Mapping

import matplotlib as mpl
import matplotlib.figure
import numpy as np
import seaborn as sns
import torch
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullLocator

Map = np.ndarray | torch.Tensor  # (R, C)

MAP = "cividis"  # perceptually uniform, and the same to readers with and without colour vision deficiency
DIFFERENCE = "RdBu_r"  # diverging, white at zero
PALETTE = sns.color_palette("colorblind")
OFF_THE_SHELF, ANTIALIASED = PALETTE[0], PALETTE[1]  # blue and orange, in every figure
VARIANT_COLOURS = {"off-the-shelf": OFF_THE_SHELF, "anti-aliased": ANTIALIASED}


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
    """A context in which figures are drawn in the workbook's style; nothing global is changed for good."""
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


def colours(names: Iterable[str], *, variants: Mapping[str, str] | None = None) -> dict[str, tuple]:
    """A colour per name: blue off-the-shelf, orange anti-aliased, the others in turn.

    Args:
        variants: {name: "off-the-shelf" or "anti-aliased"} where a name is not just its variant.
    """
    variants, others = variants or {}, itertools.cycle(PALETTE[2:])
    return {name: VARIANT_COLOURS.get(variants.get(name, name)) or next(others) for name in names}


def extent(shape: tuple[int, int], *, stride: int | tuple[int, int]) -> tuple[float, float, float, float]:
    """The extent of an image of (R, C) positions, in pixels: a value's middle lies on its position.

    Args:
        shape: (R, C).
        stride: pixels between neighbouring positions, or a pair of them, for rows and for columns.
    """
    (height, width), (down, across) = shape, np.broadcast_to(stride, 2)
    return -across / 2, (width - 0.5) * across, (height - 0.5) * down, -down / 2


def whole_pixels(axis: Axes, *, ticks: int = 4) -> None:
    """Put some ticks on both axes, at whole pixels."""
    for one in (axis.xaxis, axis.yaxis):
        one.set_major_locator(MaxNLocator(ticks, integer=True))


def label_outside(axes, *, rows: Iterable[str] = (), columns: Iterable[str] = ()) -> None:
    """Label a grid of axes (2-D) in pixels at its left and lower edge, with a title for each row and column."""
    for axis, title in zip(axes[0], columns, strict=False):
        axis.set_title(title)
    for axis in axes[-1]:
        axis.set_xlabel("column (px)")
    titles = list(rows) or [""] * len(axes)
    for axis, title in zip(axes[:, 0], titles, strict=True):
        axis.set_ylabel(f"{title}\nrow (px)" if title else "row (px)")


def plain_numbers(axis: Axis) -> None:
    """Label a logarithmic axis 0.001, 0.002, 0.005, ...; decades alone leave a short one with one label."""
    axis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_locator(NullLocator())
