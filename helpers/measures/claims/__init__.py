"""The table of claims: each finding as one number per network, with its interval over objects and a verdict (ours).

A *finding* is a sentence about a network and the rule by which an effect decides it. Its effect comes from
similarity maps (`of_maps`), from means over objects with their deviations (`of_means`, all that is published for
COCO), or from elsewhere: any interval over objects, such as R² of a probe, object by object.

Objects are the unit throughout. Where a sentence makes several comparisons at once (the centre above *each* corner),
it holds only where each of them does, so that no correction for their number is needed (an intersection-union test).
Where a threshold decides, the verdict is asked for at several.
"""

from helpers.measures.claims.effects import of_anchors, of_maps, of_means
from helpers.measures.claims.findings import BLURRED, FINDINGS, TWINS, Finding
from helpers.measures.claims.tables import keep, kept, table

__all__ = ["BLURRED", "FINDINGS", "TWINS", "Finding", "keep", "kept", "of_anchors", "of_maps", "of_means", "table"]
