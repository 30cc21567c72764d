"""Many objects through many networks into one store: resumable, on one machine or on a Dask cluster.

One task is one object through one network, all layers in one pass. The store is an xarray tree on zarr with
a group per network and object size; see :mod:`helpers.tools.sweep.store`.
"""

from helpers.networks import Source
from helpers.tools.sweep.execute import run
from helpers.tools.sweep.plan import Plan
from helpers.tools.sweep.reading import SweepError, open_store, table

__all__ = ["Plan", "Source", "SweepError", "open_store", "run", "table"]
