"""The reference page of all codes, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.languages import texts
from kgraph.report import Severity
from kgraph.turtle import REMARKS
from kgraph.validation.rules import Rule, RuleBook, texts_unfilled

_HEAD = """\
# Checks

Every remark has a code that never changes its meaning. A *violation* stops a release, a *warning* is counted,
an *info* is for review. The wording below is the English one; the Nynorsk and Bokmål stand beside it in the
same files. Words in braces are filled in from the record.

This page is made from the rules by `kgraph.validation.reference.render_checks`.
"""

_SECTIONS = (
    ("Rules of the ontology's shapes", "ontology/shapes"),
    ("Rules that need the whole graph", "queries/checks"),
    ("Rules about single statements", "kgraph.validation"),
)


def render_checks(rules: RuleBook) -> str:
    """Return the page of all codes as Markdown: severity, message, cure and the file of each rule."""
    parts = [_HEAD]
    for title, source in _SECTIONS:
        found = [rule for rule in rules if rule.source.startswith(source)]
        parts.append(f"\n## {title}\n\n" + _table(found))
    parts.append("\n## Faults of syntax\n\n" + _table(list(_syntax_rules())))
    return "".join(parts)


def _syntax_rules() -> Iterator[Rule]:
    for code, names in sorted(REMARKS.items()):
        unfilled = {name: "{" + name + "}" for name in names}
        messages, cures = texts(f"{code}.message", **unfilled), texts(f"{code}.cure", **unfilled)
        yield Rule(code, Severity.VIOLATION, messages, cures, "kgraph.turtle")
    unfilled = texts_unfilled("file-unreadable.cure")
    yield Rule("file-unreadable", Severity.VIOLATION, texts("file-unreadable.message", reason="{reason}"), unfilled)


def _table(rules: list[Rule]) -> str:
    rows = ["| Code | Severity | What is wrong | How to mend it | Where |\n", "|---|---|---|---|---|\n"]
    for rule in rules:
        cells = (rule.messages["en"], rule.cures["en"], f"`{rule.source}`" if rule.source else "")
        texts_of_row = " | ".join(cell.replace("|", "\\|").replace("{$", "{").replace("<", "&lt;") for cell in cells)
        anchor = f'<a id="{rule.code.lower()}"></a>`{rule.code}`'
        rows.append(f"| {anchor} | {rule.severity} | {texts_of_row} |\n")
    return "".join(rows)
