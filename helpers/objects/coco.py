"""Objects cut out of COCO photos, chosen and cropped as in the paper's protocol.

The choice (paper, section 3, and the authors' generator script): in each category the images by ascending id;
in each image the first annotation of that category in file order, crowds included; skipped if its box is under
37.5 px (half the small patch) in width *and* height. A skipped image does not count: the authors go on until
they have 20 objects a category, so their tables are means over 200.
"""

from __future__ import annotations

import dataclasses
import functools
import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from helpers.objects.cutouts import Cutout, Size, resize
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
    categories: Sequence[str] = PAPER_CATEGORIES,
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
        at_most: accept fewer than ``per_category`` from a category that has no more.

    Raises:
        FileNotFoundError: missing annotations, or a missing photo.
        ValueError: an unknown category, too few objects, a damaged photo, or an annotation that does not fit it.
    """
    chosen = select(root, split, per_category=per_category, categories=categories, at_most=at_most)
    return [_cutout(Path(root) / split, instance, size, paper_crop) for instance in chosen]


def select(
    root: str | Path,
    split: str,
    *,
    per_category: int = 20,
    categories: Sequence[str] = PAPER_CATEGORIES,
    at_most: bool = False,
) -> list[Instance]:
    """The protocol's choice, from the annotations alone; arguments and errors as in :func:`load_coco`."""
    if per_category < 1:
        raise ValueError(f"per_category {per_category} must be at least 1")
    path = Path(root) / "annotations" / f"instances_{split}.json"
    if not path.is_file():
        have = sorted(file.stem.removeprefix("instances_") for file in path.parent.glob("instances_*.json"))
        found = f"that folder has the splits {', '.join(have)}" if have else "that folder has no annotations at all"
        raise FileNotFoundError(
            f"no COCO annotations at {path}; {found}. `python -m helpers paper-objects` downloads what is needed"
        )
    stat = path.stat()
    found = _candidates(path, stat.st_mtime_ns, stat.st_size, tuple(categories))
    short = {name: len(found[name]) for name in categories if len(found[name]) < per_category}
    if short and not at_most:
        counts = ", ".join(f"{name} {count}" for name, count in short.items())
        raise ValueError(
            f"{path.name} has fewer than the {per_category} objects asked of a category: {counts}. "
            "Ask for fewer (per_category), or take what there is (at_most=True)"
        )
    return [instance for name in categories for instance in found[name][:per_category]]


# The full training annotations take about 15 s and 3 GB to parse; what is kept of them takes megabytes.
@functools.lru_cache(maxsize=4)
def _candidates(path: Path, mtime: int, size: int, categories: tuple[str, ...]) -> dict[str, list[Instance]]:
    try:
        data = json.loads(path.read_bytes())
        ids = {category["name"]: category["id"] for category in data["categories"]}
        images = {image["id"]: image for image in data["images"]}
        annotations = data["annotations"]
    except (ValueError, KeyError, TypeError) as error:
        raise ValueError(f"{path} is no COCO instances file, or was cut short ({error}): get it again") from error
    for name in categories:
        if name not in ids:
            raise ValueError(f"COCO has no category {name!r}{nearest(name, sorted(ids))}")
    first: dict[tuple[int, int], dict] = {}
    wanted = {ids[name] for name in categories}
    for annotation in annotations:
        if annotation["category_id"] in wanted:
            first.setdefault((annotation["category_id"], annotation["image_id"]), annotation)
    found = {}
    for name in categories:
        mine = sorted(image for category, image in first if category == ids[name])
        pairs = [(images.get(image), first[ids[name], image]) for image in mine]
        if any(image is None for image, _ in pairs):
            orphan = next(annotation for image, annotation in pairs if image is None)
            raise ValueError(f"{path.name}: annotation {orphan['id']} names image {orphan['image_id']}, not listed")
        found[name] = [Instance(name, *pair) for pair in pairs if not _small(pair[1]["bbox"])]
    return found


def _small(box: Sequence[float]) -> bool:
    return box[2] < SMALLEST and box[3] < SMALLEST


def _cutout(folder: Path, instance: Instance, size: Size | None, paper_crop: bool) -> Cutout:
    rgb = read_photo(folder / instance.image["file_name"], instance.image)
    rgba = crop(rgb, mask(instance), instance.annotation["bbox"], paper_crop=paper_crop)
    if 0 in rgba.shape:
        raise ValueError(f"{instance.name}: its box {instance.annotation['bbox']} rounds to no pixel at all")
    if size is not None:
        rgba = resize(rgba, size)
        # The authors resize a 0/1 mask in integers, so it stays one, with half and more counting as object.
        # (OpenCV's fixed-point arithmetic rounds 0.2% of the pixels, at the mask's edge, the other way.)
        rgba[3] = (rgba[3] >= 128) * 255
    return Cutout(rgba, instance.name, instance.category)


def read_photo(path: Path, image: dict) -> np.ndarray:
    """The photo as uint8 (H, W, 3), whole and of the size the annotations were drawn on."""
    if not path.is_file():
        raise FileNotFoundError(
            f"the photo {path} is missing (image id {image['id']}); `python -m helpers paper-objects` downloads it"
        )
    try:
        with Image.open(path) as file:
            rgb = np.asarray(file.convert("RGB"))
    except (OSError, SyntaxError) as error:
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
        ValueError: a mask that does not fit its photo: run lengths of another size, or a box outside.
    """
    from pycocotools import mask as runs  # compiled, and needed only for COCO

    height, width = instance.image["height"], instance.image["width"]
    x, y, w, h = instance.annotation["bbox"]
    # One pixel of slack: COCO's own boxes overhang by fractions of one.
    if min(x, y) < -1 or x + w > width + 1 or y + h > height + 1:
        raise ValueError(f"{instance.name}: its box {[x, y, w, h]} lies outside its photo of {width} x {height} px")
    shape = instance.annotation["segmentation"]
    if isinstance(shape, dict) and list(shape["size"]) != [height, width]:
        drawn = " x ".join(str(side) for side in reversed(shape["size"]))
        raise ValueError(f"{instance.name}: its mask is for {drawn} px, its photo has {width} x {height}")
    if isinstance(shape, list):
        packed = runs.merge(runs.frPyObjects(shape, height, width))
    else:
        packed = runs.frPyObjects(shape, height, width) if isinstance(shape["counts"], list) else shape
    return runs.decode(packed).astype(bool)


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
