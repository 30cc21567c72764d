"""Three small networks, each as an off-the-shelf-like and an anti-aliased twin.

The layouts are torchvision's (AlexNet, ResNet, MobileNetV2) at about a quarter of the widths. The twin
follows Zhang 2019 ("Making convolutional networks shift-invariant again") as `antialiased_cnns` lays it
out: every stride-2 step after the first convolution becomes the same step at stride 1, then `BlurPool`
(filter 5, stride 2). BlurPool has no parameters, so twins have the same state dict, key by key, and one
seed gives both the same initial weights: what differs is the blur and nothing else.

One deviation from `antialiased_cnns`: it also shrinks ResNet's max-pool window from 3 to 2. We keep 3,
so that the twins differ in one thing only.
"""

from collections.abc import Callable

import antialiased_cnns
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

FRAME = 128
CLASS_COUNT = 40
FILTER_SIZE = 5

# Names as in the paper; `fc6`, `fc7` are the values before the ReLU (which is out of place here).
LAYERS: dict[str, dict[str, str]] = {
    "demo_alexnet": {
        "pool": "features:mean",
        "fc6": "classifier.1",
        "fc6relu": "classifier.2",
        "fc7": "classifier.4",
        "fc7relu": "classifier.5",
        "fc8": "classifier.6",
    },
    "demo_resnet": {"pool": "fc:input", "fc": "fc"},
    "demo_mobilenet_v2": {"pool": "classifier:input", "fc": "classifier.1"},
}

NAMES = tuple(LAYERS)


class Blur(antialiased_cnns.BlurPool):
    """BlurPool whose constant filter stays out of the state dict, so that twins share theirs."""

    def __init__(self, channels: int) -> None:
        super().__init__(channels, filt_size=FILTER_SIZE, stride=2)
        kernel = self.filt
        del self.filt
        self.register_buffer("filt", kernel, persistent=False)


def _max_pool(channels: int, antialiased: bool, padding: int) -> nn.Module:
    if antialiased:
        return nn.Sequential(nn.MaxPool2d(3, stride=1, padding=padding), Blur(channels))
    return nn.MaxPool2d(3, stride=2, padding=padding)


class AlexNet(nn.Module):
    """AlexNet of torchvision: convolutions at a quarter of the widths, the 3 x 3 map flattened, fc of 512.

    torchvision averages its map to 6 x 6 before `fc6`; at frame 128 the map is 3 x 3 and goes in as it is.
    Modules are numbered as in torchvision (`features.0` ... `classifier.6`).
    """

    def __init__(self, antialiased: bool, num_classes: int) -> None:
        super().__init__()
        conv1 = nn.Conv2d(3, 16, 11, stride=2 if antialiased else 4, padding=2)
        first_relu = nn.Sequential(nn.ReLU(), Blur(16)) if antialiased else nn.ReLU()
        self.features = nn.Sequential(
            conv1, first_relu, _max_pool(16, antialiased, 0),
            nn.Conv2d(16, 48, 5, padding=2), nn.ReLU(), _max_pool(48, antialiased, 0),
            nn.Conv2d(48, 96, 3, padding=1), nn.ReLU(),
            nn.Conv2d(96, 64, 3, padding=1), nn.ReLU(),
            nn.Conv2d(64, 64, 3, padding=1), nn.ReLU(), _max_pool(64, antialiased, 0),
        )  # fmt: skip
        self.classifier = nn.Sequential(
            nn.Dropout(0.2), nn.Linear(64 * 3 * 3, 512), nn.ReLU(),
            nn.Dropout(0.2), nn.Linear(512, 512), nn.ReLU(),
            nn.Linear(512, num_classes),
        )  # fmt: skip

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (B, classes) of frames (B, 3, 128, 128), normalised."""
        return self.classifier(self.features(x).flatten(1))


class BasicBlock(nn.Module):
    """ResNet's basic block. Anti-aliased: the stride of `conv1` moves behind its ReLU, as a blur."""

    def __init__(self, inputs: int, outputs: int, stride: int, antialiased: bool) -> None:
        super().__init__()
        blurred = antialiased and stride == 2
        inner = 1 if blurred else stride
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=inner, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.relu = nn.ReLU()
        self.blur = Blur(outputs) if blurred else nn.Identity()
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.shortcut_blur = Blur(inputs) if blurred else nn.Identity()
        self.downsample: nn.Module = nn.Identity()
        if stride == 2 or inputs != outputs:
            shortcut = nn.Conv2d(inputs, outputs, 1, stride=inner, bias=False)
            self.downsample = nn.Sequential(shortcut, nn.BatchNorm2d(outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(B, inputs, h, w) to (B, outputs, h / stride, w / stride)."""
        out = self.blur(self.relu(self.bn1(self.conv1(x))))
        return self.relu(self.bn2(self.conv2(out)) + self.downsample(self.shortcut_blur(x)))


class ResNet(nn.Module):
    """Four basic blocks of widths 16, 32, 64, 128 behind torchvision's stem (7 x 7 stride 2, max-pool)."""

    def __init__(self, antialiased: bool, num_classes: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.maxpool = _max_pool(16, antialiased, 1)
        self.layer1 = BasicBlock(16, 16, 1, antialiased)
        self.layer2 = BasicBlock(16, 32, 2, antialiased)
        self.layer3 = BasicBlock(32, 64, 2, antialiased)
        self.layer4 = BasicBlock(64, 128, 2, antialiased)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(128, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Class scores (B, classes) of frames (B, 3, 128, 128), normalised."""
        x = self.maxpool(self.relu(self.bn1(self.conv1(x))))
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.fc(self.avgpool(x).flatten(1))


def _mobilenet(antialiased: bool, num_classes: int) -> nn.Module:
    """MobileNetV2 of torchvision at width 0.25; anti-aliased: every strided depthwise step, then its blur.

    As in `antialiased_cnns`, the first convolution keeps its stride.
    """
    module = mobilenet_v2(width_mult=0.25, num_classes=num_classes)
    if antialiased:
        for block in module.features[1:-1]:
            depthwise = block.conv[-3]  # Conv2d, BatchNorm2d, ReLU6
            if depthwise[0].stride == (2, 2):
                depthwise[0].stride = (1, 1)
                depthwise.append(Blur(depthwise[0].out_channels))
    return module


_BUILDERS: dict[str, Callable[[bool, int], nn.Module]] = {
    "demo_alexnet": AlexNet,
    "demo_resnet": ResNet,
    "demo_mobilenet_v2": _mobilenet,
}


def build(name: str, *, antialiased: bool) -> nn.Module:
    """An untrained embedded network; input float32 (B, 3, 128, 128) normalised as for ImageNet.

    Parameters are created in the same order in both twins: the same torch seed gives the same weights.

    Raises:
        ValueError: the name is not one of NAMES.
    """
    if name not in _BUILDERS:
        raise ValueError(f"no embedded network is called {name!r}; there are {', '.join(NAMES)}")
    module = _BUILDERS[name](antialiased, CLASS_COUNT)
    for part in module.modules():
        if isinstance(part, nn.Conv2d):  # He: PyTorch's own start lets eight layers without norm fade out
            nn.init.kaiming_normal_(part.weight, mode="fan_out", nonlinearity="relu")
    return module
