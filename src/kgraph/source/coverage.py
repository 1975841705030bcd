"""Which lines of a source document have given the graph something, as the coverage files tell it.

A coverage file is a CSV file with the columns first line, last line, kind, what it is, and the records
that cover it (prefixed names) or the reason why none does. Lines count from 1, both ends included.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kgraph.dataset import load_text
from kgraph.report import Remark, Report, Severity
from kgraph.source.layout import Layout
from kgraph.source.remarks import remark, shown_path
from kgraph.source.stated import Statements
from kgraph.vocabulary import PREFIXES

FOLDER = "data/layout/coverage"
"""Where the coverage files stand, below the home."""

_RECORD = re.compile(r"(?<![\w:/])([a-z][a-z-]*):([A-Za-z0-9][\w-]*)")
_COLUMNS = 5


@dataclass(frozen=True)
class CoveredLines:
    """A row of a coverage file: lines of the source and the IRIs, in N-Triples syntax, of what covers them."""

    file: str
    line: int
    first: int
    last: int
    kind: str
    what: str
    records: tuple[str, ...]


@dataclass(frozen=True)
class OpenLines:
    """A run of lines on one page that no coverage file has."""

    page: int
    first: int
    last: int


def _row(file: str, line: int, cells: list[str]) -> CoveredLines:
    """Raises ``ValueError`` if the cells are no row of a coverage file."""
    if len(cells) < _COLUMNS - 1:
        raise ValueError(", ".join(cells))
    first, last = int(cells[0]), int(cells[1])
    if not 1 <= first <= last:
        raise ValueError(f"{first}, {last}")
    names = _RECORD.findall(cells[4]) if len(cells) >= _COLUMNS else []
    records = tuple(f"<{PREFIXES[prefix]}{local}>" for prefix, local in names if prefix in PREFIXES)
    return CoveredLines(file, line, first, last, cells[2].strip(), cells[3].strip(), records)


def read_coverage(content: str, file: str) -> tuple[tuple[CoveredLines, ...], Report]:
    """Read the text of a coverage file; its first line names the columns."""
    rows: list[CoveredLines] = []
    remarks: list[Remark] = []
    reader = csv.reader(io.StringIO(content))
    for cells in reader:
        if reader.line_num == 1 or not cells:
            continue
        try:
            rows.append(_row(file, reader.line_num, cells))
        except ValueError as error:
            remarks.append(remark("source-coverage-malformed", file, reader.line_num, found=str(error)))
    return tuple(rows), Report(remarks)


def load_coverage(home: Path) -> tuple[tuple[CoveredLines, ...], Report]:
    """Read every coverage file of a home, in the order of their names."""
    rows: list[CoveredLines] = []
    report = Report()
    for path in sorted((home / FOLDER).glob("*.csv")):
        found, remarks = read_coverage(load_text(path), shown_path(path, home))
        rows += found
        report += remarks
    return tuple(rows), report


def lines_with_text(extraction: str) -> frozenset[int]:
    """Return the numbers of the lines of an extraction that are not blank."""
    return frozenset(number for number, line in enumerate(extraction.split("\n"), start=1) if line.strip())


def iter_open(rows: Iterable[CoveredLines], layout: Layout, written: frozenset[int]) -> Iterator[OpenLines]:
    """Yield the runs of lines with text, in reading order, that no row has; blank lines do not end a run."""
    covered = {line for row in rows for line in range(row.first, row.last + 1)}
    for block in layout.blocks:
        run: list[int] = []
        for line in [n for n in range(block.first_line, block.last_line + 1) if n in written]:
            if line not in covered:
                run.append(line)
            elif run:
                yield OpenLines(block.page, run[0], run[-1])
                run = []
        if run:
            yield OpenLines(block.page, run[0], run[-1])


def check_coverage(
    rows: Iterable[CoveredLines], layout: Layout, statements: Statements, written: frozenset[int] | None = None
) -> Report:
    """Report lines that two rows have, records that the graph lacks and, if ``written`` is given, lines left out.

    ``written`` holds the lines with text (see :func:`lines_with_text`); lines left out are warnings.
    """
    rows = tuple(rows)
    remarks: list[Remark] = []
    owners: dict[int, CoveredLines] = {}
    for row in rows:
        lines = [n for n in range(row.first, row.last + 1) if written is None or n in written]
        for other in dict.fromkeys(owners[n] for n in lines if n in owners):
            both = [n for n in lines if owners.get(n) is other]
            where = f"{other.file}:{other.line}"
            remarks.append(
                remark("source-coverage-twice", row.file, row.line, first=both[0], last=both[-1], other=where)
            )
        owners.update((n, row) for n in lines if n not in owners)
        for record in row.records:
            if record not in statements:
                remarks.append(remark("source-coverage-unknown-record", row.file, row.line, found=record[1:-1]))
    for left in iter_open(rows, layout, written) if written is not None else ():
        remarks.append(
            remark(
                "source-coverage-missing",
                FOLDER,
                severity=Severity.WARNING,
                first=left.first,
                last=left.last,
                page=left.page,
            )
        )
    return Report(remarks)


def render_coverage(rows: Iterable[CoveredLines], layout: Layout) -> str:
    """Return the reference page on coverage: by page and by kind, in Markdown."""
    by_page: dict[int, list[CoveredLines]] = defaultdict(list)
    kinds: Counter[str] = Counter()
    bare: Counter[str] = Counter()
    for row in rows:
        by_page[layout.page_of(row.first) or 0].append(row)
        kinds[row.kind] += 1
        bare[row.kind] += not row.records
    page_lines = [
        f"| {page} | {len(found)} | {len({record for row in found for record in row.records})} "
        f"| {sum(not row.records for row in found)} |"
        for page, found in sorted(by_page.items())
    ]
    kind_lines = [f"| {kind} | {count} | {bare[kind]} |" for kind, count in sorted(kinds.items())]
    return "\n".join(
        [
            "# What the report has given the graph",
            "",
            f"This page is made from the files in `{FOLDER}`, which enter every passage of the report with the",
            "records that hold its knowledge, or with the reason why it holds none (a heading, a folio, a cross-",
            "reference). `pytest tests/test_source_coverage.py` checks the files against the graph, this page",
            "against the files and, where the report's text is at hand, that no line of it is left out.",
            "",
            "| page | passages | records | passages without a record |",
            "|---|---|---|---|",
            *page_lines,
            "",
            "| kind of passage | passages | without a record |",
            "|---|---|---|",
            *kind_lines,
            "",
        ]
    )
