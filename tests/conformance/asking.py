"""A server as the conformance tests see it: an address to send requests to, and a token that may change the data."""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx
from homes import make_home, make_tiny_home
from web_server import front_of, listening

from kgraph.access import Role, create_token
from kgraph.settings import Settings
from kgraph.web.server import server_config

EX = "https://example.org/"
JSON = "application/sparql-results+json"
XML = "application/sparql-results+xml"
TSV = "text/tab-separated-values"
TURTLE = "text/turtle"
N_TRIPLES = "application/n-triples"
FORM = "application/x-www-form-urlencoded"
QUERY = "application/sparql-query"
UPDATE = "application/sparql-update"
PROBLEM = "application/problem+json"

Parameters = Mapping[str, str] | Sequence[tuple[str, str]]


@dataclass(frozen=True)
class Server:
    """The address of a server that is under test. ``patience`` is how many seconds a slow check may wait for it."""

    address: str
    token: str
    patience: float = 10.0

    def send(
        self,
        method: str,
        path: str = "/sparql",
        *,
        params: Parameters | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | str | None = None,
        auth: bool = False,
        files: Any = None,
    ) -> httpx.Response:
        """Send one request on a connection of its own, with no header that is not asked for."""
        with httpx.Client(base_url=self.address, timeout=40) as client:
            for name in ("accept", "accept-encoding", "user-agent"):
                del client.headers[name]
            sent = dict(headers or {})
            if auth:
                sent["Authorization"] = f"Bearer {self.token}"
            target = path + ("?" + urlencode(params) if params else "")
            return client.request(method, target, headers=sent, content=body, files=files)

    def ask(self, query: str, accept: str | None = None, params: Parameters = (), **headers: str) -> httpx.Response:
        """Send a query by GET."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        pairs = [("query", query), *(params.items() if isinstance(params, Mapping) else params)]
        return self.send("GET", params=pairs, headers={**named, **({"Accept": accept} if accept else {})})

    def post(self, body: bytes | str, kind: str | None, accept: str | None = None, **more: Any) -> httpx.Response:
        """Send a body to the endpoint."""
        headers = {**({"Content-Type": kind} if kind else {}), **({"Accept": accept} if accept else {})}
        return self.send("POST", headers={**headers, **more.pop("headers", {})}, body=body, **more)

    def update(self, text: str, params: Parameters = (), **headers: str) -> httpx.Response:
        """Send an update with the token."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.post(text, UPDATE, params=params or None, headers=named, auth=True)

    def rows(self, query: str, params: Parameters = ()) -> list[dict[str, Any]]:
        """Return the rows of a SELECT as the JSON format has them."""
        answer = self.ask(query, JSON, params)
        assert answer.status_code == 200, answer.text
        return list(answer.json()["results"]["bindings"])

    def holds(self, pattern: str) -> bool:
        """Tell whether a pattern is found."""
        return bool(self.ask(f"ASK {{ {pattern} }}", JSON).json()["boolean"])

    def put(self, graph: str, body: str, kind: str = TURTLE, **headers: str) -> httpx.Response:
        """Put a graph, with the token."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {"Content-Type": kind, **named}
        return self.send("PUT", "/graphs", params={"graph": graph}, headers=sent, body=body, auth=True)

    def graph(self, graph: str) -> list[str]:
        """Return the statements of a graph in N-Triples."""
        answer = self.send("GET", "/graphs", params={"graph": graph}, headers={"Accept": N_TRIPLES})
        assert answer.status_code == 200, answer.text
        return sorted(answer.text.splitlines())


@contextlib.contextmanager
def listening_socket() -> Iterator[tuple[str, socket.socket]]:
    """Listen on a port of our own; nothing that is under test is to connect to it."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        listening.setblocking(False)
        yield f"http://127.0.0.1:{listening.getsockname()[1]}", listening


def was_called(listening: socket.socket) -> bool:
    """Tell whether anybody has connected to a socket."""
    try:
        connection, _ = listening.accept()
    except BlockingIOError:
        return False
    connection.close()
    return True


@contextlib.contextmanager
def conforming(folder: Path, *, empty: bool = False, **chosen: object) -> Iterator[Server]:
    """Serve the tiny world, or almost nothing, with a state directory and a curator's token."""
    settings = Settings(state=str(folder / "state"), log_file="/dev/null", **chosen)  # type: ignore[arg-type]
    home = make_home(folder / "empty") if empty else make_tiny_home(folder / "tiny")
    if empty:
        (home / "data" / "ttl" / "report" / "none.ttl").write_text("", encoding="utf-8")
    with front_of(settings, home) as front, listening(server_config(front, settings)) as address:
        yield Server(address, create_token(folder / "state", Role.CURATOR)[0])
