"""A store of finished tasks: each is written at once, and an interrupted run goes on from there."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

from pygridjl.core.errors import InvalidOptionError, PyGridJLError
from pygridjl.core.result import engine_versions

__all__ = ["TaskStore"]

Row = dict[str, Any]


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

    def run(self, task: Mapping[str, Any], compute: Callable[[], Row]) -> Row:
        """Return the row of a task, computing and storing it unless it is there.

        Parameters
        ----------
        task : mapping
            What is asked, in plain JSON values. The row starts with these columns.
        compute : callable
            Computes the remaining columns, in plain JSON values.

        Returns
        -------
        dict
            The row. A task that ends in a :class:`PyGridJLError` has the message in column
            ``error``; it is kept and not tried again by a resumed run.
        """
        asked = json.dumps({**task, **engine_versions()}, sort_keys=True)
        key = hashlib.sha256(asked.encode()).hexdigest()
        with closing(self._connect()) as connection, connection:
            found = connection.execute("SELECT row FROM task WHERE key = ?", (key,)).fetchone()
        if found is not None:
            row: Row = json.loads(found[0])
            return row
        try:
            row = {**task, **compute(), "error": ""}
        except PyGridJLError as error:
            row = {**task, "error": f"{type(error).__name__}: {error}"}
        with closing(self._connect()) as connection, connection:
            connection.execute(
                "INSERT OR REPLACE INTO task VALUES (?, ?, ?)", (key, asked, json.dumps(row))
            )
        return row
