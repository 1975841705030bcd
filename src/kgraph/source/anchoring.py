"""Finding spans again, by their digests, in another extraction of the same document.

Another program breaks lines, divides words and draws bullets in other places, but prints the same
letters. So spans are looked for in the letters alone (see ``letters`` in
:mod:`kgraph.source.normalisation`), starting from the digests of their first and last five tokens.
"""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise
from typing import NamedTuple

from kgraph.source.normalisation import EDGE_TOKENS, NormalisedText, digest_of_letters, letters

_WINDOWS = range(EDGE_TOKENS, EDGE_TOKENS + 4)
_FULL_SCANS = 40


class Wanted(NamedTuple):
    """What is known of a span: its digests, its number of letters, and the offset it was stated to begin at."""

    digest: str
    first_digest: str
    last_digest: str
    letters: int
    start: int


class LetterIndex:
    """The letters of a text, with the places where spans may begin and end."""

    def __init__(self, text: NormalisedText) -> None:
        """Index a text: one pass over it, and four digests for each of its words."""
        self._text = text.text
        self._offsets = [i for i, character in enumerate(text.text) for _ in letters(character)]
        self._letters = letters(text.text)
        self._bounds = self._piece_bounds(text)
        self._windows: dict[str, list[tuple[int, int]]] = defaultdict(list)
        for index, start in enumerate(self._bounds):
            for width in _WINDOWS:
                if index + width < len(self._bounds):
                    end = self._bounds[index + width]
                    self._windows[digest_of_letters(self._letters[start:end])].append((start, end))
        self._scans: dict[int, dict[str, list[int]]] = {}
        self._full_scans_left = _FULL_SCANS

    def _piece_bounds(self, text: NormalisedText) -> list[int]:
        """Return where words begin among the letters, halves of a word divided by a line end counted singly.

        Whether a line end divides a word is a guess of the normalisation that may come out differently
        in each extraction, so both readings have to be tried: that is what the widths of the windows do.
        """
        bounds = [0] if self._offsets else []
        for number, (before, after) in enumerate(pairwise(self._offsets), start=1):
            between = text.text[before + 1 : after]
            if " " in between or text.origins[before] != text.origins[after]:
                bounds.append(number)
        return [*bounds, len(self._offsets)]

    def find(self, wanted: Wanted) -> list[tuple[int, int]]:
        """Return the character ranges that hold a span's letters, the one nearest to where it was stated first."""
        if wanted.letters < 1 or wanted.letters > len(self._letters):
            return []
        starts = {start for start, _ in self._windows.get(wanted.first_digest, ())}
        starts |= {end - wanted.letters for _, end in self._windows.get(wanted.last_digest, ())}
        found = [start for start in starts if start >= 0 and self._digest_at(start, wanted.letters) == wanted.digest]
        found = found or self._scan(wanted.letters).get(wanted.digest, []) or self._full_scan(wanted)
        ranges = [self._range(start, wanted.letters) for start in found]
        return sorted(ranges, key=lambda piece: (abs(piece[0] - wanted.start), piece))

    def _digest_at(self, start: int, length: int) -> str:
        return digest_of_letters(self._letters[start : start + length])

    def _scan(self, length: int) -> dict[str, list[int]]:
        """Return the digests of every run of ``length`` letters that begins where a word does."""
        if length not in self._scans:
            starts = (start for start in self._bounds if start + length <= len(self._letters))
            found: dict[str, list[int]] = defaultdict(list)
            for start in starts:
                found[self._digest_at(start, length)].append(start)
            self._scans[length] = found
        return self._scans[length]

    def _full_scan(self, wanted: Wanted) -> list[int]:
        """Try every letter as the beginning; only a few times, since a text that lacks one span may lack them all."""
        if self._full_scans_left == 0:
            return []
        self._full_scans_left -= 1
        last = len(self._letters) - wanted.letters
        return [i for i in range(last + 1) if self._digest_at(i, wanted.letters) == wanted.digest]

    def _range(self, start: int, length: int) -> tuple[int, int]:
        """Return the characters that hold a run of letters, with the marks that cling to them."""
        first, end = self._offsets[start], self._offsets[start + length - 1] + 1
        while first > 0 and self._text[first - 1] != " " and not self._text[first - 1].isalnum():
            first -= 1
        while end < len(self._text) and self._text[end] != " " and not self._text[end].isalnum():
            end += 1
        return first, end
