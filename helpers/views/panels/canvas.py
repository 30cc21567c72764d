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

DPI = 96  # a page's pixels in an inch, so that a PNG is shown at its own size
WIDTH = 1152  # pixels of a page; a notebook's cell in a large window
# Inches: left of the first picture; between two; right of the last, for a bar and its label; a bar; a line of words;
# what an axis takes below a picture
EDGE, GAP, ROOM, BAR, LINE, UNDER = 0.3, 0.62, 1.0, 0.12, 0.155, 0.42
LEAST, SMALLEST, LARGEST = 1.5, 1.65, 2.6  # sides of a picture, inches; in a row of four at least SMALLEST
INK = "#222222"


class Canvas:
    """A Figure whose axes stay and whose artists are updated.

    Axes, ticks, colour bars and maps are kept as backgrounds; a move draws only the frame, the marks and the words
    over them, which is several times quicker than drawing the figure.

    Args:
        maps: 1 or 2 maps; with 2 there is a difference, too.
        label: text of the maps' colour bar.
        cmap: matplotlib colormap of the maps; the difference is always red-blue around zero.
        width: what there is, in pixels of a page; where it is little, the pictures stand in two rows.
        ratio: the screen's pixels per pixel of the page.
    """

    def __init__(self, maps: int, *, label: str, cmap: str, width: int = WIDTH, ratio: float = 1.0) -> None:
        self._lay_out(maps, width / DPI)
        self.figure = Figure(figsize=self._size, dpi=DPI * ratio, facecolor="white")
        self.canvas = FigureCanvasAgg(self.figure)
        self._bars = []
        # Backgrounds: the axes alone, with the colour bars, and with the maps
        self._axes_drawn = self._bars_drawn = self._maps_drawn = None
        self.frame_axes = self._axes(self._at["frame"])
        self.frame_axes.set(xticks=[], yticks=[])
        self.frame_axes.spines[:].set_color("#9a9a9a")
        self.frame_axes.set_title("frame", fontsize=9, loc="left", color=INK)
        self.frame = self.frame_axes.imshow(np.zeros((2, 2, 3), np.uint8), interpolation="nearest")
        self.maps = [self._map(at, cmap) for at in self._at["maps"]]
        bar = self._bar(self.maps[-1]["image"], self._at["maps"][-1], label)
        # Its lower end, pointed where a map has values below the scale: they are drawn in its lowest colour.
        tip = {"transform": bar.transAxes, "clip_on": False, "visible": False, "ec": "black", "lw": 0.8}
        self._tip = bar.add_patch(Polygon([(0, 0), (1, 0), (0.5, -0.06)], fc=self.maps[-1]["image"].cmap(0), **tip))
        if maps == 2:
            self.difference = self._map(self._at["difference"], DIFFERENCE)
            self._bar(self.difference["image"], self._at["difference"], "right minus left")
        self.panes = self.maps + ([self.difference] if maps == 2 else [])
        for pane in self.panes[1:maps]:
            pane["axes"].set_yticklabels([])
        self.panes[0]["axes"].set_ylabel("row (px)", fontsize=8, labelpad=1)
        left, below = self._at["frame"]
        place = (left / self._size[0], (below - UNDER) / self._size[1])
        self.words = self.figure.text(*place, "", fontsize=9, color=INK, va="top", parse_math=False)
        self._line = int(14.5 * (self._size[0] - left - 0.1))  # letters of this size in a line, about
        edges = self.frame_axes.spines.values()  # the picture would cover them
        self._staying = [pane[key] for key in ("image", "title") for pane in self.panes]
        self._moving = [self.frame, self.words, *edges]
        for pane in self.panes:
            self._moving += [pane[key] for key in ("across", "down", "halo", "anchor")]

    def _lay_out(self, maps: int, width: float) -> None:
        """Places in inches: all in a row, or two rows of two where that would make them too small."""
        count = 2 if maps == 1 else 4
        bars = ROOM if maps == 1 else 2 * ROOM - 0.35  # the first bar's label needs less than the figure's edge
        side = (width - EDGE - (count - 1) * GAP - bars) / count
        if maps == 1 or side >= SMALLEST:
            side, lines = float(np.clip(side, LEAST, LARGEST)), 4.5 if maps == 1 else 2.5
            below = UNDER + lines * LINE
            along = [EDGE + i * (side + GAP) for i in range(count)]
            self._at = {"frame": (along[0], below), "maps": [(x, below) for x in along[1 : 1 + maps]]}
            if maps == 2:
                self._at["difference"] = (along[3] + bars - ROOM, below)
            self._size = (along[-1] + side + bars, below + side + 0.45)
        else:  # the maps above, the frame and the difference below them
            left = EDGE + 0.3
            side, below = float(np.clip((width - left - GAP - ROOM) / 2, LEAST, 2.2)), UNDER + 4.5 * LINE
            x, above = left + side + GAP, below + side + 0.8
            self._at = {"frame": (left, below), "maps": [(left, above), (x, above)], "difference": (x, below)}
            self._size = (x + side + ROOM, above + side + 0.45)
        self._side, self._title = side, int(14.5 * (side + GAP - 0.1))

    def _axes(self, at: tuple[float, float], w: float | None = None):
        (x, y), (width, height), side = at, self._size, self._side
        return self.figure.add_axes((x / width, y / height, (w or side) / width, side / height))

    def _map(self, at: tuple[float, float], cmap: str) -> dict:
        axes = self._axes(at)
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
            "title": axes.text(
                0, 1 + 0.09 / self._side, "", transform=axes.transAxes, fontsize=9, color=INK, parse_math=False
            ),
        }

    def _bar(self, image, at: tuple[float, float], label: str):
        beside = (at[0] + self._side + 0.1, at[1])
        bar = self.figure.colorbar(image, cax=self._axes(beside, BAR))
        bar.ax.tick_params(labelsize=8, length=3)
        bar.locator = MaxNLocator(5)
        words = "\n".join(textwrap.wrap(label, int(16 * self._side)))
        bar.set_label(words, fontsize=8, labelpad=2, parse_math=False)
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
            self._maps_drawn = None
            pane["title"].set_text("\n".join(textwrap.wrap(title, self._title, max_lines=2)))

    def mark(self, row: float, col: float, *, anchor: tuple[float, float] | None, words: str) -> None:
        """Put the cross-hair at (row, col), the ring at the anchor, and the text below."""
        for pane in self.panes:
            pane["across"].set_ydata([row, row])
            pane["down"].set_xdata([col, col])
            for ring in (pane["halo"], pane["anchor"]):
                ring.set_data(([], []) if anchor is None else ([anchor[1]], [anchor[0]]))
        self.words.set_text(
            "\n".join(textwrap.fill(line, self._line, break_on_hyphens=False) for line in words.split("\n"))
        )

    def place(self, x: float, y: float, *, start: tuple[float, float] | None = None) -> tuple[str, float, float] | None:
        """What is at a place of the picture, from 0 to 1 from its left and from its top.

        Args:
            x: the place from the left.
            y: the place from the top.
            start: where a drag to it began: it stays in the frame or the map that it began in.

        Returns:
            ``"frame"`` or ``"map"``, and row and column there in pixels, not rounded, also beyond its edge; None where
            none of them was pressed. The margin around them belongs to their edge.
        """
        width, height = self.figure.bbox.size
        began, point = ((left * width, (1 - top) * height) for left, top in (start or (x, y), (x, y)))
        for axes in (self.frame_axes, *(pane["axes"] for pane in self.panes)):
            if axes.get_window_extent().padded(0.09 * self.figure.dpi).contains(*began):
                col, row = axes.transData.inverted().transform(point)
                return "frame" if axes is self.frame_axes else "map", float(row), float(col)
        return None

    @property
    def width(self) -> int:
        """The picture's width, in pixels of a page."""
        return round(self._size[0] * DPI)

    def png(self) -> bytes:
        """The picture as PNG bytes."""
        from PIL import Image

        if self._axes_drawn is None:
            self._axes_drawn, self._bars_drawn = self._without(self._moving + self._staying + self._bars), None
        if self._bars_drawn is None:
            self._draw_over(self._axes_drawn, self._bars)
            self._bars_drawn, self._maps_drawn = self.canvas.copy_from_bbox(self.figure.bbox), None
        if self._maps_drawn is None:
            self._draw_over(self._bars_drawn, self._staying)
            self._maps_drawn = self.canvas.copy_from_bbox(self.figure.bbox)
        self._draw_over(self._maps_drawn, self._moving)
        out = io.BytesIO()
        pixels = np.asarray(self.canvas.buffer_rgba())[..., :3]
        Image.fromarray(pixels).save(out, "PNG", compress_level=1)
        return out.getvalue()

    def _draw_over(self, background, artists: list) -> None:
        self.canvas.restore_region(background)
        for artist in artists:
            self.figure.draw_artist(artist)

    def _without(self, artists: list):
        """A background: the figure drawn without some of its artists."""
        for artist in artists:
            artist.set_visible(False)
        self.canvas.draw()
        for artist in artists:
            artist.set_visible(True)
        return self.canvas.copy_from_bbox(self.figure.bbox)
