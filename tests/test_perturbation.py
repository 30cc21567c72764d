"""The noise that stands for another machine: off by default, repeatable, of the size it says."""

from __future__ import annotations

import pytest
import torch

from helpers import features, networks, objects, runtime, shifting
from helpers.features import perturbation
from helpers.tools.training import evaluate


@pytest.fixture
def vectors() -> torch.Tensor:
    values = torch.randn(400, 500, generator=torch.Generator().manual_seed(0)) * torch.logspace(-3, 3, 400)[:, None]
    return values.clamp(min=-values.abs().mean())


def test_off_it_is_the_same_tensor(vectors: torch.Tensor, monkeypatch) -> None:
    for setting in ("", "0"):
        monkeypatch.setenv(runtime.PERTURB, setting)
        assert perturbation.perturbed(vectors) is vectors


def test_the_noise_has_its_size_and_both_parts(vectors: torch.Tensor, monkeypatch) -> None:
    monkeypatch.setenv(runtime.PERTURB, "1")
    noise = (perturbation.perturbed(vectors.double()) - vectors) / vectors.square().mean(1, keepdim=True).sqrt()
    size = float(noise.square().mean().sqrt())
    assert size == pytest.approx(perturbation.EPSILON, rel=0.02)  # 200,000 numbers
    common = float(noise.mean(0).square().mean().sqrt())
    assert common == pytest.approx(size / 2**0.5, rel=0.1)


def test_a_draw_repeats_whatever_the_batch(vectors: torch.Tensor, monkeypatch) -> None:
    monkeypatch.setenv(runtime.PERTURB, "1")
    whole = perturbation.perturbed(vectors)
    assert torch.equal(whole[5:9], perturbation.perturbed(vectors[5:9]))
    monkeypatch.setenv(runtime.PERTURB, "2")
    assert not torch.equal(whole, perturbation.perturbed(vectors))


def test_zeros_stay(monkeypatch) -> None:
    monkeypatch.setenv(runtime.PERTURB, "1")
    found = perturbation.perturbed(torch.tensor([[0.0, 2.0, 0.0, 1.0]]))[0]
    assert found[0] == found[2] == 0 and found[1] != 2


def test_whatever_leaves_a_network_is_reached(monkeypatch) -> None:
    """Features, maps and the answers of the training report; a path that is left out would look stable."""
    network = networks.load("demo_alexnet")
    scene = shifting.Paste(objects.load("cup", 48), network.frame)
    tests = {
        "extract": lambda: features.extract(network, scene, ["fc7"], stride=40, progress=False).layers["fc7"],
        "maps": lambda: features.similarity_maps(network, scene, ["fc7"], stride=40, progress=False)["fc7"],
        "frames": lambda: features.of_frames(network, scene.render([[0, 0]]), ["fc7"])["fc7"],
        "logits": lambda: evaluate.logits(network.module, evaluate.held_out(1)[0][:2], position=(0, 0)),
    }
    plain = {name: read() for name, read in tests.items()}
    monkeypatch.setenv(runtime.PERTURB, "1")
    assert not [name for name, read in tests.items() if torch.equal(read(), plain[name])]
