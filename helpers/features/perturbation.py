"""Features as another machine might compute them: a switch that shows which numbers depend on their last digits (ours).

No two kinds of CPU add float32 numbers in the same order. Its effect on features is small and differs from frame to
frame; the effect on a number made of them (an accuracy, a p-value) depends on the number. So the runner can add noise
of that size where features leave a network (``python -m helpers run --perturb DRAW``), and the numbers tell.
"""

from __future__ import annotations

import os
import zlib

import torch

from helpers import runtime

# Of a vector's root mean square: five times the largest difference measured between ways of computing the same. Below,
# the largest of 64 frames' logits in units of 1e-6; torch 2.15, AVX-512, one thread, batches of 8, against
#
#                         demo_alexnet  demo_resnet  demo_mobilenet_v2  EfficientNet-Lite0
#   oneDNN's SSE4.1            1.3          0.5            0.5                1.8
#   ATen without AVX           0            0.4            0.6                1.6
#   both, and MKL's            1.3          0.6            0.7                1.9
#   AVX2 (either)              0            0              0                  0
#   two threads                0            0              0.5                1.6
#   batches of 1 / 64        0.5 / 0      0.4 / 0       0.2 / 0.5          0.3 / 1.6
#   channels first             0.6          0.4            0.5                0.1
#   batch norm folded          -            0.7            0.9                -
#   bfloat16, the far end    6,500        8,600         23,000             74,000
#
# About half of each difference is the same for all frames.
EPSILON = 1e-5


def perturbed(features: torch.Tensor) -> torch.Tensor:
    """The vectors (B, D) with the noise of the current draw; the same tensor if there is none.

    Half of the noise's power is each vector's own, half is shared by all vectors of D dimensions: rounding has
    both parts, and means over many frames forget only the first. Zeros stay: a ReLU gives them everywhere. The
    same vector gets the same noise again, to the bit, whatever the batch.
    """
    number = int(os.environ.get(runtime.PERTURB) or 0)
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
