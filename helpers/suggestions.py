"""Names that people type: what an error says about one that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def nearest(name: object, known: Iterable[str], *, otherwise: str = "", cutoff: float = 0.4) -> str:
    """How the error goes on: ``"; did you mean 'fc7'? There are fc6, fc7, fc8"``.

    known: the names there are. otherwise: what to say in place of that list, e.g. ``"use a file"``. cutoff:
    how similar, from 0 to 1, a name must be to be offered; case does not count.
    """
    every = list(known)
    folded = {key.casefold(): key for key in reversed(every)}
    close = difflib.get_close_matches(str(name).casefold(), folded, n=1, cutoff=cutoff)
    rest = otherwise or (f"there are {', '.join(every)}" if every else "there are none")
    if not close:
        return f"; {rest}"
    return f"; did you mean {folded[close[0]]!r}? {rest[0].upper()}{rest[1:]}"
