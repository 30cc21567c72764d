"""The interactive page in a real browser: headless Chromium, driven by Playwright, from file:// and offline.

Times are measured in the browser and printed; a machine that is busy with something else is allowed ten times
the aims (pointer 50 ms, anchor 150 ms, first paint 2 s).
"""

import re
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from helpers import similarity
from helpers.features import Features
from helpers.objects import Cutout, Photo
from helpers.shifting import Paste
from helpers.tools.page import compress, describing, pages
from helpers.tools.page.subjects import Maps, Subject, from_features

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FRAME, SIZE = 40, 12
GRID = FRAME - SIZE + 1
PATIENCE = 30_000  # ms: a loaded machine is slow, not wrong
STORED = "demitasse, 75 px, every 2 px"
LABELS = ["cat", "<i>dog</i>", "owl"]
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


def _scene(name: str, background, label: str) -> Paste:
    draw = torch.Generator().manual_seed(len(name))
    rgba = torch.randint(0, 256, (4, SIZE, SIZE), generator=draw, dtype=torch.uint8)
    rgba[3] = 255
    rgba[3, :3, :3] = 0
    return Paste(Cutout(rgba, name, label), frame=FRAME, background=background)


def _features(scene: Paste, title: str, antialiased: bool, seed: int) -> Features:
    draw = torch.Generator().manual_seed(seed)

    def smooth(dimensions: int) -> torch.Tensor:
        coarse = torch.randn(1, dimensions, 4, 4, generator=draw)
        fine = torch.nn.functional.interpolate(coarse, (GRID, GRID), mode="bicubic")[0].permute(1, 2, 0)
        return fine + 0.6 + 0.05 * torch.randn(GRID, GRID, dimensions, generator=draw)

    network = SimpleNamespace(
        name="net", title=title, antialiased=antialiased, weights="random", labels=LABELS, logits="fc",
        class_index=LABELS.index,
    )  # fmt: skip
    positions = torch.arange(GRID)
    return Features({"fc6": smooth(24), "fc": smooth(3)}, positions, positions, network, scene)


def _stored() -> Subject:
    """Maps against some of the classic anchors, on a grid of another shape, by the names of a view of the story."""
    draw = np.random.default_rng(5)
    rows, cols = range(4, 144, 10), range(14, 184, 10)  # the view's anchor, 74, 74, is among them
    found = [
        Maps(
            f"EfficientNet-Lite0, {kind}", "random",
            {"pool": {anchor: draw.uniform(low, 1, (14, 17)) for anchor in similarity.ANCHORS if anchor != "bl"}},
            probability=draw.uniform(0, 0.9, (14, 17)), label="cat", labels=["cat", "dog", "owl"],
            top1=draw.integers(0, 3, (14, 17)), note="some anchors only",
        )
        for kind, low in (("off-the-shelf", 0.2), ("anti-aliased", 0.6))
    ]  # fmt: skip
    return Subject(name=STORED, rows=rows, cols=cols, frame=(200, 220), networks=found, size=(50, 30))


def _exact(features: Features, layer: str, anchor: tuple[int, int]) -> np.ndarray:
    values = features.layers[layer].double().numpy()
    lengths = np.sqrt((values**2).sum(-1))
    return values @ values[anchor] / lengths / lengths[anchor]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    """The page of two objects, one with a hostile name on a photo, and two networks."""
    photo = torch.randint(0, 256, (3, FRAME, FRAME), generator=torch.Generator().manual_seed(7), dtype=torch.uint8)
    scenes = [_scene("disc", "white", "cat"), _scene(HOSTILE, Photo(photo, "photo"), LABELS[1])]
    features = [
        _features(scene, f"net, {kind}", kind == "anti-aliased", seed)
        for scene in scenes
        for seed, kind in enumerate(("off-the-shelf", "anti-aliased"))
    ]
    maps = _stored()
    path = pages.write(tmp_path_factory.mktemp("page") / "explorer.html", [*from_features(features), maps])
    return SimpleNamespace(path=path, features=features, scenes=scenes, maps=maps)


@pytest.fixture(scope="module")
def chromium():
    if CHROMIUM is None:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    with playwright.sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=FLAGS, timeout=PATIENCE)
        yield browser
        browser.close()


@pytest.fixture
def opened(chromium, made, request):
    """The page, open and ready, and what went wrong on the way: requests, messages, errors."""
    options = {"viewport": {"width": 1280, "height": 900}} | getattr(request, "param", {})
    context = chromium.new_context(**options)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.wrong = []
    tab.on("request", lambda r: tab.wrong.append(r.url) if r.url.split("#")[0] != made.path.as_uri() else None)
    tab.on("console", lambda m: tab.wrong.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    _open(tab, made)
    yield tab
    assert tab.wrong == []
    context.close()


def _open(tab, made, fragment: str = "") -> None:
    tab.goto("about:blank")
    tab.goto(made.path.as_uri() + fragment)
    tab.wait_for_selector("html[data-ready]", state="attached")


def _features_in_view(tab) -> None:
    """Both sides show fc6, whose anchor may be anywhere."""
    for side in ("left", "right"):
        tab.select_option(f"#{side}-layer", label="fc6", force=True)  # on a phone one side is in view
    _still(tab)


def _still(tab) -> None:
    tab.wait_for_function("!explorer.state.loading")


def _settle(tab) -> None:
    """Until two frames are painted: the pointer's moves are taken once a frame."""
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def _cell(tab, row, col, plot="left") -> tuple[float, float]:
    """The middle of a map's cell on the screen; rows and columns are counted in positions."""
    shape = "(({ rows, cols }) => [rows[2], cols[2]])(explorer.page.subjects[explorer.state.subject])"
    rows, cols = tab.evaluate(shape)
    box = tab.locator(f"[data-map={plot}]").bounding_box()
    return box["x"] + (col + 0.5) / cols * box["width"], box["y"] + (row + 0.5) / rows * box["height"]


def _move(tab, row, col, plot="left", click=False) -> None:
    x, y = _cell(tab, row, col, plot)
    (tab.mouse.click if click else tab.mouse.move)(x, y)
    tab.wait_for_function("([i, j]) => explorer.state.at.join() === `${i},${j}`", arg=[row, col])
    if click:
        assert tab.evaluate("explorer.state.anchor") == [row, col]
    _settle(tab)


def _number(text: str) -> float:
    return float(text.split()[-1].replace("−", "-"))


def _pixels(tab, canvas: str) -> np.ndarray:
    """What a canvas holds, uint8 (H, W, 4)."""
    width, height, flat = tab.evaluate(
        """(id) => { const canvas = document.getElementById(id)
        const { width, height } = canvas
        const copy = Object.assign(document.createElement("canvas"), { width, height })
        const context = copy.getContext("2d", { willReadFrequently: true })
        context.drawImage(canvas, 0, 0)
        return [width, height, [...context.getImageData(0, 0, width, height).data]] }""",
        canvas,
    )
    return np.array(flat, np.uint8).reshape(height, width, 4)


def _map(tab, name: str) -> np.ndarray:
    return np.array(tab.evaluate(f"[...explorer.state.maps.{name}]")).reshape(GRID, GRID)


def test_it_opens_from_disk_alone(opened):
    assert opened.title() == pages.TITLE
    at, anchor = opened.evaluate("[explorer.state.at, explorer.state.anchor]")
    assert anchor == [(GRID - 1) // 2] * 2 and at != anchor  # something to read before anything is touched
    for side in ("left", "right"):
        assert opened.locator(f"#{side}-layer option:checked").text_content() == "answers"


@pytest.mark.parametrize("anchor, at", [((0, 0), (20, 11)), ((14, 3), (5, 28)), ((28, 28), (27, 28))])
def test_a_click_computes_the_cosines_anew(opened, made, anchor, at):
    _features_in_view(opened)
    _move(opened, *anchor, plot="right", click=True)
    _move(opened, *at)
    exact = [_exact(features, "fc6", anchor) for features in made.features[:2]]
    for name, values, features in zip(("left", "right"), exact, made.features, strict=False):
        shown = _map(opened, name)
        # What the browser computes is what was measured when the page was made, up to float32 sums.
        np.testing.assert_allclose(shown, compress.pack(features.layers["fc6"]).cosines(anchor), atol=1e-5)
        # Over the bound come float32 sums of 24 products in the browser.
        assert np.abs(shown - values).max() <= compress.BOUND + 1e-5
        assert _number(opened.text_content(f"#{name}-value")) == pytest.approx(shown[at], abs=5.1e-4)  # three decimals
        assert _number(opened.text_content(f"#{name}-value")) == pytest.approx(values[at], abs=compress.BOUND + 5.1e-4)
    # A difference of two rounded maps is off by twice the bound at most.
    np.testing.assert_allclose(_map(opened, "difference"), exact[1] - exact[0], atol=2 * compress.BOUND + 1e-5)
    assert _number(opened.text_content("#difference-value")) == pytest.approx(
        (exact[1] - exact[0])[at], abs=2 * compress.BOUND + 5.1e-4
    )
    assert opened.text_content("#anchor-place") == f"row {anchor[0]}, column {anchor[1]}"
    assert opened.text_content("#place") == f"row {at[0]}, column {at[1]}"


@pytest.mark.parametrize("index", [0, 1])
def test_the_frame_shows_what_the_network_sees(opened, made, index):
    """The picture on the screen, pixel by pixel, is the scene's own rendering at the pointer's place."""
    if index:
        opened.select_option("#subject", str(index))
        _still(opened)
    for row, col in ((3, 25), (28, 0)):
        _move(opened, row, col, plot="difference")
        exact = made.scenes[index].render(torch.tensor([[row, col]]))[0].permute(1, 2, 0).numpy()
        # Browsers may blend a level or two off.
        assert np.abs(_pixels(opened, "picture")[..., :3].astype(int) - exact).max() <= 2


@pytest.mark.parametrize("index", [0, 1])
def test_a_ghost_stands_at_the_anchor(opened, made, index):
    opened.select_option("#subject", str(index))
    _still(opened)
    _move(opened, 4, 20, click=True)
    _move(opened, 25, 2)
    ghost = _pixels(opened, "ghost")
    box = ghost[4 : 4 + SIZE, 20 : 20 + SIZE]
    colours, alpha = made.scenes[index].picture()[0][:3], box[..., 3]
    opaque = alpha == 255
    assert opaque[3:, 3:].all()
    middle = colours[:, (GRID - 1) : (GRID - 1) + SIZE, (GRID - 1) : (GRID - 1) + SIZE].permute(1, 2, 0).numpy()
    assert np.abs(box[opaque][:, :3].astype(int) - middle[opaque]).max() <= 2
    frame, outline = (opened.locator(each).bounding_box() for each in ("#frame", "#ghost-box"))
    scale = frame["width"] / FRAME
    assert outline["x"] - frame["x"] == pytest.approx(20 * scale, abs=1)
    assert outline["y"] - frame["y"] == pytest.approx(4 * scale, abs=1)


def test_what_the_networks_say_at_the_place(opened, made):
    """The two likeliest classes with their probabilities, the right one marked."""
    for place in ((4, 22), (17, 3)):
        _move(opened, *place)
        for name, features in zip(("left", "right"), made.features, strict=False):
            chances = features.layers["fc"][place].double().softmax(0)
            order = chances.argsort(descending=True)[:2].tolist()
            wanted = ", ".join(f"{LABELS[each]} {chances[each]:.2f}".replace("0.", ".") for each in order)
            assert opened.text_content(f"#{name}-says") == wanted
            marked = opened.locator(f"#{name}-says .is-right").all_text_contents()
            assert marked == ["cat"] * (0 in order)


def test_what_is_known_is_said_where_there_are_no_logits(opened, made):
    opened.select_option("#subject", "2")
    _still(opened)
    maps = made.maps.networks[0]
    for answer in (0, 1):
        place = tuple(np.argwhere(maps.top1 == answer)[3].tolist())
        _move(opened, *place)
        chance = f"{maps.probability[place]:.2f}"[1:]
        wanted = f"cat {chance}" if answer == 0 else f"dog, P(cat) {chance}"
        assert opened.text_content("#left-says") == wanted


def _colour(hex_: str) -> list[int]:
    return [int(hex_[at : at + 2], 16) for at in (1, 3, 5)]


def test_the_first_view_is_the_map_of_answers(opened, made):
    """Green where the answer is right, another colour for each of the others, the same on both sides."""
    answers = [features.layers["fc"].argmax(-1).numpy() for features in made.features[:2]]
    wrong = np.concatenate([each[each != 0] for each in answers])
    ranks = sorted((1, 2), key=lambda each: -np.sum(wrong == each))
    colours = {0: describing.RIGHT, **dict(zip(ranks, describing.WRONG, strict=False))}
    for name, answer in zip(("left", "right"), answers, strict=True):
        exact = np.array([_colour(colours[each]) for each in (0, 1, 2)])[answer]
        np.testing.assert_array_equal(_pixels(opened, f"{name}-map")[..., :3], exact)
        share = round(100 * float(np.mean(answer == 0)))
        assert opened.locator(f"#{name}-note .swatch").first.text_content() == f"cat {share} %"
    right = [answer == 0 for answer in answers]
    legend = [100 * np.mean(each) for each in (right[0] & right[1], right[0] & ~right[1], ~right[0] & right[1])]
    shown = opened.locator("#difference-note .swatch b").all_text_contents()
    assert [int(each.split()[0]) for each in shown[:3]] == [round(each) for each in legend]
    both = _pixels(opened, "difference-map")[right[0] & right[1]]
    assert (both[:, :3] == _colour(describing.RIGHT)).all()
    shares = [round(100 * float(np.mean(each))) for each in right]
    words = f"A gives the right answer (cat) at {shares[0]} % of 841 places, B at {shares[1]} %"
    assert words in opened.text_content("#story")


def test_the_probability_is_a_layer_and_is_not_subtracted_from_a_cosine(opened, made):
    _features_in_view(opened)
    opened.select_option("#right-layer", label="P(cat)")
    _still(opened)
    exact = made.features[1].layers["fc"].double().softmax(-1)[..., 0].numpy()
    np.testing.assert_allclose(_map(opened, "right"), exact, atol=1.1e-4)
    assert opened.evaluate("explorer.state.maps.difference") is None and opened.text_content("#difference-value") == ""
    assert opened.text_content("#difference-note") == "B is a probability, A a cosine similarity."
    words = [opened.text_content(f"#{side}-value").rsplit(" ", 1)[0] for side in ("left", "right")]
    assert words == ["cosine similarity", "probability"]
    assert "P(cat) the probability of the class “cat”, the object's own" in opened.text_content("#glossary")
    opened.select_option("#right-layer", label="fc6")
    _still(opened)
    assert opened.text_content("#difference-kind") == "B minus A"
    assert opened.text_content("#difference-note").startswith("−")


def test_profiles_are_the_means_along_the_edges(opened):
    _features_in_view(opened)
    lines = {
        (side, edge, own): np.array(
            [
                [float(part) for part in point.split(",")]
                for point in opened.get_attribute(f"#{side}-{edge} .{own}", "points").split()
            ]
        )
        for side in ("left", "right") for edge in ("rows", "cols") for own in ("left", "right")
    }  # fmt: skip
    low, high = (_number(opened.text_content(f"#left-{end}")) for end in ("lowest", "highest"))
    for (_, edge, own), points in lines.items():
        values, along = (points[:, 0], points[:, 1]) if edge == "rows" else (1 - points[:, 1], points[:, 0])
        exact = _map(opened, own).mean(1 if edge == "rows" else 0)
        np.testing.assert_allclose(along, (np.arange(GRID) + 0.5) / GRID, atol=1e-6)
        shown = low + (values - 0.06) / 0.88 * (high - low)
        np.testing.assert_allclose(shown, exact, atol=0.011)  # the range is written with two decimals
        assert np.corrcoef(shown, exact)[0, 1] > 0.9999


def test_keys_move_by_one_place_and_put_the_anchor(opened):
    _features_in_view(opened)
    opened.focus("#frame")
    before = opened.evaluate("explorer.state.at")
    for key, step in {"ArrowRight": (0, 1), "ArrowDown": (1, 0), "ArrowLeft": (0, -1), "ArrowUp": (-1, 0)}.items():
        opened.keyboard.press(key)
        after = opened.evaluate("explorer.state.at")
        assert (after[0] - before[0], after[1] - before[1]) == step
        before = after
    opened.keyboard.press("Shift+ArrowDown")
    opened.keyboard.press("Enter")
    assert opened.evaluate("explorer.state.anchor") == [before[0] + 10, before[1]]
    assert _number(opened.text_content("#left-value")) == 1
    for _ in range(3):
        opened.keyboard.press("Shift+ArrowDown")  # stops at the edge
    assert opened.evaluate("explorer.state.at") == [GRID - 1, before[1]]


def test_every_focus_stop_has_a_name_and_a_ring(opened):
    _features_in_view(opened)
    opened.focus("#presets a")
    stops = []
    for _ in range(40):
        stops.append(
            opened.evaluate(
                """() => { const at = document.activeElement, label = at.closest("label")?.textContent
                const style = getComputedStyle(at), around = at.closest("#tabs label")
                const ring = around ? getComputedStyle(around) : style
                return { is: at.id || at.dataset.anchor || at.name || at.tagName, name: (at.getAttribute("aria-label")
                  || label || at.textContent).trim(), ring: ring.outlineStyle !== "none" && ring.outlineWidth } }"""
            )
        )
        opened.keyboard.press("Tab")
        if opened.evaluate("document.activeElement === document.body"):
            break
    wanted = ["A", "subject", "tl", "tr", "c", "bl", "br", "here", "low", "high", "fit", "palette", "frame",
              "left-network", "left-layer", "right-network", "right-layer", "SUMMARY", "SUMMARY"]  # fmt: skip
    assert [stop["is"] for stop in stops] == wanted
    assert all(stop["name"] and stop["ring"] == "2px" for stop in stops), stops


def test_classic_anchors_and_the_place(opened):
    _features_in_view(opened)
    last = GRID - 1
    places = {"tl": [0, 0], "tr": [0, last], "c": [last // 2] * 2, "bl": [last, 0], "br": [last, last]}
    for name, place in places.items():
        opened.click(f"[data-anchor={name}]")
        assert opened.evaluate("explorer.state.anchor") == place
        assert opened.get_attribute(f"[data-anchor={name}]", "aria-pressed") == "true"
        assert opened.locator("[aria-pressed=true]").count() == 1
    _move(opened, 3, 9)
    opened.click("#here")
    assert opened.evaluate("explorer.state.anchor") == [3, 9]


def test_one_scale_for_both_maps(opened):
    _features_in_view(opened)
    scale = "[explorer.state.low, explorer.state.high]"
    opened.fill("#low", "0.31")
    darkest = _colour(opened.evaluate("explorer.page.palettes.cividis[0]"))
    assert opened.evaluate(scale) == [0.31, 1] and opened.text_content("#low-value") == "0.31"
    for side in ("left", "right"):
        under = _map(opened, side) <= 0.31
        assert under.any()
        assert (_pixels(opened, f"{side}-map")[under][:, :3] == darkest).all()
    opened.fill("#high", "0.2")  # under the lower end: stays above it
    assert opened.evaluate(scale) == [0.31, 0.33]
    opened.click("#fit")
    values = np.concatenate([_map(opened, "left"), _map(opened, "right")])
    low, high = opened.evaluate(scale)
    assert low <= values.min() < low + 0.05 and high == 1
    opened.select_option("#palette", "hot")
    brightest = np.unravel_index(_map(opened, "left").argmax(), (GRID, GRID))
    assert _pixels(opened, "left-map")[brightest][:3].tolist() == [255, 255, 255]  # the end of matplotlib's hot


def test_the_scale_fits_what_is_chosen_and_its_words_do_not_collide(opened):
    opened.select_option("#subject", "2")
    for side in ("left", "right"):
        opened.select_option(f"#{side}-layer", label="pool")
    _still(opened)
    low = opened.evaluate("explorer.state.low")
    opened.select_option("#left-network", label="EfficientNet-Lite0, anti-aliased")
    _still(opened)
    assert low < 0.3 and opened.evaluate("explorer.state.low") >= 0.55  # the other's maps begin at 0.6
    for width in (1920, 1280, 1024, 800, 390, 320):
        opened.set_viewport_size({"width": width, "height": 900})
        boxes = [each.bounding_box() for each in opened.locator("#scale > *").all()]
        for one, other in ((a, b) for at, a in enumerate(boxes) for b in boxes[:at]):
            apart = (
                one["x"] + 0.5 >= other["x"] + other["width"] or other["x"] + 0.5 >= one["x"] + one["width"]
                or one["y"] + 0.5 >= other["y"] + other["height"] or other["y"] + 0.5 >= one["y"] + one["height"]
            )  # fmt: skip
            assert apart, (width, one, other)


CROSSES = """() => [...document.querySelectorAll(".cross")].map((line) => {
  const [at, box] = [line, line.parentElement].map((each) => each.getBoundingClientRect())
  const map = line.closest(".plot").querySelector(".pad").getBoundingClientRect()
  return line.classList.contains("x")
    ? ["x", (at.x + at.width / 2 - map.x) / map.width, at.height - box.height]
    : ["y", (at.y + at.height / 2 - map.y) / map.height, at.width - box.width]
})"""


@pytest.mark.parametrize("index, shape", [(0, (GRID, GRID)), (2, (14, 17))], ids=["square", "oblong"])
def test_the_cross_hair_is_in_every_panel_and_on_the_axes(opened, index, shape):
    """Its lines lie over the middle of the place's cell as the map has it: in three maps both, in each profile one."""
    opened.select_option("#subject", str(index))
    _still(opened)
    for width in (1280, 1920):
        opened.set_viewport_size({"width": width, "height": 1080})
        _settle(opened)
        for row, col in ((7, 12), (shape[0] - 1, 0)):
            _move(opened, row, col)
            lines = opened.evaluate(CROSSES)
            for axis, share in (("x", (col + 0.5) / shape[1]), ("y", (row + 0.5) / shape[0])):
                found = [place for name, place, _ in lines if name == axis]
                assert found == pytest.approx([share] * 5, abs=4e-3)  # a pixel of 250


def test_a_move_paints_no_map_again(opened):
    """What keeps a move quick: only the frame's picture is painted, never a map."""
    _features_in_view(opened)
    opened.evaluate(
        """() => { explorer.painted = []
        for (const name of ["putImageData", "drawImage"]) {
          const paint = CanvasRenderingContext2D.prototype[name]
          CanvasRenderingContext2D.prototype[name] = function (...all) {
            explorer.painted.push(this.canvas.id)
            return paint.apply(this, all)
          }
        } }"""
    )
    for at in range(4, 8):
        _move(opened, at, 2 * at)
    assert set(opened.evaluate("explorer.painted")) == {"picture"}
    opened.keyboard.press("Tab")
    opened.focus("#frame")
    opened.keyboard.press("Enter")
    assert "left-map" in opened.evaluate("explorer.painted")


def test_another_object_is_shown_at_the_same_anchor_and_place_and_in_the_same_layer(opened):
    opened.select_option("#left-layer", label="P(cat)")
    opened.select_option("#right-layer", label="fc6")
    _still(opened)
    _move(opened, 5, 21, click=True)
    _move(opened, 9, 2)
    opened.select_option("#subject", "1")
    opened.wait_for_function("explorer.state.subject === 1 && !explorer.state.loading")
    assert opened.evaluate("[explorer.state.anchor, explorer.state.at]") == [[5, 21], [9, 2]]
    layers = [opened.locator(f"#{side}-layer option:checked").text_content() for side in ("left", "right")]
    assert layers == ["P(<i>dog</i>)", "fc6"]  # its own class


def test_pointing_and_choosing_at_once(opened, made):
    """While another object or network is loaded the pointer is ignored, and what was chosen last is shown."""
    x, y = _cell(opened, 3, 3)
    opened.evaluate(
        """([x, y]) => { for (const index of [1, 0, 1]) {
          const menu = document.getElementById("subject")
          menu.value = index
          menu.onchange({ target: menu })
          const layer = document.getElementById("right-layer")
          layer.selectedIndex = 2 + index
          layer.onchange()
          const pad = document.querySelector("[data-map=left]")
          for (const type of ["pointermove", "pointerdown", "pointerup"]) {
            pad.dispatchEvent(new PointerEvent(type, { clientX: x, clientY: y, pointerType: "mouse", isPrimary: true }))
          }
        } }""",
        [x, y],
    )
    _still(opened)
    assert opened.evaluate("explorer.state.subject") == 1
    assert opened.evaluate("explorer.state.anchor") == [(GRID - 1) // 2] * 2
    exact = _exact(made.features[3], "fc", ((GRID - 1) // 2,) * 2)
    assert np.abs(_map(opened, "right") - exact).max() <= compress.BOUND + 1e-5


# --- dragging, fingers


def test_the_object_is_dragged_in_the_frame(opened):
    opened.focus("#frame")
    box = opened.locator("#frame").bounding_box()
    scale = box["width"] / FRAME
    top, left = opened.evaluate("explorer.state.at")
    anchor = opened.evaluate("explorer.state.anchor")
    x, y = (box[axis] + (at + 2.5) * scale for axis, at in (("x", left), ("y", top)))  # near its corner
    opened.mouse.move(x, y)
    opened.mouse.down()
    assert opened.evaluate("explorer.state.at") == [top, left]  # gripped where it is
    opened.mouse.move(x + 9 * scale, y - 4 * scale, steps=3)
    _settle(opened)
    assert opened.evaluate("explorer.state.at") == [top - 4, left + 9]
    opened.mouse.up()
    opened.mouse.move(x, y)
    _settle(opened)
    assert opened.evaluate("[explorer.state.at, explorer.state.anchor]") == [[top - 4, left + 9], anchor]
    opened.mouse.click(box["x"] + 32 * scale, box["y"] + 33 * scale)  # beside it: it jumps there, its middle first
    _settle(opened)
    assert opened.evaluate("explorer.state.at") == [33 - SIZE // 2, 32 - SIZE // 2]
    opened.mouse.move(box["x"] + 30 * scale, box["y"] + 30 * scale)
    opened.mouse.down()
    opened.mouse.move(box["x"] + 500, box["y"] + 900, steps=3)  # out of the frame: it stops at the edge
    _settle(opened)
    assert opened.evaluate("explorer.state.at") == [GRID - 1] * 2
    opened.mouse.up()


PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}


def _finger(tab, points, hold: int = 0) -> None:
    """A finger set down on the first point, moved over the others, held still for some ms, and lifted."""
    touch = tab.context.new_cdp_session(tab)
    for kind, point in [("touchStart", points[0]), *(("touchMove", each) for each in points[1:])]:
        touch.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": [{"x": point[0], "y": point[1]}]})
        _settle(tab)
    tab.wait_for_timeout(hold)
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    _settle(tab)


@pytest.mark.parametrize("opened", [PHONE], indirect=True, ids=["phone"])
def test_a_finger_moves_the_object_and_a_long_press_puts_the_anchor(opened):
    _features_in_view(opened)
    anchor = opened.evaluate("explorer.state.anchor")
    _finger(opened, [_cell(opened, 4, 4), _cell(opened, 9, 6), _cell(opened, 20, 8)])
    assert opened.evaluate("explorer.state.at") == [20, 8]
    _finger(opened, [_cell(opened, 20, 9)])
    assert opened.evaluate("explorer.state.at") == [20, 9]
    assert opened.evaluate("explorer.state.anchor") == anchor  # neither a drag nor a tap sets it
    assert _number(opened.text_content("#left-value")) < 1
    box = opened.locator("#frame").bounding_box()
    scale = box["width"] / FRAME
    inside = [box["x"] + (9 + 6) * scale, box["y"] + (20 + 6) * scale]
    _finger(opened, [inside, [inside[0] + 20, inside[1] - 30], [inside[0] + 10 * scale, inside[1] - 12 * scale]])
    assert opened.evaluate("explorer.state.at") == [8, 19]
    assert opened.evaluate("scrollY") == 0  # what moved was the object
    _finger(opened, [_cell(opened, 11, 15)], hold=700)
    assert opened.evaluate("[explorer.state.at, explorer.state.anchor]") == [[11, 15]] * 2
    _finger(opened, [_cell(opened, 2, 2), _cell(opened, 7, 7)], hold=700)  # a drag that rests sets none
    assert opened.evaluate("[explorer.state.at, explorer.state.anchor]") == [[7, 7], [11, 15]]
    opened.locator("#tabs label").nth(1).tap()
    assert opened.locator(".card.right").is_visible() and not opened.locator(".card.left").is_visible()
    assert not opened.locator(".mouse").is_visible() or opened.locator(".card.frame .note").is_hidden()


# --- the address, the story


def test_a_shared_address_shows_the_same_view(opened, made):
    opened.select_option("#subject", "1")
    opened.select_option("#left-layer", label="fc6")
    opened.select_option("#right-layer", label="fc")
    opened.select_option("#right-network", label="net, off-the-shelf")
    _still(opened)
    _move(opened, 6, 23, click=True)
    _move(opened, 20, 9)
    opened.wait_for_function("location.hash.endsWith('anchor=6,23&at=20,9')")
    shown = """() => [explorer.state.subject, explorer.state.anchor, explorer.state.at,
      ...["left", "right"].flatMap((side) => ["network", "layer"].map((each) =>
        document.getElementById(`${side}-${each}`).selectedOptions[0].textContent))]"""
    before = opened.evaluate(shown)
    fragment = opened.evaluate("location.hash")
    opened.reload()
    opened.wait_for_selector("html[data-ready]", state="attached")
    assert opened.evaluate(shown) == before == [
        1, [6, 23], [20, 9], "net, off-the-shelf", "fc6", "net, off-the-shelf", "fc",
    ]  # fmt: skip
    _open(opened, made, fragment.replace("20,9", "3,4"))
    assert opened.evaluate("explorer.state.at") == [3, 4]


def test_an_address_may_be_changed_and_may_name_what_is_not_there(opened, made):
    opened.evaluate("location.hash = 'at=2,27&left-layer=fc'")
    opened.wait_for_function("explorer.state.at.join() === '2,27' && !explorer.state.loading")
    assert opened.locator("#left-layer option:checked").text_content() == "fc"
    _open(opened, made, "#object=nothing&left=none&right-layer=fc9&anchor=a,b&at=999,-4&more=%E0%A4%A")
    assert opened.evaluate("[explorer.state.subject, explorer.state.anchor]") == [0, [(GRID - 1) // 2] * 2]
    assert opened.evaluate("explorer.state.at") == [GRID - 1, 0]  # the nearest there is
    assert opened.locator("#left-network option:checked").text_content() == "net, off-the-shelf"


def test_a_view_of_the_story_is_a_link_and_its_numbers_are_measured(opened, made):
    """Only the views whose data are there are offered; the sentence's shares are those of the maps."""
    assert opened.locator("#presets a").all_text_contents() == ["Anti-aliasing"]
    assert opened.locator("#presets [aria-current]").count() == 0
    opened.click("#presets a")
    opened.wait_for_function("explorer.state.subject === 2 && !explorer.state.loading")
    shares = [round(100 * float(np.mean(each.top1 == 0))) for each in made.maps.networks]
    said = opened.text_content("#story")
    assert f"A is right at {shares[0]} % of the places" in said and f"at {shares[1]} %" in said
    opened.select_option("#left-layer", label="pool")
    _still(opened)
    assert opened.locator("#presets [aria-current]").count() == 0
    assert "A is right at" not in opened.text_content("#story")


def test_the_numbers_of_every_view_of_the_story(opened, made):
    """Each sentence, with the maps in view: what it says of a corner, of neighbours, of means is so."""
    _features_in_view(opened)
    left, right = (_map(opened, side) for side in ("left", "right"))
    corner, middle = (_exact(made.features[0], "fc6", at).mean() for at in ((0, 0), ((GRID - 1) // 2,) * 2))
    steps = [np.abs(np.diff(each, axis=1)) for each in (left, right)]
    wanted = {
        "A corner": [corner, middle],
        "The lattice": [steps[0].mean(), steps[0].max(), steps[1].mean(), steps[1].max()],
        "Trained everywhere": [left.mean(), left.min(), right.mean(), right.min()],
        "Layer by layer": [left.mean(), right.mean()],
        "The paper's own maps": [left.mean(), right.mean()],
    }
    for name, numbers in wanted.items():
        words = opened.evaluate("(name) => explorer.PRESETS.find((each) => each.name === name).words()", name)
        found = [_number(each) for each in re.findall(r"−?\d\.\d+", words)]
        # Two decimals, and the bound of a cosine.
        assert found == pytest.approx(numbers, abs=0.0051 + compress.BOUND), name


def test_the_nearest_anchor_there_is(opened, made):
    """Where maps are known for some anchors only, a click takes the nearest, and both sides the same."""
    opened.select_option("#subject", "2")
    for side in ("left", "right"):
        opened.select_option(f"#{side}-layer", label="pool")
    _still(opened)
    for (row, col), (name, place) in {
        (2, 3): ("tl", [0, 0]), (12, 15): ("br", [13, 16]), (12, 1): ("c", [6, 8]),  # bottom left is not known
    }.items():  # fmt: skip
        x, y = _cell(opened, row, col)
        opened.mouse.click(x, y)
        _settle(opened)
        assert opened.evaluate("[explorer.state.at, explorer.state.anchor]") == [[row, col], place]
        exact = made.maps.networks[0].layers["pool"][name]
        shown = np.array(opened.evaluate("[...explorer.state.maps.left]")).reshape(14, 17)
        np.testing.assert_allclose(shown, exact, atol=compress.BOUND / 2 + 1e-6)


def test_one_sentence_is_spoken(opened):
    assert opened.locator("[aria-live], output, [role=status], [role=alert]").count() == 1
    _features_in_view(opened)
    opened.evaluate(
        """() => { explorer.spoken = []
        new MutationObserver(() => explorer.spoken.push(document.getElementById("said").textContent))
          .observe(document.getElementById("said"), { childList: true, characterData: true, subtree: true }) }"""
    )
    opened.wait_for_timeout(700)
    opened.evaluate("explorer.spoken.length = 0")
    for at in (3, 9, 14):
        _move(opened, at, 20)
    opened.wait_for_function("explorer.spoken.length > 0")
    opened.wait_for_timeout(200)
    (sentence,) = opened.evaluate("explorer.spoken")
    assert sentence.startswith("Row 14, column 20: A, net, off-the-shelf, ") and sentence.count(".") == 7
    assert opened.text_content("#right-says") in sentence


def test_names_are_text(opened):
    assert HOSTILE in opened.locator("#subject option").all_text_contents()
    opened.select_option("#subject", "1")
    opened.wait_for_function("explorer.state.subject === 1 && !explorer.state.loading")
    _move(opened, 5, 6)
    assert "<i>dog</i>" in opened.text_content("#story") + opened.text_content("#left-layer")
    titles = [opened.locator(f"#{side}-network option:checked").text_content() for side in ("left", "right")]
    assert titles == ["net, off-the-shelf", "net, anti-aliased"]
    assert opened.evaluate("window.hacked") is None
    assert opened.locator("img").count() == 0


def _channels(colour: str) -> list[int]:
    return [int(part) for part in colour[4:-1].split(",")]


@pytest.mark.parametrize("opened", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True, ids=str)
def test_both_schemes_have_contrast(opened):
    ink, paper = opened.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor]"
    )
    assert abs(sum(_channels(ink)) - sum(_channels(paper))) > 450  # of 765: dark on light or light on dark


SIZES = [(1920, 1080), (1280, 900), (1024, 768), (800, 600), (390, 844)]


def test_frame_and_maps_are_in_view_together_at_every_size(opened, tmp_path):
    """Without scrolling, with the longest words of the story over them, whichever map is chosen."""
    opened.click("#presets a")
    opened.wait_for_function("explorer.state.subject === 2 && !explorer.state.loading")
    opened.select_option("#right-layer", label="pool")
    _still(opened)
    sides = []
    for width, height in SIZES:
        opened.set_viewport_size({"width": width, "height": height})
        _settle(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        for tab in range(3):
            choice = opened.locator("#tabs label").nth(tab)
            if choice.is_visible():
                choice.click()
            _settle(opened)
            pads = [each.bounding_box() for each in opened.locator(".pad").all() if each.is_visible()]
            assert len(pads) == {1920: 4, 1280: 4, 1024: 3, 800: 2, 390: 2}[width]
            for box in pads:
                assert box["width"] == pytest.approx(box["height"], abs=1) and box["width"] > 150
                assert box["x"] >= 0 and box["x"] + box["width"] <= width
                assert box["y"] >= 0 and box["y"] + box["height"] <= height
        sides.append(pads[-1]["width"])
        opened.screenshot(path=tmp_path / f"{width}.png")
    assert sides[0] > 1.4 * sides[1]  # maps grow with the window


@pytest.mark.parametrize("opened", [{"viewport": {"width": 320, "height": 640}}], indirect=True, ids=["320"])
def test_nothing_overflows_a_narrow_phone(opened):
    wide = """() => [...document.querySelectorAll("body *")].filter((each) => each.getClientRects().length
      && !each.closest("#presets, .unseen, .wide") && each.getBoundingClientRect().right > innerWidth + 0.5)
      .map((each) => each.outerHTML.slice(0, 80))"""
    for subject in ("0", "2"):
        opened.select_option("#subject", subject)
        opened.select_option("#left-layer", label="fc6" if subject == "0" else "pool")
        _still(opened)
        _settle(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") == 320
        assert opened.evaluate(wide) == []


def test_it_is_quick(opened):
    _features_in_view(opened)
    paint = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    for at in range(3, 23):
        _move(opened, at, 28 - at)
        _move(opened, 28 - at, at, click=True)
    times = opened.evaluate("explorer.timings")
    move, anchor = (float(np.median(times[name])) for name in ("move", "anchor"))
    print(f"first paint {paint:.0f} ms, ready {times['ready']:.0f} ms, pointer {move:.0f} ms, anchor {anchor:.0f} ms")
    assert len(times["move"]) >= 20 and len(times["anchor"]) >= 20
    assert paint < 20_000 and move < 500 and anchor < 1500
