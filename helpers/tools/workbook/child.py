"""One notebook through papermill, in a process of its own: ``python -m helpers.tools.workbook.child JOB.json``.

It prints a line of JSON for each cell, and one at the end that says how the notebook ended. Papermill alone is
too lenient: to it a cell that calls ``sys.exit(0)`` has succeeded and the cells after it have completed, and
IPython's ``exit()`` leaves the kernel a moment in which cells may still complete. Here a notebook has run when
every code cell has been executed, in order, and none asked the kernel to stop.
"""

from __future__ import annotations

import json
import logging
import os
import re
import signal
import sys
import threading
from pathlib import Path

import nbformat
from nbformat import NotebookNode

_START_SECONDS = 600  # for a kernel on a busy machine
_TRACE = 20_000  # characters kept of an error: one may quote all that a cell computed


def _heading(cells: list[NotebookNode]) -> str:
    """The last heading in the cells, without its marks; empty if there is none."""
    for cell in reversed(cells):
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+\s+(.+)$", cell.source, flags=re.MULTILINE)
            if found:
                return found[-1].strip()
    return ""


def _is_own(cell: NotebookNode) -> bool:
    """Whether the cell belongs to the notebook; papermill inserts some to mark an error."""
    return "papermill-error-cell-tag" not in cell.metadata.get("tags", [])


def verdict(notebook: NotebookNode, *, died: BaseException | None = None) -> dict[str, object]:
    """How an execution ended, read off the executed notebook.

    Args:
        notebook: as executed.
        died: what stopped the executor itself, such as a time limit or a dead kernel.

    Returns:
        ``status``, completed or failed. A failure has its ``reason`` and ``traceback``, and, of the first cell that
        did not complete, ``cell`` (its number in the notebook, from 1), ``section`` and ``source``.
    """
    cells = [cell for cell in notebook.cells if _is_own(cell)]
    expected = 0
    for index, cell in enumerate(cells):
        if cell.cell_type != "code" or not cell.source.strip():
            continue
        expected += 1
        error = next((o for o in cell.get("outputs", []) if o.output_type == "error"), None)
        if error is None and cell.execution_count == expected and not _running(cell, died):
            continue
        reason, trace = _reason(error, died)
        above = cells[: index + 1]
        number = sum("injected-parameters" not in each.metadata.get("tags", []) for each in above)
        where = {"cell": number, "section": _heading(above), "source": cell.source}
        return {"status": "failed", "reason": reason, "traceback": trace, **where}
    if died is not None:
        return {"status": "failed", "reason": _reason(None, died)[0], "traceback": ""}
    if not expected:
        return {"status": "failed", "reason": "it has no code cell", "traceback": ""}
    return {"status": "completed"}


def _running(cell: NotebookNode, died: BaseException | None) -> bool:
    """Whether the executor died in this cell: it was sent to the kernel, which never replied."""
    return died is not None and not cell.metadata.get("execution", {}).get("shell.execute_reply")


def _reason(error: NotebookNode | None, died: BaseException | None) -> tuple[str, str]:
    stopped = error is not None and error.ename == "KeyboardInterrupt" and died is not None
    if error is not None and not stopped:  # a stopped cell shows an interrupt, not what stopped it
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))[-_TRACE:]
        if error.ename == "SystemExit":
            return "it left early (SystemExit): the cells after it never ran", trace
        return f"{error.ename}: {error.evalue}".strip(": ")[:_TRACE], trace
    if isinstance(died, TimeoutError):
        return "a cell took longer than the time limit (--timeout)", ""
    if died is not None:
        text = str(died) or type(died).__name__
        return ("the kernel died (killed, or out of memory)" if "ernel died" in text else text), ""
    return "the cell was never executed", ""


def _refuse_exit(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
    """Fail a cell that asked the kernel to stop (IPython's ``exit`` and ``quit``).

    The kernel replies before it stops, so whether later cells are executed is a race; but its reply says so.

    Raises:
        CellExecutionError: The cell did; this ends the execution.
    """
    if not any(part.get("source") == "ask_exit" for part in execute_reply["content"].get("payload", [])):
        return
    from nbclient.exceptions import CellExecutionError

    name, remedy = "KernelExit", "exit() or quit() stops the kernel: remove it, so that every cell runs"
    cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=remedy, traceback=[f"{name}: {remedy}"]))
    raise CellExecutionError(f"{name}: {remedy}", name, remedy)


def execute(source: str, output: str, *, parameters: dict, cwd: str, timeout: int) -> dict[str, object]:
    """Execute a notebook in the kernel of this environment, whatever its own is called, and write it to ``output``.

    Args:
        source: path of the notebook.
        output: path for the executed notebook.
        parameters: to inject.
        cwd: the folder it runs in.
        timeout: seconds a cell may take.

    Returns:
        Its :func:`verdict`.
    """
    import papermill
    from papermill.exceptions import PapermillExecutionError

    total = len(nbformat.read(source, as_version=4).cells) + 1  # papermill injects one

    def tell(cell: NotebookNode, cell_index: int) -> None:
        _say({"cell": cell_index + 1, "of": total})

    died: BaseException | None = None
    try:
        papermill.execute_notebook(
            source,
            output,
            parameters=parameters,
            cwd=cwd,
            kernel_name="python3",
            language="python",
            progress_bar=False,
            execution_timeout=timeout,
            start_timeout=_START_SECONDS,
            on_cell_start=tell,
            on_cell_executed=_refuse_exit,
        )
    except PapermillExecutionError:
        pass  # it is in the outputs, where the verdict finds it
    except (Exception, KeyboardInterrupt) as error:
        died = error
    if not Path(output).exists():
        return {"status": "failed", "reason": f"it never started: {died}", "traceback": ""}
    return verdict(nbformat.read(output, as_version=4), died=died)


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _watch() -> None:
    """End this process, and so its kernel, once the runner is gone."""
    os.read(0, 1)  # nothing is ever sent: this returns when the other end is closed
    os.kill(os.getpid(), signal.SIGTERM)


def main() -> None:
    """Read the job from its file, execute it and print its verdict."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)  # so that the kernel is shut down with it
    threading.Thread(target=_watch, daemon=True).start()
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _say(execute(**job))


if __name__ == "__main__":
    main()
