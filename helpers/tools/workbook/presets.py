"""What a run is asked to do: a preset's parameters, and settings from the command line on top."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from helpers.suggestions import nearest
from helpers.tools.workbook.notebooks import Notebook, Parameter, Refused, check, parameters, readable, spelled

PRESETS = ("smoke", "demo", "paper")
# Seconds a cell may take: a guard against a hang, not a target
CELL_SECONDS = {"smoke": 600, "demo": 1800, "paper": 14 * 24 * 3600}


def jobs(preset: str) -> int:
    """How many notebooks run at once by default: they share the cores, and at paper scale the memory is one's."""
    return 1 if preset == "paper" else min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Presets:
    """``notebooks/presets.toml``: overrides by preset and notebook, the notebooks that run alone, and how many
    seconds each may take with the preset demo (``budget``: shown beside the time taken, and no verdict)."""

    overrides: dict[str, dict[str, dict[str, object]]]
    alone: frozenset[str]
    budget: dict[str, float]


def read(folder: Path) -> Presets:
    """The presets of a folder of notebooks. The notebooks' own defaults are the preset ``demo``.

    Raises Refused for a table that is no preset.
    """
    path = Path(folder) / "presets.toml"
    with readable(path):
        tables = tomllib.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        alone = frozenset(tables.pop("alone", []))
        budget = {name: float(each) for name, each in tables.pop("budget", {}).items()}
        for name in tables:
            if name not in PRESETS:
                raise Refused(f"{path.name} names the preset {name!r}{nearest(name, PRESETS)}")
            for notebook, overrides in tables[name].items():
                if not isinstance(overrides, dict):
                    raise Refused(f"{path.name}: {name}.{notebook} is {overrides!r}, not a table of parameters")
    return Presets(tables, alone, budget)


def resolve(
    notebooks: list[Notebook], *, every: list[Notebook], preset: str, settings: dict[str, str], presets: Presets
) -> dict[str, dict[str, object]]:
    """The parameters to inject into each notebook of a run, by notebook name.

    ``settings`` are name and text as given by ``--set``; one applies to every chosen notebook that has the
    parameter. Raises Refused for an unknown preset, notebook or parameter, and for a value of another type.
    """
    if preset not in PRESETS:
        raise Refused(f"unknown preset {preset!r}{nearest(preset, PRESETS)}")
    chosen = presets.overrides.get(preset, {})
    names = [notebook.name for notebook in every]
    for name in {*chosen, *presets.alone, *presets.budget} - {*names}:
        raise Refused(f"presets.toml, {preset}: no notebook {name!r}{nearest(name, names)}")
    known = {n.name: parameters(n) for n in notebooks}
    wanted: dict[str, dict[str, object]] = {}
    for notebook in notebooks:
        have, where = known[notebook.name], f"presets.toml, {preset}.{notebook.name}"
        wanted[notebook.name] = {
            name: check(_named(name, have, where), value, where=where)
            for name, value in chosen.get(notebook.name, {}).items()
        }
    for name, text in settings.items():
        if name == "out":
            raise Refused("the output folder is set by --out, not by --set out=...")
        has = [n for n in notebooks if name in known[n.name]]
        if not has:
            _named(name, {k: p for have in known.values() for k, p in have.items()}, "--set")
        for notebook in has:
            wanted[notebook.name][name] = spelled(known[notebook.name][name], text, where=f"--set {name}={text}")
    return wanted


def _named(name: str, have: dict[str, Parameter], where: str) -> Parameter:
    if name not in have:
        raise Refused(f"{where}: no notebook parameter {name!r}{nearest(name, have)}")
    return have[name]
