"""The questions of the benchmark, and whether servers answer them alike, row for row."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path

import pyoxigraph as ox
from bounds import Allowance
from servers import RESULTS_JSON, TURTLE, Reply, Server, ServerError

QUERIES = Path(__file__).parent / "queries"
PATIENCE = 120.0
"""Seconds an answer may take before the question counts as unanswered."""

_GRAPH_FORM = re.compile(r"^\s*(CONSTRUCT|DESCRIBE)\b", re.MULTILINE)
_XSD = "http://www.w3.org/2001/XMLSchema#"
_NUMBERS = {_XSD + name for name in ("integer", "int", "long", "decimal", "double", "float", "nonNegativeInteger")}
_DIGITS = 9
_ASKED_OF_VIRTUOSO = "__ASK_RETVAL"

DEVIATIONS: Mapping[tuple[str, str], str] = {
    ("rdflib-endpoint", "describe"): "sends RDF/XML as application/sparql-results+xml, whatever is asked for",
}
"""For a server and a question, why its answer differs: it is then neither compared nor timed."""

Rows = Counter[tuple[str, ...]]


@dataclass(frozen=True)
class Question:
    """A query of the mix: its file's name without suffix, what it asks in words, and its text."""

    name: str
    meaning: str
    text: str

    @property
    def accept(self) -> str:
        """The media type its answer is asked for in."""
        return TURTLE if _GRAPH_FORM.search(self.text) else RESULTS_JSON

    def varied(self, number: int) -> str:
        """Return a text of its own with the same answer, so that no exact cache holds it."""
        return f"{self.text}# {number}\n"


@dataclass
class Comparison:
    """What the servers answered: rows per question, and why a server's answer is not timed, if it is not."""

    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[tuple[str, str], str] = field(default_factory=dict)


class AnswersDifferError(Exception):
    """Two servers answer a question otherwise, and no deviation is declared."""


def load_questions() -> list[Question]:
    """Return the questions of the mix in the order of their names."""
    questions = []
    for path in sorted(QUERIES.glob("*.rq")):
        text = path.read_text(encoding="utf-8")
        questions.append(Question(path.stem, text.partition("\n")[0].removeprefix("# "), text))
    return questions


def read_rows(reply: Reply) -> Rows:
    """Return an answer as a multiset of rows of canonical terms; a graph as its triples, a boolean as one row.

    Numbers count by their value to nine digits, ``xsd:string`` as a plain string, language tags in lower case, and
    blank nodes as alike. Raises ``ValueError`` or ``SyntaxError`` for a body that is not in the format it says.
    """
    graph_format = ox.RdfFormat.from_media_type(reply.media_type)
    if graph_format:
        triples = {quad.triple for quad in ox.parse(reply.body, format=graph_format)}
        return Counter((_of_node(t.subject), _of_node(t.predicate), _of_node(t.object)) for t in triples)
    content = json.loads(reply.body)
    if "boolean" in content:
        return Counter([(str(bool(content["boolean"])),)])
    names = content["head"]["vars"]
    if names == [_ASKED_OF_VIRTUOSO]:
        return Counter([(str(content["results"]["bindings"][0][_ASKED_OF_VIRTUOSO]["value"] == "1"),)])
    return Counter(
        tuple(_of_binding(row[name]) if name in row else "" for name in names) for row in content["results"]["bindings"]
    )


def compare_answers(
    servers: Sequence[Server],
    questions: Sequence[Question],
    progress: Callable[[str], None],
    allowance: Allowance | None = None,
) -> Comparison:
    """Ask every server every question and compare with the first server that answers.

    A server that has used up its time is asked no further question.
    Raises :class:`AnswersDifferError` for a difference without a declared deviation.
    """
    comparison = Comparison()
    allowance = allowance or Allowance()
    for question in questions:
        first: tuple[str, Rows] | None = None
        for server in servers:
            try:
                with allowance.of(server.name, PATIENCE) as seconds:
                    reply = server.ask(question.text, question.accept, timeout=seconds)
            except ServerError as error:
                comparison.left_out[server.name, question.name] = f"no answer ({str(error)[:120]})"
                continue
            rows = _read_or_note(reply)
            if first is None:
                first = server.name, rows
                comparison.rows[question.name] = rows.total()
            elif rows != first[1]:
                reason = DEVIATIONS.get((server.name, question.name))
                if reason is None:
                    raise AnswersDifferError(_tell(question, first, (server.name, rows)))
                comparison.left_out[server.name, question.name] = reason
        progress(f"compared {question.name}: {comparison.rows.get(question.name, 'no')} rows")
    return comparison


def _read_or_note(reply: Reply) -> Rows:
    try:
        return read_rows(reply)
    except (ValueError, SyntaxError) as error:
        return Counter([(f"not {reply.media_type}: {error}",)])


def _tell(question: Question, first: tuple[str, Rows], other: tuple[str, Rows]) -> str:
    lines = [f"{question.name}: {first[0]} has {first[1].total()} rows, {other[0]} has {other[1].total()}"]
    for name, rows in ((first[0], first[1] - other[1]), (other[0], other[1] - first[1])):
        lines += [f"  only {name}: {' | '.join(row)}" for row in list(rows)[:3]]
    return "\n".join(lines)


def _of_node(node: object) -> str:
    match node:
        case ox.NamedNode():
            return f"<{node.value}>"
        case ox.Literal():
            return _of_literal(node.value, node.language, node.datatype.value)
        case _:
            return "_:"


def _of_binding(term: Mapping[str, str]) -> str:
    match term["type"]:
        case "uri":
            return f"<{term['value']}>"
        case "bnode":
            return "_:"
        case _:
            return _of_literal(term["value"], term.get("xml:lang"), term.get("datatype"))


def _of_literal(value: str, language: str | None, datatype: str | None) -> str:
    if language:
        return f'"{value}"@{language.lower()}'
    if datatype in _NUMBERS:
        try:
            return f"{Decimal(value):.{_DIGITS - 1}e}"
        except InvalidOperation:
            pass
    return f'"{value}"' if datatype in (None, "", _XSD + "string") else f'"{value}"^^<{datatype}>'
