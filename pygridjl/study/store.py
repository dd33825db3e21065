"""A store of finished tasks: each is written at once, and an interrupted run goes on from there."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from contextlib import closing
from pathlib import Path

from pygridjl.core.errors import InvalidOptionError, PyGridJLError
from pygridjl.core.result import engine_versions
from pygridjl.study.task import Row, Task

__all__ = ["TaskStore"]


class TaskStore:
    """Rows of finished tasks, keyed by a hash of what was asked and by the version that answered.

    Parameters
    ----------
    path : path-like
        SQLite file; created if missing. Its folder must exist.
    resume : bool
        Whether rows of an earlier run count; otherwise the store starts empty.

    Raises
    ------
    InvalidOptionError
        If the file cannot be opened or is not such a store.
    """

    def __init__(self, path: str | Path, *, resume: bool) -> None:
        self._path = Path(path)
        try:
            with closing(self._connect()) as connection, connection:
                connection.execute(
                    "CREATE TABLE IF NOT EXISTS task (key TEXT PRIMARY KEY, task TEXT, row TEXT)"
                )
                if not resume:
                    connection.execute("DELETE FROM task")
        except sqlite3.Error as error:
            raise InvalidOptionError(f"store {self._path}: {error}") from error

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, timeout=60)

    def run(self, task: Task) -> Row:
        """Return the row of a task, computing and storing it unless it is there.

        Parameters
        ----------
        task : Task
            What is asked, and how it is computed. The row starts with what is asked.

        Returns
        -------
        dict
            The row. A task that ends in a :class:`PyGridJLError` has the message in column
            ``error``; it is kept and not tried again by a resumed run.
        """
        asked = json.dumps({**task.asked, **engine_versions()}, sort_keys=True)
        key = hashlib.sha256(asked.encode()).hexdigest()
        with closing(self._connect()) as connection, connection:
            found = connection.execute("SELECT row FROM task WHERE key = ?", (key,)).fetchone()
        if found is not None:
            row: Row = json.loads(found[0])
            return row
        try:
            row = {**task.asked, **task.compute(task.asked), "error": ""}
        except PyGridJLError as error:
            row = {**task.asked, "error": f"{type(error).__name__}: {error}"}
        with closing(self._connect()) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO task VALUES (?, ?, ?)", (key, asked, json.dumps(row))
            )
        return row
