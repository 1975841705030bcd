"""Which endpoints may be listed, and which IP addresses may be called."""

from __future__ import annotations

import pytest

from kgraph.errors import SettingError
from kgraph.federation.addresses import is_public, read_endpoints
from kgraph.settings import load_settings

PRIVATE = [
    "127.0.0.1",
    "127.255.255.254",
    "0.0.0.0",
    "10.0.0.1",
    "172.16.0.1",
    "172.31.255.255",
    "192.168.1.1",
    "100.64.0.1",
    "169.254.169.254",
    "192.0.0.8",
    "192.0.2.1",
    "192.88.99.1",
    "198.18.0.1",
    "198.51.100.7",
    "203.0.113.9",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::7f00:1",
    "::ffff:127.0.0.1",
    "::ffff:8.8.8.8",
    "::ffff:0:127.0.0.1",
    "64:ff9b::7f00:1",
    "64:ff9b::808:808",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",
    "2001:0:7f00:1::",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",
    "2002:808:808::1",
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd12:3456::1",
    "fe80::1",
    "fe80::1%1",
    "fec0::1",
    "ff02::1",
    "localhost",
    "",
]
OF_MACHINES = [
    "8.8.8.8",
    "93.184.215.14",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.1",
    "2606:4700::1111",
    "2a00:1450::1",
]


@pytest.mark.parametrize("address", PRIVATE)
def test_an_address_that_is_not_public_is_known(address: str) -> None:
    """Loopback, private, link-local, shared, documentation, benchmark, multicast, reserved, mapped and tunnelled."""
    assert not is_public(address)


@pytest.mark.parametrize("address", OF_MACHINES)
def test_a_public_address_is_known(address: str) -> None:
    """Also just beyond the edges of what is not."""
    assert is_public(address)


@pytest.mark.parametrize(
    "address",
    [
        *(f"http://[{address}]/sparql" for address in PRIVATE if ":" in address and "%" not in address),
        *(
            f"https://{address}:8443/sparql"
            for address in PRIVATE
            if address and ":" not in address[:4] and "." in address
        ),
        "ftp://data.example.org/sparql",
        "data.example.org/sparql",
        "http:///sparql",
        "http://data.example.org:99999/sparql",
        "http://data.example.org:0/sparql",
        "http://data.example.org/sparql#part",
        "http://data.exämple.org/sparql",
        "http://data.example.org/a b",
        "https://data.example.org/sparql,file:///etc/passwd",
    ],
)
def test_what_cannot_be_called_cannot_be_listed(address: str) -> None:
    """The server does not start with it, and says which setting and which address."""
    with pytest.raises(SettingError, match="KGRAPH_FEDERATION"):
        read_endpoints(address)


@pytest.mark.parametrize("read", [read_endpoints, lambda text: load_settings({"KGRAPH_FEDERATION": text})])
def test_an_address_with_a_password_is_refused_and_not_repeated(read: object) -> None:
    """Neither is it sent anywhere."""
    with pytest.raises(SettingError) as caught:
        read("https://a.example.org/,https://user:secret@data.example.org/sparql")  # type: ignore[operator]
    assert "KGRAPH_FEDERATION" in str(caught.value) and "secret" not in str(caught.value)


def test_the_list_is_read() -> None:
    """Several addresses with commas and white space between them, kept letter by letter."""
    written = " https://data.example.org/sparql , http://8.8.8.8:8080/q?a=b,https://[2606:4700::1111]/"
    wanted = {"https://data.example.org/sparql", "http://8.8.8.8:8080/q?a=b", "https://[2606:4700::1111]/"}
    assert read_endpoints(load_settings({"KGRAPH_FEDERATION": written}).federation) == wanted
    assert read_endpoints("") == frozenset()
