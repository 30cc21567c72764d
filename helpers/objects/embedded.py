"""Objects that come with the packages: 30 silhouettes from DejaVu Sans and ten handwritten digits.

The shapes are glyphs of matplotlib's font and scikit-learn's digits (8 x 8, smoothly enlarged), so their alpha
is crisp at any size. They are filled with crops of the photographs in PHOTOS, tinted, and set to a luminance
that differs from the background's.

Training and evaluation never share a fill or a digit: training takes the left two thirds of each
photograph and the first three quarters of each digit's specimens; silhouette and digit take the rest.
"""

import itertools
import zlib
from functools import cache

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image, ImageFont

from helpers.objects.cutouts import Cutout
from helpers.objects.photographs import SOURCES, bundled, photo
from helpers.suggestions import nearest

SILHOUETTES: dict[str, int] = {
    "airplane": 0x2708, "alembic": 0x2697, "anchor": 0x2693, "cloud": 0x2601, "cup": 0x2615,
    "flag": 0x2691, "flower": 0x273F, "gear": 0x2699, "hammers": 0x2692, "hand": 0x261B,
    "heart": 0x2665, "keyboard": 0x2328, "knight": 0x265E, "music": 0x266B, "pawn": 0x265F,
    "recycling": 0x267B, "rook": 0x265C, "scales": 0x2696, "scissors": 0x2702, "shamrock": 0x2618,
    "skull": 0x2620, "smile": 0x263B, "snowflake": 0x2744, "spade": 0x2660, "star": 0x2605,
    "sun": 0x2600, "telephone": 0x260E, "umbrella": 0x2602, "wheel": 0x2638, "wheelchair": 0x267F,
}  # fmt: skip

CLASSES: tuple[str, ...] = (*SILHOUETTES, *(f"digit {label}" for label in range(10)))

# The photographs of the fills, in the order that training drew them by: the first seven
PHOTOS = dict(itertools.islice(SOURCES.items(), 7))

LUMINANCE = (0.299, 0.587, 0.114)  # Rec. 601
_HELD_OUT = 7  # seed of the evaluation fills and warps; training never uses it


def photo_part(name: str, *, held_out: bool) -> np.ndarray:
    """The columns of a photograph for training (left two thirds) or evaluation (the rest)."""
    pixels = photo(name)
    cut = pixels.shape[1] * 2 // 3
    return pixels[:, cut:] if held_out else pixels[:, :cut]


def crop(rng: np.random.Generator, side: int, *, held_out: bool) -> np.ndarray:
    """A random square of a random photograph, enlarged or reduced to uint8 (side, side, 3)."""
    pixels = photo_part(tuple(PHOTOS)[rng.integers(len(PHOTOS))], held_out=held_out)
    height, width = pixels.shape[:2]
    extent = int(rng.uniform(0.4, 1.0) * min(height, width))
    top, left = rng.integers(height - extent + 1), rng.integers(width - extent + 1)
    square = Image.fromarray(pixels[top : top + extent, left : left + extent])
    return np.asarray(square.resize((side, side), Image.Resampling.BICUBIC, reducing_gap=3.0))


@cache
def _digits(label: int) -> np.ndarray:
    from sklearn.datasets import load_digits

    data = load_digits()
    return data.images[data.target == label] / 16.0  # (n, 8, 8) in [0, 1]


def digit_count(label: int, *, held_out: bool) -> int:
    """How many specimens of a digit there are for training or for evaluation."""
    count = len(_digits(label))
    return count - count * 3 // 4 if held_out else count * 3 // 4


@cache
def _glyph(name: str, side: int) -> Image.Image:
    with bundled("matplotlib/mpl-data/fonts/ttf", "DejaVuSans.ttf").open("rb") as file:
        mask = ImageFont.truetype(file, side).getmask(chr(SILHOUETTES[name]), mode="L")
    return Image.fromarray(np.asarray(mask, dtype=np.uint8).reshape(mask.size[1], mask.size[0]))


def _master(name: str, index: int, *, held_out: bool, size: int) -> Image.Image:
    """The alpha of a class on a large raster, which is averaged down to ``size``, so that edges stay crisp."""
    side = max(256, 4 * size)
    if name in SILHOUETTES:
        return _glyph(name, side)
    label = int(name.removeprefix("digit "))
    specimens, count = _digits(label), digit_count(label, held_out=held_out)
    first = len(specimens) - count if held_out else 0
    small = F.pad(torch.from_numpy(specimens[first + index % count]).float(), (1, 1, 1, 1))
    large = F.interpolate(small[None, None], size=side, mode="bicubic")[0, 0]
    # The contour at half the ink, with a slope of a few pixels of this raster at any size.
    alpha = ((large - 0.5) * 20 * max(1, side / 288) + 0.5).clamp(0, 1).mul(255).round().to(torch.uint8)
    return Image.fromarray(alpha.numpy())


def _warp(image: Image.Image, degrees: float, shear: float) -> Image.Image:
    """Rotate and shear about the centre, on a canvas wide enough for the result."""
    width, height = image.size
    side = int(1.5 * max(width, height))
    turn = np.deg2rad(degrees)
    matrix = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]]) @ [[1, shear], [0, 1]]
    offset = np.array([width / 2, height / 2]) - matrix @ [side / 2, side / 2]
    coefficients = (*matrix[0], offset[0], *matrix[1], offset[1])
    return image.transform((side, side), Image.Transform.AFFINE, coefficients, Image.Resampling.BICUBIC)


def _fit(image: Image.Image, size: int) -> np.ndarray:
    """The tight box of an alpha, longer side scaled to ``size``, centred in a square: uint8 (size, size)."""
    image = image.crop(image.getbbox())
    scale = size / max(image.size)
    inner = tuple(max(1, round(side * scale)) for side in image.size)
    filtering = Image.Resampling.BOX if scale < 1 else Image.Resampling.BICUBIC
    square = Image.new("L", (size, size), 0)
    square.paste(image.resize(inner, filtering), ((size - inner[0]) // 2, (size - inner[1]) // 2))
    return np.asarray(square)


def shape(name: str, size: int, *, index: int = 0, held_out: bool = True) -> np.ndarray:
    """The unwarped alpha of a class, uint8 (size, size); ``index`` selects a digit's specimen."""
    return _fit(_master(name, index, held_out=held_out, size=size), size)


def tone(fill: torch.Tensor, *, mean: torch.Tensor, target: torch.Tensor) -> torch.Tensor:
    """Shift fills (..., 3, h, w) from mean luminance ``mean`` to ``target``, both (...,), in [0, 1].

    Luminance stays within 0.2 of the target, so that the contrast with a background is known.
    """
    weights = torch.tensor(LUMINANCE).view(3, 1, 1)
    luminance = (fill * weights).sum(-3, keepdim=True)
    centre = mean[..., None, None, None]
    deviation = (luminance - centre).clamp(-0.2, 0.2)
    colour = (fill - luminance) * 0.8
    return (target[..., None, None, None] + deviation + colour).clamp(0, 1)


def _cutout(name: str, index: int, size: int) -> Cutout:
    if index < 0 or size < 8:
        raise ValueError(f"index must be >= 0 and size >= 8 pixels, got index {index} and size {size}")
    rng = np.random.default_rng([_HELD_OUT, zlib.crc32(name.encode()), index])
    master = _master(name, index, held_out=True, size=size)
    if name in SILHOUETTES:
        master = _warp(master, rng.uniform(-6, 6), rng.uniform(-0.06, 0.06))
    alpha = _fit(master, size)
    tint = torch.tensor(rng.uniform(0, 1, 3), dtype=torch.float32)
    mix = float(rng.uniform(0.3, 0.7))
    target = torch.tensor(rng.uniform(0.15, 0.5), dtype=torch.float32)
    pixels = torch.from_numpy(crop(rng, size, held_out=True).copy()).permute(2, 0, 1).float() / 255
    fill = (1 - mix) * pixels + mix * tint.view(3, 1, 1)
    mean = (fill.mean((1, 2)) * torch.tensor(LUMINANCE)).sum()
    rgb = (tone(fill, mean=mean, target=target) * 255).round().to(torch.uint8)
    return Cutout(torch.cat([rgb, torch.from_numpy(alpha.copy())[None]]), f"{name}#{index}", name)


def silhouette(name: str, index: int = 0, *, size: int = 48) -> Cutout:
    """A filled silhouette, held out from training; the same arguments give the same bytes.

    Args:
        name: one of SILHOUETTES, which becomes the label.
        index: selects the fill, of luminance at most 0.7 (white is 1), and a small rotation and shear.
        size: side in pixels; the aspect ratio is kept.

    Raises:
        ValueError: an unknown name, a negative index, or a size under 8 pixels.
    """
    if name not in SILHOUETTES:
        raise ValueError(f"no silhouette is called {name!r}{nearest(name, SILHOUETTES)}")
    return _cutout(name, index, size)


def digit(label: int, index: int = 0, *, size: int = 48) -> Cutout:
    """A filled handwritten digit, held out from training, labelled e.g. "digit 3".

    Args:
        index: selects the specimen (starting over after the last of about 45) and its fill.

    Raises:
        ValueError: a label outside 0 to 9, a negative index, or a size under 8 pixels.
    """
    if label not in range(10):
        raise ValueError(f"a digit is 0 to 9, got {label!r}")
    return _cutout(f"digit {int(label)}", index, size)
