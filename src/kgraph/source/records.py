"""The start of a new record: an identifier nobody has, a template with its properties explained, a locator.

A template is made from the shapes of the record's class and of the classes above it, so it asks for what
the checks will ask for, in the order of ``sh:order`` and in the steward's language.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Container, Iterator
from dataclasses import dataclass

from kgraph.errors import UnknownClassError
from kgraph.languages import LANGUAGES, text
from kgraph.source.layout import Layout
from kgraph.source.locators import Span, anchor_passage
from kgraph.source.normalisation import ALGORITHM, NormalisedText
from kgraph.source.stated import PREFERRED_LABEL, Statements, term
from kgraph.turtle import Term
from kgraph.vocabulary import PREFIXES, TERMS

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

_CLAIMS = {"Finding", "StatisticalStatement", "SuccessFactor", "Challenge", "Explanation"}
_PROPER_NAMES = {"Person", "Organisation", "Municipality", "Document", "Report", "KnowledgeSynthesis"}
_IN_LANGUAGES = {PREFERRED_LABEL, term("statement"), term("note"), f"<{PREFIXES['skos']}definition>"}
_SUBCLASS = f"<{PREFIXES['rdfs']}subClassOf>"
_LABEL = f"<{PREFIXES['rdfs']}label>"
_COMMENT = f"<{PREFIXES['rdfs']}comment>"
_PREFIX_USED = re.compile(r"(?<![\w:/\"<])([a-z][a-z-]*):")
_PLACEHOLDERS = {"integer": "0", "decimal": "0.0", "boolean": "false", "date": '"2010-01-01"^^xsd:date'}


def _sh(name: str) -> Term:
    return f"<{PREFIXES['sh']}{name}>"


@dataclass(frozen=True)
class _Property:
    """A property that a shape speaks of."""

    path: Term
    order: int
    required: bool
    value_class: str
    datatype: str
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


def _iter_properties(statements: Statements, class_name: str, language: str) -> Iterator[_Property]:
    """Yield the properties of a class's shapes, and of the shapes of the classes above it, each path once."""
    seen: set[Term] = set()
    languages = (language, *LANGUAGES)
    for class_iri in _with_superclasses(statements, term(class_name)):
        for shape in statements.subjects(_sh("targetClass"), class_iri):
            for node in statements.objects(shape, _sh("property")):
                path = next(iter(statements.objects(node, _sh("path"))), "")
                if not path.startswith("<") or path in seen:
                    continue
                seen.add(path)
                value_class = next(iter(statements.objects(node, _sh("class"))), "")
                datatype = next(iter(statements.objects(node, _sh("datatype"))), "")
                yield _Property(
                    path=path,
                    order=statements.number(node, _sh("order")),
                    required=statements.number(node, _sh("minCount")) > 0,
                    value_class=value_class[1:-1].removeprefix(TERMS),
                    datatype=datatype[1:-1].rsplit("#", 1)[-1],
                    name=statements.text_in(node, _sh("name"), languages)
                    or statements.text_in(path, _LABEL, languages)
                    or _shorten(path),
                    description=statements.text_in(node, _sh("description"), languages)
                    or statements.text_in(path, _COMMENT, languages),
                )


def _values(found: _Property, class_name: str) -> list[str]:
    """Return the placeholders of a property: one a language for texts, else one."""
    if found.path in _IN_LANGUAGES and not (found.path == PREFERRED_LABEL and class_name in _PROPER_NAMES):
        return [f'""@{language}' for language in LANGUAGES]
    if found.value_class:
        prefix = (OPAQUE | NAMED).get(found.value_class)
        return [f"{prefix}:{SLUG}" if prefix else f"<{SLUG}>"]
    return [_PLACEHOLDERS.get(found.datatype, '""')]


def _property_lines(found: _Property, class_name: str, language: str) -> Iterator[str]:
    need = text("template.required" if found.required else "template.optional", language)
    explained = " ".join(part for part in (f"{found.name} ({need}).", found.description) if part)
    yield f"    # {' '.join(explained.split())}"
    # What is optional is commented out, so that a record with nothing added is still sound.
    lead = "    " if found.required else "    # "
    yield from (f"{lead}{_shorten(found.path)} {value} ;" for value in _values(found, class_name))


def _record(statements: Statements, class_name: str, subject: str, language: str, more: tuple[str, ...] = ()) -> str:
    found = sorted(_iter_properties(statements, class_name, language), key=lambda item: (item.order < 0, item.order))
    lines = [line for item in found for line in _property_lines(item, class_name, language)]
    given = {line.split()[0] for line in more}
    kept = [line for line in lines if line.split()[0] not in given]
    about = statements.text_in(term(class_name), _COMMENT, (language, *LANGUAGES))
    head = [f"# {' '.join(about.split())}"] if about else []
    return "\n".join([*head, subject, f"    a ink:{class_name} ;", *kept, *(f"    {line}" for line in more), "."])


def with_prefixes(records: str) -> str:
    """Return Turtle records with the declarations of the prefixes they use before them."""
    statements = (line for line in records.splitlines() if not line.startswith("#"))
    used = {prefix for line in statements for prefix in _PREFIX_USED.findall(re.sub(r'"[^"]*"', '""', line))}
    head = [f"@prefix {prefix}: <{namespace}> ." for prefix, namespace in PREFIXES.items() if prefix in used]
    return "\n".join([*head, "", records, ""])


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
    claim = _record(statements, class_name, subject, language, (f"ink:hasEvidenceLine {line} ;",))
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
        ".",
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
        *(f"    ink:page {page} ;" for page in anchor.pages),
        f'    ink:section "{anchor.section}" ;',
        *(f"    ink:hasSpan {name} ;" for name in names),
        ".",
    ]
    for position, (name, span) in enumerate(zip(names, anchor.spans, strict=True), start=1):
        lines += ["", *_span_lines(name, position, span)]
    return with_prefixes("\n".join(lines))
