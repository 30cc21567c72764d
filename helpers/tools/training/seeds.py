"""Other trainings: what notebook 07 measures, of networks trained again or with other positions (ours).

One training is one draw from the networks that a recipe can give. Beside the draws of other seeds, a difference
that has a cause can be told from one that is luck. Their weights are not kept; their numbers are, in one file.
"""

from __future__ import annotations

import dataclasses
import json
import math
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import torch

from helpers import features, networks, objects, runtime, shifting, similarity
from helpers.measures import padding, variation
from helpers.networks import Network
from helpers.networks.embedded import store
from helpers.tools.commandline import read_json

FILE = Path(__file__).parent / "seeds.json"
BORDERS = ("as trained", "no border")
MEASURES = ("accuracy", "invariance", "pixel")
_RUNS = Path(__file__).resolve().parents[3] / "runs"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Protocol:
    """How a network is measured; numbers of one protocol can be compared."""

    object_names: tuple[str, ...] = (
        "airplane", "cup", "flower", "knight", "scissors", "skull", "umbrella", "digit 3",
    )  # fmt: skip
    object_size: int = 48  # pixels
    stride: int = 7  # pixels, between positions
    walk_count: int = 12  # of each object, one pixel long in two directions
    seed: int = 0  # of the walks

    def measure(self, network: Network, *, layer: str | None = None, device: str = "auto") -> dict[str, np.ndarray]:
        """What a network does with objects at all positions of a white frame.

        Args:
            network: any; its answers are judged where it has a class for each of the objects.
            layer: the layer that is measured, by default the one that the paper uses: fc7 of AlexNets, else the
                class scores.
            device: as for `runtime.device`.

        Returns:
            Arrays (N,), a number for each of N objects: ``invariance``, calibrated; ``centre`` and ``corners``, the
            mean cosine with those anchors; ``pixel``, 1 - cosine over one pixel; ``accuracy``, the share of positions
            with the right answer. And ``right``, bool (N, R, C). The last two only where answers can be judged.

        Raises:
            ValueError: positions that meet only some places of the network's grid, always the same ones.
        """
        shared = math.gcd(self.stride, network.strides[-1])
        if shared > 2:
            raise ValueError(
                f"stride {self.stride} px shares the factor {shared} with the grid of {network.name}, so most places "
                f"on the grid are never met: use an odd stride, such as {self.stride - 1}"
            )
        used = layer or ("fc7" if "alexnet" in network.name else network.logits)
        scenes = [shifting.Paste(objects.load(name, self.object_size), network.frame) for name in self.object_names]
        walks = variation.walks(scenes[0].grid, [1], count=self.walk_count, seed=self.seed)
        places = torch.from_numpy(walks.reshape(-1, 2))
        read = list(dict.fromkeys([used, network.logits]))
        every = [
            features.extract(network, scene, read, stride=self.stride, device=device, progress=False).layers
            for scene in scenes
        ]
        near = [features.of_frames(network, scene.render(places), [used], device=device)[used] for scene in scenes]
        means = np.stack([similarity.cosine_maps(layers[used]).mean((1, 2)).numpy() for layers in every])
        middle = similarity.ANCHORS.index("c")
        found = {
            "centre": means[:, middle],
            "corners": np.delete(means, middle, axis=1).mean(1),
            "invariance": variation.calibrate([layers[used] for layers in every]).invariance,
            "pixel": np.array([variation.drop_along(each.unflatten(0, walks.shape[:2]), [1])[1] for each in near]),
        }
        if network.labels and all(scene.label in network.labels for scene in scenes):
            right = [
                layers[network.logits].argmax(-1) == network.class_index(scene.label)
                for layers, scene in zip(every, scenes, strict=True)
            ]
            found["right"] = torch.stack(right).numpy()
            found["accuracy"] = found["right"].mean((1, 2))
        return found


def folder(seed: int) -> Path:
    """The folder of a training seed's weights: those of seed 0 come with the workbook, others are in runs/."""
    return store.FOLDER if seed == 0 else _RUNS / f"seed{seed}"


def kept(protocol: Protocol, *, file: Path = FILE) -> pd.DataFrame:
    """The numbers kept of other trainings, where they were measured by this protocol.

    Returns:
        A row for each: network, positions, antialiased, seed, border, the means over objects called `MEASURES`, and
        `by_object`, the invariance of each object, where it was kept.
    """
    known = _known(file)
    rows = known["trainings"] if known["protocol"] == _plain(protocol) else []
    return pd.DataFrame(rows, columns=["network", "positions", "antialiased", "seed", "border", *MEASURES, "by_object"])


def keep(files: Iterable[Path], *, file: Path = FILE) -> list[str]:
    """Measure trained networks and keep their numbers, in place of earlier ones of the same training.

    Each is measured as trained, and what averages its last map and was trained at the centre also without a border.

    Args:
        files: of weights, as `weights train` writes them.
        file: where the numbers are kept.

    Returns:
        A line for each training.

    Raises:
        ValueError: a file that does not say how it was trained, or weights that come with the workbook.
        FileNotFoundError: a file that is missing.
    """
    known, lines = _known(file), []
    for path in files:
        made = store.read(path)[1]
        try:
            name, where, seed = made["network"], made["variant"], int(made["seed"])
            blurred = bool(json.loads(made["antialiased"]))
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path} does not say how it was trained: give weights of `weights train`") from error
        if seed == 0 and where in store.POSITIONS:
            raise ValueError(f"{path} has seed 0, which comes with the workbook: train another, --seed 1")
        network = networks.load(name, antialiased=blurred, weights=path)
        own = {"network": name, "positions": where, "antialiased": blurred, "seed": seed}
        known["trainings"] = [each for each in known["trainings"] if any(each[key] != own[key] for key in own)]
        for border in BORDERS[: 2 if name != "demo_alexnet" and where == "centre" else 1]:
            each = network if border == BORDERS[0] else padding.replace(network, mode="circular")
            found = Protocol().measure(each)
            means = {measure: float(found[measure].mean()) for measure in MEASURES}
            means["by_object"] = [round(float(each), 7) for each in found["invariance"]]
            known["trainings"].append({**own, "border": border, **means, "commit": runtime.stamp()["commit"]})
        lines.append(f"{path.stem}, seed {seed}: {len(MEASURES)} numbers of each border")
    known["trainings"].sort(key=lambda each: (each["seed"], each["network"], each["positions"], each["antialiased"]))
    known["protocol"] = _plain(Protocol())
    file.write_text(json.dumps(known, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return lines


def _known(file: Path) -> dict:
    return read_json(file) if file.is_file() else {"protocol": _plain(Protocol()), "trainings": []}


def _plain(protocol: Protocol) -> dict:
    return json.loads(json.dumps(dataclasses.asdict(protocol)))
