"""The claims of a run against those of its baseline: a sentence may not change its verdict unnoticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from helpers.records import VERDICTS

if TYPE_CHECKING:
    from helpers.tools.workbook.baselines import Row

_KEPT = ("sentence", "verdict", "rule")  # what a baseline keeps of a claim, besides its numbers


def compare(record: Mapping, baseline: Mapping | None, rows: Iterable[Row]) -> list[dict]:
    """A record's claims, each with its ``state`` against the baseline; those that are gone come last.

    ``holds``: its verdict and its rule are those of the baseline. ``near``: the verdict is another, and yet effect
    and interval are within their tolerances, so an end lies too near the bound for another machine to repeat the
    verdict. ``turned``: the verdict is another for good, or the rule is. ``gone``: it is no longer made. ``new``, or
    ``other`` where the run has other parameters than the baseline: not compared.

    Args:
        record: of the notebook.
        baseline: its part of the baseline, if there is one.
        rows: the record's numbers against the baseline, as of `baselines.compare`.
    """
    numbers = {row.name: row for row in rows}
    missing = "other" if any(row.state == "other" for row in numbers.values()) else "new"
    kept = {} if baseline is None or missing == "other" else baseline.get("claims", {})
    found = []
    for claim in record.get("claims", []):
        name, then = claim["claim"], kept.get(claim["claim"])
        ends = [numbers[end] for end in (name, f"{name}/low", f"{name}/high")]
        state = missing
        if then is not None:
            same = claim["rule"] == then["rule"]
            near = same and all(row.state in ("holds", "untracked") for row in ends)  # times are not tracked
            state = "holds" if same and claim["verdict"] == then["verdict"] else "near" if near else "turned"
        found.append({**claim, "state": state, "fails": state == "turned", "then": then and told(then, ends)})
    made = {claim["claim"] for claim in found}
    for name, then in kept.items():
        optional = baseline["numbers"].get(name, {}).get("optional")
        if name not in made and not optional:
            ends = [numbers[end] for end in (name, f"{name}/low", f"{name}/high") if end in numbers]
            found.append({**then, "claim": name, "state": "gone", "fails": True, "then": told(then, ends)})
    return found


def told(then: Mapping, ends: list[Row]) -> str:
    """A claim of the baseline in words: ``holds, 2.13 (1.98 to 2.24), rule: above 1``."""
    known = [f"{row.expected:.6g}" for row in ends if row.expected is not None]
    numbers = f", {known[0]} ({known[1]} to {known[2]})" if len(known) == 3 else ""
    return f"{then['verdict']}{numbers}, rule: {then['rule']}"


def accepted(record: Mapping, before: Mapping | None, numbers: Mapping[str, Mapping]) -> dict[str, dict]:
    """The claims that a new baseline keeps of a record, by name.

    Args:
        record: of the notebook.
        before: the notebook's part of the baseline so far: its claims over optional numbers are kept.
        numbers: those of the new baseline.
    """
    claims = {claim["claim"]: {key: claim[key] for key in _KEPT} for claim in record.get("claims", [])}
    for name, claim in (before or {}).get("claims", {}).items():
        if numbers.get(name, {}).get("optional"):
            claims.setdefault(name, claim)
    return claims


def moves(before: Mapping[str, Mapping], after: Mapping[str, Mapping]) -> list[str]:
    """What accepting a run changes: a line per claim with another verdict or rule, new or gone."""
    lines = []
    for notebook in sorted(before.keys() | after.keys()):
        old, new = (side.get(notebook, {}).get("claims", {}) for side in (before, after))
        for name in [*new, *(each for each in old if each not in new)]:
            both = (side.get(name) for side in (old, new))
            then, now = (f"{each['verdict']} ({each['rule']})" if each else "" for each in both)
            if then != now:
                change = f"{then} -> {now}" if then and now else f"new, {now}" if now else f"gone, was {then}"
                lines.append(f"{notebook}  claim {name}: {change}")
    return lines


def unsettled(notebooks: Mapping[str, Mapping]) -> list[str]:
    """A line per claim of a baseline that does not hold or is undecided: to be read before it is committed."""
    return [
        f"{notebook}  {claim['verdict']}: {claim['sentence']} ({name}, rule: {claim['rule']})"
        for notebook, content in notebooks.items()
        for name, claim in content.get("claims", {}).items()
        if claim["verdict"] != "holds"
    ]


def failures(claims: Iterable[Mapping]) -> Iterable[str]:
    """The lines of a failed notebook about its claims."""
    for claim in claims:
        if claim["state"] == "turned":
            yield f"    claim   {claim['sentence']} Now {now(claim)}; baseline: {claim['then']}"
        elif claim["state"] == "gone":
            yield f"    claim   gone: {claim['sentence']} Baseline: {claim['then']}"


def now(claim: Mapping) -> str:
    """A claim with its numbers and rule: ``holds, 2.13 (1.98 to 2.24) times over 8 objects, rule: above 1``."""
    return f"{claim['verdict']}, {claim['found']}, rule: {claim['rule']}"


def tally(claims: Iterable[Mapping]) -> dict[str, int]:
    """How many claims a run made and how many of each verdict."""
    verdicts = [claim["verdict"] for claim in claims if claim["state"] != "gone"]
    return {"claims": len(verdicts), **{f"claims: {each}": verdicts.count(each) for each in VERDICTS}}
