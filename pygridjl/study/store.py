"""A store of finished tasks: each is one row, written at once, and never computed twice."""

from __future__ import annotations

import hashlib
import json
import math
import os
import sqlite3
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

from pygridjl.core.errors import InvalidOptionError, OutputError
from pygridjl.study.machine import code_version
from pygridjl.study.owner import Owner
from pygridjl.study.task import Outcome, Row, Task

__all__ = ["STORE_NAME", "Record", "Store", "task_key"]

STORE_NAME = "finished.sqlite"
# "PGJL", at byte 68 of the file: by it a store is known without opening it as a database.
_APPLICATION = 0x50474A4C
_FORMAT = 1
_MAGIC = b"SQLite format 3\0"
_TABLES = """
CREATE TABLE meta (name TEXT PRIMARY KEY, value TEXT NOT NULL);
CREATE TABLE environment (id TEXT PRIMARY KEY, description TEXT NOT NULL);
CREATE TABLE finished (
    key TEXT PRIMARY KEY, question TEXT NOT NULL, asked TEXT NOT NULL, function TEXT NOT NULL,
    code TEXT NOT NULL, answer TEXT NOT NULL, error TEXT NOT NULL, status TEXT, value REAL,
    bound REAL, seconds REAL NOT NULL, environment TEXT NOT NULL, time TEXT NOT NULL
);
CREATE INDEX finished_question ON finished (question);
CREATE TABLE claim (key TEXT PRIMARY KEY, owner TEXT NOT NULL, until REAL NOT NULL);
"""


def task_key(task: Task) -> tuple[str, str]:
    """Return what identifies the question of a task, and the question and the code together."""
    asked = json.dumps(dict(task.asked), sort_keys=True)
    question = hashlib.sha256(f"{task.function}\n{asked}".encode()).hexdigest()
    code = code_version(task.compute.__module__)
    return question, hashlib.sha256(f"{question}\n{code}".encode()).hexdigest()


@dataclass(frozen=True)
class Record:
    """A finished task as it is stored.

    Attributes
    ----------
    key : str
        Hash of what was asked and of the code that answered; also the name of its log.
    row : dict
        What was asked, the answer, and ``error``, which is empty unless it failed.
    status : str or None
        As the answer has it.
    value, bound : float or None
        ``value`` or ``objective`` and ``bound`` of the answer.
    seconds : float
        What the task took.
    code : str
        The code that answered.
    environment : str
        Id of versions and machine in :meth:`Store.environments`.
    time : str
        When it ended, UTC.
    """

    key: str
    row: Row
    status: str | None
    value: float | None
    bound: float | None
    seconds: float
    code: str
    environment: str
    time: str


class Store:
    """Rows of finished tasks in one SQLite file.

    Any number of processes of one machine may work on it: a task is claimed before it is run, by
    a lease that its owner renews; the claims of a process that has ended count for nothing.

    Parameters
    ----------
    path : path-like
        The file. Its folder is created with the first row.
    study : str
        Name of the study whose rows it holds; a store of another one is refused.
    restart : bool
        Whether to delete the rows first.

    Raises
    ------
    InvalidOptionError
        If the file is no store, is damaged or belongs to another study, or if its folder holds
        other things and no store. Nothing is changed then.
    OutputError
        If it cannot be written.
    """

    def __init__(self, path: str | Path, study: str, *, restart: bool = False) -> None:
        self.path, self.study = Path(path), study
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        if self.path.exists():
            _refuse_foreign(self.path)
            found = _stored_study(self.path)
            if found != study:
                raise InvalidOptionError(
                    f"store {self.path}: holds rows of {found!r}, not of {study!r}; "
                    "choose another folder"
                )
            if restart:
                self._empty()
        else:
            _refuse_strangers_folder(self.path.parent)

    @classmethod
    def existing(cls, folder: str | Path) -> Store:
        """Open the store in a folder, whatever study it holds.

        Raises
        ------
        InvalidOptionError
            If there is none.
        """
        path = Path(folder) / STORE_NAME
        if not path.is_file():
            raise InvalidOptionError(f"{folder}: holds no study (no {STORE_NAME})")
        _refuse_foreign(path)
        return cls(path, _stored_study(path))

    # ------------------------------------------------------------------------------ transactions
    def _open(self) -> sqlite3.Connection:
        if self._connection is None:
            if not self.path.exists():
                _create(self.path, self.study)
            self._connection = _connect(self.path)
        return self._connection

    @contextmanager
    def _transaction(self, *, durable: bool) -> Iterator[sqlite3.Connection]:
        """Hold the lock of the file; a durable transaction outlives a loss of power."""
        with self._lock:
            try:
                connection = self._open()
                connection.execute(f"PRAGMA synchronous = {'FULL' if durable else 'NORMAL'}")
                connection.execute("BEGIN IMMEDIATE")
                try:
                    yield connection
                except BaseException:
                    connection.execute("ROLLBACK")
                    raise
                connection.execute("COMMIT")
            except sqlite3.Error as error:
                raise OutputError(self.path, str(error)) from error

    def close(self) -> None:
        """Close the file; any further call opens it again."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None

    def _empty(self) -> None:
        with self._transaction(durable=True) as connection:
            owners = connection.execute("SELECT owner, until FROM claim").fetchall()
            if any(_alive(owner, until) for owner, until in owners):
                raise InvalidOptionError(
                    f"store {self.path}: another process is working on it; stop that first"
                )
            connection.execute("DELETE FROM finished")
            connection.execute("DELETE FROM claim")

    # -------------------------------------------------------------------------------------- meta
    def remember(self, name: str, value: str) -> None:
        """Keep a text about the study, such as its definition."""
        with self._transaction(durable=True) as connection:
            connection.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (name, value))

    def recall(self, name: str) -> str | None:
        """Return a text kept by :meth:`remember`."""
        found = self._read("SELECT value FROM meta WHERE name = ?", (name,))
        return None if not found else str(found[0][0])

    # ------------------------------------------------------------------------------------- claims
    def claim(self, key: str, owner: Owner) -> Literal["ours", "finished", "taken"]:
        """Take a task unless it is finished or another living owner has it."""
        with self._transaction(durable=False) as connection:
            if connection.execute("SELECT 1 FROM finished WHERE key = ?", (key,)).fetchone():
                return "finished"
            held = connection.execute(
                "SELECT owner, until FROM claim WHERE key = ?", (key,)
            ).fetchone()
            if held is not None and held[0] != owner.name and _alive(*held):
                return "taken"
            connection.execute(
                "INSERT OR REPLACE INTO claim VALUES (?, ?, ?)", (key, owner.name, owner.until())
            )
            return "ours"

    def renew(self, owner: Owner) -> None:
        """Prolong the lease of an owner's claims."""
        with self._transaction(durable=False) as connection:
            connection.execute(
                "UPDATE claim SET until = ? WHERE owner = ?", (owner.until(), owner.name)
            )

    def release(self, owner: Owner) -> None:
        """Give an owner's claims back."""
        if self.path.exists():
            with self._transaction(durable=False) as connection:
                connection.execute("DELETE FROM claim WHERE owner = ?", (owner.name,))

    def running(self) -> int:
        """Count the tasks that living owners have."""
        claims = self._read("SELECT owner, until FROM claim")
        return sum(_alive(owner, until) for owner, until in claims)

    # --------------------------------------------------------------------------------------- rows
    def finish(self, task: Task, outcome: Outcome) -> None:
        """Write the row of a task; the first row of a task stays."""
        question, key = task_key(task)
        described = json.dumps(dict(outcome.environment), sort_keys=True)
        place = hashlib.sha256(described.encode()).hexdigest()[:16]
        answer = outcome.answer
        line = (
            key,
            question,
            json.dumps(dict(task.asked)),
            task.function,
            code_version(task.compute.__module__),
            json.dumps(dict(answer)),
            outcome.error,
            _text(answer.get("status")),
            _number(answer.get("value", answer.get("objective"))),
            _number(answer.get("bound")),
            outcome.seconds,
            place,
            datetime.now(UTC).isoformat(timespec="milliseconds"),
        )
        with self._transaction(durable=True) as connection:
            connection.execute(
                "INSERT OR IGNORE INTO environment VALUES (?, ?)", (place, described)
            )
            marks = ", ".join("?" * len(line))
            connection.execute(f"INSERT OR IGNORE INTO finished VALUES ({marks})", line)
            connection.execute("DELETE FROM claim WHERE key = ?", (key,))

    def row(self, task: Task) -> Row | None:
        """Return the row of a task that this code answered, or None."""
        found = self._records("WHERE key = ?", (task_key(task)[1],))
        return found[0].row if found else None

    def finished(self) -> set[str]:
        """Return the keys of all rows."""
        return {key for (key,) in self._read("SELECT key FROM finished")}

    def records(self, tasks: Iterable[Task] | None = None) -> list[Record]:
        """Return the newest row of each question that has one, whatever code answered it.

        Parameters
        ----------
        tasks : iterable of Task, optional
            The questions, in their order; all that have rows unless given.
        """
        newest: dict[str, Record] = {}
        for question, record in self._questions():
            newest[question] = record
        if tasks is None:
            return list(newest.values())
        asked = (task_key(task)[0] for task in tasks)
        return [newest[question] for question in asked if question in newest]

    def forget_failures(self, tasks: Iterable[Task]) -> int:
        """Delete the rows of these tasks that ended in an error; return how many."""
        keys = [(task_key(task)[1],) for task in tasks]
        with self._transaction(durable=True) as connection:
            before = connection.total_changes
            connection.executemany("DELETE FROM finished WHERE key = ? AND error != ''", keys)
            return connection.total_changes - before

    def environments(self) -> dict[str, dict[str, Any]]:
        """Return versions and machine by the id that rows name."""
        found = self._read("SELECT id, description FROM environment ORDER BY id")
        return {name: json.loads(text) for name, text in found}

    def _questions(self) -> Iterator[tuple[str, Record]]:
        for line in self._read(f"SELECT question, {_COLUMNS} FROM finished ORDER BY time, rowid"):
            yield line[0], _record(line[1:])

    def _records(self, where: str, values: tuple[Any, ...] = ()) -> list[Record]:
        return [_record(r) for r in self._read(f"SELECT {_COLUMNS} FROM finished {where}", values)]

    def _read(self, query: str, values: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
        if not self.path.exists():
            return []
        with self._lock:
            try:
                return self._open().execute(query, values).fetchall()
            except sqlite3.Error as error:
                raise OutputError(self.path, str(error)) from error


_COLUMNS = "key, asked, answer, error, status, value, bound, seconds, code, environment, time"


def _record(line: tuple[Any, ...]) -> Record:
    key, asked, answer, error, *rest = line
    return Record(key, {**json.loads(asked), **json.loads(answer), "error": error}, *rest)


def _connect(path: Path) -> sqlite3.Connection:
    return sqlite3.connect(path, timeout=60, isolation_level=None, check_same_thread=False)


def _create(path: Path, study: str) -> None:
    """Make an empty store that appears complete; if another process was first, its store stays."""
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = _connect(temporary)
        try:
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
            connection.executescript(_TABLES)
            connection.execute("INSERT INTO meta VALUES ('study', ?)", (study,))
            connection.execute("PRAGMA journal_mode = WAL")
        finally:
            connection.close()
        with suppress(FileExistsError):
            os.link(temporary, path)
    except OSError as error:
        raise OutputError(path.parent, error.strerror or str(error)) from error
    finally:
        temporary.unlink(missing_ok=True)


def _refuse_foreign(path: Path) -> None:
    """Look at the head of a file before anything opens it as a database."""
    try:
        with path.open("rb") as file:
            head = file.read(100)
    except OSError as error:
        raise InvalidOptionError(f"store {path}: {error.strerror}") from error
    if not head.startswith(_MAGIC) or len(head) < 100:
        raise InvalidOptionError(f"store {path}: file is not a database")
    if int.from_bytes(head[68:72], "big") != _APPLICATION:
        raise InvalidOptionError(f"store {path}: is a database, but not one of ours")
    if int.from_bytes(head[60:64], "big") != _FORMAT:
        raise InvalidOptionError(f"store {path}: has a format that this version does not know")


def _stored_study(path: Path) -> str:
    """Check the whole file without writing to it, and return whose rows it holds."""
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True, timeout=60)
        (verdict,) = connection.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise InvalidOptionError(f"store {path}: is damaged ({' '.join(verdict.split())})")
        (study,) = connection.execute("SELECT value FROM meta WHERE name = 'study'").fetchone()
    except (sqlite3.Error, TypeError) as error:
        raise InvalidOptionError(f"store {path}: is damaged ({error})") from error
    finally:
        if connection is not None:
            connection.close()
    return str(study)


def _refuse_strangers_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise InvalidOptionError(f"{folder}: is not a folder")
    try:
        ours = f".{STORE_NAME}."
        full = folder.is_dir() and any(not f.name.startswith(ours) for f in folder.iterdir())
    except OSError as error:
        raise InvalidOptionError(f"{folder}: {error.strerror}") from error
    if full:
        raise InvalidOptionError(
            f"{folder}: holds files and no {STORE_NAME}; choose an empty or a new folder"
        )


def _alive(owner: str, until: float) -> bool:
    """Whether a claim still counts: its lease runs, and its process is not known to have ended."""
    return until > time.time() and not Owner.ended(owner)


def _number(value: Any) -> float | None:
    good = isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
    return float(value) if good else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
