"""Scenes against the authors' frames, an independent NumPy rendering, and hand-computed positions."""

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import objects, shifting
from helpers.objects import Cutout, Photo
from helpers.similarity import anchors


def photo(height: int, width: int, seed: int = 0) -> Photo:
    rng = np.random.default_rng(seed)
    return Photo(torch.from_numpy(rng.integers(0, 256, (3, height, width), dtype=np.uint8)), "noise")


def every_position(scene: shifting.Scene) -> torch.Tensor:
    return torch.cartesian_prod(*shifting.positions(scene.grid))


def pasted_slowly(cutout: Cutout, back: np.ndarray, row: int, col: int) -> np.ndarray:
    """(H, W, 3) in float64, as the paper composites: (1 - alpha) * background + alpha * object."""
    frame = back.astype(np.float64)
    rgba = cutout.rgba.permute(1, 2, 0).numpy().astype(np.float64)
    height, width = rgba.shape[:2]
    alpha = rgba[..., 3:] / 255
    patch = frame[row : row + height, col : col + width]
    frame[row : row + height, col : col + width] = (1 - alpha) * patch + alpha * rgba[..., :3]
    # 1e-6: a product that is an integer in exact arithmetic may come out a rounding error below it.
    return np.floor(frame + 1e-6).astype(np.uint8)


@pytest.mark.parametrize("background", ["white", (10, 200, 31), "photo"])
def test_paste_equals_a_slow_rendering_at_every_position(disc, background):
    back = photo(30, 25)
    scene = shifting.Paste(disc, frame=(30, 25), background=back if background == "photo" else background)
    assert scene.grid == (30 - 12 + 1, 25 - 10 + 1)
    plain = {"white": (255, 255, 255), "photo": None}.get(background, background)
    canvas = back.rgb.permute(1, 2, 0).numpy() if plain is None else np.full((30, 25, 3), plain, np.uint8)
    places = every_position(scene)
    for frame, (row, col) in zip(scene.render(places), places.tolist(), strict=True):
        np.testing.assert_array_equal(frame.permute(1, 2, 0), pasted_slowly(disc, canvas, row, col))


def test_crop_is_the_window(disc):
    image = photo(20, 17)
    scene = shifting.Crop(image, frame=(8, 9))
    assert scene.grid == (13, 9)
    places = every_position(scene)
    for frame, (row, col) in zip(scene.render(places), places.tolist(), strict=True):
        assert torch.equal(frame, image.rgb[:, row : row + 8, col : col + 9])


def test_roll_moves_by_the_position_less_the_reach():
    image = photo(12, 12)
    circular = shifting.Roll(image, frame=12, reach=3)
    zeros = shifting.Roll(image, frame=12, reach=3, boundary="zeros")
    places = every_position(circular)
    for frame, dark, (row, col) in zip(
        circular.render(places), zeros.render(places), places.tolist(), strict=True
    ):
        down, right = row - 3, col - 3
        assert torch.equal(frame, image.rgb.roll((down, right), (1, 2)))
        expected = torch.zeros_like(image.rgb)
        inside = image.rgb[:, max(-down, 0) : 12 - max(down, 0), max(-right, 0) : 12 - max(right, 0)]
        expected[:, max(down, 0) : 12 + min(down, 0), max(right, 0) : 12 + min(right, 0)] = inside
        assert torch.equal(dark, expected)


def test_grid_of_the_paper():
    for side, count in ((75, 150), (125, 100)):
        cutout = Cutout(torch.full((4, side, side), 255, dtype=torch.uint8), "square")
        assert shifting.Paste(cutout).grid == (count, count)


@pytest.mark.parametrize("anchor", ["tl", "tr", "c", "bl", "br"])
def test_published_anchor_frames(shared, anchor):
    scenes = {
        "berry": shifting.Paste(objects.load("berry")),
        "plane": shifting.Crop(objects.load("plane")),
    }
    for name, scene in scenes.items():
        at = torch.tensor([anchors(scene.grid)[anchor]])
        with Image.open(shared / f"objects/anchors/{name}_{anchor}.png") as image:
            theirs = np.asarray(image.convert("RGB")).astype(int)
        ours = scene.render(at)[0].permute(1, 2, 0).numpy().astype(int)
        # One grey level: OpenCV's resize on uint8 works in fixed point, ours in floating point.
        assert abs(ours - theirs).max() <= 1


def test_published_frame_bit_for_bit_with_opencvs_resize(shared):
    cv2 = pytest.importorskip("cv2", reason="OpenCV is only needed for this comparison")
    with Image.open(shared / "objects/berry_rgba.png") as image:
        rgba = cv2.resize(np.asarray(image.convert("RGBA")), (100, 100), interpolation=cv2.INTER_LINEAR)
    scene = shifting.Paste(Cutout(torch.from_numpy(rgba).permute(2, 0, 1).contiguous(), "berry"))
    with Image.open(shared / "objects/anchors/berry_c.png") as image:
        theirs = np.asarray(image.convert("RGB"))
    assert np.array_equal(scene.render(torch.tensor([[62, 62]]))[0].permute(1, 2, 0), theirs)


def test_rendering_leaves_the_object_alone(disc):
    before = disc.rgba.clone()
    scene = shifting.Paste(disc, frame=20)
    first = scene.render(torch.tensor([[0, 0]]))
    first.zero_()
    assert torch.equal(disc.rgba, before)
    assert scene.render(torch.tensor([[0, 0]])).any()


def test_positions_at_a_stride():
    rows, cols = shifting.positions((7, 4), 3)
    assert rows.tolist() == [0, 3, 6] and cols.tolist() == [0, 3]
    assert rows.dtype == torch.long


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda disc: shifting.Paste(disc, frame=11), ["disc", "12 x 10", "11 x 11"]),
        (lambda disc: shifting.Paste(disc, background="whit"), ["whit", "white"]),
        (lambda disc: shifting.Paste(disc, background=(0, 0, 256)), ["256"]),
        (lambda disc: shifting.Paste(disc, frame=32, background=photo(31, 40)), ["31 x 40", "32 x 32"]),
        (lambda disc: shifting.Crop(photo(10, 40), frame=11), ["10 x 40", "11 x 11"]),
        (lambda disc: shifting.Roll(photo(9, 9), frame=9, boundary="circle"), ["circle", "circular"]),
        (lambda disc: shifting.Roll(photo(9, 9), frame=9, reach=10), ["10", "9 x 9"]),
        (lambda disc: shifting.positions((5, 5), 0), ["0"]),
        (lambda disc: shifting.positions((5, 5), 1.5), ["1.5"]),
        (lambda disc: shifting.Paste(disc).render(torch.tensor([[0, 215]])), ["(0, 215)", "214"]),
        (lambda disc: shifting.Paste(disc).render(torch.tensor([[-1, 0]])), ["(-1, 0)"]),
        (lambda disc: shifting.Paste(disc).render(torch.tensor([[0.5, 0]])), ["float"]),
    ],
)
def test_bad_input_is_named(disc, make, words):
    with pytest.raises(ValueError) as error:
        make(disc)
    for word in words:
        assert word in str(error.value)
