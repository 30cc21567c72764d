"""A folder of cut-outs and its labels; Tux Paint's stamps where they are installed."""

import re

import numpy as np
import pytest
import torch
from PIL import Image
from torchvision.models._meta import _IMAGENET_CATEGORIES

from helpers import objects
from helpers.objects import STAMPS, tuxpaint


@pytest.fixture
def folder(tmp_path):
    """Three cut-outs, a text and a picture that is no PNG."""
    rng = np.random.default_rng(6)
    for name in ("zebra.png", "polar_bear.png", "ice-bear.PNG", "photo.jpg"):
        pixels = rng.integers(1, 256, (12, 10, 3 if name.endswith("jpg") else 4), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / name)
    (tmp_path / "notes.txt").write_text("not a picture")
    return tmp_path


def table(folder, text: str, encoding: str = "utf-8") -> None:
    (folder / "labels.csv").write_bytes(text.encode(encoding))


def labels(folder) -> dict:
    return {cutout.name: cutout.label for cutout in objects.load_folder(folder)}


def test_every_png_is_loaded_sorted_and_named_after_its_file(folder):
    loaded = objects.load_folder(folder)
    # ImageNet's polar bear is called "ice bear": a name that is no class of it gives no label.
    assert [(c.name, c.label) for c in loaded] == [("ice-bear", "ice bear"), ("polar_bear", None), ("zebra", "zebra")]
    assert {c.size for c in loaded} == {(12, 10)}
    assert [c.size for c in objects.load_folder(str(folder), 20)] == [(20, 20)] * 3
    resized = objects.load_png(folder / "zebra.png", (8, 9))
    assert torch.equal(objects.load_folder(folder, (8, 9))[2].rgba, resized.rgba)


def test_a_table_gives_labels_and_leaves_the_others_to_their_names(folder):
    table(folder, "file,source,imagenet_class\npolar_bear.png,a zoo,ice bear\nzebra.png,,\n", "utf-8-sig")
    assert labels(folder) == {"ice-bear": "ice bear", "polar_bear": "ice bear", "zebra": None}


def test_class_names_with_hyphens_and_capitals_are_found(tmp_path):
    for name in ("jack-o'-lantern", "Granny_Smith", "black-and-tan_coonhound", "granny"):
        Image.new("RGBA", (3, 3), (1, 2, 3, 255)).save(tmp_path / f"{name}.png")
    found = labels(tmp_path)
    assert (found["jack-o'-lantern"], found["Granny_Smith"], found["granny"]) == (
        "jack-o'-lantern", "Granny Smith", None,
    )  # fmt: skip
    assert found["black-and-tan_coonhound"] == "black-and-tan coonhound"


@pytest.mark.parametrize(
    "text, error, said",
    [
        ("file,imagenet_class\nzebra.png,zebbra\n", ValueError, "no class 'zebbra', the label of zebra.png; did you"),
        ("file,imagenet_class\nzebra2.png,zebra\n", FileNotFoundError, "names zebra2.png, which is not in"),
        ("file,label\nzebra.png,zebra\n", ValueError, "lacks the column 'imagenet_class'"),
        ("", ValueError, "lacks the column 'file'"),
        ("file,imagenet_class\n", None, None),  # a table without rows is a table
    ],
)
def test_a_wrong_table_is_said_in_one_sentence(folder, text, error, said):
    table(folder, text)
    if error is None:
        assert labels(folder)["zebra"] == "zebra"
        return
    with pytest.raises(error, match=re.escape(said)) as caught:
        objects.load_folder(folder)
    assert "labels.csv" in str(caught.value) and len(str(caught.value)) < 300


def test_a_table_in_another_encoding_is_named(folder):
    table(folder, "file,imagenet_class\nzèbre.png,zebra\n", "latin-1")
    with pytest.raises(ValueError, match="labels.csv is not a table in UTF-8"):
        objects.load_folder(folder)


def test_folders_that_are_none_or_hold_none(tmp_path):
    with pytest.raises(FileNotFoundError, match="no folder at .*nowhere"):
        objects.load_folder(tmp_path / "nowhere")
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match="holds no PNG file"):
        objects.load_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no folder at .*photo\.jpg"):
        objects.load_folder(tmp_path / "photo.jpg")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(ValueError, match=r"broken\.png is empty or not a readable image"):
        objects.load_folder(tmp_path)


def test_the_labelled_stamps_of_the_shared_folder(shared):
    loaded = objects.load_folder(shared / "objects" / "stamps", 30)
    assert len(loaded) == 24 and {c.size for c in loaded} == {(30, 30)}
    by_name = {path.split("/")[-1].removesuffix(".png"): label for path, label in STAMPS.items()}
    assert all(by_name[c.name] == c.label for c in loaded)


def test_44_stamps_of_different_classes_that_are_imagenets():
    assert len(STAMPS) == 44 and len(set(STAMPS.values())) == 44
    assert set(STAMPS.values()) <= set(_IMAGENET_CATEGORIES)


def test_stamps_where_they_are_installed():
    if objects.find_stamps() is None:
        pytest.skip("Tux Paint's stamps are not installed (tuxpaint-stamps-default)")
    loaded = objects.stamps(24)
    assert [c.label for c in loaded] == list(STAMPS.values())
    assert {c.size for c in loaded} == {(24, 24)}
    assert all((c.rgba[3] == 0).any() and (c.rgba[3] > 200).any() for c in loaded)  # cut out, each of them


def test_stamps_are_found_on_the_assets_path_too_and_missed_by_name(tmp_path, monkeypatch):
    monkeypatch.setattr(tuxpaint, "_FOLDERS", (str(tmp_path / "usr"),))
    monkeypatch.setenv("SHIFT_ASSETS", str(tmp_path / "assets"))
    assert objects.find_stamps() is None
    with pytest.raises(FileNotFoundError, match="install the package tuxpaint-stamps-default"):
        objects.stamps()
    for path in STAMPS:
        file = tmp_path / "assets" / "tuxpaint" / "stamps" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGBA", (4, 3), (9, 9, 9, 255)).save(file)
    assert [c.size for c in objects.stamps()] == [(3, 4)] * 44
