"""What a network sees beyond the border of its maps: its padding, changed without retraining (ours).

Zero padding tells a convolution where the border is, so features depend on the distance to it. With
circular padding the maps have no border at all: a circular shift of the frame by a multiple of the total
stride must then leave globally pooled features as they are, which makes this mode a test of everything
else (`obstacles` says for which networks it holds). The weights were trained with the network's own
padding, so accuracy may fall with another; the question here is only what moves with the object.
"""

from __future__ import annotations

import dataclasses
import math

import torch.nn.functional as F
from torch import Tensor, nn

from helpers.networks import Network
from helpers.networks.antialiasing import Blur
from helpers.networks.passes import copied, hooked, reach, sides, watch
from helpers.suggestions import nearest

MODES = ("zeros", "reflect", "circular")

_FUNCTIONAL = {"zeros": "constant", "reflect": "reflect", "circular": "circular"}  # as F.pad calls them
_PADS = {"zeros": nn.ZeroPad2d, "reflect": nn.ReflectionPad2d, "circular": nn.CircularPad2d}
_PAD_LAYERS = (nn.ZeroPad2d, nn.ConstantPad2d, nn.ReflectionPad2d, nn.ReplicationPad2d, nn.CircularPad2d)


def replace(network: Network, *, mode: str) -> Network:
    """The same network with another padding.

    Convolutions (also timm's, which pad as TensorFlow does: those keep the sides that they pad), padding layers
    (among them those of `antialiased_cnns.BlurPool`, which reflects by default), blurs and pools change;
    parameters are copies, the given network stays as it is.

    - Max pools pad by minus infinity, which never wins: with `zeros` that stays (behind a ReLU it is the
      same as zero), with the other modes the values come from the map.
    - With `circular`, a pool of stride 1 that would lose a row and a column (as in `antialiased_cnns`'
      ResNet and VGG) takes them from the other side, since a torus has no edge to lose them at; not
      where a flattened map downstream would then have the wrong size (AlexNet).

    Padding done by a function inside `forward` can't be seen from outside and stays.

    Args:
        mode: `zeros`, `reflect` or `circular`.

    Raises:
        ValueError: an unknown mode, a transposed convolution, a network that pads nowhere, or maps too small
            at its frame to be continued by their own values.
    """
    if mode not in MODES:
        raise ValueError(f"unknown padding {mode!r}{nearest(mode, MODES)}")
    changed, module = _rebuilt(network, mode, close=mode == "circular")
    if mode == "circular" and not _runs(module, network.frame):
        changed, module = _rebuilt(network, mode, close=False)
    if not changed:
        raise ValueError(
            f"{network.name} has no convolution or pool that pads, so there is nothing to replace"
        )
    if mode != "zeros" and not _runs(module, network.frame):
        raise ValueError(
            f"{network.name} at frame {network.frame} has a map too small for {mode} padding: "
            "use 'zeros', or a larger frame"
        )
    return dataclasses.replace(network, module=module, title=f"{network.title}, {mode} padding")


def swapped(network: Network) -> Network:
    """The same network with its odd paddings on the other side: one line more at the top and left.

    Raises:
        ValueError: a network none of whose convolutions pads as TensorFlow does.
    """
    _, module = _rebuilt(network, "zeros", close=False)
    convolutions = [part for part in module.modules() if isinstance(part, _SameConv)]
    if not convolutions:
        raise ValueError(f"{network.name} has no convolution that pads as TensorFlow does: no side to change")
    for part in convolutions:
        part.swapped = True
    return dataclasses.replace(network, module=module, title=f"{network.title}, padding on the other side")


def obstacles(network: Network) -> list[str]:
    """Why circular padding does not make this network exactly invariant to shifts by its total stride.

    Found by sending one frame through it, in eval mode.

    Returns:
        A sentence for each reason: a step whose output isn't its input divided by its stride (the map no longer
        closes on itself, so nothing after it is exact), and a linear layer that reads a map flattened (exact
        before it, for pooled features only). Empty: exact for all layers.
    """
    found: list[str] = []
    depth = {"channels": 0, "side": 1}

    def step(name: str, child: nn.Module):
        def note(_: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            before, after, stride = inputs[0].shape[-1], output.shape[-1], sides(child.stride)[-1]
            if after * stride != before and not found:
                found.append(
                    f"{name}: a map of {before} becomes {after} at stride {stride}, not {before / stride:g}"
                )

        return note

    def remember(_: nn.Module, __: tuple, output: object) -> None:
        if isinstance(output, Tensor) and output.ndim == 4:
            depth.update(channels=output.shape[1], side=output.shape[-1])

    def linear(name: str):
        def note(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            size = inputs[0].shape[-1]
            if depth["channels"] and size == depth["channels"] * depth["side"] ** 2 and depth["side"] > 1:
                found.append(
                    f"{name} reads a {depth['side']} x {depth['side']} map flattened, position by position"
                )

        return note

    module = network.module
    steps = [
        (name, child)
        for name, child in module.named_modules()
        if isinstance(child, nn.Conv2d | nn.MaxPool2d | nn.AvgPool2d) or hasattr(child, "filt_size")
    ]
    handles = [child.register_forward_hook(step(name, child)) for name, child in steps]
    handles += [child.register_forward_hook(remember) for child in module.modules()]
    handles += [
        child.register_forward_pre_hook(linear(name))
        for name, child in module.named_modules()
        if isinstance(child, nn.Linear)
    ]
    with hooked(handles):
        watch(module, (network.frame, network.frame))
    return found


def _rebuilt(network: Network, mode: str, close: bool) -> tuple[int, nn.Module]:
    """A copy of the module with its padding replaced, and in how many places."""
    module, changed = copied(network.module, network.frame), 0
    for path, child in list(module.named_modules()):
        if isinstance(child, nn.ConvTranspose2d):
            raise ValueError(
                f"{network.name}: {path} is a transposed convolution, which can only pad by zeros"
            )
        if isinstance(child, Blur):
            child.mode, changed = _FUNCTIONAL[mode], changed + 1
            continue
        if isinstance(child, nn.Conv2d):
            if type(child).__name__ == "Conv2dSame":  # timm's, which pads inside `forward`
                child.__class__ = _SameConv
            child.padding_mode = mode
            changed += isinstance(child, _SameConv) or child.padding == "same"
            changed += any(side not in (0, "valid", "same") for side in sides(child.padding))
            continue
        new = _replacement(child, mode, close)
        if new is not child:
            changed += 1
            parent, _, name = path.rpartition(".")
            setattr(module.get_submodule(parent), name, new.train(child.training))
    return changed, module


def _runs(module: nn.Module, frame: int) -> bool:
    """Whether the sizes of all maps still fit together."""
    try:
        watch(module, (frame, frame))
    except ValueError:
        return False
    return True


class _SameConv(nn.Conv2d):
    """A convolution padded as TensorFlow does: where the total is odd, one more at the bottom and on the right."""

    swapped = False  # one more at the top and on the left

    def forward(self, x: Tensor) -> Tensor:
        around = []
        for axis in (1, 0):
            side, step = x.shape[2 + axis], self.stride[axis]
            total = max((math.ceil(side / step) - 1) * step + reach(self)[axis] - side, 0)
            around += [total // 2, total - total // 2][:: -1 if self.swapped else 1]
        x = F.pad(x, around, mode=_FUNCTIONAL[self.padding_mode])
        return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)


class _MaxPool(nn.MaxPool2d):
    """Max pooling over a map surrounded by its own values."""

    def __init__(self, pool: nn.MaxPool2d, around: tuple[int, ...], mode: str) -> None:
        super().__init__(
            pool.kernel_size, pool.stride, pool.padding, pool.dilation, pool.return_indices, pool.ceil_mode
        )
        self.original, self.around, self.mode = (pool,), around, mode  # in a tuple: no submodule

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.around, mode=self.mode)
        return F.max_pool2d(x, self.kernel_size, self.stride, 0, self.dilation, self.ceil_mode)


class _AvgPool(nn.AvgPool2d):
    """Average pooling over a map surrounded by its own values."""

    def __init__(self, pool: nn.AvgPool2d, around: tuple[int, ...], mode: str) -> None:
        super().__init__(pool.kernel_size, pool.stride, pool.padding, pool.ceil_mode)
        self.original, self.around, self.mode = (pool,), around, mode

    def forward(self, x: Tensor) -> Tensor:
        x = F.pad(x, self.around, mode=self.mode)
        return F.avg_pool2d(x, self.kernel_size, self.stride, 0, self.ceil_mode)


def _replacement(child: nn.Module, mode: str, close: bool) -> nn.Module:
    """What takes the place of a pool or padding layer; the module itself where nothing does."""
    if isinstance(child, _PAD_LAYERS):
        return _PADS[mode](child.padding)
    if isinstance(child, _MaxPool | _AvgPool):  # replaced before
        child = child.original[0]
    if not isinstance(child, nn.MaxPool2d | nn.AvgPool2d) or mode == "zeros":
        return child
    top, left = sides(child.padding)
    around = (left, left, top, top)
    if close and not any(around) and sides(child.stride) == (1, 1):
        height, width = reach(child)
        around = (0, width - 1, 0, height - 1)
    if not any(around):
        return child
    return (_MaxPool if isinstance(child, nn.MaxPool2d) else _AvgPool)(child, around, mode)
