"""Waiting for what is to become true, for as long as a slow machine may need; and what takes a while."""

from __future__ import annotations

import functools
import time
from collections.abc import Callable

import pyoxigraph as ox

PATIENCE = 60.0
"""Seconds after which something has not happened, however slow the machine."""
_SLOW = 1 / 6
_TRIED = 60


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait for something that is to become true; tell whether it has."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def slow_query(number: int) -> str:
    """Return a query of about a sixth of a second of processor time, whose text differs with its number.

    Its one row, in CSV, is :func:`slow_answer`.
    """
    return f"{_triplets(_values())} LIMIT {number + 1}"


def slow_answer() -> str:
    """Return what every slow query answers."""
    return f"n\r\n{_values() ** 3}\r\n"


def _triplets(values: int) -> str:
    numbers = " ".join(map(str, range(values)))
    triplets = " ".join(f"VALUES ?{name} {{ {numbers} }}" for name in "abc")
    return f"SELECT (COUNT(*) AS ?n) {{ {triplets} FILTER(?a + ?b + ?c >= 0) }}"


@functools.cache
def _values() -> int:
    """Return of how many values each the triplets take this machine so long."""
    times = []
    for _ in range(3):
        began = time.thread_time()
        list(ox.Store().query(_triplets(_TRIED)))  # type: ignore[arg-type]
        times.append(time.thread_time() - began)
    return round(_TRIED * (_SLOW / min(times)) ** (1 / 3))
