"""The engine in processes of their own, so that a query can be stopped and can harm nobody else.

A query runs in a *place*: a forked process that sees a snapshot of the dataset, has no network, and is killed
when the query has had its time. A query that takes longer than :data:`kgraph.store.runs.PATIENCE` gives its place
up if no other is free: another process takes it, so that there is always room for queries that have just begun, and
the slow one goes on beside the places, with less of the processors if it takes very long. Of slow queries there may be
a limited number; further ones begin anew when one of these has ended, and a query that found no slow place once waits
for one from the start. The process of a slow query that has ended is kept for the next.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from kgraph.errors import QueryFailedError, StoreBusyError
from kgraph.formats import Format
from kgraph.store.base import Answer, Query, Revision
from kgraph.store.embedded import DEVIATIONS
from kgraph.store.frames import BORROW, FORK
from kgraph.store.functions import has_function
from kgraph.store.held import Source
from kgraph.store.lanes import Lane
from kgraph.store.places import Places, SlowPlaces, Spares
from kgraph.store.processes import Worker, WorkerLimits, can_isolate
from kgraph.store.runs import Overdue, ProcessLostError, Run
from kgraph.store.supervision import Zygote

__all__ = ["WorkerLimits", "WorkerStore", "can_isolate"]

_FAILURE_KEPT = 10.0
_PARTING = 0.1
_MIB = 1024 * 1024


class WorkerStore:
    """A dataset asked in processes that can be killed; the processes are forks of one that holds it."""

    deviations = DEVIATIONS

    def __init__(self, source: Source | Path, limits: WorkerLimits | None = None) -> None:
        """Start the processes and wait until the dataset is loaded; a path is a source's home and nothing else.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be.
        """
        self.limits = limits or WorkerLimits()
        self.places = Places(self.limits.waiting)
        self.slow = SlowPlaces(self.limits.slow_places, self.limits.waiting)
        self.spares = Spares()
        self.forks = 0
        source = source if isinstance(source, Source) else Source(source)
        self._zygote = Zygote(replace(source, memory=self.limits.memory))
        self._forker = ThreadPoolExecutor(1, "kgraph-fork")
        self._lane: Lane | None = None
        self._failure = (float("-inf"), "")
        self._closed = False
        for _ in range(self.limits.places):
            self.places.put(self._fork())

    @property
    def revision(self) -> Revision:
        """The state of the data that queries which begin now are answered from."""
        return self._zygote.revision

    @property
    def run(self) -> str:
        """A name for the process that holds the dataset, for as long as it lives."""
        return self._zygote.run

    @property
    def zygote(self) -> Zygote:
        """The process that holds the dataset."""
        return self._zygote

    @property
    def zygote_pid(self) -> int:
        """The number of the process that holds the dataset."""
        return self._zygote.pid

    @property
    def lane(self) -> Lane | None:
        """The way from the event loop that asked last, if that still runs."""
        return self._lane if self._lane is not None and not self._lane.loop.is_closed() else None

    @property
    def can_lend(self) -> bool:
        """Tell whether :meth:`make_borrower` may be called: not while the data are asked on disk."""
        return self._zygote.can_lend

    def has_function(self, iri: str) -> bool:
        """Tell whether the engine has a function of this IRI."""
        return has_function(iri)

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""
        return dict(self._zygote.graphs)

    async def ask(self, query: Query, format: Format, when_long: Callable[[], None]) -> Answer:
        """Answer a query from an event loop; ``when_long`` is called if the answer is not there at once."""
        if self._lane is None or self._lane.loop.is_closed():
            threads = self.limits.places + self.limits.slow_places + 2 * self.limits.waiting
            self._lane = Lane(self, threads)
        return await self._lane.ask(query, format, when_long)

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query; returns when the first chunk of the answer is there, or the whole."""
        parent = self._zygote.pid
        try:
            return self._query(query, format)
        except QueryFailedError as error:
            return self.ask_again(error, parent, query, format)

    def ask_again(self, error: QueryFailedError, parent: int, query: Query, format: Format) -> Answer:
        """Answer a query whose process died with its parent, or raise the error. Nothing was answered yet."""
        if not isinstance(error, ProcessLostError):
            raise error
        # When the parent dies its forks may be gone a moment before it is.
        until = time.monotonic() + _PARTING
        while self._zygote.pid == parent and self._zygote.is_alive():
            if time.monotonic() > until:
                raise error
            time.sleep(_PARTING / 10)
        # The other processes are forks of the same one.
        return self._query(query, format, anew=True)

    def go_on(self, run: Run, query: Query, format: Format) -> Answer:
        """Answer a query that was sent, waiting in this thread; one that is slow may have to begin anew."""
        try:
            return run.gather()
        except Overdue:
            return self._query_slowly(query, format)
        except QueryFailedError as error:
            return self.ask_again(error, run.worker.parent, query, format)

    def is_slow(self, query: Query) -> bool:
        """Tell whether a query was slow the last time."""
        return self.slow.knows((query.text, query.dataset))

    def is_ready(self, worker: Worker | None) -> bool:
        """Tell whether a process is there and answers from the present state of the data."""
        if worker is None or worker.is_lost or worker.parent != self._zygote.pid:
            return False
        return worker.revision is self._zygote.revision or worker.revision == self._zygote.revision

    def refresh(self, worker: Worker | None) -> Worker:
        """Return a process for a place whose own is not ready."""
        if worker is not None:
            worker.kill()
        try:
            return self._fork()
        except QueryFailedError:
            # The place is kept: the next query that gets it tries again.
            self.places.put(None)
            raise

    def make_borrower(self) -> Worker:
        """Return a fresh process that answers requests on connections that it is lent, if :attr:`can_lend`.

        Raises :class:`kgraph.errors.QueryFailedError` if there is none to be had.
        """
        return self._fork(BORROW)

    def take_back(self, worker: Worker) -> None:
        """Keep a process that is done with a slow query for the next, or end it.

        With those that are kept there are never more processes than there are places and slow places.
        """
        most = self.limits.slow_places - self.slow.taken
        is_useful = worker.answered < self.limits.queries and worker.memory_taken() <= self.limits.memory * _MIB
        if self._closed or not is_useful or not self.is_ready(worker) or not self.spares.put(worker, most):
            worker.kill()

    def fill_place(self, worker: Worker | None = None) -> None:
        """Give a place to a process that is done with its query, or to another one."""
        if worker is not None and worker.answered < self.limits.queries and not self._closed:
            self.places.put(worker)
            return
        if worker is not None:
            worker.kill()
        if self._closed:
            return
        spare = self._take_spare()
        if spare is not None:
            self.places.put(spare)
            return
        with contextlib.suppress(RuntimeError):
            self._forker.submit(self._fill)

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        self._forker.shutdown(wait=True, cancel_futures=True)
        for worker in self.places.drain():
            worker.kill()
        while (spare := self.spares.take()) is not None:
            spare.kill()
        self._zygote.close()
        if self._lane is not None:
            self._lane.close()

    def _query(self, query: Query, format: Format, *, anew: bool = False) -> Answer:
        if self.is_slow(query):
            return self._query_slowly(query, format)
        worker = self.places.take(self.limits.patience)
        if worker is None or anew or not self.is_ready(worker) or worker.wait(0):
            # A process that waits for a query says nothing: one that does is gone.
            worker = self.refresh(worker)
        try:
            return Run(self, worker, query, format).ask()
        except Overdue:
            return self._query_slowly(query, format)

    def _query_slowly(self, query: Query, format: Format) -> Answer:
        """Answer a query in a slow place, and remember that it belongs there."""
        self.slow.remember((query.text, query.dataset))
        if not self.slow.take(self.limits.patience):
            raise StoreBusyError("too many slow queries")
        try:
            worker = self._take_spare() or self._fork()
        except QueryFailedError:
            self.slow.leave()
            raise
        return Run(self, worker, query, format, is_slow=True).ask()

    def _take_spare(self) -> Worker | None:
        """Return a process that is kept and of use; the others are ended."""
        while (worker := self.spares.take()) is not None:
            if self.is_ready(worker) and not worker.wait(0):
                return worker
            worker.kill()
        return None

    def _fill(self) -> None:
        try:
            self.places.put(self._fork())
        except QueryFailedError:
            self.places.put(None)

    def _fork(self, kind: bytes = FORK) -> Worker:
        """Return a fresh process. What cannot be had is not asked for again at once: it takes the time of loading."""
        failed, reason = self._failure
        if time.monotonic() - failed < _FAILURE_KEPT:
            raise QueryFailedError(reason)
        try:
            worker = Worker(*self._zygote.fork(kind), self._zygote.pid)
        except QueryFailedError as error:
            self._failure = time.monotonic(), str(error)
            raise
        self.forks += 1
        return worker
