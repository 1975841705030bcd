"""What a store is asked and what it answers."""

from __future__ import annotations

import json
import secrets
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import TracebackType
from typing import Generic, Protocol, Self, TypeVar, runtime_checkable

from kgraph.formats import JSON_RESULTS, TURTLE, Format
from kgraph.report import Report
from kgraph.store.patch import Patch
from kgraph.vocabulary import GRAPHS

ASSERTED = GRAPHS + "asserted"
"""In FROM: the default graph, all that the dataset states (data, vocabularies and ontology)."""

INFERRED = GRAPHS + "inferred"
"""In FROM: what follows from the ontology and the data."""

ALL = GRAPHS + "all"
"""In FROM: the asserted and the inferred statements together."""

OUTSIDE_DEFAULT = frozenset({GRAPHS + "shapes", GRAPHS + "alignments", INFERRED})
"""The named graphs that are not part of the default graph."""


@dataclass(frozen=True)
class Revision:
    """A state of the data.

    ``number`` counts the changes since the packaged dataset, which is revision 1. ``digest`` is, for revision 1, the
    SHA-256 in hexadecimal of the canonical N-Quads (RDFC-1.0) of the asserted graphs; for each later one the SHA-256
    of the digest before it and of the rows of the change, so that the same changes to the same data give the same.
    ``date`` is when the state came to be, in UTC.
    """

    number: int
    digest: str
    date: datetime

    def __hash__(self) -> int:
        """Return the hash of the digest, which says all."""
        return hash(self.digest)

    @property
    def tag(self) -> str:
        """The short name that headers and pages show: the number and the beginning of the digest."""
        return f"{self.number}-{self.digest[:SHOWN_OF_DIGEST]}"

    def to_json(self) -> dict[str, str | int]:
        """Return the revision as a JSON object."""
        return {"number": self.number, "digest": self.digest, "date": self.date.isoformat()}

    @classmethod
    def from_json(cls, content: Mapping[str, str | int]) -> Self:
        """Read what :meth:`to_json` gave."""
        date = datetime.fromisoformat(str(content["date"])).astimezone(UTC)
        return cls(int(content["number"]), str(content["digest"]), date)


SHOWN_OF_DIGEST = 16
"""Characters of a revision's digest that headers and pages show."""


def new_run() -> str:
    """Return a name for a process that holds the data, which no other has."""
    return secrets.token_hex(4)


class Cancellation:
    """A way to give a query up from another thread, for example when its client has left."""

    def __init__(self) -> None:
        """Nothing is given up yet."""
        self._lock = threading.Lock()
        self._give_up: Callable[[], None] | None = None
        self.cancelled = False

    def on_cancel(self, give_up: Callable[[], None]) -> None:
        """Say what ends the query; it is called at once if the query is given up already."""
        with self._lock:
            self._give_up = give_up
        if self.cancelled:
            give_up()

    def cancel(self) -> None:
        """Give the query up."""
        with self._lock:
            self.cancelled = True
            give_up = self._give_up
        if give_up is not None:
            give_up()


@dataclass(frozen=True)
class Query:
    """A query for a store.

    ``dataset`` holds the IRIs of the default graphs and of the named graphs that the query is about, from
    its text or its request; ``None`` means the store's own dataset. ``substitutions`` binds variables of
    the projection to terms in N-Triples syntax. ``export`` asks, in place of a text, for the statements of graphs by
    their IRIs (empty for the unnamed graph), with literals as they were sent; in a format of graphs without names, they
    are one graph. ``timeout`` is in seconds and never lengthens what the
    store allows. ``cancellation`` lets another thread give the query up, where the store can stop one.
    """

    text: str
    dataset: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    substitutions: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    export: tuple[str, ...] | None = None
    cancellation: Cancellation | None = field(default=None, compare=False)


@dataclass
class Answer:
    """What a store answers: bytes that the engine serialised, in chunks, in ``format``.

    ``length`` is the number of bytes where that is known before they are read. Whoever takes an answer reads
    ``chunks`` to the end or calls :meth:`close`. Reading raises
    :class:`kgraph.errors.StoreError` if the answer cannot be completed: then what was read is not whole.
    """

    format: Format
    revision: Revision | None
    chunks: Iterator[bytes]
    length: int | None = None
    on_close: Callable[[], None] = lambda: None

    def read(self) -> bytes:
        """Return the whole answer."""
        with self:
            return b"".join(self.chunks)

    def close(self) -> None:
        """Give up what was not read."""
        self.on_close()

    def __enter__(self) -> Self:
        """Return the answer."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Close the answer."""
        self.close()


T = TypeVar("T")


WITHOUT_REVISION = 60.0
"""Seconds for which something worked out is kept where nobody tells whether the data have changed.

To count a large graph of another server takes it seconds; what is counted is a minute late at most.
"""


class AtRevision(Generic[T]):
    """Something worked out from the data, kept while the data stay as they are.

    Of a store that knows no revision it is kept for :data:`WITHOUT_REVISION`.
    """

    def __init__(self) -> None:
        """Nothing is worked out yet."""
        self._kept: tuple[Revision | None, float, T] | None = None

    def get(self, work_out: Callable[[], T], revision: Revision | None) -> T:
        """Return what was worked out at this revision, working it out if need be."""
        kept = self._kept
        now = time.monotonic()
        if (
            kept is not None
            and (kept[0] is revision or kept[0] == revision)
            and (revision is not None or now - kept[1] < WITHOUT_REVISION)
        ):
            return kept[2]
        # What is worked out may be of a later state than the revision says, never of an earlier one.
        found = work_out()
        self._kept = (revision, now, found)
        return found


@dataclass(frozen=True)
class Deviation:
    """Where a store's engine does otherwise than stores promise: a stable name, the reason, the tests that show it."""

    name: str
    reason: str
    tests: tuple[str, ...]


class Store(Protocol):
    """A dataset that can be asked."""

    @property
    def deviations(self) -> tuple[Deviation, ...]:
        """Where its engine does otherwise than stores promise."""

    @property
    def revision(self) -> Revision | None:
        """The state of the data that queries which begin now are answered from, if the store knows it."""

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""

    def has_function(self, iri: str) -> bool:
        """Tell whether its engine has a function of this IRI; true where that is not known."""

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query in a format that fits its form.

        Raises :class:`kgraph.errors.QuerySyntaxError` for a text the engine cannot read and
        :class:`kgraph.errors.StoreError` for a query that gets no answer.
        """

    def close(self) -> None:
        """Let go of processes and memory."""


@runtime_checkable
class SoonStore(Protocol):
    """A store that can be asked from an event loop as well."""

    async def ask(self, query: Query, format: Format, when_long: Callable[[], None]) -> Answer:
        """Answer a query as :meth:`Store.query` does; ``when_long`` is called if the answer is not there at once."""


@dataclass(frozen=True)
class Update:
    """A SPARQL Update as it was sent. ``dataset`` replaces the dataset of its WHERE parts (using-graph-uri)."""

    text: str
    dataset: tuple[tuple[str, ...], tuple[str, ...]] | None = None


@dataclass(frozen=True)
class GraphWrite:
    """A write of the Graph Store Protocol to one graph (its IRI, or empty for the unnamed graph).

    ``action`` is ``replace`` (PUT), ``merge`` (POST) or ``delete`` (DELETE); ``body`` holds the statements in
    ``format``, and relative IRIs in it are resolved against ``base``.
    """

    graph: str
    action: str
    body: bytes = b""
    format: Format = TURTLE
    base: str = ""


@dataclass(frozen=True)
class Change:
    """A change that is asked for: what is to be done, by whom and why.

    ``steps`` are carried out in order, all or nothing. With ``dry_run`` it is worked out and checked and nothing is
    changed. ``revision`` is the tag of the only state of the data that it may be made of; empty means any. ``expected``
    holds pairs of a graph and the tag it must have now (``If-Match``), ``*`` for a graph that must be there, or an
    empty tag for one that must not be (``If-None-Match: *``). ``timeout`` is in seconds and never lengthens what the
    store allows.
    """

    steps: tuple[Update | GraphWrite, ...]
    author: str
    reason: str = ""
    dry_run: bool = False
    revision: str = ""
    expected: tuple[tuple[str, str], ...] = ()
    timeout: float | None = None


@dataclass(frozen=True)
class Outcome:
    """What a change came to.

    ``revision`` is the state after it (before it, for a dry run and where nothing changed); ``patch`` what it removed
    and added; ``report`` the remarks of the checks, none of them a violation unless it was a dry run; ``created`` and
    ``dropped`` name the graphs that came to be and that are no more.
    """

    revision: Revision
    patch: Patch
    report: Report
    created: frozenset[str] = frozenset()
    dropped: frozenset[str] = frozenset()


class WritableStore(Store, Protocol):
    """A dataset that can be asked and changed."""

    def change(self, change: Change) -> Outcome:
        """Carry out a change, all of it or nothing; when this returns it is on disk and every reader sees it.

        Raises :class:`kgraph.errors.QuerySyntaxError` or :class:`kgraph.errors.RequestError` for what cannot be
        read, :class:`kgraph.errors.ChangeRefusedError` with the report for violations,
        :class:`kgraph.errors.PreconditionError` if a graph is not as expected,
        :class:`kgraph.errors.DiskFullError` where there is no room, and :class:`kgraph.errors.StoreError` if there
        is no outcome.
        """

    def graph_tag(self, graph: str) -> str:
        """Return a name for the present content of a graph, empty if there is no such graph."""


@dataclass(frozen=True)
class Term:
    """One RDF term of an answer: ``kind`` is ``uri``, ``literal`` or ``bnode``."""

    kind: str
    value: str
    language: str | None = None
    datatype: str | None = None


Row = Mapping[str, Term]


@dataclass(frozen=True)
class Table:
    """A SELECT's answer: variables in order, and rows that leave out what is unbound."""

    variables: tuple[str, ...]
    rows: tuple[Row, ...]


def select(store: Store, text: str, **substitutions: str) -> tuple[Row, ...]:
    """Ask a SELECT of kgraph's own and return its rows."""
    query = Query(text, substitutions=substitutions)
    return read_table(store.query(query, JSON_RESULTS).read()).rows


def read_table(body: bytes) -> Table:
    """Read an answer in the JSON format of SPARQL results."""
    content = json.loads(body)
    bindings = content.get("results", {}).get("bindings", ())
    rows = tuple({name: _term(binding) for name, binding in row.items()} for row in bindings)
    return Table(tuple(content["head"].get("vars", ())), rows)


def _term(binding: Mapping[str, object]) -> Term:
    if binding["type"] == "triple":
        return Term("triple", json.dumps(binding["value"], ensure_ascii=False))
    language, datatype = binding.get("xml:lang"), binding.get("datatype")
    return Term(
        str(binding["type"]),
        str(binding["value"]),
        str(language) if language else None,
        str(datatype) if datatype else None,
    )
