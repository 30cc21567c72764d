"""Pictures that come with ordinary packages, mixed into training batches without end: no ImageNet.

Nothing that the workbook shows as an object is among them, nor is any picture that a twin is validated on.
"""

from __future__ import annotations

import functools
import math
from pathlib import Path

import numpy as np
import skimage
import torch
from PIL import Image
from torch import Tensor
from torch.nn import functional

SHORT_SIDE = 900  # px; larger photographs are shrunk to it

STAMPS = Path("/usr/share/tuxpaint/stamps")
SKIMAGE = Path(skimage.__file__).parent / "data"

# Debian's packages but the first -> licence, folder, patterns of its photographs (the rest is drawn or abstract)
SOURCES = {
    "scikit-image": (
        "per picture, in skimage/data/README.txt",
        SKIMAGE,
        "brick.png grass.png gravel.png coins.png moon.png hubble_deep_field.jpg ihc.png retina.jpg cell.png",
    ),
    "lomiri-wallpapers-16.04, lomiri-wallpapers-20.04": (
        "CC BY 4.0, CC BY-SA 3.0, CC BY-SA 4.0 or CC0, per picture",
        Path("/usr/share/backgrounds"),
        "Bridge_by*.jpg Dragonfly_by*.jpg Kleiber_by*.jpg Picture_0B*.jpg Picture_1A*.jpg Wine_by*.jpg "
        "aitzgorri_by*.jpg free_by*.jpg friends_by*.jpg greentock_by*.jpg life_by*.jpg picosdeeuropa_by*.jpg "
        "seeding_by*.jpg sunset_by*.jpg",
    ),
    "mate-backgrounds": ("GPL 2 or later", Path("/usr/share/backgrounds/mate/nature"), "*.jpg"),
    "plasma-workspace-wallpapers": (
        "GPL 2 or later",
        Path("/usr/share/wallpapers"),
        " ".join(
            f"{name}/contents/images/[2-5]*.*"
            for name in "BytheWater ColdRipple ColorfulCups DarkestHour EveningGlow FallenLeaf Grey Kite "
            "OneStandsOut Path Volna summer_1am Autumn".split()
        ),
    ),
}
STAMPS_LICENCE = "GPL 2"
# What a path in Tux Paint's tree holds where the stamp is drawn, no photograph
DRAWN = """cartoon symbols/alphabets symbols/chess symbols/faces symbols/math symbols/music symbols/shapes
    symbols/money/00_symbols clothes/hats/blue clothes/hats/feathered clothes/hats/green clothes/hats/propeller
    clothes/hats/sombrero clothes/t_ clothes/button hedgehog food/pizza medical/tooth naturalforces/lightning
    people/body_parts seasonal/christmas/Santa seasonal/christmas/bow seasonal/christmas/candy_cane
    seasonal/christmas/hard_candy seasonal/christmas/lamp seasonal/christmas/santahat seasonal/christmas/star
    seasonal/christmas/stocking seasonal/christmas/tree seasonal/easter seasonal/hanukkah seasonal/newyears
    seasonal/halloween/bat seasonal/halloween/blackcat seasonal/halloween/ghost seasonal/halloween/jack
    seasonal/halloween/skull seasonal/halloween/spider space/planets/0_sun inukshuk-outline town/flags _mirror _flip
    """.split()
# Kept for validation: the study's labelled stamps.
VALIDATION_STAMPS = """broccoli pink_tricycle Strawberry2 basketball european-bear green_korean_bus camel guitar2
    sea_lion binoculars badger squirrel edward_bear garbagetruck duck tucan zebra penguin camera_35mm syringe tiger
    pink_flamingo cello firetruck""".split()


def _photo(path: Path) -> Tensor:
    with Image.open(path) as image:
        image.draft("RGB", (2 * SHORT_SIDE, 2 * SHORT_SIDE))
        image = image.convert("RGB")
        ratio = SHORT_SIDE / min(image.size)
        if ratio < 1:
            image = image.resize([round(side * ratio) for side in image.size], Image.Resampling.BICUBIC)
    return torch.from_numpy(np.array(image)).permute(2, 0, 1).contiguous()


@functools.cache
def photographs() -> tuple[list[Tensor], dict[str, int]]:
    """uint8 photographs (3, H, W) of what is installed, and how many each package gave."""
    photos, counts = [], {}
    for package, (_, folder, patterns) in SOURCES.items():
        files = {file for pattern in patterns.split() for file in folder.glob(pattern)}
        files = sorted(file for file in files if not file.is_symlink())
        if not files:
            print(f"{package} is not installed: its photographs are left out", flush=True)
        counts[package] = len(files)
        photos += [_photo(file) for file in files]
    return photos, counts


@functools.cache
def stamps() -> list[Tensor]:
    """uint8 cut-outs (4, h, w) with alpha: Tux Paint's photographic stamps, where they are installed."""
    found = []
    for file in sorted(STAMPS.rglob("*.png")):
        path = str(file.relative_to(STAMPS))
        if file.stem in VALIDATION_STAMPS or any(word in path for word in DRAWN):
            continue
        with Image.open(file) as image:
            pixels = np.array(image.convert("RGBA"))
        rows, columns = np.nonzero(pixels[..., 3] > 0)
        if len(rows) and min(np.ptp(rows), np.ptp(columns)) > 30:
            box = pixels[rows.min() : rows.max() + 1, columns.min() : columns.max() + 1]
            found.append(torch.from_numpy(box.copy()).permute(2, 0, 1).contiguous())
    if not found:
        print("tuxpaint-stamps-default is not installed: its stamps are left out", flush=True)
    return found


def used() -> dict[str, dict[str, str | int]]:
    """Where the pictures come from: package -> licence, and how many pictures it gave."""
    found = {
        package: {"licence": licence, "pictures": photographs()[1][package]}
        for package, (licence, _, _) in SOURCES.items()
        if photographs()[1][package]
    }
    if stamps():
        found["tuxpaint-stamps-default"] = {"licence": STAMPS_LICENCE, "pictures": len(stamps())}
    return found


def _crop(rng: np.random.Generator, side: int) -> Tensor:
    """A part of a photograph, 5% to all of it, its shape, contrast and colours changed at random."""
    photos = photographs()[0]
    photo = photos[rng.integers(len(photos))]
    height, width = photo.shape[1:]
    area, ratio = height * width * np.exp(rng.uniform(np.log(0.05), 0)), np.exp(rng.uniform(-0.3, 0.3))
    h, w = (int(np.clip(math.sqrt(part), 16, most)) for part, most in ((area * ratio, height), (area / ratio, width)))
    y, x = rng.integers(height - h + 1), rng.integers(width - w + 1)
    part = photo[None, :, y : y + h, x : x + w].float()
    part = functional.interpolate(part, size=(side, side), mode="bilinear", antialias=True)[0]
    part = part.flip(2) if rng.random() < 0.5 else part
    part = part * rng.uniform(0.7, 1.3) + rng.uniform(-25, 25)
    part = part[rng.permutation(3)] if rng.random() < 0.2 else part
    return part.clamp(0, 255)


def _shape(rng: np.random.Generator, size: int) -> Tensor:
    """A random blob cut from a photograph: (4, size, size), alpha from 0 to 255."""
    bumps = torch.from_numpy(rng.standard_normal((1, 1, 6, 6))).float()
    bumps = functional.interpolate(bumps, size=(size, size), mode="bicubic")[0]
    line = torch.linspace(-1, 1, size)
    mask = (bumps * 0.35 + 0.65 - line[:, None] ** 2 - line**2) > 0
    return torch.cat([_crop(rng, size), mask * 255.0])


def _stamp(rng: np.random.Generator, size: int) -> Tensor:
    """A stamp with its longer side at `size`, flipped, lightened or darkened at random: (4, h, w)."""
    stamp = stamps()[rng.integers(len(stamps()))].float()
    ratio = size / max(stamp.shape[1:])
    shape = [max(8, round(side * ratio)) for side in stamp.shape[1:]]
    alpha = stamp[3:] / 255
    both = torch.cat([stamp[:3] * alpha, alpha])[None]  # colours weigh by alpha, or the edge takes what is hidden
    both = functional.interpolate(both, size=shape, mode="bilinear", antialias=True)[0]
    colours = both[:3] / both[3:].clamp(min=1e-3) * rng.uniform(0.75, 1.25)
    colours = colours[rng.permutation(3)] if rng.random() < 0.1 else colours
    stamp = torch.cat([colours.clamp(0, 255), both[3:] * 255])
    return stamp.flip(2) if rng.random() < 0.5 else stamp


def _paste(rng: np.random.Generator, frame: Tensor, cutout: Tensor) -> None:
    height, width = cutout.shape[1:]
    y, x = rng.integers(frame.shape[1] - height + 1), rng.integers(frame.shape[2] - width + 1)
    place, alpha = frame[:, y : y + height, x : x + width], cutout[3:] / 255
    place += alpha * (cutout[:3] - place)


def picture(rng: np.random.Generator, side: int) -> Tensor:
    """A frame (3, side, side): a photograph, two mixed, or cut-outs over white, a colour or a photograph."""
    if rng.random() < 0.45:
        first = _crop(rng, side)
        if rng.random() < 0.6:
            return first
        share = rng.uniform(0.3, 0.7)
        return share * first + (1 - share) * _crop(rng, side)
    kind = rng.random()
    frame = torch.full((3, side, side), 255.0)
    if kind > 0.75:
        frame = _crop(rng, side)
    elif kind > 0.55:
        frame = torch.from_numpy(rng.uniform(0, 255, 3)).float()[:, None, None].repeat(1, side, side)
    for _ in range(rng.choice([1, 1, 2])):
        size = int(rng.integers(side // 4, int(0.9 * side)))
        cutout = _stamp if stamps() and rng.random() < 0.8 else _shape
        _paste(rng, frame, cutout(rng, size))
    return frame


def batch(seed: int, step: int, *, count: int, side: int) -> Tensor:
    """Values from 0 to 255 (count, 3, side, side), a function of seed and step."""
    rng = np.random.default_rng([seed, step])
    return torch.stack([picture(rng, side) for _ in range(count)])
