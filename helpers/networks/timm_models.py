"""Any of timm's models, ``timm:NAME``, with its layers, frame and preprocessing as timm states them."""

from __future__ import annotations

from pathlib import Path

import timm
import torchvision
from timm.data import infer_imagenet_subset, resolve_data_config
from torch import nn

from helpers import assets
from helpers.networks.network import Network
from helpers.networks.source import Source
from helpers.networks.weights import filled
from helpers.suggestions import nearest

PREFIX = "timm:"
IMAGENET_CLASSES = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.meta["categories"]


def load(name: str, weights: str | Path | None) -> Network:
    """A model of timm by its name, with or without a tag of weights: ``vit_small_patch16_224.dino``.

    Layers: ``fc``, the scores of the classes, where it has classes; ``pool``, what its classifier is given; of
    vision transformers also ``cls``, the class token, and ``tokens``, the mean of the patches' tokens.

    Raises:
        ValueError: timm has no such model, or no weights of it.
        assets.AssetError: its weights cannot be downloaded.
    """
    check(name)
    if weights == "default":
        module, words = _trained(name)
    else:
        module = timm.create_model(name, pretrained=False)
        words = filled(module, weights, name=PREFIX + name, known={})
    config = resolve_data_config(module.pretrained_cfg, model=module)
    layers = find_layers(module)
    return Network(
        name=PREFIX + name,
        module=module.eval(),
        layers=layers,
        logits="fc" if "fc" in layers else "pool",
        frame=config["input_size"][-1],
        mean=tuple(config["mean"]),
        std=tuple(config["std"]),
        labels=list(IMAGENET_CLASSES) if infer_imagenet_subset(module) == "imagenet-1k" else None,
        weights=words,
        title=Source(PREFIX + name).title,
    )


def check(name: str) -> None:
    """Do nothing for a name that timm knows.

    Raises:
        ValueError: it does not, naming the nearest.
    """
    known = [*timm.list_models(), *timm.list_models(pretrained=True)]
    if name not in known:
        use = f"a newer timm may have it (this is {timm.__version__}): pip install --upgrade timm"
        raise ValueError(f"timm has no model {name!r}{nearest(name, known, otherwise=use)}")


def find_layers(module: nn.Module) -> dict[str, str]:
    """The layers of one of timm's models, found through timm's own interface.

    ``pool`` is the classifier's input, which is ``forward_head(pre_logits=True)`` without a second pass through
    the head.
    """
    layers = {"fc": ""} if module.num_classes else {}
    classifier = module.get_classifier()
    if isinstance(classifier, tuple):  # distilled: one for the labels, one for the teacher's answers
        classifier = classifier[0]
    path = next((path for path, part in module.named_modules() if part is classifier), None)
    if path is not None and not isinstance(classifier, nn.ModuleList):
        layers["pool"] = f"{path}:input"
    norm = getattr(module, "norm", None)
    if hasattr(module, "patch_embed") and hasattr(module, "blocks") and not isinstance(norm, nn.ModuleList | None):
        has_class = getattr(module, "cls_token", None) is not None
        before = getattr(module, "num_prefix_tokens", int(has_class))
        layers |= {"cls": "norm:token0"} if has_class else {}
        layers["tokens"] = f"norm:from{before}:mean"
    return layers


def class_names(name: str) -> list[str] | None:
    """The classes of a model by name, without building it; None where they are not ImageNet's thousand."""
    config = timm.get_pretrained_cfg(name) if timm.is_model_pretrained(name) else None
    return list(IMAGENET_CLASSES) if config is not None and config.num_classes == 1000 else None


def _trained(name: str) -> tuple[nn.Module, str]:
    if not timm.is_model_pretrained(name):
        raise ValueError(f"timm has no weights of {name}: give weights=PATH or None")
    config = timm.get_pretrained_cfg(name)
    file = f"https://huggingface.co/{config.hf_hub_id}/resolve/main/model.safetensors"
    where = file if config.hf_hub_id else config.url
    try:
        module = timm.create_model(name, pretrained=True)
    except Exception as error:  # of the hub, its transport, the file system or the reader of the file
        raise assets.AssetError(
            f"cannot download the weights of {PREFIX}{name} ({' '.join(str(error).split())}); with a connection the "
            f"same command fetches them once, or download {where} elsewhere and give weights=PATH; a damaged copy goes "
            f"by rm -r ${{HF_HOME:-~/.cache/huggingface}}/hub/models--{str(config.hf_hub_id).replace('/', '--')}"
        ) from error
    return module, f"{'.'.join(filter(None, (config.architecture, config.tag)))} (timm)"
