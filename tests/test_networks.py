"""Networks by name, their layers, and weights from files and from a server; nothing is downloaded."""

import functools
import http.server
import re
import threading
from collections import OrderedDict

import numpy as np
import pytest
import torch
import torchvision
from torch import nn

from helpers import assets, features, networks
from helpers.networks import catalogue, weights

FRAMES = torch.randint(0, 256, (2, 3, 224, 224), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
# The sizes of the layers as the papers give them; pool is the number of channels of the last map.
WIDE = {"fc6": 4096, "fc6relu": 4096, "fc7": 4096, "fc7relu": 4096, "fc8": 1000}
LAYERS = {
    "alexnet": {**WIDE, "pool": 256},
    "resnet50": {"fc": 1000, "pool": 2048},
    "mobilenet_v2": {"fc": 1000, "pool": 1280},
    "squeezenet1_0": {"pool": 512, "fc": 1000},
}


@functools.cache
def untrained(name: str, antialiased: bool = False) -> networks.Network:
    torch.manual_seed(0)
    return networks.load(name, antialiased=antialiased, weights=None)


@pytest.mark.parametrize(
    ("name", "antialiased"),
    [("alexnet", 0), ("alexnet", 1), ("resnet50", 0), ("resnet50", 1), ("mobilenet_v2", 0), ("mobilenet_v2", 1),
     ("squeezenet1_0", 0)],
)  # fmt: skip
def test_layers_have_their_sizes_and_logits_are_the_output(name, antialiased):
    network = untrained(name, bool(antialiased))
    found = features.of_frames(network, FRAMES, device="cpu")
    assert {layer: values.shape[1] for layer, values in found.items()} == LAYERS[name]
    with torch.inference_mode():
        expected = network.module(network.preprocess(FRAMES))
    # 1e-4 relative: another memory layout sums in another order.
    scale = expected.abs().max()
    assert (found[network.logits] - expected).abs().max() <= 1e-4 * scale


def test_vgg16_layers_are_where_the_protocol_says():
    with torch.device("meta"):  # 138 million parameters that nobody needs here
        module = catalogue._antialiased("vgg16")
    layers = catalogue._LAYERS["vgg16"]
    sizes = {name: module.get_submodule(layers[name]).out_features for name in ("fc6", "fc7", "fc8")}
    assert sizes == {"fc6": 4096, "fc7": 4096, "fc8": 1000}


def test_fc6_is_read_before_its_relu_and_fc6relu_after():
    found = features.of_frames(untrained("alexnet"), FRAMES, ["fc6", "fc6relu", "fc7", "fc7relu"], device="cpu")
    for layer in ("fc6", "fc7"):
        assert found[layer].min() < 0
        assert torch.equal(found[layer].clamp(min=0), found[f"{layer}relu"])


def test_fc6_by_hand():
    module = untrained("alexnet").module
    with torch.inference_mode():
        maps = module.avgpool(module.features(untrained("alexnet").preprocess(FRAMES)))
        expected = maps.flatten(1) @ module.classifier[1].weight.T + module.classifier[1].bias
        pooled = maps.mean((2, 3))
    found = features.of_frames(untrained("alexnet"), FRAMES, ["fc6", "pool"], device="cpu")
    assert (found["fc6"] - expected).abs().max() <= 1e-4 * expected.abs().max()
    assert (found["pool"] - pooled).abs().max() <= 1e-4 * pooled.abs().max()


@pytest.mark.parametrize(
    ("name", "antialiased", "strides"),
    [
        ("alexnet", False, (4, 8, 16, 32)),
        ("alexnet", True, (2, 4, 8, 16, 32)),
        ("resnet50", False, (2, 4, 8, 16, 32)),
        ("resnet50", True, (2, 4, 8, 16, 32)),
        ("mobilenet_v2", False, (2, 4, 8, 16, 32)),
        ("mobilenet_v2", True, (2, 4, 8, 16, 32)),
        ("squeezenet1_0", False, (2, 4, 8, 16)),
        ("vit_b_16", False, (16,)),
        ("swin_t", False, (4, 8, 16, 32)),  # merges patches without a convolution
        ("efficientnet_lite0", False, (2, 4, 8, 16, 32)),
        ("demo_alexnet", False, (4, 8, 16, 32)),
        ("demo_alexnet", True, (2, 4, 8, 16, 32)),
        ("demo_resnet", True, (2, 4, 8, 16, 32)),
        ("demo_mobilenet_v2", False, (2, 4, 8, 16, 32)),
        ("timm:resnetblur50", False, (2, 4, 8, 16, 32)),
        ("timm:convnext_tiny", False, (4, 8, 16, 32)),
        ("timm:vit_small_patch16_224", False, (16,)),
        ("timm:swin_tiny_patch4_window7_224", False, (4, 8, 16, 32)),
        ("timm:levit_128s", False, (2, 4, 8, 16, 32, 64)),  # its attention keeps every second token
    ],
)
def test_strides(name, antialiased, strides):
    assert untrained(name, antialiased).strides == strides


def test_pools_that_adapt_to_the_frame_have_no_stride():
    module = nn.Sequential(nn.Conv2d(3, 4, 3, 2, 1), nn.AdaptiveAvgPool2d(8), nn.Flatten(), nn.Linear(256, 2))
    assert networks.wrap(module, frame=64).strides == (2,)


def test_preprocessing_by_hand():
    frame = torch.tensor([255, 0, 128], dtype=torch.uint8).view(1, 3, 1, 1)
    expected = [(1 - 0.485) / 0.229, (0 - 0.456) / 0.224, (128 / 255 - 0.406) / 0.225]
    ours = untrained("alexnet").preprocess(frame).flatten()
    assert torch.allclose(ours, torch.tensor(expected), atol=1e-6)


def test_labels_are_imagenets():
    network = untrained("mobilenet_v2")
    assert (network.class_index("strawberry"), network.class_index("warplane")) == (949, 895)
    with pytest.raises(ValueError, match=r"strawbery.*'strawberry'"):
        network.class_index("strawbery")


def test_weights_from_files(tmp_path):
    source = untrained("squeezenet1_0")
    torch.save({"state_dict": {f"module.{k}": v for k, v in source.module.state_dict().items()}}, tmp_path / "a.pth")
    from safetensors.torch import save_file

    save_file(source.module.state_dict(), tmp_path / "b.safetensors")
    for file in ("a.pth", "b.safetensors"):
        loaded = networks.load("squeezenet1_0", weights=tmp_path / file)
        assert loaded.checksum == source.checksum
        assert file in loaded.weights and assets.sha256(tmp_path / file)[:12] in loaded.weights


def test_weights_that_do_not_fit_name_the_first_mismatch(tmp_path):
    state = untrained("squeezenet1_0").module.state_dict()
    first = next(iter(state))
    torch.save({**state, first: torch.zeros(1, 2)}, tmp_path / "shape.pth")
    torch.save({k: v for k, v in state.items() if k != first}, tmp_path / "missing.pth")
    torch.save({**state, "classifier.9.weight": torch.zeros(1)}, tmp_path / "extra.pth")
    for file, word in (("shape", rf"{first} is \(1, 2\)"), ("missing", first), ("extra", r"classifier\.9")):
        with pytest.raises(ValueError, match=word):
            networks.load("squeezenet1_0", weights=tmp_path / f"{file}.pth")
    (tmp_path / "junk.pth").write_bytes(b"junk")
    with pytest.raises(ValueError, match=r"junk\.pth"):
        networks.load("squeezenet1_0", weights=tmp_path / "junk.pth")
    with pytest.raises(FileNotFoundError, match=r"none\.pth"):
        networks.load("squeezenet1_0", weights=tmp_path / "none.pth")


@pytest.mark.parametrize("name", ["1.running_mean", "1.running_var", "1.bias"])
def test_batch_statistics_are_weights_that_a_file_must_have(name):
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten())
    state = {key: value for key, value in module.state_dict().items() if key not in (name, "1.num_batches_tracked")}
    with pytest.raises(ValueError, match=rf"{name} \(4,\) is missing in the file"):
        weights.fill(nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4)), state, name="small", words="mine.pth")


def test_a_checksum_tells_names_shapes_and_values_apart():
    torch.manual_seed(0)
    first, second = nn.Linear(6, 4, bias=False), nn.Linear(6, 4, bias=False)

    def checksum(**parts: nn.Module) -> str:
        return networks.wrap(nn.Sequential(OrderedDict(parts)), {"a": "a"}).checksum

    reshaped = nn.Linear(4, 6, bias=False)
    reshaped.weight.data = first.weight.data.reshape(6, 4)
    parts = [{"a": first, "b": second}, {"a": second, "b": first}, {"a": first, "c": second}, {"a": first}]
    sums = [checksum(**each) for each in (*parts, {"a": reshaped, "b": second})]
    assert len(set(sums)) == len(sums) and sums[0] == checksum(a=first, b=second)


@pytest.fixture
def server(tmp_path):
    """A local HTTP server of the folder tmp_path/www; gives its address."""
    (tmp_path / "www").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=tmp_path / "www")
    handler.log_message = lambda *_: None
    running = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=running.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{running.server_port}"
    running.shutdown()
    running.server_close()


def test_default_weights_are_downloaded_once_and_checked(tmp_path, server, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("SHIFT_ASSETS", str(tmp_path / "nowhere"))
    source = untrained("squeezenet1_0")
    torch.save(source.module.state_dict(), tmp_path / "tmp.pth")
    prefix = assets.sha256(tmp_path / "tmp.pth")[:8]
    file = (tmp_path / "tmp.pth").rename(tmp_path / "www" / f"net-{prefix}.pth")
    state = weights.download(f"{server}/{file.name}")
    assert torch.equal(state["features.0.weight"], source.module.state_dict()["features.0.weight"])
    file.unlink()  # the second time it comes from the cache
    assert weights.download(f"{server}/{file.name}").keys() == state.keys()
    (tmp_path / "www" / "bad-00000000.pth").write_bytes(b"something else")
    with pytest.raises(assets.AssetError, match=r"bad-00000000\.pth"):
        weights.download(f"{server}/bad-00000000.pth")
    assert not (tmp_path / "home/hub/checkpoints/bad-00000000.pth").exists()


def test_offline_says_which_file_from_where_and_where_to_put_it(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("SHIFT_ASSETS", str(tmp_path / "nowhere"))
    with pytest.raises(assets.AssetError) as error:
        weights.download("http://127.0.0.1:9/net-0123abcd.pth")
    for word in ("net-0123abcd.pth", "http://127.0.0.1:9", str(tmp_path / "hub" / "checkpoints")):
        assert word in str(error.value)


def test_default_weights_are_the_papers_releases():
    for name in networks.PUBLISHED:
        assert catalogue._recipe(name).name == "IMAGENET1K_V1"
    files = [catalogue._published(name, True)[0].rpartition("/")[2] for name in networks.PUBLISHED]
    assert all("lpf5-" in file and "finetune" not in file for file in files) and len(files) == 4


@pytest.mark.parametrize(
    ("name", "kind", "words"),
    [
        ("resnet5", {}, ["resnet5", "resnet50"]),
        ("demo_resnt", {}, ["demo_resnet"]),
        ("squeezenet1_0", {"antialiased": True}, ["squeezenet1_0", "antialiased-cnns"]),
        ("demo_resnet", {"weights": "center"}, ["center", "centre"]),
        ("efficientnet_lite3", {}, ["efficientnet_lite3", "efficientnet_lite"]),
        ("efficientnet_lite0", {"weights": "imagenet"}, ["'imagenet'", "default, a file, None"]),
        ("vit_small_patch16_224", {}, ["did you mean 'timm:vit_small_patch16_224'"]),
        ("timm:convnxt_tiny", {}, ["no model 'convnxt_tiny'", "'convnext_tiny'", "install --upgrade timm"]),
        ("timm:vit_small_patch16_224.dinoo", {}, ["dinoo'; did you mean 'vit_small_patch16_224.dino'"]),
        ("timm:mixer_s32_224", {}, ["no weights of mixer_s32_224", "weights=PATH"]),
        ("timm:resnet18", {"antialiased": True}, ["timm:resnet18 has no anti-aliased twin"]),
    ],
)
def test_unknown_names(name, kind, words):
    with pytest.raises(ValueError) as error:
        networks.load(name, **kind)
    for word in words:
        assert word in str(error.value)


def test_wrap_finds_or_takes_layers_and_names_what_is_missing():
    module = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)).train()
    network = networks.wrap(module, frame=16)
    assert network.layers == {"pool": "3:input", "fc": ""} and not module.training
    assert networks.wrap(module, {"flat": "2", "scores": ""}).logits == "scores"
    with pytest.raises(ValueError, match=r"no node '4'"):
        networks.wrap(module, {"flat": "4"})
    with pytest.raises(ValueError, match="no linear or convolutional layer"):
        networks.wrap(nn.ReLU())
    with pytest.raises(ValueError, match=r"'pol'.*'pool'"):
        network.check(["pol"])


def test_embedded_networks_say_which_weights_they_have():
    centre, uniform = networks.load("demo_resnet"), networks.load("demo_resnet", weights="uniform")
    assert centre.checksum != uniform.checksum and centre.weights != uniform.weights
    scores = features.of_frames(centre, FRAMES[..., :128, :128], ["fc"], device="cpu")["fc"]
    assert len(centre.labels) == scores.shape[1]


def test_a_file_of_ones_own_may_have_a_date_in_its_name(tmp_path):
    source = untrained("squeezenet1_0")
    torch.save(source.module.state_dict(), tmp_path / "squeezenet-20240115.pth")
    assert networks.load("squeezenet1_0", weights=tmp_path / "squeezenet-20240115.pth").checksum == source.checksum


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("mnasnet0_5", "", ""),  # reads its file's version
        ("densenet121", r"\.(norm|conv)([12])\.", r".\1.\2."),  # as published
        ("vit_b_32", "mlp.0.", "mlp.linear_1."),
    ],
)
def test_older_files_are_read_as_torchvision_reads_them(tmp_path, name, old, new):
    state = torchvision.models.get_model(name, weights=None).state_dict()
    if old:
        state = OrderedDict(state)  # without the versions that today's torch adds
        for key in list(state):
            state[re.sub(old, new, key)] = state.pop(key)
    torch.save(state, tmp_path / "old.pth")
    loaded = networks.load(name, weights=tmp_path / "old.pth").module.state_dict()
    assert sum(float(value.double().abs().sum()) for value in loaded.values()) == sum(
        float(value.double().abs().sum()) for value in state.values()
    )


@pytest.mark.parametrize("name", ["googlenet", "inception_v3"])
def test_trained_inceptions_see_what_they_were_trained_on(name):
    assert catalogue._plain(name, trained=True, side=299).transform_input
    assert not catalogue._plain(name, trained=False, side=299).transform_input


def test_what_is_no_weights_file_is_not_recommended_to_be_run(tmp_path):
    torch.save({"epoch": np.float64(3)}, tmp_path / "more.pth")
    with pytest.raises(ValueError, match="save module.state_dict") as error:
        networks.load("squeezenet1_0", weights=tmp_path / "more.pth")
    assert "weights_only" not in str(error.value)


def test_local_weights_are_those_of_published_networks():
    for name, smooth in (("demo_alexnet", False), ("googlenet", True), ("nothing", False)):
        with pytest.raises(ValueError, match=name):
            networks.local_weights(name, antialiased=smooth)


@pytest.mark.parametrize("layers", [["fc"], "fc", {"fc": nn.Linear(1, 1)}])
def test_layers_are_names_and_nodes(layers):
    with pytest.raises(ValueError, match="give names and nodes"):
        networks.wrap(nn.Sequential(nn.Linear(3, 2)), layers)


def test_marks_of_a_node_are_checked():
    with pytest.raises(ValueError, match="ends in ':input', ':mean', ':token0' or ':from1', not ':inputs'"):
        networks.wrap(nn.Sequential(nn.Linear(3, 2)), {"fc": "0:inputs"})


def test_tokens_of_a_sequence_by_hand():
    class Sequence(nn.Module):
        def __init__(self):
            super().__init__()
            self.end = nn.Identity()

        def forward(self, x):
            return self.end(x[:, :, 0].transpose(1, 2))  # the first row: (B, W tokens, 3)

    nodes = {"one": "end:token1", "rest": "end:from1:mean", "all": "end:mean"}
    network = networks.wrap(Sequence(), nodes, mean=(0, 0, 0), std=(1, 1, 1), frame=4)
    row = (FRAMES[:, :, 0, :4].float() / 255).transpose(1, 2)
    found = features.of_frames(network, FRAMES[..., :4, :4], device="cpu")
    expected = {"one": row[:, 1], "rest": (row[:, 1] + row[:, 2] + row[:, 3]) / 3, "all": row.mean(1)}
    for layer, values in expected.items():
        torch.testing.assert_close(found[layer], values, rtol=1e-6, atol=1e-6)  # float32
    with pytest.raises(ValueError, match="not one vector per image"):
        features.of_frames(networks.wrap(Sequence(), {"all": "end"}, frame=4), FRAMES[..., :4, :4], device="cpu")


@pytest.mark.parametrize(
    ("text", "source", "key", "title"),
    [
        ("resnet50AA", networks.Source("resnet50", True), "resnet50AA", "ResNet-50, anti-aliased"),
        ("mobilenet_v2@here/my.pth", networks.Source("mobilenet_v2", weights="here/my.pth"), "mobilenet_v2@my",
         "MobileNetV2, off-the-shelf"),
        ("demo_resnetAA@uniform", networks.Source("demo_resnet", True, "uniform"), "demo_resnetAA@uniform",
         "demo ResNet, anti-aliased"),
        ("timm:convnext_tiny", networks.Source("timm:convnext_tiny"), "timm-convnext_tiny",
         "convnext_tiny, off-the-shelf"),
    ],
)  # fmt: skip
def test_a_source_is_its_text(text, source, key, title):
    assert networks.Source.parse(text) == source and str(source) == text
    assert (source.key, source.title) == (key, title)


def test_a_source_in_the_authors_spelling():
    for theirs, ours in (("mobilev2AA", "mobilenet_v2AA"), ("alexnet", "alexnet")):
        source = networks.Source.parse(theirs)
        assert (str(source), source.published) == (ours, theirs)
    with pytest.raises(ValueError, match=r"no network 'resnet5'.*'resnet50'"):
        assert networks.Source("resnet5").published


def test_a_source_loads_its_network():
    network = networks.Source.parse("demo_resnetAA@uniform").load()
    assert network.antialiased and network.weights == networks.load("demo_resnet", weights="uniform").weights
    assert network.antialiased and network.title == "demo ResNet, anti-aliased"
