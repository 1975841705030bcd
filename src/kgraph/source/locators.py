"""Locators: places in a source document, held without its words."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from kgraph.errors import PassageError
from kgraph.source.layout import Layout
from kgraph.source.normalisation import NormalisedText, digest, edge_digests, letters, tokens


@dataclass(frozen=True)
class Span:
    """A run of characters ``[start, end)`` in a normalised text, with what is needed to find it again.

    ``tokens`` counts the tokens, ``letters`` the letters and digits that ``digest`` covers.
    """

    start: int
    end: int
    tokens: int
    letters: int
    digest: str
    first_digest: str
    last_digest: str


@dataclass(frozen=True)
class Anchor:
    """Where a passage stands: its spans in reading order, its pages, its section number or title, and its numbers.

    ``numbers`` are the figures, tables and footnotes it touches; see :func:`numbers_of`.
    """

    spans: tuple[Span, ...]
    pages: tuple[int, ...]
    section: str
    numbers: frozenset[tuple[str, str]] = frozenset()


def span_at(text: NormalisedText, start: int, end: int) -> Span:
    """Return the span of characters ``start`` to ``end`` (exclusive) of a normalised text."""
    piece = text.text[start:end]
    first, last = edge_digests(piece)
    return Span(start, end, len(tokens(piece)), len(letters(piece)), digest(piece), first, last)


def _find(text: NormalisedText, notation: str) -> tuple[int, int]:
    line_text, _, words = notation.partition(":")
    if not line_text.strip().isdigit() or not words.strip():
        raise PassageError(f'"{notation}": expected "LINE: first words … last words"')
    ranges = text.offsets_of_lines(int(line_text), len(text.origins))
    if not ranges:
        raise PassageError(f'"{notation}": the text has no line {line_text.strip()}')
    opening, ellipsis, closing = (part.strip() for part in words.partition("…"))
    start = text.text.find(opening, ranges[0][0])
    if start < 0:
        raise PassageError(f'"{notation}": "{opening}" does not stand after the start of line {line_text.strip()}')
    if not ellipsis:
        return start, start + len(opening)
    end = text.text.find(closing, start + len(opening))
    if end < 0:
        raise PassageError(f'"{notation}": "{closing}" does not follow "{opening}"')
    return start, end + len(closing)


def pages_of(text: NormalisedText, layout: Layout, ranges: Iterable[tuple[int, int]]) -> tuple[int, ...]:
    """Return the pages on which character ranges begin and end, in the order in which they are met."""
    pages: list[int] = []
    for start, end in ranges:
        for line in sorted({text.line_of(start), text.line_of(end - 1)}):
            page = layout.page_of(line)
            if page is not None and page not in pages:
                pages.append(page)
    return tuple(pages)


def section_of(text: NormalisedText, layout: Layout, start: int) -> str:
    """Return the number, else the title, of the section that a character stands in, or ``""`` before the first."""
    found = layout.section_of(text.line_of(start))
    return "" if found is None else found.number or found.title


def stated_numbers(numbers: Iterable[tuple[str, str]]) -> list[str]:
    """Return the statements, in Turtle, by which a locator names figures, tables and footnotes."""
    whole = {"footnote"}
    return [f"ink:{kind} {number}" if kind in whole else f'ink:{kind} "{number}"' for kind, number in sorted(numbers)]


def numbers_of(text: NormalisedText, layout: Layout, ranges: Iterable[tuple[int, int]]) -> frozenset[tuple[str, str]]:
    """Return kind and number of the figures, tables and footnotes that character ranges touch."""
    touched = (layout.numbers_between(text.line_of(start), text.line_of(end - 1)) for start, end in ranges)
    return frozenset[tuple[str, str]]().union(*touched)


def anchor_passage(text: NormalisedText, layout: Layout, notation: str) -> Anchor:
    """Find the passage that ``notation`` names and return where it stands.

    The notation is ``LINE: first words … last words``, with ``||`` between the spans of a passage
    that runs over columns; the words are those of the normalised text, searched from the start of
    the line on. Raises :class:`kgraph.errors.PassageError` if they are not found there.
    """
    ranges = [_find(text, part.strip()) for part in notation.split("||")]
    sections = (section_of(text, layout, start) for start, _ in ranges)
    return Anchor(
        spans=tuple(span_at(text, start, end) for start, end in ranges),
        pages=pages_of(text, layout, ranges),
        section=next((section for section in sections if section), ""),
        numbers=numbers_of(text, layout, ranges),
    )
