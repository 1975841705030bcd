"""The check of every locator against the text of the document it points into."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from itertools import pairwise
from pathlib import Path

from kgraph.dataset import Place
from kgraph.errors import SourceTextError
from kgraph.report import Remark, Report, Severity
from kgraph.source.anchoring import LetterIndex, Wanted
from kgraph.source.layout import Layout
from kgraph.source.locators import numbers_of, pages_of, section_of, span_at, stated_numbers
from kgraph.source.normalisation import ALGORITHM, NormalisedText, normalise
from kgraph.source.remarks import remark, shown_path
from kgraph.source.stated import PREFERRED_LABEL, StatedLocator, StatedSpan, Statements, term
from kgraph.turtle import Term

WIDEST_PASSAGE = 120
"""How many words a passage may have before it is too wide to support one statement."""


@dataclass(frozen=True)
class Extraction:
    """The text of a document as some program extracted it; ``sha256`` is the digest of the file's bytes."""

    sha256: str
    text: NormalisedText
    layout: Layout

    @property
    def pinned(self) -> bool:
        """Whether this is the very extraction that the locators count in."""
        return self.sha256 == self.layout.sha256

    @cached_property
    def letters(self) -> LetterIndex:
        """The index in which spans of another extraction are found again, made when first asked for."""
        return LetterIndex(self.text)


def read_extraction(content: bytes, layout: Layout) -> Extraction:
    """Read the bytes of an extraction.

    Raises :class:`kgraph.errors.SourceTextError` if they are not UTF-8 text.
    """
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise SourceTextError(f"not UTF-8 text (byte {error.start})") from error
    return Extraction(hashlib.sha256(content).hexdigest(), normalise(text), layout)


def load_extraction(path: Path, layout: Layout) -> Extraction:
    """Read an extraction from a file.

    Raises :class:`kgraph.errors.SourceTextError` if the file cannot be read or is not UTF-8 text.
    """
    try:
        return read_extraction(path.read_bytes(), layout)
    except OSError as error:
        raise SourceTextError(f"{path}: {error.strerror or error}") from error
    except SourceTextError as error:
        raise SourceTextError(f"{path}: {error}") from error


class Outcome(StrEnum):
    """What became of a locator: found where it says, found again elsewhere, or not found."""

    IN_PLACE = "in-place"
    RE_ANCHORED = "re-anchored"
    NOT_FOUND = "not-found"


@dataclass(frozen=True)
class CheckedLocator:
    """A locator with what became of it; ``ranges`` are its spans' characters in the text that was checked."""

    locator: StatedLocator
    outcome: Outcome
    ranges: tuple[tuple[int, int], ...]
    remarks: tuple[Remark, ...]


@dataclass(frozen=True)
class VerificationReport:
    """The locators of one document, checked, and the remarks on them.

    ``elsewhere`` counts the locators of other documents, which were left alone.
    """

    checked: tuple[CheckedLocator, ...]
    elsewhere: int
    report: Report

    def counts(self) -> dict[Outcome, int]:
        """Return how many locators had each outcome, zero included."""
        found = Counter(item.outcome for item in self.checked)
        return {outcome: found[outcome] for outcome in Outcome}

    def to_dict(self, language: str = "nn") -> dict[str, object]:
        """Return the report as a JSON object: counts of outcomes, new offsets of moved spans, and the remarks."""
        moved = {item.locator.iri[1:-1]: item.ranges for item in self.checked if item.outcome is Outcome.RE_ANCHORED}
        return {
            "locators": {str(outcome): count for outcome, count in self.counts().items()},
            "elsewhere": self.elsewhere,
            "reAnchored": moved,
            **self.report.to_dict(language),
        }


def verify_locators(statements: Statements, extraction: Extraction) -> VerificationReport:
    """Check every locator of the extraction's document: spans, digests, counts, pages, section and width.

    In the pinned extraction each span must stand where it says. In another extraction spans are found
    again by their digests, and pages and sections, which only the layout of the pinned one tells, are
    left out. A span that is not found is a violation.
    """
    document = f"<{extraction.layout.document}>"
    mine = [locator for locator in statements.locators if locator.document in (document, "")]
    checker = _Checker(statements, extraction)
    checked = tuple(map(checker.check, mine))
    remarks = [*checker.general(document), *(item for locator in checked for item in locator.remarks)]
    return VerificationReport(checked, len(statements.locators) - len(mine), Report(remarks))


class _Checker:
    """Checks one locator after another against one extraction."""

    def __init__(self, statements: Statements, extraction: Extraction) -> None:
        self.statements = statements
        self.extraction = extraction
        self.layout = extraction.layout
        self.text = extraction.text

    def general(self, document: Term) -> Iterator[Remark]:
        """Yield what is to be said of the extraction as a whole."""
        place = self.statements.place(document)
        stated = self.statements.text(document, term("textDigest")).removeprefix("sha256:")
        if stated and stated != self.layout.sha256:
            digests = {"found": stated, "expected": self.layout.sha256}
            yield self._remark("source-text-digest", place, Severity.VIOLATION, document, **digests)
        if not self.extraction.pinned:
            digests = {"found": self.extraction.sha256, "expected": self.layout.sha256}
            yield self._remark("source-other-extraction", place, Severity.INFO, document, **digests)

    def check(self, locator: StatedLocator) -> CheckedLocator:
        """Return a locator with its outcome, its ranges in the text and the remarks on it."""
        remarks = list(self._form(locator))
        if any(item.severity is Severity.VIOLATION for item in remarks):
            return CheckedLocator(locator, Outcome.NOT_FOUND, (), tuple(remarks))
        if self.extraction.pinned:
            faults = [fault for span in locator.spans for fault in self._in_place(locator, span)]
            ranges = tuple((span.start, span.end) for span in locator.spans)
            outcome = Outcome.NOT_FOUND if faults else Outcome.IN_PLACE
            faults = faults or list(self._printed_place(locator, ranges))
            return CheckedLocator(locator, outcome, () if outcome is Outcome.NOT_FOUND else ranges, (*remarks, *faults))
        return self._again(locator, remarks)

    def _remark(
        self, code: str, place: Place, severity: Severity, focus: Term | None = None, **params: str | int
    ) -> Remark:
        file = shown_path(place.path, self.statements.dataset.home)
        return remark(code, file, place.line, severity, focus, **params)

    def _about(
        self,
        locator: StatedLocator,
        code: str,
        span: StatedSpan | None = None,
        severity: Severity = Severity.VIOLATION,
        **params: str | int,
    ) -> Remark:
        """Return a remark on a locator, or on one of its spans, that names what leans on it."""
        holders = sorted({self._name(item) for item in self.statements.iter_leaning_on(locator.iri)})
        named = {"locator": locator.iri[1:-1], "claim": ", ".join(holders) or "–"}
        if span is not None:
            named["span"] = str(span.position)
        place = locator.place if span is None else span.place
        return self._remark(code, place, severity, locator.iri, **named, **params)

    def _name(self, resource: Term) -> str:
        return self.statements.text_in(resource, PREFERRED_LABEL, ("nn", "nb", "en", "")) or resource[1:-1]

    def _form(self, locator: StatedLocator) -> Iterator[Remark]:
        """Yield what is wrong with a locator before any text is looked at."""
        if not locator.document or not locator.pages or not locator.spans:
            yield self._about(locator, "source-locator-incomplete")
        for span in locator.spans:
            if not span.complete:
                yield self._about(locator, "source-span-incomplete", span)
        if locator.normalisation != ALGORITHM:
            found = locator.normalisation or "–"
            yield self._about(locator, "source-other-normalisation", found=found, expected=ALGORITHM)
        positions = [span.position for span in locator.spans]
        if positions != list(range(1, len(positions) + 1)):
            yield self._about(locator, "source-span-positions", found=", ".join(map(str, positions)))
        words = sum(span.tokens for span in locator.spans)
        if words > WIDEST_PASSAGE:
            yield self._about(
                locator, "source-passage-too-wide", None, Severity.WARNING, found=words, limit=WIDEST_PASSAGE
            )

    def _in_place(self, locator: StatedLocator, span: StatedSpan) -> Iterator[Remark]:
        """Yield what is wrong with a span in the extraction that it counts in."""
        if not span.start < span.end <= len(self.text.text):
            length = len(self.text.text)
            yield self._about(locator, "source-span-out-of-range", span, start=span.start, end=span.end, length=length)
            return
        there = span_at(self.text, span.start, span.end)
        compared = {
            "ink:tokenCount": (span.tokens, there.tokens),
            "ink:letterCount": (span.letters, there.letters),
            "ink:spanDigest": (span.digest, there.digest),
            "ink:firstTokensDigest": (span.first_digest, there.first_digest),
            "ink:lastTokensDigest": (span.last_digest, there.last_digest),
        }
        differing = [name for name, (stated, found) in compared.items() if stated != found]
        if differing:
            yield self._about(locator, "source-span-differs", span, found=", ".join(differing))

    def _printed_place(self, locator: StatedLocator, ranges: tuple[tuple[int, int], ...]) -> Iterator[Remark]:
        """Yield what is wrong with pages, section, numbers and order of a locator whose spans stand where they say."""
        pages = pages_of(self.text, self.layout, ranges)
        if sorted(pages) != sorted(locator.pages):
            stated, expected = (", ".join(map(str, sorted(numbers))) or "–" for numbers in (locator.pages, pages))
            yield self._about(locator, "source-wrong-page", found=stated, expected=expected)
        sections = [section_of(self.text, self.layout, start) for start, _ in ranges]
        expected = next((section for section in sections if section), "")
        if locator.section != expected:
            yield self._about(locator, "source-wrong-section", found=locator.section or "–", expected=expected or "–")
        numbers = numbers_of(self.text, self.layout, ranges)
        if locator.numbers != numbers:
            stated, expected = (", ".join(stated_numbers(named)) or "–" for named in (locator.numbers, numbers))
            yield self._about(locator, "source-wrong-number", found=stated, expected=expected)
        if any(a[0] < b[1] and b[0] < a[1] for a, b in pairwise(sorted(ranges))):
            yield self._about(locator, "source-spans-overlap")
        order = [self.layout.position_of(self.text.line_of(start)) for start, _ in ranges]
        known = [position for position in order if position is not None]
        if known != sorted(known):
            yield self._about(locator, "source-span-order", None, Severity.WARNING)

    def _again(self, locator: StatedLocator, remarks: list[Remark]) -> CheckedLocator:
        """Find the spans of a locator in another extraction."""
        ranges: list[tuple[int, int]] = []
        for span in locator.spans:
            wanted = Wanted(span.digest, span.first_digest, span.last_digest, span.letters, span.start)
            found = self.extraction.letters.find(wanted)
            if found:
                ranges.append(found[0])
            else:
                remarks.append(self._about(locator, "source-span-not-found", span))
        if len(ranges) < len(locator.spans):
            return CheckedLocator(locator, Outcome.NOT_FOUND, (), tuple(remarks))
        if ranges == [(span.start, span.end) for span in locator.spans]:
            return CheckedLocator(locator, Outcome.IN_PLACE, tuple(ranges), tuple(remarks))
        offsets = ", ".join(f"{start}–{end}" for start, end in ranges)
        remarks.append(self._about(locator, "source-re-anchored", None, Severity.INFO, found=offsets))
        return CheckedLocator(locator, Outcome.RE_ANCHORED, tuple(ranges), tuple(remarks))
