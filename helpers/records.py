"""What a notebook leaves behind: its numbers, its checks and its figures, each with where it came from."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import matplotlib.figure
import pandas as pd
from IPython.display import display
from PIL import Image

from helpers import runtime


class CheckFailed(AssertionError):
    """At least one check of a record did not hold."""


class Record:
    """The numbers, checks and figures of one run of one notebook: ``OUT/<notebook>.json`` and ``OUT/figures/``.

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

    def check(self, name: str, value: float, *, expected: float, tolerance: float, source: str) -> bool:
        """Whether ``|value - expected| <= tolerance``; a check that does not hold fails at :meth:`finish`.

        Args:
            name: of the check.
            value: NaN never passes.
            expected: what it should be.
            tolerance: how far it may be from that.
            source: where the expected value and the tolerance come from.
        """
        holds = abs(value - expected) <= tolerance
        bounds = {"target": float(expected), "tolerance": float(tolerance)}
        return self._keep(name, value, f"{expected:.6g} ± {tolerance:.2g}", holds, source, **bounds)

    def check_below(self, name: str, value: float, *, bound: float, source: str) -> bool:
        """Whether ``value <= bound``, as :meth:`check`."""
        return self._keep(name, value, f"≤ {bound:.6g}", value <= bound, source)

    def check_above(self, name: str, value: float, *, bound: float, source: str) -> bool:
        """Whether ``value >= bound``, as :meth:`check`."""
        return self._keep(name, value, f"≥ {bound:.6g}", value >= bound, source)

    def _keep(self, name: str, value: float, expected: str, holds: bool, source: str, **bounds: float) -> bool:
        row = {
            "check": name,
            "value": float(value),
            "expected": expected,
            "source": source,
            "holds": bool(holds),
            **bounds,
        }
        self.checks.append(row)
        return bool(holds)

    def save_figure(self, figure: matplotlib.figure.Figure, name: str) -> Path:
        """Save a figure as ``OUT/figures/NN_name.png`` with its sidecar JSON; returns the PNG's path.

        The same figure gives the same bytes: dates and versions are in the sidecar, not in the PNG.
        """
        folder = self.out / "figures"
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / f"{self.notebook[:2]}_{name}.png"
        buffer = io.BytesIO()
        figure.draw_without_rendering()  # axes of equal aspect find their places in the second layout only
        figure.savefig(buffer, format="png", dpi=150, bbox_inches="tight", pad_inches=0.08, metadata={"Software": None})
        with Image.open(buffer) as image:
            image.convert("RGB").save(path, optimize=True)
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
        content = {"values": self.values, "checks": self.checks, "figures": self.figures}
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
        path.parent.mkdir(parents=True, exist_ok=True)
        head = {"notebook": self.notebook, "parameters": self.parameters}
        text = json.dumps({**head, **content, "stamp": self.stamp}, indent=2, ensure_ascii=False, default=str)
        path.write_text(text + "\n", encoding="utf-8")
