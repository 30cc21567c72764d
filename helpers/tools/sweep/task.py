"""One task of a sweep: one object through one network, from frames to the numbers that are stored."""

from __future__ import annotations

import functools
import platform
import threading
import time
from collections.abc import Callable

import numpy as np
import torch

from helpers import features, runtime, similarity
from helpers.features.batches import SceneReader
from helpers.features.reading import Reader
from helpers.measures import variation
from helpers.networks import Network, Source
from helpers.objects import Cutout
from helpers.shifting import positions
from helpers.tools.sweep.plan import Settings

# The scalars of one similarity map, with their units; helpers.measures.variation defines them.
MEASURES = {
    "mean_cosine": "cosine",
    "total_variation": "cosine/px",
    "lattice_rms": "cosine",
    "lattice_share": "share",
    "tilt_down": "cosine/100 px",
    "tilt_right": "cosine/100 px",
    "top_bottom": "cosine",
    "left_right": "cosine",
}
# COCO's categories among ImageNet's 1,000 classes, as (first, last) indices (ours; the paper does not look
# at the classes of its COCO objects). The probability of a category is the sum over its classes.
COCO_IN_IMAGENET = {
    "car": [(436, 436), (468, 468), (511, 511), (609, 609), (627, 627), (656, 656), (661, 661), (751, 751),
            (817, 817)],
    "airplane": [(404, 404), (895, 895)],
    "boat": [(472, 472), (484, 484), (554, 554), (576, 576), (625, 625), (780, 780), (814, 814), (871, 871),
             (914, 914)],
    "dog": [(151, 268)],
    "bird": [(7, 24), (80, 100), (127, 146)],
    "zebra": [(340, 340)],
    "orange": [(950, 950)],
    "banana": [(954, 954)],
    "clock": [(409, 409), (530, 530), (892, 892)],
    "laptop": [(620, 620), (681, 681)],
}  # fmt: skip

# Hooks on one module from two threads would see each other's frames.
_ONE_AT_A_TIME = threading.Lock()


def class_indices(network: Network, label: str | None) -> list[int]:
    """The classes of a network that mean ``label``: one, several (COCO's categories), or none known."""
    labels = network.labels or []
    if label in COCO_IN_IMAGENET and len(labels) == 1000 and labels[340] == "zebra":
        return [index for first, last in COCO_IN_IMAGENET[label] for index in range(first, last + 1)]
    return [network.class_index(label)] if label in labels else []


def compute(
    network: Network,
    cutout: Cutout,
    *,
    settings: Settings,
    read: Reader | None = None,
    progress: Callable[[int], object] | None = None,
) -> dict[str, np.ndarray]:
    """Everything stored about one object in one network; features are dropped after their batch.

    ``read`` is the network's reader where one is open; ``progress`` is called with the number of frames after each
    batch.

    Returns:
        similarity: float32 (layers, 5, R, C).
        probability: float32 (R, C), of the object's class; NaN if the network knows none.
        top1: int32 (R, C), the class of the largest logit.
        scalars: float64 (layers, 5, measures), per anchor; see :data:`MEASURES`.
        drop: float64 (layers, rings), 1 - cosine to the centre, by ring of Chebyshev distance.
    """
    scene = settings.scene(network, cutout)
    rows, cols = positions(scene.grid, stride=settings.stride)
    layers = settings.layers_of(network)
    wanted = class_indices(network, cutout.label)
    probability = torch.full((len(rows) * len(cols),), torch.nan)
    top1 = torch.empty(len(probability), dtype=torch.int32)

    def watch(at: slice, found: dict[str, torch.Tensor]) -> None:
        logits = found[network.logits].float()
        top1[at] = logits.argmax(1).int().cpu()
        if wanted:
            probability[at] = logits.softmax(1)[:, wanted].sum(1).cpu()
        if progress is not None:
            progress(len(logits))

    maps = features.similarity_maps(
        read or network,
        scene,
        settings.layers_to_read(network),
        stride=settings.stride,
        device=settings.device,
        precision=settings.precision,
        batch_size=settings.batch_size,
        progress=False,
        watch=watch,
    )
    similarity_maps = np.stack([maps[layer].numpy() for layer in layers])
    scalars = [[_scalars(one, network, settings.stride) for one in five] for five in similarity_maps]
    centre = similarity.ANCHORS.index("c")
    falls = [variation.drop(five[centre], stride=settings.stride) for five in similarity_maps]
    return {
        "similarity": similarity_maps,
        "probability": probability.view(len(rows), len(cols)).numpy(),
        "top1": top1.view(len(rows), len(cols)).numpy(),
        "scalars": np.array(scalars),
        "drop": np.array([list(fall.values()) for fall in falls]),
    }


def _scalars(one: np.ndarray, network: Network, stride: int) -> list[float]:
    lean = variation.bias(one, stride=stride)
    try:
        lattice = variation.lattice(one, strides=network.strides, stride=stride)
        rms, share = lattice.rms, lattice.share
    except ValueError:  # no two periods of any of the network's strides fit the map
        rms = share = float("nan")
    values = {
        "mean_cosine": one.mean(dtype=np.float64),
        "total_variation": variation.total_variation(one, stride=stride),
        "lattice_rms": rms,
        "lattice_share": share,
        **vars(lean),
    }
    return [float(values[measure]) for measure in MEASURES]


@functools.lru_cache(maxsize=2)
def loaded(source: Source, *, device: str) -> Network:
    """The network of a source on a device: one copy in this process, and at most two networks at once."""
    network = source.load()
    network.module.to(runtime.device(device))
    return network


def on_worker(source: Source, cutout: Cutout, *, checksum: str, settings: Settings) -> dict[str, np.ndarray]:
    """What a worker of a cluster runs: :func:`compute`, the network loaded first.

    Raises:
        ValueError: The worker has other weights under the network's name.
    """
    with _ONE_AT_A_TIME:
        network = loaded(source, device=settings.device)
        if network.checksum != checksum:
            raise ValueError(
                f"the worker on {platform.node()} has other weights for {source.key} (SHA-256 "
                f"{network.checksum[:12]}, expected {checksum[:12]}): give all machines the same files, and start the "
                "worker again"
            )
        return compute(network, cutout, settings=settings)


def throughput(source: Source, cutout: Cutout, *, settings: Settings) -> float:
    """Frames per second of a network on this machine, measured over at least 32 frames after a batch to warm up.

    Times the predicted gain where early activations are reused.
    """
    with _ONE_AT_A_TIME:
        network = loaded(source, device=settings.device)
        scene, where = settings.scene(network, cutout), runtime.device(settings.device)
        batch = settings.batch_size or features.batch_for(network, scene.frame, device=where)
        grid = torch.cartesian_prod(*positions(scene.grid, settings.stride))
        chosen = grid[torch.arange(batch) % len(grid)]
        layers, rounds = settings.layers_of(network), max(2, -(-32 // batch))
        with features.reader(network, layers, device=where, precision=settings.precision) as read:
            source = SceneReader(read, scene, grid)
            for attempt in range(rounds + 1):
                if attempt == 1:
                    start = time.perf_counter()
                found = read(scene.render(chosen, device=where))
                float(found[layers[0]].sum())  # waits for the device
            return source.settings.get("gain of reuse", 1) * rounds * batch / (time.perf_counter() - start)
