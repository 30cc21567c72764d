"""What the workbook costs beside the plain forward pass, and beside the authors' way of doing it."""

from __future__ import annotations

import csv
import statistics
import tempfile
from collections.abc import Callable
from pathlib import Path

import measure
import numpy as np
import torch
import torchvision
from PIL import Image

from helpers import features, networks, objects, runtime, shifting, similarity
from helpers.tools.sweep import compilation
from helpers.tools.sweep.plan import Settings

SUBJECTS = {
    "efficientnet_lite0": ["fc"],
    "mobilenet_v2": ["fc"],
    "resnet50": ["fc"],
    "alexnet": ["fc6", "fc6relu", "fc7", "fc7relu", "fc8"],
}
SIDE = {
    "cpu": {"efficientnet_lite0": 25, "mobilenet_v2": 25, "resnet50": 15, "alexnet": 25},
    "cuda": {},
}  # positions a side


def plain_forward(network: networks.Network, scene: shifting.Paste, stride: int, where: torch.device, batch: int):
    """The forward pass alone, over frames that are rendered and preprocessed already."""
    module = network.module.to(where, memory_format=torch.channels_last)
    places = torch.cartesian_prod(*shifting.positions(scene.grid, stride))
    parts = [
        network.preprocess(scene.render(part, where)).contiguous(memory_format=torch.channels_last)
        for part in places.split(batch)
    ]

    def work() -> None:
        module.to(memory_format=torch.channels_last)
        with torch.inference_mode(), runtime.precision("float32", where):
            for part in parts:
                module(part)

    return work


def authors_way(network: networks.Network, scene: shifting.Paste, stride: int, layers: list[str], where: torch.device):
    """Their steps in our own code: PNG files, ImageFolder, batch 128 with hooks, CSV text, cosines."""
    places = torch.cartesian_prod(*shifting.positions(scene.grid, stride))

    def work() -> None:
        module = network.module.to(where, memory_format=torch.contiguous_format)
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
                [unit @ unit[at] for at in similarity_anchors(scene, stride)]

    return work


def similarity_anchors(scene: shifting.Paste, stride: int) -> list[int]:
    """The five anchors as indices of the positions in row-major order."""
    rows, cols = shifting.positions(scene.grid, stride)
    return [row * len(cols) + col for row, col in similarity.anchors((len(rows), len(cols))).values()]


def bench() -> None:
    where, rows = runtime.device(), []
    for name, layers in SUBJECTS.items():
        network = measure.network_of(name)
        scene, stride = measure.scene_of(SIDE[where.type].get(name, 75))
        batch = features.batch_for(network, scene.frame, device=where)

        def kept(network=network, scene=scene, stride=stride, layers=layers) -> None:
            found = features.extract(network, scene, layers, stride=stride, device=where, progress=False)
            for layer in layers:
                similarity.cosine_maps(found.layers[layer])

        def streamed(network=network, scene=scene, stride=stride, layers=layers) -> None:
            features.similarity_maps(network, scene, layers, stride=stride, device=where, progress=False)

        forward = plain_forward(measure.network_of(name), scene, stride, where, batch)
        taken = measure.in_turn({"plain": forward, "kept": kept, "streamed": streamed}, where, 3)
        theirs = authors_way(network, scene, stride, layers, where)
        against = measure.in_turn({"theirs": theirs, "ours": streamed}, where, 2)
        settings = Settings(layers=tuple(layers), stride=stride, device=where.type)
        compiled = "no compiler"
        with compilation.compiled(network, objects.load("airplane", 75), settings=settings, frames=10**9) as way:
            if way:

                def quick(network=way.reader, scene=scene, stride=stride) -> None:
                    features.similarity_maps(network, scene, stride=stride, progress=False)

                faster = measure.in_turn({"plain": forward, "compiled": quick}, where, 3)
                compiled = measure.ratio(faster["compiled"], faster["plain"]) if way.used else way.words
        count = len(range(0, scene.grid[0], stride)) ** 2
        rows.append(
            {
                "network": network.title,
                "layers": len(layers),
                "frames": count,
                "batch": batch,
                "forward pass, ms/frame": f"{statistics.median(taken['plain']) / count * 1e3:.2f}",
                "features kept, then maps / forward pass": measure.ratio(taken["kept"], taken["plain"]),
                "maps streamed / forward pass": measure.ratio(taken["streamed"], taken["plain"]),
                "maps streamed, compiled / forward pass": compiled,
                "the authors' way / ours": measure.ratio(against["theirs"], against["ours"]),
            }
        )
    text = (
        "The plain forward pass runs over frames that are rendered and preprocessed already, in the same batches and "
        "channels-last. Ours are read as by default: batch norms folded, and early activations reused where that pays; "
        "what is set up for a scene, and the five anchors that are read first, count, and weigh less the more frames "
        "there are. Compiled is as sweeps do it for long work, without the time that compiling takes. The authors' way "
        "is their steps in our own code: a PNG per position, `ImageFolder`, batches of 128 in the default memory "
        "format, features to CSV text and back, cosines to the five anchors."
    )
    measure.write("1", "Beside the forward pass, and beside the authors' way", text, rows, where)
