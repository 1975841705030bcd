"""Records against shapes: choosing the shapes, running the engine, one fault from many results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping

from kgraph.turtle import Term, literal_parts
from kgraph.validation.context import Context
from kgraph.validation.engines import ENGINES, Result
from kgraph.validation.faults import Fault
from kgraph.validation.records import RDF_TYPE, Place, Records
from kgraph.validation.rules import ShapeRule

KIND_COMPONENTS = ("Datatype", "NodeKind", "Class", "Or")
"""Components that say that a value is of the wrong kind altogether, the one to be told first."""

COUNT_COMPONENTS = ("MaxCount", "UniqueLang")
"""Components whose results name no value: those of which there are too many are looked up."""


def check_shapes(rules: Iterable[ShapeRule], context: Context, records: Records, engine: str) -> list[Fault]:
    """Return the faults that the shapes find in the checked files, or because of them."""
    data, focus = context.data_graph(records)
    chosen = {rule.iri: rule for rule in _with_targets(rules, data, focus, context)}
    if not chosen:
        return []
    results = ENGINES[engine](data, "".join(rule.statements for rule in chosen.values()))
    caused = context.replaced | set(records.subjects)
    wanted = [
        result
        for result in results
        if result.focus in focus and (result.focus in records.subjects or result.value in caused)
    ]
    return list(_faults(one_of_each_value(wanted, chosen), chosen, context, records))


def _with_targets(rules: Iterable[ShapeRule], data: str, focus: set[Term], context: Context) -> Iterator[ShapeRule]:
    """Yield the shapes that have a target in ``focus``; the engine pays for each shape it is given."""
    predicates: set[Term] = set()
    classes: set[Term] = set()
    for line in data.splitlines():
        subject, predicate, value = line.split(" ", 2)
        if subject in focus:
            predicates.add(predicate)
            if predicate == RDF_TYPE:
                classes.add(value.removesuffix(" ."))
    reached = context.with_superclasses(classes)
    for rule in rules:
        if any(term in (reached if kind == "targetClass" else predicates) for kind, term in rule.targets):
            yield rule


def one_of_each_value(results: Iterable[Result], rules: Mapping[Term, ShapeRule]) -> Iterator[Result]:
    """Yield one result for each value that is of the wrong kind altogether, and all others as they are."""
    grouped: dict[tuple[Term, Term | None, Term | None], list[Result]] = defaultdict(list)
    for result in results:
        grouped[result.focus, result.path, result.value].append(result)
    for group in grouped.values():
        wrong_kind = [r for r in group if r.value is not None and r.path and r.component in KIND_COMPONENTS]
        if wrong_kind:
            yield min(wrong_kind, key=lambda r: (KIND_COMPONENTS.index(r.component), rules[r.shape].code))
        else:
            yield from group


def _faults(
    results: Iterable[Result], rules: dict[Term, ShapeRule], context: Context, records: Records
) -> Iterator[Fault]:
    for result in dict.fromkeys(results):
        rule = rules[result.shape]
        path = result.path or rule.path
        if result.component in COUNT_COMPONENTS and path is not None:
            yield from _surplus(rule, result, path, records)
            continue
        value = result.value if result.value != result.focus else None
        place = _place(result.focus, path, value, records)
        if value is None or place is None:
            at = place or _subject(result.focus, records)
            yield Fault(rule, result.focus, path, value, at, value is None, component=result.component)
        elif not _is_consequence(result, value, context):
            yield Fault(rule, result.focus, path, value, place, False, component=result.component)


def _place(focus: Term, path: Term | None, value: Term | None, records: Records) -> Place | None:
    return records.place_of_value(focus, path, value) if path and value else None


def _subject(focus: Term, records: Records) -> Place | None:
    return records.subjects.get(focus)


def _is_consequence(result: Result, value: Term, context: Context) -> bool:
    """Tell whether a value lacks the class only because it is not described, or by no known class."""
    if result.component not in ("Class", "Or", "NodeKind") or not value.startswith("<"):
        return False
    return context.declared.isdisjoint(context.types(value))


def _surplus(rule: ShapeRule, result: Result, path: Term, records: Records) -> Iterator[Fault]:
    """Yield one fault for each value too many: the second of a language, or the second at all."""
    seen: set[str | None] = set()
    for value, place in records.values.get((result.focus, path), []):
        language = literal_parts(value)[1] if value.startswith('"') else None
        key = language if result.component == "UniqueLang" else None
        if key in seen or _none_allowed(rule):
            yield Fault(rule, result.focus, path, value, place, False, component=result.component)
        seen.add(key)


def _none_allowed(rule: ShapeRule) -> bool:
    return 'maxCount> "0"^^' in rule.statements
