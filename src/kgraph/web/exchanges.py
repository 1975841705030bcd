"""One request and its answer, as the log and the counters see them."""

from __future__ import annotations

import re
import secrets
import time
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING

from starlette.types import Scope

from kgraph.store.base import Revision

if TYPE_CHECKING:
    from kgraph.web.cache import Cached

_KEY = "kgraph.exchange"
_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}", re.ASCII)
_PREFIX = secrets.token_hex(6)
_numbers = count(1)


@dataclass(slots=True)
class Exchange:
    """What is known of a request and of its answer so far.

    ``outcome`` is ``ok``, the code of the problem that was answered, or ``cut`` for an answer that could not be
    completed. ``rows`` is the number of rows or statements where it is known. ``cached`` is the answer in the cache
    that this one is, if it is one.
    """

    method: str
    path: str
    client: str
    request_id: str
    accepted_codings: str = ""
    origin: str = ""
    started: float = field(default_factory=time.perf_counter)
    status: int = 0
    sent: int = 0
    outcome: str = "ok"
    form: str = ""
    query_hash: str = ""
    rows: int | None = None
    revision: Revision | None = None
    cached: Cached | None = None
    is_hit: bool = False
    may_repeat: bool = True


def new_request_id() -> str:
    """Return an identifier for a request that came without one."""
    return f"{_PREFIX}-{next(_numbers):x}"


def open_exchange(scope: Scope, client: str) -> Exchange:
    """Return the record of a request that has just come, and put it into the request's scope."""
    request_id = codings = origin = ""
    may_repeat = True
    for name, value in scope["headers"]:
        if name == b"accept-encoding":
            codings = f"{codings},{value.decode('latin-1')}" if codings else value.decode("latin-1")
        elif name == b"x-request-id":
            may_repeat = False
            if _SANE_ID.fullmatch(value):
                request_id = value.decode("ascii")
        elif name == b"origin":
            origin = value.decode("latin-1")
        elif name in (b"authorization", b"cache-control", b"pragma", b"cookie", b"x-forwarded-for"):
            may_repeat = False
    exchange = Exchange(scope["method"], scope["path"], client, request_id or new_request_id(), codings, origin)
    exchange.may_repeat = may_repeat
    scope[_KEY] = exchange
    return exchange


def exchange_of(scope: Scope) -> Exchange:
    """Return the record of a request."""
    found = scope[_KEY]
    assert isinstance(found, Exchange)
    return found
