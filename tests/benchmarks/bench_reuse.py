"""Early activations computed once and moved with the object, against every frame's forward pass."""

from __future__ import annotations

import measure
import torch

from helpers import features, runtime

# Positions a side. On a CPU at strides of 8 px and more, of which few phases of the nodes' strides are met; stride 1
# has up to 16, in 64 times as many frames.
SIDE = {
    "cpu": {"efficientnet_lite0": 19, "mobilenet_v2": 19, "mobilenet_v2AA": 15, "resnet50": 10, "alexnet": 19},
    "cuda": {"efficientnet_lite0": 75, "mobilenet_v2": 75, "mobilenet_v2AA": 75, "resnet50": 75, "alexnet": 75},
}


def bench() -> None:
    where, rows = runtime.device(), []
    for name, side in SIDE[where.type].items():
        network = measure.network_of(name)
        scene, stride = measure.scene_of(side)
        found: dict[bool, features.Features] = {}

        def run(reuse: bool, network=network, scene=scene, stride=stride, found=found) -> None:
            layers = [network.logits]
            options = {"stride": stride, "device": where, "progress": False, "reuse": reuse}
            found[reuse] = features.extract(network, scene, layers, **options)

        taken = measure.in_turn({"plain": lambda: run(False), "reused": lambda: run(True)}, where, 2)
        plain, again = (found[reuse].layers[network.logits] for reuse in (False, True))
        rows.append(
            {
                "network": network.title,
                "reused up to": found[True].settings["reuse"] or "none: it would not pay",
                "frames": plain[..., 0].numel(),
                "predicted": f"{found[True].settings.get('gain of reuse', 1):.2f}",
                "plain / reused": measure.ratio(taken["plain"], taken["reused"]),
                "largest difference / largest feature": f"{float((again - plain).abs().max() / plain.abs().max()):.1e}",
            }
        )
        del network
        torch.cuda.empty_cache()
    text = (
        "A 75 px object on white in a 224 px frame, features of the logits, as they are read by default against "
        "`reuse=False`; batch norms are folded in both. The gain is predicted from counted operations, tracing and "
        "the comparison of nine positions included, and decides whether early activations are reused: from 1.2 on."
    )
    measure.write("5", "Below the forward pass: early activations reused", text, rows, where)
