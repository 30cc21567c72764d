"""The parameters of a run: those of its preset, with settings from the command line on top."""

from __future__ import annotations

import os
import tomllib
from dataclasses import dataclass
from pathlib import Path

from helpers.suggestions import nearest
from helpers.tools.workbook.notebooks import Notebook, Parameter, Refused, parameters, readable, spelled, typed

PRESETS = ("smoke", "demo", "paper")
# Seconds a cell may take: a guard against a hang, not a target
CELL_SECONDS = {"smoke": 600, "demo": 1800, "paper": 14 * 24 * 3600}


def jobs(preset: str) -> int:
    """How many notebooks run at once by default; at paper scale one needs all the memory."""
    return 1 if preset == "paper" else min(4, os.cpu_count() or 1)


@dataclass(frozen=True)
class Presets:
    """What ``notebooks/presets.toml`` says.

    Attributes:
        overrides: parameters, by preset and notebook.
        alone: the notebooks that run with nothing beside them.
        budget: seconds each may take with the preset ``demo``; shown beside the time taken, not judged.
    """

    overrides: dict[str, dict[str, dict[str, object]]]
    alone: frozenset[str]
    budget: dict[str, float]


def read(folder: Path) -> Presets:
    """The presets of a folder of notebooks. The notebooks' own defaults are the preset ``demo``.

    Raises:
        Refused: A table is not a preset.
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

    Args:
        notebooks: those chosen.
        every: all that there are.
        preset: its name.
        settings: name and text as given by ``--set``; one applies to every chosen notebook that has the parameter.
        presets: of the notebooks' folder.

    Raises:
        Refused: An unknown preset, notebook or parameter, or a value of another type.
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
            name: typed(_named(name, have, where), value, where=where)
            for name, value in chosen.get(notebook.name, {}).items()
        }
    for name, text in settings.items():
        if name == "out":
            raise Refused("--set out=... has no effect: give the output folder with --out")
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
