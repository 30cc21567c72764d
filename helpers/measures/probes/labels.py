"""The questions asked of a position (which half?), and the folds."""

from __future__ import annotations

import numpy as np
from sklearn.model_selection import StratifiedKFold

from helpers.suggestions import nearest

DIVIDES = ("top/bottom", "left/right")


def labels(grid: tuple[int, int], divide: str) -> np.ndarray:
    """Which half each position lies in (paper, experiment 2, whose grids are even).

    The lower (right) half begins at row R // 2 (column C // 2), so on an odd grid it takes the middle line.

    Returns:
        bool (R, C), True in the lower (right) half.

    Raises:
        ValueError: an unknown divide, or a grid with one line only across it.
    """
    axis = _axis(divide)
    if grid[axis] < 2:
        raise ValueError(f"{divide} needs at least two {('rows', 'columns')[axis]} of positions; got {grid[axis]}")
    line = np.arange(grid[axis]) >= grid[axis] // 2
    return np.ascontiguousarray(np.broadcast_to(line[:, None] if axis == 0 else line, grid))


def folds(label_map, *, count: int = 5) -> np.ndarray:
    """The fold in which each position is held out, stratified and *unshuffled*.

    Positions are taken row by row, as the authors' feature files hold them, so each fold is a contiguous run
    of rows of either half: for "top/bottom" one band of the upper and one of the lower half, whole rows never
    seen in training; for "left/right" one band across the frame, of which every *column* was seen in training.
    The two accuracies therefore are answers to different questions.

    Args:
        label_map: bool (R, C).

    Returns:
        int (R, C).

    Raises:
        ValueError: a half has fewer positions than there are folds, or is empty.
    """
    flat = np.asarray(label_map, dtype=bool)
    smaller = min(np.count_nonzero(flat), np.count_nonzero(~flat))
    if count < 2 or smaller < count:
        raise ValueError(
            f"{count} folds: at least 2, and that many positions in the smaller half, which has {smaller}; "
            "take a smaller stride or fewer folds"
        )
    fold = np.empty(flat.size, dtype=np.intp)
    split = StratifiedKFold(count, shuffle=False).split(np.zeros(flat.size), flat.ravel())
    for index, (_, test) in enumerate(split):
        fold[test] = index
    return fold.reshape(flat.shape)


def tiles(grid: tuple[int, int], *, count: int = 5) -> np.ndarray:
    """Folds for finding the position itself: `count` x `count` tiles, tile (i, j) in fold (i + 2 j) % count.

    A Latin square: each fold holds out `count` compact tiles, one in every band of rows and of columns, so a
    training set covers the whole range of both coordinates and yet lacks every position *around* the middle
    of a tile. Ours (spatially blocked cross-validation: Roberts et al., Ecography 40, 2017).

    Returns:
        int (R, C).

    Raises:
        ValueError: fewer than 2 folds, or fewer rows or columns than folds.
    """
    row_band, col_band = bands(grid, count=count)
    return (row_band + 2 * col_band) % count


def bands(grid: tuple[int, int], *, count: int = 5) -> tuple[np.ndarray, np.ndarray]:
    """The band of rows and the band of columns that each position is in, of `count` each: two int (R, C).

    Raises:
        ValueError: fewer than 2 bands, or fewer rows or columns than bands.
    """
    if count < 2 or min(grid) < count:
        raise ValueError(f"{count} tiles a side: needs at least 2, and a grid of at least as many; got {grid}")
    rows, cols = np.indices(grid)
    return rows * count // grid[0], cols * count // grid[1]


def _axis(divide: str) -> int:
    if divide not in DIVIDES:
        raise ValueError(f"unknown divide {divide!r}{nearest(divide, DIVIDES)}")
    return DIVIDES.index(divide)
