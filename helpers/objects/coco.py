"""Objects cut out of COCO photos, chosen and cropped as in the paper's protocol.

The choice (paper, section 3, and the authors' generator script): in each category the images by ascending id;
in each image the first annotation of that category in file order, crowds included; skipped if its box is under
37.5 px (half the small patch) in width *and* height. A skipped image does not count: the authors go on until
they have 20 objects a category, so their tables are means over 200.
"""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath

import numpy as np
import torch

from helpers.objects.cutouts import Cutout, Size, read, resize, sides
from helpers.suggestions import nearest

PAPER_CATEGORIES = (
    "car", "airplane", "boat", "dog", "bird", "zebra", "orange", "banana", "clock", "laptop",
)  # fmt: skip
SMALLEST = 75 / 2  # px, of the box; the authors' bound is half the side of their small patch


@dataclasses.dataclass(frozen=True)
class Instance:
    """One chosen annotation: its category, and COCO's records of its image and of itself."""

    category: str
    image: dict
    annotation: dict

    @property
    def name(self) -> str:
        """Category, image id and annotation id: unique, and the same on every machine."""
        return f"{self.category}-{self.image['id']}-{self.annotation['id']}"


def load_coco(
    root: str | Path,
    split: str,
    size: Size | None,
    *,
    per_category: int = 20,
    categories: Sequence[str] | None = PAPER_CATEGORIES,
    paper_crop: bool = False,
    at_most: bool = False,
) -> list[Cutout]:
    """The protocol's objects, each labelled with its category.

    Args:
        root: a folder in COCO's layout (``annotations/``, ``train2017/``, ...).
        split: e.g. ``"train2017"``.
        size: side or (height, width) in pixels to resize to, as in the protocol; None keeps the crop's own.
        paper_crop: take the crop's width from the box's height, as the authors' script does, which cuts off an
            object wider than tall; the default is the whole box (ours).
        categories: their names; None for all that the file has.
        at_most: accept fewer than ``per_category`` from a category that has no more.

    Raises:
        FileNotFoundError: missing annotations, or a missing photo.
        ValueError: an unknown category, too few objects, a damaged photo, or an annotation that cannot be used.
    """
    chosen = select(root, split, per_category=per_category, categories=categories, at_most=at_most)
    file, folder = _file(root, split), Path(root) / split
    return [_cutout(file, folder, instance, size, paper_crop) for instance in chosen]


def _file(root: str | Path, split: str) -> Path:
    return Path(root) / "annotations" / f"instances_{split}.json"


@contextlib.contextmanager
def _of(path: Path, annotation: object) -> Iterator[None]:
    """Whatever is wrong with an annotation as one ValueError that names it."""
    try:
        yield
    except (LookupError, TypeError, ValueError, ArithmeticError, AttributeError) as error:
        number = annotation.get("id", annotation) if isinstance(annotation, dict) else annotation
        lacks = f"has no {error}" if isinstance(error, KeyError) else str(error)
        raise ValueError(f"{path}, annotation {number!s:.80}: {lacks}; correct it, or take it out") from error


def select(
    root: str | Path,
    split: str,
    *,
    per_category: int = 20,
    categories: Sequence[str] | None = PAPER_CATEGORIES,
    at_most: bool = False,
) -> list[Instance]:
    """The protocol's choice, from the annotations alone; arguments and errors as in :func:`load_coco`."""
    if per_category < 1:
        raise ValueError(f"per_category {per_category} must be at least 1")
    path = _file(root, split)
    if not path.is_file():
        have = sorted(file.stem.removeprefix("instances_") for file in path.parent.glob("instances_*.json"))
        found = f"that folder has the splits {', '.join(have)}" if have else "that folder has no annotations at all"
        raise FileNotFoundError(
            f"no COCO annotations at {path}; {found}. `python -m helpers paper-objects` downloads what is needed"
        )
    stat = path.stat()
    found = _candidates(path, stat.st_mtime_ns, stat.st_size, None if categories is None else tuple(categories))
    short = {name: len(found[name]) for name in found if len(found[name]) < per_category}
    if short and not at_most:
        counts = ", ".join(f"{name} {count}" for name, count in short.items())
        raise ValueError(
            f"{path.name} has fewer than the {per_category} objects asked of a category: {counts}. "
            "Ask for fewer (per_category), or take what there is (at_most=True)"
        )
    return [instance for name in found for instance in found[name][:per_category]]


# The full training annotations take about 15 s and 3 GB to parse; what is kept of them takes megabytes.
@functools.lru_cache(maxsize=4)
def _candidates(path: Path, mtime: int, size: int, categories: tuple[str, ...] | None) -> dict[str, list[Instance]]:
    try:
        data = json.loads(path.read_bytes())
        names = {category["id"]: category["name"] for category in data["categories"]}
        known = list(dict.fromkeys(names.values()))
        images = {image["id"]: image for image in data["images"]}
        annotations = list(data["annotations"])
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"{path} is no COCO instances file, or was cut short ({error}): get it again") from error
    first: dict[str, dict[object, dict]] = {name: {} for name in (known if categories is None else categories)}
    for name in first:
        if name not in known:
            raise ValueError(f"{path} has no category {name!r}{nearest(name, sorted(map(str, known)))}")
    for annotation in annotations:
        with _of(path, annotation):
            first.get(names.get(annotation["category_id"]), {}).setdefault(annotation["image_id"], annotation)
    found = {}
    for name, by_image in first.items():
        found[name] = []
        for number in sorted(by_image, key=lambda number: (str(type(number)), number)):
            with _of(path, annotation := by_image[number]):
                if number not in images:
                    raise ValueError(f"its image {number} is not listed")
                _checked(images[number], annotation)
                if max(annotation["bbox"][2:]) >= SMALLEST:
                    found[name].append(Instance(name, images[number], annotation))
    return found


def _checked(image: dict, annotation: dict) -> None:
    """Raise what :func:`_of` reports for a record that the choice, the photo or its place cannot be read off."""
    _ = annotation["id"], image["id"]
    sides((image["height"], image["width"]), "its photo's size")
    name = image["file_name"]
    where = PureWindowsPath(name)  # which knows both separators
    if where.anchor or ".." in where.parts or not where.name:
        raise ValueError(f"its photo's file_name {name!r} leaves the folder")
    box = annotation["bbox"]
    if len(box) != 4 or not all(map(math.isfinite, box)) or min(box[2:]) <= 0:
        raise ValueError(f"its box {box!s:.80} is not x, y, width and height in pixels")


def _cutout(file: Path, folder: Path, instance: Instance, size: Size | None, paper_crop: bool) -> Cutout:
    rgb = read_photo(folder / instance.image["file_name"], instance.image)
    with _of(file, instance.annotation):
        rgba = crop(rgb, mask(instance), instance.annotation["bbox"], paper_crop=paper_crop)
        if 0 in rgba.shape:
            raise ValueError(f"its box {instance.annotation['bbox']} rounds to no pixel at all")
        if size is not None:
            rgba = resize(rgba, size)
            # The authors resize a 0/1 mask in integers, so it stays one, with half and more counting as object.
            # (OpenCV's fixed-point arithmetic rounds 0.2% of the pixels, at the mask's edge, the other way.)
            rgba[3] = (rgba[3] >= 128) * 255
        return Cutout(rgba, instance.name, instance.category)


def read_photo(path: Path, image: dict) -> np.ndarray:
    """The photo as the camera was held, uint8 (H, W, 3), whole and of the size the annotations were drawn on."""
    if not path.is_file():
        raise FileNotFoundError(
            f"the photo {path} is missing (image id {image['id']}); `python -m helpers paper-objects` downloads it"
        )
    try:
        rgb = read(path, "RGB").permute(1, 2, 0).numpy()
    except ValueError as error:
        raise ValueError(
            f"the photo {path} is damaged or was cut short ({error}): remove it and download it again"
        ) from error
    if rgb.shape[:2] != (image["height"], image["width"]):
        raise ValueError(
            f"the photo {path} is {rgb.shape[1]} x {rgb.shape[0]} px, its annotations were drawn on "
            f"{image['width']} x {image['height']}: it is another photo, or was resized"
        )
    return rgb


def mask(instance: Instance) -> np.ndarray:
    """The annotation's mask, bool (H, W) of its whole photo, from polygons or run lengths (crowds).

    Raises:
        ValueError: a mask that does not fit its photo: of another size, or a box or an outline outside; no outline.
    """
    from pycocotools import mask as runs  # compiled, and needed only for COCO

    height, width = instance.image["height"], instance.image["width"]
    x, y, w, h = instance.annotation["bbox"]
    # One pixel of slack: COCO's own boxes overhang by fractions of one.
    if min(x, y) < -1 or x + w > width + 1 or y + h > height + 1:
        raise ValueError(f"its box {[x, y, w, h]} lies outside its photo of {width} x {height} px")
    shape = instance.annotation.get("segmentation")
    if not shape:
        raise ValueError("it has no outline, which a cut-out needs")
    if isinstance(shape, dict):
        if list(shape["size"]) != [height, width]:
            drawn = " x ".join(str(side) for side in reversed(shape["size"]))
            raise ValueError(f"its mask is for {drawn} px, its photo has {width} x {height}")
        counts = shape["counts"] if isinstance(shape["counts"], list) else _unpacked(shape["counts"])
        if min(counts) < 0 or sum(counts) != height * width:
            raise ValueError(f"its run lengths add up to {sum(counts)} px, its photo has {height * width}")
        return np.repeat(np.arange(len(counts)) % 2 == 1, counts).reshape(width, height).T
    for polygon in shape:
        # pycocotools takes two points for a box, and draws every pixel of a line to a far point.
        if len(polygon) < 6 or len(polygon) % 2:
            raise ValueError(f"its outline {polygon!s:.80} is not at least three points, x and y in turn")
        far = [at for index, at in enumerate(polygon) if not abs(at / (width, height)[index % 2] - 0.5) <= 1.5]
        if far:
            raise ValueError(f"its outline goes to {far[0]}, far outside its photo of {width} x {height} px")
    return runs.decode(runs.merge(runs.frPyObjects(shape, height, width))).astype(bool)


def _unpacked(text: str | bytes) -> list[int]:
    """COCO's packed run lengths: five bits a character, lowest first; from the fourth on as differences."""
    counts, value, shift = [], 0, 0
    for letter in text if isinstance(text, bytes) else text.encode():
        code = letter - 48
        value |= (code & 31) << shift
        shift += 5
        if not code & 32:
            value -= (code & 16) << (shift - 4)
            counts.append(value + (counts[-2] if len(counts) > 2 else 0))
            value = shift = 0
    return counts


def crop(rgb: np.ndarray, mask: np.ndarray, box: Sequence[float], *, paper_crop: bool = False) -> torch.Tensor:
    """A box cut out of a photo uint8 (H, W, 3) with its mask bool (H, W), without what lies outside the photo.

    Args:
        box: (x, y, width, height) in pixels, rounded (halves to even, as Python does).
        paper_crop: take the width from the height.

    Returns:
        uint8 (4, h, w), alpha 0 or 255.
    """
    x, y, w, h = (round(value) for value in box)
    rows, cols = slice(max(y, 0), y + h), slice(max(x, 0), x + (h if paper_crop else w))
    alpha = mask[rows, cols, None].astype(np.uint8) * 255
    return torch.from_numpy(np.concatenate([rgb[rows, cols], alpha], 2).transpose(2, 0, 1).copy())
