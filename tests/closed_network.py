"""A network of its own with other endpoints in it and servers of kgraph that may call them.

Run as a program it goes into namespaces (user, network, mounts) that nothing leaves and nothing enters. There ``lo``
has addresses that look public, and /etc/hosts has names for them. The servers of kgraph listen on Unix sockets in the
folder given, which can be reached from outside. Each line of standard input is a command as JSON, each line of standard
output its result; the first tells ``ready``, or why there are no namespaces.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import gzip
import http.server
import io
import json
import os
import queue
import shutil
import socket
import ssl
import struct
import subprocess
import sys
import threading
import time
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import ClassVar

import httpx

_NEW_USER, _NEW_NET, _NEW_MOUNTS = 0x10000000, 0x40000000, 0x00020000
_BIND, _RECURSIVE, _PRIVATE = 4096, 16384, 1 << 18
_SET_ADDRESS, _GET_FLAGS, _SET_FLAGS, _UP = 0x8916, 0x8913, 0x8914, 1
PUBLIC, SILENT, SIX = "93.184.215.14", "93.184.215.15", "2a00:1450::14"
HOSTS = f"""127.0.0.1 localhost home.example.org
10.0.0.1 private.example.org
{PUBLIC} data.example.org alias.example.org mixed.example.org
127.0.0.1 mixed.example.org
{SILENT} two.example.org
{PUBLIC} two.example.org
{SIX} six.example.org
"""
PORT, KGRAPH_PORT, TLS_PORT = 8080, 8081, 8443
OTHERS = f"http://{PUBLIC}:{PORT}"
"""Where the other endpoints are; in their network alone it leads to them."""

JSON = "application/sparql-results+json"

REMOTE = """
@prefix ink: <https://w3id.org/inkludering/ont#> .
@prefix person: <https://w3id.org/inkludering/id/person/> .
@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
@prefix : <http://e/> .
person:berg-b :born 1950 ; :knows :a, :b ; :says "ja"@nb--ltr .
person:berg-b :name "Berg"@nb, "Berg, \\"B\\"\\n\\\\u0041 {} # SERVICE"@en .
:a :knows :b ; :height 1.80 ; :born "1950"^^<http://www.w3.org/2001/XMLSchema#gYear> ; :at [ :city "Bø" ] .
:b :knows :a ; :empty "" ; :states <<( :a :knows <<( :b :knows :a )>> )>> .
"""


def go_inside(folder: Path) -> None:
    """Leave the network. Raises ``OSError`` where that is not allowed."""
    libc = ctypes.CDLL(None, use_errno=True)
    _check(libc.unshare(_NEW_USER | _NEW_NET | _NEW_MOUNTS))
    hosts = folder / "hosts"
    hosts.write_text(HOSTS, encoding="ascii")
    _check(libc.mount(b"none", b"/", None, _RECURSIVE | _PRIVATE, None))
    _check(libc.mount(bytes(hosts), b"/etc/hosts", None, _BIND, None))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        flags = fcntl.ioctl(control, _GET_FLAGS, struct.pack("16sh14x", b"lo", 0))
        number = struct.unpack("16sh14x", flags)[1]
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", number | _UP))
        for place, address in enumerate((PUBLIC, SILENT), 1):
            packed = struct.pack("16sHH4s8x", f"lo:{place}".encode(), socket.AF_INET, 0, socket.inet_aton(address))
            fcntl.ioctl(control, _SET_ADDRESS, packed)


def listen_to_six() -> bool:
    """Have another endpoint at an address of IPv6; tell whether the system has such."""
    try:
        with socket.socket(socket.AF_INET6, socket.SOCK_DGRAM) as control:
            packed = struct.pack("16sIi", socket.inet_pton(socket.AF_INET6, SIX), 128, socket.if_nametoindex("lo"))
            fcntl.ioctl(control, _SET_ADDRESS, packed)
    except OSError:
        return False
    server = SixServer((SIX, PORT), Endpoint)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return True


def listen_to_tls(folder: Path) -> bool:
    """Have another endpoint that shows a certificate for data.example.org; tell whether one can be made."""
    if shutil.which("openssl") is None:
        return False
    key, certificate = folder / "key.pem", folder / "certificate.pem"
    command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=test"]
    command += ["-addext", "subjectAltName=DNS:data.example.org", "-keyout", str(key), "-out", str(certificate)]
    subprocess.run(command, check=True, capture_output=True)
    os.environ["SSL_CERT_FILE"] = str(certificate)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    context.sni_callback = lambda connection, name, context: Endpoint.names.append(name)
    server = QuietServer((PUBLIC, TLS_PORT), Endpoint)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return True


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def table(*rows: dict[str, object], variables: tuple[str, ...] = ("x",)) -> bytes:
    """Return a table in JSON."""
    return json.dumps({"head": {"vars": variables}, "results": {"bindings": rows}}).encode()


def text_row(text: str) -> dict[str, object]:
    """Return a row with a text."""
    return {"x": {"type": "literal", "value": text, "xml:lang": "nb"}}


ONE = {"x": {"type": "uri", "value": "http://e/a"}}
WHOLE = table(ONE)
_OPEN = '{"type":"triple","value":{"subject":{"type":"uri","value":"http://e/a"},"predicate":'
_OPEN += '{"type":"uri","value":"http://e/a"},"object":'
DEEP = '{"head":{"vars":["x"]},"results":{"bindings":[{"x":' + _OPEN * 20000 + '{"type":"uri","value":"http://e/a"}'
DEEP += "}}" * 20000 + "}]}}"
BODIES: dict[str, tuple[str, bytes]] = {
    "/whole": (JSON, WHOLE),
    "/plain-json": ("application/json; charset=utf-8", WHOLE),
    "/html": ("text/html", b"<html><body>hello</body></html>"),
    "/untyped": ("", WHOLE),
    "/early": (JSON, WHOLE[:-2]),
    "/no-json": (JSON, b"no results"),
    "/boolean": (JSON, b'{"head":{},"boolean":true}'),
    "/other-variables": (JSON, table({"y": {"type": "uri", "value": "http://e/a"}}, variables=("y",))),
    "/undeclared": (JSON, table({"y": {"type": "uri", "value": "http://e/a"}})),
    "/none-at-all": (JSON, table(variables=())),
    "/blank": (JSON, table({"x": {"type": "bnode", "value": "b0"}})),
    "/bad-iri": (JSON, table({"x": {"type": "uri", "value": "http://e/> } SERVICE <http://e/> { ?s ?p ?o"}})),
    "/bad-language": (JSON, table({"x": {"type": "literal", "value": "x", "xml:lang": "x y"}})),
    "/deep": (JSON, DEEP.encode()),
    "/four-rows": (JSON, table(*[ONE] * 4)),
    "/many": (JSON, table(*[text_row(f"{n} " + "ø" * 40) for n in range(9999)])),
    "/large": (JSON, table(text_row("x" * 5000))),
}


class ClosedNetwork:
    """Servers of kgraph in a network of their own, and the other endpoints there."""

    def __init__(self, process: subprocess.Popen[str], folder: Path) -> None:
        """Talk to a process that is ready."""
        self._process = process
        self._folder = folder
        self._clients = {
            name: httpx.Client(transport=httpx.HTTPTransport(uds=str(folder / name)), base_url="http://kgraph")
            for name in ("usual", "tight")
        }

    def ask(self, query: str, server: str = "usual", **options: object) -> httpx.Response:
        """Send a query in a form; ``options`` are headers, or parameters of the request."""
        headers = options.pop("headers", None)
        data = {"query": query, **{name: str(value) for name, value in options.items()}}
        return self._clients[server].post("/sparql", data=data, headers=headers, timeout=60)  # type: ignore[arg-type]

    def client(self, server: str = "usual") -> httpx.Client:
        """Return a client of a server."""
        return self._clients[server]

    def tell(self, command: str, **arguments: object) -> object:
        """Give the process a command and return its result."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": command, **arguments}) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())

    def received(self) -> list[dict[str, object]]:
        """Return the requests that the other endpoints got since this was asked last."""
        return self.tell("received")  # type: ignore[return-value]

    def log(self) -> list[dict[str, object]]:
        """Return the lines of the log of the usual server that are written whole."""
        whole = (self._folder / "log").read_text(encoding="utf-8").rpartition("\n")[0]
        return [json.loads(line) for line in whole.splitlines()]

    def close(self) -> None:
        """Close the connections."""
        for client in self._clients.values():
            client.close()


class Endpoint(http.server.BaseHTTPRequestHandler):
    """Another endpoint: ``/data`` answers from :data:`REMOTE`, the other paths are wrong in one way each."""

    protocol_version = "HTTP/1.1"
    received: ClassVar[list[dict[str, object]]] = []
    names: ClassVar[list[str | None]] = []
    left: ClassVar[queue.Queue[str]] = queue.Queue()

    def do_POST(self) -> None:
        """Answer a query, in a form or as it is."""
        query = self.rfile.read(int(self.headers["Content-Length"])).decode()
        if self.headers["Content-Type"] != "application/sparql-query":
            query = urllib.parse.parse_qs(query)["query"][0]
        self.received.append({"path": self.path, "query": query, "headers": dict(self.headers.items())})
        if self.path == "/data":
            self._send(200, JSON, answer(query))
        elif self.path in BODIES:
            self._send(200, *BODIES[self.path])
        elif self.path.startswith("/status/"):
            self._send(int(self.path.rpartition("/")[2]), JSON, WHOLE)
        elif self.path == "/redirect":
            self._send(307, JSON, b"", Location=f"http://{PUBLIC}:{PORT}/whole")
        elif self.path == "/gzip":
            self._send(200, JSON, gzip.compress(WHOLE), **{"Content-Encoding": "gzip"})
        elif self.path == "/partial":
            self._send(200, JSON, WHOLE, **{"X-SPARQL-MaxRows": "1"})
        elif self.path == "/cut":
            self._send(200, JSON, WHOLE, **{"Content-Length": str(len(WHOLE) + 10)})
            self.close_connection = True
        elif self.path == "/chunks":
            self._send_chunks(ended=True)
        elif self.path == "/cut-chunks":
            self._send_chunks(ended=False)
        elif self.path == "/slow":
            self._send(200, JSON, b"", **{"Content-Length": "10"})
            self.rfile.read(1)
            self.left.put(query)
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Write nothing: standard output has the results of commands."""

    def _send(self, status: int, kind: str, body: bytes, **headers: str) -> None:
        self.send_response(status)
        for name, value in ({"Content-Type": kind, "Content-Length": str(len(body))} | headers).items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)
        self.wfile.flush()

    def _send_chunks(self, *, ended: bool) -> None:
        self._send(200, JSON, b"", **{"Content-Length": "", "Transfer-Encoding": "chunked"})
        for start in range(0, len(WHOLE), 7):
            part = WHOLE[start : start + 7]
            self.wfile.write(b"%x\r\n%s\r\n" % (len(part), part))
        if ended:
            self.wfile.write(b"0\r\n\r\n")
        self.close_connection = not ended


class QuietServer(http.server.ThreadingHTTPServer):
    """A server to which it does not matter that a client breaks off."""

    def handle_error(self, request: object, client_address: object) -> None:
        """Go on."""


class SixServer(QuietServer):
    """A server at an address of IPv6, which the system takes a moment to make its own."""

    address_family = socket.AF_INET6

    def server_bind(self) -> None:
        """Take the address as soon as it is there."""
        for _ in range(200):
            with contextlib.suppress(OSError):
                super().server_bind()
                return
            time.sleep(0.05)
        super().server_bind()


def answer(query: str) -> bytes:
    """Return what a query of :data:`REMOTE` gives, as another engine would answer it."""
    import pyoxigraph as ox

    store = ox.Store()
    store.extend(ox.parse(REMOTE, format=ox.RdfFormat.TURTLE))
    output = io.BytesIO()
    store.query(query).serialize(output, format=ox.QueryResultsFormat.JSON)  # type: ignore[union-attr]
    return output.getvalue()


def by_engine(query: str, local: str) -> str:
    """Return what the engine answers that makes the calls itself, from statements in N-Triples, as JSON."""
    import pyoxigraph as ox

    store = ox.Store()
    store.extend(ox.parse(local, format=ox.RdfFormat.N_TRIPLES))
    results = store.query(query)
    if isinstance(results, ox.QueryTriples):
        return json.dumps(sorted(str(triple) for triple in results))
    output = io.BytesIO()
    results.serialize(output, format=ox.QueryResultsFormat.JSON)
    return output.getvalue().decode()


def endpoints() -> str:
    """Return the list of the endpoints that the servers may call."""
    paths = ("/data", *BODIES, "/status/404", "/status/500", "/status/204", "/redirect", "/gzip", "/partial", "/cut")
    paths += ("/chunks", "/cut-chunks", "/slow")
    named = [
        f"http://{host}.example.org:{PORT}/data"
        for host in ("data", "home", "private", "mixed", "nowhere", "two", "six")
    ]
    named += [f"https://{host}.example.org:{TLS_PORT}/data" for host in ("data", "alias")]
    kgraph = f"http://{PUBLIC}:{KGRAPH_PORT}/sparql"
    return ",".join([*(f"http://{PUBLIC}:{PORT}{path}" for path in paths), *named, kgraph, f"http://{PUBLIC}:9/none"])


def wait_for_leaving(query: str, seconds: float) -> bool:
    """Tell whether somebody breaks off, or has broken off, a query to ``/slow`` before its answer came."""
    ends = time.monotonic() + seconds
    with contextlib.suppress(queue.Empty):
        while Endpoint.left.get(timeout=max(ends - time.monotonic(), 0)) != query:
            pass
        return True
    return False


@contextlib.contextmanager
def serving(address: str | Path, home: Path, **settings: object) -> Iterator[None]:
    """Serve ``home`` at an IP address or a Unix socket."""
    import uvicorn
    from web_server import front_of

    from kgraph.settings import Settings
    from kgraph.web.server import server_config

    chosen = Settings(**settings)  # type: ignore[arg-type]
    if isinstance(address, Path):
        listening = socket.socket(socket.AF_UNIX)
        listening.bind(str(address))
    else:
        listening = socket.create_server((address, KGRAPH_PORT))
    with listening, front_of(chosen, home) as front:
        server = uvicorn.Server(server_config(front, chosen))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join()


def main(folder: Path, home: Path) -> None:
    """Go inside, serve, and do what is told until standard input ends."""
    try:
        go_inside(folder)
    except OSError as error:
        print(f"no namespaces: {error}", flush=True)
        return
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        # Nobody listens there: a server that took its proxies from the environment would reach nobody.
        os.environ[name] = "http://127.0.0.1:9"
    features = {"ipv6": listen_to_six(), "tls": listen_to_tls(folder)}
    other = QuietServer((PUBLIC, PORT), Endpoint)
    threading.Thread(target=other.serve_forever, daemon=True).start()
    listed, nowhere = endpoints(), os.devnull
    tight = {"federation_timeout": 0.5, "federation_answer": 4000, "federation_rows": 3, "federation_calls": 2}
    tight |= {"federation_connections": 1, "queue_timeout": 0.2}
    with (
        serving(PUBLIC, home, isolation=False, log_file=nowhere),
        serving(folder / "tight", home, federation=listed, isolation=False, log_file=nowhere, **tight),
        serving(folder / "usual", home, federation=listed, log_file=str(folder / "log"), federation_timeout=30.0),
    ):
        print("ready", flush=True)
        for line in sys.stdin:
            command = json.loads(line)
            match command["do"]:
                case "received":
                    result: object = list(Endpoint.received)
                    Endpoint.received.clear()
                case "features":
                    result = features
                case "names":
                    result = list(Endpoint.names)
                    Endpoint.names.clear()
                case "wait-for-leaving":
                    result = wait_for_leaving(command["query"], command["seconds"])
                case "ask-the-engine":
                    result = by_engine(command["query"], command["local"])
                case _:
                    raise ValueError(command)
            print(json.dumps(result), flush=True)
    other.shutdown()


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
