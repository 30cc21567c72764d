"""Records and baselines: what is kept, what fails, and how a tolerance comes about."""

from __future__ import annotations

import io
import json
import math
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from helpers import records
from helpers.measures import uncertainty
from helpers.tools.workbook import baselines, judge, ledger
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
    assert made.value("mean", 0.5, unit="cosine") == 0.5
    assert made.count("right", 0.75, n=8, unit="accuracy") == 0.75
    assert made.statistic("median", 0.25, n=3, unit="px") == 0.25
    assert made.check("self-similarity", 1.0, expected=1.0, tolerance=1e-6, source="invariant")
    assert made.check_below("lowest", -0.5, bound=1.0, source="invariant")
    assert made.check_above("lowest ", -0.5, bound=-1.0, source="invariant")
    path = made.save_figure(figure(), "curve")
    made.finish()
    written = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))
    assert written["parameters"] == {"seed": 0, "stride": 4}  # where it ran is in the stamp, not here
    assert written["values"] == {
        "mean": {"value": 0.5, "unit": "cosine", "kind": "value"},
        "right": {"value": 0.75, "unit": "accuracy", "kind": "count", "n": 8},
        "median": {"value": 0.25, "unit": "px", "kind": "statistic", "n": 3},
    }
    assert [row["holds"] for row in written["checks"]] == [True, True, True]
    assert path == tmp_path / "figures" / "09_curve.png" and path.with_suffix(".json").exists()
    assert {"python", "packages", "commit", "device"} <= set(written["stamp"])


# Claims


def claimed(tmp_path: Path, low: float, high: float, *, effect: float | None = None, **how: object) -> records.Record:
    """A record of one claim over eight objects."""
    made = record(tmp_path, stride=4)
    found = uncertainty.Interval((low + high) / 2 if effect is None else effect, low, high, 0.95, 8, 8)
    made.claim("gain", "Anti-aliasing makes the change smaller.", found, **{"unit": "times", "above": 1.0, **how})
    return made


@pytest.mark.parametrize(
    ("low", "high", "bounds", "verdict"),
    [
        (1.1, 1.3, {"above": 1.0}, "holds"),
        (0.9, 1.1, {"above": 1.0}, "undecided"),
        (0.7, 0.9, {"above": 1.0}, "does not hold"),
        (1.0, 1.1, {"above": 1.0}, "undecided"),  # the bound itself is not above it
        (1.0, 1.0, {"above": 1.0}, "does not hold"),
        (0.7, 0.9, {"above": -math.inf, "below": 1.0}, "holds"),
        (1.1, 1.3, {"above": -math.inf, "below": 1.0}, "does not hold"),
        (0.9, 1.1, {"above": -math.inf, "below": 1.0}, "undecided"),
        (0.9, 1.1, {"above": 0.8, "below": 1.2}, "holds"),
        (0.7, 1.1, {"above": 0.8, "below": 1.2}, "undecided"),
        (0.5, 0.7, {"above": 0.8, "below": 1.2}, "does not hold"),
        (1.3, 1.4, {"above": 0.8, "below": 1.2}, "does not hold"),
        (-0.5, 0.5, {"above": -1.0, "below": 1.0}, "holds"),  # bounds of the same size are two bounds
    ],
)
def test_a_claim_is_judged_by_its_whole_interval(tmp_path: Path, low: float, high: float, bounds, verdict) -> None:
    (found,) = claimed(tmp_path, low, high, **bounds).claims
    assert found["verdict"] == verdict


def test_a_claim_is_kept_with_its_numbers_and_shown(tmp_path: Path, capsys) -> None:
    made = claimed(tmp_path, 1.98, 2.24, effect=2.13, source="paper, section 4")
    line = "Holds: Anti-aliasing makes the change smaller. 2.13 (1.98 to 2.24) times over 8 objects; "
    line += "holds if all of it is above 1 (paper, section 4)."
    assert capsys.readouterr().out == line + "\n"
    made.check("x", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    made.finish()
    kept = json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))
    ends = {"gain": 2.13, "gain/low": 1.98, "gain/high": 2.24}
    assert kept["values"] == {name: entry(value, "times", "statistic", 8) for name, value in ends.items()}
    assert [(row["claim"], row["verdict"], row["rule"]) for row in kept["claims"]] == [("gain", "holds", "above 1")]


def test_a_claim_made_of_counts_moves_in_steps(tmp_path: Path) -> None:
    assert {each["n"] for each in claimed(tmp_path, 1.5, 2.0, counted=200.0).values.values()} == {200}
    assert {each["kind"] for each in claimed(tmp_path, 1.5, 2.0, counted=200.0).values.values()} == {"count"}


@pytest.mark.parametrize(
    ("low", "high", "verdict", "shown"),
    [
        (0.98, 2.24, "Undecided here", "1.6 (1.0 to 2.2)"),
        (1.004, 1.3, "Holds", "1.152 (1.004 to 1.300)"),  # 1.00 would not be above 1
        (0.2, 0.21, "Does not hold here", "0.2050 (0.2000 to 0.2100)"),
        (-3e-20, 1e-20, "Does not hold here", "0.0 (0.0 to 0.0)"),
    ],
)
def test_a_claim_shows_as_many_digits_as_its_verdict_needs(tmp_path, capsys, low, high, verdict, shown) -> None:
    claimed(tmp_path, low, high)
    said = capsys.readouterr().out
    assert said.startswith(f"{verdict}: ") and f" {shown} times" in said


def test_a_claim_survives_where_styles_do_not(tmp_path: Path) -> None:
    """The words say it without colours, and nothing but the border has one: it is read on light and dark."""
    made = claimed(tmp_path, 0.5, 0.9)
    html = records._Line({**made.claims[0], "sentence": "s < 1 & <i>t</i>"})._repr_html_()
    assert "<b>Does not hold here:</b> s &lt; 1 &amp; &lt;i&gt;t&lt;/i&gt;" in html
    styles = re.findall(r'style="([^"]*)"', html)
    assert len(styles) == 1 and "color" not in re.sub(r"border-left:[^;]*", "", styles[0])


@pytest.mark.parametrize(
    ("how", "message"),
    [
        ({"above": -math.inf}, "needs above=, below= or both"),
        ({"above": 2.0, "below": 1.0}, "needs above=, below= or both, above < below"),
        ({"low": 1.2, "high": 1.1}, "over 8 objects: give at least two"),
        ({"low": math.nan}, "gain is .*nan.* over 8 objects"),
        ({"effect": math.inf}, "not a finite number"),
    ],
)
def test_a_claim_without_a_bound_or_an_interval_is_refused(tmp_path: Path, how: dict, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        claimed(tmp_path, **{"low": 1.0, "high": 1.1, **how})
    made = record(tmp_path)
    with pytest.raises(ValueError, match="over 1 photographs: give at least two"):
        one = uncertainty.Interval(1.5, 1.5, 1.5, 0.95, 1, 1)
        made.claim("gain", "One is none.", one, above=1.0, unit="times", over="photographs")
    assert not made.values and not made.claims


@pytest.mark.parametrize(
    ("value", "holds"),
    [(1.0, True), (1.1, True), (1.1000001, False), (0.9, True), (math.nan, False), (math.inf, False)],
)
def test_a_check_is_its_bound(tmp_path: Path, value: float, holds: bool) -> None:
    assert record(tmp_path).check("x", value, expected=1.0, tolerance=0.1 + 1e-12, source="by hand") is holds


@pytest.mark.parametrize("method", ["check_below", "check_above"])
def test_a_nan_passes_no_bound(tmp_path: Path, method: str) -> None:
    assert getattr(record(tmp_path), method)("x", math.nan, bound=1.0, source="by hand") is False


def test_a_failed_check_is_written_and_raised(tmp_path: Path) -> None:
    made = record(tmp_path)
    made.check("first", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    made.check("second", 3.0, expected=2.0, tolerance=0.1, source="by hand")
    with pytest.raises(records.CheckFailed, match="1 of 2 checks failed: second is 3, expected 2 ± 0.1"):
        made.finish()
    assert len(json.loads((tmp_path / f"{NAME}.json").read_text(encoding="utf-8"))["checks"]) == 2


def test_a_record_without_checks_proves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no checks"):
        record(tmp_path).finish()


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_number_is_finite_and_has_its_own_name(tmp_path: Path, value: float) -> None:
    made = record(tmp_path)
    made.value("mean", 0.5, unit="cosine")
    with pytest.raises(ValueError, match="not a finite number"):
        made.value("other", value, unit="cosine")
    with pytest.raises(ValueError, match="already has"):
        made.statistic("mean", 0.5, n=4, unit="cosine")
    with pytest.raises(ValueError, match="give n, at least 1"):
        made.count("none", 0.5, n=0, unit="accuracy")


def test_the_same_figure_gives_the_same_bytes(tmp_path: Path) -> None:
    first = record(tmp_path / "a").save_figure(figure(), "curve").read_bytes()
    assert record(tmp_path / "b").save_figure(figure(), "curve").read_bytes() == first
    assert record(tmp_path / "c").save_figure(figure(2.0), "curve").read_bytes() != first


# Baselines


def entry(value: float = 0.5, unit: str = "cosine", kind: str = "value", n: int | None = None) -> dict:
    return {"value": value, "unit": unit, "kind": kind, **({"n": n} if n else {})}


def written(
    value: float | None = None, unit: str = "cosine", kind: str = "value", n: int | None = None, **parameters: object
) -> dict:
    """A record of one number, or of none."""
    values = {} if value is None else {"mean": entry(value, unit, kind, n)}
    return {"parameters": {"stride": 4, **parameters}, "values": values}


def accepted(record: dict, before: dict | None = None, **runs: list) -> dict:
    """The number's entry in the new baseline."""
    others = {name: [{NAME: each} for each in values] for name, values in runs.items()}
    return baselines.accepted({NAME: record}, before or {}, **others)[NAME]["numbers"]["mean"]


@pytest.mark.parametrize(
    ("number", "changes", "tolerance", "why"),
    [
        (entry(0.5), [], 5e-5, "float32 floor; changes: not measured"),
        (entry(0.5), [1e-9, 1e-8], 5e-5, "float32 floor; the largest change over 2 runs, 1.0e-08"),
        (entry(1e-9), [0.0], 1e-6, "float32 floor; the largest change over 1 runs, 0.0e+00"),
        (entry(0.5), [1e-3, 2e-3], 6e-3, "3 x the largest change over 2 runs, 2.0e-03"),
        (entry(0.5, kind="statistic", n=8), [1e-3], 3e-3, "3 x the largest change over 1 runs, 1.0e-03"),
        (entry(0.5, kind="count", n=3697), [0.0], 8.2e-4, "3 counts of 3,697; the largest change over 1 runs, 0.0e+00"),
        (entry(0.5, kind="count", n=3697), [0.01], 0.03, "3 x the largest change over 1 runs, 1.0e-02"),
    ],
)
def test_a_tolerance_follows_from_kind_and_changes(number: dict, changes: list, tolerance: float, why: str) -> None:
    assert baselines.tolerance({**number, "changes": changes}) == (tolerance, why)


def test_exactly_three_counts_hold() -> None:
    """Rounding a tolerance to two digits must not take the third count away; the fourth is too many."""
    for n in range(4, 5000):
        found, _ = baselines.tolerance({**entry(0.5, kind="count", n=n), "changes": []})
        assert 3 / n <= found * (1 + 1e-9) and (found < 4 / n or n > 1 / 3.1e-5), n


def test_changes_are_those_of_the_perturbed_runs() -> None:
    found = accepted(written(0.5), draws=[written(0.501), written(0.498)])
    assert found["changes"] == [0.001, 0.002] and found["tolerance"] == 6e-3
    further = accepted(written(0.5), draws=[written(0.501)], spread=[written(0.51)])
    assert further["changes"] == [0.001, 0.01]


def test_measured_changes_outlive_a_plain_acceptance() -> None:
    first = baselines.accepted({NAME: written(0.5)}, {}, draws=[{NAME: written(0.6)}])
    again = accepted(written(0.51), first)
    assert again["value"] == 0.51 and again["changes"] == [0.1] and again["tolerance"] == 0.3
    assert accepted(written(0.51), first, spread=[written(0.53)])["changes"] == [0.1, 0.02]
    assert accepted(written(0.51), first, draws=[written(0.53)])["changes"] == [0.02]
    assert accepted(written(0.51, stride=2), first)["changes"] == []  # measured with other parameters
    assert accepted(written(0.51, kind="count", n=9), first)["changes"] == []  # and for another kind


def test_a_number_some_runs_lack_is_optional() -> None:
    base = baselines.accepted({NAME: written(0.5)}, {}, draws=[{NAME: written()}])
    assert base[NAME]["numbers"]["mean"]["optional"]
    assert baselines.compare(written(), base[NAME]) == []
    assert baselines.accepted({NAME: written()}, base)[NAME]["numbers"]["mean"]["value"] == 0.5  # it stays known
    assert accepted(written(0.5), base, draws=[written(0.5)])["optional"]  # no run lacked it today


def state(value: float, base: dict, **how: object) -> str:
    (row,) = baselines.compare(written(value, **how), base)
    return row.state


def test_comparison() -> None:
    base = baselines.accepted({NAME: written(0.5)}, {}, draws=[{NAME: written(0.51)}])[NAME]
    assert state(0.5, base) == state(0.529, base) == state(0.471, base) == "holds"
    assert state(0.531, base) == state(0.469, base) == "moved"
    assert state(0.5, base, unit="px") == state(0.5, base, kind="count", n=9) == "moved"
    assert state(0.9, base, stride=2) == state(0.9, base, seed=1) == "other"
    assert state(0.9, baselines.accepted({NAME: written(0.5, seed=1)}, {})[NAME]) == "other"  # it had a parameter more
    assert state(0.9, base, out="elsewhere", device="cuda") == "moved"  # these two do not excuse it
    assert state(0.9, base, unit="s") == "untracked"
    (gone,) = baselines.compare(written(), base)
    assert gone.state == "gone" and gone.fails
    assert [row.state for row in baselines.compare(written(0.5), None)] == ["new"]


def test_one_draw_settles_a_number_whose_floor_is_far_wider() -> None:
    entry = {"value": 0.5, "unit": "share", "kind": "count", "n": 100, "tolerance": 0.03}  # three counts of 100
    assert baselines.settled(entry | {"changes": [0.003]})
    assert not baselines.settled(entry | {"changes": [0.0031]}) and not baselines.settled(entry | {"changes": []})
    assert baselines.settled(entry | {"changes": [0.0031, 0.0]})


def test_a_moved_count_says_how_many() -> None:
    base = baselines.accepted({NAME: written(0.5, kind="count", n=100)}, {})[NAME]
    (row,) = baselines.compare(written(0.38, kind="count", n=100), base)
    assert row.state == "moved" and row.counts == -12


def test_times_have_no_baseline() -> None:
    assert baselines.accepted({NAME: written(0.5, unit="s")}, {})[NAME]["numbers"] == {}


def test_moves_are_told() -> None:
    before = baselines.accepted({NAME: written(0.5)}, {}, draws=[{NAME: written(0.51)}])
    after = baselines.accepted({NAME: written(0.52)}, before)
    assert baselines.moves(before, after) == [f"{NAME}  mean: 0.5 -> 0.52 cosine (+0.02, within its tolerance)"]
    assert baselines.moves(before, before) == []
    assert baselines.moves({}, after)[0].endswith("new, 0.52 cosine")
    assert "gone" in baselines.moves(before, {})[0]


COMMITTED = [
    (file.stem, notebook, name, number)
    for file in sorted(baselines.FOLDER.glob("*.json"))
    for notebook, content in baselines.read(file.stem).items()
    for name, number in content["numbers"].items()
]


def test_every_committed_tolerance_is_what_its_changes_justify() -> None:
    """Neither tighter, which is a false alarm on another machine, nor looser, which catches nothing."""
    wrong = [each[:3] for each in COMMITTED if each[3]["tolerance"] != baselines.tolerance(each[3])[0]]
    few = [each[:3] for each in COMMITTED if not baselines.settled(each[3])]
    assert not wrong, f"{len(wrong)} tolerances are not those of the rule (`make accept`), such as {wrong[:3]}"
    assert not few, f"{len(few)} numbers lack perturbed runs (`make accept ARGS=--measure`), such as {few[:3]}"


# Verdicts


def judged(tmp_path: Path, *, run: Outcome | None = None, baseline: dict | None = None) -> dict:
    run = run or Outcome(NAME, status="completed", seconds=1.0)
    return judge.summarise([judge.judge(run, out=tmp_path, baseline=baseline)], out=tmp_path, preset="smoke")


def finished(tmp_path: Path) -> None:
    made = record(tmp_path, stride=4)
    made.value("mean", 0.5, unit="cosine")
    made.check("self-similarity", 1.0, expected=1.0, tolerance=1e-6, source="invariant")
    made.save_figure(figure(), "curve")
    made.finish()


def test_a_notebook_passes_only_with_a_record_that_holds(tmp_path: Path) -> None:
    assert judged(tmp_path)["verdict"] == "fails"  # completed, and no record
    finished(tmp_path)
    assert judged(tmp_path)["verdict"] == "holds"
    moved = {"parameters": {"seed": 0, "stride": 4}}
    moved["numbers"] = {
        "mean": {**entry(0.6), "changes": [], "tolerance": 0.01},
        "lost": {**entry(0.5), "changes": [], "tolerance": 0.01},
    }
    summary = judged(tmp_path, baseline=moved)
    assert summary["verdict"] == "fails"
    said = "\n".join(judge.failures(summary))
    assert "1 of 1 numbers moved beyond what another machine can do, 1 in the baseline is no longer recorded" in said
    assert "moved   mean = 0.5, baseline 0.6 ± 0.01 cosine" in said and "gone    lost, baseline 0.5" in said
    assert "alone   python -m helpers run --preset smoke --only 09" in said


def baseline_of(record: records.Record, **tolerances: float) -> dict:
    """The baseline that accepting a record makes, with these tolerances for its numbers."""
    content = {"parameters": record.parameters, "values": record.values, "claims": record.claims}
    made = baselines.accepted({NAME: content}, {})[NAME]
    for number in made["numbers"].values():
        number["tolerance"] = tolerances.get("tolerance", number["tolerance"])
    return made


def ledger_of(tmp_path: Path, base: dict | None, now: records.Record) -> dict:
    now.check("self-similarity", 1.0, expected=1.0, tolerance=1e-6, source="invariant")
    now.finish()
    return judged(tmp_path, baseline=base)


def test_a_claim_that_turns_fails_with_its_sentence(tmp_path: Path) -> None:
    base = baseline_of(claimed(tmp_path, 1.2, 1.4))
    summary = ledger_of(tmp_path, base, claimed(tmp_path, 0.8, 1.4))
    assert summary["verdict"] == "fails" and summary["counts"]["claims: undecided"] == 1
    said = "\n".join(judge.failures(summary))
    assert "1 of the baseline's claims has another verdict" in said
    line = (
        "    claim   Anti-aliasing makes the change smaller. Now undecided, 1.10 (0.80 to 1.40) times over 8 objects, "
    )
    assert line + "rule: above 1; baseline: holds, 1.3 (1.2 to 1.4), rule: above 1" in said


def test_an_end_within_its_tolerance_of_the_bound_raises_no_alarm(tmp_path: Path) -> None:
    base = baseline_of(claimed(tmp_path, 1.001, 1.4), tolerance=0.01)
    summary = ledger_of(tmp_path, base, claimed(tmp_path, 0.999, 1.4))
    (claim,) = summary["notebooks"][0]["claims"]
    assert summary["verdict"] == "holds" and (claim["state"], claim["verdict"]) == ("near", "undecided")


def test_another_bound_is_another_claim(tmp_path: Path) -> None:
    """The numbers are those of the baseline, and so is the verdict: only the goal has moved."""
    base = baseline_of(claimed(tmp_path, 1.2, 1.4))
    assert ledger_of(tmp_path, base, claimed(tmp_path, 1.2, 1.4))["verdict"] == "holds"
    summary = ledger_of(tmp_path, base, claimed(tmp_path, 1.2, 1.4, above=0.5))
    assert summary["verdict"] == "fails" and "rule: above 0.5; baseline: holds" in "\n".join(judge.failures(summary))


def test_claims_come_and_go_as_numbers_do(tmp_path: Path) -> None:
    base = baseline_of(claimed(tmp_path, 1.2, 1.4))
    without = record(tmp_path, stride=4)
    for name, value in (("gain", 1.3), ("gain/low", 1.2), ("gain/high", 1.4)):
        without.statistic(name, value, n=8, unit="times")  # the numbers are there, the sentence is not
    summary = ledger_of(tmp_path, base, without)
    assert summary["verdict"] == "fails" and summary["counts"]["claims"] == 0
    gone = "claim   gone: Anti-aliasing makes the change smaller. Baseline: holds, 1.3 (1.2 to 1.4), rule: above 1"
    assert gone in "\n".join(judge.failures(summary))
    for known, state in (({**base, "claims": {}}, "new"), ({**base, "parameters": {"stride": 2}}, "other")):
        summary = ledger_of(tmp_path, known, claimed(tmp_path, 1.2, 1.4))
        assert summary["verdict"] == "holds" and summary["notebooks"][0]["claims"][0]["state"] == state
    summary = ledger_of(tmp_path, None, claimed(tmp_path, 0.2, 0.4))  # no baseline: shown, not judged
    assert summary["verdict"] == "holds" and summary["counts"]["claims: does not hold"] == 1


def test_accepting_tells_what_turned_and_what_is_open(tmp_path: Path) -> None:
    before, after = ({NAME: baseline_of(claimed(tmp_path, *ends))} for ends in ((1.2, 1.4), (0.8, 1.4)))
    assert ledger.moves(before, after) == [f"{NAME}  claim gain: holds (above 1) -> undecided (above 1)"]
    assert ledger.moves({}, after) == [f"{NAME}  claim gain: new, undecided (above 1)"]
    assert ledger.moves(before, {}) == [f"{NAME}  claim gain: gone, was holds (above 1)"]
    assert ledger.moves(after, after) == ledger.unsettled(before) == []
    (against,) = ledger.unsettled({NAME: baseline_of(claimed(tmp_path, 0.8, 0.9))})
    assert against.startswith(f"{NAME}  does not hold: Anti-aliasing")
    assert ledger.unsettled(after) == [
        f"{NAME}  undecided: Anti-aliasing makes the change smaller. (gain, rule: above 1)"
    ]


def test_a_claim_over_optional_numbers_stays_known(tmp_path: Path) -> None:
    base = baseline_of(claimed(tmp_path, 1.2, 1.4))
    for number in base["numbers"].values():
        number["optional"] = True
    without = record(tmp_path, stride=4)
    without.value("mean", 0.5, unit="cosine")
    content = {"parameters": without.parameters, "values": without.values}
    again = baselines.accepted({NAME: content}, {NAME: base})[NAME]
    assert again["claims"] == base["claims"]
    assert ledger_of(tmp_path, again, without)["notebooks"][0]["claims"] == []


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


def test_the_run_before_is_the_last_one_of_the_same_preset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(judge.runtime, "stamp", dict)  # asks git, which takes a second
    for folder, preset, ended in (("a", "smoke", "3"), ("b", "smoke", "4"), ("c", "demo", "5"), ("d", "smoke", "2")):
        out = tmp_path / folder
        entry = judge.judge(Outcome(NAME, status="completed", seconds=1.0), out=out, baseline=None)
        run = {"settings": {}, "seconds": 1.0, "finished": ended}
        records.write_file(out / "summary.json", json.dumps(judge.summarise([entry], out=out, preset=preset, **run)))
    found = {preset: judge.last(tmp_path / "new", preset=preset).get("folder") for preset in ("smoke", "demo", "full")}
    assert found == {"smoke": "b", "demo": "c", "full": None}
    assert judge.last(tmp_path / "b", preset="smoke")["folder"] == "a"  # no run is before itself


def test_a_sidecar_has_the_numbers_recorded_after_its_figure(tmp_path: Path) -> None:
    made = record(tmp_path)
    path = made.save_figure(figure(), "curve").with_suffix(".json")
    made.value("mean", 0.5, unit="cosine")
    made.check("x", 1.0, expected=1.0, tolerance=0.1, source="by hand")
    made.finish()
    assert json.loads(path.read_text(encoding="utf-8"))["values"] == {"mean": entry(0.5)}


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
