"""Work in a fork that ends when it is done: what it opens, and the threads that it starts, end with it."""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Callable
from typing import Any

from kgraph.errors import DatasetError, KgraphError
from kgraph.store.forks import end_with_parent


class Apart:
    """A fork that does one thing, and dies with this process."""

    def __init__(self, work: Callable[[], dict[str, Any]], failed: str) -> None:
        """Begin ``work``; what it raises is told as an error that begins with ``failed``."""
        self._failed = failed
        self._reading, writing = os.pipe()
        parent = os.getpid()
        self._child = os.fork()
        if self._child == 0:
            try:
                end_with_parent(parent)
                os.close(self._reading)
                with open(writing, "w", encoding="utf-8") as pipe:
                    pipe.write(json.dumps(self._outcome(work)))
            finally:
                os._exit(0)
        os.close(writing)

    def wait(self) -> dict[str, Any]:
        """Return what the work gave, when it is done.

        Raises :class:`kgraph.errors.DatasetError` with what it complains of.
        """
        with open(self._reading, encoding="utf-8") as pipe:
            told = pipe.read()
        with contextlib.suppress(ChildProcessError):
            os.waitpid(self._child, 0)
        outcome: dict[str, Any] = json.loads(told) if told else {"error": f"{self._failed}: the process ended"}
        if "error" in outcome:
            raise DatasetError(outcome["error"])
        return outcome

    def _outcome(self, work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        try:
            return work()
        except (KgraphError, OSError, RuntimeError, ValueError, MemoryError) as error:
            return {"error": f"{self._failed}: {error}"}


def run_apart(work: Callable[[], dict[str, Any]], failed: str) -> dict[str, Any]:
    """Do something in a fork, wait for it and return what it gave; raises what :meth:`Apart.wait` raises."""
    return Apart(work, failed).wait()
