"""Waiting for what is to become true, for as long as a slow machine may need."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE = 60.0
"""Seconds after which something has not happened, however slow the machine."""


def wait_until(true: Callable[[], bool], seconds: float = PATIENCE) -> bool:
    """Wait for something that is to become true; tell whether it has."""
    deadline = time.monotonic() + seconds
    while not true():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True
