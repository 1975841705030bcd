"""The heads of answers: what every answer of the server has in its head, and what those of the endpoint have."""

from __future__ import annotations

from email.utils import format_datetime
from functools import lru_cache

from kgraph.formats import Format
from kgraph.settings import Settings
from kgraph.store.base import Revision
from kgraph.web.exchanges import Exchange
from kgraph.web.questions import Question

Headers = list[tuple[bytes, bytes]]

CACHE_CONTROL = "public, max-age=0, must-revalidate"
DESCRIBED_BY = '</.well-known/void>; rel="describedby"'

_EXPOSED = (
    b"ETag, Last-Modified, Link, Location, Retry-After, Allow, Accept-Post, Accept-Query, Accept-Patch, "
    b"Kgraph-Revision, Kgraph-Notice, X-Request-Id, WWW-Authenticate"
)
_CONTENT_POLICY = (
    b"default-src 'self'; img-src 'self' data:; style-src 'self'; script-src 'self'; object-src 'none'; "
    b"base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
)
_STARTS = 256
_ALWAYS = [
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"accept-ranges", b"none"),
]


class Heads:
    """What the answers of one server have in their heads besides what is their own."""

    def __init__(self, settings: Settings) -> None:
        """Allow the origins that ``settings`` name to read answers."""
        origins = split(settings.cors_origins)
        self._origins = frozenset(origins)
        self._any_origin = "*" in origins
        self._starts: dict[tuple[Format, str, Revision], bytes] = {}

    def varies_by_origin(self) -> bool:
        """Tell whether answers differ from one origin to another."""
        return bool(self._origins) and not self._any_origin

    def common_headers(self, exchange: Exchange, headers: Headers) -> Headers:
        """Return what every answer has besides: for other origins, for safety, the request's id and the revision."""
        added = [*_ALWAYS, (b"x-request-id", exchange.request_id.encode())]
        if self._any_origin:
            added.append((b"access-control-allow-origin", b"*"))
        elif exchange.field(b"origin") in self._origins:
            added.append((b"access-control-allow-origin", exchange.fields[b"origin"]))
        if self._origins:
            added.append((b"access-control-expose-headers", _EXPOSED))
        names = {name for name, _ in headers}
        if b"text/html" in next((value for name, value in headers if name == b"content-type"), b""):
            added.append((b"content-security-policy", _CONTENT_POLICY))
        if exchange.revision is not None:
            tag, date = revision_headers(exchange.revision)
            added.append((b"kgraph-revision", tag))
            if b"etag" in names and b"last-modified" not in names:
                added.append((b"last-modified", date))
        return added

    def of_plain(self, question: Question, revision: Revision, coding: str, length: int) -> bytes:
        """Return the head of the whole answer to a plain question without date and request id."""
        key = question.format, coding, revision
        start = self._starts.get(key)
        if start is None:
            headers = [*with_vary(headers_of(question, "tag"), b"Accept-Encoding")]
            if coding:
                headers.append((b"content-encoding", coding.encode()))
            exchange = Exchange("GET", "/sparql", "", "", revision=revision)
            headers += self.common_headers(exchange, headers)
            if len(self._starts) >= _STARTS:
                self._starts.clear()
            start = self._starts[key] = render_head([header for header in headers if header[0] != b"etag"])
        return b"%setag: %s\r\ncontent-length: %d\r\n" % (start, question.tag(revision).encode(), length)


def headers_of(question: Question, tag: str) -> Headers:
    """Return the headers of an answer, its type first."""
    headers = [
        (b"content-type", question.format.content_type.encode()),
        (b"vary", b"Accept"),
        (b"link", DESCRIBED_BY.encode()),
    ]
    if tag:
        return [*headers, (b"etag", tag.encode()), (b"cache-control", CACHE_CONTROL.encode())]
    return [*headers, (b"cache-control", b"no-store")]


@lru_cache(maxsize=8)
def revision_headers(revision: Revision) -> tuple[bytes, bytes]:
    """Return the name of a revision and its date as headers have them."""
    return revision.tag.encode(), format_datetime(revision.date, usegmt=True).encode()


def render_head(headers: Headers) -> bytes:
    """Return a head of status 200 without date and request id."""
    lines = [b"%s: %s\r\n" % header for header in headers if header[0] != b"x-request-id"]
    return b"HTTP/1.1 200 OK\r\n" + b"".join(lines)


def with_vary(headers: Headers, name: bytes) -> Headers:
    """Return headers that say that the answer depends on a field of the request."""
    varied = [value for key, value in headers if key == b"vary"]
    if any(name.lower() in value.lower().replace(b" ", b"").split(b",") for value in varied):
        return headers
    rest = [(key, value) for key, value in headers if key != b"vary"]
    return [*rest, (b"vary", b", ".join([*varied, name]))]


def split(text: str) -> tuple[str, ...]:
    """Return the parts of a setting that is a list, separated by commas or white space."""
    return tuple(text.replace(",", " ").split())
