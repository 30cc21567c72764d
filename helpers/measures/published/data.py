"""The authors' numbers: typed in with their source, found locally, or downloaded and checked."""

from __future__ import annotations

import csv
import io
from importlib import resources
from pathlib import Path

import numpy as np
import pandas as pd
from tqdm import tqdm

from helpers import assets
from helpers.measures.published import transfer

SITE = "https://jakehlee.github.io/interactive-invariance/data"
NETWORKS = {  # the authors' name -> ours
    "alexnet": "alexnet",
    "vgg16": "vgg16",
    "resnet50": "resnet50",
    "mobilev2": "mobilenet_v2",
}
IMAGES = {  # the two objects: file on the assets search path -> the authors' file and its SHA-256
    "objects/berry_rgba.png": (
        "images/berry_transparent.png",
        "187b35acaf3c9b305ad74004fdbbaea311cc8587b745934008ae7619e36ad62f",
    ),
    "objects/plane.png": (
        "images/plane.png",
        "a35ad2e03289a239a4ee977ef3ba8cd70dac952f242c7224e376982805ecff4d",
    ),
}
LABELS = {"berry": "strawberry", "plane": "warplane"}  # the class whose probability the "class" maps hold


def coco_means() -> pd.DataFrame:
    """The authors' mean cosines over 200 COCO objects, 100 rows (source: first lines of the file).

    Columns: network, variant (off-the-shelf, antialiased), layer, patch (small 75 px, large 125 px), anchor,
    positions, mean_cosine, std_over_objects.
    """
    with resources.files(__package__).joinpath("coco_means.csv").open() as file:
        return pd.read_csv(file, comment="#")


def map_sums() -> dict[str, str]:
    """SHA-256 of each of the 256 maps as the authors serve them: file name -> 64 hexadecimal digits."""
    text = resources.files(__package__).joinpath("csv_sha256.txt").read_text()
    lines = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {name: digest for digest, name in lines}


def parse_csv(content: bytes, *, name: str = "map") -> np.ndarray:
    """A map in the authors' format (lines ``y,x,val``), as float32 (R, C).

    Raises:
        ValueError: other content, or a map with a position missing or twice.
    """
    lines = csv.reader(io.StringIO(content.decode("utf-8", "replace")))
    try:
        if next(lines, None) != ["y", "x", "val"]:
            raise ValueError("its first line is not y,x,val")
        places, values = [], []
        for row, col, value in lines:
            places.append((int(row), int(col)))
            values.append(float(value))
        rows, cols = (max(place[axis] for place in places) + 1 for axis in (0, 1))
    except ValueError as error:
        raise ValueError(f"{name} is no map of the authors': {error}") from error
    if len(set(places)) != len(places) or len(places) != rows * cols:
        raise ValueError(f"{name} has {len(places)} values for {rows} x {cols} positions: it was cut short")
    found = np.empty((rows, cols), np.float32)
    found[tuple(np.array(places).T)] = values
    return found


def find_maps(*, download: bool = False) -> dict[str, np.ndarray]:
    """The authors' maps, from ``published/maps.npz`` on the assets search path.

    Without that file, from every file of ``published/csv/`` there whose checksum is right.

    Args:
        download: first fetch what is missing from the authors' site into the cache, the two objects too
            (256 maps, about 100 MB; resumable).

    Returns:
        float32 (R, C) in [-1, 1] by key ``network[AA]/layer/object/anchor``; empty where there is nothing. Layer
        ``class`` is the softmax probability of the object's class, kept under anchor ``br``.

    Raises:
        AssetError: a download that fails or is damaged.
    """
    packed = assets.find("published/maps.npz")
    sums = map_sums()
    if download:
        wanted = dict(IMAGES)
        if packed is None:
            wanted |= {f"published/csv/{name}": (f"csv/{name}", digest) for name, digest in sums.items()}
        for relative, (file, digest) in tqdm(wanted.items(), desc="published data", unit="file"):
            if assets.find(relative) is None:
                transfer.download(f"{SITE}/{file}", assets.cache() / relative, sha256=digest, progress=False)
    if packed is not None:
        with np.load(packed) as maps:
            return {key: maps[key] for key in sorted(maps.files)}
    found = {}
    for name, expected in sums.items():
        path = assets.find(Path("published/csv") / name)
        if path is not None and assets.sha256(path) == expected:
            found[name.removesuffix("-d3.csv").replace("-", "/")] = parse_csv(path.read_bytes(), name=name)
    return found
