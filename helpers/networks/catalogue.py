"""The networks by name: the paper's, any other torchvision classifier, and the embedded ones."""

from __future__ import annotations

import contextlib
import difflib
import importlib
import io
import re
import urllib.error
from pathlib import Path
from urllib.parse import urlparse

import torch
import torchvision
from torch import nn

from helpers import assets
from helpers.networks.network import Network, find_layers

_POOLED = {"fc": "fc", "pool": "fc:input"}
_ALEXNET = {
    "fc6": "classifier.1",
    "fc6relu": "classifier.2",
    "fc7": "classifier.4",
    "fc7relu": "classifier.5",
    "fc8": "classifier.6",
    "pool": "avgpool:mean",
}
_VGG = {
    "fc6": "classifier.0",
    "fc6relu": "classifier.1",
    "fc7": "classifier.3",
    "fc7relu": "classifier.4",
    "fc8": "classifier.6",
    "pool": "features:mean",
}
# The paper's four (section 4), with its layer names. "pool" is ours.
PAPER = {
    "alexnet": ("AlexNet", _ALEXNET, "fc8"),
    "vgg16": ("VGG16", _VGG, "fc8"),
    "resnet50": ("ResNet-50", _POOLED, "fc"),
    "mobilenet_v2": ("MobileNetV2", {"fc": "classifier", "pool": "classifier:input"}, "fc"),
}
EMBEDDED = ("demo_alexnet", "demo_resnet", "demo_mobilenet_v2")
NAMES = (*PAPER, *EMBEDDED)
_FILTER = 5  # of the anti-aliased networks: the paper's Bin-5


def load(name: str, antialiased: bool = False, weights: str | Path | None = "default") -> Network:
    """A network by name, in eval mode on the CPU.

    name: alexnet, vgg16, resnet50, mobilenet_v2; any other torchvision classifier; or an embedded one,
    demo_alexnet, demo_resnet, demo_mobilenet_v2. antialiased: the version of antialiased-cnns with filter
    size 5 (Zhang 2019). weights: ``"default"``, the paper's (IMAGENET1K_V1; the release that was not
    fine-tuned), downloaded once; ``"centre"`` (their default) or ``"uniform"`` for the embedded ones; a
    file (.pth or .safetensors); None for random ones. Raises ValueError for an unknown name, a missing
    anti-aliased version, and weights of another architecture (naming the first mismatch);
    ``assets.AssetError`` offline.
    """
    if name in EMBEDDED:
        return _embedded(name, antialiased, weights)
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        near = difflib.get_close_matches(name, [*NAMES, *known], n=1, cutoff=0.3)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"unknown network {name!r}{hint} Use {', '.join(NAMES)} or a torchvision classifier")
    recipe = _recipe(name)
    module = _antialiased(name) if antialiased else torchvision.models.get_model(name, weights=None)
    if weights == "default":
        url, words = _published(name, antialiased)
        state = _download(url)
    elif weights is None:
        state, words = None, "random"
    else:
        state, words = read_weights(weights), f"{Path(weights).name}, SHA-256 {assets.sha256(weights)[:12]}"
    if state is not None:
        fill(module, state, name, words)
    title, layers, logits = PAPER.get(name, (name, None, "fc"))
    crop = recipe.transforms()
    return Network(
        name=name,
        module=module.eval(),
        layers=dict(layers or find_layers(module)),
        logits=logits,
        frame=crop.crop_size[0],
        mean=tuple(crop.mean),
        std=tuple(crop.std),
        labels=list(recipe.meta["categories"]),
        weights=words,
        antialiased=antialiased,
        title=f"{title}, {'anti-aliased' if antialiased else 'off-the-shelf'}",
    )


def _recipe(name: str) -> torchvision.models.Weights:
    """The first ImageNet weights of a torchvision model: those of the paper, not the later V2."""
    found = list(torchvision.models.get_model_weights(name))
    first = next((weights for weights in found if weights.name == "IMAGENET1K_V1"), found[0] if found else None)
    if first is None:
        raise ValueError(f"torchvision has no weights for {name}: build it and use networks.wrap")
    return first


def _antialiased(name: str) -> nn.Module:
    import antialiased_cnns

    make = getattr(antialiased_cnns, name, None)
    if not callable(make):
        raise ValueError(f"antialiased-cnns has no {name}: use antialiased=False, or one of {', '.join(PAPER)}")
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each layer it leaves alone
        return make(pretrained=False, filter_size=_FILTER)


def _published(name: str, antialiased: bool) -> tuple[str, str]:
    """Where the paper's weights are published, and in words what they are."""
    if not antialiased:
        recipe = _recipe(name)
        return recipe.url, f"{recipe.name} (torchvision, {Path(urlparse(recipe.url).path).name})"
    import antialiased_cnns

    family = importlib.import_module(getattr(antialiased_cnns, name).__module__)
    key = f"{name}_lpf{_FILTER}"
    if key not in family.model_urls:
        raise ValueError(f"antialiased-cnns publishes no weights {key}: give weights=PATH or None")
    return family.model_urls[key], f"filter {_FILTER}, not fine-tuned (antialiased-cnns {key})"


def local_weights(name: str, antialiased: bool = False) -> Path | None:
    """The file of a network's default weights, if it is on this machine; None if it would be downloaded.

    Looked for under weights/ on the assets search path and in torch's own cache.
    """
    return _local(_published(name, antialiased)[0])


def _local(url: str) -> Path | None:
    file = Path(urlparse(url).path).name
    downloaded = _hub() / file
    return assets.find(Path("weights") / file) or (downloaded if downloaded.exists() else None)


def _hub() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def _download(url: str) -> dict[str, torch.Tensor]:
    """A published file: found on this machine, or downloaded through torch's own cache.

    Both libraries publish files whose name ends in the start of their SHA-256, which is checked.
    """
    local = _local(url)
    if local is not None:
        return read_weights(local)
    file = Path(urlparse(url).path).name
    target = _hub() / file
    try:
        _hub().mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), hash_prefix=_hash_prefix(file), progress=True)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise assets.AssetError(
            f"cannot download the weights {file} from {url} ({error}); download it elsewhere and put it at "
            f"{target}, or use an embedded network ({', '.join(EMBEDDED)})"
        ) from error
    return read_weights(target)


def _hash_prefix(file: str) -> str | None:
    match = re.search(r"-([0-9a-f]{8,})\.", file)
    return match[1] if match else None


def read_weights(path: str | Path) -> dict[str, torch.Tensor]:
    """A state dictionary from a .pth or .safetensors file, without running any code in it.

    A checkpoint's ``state_dict`` entry and a ``module.`` prefix are unwrapped; a file whose name ends in
    the start of its SHA-256, as torch's do, is checked. Raises FileNotFoundError and ValueError.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}: give a .pth or .safetensors file, 'default' or None")
    prefix = _hash_prefix(path.name)
    if prefix and not assets.sha256(path).startswith(prefix):
        raise ValueError(f"{path.name} is damaged: its SHA-256 does not begin with {prefix}; fetch it again")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, pickle, zipfile and safetensors each raise their own
        raise ValueError(f"{path.name} is not a readable weights file: {error}") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path.name} holds no state dictionary: save module.state_dict()")
    return {key.removeprefix("module."): value for key, value in state.items()}


def fill(module: nn.Module, state: dict[str, torch.Tensor], name: str, words: str) -> None:
    """Load a state dictionary strictly; ValueError names the first entry that does not fit."""
    own = module.state_dict()
    # Buffers that the architecture fixes (blur filters) need not be in the file.
    fixed = {key for key in own if key.endswith(".filt")}
    for key, value in own.items():
        if key not in state and key not in fixed and not key.endswith("num_batches_tracked"):
            raise ValueError(f"weights {words} do not fit {name}: {key} {tuple(value.shape)} is missing")
        if key in state and state[key].shape != value.shape:
            raise ValueError(
                f"weights {words} do not fit {name}: {key} is {tuple(state[key].shape)} "
                f"in the file and {tuple(value.shape)} in the network"
            )
    extra = next((key for key in state if key not in own), None)
    if extra is not None:
        raise ValueError(f"weights {words} do not fit {name}: the network has no {extra}")
    module.load_state_dict(state, strict=False)


def _embedded(name: str, antialiased: bool, weights: str | Path | None) -> Network:
    from helpers.demo import architectures
    from helpers.demo.store import load_state
    from helpers.objects import CLASSES

    variant = "centre" if weights == "default" else weights
    module = architectures.build(name, antialiased)
    if variant in ("centre", "uniform"):
        state, _ = load_state(name, antialiased, variant)
        words = f"embedded, trained with objects at {'the centre' if variant == 'centre' else 'every position'}"
    elif variant is None:
        state, words = None, "random"
    elif Path(variant).is_file():
        state, words = read_weights(variant), f"{Path(variant).name}, SHA-256 {assets.sha256(variant)[:12]}"
    else:
        raise ValueError(f"unknown weights {weights!r} for {name}: use 'centre', 'uniform', a file or None")
    if state is not None:
        fill(module, state, name, words)
    titles = dict(zip(EMBEDDED, ("demo AlexNet", "demo ResNet", "demo MobileNetV2"), strict=True))
    kind = "anti-aliased" if antialiased else "off-the-shelf"
    return Network(
        name=name,
        module=module.eval(),
        layers=dict(architectures.LAYERS[name]),
        logits="fc8" if name == "demo_alexnet" else "fc",
        frame=architectures.FRAME,
        mean=tuple(architectures.MEAN),
        std=tuple(architectures.STD),
        labels=list(CLASSES),
        weights=words,
        antialiased=antialiased,
        title=f"{titles[name]}, {kind}",
    )
