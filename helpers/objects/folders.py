"""A folder of cut-outs, with their ImageNet classes from a table or from the files' names (ours)."""

from __future__ import annotations

import csv
from pathlib import Path

from helpers.objects.cutouts import Cutout, Size, load_png
from helpers.suggestions import nearest

_COLUMNS = ("file", "imagenet_class")


def load_folder(path: str | Path, size: Size | None = None) -> list[Cutout]:
    """The cut-outs in a folder, sorted by file name.

    Labels come from a table ``labels.csv`` in the folder (UTF-8, with the columns ``file`` and ``imagenet_class``,
    others ignored), or, if that does not name a file or is not there, from the file's name: ``ice_bear.png`` is an
    "ice bear", and a name that is no class of ImageNet gives no label.

    Args:
        path: a folder with PNG files.
        size: side or (height, width) in pixels to resize to, as in the protocol; None keeps each file's own.

    Raises:
        FileNotFoundError: no such folder, or a file that the table names and the folder lacks.
        ValueError: a folder without a PNG, an unreadable one, a table that is not UTF-8 or lacks a column, or a
            class that ImageNet does not have, with the nearest.
    """
    folder = Path(path)
    if not folder.is_dir():
        raise FileNotFoundError(f"no folder at {folder}: give the path of one with PNG files")
    files = sorted(file for file in folder.iterdir() if file.suffix.lower() == ".png")
    if not files:
        raise ValueError(f"{folder} holds no PNG file: cut-outs are PNG files with an alpha channel")
    table = folder / "labels.csv"
    labels = _read(table) if table.is_file() else {}
    if missing := sorted(set(labels) - {file.name for file in files}):
        raise FileNotFoundError(f"{table} names {missing[0]}, which is not in that folder")
    return [load_png(file, size, label=labels.get(file.name, _from_name(file.stem))) for file in files]


def _read(table: Path) -> dict[str, str | None]:
    try:
        reader = csv.DictReader(table.read_text(encoding="utf-8-sig").splitlines())
        columns, rows = reader.fieldnames or [], list(reader)
    except (UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{table} is not a table in UTF-8 ({error}): save it as CSV in that encoding") from error
    if lacking := [column for column in _COLUMNS if column not in columns]:
        raise ValueError(f"{table} lacks the column {lacking[0]!r}; its first line must name {' and '.join(_COLUMNS)}")
    classes = _imagenet()
    for row in rows:
        label = row["imagenet_class"]
        if label and label not in classes:
            rest = nearest(label, classes, otherwise="the names are torchvision's 1000")
            raise ValueError(f"{table}: ImageNet has no class {label!r}, the label of {row['file']}{rest}")
    return {row["file"]: row["imagenet_class"] or None for row in rows}


def _from_name(stem: str) -> str | None:
    words = stem.replace("_", " ").replace("-", " ").casefold()
    return next((label for label in _imagenet() if label.replace("-", " ").casefold() == words), None)


def _imagenet() -> list[str]:
    from torchvision.models._meta import _IMAGENET_CATEGORIES  # slow to import

    return _IMAGENET_CATEGORIES
