"""Records and baselines: what is kept, what fails, and how a tolerance comes about."""

from __future__ import annotations

import io
import json
import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers import records
from helpers.tools.workbook import baselines, judge
from helpers.tools.workbook.runner import Outcome
from helpers.views.plots import style as plots

NAME = "09_example"


def record(tmp_path: Path, **parameters: object) -> records.Record:
    return records.Record(NAME, tmp_path, {"seed": 0, "device": "cpu", "out": str(tmp_path), **parameters})


def figure(height: float = 1.0) -> Figure:
    made = Figure(figsize=(2, 1))
    made.add_subplot().plot([0, height])
    return made


def test_a_record_keeps_values_checks_and_figures(tmp_path: Path) -> None:
    made = record(tmp_path, stride=4)
    assert made.add("mean", 0.5, "cosine") == 0.5
    assert made.check("self-similarity", 1.0, 1.0, 1e-6, "invariant")
    assert made.check_below("lowest", -0.5, 1.0, "invariant") and made.check_above("lowest ", -0.5, -1.0, "invariant")
    path = made.save_figure(figure(), "curve")
    made.finish()
    written = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))
    assert written["parameters"] == {"seed": 0, "stride": 4}  # where it ran is in the stamp, not here
    assert written["values"] == {"mean": {"value": 0.5, "unit": "cosine"}}
    assert [row["holds"] for row in written["checks"]] == [True, True, True]
    assert path == tmp_path / "figures" / "09_curve.png" and path.with_suffix(".json").exists()
    assert {"python", "packages", "commit", "device"} <= set(written["stamp"])


@pytest.mark.parametrize(
    ("value", "holds"),
    [(1.0, True), (1.1, True), (1.1000001, False), (0.9, True), (math.nan, False), (math.inf, False)],
)
def test_a_check_is_its_bound(tmp_path: Path, value: float, holds: bool) -> None:
    assert record(tmp_path).check("x", value, 1.0, 0.1 + 1e-12, "by hand") is holds


@pytest.mark.parametrize("method", ["check_below", "check_above"])
def test_a_nan_passes_no_bound(tmp_path: Path, method: str) -> None:
    assert getattr(record(tmp_path), method)("x", math.nan, 1.0, "by hand") is False


def test_a_failed_check_is_written_and_raised(tmp_path: Path) -> None:
    made = record(tmp_path)
    made.check("first", 1.0, 1.0, 0.1, "by hand")
    made.check("second", 3.0, 2.0, 0.1, "by hand")
    with pytest.raises(records.CheckFailed, match="1 of 2 checks failed: second is 3, expected 2 ± 0.1"):
        made.finish()
    assert len(json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))["checks"]) == 2


def test_a_record_without_checks_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checks"):
        record(tmp_path).finish()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_is_finite_and_has_its_own_name(tmp_path: Path, value: float) -> None:
    made = record(tmp_path)
    made.add("mean", 0.5, "cosine")
    with pytest.raises(ValueError, match="not a finite number"):
        made.add("other", value, "cosine")
    with pytest.raises(ValueError, match="already has"):
        made.add("mean", 0.5, "cosine")


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first = record(tmp_path / "a").save_figure(figure(), "curve").read_bytes()
    assert record(tmp_path / "b").save_figure(figure(), "curve").read_bytes() == first
    assert record(tmp_path / "c").save_figure(figure(2.0), "curve").read_bytes() != first


# Baselines


def written(value: float = 0.5, unit: str = "cosine", **parameters: object) -> dict:
    return {"parameters": {"stride": 4, **parameters}, "values": {"mean": {"value": value, "unit": unit}}}


def test_a_new_number_gets_the_floor_and_says_so() -> None:
    entry = baselines.accepted({NAME: written()}, {}, {})[NAME]["numbers"]["mean"]
    assert entry["tolerance"] == 0.5 * baselines.FLOOR_RELATIVE
    assert "not measured" in entry["because"]


def test_a_tolerance_is_four_times_the_largest_change_seen() -> None:
    others = {"one thread": {NAME: written(0.501)}, "another GPU": {NAME: written(0.498)}}
    entry = baselines.accepted({NAME: written()}, {}, others)[NAME]["numbers"]["mean"]
    assert entry["tolerance"] == pytest.approx(4 * 0.002, rel=1e-9)
    assert entry["because"] == "4 x the largest change 2.0e-03 over: another GPU, one thread (in: another GPU)"
    # a change under the floor leaves the floor
    entry = baselines.accepted({NAME: written()}, {}, {"x": {NAME: written(0.5 + 1e-9)}})[NAME]["numbers"]["mean"]
    assert entry["tolerance"] == 5e-5 and "floor" in entry["because"] and "1.0e-09" in entry["because"]


def test_a_measured_tolerance_outlives_a_plain_acceptance() -> None:
    first = baselines.accepted({NAME: written()}, {}, {"x": {NAME: written(0.6)}})
    again = baselines.accepted({NAME: written(0.51)}, first, {})[NAME]["numbers"]["mean"]
    assert again["value"] == 0.51 and again["tolerance"] == pytest.approx(0.4)
    assert again["because"] == first[NAME]["numbers"]["mean"]["because"]
    changed = baselines.accepted({NAME: written(0.51, stride=2)}, first, {})[NAME]["numbers"]["mean"]
    assert changed["tolerance"] < 1e-3  # other parameters: measured for something else


def test_a_number_some_runs_lack_is_optional() -> None:
    without = {"parameters": {"stride": 4}, "values": {}}
    base = baselines.accepted({NAME: written()}, {}, {"no data": {NAME: without}})
    assert base[NAME]["numbers"]["mean"]["optional"]
    assert baselines.compare(without, base[NAME]) == []
    kept = baselines.accepted({NAME: without}, base, {})  # accepted where it is missing: it stays known
    assert kept[NAME]["numbers"]["mean"]["value"] == 0.5
    again = baselines.accepted({NAME: written()}, base, {"all data": {NAME: written()}})  # no run lacked it today
    assert again[NAME]["numbers"]["mean"]["optional"]


def state(value: float, base: dict, unit: str = "cosine", **parameters: object) -> str:
    (row,) = baselines.compare(written(value, unit, **parameters), base)
    return row.state


def test_comparison() -> None:
    base = baselines.accepted({NAME: written()}, {}, {"x": {NAME: written(0.51)}})[NAME]
    assert state(0.5, base) == state(0.539, base) == state(0.461, base) == "holds"
    assert state(0.541, base) == state(0.459, base) == "moved"
    assert state(0.5, base, unit="px") == "moved"
    assert state(0.9, base, stride=2) == "other"
    assert state(0.9, base, out="elsewhere", device="cuda") == "moved"  # these two do not excuse it
    assert state(0.9, base, unit="s") == "untracked"
    (gone,) = baselines.compare({"parameters": {"stride": 4}, "values": {}}, base)
    assert gone.state == "gone" and gone.fails
    assert [row.state for row in baselines.compare(written(), None)] == ["new"]


def test_times_have_no_baseline() -> None:
    assert baselines.accepted({NAME: written(unit="s")}, {}, {})[NAME]["numbers"] == {}


def test_moves_are_told() -> None:
    before = baselines.accepted({NAME: written()}, {}, {"x": {NAME: written(0.51)}})
    after = baselines.accepted({NAME: written(0.52)}, before, {})
    assert baselines.moves(before, after) == [f"{NAME}  mean: 0.5 -> 0.52 cosine (+0.02, within its tolerance)"]
    assert baselines.moves(before, before) == []
    assert baselines.moves({}, after)[0].endswith("new, 0.52 cosine")
    assert "gone" in baselines.moves(before, {})[0]


# Verdicts


def judged(tmp_path: Path, *, run: Outcome | None = None, baseline: dict | None = None) -> dict:
    run = run or Outcome(NAME, status="completed", seconds=1.0)
    return judge.summarise([judge.judge(run, tmp_path, baseline)], tmp_path, preset="smoke")


def finished(tmp_path: Path) -> None:
    made = record(tmp_path, stride=4)
    made.add("mean", 0.5, "cosine")
    made.check("self-similarity", 1.0, 1.0, 1e-6, "invariant")
    made.save_figure(figure(), "curve")
    made.finish()


def test_a_notebook_passes_only_with_a_record_that_holds(tmp_path: Path) -> None:
    assert judged(tmp_path)["verdict"] == "fails"  # completed, and no record
    finished(tmp_path)
    assert judged(tmp_path)["verdict"] == "holds"
    moved = {"parameters": {"seed": 0, "stride": 4}}
    moved["numbers"] = {"mean": {"value": 0.6, "unit": "cosine", "tolerance": 0.01, "because": "by hand"}}
    assert judged(tmp_path, baseline=moved)["verdict"] == "fails"


def test_a_record_of_other_parameters_does_not_count(tmp_path: Path) -> None:
    finished(tmp_path)
    run = Outcome(NAME, status="completed", parameters={"stride": 2, "device": "cuda"})
    entry = judged(tmp_path, run=run)["notebooks"][0]
    assert entry["verdict"] == "failed" and entry["reason"].endswith("was given: stride")


def test_a_blank_figure_fails(tmp_path: Path) -> None:
    finished(tmp_path)
    Image.new("RGB", (40, 30), "white").save(tmp_path / "figures" / "09_empty.png")
    entry = judged(tmp_path)["notebooks"][0]
    assert entry["verdict"] == "failed" and "09_empty.png" in entry["reason"]


def test_a_sidecar_has_the_numbers_recorded_after_its_figure(tmp_path: Path) -> None:
    made = record(tmp_path)
    path = made.save_figure(figure(), "curve").with_suffix(".json")
    made.add("mean", 0.5, "cosine")
    made.check("x", 1.0, 1.0, 0.1, "by hand")
    made.finish()
    assert json.loads(path.read_text(encoding="utf-8"))["values"] == {"mean": {"value": 0.5, "unit": "cosine"}}


def test_nothing_drawn_is_cut_off(tmp_path: Path) -> None:
    """The layout does not foresee everything: axes of equal aspect, a long label beside a low colour bar."""
    with plots.style():
        square = plots.Figure(figsize=(7.0, 3.7))
        for axis in square.subplots(1, 2, sharex=True, sharey=True):
            axis.plot([0, 80], [0, 80])
            axis.set(title="title", xlabel="column (px)", aspect="equal")
        low = plots.Figure(figsize=(6.0, 1.6))
        axis = low.subplots()
        low.colorbar(axis.imshow([[0.9985, 1.0]]), label="a label longer than its bar is high")
    for number, made in enumerate((square, low)):
        for png in (record(tmp_path).save_figure(made, str(number)).read_bytes(), made._repr_png_()):
            with Image.open(io.BytesIO(png)) as image:
                ink = np.asarray(image.convert("L")) < 250
            assert not (ink[:3].any() or ink[-3:].any() or ink[:, :3].any() or ink[:, -3:].any())
