"""Sweeps: what is stored is what is computed, and no kill, clash or full disk makes it anything else."""

import dataclasses
import errno
import importlib
import json
import multiprocessing
import os
import re
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest
import torch

from helpers import features, networks, objects, shifting, similarity
from helpers.features import reading as reading_of_features
from helpers.measures import variation
from helpers.tools.sweep import (
    Plan,
    Source,
    SweepError,
    cli,
    compilation,
    execute,
    named,
    open_store,
    reading,
    run,
    store,
    table,
)
from helpers.tools.sweep.plan import Settings
from helpers.tools.sweep.reading import groups
from helpers.tools.sweep.task import class_indices, compute, on_worker, throughput

RESNET, TWIN = Source("demo_resnet"), Source("demo_resnet", antialiased=True)
# 32 px in 64: 33 x 33 positions, 5 x 5 of them at stride 8.
SMALL = Settings(stride=8, frame=64, device="cpu", batch_size=16)


@pytest.fixture(autouse=True)
def one_thread():
    """Bits of a sum can depend on how many threads share it: all processes compared here use one."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


def _cutouts(*names):
    return [objects.load(name, size=32) for name in names]


def _plan(sources=(RESNET,), names=("airplane", "cup", "digit 3"), settings=SMALL):
    return Plan(sources, {32: _cutouts(*names)}, settings=settings)


def _content(path):
    """Every file of a store by name, without what says which commit and threads made it."""
    files = {str(f.relative_to(path)): f.read_bytes() for f in sorted(path.rglob("*")) if f.is_file()}
    root = json.loads(files["zarr.json"])
    del root["attributes"]["made_with"]
    return {**files, "zarr.json": root}


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A store that was never interrupted: two networks, three objects."""
    torch.set_num_threads(1)
    path = tmp_path_factory.mktemp("whole") / "store"
    run(path, _plan((RESNET, TWIN)), progress=False)
    return path


def test_what_is_stored_is_what_the_parts_compute(finished):
    data = open_store(finished)["demo_resnet/32px"]
    network = networks.load("demo_resnet")
    (cutout,) = _cutouts("cup")
    found = features.extract(network, SMALL.scene(network, cutout), stride=8, device="cpu", progress=False)
    at = {"object": cutout.name}
    logits = found.layers["fc"]
    # Streamed in other batches than extracted: sums may round differently, by a few units of 1e-7.
    for layer in ("fc", "pool"):
        maps = similarity.cosine_maps(found.layers[layer])
        assert data.similarity.sel(layer=layer, **at).values == pytest.approx(maps.numpy(), abs=2e-6)
    probability = logits.softmax(-1)[..., network.class_index("cup")]
    assert data.probability.sel(**at).values == pytest.approx(probability.numpy(), abs=2e-6)
    assert (data.top1.sel(**at).values == logits.argmax(-1).numpy()).all()
    stored = data.similarity.sel(layer="fc", anchor="bl", **at).values
    scalars = data.scalars.sel(layer="fc", anchor="bl", **at)
    # Scalars are kept as float32.
    assert float(scalars.sel(measure="mean_cosine")) == pytest.approx(stored.mean(dtype=float), abs=2e-7)
    lean = variation.bias(stored, stride=8)
    assert float(scalars.sel(measure="tilt_right")) == lean.tilt_right
    assert float(scalars.sel(measure="top_bottom")) == lean.top_bottom
    assert float(scalars.sel(measure="lattice_rms")) == variation.lattice(stored, strides=network.strides, stride=8).rms
    centre = data.similarity.sel(layer="fc", anchor="c", **at).values
    assert data.ring.values.tolist() == [8, 16]
    ring = np.ones((5, 5), bool)
    ring[1:-1, 1:-1] = False
    assert float(data["drop"].sel(layer="fc", ring=16, **at)) == pytest.approx((1 - centre[ring]).mean(), abs=1e-7)


def test_labels_units_and_table(finished):
    tree = open_store(finished)
    assert [node.path for node in tree.leaves] == ["/demo_resnet/32px", "/demo_resnetAA/32px"]
    data = tree["demo_resnetAA/32px"]
    assert data.object.values.tolist() == [cutout.name for cutout in _cutouts("airplane", "cup", "digit 3")]
    assert data.category.values.tolist() == ["airplane", "cup", "digit 3"]
    assert data.row.values.tolist() == [0, 8, 16, 24, 32]
    assert dict(zip(data.measure.values, data.unit.values, strict=True))["tilt_down"] == "cosine/100 px"
    rows = table(finished)
    assert len(rows) == 2 * 2 * 3 * 5 and not rows.mean_cosine.isna().any()
    one = rows.query(
        "network == 'demo_resnetAA' and layer == 'pool' and object.str.startswith('cup') and anchor == 'c'"
    )
    stored = data.similarity.sel(layer="pool", anchor="c").isel(object=1).values
    assert one.mean_cosine.item() == pytest.approx(stored.mean(dtype=float), abs=2e-7) and one["size"].item() == 32


@pytest.mark.parametrize("reverse", [False, True])
def test_groups_come_in_one_order_however_the_file_system_lists_them(finished, monkeypatch, reverse):
    listed = Path.iterdir
    monkeypatch.setattr(Path, "iterdir", lambda self: iter(sorted(listed(self), reverse=reverse)))
    assert [node.path for node in open_store(finished).leaves] == ["/demo_resnet/32px", "/demo_resnetAA/32px"]


def test_a_second_run_computes_nothing_and_changes_nothing(finished, monkeypatch, capsys):
    before = _content(finished)
    monkeypatch.setattr(execute, "compute", None)
    summary = run(finished, _plan((RESNET, TWIN)))
    assert summary.tasks == 0 and summary.finished == 6
    assert "Nothing left to do: all 6 tasks" in capsys.readouterr().out
    assert _content(finished) == before


def test_killed_and_started_again_it_is_the_same_bit_for_bit(finished, tmp_path):
    path = tmp_path / "store"
    process = _elsewhere(_slowly, path)
    marks = [
        path / group / "done" / "c" / str(i) for group in ("demo_resnet/32px", "demo_resnetAA/32px") for i in range(3)
    ]
    _wait_for(lambda: sum(mark.exists() for mark in marks) >= 2, process)
    process.kill()
    process.join()
    done = sum(mark.exists() for mark in marks)
    assert 2 <= done < 6, "killed too late to show anything"
    kept = {mark: mark.stat().st_mtime_ns for mark in marks if mark.exists()}
    summary = run(path, _plan((RESNET, TWIN)), progress=False)
    assert summary.tasks == 6 - done and summary.finished == 6
    assert all(mark.stat().st_mtime_ns == when for mark, when in kept.items())
    assert _content(path) == _content(finished)


# A process that has imported what the others need, and forks them: imports take most of what a process takes here.
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    ["helpers.tools.sweep", "distributed.cli.dask_scheduler", "distributed.cli.dask_worker"]
)  # what is not installed is left out


def _elsewhere(function, *arguments):
    """A function in a process of its own."""
    process = FORKS.Process(target=function, args=arguments, daemon=True)
    process.start()
    return process


def _slowly(path):
    """The sweep of the fixture ``finished``, slow enough to be killed in time."""
    torch.set_num_threads(1)
    write = store.write
    store.write = lambda *a, **k: (time.sleep(0.5), write(*a, **k))
    run(path, _plan((RESNET, TWIN)), progress=False)


def _wait_for(condition, process, seconds=300):
    """Generous: on a busy machine importing torch alone can take a minute."""
    end = time.monotonic() + seconds
    while not condition():
        assert process.is_alive(), f"it ended by itself, with {process.exitcode}"
        assert time.monotonic() < end, "nothing happened"
        time.sleep(0.02)


class _Still(networks.Network):
    """A network by its looks: enough for planning, for tests that compute nothing."""

    checksum = "0" * 64
    strides = (2, 4)


@dataclasses.dataclass(frozen=True)
class _StillSource:
    name: str = "still"
    key: str = "still"

    def load(self):
        return _Still(
            name="still", module=torch.nn.Identity(), layers={"fc": ""}, logits="fc", frame=64, labels=["cup"]
        )


def _made_up(network, cutout, **_):
    """Results that depend on the object alone, in the shapes of the real ones."""
    seed = sum(cutout.name.encode())
    values = np.random.default_rng(seed).random((1, 5, 5, 5), dtype=np.float32)
    return {
        "similarity": values,
        "probability": values[0, 0],
        "top1": (values[0, 0] * 9).astype(np.int32),
        "scalars": values[:, :, 0, 0, None] * np.ones(8),
        "drop": values[:, 0, 0, :2].astype(float),
    }


@pytest.fixture
def still(monkeypatch):
    """A plan whose tasks cost nothing: (plan for two objects, a function that sees to the next run)."""
    monkeypatch.setattr(execute, "compute", _made_up)
    monkeypatch.setattr(execute, "loaded", lambda source, device: source.load())
    return _plan((_StillSource(),), ("airplane", "cup"))


@pytest.fixture
def count(monkeypatch):
    """Counts the files put in place by a rename, as zarr and the store do; ``count.at`` is called with each."""
    real, counter = Path.replace, types.SimpleNamespace(files=0, at=lambda number: None)

    def replace(self, target):
        counter.files += 1
        counter.at(counter.files)
        return real(self, target)

    monkeypatch.setattr(Path, "replace", replace)
    return counter


def test_killed_at_any_write_it_is_the_same_bit_for_bit(still, count, tmp_path):
    run(tmp_path / "whole", still, progress=False, dry_run=True)
    created = count.files
    run(tmp_path / "whole", still, progress=False)
    whole, files = _content(tmp_path / "whole"), count.files
    assert files == created + 2 * 7  # two tasks, seven files each
    for moment in [*range(1, created, 6), *range(created + 1, files + 1)]:
        path = tmp_path / f"killed-{moment}"
        child = os.fork()
        if child == 0:
            count.files, count.at = 0, lambda n, at=moment: n == at and os.kill(os.getpid(), signal.SIGKILL)
            run(path, still, progress=False)
            os._exit(0)
        assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
        # Its last file is the mark of a task: only once that is in place, the task is not done again.
        assert run(path, still, progress=False).tasks == (2 if moment <= created + 7 else 1)
        assert _content(path) == whole, f"killed at write {moment} of {files}"


def test_a_store_made_from_something_else_is_refused(still, tmp_path):
    path = tmp_path / "store"
    run(path, still, progress=False)
    before = _content(path)
    other = {
        "stride was 8, now 16": dataclasses.replace(still, settings=dataclasses.replace(SMALL, stride=16)),
        "background was white, now grey": dataclasses.replace(
            still, settings=dataclasses.replace(SMALL, background="grey")
        ),
        "objects 32px cup.* is not asked for": _plan((_StillSource(),), ("airplane",)),
        "objects 32px digit 3.* is new": _plan((_StillSource(),), ("airplane", "cup", "digit 3")),
    }
    pixel = [objects.Cutout(c.rgba.clone(), c.name, c.label) for c in still.cutouts[32]]
    pixel[1].rgba[0, 9, 9] ^= 1
    other["objects 32px cup.* was [0-9a-f]+.*, now"] = dataclasses.replace(still, cutouts={32: pixel})
    for message, plan in other.items():
        with pytest.raises(SweepError, match=f"was made from something else: .*{message}"):
            run(path, plan, progress=False)
    assert _content(path) == before


def test_other_weights_under_the_same_name_are_refused(still, tmp_path, monkeypatch):
    path = tmp_path / "store"
    run(path, still, progress=False)
    monkeypatch.setattr(_Still, "checksum", "1" * 64)
    with pytest.raises(SweepError, match="still/32px was made from something else: checksum was 000"):
        run(path, still, progress=False)


def test_more_networks_go_into_the_same_store(still, tmp_path):
    path = tmp_path / "store"
    run(path, still, progress=False)
    before = _content(path)
    more = dataclasses.replace(still, sources=(*still.sources, _StillSource(key="stiller")))
    assert run(path, more, progress=False).tasks == 2
    after = _content(path)
    assert {name: after[name] for name in before} == before and len(after) > len(before)


def test_two_runs_at_once(still, tmp_path):
    path = tmp_path / "store"
    with store.lock(path):
        child = os.fork()
        if child == 0:
            try:
                run(path, still, progress=False)
                os._exit(1)
            except SweepError as error:
                os._exit(0 if "another run is writing" in str(error) else 2)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert not path.exists()
    run(path, still, progress=False)


def test_a_full_disk(still, count, tmp_path):
    def full(number):
        if number > room:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    path = tmp_path / "store"
    run(path, still, progress=False, dry_run=True)
    room, count.at = count.files + 10, full  # one task and a half
    with pytest.raises(SweepError, match="no space left for .*kept and readable.*same command"):
        run(path, still, progress=False)
    count.at = lambda number: None
    assert open_store(path)["still/32px"].done.values.tolist() == [1, 0]
    assert len(table(path)) == 5
    assert run(path, still, progress=False).tasks == 1


def _numbers(path):
    """Everything a store says, by group and variable; and the table."""
    found = {}
    for node in groups(open_store(path)):
        data = reading.load(node.to_dataset(), path / node.path.lstrip("/"))
        found |= {f"{node.path} {name}": values.values.tobytes() for name, values in data.variables.items()}
    return found, table(path).to_csv()


# Each is played on a fourth of a store's files, which takes a few seconds; one bit on half of them.
DAMAGES = {
    "one bit": lambda file, draw: [_flipped(file, int(draw.integers(file.stat().st_size)), draw.integers(8))],
    "emptied": lambda file, draw: [lambda: file.write_bytes(b"")],
    "cut short": lambda file, draw: [lambda: file.write_bytes(file.read_bytes()[:-3])],
    "not copied": lambda file, draw: [file.unlink],
}


def _flipped(file, place, bit):
    def damage():
        content = bytearray(file.read_bytes())
        content[place] ^= 1 << int(bit)
        file.write_bytes(content)

    return damage


@pytest.mark.parametrize("damage", DAMAGES)
def test_damage_is_never_read_as_numbers_and_is_computed_again(still, tmp_path, damage):
    path, draw = tmp_path / "store", np.random.default_rng(0)
    run(path, still, progress=False)
    whole, numbers = _content(path), _numbers(path)
    files = sorted(file for file in path.rglob("*") if file.is_file())
    for file in files[list(DAMAGES).index(damage) % 2 :: 2 if damage == "one bit" else 4]:
        content, name = file.read_bytes(), str(file.relative_to(path))
        for harm in DAMAGES[damage](file, draw):
            harm()
            try:
                found, rows = _numbers(path)
                mark = "/done/" in name and damage == "not copied"  # a task without its mark is one to be computed
                assert mark or (found, rows) == numbers, f"{damage}, {name}: other numbers"
            except SweepError as error:
                assert "sweep" in str(error) and str(path) in str(error), f"{damage}, {name}: {error}"
            try:
                run(path, still, progress=False)
                assert _numbers(path) == numbers, f"{damage}, {name}: not repaired"
            except SweepError as error:
                # Whether the right thing is under it can't be told without the group's own description.
                assert name.endswith("32px/zarr.json") or name == "zarr.json", f"{damage}, {name}: {error}"
                assert "remove" in str(error) or "give another" in str(error)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(content)
    assert _content(path) == whole


def test_what_is_finished_was_on_the_disk_before_its_mark(still, tmp_path, monkeypatch):
    flushed, real = [], os.fsync
    names = lambda opened: Path(os.readlink(f"/proc/self/fd/{opened}"))  # noqa: E731
    if not Path("/proc/self/fd").exists():
        pytest.skip("what a descriptor is of is read from /proc")
    monkeypatch.setattr(os, "fsync", lambda opened: (flushed.append(names(opened)), real(opened)))
    path = tmp_path / "store"
    run(path, still, progress=False)
    place = path.resolve() / "still/32px"
    for index in (0, 1):
        *files, mark = reading.chunks(place, index, 1)
        assert all(file.is_file() for file in (*files, mark))
        assert max(map(flushed.index, files)) < flushed.index(mark)


def test_a_link_to_a_store_is_the_same_store(still, tmp_path):
    run(tmp_path / "store", still, progress=False)
    (tmp_path / "link").symlink_to(tmp_path / "store")
    with store.lock(tmp_path / "store"), pytest.raises(SweepError, match="another run is writing"):
        run(tmp_path / "link", still, progress=False)
    assert run(tmp_path / "link", still, progress=False).tasks == 0
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "store"]  # and no lock beside them


@pytest.mark.parametrize("change", [{"batch_size": -3}, {"background": "whote"}, {"stride": 0}, {"layers": ("fc6",)}])
def test_a_refused_parameter_leaves_no_store(tmp_path, change):
    with pytest.raises(ValueError):
        run(tmp_path / "store", _plan(settings=dataclasses.replace(SMALL, **change)), progress=False)
    assert list(tmp_path.iterdir()) == []


def test_objects_of_one_group_have_one_size():
    cutouts = [*_cutouts("cup"), objects.load("airplane", size=40)]
    with pytest.raises(ValueError, match="airplane has another size than cup"):
        list(Plan((RESNET,), {32: cutouts}).groups(SMALL))


def test_what_is_no_store(still, tmp_path):
    (tmp_path / "photos").mkdir()
    with pytest.raises(SweepError, match="exists and is no store of a sweep"):
        run(tmp_path / "photos", still, progress=False)
    with pytest.raises(SweepError, match="there is no store at .*missing"):
        open_store(tmp_path / "missing")


def test_the_estimate_says_what_is_left(still, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(execute, "throughput", lambda *_, **__: 12.5)
    run(tmp_path / "store", still, dry_run=True)
    said = capsys.readouterr().out
    # Two objects at 5 x 5 positions, at 12.5 frames per second.
    assert "2 tasks to do, 0 done: 50 frames, about 0:00:04 on this machine" in said
    assert "still: 12 frames/s" in said
    assert open_store(tmp_path / "store")["still/32px"].done.values.tolist() == [0, 0]
    assert table(tmp_path / "store").empty


def test_an_estimate_is_each_networks_own_and_shared_among_the_workers():
    class Four(execute._Here):
        width, words = 4, "4 workers"

        def call(self, function, source, *_, **__):
            return {RESNET: 10.0, TWIN: 40.0}[source]

    (cutout,) = _cutouts("cup")
    tasks = [
        execute.Task(group="", index=index, source=source, cutout=cutout, frames=1000)
        for index, source in enumerate((RESNET, RESNET, TWIN))
    ]
    # 2000 frames at 10 and 1000 at 40 frames/s are 225 s, of four workers 56.
    assert "about 0:00:56 on 4 workers" in execute._estimate(Four(), tasks, 0, SMALL)


def test_throughput_counts_the_frames_between_its_two_looks_at_the_clock(monkeypatch):
    """At 16 frames a batch: one to warm up, two timed."""
    clock, frames = iter((10.0, 14.0)), []
    rendered = shifting.Paste.render
    clocked = types.SimpleNamespace(perf_counter=lambda: frames.append("tick") or next(clock))
    monkeypatch.setattr("helpers.tools.sweep.task.time", clocked)
    monkeypatch.setattr(
        shifting.Paste, "render", lambda self, at, *a, **k: frames.append(len(at)) or rendered(self, at, *a, **k)
    )
    (cutout,) = _cutouts("cup")
    assert throughput(RESNET, cutout, settings=SMALL) == 32 / 4
    assert frames == [16, "tick", 16, 16, "tick"]


@pytest.mark.parametrize(
    ("plan", "message"),
    [
        (lambda: _plan(()), "at least one network"),
        (lambda: _plan((RESNET, RESNET)), "two networks of a sweep are called demo_resnet"),
        (lambda: _plan(names=("cup", "cup")), "two objects of a sweep are called cup"),
    ],
)
def test_plans_that_make_no_sense(plan, message):
    with pytest.raises(ValueError, match=message):
        plan()


def test_settings_that_do_not_fit_a_network(tmp_path):
    for change, message in (
        ({"stride": 40}, "32 px at stride 40 leaves 1 x 1 positions for demo_resnet"),
        ({"layers": ("fc6",)}, "has no layer 'fc6'; did you mean 'fc'"),
        ({"stride": 0}, "stride 0"),
    ):
        plan = _plan(settings=dataclasses.replace(SMALL, **change))
        with pytest.raises(ValueError, match=message):
            run(tmp_path / "store", plan, progress=False)
    assert not (tmp_path / "store").exists()


def test_categories_of_coco_are_sums_over_classes_of_imagenet():
    labels = networks.load("mobilenet_v2", weights=None).labels
    network = networks.wrap(torch.nn.Linear(2, 1000), {"fc": ""}, labels=labels)
    names = {category: [labels[i] for i in class_indices(network, category)] for category in objects.PAPER_CATEGORIES}
    assert names["zebra"] == ["zebra"] and names["clock"] == ["analog clock", "digital clock", "wall clock"]
    assert names["airplane"] == ["airliner", "warplane"] and names["laptop"] == ["laptop", "notebook"]
    assert names["car"][0] == "beach wagon" and names["car"][-1] == "sports car" and len(names["car"]) == 9
    assert names["boat"] == [
        "canoe", "catamaran", "fireboat", "gondola", "lifeboat", "schooner", "speedboat", "trimaran", "yawl"
    ]  # fmt: skip
    assert len(names["dog"]) == 118 and (names["dog"][0], names["dog"][-1]) == (
        "Chihuahua",
        "Mexican hairless",
    )
    assert {"cock", "great grey owl", "drake", "white stork", "albatross"} <= set(names["bird"])
    assert len(names["bird"]) == 59 and not {"tailed frog", "tusker", "grey whale"} & set(names["bird"])
    assert class_indices(network, "strawberry") == [949] and class_indices(network, "no such thing") == []
    other = networks.wrap(torch.nn.Linear(2, 3), {"fc": ""}, labels=["cup", "dog", "cat"])
    assert class_indices(other, "dog") == [1] and class_indices(other, "zebra") == []


def test_the_probability_of_a_category_is_the_sum_over_its_classes():
    torch.manual_seed(0)
    module = torch.nn.Sequential(torch.nn.AvgPool2d(8), torch.nn.Flatten(), torch.nn.Linear(3 * 8 * 8, 1000))
    labels = networks.load("mobilenet_v2", weights=None).labels
    network = networks.wrap(module, layers={"fc": "2"}, frame=64, labels=labels)
    cutout = dataclasses.replace(objects.load("cup", size=32), label="laptop")
    found = compute(network, cutout, settings=SMALL)
    frames = SMALL.scene(network, cutout).render(torch.cartesian_prod(*[torch.arange(0, 33, 8)] * 2))
    logits = features.of_frames(network, frames, layers=["fc"], device="cpu")["fc"]
    both = logits.softmax(1)[:, [620, 681]]  # laptop, notebook
    assert found["probability"].ravel() == pytest.approx(both.sum(1).numpy(), abs=1e-8)
    assert both.min() > 1e-4  # far above the tolerance, so that one alone is not the sum


def test_presets_and_their_changes():
    paper = named.parameters("paper", [])
    assert paper["sizes"] == [75, 125] and paper["stride"] == 1 and paper["per_category"] == 20
    values = named.parameters("paper", ["sizes=75", "networks=alexnet, vgg16AA", "at_most=true", "stride=4"])
    assert values["sizes"] == [75] and values["networks"] == ["alexnet", "vgg16AA"]
    assert values["at_most"] is True and values["stride"] == 4
    for change, message in {
        "strid=4": "unknown parameter 'strid'; did you mean 'stride'",
        "stride=four": "stride is int, but 'four' is str",
        "at_most=yes": "at_most is bool, but 'yes' is str",
        "stride": "write --set name=value",
    }.items():
        with pytest.raises(ValueError, match=message):
            named.parameters("paper", [change])
    with pytest.raises(ValueError, match="one precision for all: 'fast' is not one of float32"):
        Settings(precision="fast")
    with pytest.raises(ValueError, match="unknown preset 'papr'; did you mean 'paper'"):
        named.parameters("papr", [])


def test_the_papers_objects_reach_the_plan(shared):
    changes = ["networks=alexnet", f"coco={shared / 'coco'}", "at_most=true", "split=val2017"]
    plan = named.plan(named.parameters("paper", changes))
    assert {size: cutouts[0].size for size, cutouts in plan.cutouts.items()} == {
        75: (75, 75),
        125: (125, 125),
    }
    expected = objects.load_coco(shared / "coco", split="val2017", size=75, paper_crop=True, at_most=True)
    assert [cutout.name for cutout in plan.cutouts[75]] == [cutout.name for cutout in expected]
    assert all((a.rgba == b.rgba).all() for a, b in zip(plan.cutouts[75], expected, strict=True))


def test_the_command_line(tmp_path, capsys):
    out = str(tmp_path / "store")
    narrow = [
        "--set",
        "networks=demo_resnet",
        "--set",
        "objects=cup",
        "--set",
        "stride=40",
        "--set",
        "device=cpu",
    ]
    assert cli.sweep(["--preset", "smoke", "--out", out, *narrow]) == 0
    assert "1 tasks finished" in capsys.readouterr().out
    assert cli.sweep(["--preset", "smoke", "--out", out, *narrow, "--set", "stride=20"]) == 2
    assert "stride was 40, now 20" in capsys.readouterr().err
    assert cli.sweep(["--preset", "smoke", "--out", out, "--set", "network=demo_resnet"]) == 2
    assert "did you mean 'networks'" in capsys.readouterr().err


def _dask(log, command, *words):
    """Dask's command line, as `dask scheduler` and `dask worker` start it."""
    os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 1)
    os.dup2(1, 2)
    torch.set_num_threads(1)
    importlib.import_module(f"distributed.cli.{command}").main([*words, "--host", "127.0.0.1", "--no-dashboard"])


@pytest.fixture
def scheduler(tmp_path):
    """A scheduler in a process of its own: (address, its process, a function that starts a worker)."""
    pytest.importorskip("distributed")
    file, processes = tmp_path / "scheduler.json", []

    def start(*words):
        processes.append(_elsewhere(_dask, tmp_path / f"{len(processes)}.log", *words))
        return processes[-1]

    start("dask_scheduler", "--port", "0", "--scheduler-file", str(file))
    _wait_for(file.exists, processes[0])
    address = json.loads(file.read_text())["address"]
    yield address, processes[0], lambda: start("dask_worker", address, *_worker(tmp_path))
    for process in processes:
        process.kill()
        process.join()


def _worker(folder):
    return ["--no-nanny", "--nthreads", "1", "--local-directory", str(folder / "work")]


@pytest.fixture
def cluster(scheduler):
    """A scheduler and two workers, each a process of its own: (address, worker processes)."""
    address, _, worker = scheduler
    return address, [worker(), worker()]


def test_a_cluster_that_loses_a_worker_gives_the_same(cluster, finished, tmp_path, monkeypatch):
    import distributed

    address, workers = cluster
    with distributed.Client(address) as client:
        client.wait_for_workers(2, timeout=300)
    real, writes = store.write, []

    def write(*arguments, **options):
        real(*arguments, **options)
        writes.append(options["index"])
        if len(writes) == 2:
            workers[0].kill()

    monkeypatch.setattr(store, "write", write)
    summary = run(tmp_path / "store", _plan((RESNET, TWIN)), scheduler=address, progress=False)
    assert summary.tasks == 6 and (workers[0].exitcode, workers[1].exitcode) == (-signal.SIGKILL, None)
    assert _content(tmp_path / "store") == _content(finished)


def test_a_worker_without_the_package_is_named(scheduler, tmp_path):
    import distributed

    address, _, _ = scheduler
    (tmp_path / "bare/helpers").mkdir(parents=True)
    (tmp_path / "bare/helpers/__init__.py").write_text("raise ModuleNotFoundError(\"No module named 'helpers'\")")
    command = [sys.executable, "-m", "distributed.cli.dask_worker", address, *_worker(tmp_path)]
    bare = subprocess.Popen([*command, "--host", "127.0.0.1"], cwd=tmp_path / "bare", stderr=subprocess.DEVNULL)
    try:
        with distributed.Client(address) as client:
            client.wait_for_workers(1, timeout=300)
        message = r"the worker at tcp://127.* cannot import helpers.*No module.*pip install"
        with pytest.raises(SweepError, match=message):
            run(tmp_path / "store", _plan(), scheduler=address, progress=False)
    finally:
        bare.kill()
        bare.wait()
    assert not (tmp_path / "store").exists()


@pytest.mark.parametrize(
    ("lost", "message"),
    [
        ("scheduler", "the scheduler at tcp.* does not answer any more"),
        ("worker", "has lost its workers.*the same command continues"),
    ],
)
def test_a_cluster_that_is_gone_keeps_what_is_finished(scheduler, tmp_path, monkeypatch, lost, message):
    address, process, worker = scheduler
    ending = {"scheduler": process, "worker": worker()}[lost]
    real = store.write

    def write(*arguments, **options):
        real(*arguments, **options)
        ending.kill()

    monkeypatch.setattr(store, "write", write)
    monkeypatch.setattr(execute, "_PULSE", 1)
    monkeypatch.setattr(execute, "_PATIENCE", 5)
    with pytest.raises(SweepError, match=message):
        run(tmp_path / "store", _plan((RESNET, TWIN)), scheduler=address, progress=False)
    assert len(table(tmp_path / "store")) >= 5  # a task: one layer, five anchors


def test_a_worker_with_other_weights_is_refused():
    cutout = _cutouts("cup")[0]
    right = RESNET.load().checksum
    assert on_worker(RESNET, cutout, checksum=right, settings=SMALL)["top1"].shape == (5, 5)
    with pytest.raises(ValueError, match="the worker on .* has other weights for demo_resnet .*start the worker again"):
        on_worker(RESNET, cutout, checksum="0" * 64, settings=SMALL)


def test_no_cluster_there(tmp_path, monkeypatch):
    pytest.importorskip("distributed")
    monkeypatch.setattr(execute, "_PATIENCE", 1)
    with pytest.raises(SweepError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        run(tmp_path / "store", _plan(), scheduler="tcp://127.0.0.1:9", progress=False)


# Compiled for long work


@pytest.fixture
def compiler(monkeypatch):
    """Compiling is worth it, by a clock on which a forward pass takes a second: what it was asked to compile, in all.

    ``compiler.way`` makes the quick forward of the plain one, ``compiler.seconds`` is what that takes.
    """
    found = types.SimpleNamespace(now=0.0, seconds=0.5, batches=[], way=lambda forward: forward)
    run_plainly, compile_really = reading_of_features.Reader.run, torch.compile

    def run(self, module, inputs):
        found.now += 1
        return run_plainly(self, module, inputs)

    def compiled(forward, **how):
        assert how == {"dynamic": False, **compilation.WAY}
        quick = found.way(forward)

        def call(inputs):
            found.now += found.seconds - 1
            found.batches.append(len(inputs))
            return quick(inputs)

        return call

    found.really = lambda forward: compile_really(forward, dynamic=False, backend="eager")
    monkeypatch.setattr(reading_of_features.Reader, "run", run)
    monkeypatch.setattr(torch, "compile", compiled)
    monkeypatch.setattr(compilation, "time", types.SimpleNamespace(perf_counter=lambda: found.now))
    monkeypatch.setattr(compilation, "possible", lambda settings: True)
    monkeypatch.setattr(compilation, "FRAMES", 50)
    monkeypatch.setattr(execute, "throughput", lambda *_, **__: SMALL.batch_size)
    monkeypatch.setattr(compilation, "WORTH", 75 / SMALL.batch_size)
    return found


def test_long_work_is_compiled_and_says_so(compiler, finished, tmp_path, capsys):
    """Traced as it really is, hooks and all; from 75 frames on, in full batches of 16."""
    compiler.way = compiler.really
    run(tmp_path / "store", _plan((RESNET, TWIN)))
    said, whole = capsys.readouterr().out, open_store(finished)
    assert "compiled first" in said and "demo_resnetAA/32px: compiled in 0 s: 32 frames/s, 16 before" in said
    # Of each group one batch to compile, some to time, and of each of three objects one full one of 25 frames
    assert compiler.batches == [16] * 2 * (1 + compilation.ROUNDS + 3)
    for node in groups(open_store(tmp_path / "store")):
        assert node.done.values.tolist() == [2, 2, 2]
        for name in ("similarity", "probability", "scalars", "drop"):
            assert node[name].values == pytest.approx(whole[node.path][name].values, abs=1e-5, nan_ok=True), name
    assert len(table(tmp_path / "store")) == len(table(finished))


@pytest.mark.parametrize(
    ("way", "seconds", "why"),
    [
        (lambda forward: 1 / 0, 0.5, "ZeroDivisionError: division by zero"),
        (lambda forward: lambda inputs: forward(inputs * 1.001), 0.5, "would differ by .e-0. of its largest feature"),
        (lambda forward: forward, 1.5, r"no faster \(11 frames/s, 16 as it is\)"),
    ],
)
def test_what_cannot_be_compiled_is_read_as_it_is(compiler, finished, tmp_path, capsys, way, seconds, why):
    compiler.way, compiler.seconds = way, seconds
    run(tmp_path / "store", _plan((RESNET, TWIN)))
    assert len(re.findall(f"demo_resnet.*not compiled: .*{why}", capsys.readouterr().out)) == 2
    assert _content(tmp_path / "store") == _content(finished)


def test_the_network_is_given_back_as_it_was(compiler):
    """One without batch norms, and with too few positions for reuse: the very network is read, and no copy."""
    network = networks.load("demo_alexnet")
    settings = dataclasses.replace(SMALL, stride=24, frame=128)
    with compilation.compiled(network, _cutouts("cup")[0], settings=settings, frames=2_000) as way:
        assert way.used and way.reader.module is network.module and "forward" in vars(network.module)
    assert "forward" not in vars(network.module)


def test_short_work_is_not_compiled(compiler, tmp_path, monkeypatch, capsys):
    run(tmp_path / "few", _plan(names=("cup",)))  # 25 frames
    run(tmp_path / "quick", _plan(names=("cup", "airplane")))  # 50 frames, a little over 3 s
    said = capsys.readouterr().out
    assert not compiler.batches and "compiled first" not in said and said.count("not compiled: 3 s of work") == 1
