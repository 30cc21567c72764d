"""Figures of maps: one colour range, axes in pixels, nothing outside the picture."""

import numpy as np
import pytest
import torch

from helpers import plots


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

    figure = plots.heatmaps(maps, ["a", "b"], ["tl", "c", "br"], stride=4, marks=[(0, 0), (5, 4), (10, 8)])
    FigureCanvasAgg(figure)
    images = [axis.images[0] for axis in figure.axes if axis.images]
    every = np.concatenate([item.ravel() for line in maps for item in line])
    assert len(images) == 6
    assert {image.get_clim() for image in images} == {(every.min(), every.max())}
    assert list(images[0].get_extent()) == [-2, 34, 42, -2]  # pixel centres on positions 0, 4, ... 32 and 40
    assert figure.axes[-1].get_ylabel() == "cosine similarity"
    inside(figure)


def test_difference_is_symmetric_about_zero(maps):
    figure = plots.heatmaps([[maps[0][0] - 0.9]], ["d"], ["c"], difference=True)
    low, high = figure.axes[0].images[0].get_clim()
    assert low == -high == (maps[0][0] - 0.9).min()


def test_values_below_the_range_are_announced(maps):
    figure = plots.heatmaps(maps, ["a", "b"], ["1", "2", "3"], limits=(0.5, 1.0))
    assert figure.axes[-1]._colorbar.extend == "min"


def test_frames_and_curves_fit(maps):
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    at = np.arange(0, 20, 2)
    for figure in (
        plots.frames(torch.zeros(5, 3, 30, 30, dtype=torch.uint8), [f"tl (0, {k})" for k in range(5)]),
        plots.frames(torch.zeros(7, 3, 30, 30, dtype=torch.uint8), list("abcdefg")),
        plots.profiles({"one": (maps[0][0].mean(1), maps[0][0].mean(0))}),
        plots.distances({"one": (at, 1 - at / 20, at / 100)}),
    ):
        FigureCanvasAgg(figure)
        inside(figure)
