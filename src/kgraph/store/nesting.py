"""How deep what others send nests: the engine's readers call themselves for each level, and overflow the stack.

Nothing of a text may reach a reader before it was looked at here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from kgraph.formats import N_TRIPLES, Format

DEEPEST = 64
"""Levels that a text may have; each chunk of one that comes in parts may have as many of its own."""

_OTHERS = bytes(set(range(256)) - set(b'{}[]"'))
_TERM = b"<<("


class Brackets:
    """The brackets of a JSON text that are open, followed while the text comes."""

    def __init__(self) -> None:
        """Begin before the first byte."""
        self._open = b""
        self._before = b""

    @property
    def are_closed(self) -> bool:
        """Whether the text is whole: no bracket is open, and no string."""
        return not (self._open or self._before)

    def add(self, chunk: bytes) -> bool:
        """Take the next bytes; tell whether brackets match so far and nest no deeper than they may."""
        text = self._before + chunk
        outside, in_string = _outside_strings(text)
        self._before = (b'"' if in_string else b"") + (b"\\" if _ends_in_escape(text) else b"")
        brackets, left = self._open + outside, -1
        # Each turn takes the innermost ones away.
        for _ in range(DEEPEST):
            if left == len(brackets):
                break
            left = len(brackets)
            brackets = brackets.replace(b"{}", b"").replace(b"[]", b"")
        self._open = brackets
        return len(brackets) <= DEEPEST and not (b"}" in brackets or b"]" in brackets)


def is_deep(text: bytes) -> bool:
    """Tell whether the brackets of a whole JSON text nest too deep, or do not match."""
    brackets = Brackets()
    return not (brackets.add(text) and brackets.are_closed)


def check_nesting(chunks: Iterable[bytes], format: Format) -> Iterator[bytes]:
    """Yield the bytes of a text in JSON or N-Triples once they were looked at.

    Raises ``ValueError`` in place of those that nest too deep.
    """
    return _check_lines(chunks) if format is N_TRIPLES else _check_json(chunks)


def _check_json(chunks: Iterable[bytes]) -> Iterator[bytes]:
    brackets = Brackets()
    for chunk in chunks:
        if not brackets.add(chunk):
            raise ValueError("brackets nest too deep, or do not match")
        yield chunk


def _check_lines(chunks: Iterable[bytes]) -> Iterator[bytes]:
    """Yield whole lines, which are statements."""
    rest = bytearray()
    for chunk in chunks:
        whole, newline, after = chunk.rpartition(b"\n")
        if newline:
            rest += whole + newline
            yield _check_statements(bytes(rest))
            rest.clear()
        rest += after
    yield _check_statements(bytes(rest))


def _check_statements(lines: bytes) -> bytes:
    if lines.count(_TERM) > DEEPEST and any(map(_is_deep_statement, lines.splitlines())):
        raise ValueError("triple terms nest too deep")
    return lines


def _is_deep_statement(line: bytes) -> bool:
    """Tell whether there are too many triple terms in a line: a term has no more than one, so all are within another.

    Those in strings do not count.
    """
    if line.count(_TERM) <= DEEPEST:
        return False
    return b"".join(_without_escapes(line).split(b'"')[::2]).count(_TERM) > DEEPEST


def _outside_strings(text: bytes) -> tuple[bytes, bool]:
    """Return the brackets of a JSON text that stand in no string, and whether it ends within one."""
    marks = _without_escapes(text).translate(None, _OTHERS)
    # Two quotation marks less change nothing for what comes after them.
    parts = marks.replace(b'""', b"").split(b'"')
    return b"".join(parts[::2]), len(parts) % 2 == 0


def _without_escapes(text: bytes) -> bytes:
    return text.replace(b"\\\\", b"").replace(b'\\"', b"")


def _ends_in_escape(text: bytes) -> bool:
    return (len(text) - len(text.rstrip(b"\\"))) % 2 == 1
