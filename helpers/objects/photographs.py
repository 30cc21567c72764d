"""The photographs that come with scikit-image, scikit-learn and matplotlib: whose they are, and their pixels."""

import importlib.util
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image

# file -> (the package that carries it, its licence and source)
SOURCES: dict[str, tuple[str, str]] = {
    "china.jpg": ("sklearn", "CC BY 2.0, danielbuechele, flickr.com/photos/danielbuechele/6061409035"),
    "flower.jpg": ("sklearn", "CC BY 2.0, vultilion, flickr.com/photos/vultilion/6056698931"),
    "astronaut.png": ("skimage", "public domain, NASA Great Images, flic.kr/p/r9qvLn"),
    "chelsea.png": ("skimage", "CC0, Stefan van der Walt"),
    "coffee.png": ("skimage", "CC0, Rachel Michetti, courtesy of Pikolo Espresso Bar"),
    "rocket.jpg": ("skimage", "public domain, SpaceX, flickr.com/photos/spacexphotos/16511594820"),
    "grace_hopper.jpg": ("matplotlib", "public domain, James S. Davis, U.S. Navy"),
    "camera.png": ("skimage", "CC0, Lav Varshney"),
    # The one whose licence nobody states: it is cited by its paper, as its authors ask.
    "motorcycle_left.png": ("skimage", "Middlebury Stereo 2014, Scharstein et al., GCPR 2014"),
}


@cache
def photo(file: str) -> np.ndarray:
    """One of the photographs in SOURCES, uint8 (H, W, 3), not to be written to."""
    package = SOURCES[file][0]
    if package == "matplotlib":
        import matplotlib

        folder = Path(matplotlib.get_data_path()) / "sample_data"
    else:  # found without importing the package, which takes seconds
        spec = importlib.util.find_spec(package)
        folder = Path(spec.origin).parent / ("datasets/images" if package == "sklearn" else "data")
    return np.asarray(Image.open(folder / file).convert("RGB"))
