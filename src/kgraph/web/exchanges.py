"""One request and its answer, as the log and the counters see them."""

from __future__ import annotations

import re
import secrets
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from starlette.types import Scope

from kgraph.store.base import Revision

if TYPE_CHECKING:
    from kgraph.web.cache import Cached
    from kgraph.web.front import Sender

_KEY = "kgraph.exchange"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)


@dataclass(slots=True)
class Exchange:
    """What is known of a request and of its answer so far.

    ``fields`` are those of the request's head, ``received`` the bytes of its body so far. ``outcome`` is ``ok``, the
    code of the problem that was answered, ``cut`` for an answer that could not be completed, or ``left`` if the client
    did not wait for it. ``rows`` is the number of rows or statements where it is known, ``calls`` that of calls of
    other endpoints. ``cached`` is the answer in the cache that this one is, if it is one; ``sender`` sends the answer.
    """

    method: str
    path: str
    client: str
    request_id: str
    fields: Mapping[bytes, bytes] = field(default_factory=dict)
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    received: int = 0
    sent: int = 0
    outcome: str = "ok"
    form: str = ""
    query_hash: str = ""
    rows: int | None = None
    calls: int = 0
    revision: Revision | None = None
    cached: Cached | None = None
    is_hit: bool = False
    sender: Sender | None = None

    def field(self, name: bytes) -> str:
        """Return a field of the request's head, empty if it has none; several are one with commas."""
        return self.fields.get(name, b"").decode("latin-1")


class RequestIds:
    """Identifiers for requests that come without one; no two of these give the same, in whatever process."""

    def __init__(self) -> None:
        """Begin a series of its own."""
        self._prefix = secrets.token_hex(6)
        self._numbers = count(1)

    def next(self) -> str:
        """Return an identifier."""
        return f"{self._prefix}-{next(self._numbers):x}"


new_request_id = RequestIds().next
"""Returns an identifier from the series of this process."""


def open_exchange(scope: Scope, client: str) -> Exchange:
    """Return the record of a request that has just come, and put it into the request's scope.

    A field that stands in several lines is put into one, in the scope too (RFC 9110, section 5.3).
    """
    headers = scope["headers"]
    fields = dict(headers)
    if len(fields) != len(headers):
        fields = _joined(headers)
        scope["headers"] = list(fields.items())
    named = fields.get(b"x-request-id")
    request_id = named.decode("ascii") if named and _SANE_ID.fullmatch(named) else new_request_id()
    exchange = Exchange(scope["method"], scope["path"], client, request_id, fields)
    scope[_KEY] = exchange
    return exchange


def _joined(headers: Iterable[tuple[bytes, bytes]]) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for name, value in headers:
        between = b"; " if name == b"cookie" else b", "
        fields[name] = fields[name] + between + value if name in fields else value
    return fields


def exchange_of(scope: Scope) -> Exchange:
    """Return the record of a request."""
    found = scope[_KEY]
    assert isinstance(found, Exchange)
    return found
