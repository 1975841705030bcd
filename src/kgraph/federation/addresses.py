"""Which addresses may be called: those on the list, and of the machines behind their names only public ones.

What a name stands for is looked up here, every address is looked at, and the connection is made to one of just these,
so that a name cannot lead elsewhere between the look and the call.
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

import anyio.to_thread

from kgraph.errors import ServiceCallError, SettingError
from kgraph.turtle.iris import is_well_formed

VARIABLE = "KGRAPH_FEDERATION"
"""The setting that lists the endpoints."""

_PORTS = {"http": 80, "https": 443}
_LOOK_UPS = 8

_UNICAST_6 = ipaddress.ip_network("2000::/3")
_NOT_PUBLIC = tuple(
    ipaddress.ip_network(written)
    for written in (
        # What the registries keep for protocols, documentation, tests and the like (RFC 6890), whatever this Python
        # knows of it, and what addresses of IPv4 can be wrapped in: relays of 6to4, Teredo (in 2001::/23), 6to4.
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
        *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24"),
        *("203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        *("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20"),
    )
)


def read_endpoints(written: str) -> frozenset[str]:
    """Read the list of endpoints that SERVICE may call.

    Raises :class:`kgraph.errors.SettingError` for what is no address of a server in the public network.
    """
    endpoints = frozenset(part.strip() for part in written.split(",") if part.strip())
    for endpoint in endpoints:
        if "@" in endpoint:
            # What stands before it may be a password, so the address is not repeated.
            raise SettingError(f"{VARIABLE}: an address holds @, and names and passwords are never sent")
        reason = _fault(endpoint)
        if reason:
            raise SettingError(f"{VARIABLE}: {endpoint} {reason}")
    return endpoints


def split_address(address: str) -> tuple[str, int]:
    """Return the host and the port of an endpoint that is on the list."""
    parts = urlsplit(address)
    return parts.hostname or "", parts.port or _PORTS[parts.scheme]


def is_public(address: str) -> bool:
    """Tell whether an IP address is that of one machine in the public network, and no other address in disguise."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return False
    if parsed.version == 6 and parsed not in _UNICAST_6:
        # Loopback, private and link-local addresses, and those of IPv4 that are mapped or translated (NAT64).
        return False
    return parsed.is_global and not any(parsed in network for network in _NOT_PUBLIC)


class Resolver:
    """Looks names up, so many at once."""

    def __init__(self) -> None:
        """Nothing is looked up yet."""
        self._limiter: anyio.CapacityLimiter | None = None

    async def resolve(self, host: str, port: int) -> tuple[str, ...]:
        """Return the IP addresses of a host, each of which is public.

        Raises :class:`kgraph.errors.ServiceCallError` if the host has no address, or one that is not public.
        """
        if self._limiter is None:
            # Made here: it belongs to the event loop.
            self._limiter = anyio.CapacityLimiter(_LOOK_UPS)
        try:
            found = await anyio.to_thread.run_sync(_look_up, host, port, abandon_on_cancel=True, limiter=self._limiter)
        except OSError as error:
            raise ServiceCallError(
                "service-unreachable", 502, is_failure=True, reason=f"{host}: {error.strerror or error}"
            ) from error
        for address in found:
            if not is_public(address):
                raise ServiceCallError("service-private", 403, host=host)
        return tuple(dict.fromkeys(found))


def _look_up(host: str, port: int) -> Sequence[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


def _fault(endpoint: str) -> str:
    """Return what is wrong with an address as an entry of the list, empty if nothing is."""
    try:
        parts = urlsplit(endpoint)
        port = parts.port
    except ValueError:
        return "is no address"
    if parts.scheme not in _PORTS or not is_well_formed(endpoint) or not endpoint.isascii() or port == 0:
        return "is no address that begins with http:// or https://"
    if not parts.hostname or parts.fragment:
        return "names no server, or a part of what it answers"
    return "" if _may_be_public(parts.hostname) else "is not in the public network, and such are never called"


def _may_be_public(host: str) -> bool:
    """Tell whether a host is a name, or an IP address that is public."""
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return True
    return is_public(host)
