"""Features as another machine might compute them: a switch for finding out what hangs on their last digits (ours).

No two kinds of CPU add float32 numbers in the same order. What that does to features is small and differs from
frame to frame; what it does to a number further on (an accuracy, a p-value) depends on the number. So the runner
can add noise of that size where features leave a network, and see (``python -m helpers run --perturb DRAW``).
"""

from __future__ import annotations

import os
import zlib

import torch

VARIABLE = "SHIFT_PERTURB"  # the draw, an integer; 0 or unset: features stay as they are
# Of a vector's root mean square; six times the largest difference that was measured. Same frames, same weights,
# torch 2.15 on a CPU with AVX-512, largest of 64 vectors of logits (and the part that all share):
#
#                        embedded networks     ResNet-18, MobileNetV2    EfficientNet-Lite0
#                        (three), 128 px       (random), 224 px          (ImageNet), 224 px
#   @TABLE@
EPSILON = 1e-5


def draw() -> int:
    """The draw that the environment asks for; 0 for none."""
    return int(os.environ.get(VARIABLE) or 0)


def perturbed(features: torch.Tensor) -> torch.Tensor:
    """The vectors (B, D) with the noise of the present draw, or the same tensor where there is none.

    Half of the noise's power is each vector's own, half is shared by all vectors of D dimensions: rounding has
    both parts, and means over many frames forget only the first. Zeros stay: a ReLU gives them everywhere. The
    same vector gets the same noise again, to the bit, whatever the batch.
    """
    number = draw()
    if not number:
        return features
    values = features.detach().float().cpu()
    shared = _noise(values.shape[1], number)
    own = torch.stack([_noise(values.shape[1], number, zlib.crc32(each.numpy().tobytes())) for each in values])
    size = EPSILON * values.square().mean(1, keepdim=True).sqrt()
    noise = (size * (own + shared) / 2**0.5).where(values != 0, torch.zeros(()))
    return features + noise.to(features)


def _noise(dimensions: int, *seeds: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(zlib.crc32(repr(seeds).encode()))
    return torch.randn(dimensions, generator=generator)
