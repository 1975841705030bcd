"""The places that queries run in, handed out in the order in which they were asked for."""

from __future__ import annotations

import queue
import threading
from collections import OrderedDict, deque
from collections.abc import Callable, Hashable

from kgraph.errors import StoreBusyError
from kgraph.store.processes import Worker

Give = Callable[[Worker | None], None]
"""Takes a place: its process, or ``None`` for a place whose process has yet to be forked."""

_REMEMBERED = 4096


class Places:
    """A number of places, each with a process or waiting for one."""

    def __init__(self, waiting: int) -> None:
        """Hold no place yet; so many may wait for one."""
        self._lock = threading.Lock()
        self._idle: list[Worker | None] = []
        self._waiters: deque[Give] = deque()
        self._most = waiting

    @property
    def waiting(self) -> int:
        """How many wait for a place."""
        return len(self._waiters)

    @property
    def idle(self) -> int:
        """How many places are free."""
        return len(self._idle)

    def put(self, worker: Worker | None) -> None:
        """Give a place to the one that has waited longest, or keep it for the next."""
        with self._lock:
            if not self._waiters:
                self._idle.append(worker)
                return
            give = self._waiters.popleft()
        give(worker)

    def ask(self, give: Give) -> bool:
        """Give a place at once and tell that so it was, or have ``give`` wait in the queue.

        Raises :class:`kgraph.errors.StoreBusyError` if the queue is full.
        """
        with self._lock:
            if not self._idle:
                if len(self._waiters) >= self._most:
                    raise StoreBusyError("too many queries wait")
                self._waiters.append(give)
                return False
            worker = self._idle.pop()
        give(worker)
        return True

    def withdraw(self, give: Give) -> bool:
        """Leave the queue; tell whether ``give`` was still in it and so will get no place."""
        with self._lock:
            try:
                self._waiters.remove(give)
            except ValueError:
                return False
            return True

    def take(self, seconds: float) -> Worker | None:
        """Wait for a place. Raises :class:`kgraph.errors.StoreBusyError` if none becomes free in time."""
        handed: queue.SimpleQueue[Worker | None] = queue.SimpleQueue()
        give = handed.put
        self.ask(give)
        try:
            return handed.get(timeout=seconds)
        except queue.Empty as error:
            if self.withdraw(give):
                raise StoreBusyError("no place became free") from error
            return handed.get()

    def drain(self) -> list[Worker]:
        """Take all processes that wait for queries."""
        with self._lock:
            workers = [worker for worker in self._idle if worker is not None]
            self._idle.clear()
        return workers


class SlowPlaces:
    """The places of slow queries, beside those of queries that have just begun, and what has been slow before."""

    def __init__(self, number: int, waiting: int) -> None:
        """Have so many places, for which so many may wait."""
        self._free = threading.Semaphore(number)
        self._waiting = threading.Semaphore(waiting)
        self._number = number
        self._lock = threading.Lock()
        # By their hashes, since texts may be long; two that have the same share what is known, which harms neither.
        self._known: OrderedDict[int, None] = OrderedDict()
        self.taken = 0
        self.waiting = 0

    def take(self, seconds: float = 0.0) -> bool:
        """Take a place, waiting so long for it; tell whether there was one.

        Raises :class:`kgraph.errors.StoreBusyError` if too many wait already.
        """
        if self._free.acquire(blocking=False):
            self._count(taken=1)
            return True
        if seconds <= 0:
            return False
        if not self._waiting.acquire(blocking=False):
            raise StoreBusyError("too many slow queries wait")
        self._count(waiting=1)
        try:
            taken = self._free.acquire(timeout=seconds)
        finally:
            self._waiting.release()
            self._count(waiting=-1)
        if taken:
            self._count(taken=1)
        return taken

    def leave(self) -> None:
        """Give a place back."""
        self._count(taken=-1)
        self._free.release()

    def remember(self, what: Hashable) -> None:
        """Note that a query is slow, so that it takes no place from the others next time."""
        with self._lock:
            self._known[hash(what)] = None
            self._known.move_to_end(hash(what))
            if len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)

    def forget(self, what: Hashable) -> None:
        """Note that a query is not slow any longer."""
        with self._lock:
            self._known.pop(hash(what), None)

    def knows(self, what: Hashable) -> bool:
        """Tell whether a query was slow the last time."""
        return hash(what) in self._known

    def _count(self, *, taken: int = 0, waiting: int = 0) -> None:
        with self._lock:
            self.taken += taken
            self.waiting += waiting


class Spares:
    """Processes that are done with a slow query and wait for the next, or for a place that gets free.

    A process has a copy of its own of all the memory that it has changed, and an engine in memory changes what it
    reads, since it counts who uses what. In a large graph a fresh process therefore takes several times as long for its
    first queries as for the next ones.
    """

    def __init__(self) -> None:
        """Have none yet."""
        self._lock = threading.Lock()
        self._workers: list[Worker] = []

    def put(self, worker: Worker, most: int) -> bool:
        """Keep a process unless there are so many already; tell whether it is kept."""
        with self._lock:
            if len(self._workers) >= most:
                return False
            self._workers.append(worker)
            return True

    def take(self) -> Worker | None:
        """Return the process that was kept last, if there is any."""
        with self._lock:
            return self._workers.pop() if self._workers else None

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._workers)
