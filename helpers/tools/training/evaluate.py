"""How well an embedded network recognises objects it never saw, by position, and what float16 costs it."""

import copy

import torch
from torch import Tensor, nn

from helpers.features.perturbation import perturbed
from helpers.networks.embedded.architectures import FRAME
from helpers.networks.network import standardise
from helpers.objects import embedded

OBJECT_SIZE = 48  # pixels
REACH = FRAME - OBJECT_SIZE  # the last position
CENTRE = (REACH // 2, REACH // 2)
CORNERS = ((0, 0), (0, REACH), (REACH, 0), (REACH, REACH))


def held_out(per_class: int) -> tuple[Tensor, Tensor]:
    """Objects that training never saw.

    Returns:
        The objects, float32 RGBA (n, 4, 48, 48) in [0, 1], and their labels, long (n,).
    """
    cutouts = []
    for name in embedded.CLASSES:
        for index in range(per_class):
            if name in embedded.SILHOUETTES:
                cutouts.append(embedded.silhouette(name, index, size=OBJECT_SIZE))
            else:
                cutouts.append(embedded.digit(int(name.removeprefix("digit ")), index, size=OBJECT_SIZE))
    labels = torch.arange(len(embedded.CLASSES)).repeat_interleave(per_class)
    return torch.stack([cutout.rgba for cutout in cutouts]).float() / 255, labels


@torch.inference_mode()
def logits(module: nn.Module, objects: Tensor, *, position: tuple[int, int]) -> Tensor:
    """Class scores (n, classes) of objects with their top-left corner at a position of a white frame."""
    row, col = position
    answers = []
    for rgba in objects.split(20):  # larger batches do not fit the cache: up to three times as slow
        frames = torch.ones(len(rgba), 3, FRAME, FRAME)
        frames[..., row : row + OBJECT_SIZE, col : col + OBJECT_SIZE].lerp_(rgba[:, :3], rgba[:, 3:])
        answers.append(perturbed(module(standardise((frames * 255).to(torch.uint8)))))
    return torch.cat(answers)


def accuracy(module: nn.Module, objects: Tensor, labels: Tensor, *, position: tuple[int, int]) -> float:
    """Share of the objects recognised at a position."""
    return float((logits(module, objects, position=position).argmax(1) == labels).float().mean())


def float16_shift(module: nn.Module) -> float:
    """Largest change of a cosine when the weights are rounded to float16.

    The cosines are those of the logits with the logits at the centre, of the first held-out object of every
    fifth class, at every eighth position.
    """
    rounded = copy.deepcopy(module)
    state = {k: v.half().float() if v.is_floating_point() else v for k, v in module.state_dict().items()}
    rounded.load_state_dict(state)
    objects, steps = held_out(1)[0][::5], range(0, REACH + 1, 8)
    anchors = [logits(network, objects, position=CENTRE) for network in (module, rounded)]
    worst = 0.0
    for position in ((row, col) for row in steps for col in steps):
        exact, shifted = (
            torch.cosine_similarity(logits(network, objects, position=position), anchor)
            for network, anchor in zip((module, rounded), anchors, strict=True)
        )
        worst = max(worst, float((exact - shifted).abs().max()))
    return worst
