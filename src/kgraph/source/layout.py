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
class Layout:
    """Where the lines of one pinned text extraction stand in the printed document.

    ``sha256`` pins the extraction (hexadecimal digest of the file's bytes); ``blocks`` are in
    reading order and cover every line that holds text.
    """

    document: str
    sha256: str
    normalisation: str
    lines: int
    blocks: tuple[Block, ...]
    sections: tuple[Section, ...]

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
        )
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise LayoutError(f"{path}: {error}") from error
