"""Odd requests are answered: never by a fault of the server, and never by anything but a problem or an answer.

``ODD_REQUESTS`` says how many are sent (1,000), ``ODD_SEED`` where they begin; a failure names the seed of the request.
"""

from __future__ import annotations

import http.client
import json
import os
import socket
from collections import Counter
from collections.abc import Iterator

import pytest
from conformance.asking import Server, conforming
from conformance.odd_requests import Request, make_request

from kgraph.web.problems import STATUSES

NUMBER = int(os.environ.get("ODD_REQUESTS", "1000"))
SEED = os.environ.get("ODD_SEED", "odd")
PARTS = 20
ALLOWED_OF_SERVER = {
    *("query-timeout", "query-memory", "change-timeout", "change-memory", "busy", "answer-too-large", "not-ready"),
}
"""The codes of problems with a status from 500 on that a request may meet."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of small means, so that nothing takes long."""
    limits = {"query_timeout": 1.0, "update_timeout": 5.0, "head_timeout": 1.0, "body_timeout": 1.0}
    with conforming(tmp_path_factory.mktemp("odd"), empty=True, default_graph="separate", **limits) as server:
        yield server


def exchange(server: Server, request: Request) -> tuple[int, str, bytes]:
    """Send a request as it is; return status, type and body of what comes back."""
    host, _, port = server.address.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(request.encode())
        response = http.client.HTTPResponse(connection, method="HEAD" if request.method == "HEAD" else "GET")
        response.begin()
        return response.status, response.headers.get("Content-Type", ""), response.read()


def fault_of(status: int, kind: str, body: bytes) -> str:
    """Return what is wrong with an answer, or nothing."""
    if b"Traceback" in body or b'File "' in body:
        return "a traceback"
    if status < 400:
        return ""
    media_type = kind.partition(";")[0]
    if media_type not in ("application/problem+json", "text/plain", "text/html"):
        return f"an error as {kind}"
    code = json.loads(body)["code"] if media_type == "application/problem+json" and body else ""
    if code and (code not in STATUSES or STATUSES[code] != status):
        return f"{status} for {code}"
    if status >= 500 and not (code in ALLOWED_OF_SERVER or any(name.encode() in body for name in ALLOWED_OF_SERVER)):
        return f"{status} {code}"
    return ""


@pytest.mark.parametrize("part", range(PARTS))
def test_every_odd_request_is_answered(server: Server, part: int) -> None:
    """By the answer, or by a problem that is the client's; and the server lives."""
    faults: list[str] = []
    met: Counter[int] = Counter()
    for number in range(part, NUMBER, PARTS):
        seed = f"{SEED}-{number}"
        request = make_request(seed, server.token)
        try:
            status, kind, body = exchange(server, request)
        except (OSError, http.client.HTTPException) as error:
            faults.append(f"{seed}: {request.encode()[:300]!r}: {error!r}")
            continue
        met[status] += 1
        fault = fault_of(status, kind, body)
        if fault:
            faults.append(f"{seed}: {request.encode()[:300]!r}: {fault}: {body[:300]!r}")
    assert not faults, "\n".join(faults)
    assert server.ask("ASK {}").status_code == 200
    assert NUMBER < 1000 or {200, 400} <= met.keys()


def test_the_requests_are_the_same_each_time() -> None:
    """A seed names a request, and seeds differ."""
    made = [make_request(f"same-{number}", "token").encode() for number in range(100)]
    assert made == [make_request(f"same-{number}", "token").encode() for number in range(100)]
    assert len(set(made)) > 90


@pytest.mark.parametrize(
    ("status", "kind", "body"),
    [
        (500, "application/problem+json", b'{"code": "internal"}'),
        (503, "text/plain", b"out of order"),
        (404, "application/json", b'{"detail": "Not Found"}'),
        (400, "application/problem+json", b'{"code": "no-such-code"}'),
        (400, "text/plain", b"Traceback (most recent call last):"),
    ],
)
def test_what_is_no_answer_is_found(status: int, kind: str, body: bytes) -> None:
    """The judge of answers finds each kind of fault."""
    assert fault_of(status, kind, body)
