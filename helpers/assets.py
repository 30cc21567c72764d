"""Files: found by their relative name on a search path, or downloaded with a checksum.

The search path is the folders in the environment variable ``SHIFT_ASSETS``, then a folder ``shared``
beside the checkout, then the cache (``SHIFT_CACHE``, or ``~/.cache/shift-invariance``).
"""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import os
import urllib.error
import urllib.request
from pathlib import Path

from filelock import FileLock
from tqdm.auto import tqdm

_BLOCK = 1 << 20


class AssetError(RuntimeError):
    """A file is missing and cannot be downloaded; says which one, from where, and where to put it by hand."""


def cache() -> Path:
    """The folder for downloads, created with the first one."""
    return Path(os.environ.get("SHIFT_CACHE") or "~/.cache/shift-invariance").expanduser()


def search_path() -> list[Path]:
    """The folders to look in; the first match wins."""
    named = [Path(folder).expanduser() for folder in os.environ.get("SHIFT_ASSETS", "").split(os.pathsep) if folder]
    beside = Path(__file__).resolve().parents[2] / "shared"
    return [*named, beside, cache()]


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
        folders = ", ".join(str(folder) for folder in search_path())
        raise AssetError(f"{relative} is in none of {folders}: put it into one, or set SHIFT_ASSETS")
    return found


def download(url: str, target: Path, *, sha256: str | None = None, progress: bool = True) -> Path:
    """Download a file, resuming a partial download left beside it; of several processes, one downloads.

    Args:
        target: the file, which appears only once it is whole and its checksum is right.
        sha256: what its checksum must be, 64 hexadecimal digits; None to leave it unchecked.

    Raises:
        AssetError: the server cannot be reached, the transfer breaks off, or the checksum differs.
    """
    target = Path(target)
    if target.exists():  # checked before the lock, which needs a cache that can be written to
        _verify(target, sha256, url)
        return target
    target.parent.mkdir(parents=True, exist_ok=True)
    lock = target.with_name(target.name + ".lock")
    with FileLock(lock):
        try:
            if target.exists():
                _verify(target, sha256, url)
            else:
                _complete(url, target, sha256, progress)
        finally:
            with contextlib.suppress(OSError):  # Windows keeps an open file
                lock.unlink()  # whoever waits for it finds the target
    return target


def _complete(url: str, target: Path, sha256: str | None, progress: bool) -> None:
    partial = target.with_name(target.name + ".part")
    try:
        _fetch(url, partial, progress)
    except (OSError, http.client.HTTPException) as error:
        reason = getattr(error, "reason", None) or error
        raise AssetError(
            f"cannot download {target.name} from {url} ({reason}); run the same command again to resume, "
            f"or put the file at {target} by hand"
        ) from error
    try:
        _verify(partial, sha256, url)
    except AssetError:
        partial.unlink()
        raise
    partial.replace(target)


def _fetch(url: str, partial: Path, progress: bool) -> None:
    have = partial.stat().st_size if partial.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        if have and error.code == 416:  # there is nothing left to send: the file is whole, or another one
            remote = error.headers.get("Content-Range", "").rpartition("/")[2]
            if remote == str(have):
                return
            partial.unlink()
            return _fetch(url, partial, progress)
        raise
    with response:
        if have and response.status != 206:  # a server without ranges sends the whole file again
            have = 0
        length = response.headers.get("Content-Length")
        total = have + int(length) if length else None
        with (
            open(partial, "ab" if have else "wb") as file,
            tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=partial.stem, disable=not progress) as bar,
        ):
            while block := response.read(_BLOCK):
                file.write(block)
                bar.update(len(block))
            if total is not None and file.tell() != total:
                raise http.client.HTTPException(f"broke off after {file.tell()} of {total} bytes")


def _verify(path: Path, expected: str | None, source: object) -> None:
    if expected is None:
        return
    actual = sha256(path)
    if actual != expected.lower():
        raise AssetError(
            f"{path.name} from {source} has SHA-256 {actual[:16]}…, expected {expected[:16]}…: "
            "it is damaged or another version; remove it and try again"
        )
