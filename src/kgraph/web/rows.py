"""How many rows or statements an answer has, counted in its bytes."""

from __future__ import annotations

import re

from kgraph.formats import CSV, JSON_RESULTS, N_QUADS, N_TRIPLES, TSV, XML_RESULTS, Format

_MARKS = {
    CSV: re.compile(rb"\r\n"),
    TSV: re.compile(rb"\n"),
    XML_RESULTS: re.compile(rb"<result>"),
    # A quotation mark in a text is escaped, so this stands between two rows, where a name follows, or at the end of a
    # text, where a bracket or a comma does.
    JSON_RESULTS: re.compile(rb'\},\{"[^},]'),
    N_TRIPLES: re.compile(rb" \.\n"),
    N_QUADS: re.compile(rb" \.\n"),
}
_LENGTHS = {CSV: 2, TSV: 1, XML_RESULTS: 8, JSON_RESULTS: 5, N_TRIPLES: 3, N_QUADS: 3}
_EMPTY = b'"bindings":[]'


class RowCounter:
    """Counts rows while an answer goes by.

    Line breaks in a text of a CSV answer count as rows, and rows without a single value are passed by in JSON.
    """

    def __init__(self, form: str, format: Format) -> None:
        """Count the rows of the answer to a query of that form."""
        self._format = format
        self._mark = None if form == "ASK" else _MARKS.get(format)
        self._tail = b""
        self._found = 0
        self._is_empty = False

    def add(self, chunk: bytes) -> None:
        """Take the next bytes of the answer."""
        if self._mark is None:
            return
        kept = _LENGTHS[self._format] - 1
        # An expression finds the marks in less time than count(), which is slow where their letters are frequent.
        self._found += len(self._mark.findall(self._tail + chunk[:kept])) + len(self._mark.findall(chunk))
        if kept:
            self._tail = (self._tail + chunk[-kept:])[-kept:]
        if self._format is JSON_RESULTS and not self._is_empty and len(chunk) < 65536:
            self._is_empty = _EMPTY in chunk

    @property
    def rows(self) -> int | None:
        """The number so far, ``None`` for what is not counted in rows or in a format that does not show them."""
        if self._mark is None:
            return None
        if self._format is CSV or self._format is TSV:
            return max(self._found - 1, 0)
        if self._format is JSON_RESULTS:
            return 0 if self._is_empty else self._found + 1
        return self._found
