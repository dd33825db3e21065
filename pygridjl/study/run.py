"""Studies from Python: run one into a folder, look at it, take its rows as a table."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pygridjl.core.errors import InvalidOptionError
from pygridjl.study.definition import Study
from pygridjl.study.runner import Progress, run_tasks
from pygridjl.study.store import STORE_NAME, Record, Store, task_key

if TYPE_CHECKING:
    import pandas as pd

__all__ = ["Standing", "open_study", "records_frame", "run_study", "study_status"]

_DEFINITION = "definition"


@dataclass(frozen=True)
class Standing:
    """How far a study is.

    Attributes
    ----------
    study : str
        Its name.
    tasks : int
        How many it has.
    finished, failed : int
        Those with a row of this code, and those of them that ended in an error.
    stale : int
        Tasks whose only row was computed by other code; they would be run again.
    running : int
        Tasks that living runners have.
    """

    study: str
    tasks: int
    finished: int
    failed: int
    stale: int
    running: int


def run_study(
    study: Study,
    folder: str | Path,
    *,
    n_jobs: int = 1,
    scheduler: str | None = None,
    retry: bool = False,
    restart: bool = False,
    progress: Progress | None = None,
) -> list[Record]:
    """Run what a study has not finished in a folder, and return its rows.

    Parameters
    ----------
    study : Study
        The study, e.g. of :func:`pygridjl.study.read_study`.
    folder : path-like
        Empty, new, or of an earlier run of the same study, which goes on.
    n_jobs, scheduler, retry, progress
        As for :func:`pygridjl.study.run_tasks`.
    restart : bool
        Whether to delete the rows that are there.

    Returns
    -------
    list of Record
        One a task, in the order of the study.

    Raises
    ------
    InvalidOptionError
        If the folder or an option cannot be used.
    OutputError
        If the folder cannot be written.
    """
    store = Store(Path(folder) / STORE_NAME, study.name, restart=restart)
    tasks = study.tasks()
    store.remember(_DEFINITION, study.to_json())
    run_tasks(
        store,
        tasks,
        n_jobs=n_jobs,
        scheduler=scheduler,
        limits=study.limits,
        retry=retry,
        progress=progress,
    )
    return store.records(tasks)


def open_study(folder: str | Path) -> tuple[Study, Store]:
    """Return the study that was last run into a folder, and its store.

    Raises
    ------
    InvalidOptionError
        If the folder holds none.
    """
    store = Store.existing(folder)
    kept = store.recall(_DEFINITION)
    if kept is None:
        raise InvalidOptionError(
            f"{folder}: holds the rows of {store.study!r}, which is no study from a file"
        )
    return Study.from_mapping(json.loads(kept), Path(folder)), store


def study_status(folder: str | Path) -> Standing:
    """Say how far the study in a folder is.

    Raises
    ------
    InvalidOptionError
        If the folder holds none.
    """
    study, store = open_study(folder)
    tasks = study.tasks()
    keys = {task_key(task)[1] for task in tasks}
    records = store.records(tasks)
    current = [record for record in records if record.key in keys]
    return Standing(
        study=study.name,
        tasks=len(tasks),
        finished=len(current),
        failed=sum(bool(record.row["error"]) for record in current),
        stale=len(records) - len(current),
        running=store.running(),
    )


def records_frame(records: Sequence[Record]) -> pd.DataFrame:
    """Return rows as a table: what was asked, what came out, where it came from.

    Parameters
    ----------
    records : sequence of Record
        The rows.

    Returns
    -------
    pandas.DataFrame
        One row each; lists and mappings are JSON texts. ``key`` is the last column but three and
        names row and log.
    """
    import pandas as pd

    lines = [
        {
            **{name: _flat(value) for name, value in record.row.items() if name != "seconds"},
            "value": record.value,
            "seconds": record.seconds,
            "key": record.key,
            "code": record.code,
            "environment": record.environment,
            "time": record.time,
        }
        for record in records
    ]
    return pd.DataFrame(lines)


def _flat(value: Any) -> Any:
    return json.dumps(value) if isinstance(value, list | dict) else value
