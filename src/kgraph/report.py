"""Remarks on records, and reports that gather them.

A remark says what is wrong where, in every language of the catalogue; the severity and the code
are for machines and never translated.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

FALLBACK_LANGUAGES = ("nn", "nb", "en")
_SH = "http://www.w3.org/ns/shacl#"
_A = "<http://www.w3.org/1999/02/22-rdf-syntax-ns#type>"
_BOOLEAN = "<http://www.w3.org/2001/XMLSchema#boolean>"
_RULE_PAGE = "https://w3id.org/inkludering/docs/reference/checks#"
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})
_SARIF_LEVELS = {"violation": "error", "warning": "warning", "info": "note"}
_SARIF_SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


class Severity(StrEnum):
    """How much a remark weighs: a violation stops a release, a warning is counted, an info is for review."""

    VIOLATION = "violation"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """Return 0 for the heaviest severity and larger numbers for the lighter ones."""
        return list(Severity).index(self)


def wording(texts: Mapping[str, str], language: str) -> str:
    """Return the text in ``language``, else in the first language that has one, else an empty string."""
    for candidate in (language, *FALLBACK_LANGUAGES):
        if candidate in texts:
            return texts[candidate]
    return next(iter(texts.values()), "")


@dataclass(frozen=True)
class Remark:
    """One fault, or one thing to look at, in one place.

    ``line`` and ``column`` count from 1 and are None where the remark is not about a place in a
    file. ``messages`` says what is wrong and ``cures`` how to mend it, by language (nn, nb, en).
    ``focus``, ``path``, ``value`` and ``shape`` are terms in N-Triples syntax; ``component`` is the local
    name of a SHACL constraint component without its ending, such as ``MinCount``.
    """

    file: str
    line: int | None
    column: int | None
    severity: Severity
    code: str
    messages: Mapping[str, str] = field(hash=False)
    cures: Mapping[str, str] = field(default_factory=dict, hash=False)
    focus: str | None = None
    path: str | None = None
    value: str | None = None
    shape: str | None = None
    component: str | None = None

    def sort_key(self) -> tuple[object, ...]:
        """Return the key by which remarks stand in a report: file, line, column, severity, code, value."""
        place = (self.file, self.line or 0, self.column or 0)
        return (*place, self.severity.rank, self.code, self.focus or "", self.path or "", self.value or "")

    def render_text(self, language: str) -> str:
        """Return ``file:line: severity code: message`` with the cure on an indented line of its own."""
        place = self.file if self.line is None else f"{self.file}:{self.line}"
        text = f"{place}: {self.severity} {self.code}: {wording(self.messages, language)}"
        cure = wording(self.cures, language)
        return f"{text}\n    {cure}" if cure else text

    def to_dict(self, language: str) -> dict[str, object]:
        """Return the remark as a JSON object, worded in ``language``."""
        return {
            "file": self.file,
            "line": self.line,
            "column": self.column,
            "severity": str(self.severity),
            "code": self.code,
            "message": wording(self.messages, language),
            "cure": wording(self.cures, language),
            "focus": self.focus,
            "path": self.path,
            "value": self.value,
        }

    def _to_n_triples(self, node: str) -> Iterator[str]:
        yield f"{node} {_A} <{_SH}ValidationResult> ."
        shape = self.shape or f"<{_RULE_PAGE}{self.code.lower()}>"
        component = self.component or "SPARQL"
        parts = {
            "focusNode": self.focus,
            "resultPath": self.path,
            "value": self.value,
            "sourceShape": shape,
            "sourceConstraintComponent": f"<{_SH}{component}ConstraintComponent>",
            "resultSeverity": f"<{_SH}{self.severity.capitalize()}>",
        }
        for name, term in parts.items():
            if term is not None:
                yield f"{node} <{_SH}{name}> {term} ."
        for language, message in self.messages.items():
            yield f'{node} <{_SH}resultMessage> "{message.translate(_ESCAPES)}"@{language} .'

    def _to_sarif(self, language: str) -> dict[str, object]:
        location: dict[str, object] = {"artifactLocation": {"uri": self.file}}
        if self.line is not None:
            location["region"] = {"startLine": self.line} | ({"startColumn": self.column} if self.column else {})
        text = " ".join(part for part in (wording(self.messages, language), wording(self.cures, language)) if part)
        return {
            "ruleId": self.code,
            "level": _SARIF_LEVELS[self.severity],
            "message": {"text": text},
            "locations": [{"physicalLocation": location}],
        }


class Report:
    """Remarks in a fixed order, without exact duplicates."""

    def __init__(self, remarks: Iterable[Remark] = ()) -> None:
        """Gather ``remarks``, ordered by file and line; a remark that is there already is dropped."""
        self.remarks: tuple[Remark, ...] = tuple(sorted(dict.fromkeys(remarks), key=Remark.sort_key))

    def __iter__(self) -> Iterator[Remark]:
        """Iterate over the remarks in order."""
        return iter(self.remarks)

    def __len__(self) -> int:
        """Return the number of remarks."""
        return len(self.remarks)

    def __add__(self, other: Report) -> Report:
        """Return one report of both reports' remarks."""
        return Report((*self.remarks, *other.remarks))

    def counts(self) -> dict[Severity, int]:
        """Return how many remarks there are of each severity, zero included."""
        return {severity: sum(remark.severity is severity for remark in self.remarks) for severity in Severity}

    def exit_code(self) -> int:
        """Return 1 if there is a violation, else 0."""
        return 1 if any(remark.severity is Severity.VIOLATION for remark in self.remarks) else 0

    def render_text(self, language: str = "nn") -> str:
        """Return one line for each remark, cures on indented lines, or an empty string for no remarks."""
        return "".join(remark.render_text(language) + "\n" for remark in self.remarks)

    def to_dict(self, language: str = "nn") -> dict[str, object]:
        """Return the report as a JSON object: ``counts`` by severity and ``remarks``."""
        counts = {str(severity): count for severity, count in self.counts().items()}
        return {"counts": counts, "remarks": [remark.to_dict(language) for remark in self.remarks]}

    def to_json(self, language: str = "nn") -> str:
        """Return :meth:`to_dict` as indented JSON text with a closing line end."""
        return json.dumps(self.to_dict(language), ensure_ascii=False, indent=2) + "\n"

    def to_sarif(self, language: str = "nn") -> str:
        """Return the report as a SARIF 2.1.0 log, for code review tools."""
        rules = [{"id": code} for code in dict.fromkeys(remark.code for remark in self.remarks)]
        run = {
            "tool": {"driver": {"name": "kgraph", "rules": rules}},
            "results": [remark._to_sarif(language) for remark in self.remarks],
        }
        log = {"$schema": _SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}
        return json.dumps(log, ensure_ascii=False, indent=2) + "\n"

    def to_n_triples(self) -> str:
        """Return the report as a SHACL validation report in N-Triples, its messages in every language.

        A report conforms if it has no violation, as SHACL 1.2 allows where ``sh:conformanceDisallows`` says so. What
        a check query found has the page of its rule as its source shape.
        """
        report = "_:report"
        conforms = "false" if self.exit_code() else "true"
        lines = [
            f"{report} {_A} <{_SH}ValidationReport> .",
            f'{report} <{_SH}conforms> "{conforms}"^^{_BOOLEAN} .',
            f"{report} <{_SH}conformanceDisallows> <{_SH}Violation> .",
        ]
        for number, remark in enumerate(self.remarks, start=1):
            node = f"_:result{number}"
            lines.append(f"{report} <{_SH}result> {node} .")
            lines.extend(remark._to_n_triples(node))
        return "\n".join(lines) + "\n"
