"""Waiting for what is to become true, for as long as a slow machine may need; and what takes a while."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which something has not happened, however slow the machine."""

_VALUES = 113
TRIPLETS = _VALUES**3
"""What a slow query counts."""


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait for something that is to become true; tell whether it has."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def slow_query(number: int) -> str:
    """Return a query of some tenths of a second of processor time, whose text differs with its number.

    Its one row is :data:`TRIPLETS`.
    """
    values = " ".join(map(str, range(_VALUES)))
    triplets = " ".join(f"VALUES ?{name} {{ {values} }}" for name in "abc")
    return f"SELECT (COUNT(*) AS ?n) {{ {triplets} FILTER(?a + ?b + ?c >= 0) }} LIMIT {number + 1}"
