"""How far a twin gives the answers of the untouched network, and how much steadier, on pictures it never saw."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image
from torch import Tensor, nn
from torch.nn import functional

from helpers import assets
from helpers.networks import Network
from helpers.objects import embedded
from helpers.tools.training import pictures

LEFT_OUT = ("camera.png", "motorcycle_left.png")  # of scikit-image, besides the embedded photographs
SIZES = (75, 125)  # px, of a stamp's longer side: the paper's
PLACES = 3  # of each stamp in each size

Pair = tuple[Tensor, Tensor]  # uint8 (N, 3, side, side), and the same moved by one pixel


def _square(photo: Image.Image, side: int) -> np.ndarray:
    """The middle square of a photograph, (side * 8 / 7) px, as ImageNet's validation takes it before its crop."""
    short, (width, height) = min(photo.size), photo.size
    box = ((width - short) // 2, (height - short) // 2, (width + short) // 2, (height + short) // 2)
    large = round(side * 8 / 7)
    return np.array(photo.convert("RGB").crop(box).resize((large, large), Image.Resampling.BICUBIC))


def photographs(side: int) -> Pair:
    """Photographs that no twin is trained on: those of COCO in ``coco`` on the assets search path, and packaged ones.

    The second frame of a pair is cropped one pixel further right.
    """
    folder = assets.find("coco")
    files = sorted(folder.rglob("*.jpg")) if folder else []
    if not files:
        print("no photographs of COCO here: the twin is compared on packaged photographs only", flush=True)
    photos = [Image.open(file) for file in [*files, *(Path(skimage.__file__).parent / "data" / n for n in LEFT_OUT)]]
    photos += [Image.fromarray(embedded.photo(name)) for name in embedded.PHOTOS]
    frames = torch.from_numpy(np.stack([_square(photo, side) for photo in photos])).permute(0, 3, 1, 2)
    edge = (frames.shape[-1] - side) // 2
    rows = frames[:, :, edge : edge + side]
    return rows[..., edge : edge + side].contiguous(), rows[..., edge + 1 : edge + 1 + side].contiguous()


def stamps(side: int) -> Pair | None:
    """The 24 labelled stamps that no twin is trained on, over white, in two sizes at three random positions each.

    Ordered by stamp, size and position. None where the stamps are not there.
    """
    folder = assets.find("objects/stamps") or pictures.STAMPS
    files = {file.stem: file for file in folder.rglob("*.png")}
    if not set(pictures.VALIDATION_STAMPS) <= files.keys():
        print(f"not all validation stamps are in {folder}: the twin is not compared on them", flush=True)
        return None
    rng, views = np.random.default_rng(0), ([], [])
    for name in pictures.VALIDATION_STAMPS:
        with Image.open(files[name]) as image:
            stamp = image.convert("RGBA")
        for size in SIZES:
            shape = [max(1, round(length * size / max(stamp.size))) for length in stamp.size]
            small = stamp.resize(shape, Image.Resampling.BICUBIC)
            for _ in range(PLACES):
                x, y = int(rng.integers(side - shape[0])), int(rng.integers(side - shape[1] + 1))
                for view, col in zip(views, (x, x + 1), strict=True):
                    frame = Image.new("RGB", (side, side), "white")
                    frame.paste(small, (col, y), small)
                    view.append(np.array(frame))
    first, moved = (torch.from_numpy(np.stack(view)).permute(0, 3, 1, 2) for view in views)
    return first, moved


@torch.inference_mode()
def outputs(network: Network, module: nn.Module, frames: Tensor) -> tuple[Tensor, Tensor]:
    """Pooled features and logits of one of timm's networks, or of its twin."""
    found = []
    for part in frames.split(8):
        inputs = network.preprocess(part).contiguous(memory_format=torch.channels_last)
        pool = module.forward_head(module.forward_features(inputs), pre_logits=True)
        found.append((pool, module.get_classifier()(pool)))
    pools, logits = zip(*found, strict=True)
    return torch.cat(pools), torch.cat(logits)


def _steadiness(first: tuple[Tensor, Tensor], moved: tuple[Tensor, Tensor]) -> tuple[float, float]:
    change = 1 - functional.cosine_similarity(first[0], moved[0]).mean()
    return float(change), float((first[1].argmax(1) == moved[1].argmax(1)).float().mean())


def compare(network: Network, twin: nn.Module) -> dict[str, dict[str, float]]:
    """A network against its twin, on ``photographs`` and ``stamps``.

    Returns:
        By set: ``frames``, how many; ``same_answer``, the share with the network's answer; ``in_top_five``, the
        share whose top five hold it; ``change`` and ``network_change``, 1 - cosine of the pooled features over one
        pixel, of the twin and of the network; ``keeps`` and ``network_keeps``, the share that keeps its answer
        over one pixel.
    """
    found = {}
    for name, pair in (("photographs", photographs(network.frame)), ("stamps", stamps(network.frame))):
        if pair is None:
            continue
        plain, smooth = ([outputs(network, module, view) for view in pair] for module in (network.module, twin))
        answer, logits = plain[0][1].argmax(1), smooth[0][1]
        change, keeps = _steadiness(*smooth)
        network_change, network_keeps = _steadiness(*plain)
        found[name] = {
            "frames": len(answer),
            "same_answer": float((logits.argmax(1) == answer).float().mean()),
            "in_top_five": float((logits.topk(5).indices == answer[:, None]).any(1).float().mean()),
            "change": change,
            "network_change": network_change,
            "keeps": keeps,
            "network_keeps": network_keeps,
        }
    return found
