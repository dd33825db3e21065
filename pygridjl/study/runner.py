"""Runs the tasks of a study that are not finished: here, in processes of this machine, or by Dask.

Every row is written by the runner, so that a cluster needs no way to the store. Threads of joblib
each keep one task under way in a process of its own; on a cluster its workers do. A process can be
killed for one task without harm to the others, which a pool of processes cannot.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any, Protocol

from pygridjl.core.errors import InvalidOptionError, OutputError, PyGridJLError
from pygridjl.core.files import write_text
from pygridjl.study.child import one_line
from pygridjl.study.machine import environment
from pygridjl.study.owner import LEASE, Owner
from pygridjl.study.store import Store, task_key
from pygridjl.study.supervisor import Limits, Processes, of_this_process
from pygridjl.study.task import Outcome, Plan, Row, Task

__all__ = ["Progress", "run_here", "run_tasks"]

# Seconds between two looks at tasks that another runner has.
PATIENCE = 0.3
_NO_LIMITS = Limits()


class Progress(Protocol):
    """What a runner tells while it works."""

    def start(self, task: Task) -> None:
        """Tell that a task begins."""

    def finish(self, task: Task) -> None:
        """Tell that a task has its row, or had it before."""


class _Silent:
    def start(self, task: Task) -> None:
        pass

    def finish(self, task: Task) -> None:
        pass


@contextmanager
def _owner(store: Store) -> Iterator[Owner]:
    """Hold claims, renewed until the end of the block and given back there."""
    owner, stop = Owner(), threading.Event()

    def renew() -> None:
        while not stop.wait(LEASE / 4):
            store.renew(owner)

    thread = threading.Thread(target=renew, daemon=True)
    thread.start()
    try:
        yield owner
    finally:
        stop.set()
        thread.join()
        store.release(owner)


def run_here(store: Store, plan: Plan, *, progress: Progress | None = None) -> dict[str, list[Row]]:
    """Return every row of a plan, computing in this process, one by one, what is missing.

    Parameters
    ----------
    store : Store
        Where rows are kept.
    plan : Plan
        What is asked.
    progress : Progress, optional
        Told about each task.

    Returns
    -------
    dict
        The rows by part. A task that ends in a :class:`PyGridJLError` has it in column ``error``
        and is not tried again; any other exception is raised.
    """
    show = progress or _Silent()
    rows: dict[str, list[Row]] = {}
    prepared = plan.prepare is None
    with _owner(store) as owner:
        for part, tasks in plan.parts.items():
            rows[part] = []
            for task in tasks:
                show.start(task)
                row = store.row(task)
                while row is None:
                    if not prepared and plan.prepare is not None:
                        plan.prepare()
                        prepared = True
                    if store.claim(task_key(task)[1], owner) == "ours":
                        store.finish(task, _compute_here(task))
                    else:
                        time.sleep(PATIENCE)
                    row = store.row(task)
                rows[part].append(row)
                show.finish(task)
    return rows


def _compute_here(task: Task) -> Outcome:
    began = time.perf_counter()
    answer: Row = {}
    error = ""
    try:
        answer = task.compute(task.asked)
    except PyGridJLError as failure:
        error = f"{type(failure).__name__}: {failure}"
    return Outcome(answer, error, time.perf_counter() - began, environment())


@dataclass(frozen=True)
class _Job:
    """What a worker is sent."""

    place: int
    function: str
    asked: dict[str, Any]
    limits: Limits


def _computed(job: _Job, processes: Processes | None = None) -> tuple[int, Outcome]:
    try:
        apart = processes or of_this_process()
        return job.place, apart.compute(job.function, job.asked, job.limits)
    except PyGridJLError as error:
        return job.place, Outcome({}, one_line(error), 0.0, environment())


def run_tasks(
    store: Store,
    tasks: Iterable[Task],
    *,
    n_jobs: int = 1,
    scheduler: str | None = None,
    limits: Limits = _NO_LIMITS,
    retry: bool = False,
    progress: Progress | None = None,
) -> None:
    """Run the tasks that have no row, each in a process of its own, until all have one.

    Parameters
    ----------
    store : Store
        Where rows are kept; the log of a task that printed anything stands beside it in
        ``logs/<key>.log``.
    tasks : iterable of Task
        Their functions must be importable by name.
    n_jobs : int
        Tasks at the same time; −1 is one a core.
    scheduler : str, optional
        Address of a Dask scheduler (``"tcp://…"``), whose workers compute then, or ``"local"`` for
        a Dask cluster of ``n_jobs`` processes of this machine. Needs the extra ``cluster``.
    limits : Limits
        What one task may take.
    retry : bool
        Whether to try again what failed before.
    progress : Progress, optional
        Told about each task.

    Raises
    ------
    InvalidOptionError
        If an option cannot be used or the scheduler does not answer.
    OutputError
        If the store cannot be written; what was written before stays.
    """
    show = progress or _Silent()
    todo = list(tasks)
    for task in todo:
        if "<" in task.function or task.function.startswith("__main__:"):
            raise InvalidOptionError(
                f"task {task}: {task.function} is not a function of a module that others import"
            )
    if not isinstance(n_jobs, int) or n_jobs == 0:
        raise InvalidOptionError(f"n_jobs: must be a number of tasks or -1, is {n_jobs!r}")
    if retry:
        store.forget_failures(todo)
    keys = [task_key(task)[1] for task in todo]
    done = store.finished()
    # Equal tasks are one.
    left = [k for key, k in {key: k for k, key in enumerate(keys)}.items() if key not in done]
    for k in set(range(len(todo))) - set(left):
        show.finish(todo[k])

    def write(k: int, outcome: Outcome) -> None:
        if outcome.log:
            _write_log(store, keys[k], outcome.log)
        store.finish(todo[k], outcome)
        show.finish(todo[k])

    with (
        _workers(n_jobs, scheduler) as parallel,
        _owner(store) as owner,
        ThreadPoolExecutor(1) as writer,
    ):
        while left:
            later: list[int] = []

            def ours(places: list[int], later: list[int]) -> Iterator[_Job]:
                for k in places:
                    state = store.claim(keys[k], owner)
                    if state == "finished":
                        show.finish(todo[k])
                    elif state == "taken":
                        later.append(k)
                    else:
                        show.start(todo[k])
                        yield _Job(k, todo[k].function, dict(todo[k].asked), limits)

            # While one row is on its way to the disk the next task runs.
            written: Future[None] | None = None
            for k, outcome in parallel(ours(left, later)):
                if written is not None:
                    written.result()
                written = writer.submit(write, k, outcome)
            if written is not None:
                written.result()
            if later:
                time.sleep(PATIENCE)
            left = later


def _write_log(store: Store, key: str, log: str) -> None:
    folder = store.path.parent / "logs"
    try:
        folder.mkdir(exist_ok=True)
    except OSError as error:
        raise OutputError(folder, error.strerror or str(error)) from error
    write_text(folder / f"{key}.log", log)


_Parallel = Callable[[Iterator[_Job]], Iterable[tuple[int, Outcome]]]


@contextmanager
def _workers(n_jobs: int, scheduler: str | None) -> Iterator[_Parallel]:
    """Yield what runs jobs and gives their outcomes as they come."""
    from joblib import Parallel, delayed, parallel_config

    processes = Processes()

    def through(jobs: int, compute: Callable[[_Job], tuple[int, Outcome]]) -> _Parallel:
        def run(asked: Iterator[_Job]) -> Any:
            parallel = Parallel(n_jobs=jobs, batch_size=1, return_as="generator_unordered")
            outcomes = parallel(delayed(compute)(job) for job in asked)
            try:
                yield from outcomes
            except BaseException:
                # Threads wait for their tasks: who interrupts does not want to.
                processes.close()
                raise

        return run

    if scheduler is None:
        try:
            with parallel_config(backend="threading"):
                yield through(n_jobs, partial(_computed, processes=processes))
        finally:
            processes.close()
        return
    client, cluster = _dask(scheduler, n_jobs)
    try:
        with client.as_current(), parallel_config(backend="dask"):
            yield through(-1, _computed)
    finally:
        client.close()
        if cluster is not None:
            cluster.close()


def _dask(scheduler: str, n_jobs: int) -> tuple[Any, Any]:
    try:
        dask: Any = import_module("distributed")
    except ImportError as error:
        raise InvalidOptionError(
            "scheduler: needs Dask; install it with: pip install 'pygridjl[cluster]'"
        ) from error
    cluster = None
    if scheduler == "local":
        cluster = dask.LocalCluster(
            n_workers=None if n_jobs < 0 else n_jobs,
            threads_per_worker=1,
            processes=True,
            dashboard_address=None,
        )
    try:
        return dask.Client(cluster or scheduler, timeout=10), cluster
    except (OSError, ValueError, TimeoutError) as error:
        raise InvalidOptionError(f"scheduler: {scheduler} does not answer: {error}") from error
