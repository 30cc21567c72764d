"""One picture that is updated, not plotted again: the frame, up to two maps on one scale, their difference."""

from __future__ import annotations

import io
import textwrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.patches import Polygon
from matplotlib.patheffects import withStroke
from matplotlib.ticker import MaxNLocator

from helpers.views.plots.style import DIFFERENCE, whole_pixels

# Inches; at DPI this is the width of a notebook cell, so a PNG is shown at its own size.
HEIGHT, SIDE, BAR, GAP = 3.4, 2.05, 0.12, 0.62
DPI = 96
INK = "#222222"


class Canvas:
    """A Figure whose axes stay and whose artists are updated.

    Axes, ticks and colour bars are drawn once and kept as a background; a move redraws only the pictures, the
    marks and the words over it, which is several times quicker than drawing the figure.

    Args:
        maps: 1 or 2 maps; with 2 there is a difference, too.
        label: text of the maps' colour bar.
        cmap: matplotlib colormap of the maps; the difference is always red-blue around zero.
    """

    def __init__(self, maps: int, *, label: str, cmap: str) -> None:
        panels = 2 if maps == 1 else 4
        width = 0.3 + panels * SIDE + (panels - 1) * GAP + (1.0 if maps == 1 else 1.6)
        self.figure = Figure(figsize=(width, HEIGHT), dpi=DPI, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self._size, self._bars = (width, HEIGHT), []
        self._axes_drawn = self._bars_drawn = None  # backgrounds: the axes alone, and with the colour bars
        x = 0.3
        self.frame_axes = self._axes(x)
        self.frame_axes.set(xticks=[], yticks=[])
        self.frame_axes.spines[:].set_color("#9a9a9a")
        self.frame_axes.set_title("frame", fontsize=9, loc="left", color=INK)
        self.frame = self.frame_axes.imshow(np.zeros((2, 2, 3), np.uint8), interpolation="nearest")
        self.maps = []
        for _ in range(maps):
            x += SIDE + GAP
            self.maps.append(self._map(x, cmap))
        bar = self._bar(self.maps[-1]["image"], x + SIDE + 0.1, label)
        # Its lower end, pointed where a map has values below the scale: they are drawn in its lowest colour.
        tip = {"transform": bar.transAxes, "clip_on": False, "visible": False, "ec": "black", "lw": 0.8}
        self._tip = bar.add_patch(Polygon([(0, 0), (1, 0), (0.5, -0.06)], fc=self.maps[-1]["image"].cmap(0), **tip))
        if maps == 2:
            x += SIDE + GAP + 0.65
            self.difference = self._map(x, DIFFERENCE)
            self._bar(self.difference["image"], x + SIDE + 0.1, "right minus left")
        self.panes = self.maps + ([self.difference] if maps == 2 else [])
        for pane in self.panes[1:maps]:
            pane["axes"].set_yticklabels([])
        self.panes[0]["axes"].set_ylabel("row (px)", fontsize=8, labelpad=1)
        self.words = self.figure.text(0.3 / width, 0.02, "", fontsize=9, color=INK, va="bottom", parse_math=False)
        self._line = int(15.5 * (width - 0.4))  # letters of this size in a line, about
        edges = self.frame_axes.spines.values()  # the picture would cover them
        self._moving = [self.frame, self.words, *edges]
        for pane in self.panes:
            self._moving += [pane[key] for key in ("image", "across", "down", "halo", "anchor", "title")]

    def _axes(self, x: float, w: float = SIDE):
        return self.figure.add_axes((x / self._size[0], 0.8 / HEIGHT, w / self._size[0], SIDE / HEIGHT))

    def _map(self, x: float, cmap: str) -> dict:
        axes = self._axes(x)
        axes.set_facecolor("#bdbdbd")  # what a NaN shows
        axes.tick_params(labelsize=8, length=3)
        axes.set_xlabel("column (px)", fontsize=8, labelpad=1)
        image = axes.imshow(np.zeros((2, 2)), cmap=cmap, interpolation="nearest")
        # Dark under light is seen on every colour of the map, by every eye.
        cross = {"color": "white", "lw": 1, "path_effects": [withStroke(linewidth=2.2, foreground="#555555")]}
        ring = {"marker": "o", "fillstyle": "none", "linestyle": "none", "clip_on": False}
        return {
            "axes": axes,
            "image": image,
            "across": axes.axhline(0, **cross),
            "down": axes.axvline(0, **cross),
            "halo": axes.plot([], [], ms=9, mec="black", mew=2.6, **ring)[0],
            "anchor": axes.plot([], [], ms=9, mec="white", mew=1.2, **ring)[0],
            "title": axes.text(0, 1.04, "", transform=axes.transAxes, fontsize=9, color=INK, parse_math=False),
        }

    def _bar(self, image, x: float, label: str):
        bar = self.figure.colorbar(image, cax=self._axes(x, w=BAR))
        bar.ax.tick_params(labelsize=8, length=3)
        bar.locator = MaxNLocator(5)
        bar.set_label(label, fontsize=8, labelpad=2, parse_math=False)
        self._bars.append(bar.ax)
        return bar.ax

    def lattice(self, rows: np.ndarray, cols: np.ndarray) -> None:
        """Set the axes to these positions (pixels); each map cell is centred on its position."""
        steps = [(p[1] - p[0]) / 2 if len(p) > 1 else 0.5 for p in (rows, cols)]
        extent = (cols[0] - steps[1], cols[-1] + steps[1], rows[-1] + steps[0], rows[0] - steps[0])
        for pane in self.panes:
            pane["image"].set_extent(extent)
            pane["axes"].set(xlim=extent[:2], ylim=extent[2:], aspect="equal", anchor="NW")
            whole_pixels(pane["axes"])
        self._axes_drawn = None

    def limits(self, lower: float, upper: float, *, spread: float) -> None:
        """Set the scale of the maps to (lower, upper), that of the difference to (-spread, spread).

        The bar of the maps ends in an arrow where one of the maps on show has values below ``lower``.
        """
        wanted = [(lower, upper)] * len(self.maps) + [(-spread, spread)] * (len(self.panes) - len(self.maps))
        for pane, limits in zip(self.panes, wanted, strict=True):
            if pane["image"].get_clim() != limits:
                pane["image"].set_clim(*limits)
                self._bars_drawn = None
        below = any(bool((pane["image"].get_array() < lower - 1e-9).any()) for pane in self.maps)
        if below != self._tip.get_visible():
            self._tip.set_visible(below)
            self._bars_drawn = None

    def picture(self, frame: np.ndarray) -> None:
        """Show a frame, uint8 (H, W, 3)."""
        self.frame.set_data(frame)
        height, width = frame.shape[:2]
        self.frame.set_extent((-0.5, width - 0.5, height - 0.5, -0.5))

    def show(self, maps: list[np.ndarray], *, titles: list[str]) -> None:
        """Show maps (R, C), the difference last, and their titles."""
        for pane, values, title in zip(self.panes, maps, titles, strict=True):
            pane["image"].set_data(values)
            pane["title"].set_text("\n".join(textwrap.wrap(title, 36, max_lines=2)))

    def mark(self, row: float, col: float, *, anchor: tuple[float, float] | None, words: str) -> None:
        """Put the cross-hair at (row, col), the ring at the anchor, and the text below."""
        for pane in self.panes:
            pane["across"].set_ydata([row, row])
            pane["down"].set_xdata([col, col])
            for ring in (pane["halo"], pane["anchor"]):
                ring.set_data(([], []) if anchor is None else ([anchor[1]], [anchor[0]]))
        self.words.set_text(textwrap.fill(words, self._line))

    def png(self) -> bytes:
        """The picture as PNG bytes."""
        from PIL import Image

        if self._axes_drawn is None:
            self._axes_drawn, self._bars_drawn = self._without(self._moving + self._bars), None
        if self._bars_drawn is None:
            self.canvas.restore_region(self._axes_drawn)
            for axes in self._bars:
                self.figure.draw_artist(axes)
            self._bars_drawn = self.canvas.copy_from_bbox(self.figure.bbox)
        self.canvas.restore_region(self._bars_drawn)
        for artist in self._moving:
            self.figure.draw_artist(artist)
        out = io.BytesIO()
        pixels = np.asarray(self.canvas.buffer_rgba())[..., :3]
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def _without(self, artists: list):
        """A background: the figure drawn without some of its artists."""
        for artist in artists:
            artist.set_visible(False)
        self.canvas.draw()
        for artist in artists:
            artist.set_visible(True)
        return self.canvas.copy_from_bbox(self.figure.bbox)
