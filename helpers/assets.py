"""Files, found by their relative name on a search path.

The search path is the folders in the environment variable ``SHIFT_ASSETS``, then a folder ``shared``
beside the checkout, then the cache (``SHIFT_CACHE``, or ``~/.cache/shift-invariance``).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterator
from pathlib import Path

from filelock import FileLock


class AssetError(RuntimeError):
    """A file is missing and cannot be downloaded; says which one, from where, and where to put it by hand."""


def cache() -> Path:
    """The folder for downloads, created with the first one."""
    return Path(os.environ.get("SHIFT_CACHE") or "~/.cache/shift-invariance").expanduser()


def search_path() -> list[Path]:
    """The folders to look in; the first match wins."""
    named = [Path(folder).expanduser() for folder in os.environ.get("SHIFT_ASSETS", "").split(os.pathsep) if folder]
    return [*named, Path(__file__).resolve().parents[2] / "shared", cache()]


def find(relative: str | Path) -> Path | None:
    """The first file or folder of that relative name on the search path, or None."""
    return next((folder / relative for folder in search_path() if (folder / relative).exists()), None)


def sha256(path: str | Path) -> str:
    """The SHA-256 of a file, as 64 hexadecimal digits."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def require(relative: str | Path) -> Path:
    """The first file or folder of that relative name on the search path.

    Raises:
        AssetError: there is none.
    """
    found = find(relative)
    if found is None:
        raise AssetError(f"{relative} is not in {', '.join(map(str, search_path()))}: put it there or set SHIFT_ASSETS")
    return found


@contextlib.contextmanager
def locked(path: Path, *, timeout: float = -1) -> Iterator[None]:
    """Hold a file or folder against other processes; the lock stands beside it, and goes when it is released.

    Args:
        timeout: seconds to wait for another holder; -1 for ever.

    Raises:
        filelock.Timeout: another process holds it for longer.
    """
    lock = path.with_name(path.name + ".lock")
    with FileLock(lock, timeout=timeout):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):  # Windows keeps an open file
                lock.unlink()  # while it is held: whoever waits for it sees that it is gone, and makes another
