"""Checking of records: syntax, names, shapes and check queries, each fault one remark with its place."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from kgraph.dataset import graph_of, iter_files
from kgraph.report import Report
from kgraph.validation.context import Context
from kgraph.validation.faults import Fault, to_remark, without_consequences
from kgraph.validation.programs import StatementRules
from kgraph.validation.queries import check_queries
from kgraph.validation.records import Records, load_records
from kgraph.validation.rules import RuleBook, load_rules
from kgraph.validation.shapes import check_shapes
from kgraph.vocabulary import GRAPHS

_NOT_RECORDS = (GRAPHS + "ontology", GRAPHS + "shapes", GRAPHS + "alignments")

__all__ = ["RuleBook", "check_dataset", "check_files", "load_rules"]


def check_files(paths: Iterable[Path], home: Path, *, rules: RuleBook | None = None, engine: str = "pyshacl") -> Report:
    """Check records, all together, as if they stood in the packaged graph of ``home``.

    A file that stands in for a packaged one replaces it. Only faults in the checked files, or caused
    by them, are reported. Files of the ontology are checked for syntax alone. ``rules`` defaults to
    all of the home's; ``engine`` is a key of :data:`kgraph.validation.engines.ENGINES`. Raises
    :class:`kgraph.errors.ShapeError` or :class:`kgraph.errors.QueryFileError` if a rule is broken.
    """
    listed = list(dict.fromkeys(paths))
    knowledge = load_records(path for path in listed if graph_of(path, home) in _NOT_RECORDS)
    records = load_records(path for path in listed if graph_of(path, home) not in _NOT_RECORDS)
    faults = _check(records, home, rules or load_rules(home), engine) if records.documents else []
    return Report([*knowledge.remarks, *records.remarks, *(to_remark(fault, str(home)) for fault in faults)])


def check_dataset(home: Path, *, engine: str = "pyshacl") -> Report:
    """Check every file of the packaged dataset; the remarks name files by their paths below ``home``."""
    report = check_files([file.path for file in iter_files(home)], home, engine=engine)
    return Report(replace(remark, file=remark.file.removeprefix(f"{home}/")) for remark in report)


def _check(records: Records, home: Path, rules: RuleBook, engine: str) -> list[Fault]:
    context = Context(home, records)
    statements = StatementRules(rules.programs, context.declared)
    faults = list(statements.check(records))
    faults += check_shapes(rules.shapes, context, records, engine)
    faults += check_queries(rules.queries, context, records)
    return without_consequences(
        faults, records.incomplete | statements.mistyped, statements.misnamed | records.withheld
    )
