"""Photographic cut-outs among Tux Paint's stamps, if they are installed (ours).

They are under the GPL: used where they are, never copied into the project.
"""

from __future__ import annotations

import tomllib
from pathlib import Path

from helpers import assets
from helpers.objects.cutouts import Cutout, Size, load_png

# Path below Tux Paint's folder of stamps -> ImageNet class: photographs, no drawings, of which EfficientNet-Lite0
# knows each, with more than .5, when it is resized to 125 px by the protocol, in the middle of a white frame.
STAMPS: dict[str, str] = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

_FOLDERS = ("/usr/share/tuxpaint/stamps", "/usr/local/share/tuxpaint/stamps")


def find_stamps() -> Path | None:
    """Tux Paint's folder of stamps, where packages put it or on the assets search path; None if there is none."""
    return next((Path(folder) for folder in _FOLDERS if Path(folder).is_dir()), assets.find("tuxpaint/stamps"))


def stamps(size: Size | None = None) -> list[Cutout]:
    """The 44 stamps of STAMPS, labelled with their ImageNet classes.

    Args:
        size: side or (height, width) in pixels to resize to, as in the protocol; None keeps each file's own.

    Raises:
        FileNotFoundError: they are not installed.
    """
    folder = find_stamps()
    if folder is None:
        raise FileNotFoundError(
            f"Tux Paint's stamps are not in {' or '.join(_FOLDERS)}: install the package tuxpaint-stamps-default, "
            "or put its folder of stamps at tuxpaint/stamps on the assets search path (SHIFT_ASSETS)"
        )
    return [load_png(folder / path, size, label=label) for path, label in STAMPS.items()]
