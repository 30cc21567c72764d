"""Where and how exactly the networks run: device, seeds, numerical precision, version stamp."""

from __future__ import annotations

import contextlib
import importlib.metadata
import platform
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch

from helpers.suggestions import nearest

PACKAGES = ("torch", "torchvision", "antialiased-cnns", "numpy", "matplotlib", "scikit-learn", "papermill")
PRECISIONS = ("float32", "tf32", "bfloat16", "float16")
PERTURB = "SHIFT_PERTURB"  # of the environment: the draw, as features.perturbation takes it; 0 or unset for none


def device(name: str = "auto") -> torch.device:
    """The device to compute on.

    Args:
        name: a torch device string, or ``"auto"``: CUDA if there is one, else Apple's MPS, else the CPU.

    Raises:
        ValueError: a name torch does not know, or a device this machine does not have.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        chosen = torch.device(name)
    except RuntimeError as error:
        raise ValueError(f"unknown device {name!r}: use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'") from error
    there = {"cpu": 1, "cuda": torch.cuda.device_count(), "mps": int(torch.backends.mps.is_available())}
    if chosen.type not in there:  # torch knows more: "meta", for one, would empty the network
        raise ValueError(f"device {name!r} cannot run this: use 'auto', 'cpu', 'cuda', 'cuda:1' or 'mps'")
    if (chosen.index or 0) >= there[chosen.type]:
        raise ValueError(f"device {name!r} is not available on this machine: use 'auto' or 'cpu'")
    return chosen


def seed(number: int) -> None:
    """Seed Python's, NumPy's and torch's generators (all devices) with one integer."""
    random.seed(number)
    np.random.seed(number)  # noqa: NPY002 - libraries that draw from the global generator
    torch.manual_seed(number)


@contextlib.contextmanager
def precision(name: str, on: torch.device) -> Iterator[None]:
    """Run the enclosed forward passes in a numerical precision, and restore the settings afterwards.

    Args:
        name: ``float32`` (IEEE single precision, with TF32 and any outer autocast switched off), ``tf32`` (CUDA
            only, elsewhere the same as ``float32``), or ``bfloat16`` and ``float16``, by autocast.
        on: the device they run on.

    Raises:
        ValueError: another name.
    """
    if name not in PRECISIONS:
        raise ValueError(f"unknown precision {name!r}{nearest(name, PRECISIONS)}")
    half = {"bfloat16": torch.bfloat16, "float16": torch.float16}.get(name)
    with _tf32(name == "tf32" and on.type == "cuda"), torch.autocast(on.type, dtype=half, enabled=half is not None):
        yield


@contextlib.contextmanager
def _tf32(allowed: bool) -> Iterator[None]:
    """Allow or forbid the shorter mantissa in float32 matrix products and convolutions."""
    cudnn = torch.backends.cudnn
    try:
        products, convolutions, newer = torch.get_float32_matmul_precision(), cudnn.allow_tf32, []
    except RuntimeError:
        # Once torch's newer switches (2.9) have been used it refuses to read the old ones; these are their defaults.
        owners = (torch.backends.cuda.matmul, cudnn.conv, cudnn.rnn, torch.backends.mkldnn.matmul)
        products, convolutions, newer = "highest", True, [(owner, owner.fp32_precision) for owner in owners]
    try:
        torch.set_float32_matmul_precision("high" if allowed else "highest")
        cudnn.allow_tf32 = allowed
        yield
    finally:
        torch.set_float32_matmul_precision(products)
        cudnn.allow_tf32 = convolutions
        for owner, value in newer:
            owner.fp32_precision = value


def _git(*arguments: str) -> str | None:
    """What git prints in the checkout this file is part of; None outside one."""
    command = ["git", "-C", str(Path(__file__).parent), *arguments]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None


def stamp(on: str = "auto", **extra: object) -> dict[str, object]:
    """What a result was made with: package versions, platform, device, commit.

    Args:
        on: the device computed on, as for :func:`device`.
        **extra: added as it is.

    Returns:
        The stamp; its ``dirty`` is True if the checkout has uncommitted changes, None outside a checkout.
    """
    where, found = device(on), {}
    for package in PACKAGES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[package] = importlib.metadata.version(package)
    status = _git("status", "--porcelain", "--untracked-files=no")
    return {
        "python": platform.python_version(),
        "platform": f"{platform.system()} {platform.machine()}",
        "packages": found,
        "device": torch.cuda.get_device_name(where) if where.type == "cuda" else where.type.upper(),
        "threads": torch.get_num_threads(),
        "commit": _git("rev-parse", "--short=12", "HEAD"),
        "dirty": None if status is None else bool(status),
        **extra,
    }
