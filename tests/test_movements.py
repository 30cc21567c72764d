"""The four ways to move an object, against plain NumPy."""

import numpy as np
import pytest
import torch

from helpers import objects
from helpers.measures import movements


def cutout(size=10):
    rgba = torch.from_numpy(np.random.default_rng(0).integers(0, 256, (4, size, size), dtype=np.uint8))
    return objects.Cutout(rgba, "thing")


def photo(side=60):
    pixels = np.random.default_rng(1).integers(0, 256, (3, side, side), dtype=np.uint8)
    return objects.Photo(torch.from_numpy(pixels), "scenery")


def pasted(background, row, col):
    """uint8 (3, H, W) with the cut-out over it, floor of the exact composite."""
    result = background.astype(np.int64).copy()
    rgba = cutout().rgba.numpy().astype(np.int64)
    window = (slice(None), slice(row, row + 10), slice(col, col + 10))
    result[window] = ((255 - rgba[3]) * result[window] + rgba[3] * rgba[:3]) // 255
    return result.astype(np.uint8)


SHIFTS = torch.tensor([[0, 0], [3, -5], [-8, 8]])


def test_four_ways_against_numpy():
    found = movements.moved(cutout(), SHIFTS, frame=40, background=photo())
    assert tuple(found) == movements.NAMES
    scenery = photo().rgb.numpy()
    still = scenery[:, 10:50, 10:50]
    middle = pasted(still, 15, 15)
    whole = pasted(scenery, 25, 25)
    for k, (down, right) in enumerate(SHIFTS.tolist()):
        rolled = np.roll(middle, (down, right), axis=(1, 2))
        filled = rolled.copy()
        rows, cols = np.indices((40, 40))
        filled[:, ~((0 <= rows - down) & (rows - down < 40) & (0 <= cols - right) & (cols - right < 40))] = 0
        window = whole[:, 10 - down : 50 - down, 10 - right : 50 - right]
        np.testing.assert_array_equal(found["pasted"][k], pasted(still, 15 + down, 15 + right))
        np.testing.assert_array_equal(found["cropped"][k], window)
        np.testing.assert_array_equal(found["zero-filled"][k], filled)
        np.testing.assert_array_equal(found["circular"][k], rolled)


def test_unmoved_all_four_are_the_same_frame():
    found = movements.moved(cutout(), SHIFTS, frame=41, background=photo())
    for batch in found.values():
        assert torch.equal(batch[0], found["pasted"][0])


def test_on_white_three_of_the_four_are_the_same_picture():
    found = movements.moved(cutout(), SHIFTS, frame=40)
    assert torch.equal(found["pasted"], found["cropped"])
    assert torch.equal(found["pasted"], found["circular"])
    assert not torch.equal(found["pasted"], found["zero-filled"])


def test_each_side_has_its_own_room():
    wide = objects.Cutout(torch.full((4, 10, 30), 255, dtype=torch.uint8), "plank")  # 15 rows to go, 5 columns
    found = movements.moved(wide, torch.tensor([[0, 0], [-15, 5], [15, -5]]), frame=40, background="black")
    for batch in found.values():
        for k, (top, left) in enumerate([(15, 5), (0, 10), (30, 0)]):
            expected = torch.zeros(3, 40, 40, dtype=torch.uint8)
            expected[:, top : top + 10, left : left + 30] = 255
            assert torch.equal(batch[k], expected)
    with pytest.raises(ValueError, match="by 6 columns .* use shifts up to 5 columns"):
        movements.moved(wide, torch.tensor([[0, 6]]), frame=40)


def test_bad_input():
    with pytest.raises(ValueError, match="by 16 rows .* off the frame of 40: use shifts up to 15 rows"):
        movements.moved(cutout(), torch.tensor([[0, 0], [16, 0]]), frame=40)
    with pytest.raises(ValueError, match="smaller than the frame"):
        movements.moved(cutout(), torch.tensor([[0, 0], [15, 0]]), frame=40, background=photo(69))
