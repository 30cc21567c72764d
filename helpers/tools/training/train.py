"""Train the embedded networks from scratch: fixed seeds, resumable, one process for each core."""

import dataclasses
import json
import multiprocessing
import os
import platform
import time
from pathlib import Path

import torch
from torch import Tensor, nn
from tqdm import tqdm

from helpers import runtime
from helpers.networks.embedded import store
from helpers.networks.embedded.architectures import FRAME, NAMES, build
from helpers.networks.network import standardise
from helpers.objects import embedded
from helpers.tools.training import evaluate, saving, scenes

STEPS = {"demo_alexnet": 6000, "demo_resnet": 1800, "demo_mobilenet_v2": 1600}
PEAK_RATE = {"demo_alexnet": 1e-3, "demo_resnet": 4e-3, "demo_mobilenet_v2": 4e-3}
BATCH = 64
WEIGHT_DECAY = 0.02
LABEL_SMOOTHING = 0.05
CHECKPOINT_EVERY = 200  # steps
# Largest change of a cosine for which weights are stored as float16. The workbook allows 5e-4; the rest is
# for objects and positions that were not measured.
FLOAT16_SHIFT = 3.5e-4
_SUFFIX = ".safetensors"


@dataclasses.dataclass(frozen=True, kw_only=True)
class Job:
    """One network to train; ``positions`` says where the objects are, ``seed`` is that of weights and scenes."""

    name: str
    antialiased: bool
    positions: str
    seed: int
    steps: int

    @property
    def key(self) -> str:
        """The stem of its file."""
        return store.file_name(self.name, antialiased=self.antialiased, positions=self.positions).removesuffix(_SUFFIX)


def all_jobs(*, seed: int = 0, scale: float = 1.0, positions: tuple[str, ...] = store.POSITIONS) -> list[Job]:
    """The networks with these positions, twins next to each other, by default the twelve of the workbook.

    ``scale`` multiplies the recipe's steps (at least 8).
    """
    return [
        Job(name=name, antialiased=kind, positions=where, seed=seed, steps=max(8, round(STEPS[name] * scale)))
        for name in NAMES
        for where in positions
        for kind in (False, True)
    ]


def _metadata(job: Job, seconds: float, module: nn.Module, loss: float) -> dict[str, str]:
    objects, labels = evaluate.held_out(10)
    centre, *corners = (
        evaluate.accuracy(module, objects, labels, position=at) for at in (evaluate.CENTRE, *evaluate.CORNERS)
    )
    recipe = {
        "optimiser": "AdamW", "schedule": "one-cycle (linear, 25% up)", "peak_rate": PEAK_RATE[job.name],
        "weight_decay": WEIGHT_DECAY, "label_smoothing": LABEL_SMOOTHING, "batch": BATCH, "steps": job.steps,
        "positions": job.positions, "sigma_px": scenes.SIGMAS.get(job.positions), "object_px": scenes.SIZES,
        "backgrounds_white_plain_photo": scenes.BACKGROUNDS, "frame_px": FRAME,
    }  # fmt: skip
    sources = {
        "silhouettes": "DejaVu Sans, in matplotlib (Bitstream Vera licence and public domain)",
        "digits": "scikit-learn load_digits (UCI, CC BY 4.0)",
        **{file: licence for file, (_, licence) in embedded.PHOTOS.items()},
    }
    return {
        "network": job.name,
        "antialiased": json.dumps(job.antialiased),
        "variant": job.positions,
        "seed": str(job.seed),
        "steps": str(job.steps),
        "seconds": f"{seconds:.0f}",
        "machine": f"{platform.machine()}, CPU, one thread",
        "loss": f"{loss:.4f}",
        "accuracy_centre": f"{centre:.4f}",
        "accuracy_corners": f"{sum(corners) / 4:.4f}",
        "accuracy_objects": str(len(labels)),
        "float16_shift": f"{evaluate.float16_shift(module):.2e}",
        "recipe": json.dumps(recipe),
        "sources": json.dumps(sources),
        "classes": json.dumps(embedded.CLASSES),
        "commit": runtime.stamp(on="cpu")["commit"] or "unknown",
        "torch": torch.__version__,
    }


def train(job: Job, work: Path, *, line: int = 0) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Train one network, from its checkpoint in ``work`` if there is one.

    Twins share the initial weights (one seed, parameters created in one order), the scenes and their
    order (a function of seed and step) and the schedule. ``line`` is the progress bar's in the terminal.

    Returns:
        Its state dict and the metadata of its file.
    """
    torch.manual_seed(job.seed)
    module = build(job.name, antialiased=job.antialiased).to(memory_format=torch.channels_last)
    optimiser = torch.optim.AdamW(module.parameters(), weight_decay=WEIGHT_DECAY, fused=True)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, PEAK_RATE[job.name], total_steps=job.steps, pct_start=0.25, anneal_strategy="linear"
    )
    kept = work / f"{job.key}_seed{job.seed}_{job.steps}.pt"
    first, seconds, loss = 0, 0.0, float("nan")
    if kept.is_file():
        state = torch.load(kept, weights_only=True)
        module.load_state_dict(state["module"])
        optimiser.load_state_dict(state["optimiser"])
        schedule.load_state_dict(state["schedule"])
        torch.set_rng_state(state["random"])  # dropout
        first, seconds, loss = state["step"], state["seconds"], state["loss"]
    bar = tqdm(total=job.steps, initial=first, desc=job.key, position=line, mininterval=5)
    module.train()
    for step in range(first, job.steps):
        start = time.perf_counter()
        frames, labels = scenes.batch(job.seed, step, n=BATCH, positions=job.positions)
        pixels = standardise(frames).contiguous(memory_format=torch.channels_last)
        value = nn.functional.cross_entropy(module(pixels), labels, label_smoothing=LABEL_SMOOTHING)
        optimiser.zero_grad()
        value.backward()
        optimiser.step()
        schedule.step()
        seconds += time.perf_counter() - start
        loss = value.item() if step == first == 0 else 0.98 * loss + 0.02 * value.item()
        bar.update()
        bar.set_postfix(loss=f"{loss:.3f}", refresh=False)
        if (step + 1) % CHECKPOINT_EVERY == 0 or step + 1 == job.steps:
            work.mkdir(parents=True, exist_ok=True)
            state = {
                "module": module.state_dict(), "optimiser": optimiser.state_dict(),
                "schedule": schedule.state_dict(), "random": torch.get_rng_state(),
                "step": step + 1, "seconds": seconds, "loss": loss,
            }  # fmt: skip
            torch.save(state, kept.with_suffix(".part"))
            os.replace(kept.with_suffix(".part"), kept)
    bar.close()
    module.eval()
    return module.state_dict(), _metadata(job, seconds, module, loss)


def _run(task: tuple[Job, Path, int]) -> tuple[Job, dict[str, Tensor], dict[str, str]]:
    job, work, line = task
    torch.set_num_threads(1)  # one process for each core is faster than several threads in one
    state, metadata = train(job, work, line=line)
    return job, {key: value.clone() for key, value in state.items()}, metadata


def train_all(jobs: list[Job], *, work: Path, folder: Path, processes: int) -> None:
    """Train networks side by side; checkpoints go to ``work``, each finished network's file to ``folder``."""
    tasks = [(job, work, line % processes) for line, job in enumerate(jobs)]
    # glibc gives large buffers back to the system after every step and fetches them again; keeping them
    # halves the time of a step. Read when a process starts, so set before the workers do. Ignored elsewhere.
    os.environ.setdefault("MALLOC_MMAP_MAX_", "0")
    os.environ.setdefault("MALLOC_TRIM_THRESHOLD_", str(8 << 30))
    context = multiprocessing.get_context("spawn")
    with context.Pool(processes) as pool:
        for job, state, metadata in pool.imap_unordered(_run, tasks):
            half = float(metadata["float16_shift"]) < FLOAT16_SHIFT
            path = saving.save_state(state, metadata, file=job.key + _SUFFIX, folder=folder, half=half)
            tqdm.write(
                f"{path.name}: accuracy {metadata['accuracy_centre']} at the centre, "
                f"{metadata['accuracy_corners']} in the corners, {metadata['seconds']} s"
            )
