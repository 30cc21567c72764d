"""The panel of notebooks 01 and 05: cosine maps against an anchor that can be put anywhere."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import torch
import traitlets as tl

from helpers import similarity
from helpers.views.panels.answers import answers
from helpers.views.panels.maps import known
from helpers.views.panels.panel import Panel, closest
from helpers.views.plots.style import MAP

HERE = "here"
STEP = 0.005  # of the lower colour limit


class SimilarityPanel(Panel):
    """Off-the-shelf map, anti-aliased map, their difference, and the frame, for any anchor.

    Args:
        features: one or more ``helpers.features.Features``. They are grouped by network name and by object
            (``scene.name``); the off-the-shelf and the anti-aliased variant of a network make one picture. With
            only one variant, one map is shown. A dict name -> Features or pair of Features names the networks
            otherwise (two sets of weights of one network, say). Features stay as they are; nothing is copied.
        layers: names of the layers to offer, in order; default: all the layers of the features.
        lower: lower colour limit; default: the smallest value of the maps on show, rounded down, anew for each
            network, layer and object, until someone moves it.
        subject: what the first menu chooses, where that isn't a network ("scene", say).

    Raises:
        ValueError: no features, more than two for one network and object, or the two of a pair were extracted
            at different positions; an unknown layer.
    """

    network = tl.Unicode()
    layer = tl.Unicode()
    object = tl.Unicode()
    anchor = tl.Unicode("c", help="tl, tr, c, bl, br, or here: at (anchor_row, anchor_col)")
    anchor_row = tl.Int(0, help="pixels")
    anchor_col = tl.Int(0, help="pixels")

    _hint = f"{Panel._hint} With Shift, the anchor is put where you press."

    def __init__(self, features, *, layers=None, lower=None, subject="network"):
        super().__init__()
        self._pairs = _grouped(features)
        self._wanted = list(layers) if layers is not None else None
        self.networks = list(dict.fromkeys(network for network, _ in self._pairs))
        self.objects = list(dict.fromkeys(name for _, name in self._pairs))
        self._lengths: dict = {}
        self._subject, self._fits = subject, lower is None
        self._start(max(len(pair) for pair in self._pairs.values()), "cosine similarity", MAP)
        self._held = True
        self.network, self.object = next(iter(self._pairs))
        self._enter()
        self.layer = self.layers[0]
        if lower is not None:
            self.lower = float(lower)
        self.row, self.col = self._beside()
        self._held = False
        self._compute()
        self._fit()
        self._redraw()

    @property
    def layers(self) -> list[str]:
        """Names of the layers that every variant on show has."""
        pair = self._pairs[self.network, self.object]
        shared = [name for name in pair[0].layers if all(name in each.layers for each in pair)]
        if self._wanted is None:
            return shared
        for name in self._wanted:
            known(name, {layer for each in self._pairs.values() for f in each for layer in f.layers}, kind="layer")
        return [name for name in self._wanted if name in shared]

    # --- state
    @tl.validate("network", "object", "layer", "anchor")
    def _offered(self, proposal: dict) -> str:
        kind = proposal["trait"].name
        names = {
            "network": self.networks,
            "object": [name for network, name in self._pairs if network == self.network],
            "layer": self.layers if kind == "layer" else [],
            "anchor": [*similarity.ANCHORS, HERE],
        }[kind]
        return known(proposal["value"], names, kind=self._subject if kind == "network" else kind)

    @tl.validate("anchor_row", "anchor_col")
    def _anchor_on_lattice(self, proposal: dict) -> int:
        return self._nearest(proposal)

    @tl.observe("network", "object", "layer", "anchor", "anchor_row", "anchor_col")
    def _changed(self, change: dict) -> None:
        if self._held:
            return
        self._held = True
        if change["name"] in ("anchor_row", "anchor_col"):
            self.anchor = HERE
        if change["name"] in ("network", "object"):
            self._enter()
        self._held = False
        self._compute()
        if change["name"] in ("network", "object", "layer"):
            self._fit()
        self._redraw()

    @tl.observe("lower")
    def _moved_by_someone(self, change: dict) -> None:
        self._fits = self._fits and self._held

    def _fit(self) -> None:
        """Begin the scale below every value on show, unless someone chose where it begins."""
        if self._fits:
            self._held = True
            self.lower = max(-1.0, STEP * math.floor(float(np.nanmin(self._current[:2])) / STEP))
            self._held = False

    def _enter(self) -> None:
        """Go to the features of the network and object: lattice, layers, anchor."""
        held, self._held = self._held, True
        offered = [name for network, name in self._pairs if network == self.network]
        if self.object not in offered:
            self.object = offered[0]
        pair = self._pairs[self.network, self.object]
        self._scene = pair[0].scene
        self._rows, self._cols = (np.asarray(p) for p in (pair[0].rows, pair[0].cols))
        self._place()
        if self.layer not in self.layers and self.layer:
            self.layer = self.layers[0]
        for name, options in (("layer", self.layers), ("object", offered)):
            menu = self._sliders.get(name)
            if menu is not None and list(menu.options) != options:
                chosen = getattr(self, name)
                menu.options = options
                menu.value = chosen
        self._held = held

    def _at(self, anchor: str) -> tuple[int, int]:
        i, j = similarity.anchors((len(self._rows), len(self._cols)))[anchor]
        return int(self._rows[i]), int(self._cols[j])

    def _compute(self) -> None:
        held, self._held = self._held, True
        if self.anchor != HERE:
            self.anchor_row, self.anchor_col = self._at(self.anchor)
        else:
            self.anchor_row, self.anchor_col = self.anchor_row, self.anchor_col
        self._held = held
        places = (self._rows, self.anchor_row), (self._cols, self.anchor_col)
        place = tuple(int(np.searchsorted(positions, at)) for positions, at in places)
        pair = self._pairs[self.network, self.object]
        maps = [self._cosines(each, place) for each in pair]
        titles = _titles(pair)
        while len(maps) < len(self._canvas.maps):  # this network has one variant, another has two
            maps, titles = [*maps, np.full_like(maps[0], np.nan)], [*titles, "not computed"]
        self._take(maps, titles)

    def _cosines(self, features, place: tuple[int, int]) -> np.ndarray:
        """``similarity.cosine_map`` with the lengths kept: one pass over the features for each new anchor."""
        values = features.layers[self.layer]
        key = (id(features), self.layer)
        if key not in self._lengths:
            lengths = similarity.lengths(values)[..., 0]
            if not (lengths.isfinite() & (lengths > 0)).all():
                similarity.normalise(values, layer=self.layer)  # raises, naming the position
            self._lengths[key] = lengths
        lengths = self._lengths[key]
        return ((values @ values[place]).double() / (lengths * lengths[place])).numpy()

    def _anchor_place(self) -> tuple[int, int]:
        return self.anchor_row, self.anchor_col

    # --- views
    def _menus(self) -> list:
        import ipywidgets as w

        menus = {
            "network": self._menu("network", self._subject, self.networks),
            "layer": self._menu("layer", "layer", self.layers),
            "object": self._menu("object", "object", [n for net, n in self._pairs if net == self.network]),
        }
        self._sliders |= menus
        names = {"tl": "top left", "tr": "top right", "c": "centre", "bl": "bottom left", "br": "bottom right"}
        anchor = self._menu("anchor", "anchor", [(names[a], a) for a in similarity.ANCHORS] + [("placed", HERE)])
        told = {"description": "anchor at the object", "tooltip": "Take the present position as the anchor"}
        button = w.Button(**told, layout={"width": "auto"})
        button.on_click(lambda _: self.anchor_here())
        return [*menus.values(), anchor, button]

    def _range(self) -> tuple[float, float, float]:
        return -1.0, 1.0, STEP  # all that a cosine can be: another layer may need any of it

    def anchor_here(self) -> None:
        """Take the present position as the anchor."""
        self._put_anchor(self.row, self.col)

    def _put_anchor(self, row: float, col: float) -> None:
        self._held = True
        self.anchor_row, self.anchor_col = closest(self._rows, row), closest(self._cols, col)
        self.anchor = HERE
        self._held = False
        self._compute()
        self._redraw()

    def fit(self) -> None:
        """Begin the scale below every value on show, and from now on again wherever other maps are shown."""
        self._fits = True
        self._fit()
        self._redraw()

    def _words(self) -> str:
        pair = self._pairs[self.network, self.object]
        numbers = [f"{t} {v:.4f}" for t, v in zip(_titles(pair), self.values.values(), strict=False)]
        if len(pair) == 2:
            numbers.append(f"difference {round(self.values['difference'], 4) + 0.0:+.4f}")
        cosines = (
            f"cosine of {self.layer} at row {self.row}, column {self.col} with the anchor at row "
            f"{self.anchor_row}, column {self.anchor_col}:  " + ",  ".join(numbers)
        )
        place = self._indices()
        scores = {
            title: (each.layers[each.network.logits][place], each.network.labels)
            for title, each in zip(_titles(pair), pair, strict=True)
            if each.network.logits in each.layers
        }
        return "\n".join([cosines, *answers(scores, label=self._scene.label)])


def _titles(pair: list) -> list[str]:
    if len({each.network.antialiased for each in pair}) == 2:
        return ["anti-aliased" if each.network.antialiased else "off-the-shelf" for each in pair]
    return [each.network.title for each in pair]


def _grouped(features) -> dict:
    """{(network, object): [Features, ...]}, the off-the-shelf variant first."""
    if hasattr(features, "layers"):
        features = [features]
    named = []
    if isinstance(features, Mapping):
        for name, group in features.items():
            named += [(name, each) for each in ([group] if hasattr(group, "layers") else group)]
    else:
        named = [(each.network.name, each) for each in features]
    if not named:
        raise ValueError("features is empty; give at least one Features (helpers.features.extract)")
    pairs: dict = {}
    for name, each in named:
        pairs.setdefault((name, each.scene.name), []).append(each)
    for (name, scene), pair in pairs.items():
        if len(pair) > 2:
            raise ValueError(
                f"{len(pair)} Features for network {name!r} and object {scene!r}; a picture compares two. "
                "Name them apart with a dict: name -> pair of Features"
            )
        pair.sort(key=lambda each: each.network.antialiased)
        first = pair[0]
        if not all(torch.equal(each.rows, first.rows) and torch.equal(each.cols, first.cols) for each in pair):
            raise ValueError(
                f"the Features of network {name!r} and object {scene!r} are at different positions; "
                "extract both with the same scene and stride"
            )
    return pairs
