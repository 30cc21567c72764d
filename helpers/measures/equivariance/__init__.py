"""Does a map move as the object does? Layer by layer, and where it does not: aliasing at the strides, and the border.

A layer is *equivariant* to shifts if a moved object gives the moved map. The average over an equivariant map is
*invariant*. So a network of convolutions loses its invariance where its maps lose their equivariance, and that can be
looked up. Ours, but for the Lie derivative and the polyphase network.
"""

from helpers.measures.equivariance.aliasing import above_nyquist, before_strides
from helpers.measures.equivariance.border import Padding, echo, paddings, spread
from helpers.measures.equivariance.control import Polyphase, polyphase
from helpers.measures.equivariance.errors import Error, error, over_shifts, pooled_error
from helpers.measures.equivariance.maps import moved, nodes, read
from helpers.measures.equivariance.subpixel import lie_derivative

__all__ = [
    "Error",
    "Padding",
    "Polyphase",
    "above_nyquist",
    "before_strides",
    "echo",
    "error",
    "lie_derivative",
    "moved",
    "nodes",
    "over_shifts",
    "paddings",
    "polyphase",
    "pooled_error",
    "read",
    "spread",
]
