"""The photographs that come with scikit-image, scikit-learn and matplotlib: whose they are, and their pixels."""

import importlib.resources
import tomllib
from functools import cache
from importlib.resources.abc import Traversable
from pathlib import Path

import numpy as np
from PIL import Image

_ENTRIES = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

# file -> (the package and folder it is in, its licence and source)
SOURCES: dict[str, tuple[str, str]] = {file: (each["folder"], each["licence"]) for file, each in _ENTRIES.items()}


def bundled(where: str, name: str) -> Traversable:
    """A file in a package's folder, "package/folder"."""
    package, _, folder = where.partition("/")
    return importlib.resources.files(package).joinpath(folder, name)


@cache
def photo(name: str) -> np.ndarray:
    """A bundled photograph, uint8 (H, W, 3), read-only; its licence is in SOURCES."""
    with bundled(SOURCES[name][0], name).open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))
