"""How many rows or statements an answer has, counted in its bytes."""

from __future__ import annotations

import re

from kgraph.formats import CSV, JSON_RESULTS, N_QUADS, N_TRIPLES, TSV, XML_RESULTS, Format

_MARKS = {
    CSV: b"\r\n",
    TSV: b"\n",
    XML_RESULTS: b"<result>",
    # A quotation mark in a text is escaped, so this stands between two rows and nowhere else.
    JSON_RESULTS: b'},{"',
    N_TRIPLES: b" .\n",
    N_QUADS: b" .\n",
}
_EXPRESSIONS = {mark: re.compile(re.escape(mark)) for mark in _MARKS.values()}
_NEVER = re.compile(rb"(?!)")
_EMPTY = b'"bindings":[]'


class RowCounter:
    """Counts rows while an answer goes by.

    Line breaks in a text of a CSV answer count as rows, and rows without a single value are passed by in JSON.
    """

    def __init__(self, form: str, format: Format) -> None:
        """Count the rows of the answer to a query of that form."""
        self._format = format
        self._mark = b"" if form == "ASK" else _MARKS.get(format, b"")
        self._expression = _EXPRESSIONS.get(self._mark, _NEVER)
        self._tail = b""
        self._found = 0
        self._is_empty = False

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the answer."""
        if not self._mark:
            return
        kept = len(self._mark) - 1
        seam = self._tail + chunk[:kept]
        # An expression finds the marks in less time than count(), which is slow where their letters are frequent.
        self._found += seam.count(self._mark) + len(self._expression.findall(chunk))
        if kept:
            self._tail = (self._tail + chunk[-kept:])[-kept:]
        if self._format is JSON_RESULTS and not self._is_empty and len(chunk) < 65536:
            self._is_empty = _EMPTY in chunk

    @property
    def rows(self) -> int | None:
        """The number so far, ``None`` for what is not counted in rows or in a format that does not show them."""
        if not self._mark:
            return None
        if self._format is CSV or self._format is TSV:
            return max(self._found - 1, 0)
        if self._format is JSON_RESULTS:
            return 0 if self._is_empty else self._found + 1
        return self._found
