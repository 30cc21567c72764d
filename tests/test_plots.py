"""Figures of maps: one colour range, axes in pixels, nothing outside the picture."""

import itertools

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.colors import to_rgb
from seaborn.utils import relative_luminance

from helpers.measures import uncertainty
from helpers.measures.uncertainty import Interval
from helpers.views import plots
from helpers.views.plots.style import ANTIALIASED, OFF_THE_SHELF, PALETTE, colours


def inside(figure) -> None:
    """Everything that is drawn, labels included, lies within the picture."""
    figure.canvas.draw()
    box = figure.get_tightbbox(figure.canvas.get_renderer())
    width, height = figure.get_size_inches()
    one = 1.5 / figure.dpi  # a pixel and a half: anti-aliased edges
    assert box.x0 >= -one and box.y0 >= -one and box.x1 <= width + one and box.y1 <= height + one, box


@pytest.fixture
def maps():
    rng = np.random.default_rng(0)
    return [[rng.uniform(low, 1, (11, 9)) for low in (0.1, 0.5, 0.7)] for _ in range(2)]


def test_heatmaps_share_their_limits_and_are_in_pixels(maps):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = plots.heatmaps(maps, rows=["a", "b"], columns=["tl", "c", "br"], stride=4, marks=[(0, 0), (5, 4), (10, 8)])
    FigureCanvasAgg(figure)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    every = np.concatenate([item.ravel() for line in maps for item in line])
    assert len(images) == 6
    assert {image.get_clim() for image in images} == {(every.min(), every.max())}
    assert list(images[0].get_extent()) == [-2, 34, 42, -2]  # pixel centres on positions 0, 4, ... 32 and 40
    assert figure.axes[-1].get_ylabel() == "cosine similarity"
    inside(figure)


def test_difference_is_symmetric_about_zero(maps):
    figure = plots.heatmaps([[maps[0][0] - 0.9]], rows=["d"], columns=["c"], difference=True)
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high == (maps[0][0] - 0.9).min()


def test_values_below_the_range_are_announced(maps):
    figure = plots.heatmaps(maps, rows=["a", "b"], columns=["1", "2", "3"], limits=(0.5, 1.0))
    assert figure.axes[-1]._colorbar.extend == "min"


def test_frames_and_curves_fit(maps):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    at = np.arange(0, 20, 2)
    for figure in (
        plots.frames(torch.zeros(5, 3, 30, 30, dtype=torch.uint8), titles=[f"tl (0, {k})" for k in range(5)]),
        plots.frames(torch.zeros(7, 3, 30, 30, dtype=torch.uint8), titles=list("abcdefg")),
        plots.profiles({"one": (maps[0][0].mean(1), maps[0][0].mean(0))}),
        plots.distances({"one": (at, 1 - at / 20, at / 100)}),
    ):
        FigureCanvasAgg(figure)
        inside(figure)


def some(value: float, spread: float = 0.1) -> Interval:
    return Interval(value, value * (1 - spread), value * (1 + spread), 0.95, 8, 8)


def test_causes_show_every_network_each_factor_and_other_trainings_as_rings():
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    cells = itertools.product(["A", "B"], ["centre", "everywhere"], ["off", "on"])
    rows = [
        {"architecture": family, "training": training, "kind": kind, "value": v, "low": v - 0.1, "high": v + 0.1,
         "others": [v + 0.05]}
        for v, (family, training, kind) in zip(np.linspace(0.3, 0.8, 8), cells, strict=True)
    ]  # fmt: skip
    causes = ["trained everywhere,\nnot at the centre", "anti-aliasing"]
    factors = {"global": dict(zip(causes, [some(8.0), some(1.2)], strict=True)), "local": {causes[1]: some(3.0)}}
    others = {"global": dict(zip(causes, [[7.0], [1.1]], strict=True)), "local": {causes[1]: [2.5]}}
    figure = plots.by_cause(pd.DataFrame(rows), factors, label="invariance", others=others)
    FigureCanvasAgg(figure)
    inside(figure)

    def drawn(axis, hollow: bool) -> list[float]:
        lines = [line for line in axis.get_lines() if (line.get_markerfacecolor() == "none") == hollow]
        return [float(v) for line in lines if line.get_marker() == "o" for v in line.get_xdata()]

    left, right = figure.axes[:2], figure.axes[2]
    dots = [v for axis in left for line in axis.get_lines() if line.get_markerfacecolor() != "none"
            for v in line.get_ydata()]  # fmt: skip
    assert sorted(dots) == pytest.approx([row["value"] for row in rows])
    assert sorted(drawn(right, hollow=False)) == pytest.approx([1.2, 3.0, 8.0])
    assert sorted(drawn(right, hollow=True)) == pytest.approx([1.1, 2.5, 7.0])
    words = [text.get_text() for legend in figure.subfigs[1].legends for text in legend.get_texts()]
    assert words == ["global", "local", "one pair of networks"]
    labels = [text.get_text() for text in right.get_xticklabels()]
    assert {"1×", "2×", "4×"} <= set(labels) and all(text.startswith("1/") or "." not in text for text in labels)
    alone = plots.by_cause(pd.DataFrame(rows).drop(columns="others"), factors)
    assert not any(line.get_markerfacecolor() == "none" for axis in alone.axes for line in axis.get_lines())


def test_pictures_of_variation_fit(maps):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    item = maps[0][0]
    table = pd.DataFrame({"direction": ["down", "right"] * 4, "kind": ["off"] * 4 + ["on"] * 4, "value": range(8)})
    table["category"] = ["a", "a", "b", "b"] * 2
    for figure in (
        plots.parts({"off": (item, {"smooth": item, "lattice": item - item.mean()})}, stride=4),
        plots.falls([1, 2, 4], {"off": [some(0.1), some(0.2), some(0.3)], "on": [some(0.01), some(0.1), some(0.3)]}),
        plots.intervals({"off": {"lean": some(0.1)}, "on": {"lean": some(0.2)}}, label="cosine"),
        plots.biases(table),
        plots.conditions(
            {"t": pd.DataFrame([[1e-9, 0.1], [0.01, 1.0]], ["a", "b"], ["c", "d"])}, label="drop", log=True
        ),
    ):
        FigureCanvasAgg(figure)
        inside(figure)


def test_conditions_share_one_scale_and_write_what_is_under_the_floor_as_zero():
    one = pd.DataFrame([[1e-9, 0.1]], ["a"], ["c", "d"])
    figure = plots.conditions({"t": one, "u": one * 10}, label="drop", log=True)
    figure.canvas.draw()
    limits = {axis.collections[0].get_clim() for axis in figure.axes[:2]}
    assert limits == {(0.1, 1.0)}
    assert [text.get_text() for text in figure.axes[0].texts] == ["0", "0.100"]
    cells = axis_colours(figure.axes[0])
    assert cells[0].tolist() == [1, 1, 1, 1] and cells[1].tolist() != [1, 1, 1, 1]
    assert figure.axes[-1].get_ylabel() == "drop\n(white: 0)"
    assert plots.conditions({"t": one + 1}, label="drop", log=True).axes[-1].get_ylabel() == "drop"


def axis_colours(axis) -> np.ndarray:
    return axis.collections[0].get_facecolors()


def test_conditions_are_written_in_the_ink_that_can_be_read():
    figure = plots.conditions({"t": pd.DataFrame([np.linspace(0, 1, 25)])}, label="I")
    figure.draw_without_rendering()
    for text, cell in zip(figure.axes[0].texts, axis_colours(figure.axes[0]), strict=True):
        light, dark = sorted((relative_luminance(text.get_color()), relative_luminance(cell)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) > 4.4  # no grey has more than 4.58 with both black and white


def test_measures_are_told_apart_from_networks():
    # blue and orange are networks; vermilion, 0.2 from the orange, is too near
    networks = np.array([OFF_THE_SHELF, ANTIALIASED])
    points = pd.DataFrame({"architecture": "A", "training": "t", "kind": "on", "value": [0.5], "low": 0.4, "high": 0.6})
    figure = plots.by_cause(points, {"global": {"c": some(2.0)}, "local": {"c": some(3.0)}})
    dots = [line.get_color() for line in figure.axes[1].get_lines() if line.get_marker() == "o"]
    assert len(dots) == 2
    assert min(np.linalg.norm(networks - to_rgb(colour), axis=1).min() for colour in dots) > 0.25


def test_biases_draw_whole_categories():
    generator = np.random.default_rng(0)
    categories = np.repeat(list("abcdefgh"), 6)
    values = np.repeat(generator.normal(size=8), 6) + 0.1 * generator.normal(size=48)
    table = pd.DataFrame({"direction": "down", "kind": "off-the-shelf", "value": values, "category": categories})
    axis = plots.biases(table).axes[0]
    ends = next(line.get_ydata() for line in axis.get_lines() if line.get_linewidth() == 2.2)
    clustered, plain = uncertainty.interval(values, clusters=categories), uncertainty.interval(values)
    # two sets of 1,000 draws: the ends differ by a few per cent of the width
    width = clustered.high - clustered.low
    assert np.nanmin(ends) == pytest.approx(clustered.low, abs=0.08 * width)
    assert np.nanmax(ends) == pytest.approx(clustered.high, abs=0.08 * width)
    assert plain.high - plain.low < 0.6 * width  # the test can fail
    with pytest.raises(ValueError, match="no column 'category'"):
        plots.biases(table.drop(columns="category"))


def labels(axis, values) -> list[str]:
    """The tick labels that lie within the axis."""
    low, high = sorted(values)
    return [tick.label1.get_text() for tick in axis.get_major_ticks() if low <= tick.get_loc() <= high]


def test_logarithmic_axes_have_labels_enough_and_no_factors_where_there_are_none():
    falls = plots.falls([1, 2, 4], {"off": [some(0.0015), some(0.003), some(0.008)]})
    falls.draw_without_rendering()
    assert {"0.002", "0.005"} <= set(labels(falls.axes[0].yaxis, falls.axes[0].get_ylim()))
    for zero, expected in ((None, "0.1"), (1, "1/2×")):
        figure = plots.intervals({"a": {"x": some(0.03), "y": some(0.7)}}, label="missing", zero=zero, log=True)
        figure.draw_without_rendering()
        shown = labels(figure.axes[0].xaxis, figure.axes[0].get_xlim())
        assert expected in shown and any("×" in text for text in shown) == (zero == 1)


def test_spectrum_without_a_stride_on_its_lattice_still_has_an_axis():
    figure = plots.spectrum([6, 9, 12], {"off": np.array([0.1, 0.2, 0.1])}, strides=[32])
    figure.draw_without_rendering()
    assert len(labels(figure.axes[0].xaxis, figure.axes[0].get_xlim())) >= 3
    marked = plots.spectrum([3, 4, 5], {"off": np.array([0.1, 0.2, 0.1])}, strides=[4, 32])
    assert marked.axes[0].get_xticks().tolist() == [4]


def test_colours_follow_the_variant_and_no_word_in_a_name():
    names = ["off-the-shelf", "anti-aliased", "not anti-aliased", "wide", "narrow"]
    found = colours(names, variants={"wide": "anti-aliased", "narrow": "off-the-shelf"})
    assert list(found.values()) == [OFF_THE_SHELF, ANTIALIASED, PALETTE[2], ANTIALIASED, OFF_THE_SHELF]
    assert len(colours(map(str, range(30)))) == 30  # more names than colours
