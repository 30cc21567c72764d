"""One line per notebook on the terminal; a live one while it runs where there is a screen to redraw."""

from __future__ import annotations

import shutil
import sys
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.tools.workbook.runner import Outcome

_MARK = {"completed": "ran", "failed": "FAILED", "not run": "not run"}


class Progress:
    """Progress of a run over the named notebooks, written to standard error."""

    def __init__(self, names: list[str]) -> None:
        self._width = max(map(len, names), default=0)
        self._total, self._done = len(names), 0
        self._running: dict[str, tuple[float, int, int]] = {}
        self._live = sys.stderr.isatty()
        self._drawn = 0

    def start(self, name: str) -> None:
        self._running[name] = (time.monotonic(), 0, 0)
        self.tick()

    def cell(self, name: str, cell: int, of: int) -> None:
        self._running[name] = (self._running[name][0], cell, of)
        self.tick()

    def end(self, outcome: Outcome) -> None:
        """The notebook's last line: how it ended, in how many seconds, and where it broke."""
        self._running.pop(outcome.name, None)
        self._done += 1
        text = f"[{self._done}/{self._total}] {outcome.name:<{self._width}}  {_MARK[outcome.status]:<7}"
        text += f" {outcome.seconds:6.1f} s" if outcome.seconds is not None else ""
        if outcome.reason:
            text += f"  {outcome.reason.splitlines()[0][:100]}"
        self._erase()
        print(text, file=sys.stderr, flush=True)
        self.tick()

    def tick(self) -> None:
        """Draw the live lines again."""
        if not self._live:
            return
        self._erase()
        columns = shutil.get_terminal_size().columns - 1
        for name, (started, cell, of) in self._running.items():
            filled = round(20 * cell / of) if of else 0
            bar = "█" * filled + "░" * (20 - filled)
            seconds = time.monotonic() - started
            line = f"      {name:<{self._width}}  {bar} cell {cell}/{of or '?'} {seconds:6.0f} s"
            print(line[:columns], file=sys.stderr)
        self._drawn = len(self._running)
        sys.stderr.flush()

    def close(self) -> None:
        self._erase()
        self._live = False

    def _erase(self) -> None:
        if self._drawn:
            print(f"\x1b[{self._drawn}F\x1b[0J", end="", file=sys.stderr)
            self._drawn = 0
