"""The networks under study: what they are made of, where their weights come from, what their layers are."""

from helpers.networks.antialiasing import Blur, antialias
from helpers.networks.catalogue import EMBEDDED, NAMES, load, local_weights
from helpers.networks.network import Network, blank, evaluating, wrap

__all__ = ["EMBEDDED", "NAMES", "Blur", "Network", "antialias", "blank", "evaluating", "load", "local_weights", "wrap"]
