"""Literals: escapes, quoting, and which lexical forms a datatype allows (XML Schema 1.1, part 2)."""

from __future__ import annotations

import calendar
import re
from functools import lru_cache

from kgraph.turtle.model import XSD, Term

_ESCAPE = re.compile(r"\\(?:([tbnrf\"'\\])|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|)")
_PLAIN = {"t": "\t", "b": "\b", "n": "\n", "r": "\r", "f": "\f", '"': '"', "'": "'", "\\": "\\"}
_SHORT = {"\t": "\\t", "\b": "\\b", "\n": "\\n", "\r": "\\r", "\f": "\\f", '"': '\\"', "\\": "\\\\"}
_TO_ESCAPE = re.compile(r'[\x00-\x1f\x7f"\\]')
# Characters that an editor hides, or that a program takes for the end of a line, are spelt out.
_HIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\x85\u2028\u2029\ufeff\\]")
_LITERAL = re.compile(r'"((?:[^"\\]|\\.)*)"(?:@(.+)|\^\^<(.*)>)?', re.DOTALL)
_LANGUAGE = re.compile(
    r"(?:[a-z]{2,3}(?:-[a-z]{3}){0,3}|[a-z]{4,8})(?:-[a-z]{4})?(?:-(?:[a-z]{2}|[0-9]{3}))?"
    r"(?:-(?:[a-z0-9]{5,8}|[0-9][a-z0-9]{3}))*(?:-[0-9a-wy-z](?:-[a-z0-9]{2,8})+)*(?:-x(?:-[a-z0-9]{1,8})+)?"
    r"|x(?:-[a-z0-9]{1,8})+",
    re.IGNORECASE,
)


class BadEscapeError(ValueError):
    """A backslash is followed by something that is no escape; ``offset`` and ``found`` say where and what."""

    def __init__(self, offset: int, found: str) -> None:
        """Keep the offset within the text and the escape as written."""
        super().__init__(found)
        self.offset = offset
        self.found = found


def unescape(text: str, only_numeric: bool = False) -> str:
    """Replace the escapes of a string (Turtle 1.1, section 6.4), or only ``\\u`` and ``\\U`` as in an IRI.

    Raises :class:`BadEscapeError` at the first one that is wrong.
    """

    def replacement(found: re.Match[str]) -> str:
        plain, four, eight = found.groups()
        if plain and not only_numeric:
            return _PLAIN[plain]
        number = int(four or eight or "110000", 16)
        if number > 0x10FFFF or 0xD800 <= number <= 0xDFFF:
            raise BadEscapeError(found.start(), text[found.start() : max(found.end(), found.start() + 2)])
        return chr(number)

    return _ESCAPE.sub(replacement, text) if "\\" in text else text


def _escaped(found: re.Match[str]) -> str:
    character = found.group()
    return _SHORT.get(character) or f"\\u{ord(character):04X}"


def literal_term(lexical: str, language: str | None = None, datatype: str | None = None) -> Term:
    """Write a literal in N-Triples syntax; the language wins over the datatype, ``xsd:string`` is left out."""
    quoted = '"' + _TO_ESCAPE.sub(_escaped, lexical) + '"'
    if language:
        return f"{quoted}@{language}"
    return f"{quoted}^^<{datatype}>" if datatype and datatype != XSD + "string" else quoted


def literal_parts(term: Term) -> tuple[str, str | None, str | None]:
    """Return lexical form, language and datatype IRI of a literal term (None where it has none).

    Raises ``ValueError`` if the term is no literal.
    """
    found = _LITERAL.fullmatch(term)
    if found is None:
        raise ValueError(f"not a literal: {term}")
    return unescape(found[1]), found[2], found[3]


def quote_string(lexical: str) -> str:
    """Write a lexical form as Turtle text: a long string if it has line feeds, with no escape it can do without."""
    text = _HIDDEN.sub(_escaped, lexical)
    if "\n" in lexical:
        return '"""' + re.sub(r'"(?=""|\Z)', r'\\"', text) + '"""'
    return '"' + text.replace('"', '\\"') + '"'


def is_language_tag(tag: str) -> bool:
    """Tell whether a tag follows the grammar of BCP 47, as the store demands."""
    return _LANGUAGE.fullmatch(tag) is not None


_INTEGER = re.compile(r"[+\-]?[0-9]+")
_ZONE = r"(?:Z|[+\-](?:(?:0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
_YEAR = r"(?P<year>-?(?:[1-9][0-9]{3,}|0[0-9]{3}))"
_MONTH = r"(?P<month>0[1-9]|1[0-2])"
_DAY = r"(?P<day>0[1-9]|[12][0-9]|3[01])"
_TIME = r"(?:(?:[01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](?:\.[0-9]+)?|24:00:00(?:\.0+)?)"
_REAL = r"[+\-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)"
_FORMS = {
    "decimal": _REAL,
    "double": rf"{_REAL}(?:[eE][+\-]?[0-9]+)?|[+\-]?INF|NaN",
    "float": rf"{_REAL}(?:[eE][+\-]?[0-9]+)?|[+\-]?INF|NaN",
    "boolean": "true|false|1|0",
    "date": f"{_YEAR}-{_MONTH}-{_DAY}{_ZONE}",
    "dateTime": f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}{_ZONE}",
    "dateTimeStamp": f"{_YEAR}-{_MONTH}-{_DAY}T{_TIME}(?=.){_ZONE}",
    "time": _TIME + _ZONE,
    "gYear": _YEAR + _ZONE,
    "gYearMonth": f"{_YEAR}-{_MONTH}{_ZONE}",
    "gMonth": f"--{_MONTH}{_ZONE}",
    "gDay": f"---{_DAY}{_ZONE}",
    "gMonthDay": f"--{_MONTH}-{_DAY}{_ZONE}",
    "duration": r"-?P(?=.)(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=.)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?",
    "hexBinary": "(?:[0-9A-Fa-f]{2})*",
    "language": r"[a-zA-Z]{1,8}(?:-[a-zA-Z0-9]{1,8})*",
}
_PATTERNS = {XSD + name: re.compile(form, re.ASCII) for name, form in _FORMS.items()}
_RANGES: dict[str, tuple[int | None, int | None]] = {
    "integer": (None, None),
    "long": (-(2**63), 2**63 - 1),
    "int": (-(2**31), 2**31 - 1),
    "short": (-(2**15), 2**15 - 1),
    "byte": (-128, 127),
    "nonNegativeInteger": (0, None),
    "positiveInteger": (1, None),
    "unsignedLong": (0, 2**64 - 1),
    "unsignedInt": (0, 2**32 - 1),
    "unsignedShort": (0, 2**16 - 1),
    "unsignedByte": (0, 255),
    "nonPositiveInteger": (None, 0),
    "negativeInteger": (None, -1),
}
_INTEGERS = {XSD + name: limits for name, limits in _RANGES.items()}


def _in_range(lexical: str, least: int | None, most: int | None) -> bool:
    # int() refuses thousands of digits; a number that long is beyond every limit but the open ones.
    digits = lexical.lstrip("+-").lstrip("0")
    if len(digits) > 25:
        return most is None if not lexical.startswith("-") else least is None
    number = int(digits or "0") * (-1 if lexical.startswith("-") else 1)
    return (least is None or number >= least) and (most is None or number <= most)


def _day_exists(found: re.Match[str]) -> bool:
    parts = found.groupdict()
    day, month = int(parts.get("day") or 1), int(parts.get("month") or 1)
    # Four digits suffice: whether a year is a leap year repeats every 400 years.
    year = int((parts.get("year") or "2000")[-4:])
    return day <= (
        29 if month == 2 and calendar.isleap(year) else (28 if month == 2 else 30 + (month + month // 8) % 2)
    )


@lru_cache(maxsize=4096)
def is_well_typed(lexical: str, datatype: str) -> bool:
    """Tell whether a lexical form belongs to an XML Schema datatype; datatypes it does not know allow every form."""
    limits = _INTEGERS.get(datatype)
    if limits is not None:
        return _INTEGER.fullmatch(lexical) is not None and _in_range(lexical, *limits)
    pattern = _PATTERNS.get(datatype)
    if pattern is None:
        return True
    found = pattern.fullmatch(lexical)
    return found is not None and _day_exists(found)
