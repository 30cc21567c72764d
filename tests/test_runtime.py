"""Devices, seeds, precision and the version stamp."""

import random

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
            assert torch.backends.cudnn.allow_tf32 == (name == "tf32")
            raise KeyError
        assert (torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32) == before
        assert not torch.is_autocast_enabled("cpu")
    with pytest.raises(ValueError, match="float8"), runtime.precision("float8", torch.device("cpu")):
        pass


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
