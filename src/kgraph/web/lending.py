"""Connections lent to processes that answer the plain requests on them (:mod:`kgraph.web.borrower`).

A connection is lent when a request on it was plain and was answered quickly and shortly. It comes back with the first
request that is otherwise, with newer data, and when nobody has used it for a moment. A borrower that is busy with one
request for too long is killed, so that its other connections wait no longer: all come back with their requests unread.
When that has happened a few times, nothing is lent for a while to the clients who had any. Borrowers are told which
kinds of queries have taken long lately, or had long answers, and leave these to the server.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Protocol

from kgraph.errors import QueryFailedError
from kgraph.settings import Settings
from kgraph.sparql.text import QueryText
from kgraph.store.processes import Worker
from kgraph.store.workers import WorkerStore
from kgraph.web.borrower import (
    HEAVY,
    HEAVY_FOR,
    LARGEST,
    LEAVING,
    LENT,
    LOAN,
    MOST_LOANS,
    PART,
    UNSENT,
    USED,
    kind_of,
    settings_message,
)
from kgraph.web.questions import PlainQueries

_LOOK_EVERY = 0.025
_LONGEST = 0.1
"""Seconds of processor time that one request may take a borrower."""

_REST = 1.0
_QUICK = 0.01
_SHORT = 131_072
"""Seconds of processor time, and bytes, up to which an answer has its connection lent for the next ones."""

_MISTRUST = 60.0
_STRIKES = 3
_MOST_MISTRUSTED = 10_000
_MOST_HEAVY = 256
_LOG_ROOM = 1024 * 1024
_LOG_READ = 262_144
_ANSWERED = re.compile(rb'"seconds": ([0-9.]+), "bytes": (\d+)')
_NUMBER = re.compile(rb"^\d+\t", re.MULTILINE)
_CACHE_HIT = b'"cache": true'

Told = Callable[[str, list[tuple[float, int]], int], None]
"""Takes lines of the log, seconds and bytes of each answer, and how many came from a cache."""


class Lendable(Protocol):
    """A connection that can be lent."""

    def lend(self) -> int:
        """Stop reading, and return the descriptor of the socket."""

    def come_back(self, unsent: bytes, *, was_used: bool) -> None:
        """Go on with what is left to be sent, and then with reading; no request was answered if not ``was_used``."""

    def abort(self) -> None:
        """Break off: what was sent may not be whole."""


@dataclass(eq=False)
class _Loan:
    connection: Lendable
    client: str
    unsent: list[bytes] = field(default_factory=list)


@dataclass(eq=False)
class _Borrower:
    process: Worker
    log: int
    loans: dict[int, _Loan] = field(default_factory=dict)
    used: float = 0.0
    line: bytes = b""
    is_leaving: bool = False
    is_stuck: bool = False


class Lending:
    """Lends connections. Used by the event loop alone."""

    def __init__(self, store: WorkerStore, settings: Settings, told: Told) -> None:
        """Lend to forks of what ``store`` holds, as many as ``settings`` allow; ``told`` hears what they answered."""
        self._store = store
        self._settings = settings
        is_on = settings.rate_limit <= 0 and PlainQueries(settings, lambda: store.run).reads_requests
        self._most = settings.borrowers if is_on else 0
        self._told = told
        self._borrowers: list[_Borrower] = []
        self._numbers = count(1)
        self._strikes: dict[str, tuple[int, float]] = {}
        self._heavy: dict[bytes, float] = {}
        self._making: asyncio.Task[None] | None = None
        self._started = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self.stuck = 0

    @property
    def borrowers(self) -> int:
        """How many processes there are to lend to."""
        return len(self._borrowers)

    @property
    def loans(self) -> int:
        """How many connections are lent."""
        return sum(len(borrower.loans) for borrower in self._borrowers)

    def offer(self, connection: Lendable, client: str, seconds: float, length: int) -> bool:
        """Lend a connection whose last answer took so many seconds of a processor and bytes; tell whether it is."""
        if seconds > _QUICK or length > _SHORT or self._most == 0 or self._is_mistrusted(client):
            return False
        if not self._store.can_lend:
            return False
        ready = [each for each in self._borrowers if not each.is_leaving and self._store.is_ready(each.process)]
        if len(ready) < self._most and self._make_the_rest():
            # Not to lend everything to those that are there first.
            return False
        borrower = min(ready, key=lambda each: len(each.loans), default=None)
        if borrower is None or len(borrower.loans) >= MOST_LOANS:
            return False
        number = next(self._numbers) & 0xFFFFFFFF
        message = LOAN.pack(number, LENT) + client.encode()
        try:
            socket.send_fds(borrower.process.channel, [message], [connection.lend()])
        except OSError:
            connection.come_back(b"", was_used=False)
            return False
        borrower.loans[number] = _Loan(connection, client)
        if self._timer is None:
            self._look_later()
        return True

    def note(self, text: QueryText, seconds: float, length: int) -> None:
        """Take note of what a query took; kinds that take much are left to the server for a while."""
        if self._most == 0 or (seconds <= _LONGEST / 2 and length <= LARGEST):
            return
        now = asyncio.get_running_loop().time()
        kind = kind_of(text)
        if self._heavy.get(kind, 0.0) > now + HEAVY_FOR / 2:
            return
        self._heavy = {each: until for each, until in self._heavy.items() if until > now}
        if len(self._heavy) < _MOST_HEAVY:
            self._heavy[kind] = now + HEAVY_FOR
            for borrower in self._borrowers:
                self._tell_of(borrower, kind)

    def recall(self, connection: Lendable) -> None:
        """Have a connection come back, and with it all that its borrower has."""
        for borrower in self._borrowers:
            if not borrower.is_leaving and any(loan.connection is connection for loan in borrower.loans.values()):
                # It ends when it is done with its request.
                borrower.is_leaving = True
                borrower.process.channel.shutdown(socket.SHUT_WR)

    def hear(self) -> None:
        """Take in what the borrowers have answered so far."""
        for borrower in self._borrowers:
            self._hear(borrower)

    def close(self) -> None:
        """End the borrowers."""
        self._most = 0
        for borrower in list(self._borrowers):
            self._end(borrower)

    def _is_mistrusted(self, client: str) -> bool:
        number, last = self._strikes.get(client, (0, 0.0))
        if number and asyncio.get_running_loop().time() - last > _MISTRUST:
            del self._strikes[client]
            return False
        return number >= _STRIKES

    def _make_the_rest(self) -> bool:
        """Have borrowers made, not too often where the data change all the time; tell whether any are being made."""
        loop = asyncio.get_running_loop()
        if self._making is None or self._making.done():
            if loop.time() - self._started < _REST:
                return False
            self._started = loop.time()
            self._making = loop.create_task(self._make())
        return True

    async def _make(self) -> None:
        loop = asyncio.get_running_loop()
        leaving = [each for each in self._borrowers if each.is_leaving or not self._store.is_ready(each.process)]
        for _ in range(self._most - len(self._borrowers) + len(leaving)):
            try:
                process = await loop.run_in_executor(None, self._store.make_borrower)
            except QueryFailedError:
                return
            if self._most == 0 or not self._equip(process):
                process.kill()
                return

    def _equip(self, process: Worker) -> bool:
        """Give a borrower its settings and a pipe for its lines; tell whether it took them."""
        reading, writing = os.pipe()
        try:
            os.set_blocking(reading, False)
            with contextlib.suppress(OSError):
                fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, _LOG_ROOM)
            socket.send_fds(process.channel, [settings_message(self._settings, self._most, self._store.run)], [writing])
        except OSError:
            os.close(reading)
            return False
        finally:
            os.close(writing)
        borrower = _Borrower(process, reading, used=process.processor_time())
        self._borrowers.append(borrower)
        for kind in self._heavy:
            self._tell_of(borrower, kind)
        asyncio.get_running_loop().add_reader(process.descriptor, self._read, borrower)
        return True

    @staticmethod
    def _tell_of(borrower: _Borrower, kind: bytes) -> None:
        """Tell a borrower of a kind of query. If it is too busy to hear more, it will take one that it might leave."""
        if not borrower.is_leaving:
            with contextlib.suppress(OSError):
                borrower.process.channel.send(LOAN.pack(0, HEAVY) + kind)

    def _read(self, borrower: _Borrower) -> None:
        """Take back what a borrower gives back, or everything if it is gone."""
        while True:
            try:
                message = borrower.process.channel.recv(LOAN.size + PART)
            except BlockingIOError:
                return
            except OSError:
                message = b""
            number, kind = LOAN.unpack_from(message) if len(message) >= LOAN.size else (0, LENT)
            loan = borrower.loans.get(number)
            if loan is None:
                # It leaves as it should, or is gone: with a word of the engine, perhaps, that is none of its own.
                is_wanted = kind == LEAVING or (borrower.is_leaving and not borrower.is_stuck)
                self._end(borrower, mistrust=not is_wanted)
                return
            if kind == UNSENT:
                loan.unsent.append(message[LOAN.size :])
                continue
            del borrower.loans[number]
            self._hear(borrower)
            loan.connection.come_back(b"".join(loan.unsent), was_used=kind == USED)

    def _end(self, borrower: _Borrower, *, mistrust: bool = False) -> None:
        """Let go of a borrower that has ended, and take everything back."""
        asyncio.get_running_loop().remove_reader(borrower.process.descriptor)
        borrower.process.kill()
        self._hear(borrower)
        self._cut(borrower)
        os.close(borrower.log)
        self._borrowers.remove(borrower)
        if mistrust:
            self._mistrust({loan.client for loan in borrower.loans.values()})
        for loan in borrower.loans.values():
            loan.connection.come_back(b"".join(loan.unsent), was_used=not mistrust)

    def _cut(self, borrower: _Borrower) -> None:
        """Break the connection off whose answer was being sent when its borrower ended: it may not be whole."""
        number, _, line = borrower.line.partition(b"\t")
        if line:
            self._told(line.decode().replace('"outcome": "ok"', '"outcome": "cut"') + "\n", [], 0)
            loan = borrower.loans.pop(int(number), None)
            if loan is not None:
                loan.connection.abort()

    def _mistrust(self, clients: set[str]) -> None:
        """Remember that these had connections lent when a borrower was stuck, or died."""
        if len(self._strikes) >= _MOST_MISTRUSTED:
            self._strikes.clear()
        for client in clients:
            self._strikes[client] = (self._strikes.get(client, (0, 0.0))[0] + 1, asyncio.get_running_loop().time())

    def _look_later(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(_LOOK_EVERY, self._look)

    def _look(self) -> None:
        """Take in what was answered, and end borrowers that are stuck."""
        self._timer = None
        for borrower in list(self._borrowers):
            if not borrower.loans or borrower.is_stuck:
                continue
            used = borrower.process.processor_time()
            if self._hear(borrower):
                borrower.used = used
                borrower.process.grant(is_over=True)
            elif used - borrower.used > _LONGEST and used - borrower.used > _LONGEST + borrower.process.grant():
                # What it has is taken back when it has ended: until then it may be sending.
                self.stuck += 1
                borrower.is_stuck = borrower.is_leaving = True
                borrower.process.stop()
        if any(borrower.loans for borrower in self._borrowers):
            self._look_later()

    def _hear(self, borrower: _Borrower) -> bool:
        """Take in what a borrower has answered; tell whether it has answered anything."""
        parts = []
        while True:
            try:
                part = os.read(borrower.log, _LOG_READ)
            except BlockingIOError:
                break
            if not part:
                break
            parts.append(part)
        if not parts:
            return False
        numbered, ended, borrower.line = b"".join((borrower.line, *parts)).rpartition(b"\n")
        lines = _NUMBER.sub(b"", numbered + ended)
        answers = [(float(seconds), int(size)) for seconds, size in _ANSWERED.findall(lines)]
        self._told(lines.decode(), answers, lines.count(_CACHE_HIT))
        return True
