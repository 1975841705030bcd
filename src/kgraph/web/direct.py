"""The short way from a connection to a process and back, for requests with nothing unusual about them.

Most queries are short, come by GET with a few fields of the head, and are answered at once. These are read, asked and
answered in callbacks of the event loop. Whatever else may happen (a fault in the query, a process that is not ready, an
answer that takes its time) has the request begin anew on the way that all others take.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Hashable
from typing import Protocol

from kgraph.errors import RequestError, StoreBusyError
from kgraph.sparql.text import QueryText
from kgraph.store.base import Revision
from kgraph.store.lanes import Lane
from kgraph.store.processes import Worker
from kgraph.store.runs import PATIENCE, Run, request_frame
from kgraph.store.workers import WorkerStore
from kgraph.web.cache import AnswerCache, Cached, Repeat
from kgraph.web.clients import Clients
from kgraph.web.compression import LEAST, coding_for, compress
from kgraph.web.exchanges import Exchange, new_request_id
from kgraph.web.front import Front
from kgraph.web.heads import headers_of
from kgraph.web.questions import Question, hash_of
from kgraph.web.rows import RowCounter
from kgraph.web.services import Services

_LARGE = 131072


class Line(Protocol):
    """The connection that a request came by."""

    def is_open(self) -> bool:
        """Tell whether there is anybody to answer."""

    def answer(self, head: bytes, request_id: str, body: bytes, seconds: float) -> None:
        """Send a whole answer of status 200, whose head lacks date and request id; it took so much processor time."""

    def take_long_way(self, data: bytes) -> None:
        """Have a request read and answered as all others are."""


class DirectAnswers:
    """Begins what can take the short way."""

    def __init__(
        self, services: Services, workers: WorkerStore, cache: AnswerCache, clients: Clients, front: Front
    ) -> None:
        """Ask ``workers``, and do for the rest as the long way does."""
        self.services = services
        self.workers = workers
        self.cache = cache
        self.clients = clients
        self.front = front

    def begin(self, data: bytes, peer: str, line: Line) -> Direct | None:
        """Begin to answer a request, or return ``None`` if it has to go the long way."""
        lane = self.workers.lane
        plain = self.services.plain.read_request(data) if lane is not None else None
        if lane is None or plain is None:
            return None
        question, fields = plain
        revision = self.workers.revision
        if self.workers.is_slow(question.query):
            return None
        key = (question.text.text, None, question.format.name)
        if self.cache.has(key, revision) or self.services.may_have_hints(question, None):
            return None
        if not self._admit(peer):
            return None
        exchange = Exchange("GET", "/sparql", peer, new_request_id(), fields)
        exchange.form, exchange.query_hash = question.text.form, hash_of(question.text.text)
        direct = Direct(self, lane, data, line, question, exchange, key)
        if not direct.start():
            return None
        return direct

    def note(self, text: QueryText, seconds: float, length: int) -> None:
        """Take note of the processor time that a query took, and of the bytes of its answer, or of the first ones."""
        if self.front.lending is not None:
            self.front.lending.note(text, seconds, length)

    def _admit(self, peer: str) -> bool:
        """Count a request and its query in; tell whether the client may have both."""
        try:
            self.clients.begin_query(peer)
        except RequestError:
            return False
        try:
            self.clients.count_request(peer)
        except RequestError:
            self.clients.end_query(peer)
            return False
        return True


class Direct:
    """One request on the short way."""

    def __init__(
        self,
        answers: DirectAnswers,
        lane: Lane,
        data: bytes,
        line: Line,
        question: Question,
        exchange: Exchange,
        key: Hashable,
    ) -> None:
        """Take a request; nothing happens yet."""
        self._answers = answers
        self._lane = lane
        self._data = data
        self._line = line
        self._question = question
        self._exchange = exchange
        self._key = key
        self._run: Run | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._is_over = False
        self._used = 0.0

    def start(self) -> bool:
        """Ask for a place; tell whether the request may go on on this way."""
        try:
            self._answers.workers.places.ask(self._give)
        except StoreBusyError:
            self._leave()
            return False
        if not self._is_over and self._timer is None:
            self._timer = self._lane.loop.call_later(PATIENCE, self._look_again)
        return True

    def done(self) -> bool:
        """Tell whether there is nothing more to do."""
        return self._is_over

    def set_result(self, result: None) -> None:
        """Send the answer, or go the long way with one that is too long to be held."""
        run = self._run
        assert run is not None
        self._lane.forget(run.worker)
        if not run.ended:
            self._give_up(run)
            return
        self._used = run.used()
        answer = run.answer()
        body = b"".join(answer.chunks)
        self._answers.note(self._question.text, self._used, len(body))
        if len(body) < LEAST and self._answers.services.may_have_hints(self._question, body):
            self._take_long_way()
            return
        self._end()
        coding = coding_for(self._exchange.field(b"accept-encoding"), len(body))
        if self._line.is_open():
            self._respond(run.worker.revision, body, coding)

    def set_exception(self, error: BaseException) -> None:
        """Go the long way, where what went wrong is told."""
        if self._run is not None:
            self._lane.forget(self._run.worker)
        self._take_long_way()

    def _give(self, worker: Worker | None) -> None:
        self._lane.call(self._begin, worker)

    def _begin(self, worker: Worker | None) -> None:
        answers = self._answers
        if self._is_over or worker is None or not answers.workers.is_ready(worker):
            answers.workers.places.put(worker)
            if not self._is_over:
                # Not at once: the connection has yet to learn that the request was taken.
                self._lane.loop.call_soon(self._take_long_way)
            return
        self._run = Run(answers.workers, worker, self._question.query, self._question.format)
        self._lane.expect(self._run, self)
        if self._timer is None:
            self._timer = self._lane.loop.call_later(PATIENCE, self._look_again)
        try:
            worker.send_now(request_frame(self._question.query, self._question.format))
        except OSError as error:
            self._lane.forget(worker)
            self._run.fail(error)
            self._lane.loop.call_soon(self._take_long_way)

    def _look_again(self) -> None:
        """Leave the short way if the query is not quick, or no place is free."""
        if self._is_over:
            return
        run = self._run
        if run is None:
            if self._answers.workers.places.withdraw(self._give):
                self._take_long_way()
        elif run.is_patient():
            self._timer = self._lane.loop.call_later(PATIENCE, self._look_again)
        else:
            self._lane.forget(run.worker)
            self._give_up(run)

    def _give_up(self, run: Run) -> None:
        """Take the long way with a query that goes on meanwhile, unless nobody waits for it any longer."""
        self._answers.note(self._question.text, run.used(), run.held)
        if self._line.is_open():
            self._lane.hand_over(run)
        else:
            run.close()
        self._take_long_way()

    def _take_long_way(self) -> None:
        if not self._is_over:
            self._leave()
            self._line.take_long_way(self._data)

    def _leave(self) -> None:
        """End without an answer; the long way counts the request anew."""
        self._end()
        self._answers.clients.forget_request(self._exchange.client)

    def _end(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._is_over = True
        self._answers.clients.end_query(self._exchange.client)

    def _respond(self, revision: Revision, body: bytes, coding: str) -> None:
        if coding and len(body) > _LARGE:
            packing = self._lane.loop.run_in_executor(None, compress, coding, body)
            packing.add_done_callback(lambda done: self._send(revision, body, coding, done.result()))
        else:
            self._send(revision, body, coding, compress(coding, body) if coding else body)

    def _send(self, revision: Revision, body: bytes, coding: str, sent: bytes) -> None:
        if not self._line.is_open():
            return
        exchange, question, answers = self._exchange, self._question, self._answers
        counter = RowCounter(question.text.form, question.format)
        counter.add(body)
        exchange.status, exchange.sent, exchange.revision, exchange.rows = 200, len(sent), revision, counter.rows
        headers = headers_of(question, question.tag(revision))
        plain = [*headers, (b"content-length", str(len(body)).encode())]
        head = answers.front.heads.of_plain(question, revision, coding, len(sent))
        self._line.answer(head, exchange.request_id, sent, self._used)
        cached = Cached(revision, body, plain, exchange.form, exchange.query_hash, exchange.rows)
        if answers.cache.put(self._key, cached):
            if coding:
                answers.cache.add_coding(cached, coding, sent)
            answers.cache.add_repeat(self._data, Repeat(cached, head, sent, coding))
        answers.front.note(exchange, time.perf_counter() - exchange.started)
