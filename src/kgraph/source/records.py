"""The start of a new record: an identifier nobody has, a template with its properties explained, a locator.

A template is made from the shapes of the record's class and of the classes above it, so it asks for what
the checks will ask for, in the order of ``sh:order``; then come the other properties of the class. Each is
explained with the ontology's own words in the steward's language.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass

from kgraph.errors import UnknownClassError
from kgraph.languages import LANGUAGES, has_text, text
from kgraph.source.layout import Layout
from kgraph.source.locators import Span, anchor_passage, stated_numbers
from kgraph.source.normalisation import ALGORITHM, NormalisedText
from kgraph.source.stated import PREFERRED_LABEL, Statements, term
from kgraph.turtle import Term, read_turtle, render_canonical
from kgraph.vocabulary import PREFIXES, RESOURCES, TERMS

ALPHABET = "bcdfghjkmnpqrstvwxz23456789"
"""The characters of an opaque identifier: no vowels, so it spells nothing, and none that look alike."""

LENGTH = 7
"""How many characters an opaque identifier has."""

OPAQUE = {
    "Finding": "finding",
    "StatisticalStatement": "finding",
    "SuccessFactor": "success",
    "Challenge": "challenge",
    "Explanation": "explanation",
    "EvidenceLine": "line",
    "EvidenceLocator": "loc",
    "Goal": "goal",
    "KnowledgeGap": "gap",
    "ResearchQuestion": "question",
    "Definition": "definition",
    "SourceErratum": "erratum",
}
"""The classes whose resources have opaque identifiers, and the prefix of each."""

NAMED = {
    "Document": "doc",
    "Report": "doc",
    "KnowledgeSynthesis": "doc",
    "Study": "study",
    "Person": "person",
    "Organisation": "org",
    "InclusionProject": "project",
    "Measure": "measure",
    "SettlementModel": "model",
    "SettlementStrategy": "strategy",
    "PublicService": "service",
    "Municipality": "municipality",
    "Period": "period",
    "Observation": "obs",
    "StatisticalTable": "table",
    "MeasureType": "mt",
    "Factor": "factor",
    "Topic": "topic",
    "Outcome": "outcome",
    "PopulationGroup": "group",
    "StudyDesign": "design",
    "ClaimModality": "modality",
    "Qualifier": "qualifier",
    "Relation": "relation",
    "EvidenceDirection": "direction",
    "EffectDirection": "effect",
    "VerificationStatus": "verification",
    "ErratumKind": "erratumkind",
}
"""The classes whose resources are named by a slug, and the prefix of each."""

SLUG = "NAME"
"""What stands in a template where a steward writes a name; the checks know no resource called so."""

_END = "    ."
_CLAIMS = {"Finding", "StatisticalStatement", "SuccessFactor", "Challenge", "Explanation"}
_PROPER_NAMES = {"Person", "Organisation", "Municipality", "Document", "Report", "KnowledgeSynthesis"}
_DEFINITION = f"<{PREFIXES['skos']}definition>"
_IN_LANGUAGES = {PREFERRED_LABEL, term("statement"), term("note"), _DEFINITION}
_SUBCLASS = f"<{PREFIXES['rdfs']}subClassOf>"
_DOMAIN = f"<{PREFIXES['rdfs']}domain>"
_RANGE = f"<{PREFIXES['rdfs']}range>"
_INVERSE = f"<{PREFIXES['owl']}inverseOf>"
_CHAIN = f"<{PREFIXES['owl']}propertyChainAxiom>"
_LABEL = f"<{PREFIXES['rdfs']}label>"
_PREFIX_USED = re.compile(r"(?<![\w:/\"<])([a-z][a-z-]*):")
_PLACEHOLDERS = {"integer": "0", "decimal": "0.0", "boolean": "false", "date": '"2010-01-01"^^xsd:date'}


def _sh(name: str) -> Term:
    return f"<{PREFIXES['sh']}{name}>"


@dataclass(frozen=True)
class _Property:
    """A property that a record may have; ``order`` is -1 where no shape speaks of it."""

    path: Term
    order: int
    required: bool
    range: str
    name: str
    description: str


def new_identifier(existing: Container[str]) -> str:
    """Return a random identifier that is not in ``existing``."""
    while True:
        found = "".join(secrets.choice(ALPHABET) for _ in range(LENGTH))
        if found not in existing:
            return found


def identifiers_in_use(statements: Statements) -> frozenset[str]:
    """Return the opaque identifiers that the dataset's records have already."""
    bases = tuple(f"<{PREFIXES[prefix]}" for prefix in {*OPAQUE.values(), "span"})
    used = (iri for iri in statements.iter_subjects() if iri.startswith(bases))
    return frozenset(iri[1:-1].rsplit("/", 1)[-1] for iri in used)


def _shorten(iri: Term) -> str:
    for prefix, namespace in PREFIXES.items():
        if iri.startswith("<" + namespace) and "/" not in iri[len(namespace) + 1 :]:
            return f"{prefix}:{iri[len(namespace) + 1 : -1]}"
    return iri


def _with_superclasses(statements: Statements, class_iri: Term) -> list[Term]:
    found = [class_iri]
    for current in found:
        found += [above for above in statements.objects(current, _SUBCLASS) if above[0] == "<" and above not in found]
    return found


def _iter_shape_paths(statements: Statements, class_iri: Term) -> Iterator[tuple[Term, int, bool]]:
    """Yield path, order and necessity of each property shape that is, or belongs to, a shape of the class."""
    for shape in statements.subjects(_sh("targetClass"), class_iri):
        for node in (shape, *statements.objects(shape, _sh("property"))):
            required = statements.number(node, _sh("minCount")) > 0
            required = required and _sh("Warning") not in statements.objects(node, _sh("severity"))
            for path in statements.objects(node, _sh("path")):
                yield path, statements.number(node, _sh("order")), required


def _name(statements: Statements, path: Term, language: str) -> str:
    """Return a property's label, or what the catalogue calls a property of another vocabulary, or its short name."""
    key = f"template.{_shorten(path)}"
    if has_text(key):
        return text(key, language)
    return statements.text_in(path, _LABEL, (language, *LANGUAGES)) or _shorten(path)


def _is_inferred(statements: Statements, path: Term) -> bool:
    """Tell whether a property's values follow from others: it is an inverse, or made of a chain."""
    return bool(statements.subjects(_INVERSE, path) or statements.objects(path, _CHAIN))


def _properties(statements: Statements, class_name: str, language: str) -> list[_Property]:
    """Return the properties of a class and the classes above it: those of shapes first, then those of its domain."""
    languages = (language, *LANGUAGES)
    found: dict[Term, tuple[int, bool]] = {}
    for class_iri in _with_superclasses(statements, term(class_name)):
        for path, order, required in _iter_shape_paths(statements, class_iri):
            before = found.get(path, (-1, False))
            orders = [number for number in (before[0], order) if number >= 0]
            found[path] = (min(orders, default=-1), before[1] or required)
        # The topmost classes are the domains of what only some of their subclasses are meant to have.
        if statements.objects(class_iri, _SUBCLASS):
            for path in statements.subjects(_DOMAIN, class_iri):
                if not _is_inferred(statements, path):
                    found.setdefault(path, (-1, False))
    made = [
        _Property(
            path=path,
            order=order,
            required=required,
            range=next(iter(statements.objects(path, _RANGE)), "")[1:-1],
            name=_name(statements, path, language),
            description=statements.text_in(path, _DEFINITION, languages),
        )
        for path, (order, required) in found.items()
        if path.startswith("<")
    ]
    return sorted(made, key=lambda item: (item.order < 0, item.order))


def _values(found: _Property, class_name: str) -> list[str]:
    """Return the placeholders of a property: one a language for texts, else one."""
    if found.path in _IN_LANGUAGES and not (found.path == PREFERRED_LABEL and class_name in _PROPER_NAMES):
        return [f'""@{language}' for language in LANGUAGES]
    if found.range.startswith(TERMS):
        prefix = (OPAQUE | NAMED).get(found.range.removeprefix(TERMS))
        return [f"{prefix}:{SLUG}" if prefix else f"<{RESOURCES}{SLUG}>"]
    return [_PLACEHOLDERS.get(found.range.rsplit("#", 1)[-1], '""')]


def _property_lines(found: _Property, values: list[str], needed: bool, language: str) -> Iterator[str]:
    need = text("template.required" if needed else "template.optional", language)
    explained = " ".join(part for part in (f"{found.name} ({need}).", found.description) if part)
    yield f"    # {' '.join(explained.split())}"
    # What is optional is commented out, so that a record with nothing added is still sound.
    lead = "    " if needed else "    # "
    yield from (f"{lead}{_shorten(found.path)} {value} ;" for value in values)


def _record(
    statements: Statements, class_name: str, subject: str, language: str, given: Mapping[Term, str] | None = None
) -> str:
    """Return one record; ``given`` holds the values that are known already, by property."""
    known = dict(given or {})
    about = statements.text_in(term(class_name), _DEFINITION, (language, *LANGUAGES))
    lines = [f"# {' '.join(about.split())}"] if about else []
    lines += [subject, f"    a ink:{class_name} ;"]
    for found in _properties(statements, class_name, language):
        value = known.pop(found.path, None)
        values = _values(found, class_name) if value is None else [value]
        lines += _property_lines(found, values, found.required or value is not None, language)
    lines += [f"    {_shorten(path)} {value} ;" for path, value in known.items()]
    return "\n".join([*lines, _END])


def with_prefixes(records: str) -> str:
    """Return Turtle records in canonical form, with the declarations of the prefixes they use before them."""
    statements = (line for line in records.splitlines() if not line.startswith("#"))
    used = {prefix for line in statements for prefix in _PREFIX_USED.findall(re.sub(r'"[^"]*"', '""', line))}
    head = [f"@prefix {prefix}: <{namespace}> ." for prefix, namespace in PREFIXES.items() if prefix in used]
    return render_canonical(read_turtle("\n".join([*head, "", records, ""])), PREFIXES)


def template(statements: Statements, class_name: str, language: str) -> str:
    """Return the start of a record of a class (``Finding``, ``Measure`` …), with its properties explained.

    A claim comes with an evidence line of its own, since it cannot stand without one. ``statements`` are
    those of a dataset with its ontology and shapes. Raises :class:`kgraph.errors.UnknownClassError` for a
    class that no record is of.
    """
    if class_name not in OPAQUE | NAMED:
        raise UnknownClassError(class_name, sorted(OPAQUE | NAMED))
    if class_name not in OPAQUE:
        return with_prefixes(_record(statements, class_name, f"{NAMED[class_name]}:{SLUG}", language))
    used = identifiers_in_use(statements)
    subject = f"{OPAQUE[class_name]}:{new_identifier(used)}"
    if class_name not in _CLAIMS:
        return with_prefixes(_record(statements, class_name, subject, language))
    line = f"line:{new_identifier(used)}"
    claim = _record(statements, class_name, subject, language, {term("hasEvidenceLine"): line})
    return with_prefixes(f"{claim}\n\n{_record(statements, 'EvidenceLine', line, language)}")


def _span_lines(name: str, position: int, span: Span) -> list[str]:
    return [
        name,
        "    a ink:TextSpan ;",
        f"    ink:position {position} ;",
        f"    ink:start {span.start} ;",
        f"    ink:end {span.end} ;",
        f"    ink:tokenCount {span.tokens} ;",
        f"    ink:letterCount {span.letters} ;",
        f'    ink:spanDigest "{span.digest}" ;',
        f'    ink:firstTokensDigest "{span.first_digest}" ;',
        f'    ink:lastTokensDigest "{span.last_digest}" ;',
        _END,
    ]


def locator_record(normalised: NormalisedText, layout: Layout, notation: str, existing: Container[str]) -> str:
    """Return the record of a new locator for a passage, with its spans.

    ``notation`` is that of :func:`kgraph.source.locators.anchor_passage`, which raises
    :class:`kgraph.errors.PassageError` if the passage is not found.
    """
    anchor = anchor_passage(normalised, layout, notation)
    identifier = new_identifier(existing)
    names = [f"span:{identifier}-{position}" for position in range(1, len(anchor.spans) + 1)]
    lines = [
        f"loc:{identifier}",
        "    a ink:EvidenceLocator ;",
        f"    ink:locatedIn {_shorten(f'<{layout.document}>')} ;",
        f'    ink:normalisation "{ALGORITHM}" ;',
        *(f"    {statement} ;" for statement in stated_numbers(anchor.numbers)),
        *(f"    ink:page {page} ;" for page in anchor.pages),
        f'    ink:section "{anchor.section}" ;',
        *(f"    ink:hasSpan {name} ;" for name in names),
        _END,
    ]
    for position, (name, span) in enumerate(zip(names, anchor.spans, strict=True), start=1):
        lines += ["", *_span_lines(name, position, span)]
    return with_prefixes("\n".join(lines))
