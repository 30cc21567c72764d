"""Running a sweep: what is left of it, how long that takes, and the tasks, here or on a Dask cluster."""

from __future__ import annotations

import asyncio
import collections
import contextlib
import dataclasses
import datetime
import importlib.util
import itertools
import shutil
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from helpers import runtime
from helpers.networks import Source
from helpers.tools.sweep import compilation, store
from helpers.tools.sweep.plan import Plan, Settings, Task
from helpers.tools.sweep.reading import SweepError
from helpers.tools.sweep.task import compute, loaded, on_worker, throughput

_PATIENCE = 20  # s, for a scheduler to answer
_PULSE = 5  # s between two looks at whether there is still a cluster
_AHEAD = 2  # tasks under way or waiting per thread of a cluster, which bounds the results in flight


@dataclasses.dataclass(frozen=True, kw_only=True)
class Summary:
    """What a run did: tasks and frames computed now, tasks finished in all, seconds on the clock."""

    tasks: int
    frames: int
    finished: int
    seconds: float


def run(
    path: str | Path,
    plan: Plan,
    *,
    scheduler: str | None = None,
    progress: bool = True,
    dry_run: bool = False,
) -> Summary:
    """Compute what a store does not hold of a plan yet; run it again to continue.

    Args:
        scheduler: Address of a Dask scheduler (``tcp://host:8786``) whose workers compute; None computes here.
            Only this process writes.
        progress: Say how long it will take, measured, and show one bar over all frames.
        dry_run: Stop after the estimate.

    Raises:
        SweepError: The store was made from something else or is damaged, another run holds it, the disk is full,
            or the cluster gives up.
        ValueError: Settings that do not fit a network or an object.
    """
    path = Path(path).resolve()  # by whatever links it is reached, it is one store
    where = contextlib.nullcontext(_Here()) if scheduler is None else _cluster(scheduler)
    with store.lock(path), _undone(path), where as machine:
        settings = dataclasses.replace(plan.settings, device=machine.device(plan.settings.device))
        made_with = runtime.stamp(device=machine.call(runtime.stamp, on=settings.device)["device"])
        groups = list(plan.groups(settings))  # first: what cannot be run leaves no store behind
        store.prepare(path, identity=plan.identity(settings), made_with=made_with)
        waiting, checksums, finished = [], {}, 0
        for name, about, tasks in groups:
            objects = [(task.cutout.name, task.cutout.label) for task in tasks]
            done = store.prepare_group(path, name, about=about, objects=objects)
            waiting += [task for task in tasks if not done[task.index]]
            checksums[tasks[0].source] = about["checksum"]
            finished += int(done.sum())
        if progress:
            print(_estimate(machine, waiting, finished, settings))
        if dry_run:
            return Summary(tasks=0, frames=0, finished=finished, seconds=0.0)
        start = time.perf_counter()
        frames, total = sum(task.frames for task in waiting), finished + len(waiting)
        with tqdm(total=frames, unit="frame", unit_scale=True, disable=not progress) as bar:
            for task, result in machine.results(waiting, checksums, settings, bar):
                pixels = task.cutout.rgba.numpy()
                store.write(path, task.group, index=task.index, result=result, pixels=pixels)
                finished += 1
                bar.set_postfix_str(f"{finished}/{total} tasks, {task.group}", refresh=False)
        seconds = time.perf_counter() - start
        return Summary(tasks=len(waiting), frames=frames, finished=finished, seconds=seconds)


@contextlib.contextmanager
def _undone(path: Path) -> Iterator[None]:
    """Leave no store behind that a refused parameter stopped before its first task."""
    new = not path.exists()
    try:
        yield
    except ValueError:
        if new and not any(path.glob("*/*/done/c/*")):
            shutil.rmtree(path, ignore_errors=True)
        raise


def _estimate(machine: Any, waiting: Sequence[Task], finished: int, settings: Settings) -> str:
    """In words, what is left and how long it takes at a measured speed."""
    if not waiting:
        return f"Nothing left to do: all {finished} tasks are in the store."
    firsts: dict[Source, Task] = {}
    for task in waiting:
        firsts.setdefault(task.source, task)
    speeds = {
        source: machine.call(throughput, source, task.cutout, settings=settings) for source, task in firsts.items()
    }
    seconds = sum(task.frames / speeds[task.source] for task in waiting) / machine.width
    frames, left = sum(task.frames for task in waiting), datetime.timedelta(seconds=round(seconds))
    head = f"{len(waiting)} tasks to do, {finished} done: {frames:,} frames, about {left} on {machine.words}."
    lines = [f"  {source.key}: {speed:,.0f} frames/s" for source, speed in speeds.items()]
    work, many = collections.Counter(), collections.Counter()
    for task in waiting:
        work[task.group] += task.frames / speeds[task.source]
        many[task.group] += task.frames
    long = any(work[group] >= compilation.WORTH and many[group] >= compilation.FRAMES for group in work)
    if machine.compiles(settings) and long:
        lines.append("What takes minutes is compiled first if that is faster; it is then less.")
    return "\n".join([head, "Measured just now:", *lines])


class _Here:
    """Runs the tasks in this process, one at a time."""

    width = 1
    words = "this machine"

    def device(self, name: str) -> str:
        return str(runtime.device(name))

    def compiles(self, settings: Settings) -> bool:
        return compilation.possible(settings)

    def call(self, function: Callable, *arguments: Any, **options: Any) -> Any:
        return function(*arguments, **options)

    def results(
        self, tasks: Sequence[Task], checksums: dict[Source, str], settings: Settings, bar: tqdm
    ) -> Iterator[tuple[Task, dict[str, np.ndarray]]]:
        for _, group in itertools.groupby(tasks, key=lambda task: task.group):
            group = list(group)
            first, frames = group[0], sum(task.frames for task in group)
            network = loaded(first.source, device=settings.device)
            with compilation.compiled(network, first.cutout, settings=settings, frames=frames) as way:
                if way and not bar.disable:
                    bar.write(f"{first.group}: {way.words}")
                how = {"settings": settings, "read": way and way.reader, "progress": bar.update}
                for task in group:
                    yield task, {**compute(network, task.cutout, **how), "compiled": bool(way and way.used)}


@contextlib.contextmanager
def _cluster(scheduler: str) -> Iterator[_Cluster]:
    try:
        import distributed
    except ImportError as error:
        raise SweepError("--scheduler needs dask.distributed: pip install 'shift-invariance[cluster]'") from error
    try:
        client = distributed.Client(scheduler, timeout=_PATIENCE)
    except (OSError, TimeoutError, ValueError) as error:
        raise SweepError(f"no Dask scheduler answers at {scheduler} ({error}): start `dask scheduler`") from error
    with _lost(scheduler, client):
        try:
            client.wait_for_workers(1, timeout=60)
        except TimeoutError as error:
            raise SweepError(f"the scheduler at {scheduler} has no worker: start `dask worker {scheduler}`") from error
        yield _Cluster(client, distributed, scheduler)


@contextlib.contextmanager
def _lost(scheduler: str, client: Any) -> Iterator[None]:
    """Whatever is raised when the scheduler is gone as one error; closes the client."""
    try:
        yield
    except (SweepError, ValueError):
        raise
    except (Exception, asyncio.CancelledError) as error:
        with contextlib.suppress(Exception, asyncio.CancelledError):
            client.nthreads()  # which asks it
            raise error
        raise SweepError(
            f"the scheduler at {scheduler} does not answer any more: start it and its workers again; what is finished "
            "is kept, and the same command continues"
        ) from error
    finally:
        with contextlib.suppress(Exception):  # closing a client whose scheduler is gone may fail, and would hide why
            client.close()


class _Cluster:
    """The workers of a Dask scheduler as the machine; a lost worker's tasks go to the others."""

    def __init__(self, client: Any, distributed: Any, scheduler: str) -> None:
        self._client, self._distributed, self._scheduler = client, distributed, scheduler
        self._known: set[str] = set()
        self._check()
        self.width = len(client.nthreads())
        self.words = f"{self.width} workers"

    def _check(self) -> None:
        """See that every worker that is new here has this package: one without it ends, and takes its tasks along."""
        new = sorted(set(self._client.nthreads()) - self._known)
        if not new:
            return  # an empty list would mean every worker
        # A function of Python's own, which a worker without the package can run
        found = self._client.run(importlib.util.find_spec, on_worker.__module__, workers=new, on_error="return")
        for address, spec in found.items():
            if spec is None or isinstance(spec, Exception):
                raise SweepError(
                    f"the worker at {address} cannot import {on_worker.__module__} ({spec!r}): install this package "
                    "there (pip install -e .) and start the worker again; what is finished is kept"
                )
        self._known.update(new)

    def _finished(self, futures: Collection[Any]) -> list[Any]:
        """Those of some futures that are finished, once any is."""
        alone = 0
        while True:
            try:
                return list(self._distributed.wait(futures, timeout=_PULSE, return_when="FIRST_COMPLETED").done)
            except TimeoutError:
                self._check()
                alone = 0 if self._client.nthreads() else alone + _PULSE
                if alone >= _PATIENCE:
                    raise SweepError(
                        f"the scheduler at {self._scheduler} has lost its workers: look at their logs, start `dask "
                        f"worker {self._scheduler}` again; what is finished is kept, and the same command continues"
                    ) from None

    def _result(self, future: Any) -> Any:
        while True:
            self._finished([future])
            # What was finished is waited for again where its worker is lost before it is here.
            with contextlib.suppress(TimeoutError):
                return future.result(timeout=_PATIENCE)

    def device(self, name: str) -> str:
        # Without a number: which of its devices "cuda" is, each worker decides.
        return self.call(runtime.device, name).type

    def compiles(self, settings: Settings) -> bool:
        return False  # each worker would do it for itself

    def call(self, function: Callable, *arguments: Any, **options: Any) -> Any:
        future = self._client.submit(function, *arguments, **options, pure=False)
        return self._result(future)

    def results(
        self, tasks: Sequence[Task], checksums: dict[Source, str], settings: Settings, bar: tqdm
    ) -> Iterator[tuple[Task, dict[str, np.ndarray]]]:
        waiting, under_way = iter(tasks), {}

        def submit() -> None:
            task = next(waiting, None)
            if task is not None:
                options = {"checksum": checksums[task.source], "settings": settings, "pure": False}
                under_way[self._client.submit(on_worker, task.source, task.cutout, **options)] = task

        for _ in range(_AHEAD * sum(self._client.nthreads().values())):
            submit()
        while under_way:
            for future in self._finished(list(under_way)):
                task = under_way.pop(future)
                try:
                    result = self._result(future)
                except self._distributed.KilledWorker as error:
                    raise SweepError(
                        f"{task.group} {task.cutout.name} took several workers down with it (out of memory?): "
                        "look at their logs; what is finished is kept, and the same command continues"
                    ) from error
                submit()
                bar.update(task.frames)
                yield task, result
