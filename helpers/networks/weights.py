"""Weights: found on this machine or downloaded, read without running any code, and filled in strictly."""

from __future__ import annotations

import argparse
import pickle
import re
import shlex
import urllib.error
from collections import Counter, OrderedDict
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlparse

import torch
import torchvision
from torch import nn

from helpers import assets
from helpers.suggestions import nearest

State = dict[str, torch.Tensor]
# Buffers that the architecture fixes (blur filters) and counters, which need not be in a file.
_OPTIONAL = (".filt", ".filter", "num_batches_tracked")
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
    elif not isinstance(weights, str | Path) or (not Path(weights).suffix and not Path(weights).is_file()):
        choices = dict.fromkeys(["default", *known, "a file", "None"])
        raise ValueError(f"unknown weights {weights!r} for {name}{nearest(str(weights), choices)}")
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
        assets.AssetError: it cannot be downloaded, saying where to put it by hand, or what lies there is damaged.
    """
    here = local(url)
    if here is not None:
        try:
            return read_weights(here, published=True)
        except ValueError as error:
            again = f"delete it, and the same command downloads it anew: rm {shlex.quote(str(here))}"
            raise assets.AssetError(f"{here} cannot be used ({error}): {again}") from error
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
    """The tensors of a .pth or .safetensors file by their names, without running any code in it.

    Those inside other dictionaries have the names of all, joined by dots; :func:`fill` finds the network's.

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
            torch.serialization.add_safe_globals([argparse.Namespace])  # training scripts save their options too
            state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # torch, zipfile and safetensors each raise their own
        code = isinstance(error, pickle.UnpicklingError) or "weights_only" in str(error)  # torch advises to run it
        what = "damaged, or holds more than tensors: save module.state_dict() alone"
        raise ValueError(f"{path.name} is {what if code else f'not a readable weights file: {error}'}") from error
    found = tensors(state)
    if not found:
        raise ValueError(f"{path.name} holds no state dictionary: save module.state_dict()")
    # Versions of the file's modules, by which some architectures read older files.
    versions = ((name, getattr(each, "_metadata", {})) for name, each in dictionaries(state))
    found._metadata = {f"{name}{key}.".replace("..", "."): v for name, each in versions for key, v in each.items()}
    return found


def dictionaries(content: Any, name: str = "") -> Iterator[tuple[str, Mapping]]:
    """Every dictionary in dictionaries and sequences of any depth, after the keys that lead to it, joined by dots."""
    content = dict(enumerate(content)) if isinstance(content, list | tuple) else content
    if isinstance(content, Mapping):
        yield name, content
        for key, value in content.items():
            yield from dictionaries(value, f"{name}{key}.")


def tensors(content: Any) -> State:
    """The tensors in them, by the keys that lead to each."""
    each = ((f"{name}{key}", value) for name, found in dictionaries(content) for key, value in found.items())
    return OrderedDict((key, value) for key, value in each if isinstance(value, torch.Tensor))


def _unwrapped(state: State, own: State, *, words: str) -> tuple[State, str]:
    """The entries under the network's names, and what stood before each: the names of dictionaries and wrappers.

    That is what most of the network's names are found behind. If some are not, the words inside a name that the
    network never uses are a wrapper around a part (``features.module.0.weight``), and left out.

    Raises:
        ValueError: several networks fit, or several entries are one.
    """
    needed = {key for key in own if not key.endswith(_OPTIONAL)}
    used = {part for key in own for part in key.split(".")}

    def inside(key: str) -> str:
        parts = key.split(".")
        first = next((i for i, part in enumerate(parts) if part in used), 0)
        return ".".join(part for i, part in enumerate(parts) if i < first or part in used)

    best, rename, heads = 0, str, [""]
    for each in (str, inside):
        found = Counter()
        for key in map(each, state):
            cuts = (0, *(match.end() for match in re.finditer(r"\.", key)))
            found.update(key[:cut] for cut in cuts if key[cut:] in needed)
        most = max(found.values(), default=0)
        if best < len(needed) and most > max(best, len(needed) / 2):
            best, rename, heads = most, each, [head for head, count in found.items() if count == most]
    head = "" if "" in heads else heads[0]
    chosen = [key for key in state if rename(key).startswith(head)]
    result = OrderedDict((rename(key).removeprefix(head), state[key]) for key in chosen)
    if len(heads) > 1 and head or len(result) < len(chosen):
        found = ", ".join(heads if len(heads) > 1 else chosen[:4])
        raise ValueError(f"weights {words} hold several networks that fit ({found}): save one of them alone")
    versions = getattr(state, "_metadata", {}).items()
    result._metadata = {rename(k).removeprefix(head).strip("."): v for k, v in versions if rename(k).startswith(head)}
    return result, head


def fill(module: nn.Module, state: State, *, name: str, words: str) -> None:
    """Load a state dictionary strictly, whatever wraps it; older names that an architecture still reads are read.

    Raises:
        ValueError: an entry that does not fit, naming the first, the network and the weights.
    """
    if isinstance(module, torchvision.models.DenseNet):  # published under the names of an older torch
        for key in [key for key in state if _OLD_DENSENET.search(key)]:
            state[_OLD_DENSENET.sub(r".\1\2.", key)] = state.pop(key)
    own = module.state_dict()
    state, head = _unwrapped(state, own, words=words)

    def misfit(what: str) -> ValueError:
        return ValueError(f"weights {words} do not fit {name}: {what}")

    for key, value in own.items():
        given = state.get(key, value)
        if given.is_meta or given.layout != torch.strided or given.is_floating_point() < value.is_floating_point():
            raise misfit(
                f"{head}{key} is {given.dtype}, {given.layout}, on {given.device}: save it dense and as floats"
            )
        if given.shape != value.shape:
            raise misfit(f"{head}{key} is {tuple(given.shape)} in the file and {tuple(value.shape)} in the network")
    missing, extra = module.load_state_dict(state, strict=False)
    for key in missing:
        if not key.endswith(_OPTIONAL):
            first = f", which begins with {next(iter(state))}" if state else ""
            raise misfit(f"{head}{key} {tuple(own[key].shape)} is missing in the file{first}")
    if extra:
        raise misfit(f"the network has no {extra[0]}" + f", in the file {head}{extra[0]}" * bool(head))
