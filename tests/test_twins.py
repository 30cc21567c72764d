"""Twins of real networks: pictures by seed and step, a schedule that may be lengthened, training that goes on."""

from __future__ import annotations

import json

import pytest
import timm
import torch

from helpers import networks
from helpers.networks.antialiasing import blurred
from helpers.networks.embedded import store
from helpers.tools.training import agreement, commands, pictures, twins


def test_pictures_are_a_function_of_seed_and_step():
    first = pictures.batch(0, 3, count=3, side=48)
    assert first.shape == (3, 3, 48, 48) and 0 <= first.min() and first.max() <= 255
    assert torch.equal(first, pictures.batch(0, 3, count=3, side=48))
    assert not torch.equal(first, pictures.batch(0, 4, count=3, side=48))
    assert not torch.equal(first, pictures.batch(1, 3, count=3, side=48))


def test_pictures_say_where_they_come_from():
    used = pictures.used()
    assert used["scikit-image"]["pictures"] == 9, "what comes with a dependency is always there"
    assert all(source["licence"] and source["pictures"] for source in used.values())


def test_nothing_is_learned_from_what_is_validated_or_shown():
    validation = {*agreement.LEFT_OUT, *agreement.embedded.PHOTOS}
    assert not validation & set(pictures.SOURCES["scikit-image"][2].split())
    assert len(set(pictures.VALIDATION_STAMPS)) == 24


@pytest.fixture
def stamp_tree(tmp_path, monkeypatch):
    """Three stamps: a photograph, one kept for validation, one that is drawn."""
    for path in ("animals/cow.png", "animals/birds/duck.png", "animals/cartoon/hen.png"):
        target = tmp_path / path
        target.parent.mkdir(parents=True, exist_ok=True)
        stamp = pictures.Image.new("RGBA", (60, 50))
        stamp.paste((200, 30, 20, 255), (10, 5, 50, 45))
        stamp.save(target)
    monkeypatch.setattr(pictures, "STAMPS", tmp_path)
    pictures.stamps.cache_clear()
    yield
    pictures.stamps.cache_clear()


def test_stamps_are_photographs_cut_to_what_is_seen(stamp_tree):
    (stamp,) = pictures.stamps()
    assert stamp.shape == (4, 40, 40) and stamp[:, 0, 0].tolist() == [200, 30, 20, 255]


def test_the_rate_does_not_know_the_end_until_it_falls():
    short, long = twins.Recipe(steps=400, decay=100), twins.Recipe(steps=900, decay=100)
    assert [short.rate(step) for step in range(300)] == [long.rate(step) for step in range(300)]
    assert short.rate(0) == pytest.approx(short.peak_rate / short.warm) and short.rate(200) == short.peak_rate
    assert short.rate(350) == pytest.approx(short.peak_rate / 2) and 0 < short.rate(399) < short.rate(398)


def test_the_loss_of_a_network_against_itself_is_nothing(teacher):
    own = twins.seen(teacher, twins.standardise(pictures.batch(0, 0, count=2, side=32)))
    assert len(own[0]) == 7 and own[1].shape == (2, 1280) and own[2].shape == (2, 1000)
    assert twins.loss(twins.Recipe(), own, own).item() == pytest.approx(0, abs=1e-5)  # float32: a cosine of 1 - 1e-7


@pytest.fixture(scope="module")
def teacher():
    torch.manual_seed(0)
    return timm.create_model("tf_efficientnet_lite0", pretrained=False).eval()


def test_training_goes_on_where_it_stopped(teacher, tmp_path, monkeypatch):
    monkeypatch.setattr(twins, "SMALL", 32)
    monkeypatch.setattr(twins, "CHECKPOINT_EVERY", 2)
    before = {key: value.clone() for key, value in teacher.state_dict().items()}
    recipe = twins.Recipe(steps=4, warm=2, decay=2, batch=2)
    whole, _ = twins.learn(teacher, recipe, side=32, kept=tmp_path / "whole.pt")
    loss = twins.loss
    calls = []

    def interrupted(*arguments):
        calls.append(arguments)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return loss(*arguments)

    monkeypatch.setattr(twins, "loss", interrupted)
    with pytest.raises(KeyboardInterrupt):
        twins.learn(teacher, recipe, side=32, kept=tmp_path / "parts.pt")
    monkeypatch.setattr(twins, "loss", loss)
    parts, _ = twins.learn(teacher, recipe, side=32, kept=tmp_path / "parts.pt")
    state = parts.state_dict()
    for key, value in whole.state_dict().items():
        torch.testing.assert_close(state[key], value, rtol=0, atol=0)
    start = twins.start(teacher, recipe, side=32).state_dict()
    assert any(not torch.equal(start[key], state[key]) for key in state), "it learns"
    for key in (key for key in state if "running" in key):  # batch statistics stay as they were matched
        torch.testing.assert_close(state[key], start[key], rtol=1e-3, atol=1e-5)  # another order of float32 sums
    assert all(torch.equal(value, before[key]) for key, value in teacher.state_dict().items())


def test_a_twin_is_shipped_with_what_it_is(tmp_path, monkeypatch):
    network = networks.load("efficientnet_lite0")
    few = torch.randint(0, 256, (3, 3, 224, 225), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    pair = (few[..., :-1].contiguous(), few[..., 1:].contiguous())
    monkeypatch.setattr(agreement, "photographs", lambda side: pair)
    monkeypatch.setattr(agreement, "stamps", lambda side: None)
    twin = blurred(network.module)
    path = twins.ship("efficientnet_lite0", twin, twins.Recipe(), seconds=1.0, folder=tmp_path)
    state, metadata = store.read(path)
    fresh = blurred(network.module)
    fresh.load_state_dict(state)
    found = json.loads(metadata["validation"])["photographs"]
    assert found["frames"] == 3 and metadata["stored"] in ("float16", "float32")
    assert found["change"] < found["network_change"], "noise moved by a pixel"
    assert json.loads(metadata["recipe"])["steps"] == twins.Recipe.steps and "scikit-image" in metadata["sources"]
    against_itself = agreement.compare(network, network.module)["photographs"]
    assert against_itself["same_answer"] == against_itself["in_top_five"] == 1
    assert against_itself["change"] == against_itself["network_change"]


def test_an_unknown_twin_is_said_before_any_work(capsys, tmp_path):
    assert commands.main(["twins", "resnet50", "--work", str(tmp_path), "--out", str(tmp_path)]) == 2
    assert "no twin of 'resnet50' is trained here: choose one of efficientnet_lite0" in capsys.readouterr().err


def test_shipped_twins_keep_their_answers():
    """What the file of the twin says of it, on the packaged photographs alone; the whole set is in its metadata."""
    network, twin = (networks.load("efficientnet_lite0", antialiased=kind) for kind in (False, True))
    frames = torch.from_numpy(
        agreement.np.stack(
            [agreement._square(agreement.Image.fromarray(agreement.embedded.photo(name)), 224)
             for name in agreement.embedded.PHOTOS]
        )
    ).permute(0, 3, 1, 2)  # fmt: skip
    plain, smooth, moved = (
        agreement.outputs(network, module, frames[:, :, 16:240, 16 + col : 240 + col])
        for module, col in ((network.module, 0), (twin.module, 0), (twin.module, 1))
    )
    was = agreement.outputs(network, network.module, frames[:, :, 16:240, 17:241])
    change = [1 - torch.cosine_similarity(a[0], b[0]).mean() for a, b in ((plain, was), (smooth, moved))]
    assert change[1] < 0.6 * change[0]
    same = smooth[1].topk(5).indices == plain[1].argmax(1, keepdim=True)
    assert same.any(1).float().mean() >= 0.8
