"""The networks under study: what they are made of, where their weights come from, what their layers are."""

from helpers.networks.catalogue import EMBEDDED, NAMES, load, local_weights
from helpers.networks.network import Network, evaluating, wrap

__all__ = ["EMBEDDED", "NAMES", "Network", "evaluating", "load", "local_weights", "wrap"]
