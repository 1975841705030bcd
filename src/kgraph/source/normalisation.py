"""The text normalisation ``ink-text-1``: from an extracted text to the text that locators count in.

The algorithm and its test vectors are written down in ``docs/reference/normalisation.md``.
"""

from __future__ import annotations

import hashlib
import re
import unicodedata
from bisect import bisect_left
from dataclasses import dataclass, field

ALGORITHM = "ink-text-1"
"""Name and version of the algorithm; it changes whenever an offset could change."""

_SOFT_HYPHEN = "\u00ad"
_DROPPED = {"\ufffd", "\ufeff", "\u200b"}
_AS_SPACE = {"\t", "\v", "\f", "\u2022"}
_LIGATURES = range(0xFB00, 0xFB07)
_INNER_SOFT_HYPHEN = re.compile("\u00ad(?! *(?:\\n|\\Z))|(?<=\u00ad) +(?=\\n|\\Z)")
EDGE_TOKENS = 5
"""How many tokens at each end of a span have a digest of their own."""


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


def _clean_character(character: str) -> str:
    if character == "\n":
        return character
    category = unicodedata.category(character)
    if character in _AS_SPACE or category[0] == "Z":
        return " "
    if character in _DROPPED or category == "Cc":
        return ""
    if ord(character) in _LIGATURES:
        return unicodedata.normalize("NFKC", character)
    return character


def _clean(extraction: str) -> str:
    text = "".join(map(_clean_character, extraction.replace("\r\n", "\n").replace("\r", "\n")))
    # Composed last: a dropped character may have stood between a letter and its accent.
    return unicodedata.normalize("NFC", _INNER_SOFT_HYPHEN.sub("", text))


def _joins(before: str, after: str) -> tuple[bool, bool]:
    """Tell whether two lines are one word across their break, and whether a hyphen goes."""
    if not before:
        return False, False
    if before[-1] == _SOFT_HYPHEN:
        return after[0].isalnum(), False
    if not after[0].islower():
        return False, False
    if before[-1] == "-":
        if len(before) < 2 or not before[-2].isalpha():
            return False, False
        return True, before[-2].islower()
    return before[-1].isalpha(), False


def normalise(extraction: str) -> NormalisedText:
    """Return ``extraction`` in the form ``ink-text-1``.

    The steps are: line ends to LF; replacement characters and control characters dropped; every
    kind of space, tabs and bullets to a space; Latin ligatures to their letters; soft hyphens inside
    a line dropped; NFC; a word that a line end divides is joined (a soft hyphen there goes, a hyphen
    after a small letter goes, a hyphen after a capital stays; a line that ends in a letter with no
    space behind it goes on in the next line's small letter); every run of white space to one space;
    no space at either end.
    """
    out: list[str] = []
    origins: list[int] = []
    previous = ""
    for number, line in enumerate(_clean(extraction).split("\n"), start=1):
        body = line.lstrip(" ")
        divided = body.endswith(_SOFT_HYPHEN)
        if not body or body == _SOFT_HYPHEN:
            continue
        joined, drops_hyphen = _joins(previous, body)
        if drops_hyphen:
            out.pop()
            origins.pop()
        elif not joined and out and out[-1] != " ":
            out.append(" ")
            origins.append(number)
        previous = body
        for character in body[:-1] if divided else body:
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
    return "".join(c for composed in unicodedata.normalize("NFC", text) for c in composed.lower() if c.isalnum())


def digest(text: str) -> str:
    """Return ``sha256:`` and the 64 hexadecimal digits of the digest of ``letters(text)`` in UTF-8."""
    return digest_of_letters(letters(text))


def digest_of_letters(run: str) -> str:
    """Return the digest of a text that ``letters`` has already been taken of."""
    return "sha256:" + hashlib.sha256(run.encode("utf-8")).hexdigest()


def edge_digests(text: str) -> tuple[str, str]:
    """Return the digests of the first five and the last five tokens of ``text``."""
    words = tokens(text)
    return digest(" ".join(words[:EDGE_TOKENS])), digest(" ".join(words[-EDGE_TOKENS:]))
