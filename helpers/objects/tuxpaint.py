"""Photographic cut-outs among Tux Paint's stamps, if they are installed (ours).

They are under the GPL: used where they are, never copied into the project.
"""

from __future__ import annotations

from pathlib import Path

from helpers import assets
from helpers.objects.cutouts import Cutout, Size, load_png

# Path below Tux Paint's folder of stamps -> ImageNet class: photographs, no drawings, of which EfficientNet-Lite0
# knows each, with more than .5, when it is resized to 125 px by the protocol, in the middle of a white frame.
STAMPS: dict[str, str] = {
    "animals/birds/duck.png": "drake",
    "animals/birds/hen.png": "hen",
    "animals/birds/peacock.png": "peacock",
    "animals/birds/penguin.png": "king penguin",
    "animals/birds/pink_flamingo.png": "flamingo",
    "animals/birds/tucan.png": "toucan",
    "animals/birds/vulture.png": "vulture",
    "animals/insects/Brown_slug.png": "slug",
    "animals/insects/Woodlouse.png": "isopod",
    "animals/insects/mantis.png": "mantis",
    "animals/mammals/apes/gorilla.png": "gorilla",
    "animals/mammals/aquatic/otter.png": "otter",
    "animals/mammals/aquatic/sea_lion.png": "sea lion",
    "animals/mammals/badger.png": "badger",
    "animals/mammals/bears/european-bear.png": "brown bear",
    "animals/mammals/bears/toys/edward_bear.png": "teddy",
    "animals/mammals/bovines/ram.png": "ram",
    "animals/mammals/camel/camel.png": "Arabian camel",
    "animals/mammals/cats/tiger.png": "tiger",
    "animals/mammals/equines/zebra.png": "zebra",
    "animals/mammals/pig_golden.png": "hog",
    "animals/mammals/rodents/beaver.png": "beaver",
    "animals/mammals/rodents/squirrel.png": "fox squirrel",
    "animals/marsupials/wombat.png": "wombat",
    "food/fruit/Strawberry2.png": "strawberry",
    "food/fruit/lemon.png": "lemon",
    "food/vegetables/broccoli.png": "broccoli",
    "hobbies/binoculars.png": "binoculars",
    "hobbies/camera_35mm.png": "reflex camera",
    "hobbies/music/brass/trumpet.png": "cornet",
    "hobbies/music/string/cello.png": "cello",
    "hobbies/music/string/guitar2.png": "electric guitar",
    "medical/syringe.png": "syringe",
    "military/paratrooper.png": "parachute",
    "military/vehicles/bradley.png": "tank",
    "military/vehicles/f22_raptor.png": "warplane",
    "plants/mushrooms/cep-1.png": "bolete",
    "sports/basketball.png": "basketball",
    "sports/soccer.png": "soccer ball",
    "vehicles/cycle/pink_tricycle.png": "tricycle",
    "vehicles/emergency/firetruck.png": "fire engine",
    "vehicles/flight/balloon360.png": "balloon",
    "vehicles/garbagetruck.png": "garbage truck",
    "vehicles/masstransit/green_korean_bus.png": "minibus",
}

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
