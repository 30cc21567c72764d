"""Tables that few readers need, behind a line that opens them."""

from __future__ import annotations

from html import escape
from typing import Any


class Folded:
    """A line that opens what stands behind it; shown by being the last line of a cell.

    Args:
        summary: the line.
        contents: tables (pandas), or whatever else shows itself as HTML.
    """

    def __init__(self, summary: str, *contents: Any) -> None:
        self.summary, self.contents = summary, contents

    def __repr__(self) -> str:
        return "\n".join([self.summary, *map(str, self.contents)])

    def _repr_html_(self) -> str:
        inside = "".join(each._repr_html_() for each in self.contents)
        return f"<details><summary>{escape(self.summary)}</summary>{inside}</details>"
