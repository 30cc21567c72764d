"""Downloads over http and https: checked, resumed where that is safe, and given up where a server is silent (ours)."""

from __future__ import annotations

import contextlib
import http.client
import queue
import threading
import time
import urllib.request
from pathlib import Path
from typing import Any

from tqdm import tqdm

from helpers import assets
from helpers.assets import AssetError

_BLOCK = 1 << 20
_PATIENCE = 30  # s that a server may be silent
_FLOOR = 1000  # bytes a second that must come, over that time


def download(url: str, target: Path, *, sha256: str | None = None, progress: bool = True) -> Path:
    """Download a file over http or https; of several processes, one downloads.

    With a checksum, a partial download left beside it is resumed. Without one, nothing would tell whether the rest
    belongs to it: the file is fetched whole, and refused where the answer shows that it is something else.

    Args:
        target: the file, which appears only once it is whole and its checksum is right.
        sha256: what its checksum must be, 64 hexadecimal digits; None to leave it unchecked.

    Raises:
        AssetError: the server cannot be reached or is too slow, the transfer breaks off, the checksum differs, or
            (without a checksum) what comes is empty, compressed or a web page.
    """
    target = Path(target)
    if not target.exists():  # looked for before the lock, which needs a cache that can be written to
        target.parent.mkdir(parents=True, exist_ok=True)
        with assets.locked(target):
            if not target.exists():
                _complete(url, target, sha256, progress)
                return target
    _verify(target, sha256, url)
    return target


def _complete(url: str, target: Path, sha256: str | None, progress: bool) -> None:
    partial = target.with_name(target.name + ".part")
    have = partial.stat().st_size if sha256 is not None and partial.exists() else 0
    try:
        _fetch(url, partial, have, progress, checked=sha256 is not None)
        _verify(partial, sha256, url)
    except AssetError:
        partial.unlink()
        if not have:
            raise
        _complete(url, target, sha256, progress)  # the file has changed since, or the server sent another part of it
    except (OSError, http.client.HTTPException, ValueError) as error:
        reason = getattr(error, "reason", None) or error
        raise AssetError(
            f"cannot download {target.name} from {url} ({reason}); run the same command again, "
            f"or put the file at {target} by hand"
        ) from error
    else:
        partial.replace(target)
    finally:
        if sha256 is None:
            partial.unlink(missing_ok=True)


def _fetch(url: str, partial: Path, have: int, progress: bool, checked: bool) -> None:
    arrived: queue.Queue = queue.Queue(maxsize=8)
    # In a thread: a server that sends its header byte by byte would hold urllib, and the lock, for ever.
    threading.Thread(target=_receive, args=(url, have, arrived), daemon=True).start()
    if (answer := _next(arrived)) is None:
        return  # nothing is left to send: the file is whole, or another one, which its checksum tells
    response, length = answer
    if response.status != 206:  # a server without ranges sends the whole file again
        have = 0
    total = None if length is None else have + length
    since, before, head = time.monotonic(), have, b""
    with (
        open(partial, "ab" if have else "wb") as file,
        tqdm(total=total, initial=have, unit="B", unit_scale=True, desc=partial.stem, disable=not progress) as bar,
    ):
        while block := _next(arrived):
            file.write(block)
            head += block[: _BLOCK - len(head)]
            bar.update(len(block))
            if (passed := time.monotonic() - since) > _PATIENCE:
                if file.tell() - before < _FLOOR * passed:
                    raise TimeoutError(f"less than {_FLOOR} bytes a second came")
                since, before = time.monotonic(), file.tell()
        if total is not None and file.tell() != total:
            raise http.client.HTTPException(f"broke off after {file.tell()} of {total} bytes")
    if not checked:
        _plausible(response, head)


def _receive(url: str, have: int, arrived: queue.Queue) -> None:
    """Put the answer, its blocks, and None or an exception at the end into a queue, until nobody takes them."""
    opener = urllib.request.OpenerDirector()  # that knows nothing but http and https: no file:, data: or ftp:
    for kind in "Proxy", "Unknown", "HTTP", "HTTPS", "HTTPDefaultError", "HTTPRedirect":
        opener.add_handler(getattr(urllib.request, f"{kind}Handler")())
    opener.add_handler(urllib.request.HTTPErrorProcessor())
    with contextlib.suppress(queue.Full):
        try:
            request = urllib.request.Request(url, headers={"Range": f"bytes={have}-"} if have else {})
            with opener.open(request, timeout=_PATIENCE) as response:
                arrived.put((response, response.length))
                while block := response.read1(_BLOCK):
                    arrived.put(block, timeout=_PATIENCE)
                arrived.put(None, timeout=_PATIENCE)
        except Exception as error:
            at_the_end = have and getattr(error, "code", None) == 416
            arrived.put(None if at_the_end else error, timeout=_PATIENCE)


def _next(arrived: queue.Queue) -> Any:
    try:
        item = arrived.get(timeout=_PATIENCE)
    except queue.Empty as error:
        raise TimeoutError(f"nothing came for {_PATIENCE} s") from error
    if isinstance(item, Exception):
        raise item
    return item


def _plausible(response: http.client.HTTPResponse, head: bytes) -> None:
    """Refuse what is certainly not the whole file that was asked for."""
    coding = response.headers.get("Content-Encoding", "identity")
    page = head.lstrip().lower().startswith((b"<!doctype html", b"<html"))
    if response.status != 200 or coding != "identity":
        raise ValueError(f"the server sent status {response.status}, coding {coding}, and not the file as it is")
    if not head or page or response.headers.get_content_type() == "text/html":
        raise ValueError("a web page came instead" if head else "no bytes came")


def _verify(path: Path, expected: str | None, source: object) -> None:
    if expected is None:
        return
    actual = assets.sha256(path)
    if actual != expected.lower():
        raise AssetError(
            f"{path.name} from {source} has SHA-256 {actual[:16]}…, expected {expected[:16]}…: "
            "it is damaged or another version; remove it and try again"
        )
