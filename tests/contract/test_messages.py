"""Requests as bytes: what RFC 9110 and RFC 9112 say of targets, framing, expectations and versions."""

from __future__ import annotations

import gzip
import socket
from urllib.parse import urlsplit

import httpx
import pytest

ASK = "/sparql?query=ASK%7B%7D"
QUERY = "Content-Type: application/sparql-query\r\n"
CHUNKED = "Transfer-Encoding: chunked\r\n"
BODY = "5\r\nASK{}\r\n0\r\n\r\n"
PROBLEM = "Accept: application/problem+json, */*;q=0.5\r\n"


def send(server: str, request: str, *more: str) -> list[tuple[int, dict[str, str], str]]:
    """Send a request, and more once something was answered; return what comes until the connection is closed."""
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=10) as connection:
        received = b""
        for part in (request, *more):
            connection.sendall(part.encode())
            if more and part is not more[-1]:
                received += connection.recv(65536)
        while data := connection.recv(65536):
            received += data
    return read(received.decode())


def read(text: str) -> list[tuple[int, dict[str, str], str]]:
    """Return status, fields and body of each answer in a text."""
    answers = []
    while text:
        head, _, text = text.partition("\r\n\r\n")
        line, *lines = head.split("\r\n")
        fields = {name.lower(): value for name, _, value in (field.partition(": ") for field in lines)}
        length = int(fields.get("content-length", 0))
        body, text = text.encode()[:length].decode(), text.encode()[length:].decode()
        answers.append((int(line.split()[1]), fields, body))
    return answers


def request(line: str, fields: str = "", body: str = "", host: str = "Host: example.org\r\n") -> str:
    """Return a request after which the connection is closed."""
    return f"{line}\r\n{host}Connection: close\r\n{PROBLEM}{fields}\r\n{body}"


@pytest.mark.parametrize("target", ["*", "http://example.org"])
def test_options_may_ask_of_the_server_as_a_whole(server: str, target: str) -> None:
    """It is told every method that any address takes (RFC 9110, section 9.3.7)."""
    [(status, fields, body)] = send(server, request(f"OPTIONS {target} HTTP/1.1"))
    assert (status, body) == (204, "")
    assert {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "QUERY", "OPTIONS"} == set(fields["allow"].split(", "))


@pytest.mark.parametrize("method", ["GET", "POST", "DELETE"])
def test_no_other_method_may(server: str, method: str) -> None:
    """RFC 9112, section 3.2.4."""
    [(status, _, body)] = send(server, request(f"{method} * HTTP/1.1"))
    assert (status, '"bad-request"' in body) == (400, True)


@pytest.mark.parametrize("host", ["Host: example.org\r\n", "Host: other.example\r\n"])
def test_an_address_as_target_names_the_host(server: str, host: str) -> None:
    """Whatever Host says (RFC 9112, section 3.2.2)."""
    turtle = "Accept: text/turtle\r\n"
    target = "http://named.example:81/sparql"
    [(status, _, body)] = send(server, f"GET {target} HTTP/1.1\r\n{host}{turtle}Connection: close\r\n\r\n")
    assert (status, f"sd:endpoint <{target}>" in body) == (200, True)
    [(status, _, body)] = send(server, request(f"GET http://named.example{ASK} HTTP/1.1", host=host))
    assert (status, body) == (200, '{"head":{},"boolean":true}')
    [(status, _, _)] = send(server, request("GET http://named.example HTTP/1.1", host=host))
    assert status == 200


@pytest.mark.parametrize("coding", ["gzip, chunked", "gzip\r\nTransfer-Encoding: chunked", "identity, chunked"])
def test_a_transfer_coding_that_is_not_read_is_refused(server: str, coding: str) -> None:
    """Its body is not taken for what it is not (RFC 9112, section 6.1)."""
    fields = f"{QUERY}Transfer-Encoding: {coding}\r\n"
    [(status, answered, body)] = send(server, request("POST /sparql HTTP/1.1", fields, BODY))
    assert (status, answered["connection"]) == (400, "close")
    assert '"unsupported-transfer-coding"' in body


@pytest.mark.parametrize("coding", ["chunked", "Chunked", " chunked "])
def test_chunks_are_read(server: str, coding: str) -> None:
    """Also those with extensions."""
    fields = f"{QUERY}Transfer-Encoding: {coding}\r\n"
    body = "2;a=1\r\nAS\r\n3\r\nK{}\r\n0\r\n\r\n"
    assert send(server, request("POST /sparql HTTP/1.1", fields, body))[0][0] == 200


def test_fields_after_the_body_are_passed_over(server: str) -> None:
    """They may not change how the request is read (RFC 9110, section 6.5.1)."""
    body = "5\r\nASK{}\r\n0\r\nAccept: text/csv\r\nIf-None-Match: *\r\nAuthorization: Bearer x\r\n\r\n"
    fields = f"Host: example.org\r\nAccept: application/json\r\n{QUERY}{CHUNKED}Trailer: Accept\r\n"
    chunked = f"POST /sparql HTTP/1.1\r\n{fields}\r\n{body}"
    first, second = send(server, chunked + request(f"GET {ASK} HTTP/1.1"))
    assert first[::2] == second[::2] == (200, '{"head":{},"boolean":true}')
    assert first[1]["content-type"] == "application/sparql-results+json"


def test_fields_after_the_body_are_limited(server: str) -> None:
    """As those of the head are."""
    body = "5\r\nASK{}\r\n0\r\n" + f"X-A: {'x' * 1000}\r\n" * 40 + "\r\n"
    assert send(server, request("POST /sparql HTTP/1.1", QUERY + CHUNKED, body))[-1][0] == 400


def test_a_client_that_waits_is_told_to_go_on(server: str) -> None:
    """Once it is known that its body is read (RFC 9110, section 10.1.1)."""
    fields = "Expect: 100-continue\r\nContent-Length: 5\r\n"
    answers = send(server, request("POST /sparql HTTP/1.1", QUERY + fields), "ASK{}")
    assert [status for status, _, _ in answers] == [100, 200]
    for kind in ("Content-Type: text/plain\r\n", "Content-Type: application/sparql-query;charset=latin1\r\n"):
        answers = send(server, request("POST /sparql HTTP/1.1", kind + fields))
        assert [status for status, _, _ in answers] == [415]


def test_a_client_of_http_1_0_is_told_nothing_before_its_answer(server: str) -> None:
    """It knows no such answer."""
    fields = f"{QUERY}Expect: 100-continue\r\nContent-Length: 5\r\n"
    answers = send(server, request("POST /sparql HTTP/1.0", fields, "ASK{}"))
    assert [status for status, _, _ in answers] == [200]


@pytest.mark.parametrize("version", [" HTTP/2.0", " HTTP/0.9", ""])
def test_another_version_of_http_is_refused(server: str, version: str) -> None:
    """It may mean something else by the same bytes (RFC 9110, section 2.5)."""
    [(status, _, body)] = send(server, request(f"GET {ASK}{version}"))
    assert (status, '"http-version"' in body) == (400, True)


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/sparql?query=x", "GET, HEAD, POST, QUERY, OPTIONS"),
        ("/graphs?default", "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS"),
        ("/graphs/g", "GET, HEAD, PUT, POST, DELETE, PATCH, OPTIONS"),
        ("/healthz", "GET, HEAD, OPTIONS"),
    ],
)
@pytest.mark.parametrize("method", ["FROBNICATE", "get", "PROPFIND"])
def test_a_method_that_is_not_taken_is_405(server: str, method: str, path: str, allowed: str) -> None:
    """Whether anybody knows it or not, with those that are."""
    [(status, fields, body)] = send(server, request(f"{method} {path} HTTP/1.1"))
    assert (status, fields["allow"], f"{method} " in body) == (405, allowed, True)


def test_what_is_no_request_is_400(server: str) -> None:
    """Such as the beginning of TLS."""
    assert send(server, "\x16\x03\x01\x02 \x01 HTTP/1.1\r\n\r\n")[0][0] == 400


@pytest.mark.parametrize(
    "second",
    [
        "BAD\r\n\r\n",
        "GET /sparql HTTP/1.1\r\n\r\n",
        f"POST /sparql HTTP/1.1\r\nHost: x\r\n{QUERY}Transfer-Encoding: gzip\r\n\r\n",
        f"GET /sparql?query={'x' * 70000} HTTP/1.1\r\nHost: x\r\n\r\n",
    ],
)
def test_a_fault_is_not_taken_for_the_answer_to_the_request_before(server: str, second: str) -> None:
    """Answers come in the order of their requests (RFC 9112, section 9.3.2); then the connection is closed."""
    asked = f"GET {ASK} HTTP/1.1\r\nHost: example.org\r\n\r\n"
    answers = send(server, asked + asked + second)
    assert [status for status, _, _ in answers] == [200, 200]
    assert answers[-1][1]["connection"] == "close"


@pytest.mark.parametrize("path", [ASK, "/healthz"])
@pytest.mark.parametrize("host", ["a b", "a/b", "a@b", "<a>", "a:b", "[::1", '"', "a#b"])
def test_what_is_no_host_is_400(server: str, path: str, host: str) -> None:
    """RFC 9112, section 3.2; addresses of answers are made of it."""
    lines = f"Host: {host}\r\n{PROBLEM}"
    answers = send(server, f"GET {path} HTTP/1.1\r\n{lines}\r\n" + request(f"GET {path} HTTP/1.1"))
    assert [status for status, _, _ in answers] == [400]


@pytest.mark.parametrize("host", ["", "localhost", "a_b.example:80", "127.0.0.1:8000", "[::1]:8000", "xn--bl-zia.no."])
def test_what_is_a_host_is_taken(server: str, host: str) -> None:
    """Whether it is this server's is a matter of the settings."""
    assert send(server, request(f"GET {ASK} HTTP/1.1", host=f"Host: {host}\r\n"))[0][0] == 200


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        (ASK, "application/sparql-results+xml"),
        ("/sparql", "application/ld+json"),
        ("/graphs?default", "application/ld+json"),
        ("/.well-known/void", "application/ld+json"),
        ("/data/ont", "application/ld+json"),
        ("/sparql?query=ASK", "application/problem+json"),
        ("/nothing", "application/problem+json"),
    ],
)
def test_a_field_may_stand_in_several_lines(server: str, path: str, kind: str) -> None:
    """They are one list (RFC 9110, section 5.3), wherever it is read."""
    lists = ("image/png", "application/ld+json, application/sparql-results+xml", "application/problem+json")
    fields = "".join(f"Accept: {types}\r\n" for types in lists)
    [(_, answered, _)] = send(server, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{fields}\r\n")
    assert answered["content-type"] == kind


def test_two_types_of_one_body_are_none(server: str) -> None:
    """What it is would be a guess."""
    fields = f"{QUERY}Content-Type: text/plain\r\nContent-Length: 5\r\n"
    assert send(server, request("POST /sparql HTTP/1.1", fields, "ASK{}"))[0][0] == 415


def test_cookies_may_stand_in_several_lines(server: str) -> None:
    """As they come by HTTP/2 through a proxy."""
    fields = "Cookie: a=b\r\nCookie: kgraph-language=en\r\n"
    [(_, _, body)] = send(server, request("GET /sparql?query=ASK HTTP/1.1", fields))
    assert "The query" in body


def read_all(server: str, request: str) -> tuple[bytes, bytes]:
    """Return head and body of an answer that ends with its connection."""
    address = urlsplit(server)
    with socket.create_connection((str(address.hostname), int(address.port or 0)), timeout=30) as connection:
        connection.sendall(request.encode())
        head, _, body = b"".join(iter(lambda: connection.recv(1 << 20), b"")).partition(b"\r\n\r\n")
    return head.lower(), body


@pytest.mark.parametrize("fields", ["", "Connection: keep-alive\r\n", "Accept-Encoding: gzip\r\n"])
def test_a_client_of_http_1_0_gets_no_chunks(packaged_server: str, fields: str) -> None:
    """An answer whose length is not known ends with the connection (RFC 9112, section 6.1)."""
    whole = httpx.get(f"{packaged_server}/graphs", timeout=30).content
    head, body = read_all(packaged_server, f"GET /graphs HTTP/1.0\r\n{fields}\r\n")
    assert b"transfer-encoding" not in head and b"content-length" not in head
    assert (gzip.decompress(body) if "gzip" in fields else body) == whole
    head, body = read_all(packaged_server, f"GET {ASK} HTTP/1.0\r\n{fields}\r\n")
    assert b"content-length: 26" in head and len(body) == 26
    head, body = read_all(packaged_server, f"HEAD /graphs HTTP/1.0\r\n{fields}\r\n")
    assert (b" 200 " in head, body) == (True, b"")


def test_a_client_of_http_1_0_sees_that_an_answer_is_cut(packaged_server: str) -> None:
    """Its connection is reset, and does not end as that of a whole answer does."""
    query = "SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo.%3Fa%20%3Fb%20%3Fc%7D&timeout=1"
    with pytest.raises(ConnectionResetError):
        read_all(packaged_server, f"GET /sparql?query={query} HTTP/1.0\r\n\r\n")
