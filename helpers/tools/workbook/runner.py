"""Running many notebooks, several at once, each in a process of its own; a signal loses nothing that is finished."""

from __future__ import annotations

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from helpers import runtime
from helpers.tools.workbook.notebooks import Notebook, Refused
from helpers.tools.workbook.progress import Progress

_GRACE = 10.0  # seconds a child has to shut its kernel down before it is killed


@dataclass
class Outcome:
    """How one notebook ended. ``status``: completed, failed, or not run (interrupted before its end)."""

    name: str
    status: str = "not run"
    reason: str = ""
    section: str = ""
    cell: int | None = None
    source: str = ""
    traceback: str = ""
    seconds: float | None = None
    parameters: dict[str, object] = field(default_factory=dict)


@dataclass
class _Child:
    notebook: Notebook
    process: subprocess.Popen
    started: float
    scratch: tempfile.TemporaryDirectory
    output: Path
    last: dict[str, object] = field(default_factory=dict)


def fresh(out: Path) -> Path:
    """Make the output folder; returns its absolute path.

    Raises:
        Refused: It exists and is not an empty folder.
        OSError: It cannot be made.
    """
    out = out.resolve()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise Refused(f"{out} is not empty: give a new folder with --out, or leave --out away")
    (out / "notebooks").mkdir(parents=True)
    return out


@contextlib.contextmanager
def listening() -> Iterator[list[int]]:
    """Inside, Ctrl-C, a cancelled job and a dropped connection break nothing off: they are numbers in the list.

    What is ignored from the start (by ``nohup``) stays so.
    """
    heard: list[int] = []
    names = [name for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
    before = {number: signal.getsignal(number) for number in (getattr(signal, name) for name in names)}
    before = {number: handler for number, handler in before.items() if handler not in (signal.SIG_IGN, None)}
    for number in before:
        signal.signal(number, lambda received, frame: heard.append(received))
    try:
        yield heard
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def run(
    notebooks: list[Notebook],
    wanted: dict[str, dict[str, object]],
    *,
    out: Path,
    jobs: int,
    timeout: int,
    heard: Sequence[int] = (),
    alone: frozenset[str] = frozenset(),
    perturb: int = 0,
) -> tuple[list[Outcome], bool]:
    """Execute notebooks. A signal ends those that are running and leaves what is finished.

    Args:
        notebooks: those to run.
        wanted: the parameters to inject, by notebook name; ``out`` is injected besides.
        out: the folder to write to.
        jobs: how many notebooks run at once.
        timeout: seconds a cell may take.
        heard: of :func:`listening`; the first signal in it interrupts the run.
        alone: names of the notebooks that run with nothing beside them.
        perturb: the draw of :mod:`helpers.features.perturbation`, 0 for none.

    Returns:
        The outcomes in the order of the notebooks, and whether the run was interrupted.
    """
    outcomes = {n.name: Outcome(n.name, parameters=wanted.get(n.name, {})) for n in notebooks}
    waiting = deque(sorted(notebooks, key=lambda n: n.name in alone))
    running: dict[str, _Child] = {}
    lines: queue.Queue[tuple[str, dict[str, object] | None]] = queue.Queue()
    progress = Progress([n.name for n in notebooks])
    try:
        while (waiting or running) and not heard:
            while waiting and len(running) < jobs and _may_start(waiting[0], running, alone):
                notebook = waiting.popleft()
                variables = environment(share=1 if notebook.name in alone else jobs, perturb=perturb)
                progress.start(notebook.name)
                try:
                    running[notebook.name] = _start(notebook, wanted, out, timeout, variables, lines)
                except OSError as error:  # out of memory, of disk, of processes: the others go on
                    outcome = outcomes[notebook.name]
                    outcome.status, outcome.reason = "failed", f"it could not be started: {error}"
                    progress.end(outcome)
            try:
                name, line = lines.get(timeout=0.5)
            except queue.Empty:
                progress.tick()
                continue
            if line is None:
                child = running.pop(name)
                _end(child, outcomes[name])
                progress.end(outcomes[name])
            elif "of" in line:
                progress.cell(name, done=line["cell"], of=line["of"])
            else:
                running[name].last = line
    finally:
        progress.close()
        _stop(list(running.values()), outcomes)
    return [outcomes[n.name] for n in notebooks], bool(waiting or running)


def _may_start(notebook: Notebook, running: dict[str, _Child], alone: frozenset[str]) -> bool:
    return not running or not (notebook.name in alone or any(name in alone for name in running))


def _start(
    notebook: Notebook,
    wanted: dict[str, dict[str, object]],
    out: Path,
    timeout: int,
    variables: dict[str, str],
    lines: queue.Queue,
) -> _Child:
    """Start the child process of a notebook, and a thread that passes on what it says."""
    scratch = tempfile.TemporaryDirectory(prefix="notebook-", ignore_cleanup_errors=True)
    job = {
        "source": str(notebook.path.resolve()),
        "output": str((out / "notebooks" / notebook.path.name).resolve()),
        "parameters": {**wanted.get(notebook.name, {}), "out": str(out.resolve())},
        "cwd": str(notebook.path.resolve().parent),
        "timeout": timeout,
    }
    path = Path(scratch.name) / "job.json"
    path.write_text(json.dumps(job), encoding="utf-8")
    process = subprocess.Popen(
        [sys.executable, "-m", "helpers.tools.workbook.child", str(path)],
        stdin=subprocess.PIPE,  # it ends when the runner does, however that ends
        stdout=subprocess.PIPE,
        stderr=(Path(scratch.name) / "stderr.txt").open("wb"),
        env={**variables, "IPYTHONDIR": scratch.name, "SHIFT_UNATTENDED": "1"},
        start_new_session=True,  # Ctrl-C reaches the runner alone, which then ends its children in order
    )
    threading.Thread(target=_listen, args=(notebook.name, process, lines), daemon=True).start()
    return _Child(notebook, process, time.monotonic(), scratch, Path(job["output"]))


def environment(*, share: int, perturb: int) -> dict[str, str]:
    """The environment of a notebook: this checkout's package first, and none of the user's Jupyter settings.

    Args:
        share: the notebook gets one of so many parts of the cores, unless ``OMP_NUM_THREADS`` is set already.
        perturb: the draw of :mod:`helpers.features.perturbation`, 0 for none.
    """
    checkout = str(Path(__file__).resolve().parents[3])
    threads = str(max(1, (os.cpu_count() or 1) // share))
    path = os.environ.get("PYTHONPATH")
    return {
        "OMP_NUM_THREADS": threads,
        "CUBLAS_WORKSPACE_CONFIG": ":4096:8",  # makes cuBLAS repeatable
        # glibc gives large buffers back after every layer and fetches them again, which costs a fifth of the time.
        "MALLOC_MMAP_MAX_": "0",
        "MALLOC_TRIM_THRESHOLD_": str(8 << 30),
        **os.environ,
        "PYTHONPATH": os.pathsep.join([checkout, *([path] if path else [])]),
        "PYTHONHASHSEED": "0",
        "PYDEVD_DISABLE_FILE_VALIDATION": "1",
        runtime.PERTURB: str(perturb),
        "JUPYTER_PREFER_ENV_PATH": "1",
        "MPLBACKEND": "module://matplotlib_inline.backend_inline",
    }


def _listen(name: str, process: subprocess.Popen, lines: queue.Queue) -> None:
    for raw in process.stdout:
        with contextlib.suppress(ValueError):
            line = json.loads(raw)
            if isinstance(line, dict) and ("of" in line or "status" in line):  # all else a library printed
                lines.put((name, line))
    process.wait()
    lines.put((name, None))


def _end(child: _Child, outcome: Outcome) -> None:
    """Fill in the outcome of a child that has ended."""
    outcome.seconds = round(time.monotonic() - child.started, 2)
    said = child.last
    if not said:
        errors = (Path(child.scratch.name) / "stderr.txt").read_text(encoding="utf-8", errors="replace")
        reason = f"its process ended with code {child.process.returncode}"
        said = {"status": "failed", "reason": reason, "traceback": errors[-4000:]}
    for key, value in said.items():
        setattr(outcome, key, value)
    child.scratch.cleanup()


def _stop(children: list[_Child], outcomes: dict[str, Outcome]) -> None:
    """End running children, and remove the half-finished notebooks they wrote."""
    for child in children:
        child.process.terminate()
    deadline = time.monotonic() + _GRACE
    for child in children:
        try:
            child.process.wait(max(0.1, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            child.process.kill()
            child.process.wait()
        outcomes[child.notebook.name].reason = "interrupted before its end"
        child.output.unlink(missing_ok=True)
        child.scratch.cleanup()
