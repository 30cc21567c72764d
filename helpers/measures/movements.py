"""One object moved in four ways: what comes in at the border when it moves (ours).

"Shifting an image" means different things. The object may move over a background that stays (`pasted`), the
camera may move and new scenery come in (`cropped`), black may come in (`zero-filled`), or what leaves on one
side may come back on the other (`circular`). On a plain white frame the first, second and fourth are the
same picture.
"""

from __future__ import annotations

import torch

from helpers import shifting
from helpers.objects.cutouts import Cutout, Photo

NAMES = ("pasted", "cropped", "zero-filled", "circular")


def moved(
    cutout: Cutout,
    shifts: torch.Tensor,
    *,
    frame: int = 224,
    background: shifting.Colour | Photo = "white",
) -> dict[str, torch.Tensor]:
    """Frames of an object at the middle of the frame, moved from there by each shift in four ways.

    Args:
        shifts: long (P, 2), rows down and columns right, pixels, either sign.
        frame: side of the frame, pixels.
        background: a colour, or a photo that is larger than the frame by the largest shift on each side.

    Returns:
        {name: uint8 (P, 3, H, W)} for the four `NAMES`; at shift (0, 0) all four frames are the same.

    Raises:
        ValueError: shifts that move the object off the frame, a photo too small for them, or anything that
            `shifting.Paste` refuses.
    """
    reach = int(shifts.abs().max())
    middle = [(frame - side) // 2 for side in cutout.size]
    for way, far, room in zip(("rows", "columns"), shifts.abs().amax(0).tolist(), middle, strict=True):
        if far > room:
            raise ValueError(
                f"a shift by {far} {way} moves {cutout.name} ({cutout.size[0]} x {cutout.size[1]} px) off the frame "
                f"of {frame}: use shifts up to {room} {way}, or a smaller object"
            )
    wide = shifting.Paste(cutout, frame + 2 * reach, background=background)
    scenery = wide.render(torch.tensor([[side + reach for side in middle]]))[0]
    photo = Photo(scenery, cutout.name, cutout.label)
    start = torch.tensor([reach, reach])
    return {
        "pasted": shifting.Paste(cutout, frame, background=background).render(torch.tensor(middle) + shifts),
        "cropped": shifting.Crop(photo, frame).render(start - shifts),  # the window moves the other way
        "zero-filled": shifting.Roll(photo, frame, reach=reach, boundary="zeros").render(start + shifts),
        "circular": shifting.Roll(photo, frame, reach=reach, boundary="circular").render(start + shifts),
    }
