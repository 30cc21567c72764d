"""The self-contained interactive page: similarity maps against any anchor, computed in the browser.

``explorer.page([plain, smooth, ...], "page.html")`` makes one from Features;
``python -m helpers page --from STORE_OR_RUN --out figures/explorer.html`` from a sweep's store, a run of the
notebooks or, with no ``--from``, the embedded networks.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from helpers.features import Features

__all__ = ["main", "page"]


def page(features: Sequence[Features], out: str | Path) -> Path:
    """Writes the page for some Features, grouped by their scenes; returns its path.

    A network's logits among the layers give the class probability and the top class. Every cosine on the page
    is within 2e-3 of the exact one. Raises ValueError for no features, for features of one scene at different
    positions, and where the bound can't be kept.
    """
    from helpers.tools.page import pages, subjects

    return pages.write(out, subjects.from_features(features))


def main(arguments: Sequence[str] | None = None) -> int:
    """The command ``page``; returns its exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m helpers page", description="Write the interactive page: one HTML file, opened from disk."
    )
    parser.add_argument(
        "--from", dest="source", metavar="STORE_OR_RUN", type=Path,
        help="a sweep's store or a folder of a run; default: the embedded networks",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("figures/explorer.html"), help="default: %(default)s")
    parser.add_argument("--objects", help="comma-separated: only these objects; default: the source's, at most four")
    parser.add_argument(
        "--no-published", action="store_true", help="leave out the published maps even where they are at hand"
    )
    given = parser.parse_args(arguments)
    from helpers.assets import AssetError
    from helpers.tools.page import pages, sources

    wanted = [name.strip() for name in given.objects.split(",")] if given.objects else None
    try:
        shown = sources.find(given.source, wanted)
        if not given.no_published:
            shown += sources.published()
        written = pages.write(given.out, shown)
    except (ValueError, OSError, AssetError) as error:
        print(f"error: {error}", file=sys.stderr)
        return 2
    print(f"{written}: {written.stat().st_size / 1e6:.1f} MB, {len(shown)} objects; open it in a browser")
    return 0
