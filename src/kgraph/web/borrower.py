"""Requests answered where the data are: in a process that the server lends connections to.

A request that takes the way from the server to a process and back wakes each of them twice, and for a short answer
that takes longer than the answer. So the server lends a connection whose requests are plain and quick to a process
that reads, answers and logs them itself (:mod:`kgraph.web.lending` is the server's side).

A borrower takes nothing that it does not answer: it looks at a request without removing it from the connection, and
removes it when the answer is there. Whatever is not plain, not quick or not whole is left where it is, and the
connection is given back. So a borrower can be killed at any time: no request is lost with it, and no answer is taken
for whole that is not, since a line of the log is begun before its answer is sent and ended when that is done.
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
import json
import os
import resource
import select
import socket
import struct
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict

from kgraph.errors import KgraphError
from kgraph.resources.hints import Hints, says_nothing
from kgraph.settings import Settings
from kgraph.sparql.text import QueryText
from kgraph.store.embedded import EmbeddedStore
from kgraph.web.access_log import render_answered
from kgraph.web.cache import AnswerCache, Cached, Repeat
from kgraph.web.compression import LEAST, coding_for, compress
from kgraph.web.exchanges import Exchange, RequestIds
from kgraph.web.heads import Heads
from kgraph.web.questions import PlainQueries, Question, hash_of
from kgraph.web.rows import RowCounter

MOST_LOANS = 256
"""Connections that one borrower may have."""

LARGEST = 262_144
"""Bytes of the longest answer of a connection that is lent."""

LOAN = struct.Struct("=IB")
"""How a message begins: the number of the loan, which the server chose, and one of the kinds below."""

LENT, UNSENT, USED, UNUSED, LEAVING, HEAVY = range(6)
"""Kinds of messages: a connection and its client's address; a part of an answer that is not sent yet; a connection that
comes back with requests answered, or with none; the borrower ends; a kind of query is not to be answered here."""

HEAVY_FOR = 60.0
"""Seconds for which a kind of query is taken to be as slow, or its answers as long, as one of it was."""

PART = 32_768
"""Bytes of an unsent rest of an answer that one message has at most."""

_LONGEST_REQUEST = 16_384
_LOOK = int(socket.MSG_PEEK | socket.MSG_DONTWAIT)
_NOW = int(socket.MSG_DONTWAIT)
_AWAKE = 100e-6
"""Seconds of waiting for the next request of a single connection without falling asleep."""

_WITHOUT_DIGITS = str.maketrans("", "", "0123456789")
_IDLE = 1.0
_LOOK_EVERY = 0.25
_MEMORY_EVERY = 2000
_COLLECT_AFTER = 20_000
_MEMORY_MOST = 256 * 1024 * 1024


class _Loan:
    """One connection that was lent."""

    __slots__ = ("client", "connection", "is_used", "number", "used")

    def __init__(self, number: int, connection: socket.socket, client: str) -> None:
        self.number = number
        self.connection = connection
        self.client = client
        self.is_used = False
        self.used = time.monotonic()


class Borrower:
    """Answers the plain requests on the connections that it has."""

    def __init__(
        self,
        channel: socket.socket,
        store: EmbeddedStore,
        settings: Settings,
        run: str,
        log: int,
        is_current: Callable[[], bool],
    ) -> None:
        """Get connections by ``channel``, answer from ``store``, and write the lines of the log to a descriptor."""
        self._channel = channel
        self._store = store
        self._log = log
        self._is_current = is_current
        self._plain = PlainQueries(settings, lambda: run)
        self._hints = Hints(store)
        self._heads = Heads(settings)
        self._cache = AnswerCache(settings.cache_mib * 1024 * 1024, at_once=0, run=lambda: run)
        self._heavy: dict[bytes, float] = {}
        self._loans: dict[int, _Loan] = {}
        self._epoll = select.epoll()
        self._date = (0, b"")
        self._answered = 0
        self._ids = RequestIds()
        self._status = os.open("/proc/self/statm", os.O_RDONLY)
        self._memory = self._memory_in_use()

    def run(self) -> None:
        """Answer until the server takes the connections back, there are newer data, or much memory is taken."""
        self._epoll.register(self._channel.fileno(), select.EPOLLIN)
        look_again = time.monotonic() + _LOOK_EVERY
        while True:
            for descriptor, _ in self._wait():
                is_lent = descriptor != self._channel.fileno()
                if not (self._serve(self._loans[descriptor]) if is_lent else self._borrow()):
                    return
            now = time.monotonic()
            if now >= look_again:
                look_again = now + _LOOK_EVERY
                if not self._look_after(now):
                    return

    def _wait(self) -> list[tuple[int, int]]:
        """Wait until something has come, or it is time to look around.

        The next request of a single connection is awaited awake for a moment: to fall asleep and be woken takes longer
        than a short answer. With more of them there is mostly one that has sent something already.
        """
        if len(self._loans) == 1:
            until = time.perf_counter() + _AWAKE
            while time.perf_counter() < until:
                if events := self._epoll.poll(0):
                    return events
                os.sched_yield()
        return self._epoll.poll(_LOOK_EVERY)

    def _borrow(self) -> bool:
        """Take what the server lends; tell whether it goes on."""
        with descriptors_allowed():
            message, descriptors, _, _ = socket.recv_fds(self._channel, 256, 1)
        if message and LOAN.unpack_from(message)[1] == HEAVY:
            self._heavy[message[LOAN.size :]] = time.monotonic() + HEAVY_FOR
            return True
        if not message or not descriptors:
            return False
        connection = socket.socket(fileno=descriptors[0])
        loan = _Loan(LOAN.unpack_from(message)[0], connection, message[LOAN.size :].decode())
        self._loans[descriptors[0]] = loan
        self._epoll.register(descriptors[0], select.EPOLLIN)
        return True

    def _give_back(self, loan: _Loan, unsent: bytes = b"") -> None:
        descriptor = loan.connection.fileno()
        self._epoll.unregister(descriptor)
        del self._loans[descriptor]
        loan.connection.close()
        for start in range(0, len(unsent), PART):
            self._channel.send(LOAN.pack(loan.number, UNSENT) + unsent[start : start + PART])
        self._channel.send(LOAN.pack(loan.number, USED if loan.is_used else UNUSED))

    def _look_after(self, now: float) -> bool:
        """Give back what nobody uses; tell whether to go on."""
        if not self._is_current() or self._answered >= _MEMORY_EVERY:
            self._answered = 0
            if not self._is_current() or self._memory_in_use() - self._memory > _MEMORY_MOST:
                return False
        for loan in list(self._loans.values()):
            if now - loan.used > _IDLE:
                self._give_back(loan)
        return True

    def _serve(self, loan: _Loan) -> bool:
        """Answer the request that has come on a connection, or give it back; tell whether the data are current."""
        try:
            data = loan.connection.recv(_LONGEST_REQUEST, _LOOK)
        except OSError:
            data = b""
        if not self._is_current():
            return False
        answer = self._answer(data, loan) if data else None
        if answer is None:
            self._give_back(loan)
            return True
        line, head, body = answer
        os.write(self._log, line)
        loan.connection.recv(len(data))
        self._send(loan, head, body)
        os.write(self._log, b"\n")
        self._answered += 1
        return True

    def _send(self, loan: _Loan, head: bytes, body: bytes) -> None:
        """Send an answer, or give the connection back with what it does not take now."""
        loan.is_used = True
        loan.used = time.monotonic()
        try:
            sent = loan.connection.sendmsg((head, body), (), _NOW)
        except BlockingIOError:
            sent = 0
        except OSError:
            sent = len(head) + len(body)
        if sent < len(head) + len(body):
            self._give_back(loan, (head + body)[sent:])

    def _answer(self, data: bytes, loan: _Loan) -> tuple[bytes, bytes, bytes] | None:
        """Return a line for the log, and head and body of the answer to a request; ``None`` if it is not for here."""
        started = time.perf_counter()
        repeat = self._cache.find_repeat(data, self._store.revision)
        if repeat is not None:
            return self._tell(loan, repeat, started, is_hit=True)
        plain = self._plain.read_request(data)
        if plain is None:
            return None
        question, fields = plain
        if self._is_heavy(question.text):
            return None
        try:
            body = self._ask(question)
        except (KgraphError, MemoryError):
            return None
        if body is None or len(body) > LARGEST:
            return None
        coding = coding_for(fields.get(b"accept-encoding", b"").decode("latin-1"), len(body))
        return self._tell(loan, self._keep(data, question, body, coding), started, is_hit=False)

    def _ask(self, question: Question) -> bytes | None:
        """Return the body of the answer; ``None`` if there is anything to remark on it."""
        text = question.text.text
        if self._has_hints(question.text, is_empty=False):
            return None
        body = self._store.render_answer(question.query, question.format)
        is_empty = len(body) < LEAST and says_nothing(text, body, question.format)
        return None if is_empty and self._has_hints(question.text, is_empty=True) else body

    def _is_heavy(self, text: QueryText) -> bool:
        return bool(self._heavy) and self._heavy.get(kind_of(text), 0.0) > time.monotonic()

    def _has_hints(self, text: QueryText, *, is_empty: bool) -> bool:
        looked_at = text.text if is_empty else text.skeleton
        if not self._hints.may_have(looked_at, is_empty):
            return False
        return bool(self._hints.find(text.text, None, is_empty=is_empty, thorough=False))

    def _keep(self, data: bytes, question: Question, body: bytes, coding: str) -> Repeat:
        """Return an answer ready to be sent, which is kept if the request came before and so may come again."""
        revision = self._store.revision
        counter = RowCounter(question.text.form, question.format)
        counter.add(body)
        sent = compress(coding, body) if coding else body
        head = self._heads.of_plain(question, revision, coding, len(sent))
        cached = Cached(revision, sent, [], question.text.form, hash_of(question.text.text), counter.rows)
        repeat = Repeat(cached, head, sent, coding)
        if self._cache.put(data, cached):
            self._cache.add_repeat(data, repeat)
        return repeat

    def _tell(self, loan: _Loan, repeat: Repeat, started: float, *, is_hit: bool) -> tuple[bytes, bytes, bytes]:
        """Return a line for the log, begun with the number of the loan and not ended, and an answer's head and body."""
        cached = repeat.cached
        exchange = Exchange("GET", "/sparql", loan.client, self._ids.next(), started=started)
        exchange.status, exchange.sent, exchange.is_hit = 200, len(repeat.body), is_hit
        exchange.form, exchange.query_hash, exchange.rows = cached.form, cached.query_hash, cached.rows
        exchange.revision = cached.revision
        line = f"{loan.number}\t{render_answered(exchange, time.perf_counter() - started)}"
        identity = exchange.request_id.encode()
        head = b"%s%sx-request-id: %s\r\n\r\n" % (repeat.head, self._dated(), identity)
        return line.removesuffix("\n").encode(), head, repeat.body

    def _memory_in_use(self) -> int:
        return int(os.pread(self._status, 100, 0).split()[1]) * resource.getpagesize()

    def _dated(self) -> bytes:
        now = int(time.time())
        if self._date[0] != now:
            self._date = now, time.strftime("date: %a, %d %b %Y %H:%M:%S GMT\r\n", time.gmtime(now)).encode()
        return self._date[1]


def kind_of(text: QueryText) -> bytes:
    """Return what queries have in common that differ in a resource or in numbers only, in few bytes."""
    return hashlib.blake2b(text.skeleton.translate(_WITHOUT_DIGITS).encode(), digest_size=16).digest()


@contextlib.contextmanager
def descriptors_allowed() -> Iterator[None]:
    """Have descriptors be made for a moment; while a query is evaluated there can be no new ones."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, most))


def borrow(channel: socket.socket, store: EmbeddedStore, *, is_current: Callable[[], bool]) -> None:
    """Answer on what is lent by ``channel``; the settings come first, with the descriptor for the lines of the log."""
    with contextlib.suppress(OSError):
        with descriptors_allowed():
            message, descriptors, _, _ = socket.recv_fds(channel, 65536, 1)
            given = json.loads(message)
            settings = Settings(**given["settings"])
            borrower = Borrower(channel, store, settings, given["run"], descriptors[0], is_current)
        # What is kept makes no cycles; to look through it again and again would take a share of the time.
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 20, 100)
        borrower.run()
        channel.send(LOAN.pack(0, LEAVING))


def settings_message(settings: Settings, borrowers: int, run: str) -> bytes:
    """Return the settings as one of so many borrowers gets them, with its share of the cache, and its data's run."""
    given = asdict(settings) | {"cache_mib": settings.cache_mib // borrowers, "remote_authorization": ""}
    return json.dumps({"settings": given, "run": run}).encode()
