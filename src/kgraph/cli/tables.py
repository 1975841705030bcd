"""Answers of SELECT and ASK queries as tables for a terminal."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from kgraph.vocabulary import PREFIXES

_GAP = "  "
_NARROWEST = 8
_LOCAL_NAME = re.compile(r"[\w.-]*")
_NUMERIC = tuple(PREFIXES["xsd"] + name for name in ("integer", "decimal", "double"))


def render_table(results: Mapping[str, Any], width: int, hidden: Collection[str] = ()) -> str:
    """Return an answer in the SPARQL 1.1 Query Results JSON Format as a table of at most ``width`` characters.

    Cells that are too wide run over several lines. ``hidden`` names variables that get no column. A line
    with the number of rows closes the table; the answer of an ASK query is ``true`` or ``false``.
    """
    if "boolean" in results:
        return f"{str(results['boolean']).lower()}\n"
    names = [name for name in results["head"]["vars"] if name not in hidden]
    bindings = results["results"]["bindings"]
    rows = [[_cell(binding.get(name)) for name in names] for binding in bindings]
    numeric = [all(_is_number(b[name]) for b in bindings if name in b) and bool(bindings) for name in names]
    widths = _fit([list(column) for column in zip(names, *rows, strict=True)], width)
    lines = [_line(names, widths, numeric), _GAP.join("─" * w for w in widths)]
    for row in rows:
        lines.extend(_wrapped(row, widths, numeric))
    count = len(rows)
    return "\n".join([*(line.rstrip() for line in lines), f"({count} row{'' if count == 1 else 's'})", ""])


def shorten(iri: str) -> str:
    """Return an IRI as a prefixed name, or in angle brackets if no prefix of kgraph's fits."""
    best = max((item for item in PREFIXES.items() if iri.startswith(item[1])), key=lambda i: len(i[1]), default=None)
    if best is not None and _LOCAL_NAME.fullmatch(iri[len(best[1]) :]):
        return f"{best[0]}:{iri[len(best[1]) :]}"
    return f"<{iri}>"


def _cell(term: Mapping[str, str] | None) -> str:
    if term is None:
        return ""
    if term["type"] == "uri":
        return shorten(term["value"])
    return f"_:{term['value']}" if term["type"] == "bnode" else " ".join(term["value"].split())


def _is_number(term: Mapping[str, str]) -> bool:
    return term.get("datatype") in _NUMERIC


def _fit(columns: list[list[str]], width: int) -> list[int]:
    """Return column widths that fit, taken from the widest columns first; words are cut only if they must be."""
    widths = [max(map(len, column)) for column in columns]
    words = [max((len(word) for cell in column for word in cell.split()), default=0) for column in columns]
    room = width - len(_GAP) * (len(widths) - 1)
    for floors in (words, [_NARROWEST] * len(widths)):
        while sum(widths) > room:
            spare = [max(w - floor, 0) and w for w, floor in zip(widths, floors, strict=True)]
            if not any(spare):
                break
            widths[spare.index(max(spare))] -= 1
    return widths


def _line(cells: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> str:
    padded = (cell.rjust(w) if right else cell.ljust(w) for cell, w, right in zip(cells, widths, numeric, strict=True))
    return _GAP.join(padded)


def _wrapped(row: Sequence[str], widths: Sequence[int], numeric: Sequence[bool]) -> list[str]:
    pieces = [textwrap.wrap(cell, w) or [""] for cell, w in zip(row, widths, strict=True)]
    height = max((len(piece) for piece in pieces), default=1)
    return [_line([p[i] if i < len(p) else "" for p in pieces], widths, numeric) for i in range(height)]
