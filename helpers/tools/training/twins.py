"""Train the anti-aliased twin of a real network without its training data, by self-distillation.

The twin is the network with a blur before each stride and its batch statistics matched; it then learns to
answer, and to see at every stage, what the untouched network does.
"""

import copy
import dataclasses
import os
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.networks.antialiasing import blurred, match_statistics
from helpers.tools.training import pictures

SIDES = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
SMALL = 160  # px: every second batch, for speed
CHECKPOINT_EVERY = 50  # steps


@dataclasses.dataclass(frozen=True)
class Recipe:
    """How a twin is trained."""

    steps: int = 2400
    warm: int = 60  # steps in which the rate rises
    decay: int = 600  # last steps, in which it falls
    batch: int = 12
    peak_rate: float = 1e-4
    average: float = 0.995  # of the weights, over steps
    pooled: float = 10.0  # weight of the loss of the pooled features
    stages: float = 2.0  # and of the maps after each stage
    taps: int = 3
    seed: int = 0

    def rate(self, step: int) -> float:
        """The learning rate rises, stays and falls: until it falls, it does not depend on the number of steps."""
        left = max(0, self.steps - step) / self.decay
        return self.peak_rate * min(1, (step + 1) / self.warm, left)


def normalise(pixels: Tensor) -> Tensor:
    """Values from 0 to 255 as the network's input."""
    return (pixels / 127.5 - 1).contiguous(memory_format=torch.channels_last)


def seen(module: nn.Module, inputs: Tensor) -> tuple[list[Tensor], Tensor, Tensor]:
    """The maps after each stage, the pooled features and the logits of one of timm's EfficientNets."""
    maps, x = [], module.bn1(module.conv_stem(inputs))
    for stage in module.blocks:
        x = stage(x)
        maps.append(x)
    pool = module.forward_head(module.bn2(module.conv_head(x)), pre_logits=True)
    return maps, pool, module.classifier(pool)


def loss(recipe: Recipe, own: tuple, target: tuple) -> Tensor:
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


def start(teacher: nn.Module, recipe: Recipe, side: int) -> nn.Module:
    """The twin before it learns: a blur before each stride, batch statistics matched."""
    twin = blurred(teacher, recipe.taps, side)
    # Steps count from 0, so this batch is none of those that it learns from.
    match_statistics(twin, teacher, normalise(pictures.batch(recipe.seed, 10**6, 64, side)))
    return twin


def train(teacher: nn.Module, recipe: Recipe, side: int, kept: Path, report=None) -> tuple[nn.Module, float]:
    """Train a twin, from the checkpoint `kept` if it is there; batch norms stay in eval mode.

    Returns the twin, its weights averaged over steps, and the seconds it took.
    """
    torch.manual_seed(recipe.seed)
    teacher = teacher.eval().to(memory_format=torch.channels_last)
    twin = start(teacher, recipe, side).to(memory_format=torch.channels_last)
    average = copy.deepcopy(twin)
    optimiser = torch.optim.AdamW(twin.parameters(), weight_decay=0, fused=True)
    first, seconds = 0, 0.0
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        for name, part in (("twin", twin), ("average", average), ("optimiser", optimiser)):
            part.load_state_dict(state[name])
        first, seconds = state["step"], state["seconds"]
    running = 0.0
    for step in range(first, recipe.steps):
        begin = time.perf_counter()
        inputs = normalise(pictures.batch(recipe.seed, step, recipe.batch, SMALL if step % 2 else side))
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
        running = value.item() if step == first else 0.98 * running + 0.02 * value.item()
        if (step + 1) % 10 == 0:
            print(f"{time.strftime('%H:%M:%S')} step {step + 1} loss {running:.4f}, {seconds:.0f} s", flush=True)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == recipe.steps:
            state = {
                "twin": twin.state_dict(), "average": average.state_dict(), "optimiser": optimiser.state_dict(),
                "step": step + 1, "seconds": seconds,
            }  # fmt: skip
            kept.parent.mkdir(parents=True, exist_ok=True)
            torch.save(state, kept.with_suffix(".part"))
            os.replace(kept.with_suffix(".part"), kept)
            if report:
                report(step + 1, average)
    return average.eval(), seconds
