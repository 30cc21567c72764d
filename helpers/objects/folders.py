"""A folder of cut-outs: every PNG in it, with its ImageNet class from a table or from its file's name. (Ours.)"""

from __future__ import annotations

import csv
from pathlib import Path

from helpers.objects.cutouts import Cutout, Size, load_png
from helpers.suggestions import nearest

_COLUMNS = ("file", "imagenet_class")


def load_folder(path: str | Path, size: Size | None = None) -> list[Cutout]:
    """The cut-outs in a folder, sorted by file name.

    path: a folder with PNG files. Where it holds a ``labels.csv`` (UTF-8, with the columns ``file`` and
    ``imagenet_class``; others are ignored), labels come from there; for a file that it does not name, and without
    one, from the file's name: ``polar_bear.png`` is a "polar bear" if ImageNet has that class, else without a label.
    size: side or (height, width) in pixels to resize to, as the protocol does (:func:`~helpers.objects.resize`);
    None keeps each file's own.

    Raises FileNotFoundError for a missing folder and for a file that the table names but the folder lacks;
    ValueError for a folder without a PNG, an unreadable one, a table that is not UTF-8 or lacks a column, and a class
    that ImageNet does not have, with the nearest.
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
    return [load_png(file, size, labels.get(file.name, _from_name(file.stem))) for file in files]


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
            use = "the names are torchvision's 1000"
            raise ValueError(
                f"{table}: ImageNet has no class {label!r}, the label of {row['file']}{nearest(label, classes, use)}"
            )
    return {row["file"]: row["imagenet_class"] or None for row in rows}


def _from_name(stem: str) -> str | None:
    words = stem.replace("_", " ").replace("-", " ").casefold()
    return next((label for label in _imagenet() if label.replace("-", " ").casefold() == words), None)


def _imagenet() -> list[str]:
    from torchvision.models._meta import _IMAGENET_CATEGORIES  # here: it takes a second, and few folders need it

    return _IMAGENET_CATEGORIES
