"""Devices, seeds, precision and the version stamp."""

import random
import subprocess
import sys

import numpy as np
import pytest
import torch

from helpers import runtime


def test_seed_repeats_all_three_generators():
    def draw():
        runtime.seed(3)
        return random.random(), np.random.rand(), torch.rand(1).item()  # noqa: NPY002 - that is what is tested

    assert draw() == draw()


def test_device_names():
    assert runtime.device("cpu").type == "cpu"
    assert runtime.device().type in ("cpu", "cuda", "mps")
    with pytest.raises(ValueError, match="'gpuu'"):
        runtime.device("gpuu")
    if not torch.cuda.is_available():
        with pytest.raises(ValueError, match="not available"):
            runtime.device("cuda")


def test_precision_is_restored_also_after_an_error():
    before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
    for name in runtime.PRECISIONS:
        with pytest.raises(KeyError), runtime.precision(name, torch.device("cpu")):
            assert not torch.backends.cudnn.allow_tf32  # on the CPU, whatever was asked for
            raise KeyError
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
        assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(ValueError, match="float8"), runtime.precision("float8", torch.device("cpu")):
        pass


def test_tf32_is_allowed_and_forbidden():
    for allowed in (True, False):
        with runtime._tf32(allowed):
            assert torch.backends.cudnn.allow_tf32 == torch.backends.cuda.matmul.allow_tf32 == allowed


def test_bfloat16_is_used_and_close():
    layer, x = torch.nn.Linear(64, 8), torch.randn(4, 64)
    with torch.inference_mode(), runtime.precision("bfloat16", torch.device("cpu")):
        half = layer(x)
    assert half.dtype == torch.bfloat16
    assert torch.allclose(half.float(), layer(x), atol=0.05)  # eight bits of mantissa over sums near 1


def test_stamp_says_what_was_used():
    stamp = runtime.stamp(seed=5)
    assert stamp["seed"] == 5 and stamp["packages"]["torch"] == torch.__version__.split("+")[0]
    assert stamp["dirty"] in (True, False, None)


def test_devices_that_cannot_compute_are_refused():
    for name in ("meta", "xla"):
        with pytest.raises(ValueError, match=f"'{name}' cannot run this"):
            runtime.device(name)
    with pytest.raises(ValueError, match="not available"):
        runtime.device(f"cuda:{max(torch.cuda.device_count(), 1)}")


def test_float32_is_exact_inside_an_autocast():
    cpu = torch.device("cpu")
    x = torch.randn(8, 8)
    with torch.autocast("cpu", torch.bfloat16), runtime.precision("float32", cpu):
        assert (x @ x).dtype == torch.float32


def test_precision_lives_with_torchs_other_switches():
    """In a process of its own: torch refuses to read the older switches once the newer ones were used."""
    code = """
import torch
from helpers import runtime
b, cpu = torch.backends, torch.device("cpu")
torch.set_float32_matmul_precision("medium")
with runtime.precision("float32", cpu):
    assert torch.get_float32_matmul_precision() == "highest"
assert torch.get_float32_matmul_precision() == "medium"
if hasattr(b.cuda.matmul, "fp32_precision"):
    owners = (b.cuda.matmul, b.cudnn.conv, b.cudnn.rnn, b.mkldnn.matmul)
    b.cuda.matmul.fp32_precision = "tf32"
    b.cudnn.conv.fp32_precision = "ieee"
    before = [owner.fp32_precision for owner in owners]
    with runtime.precision("float32", cpu):
        assert not b.cudnn.allow_tf32 and torch.get_float32_matmul_precision() == "highest"
    assert [owner.fp32_precision for owner in owners] == before
"""
    subprocess.run([sys.executable, "-c", code], check=True)


def test_the_stamp_names_the_device_that_was_asked_for():
    assert runtime.stamp("cpu")["device"] == "CPU"
