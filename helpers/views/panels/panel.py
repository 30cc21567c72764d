"""What the panels share: state in traits, a picture that follows it, and controls made when first asked for."""

from __future__ import annotations

import base64
import math
import time
from html import escape

import numpy as np
import torch
import traitlets as tl

from helpers.views.panels.canvas import WIDTH, Canvas
from helpers.views.panels.kept import Kept

_AUTO = {"width": "auto"}
_FLOW = {"flex_flow": "row wrap", "grid_gap": "4px 18px", "align_items": "center"}


def spread(difference: np.ndarray) -> float:
    """A symmetric limit for a difference map: the next 1, 2 or 5 times a power of ten, so it seldom jumps."""
    finite = np.abs(difference[np.isfinite(difference)])
    top = float(finite.max()) if finite.size else 0.0
    if top <= 1e-9:
        return 1e-3
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= top)


class Panel(Kept, tl.HasTraits):
    """Position, colour limits and values over one or two maps; see the package's text for the traits.

    A subclass says which maps there are (``_maps``, ``_titles``), where (``_scene``, ``_rows``, ``_cols``,
    pixels) and which controls stand above the sliders (``_menus``).
    """

    row = tl.Int(0, help="object's row, pixels")
    col = tl.Int(0, help="object's column, pixels")
    lower = tl.Float(0.0, help="lower colour limit")
    limits = tl.Tuple(tl.Float(), tl.Float(), default_value=(0.0, 1.0), read_only=True)
    values = tl.Dict(read_only=True)
    caption = tl.Unicode("", read_only=True)
    redraw_ms = tl.Float(0.0, read_only=True, help="time of the last redraw, milliseconds")

    _quantity = "value"
    _upper = 1.0
    _hint = "Press in a map, or drag over it, to move the object."

    # --- what a subclass fills in
    def _menus(self) -> list:
        return []

    def _words(self) -> str:
        raise NotImplementedError

    # --- state
    def _start(self, maps: int, label: str, cmap: str) -> None:
        self._looks = {"maps": maps, "label": label, "cmap": cmap}
        self._canvas, self._window = Canvas(**self._looks), (WIDTH, 1.0)
        self._box, self._picture, self._sliders, self._held = None, None, {}, False
        self._current: list[np.ndarray] = []
        self._titles: list[str] = []

    @tl.validate("row", "col")
    def _to_lattice(self, proposal: dict) -> int:
        return self._nearest(proposal)

    def _nearest(self, proposal: dict) -> int:
        """The position on the lattice that is nearest to what is proposed for a row or a column."""
        return closest(self._rows if proposal["trait"].name.endswith("row") else self._cols, proposal["value"])

    @tl.validate("lower")
    def _below_upper(self, proposal: dict) -> float:
        return min(float(proposal["value"]), self._upper - 1e-3 * max(abs(self._upper), 1e-3))

    @tl.observe("row", "col", "lower")
    def _moved(self, change: dict) -> None:
        if not self._held:
            self._redraw()

    def _place(self) -> None:
        """Use the lattice of the scene on show."""
        self._held = True
        self.row, self.col = self.row, self.col
        self._held = False
        self._canvas.lattice(self._rows, self._cols)
        for name, positions in (("row", self._rows), ("col", self._cols)):
            if name in self._sliders:
                slider = self._sliders[name]
                slider.max, slider.step = int(positions[-1]), _step(positions)

    def _indices(self) -> tuple[int, int]:
        """Of the object's position, on the lattice."""
        return int(np.searchsorted(self._rows, self.row)), int(np.searchsorted(self._cols, self.col))

    def _beside(self) -> tuple[int, int]:
        """Where a panel's object starts: a quarter in, beside the anchor, so that the static view says something."""
        return int(self._rows[len(self._rows) // 4]), int(self._cols[len(self._cols) // 4])

    def _take(self, maps: list[np.ndarray], titles: list[str]) -> None:
        """Take new maps (one or two) and their titles."""
        self._current = [np.asarray(values, dtype=float) for values in maps]
        self._titles = titles
        if len(maps) == 2:
            self._current.append(self._current[1] - self._current[0])
            self._titles = [*titles, "difference"]
        self._canvas.show(self._current, titles=self._titles)

    def _redraw(self) -> None:
        start = time.perf_counter()
        place = self._indices()
        keys = ("left", "right", "difference")
        values = {key: float(grid[place]) for key, grid in zip(keys, self._current, strict=False)}
        self.set_trait("values", values)
        self.set_trait("limits", (self.lower, self._upper))
        self.set_trait("caption", self._words())
        frame = self._scene.render(torch.tensor([[self.row, self.col]]))[0]
        self._canvas.picture(frame.permute(1, 2, 0).cpu().numpy())
        self._canvas.limits(self.lower, self._upper, spread=spread(self._current[-1]))
        self._canvas.mark(self.row, self.col, anchor=self._anchor_place(), words=self.caption)
        self._send()
        self.set_trait("redraw_ms", 1000 * (time.perf_counter() - start))

    def _send(self) -> None:
        """Give the present picture to the browser, and keep it."""
        if self._picture is not None:
            with self._picture.hold_sync():
                self._picture.png, self._picture.alt, self._picture.shown = self.png(), self.caption, self._canvas.width
            self._keep()

    def _anchor_place(self) -> tuple[int, int] | None:
        return None

    # --- what a hand does
    def go(self, row: float, col: float) -> None:
        """Move the object to the position nearest to a row and a column, in pixels."""
        self._held = True
        self.row, self.col = closest(self._rows, row), closest(self._cols, col)
        self._held = False
        self._redraw()

    def _put_anchor(self, row: float, col: float) -> None:
        self.go(row, col)  # there is no anchor: the press is not lost

    def press(self, x: float, y: float, *, anchor: bool = False, start: tuple[float, float] | None = None) -> None:
        """What a press in the picture does: in a map it moves the object, or the anchor, there.

        In the frame, a pasted object gets its middle there. Beside them nothing happens.

        Args:
            x: place in the picture, from 0 at its left to 1 at its right.
            y: the same from its top.
            anchor: move the anchor, where there is one.
            start: the place where a drag began, which goes on beyond the map's edge.
        """
        found = self._canvas.place(x, y, start=start)
        if found is None:
            return
        where, row, col = found
        if where == "frame":
            if self._scene.kind != "pasted":
                return
            row, col = (
                at - (side - positions) / 2
                for at, side, positions in zip((row, col), self._scene.frame, self._scene.grid, strict=True)
            )
        (self._put_anchor if anchor else self.go)(row, col)

    def fit(self) -> None:
        """Set the colours to the maps on show."""
        raise NotImplementedError

    def lay_out(self, width: int, *, ratio: float = 1.0) -> None:
        """Draw for a window.

        Args:
            width: what there is, in pixels of a page.
            ratio: the screen's pixels per pixel of the page.
        """
        if (width, ratio) == self._window:
            return
        self._window = width, ratio
        self._canvas = Canvas(**self._looks, width=width, ratio=ratio)
        self._canvas.lattice(self._rows, self._cols)
        self._canvas.show(self._current, titles=self._titles)
        self._redraw()

    # --- views
    @property
    def figure(self):
        """The matplotlib Figure of the present state."""
        return self._canvas.figure

    def png(self) -> bytes:
        """The picture of the present state, PNG."""
        return self._canvas.png()

    @property
    def widget(self):
        """The ipywidgets box: controls over the picture."""
        if self._box is None:
            import ipywidgets as w

            from helpers.views.panels.picture import Picture

            def slider(kind, name, text, low, high, step, **more):
                made = kind(
                    value=getattr(self, name), min=low, max=high, step=step, description=text,
                    style={"description_width": "initial"}, layout={"width": "256px"}, **more,
                )  # fmt: skip
                tl.link((self, name), (made, "value"))
                self._sliders[name] = made
                return made

            rows, cols = self._rows, self._cols
            low, high, step = self._range()
            sliders = [
                slider(w.IntSlider, "row", "row (px)", int(rows[0]), int(rows[-1]), _step(rows)),
                slider(w.IntSlider, "col", "column (px)", int(cols[0]), int(cols[-1]), _step(cols)),
                slider(w.FloatSlider, "lower", "colours from", low, high, step, readout_format=".3g"),
            ]
            fit = w.Button(description="fit colours", tooltip="Set the colours to the maps on show", layout=_AUTO)
            fit.on_click(lambda _: self.fit())
            self._picture = Picture(lambda *at, **how: self.press(*at, **how), layout={"width": "100%"})
            self._picture.observe(
                lambda _: self.lay_out(self._picture.width or WIDTH, ratio=self._picture.ratio), ["width", "ratio"]
            )
            self._send()
            hint = w.HTML(f'<span style="opacity: .75">{self._hint}</span>')
            rows = [w.HBox(row, layout=_FLOW) for row in (self._menus(), [*sliders, fit])]
            self._box = w.VBox([*rows, self._picture, hint], layout={"grid_gap": "6px", "width": "100%"})
        return self._box

    def _range(self) -> tuple[float, float, float]:
        """Lowest, highest and step of the slider of ``lower``."""
        raise NotImplementedError

    def _menu(self, name: str, text: str, options: list):
        """A drop-down linked to the trait ``name``."""
        import ipywidgets as w

        made = w.Dropdown(
            options=options, value=getattr(self, name), description=text,
            style={"description_width": "initial"}, layout=_AUTO,
        )  # fmt: skip
        tl.link((self, name), (made, "value"))
        return made

    def _repr_mimebundle_(self, **_kwargs: object) -> dict:
        return {"text/plain": self.caption, "image/png": self.png()}

    def _text(self) -> str:
        return self.caption

    def _html(self) -> str:
        content = base64.b64encode(self._picture.png).decode()
        return f'<img alt="{escape(self.caption)}" width="{self._canvas.width}" src="data:image/png;base64,{content}">'


def closest(positions: np.ndarray, value: float) -> int:
    """The position on a lattice that is nearest to a value, in pixels."""
    return int(positions[np.abs(positions - value).argmin()])


def _step(positions: np.ndarray) -> int:
    return int(positions[1] - positions[0]) if len(positions) > 1 else 1
