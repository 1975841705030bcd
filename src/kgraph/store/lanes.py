"""Queries asked from an event loop, without a thread for those that are answered at once."""

from __future__ import annotations

import asyncio
import select
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol, TypeVar

from kgraph.errors import KgraphError, QueryFailedError, StoreBusyError
from kgraph.formats import Format
from kgraph.store.base import Answer, Query
from kgraph.store.places import Give, Places
from kgraph.store.processes import Worker
from kgraph.store.runs import HELD, PATIENCE, Host, Run, request_frame

_AT_ONCE = 65536
"""Bytes of a query that the socket to a waiting process certainly takes without delay."""

_KEPT = 1.0
"""Seconds for which a query that was handed over waits for the request that goes on with it."""

_EVENTS = select.EPOLLIN | select.EPOLLET if hasattr(select, "epoll") else 0

T = TypeVar("T")


class Hall(Host, Protocol):
    """The store that a lane leads to."""

    places: Places

    def is_ready(self, worker: Worker | None) -> bool:
        """Tell whether a process is there and answers from the present state of the data."""

    def refresh(self, worker: Worker | None) -> Worker:
        """Return a process for a place whose own is not ready."""

    def is_slow(self, query: Query) -> bool:
        """Tell whether a query was slow the last time."""

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query, waiting in this thread."""

    def go_on(self, run: Run, query: Query, format: Format) -> Answer:
        """Answer a query that was sent, waiting in this thread."""

    def ask_again(self, error: QueryFailedError, parent: int, query: Query, format: Format) -> Answer:
        """Answer a query whose process died with its parent, or raise the error."""


class Waiting(Protocol):
    """Who waits for a process, as a future does."""

    def done(self) -> bool:
        """Tell whether nobody waits any longer."""

    def set_result(self, result: None) -> None:
        """Take note that the answer has ended, or that much of it is there."""

    def set_exception(self, exception: BaseException) -> None:
        """Take note of what the query ended in."""


class Lane:
    """The way from one event loop to the processes of a store.

    The sockets of the processes are watched edge by edge by one epoll descriptor, which the loop watches, so that
    a query costs the loop three system calls. A thread may use the same process: then the loop finds nothing to do.
    """

    def __init__(self, hall: Hall, threads: int) -> None:
        """Lead from the running loop; so many queries may be waited for in threads at once."""
        self.loop = asyncio.get_running_loop()
        self._hall = hall
        self._thread = threading.get_ident()
        self._epoll = select.epoll()
        self._executor = ThreadPoolExecutor(threads, "kgraph-query")
        self._asked: dict[int, tuple[Run, Waiting]] = {}
        self._watched: dict[int, Worker] = {}
        self._begun: list[Run] = []
        self.loop.add_reader(self._epoll.fileno(), self._look)

    async def ask(self, query: Query, format: Format, when_long: Callable[[], None]) -> Answer:
        """Answer a query; ``when_long`` is called if the answer is not there at once."""
        begun = self._find_begun(query, format)
        if begun is not None:
            begun.adopt(query)
            when_long()
            return await self.in_thread(self._hall.go_on, begun, query, format)
        frame = request_frame(query, format)
        if len(frame) > _AT_ONCE or self._hall.is_slow(query):
            when_long()
            return await self.in_thread(self._hall.query, query, format)
        worker = await self._take(when_long)
        if worker is None or not self._hall.is_ready(worker):
            worker = await self.in_thread(self._hall.refresh, worker)
        run = Run(self._hall, worker, query, format)
        done = self.loop.create_future()
        self.expect(run, done)
        timer = self.loop.call_later(PATIENCE, _stop_waiting, done)
        try:
            worker.send_now(frame)
            await done
        except QueryFailedError as error:
            return await self.in_thread(self._hall.ask_again, error, worker.parent, query, format)
        except OSError as error:
            failed = run.fail(error)
            assert isinstance(failed, QueryFailedError)
            return await self.in_thread(self._hall.ask_again, failed, worker.parent, query, format)
        except asyncio.CancelledError:
            run.close()
            raise
        finally:
            timer.cancel()
            self.forget(worker)
        if run.ended:
            return run.answer()
        self._unwatch(worker)
        when_long()
        return await self.in_thread(self._hall.go_on, run, query, format)

    def hand_over(self, run: Run) -> None:
        """Let the next request for the same go on with a query; without one that comes soon it is given up."""
        self._unwatch(run.worker)
        self._begun.append(run)
        self.loop.call_later(_KEPT, self._drop, run)

    async def in_thread(self, call: Callable[..., T], *arguments: object) -> T:
        """Call something that waits, in a thread."""
        return await self.loop.run_in_executor(self._executor, call, *arguments)

    def close(self) -> None:
        """Let go of descriptors and threads; the loop must have ended, or be this one."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.loop.remove_reader, self._epoll.fileno())
        self._epoll.close()
        self._executor.shutdown(wait=False, cancel_futures=True)

    def expect(self, run: Run, waiting: Waiting) -> None:
        """Tell ``waiting`` when a query that is about to be sent has ended, or much of its answer is there."""
        worker = run.worker
        if self._watched.get(worker.descriptor) is not worker:
            self._epoll.register(worker.descriptor, _EVENTS)
            self._watched[worker.descriptor] = worker
        self._asked[worker.descriptor] = run, waiting

    def forget(self, worker: Worker) -> None:
        """Expect nothing more of a process for now."""
        self._asked.pop(worker.descriptor, None)

    def call(self, take: Give, worker: Worker | None) -> None:
        """Hand a place over in the thread of the loop."""
        if threading.get_ident() == self._thread:
            take(worker)
        else:
            self.loop.call_soon_threadsafe(take, worker)

    async def _take(self, when_long: Callable[[], None]) -> Worker | None:
        place: asyncio.Future[Worker | None] = self.loop.create_future()

        def give(worker: Worker | None) -> None:
            self.call(lambda given: self._hand_over(place, given), worker)

        if self._hall.places.ask(give):
            return place.result()
        when_long_timer = self.loop.call_later(PATIENCE, when_long)
        timer = self.loop.call_later(self._hall.limits.patience, _stop_queueing, place)
        try:
            return await place
        finally:
            when_long_timer.cancel()
            timer.cancel()
            self._hall.places.withdraw(give)

    def _hand_over(self, place: asyncio.Future[Worker | None], worker: Worker | None) -> None:
        if place.done():
            self._hall.places.put(worker)
        else:
            place.set_result(worker)

    def _find_begun(self, query: Query, format: Format) -> Run | None:
        """Return a query that was handed over and is the same, of the present state of the data."""
        for run in self._begun:
            if run.query == query and run.format is format and self._hall.is_ready(run.worker):
                self._begun.remove(run)
                return run
        return None

    def _drop(self, run: Run) -> None:
        if run in self._begun:
            self._begun.remove(run)
            run.close()

    def _unwatch(self, worker: Worker) -> None:
        if self._watched.pop(worker.descriptor, None) is worker:
            self._epoll.unregister(worker.descriptor)

    def _look(self) -> None:
        for descriptor, events in self._epoll.poll(0):
            asked = self._asked.get(descriptor)
            if asked is not None:
                self._read(*asked)
            elif events & select.EPOLLHUP and (worker := self._watched.pop(descriptor, None)):
                worker.is_lost = True

    def _read(self, run: Run, done: Waiting) -> None:
        if done.done():
            return
        try:
            while not run.ended and run.held < HELD:
                run.feed(run.worker.read())
        except BlockingIOError:
            return
        except (OSError, EOFError, KgraphError) as error:
            done.set_exception(run.fail(error))
            return
        done.set_result(None)


def _stop_queueing(place: asyncio.Future[Worker | None]) -> None:
    if not place.done():
        place.set_exception(StoreBusyError("no place became free"))


def _stop_waiting(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)
