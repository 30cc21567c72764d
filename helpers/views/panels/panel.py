"""What the panels share: state in traits, a picture that follows it, and controls made when first asked for."""

from __future__ import annotations

import math
import time

import numpy as np
import torch
import traitlets as tl

from helpers.views.panels.canvas import Canvas


def spread(difference: np.ndarray) -> float:
    """A symmetric limit for a difference map: the next 1, 2 or 5 times a power of ten, so it seldom jumps."""
    finite = np.abs(difference[np.isfinite(difference)])
    top = float(finite.max()) if finite.size else 0.0
    if top <= 1e-9:
        return 1e-3
    power = 10.0 ** math.floor(math.log10(top))
    return next(step * power for step in (1, 2, 5, 10) if step * power >= top)


def someone_is_there() -> bool:
    """Whether a person can answer.

    A front end that runs a cell for someone allows it to ask for input; nbclient (papermill, nbconvert) does not.
    """
    from IPython import get_ipython

    kernel = getattr(get_ipython(), "kernel", None)
    if kernel is None:
        return False
    return bool(kernel.get_parent("shell").get("content", {}).get("allow_stdin", False))


class Panel(tl.HasTraits):
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

    # --- what a subclass fills in
    def _menus(self) -> list:
        return []

    def _words(self) -> str:
        raise NotImplementedError

    # --- state
    def _start(self, maps: int, label: str, cmap: str) -> None:
        self._canvas = Canvas(maps, label=label, cmap=cmap)
        self._box, self._image, self._sliders, self._held = None, None, {}, False
        self._current: list[np.ndarray] = []

    @tl.validate("row", "col")
    def _to_lattice(self, proposal: dict) -> int:
        return self._nearest(proposal)

    def _nearest(self, proposal: dict) -> int:
        """The position on the lattice that is nearest to what is proposed for a row or a column."""
        positions = self._rows if proposal["trait"].name.endswith("row") else self._cols
        return int(positions[np.abs(positions - proposal["value"]).argmin()])

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

    def _beside(self) -> tuple[int, int]:
        """Where a panel's object starts: a quarter in, beside the anchor, so that the static view says something."""
        return int(self._rows[len(self._rows) // 4]), int(self._cols[len(self._cols) // 4])

    def _take(self, maps: list[np.ndarray], titles: list[str]) -> None:
        """Take new maps (one or two) and their titles."""
        self._current = [np.asarray(values, dtype=float) for values in maps]
        if len(maps) == 2:
            self._current.append(self._current[1] - self._current[0])
            titles = [*titles, "difference"]
        self._canvas.show(self._current, titles=titles)

    def _redraw(self) -> None:
        start = time.perf_counter()
        i, j = np.searchsorted(self._rows, self.row), np.searchsorted(self._cols, self.col)
        keys = ("left", "right", "difference")
        values = {key: float(grid[i, j]) for key, grid in zip(keys, self._current, strict=False)}
        self.set_trait("values", values)
        self.set_trait("limits", (self.lower, self._upper))
        self.set_trait("caption", self._words())
        frame = self._scene.render(torch.tensor([[self.row, self.col]]))[0]
        self._canvas.picture(frame.permute(1, 2, 0).cpu().numpy())
        self._canvas.limits(self.lower, self._upper, spread=spread(self._current[-1]))
        self._canvas.mark(self.row, self.col, anchor=self._anchor_place(), words=self.caption)
        if self._image is not None:
            self._image.value = self.png()
        self.set_trait("redraw_ms", 1000 * (time.perf_counter() - start))

    def _anchor_place(self) -> tuple[int, int] | None:
        return None

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

            def slider(kind, name, text, low, high, step, **more):
                made = kind(
                    value=getattr(self, name), min=low, max=high, step=step, description=text,
                    style={"description_width": "initial"}, layout={"width": "300px"}, **more,
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
            self._image = w.Image(value=self.png(), format="png", layout={"max_width": "100%"})
            flow = w.Layout(flex_flow="row wrap")
            self._box = w.VBox([w.HBox(self._menus(), layout=flow), w.HBox(sliders, layout=flow), self._image])
        return self._box

    def _range(self) -> tuple[float, float, float]:
        """Lowest, highest and step of the slider of ``lower``."""
        raise NotImplementedError

    def _menu(self, name: str, text: str, options: list):
        """A drop-down linked to the trait ``name``."""
        import ipywidgets as w

        made = w.Dropdown(
            options=options, value=getattr(self, name), description=text,
            style={"description_width": "initial"}, layout={"width": "auto"},
        )  # fmt: skip
        tl.link((self, name), (made, "value"))
        return made

    def _repr_mimebundle_(self, **_kwargs: object) -> dict:
        bundle = {"text/plain": self.caption, "image/png": self.png()}
        if someone_is_there():
            bundle |= self.widget._repr_mimebundle_()
        return bundle


def _step(positions: np.ndarray) -> int:
    return int(positions[1] - positions[0]) if len(positions) > 1 else 1
