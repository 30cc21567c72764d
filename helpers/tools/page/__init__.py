"""The self-contained interactive page: similarity maps against any anchor, computed in the browser.

``page([plain, smooth, ...], "page.html")`` makes one from Features;
``python -m helpers page --from STORE_OR_RUN --out figures/explorer.html`` from a sweep's store, a run of the
notebooks or, with no ``--from``, what comes with the workbook.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from helpers.tools.commandline import guarded, writable

if TYPE_CHECKING:
    from helpers.features import Features

__all__ = ["main", "page"]


def page(features: Sequence[Features], out: str | Path) -> Path:
    """Write the page for some Features, grouped by their scenes; returns its path.

    A network's logits among the layers give the class probability and the top class. Every cosine on the page
    is within 2e-3 of the exact one.

    Raises:
        ValueError: No features, features of one scene at different positions, or a bound that cannot be kept.
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
        help="a sweep's store or a folder of a run; default: what comes with the workbook",
    )  # fmt: skip
    parser.add_argument("--out", type=Path, default=Path("figures/explorer.html"), help="default: %(default)s")
    parser.add_argument("--objects", help="comma-separated: only these objects; default: the source's")
    parser.add_argument(
        "--no-published", action="store_true", help="leave out the published maps even if they are on this machine"
    )
    parser.add_argument("--url", help="where it will be published: for the picture beside it that links to it show")
    parser.add_argument("--animation", metavar="GIF", type=Path, help="write just this, the page in a few seconds")
    options = parser.parse_args(arguments)
    return guarded("page", lambda: _page(options))


def _page(options: argparse.Namespace) -> int:
    from helpers.tools.page import moving, pages, sources, stored

    if options.animation is not None:
        written = moving.animation(options.animation)
        print(f"{written}: {written.stat().st_size / 1e3:.0f} kB")
        return 0
    if options.out.is_dir():
        raise ValueError(f"--out {options.out} is a folder: give the name of a file, such as page.html")
    writable(options.out.parent)  # before the networks run
    wanted = [name.strip() for name in options.objects.split(",")] if options.objects else None
    shown = sources.find(options.source, wanted=wanted)
    if not options.no_published:
        shown += stored.published()
    written = pages.write(options.out, shown, url=options.url)
    if options.url:
        moving.preview(written.with_suffix(".png"), pages.TITLE)
    print(f"{written}: {written.stat().st_size / 1e6:.1f} MB, {len(shown)} objects; open it in a browser")
    return 0
