"""The engine in processes of their own, so that a query can be stopped and can harm nobody else.

A query runs in a *place*: a forked process that sees a snapshot of the dataset, has no network, and is killed
when the query has had its time. A query that takes longer than :data:`PATIENCE`, or whose answer is long,
gives its place up: another process takes it, so that there is always room for queries that have just begun,
and the slow one goes on with less of the processors. Of slow queries there may be a limited number.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import select
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgraph.errors import (
    QueryFailedError,
    QuerySyntaxError,
    QueryTimeoutError,
    StoreBusyError,
    StoreError,
)
from kgraph.formats import Format
from kgraph.store.base import Answer, Query, Revision
from kgraph.store.frames import CHUNK, DATA, END, ERROR, QUERY, receive_frame, send_frame
from kgraph.store.supervision import Zygote

PATIENCE = 0.1
"""Seconds after which a query gives its place up to one that has just begun."""

_NICE = 10
_PROCESS_CLOCK = 2


@dataclass(frozen=True)
class WorkerLimits:
    """How much queries may take.

    ``places`` processes wait for queries, ``slow_places`` slow queries may go on beside them, ``waiting``
    queries may wait for a place for ``patience`` seconds; ``timeout`` is the longest a query may take and
    ``stream_timeout`` the longest its answer may take to be fetched; ``memory`` is in MiB; ``queries`` is
    the number after which a process is replaced.
    """

    places: int = 4
    slow_places: int = 4
    waiting: int = 64
    patience: float = 5.0
    timeout: float = 10.0
    stream_timeout: float = 300.0
    memory: int = 2048
    queries: int = 1000


class Worker:
    """One process that answers queries, one at a time."""

    def __init__(self, channel: socket.socket, pid: int, handle: int) -> None:
        """Hold the socket to it, its number and its process descriptor."""
        self.channel = channel
        self.pid = pid
        self.answered = 0
        self._handle = handle
        self._lock = threading.Lock()
        self.in_use = threading.RLock()

    def kill(self) -> None:
        """End the process, whatever it does; a second call does nothing."""
        with self._lock:
            if self._handle < 0:
                return
            with contextlib.suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)
            os.close(self._handle)
            self._handle = -1
        # Another thread may be waiting on the socket: it is woken first, and the socket closed when it let go.
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)
        with self.in_use:
            self.channel.close()

    def processor_time(self) -> float:
        """Return the seconds of processor time that the process has used."""
        # The clock of another process, as clock_getcpuclockid(3) makes its number from the process's.
        try:
            return time.clock_gettime((~self.pid << 3) | _PROCESS_CLOCK)
        except OSError:
            return float("inf")

    def yield_processor(self) -> None:
        """Let other processes go first from now on."""
        try:
            os.setpriority(os.PRIO_PROCESS, self.pid, _NICE)
        except ProcessLookupError:
            return


class WorkerStore:
    """A dataset asked in processes that can be killed; the processes are forks of one that holds it."""

    def __init__(self, home: Path, limits: WorkerLimits | None = None) -> None:
        """Start the processes and wait until the dataset is loaded.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be.
        """
        self._limits = limits or WorkerLimits()
        self._zygote = Zygote(home, self._limits.memory)
        self._idle: queue.LifoQueue[Worker | None] = queue.LifoQueue()
        self._slow = threading.BoundedSemaphore(self._limits.slow_places)
        self._waiting = threading.BoundedSemaphore(self._limits.waiting + self._limits.places)
        self._closed = False
        for _ in range(self._limits.places):
            self._idle.put(self._fork())

    @property
    def revision(self) -> Revision:
        """The state of the data that queries which begin now are answered from."""
        return self._zygote.revision

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""
        return dict(self._zygote.graphs)

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query; returns when the first chunk of the answer is there, or the whole."""
        if not self._waiting.acquire(blocking=False):
            raise StoreBusyError("too many queries wait")
        try:
            worker = self._take_place()
        finally:
            self._waiting.release()
        zygote = self._zygote.pid
        try:
            return self._run(worker, query, format)
        except QueryFailedError:
            if self._zygote.is_alive() and self._zygote.pid == zygote:
                raise
        # The processes died with the one they are forks of; nothing of the answer was given yet.
        return self._run(self._take_place(), query, format)

    def _take_place(self) -> Worker | None:
        try:
            return self._idle.get(timeout=self._limits.patience)
        except queue.Empty as error:
            raise StoreBusyError("no place became free") from error

    def _run(self, worker: Worker | None, query: Query, format: Format) -> Answer:
        if worker is not None and _readable(worker.channel, 0):
            # A process that waits for a query says nothing: this one is gone.
            worker.kill()
            worker = None
        try:
            worker = worker or self._fork()
        except QueryFailedError:
            self._idle.put(None)
            raise
        run = _Run(self, worker, min(query.timeout or self._limits.timeout, self._limits.timeout))
        return run.start(query, format)

    def close(self) -> None:
        """End all processes."""
        self._closed = True
        while True:
            try:
                worker = self._idle.get_nowait()
            except queue.Empty:
                break
            if worker is not None:
                worker.kill()
        self._zygote.close()

    def fill_place(self, worker: Worker | None = None) -> None:
        """Give a place to a process that is done with its query, or to a fresh one."""
        if self._closed:
            if worker:
                worker.kill()
            return
        if worker is not None and worker.answered >= self._limits.queries:
            worker.kill()
            worker = None
        try:
            self._idle.put(worker or self._fork())
        except QueryFailedError:
            # The place is kept: the next query that gets it tries again.
            self._idle.put(None)

    def take_slow_place(self) -> bool:
        """Tell whether one more slow query may go on, and count it."""
        return self._slow.acquire(blocking=False)

    def leave_slow_place(self) -> None:
        """Count a slow query out."""
        self._slow.release()

    @property
    def stream_timeout(self) -> float:
        """Seconds that fetching an answer may take."""
        return self._limits.stream_timeout

    @property
    def zygote_pid(self) -> int:
        """The number of the process that holds the dataset."""
        return self._zygote.pid

    def _fork(self) -> Worker:
        return Worker(*self._zygote.fork())


class _Run:
    """One query in one place, from its start until its answer is read or given up."""

    def __init__(self, store: WorkerStore, worker: Worker, timeout: float) -> None:
        self._store = store
        self._worker = worker
        self._timeout = timeout
        self._waited = 0.0
        self._used_before = worker.processor_time()
        self._slow = False
        self._open = True
        self._lock = threading.Lock()
        self._watch = threading.Timer(store.stream_timeout, self.close)
        self._watch.daemon = True

    def start(self, query: Query, format: Format) -> Answer:
        """Send the query and wait for the first chunk of its answer and, if that is all, for its end."""
        request = {
            "text": query.text,
            "dataset": query.dataset,
            "substitutions": dict(query.substitutions),
            "format": format.name,
        }
        try:
            if query.cancellation is not None:
                query.cancellation.on_cancel(self.close)
            with self._worker.in_use:
                self._worker.channel.settimeout(self._timeout)
                send_frame(self._worker.channel, QUERY, json.dumps(request).encode())
            frames = [self._receive()]
            if frames[0][0] == DATA and len(frames[0][1]) < CHUNK:
                frames.append(self._receive())
            if frames[-1][0] == DATA:
                self._become_slow()
                self._watch.start()
        except OSError as error:
            self.close()
            raise QueryFailedError("the process that answered is gone") from error
        except StoreError:
            self.close()
            raise
        except QuerySyntaxError:
            self._finish(healthy=True)
            raise
        length = None
        if frames[-1][0] == END:
            length = sum(len(body) for _, body in frames)
            self._finish(healthy=True)
        return Answer(format, self._store.revision, self._chunks(frames), length, self.close)

    def close(self) -> None:
        """Give up what was not read: the process is replaced, unless it is done."""
        self._finish(healthy=False)

    def _chunks(self, frames: list[tuple[bytes, bytes]]) -> Iterator[bytes]:
        try:
            for kind, body in frames:
                if kind == DATA:
                    yield body
            while self._open:
                kind, body = self._receive()
                if kind == END:
                    self._finish(healthy=True)
                else:
                    yield body
        finally:
            self.close()

    def _receive(self) -> tuple[bytes, bytes]:
        """Return the next frame; a query that is out of patience becomes slow, one that is out of time ends."""
        began = time.monotonic()
        try:
            with self._worker.in_use:
                kind, body = self._wait_for_frame(began)
        except TimeoutError as error:
            raise QueryTimeoutError(self._timeout) from error
        except (EOFError, OSError, ValueError) as error:
            raise QueryFailedError("the process that answered is gone") from error
        finally:
            self._waited += time.monotonic() - began
        if kind == ERROR:
            raise _told(json.loads(body))
        return kind, body

    def _wait_for_frame(self, began: float) -> tuple[bytes, bytes]:
        channel = self._worker.channel
        while not self._slow and not _readable(channel, min(PATIENCE, self._left(began))):
            if self._left(began) <= 0:
                break
            # On a busy machine a small query may wait for a processor: only what it used counts against it.
            self._become_slow(spared=self._worker.processor_time() - self._used_before < PATIENCE / 2)
        remaining = self._left(began)
        if remaining <= 0 or not _readable(channel, remaining):
            raise TimeoutError
        channel.settimeout(max(remaining, PATIENCE))
        return receive_frame(channel)

    def _left(self, began: float) -> float:
        return self._timeout - self._waited - (time.monotonic() - began)

    def _become_slow(self, *, spared: bool = False) -> None:
        """Leave the place to a fresh process and go on with less of the processors.

        Where no more slow queries may go on the query ends, unless it is spared.
        """
        if self._slow:
            return
        if not self._store.take_slow_place():
            if spared:
                return
            raise StoreBusyError("too many slow queries")
        self._slow = True
        self._worker.yield_processor()
        self._store.fill_place()

    def _finish(self, *, healthy: bool) -> None:
        """Give the place back, once; a process that is not done with its query is killed."""
        with self._lock:
            if not self._open:
                return
            self._open = False
        self._watch.cancel()
        self._worker.answered += 1
        if self._slow or not healthy:
            self._worker.kill()
        if self._slow:
            self._store.leave_slow_place()
        else:
            self._store.fill_place(self._worker if healthy else None)


def _readable(channel: socket.socket, seconds: float) -> bool:
    """Wait until there is something to read, or the other side is gone."""
    poll = select.poll()
    poll.register(channel, select.POLLIN)
    return bool(poll.poll(max(seconds, 0.0) * 1000))


def _told(content: Mapping[str, object]) -> Exception:
    """Return the error that a process told in an ``ERROR`` frame."""
    if "failed" in content:
        return QueryFailedError(str(content["failed"]))
    line, column = int(str(content["line"])), int(str(content["column"]))
    return QuerySyntaxError("query-invalid", line, column, reason=str(content["reason"]))


def can_isolate() -> bool:
    """Tell whether this platform has what the processes need (Linux: fork, pidfd, resource limits)."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")
