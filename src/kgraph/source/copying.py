"""The check that nothing here repeats the sentences of a source document."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from kgraph.dataset import load_text
from kgraph.report import Remark, Report, Severity
from kgraph.source.normalisation import letters, normalise
from kgraph.source.remarks import remark, shown_path

LONGEST_RUN = 7
"""How many words in a row may be the same as in the source."""

REASONS = ("address", "heading", "label", "name", "title")
"""Why a wording may stand as printed: an address, a heading, the printed label of something, a name, a work's title."""

EXEMPTIONS = "data/layout/copying-exemptions.txt"
"""Where the reviewed exemptions stand, below the home."""

_FOLDERS = ("data", "docs", "frontend/src", "ontology", "queries", "src", "tests")
_SUFFIXES = {".css", ".csv", ".html", ".js", ".md", ".mjs", ".py", ".rq", ".toml", ".ts", ".ttl", ".txt", ".yml"}
_WORD = re.compile(r"[^\W_]+(?:[-'’.,\u00ad][^\W_]+)*")
_FOOTNOTE = re.compile(r"(?<=[^\W\d_])\d{1,2}$")
_ESCAPE = re.compile(r"\\[nrt]")
_SHOWN_WORDS = 5


@dataclass(frozen=True)
class Text:
    """A text that is to be free of copied sentences: the file it stands in and what it says."""

    file: str
    content: str


@dataclass(frozen=True)
class Exemption:
    """A wording that may stand as printed, why, and the line of the exemption file."""

    reason: str
    wording: str
    line: int


Gram = tuple[str, ...]


def _iter_words(text: str) -> Iterator[tuple[str, int]]:
    """Yield the words of a text as bare letters, with their offsets; marks of footnotes are dropped."""
    for match in _WORD.finditer(text):
        yield _FOOTNOTE.sub("", letters(match.group())), match.start()


def _grams(words: list[str]) -> list[Gram]:
    length = LONGEST_RUN + 1
    return [tuple(words[i : i + length]) for i in range(len(words) - length + 1)]


def _source_grams(text: str) -> set[Gram]:
    return set(_grams([word for word, _ in _iter_words(normalise(text).text)]))


def read_exemptions(content: str, file: str = EXEMPTIONS) -> tuple[tuple[Exemption, ...], Report]:
    """Read an exemption file: ``reason | wording`` a line, the reason one of ``REASONS``, ``#`` before comments."""
    exemptions: list[Exemption] = []
    remarks: list[Remark] = []
    for number, line in enumerate(content.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        reason, bar, wording = (part.strip() for part in line.partition("|"))
        if bar and wording and reason in REASONS:
            exemptions.append(Exemption(reason, wording, number))
        else:
            remarks.append(remark("source-exemption-malformed", file, number, kinds=", ".join(REASONS)))
    return tuple(exemptions), Report(remarks)


def iter_texts(home: Path) -> Iterator[Text]:
    """Yield the texts of a home, or of the repository around it, but for the exemption file itself."""
    paths = [path for folder in _FOLDERS for path in (home / folder).rglob("*")] + list(home.glob("*.md"))
    for path in sorted(paths):
        file = shown_path(path, home)
        if path.suffix in _SUFFIXES and path.is_file() and file != EXEMPTIONS:
            yield Text(file, load_text(path))


def _iter_runs(text: Text, source: set[Gram]) -> Iterator[tuple[int, list[str]]]:
    """Yield each run of words that the source has too: the offset of its first word, and the words."""
    pairs = list(_iter_words(_ESCAPE.sub("  ", text.content)))
    words = [word for word, _ in pairs]
    start: int | None = None
    grams = _grams(words)
    for index in range(len(grams) + 1):
        shared = index < len(grams) and grams[index] in source
        if shared and start is None:
            start = index
        elif not shared and start is not None:
            yield pairs[start][1], words[start : index + LONGEST_RUN]
            start = None


def check_copying(texts: Iterable[Text], source: str, exemptions: Iterable[Exemption] = ()) -> Report:
    """Report every run of eight or more words that a text shares with the source.

    Words are compared by their letters alone: case, punctuation, line ends and marks of footnotes do
    not matter. A run that stands wholly inside an exempted wording is left out; an exemption that
    nothing needs is a warning.
    """
    shared = _source_grams(source)
    entries = {entry: set(_grams([word for word, _ in _iter_words(entry.wording)])) for entry in exemptions}
    exempted: set[Gram] = set().union(*entries.values())
    needed: set[Gram] = set()
    remarks: list[Remark] = []
    for text in texts:
        for offset, words in _iter_runs(text, shared - exempted):
            line = text.content.count("\n", 0, offset) + 1
            shown = " ".join(words[:_SHOWN_WORDS])
            remarks.append(
                remark("source-copied", text.file, line, count=len(words), first=shown, exemptions=EXEMPTIONS)
            )
        for _, words in _iter_runs(text, shared & exempted):
            needed |= set(_grams(words))
    for entry, grams in entries.items():
        if not grams & needed:
            remarks.append(
                remark("source-exemption-unused", EXEMPTIONS, entry.line, Severity.WARNING, found=entry.wording)
            )
    return Report(remarks)
