"""Early activations computed once and moved with the object, against every frame's forward pass."""

from __future__ import annotations

import measure
import torch

from helpers import features, runtime

SUBJECTS = {
    "mobilenet_v2": ["features.2", "features.3"],
    "mobilenet_v2AA": ["features.2"],
    "resnet50": ["layer1"],
    "alexnet": ["features.2"],
}
# Strides of 4, 12 and 8 px: whole multiples of these nodes' strides, as if only one phase existed. Stride 1 has up to
# 16 phases of them, in 16 times as many frames.
SIDE = {"cpu": {"mobilenet_v2": 38, "mobilenet_v2AA": 38, "resnet50": 13, "alexnet": 19}, "cuda": {}}


def bench() -> None:
    where, rows = runtime.device(), []
    for name, nodes in SUBJECTS.items():
        network = measure.network_of(name)
        scene, stride = measure.scene_of(SIDE[where.type].get(name, 75))
        layer, maps = network.logits, {}

        def run(reuse: str | None, network=network, scene=scene, stride=stride, layer=layer, maps=maps) -> None:
            found = features.extract(network, scene, [layer], stride=stride, device=where, progress=False, reuse=reuse)
            maps[reuse] = found.layers[layer]

        for node in nodes:
            taken = measure.in_turn({"plain": lambda: run(None), "reused": lambda node=node: run(node)}, where, 2)
            worst = float((maps[node] - maps[None]).abs().max() / maps[None].abs().max())
            rows.append(
                {
                    "network": network.title,
                    "reused up to": node,
                    "frames": maps[None][..., 0].numel(),
                    "plain / reused": measure.ratio(taken["plain"], taken["reused"]),
                    "largest difference / largest feature": f"{worst:.1e}",
                }
            )
        del network
        torch.cuda.empty_cache()
    text = (
        "A 75 px object on white in a 224 px frame, features of the logits with `reuse=` against without. Tracing "
        "how far the node sees, and comparing nine positions, cost some 60 frames of the part before the node, "
        "whatever the number of frames."
    )
    measure.write("5", "Below the forward pass: early activations reused", text, rows, where)
