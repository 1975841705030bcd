"""Faults on their way to remarks: what a rule found, before wording and before consequences are dropped."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kgraph.report import Remark
from kgraph.turtle import Term, is_placeholder, literal_parts
from kgraph.validation.records import RDF_TYPE, Place, with_suggestion
from kgraph.validation.rules import Rule, ShapeRule
from kgraph.vocabulary import PREFIXES

_PLACEHOLDER = re.compile(r"\{[$?]?(\w+)\}")
_LOCAL_END = re.compile(r"[#/:]")
_BY_LENGTH = sorted(PREFIXES.items(), key=lambda item: -len(item[1]))


@dataclass(frozen=True)
class Fault:
    """What a rule found: on which resource, at which value, where; ``absence`` if something is missing.

    ``through`` is the property by which other resources were looked for and not found; ``component`` the
    local name of the SHACL constraint component, where a shape found it.
    """

    rule: Rule
    focus: Term
    path: Term | None
    value: Term | None
    place: Place | None
    absence: bool
    params: Mapping[str, str] = field(default_factory=dict, hash=False)
    suggestion: str = ""
    through: Term | None = None
    component: str | None = None


def shown(term: Term) -> str:
    """Return a term as a steward writes it: a prefixed name, an address, or the text itself."""
    if term.startswith("<"):
        iri = term[1:-1]
        for prefix, namespace in _BY_LENGTH:
            if iri.startswith(namespace):
                return f"{prefix}:{iri[len(namespace) :]}"
        return term
    if term.startswith('"'):
        lexical, language, _ = literal_parts(term)
        return f'"{lexical}"@{language}' if language else f'"{lexical}"'
    return term


def _filled(template: str, params: Mapping[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda found: params.get(found[1], found[0]), template)


def to_remark(fault: Fault, fallback: str) -> Remark:
    """Word a fault; ``fallback`` names the file of a fault that has no place."""
    terms = {"focus": fault.focus, "path": fault.path, "value": fault.value}
    params = {name: shown(term) for name, term in terms.items() if term is not None}
    params |= fault.params
    cures: Mapping[str, str] = {language: _filled(cure, params) for language, cure in fault.rule.cures.items()}
    if fault.suggestion:
        cures = with_suggestion(cures, fault.suggestion)
    place = fault.place or Place(fallback, None, None)
    messages = {language: _filled(text, params) for language, text in fault.rule.messages.items()}
    code, severity = fault.rule.code, fault.rule.severity
    shape = fault.rule.iri if isinstance(fault.rule, ShapeRule) else None
    terms_of = (fault.focus, fault.path, fault.value)
    return Remark(*place, severity, code, messages, cures, *terms_of, shape, fault.component)


def _local_name(term: Term) -> str:
    """Return the last part of an IRI, which a name with an undeclared prefix shares with the one that was meant."""
    return _LOCAL_END.split(term.strip("<>"))[-1]


def without_consequences(
    faults: Iterable[Fault], incomplete: set[Term], misnamed: set[tuple[Term, Term]]
) -> list[Fault]:
    """Return the faults that stand on their own.

    Dropped are: what a rule says of a blank node as a value, which has a remark of its own; what is
    missing from a resource that a syntax fault cut short or whose class is in doubt; what is missing
    because its property is misspelt or its value unsound (``misnamed``: resource and the property that
    was meant), or because the reference to it is; faults whose rule requires another one that is broken
    on the same resource; and faults whose rule yields.
    """
    found = [fault for fault in faults if fault.path is None or not (fault.value or "").startswith("_:")]
    cut_short = incomplete | {fault.focus for fault in found if fault.path == RDF_TYPE}
    cut_short |= {subject for subject, prop in misnamed if prop == RDF_TYPE}
    partly = {subject for subject, _ in misnamed}
    meant = {(subject, _local_name(prop)) for subject, prop in misnamed if is_placeholder(prop)}
    unsound = {path for _, path in misnamed} | {fault.path for fault in found if not fault.absence}

    def is_consequence(fault: Fault) -> bool:
        if fault.through is not None and (incomplete or fault.through in unsound):
            return True
        if fault.path is None:
            withheld = fault.focus in partly
        else:
            withheld = (fault.focus, fault.path) in misnamed or (fault.focus, _local_name(fault.path)) in meant
        return fault.focus in cut_short or withheld

    kept = [fault for fault in found if not (fault.absence and is_consequence(fault))]
    broken = {(fault.rule.code, fault.focus) for fault in kept}
    named = {(fault.focus, fault.path) for fault in kept if not fault.rule.yields}
    return [
        fault
        for fault in kept
        if not any((code, fault.focus) in broken for code in fault.rule.requires)
        and not (fault.rule.yields and (fault.focus, fault.path) in named)
    ]
