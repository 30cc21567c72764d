"""The panels and the notebooks in JupyterLab: a real server, a real kernel, and headless Chromium."""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from types import SimpleNamespace

import nbformat
import pytest

playwright = pytest.importorskip("playwright.sync_api")
pytest.importorskip("jupyterlab")
pytestmark = pytest.mark.browser

ROOT = Path(__file__).resolve().parents[1]
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
PATIENCE = 60_000  # ms: a loaded machine is slow, not wrong
HOOK = "--ContentsManager.pre_save_hook=helpers.tools.workbook.saving.settle"
PAIR = "01_similarity_maps"
SHAPE, STEP = (6, 7), 4  # positions of the panel below, which doesn't need a network
CELLS = [
    "from helpers.views import panels\n\nguess = panels.Guess({'Is it flat?': ['flat', 'not flat']})\nguess",
    f"""from types import SimpleNamespace
import torch
from helpers.objects import Cutout
from helpers.shifting import Paste

torch.manual_seed(0)
scene = Paste(Cutout(torch.full((4, 12, 12), 120, dtype=torch.uint8), "block", "cat"), frame=(32, 36))
network = SimpleNamespace(name="net", title="net", antialiased=False, logits="fc", labels=["cat", "dog", "owl"])
layers = {{"pool": torch.randn(*{SHAPE}, 5) + 0.7, "fc": torch.randn(*{SHAPE}, 3)}}
rows, cols = (torch.arange(0, {STEP} * count, {STEP}) for count in {SHAPE})
panel = panels.SimilarityPanel(SimpleNamespace(layers=layers, rows=rows, cols=cols, network=network, scene=scene))
panel""",
]


@pytest.fixture(scope="module")
def lab(tmp_path_factory):
    """A server as `make lab` starts one, on a git repository with one of the notebooks and one with a panel."""
    if CHROMIUM is None:
        pytest.skip("there is no Chromium")
    folder, state = tmp_path_factory.mktemp("repository"), tmp_path_factory.mktemp("state")
    for kind in ("py", "ipynb"):
        shutil.copy(ROOT / "notebooks" / f"{PAIR}.{kind}", folder)
    notebook = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in CELLS])
    notebook.metadata.kernelspec = {"name": "python3", "display_name": "Python 3 (ipykernel)", "language": "python"}
    nbformat.write(notebook, folder / "panel.ipynb")
    shutil.copy(ROOT / ".gitignore", folder)
    for words in (["init", "-q"], ["add", "."], ["-c", "user.name=a", "-c", "user.email=a@b", "commit", "-qm", "a"]):
        subprocess.run(["git", *words], cwd=folder, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    names = ("JUPYTER_CONFIG_DIR", "JUPYTER_DATA_DIR", "JUPYTERLAB_SETTINGS_DIR", "JUPYTERLAB_WORKSPACES_DIR")
    own = {name: str(state / name.lower()) for name in names} | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", HOOK]
    command += [f"--ServerApp.root_dir={folder}", "--IdentityProvider.token=", "--LabApp.news_url="]
    with (state / "log.txt").open("w") as log:
        server = subprocess.Popen(command, env={**os.environ, **own}, stdout=log, stderr=log)
    address = f"http://127.0.0.1:{port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        for _ in range(240):
            if server.poll() is not None:
                raise RuntimeError((state / "log.txt").read_text(encoding="utf-8"))
            try:
                opener.open(f"{address}/api", timeout=5).close()
                break
            except OSError:
                time.sleep(0.25)
        with playwright.sync_playwright() as driver:
            browser = driver.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
            page = browser.new_page(viewport={"width": 1000, "height": 1200}, device_scale_factor=2)
            page.set_default_timeout(PATIENCE)
            yield SimpleNamespace(page=page, address=address, folder=folder)
            browser.close()
    finally:
        server.terminate()
        server.wait()


def _open(lab, name):
    lab.page.goto(f"{lab.address}/lab/workspaces/test/tree/{name}.ipynb?reset")
    lab.page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell")
    lab.page.wait_for_selector(".jp-Notebook-ExecutionIndicator[data-status=idle]")  # the kernel has said what it is


def _choose(page, menu, entry):
    page.click(f".lm-MenuBar-itemLabel:text-is('{menu}')")
    page.click(f".lm-Menu-itemLabel:text-is('{entry}')")


def _save(lab, name):
    """Save as a person does, and wait until the file is written."""
    with lab.page.expect_response(lambda got: got.request.method == "PUT" and f"{name}.ipynb" in got.url):
        _choose(lab.page, "File", "Save Notebook")


def _end_kernels(lab):
    lab.page.evaluate(
        """async () => {
          const headers = {"X-XSRFToken": document.cookie.match(/_xsrf=([^;]+)/)[1]}
          for (const each of await (await fetch("/api/sessions")).json())
            await fetch(`/api/sessions/${each.id}`, {method: "DELETE", headers})
        }"""
    )


def _place(caption):
    """Row and column of the object, and of the anchor, in a caption."""
    found = re.search(r"at row (\d+), column (\d+) with the anchor at row (\d+), column (\d+)", caption)
    return tuple(map(int, found.groups()))


def test_opening_and_saving_a_notebook_leaves_git_clean(lab):
    assert HOOK in (ROOT / "Makefile").read_text(encoding="utf-8")
    _open(lab, PAIR)
    lab.page.wait_for_timeout(4000)  # the kernel has told its version, which JupyterLab would write
    before = (lab.folder / f"{PAIR}.ipynb").stat().st_mtime_ns
    _save(lab, PAIR)
    assert (lab.folder / f"{PAIR}.ipynb").stat().st_mtime_ns > before, "it was not saved"
    changed = subprocess.run(["git", "diff"], cwd=lab.folder, capture_output=True, text=True, check=True)
    assert not changed.stdout
    status = subprocess.run(["git", "status", "--short"], cwd=lab.folder, capture_output=True, text=True, check=True)
    assert not status.stdout


def test_a_panel_is_pressed_saved_and_opened_again(lab):
    page = lab.page
    _open(lab, "panel")
    picture = page.locator("img.shift-picture")
    page.locator(".jp-Notebook-ExecutionIndicator[data-status=idle]").wait_for()
    page.wait_for_timeout(1500)  # JupyterLab drops what is run while it connects
    _choose(page, "Run", "Run All Cells")
    picture.wait_for()
    page.wait_for_function("document.querySelector('img.shift-picture').naturalWidth > 1000")  # laid out for 2 x
    box = picture.bounding_box()
    assert box["width"] <= page.locator(".jp-OutputArea-output").last.bounding_box()["width"] + 1
    assert picture.evaluate("image => image.naturalWidth / image.width") == pytest.approx(2, abs=0.02)
    assert page.locator("[class^=kept-]:visible").count() == 0  # while it lives, it is seen once
    # no button, menu or label is cut off
    for each in page.locator(".jp-OutputArea-output button, .jp-OutputArea-output select, .widget-label").all():
        assert each.evaluate("element => element.scrollWidth <= element.clientWidth + 1"), each.inner_text()

    def press(x, y, *keys):
        """Press in the picture; the caption that follows."""
        caption = picture.get_attribute("alt")
        picture.click(position={"x": x * box["width"], "y": y * box["height"]}, modifiers=list(keys))
        page.wait_for_function("old => document.querySelector('img.shift-picture').alt !== old", arg=caption)
        return picture.get_attribute("alt")

    start = _place(picture.get_attribute("alt"))
    caption = press(0.62, 0.3)
    moved = _place(caption)
    assert moved[:2] != start[:2] and moved[2:] == start[2:]
    assert re.search(r"net says (cat|dog|owl), P = 0\.\d\d", caption)
    placed = _place(press(0.75, 0.6, "Shift"))
    assert placed[:2] == moved[:2] and placed[2] > moved[0] and placed[3] > moved[1]
    picture.scroll_into_view_if_needed()
    box = picture.bounding_box()
    page.mouse.move(box["x"] + 0.65 * box["width"], box["y"] + 0.3 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"], steps=8)
    page.mouse.up()
    page.wait_for_function(
        "alt => !document.querySelector('img.shift-picture').alt.includes(alt)", arg=f"row {moved[0]},"
    )
    page.click("button:has-text('not flat')")
    page.wait_for_timeout(1500)  # what is kept follows a moment later
    last = picture.get_attribute("alt")
    assert _place(last)[0] > moved[0] and _place(last)[1] > moved[1] and _place(last)[2:] == placed[2:]
    _save(lab, "panel")

    _end_kernels(lab)
    page.goto("about:blank")
    _open(lab, "panel")
    page.wait_for_function("document.body.innerHTML.includes('model not found')")  # it looked for the widgets
    assert page.get_by_text("model not found").filter(visible=True).count() == 0
    kept = page.locator(".jp-OutputArea img")
    assert kept.get_attribute("alt") == last and kept.is_visible()
    assert kept.evaluate("image => image.complete && image.naturalWidth > 1000")
    assert page.locator("li:has-text('Is it flat?') b").inner_text() == "not flat"
    outputs = json.loads((lab.folder / "panel.ipynb").read_text(encoding="utf-8"))["cells"][1]["outputs"]
    assert len(json.dumps(outputs)) < 400_000
