"""The characters of documents in RDF/XML, which may come in other encodings than UTF-8 (XML 1.0, section 4.3.3)."""

from __future__ import annotations

import codecs
import re

from kgraph.errors import RequestError

_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))
_DECLARED = re.compile(r"(<\?xml\s[^>]*?encoding\s*=\s*[\"'])([\w.:-]+)", re.ASCII)
_SHOWN = 200
_KNOWN = {"utf-8", "ascii", "utf-16", "utf-16-le", "utf-16-be", "iso8859-1", "iso8859-15", "cp1252"}


def to_utf8(body: bytes, charset: str | None) -> bytes:
    """Return a document in UTF-8, without a byte-order mark and with a declaration that says so.

    Its encoding is that of its mark, else the one that the request names, else the one that it declares (RFC 7303,
    section 3), else UTF-8. Raises :class:`kgraph.errors.RequestError`: 415 for an encoding that is not known, 400 for a
    body that is not in the encoding that it says.
    """
    for mark, named in _MARKS:
        if body.startswith(mark):
            return _recode(body[len(mark) :], named)
    declared = _DECLARED.match(body[:_SHOWN].decode("latin-1"))
    return _recode(body, _name_of(charset or (declared[2] if declared else "utf-8")))


def _recode(body: bytes, encoding: str) -> bytes:
    try:
        text = body.decode(encoding)
    except UnicodeDecodeError as error:
        raise RequestError("body-unreadable", 400, fault="fault-characters", found=encoding) from error
    return _DECLARED.sub(r"\1UTF-8", text, count=1).encode()


def _name_of(charset: str) -> str:
    try:
        name = codecs.lookup(charset).name
    except LookupError:
        name = ""
    if name not in _KNOWN:
        raise RequestError("unsupported-charset", 415, found=charset)
    return name
