"""What the commands share: ``--set``, paths that must be usable, and errors in one line with exit code 2."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from helpers.assets import AssetError

REFUSED, INTERRUPTED = 2, 130  # exit codes


class CommandError(RuntimeError):
    """Why a command cannot continue, and what to do about it."""


def guarded(name: str, work: Callable[[], int], *, interrupted: str = "stopped") -> int:
    """Run a command's work; report what its user can put right in one line on stderr.

    Args:
        name: The command, e.g. ``page``.
        work: Does it and returns the exit code.
        interrupted: What to say after Ctrl-C.

    Returns:
        The exit code: the work's own, 2 for an error, 130 for Ctrl-C.
    """
    try:
        return work()
    except (CommandError, AssetError, ValueError, OSError) as error:
        print(f"{name}: {_one_line(error)}", file=sys.stderr)
        return REFUSED
    except KeyboardInterrupt:
        print(f"{name}: {interrupted}", file=sys.stderr)
        return INTERRUPTED


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"cannot use {error.filename}: {error.strerror}"
    return " ".join(str(error).split())


def settings(texts: Iterable[str]) -> dict[str, str]:
    """The values of ``--set NAME=VALUE``, given any number of times; the last one of a name counts.

    Raises:
        ValueError: A text that is not ``name=value``.
    """
    found = {}
    for text in texts:
        name, equals, value = (part.strip() for part in text.partition("="))
        if not equals or not name.isidentifier():
            raise ValueError(f"--set {text!r}: write --set name=value")
        found[name] = value
    return found


def read_json(path: Path) -> dict:
    """The object in a JSON file.

    Raises:
        ValueError: Something else is in the file.
        OSError: The file cannot be read.
    """
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:  # of JSON and of UTF-8
        raise ValueError(f"{path} is not JSON, or damaged ({error})") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} holds a JSON {type(content).__name__}, not an object")
    return content


def writable(folder: Path) -> None:
    """Create a folder and check that files can be written to it, before long work whose result goes there.

    Raises:
        CommandError: It cannot be created or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=folder).close()
    except OSError as error:
        raise CommandError(f"cannot write to {folder} ({error.strerror}): give another place") from error
