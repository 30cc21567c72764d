"""The networks by name: the paper's and any other of torchvision, timm's, and those that need no download."""

from __future__ import annotations

import contextlib
import importlib
import io
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlparse

import timm
import torchvision
from torch import nn

from helpers.networks import packaged, timm_models
from helpers.networks.network import Network
from helpers.networks.packaged import EMBEDDED, LITE
from helpers.networks.source import PUBLISHED, Source
from helpers.networks.weights import State, download, filled, local
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
# The paper's four (section 4), with its layer names; "pool" is ours. SqueezeNet's scores come from a convolution.
_LAYERS = {
    "alexnet": _ALEXNET,
    "vgg16": _VGG,
    "resnet50": _POOLED,
    "mobilenet_v2": {"fc": "classifier", "pool": "classifier:input"},
    **dict.fromkeys(("squeezenet1_0", "squeezenet1_1"), {"pool": "classifier.1:input:mean", "fc": ""}),
}
NAMES = (*LITE, *PUBLISHED, *EMBEDDED)
_FILTER = 5  # of the anti-aliased networks: the paper's Bin-5


def load(name: str, *, antialiased: bool = False, weights: str | Path | None = "default") -> Network:
    """A network by name, in eval mode on the CPU.

    Args:
        name: efficientnet_lite0, 1 or 2, whose ImageNet weights come in packages; alexnet, vgg16, resnet50,
            mobilenet_v2, the paper's; any other torchvision classifier; ``timm:NAME``, any of timm's models; or
            an embedded one, demo_alexnet, demo_resnet, demo_mobilenet_v2.
        antialiased: the version of antialiased-cnns with filter size 5 (Zhang 2019), or the project's own twin
            of EfficientNet-Lite and of the embedded ones.
        weights: ``"default"``, of the paper's networks those it used (IMAGENET1K_V1; the release that was not
            fine-tuned), downloaded once; another of torchvision's, by its name or as the member of its
            enumeration; ``"centre"`` (their default) or ``"uniform"`` for the embedded ones; a
            file (.pth or .safetensors), by its path or its name on the assets search path; None for random ones.

    Raises:
        ValueError: an unknown name, a missing anti-aliased version, or weights of another architecture (naming
            the first mismatch).
        FileNotFoundError: no such file of weights.
        assets.AssetError: weights that cannot be downloaded, or whose package is missing.
    """
    if name in EMBEDDED:
        return packaged.embedded(name, antialiased=antialiased, weights=weights)
    if name in LITE:
        return packaged.lite(name, antialiased=antialiased, weights=weights)
    if name.startswith(timm_models.PREFIX):
        if antialiased:
            raise ValueError(f"{name} has no anti-aliased twin: load it without, and give it to networks.antialias")
        return timm_models.load(name.removeprefix(timm_models.PREFIX), weights)
    _check(name)
    recipe = _recipe(name, "default" if antialiased else weights)
    weights = recipe.name if str(weights) == str(recipe) else weights
    crop = recipe.transforms()
    module = _antialiased(name) if antialiased else _plain(name, trained=weights is not None, side=crop.crop_size[0])
    others = () if antialiased else torchvision.models.get_model_weights(name).__members__
    known = dict.fromkeys(["default", *others], lambda: _fetched(*_published(name, antialiased, weights)))
    return Network(
        name=name,
        module=module.eval(),
        layers=dict(_LAYERS.get(name) or _layers(module)),
        logits="fc8" if name in ("alexnet", "vgg16") else "fc",
        frame=crop.crop_size[0],
        mean=tuple(crop.mean),
        std=tuple(crop.std),
        labels=list(recipe.meta["categories"]),
        weights=filled(module, weights, name=name, known=known),
        antialiased=antialiased,
        title=Source(name, antialiased).title,
    )


def class_names(name: str) -> list[str] | None:
    """The classes of a network by name, without building it; None where they are not known."""
    if name in EMBEDDED:
        return list(packaged.CLASSES)
    if name in LITE:
        return list(timm_models.IMAGENET_CLASSES)
    if name.startswith(timm_models.PREFIX):
        return timm_models.class_names(name.removeprefix(timm_models.PREFIX))
    with contextlib.suppress(ValueError):
        return list(_recipe(name).meta["categories"])
    return None


def local_weights(name: str, *, antialiased: bool = False) -> Path | None:
    """The file of a published network's default weights, if it is on this machine; None if it would be downloaded.

    Looked for under weights/ on the assets search path and in torch's own cache.

    Raises:
        ValueError: a network without published weights of torchvision or antialiased-cnns.
    """
    if name not in _torchvision():
        raise ValueError(f"no weights of {name!r} are published{nearest(name, PUBLISHED)}")
    return local(_published(name, antialiased)[0])


def _torchvision() -> list[str]:
    return torchvision.models.list_models(module=torchvision.models)


def _check(name: str) -> None:
    known = [*NAMES, *_torchvision(), *([f"timm:{name}"] if timm.is_model(name) else [])]
    if name not in _torchvision():
        use = f"use {', '.join(NAMES)}, a torchvision classifier, or one of timm's, timm:NAME"
        raise ValueError(f"unknown network {name!r}{nearest(name, known, otherwise=use)}")


def _recipe(name: str, weights: object = "default") -> torchvision.models.WeightsEnum:
    """The weights of torchvision that these are, or its first for ImageNet: those of the paper, not the later V2."""
    found = list(torchvision.models.get_model_weights(name))
    if not found:
        raise ValueError(f"torchvision has no weights for {name}: build it and use networks.wrap")
    asked = [each for each in found if str(weights) in (each.name, str(each))]
    return next(iter([*asked, *(each for each in found if each.name == "IMAGENET1K_V1")]), found[0])


def _layers(module: nn.Module) -> dict[str, str]:
    """Of torchvision's classifiers, all of which define the linear layer of their scores last."""
    last = [path for path, part in module.named_modules() if isinstance(part, nn.Linear)][-1]
    return {"pool": f"{last}:input", "fc": last}


def _plain(name: str, *, trained: bool, side: int) -> nn.Module:
    # GoogLeNet and Inception v3 draw their weights slowly unless told not to, and torchvision's own loader
    # switches their input's scale to the one that the published weights were trained with.
    inception = {"init_weights": not trained} if name in ("googlenet", "inception_v3") else {}
    size = {"image_size": side} if name.startswith("vit_") else {}  # the number of its tokens
    module = torchvision.models.get_model(name, weights=None, **inception, **size)
    if inception:
        module.transform_input = trained
    return module


def _maker(name: str) -> Callable[..., nn.Module]:
    import antialiased_cnns

    make = getattr(antialiased_cnns, name, None)
    if not callable(make):
        raise ValueError(f"antialiased-cnns has no {name}: use antialiased=False, or one of {', '.join(PUBLISHED)}")
    return make


def _antialiased(name: str) -> nn.Module:
    make = _maker(name)
    with contextlib.redirect_stdout(io.StringIO()):  # it prints a line for each layer it leaves alone
        return make(pretrained=False, filter_size=_FILTER)


def _fetched(url: str, words: str) -> tuple[State, str]:
    return download(url), words


def _published(name: str, antialiased: bool, weights: object = "default") -> tuple[str, str]:
    """Where the paper's weights, or these of torchvision, are published, and what they are, in words."""
    if not antialiased:
        recipe = _recipe(name, weights)
        return recipe.url, f"{recipe.name} (torchvision, {Path(urlparse(recipe.url).path).name})"
    family = importlib.import_module(_maker(name).__module__)
    key = f"{name}_lpf{_FILTER}"
    if key not in family.model_urls:
        raise ValueError(f"antialiased-cnns publishes no weights {key}: give weights=PATH or None")
    return family.model_urls[key], f"filter {_FILTER}, not fine-tuned (antialiased-cnns {key})"
