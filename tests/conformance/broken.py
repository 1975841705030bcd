"""A server that gets things wrong, one at a time, as other SPARQL servers were found to do.

It stands before the real application and spoils one thing of its requests or answers, so that everything else is as it
ought to be and a case that fails against it fails for that reason.
"""

from __future__ import annotations

import asyncio
import contextlib
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit

from conformance.asking import FORM, JSON, QUERY, UPDATE, XML
from starlette.types import ASGIApp, Receive, Scope, Send

_HTTP = re.compile(r"http://127\.0\.0\.1:\d+")
_KEPT = 1 << 20
"""Bytes of an answer after which the rest is let go by: it is taken as fast as it comes, as a good client would."""

_DATASET = ("default-graph-uri", "named-graph-uri", "using-graph-uri", "using-named-graph-uri")


@dataclass
class Asked:
    """A request that may still be changed."""

    method: str
    path: str
    params: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes


@dataclass
class Answered:
    """An answer that may still be changed; ``cut`` tells that it did not end as it should."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    cut: bool = False


Inner = Callable[[Asked], "asyncio.Future[Answered]"]


class BrokenServer:
    """The application with a fault, which is empty for none."""

    def __init__(self, app: ASGIApp, token: str) -> None:
        """Stand before ``app``; ``token`` may change its data."""
        self._app = app
        self._authorization = f"Bearer {token}"
        self._turn = asyncio.Lock()
        self.fault = ""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with the fault."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        asked = await _read(scope, receive)
        leaving = contextlib.nullcontext() if self.fault != "one request at a time" else self._turn
        async with leaving:
            answer = self._instead(asked) or await self._inside(scope, self._change(asked))
            answer = await self._spoil(scope, asked, answer)
        if asked.method == "HEAD":
            answer.body = b""
        else:
            answer.headers["content-length"] = str(len(answer.body))
        headers = [(name.encode(), value.encode("latin-1")) for name, value in answer.headers.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": headers})
        await send({"type": "http.response.body", "body": answer.body})

    def _instead(self, asked: Asked) -> Answered | None:
        """Return what is answered in place of the application's answer, if anything."""
        text, kind = dict(asked.params).get("query", ""), asked.headers.get("content-type", "")
        is_query = asked.path == "/sparql" and (text or asked.body)
        match self.fault:
            case "body of a POST not read" if asked.method == "POST" and QUERY in kind:
                return Answered(200, {"content-type": "text/turtle"}, b"[] a <http://e/Service> .")
            case "any body is welcome" if asked.method == "POST":
                return Answered(200, {"content-type": JSON}, b'{"head":{},"boolean":false}')
            case "ASK has no format" if text.startswith("ASK"):
                return Answered(422, {"content-type": "text/plain"}, b"!ERROR!")
            case "no description of the service" if asked.path == "/sparql" and not is_query:
                return Answered(400, {"content-type": "text/plain"}, b"no query")
            case "nothing well known" if asked.path.startswith("/.well-known"):
                return Answered(404)
            case "no HEAD" if asked.method == "HEAD":
                return Answered(405, {"allow": "GET"})
            case "no CORS" if asked.method == "OPTIONS":
                return Answered(405, {"allow": "GET"})
            case "any other method is 404" if asked.method not in ("GET", "HEAD", "POST", "OPTIONS"):
                return Answered(404)
            case "no PATCH" if asked.method == "PATCH":
                return Answered(405, {"allow": "GET"})
            case "long addresses are 400" if len(text) > 8000:
                return Answered(400)
            case "texts must be neat" if re.search(rb"\xef\xbb\xbf|\r|#|VERSION", asked.body):
                return Answered(400, {"content-type": "text/plain"}, b"{}")
            case _:
                return None

    def _change(self, asked: Asked) -> Asked:
        """Change the request on its way in."""
        match self.fault:
            case "one type for everything":
                asked.headers["accept"] = XML
            case "one type for everything, JSON" | "no page":
                asked.headers["accept"] = JSON if dict(asked.params).get("query") else "text/turtle"
            case "everybody gets a page":
                asked.headers["accept"] = "text/html"
            case "forms decoded twice":
                asked.params = [(name, unquote_plus(value)) for name, value in asked.params]
                if FORM in asked.headers.get("content-type", ""):
                    pairs = parse_qsl(asked.body.decode(), keep_blank_values=True)
                    asked.body = urlencode([(name, unquote_plus(value)) for name, value in pairs]).encode()
            case "the first of several parameters wins":
                _keep_first(asked)
            case "updates run by GET" if asked.method == "GET":
                text = next((v for n, v in asked.params if n == "update" or "INSERT" in v), "")
                if text:
                    headers = {"content-type": UPDATE, "authorization": self._authorization}
                    return Asked("POST", asked.path, [], headers, text.encode())
            case "the dataset of the request is not read":
                asked.params = [pair for pair in asked.params if pair[0] not in _DATASET]
                if FORM in asked.headers.get("content-type", ""):
                    pairs = parse_qsl(asked.body.decode(), keep_blank_values=True)
                    asked.body = urlencode([pair for pair in pairs if pair[0] not in _DATASET]).encode()
            case "nothing is compressed":
                asked.headers.pop("accept-encoding", None)
            case "no ETag":
                asked.headers.pop("if-none-match", None)
            case "If-Match is not read":
                asked.headers.pop("if-match", None)
            case "anybody may write":
                asked.headers["authorization"] = self._authorization
            case _:
                pass
        return asked

    async def _spoil(self, scope: Scope, asked: Asked, answer: Answered) -> Answered:
        """Change the answer on its way out."""
        kind = answer.headers.get("content-type", "")
        match self.fault:
            case "errors are 200" if answer.status >= 400:
                return Answered(200, {"content-type": "text/plain"}, b"!ERROR!")
            case "every write is 200" if answer.status == 201:
                return Answered(200)
            case "slow queries end as if whole" if answer.status == 503 or answer.cut:
                return Answered(200, {"content-type": JSON}, b'{"results":{"bindings":[')
            case "carelessly written CSV" if "csv" in kind:
                answer.headers["content-type"] = "text/csv"
                answer.body = answer.body.replace(b"\r\n", b"\n").replace(b'"', b"")
            case "labels of graphs are wrong" if not asked.path.startswith("/graphs") and "sparql-results" not in kind:
                answer.headers["content-type"] = XML
            case "descriptions stop at blank nodes":
                answer.body = b"".join(line for line in answer.body.splitlines(True) if not line.startswith(b"_:"))
            case "nothing well known":
                answer.headers.pop("link", None)
            case "no CORS":
                answer.headers = {n: v for n, v in answer.headers.items() if not n.startswith("access-control")}
            case "nothing is compressed":
                answer.headers.pop("vary", None)
            case "no ETag":
                answer.headers = {n: v for n, v in answer.headers.items() if n not in ("etag", "cache-control")}
            case "one ETag for all" if answer.status == 200:
                answer.headers["etag"] = '"one"'
            case "a broken body empties the graph" if answer.status == 400 and asked.method == "PUT":
                await self._inside(scope, Asked("PUT", asked.path, asked.params, asked.headers, b""))
            case "operations count one by one" if answer.status >= 400 and asked.headers.get("content-type") == UPDATE:
                first = asked.body.partition(b" ; ")[0]
                await self._inside(scope, Asked("POST", asked.path, asked.params, asked.headers, first))
            case "calls every address it is given":
                await _call(" ".join(value for _, value in asked.params) + asked.body.decode("utf-8", "replace"))
            case _:
                pass
        return answer

    async def _inside(self, scope: Scope, asked: Asked) -> Answered:
        """Ask the application."""
        answer = Answered()
        inner = {
            **scope,
            "method": asked.method,
            "query_string": urlencode(asked.params).encode(),
            "headers": [(name.encode(), value.encode("latin-1")) for name, value in asked.headers.items()],
        }
        messages = [{"type": "http.request", "body": asked.body}]

        async def receive() -> dict[str, object]:
            if messages:
                return messages.pop()
            await asyncio.Event().wait()
            raise AssertionError("nothing more comes")

        async def send(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                answer.status = int(str(message["status"]))
                pairs = message.get("headers", [])
                answer.headers = {n.decode().lower(): v.decode("latin-1") for n, v in pairs}  # type: ignore[attr-defined]
            elif message["type"] == "http.response.body" and len(answer.body) < _KEPT:
                answer.body += message.get("body", b"")  # type: ignore[operator]

        try:
            await self._app(inner, receive, send)  # type: ignore[arg-type]
        except ConnectionAbortedError:
            answer.cut = True
        return answer


async def _read(scope: Scope, receive: Receive) -> Asked:
    body, more = b"", True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
    params = parse_qsl(scope["query_string"].decode(), keep_blank_values=True)
    headers = {name.decode().lower(): value.decode("latin-1") for name, value in scope["headers"]}
    return Asked(scope["method"], scope["path"], params, headers, body)


def _keep_first(asked: Asked) -> None:
    asked.params = asked.params[:1]
    if FORM in asked.headers.get("content-type", ""):
        asked.body = urlencode(parse_qsl(asked.body.decode())[:1]).encode()


async def _call(text: str) -> None:
    for address in _HTTP.findall(text):
        parts = urlsplit(address)
        with contextlib.suppress(OSError):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port)
            writer.close()
