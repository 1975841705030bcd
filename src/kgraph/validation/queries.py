"""Records against check queries: rules that only the whole graph can answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from difflib import get_close_matches

from kgraph.turtle import Term
from kgraph.validation.context import Context
from kgraph.validation.faults import Fault, shown
from kgraph.validation.records import Place, Records
from kgraph.validation.rules import QueryRule


def check_queries(rules: Iterable[QueryRule], context: Context, records: Records) -> Iterator[Fault]:
    """Yield the faults that the check queries find in the checked files, or because of them."""
    for rule in rules:
        for row in context.select(rule.text):
            fault = _fault(rule, row, context, records)
            if fault is not None:
                yield fault


def _fault(rule: QueryRule, row: Mapping[str, Term], context: Context, records: Records) -> Fault | None:
    focus, path, value = row["focus"], row.get("path"), row.get("value")
    if focus not in records.subjects and value not in records.subjects and value not in context.removed:
        return None
    place = _place(focus, path, value, context, records)
    params = {name: shown(term) for name, term in row.items()}
    suggestion = _suggestion(value, context) if rule.suggest and value else ""
    return Fault(rule, focus, path, value, place, rule.absence, params, suggestion, row.get("by"))


def _place(focus: Term, path: Term | None, value: Term | None, context: Context, records: Records) -> Place:
    if focus in records.subjects:
        found = records.place_of_value(focus, path, value) if path and value else None
        stated = records.values.get((focus, path)) if path else None
        return found or (stated[0][1] if stated else records.subjects[focus])
    if value in records.subjects:
        return records.subjects[value]
    file, line = context.packaged_place(focus, path, value)
    return Place(file, line, None)


def _suggestion(value: Term, context: Context) -> str:
    """Return the described resource whose address is most like a value's, of the same kind."""
    if not value.startswith("<"):
        return ""
    kind, _, slug = value[1:-1].rpartition("/")
    pattern = f'SELECT DISTINCT ?s WHERE {{ ?s ?p ?o FILTER(STRSTARTS(STR(?s), "{kind}/")) }}'
    slugs = {row["s"][1:-1].rpartition("/")[2]: row["s"] for row in context.select(pattern)}
    found = get_close_matches(slug, slugs, n=1, cutoff=0.75)
    return shown(slugs[found[0]]) if found else ""
