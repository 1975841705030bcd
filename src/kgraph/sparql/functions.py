"""The functions that a text calls by their IRIs, and what was probably meant by one that nobody knows.

SPARQL 1.1 Query, sections 17.5 (the constructor functions, which cast to a datatype) and 17.6 (functions by IRI).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from kgraph.sparql.diagnosis import near
from kgraph.sparql.grammar import AGGREGATES, FUNCTIONS, follow_tokens
from kgraph.sparql.names import Name, nearest, split_iri, write_like
from kgraph.sparql.prologue import Prologue

_XSD = "http://www.w3.org/2001/XMLSchema#"
CASTS = frozenset(_XSD + name for name in ("boolean", "double", "float", "decimal", "integer", "dateTime", "string"))
"""The constructor functions that every engine knows."""

_OTHER_CASTS = """
date time duration yearMonthDuration dayTimeDuration gYear gYearMonth gMonth gMonthDay gDay
"""
_ALL_CASTS = (*sorted(CASTS), *(_XSD + name for name in _OTHER_CASTS.split()))
_BASES = {
    "integer": """int long short byte unsignedInt unsignedLong unsignedShort unsignedByte positiveInteger
        negativeInteger nonPositiveInteger nonNegativeInteger""",
    "string": "normalizedString token language Name NCName NMTOKEN anyURI",
    "dateTime": "dateTimeStamp",
}
_BASE_OF = {derived.casefold(): _XSD + base for base, names in _BASES.items() for derived in names.split()}
_OTHER_NAMES = {
    "STRINGLENGTH": "STRLEN",
    "LENGTH": "STRLEN",
    "UPPERCASE": "UCASE",
    "UPPER": "UCASE",
    "LOWERCASE": "LCASE",
    "LOWER": "LCASE",
    "STARTSWITH": "STRSTARTS",
    "ENDSWITH": "STRENDS",
    "SUBSTRING": "SUBSTR",
    "SUBSTRINGBEFORE": "STRBEFORE",
    "SUBSTRINGAFTER": "STRAFTER",
    "MATCHES": "REGEX",
    "CEILING": "CEIL",
    "CURRENTDATETIME": "NOW",
    "YEARFROMDATETIME": "YEAR",
    "MONTHFROMDATETIME": "MONTH",
    "DAYFROMDATETIME": "DAY",
    "HOURSFROMDATETIME": "HOURS",
    "MINUTESFROMDATETIME": "MINUTES",
    "SECONDSFROMDATETIME": "SECONDS",
    "TIMEZONEFROMDATETIME": "TIMEZONE",
}
"""What XPath calls the functions that SPARQL has under names of its own, and other languages some of them."""

_BUILT_IN = {name.replace("_", ""): name for name in sorted(FUNCTIONS | AGGREGATES)} | _OTHER_NAMES
_JOINTS = re.compile(r"[-_.]")
_LEAST = 3

# A run of characters between which no token ends, but for operators that are taken along.
_ENDS = r"\s<>\"'{}()\[\];,|^/*+?!=&#@~$"
_RUN = rf"[^:{_ENDS}]"
_LOCAL = rf"[^{_ENDS}]*+"
_IRI = r"<([^<>\"{}|^`\\\x00-\x20]*+)>"
_OPENING = r"(?:\s|#[^\r\n]*+)*+\("
_MAY_CALL = re.compile(rf"(?:{_IRI}|:{_LOCAL}){_OPENING}")
_CALLED = re.compile(rf"(?:{_IRI}|(?<!{_RUN})({_RUN}*+:)({_LOCAL})){_OPENING}")
_DECLARED = re.compile(rf"PREFIX\s+({_RUN}*:)\s*{_IRI}", re.IGNORECASE)


def may_call(text: str) -> bool:
    """Tell whether a text may call a function by its IRI: true for every one that does, and for some that do not."""
    return "\\" in text or ("(" in text and _MAY_CALL.search(text) is not None)


def calls_only_casts(text: str, declarations: str) -> bool:
    """Tell whether every call by IRI that a text may hold is of one of :data:`CASTS`; false where it is not clear.

    ``declarations`` are the declarations of prefixes in the text, and nothing else. The text has no backslash.
    """
    if not may_call(text):
        return True
    prefixes = dict(_DECLARED.findall(declarations))
    called = [iri or prefixes.get(prefix, "") + local for iri, prefix, local in _CALLED.findall(text)]
    return len(called) == len(_MAY_CALL.findall(text)) and CASTS.issuperset(called)


def read_functions(text: str, start: str = "Query") -> tuple[Name, ...]:
    """Return the functions that a text calls by their IRIs, each once; ``start`` is ``Query`` or ``Update``.

    The text is one that was read before, its escapes decoded. Raises :class:`kgraph.errors.QuerySyntaxError` where no
    token can begin.
    """
    if not may_call(text):
        return ()
    tokens, _, called = follow_tokens(text, start)
    places = {token.offset for token in called}
    prologue = Prologue()
    found: dict[str, Name] = {}
    position = 0
    while places and (position := prologue.declare(tokens, position)) < len(tokens):
        token = tokens[position]
        if token.offset in places:
            iri = prologue.iri(token)
            found.setdefault(iri, Name(iri, token.text, token.line, token.column))
        position += 1
    return tuple(found.values())


def suggest_function(name: Name, is_known: Callable[[str], bool]) -> str:
    """Return what was probably meant by a function that nobody knows, as the text would write it; empty if unclear.

    That is a function of SPARQL with the same name (``fn:concat``), the datatype that another one is derived from
    (``xsd:int``), or what is nearly the same. ``is_known`` tells of an IRI whether there is such a function.
    """
    namespace, local = split_iri(name.iri)
    plain = _JOINTS.sub("", local).upper()
    if namespace != _XSD and plain in _BUILT_IN:
        return _BUILT_IN[plain]
    casts = [cast for cast in _ALL_CASTS if is_known(cast)]
    cast = _BASE_OF.get(local.casefold(), "") if namespace == _XSD else ""
    cast = cast or nearest(name.iri, casts)
    if not cast and namespace == _XSD and len(local) >= _LEAST:
        cast = next((each for each in casts if each.startswith(name.iri)), "")
    if not cast:
        return _BUILT_IN.get(near(plain, _BUILT_IN), "")
    # Only the prefix of the name itself is known to be declared.
    return write_like(cast, name) if namespace == _XSD else f"<{cast}>"
