"""The reference page of all codes, made from the rules themselves."""

from __future__ import annotations

from collections.abc import Iterator

from kgraph.languages import texts
from kgraph.report import Severity
from kgraph.turtle import REMARKS
from kgraph.validation.patterns import NotDerivableError
from kgraph.validation.reach import query_reach
from kgraph.validation.rules import QueryRule, Rule, RuleBook, texts_unfilled

_HEAD = """\
# Checks

Every remark has a code that never changes its meaning. A *violation* stops a release, a *warning* is counted,
an *info* is for review. The wording below is the English one; the Nynorsk and Bokmål stand beside it in the
same files. Words in braces are filled in from the record.

This page is made from the rules by `kgraph.validation.reference.render_checks`.

## When the rules are kept

`kgraph check` keeps every rule on files. A change of a running server is checked before it counts: by all shapes and,
but for a few, by all check queries, on every resource on which the change can matter. How far a rule looks is derived
from its text. So two changes that are sound alone but not together cannot both pass: the second one sees the first.

- A violation that the change brings refuses it. Warnings and infos are reported and do not refuse.
- What was wrong before the change as well refuses nothing. On resources that the change touches it is reported as an
  info with the code of its rule and a message that says so. It is the same remark if shape or query, resource,
  property, value and constraint are the same.
- Literals are judged by shapes as they were sent, even where the engine keeps another form of them.
- Check queries judge only resources below `https://w3id.org/inkludering/id/` and `…/vocab/`. Shapes judge these, and
  any other resource that a shape reaches by one of our own terms. Data on resources of others are left alone.
- A change that reaches very much, such as an axiom about a class that thousands belong to, is checked by checking
  everything.
- The rules about single statements and the faults of syntax are told by `kgraph check` alone.
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
        notes = _at_a_change(rules) if source == "queries/checks" else ""
        parts.append(f"\n## {title}\n\n" + notes + _table(found))
    parts.append("\n## Faults of syntax\n\n" + _table(list(_syntax_rules())))
    return "".join(parts)


def _at_a_change(rules: RuleBook) -> str:
    """Return the sentence on the queries that do not run at a change of a server's data."""
    codes = ", ".join(f"`{rule.code}`" for rule in rules.queries if not _is_derivable(rule))
    return f"Only `kgraph check` runs {codes}: how far they look cannot be told from a change.\n\n"


def _is_derivable(rule: QueryRule) -> bool:
    try:
        return bool(query_reach(rule.text))
    except NotDerivableError:
        return False


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
