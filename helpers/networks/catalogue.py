"""The networks by name: the paper's, any other torchvision classifier, and the embedded ones."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import torchvision
from torch import nn

from helpers import assets
from helpers.networks.network import Network, find_layers
from helpers.networks.source import Source
from helpers.networks.weights import download, fill, local, read_weights
from helpers.suggestions import nearest

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
    "alexnet": (_ALEXNET, "fc8"),
    "vgg16": (_VGG, "fc8"),
    "resnet50": (_POOLED, "fc"),
    "mobilenet_v2": ({"fc": "classifier", "pool": "classifier:input"}, "fc"),
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
        use = f"use {', '.join(NAMES)} or a torchvision classifier"
        raise ValueError(f"unknown network {name!r}{nearest(name, [*NAMES, *known], otherwise=use)}")
    recipe = _recipe(name)
    module = _antialiased(name) if antialiased else _plain(name, trained=weights is not None)
    if weights == "default":
        url, words = _published(name, antialiased)
        state = download(url)
    elif weights is None:
        state, words = None, "random"
    else:
        state, words = read_weights(weights), f"{Path(weights).name}, SHA-256 {assets.sha256(weights)[:12]}"
    if state is not None:
        fill(module, state, name, words)
    layers, logits = PAPER.get(name, (None, "fc"))
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
        title=Source(name, antialiased).title,
    )


def class_names(name: str) -> list[str] | None:
    """The classes of a network by name, without building it; None for one that is not known."""
    if name in EMBEDDED:
        from helpers.objects import CLASSES

        return list(CLASSES)
    with contextlib.suppress(ValueError):
        return list(_recipe(name).meta["categories"])
    return None


def _recipe(name: str) -> torchvision.models.Weights:
    """The first ImageNet weights of a torchvision model: those of the paper, not the later V2."""
    found = list(torchvision.models.get_model_weights(name))
    first = next((weights for weights in found if weights.name == "IMAGENET1K_V1"), found[0] if found else None)
    if first is None:
        raise ValueError(f"torchvision has no weights for {name}: build it and use networks.wrap")
    return first


def _plain(name: str, trained: bool) -> nn.Module:
    # GoogLeNet and Inception v3 draw their weights slowly unless told not to, and torchvision's own loader
    # switches their input's scale to the one that the published weights were trained with.
    inception = {"init_weights": not trained} if name in ("googlenet", "inception_v3") else {}
    module = torchvision.models.get_model(name, weights=None, **inception)
    if inception:
        module.transform_input = trained
    return module


def _maker(name: str) -> Callable[..., nn.Module]:
    import antialiased_cnns

    make = getattr(antialiased_cnns, name, None)
    if not callable(make):
        raise ValueError(f"antialiased-cnns has no {name}: use antialiased=False, or one of {', '.join(PAPER)}")
    return make


def _antialiased(name: str) -> nn.Module:
    make = _maker(name)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each layer it leaves alone
        return make(pretrained=False, filter_size=_FILTER)


def _published(name: str, antialiased: bool) -> tuple[str, str]:
    """Where the paper's weights are published, and in words what they are."""
    if not antialiased:
        recipe = _recipe(name)
        return recipe.url, f"{recipe.name} (torchvision, {Path(urlparse(recipe.url).path).name})"
    family = importlib.import_module(_maker(name).__module__)
    key = f"{name}_lpf{_FILTER}"
    if key not in family.model_urls:
        raise ValueError(f"antialiased-cnns publishes no weights {key}: give weights=PATH or None")
    return family.model_urls[key], f"filter {_FILTER}, not fine-tuned (antialiased-cnns {key})"


def local_weights(name: str, antialiased: bool = False) -> Path | None:
    """The file of a published network's default weights, if it is on this machine; None if it would be downloaded.

    Looked for under weights/ on the assets search path and in torch's own cache. Raises ValueError for a
    network without published weights (the embedded ones come with the package).
    """
    if name not in torchvision.models.list_models(module=torchvision.models):
        raise ValueError(f"no weights of {name!r} are published{nearest(name, PAPER)}")
    return local(_published(name, antialiased)[0])


def _embedded(name: str, antialiased: bool, weights: str | Path | None) -> Network:
    from helpers.networks.embedded import architectures
    from helpers.networks.embedded.store import load_state
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
        title=Source(name, antialiased).title,
    )
