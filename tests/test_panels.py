"""The slider panels, driven through their traits: no browser, no kernel."""

import base64
import io
import re
import time
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import torch
from ipywidgets.widgets.widget import _instances
from nbclient import NotebookClient
from PIL import Image

from helpers import similarity
from helpers.objects import Cutout
from helpers.shifting import Paste
from helpers.views import panels
from helpers.views.panels import kept
from helpers.views.panels import panel as panel_module
from helpers.views.plots.style import MAP

FRAME, SIZE = 24, 8
GRID = FRAME - SIZE + 1


def _scene(name="square", size=SIZE):
    rgba = torch.full((4, size, size), 255, dtype=torch.uint8)
    rgba[1:3] = 0  # red
    return Paste(Cutout(rgba, name), frame=FRAME)


def _features(network="net", antialiased=False, scene=None, layers=("fc6", "fc7"), stride=1, seed=0):
    scene = scene or _scene()
    rows, cols = (torch.arange(0, side, stride) for side in scene.grid)
    draw = torch.Generator().manual_seed(seed + antialiased)
    found = {name: torch.randn(len(rows), len(cols), 5, generator=draw) + 0.7 for name in layers}
    title = f"{network} {antialiased}"
    return SimpleNamespace(
        layers=found, rows=rows, cols=cols, scene=scene,
        network=SimpleNamespace(name=network, antialiased=antialiased, title=title, logits="fc", labels=None),
    )  # fmt: skip


def _pair(**options):
    return [_features(antialiased=antialiased, **options) for antialiased in (False, True)]


def _pixels(panel):
    return np.asarray(Image.open(io.BytesIO(panel.png())).convert("RGB")).astype(int)


def test_values_are_the_cosines_at_the_position():
    plain, smooth = _pair()
    panel = panels.SimilarityPanel([smooth, plain])  # in any order: the off-the-shelf one is on the left
    panel.layer, panel.anchor, panel.row, panel.col = "fc7", "br", 3, 5
    expected = []
    for each in (plain, smooth):  # the slow path: two vectors
        a, b = each.layers["fc7"][-1, -1].double(), each.layers["fc7"][3, 5].double()
        expected.append(float(a @ b / a.norm() / b.norm()))
    # float32 features: products of 5 numbers keep 6 decimals.
    assert panel.values["left"] == pytest.approx(expected[0], abs=1e-6)
    assert panel.values["right"] == pytest.approx(expected[1], abs=1e-6)
    assert panel.values["difference"] == pytest.approx(expected[1] - expected[0], abs=1e-6)
    assert (panel.anchor_row, panel.anchor_col) == (GRID - 1, GRID - 1)
    assert "row 3, column 5" in panel.caption and f"{expected[0]:.4f}" in panel.caption


def test_maps_on_show_are_those_of_helpers_similarity():
    plain, smooth = _pair(stride=2)
    panel = panels.SimilarityPanel([plain, smooth])
    panel.anchor_row, panel.anchor_col = 6, 10
    assert panel.anchor == "here"
    for each, pane in zip((plain, smooth), panel._canvas.panes, strict=False):
        exact = similarity.cosine_map(each.layers["fc6"], (3, 5)).numpy()
        np.testing.assert_allclose(pane["image"].get_array(), exact, atol=1e-6)


def test_a_place_between_two_positions_goes_to_the_nearest():
    panel = panels.SimilarityPanel(_pair(stride=4))
    panel.row, panel.col = 7, 100
    assert (panel.row, panel.col) == (8, 16)
    panel.anchor_row = -3
    assert panel.anchor_row == 0


def test_anchor_here_and_back():
    panel = panels.SimilarityPanel(_pair())
    panel.row, panel.col = 2, 9
    panel.anchor_here()
    assert (panel.anchor, panel.anchor_row, panel.anchor_col) == ("here", 2, 9)
    assert panel.values["left"] == pytest.approx(1, abs=1e-6)
    panel.anchor = "tl"
    assert (panel.anchor_row, panel.anchor_col) == (0, 0)
    assert panel.values["left"] < 0.999


def test_objects_of_other_sizes_and_networks_with_one_variant():
    small = _scene("small", 4)
    everything = [*_pair(), *_pair(scene=small), _features("lonely", scene=small, layers=("pool",))]
    panel = panels.SimilarityPanel(everything)
    assert panel.networks == ["net", "lonely"] and panel.objects == ["square", "small"]
    panel.row = GRID - 1
    panel.object = "small"
    panel.row = FRAME - 4
    assert panel.row == FRAME - 4
    panel.network = "lonely"  # has neither the layer nor a second variant
    assert panel.layer == "pool" and np.isnan(panel.values["right"])
    panel.network = "net"
    panel.object = "square"
    assert panel.row == GRID - 1 and panel.layer == "fc6"


def test_two_weights_of_one_network_are_named_by_their_titles():
    centre, uniform = _features("centre"), _features("uniform", seed=5)
    panel = panels.SimilarityPanel({"weights": [centre, uniform]})
    assert "centre False" in panel.caption and "uniform False" in panel.caption


@pytest.mark.parametrize("trait, wrong, near", [
    ("layer", "fc8", "fc7"), ("network", "nett", "net"), ("object", "squire", "square"), ("anchor", "xl", "tl"),
])  # fmt: skip
def test_an_unknown_name_is_met_with_the_nearest(trait, wrong, near):
    panel = panels.SimilarityPanel(_pair())
    with pytest.raises(ValueError, match=f"unknown {trait} '{wrong}'; did you mean '{near}'"):
        setattr(panel, trait, wrong)


def test_bad_features():
    with pytest.raises(ValueError, match="features is empty"):
        panels.SimilarityPanel([])
    with pytest.raises(ValueError, match="3 Features for network 'net' and object 'square'"):
        panels.SimilarityPanel([*_pair(), _features()])
    for axis in ("rows", "cols"):  # as many positions, but others
        other = _features(antialiased=True)
        setattr(other, axis, 2 * getattr(other, axis))
        with pytest.raises(ValueError, match="different positions"):
            panels.SimilarityPanel([_features(), other])
    with pytest.raises(ValueError, match="unknown layer 'fc66'"):
        panels.SimilarityPanel(_pair(), layers=["fc66"])
    broken = _features()
    broken.layers["fc6"][2, 3] = 0
    with pytest.raises(ValueError, match=r"fc6 at position \(2, 3\) is zero"):
        panels.SimilarityPanel([broken])


def test_what_is_seen_first():
    """The object beside the anchor, and a scale that both maps fit in: readers of an exported page see no other."""
    for swapped in (False, True):  # whichever map reaches further down
        pair = _pair(seed=2)
        if swapped:
            pair[0].layers, pair[1].layers = pair[1].layers, pair[0].layers
        panel = panels.SimilarityPanel(pair)
        assert (panel.anchor_row, panel.anchor_col) == (GRID // 2, GRID // 2) != (panel.row, panel.col)
        assert panel.values["left"] < 0.999 and panel.values["right"] < 0.999
        assert panel.lower <= min(panel._current[0].min(), panel._current[1].min())
        assert {pane["image"].cmap.name for pane in panel._canvas.maps} == {MAP}
    assert (panels.MapPanel({"one": np.zeros((GRID, GRID))}, _scene()).row) == GRID // 4


def test_the_picture_follows():
    panel = panels.SimilarityPanel(_pair())
    panel.row, panel.col = GRID // 2, GRID // 2
    first = _pixels(panel)
    assert (first == _pixels(panel)).all()
    panel.row, panel.col = 0, 0
    moved = _pixels(panel)
    panel.row, panel.col = GRID // 2, GRID // 2
    assert (first != moved).any() and (_pixels(panel) == first).all()  # nothing is left of the old place
    # The red square of 8 of 24 pixels moved to the frame's upper left.
    red = np.argwhere((moved[:, :250] == (255, 0, 0)).all(axis=2))
    before = np.argwhere((first[:, :250] == (255, 0, 0)).all(axis=2))
    scale = panel._canvas._side * 96 / FRAME  # screen pixels of one pixel of the frame
    assert before.min(0) - red.min(0) == pytest.approx([scale * (GRID // 2)] * 2, abs=3)  # the edge covers 2 px


def test_the_background_kept_for_speed_is_the_figure_itself():
    """The quick path (a kept background, artists over it) draws what the figure draws at once."""
    panel = panels.SimilarityPanel(_pair())
    panel.row, panel.lower, panel.layer = 4, 0.3, "fc7"
    quick = _pixels(panel)
    panel.figure.canvas.draw()
    slow = np.asarray(panel.figure.canvas.buffer_rgba())[..., :3].astype(int)
    # Marks drawn after rather than under an axis's ticks differ by a few pixels along the edges.
    assert (np.abs(quick - slow).max(axis=2) > 40).mean() < 0.004


def test_lower_limit_and_scale():
    panel = panels.SimilarityPanel(_pair(), lower=0.25)
    assert panel.limits == (0.25, 1.0)
    assert [pane["image"].get_clim() for pane in panel._canvas.maps] == [(0.25, 1.0)] * 2
    panel.lower = 3  # above the upper limit
    assert panel.lower < 1
    low, high = panel._canvas.difference["image"].get_clim()
    assert -low == high >= np.abs(panel._current[2]).max()


def _reaching(lowest, **options):
    """Features whose cosines with the centre are 1, but one of `lowest` in every layer, at the first position."""
    found = _features(**options)
    for values in found.layers.values():
        values[:] = torch.tensor([1.0, 0, 0, 0, 0])
        values[0, 0] = torch.tensor([lowest, (1 - lowest**2) ** 0.5, 0, 0, 0])
    return found


def test_the_scale_reaches_down_to_what_is_on_show():
    """Nothing below the scale after a change of layer, network or object, until someone chooses another."""
    scenes = [_scene(), _scene("small", 4)]
    deep = _reaching(0.312)
    deep.layers["fc7"] = _reaching(-0.272).layers["fc7"]
    panel = panels.SimilarityPanel([deep, _reaching(0.703, scene=scenes[1]), _reaching(0.553, network="other")])
    slider = panel.widget.children[1].children[2]
    assert panel.lower == pytest.approx(0.31)
    panel.layer = "fc7"
    assert panel.lower == pytest.approx(-0.275) and panel.limits[0] == slider.value == panel.lower
    panel.object = "small"
    assert panel.lower == pytest.approx(0.7)
    panel.object, panel.network = "square", "other"
    assert panel.lower == pytest.approx(0.55)
    panel.lower = 0.6
    panel.network = "net"
    assert panel.lower == 0.6
    given = panels.SimilarityPanel([deep], lower=0.4)
    given.layer = "fc7"
    assert given.lower == 0.4


def test_an_arrow_says_that_a_map_goes_below_the_scale():
    found = _reaching(0.8)
    found.layers["fc7"] = _reaching(0.31).layers["fc7"]
    panel = panels.SimilarityPanel([found], lower=0.5)
    left, bottom, right, top = panel._canvas._tip.get_window_extent().extents
    tip = panel.figure.bbox.height - (bottom + top) / 2, (left + right) / 2

    def drawn():
        return _pixels(panel)[round(tip[0]), round(tip[1])].sum() < 3 * 128

    assert not drawn()
    panel.layer = "fc7"
    assert drawn()
    panel.lower = 0.3
    assert not drawn()


def test_the_first_menu_is_called_what_it_chooses():
    panel = panels.SimilarityPanel({"grey": _pair(), "photo": _pair(seed=3)}, subject="background")
    assert panel.widget.children[0].children[0].description == "background"
    with pytest.raises(ValueError, match="unknown background 'foto'; did you mean 'photo'"):
        panel.network = "foto"


@pytest.mark.parametrize("top, limit", [(0.0, 1e-3), (0.013, 0.02), (0.02, 0.02), (0.7, 1.0), (6.0, 10.0)])
def test_the_difference_limit_is_a_round_number_above(top, limit):
    assert panel_module.spread(np.array([-top, top / 2, np.nan])) == pytest.approx(limit)


def test_map_panel():
    rows, cols = np.mgrid[:GRID, :GRID]
    maps = {"down": rows / 10, "across": cols / 10, "upper": rows < 5}
    panel = panels.MapPanel(maps, _scene(), label="accuracy")
    panel.row, panel.col = 4, 11
    assert panel.values == pytest.approx({"left": 0.4, "right": 1.1, "difference": 0.7})
    assert panel.limits == (0.0, pytest.approx(1.6))
    panel.left = "upper"
    assert panel.values["left"] == 1 and "upper 1" in panel.caption and "accuracy" in panel.caption
    with pytest.raises(ValueError, match="unknown map 'upperr'; did you mean 'upper'"):
        panel.right = "upperr"


def test_map_panel_of_one_map_with_gaps():
    values = np.full((GRID, GRID), 0.5)
    values[3] = np.nan
    panel = panels.MapPanel({"one": values}, _scene())
    assert set(panel.values) == {"left"}
    panel.row = 3
    assert np.isnan(panel.values["left"]) and len(panel.png()) > 1000
    assert panels.MapPanel({"none": values * np.nan}, _scene()).limits == (0.0, 1.0)


def test_map_panel_at_a_stride_and_of_the_wrong_shape():
    panel = panels.MapPanel({"one": np.zeros((5, 5))}, _scene(), stride=4)
    panel.row = 13
    assert panel.row == 12
    with pytest.raises(ValueError, match=r"map 'one' has shape \(5, 5\), but scene 'square' has \(17, 17\)"):
        panels.MapPanel({"one": np.zeros((5, 5))}, _scene())
    with pytest.raises(ValueError, match="at least one map"):
        panels.MapPanel({}, _scene())


def test_controls_and_traits_are_linked():
    panel = panels.SimilarityPanel([*_pair(), *_pair(scene=_scene("small", 4))])
    box = panel.widget
    assert panel.widget is box  # made once
    picture = panel._picture
    sliders = {slider.description: slider for slider in box.children[1].children}
    before = picture.png
    sliders["row (px)"].value = 2
    assert panel.row == 2 and picture.png != before and picture.alt == panel.caption
    panel.col = 7
    assert sliders["column (px)"].value == 7
    menus = {menu.description: menu for menu in box.children[0].children}
    menus["object"].value = "small"
    assert panel.object == "small" and sliders["row (px)"].max == FRAME - 4
    sliders["row (px)"].value = FRAME - 4
    menus["object"].value = "square"  # where that row doesn't exist
    assert panel.row == sliders["row (px)"].value == GRID - 1
    menus["layer"].value = "fc7"
    assert panel.layer == "fc7"
    menus["anchor at the object"].click()
    assert menus["anchor"].value == panel.anchor == "here"


def test_names_are_shown_as_they_are():
    """Mathtext and mark-up in a name are neither set nor an error."""
    scene = _scene("$\\frac{<script>")
    panel = panels.MapPanel({"$x^": np.zeros((GRID, GRID)), "<b>": np.ones((GRID, GRID))}, scene, label="$a_")
    assert len(panel.png()) > 1000 and "$x^" in panel.caption


def test_a_redraw_is_quick():
    """Under 0.15 s a move at two screen pixels a point, in processor time, which other work hardly lengthens."""
    scene = Paste(Cutout(torch.full((4, 48, 48), 255, dtype=torch.uint8), "block"), frame=128)
    panel = panels.SimilarityPanel(_pair(scene=scene))
    panel.widget  # with the picture's encoding for the browser  # noqa: B018
    panel.lay_out(1152, ratio=2)
    assert panel.figure.dpi == 192 and _pixels(panel).shape[1] == pytest.approx(2 * 1152, abs=2)
    for name, values in {"row": range(5, 15), "anchor_col": range(10, 20), "lower": np.arange(10) / 30}.items():
        start = time.process_time()
        for value in values:
            setattr(panel, name, value)
        each = (time.process_time() - start) / 10
        print(f"{name}: {1000 * each:.0f} ms")
        assert each < 0.15, name


NOTEBOOK = """
import numpy as np, torch
from helpers.views import panels
from helpers.objects import Cutout
from helpers.shifting import Paste
scene = Paste(Cutout(torch.full((4, 4, 4), 255, dtype=torch.uint8), "block"), frame=8)
panel = panels.MapPanel({"a": np.eye(5), "b": np.ones((5, 5))}, scene)
panel
"""


def test_where_nobody_can_answer_a_picture_stands_in():
    """An executed notebook carries the default view and no widget state."""
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(NOTEBOOK)])
    NotebookClient(notebook, timeout=600, kernel_name="python3").execute()
    (output,) = notebook.cells[0].outputs
    assert set(output.data) == {"image/png", "text/plain"}
    assert "value with the object at row 1, column 1" in output.data["text/plain"]
    assert not notebook.metadata.get("widgets", {}).get("application/vnd.jupyter.widget-state+json", {}).get("state")


VIEW = "application/vnd.jupyter.widget-view+json"


def test_where_someone_is_there_the_widget_is_shown_and_a_picture_kept(displayed):
    panel = panels.SimilarityPanel(_pair())
    panel._ipython_display_()
    live, picture = displayed
    assert VIEW in live and set(picture) == {"text/html", "text/plain"}
    panel.row, panel.col = 3, 5
    latest = displayed[-1]
    assert latest["text/plain"] == panel.caption and f'alt="{panel.caption}"' in latest["text/html"]
    name, content = re.search(r'class="(.+?)".*base64,(.+?)"', latest["text/html"], flags=re.DOTALL).groups()
    assert base64.b64decode(content) == panel.png()
    box, hides = _instances[live[VIEW]["model_id"]].children
    assert box is panel.widget and hides.value == f"<style>.{name} {{display: none}}</style>"


@pytest.mark.parametrize(
    ("allowed", "variables", "expected"),
    [
        (True, {}, True),  # JupyterLab, VS Code
        (False, {}, False),  # papermill, nbconvert
        (False, {"SERVER_SOFTWARE": "voila/0.5.8"}, True),
        (True, {"SHIFT_UNATTENDED": "1"}, False),
        (None, {}, True),  # a front end that doesn't say
    ],
)
def test_who_is_there(monkeypatch, allowed, variables, expected):
    for name in ("SERVER_SOFTWARE", "SHIFT_UNATTENDED"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    parent = {"content": {} if allowed is None else {"allow_stdin": allowed}}
    kernel = SimpleNamespace(get_parent=lambda channel: parent)
    monkeypatch.setattr("IPython.get_ipython", lambda: SimpleNamespace(kernel=kernel))
    assert kept.someone_is_there() is expected
    monkeypatch.setattr("IPython.get_ipython", lambda: None)
    assert not kept.someone_is_there()


# Pressed and dragged over


def _at(panel, axes, row, col):
    """Where in the picture a row and a column of some axes are, from 0 to 1 from its left and from its top."""
    panel.png()
    x, y = axes.transData.transform((col, row))
    width, height = panel.figure.bbox.size
    return x / width, 1 - y / height


@pytest.mark.parametrize("window", [(1152, 1.0), (560, 2.0)])  # in a row; in two rows on a fine screen
@pytest.mark.parametrize("pane", range(3))
def test_a_press_in_a_map_moves_the_object_and_with_shift_the_anchor(window, pane):
    panel = panels.SimilarityPanel(_pair(stride=4))  # positions 0, 4, ..., 16
    panel.lay_out(window[0], ratio=window[1])
    axes = panel._canvas.panes[pane]["axes"]
    panel.press(*_at(panel, axes, 11, 4.9))
    assert (panel.row, panel.col, panel.anchor) == (12, 4, "c")
    panel.press(*_at(panel, axes, 3, 14.1), anchor=True)
    assert (panel.anchor, panel.anchor_row, panel.anchor_col) == ("here", 4, 16)
    assert (panel.row, panel.col) == (12, 4)
    panel.press(*_at(panel, axes, -2.2, 18.2))  # on the edge's margin
    assert (panel.row, panel.col) == (0, 16)
    panel.press(0.0, 1.0, start=_at(panel, axes, 8, 8))  # a drag out of the map, over the others
    assert (panel.row, panel.col) == (16, 0)


def test_a_press_in_the_frame_takes_the_object_by_its_middle_and_one_beside_does_nothing():
    panel = panels.SimilarityPanel(_pair())
    panel.press(*_at(panel, panel._canvas.frame_axes, 9.5, 13.5))
    assert (panel.row, panel.col) == (6, 10)  # 8 px: its middle is 3.5 px from its first
    for x, y in ((0.001, 0.5), (0.5, 0.999), (0.999, 0.001)):
        panel.press(x, y)
        assert (panel.row, panel.col, panel.anchor) == (6, 10, "c")


def test_a_press_draws_once(monkeypatch):
    panel = panels.SimilarityPanel(_pair())
    drawn = []
    monkeypatch.setattr(panel, "_send", lambda: drawn.append((panel.row, panel.col)))
    panel.press(*_at(panel, panel._canvas.panes[0]["axes"], 2, 3))
    assert drawn == [(2, 3)]


def test_the_browser_is_answered_also_when_a_press_fails(monkeypatch):
    panel = panels.SimilarityPanel(_pair())
    panel.widget  # noqa: B018
    sent = []
    monkeypatch.setattr(panel._picture, "send", sent.append)
    x, y = _at(panel, panel._canvas.panes[1]["axes"], 2, 3)
    panel._picture._told(None, {"x": x, "y": y, "anchor": True, "start": [x, y]}, [])
    assert (panel.anchor_row, panel.anchor_col) == (2, 3) and len(sent) == 1
    monkeypatch.setattr(panel, "press", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        panel._picture._told(None, {"x": x, "y": y, "anchor": True, "start": [x, y]}, [])
    assert len(sent) == 2  # or it would wait for ever, and the picture be dead


@pytest.mark.parametrize(("maps", "width"), [(1, 420), (1, 1800), (2, 420), (2, 560), (2, 1000), (2, 1152), (2, 1800)])
def test_the_picture_fits_its_window(width, maps):
    """Nothing is cut off or overlaps, and letters keep their size, in a small window and a large one."""
    every = {"a rather long name of a map, " * 2: np.eye(GRID), "two": np.ones((GRID, GRID))}
    chosen = dict(list(every.items())[:maps])
    panel = panels.MapPanel(chosen, _scene(), label="similarity to the centre, calibrated")
    panel.lay_out(width)
    pixels = _pixels(panel)
    assert pixels.shape[1] <= max(width, 502)  # a browser scales it down to less
    edges = pixels[:3], pixels[-3:], pixels[:, :3], pixels[:, -3:]
    assert all((edge == 255).all() for edge in edges), "something is cut off"
    for pane in panel._canvas.panes:
        pane["halo"].remove(), pane["anchor"].remove()  # off the axes where there is none
        pane["title"].set_text("")  # it may stand above the bar
    for bar in panel._canvas._bars:
        bar.set_ylabel("")  # matplotlib takes the box of two turned lines for wider than it is
    panel.figure.canvas.draw()
    boxes = [axes.get_tightbbox() for axes in panel.figure.axes] + [panel._canvas.words.get_window_extent()]
    for i, box in enumerate(boxes):
        assert not [j for j, other in enumerate(boxes[:i]) if box.padded(-1).overlaps(other.padded(-1))]
    assert panel._canvas.words.get_fontsize() == 9
    assert min(axes.get_window_extent().width for axes in panel.figure.axes if axes.images) >= 1.5 * 96 - 1


def test_the_slider_follows_colours_that_are_fitted_beyond_its_range():
    panel = panels.MapPanel({"low": np.full((GRID, GRID), -3.0) + np.eye(GRID)}, _scene(), limits=(0, 1))
    assert panel.widget and panel._sliders["lower"].min == 0
    panel.fit()
    assert panel.lower == panel._sliders["lower"].value == -3


def test_colours_are_fitted_to_what_is_on_show():
    panel = panels.SimilarityPanel([_reaching(0.3)], lower=0.7)
    panel.widget.children[1].children[-1].click()
    assert panel.lower == panel.limits[0] == pytest.approx(0.3)
    rows = np.mgrid[:GRID, :GRID][0].astype(float)
    panel = panels.MapPanel({"small": rows / 100, "large": rows, "other": rows / 50}, _scene())
    assert panel.limits == (0, GRID - 1)
    panel.right = "other"
    panel.fit()
    assert panel.limits == (0, (GRID - 1) / 50)
    panel = panels.MapPanel({"signed": rows / 10 - 1}, _scene(), limits=(-5, 5))
    panel.fit()
    assert panel.limits == pytest.approx((-1, 1))  # white stays at zero


# What the caption says


def _scored(scores, labels, **options):
    found = _features(**options)
    found.layers["fc"] = torch.tensor(scores).expand(GRID, GRID, len(scores)).clone()
    found.network.labels = labels
    return found


def test_the_caption_says_what_the_network_says():
    cutout = Cutout(torch.full((4, SIZE, SIZE), 255, dtype=torch.uint8), "mug", "cup")
    scene = Paste(cutout, frame=FRAME)
    odds = [float(np.log(share)) for share in (0.7, 0.2, 0.1)]
    plain = _scored(odds, ["pot", "cup", "owl"], scene=scene)
    plain.layers["fc"][3, 5] = torch.tensor(odds)[[1, 0, 2]]
    smooth = _scored(odds, None, scene=scene, antialiased=True)
    panel = panels.SimilarityPanel([plain, smooth], layers=["fc6"])
    assert "off-the-shelf says pot, P = 0.70 (cup 0.20);  anti-aliased says class 0, P = 0.70" in panel.caption
    panel.go(3, 5)
    assert "off-the-shelf says cup, P = 0.70;" in panel.caption
    maps = {"off-the-shelf": np.eye(GRID), "other": np.ones((GRID, GRID))}
    panel = panels.MapPanel(maps, scene, answers={"off-the-shelf": plain.layers["fc"]}, labels=["pot", "cup", "owl"])
    assert panel.caption.endswith("\noff-the-shelf says pot, P = 0.70 (cup 0.20)")
    panel.left = "other"
    panel.right = "other"
    assert "says" not in panel.caption
