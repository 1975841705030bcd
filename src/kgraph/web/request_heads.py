"""What is looked at in the head of a request before anybody answers it (RFC 9110 and RFC 9112)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from kgraph.errors import RequestError
from kgraph.sparql.protocol import METHODS

if TYPE_CHECKING:
    from kgraph.web.heads import Headers

READ_METHODS = ("GET", "HEAD", "OPTIONS")
"""The methods of what can only be read."""

GRAPH_METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS")
"""The methods of the Graph Store."""

_VERSIONS = ("1.0", "1.1")
_SHOWN = 100
_LINE = re.compile(rb"(?:\r?\n)*([!#$%&'*+.^`|~\w-]{1,32}) ([^ ?]+)[^ ]* HTTP/1\.[01]\r?\n", re.ASCII)
_HOST = re.compile(rb"(?:\[[0-9A-Za-z:.]+\]|[\w.~!$&'()*+,;=%-]*)(?::[0-9]*)?", re.ASCII)
_ABSOLUTE = re.compile(rb"https?://([^/?#@]+)(.*)", re.IGNORECASE)


def check_head(version: str, headers: Headers) -> None:
    """Refuse a request that is of another version of HTTP, or whose body or host cannot be told from its head.

    Raises :class:`kgraph.errors.RequestError` (400) for the version, for a body in another transfer coding than chunks
    (RFC 9112, section 6.1), and for a request that does not name one host (section 3.2). None is 501 or 505: whatever
    is odd about a request is told as the request's.
    """
    if version not in _VERSIONS:
        raise RequestError("http-version", 400, found=version)
    coding = b",".join(value for name, value in headers if name == b"transfer-encoding").lower().strip()
    if coding not in (b"", b"chunked"):
        raise RequestError("unsupported-transfer-coding", 400, found=coding.decode("latin-1")[:_SHOWN])
    hosts = [value for name, value in headers if name == b"host"]
    if len(hosts) > 1 or (not hosts and version == "1.1") or not all(map(is_host, hosts)):
        raise RequestError("bad-request", 400)


def is_host(value: bytes) -> bool:
    """Tell whether a value of ``Host`` is one (RFC 9110, section 7.2)."""
    return _HOST.fullmatch(value.strip()) is not None


def read_target(method: bytes, target: bytes, headers: Headers) -> tuple[bytes, Headers]:
    """Return the path and query of a request's target with its headers; ``*`` is that of OPTIONS for the whole server.

    An address names the host too, whatever ``Host`` says (RFC 9112, section 3.2.2). Raises
    :class:`kgraph.errors.RequestError` (400) for any other target.
    """
    if target.startswith(b"/") or (target == b"*" and method == b"OPTIONS"):
        return target, headers
    absolute = _ABSOLUTE.fullmatch(target)
    if absolute is None or not is_host(absolute[1]):
        raise RequestError("bad-request", 400)
    host, rest = absolute[1], absolute[2]
    named = [(b"host", host), *(field for field in headers if field[0] != b"host")]
    if not rest and method == b"OPTIONS":
        return b"*", named
    return rest if rest.startswith(b"/") else b"/" + rest, named


def unknown_method(request: bytes | None) -> RequestError:
    """Return the error of a request whose method is not known (405), or of what is no request at all (400)."""
    line = _LINE.match(request or b"")
    if line is None:
        return RequestError("bad-request", 400)
    path = line[2].decode("latin-1")
    methods = GRAPH_METHODS if path.split("/")[1:2] == ["graphs"] else METHODS if path == "/sparql" else READ_METHODS
    headers = {"Allow": ", ".join(methods)}
    return RequestError("method-not-allowed", 405, headers=headers, method=line[1].decode())
