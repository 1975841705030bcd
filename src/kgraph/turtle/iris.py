"""IRIs: are they well formed (RFC 3987), and what do relative ones stand for (RFC 3986, section 5.2)."""

from __future__ import annotations

import re

_PARTS = re.compile(
    r"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):)?(?P<authority>//[^/?#]*)?(?P<path>[^?#]*)"
    r"(?P<query>\?[^#]*)?(?P<fragment>#.*)?",
    re.DOTALL,
)
_PLANES = "".join(f"{chr(plane << 16)}-{chr((plane << 16) + 0xFFFD)}" for plane in range(1, 14))
_UCS = f"\u00a0-\ud7ff\uf900-\ufdcf\ufdf0-\uffef{_PLANES}\U000e1000-\U000efffd"
_NAME = rf"A-Za-z0-9\-._~!$&'()*+,;={_UCS}"
_PERCENT = "%[0-9A-Fa-f]{2}"
_ABSOLUTE = re.compile(
    r"[A-Za-z][A-Za-z0-9+.\-]*:"
    rf"(?:(?!//)|//(?:(?:[{_NAME}:]|{_PERCENT})*@)?(?:\[[0-9A-Fa-fv:.]+\]|(?:[{_NAME}]|{_PERCENT})*)(?::[0-9]*)?(?=[/?#]|$))"
    rf"(?:[{_NAME}:@/]|{_PERCENT})*+"
    rf"(?:\?(?:[{_NAME}:@/?\ue000-\uf8ff]|{_PERCENT})*+)?"
    rf"(?:\#(?:[{_NAME}:@/?]|{_PERCENT})*+)?"
)
_COLON_FIRST = re.compile(r"[^/?#]*:")
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_WRONG = re.compile(rf"[^{_NAME}:@/?#\[\]%\ue000-\uf8ff]|%(?![0-9A-Fa-f]{{2}})")


def is_absolute(iri: str) -> bool:
    """Tell whether a reference begins with a scheme."""
    return _SCHEME.match(iri) is not None


def is_reference(text: str) -> bool:
    """Tell whether ``text`` can be a relative reference: its first segment holds no colon."""
    return _COLON_FIRST.match(text) is None


def is_well_formed(iri: str) -> bool:
    """Tell whether ``iri`` is an absolute IRI of RFC 3987."""
    return _ABSOLUTE.fullmatch(iri) is not None


def wrong_character(iri: str) -> str:
    """Return the first character that no IRI may hold as it stands, or nothing if the fault is another."""
    found = _WRONG.search(iri)
    return found.group() if found else ""


def _without_dots(path: str) -> str:
    kept: list[str] = []
    segments = path.split("/")
    for number, segment in enumerate(segments):
        last = number == len(segments) - 1
        if segment == "..":
            if len(kept) > 1:
                kept.pop()
            if last:
                kept.append("")
        elif segment == ".":
            if last:
                kept.append("")
        else:
            kept.append(segment)
    return "/".join(kept)


def _merged(base: re.Match[str], path: str) -> str:
    if base["authority"] is not None and not base["path"]:
        return "/" + path
    return str(base["path"]).rpartition("/")[0] + "/" + path if "/" in base["path"] else path


def resolve_iri(base: str, reference: str) -> str:
    """Return what a reference stands for when it is read against an absolute base IRI.

    ``urllib.parse.urljoin`` is not used: it drops an empty fragment (``<#>``) and leaves references
    against schemes it does not know (``urn:``) as they are.
    """
    if is_absolute(reference):
        return reference
    origin, wanted = _PARTS.fullmatch(base), _PARTS.fullmatch(reference)
    if origin is None or wanted is None:
        return reference
    authority, query = wanted["authority"], wanted["query"]
    if authority is not None:
        path = _without_dots(wanted["path"])
    else:
        authority = origin["authority"]
        if not wanted["path"]:
            path = origin["path"]
            query = origin["query"] if query is None else query
        elif wanted["path"].startswith("/"):
            path = _without_dots(wanted["path"])
        else:
            path = _without_dots(_merged(origin, wanted["path"]))
    return f"{origin['scheme']}:{authority or ''}{path}{query or ''}{wanted['fragment'] or ''}"
