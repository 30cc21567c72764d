"""One line per notebook on the terminal, and a live one for each that is running."""

from __future__ import annotations

import contextlib
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
        """A notebook starts."""
        self._running[name] = (time.monotonic(), 0, 0)
        self.tick()

    def cell(self, name: str, *, done: int, of: int) -> None:
        """A notebook has started its cell number ``done``."""
        self._running[name] = (self._running[name][0], done, of)
        self.tick()

    def end(self, outcome: Outcome) -> None:
        """A notebook has ended: how, after how many seconds, and why it failed."""
        self._running.pop(outcome.name, None)
        self._done += 1
        text = f"[{self._done}/{self._total}] {outcome.name:<{self._width}}  {_MARK[outcome.status]:<7}"
        text += f" {outcome.seconds:6.1f} s" if outcome.seconds is not None else ""
        if outcome.reason:
            text += f"  {outcome.reason.splitlines()[0][:100]}"
        self._erase()
        _say(text + "\n")
        self.tick()

    def tick(self) -> None:
        """Draw the live lines again."""
        if not self._live:
            return
        self._erase()
        columns = shutil.get_terminal_size().columns - 1
        for name, (started, done, of) in self._running.items():
            filled = round(20 * done / of) if of else 0
            bar = "█" * filled + "░" * (20 - filled)
            seconds = time.monotonic() - started
            line = f"      {name:<{self._width}}  {bar} cell {done}/{of or '?'} {seconds:6.0f} s"
            _say(line[:columns] + "\n")
        self._drawn = len(self._running)

    def close(self) -> None:
        """Remove the live lines for good."""
        self._erase()
        self._live = False

    def _erase(self) -> None:
        if self._drawn:
            _say(f"\x1b[{self._drawn}F\x1b[0J")
            self._drawn = 0


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # nobody listens any more; the report is written all the same
        sys.stderr.write(text)
        sys.stderr.flush()
