"""Precisions, memory formats, compilation and CUDA graphs: frames per second, and what they do to the cosines."""

from __future__ import annotations

import shutil
import statistics
from collections.abc import Callable

import measure
import torch

from helpers import features, networks, objects, runtime, shifting, similarity
from helpers.measures.precision import fastest

SUBJECTS = ("mobilenet_v2", "resnet50", "alexnet")
FRAMES = {"cpu": 32, "cuda": 512}
FORMATS = {"plain layout": torch.contiguous_format, "channels-last": torch.channels_last}


def ways(where: torch.device) -> list[tuple[str, str, str]]:
    """(precision, layout, how it is run)."""
    cuda = where.type == "cuda"
    found = [("float32", "plain layout", "eager"), ("float32", "channels-last", "eager")]
    found += [(name, "channels-last", "eager") for name in (["tf32"] if cuda else []) + ["bfloat16", "float16"]]
    if cuda or shutil.which("g++"):
        found += [("float32", "channels-last", "torch.compile")]
    if cuda:
        found += [("float32", "channels-last", "CUDA graph"), ("float16", "channels-last", "CUDA graph")]
    return found


def runner(network: networks.Network, batch: torch.Tensor, way: tuple[str, str, str]) -> Callable[[], torch.Tensor]:
    """Logits of a batch in one of the ways; called once here, which compiles or records."""
    precision, layout, how = way
    where = batch.device
    inputs = batch.contiguous(memory_format=FORMATS[layout])

    def forward(module: torch.nn.Module = network.module) -> torch.Tensor:
        with torch.inference_mode(), runtime.precision(precision, where):
            return module(inputs)

    network.module.to(memory_format=FORMATS[layout])
    if how == "torch.compile":
        compiled = torch.compile(network.module)
        forward(compiled)
        return lambda: forward(compiled)
    if how == "CUDA graph":
        for _ in range(3):
            forward()
        torch.cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        with torch.cuda.graph(graph):
            out = forward()

        def replay() -> torch.Tensor:
            graph.replay()
            return out.clone()

        return replay
    return forward


def bench() -> None:
    where, rows = runtime.device(), []
    for name in SUBJECTS:
        network = measure.network_of(name)
        scene, _ = measure.scene_of(1)
        network.module.to(where)
        size = min(features.batch_for(network, scene.frame, device=where), FRAMES.get(where.type, 32))
        at = list(similarity.anchors(scene.grid).values())
        grid = torch.cartesian_prod(*shifting.positions(scene.grid, 29))
        places = torch.cat([torch.tensor(at), grid])[: max(FRAMES.get(where.type, 32) // size, 1) * size]
        inputs = network.preprocess(scene.render(places, where))
        parts = list(inputs.split(size))
        exact = None
        for way in ways(where):
            # Each way beside float32 channels-last, in turn: a layout is set for a network as a whole.
            plain = [runner(network, part, ("float32", "channels-last", "eager")) for part in parts]
            base = [measure.seconds(lambda plain=plain: [run() for run in plain], where) for _ in range(4)][1:]
            runs = [runner(network, part, way) for part in parts]
            taken = [measure.seconds(lambda runs=runs: [run() for run in runs], where) for _ in range(4)][1:]
            logits = torch.cat([run() for run in runs]).double().cpu()
            unit = logits / logits.norm(dim=1, keepdim=True)
            maps = unit[: len(at)] @ unit.T
            exact = maps if way == ("float32", "channels-last", "eager") else exact
            rows.append(
                {
                    "network": network.title,
                    "precision": way[0],
                    "layout": way[1],
                    "run": way[2],
                    "frames/s": f"{len(parts) * size / statistics.median(taken):.1f}",
                    "times float32 channels-last": measure.ratio(base, taken),
                    "maps": maps,
                }
            )
        for row in rows:
            if isinstance(row.get("maps"), torch.Tensor):
                row["largest cosine difference"] = f"{float((row.pop('maps') - exact).abs().max()):.1e}"
    choice = fastest(
        networks.load("demo_mobilenet_v2"), shifting.Paste(objects.load("airplane", 48), 128), device=where
    )
    text = (
        "Logits of random-weight networks, batches as `features` chooses them: the speeds are those of trained ones, "
        "but random weights tell frames apart far less, so the differences flatter. The default is float32, "
        "channels-last, eager. `measures.precision.fastest` measures the eager precisions on the scene at hand and "
        "takes the fastest that keeps every cosine within 1e-3 (half of that on its sample); for the embedded "
        "MobileNetV2 with "
        "its trained weights it found here: "
        + ", ".join(f"{one.precision} {one.speedup:.2f}x, {one.difference:.1e}" for one in choice.tried)
        + f"; it takes {choice.precision}."
    )
    measure.write("2", "Precision, memory format, compilation", text, rows, where)
