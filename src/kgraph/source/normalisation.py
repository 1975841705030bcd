"""The text normalisation ``ink-text-1``: from an extracted text to the text that locators count in.

The algorithm and its test vectors are written down in ``docs/reference/normalisation.md``.
"""

from __future__ import annotations

import hashlib
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field

ALGORITHM = "ink-text-1"
"""Name and version of the algorithm; it changes whenever an offset could change."""

_DROPPED = {"\ufffd", "\ufeff", "\u200b"}
_BLANK_AS_SPACE = {"\u00a0", "\u2007", "\u202f", "\t", "\u2022", "\f", "\v"}
_EDGE_TOKENS = 5


@dataclass(frozen=True)
class NormalisedText:
    """A text in the form that locators count in, with the way back to the lines it came from.

    ``text`` is the normalised text; ``origins[i]`` is the 1-based line of the extraction that
    character ``i`` stands on.
    """

    text: str
    origins: list[int] = field(repr=False)

    def line_of(self, offset: int) -> int:
        """Return the 1-based line of the extraction on which the character at ``offset`` stands."""
        return self.origins[min(offset, len(self.origins) - 1)]

    def offsets_of_lines(self, first: int, last: int) -> list[tuple[int, int]]:
        """Return the normalised range ``[(start, end)]`` of lines ``first`` to ``last``, both included.

        The list is empty if the lines hold no text.
        """
        start = bisect_left(self.origins, first)
        end = bisect_left(self.origins, last + 1)
        return [(start, end)] if end > start else []


def _clean(extraction: str) -> str:
    text = unicodedata.normalize("NFC", extraction.replace("\r\n", "\n").replace("\r", "\n"))
    kept: list[str] = []
    for character in text:
        if character in _BLANK_AS_SPACE:
            kept.append(" ")
        elif character in _DROPPED or (unicodedata.category(character) == "Cc" and character != "\n"):
            continue
        else:
            kept.append(character)
    return "".join(kept)


def _joins(before: str, after: str) -> tuple[bool, bool]:
    """Tell whether two lines are one word across their break, and whether its hyphen goes."""
    if not before or not after or not after[0].islower():
        return False, False
    if before[-1] in "-\u00ad":
        if len(before) < 2 or not before[-2].isalpha():
            return False, False
        return True, before[-1] == "\u00ad" or before[-2].islower()
    return before[-1].isalpha(), False


def normalise(extraction: str) -> NormalisedText:
    """Return ``extraction`` in the form ``ink-text-1``.

    The steps are: NFC; line ends to LF; replacement characters and control characters dropped;
    no-break spaces, tabs and bullets to a space; a word that a line end divides is joined (a hyphen
    or soft hyphen that ends the line after a small letter goes, a hyphen after a capital stays; a
    line that ends in a letter with no space behind it goes on in the next line's small letter);
    soft hyphens elsewhere dropped; every run of white space to one space; no space at either end.
    """
    out: list[str] = []
    origins: list[int] = []
    previous = ""
    for number, line in enumerate(_clean(extraction).split("\n"), start=1):
        body = line.lstrip(" ")
        if not body:
            continue
        joined, drops_hyphen = _joins(previous, body)
        if joined and drops_hyphen:
            out.pop()
            origins.pop()
        elif not joined and out and out[-1] != " ":
            out.append(" ")
            origins.append(number)
        previous = body
        for character in body:
            if character == "\u00ad" and not body.endswith("\u00ad"):
                continue
            if character == " " and out and out[-1] == " ":
                continue
            out.append(character)
            origins.append(number)
    while out and out[-1] == " ":
        out.pop()
        origins.pop()
    return NormalisedText("".join(out), origins)


def tokens(text: str) -> list[str]:
    """Return the tokens of a normalised text: what stands between single spaces."""
    return text.split()


def letters(text: str) -> str:
    """Return the letters and digits of ``text`` in lower case, everything else left out.

    Digests are taken over this form, so that line breaks, hyphens, bullets and punctuation of
    another extraction of the same document do not matter.
    """
    return "".join(c for c in unicodedata.normalize("NFC", text).lower() if c.isalnum())


def digest(text: str) -> str:
    """Return ``sha256:`` and the 64 hexadecimal digits of the digest of ``letters(text)`` in UTF-8."""
    return "sha256:" + hashlib.sha256(letters(text).encode("utf-8")).hexdigest()


def edge_digests(text: str) -> tuple[str, str]:
    """Return the digests of the first five and the last five tokens of ``text``."""
    words = tokens(text)
    return digest(" ".join(words[:_EDGE_TOKENS])), digest(" ".join(words[-_EDGE_TOKENS:]))
