"""Weights: found on this machine or downloaded, read without running any code, and filled in strictly."""

from __future__ import annotations

import pickle
import re
import urllib.error
from collections import OrderedDict
from collections.abc import Callable, Mapping
from pathlib import Path
from urllib.parse import urlparse

import torch
import torchvision
from torch import nn

from helpers import assets
from helpers.suggestions import nearest

State = dict[str, torch.Tensor]
_OLD_DENSENET = re.compile(r"\.(norm|relu|conv)\.([12])\.")


def filled(
    module: nn.Module,
    weights: str | Path | None,
    *,
    name: str,
    known: Mapping[str, Callable[[], tuple[State, str]]],
) -> str:
    """Fill a module with what ``networks.load`` was given as weights.

    Args:
        module: keeps its random values where the weights are None.
        weights: one of the known, a file or None.
        name: the network's, for errors.
        known: name of weights -> a function that gets them, with what they are in words.

    Returns:
        In words, what the weights are.

    Raises:
        ValueError: neither known nor a file, or weights of another architecture.
        FileNotFoundError: there is no such file.
    """
    if weights is None:
        return "random"
    if weights in known:
        state, words = known[weights]()
    elif isinstance(weights, str) and not Path(weights).suffix and not Path(weights).is_file():
        choices = dict.fromkeys(["default", *known, "a file", "None"])
        raise ValueError(f"unknown weights {weights!r} for {name}{nearest(weights, choices)}")
    else:
        path = Path(weights) if Path(weights).is_file() else assets.find(weights) or Path(weights)
        state, words = read_weights(path), f"{path.name}, SHA-256 {assets.sha256(path)[:12]}"
    fill(module, state, name=name, words=words)
    return words


def local(url: str) -> Path | None:
    """The file that a URL names: under weights/ on the assets search path, or in torch's cache; or None."""
    file = Path(urlparse(url).path).name
    downloaded = _hub() / file
    return assets.find(Path("weights") / file) or (downloaded if downloaded.exists() else None)


def _hub() -> Path:
    return Path(torch.hub.get_dir()) / "checkpoints"


def download(url: str) -> State:
    """A published file: found on this machine, or downloaded through torch's own cache.

    Both libraries publish files whose name ends in the start of their SHA-256, which is checked.

    Raises:
        assets.AssetError: it cannot be downloaded; says where to put it by hand.
    """
    here = local(url)
    if here is not None:
        return read_weights(here, published=True)
    file = Path(urlparse(url).path).name
    target = _hub() / file
    try:
        _hub().mkdir(parents=True, exist_ok=True)
        torch.hub.download_url_to_file(url, str(target), hash_prefix=_hash_prefix(file), progress=True)
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise assets.AssetError(
            f"cannot download the weights {file} from {url} ({error}); download it elsewhere and put it at "
            f"{target}, or use a network that needs no download, such as efficientnet_lite0"
        ) from error
    return read_weights(target, published=True)


def _hash_prefix(file: str) -> str | None:
    match = re.search(r"-([0-9a-f]{8,})\.", file)
    return match[1] if match else None


def read_weights(path: str | Path, *, published: bool = False) -> State:
    """A state dictionary from a .pth or .safetensors file, without running any code in it.

    A checkpoint's ``state_dict`` entry and a ``module.`` prefix are unwrapped.

    Args:
        path: the file.
        published: its name ends in the start of its SHA-256, which is checked.

    Raises:
        FileNotFoundError: there is no such file.
        ValueError: it is damaged or holds something else.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no weights at {path}: give a .pth or .safetensors file, 'default' or None")
    prefix = _hash_prefix(path.name) if published else None
    if prefix and not assets.sha256(path).startswith(prefix):
        raise ValueError(f"{path.name} is damaged: its SHA-256 does not begin with {prefix}; fetch it again")
    try:
        if path.suffix == ".safetensors":
            from safetensors.torch import load_file

            state = load_file(path)
        else:
            state = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:  # torch's own words advise to run the file's code
        raise ValueError(
            f"{path.name} is damaged, or holds more than tensors: save module.state_dict() alone"
        ) from error
    except Exception as error:  # torch, zipfile and safetensors each raise their own
        raise ValueError(f"{path.name} is not a readable weights file: {error}") from error
    state = state.get("state_dict", state) if isinstance(state, dict) else state
    if not isinstance(state, dict) or not all(isinstance(value, torch.Tensor) for value in state.values()):
        raise ValueError(f"{path.name} holds no state dictionary: save module.state_dict()")
    found = OrderedDict((key.removeprefix("module."), value) for key, value in state.items())
    # Versions of the file's modules, by which some architectures read older files.
    versions = getattr(state, "_metadata", {})
    found._metadata = {key.removeprefix("module").removeprefix("."): value for key, value in versions.items()}
    return found


def fill(module: nn.Module, state: State, *, name: str, words: str) -> None:
    """Load a state dictionary strictly; older names that an architecture still reads are read.

    Raises:
        ValueError: an entry that does not fit, naming the first, the network and the weights.
    """
    if isinstance(module, torchvision.models.DenseNet):  # published under the names of an older torch
        for key in [key for key in state if _OLD_DENSENET.search(key)]:
            state[_OLD_DENSENET.sub(r".\1\2.", key)] = state.pop(key)
    own = module.state_dict()
    for key, value in own.items():
        if key in state and state[key].shape != value.shape:
            raise ValueError(
                f"weights {words} do not fit {name}: {key} is {tuple(state[key].shape)} "
                f"in the file and {tuple(value.shape)} in the network"
            )
    missing, extra = module.load_state_dict(state, strict=False)
    for key in missing:
        # Buffers that the architecture fixes (blur filters) and counters need not be in the file.
        if not key.endswith((".filt", ".filter", "num_batches_tracked")):
            raise ValueError(f"weights {words} do not fit {name}: {key} {tuple(own[key].shape)} is missing")
    if extra:
        raise ValueError(f"weights {words} do not fit {name}: the network has no {extra[0]}")
