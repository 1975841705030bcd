"""What shapes and check queries find in a part of the graph, and the faults that these findings are."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import pyoxigraph as ox

from kgraph.turtle import Term
from kgraph.validation.engines import Result
from kgraph.validation.faults import Fault, shown
from kgraph.validation.reach import QueryReach
from kgraph.validation.rules import QueryRule, ShapeRule
from kgraph.validation.shapes import COUNT_COMPONENTS, KIND_COMPONENTS, one_of_each_value

_PICKED = re.compile(r"\b(?:MAX|MIN|SAMPLE)\s*\([^()]*\)\s+AS\s+\?(\w+)", re.IGNORECASE)
_Triple = tuple[Term, Term | None, Term | None]


@dataclass(frozen=True)
class QueryFinding:
    """A row of a check query: ``key`` is the same before and after a change if the row tells the same."""

    rule: QueryRule
    row: Mapping[str, Term]
    key: tuple[str, ...]

    @property
    def focus(self) -> Term:
        """The resource that the row is about."""
        return self.row["focus"]


@dataclass(frozen=True)
class Findings:
    """Results of shapes and rows of check queries."""

    results: tuple[Result, ...] = ()
    rows: tuple[QueryFinding, ...] = ()

    def __bool__(self) -> bool:
        """Whether anything was found."""
        return bool(self.results or self.rows)


class QueryRunner:
    """A check query that is run on parts of the graph.

    What the query merely picks as an example among several values is no part of a row's key.
    """

    def __init__(self, rule: QueryRule, reach: QueryReach) -> None:
        """Take a check query and how far it looks."""
        self.rule = rule
        self.reach = reach
        self._picked = frozenset(_PICKED.findall(rule.text))

    def run(self, store: ox.Store, focuses: set[Term] | None = None) -> Iterator[QueryFinding]:
        """Yield the rows that are about one of ``focuses``, or all."""
        solutions = store.query(self.rule.text)
        if not isinstance(solutions, ox.QuerySolutions):
            raise TypeError("a check query is a SELECT query")
        names = [variable.value for variable in solutions.variables]
        for solution in solutions:
            row = {name: str(solution[name]) for name in names if solution[name] is not None}
            if focuses is None or row["focus"] in focuses:
                key = (self.rule.code, *(row.get(name, "") for name in names if name not in self._picked))
                yield QueryFinding(self.rule, row, key)


def n_triples(quads: Iterable[ox.Quad], sent: Mapping[ox.Quad, str], name: Callable[[Term], Term] = str) -> str:
    """Return quads as N-Triples, with the lexical forms of those that were ``sent``.

    ``name`` may give subjects and objects other names. A statement about a statement is left out: SHACL has no word
    for it.
    """
    return "".join(
        f"{name(str(quad.subject))} {quad.predicate} {name(sent.get(quad) or str(quad.object))} .\n"
        for quad in quads
        if not isinstance(quad.object, ox.Triple)
    )


def as_faults(findings: Findings, shapes: Mapping[Term, ShapeRule], sent_now: Mapping[ox.Quad, str]) -> list[Fault]:
    """Return findings as faults without places, each once.

    A value that a check query remarks on is not told to be of the wrong kind as well.
    """
    sent: dict[_Triple, Term] = {
        (str(q.subject), str(q.predicate), str(q.object)): term for q, term in sent_now.items()
    }
    from_queries = [_of_row(finding, sent) for finding in findings.rows]
    remarked = {(fault.focus, fault.path, fault.value) for fault in from_queries if fault.value}
    faults: list[Fault] = []
    for result in one_of_each_value(findings.results, shapes):
        if result.component in KIND_COMPONENTS and (result.focus, result.path, result.value) in remarked:
            continue
        faults.extend(_of_result(result, shapes[result.shape], sent))
    return list(dict.fromkeys([*faults, *from_queries]))


def _of_row(finding: QueryFinding, sent: Mapping[_Triple, Term]) -> Fault:
    row, rule = finding.row, finding.rule
    path, value = row.get("path"), row.get("value")
    value = sent.get((finding.focus, path, value), value)
    params = {name: shown(term) for name, term in row.items()}
    return Fault(rule, finding.focus, path, value, None, rule.absence, params, through=row.get("by"))


def _of_result(result: Result, rule: ShapeRule, sent: Mapping[_Triple, Term]) -> Iterator[Fault]:
    path, component = result.path or rule.path, result.component
    value = result.value if result.value != result.focus else None
    if component in COUNT_COMPONENTS:
        stated = [term for (focus, found, _), term in sent.items() if (focus, found) == (result.focus, path)]
        for each in stated:
            yield Fault(rule, result.focus, path, each, None, False, component=component)
        if not stated:
            yield Fault(rule, result.focus, path, None, None, False, component=component)
    else:
        yield Fault(rule, result.focus, path, value, None, value is None, component=component)
