"""The photographs that come with scikit-image, scikit-learn and matplotlib: whose they are, and their pixels."""

import importlib.resources
from functools import cache
from importlib.resources.abc import Traversable

import numpy as np
from PIL import Image

# file -> (the package and folder it is in, its licence and source)
SOURCES: dict[str, tuple[str, str]] = {
    "china.jpg": ("sklearn/datasets/images", "CC BY 2.0, danielbuechele, flickr.com/photos/danielbuechele/6061409035"),
    "flower.jpg": ("sklearn/datasets/images", "CC BY 2.0, vultilion, flickr.com/photos/vultilion/6056698931"),
    "astronaut.png": ("skimage/data", "public domain, NASA Great Images, flic.kr/p/r9qvLn"),
    "chelsea.png": ("skimage/data", "CC0, Stefan van der Walt"),
    "coffee.png": ("skimage/data", "CC0, Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    "rocket.jpg": ("skimage/data", "public domain, SpaceX, flickr.com/photos/spacexphotos/16511594820"),
    "grace_hopper.jpg": ("matplotlib/mpl-data/sample_data", "public domain, James S. Davis, U.S. Navy"),
    "camera.png": ("skimage/data", "CC0, Lav Varshney"),
    # No licence is stated for this one: it is cited by its paper, as its authors ask.
    "motorcycle_left.png": ("skimage/data", "Middlebury Stereo 2014, Scharstein et al., GCPR 2014"),
}


def bundled(where: str, name: str) -> Traversable:
    """A file in a package's folder, "package/folder"."""
    package, _, folder = where.partition("/")
    return importlib.resources.files(package).joinpath(folder, name)


@cache
def photo(name: str) -> np.ndarray:
    """A bundled photograph, uint8 (H, W, 3), read-only; its licence is in SOURCES."""
    with bundled(SOURCES[name][0], name).open("rb") as file:
        return np.asarray(Image.open(file).convert("RGB"))
