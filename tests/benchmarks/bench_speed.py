"""What the workbook costs beside the plain forward pass, and beside the authors' way of doing it.

Run by ``make bench``, not by the tests: every figure is a ratio of two things run in turn, and nothing is
asserted about absolute times. Networks have random weights: their speed does not depend on them.
"""

from __future__ import annotations

import csv
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torchvision
from PIL import Image

from helpers import features, networks, objects, runtime, shifting, similarity

ROUNDS = 5
FRAMES = {"cpu": 36, "cuda": 2500}
BATCH = {"cpu": 18, "cuda": 500}
SUBJECTS = {
    "mobilenet_v2": ["fc"],
    "resnet50": ["fc"],
    "alexnet": ["fc6", "fc6relu", "fc7", "fc7relu", "fc8"],
}


def scene_of(count: int) -> tuple[shifting.Paste, int]:
    """A 75 px object in a 224 px frame, and the stride that gives about ``count`` positions."""
    scene = shifting.Paste(objects.load("airplane", 75))
    return scene, -(-scene.grid[0] // round(count**0.5))


def ratio(first: Callable[[], None], second: Callable[[], None], where: torch.device) -> tuple[float, float, float]:
    """Median of first / second, run in turn, with the smallest and the largest."""

    def seconds(work: Callable[[], None]) -> float:
        if where.type == "cuda":
            torch.cuda.synchronize()
        start = time.perf_counter()
        work()
        if where.type == "cuda":
            torch.cuda.synchronize()
        return time.perf_counter() - start

    first(), second()
    found = [seconds(first) / seconds(second) for _ in range(ROUNDS)]
    return statistics.median(found), min(found), max(found)


def plain_forward(network: networks.Network, scene: shifting.Paste, stride: int, where: torch.device, batch: int):
    """The forward pass alone, over frames that are rendered and preprocessed already."""
    module = network.module.to(where, memory_format=torch.channels_last)
    places = torch.cartesian_prod(*shifting.positions(scene.grid, stride))
    inputs = network.preprocess(scene.render(places, where)).contiguous(memory_format=torch.channels_last)

    def work() -> None:
        with torch.inference_mode(), runtime.precision("float32", where):
            for part in inputs.split(batch):
                module(part)

    return work


def authors_way(network: networks.Network, scene: shifting.Paste, stride: int, layers: list[str], where: torch.device):
    """Their steps in our own code: PNG files, ImageFolder, batch 128 with hooks, CSV text, cosines."""
    places = torch.cartesian_prod(*shifting.positions(scene.grid, stride))
    module = network.module.to(where)

    def work() -> None:
        with tempfile.TemporaryDirectory() as folder:
            images = Path(folder) / "images" / "object"
            images.mkdir(parents=True)
            for row, col in places.tolist():
                frame = scene.render(torch.tensor([[row, col]]))[0].permute(1, 2, 0).numpy()
                Image.fromarray(frame).save(images / f"{row:03d}_{col:03d}.png")
            normalise = torchvision.transforms.Normalize(network.mean, network.std)
            prepare = torchvision.transforms.Compose([torchvision.transforms.ToTensor(), normalise])
            loader = torch.utils.data.DataLoader(
                torchvision.datasets.ImageFolder(images.parent, prepare), batch_size=128, num_workers=2
            )
            kept: dict[str, list[torch.Tensor]] = {layer: [] for layer in layers}

            def note(layer: str) -> Callable[..., None]:
                return lambda _, __, output: kept[layer].append(output.detach().cpu().clone())

            handles = [
                module.get_submodule(network.layers[layer]).register_forward_hook(note(layer)) for layer in layers
            ]
            with torch.no_grad():
                for batch, _ in loader:
                    module(batch.to(where))
            for handle in handles:
                handle.remove()
            for layer in layers:
                file = Path(folder) / f"{layer}.csv"
                with open(file, "w", newline="") as out:
                    csv.writer(out).writerows(torch.cat(kept[layer]).numpy())
                with open(file, newline="") as text:
                    values = np.array(list(csv.reader(text)), dtype=np.float64)
                unit = values / np.linalg.norm(values, axis=1, keepdims=True)
                [unit @ unit[at] for at in (0, len(unit) // 2, -1)]

    return work


@pytest.mark.parametrize("name", SUBJECTS)
def bench(name: str, capsys: pytest.CaptureFixture[str]) -> None:
    where = runtime.device()
    torch.manual_seed(0)
    network = networks.load(name, weights=None)
    layers, batch = SUBJECTS[name], BATCH.get(where.type, 18)
    scene, stride = scene_of(FRAMES.get(where.type, 36))

    def ours() -> None:
        found = features.extract(network, scene, layers, stride, where, batch_size=batch, progress=False)
        for layer in layers:
            similarity.cosine_maps(found.layers[layer])

    forward = plain_forward(network, scene, stride, where, batch)
    overhead = ratio(ours, forward, where)
    theirs = ratio(authors_way(network, scene, stride, layers, where), ours, where)
    with capsys.disabled():
        count = len(range(0, scene.grid[0], stride)) ** 2
        print(
            f"\n{network.title}, {len(layers)} layers, {count} frames on {where}: "
            f"extract and maps / plain forward {overhead[0]:.2f} ({overhead[1]:.2f} to {overhead[2]:.2f}); "
            f"authors' way / ours {theirs[0]:.1f} ({theirs[1]:.1f} to {theirs[2]:.1f})"
        )
