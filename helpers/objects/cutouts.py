"""Cut-outs and photos as tensors, read from files and resized as in the paper's protocol."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageOps

from helpers import assets
from helpers.suggestions import nearest

Size = int | tuple[int, int]

# The two objects of the authors' interactive page, if they are on the search path: file, ImageNet label, and the
# size in pixels that the authors use.
_PUBLISHED = {
    "berry": ("objects/berry_rgba.png", "strawberry", 100),
    "plane": ("objects/plane.png", "warplane", 356),
}


@dataclasses.dataclass(frozen=True, eq=False)
class Cutout:
    """An object without its background.

    Attributes:
        rgba: uint8 (4, h, w), straight (not premultiplied) alpha.
        label: the class that a network should answer, or None.

    Raises:
        ValueError: another shape or dtype, or no visible pixel, which would make every frame the same.
    """

    rgba: torch.Tensor
    name: str
    label: str | None = None

    def __post_init__(self) -> None:
        if self.rgba.dtype != torch.uint8 or self.rgba.ndim != 3 or self.rgba.shape[0] != 4:
            shape = tuple(self.rgba.shape)
            raise ValueError(f"{self.name}: a cut-out is uint8 (4, h, w), not {self.rgba.dtype} {shape}")
        if not self.rgba[3].any():
            raise ValueError(f"{self.name}: the object is fully transparent; its alpha channel is all zero")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.rgba.shape[1:])


@dataclasses.dataclass(frozen=True, eq=False)
class Photo:
    """A whole photo.

    Attributes:
        rgb: uint8 (3, h, w).
        label: the class of what it shows, or None.

    Raises:
        ValueError: another shape or dtype.
    """

    rgb: torch.Tensor
    name: str
    label: str | None = None

    def __post_init__(self) -> None:
        if self.rgb.dtype != torch.uint8 or self.rgb.ndim != 3 or self.rgb.shape[0] != 3:
            shape = tuple(self.rgb.shape)
            raise ValueError(f"{self.name}: a photo is uint8 (3, h, w), not {self.rgb.dtype} {shape}")

    @property
    def size(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return tuple(self.rgb.shape[1:])


def sides(size: Size, what: str) -> tuple[int, int]:
    """(height, width) of a side or a pair, in whole pixels; a ValueError calls it ``what``."""
    try:
        pair = size if isinstance(size, Sequence) and not isinstance(size, str) else (size, size)
        height, width = (operator.index(side) for side in pair)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{what} {size!r} is not a side or (height, width) in whole pixels") from error
    if height < 1 or width < 1:
        raise ValueError(f"{what} {size} is under one pixel: give at least 1")
    return height, width


def resize(image: torch.Tensor, size: Size) -> torch.Tensor:
    """An image at another size, resized as in the paper's protocol.

    Bilinear, half-pixel centres, no anti-aliasing, aspect ratio not kept, colour and alpha interpolated
    separately: OpenCV's INTER_LINEAR, with which it agrees within one grey level. Computed in whole numbers, so
    every machine gives the same bytes.

    Args:
        image: uint8 (C, h, w).
        size: side or (height, width) in pixels.

    Raises:
        ValueError: a size under one pixel.
    """
    rows, cols, mixed = _bilinear(tuple(image.shape[1:]), size)
    return mixed(image[:, rows][:, :, cols])


def _bilinear(shape: tuple[int, int], size: Size) -> tuple[torch.Tensor, torch.Tensor, Callable]:
    """The rows and columns of an image that another size of it needs, and the function that mixes those."""
    (rows, down), (cols, right) = map(_neighbours, shape, sides(size, "size"))

    def mixed(picked: torch.Tensor) -> torch.Tensor:
        first, second = picked.long().chunk(2, 1)
        first, second = (first * down[0, :, None] + second * down[1, :, None]).chunk(2, 2)
        total = 4 * down.shape[1] * right.shape[1]
        return ((first * right[0] + second * right[1]).double() / total).round().to(torch.uint8)

    return rows, cols, mixed


def _neighbours(many: int, few: int) -> tuple[torch.Tensor, torch.Tensor]:
    """The two of ``many`` pixels that each of ``few`` lies between, (2 * few,), and their shares in it, (2, few).

    The first of each come first. A share is in parts of 2 * few.
    """
    at = ((2 * torch.arange(few) + 1) * many - few).clamp(min=0)  # in parts of 2 * few of a pixel
    first, share = at // (2 * few), at % (2 * few)
    return torch.cat([first, (first + 1).clamp(max=many - 1)]), torch.stack([2 * few - share, share])


def fit(rgba: torch.Tensor, size: Size) -> torch.Tensor:
    """A cut-out in a box of another size, its proportions kept, with transparent pixels around it (ours).

    For cut-outs much larger than wanted: of those resize would read every fifth pixel and skip the others, which
    turns texture into noise. Here a pixel is the mean over the area it covers. Colours are weighted by alpha, so the
    colour of transparent pixels does not leak into the edge. A cut-out smaller than wanted is enlarged bilinearly.

    Args:
        rgba: uint8 (4, h, w).
        size: side or (height, width) in pixels.

    Raises:
        ValueError: a size under one pixel.
    """
    height, width = sides(size, "size")
    scale = min(height / rgba.shape[1], width / rgba.shape[2])
    inner = [max(1, round(side * scale)) for side in rgba.shape[1:]]
    alpha = rgba[3:].double()
    weighted = torch.cat([rgba[:3] * alpha, alpha])
    if scale < 1:
        rows, cols = (_areas(*pair) for pair in zip(rgba.shape[1:], inner, strict=True))
        weighted = rows @ weighted @ cols.T
    else:
        weighted = F.interpolate(weighted[None], inner, mode="bilinear", align_corners=False)[0]
    colours = weighted[:3] / weighted[3:].clamp(min=1e-6)
    fitted = torch.cat([colours, weighted[3:]]).round().to(torch.uint8)
    top, left = (height - inner[0]) // 2, (width - inner[1]) // 2
    return F.pad(fitted, (left, width - inner[1] - left, top, height - inner[0] - top))


def _areas(many: int, few: int) -> torch.Tensor:
    """The share of each of ``many`` pixels in each of the ``few`` they are reduced to: (few, many)."""
    edges = torch.arange(few + 1, dtype=torch.float64) * many / few
    pixels = torch.arange(many)
    shared = torch.minimum(edges[1:, None], pixels + 1) - torch.maximum(edges[:-1, None], pixels)
    return shared.clamp(min=0) * few / many


def read(path: str | Path, mode: str, size: Size | None = None) -> torch.Tensor:
    """The picture in a file, as the camera was held, uint8 (C, h, w); of a large one no more than ``size`` needs.

    Args:
        mode: Pillow's, ``"RGB"`` or ``"RGBA"``.
        size: side or (height, width) in pixels to resize to; None keeps the file's.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable image, or a size under one pixel.
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(f"no image file at {path}")
    try:
        with Image.open(path) as image:
            ImageOps.exif_transpose(image, in_place=True)
            image.load()
    except Exception as error:  # each of Pillow's readers raises its own
        raise ValueError(f"{path} is empty or not a readable image ({error}): give a PNG or JPEG") from error
    if size is None:
        return _tensor(image, mode)
    rows, cols, mixed = _bilinear((image.height, image.width), size)
    lines = [_tensor(image.crop((0, row, image.width, row + 1)), mode)[:, :, cols] for row in rows.tolist()]
    return mixed(torch.cat(lines, 1))


def _tensor(image: Image.Image, mode: str) -> torch.Tensor:
    if image.mode.startswith("I"):  # 16 bits of grey, which Pillow would clip to 8
        image = Image.fromarray((np.asarray(image).astype(np.int64) // 257).clip(0, 255).astype(np.uint8))
    if image.mode == "P" and "transparency" in image.info:
        image = image.convert("RGBA")
    return torch.from_numpy(np.array(image.convert(mode))).permute(2, 0, 1).contiguous()


def load_png(path: str | Path, size: Size | None = None, *, label: str | None = None) -> Cutout:
    """A cut-out from a PNG file; without alpha it is opaque.

    Args:
        size: side or (height, width) in pixels; None keeps the file's.
        label: the class that a network should answer, if known.

    Raises:
        FileNotFoundError: no such file.
        ValueError: not a readable image, or a fully transparent one.
    """
    return Cutout(read(path, "RGBA", size), Path(path).stem, label)


def load_photo(path: str | Path, size: Size | None = None, *, label: str | None = None) -> Photo:
    """A photo from an image file, as uint8 (3, h, w); arguments and errors as in :func:`load_png`."""
    return Photo(read(path, "RGB", size), Path(path).stem, label)


def load(name: str, size: Size | None = None) -> Cutout | Photo:
    """An object by name.

    Args:
        name: ``"espresso"``, a photographed one; ``"airplane"`` or ``"digit 3"``, an embedded one; ``"airplane#2"``,
            its variant 2; ``"berry"`` or ``"plane"``, the authors' two, if they are on the assets search path; or
            the path of an image file.
        size: side or (height, width) in pixels; None for 75 (photographed), 48 (embedded), the authors' or the
            file's own.

    Raises:
        ValueError: an unknown name, with the nearest known one.
    """
    from helpers.objects import embedded, photographed  # which import this module

    if name in photographed.PHOTOGRAPHED:
        return photographed.load(name, 75 if size is None else size)
    base, _, index = name.partition("#")
    if base in embedded.CLASSES and (not index or index.isdigit()):
        make = embedded.digit if base.startswith("digit ") else embedded.silhouette
        key = int(base.removeprefix("digit ")) if base.startswith("digit ") else base
        shape = sides(48 if size is None else size, "size")
        drawn = make(key, int(index or 0), size=max(shape))
        return dataclasses.replace(drawn, rgba=resize(drawn.rgba, shape), name=name)
    if name in _PUBLISHED:
        relative, label, usual = _PUBLISHED[name]
        loader = load_png if name == "berry" else load_photo
        item = loader(assets.require(relative), size or usual, label=label)
        return dataclasses.replace(item, name=name)
    if Path(name).suffix.lower() in {".png", ".jpg", ".jpeg"}:
        return load_png(name, size)
    known = [*photographed.PHOTOGRAPHED, *embedded.CLASSES, *_PUBLISHED]
    use = f"use {', '.join(known)}, or the path of a PNG file"
    raise ValueError(f"unknown object {name!r}{nearest(name, known, otherwise=use)}")
