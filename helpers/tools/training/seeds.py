"""Other seeds: what the notebooks measured on the twelve networks trained again (ours).

One training is one draw from the networks that a recipe can give. Next to the draw of another seed, a
difference that has a cause can be told from one that is luck. The numbers kept here are the notebooks' own:
train with another seed, run the notebooks with that ``training_seed``, keep their records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.networks.embedded import store
from helpers.tools.commandline import read_json

FILE = Path(__file__).parent / "seeds.json"
_RUNS = Path(__file__).resolve().parents[3] / "runs"
_PARAMETER = "training_seed"


def folder(seed: int) -> Path:
    """The folder of a training seed's weights: those of seed 0 come with the workbook, others are in runs/."""
    return store.FOLDER if seed == 0 else _RUNS / f"seed{seed}"


def weights(name: str, *, antialiased: bool, positions: str, seed: int = 0) -> Path | str:
    """What to give ``networks.load`` as weights: the positions' name for seed 0, otherwise a file.

    Raises:
        FileNotFoundError: The file is missing; says how to train it.
    """
    if seed == 0:
        return positions
    path = folder(seed) / store.file_name(name, antialiased=antialiased, positions=positions)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing: train it with `make weights ARGS="--seed {seed}"`')
    return path


def kept(notebook: str, parameters: Mapping[str, object], *, file: Path = FILE) -> dict[int, dict[str, float]]:
    """The numbers of other seeds that a notebook, e.g. ``07_causes``, recorded with the same parameters.

    ``parameters`` are those of this run, ``training_seed`` among them.

    Returns:
        Seed -> name -> value; empty if none was kept with these parameters.
    """
    own = dict(parameters)
    seed = own.pop(_PARAMETER)
    entries = _known(file).get(notebook, [])
    return {each["seed"]: each["values"] for each in entries if each["parameters"] == own and each["seed"] != seed}


def keep(records: Iterable[Path], *, file: Path = FILE) -> list[str]:
    """Keep the numbers of records (``OUT/NN_name.json``) of other seeds, in place of a seed's earlier ones.

    Returns:
        A line for each record.

    Raises:
        ValueError: A file that is no record, one without a ``training_seed``, or one of seed 0, whose numbers
            every run measures.
    """
    known = _known(file)
    lines = []
    for path in records:
        record = read_json(path)
        try:
            notebook, parameters = record["notebook"], dict(record["parameters"])
            values = {name: entry["value"] for name, entry in record["values"].items()}
            made = {key: record["stamp"][key] for key in ("commit", "packages", "networks")}
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise ValueError(f"{path} is not a notebook's record: give OUT/NN_name.json of a finished run") from error
        seed = parameters.pop(_PARAMETER, 0)
        if seed == 0:
            raise ValueError(f"{path} is no record of another seed: run it with --set {_PARAMETER}=1")
        entry = {"seed": seed, "parameters": parameters, "values": values, "made": made}
        others = [old for old in known.get(notebook, []) if old["seed"] != seed]
        known[notebook] = sorted([*others, entry], key=lambda each: each["seed"])
        lines.append(f"{notebook}, seed {seed}: {len(values)} numbers")
    file.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return lines


def _known(file: Path) -> dict[str, list[dict]]:
    return read_json(file) if file.is_file() else {}
