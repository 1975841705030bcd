"""How far made-up check queries look: what is gathered around a change decides on it as the whole graph does."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from itertools import islice
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgraph.dataset import Quad
from kgraph.store.patch import Patch
from kgraph.validation import load_rules
from kgraph.validation.changes import ChangeChecker
from kgraph.validation.findings import QueryRunner
from kgraph.validation.reach import query_reach
from kgraph.vocabulary import GRAPHS, RESOURCES

QUERIES, CHANGES, SEED = 250, 40, 20250601
OURS = f"<{RESOURCES}"
GRAPH = GRAPHS + "report"
NODES = [ox.NamedNode(f"{RESOURCES}thing/n{number}") for number in range(7)]
PREDICATES = [ox.NamedNode(f"urn:p{number}") for number in range(4)]
HEADER = """\
#+ code: {code}
#+ severity: violation
#+ title: {{nn: t, nb: t, en: t}}
#+ description: {{nn: t, nb: t, en: t}}
#+ messages: {{nn: t, nb: t, en: t}}
#+ cures: {{nn: t, nb: t, en: t}}
PREFIX : <urn:>
"""


class Writer:
    """Writes check queries at random: nested groups, conditions, paths, subqueries and what they count."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.fresh = 0

    def query(self) -> str:
        """Return a SELECT of ?focus, ?x and sometimes a count."""
        self.fresh = 0
        group = self.group(["focus"], depth=2, first=True)
        match self.random.randrange(6):
            case 0:
                counted = self.random.choice(("COUNT(*)", "COUNT(DISTINCT ?x)", "COUNT(?x)", "MAX(?x)"))
                return f"SELECT ?focus ({counted} AS ?n) WHERE {group} GROUP BY ?focus HAVING (COUNT(?x) > 1)"
            case 1:
                return f"SELECT DISTINCT ?focus WHERE {group}"
            case 2:
                return f"SELECT * WHERE {group}"
            case _:
                return f"SELECT ?focus ?x WHERE {group}"

    def variable(self, known: list[str]) -> str:
        """Return a variable: mostly one that is known, else a fresh one or one that may stand elsewhere."""
        if self.random.random() < 0.5:
            return self.random.choice(known)
        if self.random.random() < 0.6:
            return self.random.choice(("x", "y", "z"))
        self.fresh += 1
        return f"v{self.fresh}"

    def path(self) -> str:
        """Return a property path."""
        one, other = (f":p{self.random.randrange(4)}" for _ in range(2))
        forms = [one] * 8 + [f"^{one}", f"{one}/{other}", f"{one}|{other}", f"{one}|^{other}", f"{one}*", f"{one}+"]
        return self.random.choice([*forms, f"!{one}", f"({one}|{other})/{one}", f"^({one}/{other})", f"!(^{one})"])

    def triple(self, known: list[str]) -> str:
        """Return a pattern, mostly one about a known variable."""
        subject = self.random.choice(known) if self.random.random() < 0.9 else self.variable(known)
        value = self.variable(known)
        if self.random.random() < 0.3:
            subject, value = value, subject
        for name in (subject, value):
            if name not in known:
                known.append(name)
        path = f"?{self.variable(known)}" if self.random.random() < 0.05 else self.path()
        term = f"<{NODES[self.random.randrange(3)].value}>" if self.random.random() < 0.03 else f"?{value}"
        return f"?{subject} {path} {term} ."

    def group(self, outer: list[str], depth: int, *, first: bool = False) -> str:
        """Return a group in braces; ``outer`` are variables that it may share."""
        known = list(outer)
        parts = [self.triple(known)] if first or self.random.random() < 0.8 else []
        for _ in range(self.random.randrange(1, 4)):
            parts.append(self.part(known, depth) if depth else self.triple(known))
        if self.random.random() < 0.1:
            self.random.shuffle(parts)
        return "{ " + " ".join(parts) + " }"

    def part(self, known: list[str], depth: int) -> str:
        """Return one part of a group."""
        within: Callable[[], str] = lambda: self.group(known, depth - 1)  # noqa: E731
        self.fresh += 1
        match self.random.randrange(14):
            case 0:
                return f"OPTIONAL {within()}"
            case 1:
                return f"MINUS {within()}"
            case 2 | 3:
                return f"FILTER NOT EXISTS {within()}"
            case 4:
                return f"FILTER EXISTS {within()}"
            case 5:
                return f"{within()} UNION {within()}"
            case 6:
                return within()
            case 7:
                return f"BIND(?{self.random.choice(known)} AS ?b{self.fresh}) ?b{self.fresh} {self.path()} ?y ."
            case 8:
                return f"BIND(EXISTS {within()} AS ?e{self.fresh}) FILTER(?e{self.fresh})"
            case 9:
                name = f"path{self.fresh}"
                return f"VALUES ?{name} {{ :p0 :p1 }} ?{self.random.choice(known)} ?{name} ?{self.variable(known)} ."
            case 10:
                name = self.random.choice(known)
                return f"{{ SELECT ?{name} (COUNT(?z) AS ?c{self.fresh}) WHERE {within()} GROUP BY ?{name} }}"
            case 11:
                return f"{{ SELECT DISTINCT ?{self.random.choice(known)} WHERE {within()} }}"
            case 12:
                return f"FILTER(?{self.random.choice(known)} != ?{self.random.choice(known)})"
            case _:
                return self.triple(known)


def understood(query: str) -> bool:
    """Tell whether a query is one of ``?focus`` to the engine."""
    try:
        solutions = ox.Store().query("PREFIX : <urn:>\n" + query)
    except SyntaxError:
        return False
    return ox.Variable("focus") in solutions.variables


TOLD = (
    "SELECT ?focus ?x { ?focus :p0 [ :p1 ?x ; :p2 [] ] }",
    "SELECT ?focus ?x { ?focus :p0 _:b . _:b :p1 ?x , ?y ; ; :p2 ?y . }",
    "SELECT ?focus { ?focus ?by ?x } VALUES (?by ?x) { (:p0 UNDEF) (:p1 UNDEF) }",
    "SELECT ?focus { ?focus ?by ?x FILTER NOT EXISTS { VALUES ?kind { 1 'a'@en -2.5 true 'b'^^:t } ?x ?by ?kind } }",
    "SELECT ?focus { ?focus :p0+ ?x . ?x (:p1|^:p2)/:p3? ?y . FILTER NOT EXISTS { ?y !(:p0|:p1) ?focus } }",
    "SELECT ?focus { ?focus :p0 ?x FILTER NOT EXISTS { ?x :p1 ?y FILTER NOT EXISTS { ?y :p2 ?x , ?focus } } }",
    "SELECT ?focus ?y { ?focus :p0 ?x OPTIONAL { ?x :p1 ?y } MINUS { ?x :p2 ?z . ?z :p3 ?focus } }",
    "SELECT ?focus { { ?focus :p0 ?x } UNION { ?x :p1 ?focus . FILTER EXISTS { ?x a ?y } } BIND(?x AS ?z) ?x :p2 ?w }",
    "SELECT ?focus (COUNT(*) AS ?n) { ?focus :p0 ?x ; :p1 ?y } GROUP BY ?focus HAVING (COUNT(*) > 1) ORDER BY ?n",
    "SELECT * { ?focus :p0 ?x }",
    "SELECT ?focus { ?focus !:p0 ?x }",
    "SELECT ?focus { ?focus :p0 ?x ; :p1 ?y . ?y :p3 ?w FILTER NOT EXISTS { ?y :p2 ?z BIND(?y AS ?x) } }",
    "SELECT ?focus { ?focus :p0 ?x BIND(EXISTS { ?y :p1 ?x } AS ?e) ?focus :p2 ?y FILTER(?e) }",
    "SELECT ?focus { ?focus :p0 ?y { SELECT ?y (COUNT(?z) AS ?n) { ?z :p1 ?y } GROUP BY ?y } FILTER(?n > 1) }",
    "BASE <urn:> SELECT ?focus { ?focus <urn:p0>/:p1 '\\'} <not> #'@en ; a ?x # } ?x\nFILTER(?x<?focus&&?x>?y) }",
)
"""Queries whose reach is told by their text."""

NOT_TOLD = (
    "SELECT ?focus { GRAPH ?g { ?focus :p0 ?x } }",
    "SELECT ?focus FROM <urn:g> { ?focus :p0 ?x }",
    "SELECT ?focus { ?focus :p0 ?x } ORDER BY ?x LIMIT 1",
    "SELECT ?focus { ?focus :p0 ?x . { SELECT ?x { ?x :p1 ?y } LIMIT 1 } }",
    "SELECT (MAX(?x) AS ?focus) { ?x :p0 ?y }",
    "SELECT (SAMPLE(?x) AS ?focus) ?y { ?x :p0 ?y } GROUP BY ?y",
    "SELECT ?focus { ?focus :p0 ?x . ?y :p1 ?z }",
    "SELECT ?focus { ?focus :p0* ?x }",
    "SELECT ?focus { ?focus :p0 ?x . ?x (:p1/:p2)* ?y }",
    "SELECT ?focus { ?x !(^:p0) ?focus }",
    "SELECT ?focus { ?focus :p0 ( ?x ) }",
    "SELECT ?focus { BIND(?focus AS ?x) ?x :p0 ?y . ?focus :p1 ?focus }",
    "SELECT ?focus { ?focus :p0 ?x { BIND(?x AS ?y) } ?y :p1 ?z }",
    "SELECT ?focus { ?focus :p0 ?x { FILTER NOT EXISTS { ?x :p1 ?y } } }",
    "SELECT ?focus { OPTIONAL { ?focus :p0 ?x } ?x :p1 ?y }",
    "SELECT ?focus { OPTIONAL { ?focus :p0 ?x } ?focus :p1 ?y }",
    "SELECT ?focus { ?focus :p0 ?x MINUS { ?x :p1 ?y FILTER NOT EXISTS { ?focus :p2 ?focus } } }",
    "SELECT ?focus { ?focus :p0 ?x } GROUP BY ?focus HAVING (EXISTS { ?focus :p1 ?y })",
)
"""Queries that need the whole graph, or seem to."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home with made-up check queries alone: those above, and many at random."""
    folder = tmp_path_factory.mktemp("home") / "queries/checks"
    folder.mkdir(parents=True)
    writer = Writer(SEED)
    made = (query for _ in range(10 * QUERIES) if understood(query := writer.query()))
    for number, query in enumerate([*TOLD, *NOT_TOLD, *islice(made, QUERIES)]):
        text = HEADER.format(code=f"INK-{number:04}") + query + "\n"
        (folder / f"q{number:04}-violation.rq").write_text(text, encoding="utf-8")
    return folder.parents[1]


@pytest.fixture(scope="module")
def checker(home: Path) -> ChangeChecker:
    """The checker with the rules of that home."""
    return ChangeChecker(home)


def test_a_query_is_left_out_where_its_text_does_not_tell_how_far_it_looks(checker: ChangeChecker) -> None:
    """Of the queries above exactly the second kind, and not most of those at random."""
    left_out = [int(code.removeprefix("INK-")) for code in checker.left_out]
    above = len(TOLD) + len(NOT_TOLD)
    assert [number for number in left_out if number < above] == list(range(len(TOLD), above))
    assert len(left_out) - len(NOT_TOLD) < 3 * QUERIES // 4


def test_what_made_up_queries_find_because_of_a_change_is_what_the_whole_graph_tells(
    checker: ChangeChecker, home: Path
) -> None:
    """New are exactly the rows that a query has on the graph after and had not before, over a row of changes."""
    chance = random.Random(SEED)
    store = ox.Store()
    store.extend(random_quad(chance) for _ in range(16))
    queries = [
        QueryRunner(rule, query_reach(rule.text))
        for rule in load_rules(home).queries
        if rule.code not in checker.left_out
    ]
    before, told = found(queries, store), set()
    for _ in range(CHANGES):
        removed = set(chance.sample(sorted(store, key=str), chance.randrange(3)))
        added = {quad for quad in map(random_quad, [chance] * chance.randrange(3)) if quad not in store}
        for quad in removed:
            store.remove(quad)
        store.extend(added)
        patch = Patch(tuple(map(as_row, removed)), tuple(map(as_row, added)))
        after = found(queries, store)
        new, old = checker.findings(store, patch)
        assert {finding.key for finding in new.rows} == after - before, patch
        assert {finding.key for finding in old.rows} <= after & before, patch
        told |= after - before
        before = after
    assert len({code for code, *_ in told}) > QUERIES // 8


def random_quad(chance: random.Random) -> ox.Quad:
    """Return one of the statements that there may be."""
    subject, value = chance.choice(NODES), chance.choice(NODES)
    return ox.Quad(subject, chance.choice(PREDICATES), value, ox.NamedNode(GRAPH))


def as_row(quad: ox.Quad) -> Quad:
    """Return an engine's quad as a row of a patch."""
    return Quad(str(quad.subject), str(quad.predicate), str(quad.object), GRAPH)


def found(queries: Iterable[QueryRunner], store: ox.Store) -> set[tuple[str, ...]]:
    """Return the keys of all that queries find in a whole graph."""
    union = ox.Store()
    union.extend(ox.Quad(quad.subject, quad.predicate, quad.object) for quad in store)
    return {finding.key for query in queries for finding in query.run(union) if finding.focus.startswith(OURS)}
