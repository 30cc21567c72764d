"""The page's Bokeh figures: made empty here, filled and moved by page.js."""

from __future__ import annotations

import numpy as np
from bokeh.layouts import gridplot
from bokeh.models import ColumnDataSource, CustomJS, FixedTicker, LinearColorMapper, NoOverlap, Plot, Range1d
from bokeh.models.layouts import LayoutDOM
from bokeh.plotting import figure

STRIP = 42  # px, depth of a profile along a map's edge
LEFT, BOTTOM, TOP, EDGE, RING = 48, 36, 20, 3, 9  # px, room for axes
COLOURS = ("#0173b2", "#de8f05")  # left, right: those of the workbook's figures


def build(side: int) -> tuple[dict[str, LayoutDOM], dict[str, object]]:
    """The figures and the models that page.js works on.

    ``side`` is that of the maps and of the frame, in screen pixels.

    Returns:
        The roots by name (left, right, difference, frame) and the models by name; ``crossed_x`` and ``crossed_y``
        are the plots over which page.js puts the cross-hair's upright and level line (not Bokeh's own: each costs
        a new look-up of all styles in every move).
    """
    x, y = Range1d(-0.5, 0.5), Range1d(0.5, -0.5)  # rows run down
    low_high = Range1d(0, 1)  # of the profiles; one range, so that the two maps' profiles compare
    profiles = {name: ColumnDataSource({"at": [], "left": [], "right": []}) for name in ("rows", "cols")}
    anchor = ColumnDataSource({"x": [], "y": []})
    models: dict[str, object] = {
        "x": x, "y": y, "profile_range": low_high, "anchor": anchor,
        "rows": profiles["rows"], "cols": profiles["cols"], "plots": [], "lines": [[], []],
        "profile_ticks": FixedTicker(ticks=[]), "crossed_x": [], "crossed_y": [],
    }  # fmt: skip
    roots = {}
    for index, name in enumerate(("left", "right")):
        plot = _map(name, side, x, y, anchor, models, labelled=index == 0)
        rows = _strip(side, models, "rows", index, low_high, y)
        cols = _strip(side, models, "cols", index, low_high, x, labelled=index == 0)
        roots[name] = gridplot([[plot, rows], [cols, None]], toolbar_location=None)
    roots["difference"] = _map("difference", side, x, y, anchor, models, labelled=False, alone=True)
    roots["frame"] = _frame(side, models)
    return roots, models


def _plain(width: int, height: int, **options: object) -> Plot:
    plot = figure(
        frame_width=width, frame_height=height, tools="", toolbar_location=None, background_fill_color=None,
        border_fill_color=None, outline_line_color=None, min_border=0, **options,
    )  # fmt: skip
    plot.grid.visible = False
    plot.axis.minor_tick_line_color = None
    plot.axis.major_tick_in = 0
    plot.axis.major_tick_out = 4
    plot.axis.axis_label_standoff = 3
    plot.axis.axis_label_text_font_style = "normal"
    plot.axis.axis_label_text_font_size = plot.axis.major_label_text_font_size = "11px"
    return plot


def _map(name, side, x, y, anchor, models, labelled: bool, alone: bool = False) -> Plot:
    plot = _plain(side, side, x_range=x, y_range=y, y_axis_label="row (px)" if labelled else None, name=name)
    # The anchor's ring reaches over the edge.
    plot.min_border_left, plot.min_border_right = LEFT if labelled else RING, RING if alone else EDGE
    plot.min_border_top = TOP
    plot.min_border_bottom = EDGE + 3
    plot.yaxis.visible = labelled
    plot.xaxis.visible = alone
    if alone:
        plot.xaxis.axis_label = "column (px)"
        plot.min_border_bottom = BOTTOM
    plot.xaxis.ticker.desired_num_ticks = plot.yaxis.ticker.desired_num_ticks = 5
    blank = np.zeros((2, 2), np.float32)
    source = ColumnDataSource({"image": [blank], "x": [-0.5], "y": [-0.5], "w": [1.0], "h": [1.0]})
    mapper = LinearColorMapper(palette=["#000000", "#ffffff"], low=0, high=1, nan_color="#9e9e9e")
    plot.image("image", x="x", y="y", dw="w", dh="h", source=source, color_mapper=mapper)
    models["crossed_x"].append(plot)
    models["crossed_y"].append(plot)
    # A dark ring under a light one is seen on every colour of the map.
    for width, colour in ((4, "#000000"), (1.8, "#ffffff")):
        plot.scatter("x", "y", source=anchor, size=13, fill_color=None, line_color=colour, line_width=width,
                     level="annotation")  # fmt: skip
    call = f"globalThis.explorer?.pointed({name!r}, cb_obj.event_name, cb_obj.x, cb_obj.y)"
    for event in ("mousemove", "tap", "doubletap"):  # the second of two quick clicks comes as a double tap
        plot.js_on_event(event, CustomJS(code=call))
    models |= {f"{name}_image": source, f"{name}_mapper": mapper}
    models["plots"].append(plot)
    return plot


def _strip(side, models, name: str, index: int, values: Range1d, along: Range1d, labelled: bool = True) -> Plot:
    """A bias profile along a map's edge: its own line strong, the other map's thin."""
    upright = name == "rows"
    if upright:
        plot = _plain(STRIP, side, x_range=values, y_range=along, x_axis_location="above")
        plot.yaxis.visible = False
        plot.min_border_top, plot.min_border_right, plot.min_border_left = TOP, 10, 4
    else:
        plot = _plain(side, STRIP, x_range=along, y_range=values)
        plot.yaxis.visible = labelled
        plot.min_border_left, plot.min_border_bottom = LEFT if labelled else RING, BOTTOM
        plot.xaxis.axis_label = "column (px)"
        plot.xaxis.ticker.desired_num_ticks = 5
    value_axis = plot.xaxis if upright else plot.yaxis
    value_axis.ticker = models["profile_ticks"]
    value_axis.major_label_policy = NoOverlap(min_distance=2)
    plot.outline_line_color = "#888888"
    plot.outline_line_alpha = 0.35
    for which in (1 - index, index):
        xy = ("left", "right")[which], "at"
        first, second = xy if upright else xy[::-1]
        strong = which == index
        line = plot.line(first, second, source=models[name], line_color=COLOURS[which])
        line.glyph.line_width, line.glyph.line_alpha = (2, 1.0) if strong else (1, 0.55)
        models["lines"][which].append(line.glyph)
    models["crossed_y" if upright else "crossed_x"].append(plot)
    models["plots"].append(plot)
    return plot


def _frame(side: int, models: dict) -> Plot:
    x, y = Range1d(0, 1), Range1d(1, 0)
    plot = _plain(side, side, x_range=x, y_range=y)
    plot.axis.visible = False
    plot.min_border_top = TOP
    plot.min_border_left = plot.min_border_right = plot.min_border_bottom = EDGE
    plot.outline_line_color = "#888888"
    blank = np.zeros((2, 2), np.uint32)
    for name in ("photo", "canvas"):
        source = ColumnDataSource({"image": [blank], "x": [0], "y": [0], "w": [1], "h": [1]})
        plot.image_rgba("image", x="x", y="y", dw="w", dh="h", source=source)
        models[name] = source
    models |= {"frame_x": x, "frame_y": y}
    models["plots"].append(plot)
    return plot
