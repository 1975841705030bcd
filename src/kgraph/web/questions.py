"""Queries that may be asked: read and within the limits, with the format of their answers settled."""

from __future__ import annotations

import hashlib
import re
from binascii import a2b_qp
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import unquote_to_bytes

from kgraph.errors import RequestError
from kgraph.formats import GRAPHS, JSON_LD, JSON_LD_EXPANDED, RESULTS, Format, by_name, in_profile, negotiate
from kgraph.resources.hints import Hint
from kgraph.settings import Settings
from kgraph.sparql.federation import FilledText, without_calls
from kgraph.sparql.plain import read_plain
from kgraph.sparql.text import Limits, QueryText
from kgraph.store.base import SHOWN_OF_DIGEST, Query, Revision
from kgraph.web.request_heads import is_host

USUAL_ACCEPT = 256
"""Characters that an Accept header has at most that is worth remembering."""

_START = b"GET /sparql?query="
_LONGEST = 4000
_HEAD = re.compile(rb"(?:[A-Za-z-]+: [\x20-\x7e]*\r\n)+\r\n")
_USUAL = {b"host", b"accept", b"user-agent", b"accept-encoding", b"accept-language", b"connection"}


@dataclass(frozen=True, slots=True)
class Question:
    """A query that may be asked: read, within the limits, with the format of its answer settled.

    ``digest`` names query, dataset and format; it is empty for a query whose answer differs from one time to the next.
    It names ``run`` too, the process that holds the data, for one that leaves the engine a choice: in another process
    the engine has the data in another order, and chooses otherwise.
    A query with calls of other endpoints may be asked once it is ``filled`` with what they answered; ``remarks`` tell
    of those that did not.
    """

    query: Query
    text: QueryText
    format: Format
    digest: str
    filled: FilledText | None = None
    remarks: tuple[Hint, ...] = ()

    @property
    def own_text(self) -> str:
        """What the query asks of our own data, each token where the client has it."""
        return without_calls(self.text.text, self.text.calls) if self.text.calls else self.query.text

    def tag(self, revision: Revision | None) -> str:
        """Return the weak ETag of the answer at a revision; empty for one that no tag can stand for."""
        return f'W/"{revision.tag}-{self.digest}"' if revision is not None and self.digest else ""


def question_of(query: Query, text: QueryText, format: Format, run: str) -> Question:
    """Return the question that a query is, with its name."""
    if text.is_volatile:
        return Question(query, text, format, "")
    name = name_of(text.text, query.dataset, format)
    return Question(query, text, format, f"{name}-{run}" if text.has_choice else name)


class PlainQueries:
    """Reads queries that need no closer look (:mod:`kgraph.sparql.plain`) and requests that bring nothing else.

    Many requests are of that kind, and they are to cost little. ``reads_requests`` tells whether any request can be
    read: none can where settings look at more of a head than is looked at here.
    """

    def __init__(self, settings: Settings, run: Callable[[], str]) -> None:
        """Read within the limits of ``settings``; ``run`` names the process that holds the data now."""
        self._run = run
        usual = Limits()
        # What is plain lies within the limits that are usual; stricter ones take a closer look.
        is_usual = settings.max_query_nesting >= usual.nesting and settings.max_query_branches >= usual.branches
        self._longest = settings.max_query_length if is_usual else 0
        self.reads_requests = not settings.hosts and not settings.trusted_proxies and settings.cors_origins == "*"

    def read_text(self, text: str) -> QueryText | None:
        """Return what there is to know of a plain query, ``None`` for another."""
        return read_plain(text) if len(text) <= self._longest else None

    def read_request(self, data: bytes) -> tuple[Question, Mapping[bytes, bytes]] | None:
        """Return the question of a request by GET and the fields of its head, if nothing about it is unusual.

        ``data`` is the request as it came, and nothing else.
        """
        if not self.reads_requests or not data.startswith(_START):
            return None
        line, _, rest = data.partition(b" HTTP/1.1\r\n")
        query = line[len(_START) :]
        head = read_head(rest)
        if head is None or len(query) > _LONGEST or b"&" in query or b"#" in query or query.split() != [query]:
            return None
        try:
            text = _decode(query)
            question = self.read_question(text, head.accept)
        except (UnicodeDecodeError, RequestError):
            return None
        return None if question is None else (question, head.fields)

    def read_question(self, text: str, accept: str) -> Question | None:
        """Return the question that a plain query is for a client which accepts ``accept``, ``None`` for another.

        Raises :class:`kgraph.errors.RequestError` for formats that do not fit the query's form.
        """
        plain = self.read_text(text) if len(accept) <= USUAL_ACCEPT else None
        if plain is None:
            return None
        chosen = choose_usual(accept, plain.is_graph)
        return question_of(Query(plain.text), plain, chosen, self._run())


def _decode(query: bytes) -> str:
    """Return a query as it stood before it was put into an address."""
    # The same as with unquote_to_bytes, at a tenth of the time: of an address only the escapes look otherwise.
    decoded = a2b_qp(query.replace(b"+", b" ").replace(b"=", b"=3D").replace(b"%", b"="))
    if len(decoded) != len(query) - 2 * query.count(b"%"):
        # Some escape is none, and stays as it is.
        decoded = unquote_to_bytes(query.replace(b"+", b" "))
    return decoded.decode()


@dataclass(frozen=True, slots=True)
class Head:
    """The head of a request that has nothing but usual fields."""

    fields: Mapping[bytes, bytes]
    accept: str


@lru_cache(maxsize=256)
def read_head(lines: bytes) -> Head | None:
    """Return a head that ends with an empty line and is followed by nothing.

    Returns ``None`` if there is an unusual field or one that comes twice, or if a browser may be asking. The requests
    of one client mostly have one head.
    """
    if not _HEAD.fullmatch(lines):
        return None
    fields: dict[bytes, bytes] = {}
    for line in lines.split(b"\r\n")[:-2]:
        name, _, value = line.partition(b": ")
        name = name.lower()
        if name not in _USUAL or name in fields:
            return None
        fields[name] = value.strip()
    host = fields.get(b"host")
    if host is None or not is_host(host) or fields.get(b"connection", b"keep-alive").lower() != b"keep-alive":
        return None
    accept = fields.get(b"accept", b"").decode("ascii")
    return None if "html" in accept else Head(fields, accept)


def choose_format(name: str | None, accept: str | None, offered: Sequence[Format]) -> Format:
    """Return the format that a link names or, without one, the format that ``Accept`` asks for.

    Raises :class:`kgraph.errors.RequestError` (406) that lists what there is.
    """
    named = (*offered, JSON_LD_EXPANDED) if JSON_LD in offered else offered
    chosen = by_name(name, named) if name else negotiate(accept, offered)
    if chosen is None:
        listing = ", ".join(candidate.media_type for candidate in offered)
        raise RequestError("not-acceptable", 406, headers={"Vary": "Accept"}, offered=listing)
    return chosen if name else in_profile(chosen, accept)


@lru_cache(maxsize=256)
def choose_usual(accept: str, is_graph: bool) -> Format:
    """Return the format of an answer for an ``Accept`` header of usual length, as :func:`choose_format` does."""
    return choose_format(None, accept, GRAPHS if is_graph else RESULTS)


def name_of(text: str, dataset: tuple[tuple[str, ...], tuple[str, ...]] | None, format: Format) -> str:
    """Return a short name for the answer to a query of a dataset in a format."""
    return f"{hash_of(text)}-{format.name}" if dataset is None else digest_of(text, dataset, format.name)


def digest_of(*parts: object) -> str:
    """Return a short name for what is made of these parts."""
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:SHOWN_OF_DIGEST]


@lru_cache(maxsize=4)
def hash_of(text: str) -> str:
    """Return what the log calls a query."""
    return hashlib.sha256(text.encode()).hexdigest()[:16]
