"""The process of one job: computes tasks one by one and dies with whoever started it.

Started as ``python -m pygridjl.study.child``. It reads one JSON line a task on standard input and
answers with one; whatever a task prints goes to standard error, which is its log.
"""

from __future__ import annotations

import json
import logging
import os
import queue
import sys
import threading
import time
import traceback
from importlib import import_module
from typing import Any, BinaryIO

from pygridjl.core.errors import PyGridJLError
from pygridjl.study.machine import environment

__all__ = ["main", "one_line"]


def main() -> None:
    """Answer until standard input ends."""
    # A native library that prints must not speak in the middle of an answer.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    logging.basicConfig(stream=sys.stderr, format="%(asctime)s %(message)s", level=logging.WARNING)
    logging.getLogger("pygridjl.study").setLevel(logging.INFO)
    # Nor must one that reads, or makes what it takes for its standard input non-blocking, as Julia
    # does, come between us and who asks.
    questions = os.fdopen(os.dup(0), "rb")
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    asked: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_read, args=(questions, asked), daemon=True).start()
    answer = json.dumps({"environment": environment()})
    while True:
        sys.stderr.flush()
        answers.write(answer + "\n")
        answers.flush()
        message = asked.get()
        answer = _answer(message["function"], message["asked"])


def _read(questions: BinaryIO, asked: queue.SimpleQueue[dict[str, Any]]) -> None:
    for line in questions:
        asked.put(json.loads(line))
    # Nobody wants the answer any more: a task that runs must not keep the machine busy.
    os._exit(0)


def _answer(function: str, asked: dict[str, Any]) -> str:
    began = time.perf_counter()
    answer, error = "{}", ""
    try:
        module, _, name = function.partition(":")
        answer = json.dumps(getattr(import_module(module), name)(asked))
    except PyGridJLError as failure:
        error = one_line(failure)
    except Exception as failure:
        # A defect of the program is a row too: the others shall run, and the log has the trace.
        traceback.print_exc()
        error = one_line(failure)
    seconds = time.perf_counter() - began
    return f'{{"answer": {answer}, "error": {json.dumps(error)}, "seconds": {seconds!r}}}'


def one_line(failure: BaseException, limit: int = 500) -> str:
    """Return kind and message of an exception on one line."""
    text = " ".join(f"{type(failure).__name__}: {failure}".split())
    return text if len(text) <= limit else f"{text[:limit]}…"


if __name__ == "__main__":
    main()
