"""Why a statement holds: the rule and the premises behind an inferred triple, down to what is asserted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pyoxigraph import BlankNode, NamedNode, Quad, QuerySolutions, Store, Triple, Variable

from kgraph.errors import NotInferredError
from kgraph.inference.materialisation import Inference
from kgraph.inference.rules import Pattern, Rule, Term


@dataclass(frozen=True)
class Step:
    """One statement of an explanation: asserted (``rule`` is ``None``) or concluded from ``premises``."""

    triple: Triple
    rule: Rule | None
    premises: tuple[Step, ...]

    def asserted(self) -> tuple[Triple, ...]:
        """Return the asserted triples at the ends of this step, each once, in the order met."""
        if self.rule is None:
            return (self.triple,)
        return tuple(dict.fromkeys(triple for premise in self.premises for triple in premise.asserted()))


Explanation = Step
"""An explanation is the step that concludes the statement asked about."""


class _Derivations:
    """The triples with the round each first appeared in: 0 for the asserted ones."""

    def __init__(self, asserted: Iterable[Quad], inference: Inference) -> None:
        self.store = Store()
        self.rounds: dict[Triple, int] = {}
        for quad in asserted:
            self._add(Triple(quad.subject, quad.predicate, quad.object), 0)
        for number, added in enumerate(inference.rounds, start=1):
            for triple in added:
                self._add(triple, number)

    def _add(self, triple: Triple, number: int) -> None:
        if triple not in self.rounds:
            self.rounds[triple] = number
            self.store.add(Quad(triple.subject, triple.predicate, triple.object))


def _match(pattern: Pattern, triple: Triple) -> dict[str, Term] | None:
    """Return the bindings under which ``pattern`` is ``triple``, or ``None``."""
    bindings: dict[str, Term] = {}
    for part, term in zip(pattern.places(), (triple.subject, triple.predicate, triple.object), strict=True):
        if isinstance(part, str):
            if bindings.setdefault(part, term) != term:
                return None
        elif part != term:
            return None
    return bindings


def _fill(pattern: Pattern, row: dict[str, Term]) -> Triple:
    subject, predicate, value = (row[part] if isinstance(part, str) else part for part in pattern.places())
    if not isinstance(subject, NamedNode | BlankNode) or not isinstance(predicate, NamedNode):
        raise NotInferredError(f"{subject} {predicate} {value} is no RDF triple")
    return Triple(subject, predicate, value)


def _premises(rule: Rule, triple: Triple, known: _Derivations) -> tuple[Triple, ...] | None:
    """Return premises of ``rule`` for ``triple`` that all stood before it, or ``None``."""
    bindings = _match(rule.conclusion, triple)
    if bindings is None:
        return None
    where = " ".join(premise.sparql() for premise in rule.premises)
    names = sorted({part for p in rule.premises for part in p.places() if isinstance(part, str)})
    query = f"SELECT {' '.join('?' + name for name in names)} WHERE {{ {where} }}"
    bound: dict[Variable, Term] = {Variable(name): term for name, term in bindings.items() if name in names}
    solutions = known.store.query(query, substitutions=bound)
    assert isinstance(solutions, QuerySolutions)
    for solution in solutions:
        found_terms = {name: solution[name] for name in names}
        row = {**bindings, **{name: term for name, term in found_terms.items() if term is not None}}
        found = tuple(_fill(premise, row) for premise in rule.premises)
        if all(known.rounds[premise] < known.rounds[triple] for premise in found):
            return found
    return None


def _explain(triple: Triple, known: _Derivations, inference: Inference) -> Step:
    if known.rounds[triple] == 0:
        return Step(triple, None, ())
    for rule in inference.rules:
        premises = _premises(rule, triple, known)
        if premises is not None:
            return Step(triple, rule, tuple(_explain(premise, known, inference) for premise in premises))
    raise NotInferredError(f"no rule gives {triple}")


def statement(subject: str, predicate: str, object_: str) -> Triple:
    """Return the triple of three IRIs."""
    return Triple(NamedNode(subject), NamedNode(predicate), NamedNode(object_))


def explain(triple: Triple, asserted: Iterable[Quad], inference: Inference) -> Explanation:
    """Return why ``triple`` holds: a tree of rules whose ends are asserted triples.

    The premises of each step all stood a round before it, so the tree ends. Raises
    :class:`kgraph.errors.NotInferredError` if the triple is neither asserted nor inferred.
    """
    known = _Derivations(asserted, inference)
    if triple not in known.rounds:
        raise NotInferredError(f"{triple} is neither asserted nor inferred")
    return _explain(triple, known, inference)
