"""The interactive page in a real browser: headless Chromium, driven by Playwright, from file:// and offline.

Times are measured in the browser and printed; a machine that is busy with something else is allowed ten times
the aims (pointer 50 ms, anchor 150 ms, first paint 2 s).
"""

import io
import shutil
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from helpers.features import Features
from helpers.objects import Cutout, Photo
from helpers.shifting import Paste
from helpers.tools import page as interactive
from helpers.tools.page import compress

playwright = pytest.importorskip("playwright.sync_api")
pytestmark = pytest.mark.browser

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = [
    "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip
FRAME, SIZE = 40, 12
GRID = FRAME - SIZE + 1
PATIENCE = 180_000  # ms: a loaded machine is slow, not wrong
HOSTILE = "</script><script>window.hacked = 1</script><img src=x onerror='window.hacked = 2'>"


def _scene(name: str, background) -> Paste:
    draw = torch.Generator().manual_seed(len(name))
    rgba = torch.randint(0, 256, (4, SIZE, SIZE), generator=draw, dtype=torch.uint8)
    rgba[3] = 255
    rgba[3, :3, :3] = 0
    return Paste(Cutout(rgba, name, "cat"), frame=FRAME, background=background)


def _features(scene: Paste, title: str, antialiased: bool, seed: int) -> Features:
    draw = torch.Generator().manual_seed(seed)

    def smooth(dimensions: int) -> torch.Tensor:
        coarse = torch.randn(1, dimensions, 4, 4, generator=draw)
        fine = torch.nn.functional.interpolate(coarse, (GRID, GRID), mode="bicubic")[0].permute(1, 2, 0)
        return fine + 0.6 + 0.05 * torch.randn(GRID, GRID, dimensions, generator=draw)

    labels = ["cat", "<i>dog</i>", "owl"]
    network = SimpleNamespace(
        name="net", title=title, antialiased=antialiased, weights="random", labels=labels, logits="fc",
        class_index=labels.index,
    )  # fmt: skip
    positions = torch.arange(GRID)
    return Features({"fc6": smooth(24), "fc": smooth(3)}, positions, positions, network, scene)


def _exact(features: Features, layer: str, anchor: tuple[int, int]) -> np.ndarray:
    values = features.layers[layer].double().numpy()
    lengths = np.sqrt((values**2).sum(-1))
    return values @ values[anchor] / lengths / lengths[anchor]


@pytest.fixture(scope="module")
def made(tmp_path_factory) -> SimpleNamespace:
    """The page of two objects, one with a hostile name on a photo, and two networks."""
    photo = torch.randint(0, 256, (3, FRAME, FRAME), generator=torch.Generator().manual_seed(7), dtype=torch.uint8)
    scenes = [_scene("disc", "white"), _scene(HOSTILE, Photo(photo, "photo"))]
    features = [
        _features(scene, f"net, {kind}", kind == "anti-aliased", seed)
        for scene in scenes
        for seed, kind in enumerate(("off-the-shelf", "anti-aliased"))
    ]
    path = interactive.page(features, tmp_path_factory.mktemp("page") / "explorer.html")
    return SimpleNamespace(path=path, features=features, scenes=scenes)


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
    options = getattr(request, "param", {})
    context = chromium.new_context(viewport={"width": 1280, "height": 900}, **options)
    tab = context.new_page()
    tab.set_default_timeout(PATIENCE)
    tab.wrong = []
    tab.on("request", lambda r: tab.wrong.append(r.url) if r.url != made.path.as_uri() else None)
    tab.on("console", lambda m: tab.wrong.append(m.text) if m.type in ("error", "warning") else None)
    tab.on("pageerror", lambda error: tab.wrong.append(str(error)))
    tab.goto(made.path.as_uri())
    tab.wait_for_selector("html[data-ready]", state="attached")
    yield tab
    assert tab.wrong == []
    context.close()


# The middle of a map's cell on the screen.
WHERE = """([plot, row, col]) => {
  const view = Bokeh.index.find_one(explorer.models.plots.filter((each) => each.name === plot)[0])
  const [frame, canvas] = [view.frame.bbox, view.canvas_view.el.getBoundingClientRect()]
  const cell = frame.width / explorer.page.subjects[0].rows[2]
  return [canvas.x + frame.left + (col + 0.5) * cell, canvas.y + frame.top + (row + 0.5) * cell]
}"""


def _settle(tab) -> None:
    """Until two frames are painted: the pointer's moves are taken once a frame."""
    tab.evaluate("() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done())))")


def _move(tab, row, col, plot="left", click=False) -> None:
    x, y = tab.evaluate(WHERE, [plot, row, col])
    (tab.mouse.click if click else tab.mouse.move)(x, y)
    tab.wait_for_function(
        "([key, at]) => explorer.state[key].join() === at", arg=["anchor" if click else "at", f"{row},{col}"]
    )
    _settle(tab)


def _number(tab, name: str) -> float:
    return float(tab.text_content(f"#{name}").replace("−", "-"))


def _map(tab, name: str) -> np.ndarray:
    return np.array(tab.evaluate(f"[...explorer.state.maps.{name}]")).reshape(GRID, GRID)


def test_it_opens_from_disk_alone(opened):
    assert "Move the object" in opened.title()
    assert opened.locator(".tries li").count() == 3
    at, anchor = opened.evaluate("[explorer.state.at, explorer.state.anchor]")
    assert anchor == [(GRID - 1) // 2] * 2 and at != anchor  # something to read before anything is touched
    assert opened.locator("canvas").count() or opened.evaluate("Bokeh.documents.length") == 1


@pytest.mark.parametrize("anchor, at", [((0, 0), (20, 11)), ((14, 3), (5, 28)), ((28, 28), (27, 28))])
def test_a_click_computes_the_cosines_anew(opened, made, anchor, at):
    _move(opened, *anchor, plot="right", click=True)
    _move(opened, *at)
    exact = [_exact(features, "fc6", anchor) for features in made.features[:2]]
    for name, values, features in zip(("left", "right"), exact, made.features, strict=False):
        shown = _map(opened, name)
        # What the browser computes is what was measured when the page was made, up to float32 sums.
        np.testing.assert_allclose(shown, compress.pack(features.layers["fc6"]).cosines(anchor), atol=1e-5)
        # Over the bound come float32 sums of 24 products in the browser.
        assert np.abs(shown - values).max() <= compress.BOUND + 1e-5
        assert _number(opened, f"{name}-value") == pytest.approx(shown[at], abs=5.1e-4)  # three decimals
        assert _number(opened, f"{name}-value") == pytest.approx(values[at], abs=compress.BOUND + 5.1e-4)
    # A difference of two rounded maps is off by twice the bound at most.
    np.testing.assert_allclose(_map(opened, "difference"), exact[1] - exact[0], atol=2 * compress.BOUND + 1e-5)
    assert _number(opened, "difference-value") == pytest.approx(
        (exact[1] - exact[0])[at], abs=2 * compress.BOUND + 5.1e-4
    )
    assert opened.text_content("#anchor-place") == f"row {anchor[0]}, column {anchor[1]}"
    assert opened.text_content("#place") == f"row {at[0]}, column {at[1]}"


@pytest.mark.parametrize("index", [0, 1])
def test_the_frame_shows_what_the_network_sees(opened, made, index):
    """The picture on the screen, pixel by pixel, is the scene's own rendering at the pointer's place."""
    if index:
        opened.select_option("#subject", str(index))
        opened.wait_for_function("explorer.state.subject === 1 && !explorer.state.loading")
    for row, col in ((3, 25), (28, 0)):
        _move(opened, row, col, plot="difference")
        box = opened.evaluate(
            """() => { const view = Bokeh.index.find_one(explorer.models.plots.at(-1))
            const [f, c] = [view.frame.bbox, view.canvas_view.el.getBoundingClientRect()]
            return { x: c.x + f.left, y: c.y + f.top, width: f.width, height: f.height } }"""
        )
        picture = np.asarray(Image.open(io.BytesIO(opened.screenshot(clip=box))).convert("RGB")).astype(int)
        middles = ((np.arange(FRAME) + 0.5) * len(picture) / FRAME).astype(int)
        exact = made.scenes[index].render(torch.tensor([[row, col]]))[0].permute(1, 2, 0).numpy()
        # Browsers may blend a level or two off; the outline lies over the outermost pixels.
        inner = np.abs(picture[np.ix_(middles, middles)] - exact)[1:-1, 1:-1]
        assert inner.max() <= 2


def test_answers_under_the_pointer(opened, made):
    _move(opened, 4, 22)
    for name, features in zip(("left", "right"), made.features, strict=False):
        logits = features.layers["fc"][4, 22].double()
        top = features.network.labels[int(logits.argmax())]
        words = opened.text_content(f"#{name}-class")
        assert words.startswith(f"answer: {top} · P(cat) ")
        assert float(words.split()[-1]) == pytest.approx(float(logits.softmax(0)[0]), abs=6.1e-4)  # 5e-4 + 1e-4


def test_the_probability_is_a_layer_and_is_not_subtracted_from_a_cosine(opened, made):
    opened.select_option("#right-layer", label="P(cat)")
    opened.wait_for_function("!explorer.state.loading")
    exact = made.features[1].layers["fc"].double().softmax(-1)[..., 0].numpy()
    np.testing.assert_allclose(_map(opened, "right"), exact, atol=1.1e-4)
    assert np.isnan(np.array(_map(opened, "difference"), dtype=float)).all()
    assert opened.text_content("#difference-value") == "–" and opened.text_content("#difference-low") == ""
    assert opened.text_content("#difference-kind") == "a probability less a cosine similarity: no difference"
    units = [opened.text_content(f"#{side}-unit") for side in ("left", "right")]
    assert units == ["cosine similarity", "probability"]
    opened.select_option("#right-layer", label="fc6")
    opened.wait_for_function("!explorer.state.loading")
    assert opened.text_content("#difference-kind") == "right minus left"
    assert opened.text_content("#difference-low").startswith("−")


def test_profiles_are_the_means_along_the_edges(opened):
    shown = opened.evaluate("({rows: explorer.models.rows.data, cols: explorer.models.cols.data})")
    for side in ("left", "right"):
        np.testing.assert_allclose(shown["rows"][side], _map(opened, side).mean(1), atol=1e-6)
        np.testing.assert_allclose(shown["cols"][side], _map(opened, side).mean(0), atol=1e-6)
    assert shown["rows"]["at"] == list(range(GRID))


def test_keys_move_by_one_place_and_put_the_anchor(opened):
    opened.focus("#maps")
    before = opened.evaluate("explorer.state.at")
    for key, step in {"ArrowRight": (0, 1), "ArrowDown": (1, 0), "ArrowLeft": (0, -1), "ArrowUp": (-1, 0)}.items():
        opened.keyboard.press(key)
        after = opened.evaluate("explorer.state.at")
        assert (after[0] - before[0], after[1] - before[1]) == step
        before = after
    opened.keyboard.press("Shift+ArrowDown")
    opened.keyboard.press("Enter")
    assert opened.evaluate("explorer.state.anchor") == [before[0] + 10, before[1]]
    assert _number(opened, "left-value") == 1
    for _ in range(3):
        opened.keyboard.press("Shift+ArrowDown")  # stops at the edge
    assert opened.evaluate("explorer.state.at") == [GRID - 1, before[1]]


def test_every_control_is_reached_by_the_keyboard(opened):
    reached = []
    for _ in range(30):
        opened.keyboard.press("Tab")
        reached.append(opened.evaluate("document.activeElement.id || document.activeElement.dataset.anchor"))
    wanted = ["subject", "tl", "tr", "c", "bl", "br", "low", "high", "fit", "palette", "maps", "left-network",
              "left-layer", "right-network", "right-layer"]  # fmt: skip
    assert [name for name in reached if name in wanted][: len(wanted)] == wanted


def test_classic_anchors(opened):
    last = GRID - 1
    places = {"tl": [0, 0], "tr": [0, last], "c": [last // 2] * 2, "bl": [last, 0], "br": [last, last]}
    for name, place in places.items():
        opened.click(f"[data-anchor={name}]")
        assert opened.evaluate("explorer.state.anchor") == place
        assert opened.get_attribute(f"[data-anchor={name}]", "aria-pressed") == "true"
        assert opened.locator("[aria-pressed=true]").count() == 1


def test_one_scale_for_both_maps(opened):
    opened.fill("#low", "0.31")
    scales = "[explorer.models.left_mapper, explorer.models.right_mapper].map((m) => [m.low, m.high])"
    assert opened.evaluate(scales) == [[0.31, 1], [0.31, 1]]
    assert opened.text_content("#low-value") == "0.31"
    opened.fill("#high", "0.2")  # under the lower end: stays above it
    assert opened.evaluate(scales) == [[0.31, 0.33], [0.31, 0.33]]
    opened.click("#fit")
    low, high = opened.evaluate(scales)[0]
    values = np.concatenate([_map(opened, "left"), _map(opened, "right")])
    assert low <= values.min() < low + 0.05 and high == 1
    opened.select_option("#palette", "hot")
    assert opened.evaluate("explorer.models.left_mapper.palette[0]") == "#0b0000"  # matplotlib's hot


def test_the_cross_hair_is_in_every_panel(opened):
    """Its lines lie over the middle of the place's cell: in three maps both, in two profiles each way one."""
    found = """() => explorer.models.plots.slice(0, -1).map((plot) => {
      const frame = Bokeh.index.find_one(plot).frame
      const box = frame.el.getBoundingClientRect()
      const middle = (axis) => [...frame.shadow_el.querySelectorAll(`[data-cross=${axis}] > div > div`)].map((mark) => {
        const at = mark.getBoundingClientRect()
        return axis === "x" ? (at.x + at.width / 2 - box.x) / box.width : (at.y + at.height / 2 - box.y) / box.height
      })
      return [middle("x"), middle("y")]
    })"""
    for row, col in ((7, 19), (28, 0)):
        _move(opened, row, col)
        lines = opened.evaluate(found)
        across, down = ([place for each in lines for place in each[axis]] for axis in (0, 1))
        assert len(across) == len(down) == 5
        assert across == pytest.approx([(col + 0.5) / GRID] * 5, abs=2e-3)  # half a pixel of 250
        assert down == pytest.approx([(row + 0.5) / GRID] * 5, abs=2e-3)


def test_a_move_paints_no_map_again(opened):
    """What keeps a move quick: only the frame's picture is painted, never a map."""
    opened.evaluate(
        """() => { explorer.painted = []
        for (const [index, plot] of explorer.models.plots.entries()) {
          const view = Bokeh.index.find_one(plot)
          const paint = view.paint
          view.paint = function (...all) { explorer.painted.push(index); return paint.apply(this, all) }
        } }"""
    )
    for at in range(4, 8):
        _move(opened, at, 2 * at)
    frame = opened.evaluate("explorer.models.plots.length - 1")
    assert set(opened.evaluate("explorer.painted")) == {frame}


def test_another_object_is_shown_at_the_same_anchor_and_place(opened):
    _move(opened, 5, 21, click=True)
    _move(opened, 9, 2)
    opened.select_option("#subject", "1")
    opened.wait_for_function("explorer.state.subject === 1 && !explorer.state.loading")
    assert opened.evaluate("[explorer.state.anchor, explorer.state.at]") == [[5, 21], [9, 2]]


def test_pointing_and_choosing_at_once(opened, made):
    """While another object or network is loaded the pointer is ignored, and what was chosen last is shown."""
    opened.evaluate(
        """() => { for (const index of [1, 0, 1]) {
          const menu = document.getElementById("subject")
          menu.value = index
          menu.onchange({ target: menu })
          const layer = document.getElementById("right-layer")
          layer.selectedIndex = index
          layer.onchange()
          explorer.pointed("left", "mousemove", 3, 3)
          explorer.pointed("left", "tap", 4, 4)
        } }"""
    )
    opened.wait_for_function("!explorer.state.loading")
    assert opened.evaluate("explorer.state.subject") == 1
    assert opened.evaluate("explorer.state.anchor") == [(GRID - 1) // 2] * 2
    exact = _exact(made.features[3], "fc", ((GRID - 1) // 2,) * 2)
    assert np.abs(_map(opened, "right") - exact).max() <= compress.BOUND + 1e-5


def test_names_are_text(opened):
    assert HOSTILE in opened.locator("#subject option").all_text_contents()
    opened.select_option("#subject", "1")
    opened.wait_for_function("explorer.state.subject === 1 && !explorer.state.loading")
    _move(opened, 5, 6)
    titles = [opened.locator(f"#{side}-network option:checked").text_content() for side in ("left", "right")]
    assert titles == ["net, off-the-shelf", "net, anti-aliased"]
    assert opened.evaluate("window.hacked") is None
    assert opened.locator("img").count() == 0


def _channels(colour: str) -> list[int]:
    return [int(part) for part in colour[4:-1].split(",")]


@pytest.mark.parametrize("opened", [{"color_scheme": "light"}, {"color_scheme": "dark"}], indirect=True, ids=str)
def test_both_widths_in_both_schemes(opened, tmp_path):
    ink, paper = opened.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.documentElement).backgroundColor]"
    )
    assert abs(sum(_channels(ink)) - sum(_channels(paper))) > 450  # of 765: dark on light or light on dark
    axis = opened.evaluate("explorer.models.plots[0].left[0].axis_label_text_color")
    assert axis == opened.evaluate("getComputedStyle(document.documentElement).getPropertyValue('--ink').trim()")
    for width in (1280, 800):
        opened.set_viewport_size({"width": width, "height": 900})
        _settle(opened)
        assert opened.evaluate("document.documentElement.scrollWidth") <= width
        tops = [
            opened.locator(f".card.{name}").bounding_box()["y"] for name in ("left", "right", "difference", "frame")
        ]
        assert len(set(tops)) == (1 if width == 1280 else 2)
        opened.screenshot(path=tmp_path / f"{width}.png", full_page=True)
        print(tmp_path / f"{width}.png")


def test_it_is_quick(opened):
    paint = opened.evaluate("performance.getEntriesByName('first-contentful-paint')[0].startTime")
    for at in range(3, 23):
        _move(opened, at, 28 - at)
        _move(opened, 28 - at, at, click=True)
    times = opened.evaluate("explorer.timings")
    move, anchor = (float(np.median(times[name])) for name in ("move", "anchor"))
    print(f"first paint {paint:.0f} ms, ready {times['ready']:.0f} ms, pointer {move:.0f} ms, anchor {anchor:.0f} ms")
    assert len(times["move"]) >= 20 and len(times["anchor"]) >= 20
    assert paint < 20_000 and move < 500 and anchor < 1500
