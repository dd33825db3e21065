"""Functions for the tests of the runner: processes import them by name."""

from __future__ import annotations

import os
import time

import numpy as np

from pygridjl.core.errors import SolverError
from pygridjl.study.task import say


def square(asked):
    return {"value": float(asked["n"]) ** 2, "status": "optimal"}


def arithmetic(asked):
    """Something whose last digit shows threads and order of summation."""
    rng = np.random.default_rng(asked["n"])
    a = rng.normal(size=(60, 60))
    return {"value": float(np.linalg.solve(a, a @ a).sum()), "list": rng.normal(size=3).tolist()}


def slow_square(asked):
    time.sleep(asked["seconds"])
    return {"value": float(asked["n"]) ** 2}


def sleeps(asked):
    time.sleep(asked["seconds"])
    return {"pid": os.getpid()}


def fails(asked):
    say("trying")
    if asked["how"] == "purpose":
        raise SolverError("no licence")
    if asked["how"] == "defect":
        raise ZeroDivisionError("of the program")
    if asked["how"] == "crash":
        os.abort()
    return {"value": object()}


def eats(asked):
    block = np.ones(asked["mb"] * 2**17)
    time.sleep(2.0)
    return {"value": float(block[0])}


def prints(asked):
    os.write(1, b"native output\n")
    print("python output")
    say("a line of progress")
    return {"value": 1.0}


def logged_sleep(asked):
    with open(asked["file"], "a") as file:  # noqa: PTH123
        file.write(f"{asked['n']}\n")
    time.sleep(asked["seconds"])
    return {"value": 1.0}


def marked_sleep(asked):
    with open(os.environ["STUDY_MARK"], "a") as file:  # noqa: PTH123
        file.write(f"{os.getpid()}\n")
    time.sleep(asked["seconds"])
    return {"value": 1.0}


def takes_standard_input(asked):
    """Do with standard input what an embedded interpreter may: read it, and change its mode."""
    os.set_blocking(0, False)
    time.sleep(asked["seconds"])
    return {"value": float(len(os.read(0, 100)))}
