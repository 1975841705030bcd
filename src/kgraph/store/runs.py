"""One query in one process, from its start until its answer is read or given up."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from json.encoder import encode_basestring_ascii
from typing import Protocol

from kgraph.errors import (
    AnswerTooLargeError,
    AnswerUnfitError,
    KgraphError,
    QueryFailedError,
    QueryMemoryError,
    QuerySyntaxError,
    QueryTimeoutError,
    StoreError,
)
from kgraph.formats import Format
from kgraph.store.base import Answer, Query
from kgraph.store.frames import DATA, ERROR, OUT_OF_MEMORY, QUERY, pack_frame, read_frames
from kgraph.store.places import Places, SlowPlaces
from kgraph.store.processes import Worker, WorkerLimits

PATIENCE = 0.1
"""Seconds after which a query gives its place up to one that has just begun, if there is no other place for that."""

HELD = 4 * 1024 * 1024
"""Bytes of an answer that are held back while its query is young: so much fails with a status, not with a cut."""

_FORBEARANCE = 1.0
_ENDURANCE = 0.25
"""Seconds of processor time, beside what it is granted for making memory its own, after which a query leaves its place
in any case and goes on with less of the processors."""


class Overdue(Exception):
    """A query has had its turn in a place, and none of the slow places is free."""


class ProcessLostError(QueryFailedError):
    """The process that answered is gone, by the query's doing or with the process it is a fork of."""

    def __init__(self) -> None:
        super().__init__("the process that answered is gone")


class Host(Protocol):
    """Who hands out the places."""

    limits: WorkerLimits
    places: Places
    slow: SlowPlaces

    def fill_place(self, worker: Worker | None = None) -> None:
        """Give a place to a process that is done with its query, or to another one."""

    def take_back(self, worker: Worker) -> None:
        """Keep a process that is done with a slow query for the next, or end it."""


def request_frame(query: Query, format: Format) -> bytes:
    """Return a query as it is sent to a process."""
    if query.dataset is None and not query.substitutions and query.export is None:
        # Most are of this kind; the whole of json.dumps takes longer.
        text = encode_basestring_ascii(query.text)
        simple = f'{{"text": {text}, "dataset": null, "substitutions": {{}}, "format": "{format.name}"}}'
        return pack_frame(QUERY, simple.encode())
    request = {
        "text": query.text,
        "dataset": query.dataset,
        "substitutions": dict(query.substitutions),
        "format": format.name,
        "export": query.export,
    }
    return pack_frame(QUERY, json.dumps(request).encode())


class Run:
    """A query that a process answers. It begins in a place; if it takes long it leaves it and goes on as a slow one.

    One that takes very long goes on with less of the processors. Where these cannot be given back to its process
    (:meth:`kgraph.store.processes.Worker.regain_processor`), that is of no use to others afterwards.
    """

    def __init__(self, host: Host, worker: Worker, query: Query, format: Format, *, is_slow: bool = False) -> None:
        """Take a worker that waits; ``is_slow`` tells that a slow place was taken for it already."""
        self.worker = worker
        self.chunks: list[bytes] = []
        self.held = 0
        self.ended = False
        self._host = host
        self.query = query
        self.format = format
        self._timeout = min(query.timeout or host.limits.timeout, host.limits.timeout)
        self._began = time.monotonic()
        self._waited = 0.0
        self._used_before = worker.processor_time()
        self._size = 0
        self._received = bytearray()
        self._slow = is_slow
        self._spent = False
        self._open = True
        self._lock = threading.Lock()
        self._watch: threading.Timer | None = None

    def ask(self) -> Answer:
        """Send the query and wait for its answer, or for as much of it as is held back."""
        try:
            self.worker.send(request_frame(self.query, self.format), self._timeout)
        except OSError as error:
            self.close()
            raise ProcessLostError() from error
        return self.gather()

    def gather(self) -> Answer:
        """Wait for the answer of a query that was sent, or for as much of it as is held back.

        Raises :class:`Overdue` if the query is slow and there is no place for one.
        """
        self._waited = time.monotonic() - self._began
        try:
            if self.query.cancellation is not None:
                self.query.cancellation.on_cancel(self.close)
            while not (self.ended or self.held >= HELD or (self._slow and self.chunks)):
                self._receive()
            if not self.ended:
                self._leave_place()
                self._watch = threading.Timer(self._host.limits.stream_timeout, self.close)
                self._watch.daemon = True
                self._watch.start()
        except (StoreError, Overdue):
            self.close()
            raise
        except QuerySyntaxError:
            self._finish(healthy=True)
            raise
        return self.answer()

    def feed(self, data: bytes) -> None:
        """Take what the process sent.

        Raises what the query ended in, and :class:`kgraph.errors.QueryFailedError` for what is no answer.
        """
        self._received += data
        try:
            for kind, body in read_frames(self._received):
                if kind == DATA:
                    self.chunks.append(body)
                    self.held += len(body)
                    self._size += len(body)
                elif kind == ERROR:
                    raise _told(json.loads(body), self._host.limits.memory)
                else:
                    self.ended = True
        except ValueError as error:
            if bytes(self._received).startswith(OUT_OF_MEMORY):
                raise QueryMemoryError(self._host.limits.memory) from error
            raise ProcessLostError() from error
        if 0 < self._host.limits.answer < self._size:
            raise AnswerTooLargeError(self._host.limits.answer)

    def answer(self) -> Answer:
        """Return the answer: whole if it has ended, else to be read while it comes."""
        revision = self.worker.revision
        if self.ended:
            self._finish(healthy=True)
            return Answer(self.format, revision, iter(self.chunks), self.held)
        return Answer(self.format, revision, self._stream(), None, self.close)

    def fail(self, error: Exception) -> Exception:
        """Give the place back after an error, and return the error that tells of it."""
        self._finish(healthy=isinstance(error, QuerySyntaxError))
        return error if isinstance(error, KgraphError) else ProcessLostError()

    def is_patient(self) -> bool:
        """Tell whether a query may keep its place for now.

        On a busy machine a small query may wait for a processor: only what it used counts against it, for a while.
        """
        return self.used() < PATIENCE / 2 and time.monotonic() - self._began < _FORBEARANCE

    def adopt(self, query: Query) -> None:
        """Go on for another request with the same query, which may be cancelled."""
        self.query = query

    def used(self) -> float:
        """Return the seconds of processor time that the query has used so far."""
        return self.worker.processor_time() - self._used_before

    def close(self) -> None:
        """Give up what was not read: the process is replaced, unless it is done."""
        self._finish(healthy=False)

    def _stream(self) -> Iterator[bytes]:
        try:
            while self.chunks or not self.ended:
                if self.chunks:
                    yield self.chunks.pop(0)
                else:
                    self._receive()
            self._finish(healthy=True)
        finally:
            self.close()

    def _receive(self) -> None:
        """Wait for more of the answer; a query that is out of patience becomes slow, one that is out of time ends."""
        began = time.monotonic()
        try:
            while not self.worker.wait(self._turn(began)):
                if self._left(began) <= 0:
                    raise QueryTimeoutError(self._timeout)
                self._look()
            if self._slow and not self._spent:
                self._look()
            data = self.worker.read()
        except BlockingIOError:
            return
        except (EOFError, OSError, ValueError) as error:
            raise ProcessLostError() from error
        finally:
            self._waited += time.monotonic() - began
        self.feed(data)

    def _turn(self, began: float) -> float:
        """Return how long to wait for the process before looking at the query again."""
        left = self._left(began)
        if self._spent:
            return left
        young = PATIENCE - (time.monotonic() - self._began)
        return min(left, young if young > 0 else PATIENCE)

    def _left(self, began: float) -> float:
        return self._timeout - self._waited - (time.monotonic() - began)

    def _look(self) -> None:
        """Have a query that takes long leave its place if others want it, and one that takes very long step back."""
        if not self._slow and self.is_patient():
            return
        used, places = self.used(), self._host.places
        is_long = used >= _ENDURANCE and used >= _ENDURANCE + self.worker.grant()
        if is_long or not places.idle:
            self._leave_place(may_stay=not is_long and not places.waiting)
        if is_long and not self._spent:
            self._spent = True
            self.worker.yield_processor()

    def _leave_place(self, *, may_stay: bool = False) -> None:
        """Leave the place to another process. Raises :class:`Overdue` if there is no slow place and it may not stay."""
        if self._slow:
            return
        if self._host.slow.take():
            self._slow = True
            self._host.fill_place()
        elif not may_stay:
            raise Overdue

    def _finish(self, *, healthy: bool) -> None:
        """Give the place back, once; a process that is not done with its query is killed."""
        with self._lock:
            if not self._open:
                return
            self._open = False
        if self._watch is not None:
            self._watch.cancel()
        self.worker.answered += 1
        used = self.used()
        is_quick = healthy and used < PATIENCE / 2
        if healthy and used >= _ENDURANCE:
            self.worker.grant(is_over=True)
        may_go_on = healthy and (not self._spent or self.worker.regain_processor())
        if not may_go_on:
            self.worker.kill()
        if self._slow:
            self._host.slow.leave()
            if may_go_on:
                self._host.take_back(self.worker)
            if is_quick:
                self._host.slow.forget((self.query.text, self.query.dataset))
        else:
            self._host.fill_place(self.worker if may_go_on else None)


def _told(content: Mapping[str, object], memory: int) -> Exception:
    """Return the error that a process told in an ``ERROR`` frame."""
    if "memory" in content:
        return QueryMemoryError(memory)
    if "unfit" in content:
        return AnswerUnfitError(str(content["unfit"]))
    if "failed" in content:
        return QueryFailedError(str(content["failed"]))
    line, column = int(str(content["line"])), int(str(content["column"]))
    return QuerySyntaxError("query-invalid", line, column, reason=str(content["reason"]))
