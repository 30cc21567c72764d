"""Time and memory as the work grows: positions, objects and layers."""

from __future__ import annotations

import measure

from helpers import runtime

CODE = """
from helpers import features, runtime
network = measure.network_of("alexnet")
layers = ["fc6", "fc6relu", "fc7", "fc7relu", "fc8"][:{layers}]
scene, stride = measure.scene_of({side})
features.{how}(network, scene, layers, 75, progress=False)
before()
start = measure.clock(runtime.device())
for _ in range({objects}):
    kept = features.{how}(network, scene, layers, stride, progress=False)
taken, side = measure.clock(runtime.device()) - start, len(range(0, scene.grid[0], stride))
result = {{"seconds": taken, "frames": side**2 * {objects}}}
"""
WORK = {
    "one object, one layer": {"side": 25, "objects": 1, "layers": 1},
    "positions x 4": {"side": 50, "objects": 1, "layers": 1},
    "objects x 4": {"side": 25, "objects": 4, "layers": 1},
    "layers x 5": {"side": 25, "objects": 1, "layers": 5},
}


def bench() -> None:
    where, rows = runtime.device(), []
    found = {
        (how, name): measure.in_a_process(CODE.format(how=how, **sizes))
        for name, sizes in WORK.items()
        for how in ("extract", "similarity_maps")
    }
    for name in WORK:
        row = {"work": name, "frames": int(found["extract", name]["frames"])}
        for how, title in (("extract", "features kept"), ("similarity_maps", "maps streamed")):
            one, base = found[how, name], found[how, "one object, one layer"]
            row[f"{title}: time / one object, one layer"] = f"{one['seconds'] / base['seconds']:.2f}"
            row[f"{title}: memory, MB"] = f"{one['MB']:.0f}"
        rows.append(row)
    text = (
        "AlexNet, each line a process of its own; memory is the peak of the host's resident memory above what the "
        "network and the first small run had taken. Kept features grow with positions times dimensions of one object; "
        "streamed maps stay in the memory of a batch."
    )
    measure.write("3", "As the work grows", text, rows, where)
