"""The picture of a live panel: a browser's image that tells where it is pressed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import anywidget
import traitlets as tl


class Picture(anywidget.AnyWidget):
    """A PNG that is pressed and dragged over.

    Args:
        pressed: called with the place, from 0 to 1 from the left and from the top, ``anchor=``, whether Shift was held,
            and ``start=``, the place where the drag began.
    """

    _esm = Path(__file__).with_name("picture.js")
    _css = """
    .shift-picture {display: block; max-width: 100%; height: auto; cursor: crosshair; touch-action: pan-y;
                    border-radius: 4px}
    """
    png = tl.Bytes(b"").tag(sync=True)
    alt = tl.Unicode("").tag(sync=True)
    shown = tl.Int(0, help="the picture's width in pixels of the page").tag(sync=True)
    width = tl.Int(0, help="the width there is, in pixels of the page; 0 until a browser says").tag(sync=True)
    ratio = tl.Float(1.0, help="the screen's pixels per pixel of the page, at most 2").tag(sync=True)

    def __init__(self, pressed: Callable[..., None], **traits: object) -> None:
        super().__init__(**traits)
        self._pressed = pressed
        self.on_msg(self._told)

    def _told(self, _widget: object, content: dict, _buffers: object) -> None:
        try:
            self._pressed(content["x"], content["y"], anchor=content["anchor"], start=tuple(content["start"]))
        finally:
            self.send({"done": True})  # the browser waits for it
