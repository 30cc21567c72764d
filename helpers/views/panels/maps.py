"""The panel of notebooks 02 to 04 and 07: any named maps over the positions of one scene."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import traitlets as tl

from helpers.suggestions import nearest
from helpers.views.panels.answers import answers
from helpers.views.panels.panel import Panel
from helpers.views.plots.style import MAP


class MapPanel(Panel):
    """Two of several named maps side by side, their difference, and the frame at the position.

    Args:
        maps: name -> (R, C) array of numbers, all on the same lattice of positions. Values may be NaN (drawn
            grey). Boolean maps are shown as 0 and 1.
        scene: the scene whose frame is shown (``render`` and ``grid`` are used).
        label: what the numbers are, with a unit where they have one; on the colour bar and in the caption.
        stride: lattice step of the maps in pixels; (R, C) must be what that stride gives on ``scene.grid``.
        limits: (lower, upper) colour limits to start with; default: over all the maps.
        cmap: matplotlib colormap.
        answers: by name of a map, the class scores of its network at the positions, (R, C, classes) as floats; the
            caption then says what it answers.
        labels: the class names of those scores.

    Raises:
        ValueError: no map, or a map whose shape doesn't fit ``scene.grid`` at ``stride`` (both are named).
    """

    left = tl.Unicode(help="name of the map on the left")
    right = tl.Unicode(help="name of the map on the right")

    def __init__(self, maps, scene, *, label="value", stride=1, limits=None, cmap=MAP, answers=None, labels=None):
        super().__init__()
        if not isinstance(maps, Mapping) or not maps:
            raise ValueError(f"maps must be a dict of name -> (R, C) array with at least one map, got {maps!r:.60}")
        self._all = {name: np.asarray(values, dtype=float) for name, values in maps.items()}
        self._scene, self._quantity = scene, label
        self._answers, self._labels = answers or {}, labels
        self._rows, self._cols = (np.arange(0, side, stride) for side in scene.grid)
        for name, values in self._all.items():
            if values.shape != (len(self._rows), len(self._cols)):
                raise ValueError(
                    f"map {name!r} has shape {values.shape}, but scene {scene.name!r} has "
                    f"{(len(self._rows), len(self._cols))} positions at stride {stride}; give the maps' stride"
                )
        stack = np.stack(list(self._all.values()))
        finite = stack[np.isfinite(stack)]
        low, high = limits or ((finite.min(), finite.max()) if finite.size else (0.0, 1.0))
        self._upper = float(high) if high > low else float(low) + 1.0
        self._lowest, self._symmetric = float(low), float(low) == -self._upper
        names = list(self._all)
        self._start(min(2, len(names)), label, cmap)
        self._held = True
        self.lower, self.left, self.right = float(low), names[0], names[min(1, len(names) - 1)]
        self.row, self.col = self._beside()
        self._held = False
        self._place()
        self._chosen()

    @tl.validate("left", "right")
    def _known(self, proposal: dict) -> str:
        return known(proposal["value"], self._all, kind="map")

    @tl.observe("left", "right")
    def _chosen(self, change: dict | None = None) -> None:
        if not self._held:
            names = [self.left, self.right][: len(self._canvas.maps)]
            self._take([self._all[name] for name in names], names)
            self._redraw()

    def _menus(self) -> list:
        names = list(self._all)
        menus = [self._menu("left", "left", names)]
        return menus + ([self._menu("right", "right", names)] if len(names) > 1 else [])

    def _range(self) -> tuple[float, float, float]:
        low = min(self._lowest, self.lower)
        return low, self._upper, (self._upper - low) / 200

    def _words(self) -> str:
        shown = {self.left: self.values["left"]}
        if "right" in self.values:
            shown[self.right] = self.values["right"]
        numbers = ", ".join(f"{name} {value:.4g}" for name, value in shown.items())
        words = f"{self._quantity} with the object at row {self.row}, column {self.col}:  {numbers}"
        place = self._indices()
        scores = {name: (self._answers[name][place], self._labels) for name in shown if name in self._answers}
        return "\n".join([words, *answers(scores, label=self._scene.label)])

    def fit(self) -> None:
        """Set the colours to the maps on show; a scale that was symmetric stays so."""
        shown = np.stack(self._current[: len(self._canvas.maps)])
        finite = shown[np.isfinite(shown)]
        low, high = (float(finite.min()), float(finite.max())) if finite.size else (0.0, 1.0)
        if self._symmetric:
            high = max(abs(low), abs(high))
            low = -high
        self._upper = high if high > low else low + 1.0
        if slider := self._sliders.get("lower"):  # or it would keep the value inside its old range
            slider.min, slider.max = min(slider.min, low), max(slider.max, self._upper)
        self._held = True
        self.lower = low
        self._held = False
        self._redraw()


def known(name: str, names, *, kind: str) -> str:
    """The name itself where it is one of ``names``.

    Raises:
        ValueError: it is not; the message names the nearest.
    """
    if name in names:
        return name
    raise ValueError(f"unknown {kind} {name!r}{nearest(name, names)}")
