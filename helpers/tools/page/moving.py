"""The page as pictures, drawn from the workbook's study: one that a link to it shows, and a few seconds of moving."""

from __future__ import annotations

import io
from pathlib import Path

import matplotlib
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from helpers.records import write_file
from helpers.tools.page import stored
from helpers.tools.page.describing import RIGHT, WRONG
from helpers.tools.page.subjects import Maps, Subject

OBJECT, SIZE = "demitasse", "75 px, every 2 px"
STEPS, EACH = 48, 90  # frames of the animation, ms
_INK, _SOFT, _PAPER, _LINE = "#1d2329", "#5a646e", "#f6f5f2", "#b9b6af"
_COLOURS = 96  # of the animation: a cup, two maps and text


def preview(out: str | Path, title: str) -> Path:
    """Write the picture that other sites show for a link, 1200 x 630 px; returns its path."""
    subject = _subject()
    says = [network.top1 == list(network.labels).index(network.label) for network in subject.networks]
    only = np.argwhere(~says[0] & says[1])  # where just the twin is right
    place = tuple(only[len(only) // 2].tolist())
    drawn = Image.new("RGB", (1200, 630), _PAPER)
    ImageDraw.Draw(drawn).text((30, 34), title, _INK, _font(52, bold=True))
    drawn.paste(_draw(subject, place, side=360, gap=30), (0, 116))
    return _save(out, drawn, format="PNG")


def animation(out: str | Path) -> Path:
    """Write a GIF of an object that goes round in its frame while two networks say what it is; returns its path."""
    subject = _subject()
    turn = np.linspace(0, 2 * np.pi, STEPS, endpoint=False)
    last = np.array([len(subject.rows), len(subject.cols)]) - 1
    places = (last / 2 * (1 + 0.9 * np.stack([np.sin(turn), np.sin(2 * turn)], axis=1))).round().astype(int)
    frames = [_draw(subject, tuple(place), side=225, gap=14) for place in places.tolist()]
    palette = frames[0].quantize(_COLOURS, dither=Image.Dither.NONE)
    first, *rest = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    return _save(out, first, format="GIF", save_all=True, append_images=rest, duration=EACH, loop=0, optimize=True)


def _subject() -> Subject:
    return next(subject for subject in stored.study([OBJECT]) if subject.name == f"{OBJECT}, {SIZE}")


def _draw(subject: Subject, place: tuple[int, int], *, side: int, gap: int) -> Image.Image:
    """The frame and the answers of its two networks with the object at a place (i, j) of the grid, side by side."""
    size = max(13, side // 16)
    line = int(1.6 * size)
    top, low = 2 * line + size // 2, 2 * line + size // 2 + side
    drawn = Image.new("RGB", (3 * side + 4 * gap, low + line + size // 2), _PAPER)
    pen = ImageDraw.Draw(drawn)
    at = (subject.rows[place[0]], subject.cols[place[1]])
    frame = subject.scene.render(np.array([at]))[0].permute(1, 2, 0).numpy()
    drawn.paste(Image.fromarray(frame).resize((side, side), Image.Resampling.LANCZOS), (gap, top))
    pen.rectangle((gap - 1, top - 1, gap + side, low), outline=_LINE)
    pen.text((gap, top - line), "the frame", _SOFT, _font(size))
    words = f"what is said with the cup at each place; green: {subject.networks[0].label}"
    pen.text((2 * gap + side, low + size // 3), words, _SOFT, _font(int(0.8 * size)))
    for index, network in enumerate(subject.networks):
        left = gap + (index + 1) * (side + gap)
        drawn.paste(Image.fromarray(_answers(network)).resize((side, side), Image.Resampling.NEAREST), (left, top))
        word = str(network.labels[network.top1[place]])
        right = word == network.label
        likely = f" {network.probability[place]:.2f}".replace("0.", ".") if right else ""
        pen.text((left, size // 2), network.title, _SOFT, _font(int(0.8 * size)))
        pen.text((left, top - line), word + likely, RIGHT if right else _INK, _font(size, bold=True))
        y, x = ((axis + 0.5) / count for axis, count in zip(place, network.top1.shape, strict=True))
        _cross(pen, left + x * side, top + y * side, radius=side / 24)
    return drawn


def _answers(network: Maps) -> np.ndarray:
    """uint8 (R, C, 3): the right answer in one colour, the most frequent others in theirs."""
    answers, counts = np.unique(network.top1, return_counts=True)
    names = [str(network.labels[each]) for each in answers]
    wrong = [names[index] for index in np.argsort(-counts) if names[index] != network.label]
    colours = {network.label: RIGHT, **{name: WRONG[min(rank, len(WRONG) - 1)] for rank, name in enumerate(wrong)}}
    table = np.array([matplotlib.colors.to_rgb(colours[name]) for name in names])
    return (255 * table[np.searchsorted(answers, network.top1)]).round().astype(np.uint8)


def _cross(pen: ImageDraw.ImageDraw, x: float, y: float, *, radius: float) -> None:
    for width, colour in ((5, "black"), (2, "white")):
        pen.line((x - radius, y, x + radius, y), colour, width)
        pen.line((x, y - radius, x, y + radius), colour, width)


def _font(size: int, *, bold: bool = False) -> ImageFont.FreeTypeFont:
    """One that comes with matplotlib, so that the pictures are the same everywhere."""
    folder = Path(matplotlib.get_data_path()) / "fonts" / "ttf"
    return ImageFont.truetype(str(folder / f"DejaVuSans{'-Bold' * bold}.ttf"), size)


def _save(out: str | Path, picture: Image.Image, **options: object) -> Path:
    buffer = io.BytesIO()
    picture.save(buffer, **options)
    write_file(Path(out), buffer.getvalue())
    return Path(out)
