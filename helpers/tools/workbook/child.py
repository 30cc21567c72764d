"""One notebook through papermill, in a process of its own: ``python -m helpers.tools.workbook.child JOB.json``.

A line of JSON on standard output per finished cell, and one at the end that says how it ended. Papermill
alone is not enough of a judge: a cell calling ``sys.exit(0)`` counts for it as success, and cells after it
as completed; IPython's ``exit()`` leaves its kernel a moment in which cells may still complete. Here a
notebook has run when every code cell has been executed, in order, and none asked the kernel to stop.
"""

from __future__ import annotations

import json
import logging
import re
import signal
import sys
from pathlib import Path

import nbformat
from nbformat import NotebookNode

_START_SECONDS = 600  # a kernel on a busy machine


def heading(notebook: NotebookNode, index: int) -> str:
    """The last markdown heading above a cell, without its marks; empty where there is none."""
    for cell in reversed(notebook.cells[: index + 1]):
        if cell.cell_type == "markdown":
            found = re.findall(r"^#+\s+(.+)$", cell.source, flags=re.MULTILINE)
            if found:
                return found[-1].strip()
    return ""


def _is_own(cell: NotebookNode) -> bool:
    """Whether the cell is of the notebook itself, not one papermill put in to mark an error."""
    return "papermill-error-cell-tag" not in cell.metadata.get("tags", [])


def verdict(notebook: NotebookNode, died: BaseException | None = None) -> dict[str, object]:
    """How an execution ended, read off the executed notebook.

    ``status`` is ``completed`` or ``failed``; a failure has its ``reason``, the ``cell`` (the first that did
    not complete, from 1, as in the notebook), its ``section``, ``source`` and ``traceback``.

    ``died`` is what stopped the executor itself: a time limit or a dead kernel.
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
        body = NotebookNode(cells=cells)
        number = sum("injected-parameters" not in each.metadata.get("tags", []) for each in cells[: index + 1])
        where = {"cell": number, "section": heading(body, index), "source": cell.source}
        return {"status": "failed", "reason": reason, "traceback": trace, **where}
    if died is not None:
        return {"status": "failed", "reason": _reason(None, died)[0], "traceback": ""}
    if not expected:
        return {"status": "failed", "reason": "it has no code cell", "traceback": ""}
    return {"status": "completed"}


def _running(cell: NotebookNode, died: BaseException | None) -> bool:
    """Whether the executor died in this cell: it was sent to the kernel and never came back."""
    if died is None:
        return False
    return not cell.metadata.get("execution", {}).get("shell.execute_reply")


def _reason(error: NotebookNode | None, died: BaseException | None) -> tuple[str, str]:
    stopped = error is not None and error.ename == "KeyboardInterrupt" and died is not None
    if error is not None and not stopped:  # a stopped cell shows an interrupt, and not what stopped it
        trace = re.sub(r"\x1b\[[0-9;]*m", "", "\n".join(error.traceback))
        if error.ename == "SystemExit":
            return "it left early (SystemExit): the cells after it never ran", trace
        return f"{error.ename}: {error.evalue}".strip(": "), trace
    if isinstance(died, TimeoutError):
        return "a cell took longer than the time limit (--timeout)", ""
    if died is not None:
        text = str(died) or type(died).__name__
        return ("the kernel died (killed, or out of memory)" if "ernel died" in text else text), ""
    return "the cell was never executed", ""


def _refuse_exit(cell: NotebookNode, cell_index: int, execute_reply: dict) -> None:
    """Make a cell that asked the kernel to stop (IPython's ``exit`` and ``quit``) one that failed.

    The kernel answers before it stops, and says so in its answer: whether later cells come through is a race.
    Raises: CellExecutionError, which ends the execution.
    """
    if not any(part.get("source") == "ask_exit" for part in execute_reply["content"].get("payload", [])):
        return
    from nbclient.exceptions import CellExecutionError

    name, remedy = "KernelExit", "exit() or quit() stops the kernel: remove it, so that every cell runs"
    cell.outputs.append(nbformat.v4.new_output("error", ename=name, evalue=remedy, traceback=[f"{name}: {remedy}"]))
    raise CellExecutionError(f"{name}: {remedy}", name, remedy)


def execute(source: str, output: str, parameters: dict, cwd: str, timeout: float) -> dict[str, object]:
    """Execute the notebook ``source`` with ``parameters`` in the folder ``cwd``, write it to ``output`` and
    return its verdict. ``timeout`` is seconds per cell."""
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
            progress_bar=False,
            execution_timeout=timeout,
            start_timeout=_START_SECONDS,
            on_cell_start=tell,
            on_cell_executed=_refuse_exit,
        )
    except PapermillExecutionError:
        pass  # in the outputs, where the verdict finds it
    except (Exception, KeyboardInterrupt) as error:
        died = error
    if not Path(output).exists():
        return {"status": "failed", "reason": f"it never started: {died}", "traceback": ""}
    return verdict(nbformat.read(output, as_version=4), died)


def _say(line: dict[str, object]) -> None:
    print(json.dumps(line), flush=True)


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def main() -> None:
    """Read the job and do it."""
    logging.getLogger("papermill").setLevel(logging.ERROR)
    signal.signal(signal.SIGTERM, _stop)  # so that the kernel is shut down with it
    job = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    _say(execute(**job))


if __name__ == "__main__":
    main()
