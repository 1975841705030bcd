"""Answers kept for those who ask the same again at the same revision, bounded in bytes."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field

from kgraph.store.base import Revision

_ENTRY = 512
_SHARE = 8
_GIVEN_MOST = 16_384


@dataclass(eq=False, slots=True)
class Cached:
    """One answer: its bodies by coding (``""`` for the plain one), and what the log tells of it."""

    revision: Revision
    body: bytes
    headers: list[tuple[bytes, bytes]]
    form: str
    query_hash: str
    rows: int | None
    encoded: dict[str, bytes] = field(default_factory=dict)
    repeats: list[bytes] = field(default_factory=list)
    size: int = 0


@dataclass(eq=False, slots=True)
class Repeat:
    """The answer to a request that comes again byte for byte: its head without date and request id, and its body."""

    cached: Cached
    head: bytes
    body: bytes
    coding: str


class AnswerCache:
    """The answers of one revision: those of another are dropped when one of the new is put in.

    Used by the event loop alone. ``limit`` is in bytes, and one answer may have an eighth of it; 0 keeps nothing.
    ``run`` names the process that holds the data now; answers of another are dropped, since it may choose otherwise
    (:attr:`kgraph.sparql.text.QueryText.has_choice`).
    An answer of more bytes than ``at_once`` is kept when it is given a second time: most come once, and would push out
    what comes often, and have each answer written to memory that has cooled or is yet to be cleared.
    """

    def __init__(self, limit: int, at_once: int, run: Callable[[], str]) -> None:
        """Hold nothing."""
        self._run = run
        self._run_held = run()
        self._limit = limit
        self._at_once = at_once
        self._given: set[int] = set()
        self._answers: OrderedDict[Hashable, Cached] = OrderedDict()
        self._repeats: dict[bytes, Repeat] = {}
        self.size = 0
        self.hits = 0
        self.misses = 0

    @property
    def largest(self) -> int:
        """The most bytes that an answer may have to be kept."""
        return self._limit // _SHARE

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self._answers)

    def has(self, key: Hashable, revision: Revision) -> bool:
        """Tell whether an answer is kept, without counting that it was looked for."""
        self._follow_run()
        found = self._answers.get(key)
        return found is not None and found.revision == revision

    def find(self, key: Hashable, revision: Revision) -> Cached | None:
        """Return the answer kept under a key, if it is one of this revision."""
        self._follow_run()
        found = self._answers.get(key)
        if found is None or found.revision != revision:
            self.misses += 1
            return None
        self._answers.move_to_end(key)
        self.hits += 1
        return found

    def find_repeat(self, request: bytes, revision: Revision) -> Repeat | None:
        """Return the answer to a request that came before, if it is one of this revision."""
        self._follow_run()
        found = self._repeats.get(request)
        if found is None or (found.cached.revision is not revision and found.cached.revision != revision):
            return None
        self.hits += 1
        return found

    def put(self, key: Hashable, answer: Cached) -> bool:
        """Keep an answer, if it is not too large and does not come for the first time; tell whether it is kept."""
        answer.size = len(answer.body) + _ENTRY
        if answer.size > self.largest or (len(answer.body) > self._at_once and self._is_first(key)):
            return False
        if self._answers:
            newest = next(reversed(self._answers.values())).revision
            if newest is not answer.revision and newest != answer.revision:
                self.clear()
        self._drop(key)
        self._answers[key] = answer
        self.size += answer.size
        self._shrink()
        return True

    def add_coding(self, answer: Cached, coding: str, body: bytes) -> None:
        """Keep the compressed body of an answer as well."""
        answer.encoded[coding] = body
        self._grow(answer, len(body))

    def add_repeat(self, request: bytes, repeat: Repeat) -> None:
        """Have a request answered as it was, when it comes again byte for byte."""
        answer = repeat.cached
        if request in self._repeats or len(answer.repeats) >= _ENTRY:
            return
        self._repeats[request] = repeat
        answer.repeats.append(request)
        self._grow(answer, len(request) + len(repeat.head) + _ENTRY)

    def clear(self) -> None:
        """Drop everything."""
        self._answers.clear()
        self._repeats.clear()
        self.size = 0

    def _follow_run(self) -> None:
        run = self._run()
        if run != self._run_held:
            self._run_held = run
            self.clear()

    def _is_first(self, key: Hashable) -> bool:
        """Tell whether no answer was given for a key lately."""
        mark = hash(key)
        if mark in self._given:
            return False
        if len(self._given) >= _GIVEN_MOST:
            self._given.clear()
        self._given.add(mark)
        return True

    def _grow(self, answer: Cached, size: int) -> None:
        answer.size += size
        self.size += size
        self._shrink()

    def _shrink(self) -> None:
        while self.size > self._limit and self._answers:
            self._drop(next(iter(self._answers)))

    def _drop(self, key: Hashable) -> None:
        answer = self._answers.pop(key, None)
        if answer is not None:
            self.size -= answer.size
            for request in answer.repeats:
                self._repeats.pop(request, None)
