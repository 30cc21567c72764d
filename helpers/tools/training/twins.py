"""Train the anti-aliased twin of a real network without its training data, by self-distillation.

The twin is the network with a blur before each stride and its batch statistics matched; it then learns to answer,
and to see at every stage, what the untouched network does, on pictures out of ordinary packages.
"""

from __future__ import annotations

import copy
import dataclasses
import json
import os
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional
from tqdm import tqdm

from helpers import networks, runtime
from helpers.networks.antialiasing import blurred, match_statistics
from helpers.networks.embedded import store
from helpers.tools.training import agreement, pictures, saving

NAMES = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
SMALL = 160  # px: the side of every second batch, for speed
CHECKPOINT_EVERY = 50  # steps
Seen = tuple[list[Tensor], Tensor, Tensor]


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a twin is trained.

    Until the rate falls, no step depends on how many there will be: a run may be given other ``steps`` where it
    goes on, and is the run that had them from the start.
    """

    steps: int = 1000
    warm: int = 60  # first steps, in which the rate rises
    decay: int = 300  # last steps, in which it falls
    peak_rate: float = 1e-4
    batch: int = 12
    average: float = 0.995  # of the weights, over steps
    pooled: float = 10.0  # weight of the pooled features in the loss
    stages: float = 2.0  # and of the maps after each stage
    taps: int = 3
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate of a step, counted from 0: it rises, stays and falls."""
        return self.peak_rate * min(1, (step + 1) / self.warm, max(0, self.steps - step) / self.decay)


def standardise(pixels: Tensor) -> Tensor:
    """Values from 0 to 255 as an EfficientNet-Lite takes them (mean and deviation 0.5)."""
    return (pixels / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def seen(module: nn.Module, inputs: Tensor) -> Seen:
    """The maps after each stage, the pooled features and the logits of one of timm's EfficientNets."""
    maps, x = [], module.bn1(module.conv_stem(inputs))
    for stage in module.blocks:
        x = stage(x)
        maps.append(x)
    pool = module.forward_head(module.bn2(module.conv_head(x)), pre_logits=True)
    return maps, pool, module.classifier(pool)


def loss(recipe: Recipe, own: Seen, target: Seen) -> Tensor:
    """Divergence of the answers, distance of the pooled features, and error of each stage's map over its variance."""
    (maps, pool, logits), (true_maps, true_pool, true_logits) = own, target
    answers = functional.kl_div(
        functional.log_softmax(logits.float(), 1),
        functional.log_softmax(true_logits.float(), 1),
        log_target=True,
        reduction="batchmean",
    )
    pooled = (1 - functional.cosine_similarity(pool.float(), true_pool.float())).mean()
    errors = [
        functional.mse_loss(mine.float(), true.float()) / true.float().var()
        for mine, true in zip(maps, true_maps, strict=True)
    ]
    return answers + recipe.pooled * pooled + recipe.stages * sum(errors) / len(errors)


def start(teacher: nn.Module, recipe: Recipe, *, side: int) -> nn.Module:
    """The twin before it learns: a blur before each stride, batch statistics matched."""
    twin = blurred(teacher, taps=recipe.taps, frame=side)
    # Steps count from 0, so this batch is none of those that it learns from.
    match_statistics(twin, teacher, standardise(pictures.batch(recipe.seed, 10**6, count=64, side=side)))
    return twin


def learn(teacher: nn.Module, recipe: Recipe, *, side: int, kept: Path) -> tuple[nn.Module, float]:
    """Train a twin, or go on from its checkpoint; batch norms stay in eval mode.

    Args:
        teacher: the untouched network, one of timm's EfficientNets.
        side: of its frames, in pixels.
        kept: the checkpoint.

    Returns:
        The twin with its weights averaged over steps, in eval mode, and the seconds that the steps took.
    """
    teacher = copy.deepcopy(teacher).eval().to(memory_format=torch.channels_last)
    twin = start(teacher, recipe, side=side).to(memory_format=torch.channels_last)
    average = copy.deepcopy(twin)
    optimiser = torch.optim.AdamW(twin.parameters(), weight_decay=0, fused=True)
    first, seconds = 0, 0.0
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        for name, part in (("twin", twin), ("average", average), ("optimiser", optimiser)):
            part.load_state_dict(state[name])
        first, seconds = state["step"], state["seconds"]
    bar = tqdm(total=recipe.steps, initial=first, desc=kept.stem, mininterval=5)
    for step in range(first, recipe.steps):
        begin = time.perf_counter()
        pixels = pictures.batch(recipe.seed, step, count=recipe.batch, side=SMALL if step % 2 else side)
        inputs = standardise(pixels)
        with torch.autocast("cpu", torch.bfloat16):
            with torch.no_grad():
                target = seen(teacher, inputs)
            own = seen(twin, inputs)
        value = loss(recipe, own, target)
        optimiser.zero_grad()
        value.backward()
        for group in optimiser.param_groups:
            group["lr"] = recipe.rate(step)
        optimiser.step()
        with torch.no_grad():
            # The first steps count for less than the average's memory, or it would remember the start.
            share = max(1 - recipe.average, 1 / (step + 1))
            for mean, weight in zip(average.parameters(), twin.parameters(), strict=True):
                mean.lerp_(weight, share)
        seconds += time.perf_counter() - begin
        bar.update()
        bar.set_postfix(loss=f"{value.item():.3f}", refresh=False)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == recipe.steps:
            state = {
                "twin": twin.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
                "step": step + 1, "seconds": seconds,
            }  # fmt: skip
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, kept.with_suffix(".part"))
            os.replace(kept.with_suffix(".part"), kept)
    bar.close()
    return average.eval(), seconds


def metadata(name: str, recipe: Recipe, *, seconds: float) -> dict[str, str]:
    """What a twin's file says of how it was made, before it is compared with its network."""
    words = {
        "what": "self-distillation from the untouched network; a blur before each stride but the stem's, batch "
        "statistics matched on 64 pictures and then kept; the weights averaged over steps",
        "optimiser": "AdamW, no weight decay, bfloat16 autocast",
        "sides_px": f"the network's frame and {SMALL}, alternating",
    }
    return {
        "network": name,
        "antialiased": json.dumps(True),
        "recipe": json.dumps(words | dataclasses.asdict(recipe)),
        "steps": str(recipe.steps),
        "seed": str(recipe.seed),
        "seconds": f"{seconds:.0f}",
        "machine": f"{platform.machine()}, CPU, one thread",
        "sources": json.dumps(pictures.used()),
        "commit": runtime.stamp(on="cpu")["commit"] or "unknown",
        "torch": torch.__version__,
    }


def ship(name: str, twin: nn.Module, recipe: Recipe, *, seconds: float, folder: Path = store.FOLDER) -> Path:
    """Round a twin to float16, compare what is left with its network, and write its file."""
    network, twin = networks.load(name), twin.half().float()  # the file is the twin, not what it was rounded from
    found = agreement.compare(network, twin)
    known = metadata(name, recipe, seconds=seconds) | {"validation": json.dumps(found)}
    for pictured, numbers in found.items():
        print(f"{name} on {pictured}:", ", ".join(f"{key} {value:.4g}" for key, value in numbers.items()), flush=True)
    return saving.save_state(twin.state_dict(), known, f"{name}_aa.safetensors", folder=folder)


def make(name: str, recipe: Recipe, *, work: Path, folder: Path = store.FOLDER) -> Path:
    """Train one twin, compare it and write its file.

    Raises:
        ValueError: no network of that name has a twin.
    """
    if name not in NAMES:
        raise ValueError(f"no twin of {name!r} is trained here: choose one of {', '.join(NAMES)}")
    torch.set_num_threads(1)
    network = networks.load(name)
    twin, seconds = learn(network.module, recipe, side=network.frame, kept=work / f"{name}_aa.pt")
    return ship(name, twin, recipe, seconds=seconds, folder=folder)
