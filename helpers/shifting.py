"""Scenes: an object over a frame, or a frame over a photo, at every position, rendered on the device.

Every scene is one canvas larger than the frame, and a frame is a window of it: moving an object down and
right over a plain background is moving the window up and left over a canvas with the object in its middle.
So a batch of positions is one gather on the device, with no loop and no copy on the host.
"""

from __future__ import annotations

import operator
from collections.abc import Sequence

import torch
import torch.nn.functional as F
from PIL import ImageColor

from helpers.objects.cutouts import Cutout, Photo, sides
from helpers.suggestions import nearest

Frame = int | tuple[int, int]
Colour = str | Sequence[int]


class Scene:
    """What all scenes share; a subclass sets the canvas and how a position becomes a window of it.

    Attributes:
        label: the class that a network should answer, or None.
        frame: (H, W) in pixels.
        grid: (R, C), the number of positions at stride 1, which go from (0, 0) to (R - 1, C - 1).
        kind: how the object is moved, in one word.
    """

    name: str
    label: str | None
    frame: tuple[int, int]
    grid: tuple[int, int]
    kind: str

    def __init__(self, canvas: torch.Tensor, *, frame: tuple[int, int], grid: tuple[int, int]) -> None:
        self._canvas = canvas
        self.frame = frame
        self.grid = grid

    def _windows(self, positions: torch.Tensor) -> torch.Tensor:
        """Positions (B, 2) to top-left corners of windows on the canvas (B, 2)."""
        return positions

    def _finish(self, windows: torch.Tensor) -> torch.Tensor:
        """Windows uint8 (B, C, H, W) to frames uint8 (B, 3, H, W)."""
        return windows

    def render(self, positions: torch.Tensor, device: str | torch.device = "cpu") -> torch.Tensor:
        """The frames at some positions.

        Args:
            positions: long (B, 2), (row, col) in pixels of the top-left corner of the object (Paste) or of the
                frame in the photo (Crop), or the shift plus reach (Roll).

        Returns:
            uint8 (B, 3, H, W) on the device.

        Raises:
            ValueError: a position off the grid.
        """
        positions = torch.as_tensor(positions)
        if positions.ndim != 2 or positions.shape[1] != 2 or positions.is_floating_point():
            got = f"{positions.dtype} {tuple(positions.shape)}"
            raise ValueError(f"positions are integers (B, 2), (row, col) in pixels, not {got}")
        # Checked on the host, where the positions are made: on the device it would wait for the stream.
        off = ((positions < 0) | (positions >= torch.tensor(self.grid, device=positions.device))).any(1)
        if off.any():
            row, col = positions[off][0].tolist()
            last = (self.grid[0] - 1, self.grid[1] - 1)
            raise ValueError(f"position ({row}, {col}) is off the grid: rows and columns go to {last}")
        self._canvas = self._canvas.to(device)
        corners = self._windows(positions.long()).to(device, non_blocking=True)
        height, width = self.frame
        # (rows, cols, C, H, W): a view of all windows; only those asked for are copied.
        every = self._canvas.unfold(1, height, 1).unfold(2, width, 1).permute(1, 2, 0, 3, 4)
        return self._finish(every[corners[:, 0], corners[:, 1]])

    def picture(self) -> tuple[torch.Tensor, torch.Tensor | None, tuple[int, int], int]:
        """What a viewer needs to make the frames by itself.

        Returns:
            The canvas uint8 (3 or 4, h, w); the photo under it uint8 (3, H, W), or None; and ``start`` and
            ``step``: the window of (row, col) begins at ``start[0] + step * row, start[1] + step * col``.
        """
        photo = getattr(self, "_photo", None)
        starts = self._windows(torch.tensor([[0, 0], [1, 1]])).tolist()
        start, step = tuple(starts[0]), starts[1][0] - starts[0][0]
        return self._canvas.cpu(), None if photo is None else photo.cpu(), start, step

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.name!r}, frame={self.frame}, grid={self.grid})"


class Paste(Scene):
    """An object pasted over a background, at every position where it lies fully inside the frame.

    ``(1 - alpha) * background + alpha * object``, truncated to uint8, in exact integer arithmetic. Paper,
    section 3.

    Args:
        frame: side or (height, width) in pixels.
        background: a colour name, RGB from 0 to 255, or a Photo, whose middle stays put while the object moves.

    Raises:
        ValueError: an object larger than the frame, a photo smaller than it, or an unknown colour.
    """

    kind = "pasted"

    def __init__(self, cutout: Cutout, frame: Frame = 224, *, background: Colour | Photo = "white") -> None:
        if not isinstance(cutout, Cutout):
            raise ValueError(f"{_called(cutout)} is no cut-out, so it cannot be pasted: use Crop for a photo")
        (height, width), (h, w) = sides(frame, "frame"), cutout.size
        if h > height or w > width:
            raise ValueError(
                f"{cutout.name} is {h} x {w} px, larger than the frame of {height} x {width}: "
                "load it with a smaller size, or take a larger frame"
            )
        self.name, self.label = cutout.name, cutout.label
        self._reach = (height - h, width - w)
        around = (width - w, width - w, height - h, height - h)  # left, right, top, bottom
        canvas = F.pad(cutout.rgba, around)
        if isinstance(background, Photo):
            self._photo: torch.Tensor | None = _middle(background, (height, width))
        else:
            self._photo = None
            flat = torch.tensor(_rgb(background), dtype=torch.uint8)[:, None, None]
            canvas = _blend(canvas[None], flat)[0]
        super().__init__(canvas, frame=(height, width), grid=(height - h + 1, width - w + 1))

    def _windows(self, positions: torch.Tensor) -> torch.Tensor:
        return torch.tensor(self._reach, device=positions.device) - positions

    def _finish(self, windows: torch.Tensor) -> torch.Tensor:
        if self._photo is None:
            return windows
        self._photo = self._photo.to(windows.device)
        return _blend(windows, self._photo)


class Crop(Scene):
    """The frame as a window that moves over a photo, as a camera does (the paper's "plane").

    A position is the window's, so the object moves the other way.

    Raises:
        ValueError: a photo smaller than the frame.
    """

    kind = "cropped"

    def __init__(self, photo: Photo, frame: Frame = 224) -> None:
        if not isinstance(photo, Photo):
            raise ValueError(f"{_called(photo)} is no photo, so it cannot be cropped: use Paste for a cut-out")
        (height, width), (h, w) = sides(frame, "frame"), photo.size
        _fits(photo, (height, width))
        self.name, self.label = photo.name, photo.label
        super().__init__(photo.rgb, frame=(height, width), grid=(h - height + 1, w - width + 1))


class Roll(Scene):
    """The middle of a photo moved as a whole; position (reach, reach) is the unmoved frame. Ours.

    Args:
        reach: the largest shift each way in pixels; the grid is 2 * reach + 1 on each side.
        boundary: ``"circular"``, what leaves on one side comes back on the other; ``"zeros"``, black comes in.

    Raises:
        ValueError: a photo smaller than the frame, an unknown boundary, a reach under 0 or over the frame's side.
    """

    def __init__(self, photo: Photo, frame: Frame = 224, *, reach: int = 16, boundary: str = "circular") -> None:
        if boundary not in ("circular", "zeros"):
            raise ValueError(f"unknown boundary {boundary!r}: use 'circular' or 'zeros'")
        height, width = sides(frame, "frame")
        if not 0 <= reach <= min(height, width):
            raise ValueError(f"reach {reach} px does not fit a frame of {height} x {width}: use 0 to its side")
        middle = _middle(photo, (height, width))
        around = (reach,) * 4
        if boundary == "circular":
            # Padding is not implemented for integers; float32 holds 0 to 255 exactly.
            canvas = F.pad(middle[None].float(), around, mode="circular")[0].to(torch.uint8)
        else:
            canvas = F.pad(middle, around)
        self.name, self.label, self.kind, self.reach = photo.name, photo.label, boundary, reach
        super().__init__(canvas, frame=(height, width), grid=(2 * reach + 1, 2 * reach + 1))

    def _windows(self, positions: torch.Tensor) -> torch.Tensor:
        return 2 * self.reach - positions


def positions(grid: tuple[int, int], stride: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    """The rows (r,) and columns (c,), long, of every ``stride``-th position of an (R, C) grid, from 0.

    Raises:
        ValueError: a stride that is not an integer of at least 1.
    """
    try:
        step = operator.index(stride)
    except TypeError:
        step = 0
    if step < 1:
        raise ValueError(f"stride {stride!r} must be an integer of at least 1 pixel")
    return torch.arange(0, grid[0], step), torch.arange(0, grid[1], step)


def _called(thing: object) -> str:
    return str(getattr(thing, "name", repr(thing)))


def _rgb(colour: Colour) -> tuple[int, int, int]:
    given = colour
    if isinstance(colour, str):
        try:
            colour = ImageColor.getrgb(colour)
        except ValueError as error:
            use = "use a CSS name, '#rrggbb' or RGB from 0 to 255"
            hint = nearest(colour, ImageColor.colormap, otherwise=use, cutoff=0.6)
            raise ValueError(f"unknown colour {colour!r}{hint}") from error
    try:
        red, green, blue = (operator.index(value) for value in colour)
    except (TypeError, ValueError) as error:
        raise ValueError(f"colour {given!r} is not opaque RGB: use a name or three integers, 0 to 255") from error
    if not all(0 <= value <= 255 for value in (red, green, blue)):
        raise ValueError(f"colour {given!r} must be three values from 0 to 255")
    return red, green, blue


def _fits(photo: Photo, frame: tuple[int, int]) -> None:
    if photo.size[0] < frame[0] or photo.size[1] < frame[1]:
        (h, w), (height, width) = photo.size, frame
        raise ValueError(
            f"photo {photo.name} is {h} x {w} px, smaller than the frame of {height} x {width}: "
            "load it with a larger size, or take a smaller frame"
        )


def _middle(photo: Photo, frame: tuple[int, int]) -> torch.Tensor:
    _fits(photo, frame)
    top, left = ((photo.size[axis] - frame[axis]) // 2 for axis in (0, 1))
    return photo.rgb[:, top : top + frame[0], left : left + frame[1]]


def _blend(rgba: torch.Tensor, background: torch.Tensor) -> torch.Tensor:
    """(B, 4, h, w) over (3, h, w) or (3, 1, 1), exactly: floor(((255 - a) * back + a * colour) / 255)."""
    alpha, colour = rgba[:, 3:].int(), rgba[:, :3].int()
    mixed = (255 - alpha) * background.int() + alpha * colour
    return torch.div(mixed, 255, rounding_mode="floor").to(torch.uint8)
