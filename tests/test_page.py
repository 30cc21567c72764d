"""The interactive page: what it is made of, without a browser. What it does is tested in test_page_browser."""

import base64
import json
import re
import zlib
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers import networks, similarity
from helpers.features import Features
from helpers.measures import study
from helpers.measures.published.data import LABELS
from helpers.networks import KINDS
from helpers.objects import Cutout, Photo
from helpers.shifting import Crop, Paste, Roll
from helpers.tools import page as interactive
from helpers.tools.page import compress, describing, moving, pages, sources, stored, subjects


def _smooth(rows, cols, dimensions, seed=0, noise=0.05):
    """Features as networks give them: smooth over positions, some noise, a common part."""
    draw = torch.Generator().manual_seed(seed)
    coarse = torch.randn(1, dimensions, 3, 3, generator=draw)
    fine = torch.nn.functional.interpolate(coarse, (rows, cols), mode="bicubic")[0].permute(1, 2, 0)
    return fine + 0.5 + noise * torch.randn(rows, cols, dimensions, generator=draw)


def _exact(features):
    """All cosines (P, P), the slow path: float64, pair by pair."""
    vectors = features.reshape(-1, features.shape[-1]).double().numpy()
    return np.array([[a @ b / np.sqrt((a @ a) * (b @ b)) for b in vectors] for a in vectors])


@pytest.mark.parametrize(
    "features",
    [
        _smooth(7, 9, 30),
        _smooth(6, 6, 300),  # more dimensions than positions
        torch.randn(8, 7, 12, generator=torch.Generator().manual_seed(1)),  # negative cosines, no smoothness
        torch.ones(5, 6, 20) * torch.arange(1, 31).reshape(5, 6, 1),  # all parallel
        torch.eye(25).reshape(5, 5, 25),  # all orthogonal
    ],
    ids=["smooth", "wide", "random", "parallel", "orthogonal"],
)
def test_every_cosine_is_within_the_bound(features, monkeypatch):
    monkeypatch.setattr(compress, "_BLOCK", 16)  # so that all of them take several
    packed = compress.pack(features)
    exact = _exact(features)
    rows, cols, _ = features.shape
    found = np.stack([packed.cosines((i, j)).ravel() for i in range(rows) for j in range(cols)])
    error = np.abs(found - exact).max()
    assert error <= compress.BOUND
    assert packed.error == pytest.approx(error, abs=1e-12)  # what is printed is what is so
    assert packed.lowest == pytest.approx(exact.min(), abs=1e-12)
    assert (np.diag(found) == 1).all() and np.abs(found).max() <= 1


def test_parallel_features_need_one_axis():
    packed = compress.pack(torch.ones(4, 4, 9) * 3)
    assert packed.codes.shape == (1, 4, 4) and packed.error < 1e-4


def test_it_is_smaller_and_uses_the_room_under_the_bound():
    features = _smooth(30, 30, 64, noise=0.02)
    packed = compress.pack(features)
    assert compress.BOUND / 2 < packed.error <= compress.BOUND
    assert len(compress.to_bytes(packed.codes)) < features.numel() * 4 / 5


def test_a_bound_that_cannot_be_kept_is_an_error():
    with pytest.raises(ValueError, match=r"demo, fc6: cosines are off by .* above the bound of 1e-09"):
        compress.pack(_smooth(6, 6, 8), layer="demo, fc6", bound=1e-9)
    broken = _smooth(6, 6, 8)
    broken[2, 5] = 0
    with pytest.raises(ValueError, match=r"fc6 at position \(2, 5\) is zero"):
        compress.pack(broken, layer="fc6")


def _unpacked(text, k, rows, cols):
    """to_bytes undone as numbers.js does it."""
    low, high = np.frombuffer(zlib.decompress(base64.b64decode(text)), np.uint8).reshape(2, -1)
    folded = (low.astype(int) | high.astype(int) << 8).reshape(k, rows, cols)
    codes = np.zeros((k, rows, cols), np.int16)
    for plane, i, j in np.ndindex(codes.shape):
        left, above = (int(codes[plane, i, j - 1]) if j else 0), (int(codes[plane, i - 1, j]) if i else 0)
        value = int(folded[plane, i, j])
        rest = value // 2 if value % 2 == 0 else -(value + 1) // 2
        codes[plane, i, j] = (rest + (left + above) // 2 + 32768) % 65536 - 32768
    return codes


def test_bytes_and_back():
    codes = np.random.default_rng(0).integers(-32768, 32768, (3, 5, 7)).astype(np.int16)  # differences wrap
    text = base64.b64encode(compress.to_bytes(codes))
    np.testing.assert_array_equal(_unpacked(text, 3, 5, 7), codes)


def test_small_codes_of_either_sign_take_little_room():
    """White noise of -1, 0, 1 has log2(3) bits a code; over neighbours' mean more, and deflate adds a tenth."""
    codes = np.random.default_rng(0).integers(-1, 2, (8, 60, 60)).astype(np.int16)
    bits = 8 * len(compress.to_bytes(codes)) / codes.size
    assert np.log2(3) < bits < 2.7  # 3.5 where high bytes follow the sign


# --- subjects


def _network(title="net, off-the-shelf", antialiased=False, labels=("cat", "dog", "<i>owl</i>")):
    return SimpleNamespace(
        name="net", title=title, antialiased=antialiased, weights="random", labels=list(labels), logits="fc",
        class_index=list(labels).index,
    )  # fmt: skip


def _scene(name="cat", label="cat", background="white"):
    rgba = torch.randint(0, 256, (4, 6, 5), generator=torch.Generator().manual_seed(2), dtype=torch.uint8)
    rgba[3, 1:4, 1:4] = 255
    return Paste(Cutout(rgba, name, label), frame=(16, 18), background=background)


def _features(seed=0, scene=None, title="net, off-the-shelf", **options):
    scene = scene or _scene()
    rows, cols = (torch.arange(side) for side in scene.grid)
    layers = {"fc6": _smooth(len(rows), len(cols), 16, seed), "fc": _smooth(len(rows), len(cols), 3, seed + 9)}
    return Features(layers, rows, cols, _network(title, **options), scene)


def _pixels(part, blocks):
    data = zlib.decompress(base64.b64decode(blocks.texts[int(part["data"])]))
    return np.frombuffer(data, np.uint8).reshape(*part["size"], 4)


@pytest.mark.parametrize("kind", ["white", "photo", "crop", "roll"])
def test_the_page_can_make_the_frames(kind):
    """A window of the canvas, over the photo where there is one, is the scene's frame."""
    draw = torch.Generator().manual_seed(3)
    photo = Photo(torch.randint(0, 256, (3, 30, 31), generator=draw, dtype=torch.uint8), "photo")
    scene = {
        "white": _scene(), "photo": _scene(background=photo), "crop": Crop(photo, (16, 18)),
        "roll": Roll(photo, (16, 18), reach=4),
    }[kind]  # fmt: skip
    blocks = describing.Blocks()
    picture = describing._picture(scene, blocks)
    canvas = _pixels(picture["canvas"], blocks).astype(float)
    height, width = scene.frame
    for row, col in [(0, 0), (3, 5), (scene.grid[0] - 1, scene.grid[1] - 1)]:
        top, left = (picture["start"][axis] + picture["step"] * (row, col)[axis] for axis in (0, 1))
        window = canvas[top : top + height, left : left + width]
        assert window.shape[:2] == (height, width)
        under = _pixels(picture["photo"], blocks)[..., :3] if picture["photo"] else 255
        alpha = window[..., 3:] / 255
        made = np.floor(alpha * window[..., :3] + (1 - alpha) * under + 1e-9)
        exact = scene.render(torch.tensor([[row, col]]))[0].permute(1, 2, 0).numpy()
        np.testing.assert_array_equal(made, exact)


def test_a_subject_with_answers():
    features = _features()
    blocks = describing.Blocks()
    (subject,) = subjects.from_features([features, _features(1, title="net, anti-aliased", antialiased=True)])
    described = describing.describe(subject, blocks)
    assert described["rows"] == [0, 1, 11] and described["cols"] == [0, 1, 14]
    first = described["networks"][0]
    assert [layer["name"] for layer in first["layers"]] == ["answers", "P(cat)", "fc6", "fc"]
    logits = features.layers["fc"].double().numpy()
    exact = np.exp(logits[..., 0]) / np.exp(logits).sum(-1)
    answers, probability = first["layers"][:2]
    shown = _unpacked(blocks.texts[int(probability["data"])], 1, 11, 14)[0] * probability["step"]
    np.testing.assert_allclose(shown, exact, atol=1e-4 + 1e-7)  # half a step of 2e-4, and float32
    assert probability["error"] == 1e-4
    names = np.array(answers["labels"])
    said = names[_unpacked(blocks.texts[int(answers["data"])], 2, 11, 14)]
    order = np.argsort(-logits, axis=-1)
    for rank in (0, 1):  # the likeliest, and the next
        assert (said[rank] == np.array(["cat", "dog", "<i>owl</i>"])[order[..., rank]]).all()
    assert names[answers["right"]] == "cat" and answers["known"]
    likely = _unpacked(blocks.texts[int(first["likely"]["data"])], 2, 11, 14) * first["likely"]["step"]
    chances = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    np.testing.assert_allclose(likely, -np.sort(-np.moveaxis(chances, -1, 0), axis=0)[:2], atol=1e-4 + 1e-7)
    assert described["size"] == [6, 5]  # what moves in the frame


def test_features_at_different_positions():
    other = _features()
    other = Features({}, other.rows[::2], other.cols, other.network, other.scene)
    with pytest.raises(ValueError, match="'cat' are at different positions"):
        subjects.from_features([_features(), other])
    with pytest.raises(ValueError, match="at least one object"):
        pages.write("page.html", [])


def test_maps_known_at_anchors_only():
    draw = np.random.default_rng(0)
    by_anchor = {anchor: draw.uniform(-0.3, 1, (4, 6)) for anchor in ("c", "tl")}
    maps = subjects.Maps("published", "theirs", {"fc6": by_anchor}, label="cat", note="five only")
    blocks = describing.Blocks()
    subject = subjects.Subject(
        name="thing", rows=range(0, 8, 2), cols=range(0, 12, 2), frame=(16, 16), networks=[maps], size=(4, 4)
    )
    (network,) = describing.describe(subject, blocks)["networks"]
    (layer,) = network["layers"]
    assert layer["anchors"] == ["tl", "c"] and layer["error"] == 1e-3
    shown = _unpacked(blocks.texts[int(layer["data"])], 2, 4, 6) * layer["step"]
    for plane, anchor in zip(shown, layer["anchors"], strict=True):
        assert np.abs(plane - by_anchor[anchor]).max() <= layer["error"] + 1e-12


# --- the file


class _Elements(HTMLParser):
    def __init__(self):
        super().__init__()
        self.tags, self.links, self.inside, self.texts = [], [], None, {}

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        attributes = dict(attributes)
        self.links += [attributes[name] for name in ("src", "href") if attributes.get(name)]
        self.inside = attributes.get("id") if tag == "script" else None

    def handle_data(self, data):
        if self.inside:
            self.texts[self.inside] = self.texts.get(self.inside, "") + data

    def handle_endtag(self, tag):
        self.inside = None


HOSTILE = "</script><script>alert(1)</script><img src=x onerror=alert(2)>"


@pytest.fixture(scope="module")
def written(tmp_path_factory) -> Path:
    hostile = _features(3, _scene(HOSTILE, "<i>owl</i>"), title='<u>net</u> & "co"')
    return interactive.page([_features(), hostile], tmp_path_factory.mktemp("page") / "deep" / "page.html")


def test_the_page_stands_alone(written):
    parsed = _Elements()
    parsed.feed(written.read_text("utf-8"))
    assert [link for link in parsed.links if not link.startswith("data:")] == []
    assert "img" not in parsed.tags and "u" not in parsed.tags and "i" in parsed.tags  # i: the legend's
    page = json.loads(parsed.texts["page"])
    assert page["subjects"][1]["name"] == HOSTILE
    assert page["error"] <= page["bound"] == 2e-3
    assert set(page["palettes"]) >= {"cividis", "viridis", "hot"}
    assert all(len(colours) == 256 for colours in page["palettes"].values())
    data = {layer["data"] for one in page["subjects"] for net in one["networks"] for layer in net["layers"]}
    assert {f"data-{name}" for name in data} <= set(parsed.texts)


def test_it_says_how_exact_it_is_and_from_what(written):
    text = written.read_text("utf-8")
    error = json.loads(re.search(r'id="page">(.*?)</script>', text).group(1))["error"]
    footer = text[text.index("How exact") : text.index("</footer>")]
    assert f"<strong>{error:.4g}</strong>" in footer and "the bound 0.002" in footer and f"{154**2:,} pairs" in footer
    assert "Python 3." in footer and "torch" in footer and "commit" in footer and "random" in footer
    assert "&lt;u&gt;net&lt;/u&gt; &amp;" in footer


def test_a_page_above_the_bound_is_not_written(tmp_path, monkeypatch):
    exact = compress.pack
    monkeypatch.setattr(
        compress, "pack", lambda *a, **k: compress.Packed(**{**vars(exact(*a, **k)), "error": 0.0021})
    )  # as if the search had returned it
    with pytest.raises(ValueError, match=r"error of a cosine is 0.0021, above the bound of 0.002"):
        interactive.page([_features()], tmp_path / "page.html")
    assert not (tmp_path / "page.html").exists()


# --- where it comes from


def test_published_maps(shared):
    berry, plane = stored.published()
    assert (len(berry.rows), len(plane.rows)) == (125, 133)
    kinds = [f"{name}, {kind}" for name in ("AlexNet", "VGG16", "ResNet-50", "MobileNetV2") for kind in KINDS.values()]
    for subject in (berry, plane):
        assert [each.title for each in subject.networks] == kinds
    alexnet = berry.networks[0]
    assert list(alexnet.layers) and set(alexnet.layers["fc6"]) == set(similarity.ANCHORS)
    assert alexnet.label == "strawberry" and alexnet.probability.shape == (125, 125)
    assert alexnet.layers["fc6"]["c"][62, 62] == pytest.approx(1, abs=1e-6)
    assert berry.scene.grid == (125, 125) and plane.scene.grid == (133, 133)
    assert berry.size == (100, 100) and plane.size == (0, 0)  # the berry moves; over the plane's photo the frame does


def test_embedded_networks_say_where_they_were_trained():
    subject = sources.embedded(stride=40)
    titles = [each().network.title for each in subject.networks]
    assert titles[:4] == [
        "demo AlexNet, trained at the centre, off-the-shelf", "demo AlexNet, trained at the centre, anti-aliased",
        "demo AlexNet, trained everywhere, off-the-shelf", "demo AlexNet, trained everywhere, anti-aliased",
    ]  # fmt: skip
    assert len(set(titles)) == 4 * len(networks.EMBEDDED)
    centre, everywhere = (subject.networks[index]().layers["fc8"] for index in (0, 2))
    assert not torch.allclose(centre, everywhere)
    assert list(subject.networks[0]().layers) == ["fc6", "fc7", "fc8", "pool"]


def test_a_photograph_and_real_networks_block_by_block():
    subject = sources.photographed(stride=149)
    plain, smooth = (each() for each in subject.networks)
    assert (plain.network.antialiased, smooth.network.antialiased) == (False, True)
    assert list(plain.layers)[:3] == ["pool", "fc", "block7"] and plain.layers["block1"].shape == (2, 2, 16)
    assert subject.rows == plain.rows.tolist() == [0, 149]
    described = describing.describe(subject, describing.Blocks())
    answers = described["networks"][0]["layers"][0]
    assert answers["k"] == 2 and "pill bottle" in answers["labels"]  # what it takes the cup for in a corner


def test_the_study():
    every = stored.study()
    names = [subject.name for subject in every]
    assert len(set(names)) == len(names) and {len(subject.networks) for subject in every} == {1, 2}
    found = study.load().groups["efficientnet_lite0AA/75px/2"].sel(object="cat")
    (cat,) = (subject for subject in every if subject.name == "cat, 75 px, every 2 px")
    twin = cat.networks[1]
    assert twin.title == "EfficientNet-Lite0, anti-aliased" and twin.label == "Egyptian cat"
    np.testing.assert_array_equal(twin.layers["pool"]["bl"], found.similarity.sel(anchor="bl").values)
    np.testing.assert_array_equal(twin.top1, found.top1.values)
    assert cat.rows == found.row.values.tolist() and cat.scene.grid == (150, 150)
    larger = [subject for subject in every if subject.networks[0].title.startswith("EfficientNet-Lite2")]
    assert {subject.frame for subject in larger} == {(260, 260)}
    assert {subject.name.split(",")[0] for subject in sources.own(["cat", "temple"])} == {"cat", "temple"}
    with pytest.raises(ValueError, match="no object 'cap' in the study; did you mean 'cat'"):
        sources.own(["cap"])


def test_the_view_that_it_leads_with_is_the_first_and_every_view_of_the_story_is_there():
    """Where the page's own subjects are renamed, the story's links must follow."""
    told = (Path(pages.__file__).parent / "static" / "story.js").read_text("utf-8")
    wanted = set(re.findall(r'view\("([^"]+)"', told))
    published = {f"{name}, the paper's own maps" for name in LABELS}
    first = sources.photographed()
    assert wanted - published <= {subject.name for subject in (first, sources.embedded(), *stored.study())}
    assert first.name in wanted and wanted & published


# --- its pictures


def test_a_few_seconds_of_it(tmp_path):
    first, again = (moving.animation(tmp_path / name).read_bytes() for name in ("a.gif", "b.gif"))
    assert first == again and len(first) < 500_000
    with Image.open(tmp_path / "a.gif") as shown:
        assert shown.n_frames == moving.STEPS
        shown.seek(0)
        start = np.asarray(shown.convert("RGB")).astype(int)
        shown.seek(10)
        assert np.abs(np.asarray(shown.convert("RGB")) - start).max() > 100  # something moves


def test_a_run(tmp_path):
    parameters = {"network": "demo_resnet", "weights": "default", "object_name": "cup", "object_size": 48, "stride": 40}
    (tmp_path / "01_similarity_maps.json").write_text(json.dumps({"parameters": parameters}))
    (subject,) = sources.find(tmp_path)
    assert subject.name == "cup" and [each().network.antialiased for each in subject.networks] == [False, True]
    (tmp_path / "01_similarity_maps.json").write_text(json.dumps({"parameters": {}}))
    with pytest.raises(ValueError, match="01_similarity_maps.json is no record of notebook 01: 'network'"):
        sources.find(tmp_path)


def small_store(place: Path) -> dict:
    """A sweep's store of three objects through one network, the last one unfinished; returns what is stored."""
    from helpers.tools.sweep import store

    steps = list(range(0, 81, 20))
    store.prepare(place, identity={"stride": 20, "frame": None, "background": "white"}, made_with={})
    about = {
        "network": "demo_resnet",
        "title": "demo ResNet, off-the-shelf",
        "weights": "w",
        "layers": {"fc": "fc"},
        "frame": [144, 144],
        "size": [48, 48],
        "rows": steps,
        "cols": steps,
    }
    things = [("cup", "cup"), ("unknown thing", "bird"), ("skull", "")]
    store.prepare_group(place, "demo_resnet/48px", about=about, objects=things)
    draw = np.random.default_rng(0)
    result = {
        "similarity": draw.uniform(0, 1, (1, 5, 5, 5)), "probability": draw.uniform(0, 1, (5, 5)),
        "top1": draw.integers(0, 9, (5, 5)), "scalars": np.zeros((1, 5, 8)), "drop": np.zeros((1, 2)),
    }  # fmt: skip
    own = np.zeros((4, 48, 48), np.uint8)  # a user's: an embedded one of the same name looks otherwise
    own[0], own[3] = 200, 255
    for index in (0, 1):
        store.write(place, "demo_resnet/48px", index=index, result=result, pixels=own)
    return {**result, "pixels": own}


def test_a_store(tmp_path):
    place = tmp_path / "sweep.zarr"
    result = small_store(place)
    cup, unknown = sources.find(place)
    assert (cup.name, unknown.name) == ("cup, 48 px", "unknown thing, 48 px")
    assert cup.frame == (144, 144) and list(cup.rows) == [0, 20, 40, 60, 80]  # 80 + 48 is less than the frame
    for subject in (cup, unknown):
        frame = subject.scene.render([[20, 40]])[0, :, 20:68, 40:88].numpy()
        np.testing.assert_array_equal(frame, result["pixels"][:3])
    maps = cup.networks[0]
    np.testing.assert_array_equal(maps.layers["fc"]["br"], result["similarity"][0, 4].astype(np.float32))
    assert "airplane" in maps.labels
    assert maps.label == "cup" and maps.title == "demo ResNet, off-the-shelf"
    with pytest.raises(ValueError, match="no object 'cap' in the store; did you mean 'cup'"):
        sources.find(place, wanted=["cap"])
    out = tmp_path / "page.html"
    assert interactive.main(["--from", str(place), "--out", str(out), "--no-published", "--url", "https://a.b/c"]) == 0
    with Image.open(tmp_path / "page.png") as preview:
        assert preview.size == (1200, 630)
    text = out.read_text("utf-8")
    assert '<meta property="og:image" content="https://a.b/c/page.png">' in text and 'name="description"' in text
    assert out.stat().st_size < 200_000  # no library is in it
