"""The networks under study: what they are made of, where their weights come from, what their layers are."""

from helpers.networks.antialiasing import antialias
from helpers.networks.catalogue import EMBEDDED, NAMES, class_names, load, local_weights
from helpers.networks.network import Network, blank, evaluating, wrap
from helpers.networks.source import KINDS, PUBLISHED, Source

__all__ = [
    "EMBEDDED",
    "KINDS",
    "NAMES",
    "PUBLISHED",
    "Network",
    "Source",
    "antialias",
    "blank",
    "class_names",
    "evaluating",
    "load",
    "local_weights",
    "wrap",
]
