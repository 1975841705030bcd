"""What a store is asked and what it answers."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Protocol, Self

from kgraph.formats import JSON_RESULTS, Format
from kgraph.vocabulary import GRAPHS

ASSERTED = GRAPHS + "asserted"
"""In FROM: the default graph, all that the dataset states (data, vocabularies and ontology)."""

INFERRED = GRAPHS + "inferred"
"""In FROM: what follows from the ontology and the data."""

ALL = GRAPHS + "all"
"""In FROM: the asserted and the inferred statements together."""

OUTSIDE_DEFAULT = frozenset({GRAPHS + "shapes", GRAPHS + "alignments", INFERRED})
"""The named graphs that are not part of the default graph."""


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
    the projection to terms in N-Triples syntax. ``timeout`` is in seconds and never lengthens what the
    store allows. ``cancellation`` lets another thread give the query up, where the store can stop one.
    """

    text: str
    dataset: tuple[tuple[str, ...], tuple[str, ...]] | None = None
    substitutions: Mapping[str, str] = field(default_factory=dict)
    timeout: float | None = None
    cancellation: Cancellation | None = field(default=None, compare=False)


@dataclass
class Answer:
    """What a store answers: bytes that the engine serialised, in chunks, in ``format``.

    ``length`` is the number of bytes where that is known before they are read. Whoever takes an answer reads
    ``chunks`` to the end or calls :meth:`close`. Reading raises
    :class:`kgraph.errors.StoreError` if the answer cannot be completed: then what was read is not whole.
    """

    format: Format
    revision: str
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


class Store(Protocol):
    """A dataset that can be asked."""

    @property
    def revision(self) -> str:
        """The SHA-256, in hexadecimal, of the canonical N-Quads (RDFC-1.0) of the asserted graphs."""

    def graphs(self) -> Mapping[str, int]:
        """Return the IRIs of the named graphs with their numbers of statements."""

    def query(self, query: Query, format: Format) -> Answer:
        """Answer a query in a format that fits its form.

        Raises :class:`kgraph.errors.QuerySyntaxError` for a text the engine cannot read and
        :class:`kgraph.errors.StoreError` for a query that gets no answer.
        """

    def close(self) -> None:
        """Let go of processes and memory."""


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
