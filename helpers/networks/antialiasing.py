"""Any network made anti-aliased: its strides become a dense layer and a blur that takes every second value."""

from __future__ import annotations

import dataclasses
import math

import torch
from torch import Tensor, nn
from torch.nn import functional

from helpers.networks import passes
from helpers.networks.network import Network
from helpers.networks.passes import evaluating, hooked, parameter, reach, watch

_NORMS = (nn.modules.batchnorm._NormBase, nn.GroupNorm, nn.LayerNorm)


class Blur(nn.Module):
    """A binomial blur that keeps every second value, on the grid that a stride of 2 took; the edge is repeated.

    Args:
        taps: of the filter, odd.
        same: None after a layer that pads both sides alike, whose stride took the even places of the dense map.
            After one that pads as TensorFlow's "same" does, that layer's kernel in pixels: padded for a stride
            of 2 such a layer may begin one place later than padded for a stride of 1.
        ceil: after a pool whose last window may hang over the edge (``ceil_mode``).
    """

    stride = 2  # what Network.strides reads

    def __init__(self, taps: int = 3, same: int | None = None, ceil: bool = False) -> None:
        super().__init__()
        if taps < 3 or taps % 2 == 0:
            raise ValueError(f"a blur of {taps!r} taps would not blur, or would shift by half a pixel: take 3, 5 or 7")
        line = torch.tensor([math.comb(taps - 1, i) for i in range(taps)], dtype=torch.float32) / 2 ** (taps - 1)
        self.register_buffer("filter", line[:, None] * line)
        self.same, self.ceil, self.mode = same, ceil, "replicate"

    def first(self, side: int) -> int:
        """The first place that the stride took, in a dense map of this side."""
        if self.same is None:
            return 0
        dense, strided = (max((math.ceil(side / step) - 1) * step + self.same - side, 0) // 2 for step in (1, 2))
        return dense - strided

    def forward(self, dense: Tensor) -> Tensor:
        """(B, C, H, W) to half the sides, rounded up."""
        half = len(self.filter) // 2
        top, left = (half - self.first(side) for side in dense.shape[-2:])
        dense = functional.pad(dense, (left, half + self.ceil, top, half + self.ceil), mode=self.mode)
        filters = self.filter.to(dense.dtype).expand(dense.shape[1], 1, -1, -1)
        return functional.conv2d(dense, filters, stride=self.stride, groups=dense.shape[1])


@dataclasses.dataclass(frozen=True, eq=False)
class _Call:
    """One call of a module that maps a map to a map."""

    path: str
    module: nn.Module
    given: Tensor
    result: Tensor

    @property
    def parent(self) -> str:
        """The path of the block it stands in."""
        return self.path.rpartition(".")[0]


def _calls(module: nn.Module, frame: int) -> list[_Call]:
    """The calls of one forward pass, in the order they end."""
    calls = []
    paths = {part: path for path, part in module.named_modules() if path}

    def note(part, inputs, output):
        if inputs and all(isinstance(each, Tensor) and each.ndim == 4 for each in (inputs[0], output)):
            calls.append(_Call(paths[part], part, inputs[0], output))

    watch(module, (frame, frame), note, paths)
    return calls


def _steps(part: nn.Module) -> bool:
    return isinstance(part, (nn.Conv2d, nn.MaxPool2d)) and part.stride in (2, (2, 2))


def _neutral(part: nn.Module) -> bool:
    """A norm, an activation or nothing: the blur goes after it, as in Zhang 2019 (section 3.2)."""
    return isinstance(part, (*_NORMS, nn.Identity)) or "activation" in type(part).__module__


def _place(calls: list[_Call], i: int) -> tuple[_Call, bool]:
    """Where the blur of call i goes: at which call, and whether after it."""
    parts = [call.module for call in calls]
    place, after, output = calls[i], True, calls[i].result
    if isinstance(place.module, nn.MaxPool2d):
        return place, after
    for call in calls[i + 1 :]:
        if call.given is not output:
            continue
        if call.parent != calls[i].parent:  # the map leaves the block, and others may read it too
            break
        if not _neutral(call.module):
            return (place, True) if after else (call, False)
        output = call.result
        after = parts.count(call.module) == 1  # a block may use one activation for all its layers
        place = call if after else place
    return place, True


def blurred(module: nn.Module, *, taps: int = 3, frame: int = 224) -> nn.Module:
    """A copy in eval mode whose convolutions and max pools of stride 2 run at stride 1, each blurred.

    The blur follows the layer, or its norm and activation where they stand in the same block, and takes every
    second value on the grid of the stride; so every later map has the size and the place it had. It stands
    before a 1 x 1 convolution, with which it commutes. The first convolution stays as it is, as in Zhang 2019:
    at full resolution it would cost more than the rest, and the strides after it alias most. So do strides
    other than 2 (patch embeddings) and average pools, which blur already.

    Args:
        module: of torchvision or timm, or built like theirs.
        taps: of the blur, odd.
        frame: the side of its frames, in pixels.

    Raises:
        ValueError: it takes no such frame, there is nothing to blur, or the copy's maps would not fit each other.
    """
    copied = passes.copied(module, frame).eval()
    shape = watch(copied, (frame, frame)).shape
    calls = _calls(copied, frame)
    stem = next((call.module for call in calls if isinstance(call.module, nn.Conv2d)), None)
    chosen = [i for i, call in enumerate(calls) if _steps(call.module) and call.module is not stem]
    if not chosen:
        raise ValueError("there is no stride to blur: no convolution after the first and no max pool has stride 2")
    for i in chosen:
        part = calls[i].module
        same = reach(part)[0] if type(part).__name__.endswith("Same") else None
        blur = Blur(taps, same, ceil=getattr(part, "ceil_mode", False)).to(parameter(copied).device)
        part.stride = (1, 1)
        if isinstance(part, nn.Conv2d) and reach(part)[0] == 1:
            _put(copied, calls[i].path, blur, part)
            continue
        place, after = _place(calls, i)
        _put(copied, place.path, *((place.module, blur) if after else (blur, place.module)))
    try:
        found = watch(copied, (frame, frame)).shape
    except ValueError as error:
        raise ValueError(f"its maps do not fit any more ({error}): blur it by hand") from error
    if found != shape:
        raise ValueError(f"its output would be {tuple(found)}, not {tuple(shape)}: blur it by hand")
    return copied


def _put(module: nn.Module, path: str, *parts: nn.Module) -> None:
    parent, _, name = path.rpartition(".")
    setattr(module.get_submodule(parent), name, nn.Sequential(*parts))


def _photographs(side: int) -> Tensor:
    """Squares of the packaged photographs, uint8 (35, 3, side, side): the middle of each and its four corners."""
    from helpers.objects import embedded

    squares = []
    for name in embedded.PHOTOS:
        photo = torch.tensor(embedded.photo(name)).permute(2, 0, 1)[None].float()
        height, width = photo.shape[2:]
        short = min(height, width)
        part = 2 * short // 3
        middle = ((height - short) // 2, (width - short) // 2, short)
        corners = [(top, left, part) for top in (0, height - part) for left in (0, width - part)]
        for top, left, size in (middle, *corners):
            square = photo[:, :, top : top + size, left : left + size]
            squares.append(functional.interpolate(square, size=(side, side), mode="bilinear", antialias=True))
    return torch.cat(squares).round().clamp(0, 255).to(torch.uint8)


def _tracked(module: nn.Module) -> list[nn.Module]:
    norms = [part for part in module.modules() if isinstance(part, nn.modules.batchnorm._BatchNorm)]
    return [norm for norm in norms if norm.running_mean is not None]


@torch.no_grad()
def match_statistics(smooth: nn.Module, plain: nn.Module, inputs: Tensor) -> None:
    """Change a blurred network's batch statistics, in place, so that every norm gives what it gave before.

    On these inputs each channel behind a norm then has the mean and the deviation that it has in the plain
    network: norm after norm, in one pass, the running variance is scaled by the ratio of the variances and the
    mean is moved. The inputs' own statistics never take the place of the training data's. Ours: a blur lowers
    the variance of every later map, and without this two answers in three are other answers.

    Args:
        smooth: the network with blurs, in eval mode.
        plain: without.
        inputs: (B, 3, H, W), normalised.
    """
    met: list[tuple[Tensor, Tensor]] = []

    def moments(given: Tensor) -> tuple[Tensor, Tensor]:
        dims = [axis for axis in range(given.ndim) if axis != 1]
        return given.mean(dims), given.var(dims)

    def note(_, given):
        met.append(moments(given[0]))

    def match(norm, given):
        (mean, var), (new_mean, new_var) = met.pop(0), moments(given[0])
        # A channel that these inputs hardly excite tells little: no variance changes by more than a factor of 4.
        ratio = ((new_var + norm.eps) / (var + norm.eps)).clamp(0.25, 4)
        norm.running_mean.copy_(new_mean - (mean - norm.running_mean) * ratio.sqrt())
        norm.running_var.copy_((norm.running_var + norm.eps) * ratio - norm.eps)

    for module, hook in ((plain, note), (smooth, match)):
        with hooked([norm.register_forward_pre_hook(hook) for norm in _tracked(module)]):
            module(inputs)


def antialias(network: Network, *, taps: int = 3) -> Network:
    """The same network with a blur before each stride but the stem's, not trained; see :func:`blurred`.

    Batch statistics are matched on packaged photographs (:func:`match_statistics`): nothing is learned, but
    EfficientNet-Lite0 then gives its own answer to .66 of 73 photographs, and without it to .37.

    Args:
        network: of torchvision or timm, or built like theirs; it is not touched.
        taps: of the blur, odd: 3, 5 or 7.

    Raises:
        ValueError: a network without strided layers, or one whose maps would not fit each other.
    """
    try:
        module = blurred(network.module, taps=taps, frame=network.frame)
    except ValueError as error:
        raise ValueError(f"{network.name} cannot be made anti-aliased: {error}") from error
    words = f"{network.weights}, with a blur of {taps} before each stride"
    if _tracked(module):
        frames = _photographs(network.frame).to(parameter(module).device)
        with evaluating(network.module):
            match_statistics(module, network.module, network.preprocess(frames))
        words += " and batch statistics matched to it"
    return dataclasses.replace(
        network,
        name=f"{network.name}_blurred",  # it is not the anti-aliased network of that name
        module=module,
        antialiased=True,
        weights=f"{words}, not trained",
        title=f"{network.title.removesuffix(', off-the-shelf')}, blurred, not trained",
    )
