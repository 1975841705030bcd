"""What the routes share: the store, the pages' queries, the query library and the settings."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from starlette.concurrency import run_in_threadpool

from kgraph.errors import QuerySyntaxError
from kgraph.formats import GRAPHS, RESULTS
from kgraph.query_library import QueryLibrary
from kgraph.resources import Resources
from kgraph.resources.hints import Hint, Hints, says_nothing
from kgraph.settings import Settings
from kgraph.sparql.adapting import adapt
from kgraph.sparql.diagnosis import refine
from kgraph.sparql.protocol import QueryOperation
from kgraph.sparql.text import Limits, QueryText, read_query_text
from kgraph.store.base import (
    Answer,
    AtRevision,
    Cancellation,
    Query,
    Revision,
    SoonStore,
    Store,
    new_run,
    select,
)
from kgraph.web.questions import (
    USUAL_ACCEPT,
    PlainQueries,
    Question,
    choose_format,
    choose_usual,
    digest_of,
    question_of,
)

if TYPE_CHECKING:
    from kgraph.federation import Federation

_LOOKED_AT_ONCE = 16384
_WORD = re.compile(r"[A-Za-z][A-Za-z_-]{3,}")


@dataclass(frozen=True)
class Services:
    """What the routes share."""

    settings: Settings
    store: Store
    resources: Resources
    library: QueryLibrary
    federation: Federation | None = None

    @property
    def revision(self) -> Revision | None:
        """The state of the data; ``None`` where the store does not know it."""
        return self.store.revision

    @property
    def revision_name(self) -> str:
        """The short name of the state of the data, empty where the store does not know it."""
        revision = self.revision
        return revision.tag if revision is not None else ""

    @property
    def revision_date(self) -> str:
        """The day (UTC) of the state of the data, as ``YYYY-MM-DD``; empty where the store does not know it."""
        revision = self.revision
        return revision.date.date().isoformat() if revision is not None else ""

    @property
    def run(self) -> str:
        """A name for the process that holds the data: that of the store, or of this one."""
        return str(getattr(self.store, "run", self._own_run))

    @cached_property
    def _own_run(self) -> str:
        return new_run()

    def in_default(self) -> int:
        """Return the number of statements in the default graph, each counted once."""

        def count() -> int:
            rows = select(self.store, "SELECT (COUNT(*) AS ?count) WHERE { ?s ?p ?o }")
            return int(rows[0]["count"].value)

        return self._counts.get(count, self.revision)

    @cached_property
    def _counts(self) -> AtRevision[int]:
        return AtRevision()

    def read_question(self, operation: QueryOperation, accept: str | None, address: str) -> Question:
        """Read a query and settle the format of its answer before anything runs.

        Relative IRIs are resolved against ``address`` where the text has no BASE.

        Raises :class:`kgraph.errors.RequestError` for a text that is refused and for formats that do not
        fit the query's form.
        """
        text = self.plain.read_text(operation.text) or self._read_whole(operation.text, address)
        if operation.format is None and accept is not None and len(accept) <= USUAL_ACCEPT:
            chosen = choose_usual(accept, text.is_graph)
        else:
            chosen = choose_format(operation.format, accept, GRAPHS if text.is_graph else RESULTS)
        if operation.default_graphs is not None or operation.named_graphs is not None:
            dataset = (operation.default_graphs or (), operation.named_graphs or ())
        elif text.default_graphs is not None or text.named_graphs is not None:
            dataset = (text.default_graphs or (), text.named_graphs or ())
        else:
            dataset = None
        query = Query(text.text, dataset, timeout=operation.timeout, cancellation=Cancellation())
        return question_of(query, text, chosen, self.run)

    def ask(self, question: Question) -> Answer:
        """Have a question answered, waiting in this thread.

        Raises :class:`kgraph.errors.QuerySyntaxError` with the exact place of the fault, and
        :class:`kgraph.errors.StoreError` if there is no answer.
        """
        try:
            return self.store.query(question.query, question.format)
        except QuerySyntaxError as error:
            raise self._explain(question, error) from error

    async def ask_soon(self, question: Question, when_long: Callable[[], None]) -> Answer:
        """Have a question answered from the event loop; ``when_long`` is called if the answer is not there at once.

        Raises what :meth:`ask` raises.
        """
        if self._soon is None:
            when_long()
            return await run_in_threadpool(self.ask, question)
        try:
            return await self._soon.ask(question.query, question.format, when_long)
        except QuerySyntaxError as error:
            raise await run_in_threadpool(self._explain, question, error) from error

    def may_have_hints(self, question: Question, body: bytes | None) -> bool:
        """Tell at once whether there may be anything to remark on an answer, or on one whose body is yet to come."""
        text = question.query.text
        if question.query.dataset is not None or len(text) > _LOOKED_AT_ONCE or question.filled is not None:
            return True
        if not question.text.skeleton and self.hints.may_have_functions(text):
            return True
        is_empty = body is not None and says_nothing(text, body, question.format)
        return self.hints.may_have(text if is_empty else question.text.skeleton or text, is_empty)

    def hints_on(self, question: Question, body: bytes | None) -> tuple[Hint, ...]:
        """Return what is to be remarked on an answer, or on one whose body is yet to come."""
        text = question.own_text
        is_empty = body is not None and says_nothing(text, body, question.format)
        hints = self.hints.find(text, question.query.dataset, is_empty=is_empty, thorough=body is None)
        return (*question.remarks, *hints)

    @cached_property
    def hints(self) -> Hints:
        """What is said of names in queries."""
        return Hints(self.store)

    @cached_property
    def _soon(self) -> SoonStore | None:
        return self.store if isinstance(self.store, SoonStore) else None

    @cached_property
    def plain(self) -> PlainQueries:
        """Reads the queries and requests that need no closer look."""
        return PlainQueries(self.settings, lambda: self.run)

    @cached_property
    def _limits(self) -> Limits:
        limits = self.settings
        endpoints = self.federation.endpoints if self.federation is not None else frozenset()
        return Limits(
            limits.max_query_length,
            limits.max_query_nesting,
            limits.max_query_branches,
            endpoints,
            limits.federation_calls,
        )

    def _read_whole(self, text: str, address: str) -> QueryText:
        if len(text) <= self.settings.max_query_length:
            text = adapt(text, address)
        return read_query_text(text, self._limits)

    def _explain(self, question: Question, error: QuerySyntaxError) -> QuerySyntaxError:
        """Return the exact complaint about a text that the engine cannot read."""
        text = question.text.text
        if question.filled is not None:
            error.line, error.column = question.filled.place_of(error.line, error.column)
        try:
            read_query_text(text, self._limits)
        except QuerySyntaxError as refused:
            return refused
        found = refine(text, error)
        word = found.params.get("found", "")
        if found.code == "query-unexpected" and not found.params.get("suggestion") and _WORD.fullmatch(str(word)):
            found.params["suggestion"] = self.hints.term_like(str(word))
        return found

    def tag(self, *parts: object) -> str:
        """Return the weak ETag of what depends on the revision and on these parts, empty without a revision."""
        name = self.revision_name
        return f'W/"{name}-{digest_of(*parts)}"' if name else ""
