"""The published study: our reading of the paper as gates, its maps, and the replay with a real network."""

import functools
import hashlib
import http.server
import threading

import numpy as np
import pandas as pd
import pytest

from helpers import assets, similarity
from helpers.measures import published
from helpers.measures.published import data, replaying, tables


@pytest.fixture(scope="module")
def means():
    return published.coco_means()


def test_the_typed_table_is_whole(means):
    assert len(means) == 100 and not means.isna().any(axis=None)
    assert not means.duplicated(["network", "variant", "layer", "patch", "anchor"]).any()
    runs = means.groupby(["network", "layer"]).size().to_dict()
    assert runs == {("alexnet", "fc6"): 20, ("alexnet", "fc7"): 20, ("alexnet", "fc8"): 20,
                    ("mobilenet_v2", "fc"): 20, ("resnet50", "fc"): 20}  # fmt: skip
    # 224 - 75 + 1 and 224 - 125 + 1 positions a side
    assert dict(zip(means.patch, means.positions, strict=True)) == {"small": 150**2, "large": 100**2}


def test_the_typed_table_is_the_published_one(means, shared):
    theirs = pd.read_csv(shared / "published" / "coco_means.csv")
    pd.testing.assert_frame_equal(means, theirs)


def test_gates_of_our_reading(means):
    """Paper, section 4.1: the centre is the best anchor, and anti-aliasing raises it; ours: which is worst."""
    gates = published.gates(means).set_index("gate")
    assert gates.loc["the centre is the highest anchor", ["holds", "of"]].tolist() == [20, 20]
    assert gates.loc["the bottom right is the lowest anchor", ["holds", "of"]].tolist() == [20, 20]
    assert gates.loc["anti-aliasing raises the centre", ["holds", "of"]].tolist() == [10, 10]
    note = gates.loc["anti-aliasing raises the centre", "note"]
    assert note.endswith("the corners' mean by -0.012 to +0.020")


def test_gates_can_fail(means):
    worse = means.copy()
    at = worse.query("network == 'resnet50' and variant == 'antialiased' and patch == 'small' and anchor == 'c'").index
    worse.loc[at, "mean_cosine"] = 0.8
    assert published.gates(worse).holds.tolist() == [19, 19, 9]


def test_a_map_is_parsed_as_the_authors_wrote_it():
    content = b"y,x,val\r\n0,0,1.0\r\n0,1,0.5\r\n1,0,0.25\r\n1,1,0.125\r\n2,0,0\r\n2,1,-0.5\r\n"
    assert published.parse_csv(content).tolist() == [[1, 0.5], [0.25, 0.125], [0, -0.5]]
    for bad, message in (
        (content[:-12], "has 5 values for 3 x 2 positions: it was cut short"),
        (content.replace(b"1,1", b"1,0"), "positions: it was cut short"),
        (b"<html>not found</html>", "its first line is not y,x,val"),
        (b"", "its first line is not y,x,val"),
        (b"y,x,val\r\n0,zero,1\r\n", "invalid literal"),
    ):
        with pytest.raises(ValueError, match=message):
            published.parse_csv(bad, name="some.csv")


def file_name(key: str) -> str:
    return key.replace("/", "-") + "-d3.csv"


def test_there_are_256_checksums():
    sums = published.map_sums()
    assert len(sums) == 256 and all(len(digest) == 64 for digest in sums.values())
    assert file_name("mobilev2AA/fc/berry/br") in sums


def test_the_maps_are_the_authors(shared):
    maps, sums = published.find_maps(), published.map_sums()
    assert {file_name(key) for key in maps} == set(sums)
    for key, values in maps.items():
        _, layer, name, anchor = key.split("/")
        assert values.shape == {"berry": (125, 125), "plane": (133, 133)}[name]
        if layer == "class":
            # A probability is a float32 that the authors printed whole, so their file can be written again.
            lines = (f"{row},{col},{float(value)!r}\r\n" for (row, col), value in np.ndenumerate(values))
            digest = hashlib.sha256(("y,x,val\r\n" + "".join(lines)).encode()).hexdigest()
            assert digest == sums[file_name(key)]
        else:
            # Cosines in float64, kept here in float32.
            assert values[similarity.anchors(values.shape)[anchor]] == pytest.approx(1, abs=1e-6)


def test_served_files_are_used_and_damaged_ones_are_not(shared, tmp_path, monkeypatch):
    folder = tmp_path / "published" / "csv"
    folder.mkdir(parents=True)
    source = shared / "published" / "csv"
    names = ["mobilev2-fc-berry-br-d3.csv", "mobilev2-class-berry-br-d3.csv", "mobilev2-fc-plane-c-d3.csv"]
    for name in names:
        (folder / name).write_bytes((source / name).read_bytes())
    (folder / names[2]).write_bytes((source / names[2]).read_bytes()[:-100])
    packed = np.load(shared / "published" / "maps.npz")
    monkeypatch.setattr(assets, "search_path", lambda: [tmp_path])
    found = published.find_maps()
    assert sorted(found) == ["mobilev2/class/berry/br", "mobilev2/fc/berry/br"]
    for key, values in found.items():
        assert (values == packed[key]).all()


def test_without_anything_there_are_no_maps_and_nothing_to_replay(tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "search_path", lambda: [tmp_path])
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    assert published.find_maps() == {} and published.replayable() == {}


@pytest.fixture
def web(tmp_path):
    """The address at which the files of ``tmp_path / "site"`` are served."""
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "site"))
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def test_a_download_is_checked_file_by_file(web, tmp_path, monkeypatch):
    monkeypatch.setattr(assets, "search_path", lambda: [tmp_path])
    monkeypatch.setattr(assets, "cache", lambda: tmp_path)
    content = b"y,x,val\r\n0,0,1.0\r\n"
    sums = {"alexnet-fc-berry-c-d3.csv": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(data, "map_sums", lambda: sums)
    image = b"not really a picture"
    images = {"objects/berry_rgba.png": ("images/berry.png", hashlib.sha256(image).hexdigest())}
    monkeypatch.setattr(data, "IMAGES", images)
    site, page = tmp_path / "site" / "csv", tmp_path / "site" / "images"
    site.mkdir(parents=True)
    page.mkdir()
    (page / "berry.png").write_bytes(image)
    monkeypatch.setattr(data, "SITE", web)
    with pytest.raises(assets.AssetError, match="cannot download alexnet-fc-berry-c-d3.csv"):
        published.find_maps(download=True)
    (site / "alexnet-fc-berry-c-d3.csv").write_bytes(content.replace(b"1.0", b"0.9"))
    with pytest.raises(assets.AssetError, match="SHA-256"):
        published.find_maps(download=True)
    (site / "alexnet-fc-berry-c-d3.csv").write_bytes(content)
    assert published.find_maps(download=True)["alexnet/fc/berry/c"].tolist() == [[1.0]]
    assert (tmp_path / "objects" / "berry_rgba.png").read_bytes() == image


def test_measures_of_maps_by_hand():
    rows = np.arange(125)[:, None] - 62
    ring = np.maximum(abs(rows), abs(rows.T))
    lattice = 0.01 * (np.arange(125) % 4 == 0)[:, None] * np.ones(125)
    maps = {
        "alexnetAA/fc6/berry/c": (1 - 0.002 * ring).astype(np.float32),
        "mobilev2/fc/berry/tl": (0.9 + lattice).astype(np.float32),
        "mobilev2/class/berry/br": np.full((125, 125), 0.5, np.float32),
    }
    table = published.measures(maps).set_index("network")
    assert len(table) == 2 and set(table.variant) == {"antialiased", "off-the-shelf"}
    cone, steps = table.loc["alexnet"], table.loc["mobilenet_v2"]
    # float32 values near 1 carry 6e-8
    for px in (1, 4, 16, 32):
        assert cone[f"drop_{px}"] == pytest.approx(0.002 * px, abs=1e-6)
    assert cone.lowest == pytest.approx(1 - 0.002 * 62, abs=1e-6) and abs(cone.tilt_right) < 1e-6
    # On one row in four: a standard deviation of 0.01 * sqrt(1/4 * 3/4), all of it periodic. The smooth part
    # takes what 32 rows of 125 are more than a quarter of them.
    assert steps.lattice_rms == pytest.approx(0.01 * (3 / 16) ** 0.5, rel=0.01)
    assert steps.lattice_share > 0.999


def test_ours_beside_theirs(means):
    def row(network, count, value, anchor="c"):
        common = {"size": 75, "layer": "fc", "anchor": anchor, "mean_cosine": value}
        return [{"network": network, "object": f"object {i}", **common} for i in range(count)]

    theirs = 0.935063  # MobileNetV2 off-the-shelf, small, c; standard deviation over objects 0.025826
    ours = row("mobilenet_v2", 50, theirs + 0.011) + row("mobilenet_v2AA", 200, 0.956484 + 0.006)
    ours += row("mobilenet_v2@mine", 50, theirs + 0.007) + row("demo_resnet", 5, 0.9)
    table = published.beside(pd.DataFrame(ours), means).set_index(["variant", "weights"])
    assert len(table) == 3
    sampled = table.loc[("off-the-shelf", "default")]
    # 2 * 0.025826 * sqrt(1 / 50 + 1 / 200) = 0.00817
    assert sampled.tolerance == pytest.approx(0.00817, abs=1e-5) and sampled.objects == 50
    assert sampled.difference == pytest.approx(0.011) and sampled.verdict == "outside"
    assert table.loc[("off-the-shelf", "mine")].verdict == "within, other weights"
    whole = table.loc[("antialiased", "default")]
    assert whole.tolerance == tables.SAME and whole.verdict == "outside"


def test_replay_of_a_relative_is_called_one(shared):
    """Measured independently at stride 2: its maps of the berry correlate with the published ones by 0.85 to 0.93,
    P(strawberry) is within 0.02. Here 25 positions: only that r is high, and higher than with another anchor's."""
    maps = published.find_maps()
    available = {name: what for name, what in published.replayable().items() if name == "mobilev2"}
    assert available["mobilev2"][0] == replaying.RELATIVE
    table, ours = published.replay(maps, available, names=["berry"], stride=31, device="cpu", progress=False)
    table = table.set_index("key")
    assert set(table.index) == {f"mobilev2/fc/berry/{a}" for a in similarity.ANCHORS} | {"mobilev2/class/berry/br"}
    assert (table.verdict == "no verdict: fine-tuned relative").all() and (table.positions == 25).all()
    # 124 = 4 * 31: the corners are on the lattice, and the centre (62) too.
    assert ours["mobilev2/fc/berry/br"][4, 4] == pytest.approx(1, abs=1e-5)
    assert ours["mobilev2/fc/berry/c"][2, 2] == pytest.approx(1, abs=1e-5)
    cosines = table.drop("mobilev2/class/berry/br")
    assert cosines.pearson_r.min() > 0.7
    wrong = np.corrcoef(ours["mobilev2/fc/berry/br"].ravel(), maps["mobilev2/fc/berry/tl"][::31, ::31].ravel())
    assert wrong[0, 1] < cosines.pearson_r.min()
    assert table.loc["mobilev2/class/berry/br"].largest_difference < 0.05


def test_verdicts_of_a_replay():
    theirs = np.linspace(0.8, 1, 25).reshape(5, 5)
    same = replaying._verdict(theirs + 0.004, theirs, replaying.PUBLISHED_WEIGHTS)
    assert same["verdict"] == "reproduced" and same["largest_difference"] == pytest.approx(0.004)
    assert same["pearson_r"] == pytest.approx(1)
    assert replaying._verdict(theirs + 0.006, theirs, replaying.PUBLISHED_WEIGHTS)["verdict"] == "differs"
    assert replaying._verdict(theirs, theirs, replaying.RELATIVE)["verdict"].startswith("no verdict")
