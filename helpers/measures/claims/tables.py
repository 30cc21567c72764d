"""Effects as the table of claims, as claims of a record, and out of records again."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import pandas as pd

from helpers.measures.claims.findings import BLURRED, FINDINGS, TWINS
from helpers.measures.uncertainty import Interval
from helpers.records import Record, verdict


def table(effects: Mapping[str, Mapping[str, Interval]]) -> pd.DataFrame:
    """Effects by network and finding, as of `of_maps`, as the table of claims.

    Returns:
        A row per finding and network, findings in the order of `FINDINGS`: finding, network, effect, low, high, unit,
        objects, clusters, verdict, elsewhere. ``verdict`` is one of `records.VERDICTS`, ``no data``, or ``not asked``
        (what anti-aliasing does, of a network without). ``elsewhere`` lists the other verdicts that the finding's
        other thresholds give.
    """
    rows = []
    for name, finding in FINDINGS.items():
        for network, known in effects.items():
            row = {"finding": name, "network": network, "unit": finding.unit}
            found = known.get(name)
            if found is None:
                asked = name not in TWINS or network.endswith(BLURRED)
                rows.append({**row, "verdict": "no data" if asked else "not asked", "elsewhere": ""})
                continue
            ends = {"effect": found.value, "low": found.low, "high": found.high}
            first, *others = (
                verdict(found.low, found.high, above=above, below=below, n=found.objects)
                for above, below in finding.bounds
            )
            size = {"objects": found.objects, "clusters": found.clusters}
            elsewhere = ", ".join(dict.fromkeys(each for each in others if each != first))
            rows.append({**row, **ends, **size, "verdict": first, "elsewhere": elsewhere})
    columns = ["finding", "network", "effect", "low", "high", "unit", "objects", "clusters", "verdict", "elsewhere"]
    return pd.DataFrame(rows, columns=columns).astype({"objects": "Int64", "clusters": "Int64"})


def keep(record: Record, effects: Mapping[str, Mapping[str, Interval]]) -> None:
    """Make effects, by network and finding, claims of a record, called ``finding/network``; a table shows them."""
    for network, known in effects.items():
        for name, found in known.items():
            finding = FINDINGS[name]
            above, below = finding.bounds[0]
            sentence = f"{network}: {finding.sentence[0].lower()}{finding.sentence[1:]}"
            rule = {"above": above, "below": below, "unit": finding.unit, "source": finding.source}
            record.claim(f"{name}/{network}", sentence, found, **rule, show=False)


def kept(records: Iterable[Mapping]) -> dict[str, dict[str, Interval]]:
    """The effects that records hold as claims, by network and finding, for `table`.

    A claim is called ``finding/network``, or it is the `Finding.claim` of a notebook about the first of its networks.

    Args:
        records: as they are written, parsed.
    """
    effects: dict[str, dict[str, Interval]] = {}
    told = {finding.claim: name for name, finding in FINDINGS.items() if finding.claim}
    for record in records:
        title = next((each["title"] for each in record.get("stamp", {}).get("networks", []) if "title" in each), "")
        first = title.removesuffix(", off-the-shelf").replace("demo ", "embedded ")
        for claim in record.get("claims", []):
            name, _, network = claim["claim"].partition("/")
            if claim["claim"] in told:
                name, network = told[claim["claim"]], first
            if name in FINDINGS and network:
                ends = (record["values"][f"{claim['claim']}{end}"]["value"] for end in ("", "/low", "/high"))
                effects.setdefault(network, {})[name] = Interval(*ends, 0.95, claim["n"], claim["n"])
    return effects
