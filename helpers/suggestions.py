"""What an error says about a misspelt name."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], *, otherwise: str = "", cutoff: float = 0.4) -> str:
    """The end of an error message: ``"; did you mean 'fc7'? There are fc6, fc7, fc8"``.

    Args:
        otherwise: what to say instead of listing them, e.g. ``"use a file"``.
        cutoff: how similar a name must be to be suggested, from 0 to 1, ignoring case.
    """
    every = list(known)
    folded = {key.casefold(): key for key in reversed(every)}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=cutoff)
    rest = otherwise or (f"there are {', '.join(every)}" if every else "there are none")
    if not close:
        return f"; {rest}"
    return f"; did you mean {folded[close[0]]!r}? {rest[0].upper()}{rest[1:]}"
