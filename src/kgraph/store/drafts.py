"""What a change would do, worked out on a store that may be spoilt: the draft of a revision.

The steps of a change are run by the engine one after the other. What each of them did is read off by comparing, before
and after it, the quads that it may touch; then come what follows from the new data and the checks. Whoever wants the
draft to count journals it and applies it to the store that readers are answered from.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field, replace

import pyoxigraph as ox

from kgraph.dataset import Quad
from kgraph.errors import KgraphError, QueryFailedError, QuerySyntaxError, RequestError
from kgraph.inference import Maintenance
from kgraph.report import Report
from kgraph.sparql.templates import QuadPattern
from kgraph.sparql.text import Limits
from kgraph.sparql.tokens import iter_tokens
from kgraph.sparql.update import (
    UpdateStep,
    UpdateText,
    insert_dataset,
    read_update_text,
    refine_step,
    with_dataset,
)
from kgraph.store.base import ALL, ASSERTED, INFERRED, Change, GraphWrite, Update
from kgraph.store.bodies import read_statements
from kgraph.store.embedded import (
    UNNAMED,
    EmbeddedStore,
    failure,
    graph_node,
    graph_of,
    in_graph,
    read_term,
    syntax_error,
)
from kgraph.store.functions import with_unknown_functions
from kgraph.store.literals import stored_form, term_text
from kgraph.store.patch import Patch

DERIVED = frozenset({ASSERTED, INFERRED, ALL})
"""The graphs that no change may write to, since they follow from the others."""

_MISSING = re.compile("The graph <([^<>]*)> does not exist")
_LIMITS = Limits(length=sys.maxsize)
"""Whoever sends a change has limits for its length."""

Checker = Callable[[ox.Store, Patch], Report]
"""Checks a store after a change, which is given as a patch."""


@dataclass(frozen=True)
class Draft:
    """What a change comes to: the patch of the data, that of the graph ``inferred``, graphs that come and go, remarks.

    ``patch`` has the lexical forms that were sent, ``inferred`` those of the engine.
    """

    patch: Patch
    inferred: Patch
    created: frozenset[str]
    dropped: frozenset[str]
    report: Report = field(default_factory=lambda: Report([]))

    @property
    def graphs(self) -> frozenset[str]:
        """The graphs that it changes, makes or drops, the unnamed one as an empty string."""
        return self.patch.graphs | self.created | self.dropped


class Drafting:
    """Works out changes, one after the other, each on top of those before it."""

    def __init__(self, store: EmbeddedStore, maintenance: Maintenance | None, checker: Checker | None) -> None:
        """Work on ``store``; without ``maintenance`` nothing is inferred, without ``checker`` nothing is checked."""
        self._store = store
        self._engine = store.engine
        self._maintenance = maintenance
        self._checker = checker

    def draft(self, change: Change) -> Draft:
        """Carry a change out on the store and return what it came to.

        Raises :class:`kgraph.errors.RequestError` for what cannot be read or is refused, and
        :class:`kgraph.errors.QueryFailedError` if the engine gives up. Then, and if the draft is not to count, the
        store is spoilt.
        """
        tracked = _Tracked(self._store)
        try:
            for step in change.steps:
                if isinstance(step, Update):
                    _UpdateRun(self._store, tracked).run(step)
                else:
                    _write_graph(step, tracked)
        except KgraphError:
            raise
        except (RuntimeError, ValueError, OSError) as error:
            raise QueryFailedError(str(error)) from error
        draft = tracked.draft()
        inferred = self._derive(tracked)
        report = self._checker(self._engine, draft.patch) if self._checker and draft.patch else Report([])
        return replace(draft, inferred=inferred, report=report)

    def _derive(self, tracked: _Tracked) -> Patch:
        if self._maintenance is None or self._store.separate:
            return Patch()
        asserted, inferred = ox.NamedNode(ASSERTED), ox.NamedNode(INFERRED)
        lost, won = self._maintenance.derive(self._engine, asserted, inferred, tracked.lost.keys(), tracked.won.keys())
        return Patch(tuple(_quad(t, INFERRED) for t in lost), tuple(_quad(t, INFERRED) for t in won))


class _Tracked:
    """The net effect of the steps so far on the data and on their union."""

    def __init__(self, store: EmbeddedStore) -> None:
        self.store = store
        self.engine = store.engine
        self.removed: dict[ox.Quad, None] = {}
        self.added: dict[ox.Quad, None] = {}
        self.lost: dict[ox.Quad, None] = {}
        self.won: dict[ox.Quad, None] = {}
        self.originals: dict[Quad, Quad] = {}
        self._graphs: dict[str, bool] = {}

    def watch(self, graphs: Iterable[str]) -> None:
        """Note whether graphs are there before a step may make or drop them."""
        for name in graphs:
            if name != UNNAMED and name not in DERIVED:
                self._graphs.setdefault(name, self.engine.contains_named_graph(ox.NamedNode(name)))

    def watch_new(self, graphs: Iterable[str]) -> None:
        """Note graphs that a step made: a variable may have named them."""
        for name in graphs:
            self._graphs.setdefault(name, False)

    def note(self, before: set[ox.Quad], after: set[ox.Quad]) -> None:
        """Take a step's effect into account, and bring the union up to date."""
        removed, added = before - after, after - before
        for quad in (*removed, *added):
            name = graph_of(quad)
            if isinstance(quad.graph_name, ox.BlankNode):
                raise RequestError("graph-blank", 400)
            if name in DERIVED:
                raise RequestError("graph-derived", 403, graph=name)
        _compose(self.removed, self.added, removed, added)
        if not self.store.separate:
            _compose(self.lost, self.won, *self.store.follow(removed, added))

    def draft(self) -> Draft:
        """Return the effect as a draft, with the lexical forms that were sent."""
        there = {name: self.engine.contains_named_graph(ox.NamedNode(name)) for name in self._graphs}
        created = frozenset(name for name, before in self._graphs.items() if there[name] and not before)
        dropped = frozenset(name for name, before in self._graphs.items() if before and not there[name])
        removed = tuple(_quad(quad, graph_of(quad)) for quad in self.removed)
        added = (_quad(quad, graph_of(quad)) for quad in self.added)
        return Draft(Patch(removed, tuple(self.originals.get(quad, quad) for quad in added)), Patch(), created, dropped)


class _UpdateRun:
    """One SPARQL Update of a change."""

    def __init__(self, store: EmbeddedStore, tracked: _Tracked) -> None:
        self._store = store
        self._engine = store.engine
        self._tracked = tracked

    def run(self, update: Update) -> None:
        """Run the operations one by one; a text that cannot be read as a whole runs none."""
        text = read_update_text(update.text, _LIMITS)
        for step in text.steps:
            self._run_step(step, update.dataset)
        _note_originals(self._tracked, text)

    def _run_step(self, step: UpdateStep, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None) -> None:
        if any(pattern.graph in DERIVED for pattern in step.touches):
            graph = next(str(pattern.graph) for pattern in step.touches if pattern.graph in DERIVED)
            raise RequestError("graph-derived", 403, graph=graph)
        if step.kind in ("CLEAR", "DROP") and _has_word(step, "NAMED", "ALL"):
            self._clear_many(step)
            return
        patterns, named = _widest(step.touches), set(self._named())
        try:
            before = self._before(step, patterns)
            self._update(self._text(step, dataset))
        except SyntaxError as error:
            raise refine_step(step, syntax_error(error)) from error
        except RuntimeError as error:
            raise _failure(step, error) from error
        self._tracked.watch_new(set(self._named()) - named)
        self._tracked.note(before, self._matching(patterns))

    def _update(self, text: str) -> None:
        try:
            self._engine.update(text)
        except RuntimeError as error:
            with_unknown_functions(error, lambda functions: self._engine.update(text, custom_functions=functions))

    def _before(self, step: UpdateStep, patterns: list[QuadPattern]) -> set[ox.Quad]:
        """Return the quads that a step may touch, as they are before it."""
        try:
            self._check_there(step)
            self._tracked.watch(self._graphs_of(patterns))
            return self._matching(patterns)
        except (SyntaxError, ValueError):
            # The text holds an IRI that is none. The engine does not read it either, and tells the place.
            self._engine.update(step.text)
            raise

    def _text(self, step: UpdateStep, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None) -> str:
        """Return the text of a step with the dataset that its WHERE is about."""
        if dataset is not None:
            return with_dataset(step, _expanded(dataset[0]), _expanded(dataset[1]))
        if step.insertion is None or step.using is not None or self._store.separate:
            return step.text
        # The engine knows nothing of the union, and would show the graph that holds it as a graph of its own.
        return insert_dataset(step, [step.with_graph or ASSERTED], [n for n in self._named() if n != ASSERTED])

    def _check_there(self, step: UpdateStep) -> None:
        """Refuse to make a graph that is there, and to read or drop one that is not (SPARQL 1.1 Update, 3.2)."""
        if step.is_silent or not step.graphs or not step.graphs[0]:
            return
        name = step.graphs[0]
        is_there = self._engine.contains_named_graph(ox.NamedNode(name))
        if step.kind == "CREATE" and is_there:
            raise RequestError("graph-exists", 409, graph=name, line=step.line, column=step.column)
        if step.kind != "CREATE" and not is_there:
            raise RequestError("graph-absent", 409, graph=name, line=step.line, column=step.column)

    def _clear_many(self, step: UpdateStep) -> None:
        """Empty or drop every graph that may be written to; the engine would take the derived ones with them."""
        names = [name for name in self._named() if name not in DERIVED]
        self._tracked.watch(names)
        for name in [*names, *([UNNAMED] if _has_word(step, "ALL") else [])]:
            node = graph_node(name)
            before = set(self._engine.quads_for_pattern(None, None, None, node))
            if step.kind == "DROP" and name:
                self._engine.remove_graph(node)
            else:
                self._engine.clear_graph(node)
            self._tracked.note(before, set())

    def _named(self) -> list[str]:
        return [graph.value for graph in self._engine.named_graphs() if isinstance(graph, ox.NamedNode)]

    def _graphs_of(self, patterns: Iterable[QuadPattern]) -> set[str]:
        names = {pattern.graph for pattern in patterns}
        return (
            {*self._named(), *(name for name in names if name)} if None in names else {name for name in names if name}
        )

    def _matching(self, patterns: Iterable[QuadPattern]) -> set[ox.Quad]:
        return {quad for pattern in patterns for quad in _quads_of(self._engine, pattern)}


def _write_graph(write: GraphWrite, tracked: _Tracked) -> None:
    """Carry out a write of the Graph Store Protocol."""
    if write.graph in DERIVED:
        raise RequestError("graph-derived", 403, graph=write.graph)
    engine, node = tracked.engine, graph_node(write.graph)
    tracked.watch([write.graph])
    sent = list(read_statements(write)) if write.action != "delete" else []
    before = set(engine.quads_for_pattern(None, None, None, node))
    if write.action == "delete" and write.graph:
        engine.remove_graph(node)
    elif write.action != "merge":
        engine.clear_graph(node)
    if write.action != "delete":
        if write.graph:
            engine.add_graph(ox.NamedNode(write.graph))
        engine.extend(in_graph(sent, write.graph))
    for quad in sent:
        _note_original(tracked, quad, write.graph)
    tracked.note(before, set(engine.quads_for_pattern(None, None, None, node)))


def _note_original(tracked: _Tracked, quad: ox.Quad, graph: str) -> None:
    if isinstance(quad.object, ox.Literal | ox.Triple):
        sent = term_text(quad.object)
        stored = stored_form(sent)
        if stored != sent:
            key = Quad(str(quad.subject), str(quad.predicate), stored, graph)
            tracked.originals.setdefault(key, key._replace(object=sent))


def _note_originals(tracked: _Tracked, text: UpdateText) -> None:
    """Give added statements the lexical form their literal has in the text; of several forms, the first."""
    forms: dict[str, str] = {}
    for literal in text.literals:
        forms.setdefault(stored_form(literal), literal)
    changed = {stored: sent for stored, sent in forms.items() if stored != sent}
    if not changed:
        return
    for added in tracked.added:
        stored = term_text(added.object)
        if stored in changed:
            key = _quad(added, graph_of(added))
            tracked.originals.setdefault(key, key._replace(object=changed[stored]))


def _compose(
    removed: dict[ox.Quad, None], added: dict[ox.Quad, None], lost: Iterable[ox.Quad], won: Iterable[ox.Quad]
) -> None:
    """Add a second change to a first, so that what comes and goes again is in neither."""
    for quad in lost:
        if quad in added:
            del added[quad]
        else:
            removed[quad] = None
    for quad in won:
        if quad in removed:
            del removed[quad]
        else:
            added[quad] = None


def _widest(patterns: Iterable[QuadPattern]) -> list[QuadPattern]:
    """Return the patterns without those that a wider one of whole graphs holds already."""
    distinct = list(dict.fromkeys(patterns))
    whole = {pattern.graph for pattern in distinct if (pattern.subject, pattern.predicate, pattern.object) == _ANY}
    if None in whole:
        return [QuadPattern(None, None, None, None)]
    kept = [pattern for pattern in distinct if pattern.graph not in whole]
    return [*(QuadPattern(None, None, None, graph) for graph in whole), *kept]


_ANY = (None, None, None)


def _quads_of(engine: ox.Store, pattern: QuadPattern) -> Iterator[ox.Quad]:
    subject, predicate, value = (_node(term) for term in (pattern.subject, pattern.predicate, pattern.object))
    graph = None if pattern.graph is None else graph_node(pattern.graph)
    return engine.quads_for_pattern(subject, predicate, value, graph)  # type: ignore[arg-type]


def _node(term: str | None) -> ox.NamedNode | ox.Literal | ox.BlankNode | ox.Triple | None:
    return None if term is None else read_term(term)


def _quad(statement: ox.Quad | ox.Triple, graph: str) -> Quad:
    return Quad(str(statement.subject), str(statement.predicate), term_text(statement.object), graph)


def _failure(step: UpdateStep, error: RuntimeError) -> Exception:
    """Return what it means that the engine gave a step up."""
    missing = _MISSING.fullmatch(str(error))
    if missing:
        return RequestError("graph-absent", 409, graph=missing[1], line=step.line, column=step.column)
    failed = failure(error)
    return refine_step(step, failed) if isinstance(failed, QuerySyntaxError) else failed


def _has_word(step: UpdateStep, *words: str) -> bool:
    return any(token.is_word(*words) for token in iter_tokens(step.body))


def _expanded(names: Iterable[str]) -> list[str]:
    return [part for name in names for part in ((ASSERTED, INFERRED) if name == ALL else (name,))]
