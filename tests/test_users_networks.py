"""Networks and weights as other people have them: each kind is right, or refused with an error that says what to do."""

from __future__ import annotations

import argparse
import contextlib
import functools
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
import torchvision
from torch import nn

from helpers import features, networks, objects, shifting
from helpers.measures import padding, precision
from helpers.networks import weights

SCENE = shifting.Paste(objects.load("airplane", 24), 64)
reading = functools.partial(features.extract, scene=SCENE, stride=20, progress=False, device="cpu")


# Checkpoints as people save them


def plain() -> nn.Module:
    """Small, and with every kind of entry: convolution, statistics, counter and linear layer, some in blocks."""
    torch.manual_seed(0)
    return nn.ModuleDict(
        {"features": nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Sequential(nn.Conv2d(4, 4, 3))),
         "fc": nn.Linear(4, 2)}
    )  # fmt: skip


OWN = plain().state_dict()
OTHER = {key: value + 1 for key, value in OWN.items()}


def behind(prefix: str, state: dict = OWN) -> dict:
    return {prefix + key: value for key, value in state.items()}


def within(part: str, word: str) -> dict:
    return {key.replace(f"{part}.", f"{part}.{word}.", 1): value for key, value in OWN.items()}


WRAPPED = {
    "as it is": OWN,
    "torch.compile": behind("_orig_mod."),
    "data parallel": behind("module."),
    "both": behind("module._orig_mod."),
    "data parallel around a part": within("features", "module"),
    "a compiled part": within("features", "_orig_mod"),
    "a checkpointed block inside": within("features.2", "_checkpoint_wrapped_module"),
    "a trainer's prefix and its loss": behind("model.") | {"criterion.weight": torch.ones(2)},
    "a trainer's, around a part": behind("net.", within("features", "module")) | {"loss.w": torch.ones(1)},
    "a normalisation in front": behind("1.") | {"0.mean": torch.zeros(3), "0.std": torch.ones(3)},
    "an averaged model": behind("module.") | {"n_averaged": torch.tensor(5)},
    "state_dict": {"arch": "x", "state_dict": behind("module.")},
    "model_state_dict": {"epoch": 3, "model_state_dict": OWN, "loss": 0.3, "optimizer_state_dict": {
        "state": {0: {"exp_avg": torch.ones(4, 3, 3, 3), "step": torch.tensor(1.0)}}, "param_groups": [{}]}},
    "with an optimiser, around a part": {"state_dict": within("features", "module"), "optimizer": {
        "state": {0: {"momentum_buffer": torch.ones(4, 3, 3, 3)}}}},
    "model and options": {"model": OWN, "args": argparse.Namespace(lr=0.1), "scaler": {}},
    "two deep": {"state": {"net": behind("module.")}, "best": 0.5},
    "in a list": [OWN],
    "beside numbers": {**OWN, "epoch": 3},
    "without counters": {key: value for key, value in OWN.items() if "num_batches" not in key},
    "half": {key: value.half() if value.is_floating_point() else value for key, value in OWN.items()},
}  # fmt: skip


@pytest.mark.parametrize("words", WRAPPED)
def test_checkpoints_load_whatever_wraps_them(words: str, tmp_path: Path) -> None:
    torch.save(WRAPPED[words], tmp_path / "my.pth")
    module = plain()
    for value in module.state_dict().values():
        value.zero_()
    weights.filled(module, tmp_path / "my.pth", name="mine", known={})
    for key, value in module.state_dict().items():
        if "num_batches" not in key:
            assert torch.allclose(value, OWN[key], atol=1e-3 if words == "half" else 0), key


FIRST = "features.0.weight"
REFUSED = {
    "averaged beside it": ({"model": OWN, "ema": behind("module.", OTHER)}, "several networks.*model., ema.module."),
    "two in a trainer's": (behind("model.") | behind("ema.", OTHER), r"several networks that fit \(model., ema.\)"),
    "two in one place": (within("features", "module") | within("features", "ema"), "several.*features.module.0"),
    "numbers for names": ({0: torch.ones(2), 1: torch.ones(2)}, f"{FIRST} .* is missing.*which begins with 0"),
    "another network": ({"backbone.conv.weight": torch.ones(2)}, "is missing.* begins with backbone.conv.weight"),
    "a wrapped one that lacks one": (
        {key: value for key, value in behind("net.").items() if "fc.b" not in key}, r"net.fc.bias \(2,\) is missing"),
    "a wrapped one of another size": (behind("net.") | {f"net.{FIRST}": torch.ones(2)}, rf"net.{FIRST} is \(2,\)"),
    "a wrapped one with more": (behind("net.") | {"net.more": torch.ones(2)}, "has no more, in the file net.more"),
    "one with more": (OWN | {"more": torch.ones(2)}, "has no more$"),
    "sparse": (OWN | {FIRST: OWN[FIRST].to_sparse()}, f"{FIRST} is torch.float32, torch.sparse_coo.*save it dense"),
    "complex": (OWN | {FIRST: OWN[FIRST].to(torch.complex64)}, f"{FIRST} is torch.complex64"),
    "on the meta device": (OWN | {FIRST: OWN[FIRST].to("meta")}, f"{FIRST} is .* on meta"),
    "quantised": (OWN | {FIRST: torch.quantize_per_tensor(OWN[FIRST], 0.1, 0, torch.qint8)}, f"{FIRST} is torch.qint8"),
    "integers": (OWN | {FIRST: OWN[FIRST].to(torch.int8)}, f"{FIRST} is torch.int8"),
    "numbers only": ({"epoch": 3}, "no state dictionary"),
    "one tensor": (torch.ones(3), "no state dictionary"),
    "nothing": ({}, "no state dictionary"),
    "the module": (nn.Linear(2, 2), "save module.state_dict"),
}  # fmt: skip


@pytest.mark.parametrize("words", REFUSED)
def test_checkpoints_that_do_not_fit_say_why(words: str, tmp_path: Path) -> None:
    content, told = REFUSED[words]
    torch.save(content, tmp_path / "my.pth")
    with pytest.raises(ValueError, match=told) as error:
        weights.filled(plain(), tmp_path / "my.pth", name="mine", known={})
    assert "my.pth" in str(error.value) and "\n" not in str(error.value)


def test_a_scripted_file_is_not_recommended_to_be_run(tmp_path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.jit.script(plain()["fc"]).save(tmp_path / "my.pth")
    with pytest.raises(ValueError, match="my.pth .*save module.state_dict") as error:
        weights.read_weights(tmp_path / "my.pth")
    assert "weights_only" not in str(error.value)


def test_a_truncated_download_says_where_it_is_and_how_it_goes(tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    file = tmp_path / "checkpoints" / "squeezenet1_0-b66bff10.pth"
    file.parent.mkdir()
    file.write_bytes(b"PK\x03\x04 cut off")
    with pytest.raises(networks.catalogue.packaged.assets.AssetError) as error:
        networks.load("squeezenet1_0")
    assert f"rm {file}" in str(error.value) and "SHA-256" in str(error.value)


# Weights by other names


def test_weights_of_torchvision_by_their_enumeration(monkeypatch) -> None:
    asked = []
    monkeypatch.setattr(networks.catalogue, "download", lambda url: asked.append(url) or MOBILE.state_dict())
    theirs = torchvision.models.MobileNet_V2_Weights
    for given in (theirs.IMAGENET1K_V2, "IMAGENET1K_V2", str(theirs.IMAGENET1K_V2)):
        assert networks.load("mobilenet_v2", weights=given).weights.startswith("IMAGENET1K_V2")
    assert networks.load("mobilenet_v2").weights.startswith("IMAGENET1K_V1")
    assert asked == [theirs.IMAGENET1K_V2.url] * 3 + [theirs.IMAGENET1K_V1.url]
    assert networks.Source("mobilenet_v2", weights=theirs.IMAGENET1K_V2).load().weights.startswith("IMAGENET1K_V2")
    for name, antialiased in (
        ("resnet50", False),
        ("mobilenet_v2", True),
        ("demo_resnet", False),
        ("timm:resnet18", False),
    ):
        with pytest.raises(ValueError, match=f"unknown weights .* for {name}"):
            networks.load(name, antialiased=antialiased, weights=theirs.IMAGENET1K_V2)


MOBILE = torchvision.models.mobilenet_v2(weights=None)


def test_a_source_takes_a_path() -> None:
    path = Path("folder") / "mine.pth"
    source = networks.Source("resnet50", weights=path)
    assert source == networks.Source("resnet50", weights=str(path)) == networks.Source.parse(str(source))
    assert source.key == "resnet50@mine"


@pytest.mark.parametrize("name", ["vit_h_14", "vit_b_16", "swin_t"])
@pytest.mark.parametrize("given", [None, "IMAGENET1K_SWAG_E2E_V1", "IMAGENET1K_SWAG_LINEAR_V1"])
def test_a_transformer_is_built_for_the_frame_of_its_weights(name: str, given: str | None, monkeypatch) -> None:
    if name == "swin_t" and given:
        pytest.skip("has no such weights")
    monkeypatch.setattr(networks.catalogue, "filled", lambda *_, **__: "")
    with torch.device("meta"):  # shapes alone
        network = networks.load(name, weights=given)
    sides = {"vit_h_14": (518, 224), "vit_b_16": (384, 224)}.get(name, ())
    expected = sides[given.endswith("LINEAR_V1")] if given else {"vit_h_14": 518}.get(name, 224)
    assert network.frame == expected == getattr(network.module, "image_size", expected)


# Layers that wrap finds by itself


class Body(nn.Module):
    def __init__(self, **heads: nn.Module) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten())
        for name, head in heads.items():
            setattr(self, name, head)
        self.double()  # so that the features computed again here are the same to 1e-5

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.body(x))


class Gate(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        return self.head(x * torch.sigmoid(self.gate(x)))


class Aux(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        return (self.head(x), self.aux(x)) if self.training else self.head(x)


class Late(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body(x)
        return self.head(x) * torch.sigmoid(self.gate(x))


class Both(Body):
    def forward(self, x: torch.Tensor) -> tuple:
        x = self.body(x)
        return self.head(x), self.aux(x)


class Function(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return F.linear(self.body(x), self.head.weight)


def cut(name: str, head: str) -> nn.Module:
    module = torchvision.models.get_model(name, weights=None)
    module.set_submodule(head, nn.Identity())
    return module.double()


def timm_cut() -> nn.Module:
    import timm

    return timm.create_model("vit_tiny_patch16_224", num_classes=0, img_size=64).double()


def linear() -> nn.Linear:
    return nn.Linear(8, 10)


CONV = nn.Sequential(nn.Conv2d(3, 8, 3, stride=4), nn.ReLU(), nn.Conv2d(8, 5, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
RESNET = torchvision.models.resnet18(weights=None)
FOUND: dict[str, tuple[Callable[[], nn.Module], str]] = {
    "a head defined first": (lambda: Body(head=linear(), unused=linear()), "head:input"),
    "a gate defined last": (lambda: Gate(head=linear(), gate=nn.Linear(8, 8)), "head:input"),
    "an auxiliary head defined last": (lambda: Aux(head=linear(), aux=linear()), "head:input"),
    "a head in a block, dropout after it": (
        lambda: Body(head=nn.Sequential(nn.Linear(8, 9), nn.ReLU(), nn.Linear(9, 10), nn.Dropout())),
        "head.2:input",
    ),
    "a weight-normed head": (lambda: Body(head=nn.utils.parametrizations.weight_norm(linear())), "head:input"),
    "a convolution's scores averaged": (lambda: CONV.double(), "2:input:mean"),
    "a convolution for a head": (
        lambda: Body(head=nn.Sequential(nn.Unflatten(1, (8, 1, 1)), nn.Conv2d(8, 5, 1), nn.Flatten())),
        "head.1:input:mean",
    ),
    "cut: resnet18.fc": (lambda: cut("resnet18", "fc"), ""),
    "cut: the last children left out": (
        lambda: nn.Sequential(*list(RESNET.children())[:-1], nn.Flatten()).double(),
        "",
    ),
    "cut: the same, not flattened": (lambda: nn.Sequential(*list(RESNET.children())[:-1]).double(), ""),
    "cut: alexnet's last layer": (lambda: cut("alexnet", "classifier.6"), ""),
    "cut: mobilenet_v3_small's last layer": (lambda: cut("mobilenet_v3_small", "classifier.3"), ""),
    "cut: convnext_tiny": (lambda: cut("convnext_tiny", "classifier.2"), ""),
    "cut: timm, num_classes=0": (timm_cut, ""),
}


@pytest.mark.parametrize("words", FOUND)
def test_wrap_finds_the_output_and_the_input_of_its_layer(words: str) -> None:
    make, node = FOUND[words]
    module = make()
    network = networks.wrap(module, frame=64)
    assert network.layers == {"pool": node, "fc": ""} and network.logits == "fc"
    found = reading(network).layers
    frame = network.preprocess(SCENE.render(torch.tensor([[0, 0]])))
    given = []
    part = module.get_submodule(node.split(":")[0])
    with torch.no_grad():
        handle = part.register_forward_pre_hook(lambda _, inputs: given.append(inputs[0]))
        out = module(frame)
        handle.remove()
    pool = given[-1].flatten(2).mean(2) if node and given[-1].ndim == 4 else given[-1] if node else out
    for name, expected in (("fc", out), ("pool", pool)):
        # float32 of float64 features, whose rounding depends on the batch's layout
        assert torch.allclose(found[name][0, 0], expected.flatten().float(), rtol=1e-4, atol=1e-6), name


@pytest.mark.parametrize(
    "module",
    [
        Late(head=linear(), gate=linear()),
        Both(head=linear(), aux=linear()),
        Function(head=linear()),
        Body(head=nn.Sequential(linear(), nn.Softmax(1))),
        Body(head=nn.Sequential(linear(), nn.BatchNorm1d(10, eps=0.1))),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.ReLU()),
        nn.Sequential(nn.Conv2d(3, 8, 3), nn.AdaptiveAvgPool2d(1)),
        nn.ReLU(),
    ],
    ids=["a gate after the head", "two heads", "a function", "softmax", "norm", "a map", "a 3 x 3 convolution", "none"],
)
def test_wrap_asks_for_layers_where_no_layer_gives_the_output(module: nn.Module) -> None:
    with pytest.raises(ValueError, match="no linear or convolutional layer gives the output.*name the layers"):
        networks.wrap(module, frame=64)
    assert networks.wrap(module, {"mine": ""}, frame=64).layers == {"mine": ""}


# Networks that are no function of the frame, and what looking changes


class Drops(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(F.dropout(self.body(x), 0.5))


class Batched(Body):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        x = self.body[0](x)
        x = F.batch_norm(x, self.norm.running_mean, self.norm.running_var, training=True)
        return self.head(self.body[1:](x))


BATCHED = {
    "dropout": lambda: Drops(head=linear()),
    "batch statistics": lambda: Body(
        head=nn.Sequential(
            nn.Unflatten(1, (2, 2, 2)), nn.BatchNorm2d(2, track_running_stats=False), nn.Flatten(), linear()
        )
    ),
    "batch statistics of a function": lambda: Batched(head=linear(), norm=nn.BatchNorm2d(8)),
}  # fmt: skip


@pytest.mark.parametrize("words", BATCHED)
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
@pytest.mark.parametrize("double", [False, True])
def test_networks_that_are_no_function_of_the_frame_are_named(words: str, kind: str, double: bool) -> None:
    if double and kind == "bfloat16":
        pytest.skip("refused before that")
    torch.manual_seed(0)
    module = BATCHED[words]()
    network = networks.wrap(module if double else module.float(), {"fc": ""}, frame=64)
    frames = SCENE.render(torch.tensor([[0, 0]]))
    with pytest.raises(ValueError, match=r"fc of one frame is not the same beside another.*dropout.*batch"):
        features.of_frames(network, frames, device="cpu", precision=kind)


@pytest.mark.parametrize("words", ["dropout", "batch statistics of a function"])
def test_so_are_they_over_a_scene(words: str) -> None:
    torch.manual_seed(0)
    network = networks.wrap(BATCHED[words]().float(), {"fc": ""}, frame=64)
    for run in (
        reading,
        functools.partial(features.similarity_maps, scene=SCENE, stride=20, device="cpu", progress=False),
    ):
        with pytest.raises(ValueError, match="is not the same beside"):
            run(network)


class Observing(nn.Module):
    """Notes what it sees in eval mode too, as the observers of quantisation do, in a buffer that changes its shape."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.AdaptiveAvgPool2d(1))
        self.fc = nn.Linear(8, 3)
        self.register_buffer("seen", torch.zeros(0))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen = torch.cat([self.seen, x.flatten()[:1]])
        x = F.batch_norm(self.body[0](x), self.body[1].running_mean, self.body[1].running_var, training=True)
        return self.fc(self.body(torch.cat([x[:, :3]])).flatten(1))


LOOKS = {
    "obstacles": padding.obstacles,
    "another padding": lambda network: padding.replace(network, mode="circular"),
    "strides": lambda network: network.strides,
    "widest": lambda network: network.widest((32, 32)),
    "features": reading,
    "layers": lambda network: networks.nodes.find_layers(network.module, 64),
}


@pytest.mark.parametrize("words", LOOKS)
def test_looking_changes_no_statistics_and_no_modes(words: str) -> None:
    module = Observing()
    network = networks.wrap(module, frame=64)
    module.train()
    module.body[1].eval()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    modes = [part.training for part in module.modules()]
    with contextlib.suppress(ValueError):  # of its features, that they depend on the batch
        LOOKS[words](network)
    assert [part.training for part in module.modules()] == modes
    for key, value in module.state_dict().items():
        assert torch.equal(value, before[key]), key


def test_one_value_per_channel_has_no_statistics() -> None:
    module = Body(head=nn.Sequential(nn.BatchNorm1d(8, track_running_stats=False), linear()))
    with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
        networks.wrap(module, frame=64)


# Modules of other kinds


def small() -> nn.Sequential:
    torch.manual_seed(0)
    layers = [
        nn.Conv2d(3, 8, 3, stride=2, padding=1),
        nn.BatchNorm2d(8),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
    ]
    return nn.Sequential(*layers, nn.Linear(8, 10))


def normed(norm: Callable) -> nn.Module:
    module = small()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the older one of the two is deprecated, and in many checkpoints
        module[0] = norm(module[0])
    return module


NORMS = [
    nn.utils.weight_norm,
    nn.utils.parametrizations.weight_norm,
    nn.utils.spectral_norm,
    nn.utils.parametrizations.spectral_norm,
]


@pytest.mark.parametrize("norm", NORMS, ids=lambda norm: f"{norm.__module__.rpartition('.')[2]}.{norm.__name__}")
def test_weights_that_are_computed_can_be_read_padded_and_blurred(norm: Callable) -> None:
    network = networks.wrap(normed(norm), frame=64)
    got = reading(network).layers["fc"]
    frame = network.preprocess(SCENE.render(torch.tensor([[0, 0]])))
    with torch.no_grad():
        assert torch.allclose(got[0, 0], network.module(frame)[0], rtol=1e-4, atol=1e-6)  # rounding
    network.module(frame).sum().backward()  # as after a step of training
    round = padding.replace(network, mode="circular")
    with torch.no_grad():
        plain = small()
        plain[0].padding_mode = "circular"
        plain[0].weight.copy_(network.module[0].weight)
        assert torch.allclose(round.module(frame), plain.eval()(frame), atol=1e-6)
    module = nn.Sequential(network.module[:3], nn.MaxPool2d(2), network.module[3:])
    assert networks.antialias(networks.wrap(module, frame=64)).antialiased


def test_half_networks_are_read_in_their_own_precision() -> None:
    full, half = (reading(networks.wrap(module, frame=64)).layers["fc"] for module in (small(), small().half()))
    assert torch.allclose(full, half, atol=1e-2) and not torch.equal(full, half)
    network = networks.wrap(small().half(), frame=64)
    scene = shifting.Paste(objects.load("cup", size=32), 64)
    assert [each.precision for each in precision.fastest(network, scene, device="cpu").tried] == ["float32"]
    for shorter in ("bfloat16", "float16", "tf32"):
        with pytest.raises(
            ValueError, match=r"is in torch.float16 itself: leave precision out, or wrap module.float\(\)"
        ):
            reading(network, precision=shorter)


def test_scripted_modules_and_what_is_no_module_are_refused() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        scripted, traced = torch.jit.script(small().eval()), torch.jit.trace(small().eval(), torch.zeros(1, 3, 64, 64))
    for module in (
        scripted,
        traced,
        nn.Sequential(scripted, nn.Flatten()),
        lambda x: x,
        {"conv.weight": torch.ones(2)},
    ):
        for layers in (None, {"fc": ""}):
            with pytest.raises(ValueError, match="wrap the nn.Module that it was made from"):
                networks.wrap(module, layers, frame=64)


def quantised() -> tuple[nn.Module, nn.Module]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.backends.quantized.engine = next(e for e in torch.backends.quantized.supported_engines if e != "none")
        dynamic = torch.ao.quantization.quantize_dynamic(small().eval(), {nn.Linear})
        static = torch.ao.quantization.QuantWrapper(small().eval())
        static.qconfig = torch.ao.quantization.default_qconfig
        torch.ao.quantization.prepare(static, inplace=True)
        static(torch.randn(4, 3, 64, 64))
        return torch.ao.quantization.convert(static), dynamic


def test_quantised_networks_are_read_unless_their_scale_is_the_batchs() -> None:
    exact = reading(networks.wrap(small(), frame=64)).layers
    static, dynamic = (networks.wrap(module, frame=64) for module in quantised())
    assert static.layers["pool"] == "module.5:input" and dynamic.layers["pool"] == "5:input"
    assert len({network.checksum for network in (static, dynamic, networks.wrap(small(), frame=64))}) == 3
    found = reading(static).layers
    for layer, values in exact.items():  # eight bits of the largest value, and of every layer before
        assert found[layer].dtype == torch.float32
        assert (found[layer] - values).abs().max() < 0.05 * values.abs().max()
    with pytest.raises(ValueError, match="fc of one frame is not the same beside another.*dynamic quantisation"):
        reading(dynamic)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_numbers_of_channels_are_said_with_the_remedy(channels: int) -> None:
    module = small()
    module[0] = nn.Conv2d(channels, 8, 3)
    for layers in (None, {"fc": ""}):
        with pytest.raises(
            ValueError, match=rf"takes no frames of 3 channels.* {channels} channels.*Grayscale\(\), module"
        ):
            reading(networks.wrap(module, layers, frame=64))
    if channels == 1:  # the remedy, with the statistics that such a network was trained with
        network = networks.wrap(
            nn.Sequential(torchvision.transforms.Grayscale(), module), mean=0.1307, std=(0.3081,), frame=64
        )
        grey = torchvision.transforms.Grayscale()(SCENE.render(torch.tensor([[0, 0]])).float() / 255)
        with torch.no_grad():
            expected = module.eval()((grey - 0.1307) / 0.3081)[0]
        # the weights of the channels, as torchvision has them, sum to 0.9999
        assert torch.allclose(reading(network).layers["fc"][0, 0], expected, atol=1e-3)


SIZED = nn.Sequential(nn.Conv2d(3, 4, 12, stride=4), nn.ReLU(), nn.MaxPool2d(4), nn.Flatten(), nn.Linear(36, 5))


@pytest.mark.parametrize(
    ("module", "side", "told"),
    [
        (SIZED, 9, "Kernel size can't be greater than actual input size"),
        (SIZED, 16, "Output size is too small"),
        (SIZED, 96, "shapes cannot be multiplied"),
        (torchvision.models.vit_b_32(weights=None), 64, "Wrong image height! Expected 224 but got 64!"),
    ],
    ids=["a kernel", "a pool", "a linear layer", "a transformer"],
)
def test_frames_that_a_network_does_not_take_are_named(module: nn.Module, side: int, told: str) -> None:
    scene = shifting.Paste(objects.load("airplane", 8), side)
    network = networks.wrap(module, {"fc": ""}, frame=64)
    for run in (features.extract, features.similarity_maps):
        with pytest.raises(ValueError, match=f"3 channels and {side} x {side} pixels") as error:
            run(network, scene, stride=3, device="cpu", progress=False, batch_size=2)
        assert told in str(error.value)
    with pytest.raises(ValueError, match=f"{side} x {side} pixels"):
        features.of_frames(network, scene.render(torch.tensor([[0, 0]])), device="cpu")
    with pytest.raises(ValueError, match=f"{side} x {side} pixels"):
        networks.wrap(module, frame=side)


NAMES = ["cat", "dog", "cow"]


@pytest.mark.parametrize(
    "labels",
    [
        tuple(NAMES),
        np.array(NAMES),
        {2: "cow", 0: "cat", 1: "dog"},
        {"0": "cat", "1": "dog", "2": "cow"},
        {"cow": 2, "cat": 0, "dog": 1},
        dict(zip(np.arange(3), NAMES, strict=True)),
        dict.fromkeys(NAMES).keys(),
    ],
    ids=["tuple", "array", "by index", "by index, as JSON has it", "by name", "by NumPy's index", "keys"],
)
def test_labels_come_in_many_kinds(labels: object) -> None:
    network = networks.wrap(small(), frame=64, labels=labels)
    assert network.labels == NAMES and network.class_index("cow") == 2


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"labels": "cat"}, "labels is 'cat': give a list of the class names"),
        ({"labels": {0: "cat", 2: "dog"}}, "labels is .*0: name, 1: name"),
        ({"labels": {"cat": "cats", "dog": "dogs"}}, "labels is "),
        ({"std": (0.2, 0, 0.2)}, r"std is \(0.2, 0, 0.2\): give one number or three.*above 0"),
        ({"std": 0}, "std is 0"),
        ({"std": -1.0}, "std is -1.0"),
        ({"std": float("nan")}, "std is nan"),
        ({"std": (0.2, 0.2)}, "std is .*give one number or three, one per channel"),
        ({"mean": (0.5,) * 4}, "mean is .*give one number or three"),
        ({"mean": "grey"}, "mean is 'grey'"),
        ({"mean": None}, "mean is None"),
        ({"mean": float("inf")}, "mean is inf"),
        ({"frame": -64}, "frame is -64: give the side"),
        ({"frame": 0}, "frame is 0"),
        ({"frame": 64.5}, "frame is 64.5"),
        ({"frame": (64, 64)}, r"frame is \(64, 64\)"),
        ({"frame": "64"}, "frame is '64'"),
    ],
    ids=str,
)
def test_settings_of_another_kind_are_named(settings: dict, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        networks.wrap(small(), **{"frame": 64, **settings})


@pytest.mark.parametrize(
    "value", [0.5, (0.5,), [0.5] * 3, np.full(3, 0.5), torch.full((3, 1, 1), 0.5), np.float32(0.5)], ids=str
)
def test_mean_and_deviation_come_in_many_kinds(value: object) -> None:
    network = networks.wrap(small(), frame=np.int64(64), mean=value, std=value)
    frames = SCENE.render(torch.tensor([[0, 0]]))
    assert torch.allclose(network.preprocess(frames), frames / 127.5 - 1)
