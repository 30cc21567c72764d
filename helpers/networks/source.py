"""Which network: its name, off-the-shelf or anti-aliased, and its weights, spelt in one place."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.suggestions import nearest

if TYPE_CHECKING:
    from helpers.networks.network import Network

# The variant in words, by ``antialiased``, as in legends, titles and tables.
KINDS = {False: "off-the-shelf", True: "anti-aliased"}
# Our name -> the authors', in their published files.
PUBLISHED = {"alexnet": "alexnet", "vgg16": "vgg16", "resnet50": "resnet50", "mobilenet_v2": "mobilev2"}
TITLES = {
    "alexnet": "AlexNet",
    "vgg16": "VGG16",
    "resnet50": "ResNet-50",
    "mobilenet_v2": "MobileNetV2",
    "demo_alexnet": "demo AlexNet",
    "demo_resnet": "demo ResNet",
    "demo_mobilenet_v2": "demo MobileNetV2",
    "efficientnet_lite0": "EfficientNet-Lite0",
    "efficientnet_lite1": "EfficientNet-Lite1",
    "efficientnet_lite2": "EfficientNet-Lite2",
}


@dataclasses.dataclass(frozen=True, order=True)
class Source:
    """A network's identity: all that ``networks.load`` takes, and small where weights are large.

    Attributes:
        name: as ``networks.load`` knows it, e.g. ``resnet50`` or ``timm:convnext_tiny``.
        antialiased: the variant.
        weights: ``"default"``, a training of the embedded networks (``"centre"``, ``"uniform"``), or a file,
            by its path or by its name on the assets search path.
    """

    name: str
    antialiased: bool = False
    weights: str = "default"

    def __post_init__(self) -> None:
        object.__setattr__(self, "weights", str(self.weights))  # of a path, or a member of torchvision's enumeration

    @classmethod
    def parse(cls, text: str) -> Source:
        """A source from its text: ``alexnet``, ``alexnetAA`` (anti-aliased), or either with ``@weights``.

        The authors' spelling of a network (``mobilev2``) is understood too.
        """
        spelt, _, weights = text.partition("@")
        name = spelt.removesuffix("AA")
        ours = {theirs: ours for ours, theirs in PUBLISHED.items()}
        return cls(ours.get(name, name), spelt.endswith("AA"), weights or "default")

    def __str__(self) -> str:
        """The text that ``parse`` reads."""
        return self._spelt(self.name) + ("" if self.weights == "default" else f"@{self.weights}")

    @property
    def key(self) -> str:
        """A name for files and stores: the text, without a colon and without the folder of a weights file."""
        weights = "" if self.weights == "default" else f"@{Path(self.weights).stem}"
        return self._spelt(self.name.replace(":", "-")) + weights

    @property
    def published(self) -> str:
        """The authors' spelling, e.g. ``mobilev2AA``.

        Raises:
            ValueError: not one of the paper's networks.
        """
        if self.name not in PUBLISHED:
            raise ValueError(f"the paper has no network {self.name!r}{nearest(self.name, PUBLISHED)}")
        return self._spelt(PUBLISHED[self.name])

    @property
    def title(self) -> str:
        """For figures, e.g. "ResNet-50, anti-aliased"."""
        return f"{TITLES.get(self.name, self.name.removeprefix('timm:'))}, {KINDS[self.antialiased]}"

    def load(self) -> Network:
        """The network; raises what ``networks.load`` raises."""
        from helpers.networks.catalogue import load  # which needs this module

        return load(self.name, antialiased=self.antialiased, weights=self.weights)

    def _spelt(self, name: str) -> str:
        return name + "AA" * self.antialiased
