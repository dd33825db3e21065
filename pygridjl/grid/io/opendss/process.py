"""The process in which OpenDSS runs: started once, limited in time and memory, allowed no file.

A script is a program of somebody else's for a large native engine. Run apart, neither a crash nor
an endless loop of it is ours, and the operating system keeps it from writing.
"""

from __future__ import annotations

import atexit
import json
import os
import queue
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from pygridjl.core.errors import CaseNotFoundError, NetworkFormatError
from pygridjl.grid.feeder import Feeder
from pygridjl.grid.io.opendss.confined import MEMORY, confine
from pygridjl.grid.io.opendss.transport import pack, unpack
from pygridjl.grid.network import Network

__all__ = ["check_apart", "read_apart", "replay_apart"]

TIME_LIMIT = 180.0


class _Engine:
    """One process that answers a line of JSON with a line of JSON."""

    def __init__(self) -> None:
        paths = [p for p in sys.path if p]
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "pygridjl.grid.io.opendss.process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1"},
            text=True,
            encoding="utf-8",
        )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def _listen(self) -> None:
        assert self._process.stdout is not None
        for line in self._process.stdout:
            self._answers.put(line)
        self._answers.put("")

    def ask(self, question: dict[str, Any], seconds: float) -> dict[str, Any] | None:
        """Return the answer, None if the process died; raise TimeoutError."""
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(question) + "\n")
            self._process.stdin.flush()
            line = self._answers.get(timeout=seconds)
        except (BrokenPipeError, OSError):
            return None
        except queue.Empty:
            raise TimeoutError from None
        return json.loads(line) if line else None

    def stop(self) -> None:
        self._process.kill()
        self._process.wait()


_running: dict[int, _Engine] = {}
_lock = threading.Lock()


def _stop() -> None:
    for process, engine in list(_running.items()):
        del _running[process]
        if process == os.getpid():
            engine.stop()


atexit.register(_stop)


def read_apart(
    kind: str,
    path: Path,
    *,
    time_limit: float = TIME_LIMIT,
    root: Path | None = None,
    strict: bool = True,
    **options: Any,
) -> Network | Feeder:
    """Read a script in the engine's own process.

    Parameters
    ----------
    kind : {"network", "feeder"}
        What to make of it.
    path : Path
        The script.
    time_limit : float
        Seconds after which the engine is stopped.
    root, strict
        As :func:`pygridjl.grid.io.opendss.engine.compiled_circuit` has them.
    **options
        Passed to the assembler.

    Returns
    -------
    Network or Feeder
        As read, not validated.

    Raises
    ------
    NetworkFormatError
        If the script cannot be read, the engine crashes or the time is over.
    """
    return unpack(_asked(kind, path, time_limit, root, strict, options))


def check_apart(path: Path, *, time_limit: float = TIME_LIMIT, root: Path | None = None) -> None:
    """Read the commands of a script, and of all it redirects to, without running any.

    Parameters
    ----------
    path : Path
        The script.
    time_limit : float
        Seconds after which the engine is stopped.
    root : Path, optional
        Folder below which all files must lie; that of the script unless given.

    Raises
    ------
    NetworkFormatError
        If a command may not run or a file may not be read.
    """
    _asked("check", path, time_limit, root, True, {})


def replay_apart(
    path: Path,
    *,
    time_limit: float = TIME_LIMIT,
    root: Path | None = None,
    strict: bool = True,
    **scenarios: Any,
) -> dict[str, Any]:
    """Solve a script for some scenarios in the engine's own process.

    Parameters
    ----------
    path : Path
        The script.
    time_limit : float
        Seconds after which the engine is stopped.
    root, strict, **scenarios
        As :func:`pygridjl.grid.io.opendss.replay.replay_script` has them; so is what is returned.

    Raises
    ------
    NetworkFormatError
        If the script cannot be read, the engine crashes or the time is over.
    """
    return _asked("replay", path, time_limit, root, strict, scenarios)


def _asked(
    kind: str,
    path: Path,
    time_limit: float,
    root: Path | None,
    strict: bool,
    options: dict[str, Any],
) -> dict[str, Any]:
    """Ask the engine and return its answer; what it refuses is raised here."""
    question = {
        "kind": kind,
        "path": str(path),
        "root": None if root is None else str(root),
        "strict": strict,
        "options": options,
    }
    with _lock:
        # A forked copy of this process must not share its pipes.
        if os.getpid() not in _running:
            _running[os.getpid()] = _Engine()
        engine = _running[os.getpid()]
        try:
            answer = engine.ask(question, time_limit)
        except (TimeoutError, KeyboardInterrupt) as stopped:
            engine.stop()
            del _running[os.getpid()]
            if isinstance(stopped, KeyboardInterrupt):
                raise
            detail = f"the engine was stopped after {time_limit:g} s"
            raise NetworkFormatError(path, "OpenDSS", detail) from None
        if answer is None:
            engine.stop()
            del _running[os.getpid()]
            raise NetworkFormatError(path, "OpenDSS", "the engine crashed at the script")
    if "error" in answer:
        name, parts = answer["error"]
        raise (NetworkFormatError if name == "format" else CaseNotFoundError)(*parts)
    return answer


def _answer(question: dict[str, Any]) -> dict[str, Any]:
    from pygridjl.grid.io.opendss.engine import assert_permitted
    from pygridjl.grid.io.opendss.replay import replay_script
    from pygridjl.grid.io.opendss.to_feeder import feeder_of_script
    from pygridjl.grid.io.opendss.to_network import network_of_script

    reader: Any = {"network": network_of_script, "feeder": feeder_of_script}.get(question["kind"])
    path = Path(question["path"])
    root = None if question["root"] is None else Path(question["root"])
    try:
        if question["kind"] == "check":
            assert_permitted(path, root=root)
            return {}
        if question["kind"] == "replay":
            asked = {"root": root, "strict": question["strict"], **question["options"]}
            return replay_script(path, **asked)
        return pack(reader(path, root=root, strict=question["strict"], **question["options"]))
    except NetworkFormatError as error:
        return {"error": ["format", [error.path, error.component, error.detail]]}
    except CaseNotFoundError as error:
        return {"error": ["missing", [str(error)]]}
    except MemoryError:
        detail = f"the engine needs more than {MEMORY / 2**30:g} GiB"
        return {"error": ["format", [str(path), "OpenDSS", detail]]}
    except Exception as error:
        detail = f"{type(error).__name__}: {error}"
        return {"error": ["format", [str(path), "reader", detail]]}


def _main() -> None:
    # Native code that prints must not fall between the answers.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    confine()
    questions: queue.Queue[str] = queue.Queue()
    threading.Thread(target=_hear, args=(questions,), daemon=True).start()
    while True:
        answers.write(json.dumps(_answer(json.loads(questions.get()))) + "\n")
        answers.flush()


def _hear(questions: queue.Queue[str]) -> None:
    """Pass questions on, and end with whoever asks them, also in the middle of a script."""
    for line in sys.stdin:
        questions.put(line)
    os._exit(0)


if __name__ == "__main__":
    _main()
