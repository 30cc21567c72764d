"""What every plot function draws: which values where, under which title, in which colour. On asymmetric input."""

from __future__ import annotations

from itertools import product

import numpy as np
import pandas as pd
import pytest
import torch
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PolyCollection
from matplotlib.colors import same_color, to_hex
from matplotlib.container import ErrorbarContainer

from helpers.measures.uncertainty import Interval
from helpers.views import plots
from helpers.views.plots.causes import _MEASURES
from helpers.views.plots.consistency import RIGHT
from helpers.views.plots.permutations import LINES
from helpers.views.plots.probes import _FOLDS
from helpers.views.plots.style import ANTIALIASED, OFF_THE_SHELF, Figure

MAP = np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8], [0.9, 1.0, 0.0, 0.15]])  # 3 rows, 4 columns, no symmetry
BOX = [-2, 14, 10, -2]  # its extent at a stride of 4: columns at 0 to 12, rows at 0 to 8, downwards
AT = np.array([1.0, 2.0, 5.0])


def test_every_plot_function_is_looked_at() -> None:
    missing = [name for name in plots.__all__ if f"test_{name}" not in globals()]
    assert not missing, f"no test of what is drawn by {', '.join(missing)}"


def shown(axis: Axes) -> np.ndarray:
    """The one image of a panel, as an array."""
    (image,) = axis.images
    assert image.origin == "upper"
    return np.asarray(image.get_array(), dtype=float)


def curves(axis: Axes) -> dict[str, tuple[list, list, str]]:
    """The labelled lines of a panel: across, up, colour."""
    return {
        line.get_label(): (list(line.get_xdata()), list(line.get_ydata()), to_hex(line.get_color()))
        for line in axis.get_lines()
        if not line.get_label().startswith("_")
    }


def bands(axis: Axes) -> list[tuple[list, list, list]]:
    """The filled bands of a panel: across, lower and upper edge."""
    found = []
    for band in (each for each in axis.collections if isinstance(each, PolyCollection)):
        (path,) = band.get_paths()
        edges: dict[float, list[float]] = {}
        for x, y in path.vertices:
            edges.setdefault(float(x), []).append(float(y))
        across = sorted(edges)
        found.append((across, [min(edges[x]) for x in across], [max(edges[x]) for x in across]))
    return found


def near(values: object) -> object:
    return pytest.approx(np.asarray(values, dtype=float).tolist(), abs=1e-12)


def words(axis: Axes, which: str) -> list[str]:
    return [text.get_text() for text in getattr(axis, f"get_{which}ticklabels")()]


def titles(figure: Figure) -> list[str]:
    return [axis.get_title() for axis in figure.axes if axis.get_title()]


def interval(value: float, low: float, high: float) -> Interval:
    return Interval(value, low, high, 0.95, 8, 8)


# Maps


def test_heatmaps() -> None:
    maps = [[MAP, MAP + 1], [MAP + 2, MAP + 3]]
    figure = plots.heatmaps(maps, rows=["up", "down"], columns=["tl", "br"], stride=4, marks=[(0, 2), None])
    axes = figure.axes[:4]
    for axis, item in zip(axes, [*maps[0], *maps[1]], strict=True):
        assert np.array_equal(shown(axis), item) and list(axis.images[0].get_extent()) == BOX
    assert titles(figure) == ["tl", "br"] and [axes[k].get_ylabel() for k in (0, 2)] == [
        "up\nrow (px)",
        "down\nrow (px)",
    ]
    assert [axes[k].get_xlabel() for k in (2, 3)] == ["column (px)"] * 2
    for axis, marked in zip(axes, [True, False, True, False], strict=True):  # row 0, column 2
        assert [(*line.get_xdata(), *line.get_ydata()) for line in axis.get_lines()] == [(8, 0)] * (2 * marked)
    own = plots.heatmaps([[MAP], [MAP]], rows=["a", "b"], columns=["c"], stride=[4, 2])
    assert [list(axis.images[0].get_extent()) for axis in own.axes[:2]] == [BOX, [-1, 7, 5, -1]]


def test_frames() -> None:
    images = torch.zeros(3, 3, 4, 6, dtype=torch.uint8)
    images[0, 0, 1, 4], images[1, 1, 3, 0], images[2, 2, 0, 5] = 255, 254, 253
    figure = plots.frames(images, titles=["r", "g", "b"], columns=2)
    assert titles(figure) == ["r", "g", "b"] and [axis.get_visible() for axis in figure.axes] == [True] * 3 + [False]
    for axis, image in zip(figure.axes, images, strict=False):
        assert np.array_equal(shown(axis), image.permute(1, 2, 0).numpy())


def test_profiles() -> None:
    figure = plots.profiles({"off": (MAP.mean(1), MAP.mean(0)), "on": (MAP[:, 0], MAP[1])}, stride=4)
    rows, columns = figure.axes
    assert (rows.get_xlabel(), columns.get_xlabel()) == ("row of the object (px)", "column of the object (px)")
    assert titles(figure) == ["top to bottom", "left to right"]
    for axis, each, at in (
        (rows, (MAP.mean(1), MAP[:, 0]), [0, 4, 8]),
        (columns, (MAP.mean(0), MAP[1]), [0, 4, 8, 12]),
    ):
        for (name, (across, up, _)), values in zip(curves(axis).items(), each, strict=True):
            assert across == at and up == near(values), name


def test_distances() -> None:
    mean, spread = np.array([0.9, 0.7, 0.6]), np.array([0.01, 0.05, 0.02])
    (axis,) = plots.distances({"off": (AT, mean, spread), "on": (AT, mean / 2, spread * 2)}).axes
    drawn = curves(axis)
    assert list(drawn) == ["off", "on"] and drawn["off"][:2] == (list(AT), near(mean))
    assert bands(axis) == [(list(AT), near(m - s), near(m + s)) for m, s in ((mean, spread), (mean / 2, spread * 2))]


def test_parts() -> None:
    smooth, rest = MAP - 0.5, MAP[::-1] / 10
    rows = {"off": (MAP, {"smooth": smooth, "rest": rest}), "on": (MAP * 2, {"smooth": -smooth, "rest": -rest})}
    figure = plots.parts(rows, stride=4)
    assert titles(figure) == ["map", "= smooth", "+ rest"]
    expected = [MAP, smooth, rest, MAP * 2, -smooth, -rest]
    for axis, item in zip(figure.axes[:6], expected, strict=True):
        assert np.array_equal(shown(axis), item) and list(axis.images[0].get_extent()) == BOX
    limits = [axis.images[0].get_clim() for axis in figure.axes[:6]]
    assert limits == [(0.0, 2.0), (-0.5, 0.5), (-0.1, 0.1)] * 2
    assert [figure.axes[k].get_ylabel() for k in (0, 3)] == ["off\nrow (px)", "on\nrow (px)"]


def test_spectrum() -> None:
    (axis,) = plots.spectrum([2, 3, 8], {"off-the-shelf": AT, "anti-aliased": AT / 2}, strides=[8, 99]).axes
    assert curves(axis) == {
        "off-the-shelf": ([2, 3, 8], list(AT), to_hex(OFF_THE_SHELF)),
        "anti-aliased": ([2, 3, 8], list(AT / 2), to_hex(ANTIALIASED)),
    }
    assert [list(line.get_xdata()) for line in axis.get_lines() if line.get_linewidth() == 6] == [[8, 8]]


def test_falls() -> None:
    ends = {"off-the-shelf": [(0.2, 0.1, 0.25), (0.4, 0.35, 0.6), (0.5, 0.49, 0.9)]}
    (axis,) = plots.falls(AT, {name: [interval(*each) for each in points] for name, points in ends.items()}).axes
    assert curves(axis)["off-the-shelf"][:2] == (list(AT), [0.2, 0.4, 0.5])
    assert bands(axis) == [(list(AT), near([0.1, 0.35, 0.49]), near([0.25, 0.6, 0.9]))]


def test_intervals() -> None:
    groups = {"off-the-shelf": {"rows": interval(3, 1, 4), "columns": interval(-2, -5, 0.5)},
              "anti-aliased": {"columns": interval(1, 0, 7)}}  # fmt: skip
    (axis,) = plots.intervals(groups, label="cosine", zero=0).axes
    assert words(axis, "y") == ["rows", "columns"] and axis.yaxis_inverted() and axis.get_xlabel() == "cosine"
    drawn = curves(axis)
    assert drawn["off-the-shelf"][0] == [3, -2] and drawn["anti-aliased"][0] == [1]
    assert [round(y) for y in drawn["off-the-shelf"][1] + drawn["anti-aliased"][1]] == [0, 1, 1]
    spans = [line for group in axis.collections if isinstance(group, LineCollection) for line in group.get_segments()]
    assert [line[:, 0].tolist() for line in spans] == [[1, 4], [-5, 0.5], [0, 7]]
    assert [line[0, 1] for line in spans] == near(drawn["off-the-shelf"][1] + drawn["anti-aliased"][1])


def test_biases() -> None:
    rows = [("down", "off", 1.0), ("down", "off", 3.0), ("right", "off", 5.0), ("right", "off", 9.0)]
    rows += [(direction, "on", -value) for direction, _, value in rows]
    table = pd.DataFrame(rows, columns=["direction", "kind", "value"]).assign(category=list("abababab"))
    (axis,) = plots.biases(table).axes
    assert words(axis, "x") == ["down", "right"]
    means = {(round(x), y) for line in axis.get_lines() if line.get_marker() == "D"
             for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)}  # fmt: skip
    assert means == {(0, 2.0), (1, 7.0), (0, -2.0), (1, -7.0)}
    dots = {(round(x), y) for group in axis.collections for x, y in np.asarray(group.get_offsets()).tolist()}
    assert dots == {(int(direction == "right"), value) for direction, _, value in rows}


# Causes


def test_by_cause() -> None:
    keys = ["architecture", "training", "kind", "value", "low", "high"]
    rows = [("A", "centre", "off", 0.3, 0.2, 0.35), ("A", "everywhere", "off", 0.5, 0.4, 0.9),
            ("B", "centre", "off", 0.6, 0.1, 0.65), ("B", "everywhere", "on", 0.8, 0.7, 0.85)]  # fmt: skip
    factors = {
        "global": {"blur": interval(4, 3, 8), "places": interval(2, 1, 3)},
        "local": {"places": interval(6, 5, 9)},
    }
    figure = plots.by_cause(pd.DataFrame(rows, columns=keys), factors)
    left, right = figure.axes[:2], figure.axes[2]
    assert [axis.get_title() for axis in left] == ["A", "B"] and words(left[0], "x") == ["centre", "everywhere"]
    for axis, family in zip(left, "AB", strict=True):
        dots, spans = {}, {}
        for line in axis.get_lines():
            dots |= {(round(x), line.get_label()): y for x, y in zip(*line.get_data(), strict=True) if np.isfinite(y)}
        for group, kind in zip(axis.collections, ("off", "on"), strict=True):
            spans |= {
                (round(s[0, 0]), kind): s[:, 1].tolist()
                for s in group.get_segments()
                if np.isfinite(s).all() and len(s)
            }
        mine = {(int(t == "everywhere"), kind): (v, [low, high]) for f, t, kind, v, low, high in rows if f == family}
        assert dots == {at: v for at, (v, _) in mine.items()} and spans == {at: ends for at, (_, ends) in mine.items()}
    assert words(right, "y") == ["blur", "places"]
    drawn = curves(right)
    assert drawn["global"][0] == [4, 2] and drawn["local"][0] == [6]
    assert [round(y) for y in drawn["global"][1] + drawn["local"][1]] == [0, 1, 1]
    assert [drawn[name][2] for name in ("global", "local")] == [to_hex(colour) for colour in _MEASURES[:2]]


def test_gain_and_price() -> None:
    gains = {"1 px": {"blur": interval(4, 3, 8), "crop": interval(2, 0.5, 3)}, "frame": {"crop": interval(6, 5, 9)}}
    prices = {"right": {"blur": interval(-0.1, -0.3, 0.1), "crop": interval(0.2, 0.1, 0.25)},
              "same": {"blur": interval(-0.4, -0.5, -0.3)}}  # fmt: skip
    figure = plots.gain_and_price(gains, prices, times={"blur": 1.375, "crop": 16}, label="smaller")
    left, right, same = figure.axes
    assert [axis.get_xlabel() for axis in figure.axes] == ["smaller", "right", "same"] and left.get_xscale() == "log"
    assert words(left, "y") == ["blur", "crop"] and left.yaxis_inverted()
    drawn = curves(left)
    assert drawn["1 px"][0] == [4, 2] and drawn["frame"][0] == [6]
    assert [round(y) for y in drawn["1 px"][1] + drawn["frame"][1]] == [0, 1, 1]
    wanted = [[[3, 8], [0.5, 3], [5, 9]], [[-0.3, 0.1], [0.1, 0.25]], [[-0.5, -0.3]]]
    for axis, spans, values in zip(figure.axes, wanted, [None, [-0.1, 0.2], [-0.4]], strict=True):
        groups = [group for group in axis.collections if isinstance(group, LineCollection)]
        assert [line[:, 0].tolist() for group in groups for line in group.get_segments()] == spans
        if values is not None:
            (dots,) = [line for line in axis.get_lines() if line.get_marker() == "o"]
            assert list(dots.get_xdata()) == values and list(dots.get_ydata()) == list(range(len(values)))
    starts = [axis.get_lines()[0] for axis in figure.axes]  # the line of no effect
    assert [[*line.get_xdata(), *line.get_ydata()] for line in starts] == [[1, 1, 0, 1], [0, 0, 0, 1], [0, 0, 0, 1]]
    assert {text.get_text(): text.get_position()[1] for text in same.texts} == {"time": 1.0, "1.4×": 0, "16×": 1}


def test_conditions() -> None:
    one = pd.DataFrame([[0.1, 0.2, 0.3], [0.4, 0.5, 0.6]], ["u", "v"], ["x", "y", "z"])
    figure = plots.conditions({"first": one, "second": one + 1}, label="drop")
    assert titles(figure) == ["first", "second"]
    for axis, table in zip(figure.axes[:2], (one, one + 1), strict=True):
        assert np.asarray(axis.collections[0].get_array()).reshape(2, 3) == pytest.approx(table.to_numpy())
        assert [text.get_text() for text in axis.texts] == [f"{value:.3f}" for value in table.to_numpy().ravel()]
        assert [text.get_position() for text in axis.texts[:3]] == [(0.5, 0.5), (1.5, 0.5), (2.5, 0.5)]
        assert words(axis, "x") == ["x", "y", "z"] and axis.yaxis_inverted()
    assert words(figure.axes[0], "y") == ["u", "v"]


# Layer by layer


def test_samplings() -> None:
    signals = {0: np.array([1.0, 5.0, 2.0, 6.0, 3.0]), 1: np.array([9.0, 1.0, 5.0, 2.0, 6.0])}
    figure = plots.samplings({"stride": signals, "blur": {k: v / 10 for k, v in signals.items()}})
    assert titles(figure) == ["as it is", "moved by 1 px", "what is kept, moved back"]
    for row, scale in enumerate((1, 10)):
        still, moved, both = figure.axes[3 * row : 3 * row + 3]
        assert still.get_ylabel() == ("stride", "blur")[row]
        for axis, dense in zip((still, moved), signals.values(), strict=True):
            every, kept = axis.get_lines()
            assert list(every.get_ydata()) == near(dense / scale)
            assert (list(kept.get_xdata()), list(kept.get_ydata())) == ([0, 2, 4], near(dense[::2] / scale))
        found = {name: line[:2] for name, line in curves(both).items()}
        assert found == {
            "moved by 0 px": ([0, 2, 4], near(np.array([1, 2, 3]) / scale)),
            "moved by 1 px": ([-1, 1, 3], near(np.array([9, 5, 6]) / scale)),
        }


def test_over_depth() -> None:
    kinds = {"off-the-shelf": OFF_THE_SHELF, "anti-aliased": ANTIALIASED}

    def series(base: float) -> list[Interval]:
        return [interval(base + k, base + k - 0.5, base + k + 0.25) for k in range(4)]

    def panels(base: int) -> dict:
        return {x: {kind: series(base + 3 * j + k) for k, kind in enumerate(kinds)} for j, x in enumerate("xyz")}

    table = {row: panels(10 * i) for i, row in enumerate(("inside", "outside"))}
    figure = plots.over_depth(table, strides=[2, 2, 4, 8], label="error")
    assert titles(figure) == ["x", "y", "z"]
    for k, axis in enumerate(figure.axes):
        i, j = divmod(k, 3)
        for kind, (at, up, colour) in curves(axis).items():
            base = 10 * i + 3 * j + list(kinds).index(kind)
            assert (at, up, colour) == ([0, 1, 2, 3], near(base + np.arange(4)), to_hex(kinds[kind]))
        across, low, high = bands(axis)[0]
        assert (across, low[0], high[0]) == ([0, 1, 2, 3], 10 * i + 3 * j - 0.5, 10 * i + 3 * j + 0.25)
        assert list(axis.get_xticks()) == [0, 2, 3] and words(axis, "x") == (["2", "4", "8"] if i else [])
        assert [line.get_xdata()[0] for line in axis.get_lines() if line.get_label().startswith("_")] == [1.5, 2.5]
    assert [figure.axes[k].get_ylabel() for k in (0, 3)] == ["inside\nerror", "outside\nerror"]


def test_predictions() -> None:
    first = (interval(0.1, 0.05, 0.2), interval(3, 2, 4))
    second = (interval(0.2, 0.1, 0.3), interval(1, 0.5, 2))
    smooth = (interval(0.01, 0.005, 0.02), interval(5, 4, 6))
    table = {"off-the-shelf": {"4 px": first, "8 px": second}, "anti-aliased": {"4 px": smooth}}
    figure = plots.predictions(table, xlabel="energy", ylabel="lattice")
    (axis,) = figure.axes
    assert (axis.get_xlabel(), axis.get_ylabel()) == ("energy", "lattice")
    found = curves(axis)
    assert found["off-the-shelf"] == ([0.1, 0.2], [3, 1], to_hex(OFF_THE_SHELF))
    assert found["anti-aliased"] == ([0.01], [5], to_hex(ANTIALIASED))
    written = [(text.get_text(), *text.xy) for text in axis.texts]
    assert written == [("4 px", 0.1, 3), ("8 px", 0.2, 1), ("4 px", 0.01, 5)]
    ends = [segment.tolist() for lines in axis.collections for segment in lines.get_segments()]
    assert [[0.05, 3], [0.2, 3]] in ends and [[0.1, 2], [0.1, 4]] in ends
    assert axis.get_xscale() == axis.get_yscale() == "log"


# Answers


def test_answer_maps() -> None:
    answers = np.array([[0, 0, 1, 1], [0, 0, 0, 3], [0, 0, 0, 3]])
    figure = plots.answer_maps(
        [[answers, answers[::-1]]], rows=["net"], columns=["a", "b"], names="abcd", target=0, stride=4
    )
    assert titles(figure) == ["a", "b"] and figure.axes[0].get_ylabel() == "net\nrow (px)"
    handles = {text.get_text(): patch.get_facecolor() for text, patch in
               zip(figure.legends[0].get_texts()[:3], figure.legends[0].get_patches(), strict=True)}  # fmt: skip
    assert set(handles) == {"a (right)", "b", "d"} and same_color(handles["a (right)"], RIGHT)
    for axis, item in zip(figure.axes, (answers, answers[::-1]), strict=True):
        assert list(axis.images[0].get_extent()) == BOX
        colours = axis.images[0].cmap(axis.images[0].norm(shown(axis)))
        for value, label in ((0, "a (right)"), (1, "b"), (3, "d")):
            assert np.allclose(colours[item == value], handles[label])
    (edges,) = figure.axes[0].collections
    segments = {tuple(map(tuple, segment.tolist())) for segment in edges.get_segments()}
    assert segments == {  # (column, row): below answers 1 and 1, left of 1, and left of 3 twice
        ((6, 2), (10, 2)), ((10, 2), (14, 2)), ((6, -2), (6, 2)), ((10, 2), (10, 6)), ((10, 6), (10, 10)),
    }  # fmt: skip


def test_pair_bars() -> None:
    table = {
        "pasted": {"p": [0.5, 0.3, 0.2], "q": [0.1, 0.2, 0.7]},
        "cropped": {"p": [0, 0.4, 0.6], "q": [0.3, 0.3, 0.4]},
    }
    figure = plots.pair_bars(table, parts=["same", "moved", "lost"])
    assert titles(figure) == ["pasted", "cropped"]
    assert words(figure.axes[0], "y") == ["p", "q"]
    for axis, shares in zip(figure.axes, table.values(), strict=True):
        assert axis.yaxis_inverted()
        assert [group.get_label() for group in axis.containers] == ["same", "moved", "lost"]
        for k, group in enumerate(axis.containers):
            assert [bar.get_width() for bar in group] == near([values[k] for values in shares.values()])
            assert [bar.get_x() for bar in group] == near([sum(values[:k]) for values in shares.values()])
            assert [round(bar.get_y() + bar.get_height() / 2) for bar in group] == [0, 1]


def test_curves() -> None:
    table = {
        "pasted": {"off": [0.9, 0.8, 0.4], "on": [0.7, 0.6, 0.1]},
        "cropped": {"off": [0.2, 0.3, 0.5], "on": [0, 1, 0]},
    }
    variants = {"off": "off-the-shelf", "on": "anti-aliased"}
    figure = plots.curves(table, at=list(AT), xlabel="px", ylabel="P", variants=variants)
    assert titles(figure) == ["pasted", "cropped"] and figure.axes[0].get_ylabel() == "P"
    for axis, lines in zip(figure.axes, table.values(), strict=True):
        assert curves(axis) == {
            "off": (list(AT), lines["off"], to_hex(OFF_THE_SHELF)), "on": (list(AT), lines["on"], to_hex(ANTIALIASED)),
        }  # fmt: skip


# Reorderings


def test_against() -> None:
    pairs = {"one": (AT, AT[::-1] * 2), "two": (AT / 2, AT * 3)}
    figure = plots.against(pairs, labels=[("a", "b"), ("c", "d")])
    assert titles(figure) == ["one", "two"]
    assert [(axis.get_xlabel(), axis.get_ylabel()) for axis in figure.axes] == [("a", "b"), ("c", "d")]
    for axis, (u, v) in zip(figure.axes, pairs.values(), strict=True):
        diagonal, points = axis.get_lines()
        assert list(diagonal.get_xdata()) == list(diagonal.get_ydata())
        assert (list(points.get_xdata()), list(points.get_ydata())) == (list(u), list(v))


def test_reorderings() -> None:
    table = {
        title: {key: (AT / (k + 2) + shift, AT / 100 / (k + 1)) for k, key in enumerate(LINES)}
        for title, shift in (("net", 0.0), ("other", 1.0))
    }
    figure = plots.reorderings(table, at=[4, 8, 16])
    assert titles(figure) == ["net", "other"]
    for column, (title, lines) in enumerate(table.items()):
        above, below = figure.axes[column], figure.axes[column + 2]
        assert list(curves(below)) == [LINES["random"][0]], title
        drawn = curves(above) | curves(below)
        for key, (name, *_) in LINES.items():
            assert drawn[name][:2] == ([4, 8, 16], near(lines[key][0]))
        wanted = [([4, 8, 16], near(m - s), near(m + s)) for m, s in (lines[key] for key in LINES if key != "random")]
        assert bands(above) == wanted
        mean, spread = lines["random"]
        assert bands(below) == [([4, 8, 16], near(mean - spread), near(mean + spread))]


# Probes


def test_fold_maps() -> None:
    folds = np.array([[0, 0, 1, 2], [1, 2, 2, 2], [0, 1, 1, 1]])
    figure = plots.fold_maps({"bands": folds, "tiles": folds[::-1]}, stride=4)
    assert titles(figure) == ["bands", "tiles"]
    for axis, item in zip(figure.axes, (folds, folds[::-1]), strict=True):
        assert np.array_equal(shown(axis), item) and list(axis.images[0].get_extent()) == BOX
        colours = axis.images[0].cmap(axis.images[0].norm(item))
        assert all(to_hex(colours[item == k][0]) == _FOLDS[k] for k in range(3))
    patches = figure.legends[0].get_patches()
    assert [to_hex(patch.get_facecolor()) for patch in patches] == _FOLDS[:3]
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ["fold 1", "fold 2", "fold 3"]


def test_right_answers() -> None:
    divides = ["top/bottom", "left/right"]
    figure = plots.right_answers([[MAP, MAP / 2]] * 2, rows=["u", "v"], columns=divides, divides=divides, stride=4)
    for k, axis in enumerate(figure.axes[:4]):
        assert np.array_equal(shown(axis), (MAP, MAP / 2)[k % 2]) and axis.images[0].get_clim() == (0, 1)
        # of 3 rows the first is the top; of 4 columns the first two are the left
        line = axis.get_lines()[-1]
        assert list((line.get_ydata(), line.get_xdata())[k % 2]) == [[2, 2], [6, 6]][k % 2]


def test_accuracies() -> None:
    table = {"top": {"off-the-shelf": [0.6, 0.8], "anti-aliased": [0.5, 0.55]},
             "left": {"off-the-shelf": [0.9, 1.0], "anti-aliased": [0.2, 0.3]}}  # fmt: skip
    (axis,) = plots.accuracies(table).axes
    assert words(axis, "y") == ["top", "left"] and axis.yaxis_inverted()
    for at, groups in enumerate(table.values()):
        for (_, values), colour in zip(groups.items(), (OFF_THE_SHELF, ANTIALIASED), strict=True):
            mine = {line.get_marker(): line for line in axis.get_lines() if len(line.get_ydata())
                    and round(float(line.get_ydata()[0])) == at and same_color(line.get_color(), colour)}  # fmt: skip
            assert list(mine["o"].get_xdata()) == values and list(mine["D"].get_xdata()) == near([np.mean(values)])


def test_readout() -> None:
    """The means over objects and the other coordinate; rows and columns are not exchanged."""
    rows, cols = np.meshgrid(np.arange(4) * 7.0, np.arange(3) * 5.0, indexing="ij")
    said = np.stack([np.stack([rows + shift, 2 * cols - shift], -1) for shift in (0.0, 2.0)])  # (2, 4, 3, 2)
    figure = plots.readout({"off-the-shelf": said}, stride=(7, 5))
    down, across = figure.axes
    assert titles(figure) == ["row", "column"]
    assert curves(down)["off-the-shelf"][:2] == ([0, 7, 14, 21], near(np.arange(4) * 7.0 + 1))
    assert curves(across)["off-the-shelf"][:2] == ([0, 5, 10], near(np.arange(3) * 10.0 - 1))
    assert bands(down) == [([0, 7, 14, 21], near(np.arange(4) * 7.0), near(np.arange(4) * 7.0 + 2))]


# The published study


def test_anchor_means() -> None:
    keys = ["network", "variant", "layer", "patch", "anchor", "mean_cosine", "std_over_objects"]
    cells = product(("off-the-shelf", "antialiased"), ("fc6", "fc7"), ("small", "large"), ("c", "tl"))
    rows = [("alexnet", *cell, 0.01 * k, 0.001 * k) for k, cell in enumerate(cells)]
    figure = plots.anchor_means(pd.DataFrame(rows, columns=keys), anchors=["tl", "c"])
    assert titles(figure) == ["AlexNet\nfc6", "AlexNet\nfc7"] and words(figure.axes[2], "x") == ["tl", "c"]
    panels = [(patch, layer) for patch in ("large", "small") for layer in ("fc6", "fc7")]
    assert [figure.axes[k].get_ylabel().split()[0] for k in (0, 2)] == ["large", "small"]
    for axis, (patch, layer) in zip(figure.axes, panels, strict=True):
        bars = [each for each in axis.containers if isinstance(each, ErrorbarContainer)]
        names = (("off-the-shelf", "off-the-shelf"), ("anti-aliased", "antialiased"))
        for (name, variant), bar in zip(names, bars, strict=True):
            mine = {row[4]: row[5:] for row in rows if row[1:4] == (variant, layer, patch)}
            assert curves(axis)[name][1] == near([mine["tl"][0], mine["c"][0]])
            spans = [segment[:, 1].tolist() for segment in bar[2][0].get_segments()]
            assert spans == [near([m - s, m + s]) for m, s in (mine["tl"], mine["c"])]


def test_local_global() -> None:
    keys = ["network", "layer", "variant", "drop_1", "mean_cosine"]
    rows = [("alexnet", "fc6", "off-the-shelf", 0.02, 0.6), ("alexnet", "fc6", "antialiased", 0.01, 0.7),
            ("vgg16", "fc7", "antialiased", 0.03, 0.8), ("vgg16", "fc7", "off-the-shelf", 0.05, 0.9)]  # fmt: skip
    (axis,) = plots.local_global(pd.DataFrame(rows, columns=keys)).axes
    dots = {(line.get_xdata()[0], round(line.get_ydata()[0], 9), line.get_marker(), to_hex(line.get_color()))
            for line in axis.get_lines() if len(line.get_xdata())}  # fmt: skip
    assert dots == {
        (drop, round(1 - mean, 9), {"alexnet": "o", "vgg16": "s"}[network],
         to_hex({"off-the-shelf": OFF_THE_SHELF, "antialiased": ANTIALIASED}[variant]))
        for network, _, variant, drop, mean in rows
    }  # fmt: skip
    arrows = [text for text in axis.texts if text.arrow_patch is not None]
    assert [(tuple(text.xyann), tuple(text.xy)) for text in arrows] == [
        ((0.02, pytest.approx(0.4)), (0.01, pytest.approx(0.3))),
        ((0.05, pytest.approx(0.1)), (0.03, pytest.approx(0.2))),
    ]
    assert [text.get_text() for text in axis.texts if text.arrow_patch is None] == ["fc6", "fc7"]


def test_claims() -> None:
    rows = [("moves", "A", "holds", 2.0, 1.5, 3.0), ("moves", "B", "does not hold", 0.5, 0.25, 0.75),
            ("leans", "A", "undecided", 1.25, -1.0, 4.0), ("leans", "B", "no data", *[np.nan] * 3)]  # fmt: skip
    keys = ["finding", "network", "verdict", "effect", "low", "high"]
    table = pd.DataFrame(rows, columns=keys).assign(unit="cosine", objects=[3, 4, 5, 0], elsewhere=[0, 1, 0, 0])
    (axis,) = plots.claims(table).axes
    boxes = {(box.get_x(), box.get_y()): to_hex(box.get_facecolor()) for box in axis.patches}
    across, down = (sorted({corner[k] for corner in boxes}) for k in (0, 1))
    assert [boxes[x, y] for y in down for x in across] == ["#b9d7ef", "#f2a874", "#eeeeee", "#ffffff"]
    cells = {}
    for text in axis.texts:
        x, y = text.get_position()
        at = sum(x > edge for edge in across), sum(y > edge for edge in down)
        cells.setdefault(at, []).append(text.get_text().replace("\N{MINUS SIGN}", "-"))
    assert cells[1, 0] == ["A"] and cells[2, 0] == ["B"] and (cells[0, 1][0], cells[0, 2][0]) == ("moves", "leans")
    assert cells[1, 1] == ["\N{CHECK MARK} 2.0", "1.5 to 3.0", "n = 3"]
    assert cells[2, 1] == ["\N{BALLOT X} 0.50*", "0.25 to 0.75", "n = 4"]
    assert cells[1, 2] == ["? 1.2", "-1.0 to 4.0", "n = 5"] and cells[2, 2] == ["no data"]
