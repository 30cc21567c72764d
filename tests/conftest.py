"""What several tests share: the real data, where they are, and scenes made in memory."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from helpers import assets
from helpers.objects import Cutout


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the planted faults unless they are asked for (`-m faults`): each executes a notebook."""
    if "faults" not in config.option.markexpr:
        planted = [item for item in items if item.get_closest_marker("faults")]
        config.hook.pytest_deselected(items=planted)
        items[:] = [item for item in items if item not in planted]


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder with the published data; tests that need it skip where it is absent."""
    found = assets.find("published/maps.npz")
    if found is None:
        pytest.skip("the published data are not on the assets search path (SHIFT_ASSETS, ../shared)")
    return found.parents[1]


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch) -> None:
    """Servers of tests are on this machine, also where others are reached through a proxy."""
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("no_proxy", "127.0.0.1,localhost")


@pytest.fixture
def displayed(monkeypatch) -> list[dict]:
    """Someone is there; what panels display, and what they renew it with."""
    shown = []
    handle = SimpleNamespace(update=lambda data, raw: shown.append(data))
    monkeypatch.setattr("helpers.views.panels.kept.someone_is_there", lambda: True)
    monkeypatch.setattr("IPython.display.display", lambda data, **_: shown.append(data) or handle)
    return shown


@pytest.fixture
def disc() -> Cutout:
    """A small object with soft edges and a gradient, 12 x 10 px."""
    rows, cols = torch.meshgrid(torch.arange(12), torch.arange(10), indexing="ij")
    distance = ((rows - 5.5) ** 2 + (cols - 4.5) ** 2).sqrt()
    alpha = ((5.5 - distance).clamp(0, 1) * 255).to(torch.uint8)
    colours = torch.stack([rows * 20, cols * 25, (rows + cols) * 10]).to(torch.uint8)
    return Cutout(torch.cat([colours, alpha[None]]), "disc")
