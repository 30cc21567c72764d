"""Cut-outs and photos from files: alpha kept, the protocol's resize, and errors that name the file."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from helpers import objects
from helpers.objects import Cutout, Photo, cutouts, resize


def resized_slowly(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """Bilinear with half-pixel centres and clamped edges, one pixel at a time in float64; (h, w, C)."""
    out = np.empty((height, width, image.shape[2]))
    for i in range(height):
        y = min(max((i + 0.5) * image.shape[0] / height - 0.5, 0), image.shape[0] - 1)
        for j in range(width):
            x = min(max((j + 0.5) * image.shape[1] / width - 0.5, 0), image.shape[1] - 1)
            top, left = int(y), int(x)
            low, right = min(top + 1, image.shape[0] - 1), min(left + 1, image.shape[1] - 1)
            dy, dx = y - top, x - left
            above = (1 - dx) * image[top, left] + dx * image[top, right]
            below = (1 - dx) * image[low, left] + dx * image[low, right]
            out[i, j] = (1 - dy) * above + dy * below
    return out


@pytest.mark.parametrize("size", [(9, 5), (20, 31), (4, 40)])
def test_resize_is_bilinear_with_half_pixel_centres(size):
    image = np.random.default_rng(1).integers(0, 256, (13, 17, 3), dtype=np.uint8)
    ours = resize(torch.from_numpy(image).permute(2, 0, 1), size).permute(1, 2, 0).numpy()
    # Half a grey level is the rounding to integers; 1e-6 the arithmetic.
    assert abs(ours - resized_slowly(image.astype(float), *size)).max() <= 0.5 + 1e-6


def test_resize_by_hand():
    # Two pixels stretched to four: centres at 0.25, 0.75, 1.25, 1.75 of the old pixels, less a half.
    line = torch.tensor([[[0, 200]]], dtype=torch.uint8)
    assert resize(line, (1, 4)).flatten().tolist() == [0, 50, 150, 200]


def test_png_keeps_alpha_and_an_opaque_one_is_opaque(tmp_path):
    rgba = np.random.default_rng(2).integers(1, 256, (6, 7, 4), dtype=np.uint8)
    Image.fromarray(rgba).save(tmp_path / "with.png")
    Image.fromarray(rgba[..., :3]).save(tmp_path / "without.png")
    kept = objects.load_png(tmp_path / "with.png", label="thing")
    assert np.array_equal(kept.rgba.permute(1, 2, 0), rgba)
    assert (kept.name, kept.label, kept.size) == ("with", "thing", (6, 7))
    opaque = objects.load_png(tmp_path / "without.png")
    assert (opaque.rgba[3] == 255).all()
    assert np.array_equal(opaque.rgba[:3].permute(1, 2, 0), rgba[..., :3])


def test_palette_png_with_transparency(tmp_path):
    image = Image.new("P", (3, 2), 0)
    image.putpalette([255, 0, 0, 0, 255, 0])
    image.putpixel((2, 1), 1)
    image.save(tmp_path / "palette.png", transparency=0)
    alpha = objects.load_png(tmp_path / "palette.png").rgba[3]
    assert alpha.tolist() == [[0, 0, 0], [0, 0, 255]]


def test_photo(tmp_path):
    rgb = np.random.default_rng(3).integers(0, 256, (8, 9, 3), dtype=np.uint8)
    Image.fromarray(rgb).save(tmp_path / "photo.png")
    assert np.array_equal(objects.load_photo(tmp_path / "photo.png").rgb.permute(1, 2, 0), rgb)
    assert objects.load_photo(tmp_path / "photo.png", size=(4, 6)).size == (4, 6)


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / "empty.png").write_bytes(b"")
    (tmp_path / "text.png").write_text("not an image")
    whole = tmp_path / "whole.png"
    Image.fromarray(np.random.default_rng(4).integers(0, 256, (64, 64, 3), dtype=np.uint8)).save(whole)
    (tmp_path / "cut.png").write_bytes(whole.read_bytes()[:2000])
    for name in ("empty.png", "text.png", "cut.png"):
        with pytest.raises(ValueError, match=name):
            objects.load_png(tmp_path / name)
    with pytest.raises(FileNotFoundError, match=r"missing\.png"):
        objects.load_png(tmp_path / "missing.png")


def test_a_fully_transparent_object_is_refused(tmp_path):
    Image.new("RGBA", (5, 5), (255, 0, 0, 0)).save(tmp_path / "ghost.png")
    with pytest.raises(ValueError, match=r"ghost.*fully transparent"):
        objects.load_png(tmp_path / "ghost.png")


def test_shapes_and_dtypes_are_checked():
    with pytest.raises(ValueError, match="uint8"):
        Cutout(torch.zeros(4, 3, 3), "floats")
    with pytest.raises(ValueError, match=r"\(3, 3, 3\)"):
        Cutout(torch.zeros(3, 3, 3, dtype=torch.uint8), "rgb")
    with pytest.raises(ValueError, match=r"\(4, 3, 3\)"):
        Photo(torch.zeros(4, 3, 3, dtype=torch.uint8), "rgba")
    with pytest.raises(ValueError, match="0"):
        resize(torch.zeros(3, 3, 3, dtype=torch.uint8), 0)


def test_objects_by_name(tmp_path):
    assert objects.load("digit 3").label == "digit 3"
    assert objects.load("airplane", 20).size == (20, 20)
    assert not torch.equal(objects.load("airplane#1").rgba, objects.load("airplane").rgba)
    Image.new("RGBA", (5, 4), (255, 0, 0, 255)).save(tmp_path / "own.png")
    assert objects.load(str(tmp_path / "own.png")).size == (4, 5)
    with pytest.raises(ValueError, match=r"airplan'; did you mean 'airplane'"):
        objects.load("airplan")


def test_the_authors_objects_by_name(shared):
    berry, plane = objects.load("berry"), objects.load("plane")
    assert (berry.size, berry.label) == ((100, 100), "strawberry")
    assert (plane.size, plane.label) == ((356, 356), "warplane")


def test_sixteen_bits_of_grey_keep_their_shades(tmp_path):
    ramp = np.arange(0, 65536, 257, dtype=np.uint16).reshape(16, 16)
    Image.fromarray(ramp).save(tmp_path / "deep.png")
    for loaded in (objects.load_png(tmp_path / "deep.png").rgba[:3], objects.load_photo(tmp_path / "deep.png").rgb):
        assert (loaded == torch.arange(256, dtype=torch.uint8).view(16, 16)).all()


def test_photos_stand_as_the_camera_was_held(tmp_path):
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    Image.new("RGB", (30, 20), (9, 9, 9)).save(tmp_path / "turned.jpg", exif=exif)
    assert objects.load_photo(tmp_path / "turned.jpg").size == (30, 20)


@pytest.mark.parametrize("size", [3.5, "48", (3,), (3, 4, 5), (3.0, 4)])
def test_sizes_that_are_none_are_named(size):
    with pytest.raises(ValueError, match="size .* is not a side or \\(height, width\\)"):
        resize(torch.zeros(3, 3, 3, dtype=torch.uint8), size)


def test_an_embedded_object_may_have_two_sides():
    assert objects.load("airplane", (48, 40)).size == (48, 40)
    assert objects.load("airplane", np.int64(20)).size == (20, 20)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
@pytest.mark.parametrize("size", [(7, 40), (61, 5)])
def test_what_is_read_of_a_file_for_a_size_is_the_whole_resized(tmp_path, mode, size):
    draw = np.random.default_rng(0)
    if mode == "I;16":
        image = Image.fromarray(draw.integers(0, 65536, (23, 31)).astype(np.uint16))
    else:
        image = Image.fromarray(draw.integers(0, 256, (23, 31, 4)).astype(np.uint8)).convert(mode)
    path = tmp_path / ("a.tif" if mode == "CMYK" else "a.png")
    image.save(path, **({"transparency": 3} if mode == "P" else {}))
    whole = cutouts.read(path, "RGBA")
    assert torch.equal(cutouts.read(path, "RGBA", size), objects.resize(whole, size))


def test_memory_is_bounded_by_the_size_asked_for(tmp_path):
    pytest.importorskip("resource")
    Image.new("L", (13_000, 6_500), 9).save(tmp_path / "large.png")
    code = (
        "import resource, sys; from helpers import objects; usage = lambda: resource.getrusage(resource.RUSAGE_SELF);"
        "before = usage().ru_maxrss; objects.load(sys.argv[1], 48); print(usage().ru_maxrss - before)"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, "-c", code, str(tmp_path / "large.png")], capture_output=True, cwd=root)
    unit = 1 if sys.platform == "darwin" else 1024
    assert int(done.stdout) * unit < 3 * 13_000 * 6_500  # its 84 MB as Pillow decodes them, and little besides


@pytest.mark.parametrize("chunk", ["text", "profile"])
def test_a_png_with_large_chunks_is_refused_by_its_path(tmp_path, chunk):
    path, more = tmp_path / "large.png", {}
    if chunk == "text":
        more["pnginfo"] = PngInfo()
        more["pnginfo"].add_text("note", "x" * 2_000_000, zip=True)
    else:
        more["icc_profile"] = bytes(2_000_000)
    Image.new("RGB", (4, 4)).save(path, **more)
    with pytest.raises(ValueError, match=r"large\.png is .* not a readable image"):
        objects.load(str(path))
