"""COCO objects: the protocol's choice and crop by hand, the real photos, and the downloader's bad days."""

import hashlib
import io
import json
import threading
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as runs

from helpers import assets
from helpers.objects import coco
from helpers.tools.sweep import coco_download, named

# pycocotools itself still calls NumPy the old way.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")

SIDE = 100  # px, of the made-up photos


def _rectangle(x, y, w, h):
    return [[x, y, x + w, y, x + w, y + h, x, y + h]]


def _annotation(number, image, box, category=1, segmentation=None, crowd=0):
    return {
        "id": number,
        "image_id": image,
        "category_id": category,
        "bbox": list(box),
        "iscrowd": crowd,
        "segmentation": segmentation or _rectangle(*box),
    }


def _gradient(number):
    """A photo whose every pixel tells where it is: red its row, green its column, blue its image."""
    rows, cols = np.mgrid[:SIDE, :SIDE]
    return np.stack([rows, cols, np.full_like(rows, number)], 2).astype(np.uint8)


def _folder(root, annotations, images, photos=True):
    """A folder in COCO's layout, split ``made``, the photos as PNG (exact pixels) whatever their name."""
    (root / "annotations").mkdir(parents=True)
    (root / "made").mkdir()
    listed = [{"id": i, "file_name": f"{i:012}.png", "height": SIDE, "width": SIDE} for i in images]
    names = [{"id": 1, "name": "dog"}, {"id": 2, "name": "zebra"}]
    content = {"images": listed, "annotations": annotations, "categories": names}
    (root / "annotations" / "instances_made.json").write_text(json.dumps(content))
    for image in listed if photos else []:
        Image.fromarray(_gradient(image["id"])).save(root / "made" / image["file_name"])
    return root


def _names(root, **options):
    return [cutout.name for cutout in coco.load_coco(root, "made", 10, categories=["dog"], **options)]


def test_ascending_image_id_first_annotation_in_file_order_crowds_included(tmp_path):
    crowd = {"size": [SIDE, SIDE], "counts": [0, 60 * SIDE, 40 * SIDE]}  # columns 0 to 59
    annotations = [
        _annotation(9, 30, (0, 0, 50, 50)),
        _annotation(8, 10, (0, 0, 60, SIDE), segmentation=crowd, crowd=1),
        _annotation(1, 10, (10, 10, 80, 80)),  # lower id, but later in the file
        _annotation(2, 20, (0, 0, 50, 50), category=2),
    ]
    assert _names(_folder(tmp_path, annotations, [30, 10, 20]), per_category=2) == ["dog-10-8", "dog-30-9"]


def test_small_boxes_are_passed_over_and_do_not_count(tmp_path):
    annotations = [
        _annotation(1, 1, (0, 0, 37.4, 37.4)),  # small both ways: passed over, with its image ...
        _annotation(2, 1, (0, 0, 90, 90)),  # ... though the image has a larger one
        _annotation(3, 2, (0, 0, 37.4, 37.5)),  # small one way only
        _annotation(4, 3, (0, 0, 60, 20)),
        _annotation(5, 4, (0, 0, 60, 60)),
    ]
    root = _folder(tmp_path, annotations, [1, 2, 3, 4])
    assert _names(root, per_category=2) == ["dog-2-3", "dog-3-4"]  # two objects, not two images less one


def test_crop_is_the_rounded_box_with_the_mask_as_alpha(tmp_path):
    # Half a pixel rounds to even, as Python's round does: 10.5 -> 10, 21.5 -> 22.
    box = (10.5, 21.5, 40.4, 50.6)
    annotations = [_annotation(1, 7, box, segmentation=_rectangle(20, 30, 10, 20))]
    (cutout,) = coco.load_coco(_folder(tmp_path, annotations, [7]), "made", None, per_category=1, categories=["dog"])
    assert cutout.label == "dog" and cutout.size == (51, 40)
    red, green, blue, alpha = cutout.rgba.numpy()
    assert (red == np.arange(22, 73)[:, None]).all() and (green == np.arange(10, 50)).all() and (blue == 7).all()
    expected = np.zeros((51, 40), np.uint8)
    expected[30 - 22 : 50 - 22, 20 - 10 : 30 - 10] = 255
    assert (alpha == expected).all()


@pytest.mark.parametrize(
    ("box", "right", "papers"),
    [
        ((10, 10, 80, 40), (40, 80), (40, 40)),  # wider than tall: the authors cut it off
        ((10, 10, 20, 60), (60, 20), (60, 60)),  # taller than wide: theirs takes in what is beside it
        ((70, 20, 30, 60), (60, 30), (60, 30)),  # ... as far as the photo goes
    ],
)
def test_the_papers_crop_takes_the_width_from_the_height(tmp_path, box, right, papers):
    root = _folder(tmp_path, [_annotation(1, 1, box)], [1])
    asked = {"per_category": 1, "categories": ["dog"]}
    crops = [coco.load_coco(root, "made", None, paper_crop=flag, **asked)[0] for flag in (False, True)]
    assert [crop.size for crop in crops] == [right, papers]
    shared = min(right[1], papers[1])
    assert (crops[0].rgba[:, :, :shared] == crops[1].rgba[:, :, :shared]).all()


def test_what_a_box_overhangs_its_photo_by_is_cut_off(tmp_path):
    """COCO's own boxes begin up to a pixel above or left of their photo; they end where they ended."""
    root = _folder(tmp_path, [_annotation(1, 1, (-0.6, -1, 50.2, 60), segmentation=_rectangle(0, 0, 40, 40))], [1])
    (cutout,) = coco.load_coco(root, "made", None, per_category=1, categories=["dog"])
    assert cutout.size == (59, 49)


def test_alpha_stays_a_mask_through_the_resize(tmp_path):
    # 40 px to 60: new column 31 lies at (31 + 0.5) * 40 / 60 - 0.5 = 20.5, halfway between the last column of
    # the object and the first outside it. Half is object, as whole numbers round.
    annotations = [_annotation(1, 1, (0, 0, 40, 40), segmentation=_rectangle(0, 0, 21, 40))]
    (cutout,) = coco.load_coco(_folder(tmp_path, annotations, [1]), "made", 60, per_category=1, categories=["dog"])
    expected = np.zeros((60, 60), np.uint8)
    expected[:, :32] = 255
    assert (cutout.rgba[3].numpy() == expected).all()


def test_polygons_run_lengths_and_packed_run_lengths_give_the_same_mask(tmp_path):
    wanted = np.zeros((SIDE, SIDE), np.uint8)
    wanted[20:60, 10:80] = 1
    flat = wanted.T.ravel()  # COCO counts down the columns, background first
    counts = np.diff(np.flatnonzero(np.diff(flat, prepend=2, append=2))).tolist()
    packed = runs.encode(np.asfortranarray(wanted))
    packed["counts"] = packed["counts"].decode()
    for shape in (_rectangle(10, 20, 70, 40), {"size": [SIDE, SIDE], "counts": counts}, packed):
        annotation = _annotation(1, 1, (10, 20, 70, 40), segmentation=shape)
        made = coco.mask(coco.Instance("dog", {"id": 1, "height": SIDE, "width": SIDE}, annotation))
        assert made.dtype == bool and (made == wanted).all()


def test_too_few_objects_says_how_many_and_goes_on_only_if_asked(tmp_path):
    annotations = [_annotation(i, i, (0, 0, 50, 50)) for i in (1, 2, 3)]
    root = _folder(tmp_path, annotations, [1, 2, 3])
    with pytest.raises(ValueError, match=r"fewer than the 20 .* dog 3, zebra 0.*at_most=True"):
        coco.load_coco(root, "made", 10, categories=["dog", "zebra"])
    assert len(coco.load_coco(root, "made", 10, categories=["dog", "zebra"], at_most=True)) == 3


def test_what_is_not_there_is_named(tmp_path):
    root = _folder(tmp_path, [_annotation(1, 1, (0, 0, 50, 50))], [1], photos=False)
    with pytest.raises(FileNotFoundError, match=r"000000000001\.png is missing .*paper-objects"):
        _names(root, per_category=1)
    with pytest.raises(ValueError, match="no category 'zebro'; did you mean 'zebra'"):
        coco.load_coco(root, "made", 10, categories=["zebro"])
    with pytest.raises(FileNotFoundError, match="instances_train2017.json; that folder has the splits made"):
        coco.load_coco(root, "train2017", 10)
    with pytest.raises(FileNotFoundError, match="that folder has no annotations at all"):
        coco.load_coco(tmp_path / "nowhere", "train2017", 10)
    with pytest.raises(ValueError, match="per_category 0"):
        coco.load_coco(root, "made", 10, per_category=0)


def test_a_photo_cut_short_or_of_another_size_is_refused(tmp_path):
    root = _folder(tmp_path, [_annotation(1, 1, (0, 0, 50, 50))], [1])
    path = root / "made" / "000000000001.png"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(ValueError, match="damaged or was cut short"):
        _names(root, per_category=1)
    Image.fromarray(_gradient(1)[:, :90]).save(path)
    with pytest.raises(ValueError, match="is 90 x 100 px, its annotations were drawn on 100 x 100"):
        _names(root, per_category=1)


def test_an_annotation_that_does_not_fit_its_photo_is_refused(tmp_path):
    off = _folder(tmp_path / "box", [_annotation(1, 1, (60, 0, 50, 50))], [1])
    with pytest.raises(ValueError, match=r"made.json, annotation 1: its box .* outside its photo of 100 x 100"):
        _names(off, per_category=1)
    other = {"size": [50, 90], "counts": [0, 4500]}
    wrong = _annotation(1, 1, (0, 0, 50, 50), segmentation=other, crowd=1)
    with pytest.raises(ValueError, match="its mask is for 90 x 50 px, its photo has 100 x 100"):
        _names(_folder(tmp_path / "mask", [wrong], [1]), per_category=1)
    cut = _folder(tmp_path / "json", [_annotation(1, 1, (0, 0, 50, 50))], [1])
    path = cut / "annotations" / "instances_made.json"
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(ValueError, match="was cut short"):
        _names(cut, per_category=1)


def _changed(root, change, note):
    """A folder with one dog, after a change to its image's or annotation's record (a value of None takes it out)."""
    record = _annotation(7, 1, (10, 20, 50, 40))
    image = {"id": 1, "file_name": "000000000001.png", "height": SIDE, "width": SIDE}
    into = image if change in image and change != "id" else record
    into.pop(change) if note is None else into.update({change: note})
    root = _folder(root, [record], [1])
    path = root / "annotations/instances_made.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "images": [image]}))
    return root


@pytest.mark.parametrize(
    ("change", "note", "message"),
    [
        ("segmentation", [], "has no outline"),
        ("segmentation", None, "has no outline"),
        ("segmentation", [[]], "not at least three points"),
        ("segmentation", [[20, 30, 40, 50], *_rectangle(10, 20, 50, 40)], "not at least three points"),  # not a box
        ("segmentation", [[20, 30, 40, 50, 40]], "not at least three points"),
        ("segmentation", [[20, 30, 40, None, 40, 50]], ""),
        ("segmentation", [[20, 30, 40, 1e18, 40, 50]], "far outside its photo"),
        ("segmentation", [[20, 30, 40, float("nan"), 40, 50]], "far outside its photo"),
        ("segmentation", [["a"] * 6], ""),
        ("segmentation", "outline", ""),
        ("segmentation", 3, ""),
        ("segmentation", [[80, 80, 90, 80, 90, 90]], "fully transparent"),
        ("segmentation", {"size": [SIDE, SIDE], "counts": [10, 100, 5]}, "add up to 115 px, its photo has 10000"),
        ("segmentation", {"size": [SIDE, SIDE], "counts": [0, 10**9]}, "add up to"),
        ("segmentation", {"size": [SIDE, SIDE], "counts": [10020, -40, 20]}, "add up to"),
        ("segmentation", {"size": [SIDE, SIDE], "counts": "04d1"}, "add up to"),
        ("segmentation", {"size": [SIDE, SIDE], "counts": None}, ""),
        ("segmentation", {"size": [SIDE, SIDE]}, "has no 'counts'"),
        ("bbox", None, "has no 'bbox'"),
        ("bbox", [10, 20, 50], "its box"),
        ("bbox", [10, None, 50, 40], ""),
        ("bbox", [10, float("inf"), 50, 40], "its box"),
        ("bbox", [10, 20, 50, 1e300], "outside its photo"),
        ("bbox", [10, 20, 50, -40], "its box"),
        ("image_id", 9, "image 9 is not listed"),
        ("image_id", [1], ""),
        ("category_id", None, "has no 'category_id'"),
        ("id", None, "has no 'id'"),
        ("height", None, "has no 'height'"),
        ("width", "wide", "its photo's size"),
        ("file_name", None, "has no 'file_name'"),
        ("file_name", 3, ""),
        ("file_name", "../made/000000000001.png", "leaves the folder"),
        ("file_name", "/etc/hosts", "leaves the folder"),
        ("file_name", "a/../../b.png", "leaves the folder"),
        ("file_name", "..\\b.png", "leaves the folder"),
        ("file_name", "", "leaves the folder"),
    ],
)
def test_an_annotation_that_cannot_be_used_is_one_error_that_names_it(tmp_path, change, note, message):
    root = _changed(tmp_path, change, note)
    said = rf"instances_made\.json, annotation .*{message}.*; correct it, or take it out"
    with pytest.raises(ValueError, match=said) as error:
        _names(root, per_category=1)
    assert change == "id" or "annotation 7:" in str(error.value)


@pytest.mark.parametrize("content", ["[" * 100_000, "3", "{}", '{"images": [], "annotations": 3, "categories": []}'])
def test_a_file_that_holds_something_else_is_named(tmp_path, content):
    (tmp_path / "annotations").mkdir()
    (tmp_path / "annotations/instances_made.json").write_text(content)
    with pytest.raises(ValueError, match=r"instances_made\.json is no COCO instances file"):
        _names(tmp_path, per_category=1)


def test_categories_of_the_file(tmp_path):
    root = _folder(tmp_path, [_annotation(1, 1, (0, 0, 50, 50), 2), _annotation(2, 1, (0, 0, 50, 50))], [1])
    every = coco.load_coco(root, "made", 10, per_category=1, categories=None)
    assert [each.label for each in every] == ["dog", "zebra"]
    changes = [f"coco={root}", "split=made", "per_category=1", "networks=demo_resnet", "sizes=20"]
    for words, labels in (("all", ["dog", "zebra"]), ("zebra", ["zebra"])):
        plan = named.plan(named.parameters("paper", [*changes, f"categories={words}"]))
        assert [each.label for each in plan.cutouts[20]] == labels


def test_a_photo_is_read_as_the_camera_was_held(tmp_path):
    root = _folder(tmp_path, [_annotation(1, 1, (10, 0, 40, 60))], [1])
    path, upright = root / "made/000000000001.png", Image.fromarray(_gradient(1)[:, :60])
    tagged = Image.Exif()
    tagged[0x0112] = 6  # stored lying on its left side
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=tagged)
    image = {"id": 1, "height": SIDE, "width": 60}
    np.testing.assert_array_equal(coco.read_photo(path, image), np.asarray(upright))


def test_nothing_is_written_or_removed_outside_the_folder(server, tmp_path):
    root, kept = tmp_path / "coco", tmp_path / "kept.png"
    kept.write_bytes(b"mine")
    _changed(root, "file_name", "../../kept.png")
    with pytest.raises(ValueError, match="annotation 7: its photo's file_name .* leaves the folder"):
        _fetch(server, root, per_category=1)
    kept.unlink()
    with pytest.raises(ValueError, match="leaves the folder"):
        _fetch(server, root, per_category=1)
    assert not kept.exists() and server.log == []


@pytest.mark.parametrize("split", ["train2017", "val2017"])
def test_real_photos(shared, split):
    cutouts = coco.load_coco(shared / "coco", split, 75, at_most=True)
    chosen = coco.select(shared / "coco", split, at_most=True)
    assert len(cutouts) == len(chosen) > 20
    assert {cutout.label for cutout in cutouts} == set(coco.PAPER_CATEGORIES)
    for cutout in cutouts:
        assert cutout.size == (75, 75) and set(cutout.rgba[3].unique().tolist()) <= {0, 255}
    for instance in chosen:
        drawn = coco.mask(instance)
        # COCO states each area. It is that of the polygons before they became pixels, which for objects of
        # 37 px and more moves it by well under a tenth.
        assert drawn.sum() == pytest.approx(instance.annotation["area"], rel=0.1)
        rows, cols = np.nonzero(drawn)
        x, y, w, h = instance.annotation["bbox"]
        # A mask stays in its box, but for the pixel that rasterising may add on each side.
        assert cols.min() >= x - 1.5 and rows.min() >= y - 1.5
        assert cols.max() + 1 <= x + w + 1.5 and rows.max() + 1 <= y + h + 1.5


def test_real_photos_are_too_few_for_the_paper(shared):
    with pytest.raises(ValueError, match=r"fewer than the 20 .*zebra 1"):
        coco.load_coco(shared / "coco", "train2017", 75)


class _Server(ThreadingHTTPServer):
    """A local site with byte ranges: ``files`` by path, a log of requests, and bytes to break off after."""

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.files, self.log, self.break_after = {}, [], {}
        threading.Thread(target=self.serve_forever, daemon=True).start()

    @property
    def site(self):
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        wanted = self.headers.get("Range")
        self.server.log.append((self.path, wanted))
        if self.path not in self.server.files:
            self.send_error(404)
            return
        content = self.server.files[self.path]
        start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
        self.send_response(206 if wanted else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.end_headers()
        stop = self.server.break_after.pop(self.path, len(content))
        self.wfile.write(content[start:stop])

    def log_message(self, *_):
        pass


@pytest.fixture
def server(tmp_path):
    """The site of a made-up COCO: four images with dogs, three of them wanted, and the archive."""
    annotations = [_annotation(i, i, (0, 0, 20 if i == 2 else 50, 20)) for i in (1, 2, 3, 4)]
    annotations += [_annotation(5, 5, (0, 0, 90, 90), category=2)]
    source = _folder(tmp_path / "source", annotations, [1, 2, 3, 4, 5])
    server = _Server()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        archive.write(source / "annotations" / "instances_made.json", "annotations/instances_made.json")
        archive.writestr("annotations/captions_made.json", "not needed " * 1000)
    server.files["/annotations/" + coco_download.ARCHIVE] = packed.getvalue()
    for photo in (source / "made").iterdir():
        server.files[f"/made/{photo.name}"] = photo.read_bytes()
    yield server
    server.shutdown()
    server.server_close()


def _fetch(server, root, **options):
    sums = {"archive_sha256": hashlib.sha256(server.files["/annotations/" + coco_download.ARCHIVE]).hexdigest()}
    options = {"per_category": 3, "categories": ["dog"], "progress": False, **sums, **options}
    return coco_download.fetch(root, split="made", site=server.site, **options)


def _files(root):
    return sorted(str(path.relative_to(root)) for path in root.rglob("*") if path.is_file())


def test_download_gets_what_is_needed_and_no_more(server, tmp_path):
    root = _fetch(server, tmp_path / "coco")
    photos = [f"made/{i:012}.png" for i in (1, 3, 4)]  # 2 is too small, 5 has no dog
    assert _files(root) == ["annotations/instances_made.json", *photos]
    assert _names(root, per_category=3) == ["dog-1-1", "dog-3-3", "dog-4-4"]
    server.log.clear()
    _fetch(server, root)
    assert server.log == []


def test_download_broken_off_goes_on_where_it_stopped(server, tmp_path):
    archive, photo = "/annotations/" + coco_download.ARCHIVE, "/made/000000000003.png"
    server.break_after = {archive: 5000, photo: 100}
    for _ in range(2):  # the archive breaks off, then the photo
        with pytest.raises(assets.AssetError, match="run the same command again"):
            _fetch(server, tmp_path / "coco")
    _fetch(server, tmp_path / "coco")
    photos = [f"/made/00000000000{number}.png" for number in (1, 3, 3, 4)]
    # Only what has a checksum is resumed: of a photo nothing would tell whether the rest belongs to it.
    assert server.log == [(archive, None), (archive, "bytes=5000-"), *((path, None) for path in photos)]
    assert _names(tmp_path / "coco", per_category=3) == ["dog-1-1", "dog-3-3", "dog-4-4"]


def test_download_keeps_nothing_that_is_damaged(server, tmp_path):
    archive, photo = "/annotations/" + coco_download.ARCHIVE, "/made/000000000003.png"
    with pytest.raises(assets.AssetError, match="SHA-256"):
        _fetch(server, tmp_path / "coco", archive_sha256="0" * 64)
    assert _files(tmp_path / "coco") == []
    good = server.files[archive]
    server.files[archive] = good[:200] + bytes(100) + good[300:]  # whole, but scrambled inside
    with pytest.raises(assets.AssetError, match="was damaged .* run the command again"):
        _fetch(server, tmp_path / "coco")
    server.files[archive] = good
    whole = server.files[photo]
    server.files[photo] = whole[: len(whole) // 2]  # the server says that this is all there is
    with pytest.raises(assets.AssetError, match="cannot be used, and it was removed: .*cut short"):
        _fetch(server, tmp_path / "coco")
    assert "made/000000000003.png" not in _files(tmp_path / "coco")
    server.files[photo] = whole
    _fetch(server, tmp_path / "coco")
    assert len(_names(tmp_path / "coco", per_category=3)) == 3


def test_download_says_what_the_site_does_not_have(server, tmp_path):
    del server.files["/made/000000000003.png"]
    with pytest.raises(assets.AssetError, match="cannot download 000000000003.png from http"):
        _fetch(server, tmp_path / "coco")
    with pytest.raises(assets.AssetError, match="no annotations/instances_test2017.json: the splits are"):
        coco_download.fetch(tmp_path / "other", split="test2017", site=server.site, archive_sha256=None, progress=False)
