"""What is wrong at the command line is one line on stderr and exit code 2, before any long work."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from test_page import small_store

from helpers import features
from helpers.__main__ import main
from helpers.tools import commandline
from helpers.tools.sweep import coco_download, execute
from helpers.tools.training import train

SMALL = ["--preset", "smoke", "--set", "networks=demo_resnet", "--set", "objects=cup", "--set", "stride=40"]


def refused(capsys, *words: object) -> str:
    """Run a command that must refuse; returns what it says."""
    capsys.readouterr()
    assert main([str(word) for word in words]) == 2
    said = capsys.readouterr().err
    assert said.count("\n") == 1 and said.startswith(f"{words[0]}: "), said
    return said


@pytest.fixture(autouse=True)
def nothing_long(monkeypatch) -> None:
    """Extraction, sweeping, training and downloads before the refusal fail the test."""

    def ran(*_, **__) -> None:
        raise AssertionError("it started to work")

    monkeypatch.setattr(features, "extract", ran)
    monkeypatch.setattr(execute, "compute", ran)
    monkeypatch.setattr(execute, "throughput", ran)
    monkeypatch.setattr(train, "train_all", ran)
    monkeypatch.setattr(coco_download, "fetch", ran)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "a file"
    path.write_text("text")
    return path


@pytest.fixture
def locked(tmp_path: Path):
    """A folder nobody can write to; for root, who may write to any other, that of Linux's processes."""
    folder = tmp_path / "locked"
    folder.mkdir(mode=0o500)
    if os.access(folder, os.W_OK):
        folder = Path("/proc")
        if not folder.is_dir():
            pytest.skip("root can write everywhere here")
    yield folder


# Places for results

WRITERS = {
    "page": ["page", "--no-published", "--out"],
    "sweep": ["sweep", *SMALL, "--out"],
    "paper-objects": ["paper-objects", "--to"],
    "weights, out": ["weights", "train", "--only", "demo_resnet_centre", "--out"],
    "weights, work": ["weights", "train", "--only", "demo_resnet_centre", "--work"],
}
each_writer = pytest.mark.parametrize("words", WRITERS.values(), ids=WRITERS.keys())


@each_writer
def test_a_file_in_the_way(words: list[str], file: Path, capsys) -> None:
    said = refused(capsys, *words, file / "below" / "it")
    assert f"cannot write to {file}" in said
    assert file.read_text() == "text"


@each_writer
def test_a_place_that_cannot_be_written_to(words: list[str], locked: Path, capsys) -> None:
    assert f"cannot write to {locked}" in refused(capsys, *words, locked / "below" / "it")


def test_results_over_something_else(tmp_path: Path, file: Path, capsys) -> None:
    assert f"--out {tmp_path} is a folder" in refused(capsys, "page", "--out", tmp_path)
    for there in (tmp_path, file):
        assert f"{there} exists and is no store of a sweep" in refused(capsys, "sweep", *SMALL, "--out", there)


# Sources that are damaged, or something else


def test_a_page_from_what_is_no_source(tmp_path: Path, file: Path, capsys) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    for source in (tmp_path / "nowhere", file, empty):
        said = refused(capsys, "page", "--from", source, "--out", tmp_path / "page.html")
        assert f"{source} is neither a sweep's store" in said
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("content", ["", "{", "[1]", "{}", '{"parameters": null}', "\udcff"])
def test_a_page_from_a_damaged_record(tmp_path: Path, content: str, capsys) -> None:
    record = tmp_path / "01_similarity_maps.json"
    record.write_bytes(content.encode("utf-8", "surrogateescape"))
    assert str(record) in refused(capsys, "page", "--from", tmp_path, "--out", tmp_path / "page.html")


def cut(part: Path) -> None:
    for chunk in (part / "c").rglob("*"):
        if chunk.is_file():
            chunk.write_bytes(chunk.read_bytes()[:5])


DAMAGE = {
    "root": lambda store: (store / "zarr.json").write_text("no JSON"),
    "root of something else": lambda store: (store / "zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group", "attributes": {}}'
    ),
    "root as a list": lambda store: (store / "zarr.json").write_text("[]"),
    "group": lambda store: (store / "demo_resnet/48px/zarr.json").write_text("no JSON"),
    "group's attributes": lambda store: (store / "demo_resnet/48px/zarr.json").write_text(
        '{"zarr_format": 3, "node_type": "group"}'
    ),
    "marks": lambda store: shutil.rmtree(store / "demo_resnet/48px/done"),
    "cut marks": lambda store: cut(store / "demo_resnet/48px/done"),
    "array": lambda store: shutil.rmtree(store / "demo_resnet/48px/similarity"),
    "cut array": lambda store: cut(store / "demo_resnet/48px/similarity"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_page_from_a_damaged_store(tmp_path: Path, name: str, capsys) -> None:
    small_store(tmp_path / "store")
    DAMAGE[name](tmp_path / "store")
    part = "" if name.startswith(("root", "group")) else "demo_resnet/48px"
    said = refused(capsys, "page", "--from", tmp_path / "store", "--out", tmp_path / "page.html")
    damaged = tmp_path / "store" / part  # the store, or the group in it that is damaged
    assert str(damaged) in said and ("cannot be read as a sweep's store" in said or "what is stored of cup" in said)
    assert "python -m helpers sweep" in said
    assert not (tmp_path / "page.html").exists()


@pytest.mark.parametrize("name", ["root", "root as a list", "root of something else"])
def test_a_sweep_into_a_damaged_store(tmp_path: Path, name: str, capsys) -> None:
    small_store(tmp_path / "store")
    DAMAGE[name](tmp_path / "store")
    said = refused(capsys, "sweep", *SMALL, "--out", tmp_path / "store")
    assert f"{tmp_path / 'store'} cannot be read as a sweep's store" in said


def test_a_store_without_its_groups_has_nothing_to_show(tmp_path: Path, capsys) -> None:
    small_store(tmp_path / "store")
    shutil.rmtree(tmp_path / "store" / "demo_resnet")
    assert "continue the sweep first" in refused(
        capsys, "page", "--from", tmp_path / "store", "--out", tmp_path / "page.html"
    )


@pytest.mark.parametrize("content", [None, "", "[]"])
def test_keeping_what_are_no_weights(tmp_path: Path, content: str | None, capsys) -> None:
    file = tmp_path / "demo_resnet_centre.safetensors"
    if content is not None:
        file.write_text(content)
    assert file.name in refused(capsys, "weights", "keep", file)


# Values


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--set", "stride"], "--set 'stride': write --set name=value"),
        (["--set", "strid=4"], "did you mean 'stride'"),
        (["--set", "stride=four"], "stride is int, but 'four' is str"),
        (["--set", "sizes=48,big"], "sizes is int, but 'big' is str"),
        (["--set", "at_most=yes"], "at_most is bool"),
        (["--set", "networks=demo_resnt"], "unknown network 'demo_resnt'"),
        (["--set", "objects=cap"], "'cap'"),
        (["--set", "device=gpu"], "device 'gpu'"),
        (["--set", "precision=fast"], "one precision for all"),
        (["--set", "objects=coco", "--set", "coco=nowhere"], "nowhere"),
        (["--preset", "smok"], "did you mean 'smoke'"),
        (["--scheduler", "nowhere"], "nowhere"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_sweep_of_something_that_is_not_there(words: list[str], said: str, tmp_path: Path, capsys) -> None:
    if words[0] == "--scheduler":
        pytest.importorskip("distributed")
    assert said in refused(capsys, "sweep", *SMALL, *words, "--out", tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_weights_of_no_network(capsys) -> None:
    assert "no network's name contains vgg" in refused(capsys, "weights", "train", "--only", "vgg")


# The parts


def test_settings() -> None:
    assert commandline.settings(["a=1", "b = x=y ", "a=2", "c="]) == {"a": "2", "b": "x=y", "c": ""}
    for text in ("a", "=1", "a b=1", ""):
        with pytest.raises(ValueError, match="write --set name=value"):
            commandline.settings([text])


def test_exit_codes(capsys) -> None:
    def interrupted() -> int:
        raise KeyboardInterrupt

    def broken() -> int:
        raise ZeroDivisionError

    assert commandline.guarded("page", lambda: 1) == 1
    assert commandline.guarded("page", interrupted, interrupted="go on later") == 130
    assert capsys.readouterr().err == "page: go on later\n"
    with pytest.raises(ZeroDivisionError):  # a fault of the program keeps its traceback
        commandline.guarded("page", broken)


def test_reading_json(tmp_path: Path) -> None:
    path = tmp_path / "x.json"
    path.write_text(json.dumps({"a": [1]}))
    assert commandline.read_json(path) == {"a": [1]}
