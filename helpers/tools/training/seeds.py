"""Other seeds: what the notebooks measured on the twelve networks trained again (ours).

One training is one draw from the networks that a recipe can give. Beside the draw of another seed, a
difference that a cause makes can be told from one that chance makes. The numbers kept here are the
notebooks' own: train with another seed, run the notebooks with that `training_seed`, keep their records.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from helpers.networks.embedded import store

FILE = Path(__file__).parent / "seeds.json"
_RUNS = Path(__file__).resolve().parents[3] / "runs"
_PARAMETER = "training_seed"


def folder(seed: int) -> Path:
    """Where the weights of a training seed lie: 0 comes with the workbook, others are trained into runs/."""
    return store.FOLDER if seed == 0 else _RUNS / f"seed{seed}"


def weights(name: str, antialiased: bool, variant: str, seed: int = 0) -> Path | str:
    """What to give `networks.load` as weights: the variant's name for seed 0, else the file of another seed.

    Raises FileNotFoundError, saying how to train it, where that file is missing.
    """
    if seed == 0:
        return variant
    path = folder(seed) / store.file_name(name, antialiased, variant)
    if not path.is_file():
        raise FileNotFoundError(f'{path} is missing: train it with `make weights ARGS="--seed {seed}"`')
    return path


def kept(notebook: str, parameters: Mapping[str, object], file: Path = FILE) -> dict[int, dict[str, float]]:
    """The numbers of other seeds that a notebook recorded with the same parameters: seed -> name -> value.

    parameters: those of this run, `training_seed` among them. Empty where none was kept with these.
    """
    entries = json.loads(file.read_text(encoding="utf-8"))[notebook] if file.is_file() else []
    own = dict(parameters)
    seed = own.pop(_PARAMETER)
    return {
        entry["seed"]: entry["values"] for entry in entries if entry["parameters"] == own and entry["seed"] != seed
    }


def keep(records: Iterable[Path], file: Path = FILE) -> list[str]:
    """Keep the numbers of records (OUT/NN_name.json) of other seeds; returns a line for each.

    A seed's earlier numbers of the same notebook are replaced. Raises ValueError for a record without a
    `training_seed`, or of seed 0, whose numbers every run measures.
    """
    known = json.loads(file.read_text(encoding="utf-8")) if file.is_file() else {}
    lines = []
    for path in records:
        record = json.loads(Path(path).read_text(encoding="utf-8"))
        notebook, parameters = record["notebook"], dict(record["parameters"])
        seed = parameters.pop(_PARAMETER, 0)
        if seed == 0:
            raise ValueError(f"{path} is no record of another seed: run it with --set {_PARAMETER}=1")
        values = {name: entry["value"] for name, entry in record["values"].items()}
        made = {key: record["stamp"][key] for key in ("commit", "packages", "networks")}
        entry = {"seed": seed, "parameters": parameters, "values": values, "made": made}
        others = [old for old in known.get(notebook, []) if old["seed"] != seed]
        known[notebook] = sorted([*others, entry], key=lambda each: each["seed"])
        lines.append(f"{notebook}, seed {seed}: {len(values)} numbers")
    file.write_text(json.dumps(dict(sorted(known.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return lines
