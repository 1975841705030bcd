"""Who asks, and how much one of them may ask at once."""

from __future__ import annotations

import ipaddress
import math
import time
from collections import Counter, OrderedDict
from collections.abc import Iterable

from kgraph.errors import RequestError

_REMEMBERED = 10_000
_Network = ipaddress.IPv4Network | ipaddress.IPv6Network


class Clients:
    """The clients of one server, by their addresses.

    Used by the event loop alone. ``rate`` is in requests a second, 0 for any number; ``burst`` requests may come at
    once; ``queries`` may run or wait at once, 0 for any number. Where a request comes through one of ``proxies``
    (addresses or networks) its client is the last address in X-Forwarded-For that is not one of them.
    """

    def __init__(self, rate: float, burst: int, queries: int, proxies: Iterable[str]) -> None:
        """Know nobody yet. Raises ``ValueError`` for a proxy that is neither an address nor a network."""
        self._rate = rate
        self._burst = float(max(burst, 1))
        self._most = queries
        self._proxies: tuple[_Network, ...] = tuple(ipaddress.ip_network(text, strict=False) for text in proxies)
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._queries: Counter[str] = Counter()

    def name(self, peer: str, headers: Iterable[tuple[bytes, bytes]]) -> str:
        """Return the address of the client behind a request that came from ``peer``."""
        if not self._proxies or not self._is_proxy(peer):
            return peer
        forwarded = ",".join(v.decode("latin-1") for n, v in headers if n == b"x-forwarded-for")
        named = [part.strip() for part in forwarded.split(",") if part.strip()]
        for address in reversed(named):
            if not self._is_proxy(address):
                return address if _is_address(address) else peer
        return peer

    def count_request(self, client: str) -> None:
        """Count a request. Raises :class:`kgraph.errors.RequestError` (429) if the client asks too often."""
        if self._rate <= 0:
            return
        now = time.monotonic()
        left, then = self._buckets.pop(client, (self._burst, now))
        left = min(self._burst, left + (now - then) * self._rate)
        self._buckets[client] = (max(left - 1, 0.0) if left >= 1 else left, now)
        if len(self._buckets) > _REMEMBERED:
            self._buckets.popitem(last=False)
        if left < 1:
            wait = math.ceil((1 - left) / self._rate)
            raise RequestError("rate-limited", 429, headers={"Retry-After": str(wait)}, limit=f"{self._rate:g}")

    def forget_request(self, client: str) -> None:
        """Take back that a request was counted."""
        if client in self._buckets:
            left, then = self._buckets[client]
            self._buckets[client] = (min(self._burst, left + 1), then)

    def begin_query(self, client: str) -> None:
        """Count a query in. Raises :class:`kgraph.errors.RequestError` (429) if the client has too many already."""
        if 0 < self._most <= self._queries[client]:
            raise RequestError("too-many-of-client", 429, headers={"Retry-After": "1"}, limit=self._most)
        self._queries[client] += 1

    def end_query(self, client: str) -> None:
        """Count a query out."""
        self._queries[client] -= 1
        if self._queries[client] <= 0:
            del self._queries[client]

    def _is_proxy(self, address: str) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in self._proxies)


def _is_address(text: str) -> bool:
    """Tell whether a text is an address; one with a zone, which may be any text, says nothing beyond the proxy."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return "%" not in text
