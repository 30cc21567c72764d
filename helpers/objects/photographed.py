"""Objects cut out of photographs that come with packages (ours).

Only their outlines and classes are stored, in outlines.toml; the pixels are the photographs'.
"""

from __future__ import annotations

import tomllib
from functools import cache
from pathlib import Path

import numpy as np
import torch
from PIL import Image, ImageDraw
from scipy import ndimage

from helpers.objects.cutouts import Cutout, Photo, Size, fit
from helpers.objects.photographs import SOURCES, photo
from helpers.suggestions import nearest

_ENTRIES = tomllib.loads(Path(__file__).with_name("outlines.toml").read_text(encoding="utf-8"))

# name -> (photograph, ImageNet class), and of these the names of what EfficientNet-Lite0 knows; see outlines.toml
PHOTOGRAPHED: dict[str, tuple[str, str]] = {k: (each["photograph"], each["class"]) for k, each in _ENTRIES.items()}
RECOGNISED: tuple[str, ...] = tuple(name for name, each in _ENTRIES.items() if each.get("recognised"))

PHOTOGRAPHS: dict[str, str] = {Path(file).stem: file for file in SOURCES}  # name -> file

_FINE = 8  # the outline is filled at this many times the photograph's size, so that its edge is smooth


def polygons(name: str) -> tuple[np.ndarray, list[np.ndarray]]:
    """The outline of an object and its holes: vertices (x, y), float (n, 2), in pixels of the photograph.

    The top left corner of the top left pixel is (0, 0), its middle (0.5, 0.5).
    """
    entry = _ENTRIES[name]
    outline, *holes = (np.reshape(flat, (-1, 2)) / 2 for flat in (entry["outline"], *entry.get("holes", [])))
    return outline, holes


def coverage(name: str) -> np.ndarray:
    """How much of each pixel of the photograph lies inside the object's outline: float (H, W), 0 to 1."""
    height, width = photo(PHOTOGRAPHED[name][0]).shape[:2]
    canvas = Image.new("L", (width * _FINE, height * _FINE))
    draw = ImageDraw.Draw(canvas)
    outline, holes = polygons(name)
    for polygon, fill in ((outline, 255), *((hole, 0) for hole in holes)):
        draw.polygon([(x, y) for x, y in polygon * _FINE - 0.5], fill=fill)  # Pillow counts from pixels' middles
    return np.asarray(canvas.reduce(_FINE)) / 255


@cache
def _cut(name: str) -> torch.Tensor:
    """The object at the photograph's size, uint8 (4, h, w), as wide and high as it is."""
    covered, softness = coverage(name), _ENTRIES[name]["feather"]
    alpha = ndimage.gaussian_filter(covered, softness, mode="nearest")
    rgb = _without_fringe(photo(PHOTOGRAPHED[name][0]).astype(float), covered, 1.5 + softness)
    rgba = np.concatenate([rgb, 255 * alpha[..., None]], axis=2).round().clip(0, 255).astype(np.uint8)
    rows, cols = (np.flatnonzero(rgba[..., 3].any(axis)) for axis in (1, 0))
    tight = rgba[rows[0] : rows[-1] + 1, cols[0] : cols[-1] + 1]
    return torch.from_numpy(tight.copy()).permute(2, 0, 1)


def _without_fringe(rgb: np.ndarray, covered: np.ndarray, reach: float) -> np.ndarray:
    """The colours (H, W, 3), at the object's edge those from ``reach`` px further in.

    The pixels at the edge of a thing in a photograph are mixed with the background, which would show as a fringe.
    Parts less than 8 px wide keep their own colours, having no inside.
    """
    # Where the photograph cuts an object off it has no edge.
    inside = ndimage.distance_transform_edt(np.pad(covered >= 0.5, 1, mode="edge"))[1:-1, 1:-1]
    own = (inside > reach).astype(float)
    wide = ndimage.distance_transform_edt(inside < 4) < 4 + reach
    weight = ndimage.gaussian_filter(own, 1.5, mode="nearest")
    spread = ndimage.gaussian_filter(rgb * own[..., None], (1.5, 1.5, 0), mode="nearest")
    replaced = (own == 0) & wide & (weight > 1e-6)
    return np.where(replaced[..., None], spread / np.maximum(weight, 1e-6)[..., None], rgb)


def load(name: str, size: Size = 75) -> Cutout:
    """A photographed object, whole and undistorted, labelled with its ImageNet class.

    It fills its box in one direction and is centred in the other, between transparent pixels. (The paper's protocol
    stretches an object to its square, which makes a barrel of a rocket.)

    Args:
        name: one of PHOTOGRAPHED.
        size: side or (height, width) of the box in pixels; the default is that of the paper's small objects.
    """
    return Cutout(fit(_cut(name), size), name, PHOTOGRAPHED[name][1])


def photograph(name: str, size: int = 356) -> Photo:
    """A photograph that objects are cut out of, square, for a scene that crops it.

    It is the largest square there is, with the objects as near to its middle as the photograph allows. Its label is
    the class of what is cut out of it, or None for the astronaut, with three different things.

    Args:
        name: one of PHOTOGRAPHS, e.g. ``"coffee"``.
        size: side in pixels; the default is that of the paper's photo.

    Raises:
        ValueError: an unknown name, with the nearest known one, or a size under one pixel.
    """
    if name not in PHOTOGRAPHS:
        raise ValueError(f"no photograph is called {name!r}{nearest(name, PHOTOGRAPHS)}")
    file = PHOTOGRAPHS[name]
    pixels = photo(file)
    found = [key for key, (source, _) in PHOTOGRAPHED.items() if source == file]
    corners = np.concatenate([polygons(key)[0] for key in found])
    side = min(pixels.shape[:2])
    middle = (corners.min(0) + corners.max(0))[::-1] / 2  # (row, col)
    top, left = (np.clip(middle - side / 2, 0, np.array(pixels.shape[:2]) - side)).round().astype(int)
    square = torch.from_numpy(pixels[top : top + side, left : left + side].copy()).permute(2, 0, 1)
    opaque = torch.cat([square, torch.full_like(square[:1], 255)])
    labels = {PHOTOGRAPHED[key][1] for key in found}
    return Photo(fit(opaque, size)[:3], name, labels.pop() if len(labels) == 1 else None)
