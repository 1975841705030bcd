"""The layout of a source document: lines to pages and sections, and the order in which it is read."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from kgraph.errors import LayoutError


@dataclass(frozen=True)
class Block:
    """A run of lines of the extraction that a reader meets as one piece."""

    page: int
    first_line: int
    last_line: int
    kind: str


@dataclass(frozen=True)
class Section:
    """A section of the document: its first line, its printed number (or ``""``) and its title."""

    first_line: int
    number: str
    title: str


@dataclass(frozen=True)
class Numbered:
    """A run of lines that belongs to a figure, a table or a footnote, with the number printed on it.

    ``kind`` is the local name of the property by which a locator names the number: ``figure``,
    ``tableNumber`` or ``footnote``.
    """

    kind: str
    number: str
    first_line: int
    last_line: int


@dataclass(frozen=True)
class Layout:
    """Where the lines of one pinned text extraction stand in the printed document.

    ``sha256`` pins the extraction (hexadecimal digest of the file's bytes); ``blocks`` are in
    reading order and cover every line that holds text; ``numbered`` holds what carries a number
    of its own, and a line may belong to more than one of them (a note under a figure).
    """

    document: str
    sha256: str
    normalisation: str
    lines: int
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]
    numbered: tuple[Numbered, ...] = ()

    def position_of(self, line: int) -> tuple[int, int] | None:
        """Return a line's place in reading order (index of its block, line), or ``None`` outside the blocks."""
        for index, block in enumerate(self.blocks):
            if block.first_line <= line <= block.last_line:
                return index, line
        return None

    def page_of(self, line: int) -> int | None:
        """Return the page a line is printed on, or ``None`` for a line outside every block."""
        position = self.position_of(line)
        return None if position is None else self.blocks[position[0]].page

    def section_of(self, line: int) -> Section | None:
        """Return the section a line belongs to in reading order, or ``None`` before the first."""
        position = self.position_of(line)
        if position is None:
            return None
        found: Section | None = None
        for section in self.sections:
            start = self.position_of(section.first_line)
            if start is not None and start <= position:
                found = section
        return found

    def numbers_between(self, first_line: int, last_line: int) -> frozenset[tuple[str, str]]:
        """Return kind and number of each figure, table and footnote that has one of these lines, both ends included."""
        meeting = (item for item in self.numbered if item.first_line <= last_line and first_line <= item.last_line)
        return frozenset((item.kind, item.number) for item in meeting)


def load_layout(path: Path) -> Layout:
    """Read a layout file.

    Raises :class:`kgraph.errors.LayoutError` if the file is not TOML or a value is missing.
    """
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
        return Layout(
            document=table["document"],
            sha256=table["sha256"],
            normalisation=table["normalisation"],
            lines=table["lines"],
            blocks=tuple(Block(*row) for row in table["blocks"]),
            sections=tuple(Section(*row) for row in table["sections"]),
            numbered=tuple(
                Numbered(kind, str(number), first, last) for kind, number, first, last in table.get("numbered", [])
            ),
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise LayoutError(f"{path}: {error}") from error
