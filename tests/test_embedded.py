"""The embedded objects: the same bytes each time, crisp, held out, and visible on white."""

import numpy as np
import pytest
import torch

from helpers.objects import CLASSES, digit, embedded, silhouette

WHITE_LUMINANCE = 1.0


def any_object(name: str, index: int = 0, size: int = 48):
    return (
        silhouette(name, index, size=size) if name in embedded.SILHOUETTES else digit(int(name[-1]), index, size=size)
    )


def test_classes_are_thirty_silhouettes_then_ten_digits():
    assert len(CLASSES) == len(set(CLASSES)) == 40
    assert CLASSES[30:] == tuple(f"digit {label}" for label in range(10))
    assert set(CLASSES[:30]) == set(embedded.SILHOUETTES)


@pytest.mark.parametrize("name", CLASSES)
def test_every_object_has_its_size_label_and_place(name):
    cutout = any_object(name)
    assert cutout.rgba.dtype == torch.uint8 and cutout.rgba.shape == (4, 48, 48)
    assert cutout.label == name
    alpha = cutout.rgba[3]
    # Tight along the longer side, so a position is the object's and not its margin's. A row that a thin
    # tip crosses has a faint average, hence more than 0.
    rows, cols = alpha.amax(1) > 0, alpha.amax(0) > 0
    assert bool(rows[0] & rows[-1]) or bool(cols[0] & cols[-1])


def test_same_arguments_same_bytes_and_indices_differ():
    for name in ("airplane", "digit 3"):
        first = any_object(name, 2, 40).rgba
        embedded._glyph.cache_clear(), embedded._digits.cache_clear(), embedded.photo.cache_clear()
        assert torch.equal(first, any_object(name, 2, 40).rgba)
        assert not torch.equal(first, any_object(name, 3, 40).rgba)


def test_alpha_is_crisp_at_any_size():
    # An edge one pixel wide: the share of half-transparent pixels falls as 1 / size (the outline grows as
    # the size, the area as its square). A raster enlarged from 48 px would keep its share.
    for name in ("airplane", "star", "digit 2"):
        shares = []
        for size in (48, 96, 192, 384):
            alpha = any_object(name, 0, size).rgba[3].numpy()
            shares.append(((alpha > 12) & (alpha < 243)).mean())
        for finer, coarser in zip(shares[1:], shares[:-1], strict=True):
            assert finer < 0.65 * coarser, (name, shares)


def test_aspect_is_kept_inside_the_square():
    alpha = silhouette("keyboard", 0, size=96).rgba[3]
    rows = int((alpha.amax(1) > 127).sum())
    assert int((alpha.amax(0) > 127).sum()) >= 94
    # The glyph is about twice as wide as tall; it is rotated by up to 6 degrees.
    assert 35 <= rows <= 75
    top = int((alpha.amax(1) > 127).int().argmax())
    assert abs(top - (96 - top - rows)) <= 1, "centred"


def test_every_fill_stands_out_from_white():
    weights = torch.tensor(embedded.LUMINANCE).view(3, 1, 1)
    for name in CLASSES:
        for index in range(2):
            rgba = any_object(name, index).rgba.float() / 255
            inside = rgba[3] > 0.5
            luminance = (rgba[:3] * weights).sum(0)[inside]
            # Target at most 0.5, deviation at most 0.2; saturated colours clipped at 0 or 1 can add a little.
            assert luminance.mean() < 0.6
            assert luminance.max() < 0.8


def test_tone_sets_the_luminance_and_bounds_the_contrast():
    fill = torch.rand(3, 16, 16, generator=torch.Generator().manual_seed(0))
    weights = torch.tensor(embedded.LUMINANCE)
    grey = fill.mean(0, keepdim=True).expand(3, -1, -1)
    target = torch.tensor(0.5)
    toned = embedded.tone(grey, mean=(grey.mean((1, 2)) * weights).sum(), target=target)
    # Grey has no colour to clip: the luminance is the target plus the clamped deviation, exactly.
    expected = 0.5 + (grey[0] - grey.mean()).clamp(-0.2, 0.2)
    torch.testing.assert_close(toned[0], expected)


def test_training_and_evaluation_share_no_photo_column_and_no_digit():
    for name in embedded.PHOTOS:
        whole = embedded.photo(name)
        left, right = embedded.photo_part(name, held_out=False), embedded.photo_part(name, held_out=True)
        assert left.shape[1] + right.shape[1] == whole.shape[1]
        assert np.array_equal(np.concatenate([left, right], axis=1), whole)
    for label in range(10):
        kept, out = embedded.digit_count(label, held_out=False), embedded.digit_count(label, held_out=True)
        assert kept + out == len(embedded._digits(label)) and out >= 40


def test_digits_start_again_after_the_last_with_another_fill():
    count = embedded.digit_count(4, held_out=True)
    first, again = digit(4, 0).rgba, digit(4, count).rgba
    assert torch.equal(first[3], again[3]) and not torch.equal(first[:3], again[:3])


def test_photos_state_their_licence():
    assert all(
        licence.startswith(("CC BY", "CC0", "public domain")) for _, licence in embedded.PHOTOS.values()
    )
    assert embedded.photo("china.jpg").shape == (427, 640, 3)


def test_errors_name_the_value_and_the_remedy():
    with pytest.raises(ValueError, match="'airplan'; did you mean 'airplane'"):
        silhouette("airplan")
    with pytest.raises(ValueError, match="0 to 9, got 10"):
        digit(10)
    with pytest.raises(ValueError, match="index -1"):
        digit(1, -1)
    with pytest.raises(ValueError, match="size 4"):
        silhouette("star", 0, size=4)
