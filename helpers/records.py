"""What a notebook leaves behind: its numbers, claims, checks and figures, each with where it came from."""

from __future__ import annotations

import contextlib
import io
import json
import math
import os
from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd
from IPython.display import display
from PIL import Image

from helpers import runtime

# What a claim's interval can say, and the colour of its line: legible on light and dark, apart for the colour-blind
VERDICTS = {"holds": "#3b82c4", "does not hold": "#d9682b", "undecided": "#8c8c8c"}
FEWEST = 3  # objects for a verdict: of how they vary, two show a single difference, whatever interval that gives
DPI = 150  # of a figure that is saved


class CheckFailed(AssertionError):
    """At least one check of a record did not hold."""


class Record:
    """The numbers, claims, checks and figures of one run of one notebook: ``OUT/<notebook>.json`` and ``OUT/figures/``.

    Args:
        notebook: the file's stem, e.g. ``"01_similarity_maps"``.
        out: the folder to write to.
        parameters: the notebook's parameters as they were.
        networks: those that took part; their titles, weights and checksums are kept.
        device: what they ran on, as for ``runtime.device``.
    """

    def __init__(
        self,
        notebook: str,
        out: str | Path,
        parameters: dict[str, Any],
        networks: Iterable[Any] = (),
        device: str = "auto",
    ) -> None:
        self.notebook = notebook
        self.out = Path(out)
        self.parameters = {key: value for key, value in parameters.items() if key not in ("out", "device")}
        self.stamp = runtime.stamp(
            device,
            networks=[{"title": each.title, "weights": each.weights, "checksum": each.checksum} for each in networks],
        )
        self.values: dict[str, dict[str, Any]] = {}
        self.claims: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.figures: list[str] = []

    def value(self, name: str, value: float, *, unit: str) -> float:
        """Keep a measured number, continuous in the features: it moves as little as they do.

        A count that no rounding can reach (rows of a typed table) is of this kind too.

        Returns:
            The number, to be shown.

        Raises:
            ValueError: a name used before, or a number that is not finite.
        """
        return self._number(name, value, unit, "value")

    def count(self, name: str, value: float, *, n: float, unit: str) -> float:
        """Keep a share of things counted, which moves in steps: an accuracy, an agreement, a p-value.

        Args:
            name: as for :meth:`value`, which says what is returned and raised too.
            value: the share.
            n: how many were counted, so that one thing more or fewer moves the share by ``1 / n``; where things
                weigh differently, the reciprocal of the largest weight.
            unit: of the share.
        """
        if not n >= 1:
            raise ValueError(f"{self.notebook}: {name} is a count of {n} things: give n, at least 1")
        return self._number(name, value, unit, "count", int(n))

    def statistic(self, name: str, value: float, *, n: int, unit: str) -> float:
        """Keep a mean, median, deviation or bound over ``n`` objects of a continuous measure.

        None of these moves further than the objects' own numbers do; for *counted* numbers use :meth:`count`.
        Returns and raises what :meth:`value` does.
        """
        return self._number(name, value, unit, "statistic", int(n))

    def _number(self, name: str, value: float, unit: str, kind: str, n: int | None = None) -> float:
        value = float(value)
        if name in self.values:
            raise ValueError(f"{self.notebook}: the record already has a value {name!r}: use another name")
        if not math.isfinite(value):
            raise ValueError(f"{self.notebook}: {name} is {value}, not a finite number")
        self.values[name] = {"value": value, "unit": unit, "kind": kind, **({} if n is None else {"n": n})}
        return value

    def claim(
        self,
        name: str,
        sentence: str,
        effect: Any,
        *,
        above: float = -math.inf,
        below: float = math.inf,
        unit: str,
        over: str = "objects",
        counted: float | None = None,
        source: str = "ours",
        show: bool = True,
    ) -> None:
        """Hold a fixed sentence against an effect and its interval; show and keep the verdict.

        It *holds* where the whole interval lies beyond the bound (between the two, where both are given), it *does
        not hold* where the whole interval lies outside, and is *undecided* where the interval crosses a bound, or is
        over fewer than `FEWEST` objects. An identity is no claim: see :meth:`check`.

        The effect and its ends become numbers of the record: ``name``, ``name/low`` and ``name/high``.

        Args:
            name: of the claim and its effect, e.g. ``"gain/drop at 1 px"``.
            sentence: in plain words, the same whatever the verdict: "Anti-aliasing makes ... smaller."
            effect: with ``value``, ``low``, ``high`` and ``objects`` (how many), as the intervals of
                :mod:`helpers.measures.uncertainty`.
            above: what the effect must exceed.
            below: what the effect must stay under.
            unit: of the effect, e.g. ``"times"``.
            over: what the interval is over, in the plural: objects, photographs, networks, trainings. Runs that
                share objects are no further objects.
            counted: where the effect is made of counts (accuracies), how many were counted, as for :meth:`count`.
            source: who says so, e.g. ``"paper, section 4"``.
            show: False where a table of many claims shows it.

        Raises:
            ValueError: no bound, an interval over fewer than two objects, or what :meth:`value` raises.
        """
        found, bounds = (effect.value, effect.low, effect.high), {"above": above, "below": below}
        rule = " and ".join(f"{word} {bound:.6g}" for word, bound in bounds.items() if math.isfinite(bound))
        if not rule or not above < below:
            raise ValueError(f"{self.notebook}: the claim {name!r} needs above=, below= or both, above < below")
        if effect.objects < 2 or not effect.low <= effect.high:
            raise ValueError(f"{self.notebook}: {name} is {effect} over {effect.objects} {over}: give at least two")
        for key, number in zip((name, f"{name}/low", f"{name}/high"), found, strict=True):
            self._number(key, number, unit, "count" if counted else "statistic", int(counted or effect.objects))
        row = {"claim": name, "sentence": sentence, "verdict": verdict(*found[1:], **bounds, n=effect.objects)}
        row |= {word: bound for word, bound in bounds.items() if math.isfinite(bound)}
        text = f"{shown(*found, **bounds)} {unit} over {effect.objects} {over}"
        self.claims.append({**row, "rule": rule, "found": text, "n": int(effect.objects), "source": source})
        if show:
            display(_Line(self.claims[-1]))

    def check(self, name: str, value: float, *, expected: float, tolerance: float, source: str) -> bool:
        """Whether ``|value - expected| <= tolerance``; a check that does not hold fails at :meth:`finish`.

        Args:
            name: of the check.
            value: NaN never passes.
            expected: what it should be.
            tolerance: how far it may be from that.
            source: where the expected value and the tolerance come from.
        """
        bounds = {"target": float(expected), "tolerance": float(tolerance)}
        return self._keep(name, value, f"{expected:.6g} ± {tolerance:.2g}", source, **bounds)

    def check_below(self, name: str, value: float, *, bound: float, source: str) -> bool:
        """Whether ``value <= bound``, as :meth:`check`."""
        return self._keep(name, value, f"≤ {bound:.6g}", source, at_most=float(bound))

    def check_above(self, name: str, value: float, *, bound: float, source: str) -> bool:
        """Whether ``value >= bound``, as :meth:`check`."""
        return self._keep(name, value, f"≥ {bound:.6g}", source, at_least=float(bound))

    def _keep(self, name: str, value: float, expected: str, source: str, **bounds: float) -> bool:
        row = {"check": name, "value": float(value), "expected": expected, "source": source, **bounds}
        self.checks.append({**row, "holds": holds(row)})
        return self.checks[-1]["holds"]

    def save_figure(self, figure: matplotlib.figure.Figure, name: str) -> Path:
        """Save a figure as ``OUT/figures/NN_name.png`` with its sidecar JSON; returns the PNG's path.

        The same figure gives the same bytes: dates and versions are in the sidecar, not in the PNG.
        """
        path = self.out / "figures" / f"{self.notebook[:2]}_{name}.png"
        buffer, picture = io.BytesIO(), io.BytesIO()
        figure.draw_without_rendering()  # axes of equal aspect find their places in the second layout only
        figure.savefig(buffer, format="png", dpi=DPI, bbox_inches="tight", pad_inches=0.08, metadata={"Software": None})
        with Image.open(buffer) as image:
            image.convert("RGB").save(picture, "PNG", optimize=True)
        write_file(path, picture.getvalue())
        self.figures.append(path.name)
        self._sidecar(path.name)
        return path

    def _sidecar(self, figure: str) -> None:
        path = (self.out / "figures" / figure).with_suffix(".json")
        self._write(path, {"figure": figure, "values": self.values})

    def finish(self) -> pd.DataFrame:
        """Write the record.

        Returns:
            All checks, a row each: name, value, expected, source, holds.

        Raises:
            CheckFailed: Some checks failed; names them, after the record is written and the table shown.
            ValueError: The record has no check.
        """
        if not self.checks:
            raise ValueError(f"{self.notebook}: the record has no checks, so the run proves nothing: add one")
        content = {"values": self.values, "claims": self.claims, "checks": self.checks, "figures": self.figures}
        self._write(self.out / f"{self.notebook}.json", content)
        for figure in self.figures:  # again: most numbers are recorded after their figure is drawn
            self._sidecar(figure)
        table = pd.DataFrame(self.checks, columns=["check", "value", "expected", "source", "holds"])
        failed = table[~table["holds"]]
        if len(failed):
            display(table)
            rows = "; ".join(f"{row.check} is {row.value:.6g}, expected {row.expected}" for row in failed.itertuples())
            raise CheckFailed(f"{self.notebook}: {len(failed)} of {len(table)} checks failed: {rows}")
        return table

    def _write(self, path: Path, content: dict[str, Any]) -> None:
        head = {"notebook": self.notebook, "parameters": self.parameters}
        text = json.dumps({**head, **content, "stamp": self.stamp}, indent=2, ensure_ascii=False, default=str)
        write_file(path, text + "\n")


def holds(check: Mapping[str, Any]) -> bool:
    """Whether the value of a check, a row of a record, is within the bounds beside it; NaN never is."""
    value = check["value"]
    if "target" in check:
        return abs(value - check["target"]) <= check["tolerance"]
    return value <= check["at_most"] if "at_most" in check else value >= check["at_least"]


def write_file(path: Path, content: str | bytes) -> None:
    """Write a file, and its folder, in one step: it is whole, or what it was before.

    Args:
        path: of the file.
        content: text is written as UTF-8, with what UTF-8 cannot hold (half a surrogate pair) spelled out.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        part.write_bytes(content if isinstance(content, bytes) else content.encode("utf-8", "backslashreplace"))
        os.replace(part, path)
    finally:
        with contextlib.suppress(OSError):  # it is there only if something failed
            part.unlink()


def verdict(low: float, high: float, *, above: float = -math.inf, below: float = math.inf, n: int = FEWEST) -> str:
    """What an interval over ``n`` objects says of "above ... and below ...": one of `VERDICTS`."""
    if n >= FEWEST and low > above and high < below:
        return "holds"
    return "does not hold" if n >= FEWEST and (high <= above or low >= below) else "undecided"


def shown(effect: float, low: float, high: float, **bounds: float) -> str:
    """An effect and its interval, to two digits of the interval's width, or as many as still show the verdict."""
    size, rounding = high - low, 1e-9 * max(1.0, abs(effect))
    if size < rounding:  # the last digits of floats, which say nothing
        size = abs(effect) if abs(effect) > rounding else 1.0
    for digits in range(min(15, max(0, 1 - math.floor(math.log10(size)))), 16):
        ends = [round(end, digits) for end in (low, high)]
        if verdict(*ends, **bounds) == verdict(low, high, **bounds):
            break
    effect, low, high = (round(each, digits) + 0.0 for each in (effect, low, high))  # no minus before a zero
    return f"{effect:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"


class _Line:
    """A claim as a line of a notebook; where HTML loses its styles, the words still say it all."""

    def __init__(self, row: dict[str, Any]) -> None:
        word = row["verdict"].capitalize() + (" here" if row["verdict"] != "holds" else "")
        self.parts = word, row["sentence"], f"{row['found']}; holds if all of it is {row['rule']} ({row['source']})"
        self.style = f"border-left: 4px solid {VERDICTS[row['verdict']]}; padding: 0 0.8em; margin: 0.4em 0"

    def __repr__(self) -> str:
        return "{}: {} {}.".format(*self.parts)

    def _repr_html_(self) -> str:
        text = "<b>{}:</b> {}<br><small>{}</small>".format(*map(escape, self.parts))
        return f'<div style="{self.style}">{text}</div>'
