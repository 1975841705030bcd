"""Changes of the data checked before they count: only what they reach, and only what they made wrong.

From the shapes and check queries it is told beforehand how far each of them looks (:mod:`kgraph.validation.reach`).
A change is followed from its statements to the resources on which it can matter; the statements that decide on these
are laid together as they are after the change and, if anything is wrong, as they were before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import pyoxigraph as ox

from kgraph.languages import texts
from kgraph.report import Remark, Report, Severity
from kgraph.store.patch import Patch
from kgraph.turtle import Term
from kgraph.validation.engines import Result, compile_shacl, named_blank, run_pyshacl
from kgraph.validation.faults import Fault, to_remark, without_consequences
from kgraph.validation.findings import Findings, QueryFinding, QueryRunner, as_faults, n_triples
from kgraph.validation.neighbourhood import WIDEST, Neighbourhood, Node, TooWideError, trie_of
from kgraph.validation.patterns import NotDerivableError
from kgraph.validation.reach import Chain, query_reach
from kgraph.validation.rules import SH, load_rules
from kgraph.validation.shape_reach import shape_chains
from kgraph.vocabulary import CONCEPTS, PREFIXES, RESOURCES, TERMS

_OURS = (RESOURCES, CONCEPTS)
_SHAPES = ""
_CONFIRMED = 20
_KINDS = (PREFIXES["rdf"] + "type", PREFIXES["rdfs"] + "subClassOf")
_WARM = f"<{RESOURCES}warm> <{PREFIXES['rdf']}type> <{TERMS}Claim> .\n"


@dataclass
class _Scope:
    """What has to be judged: the resources by rule (``None`` for all) and the quads that decide on them."""

    focuses: Mapping[str, set[Node]] | None
    shape_quads: set[ox.Quad]
    query_quads: set[ox.Quad]

    def names(self, rule: str) -> set[str] | None:
        """Return the resources that a rule is to be judged on, as terms."""
        return None if self.focuses is None else {str(node) for node in self.focuses.get(rule, ())}


class ChangeChecker:
    """Checks a change by the rules of a home.

    Everything is read and compiled when it is made, so that a check opens no file and works in a process forked
    later. ``left_out`` holds the codes of the check queries that need the whole graph and do not run at a change.
    """

    def __init__(self, home: Path, *, engine: str = "shacl", widest: int = WIDEST) -> None:
        """Load the rules of ``home``; raises what :func:`kgraph.validation.load_rules` raises.

        The ``engine`` judges first and pySHACL confirms its violations; where it is ``pyshacl``, or the ``shacl``
        package is not installed, pySHACL judges alone. Around a change that makes it look at more than ``widest``
        statements, and some for each one changed, everything is checked.
        """
        self._widest = widest
        rules = load_rules(home)
        self._shapes = {rule.iri: rule for rule in rules.shapes}
        chains: dict[str, frozenset[Chain]] = {_SHAPES: shape_chains(rules.shapes)}
        self._queries: dict[str, QueryRunner] = {}
        left_out: list[str] = []
        for rule in rules.queries:
            try:
                reach = query_reach(rule.text)
            except NotDerivableError:
                left_out.append(rule.code)
            else:
                chains[rule.code] = reach.chains
                self._queries[rule.code] = QueryRunner(rule, reach)
        self.left_out = tuple(left_out)
        self._tries = {code: trie_of(found) for code, found in chains.items()}
        self._by_predicate: dict[str, dict[Chain, list[str]]] = defaultdict(lambda: defaultdict(list))
        self._by_any: dict[Chain, list[str]] = defaultdict(list)
        for code, found in chains.items():
            for chain in found:
                self._listen(code, chain)
        shapes = self._statements(self._shapes)
        self._tells_kinds = f"<{SH}nodeKind>" in shapes
        self._fast = compile_shacl(shapes) if engine == "shacl" else None
        self._warm()

    def __call__(self, after: ox.Store, patch: Patch) -> Report:
        """Check a change, as :meth:`check` does."""
        return self.check(after, patch)

    def check(self, after: ox.Store, patch: Patch, source: str = "change") -> Report:
        """Return what a change makes wrong, and what was wrong before on the resources it touches.

        ``after`` holds the dataset after ``patch``; it is only read. ``source`` names the change in the remarks. A
        remark that was due before the change as well is an info of the same code. A change with a violation in its
        report is not to be carried out.
        """
        around = Neighbourhood(after, patch, self._widest)
        new, old = self._findings(around)
        if not new and not old:
            return Report()
        caused = _standing(as_faults(new, self._shapes, around.sent_now))
        touched = {str(quad.subject) for quad in around.changed}
        debts = [fault for fault in as_faults(old, self._shapes, around.sent_now) if fault.focus in touched]
        told = [to_remark(fault, source) for fault in caused]
        kept = without_consequences(debts, set(), set())
        return Report([*told, *(_as_debt(to_remark(fault, source)) for fault in kept)])

    def findings(self, after: ox.Store, patch: Patch) -> tuple[Findings, Findings]:
        """Return what shapes and check queries find because of a change, and what they found before it as well.

        Of the latter only what is found on resources that the change reaches.
        """
        return self._findings(Neighbourhood(after, patch, self._widest))

    def _findings(self, around: Neighbourhood) -> tuple[Findings, Findings]:
        if not around.changed:
            return Findings(), Findings()
        scope = self._scope(around)
        new, old = self._shape_results(around, scope)
        new_rows, old_rows = self._query_findings(around, scope)
        return Findings(tuple(new), tuple(new_rows)), Findings(tuple(old), tuple(old_rows))

    def _listen(self, code: str, chain: Chain) -> None:
        predicates = chain[-1].predicates
        if predicates is None:
            self._by_any[chain].append(code)
        for predicate in predicates or ():
            self._by_predicate[predicate][chain].append(code)

    def _warm(self) -> None:
        """Run each engine once on what is wrong, so that nothing is loaded later."""
        for run in (self._fast, lambda data: run_pyshacl(data, self._statements(self._shapes))):
            if run is not None:
                run(_WARM)
        for query in self._queries.values():
            query.run(ox.Store())
        texts("debt.message", message="")

    def _statements(self, shapes: Iterable[Term]) -> str:
        return "".join(self._shapes[iri].statements for iri in shapes)

    def _scope(self, around: Neighbourhood) -> _Scope:
        try:
            focuses = self._reached(around)
            queries: set[ox.Quad] = set()
            for code, nodes in focuses.items():
                if code != _SHAPES:
                    queries |= around.cover(self._tries[code], nodes)
            return _Scope(focuses, around.cover(self._tries[_SHAPES], focuses.get(_SHAPES, set())), queries)
        except TooWideError:
            everything = set(around.quads())
            return _Scope(None, everything, everything)

    def _reached(self, around: Neighbourhood) -> dict[str, set[Node]]:
        """Return for each rule the resources on which the change can matter."""
        started: dict[Chain, list[ox.Quad]] = defaultdict(list)
        heard: dict[Chain, list[str]] = dict(self._by_any)
        for chain in self._by_any:
            started[chain].extend(around.changed)
        for quad in around.changed:
            for chain, codes in self._by_predicate.get(quad.predicate.value, {}).items():
                started[chain].append(quad)
                heard[chain] = codes
        reached: dict[str, set[Node]] = defaultdict(set)
        for chain, quads in started.items():
            nodes = around.focuses(chain, quads)
            for code in heard[chain]:
                reached[code] |= nodes
        kept = {code: {n for n in nodes if self._concerns(code, n, around)} for code, nodes in reached.items()}
        return {code: nodes for code, nodes in kept.items() if nodes}

    @staticmethod
    def _concerns(code: str, node: Node, around: Neighbourhood) -> bool:
        """Tell whether a rule speaks of a resource: of ours, or by a shape of what our own terms are used on."""
        if _is_ours(node):
            return True
        return code == _SHAPES and any(
            predicate.startswith(TERMS) or any(_class_is_ours(quad, around) for quad in quads)
            for predicate, quads in around.of(node).items()
        )

    def _shape_results(self, around: Neighbourhood, scope: _Scope) -> tuple[list[Result], list[Result]]:
        """Return the results of the shapes that the change brings, and those that were there before."""
        if not scope.shape_quads:
            return [], []
        now = scope.shape_quads - around.gone
        found = self._wanted(self._validate(now, around.sent_now), scope)
        if not found:
            return [], []
        before = set(self._validate(scope.shape_quads - around.came, around.sent_before))
        new = [result for result in found if result not in before]
        return self._confirmed(new, now, around.sent_now), [result for result in found if result in before]

    def _wanted(self, results: Iterable[Result], scope: _Scope) -> list[Result]:
        focuses = scope.names(_SHAPES)
        return [
            result
            for result in dict.fromkeys(results)
            if (focuses is None or result.focus in focuses)
            and (_is_ours(result.focus) or any(_is_term(target) for _, target in self._shapes[result.shape].targets))
        ]

    def _validate(self, quads: set[ox.Quad], sent: Mapping[ox.Quad, str]) -> list[Result]:
        if self._fast is None or (self._tells_kinds and any(map(_has_blank, quads))):
            return run_pyshacl(n_triples(quads, sent), self._statements(self._shapes))
        return self._fast(n_triples(quads, sent, named_blank))

    def _confirmed(self, results: list[Result], quads: set[ox.Quad], sent: Mapping[ox.Quad, str]) -> list[Result]:
        """Drop the violations that pySHACL does not find; of many resources, the first ones are asked about."""
        heavy = [result for result in results if self._shapes[result.shape].severity is Severity.VIOLATION]
        if self._fast is None or not heavy:
            return results
        asked = set(list(dict.fromkeys(result.focus for result in heavy))[:_CONFIRMED])
        doubted = [result for result in heavy if result.focus in asked]
        around = [quad for quad in quads if quad.predicate.value in _KINDS or str(quad.subject) in asked]
        shapes = self._statements(dict.fromkeys(result.shape for result in doubted))
        denied = set(doubted) - set(run_pyshacl(n_triples(around, sent), shapes))
        return [result for result in results if result not in denied]

    def _query_findings(self, around: Neighbourhood, scope: _Scope) -> tuple[list[QueryFinding], list[QueryFinding]]:
        """Return what the check queries find because of the change, and what they found before it as well."""
        if not scope.query_quads:
            return [], []
        stated = {quad.predicate.value for quad in scope.query_quads}
        reached = self._queries if scope.focuses is None else [code for code in scope.focuses if code != _SHAPES]
        codes = [code for code in reached if self._queries[code].reach.can_find(stated)]
        store = _union(scope.query_quads - around.gone)
        found = [
            finding
            for code in codes
            for finding in self._queries[code].run(store, scope.names(code))
            if _is_ours(finding.focus)
        ]
        if not found:
            return [], []
        store = _union(scope.query_quads - around.came)
        asked = dict.fromkeys(finding.rule.code for finding in found)
        before = {finding.key for code in asked for finding in self._queries[code].run(store, scope.names(code))}
        new = [finding for finding in found if finding.key not in before]
        return new, [finding for finding in found if finding.key in before]


def _is_ours(node: Node | Term) -> bool:
    if isinstance(node, str):
        return node.startswith(tuple("<" + base for base in _OURS))
    return isinstance(node, ox.NamedNode) and node.value.startswith(_OURS)


def _is_term(target: Term) -> bool:
    return target.startswith("<" + TERMS)


def _class_is_ours(quad: ox.Quad, around: Neighbourhood) -> bool:
    """Tell whether a statement gives a resource a class of ours, or one below it."""
    if quad.predicate.value != PREFIXES["rdf"] + "type":
        return False
    seen: set[Node] = set()
    waiting = [quad.object]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ox.NamedNode) and node.value.startswith(TERMS):
            return True
        if node not in seen:
            seen.add(node)
            waiting.extend(each.object for each in around.of(node).get(PREFIXES["rdfs"] + "subClassOf", ()))
    return False


def _union(quads: Iterable[ox.Quad]) -> ox.Store:
    store = ox.Store()
    store.extend(ox.Quad(quad.subject, quad.predicate, quad.object) for quad in quads)
    return store


def _has_blank(quad: ox.Quad) -> bool:
    return isinstance(quad.subject, ox.BlankNode) or isinstance(quad.object, ox.BlankNode)


def _standing(faults: list[Fault]) -> list[Fault]:
    """Drop what merely follows from other faults, unless no violation would be left of those there are."""
    kept = without_consequences(faults, set(), set())
    blocked = any(fault.rule.severity is Severity.VIOLATION for fault in faults)
    return kept if not blocked or any(fault.rule.severity is Severity.VIOLATION for fault in kept) else faults


def _as_debt(remark: Remark) -> Remark:
    messages = {tag: texts("debt.message", message=message)[tag] for tag, message in remark.messages.items()}
    return replace(remark, severity=Severity.INFO, messages=messages)
