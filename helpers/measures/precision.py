"""What a shorter numerical precision gains on this device, and whether the maps stay the same. Ours."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence

import torch

from helpers import runtime, similarity
from helpers.features import batch_for, reader
from helpers.networks import Network
from helpers.networks.passes import parameter
from helpers.shifting import Scene

BOUND = 1e-3  # the largest difference of any cosine from float32's
_CANDIDATES = {"cuda": ("tf32", "bfloat16", "float16"), "cpu": ("bfloat16",), "mps": ("float16",)}
_SAMPLE, _ROUNDS = 64, 3


@dataclasses.dataclass(frozen=True)
class Choice:
    """A precision, and what it costs and gains.

    Attributes:
        precision: as in :func:`helpers.runtime.precision`.
        difference: the largest difference of a cosine from float32's over the sample.
        speedup: float32's seconds over its own.
        tried: the same for all candidates.
    """

    precision: str
    difference: float
    speedup: float
    tried: tuple[Choice, ...] = ()


def fastest(
    network: Network,
    scene: Scene,
    layers: Sequence[str] | None = None,
    *,
    device: str | torch.device = "auto",
    average: bool = False,
) -> Choice:
    """The fastest precision on a device whose maps stay within 1e-3 of float32's.

    Measured on 64 positions, the five anchors and others drawn at random, in rounds of all candidates in turn.
    The sample's largest difference must be under half the bound, since a sample can miss the worst position.
    Arguments and errors are those of :func:`helpers.features.extract`.
    """
    where = runtime.device(str(device))
    at = list(similarity.anchors(scene.grid).values())
    chosen = torch.randint(2**31, (_SAMPLE - len(at), 2), generator=torch.Generator().manual_seed(0))
    places = torch.cat([torch.tensor(at), chosen % torch.tensor(scene.grid)])
    frames, size = scene.render(places, where), batch_for(network, scene.frame, device=where)
    seconds: dict[str, list[float]] = {}
    maps: dict[str, dict[str, torch.Tensor]] = {}
    shorter = _CANDIDATES.get(where.type, ()) if parameter(network.module).dtype == torch.float32 else ()
    for _ in range(_ROUNDS):
        for precision in ("float32", *shorter):
            with reader(network, layers, device=where, precision=precision, average=average) as read:
                read(frames[:1])
                start = time.perf_counter()
                whole = read.each(frames, size=size)
                seconds.setdefault(precision, []).append(time.perf_counter() - start)
            maps[precision] = {layer: _cosines(values, len(at)) for layer, values in whole.items()}
    exact, base = maps["float32"], min(seconds["float32"])
    tried = tuple(
        Choice(
            name,
            max(float((maps[name][layer] - exact[layer]).abs().nan_to_num(torch.inf).max()) for layer in exact),
            base / min(taken),
        )
        for name, taken in seconds.items()
    )
    near = [choice for choice in tried if choice.difference <= BOUND / 2]
    return dataclasses.replace(max(near, key=lambda choice: choice.speedup), tried=tried)


def _cosines(features: torch.Tensor, anchors: int) -> torch.Tensor:
    unit = features / torch.linalg.vector_norm(features, dim=1, keepdim=True, dtype=torch.float64)
    return unit[:anchors] @ unit.T
