"""Small things every route needs: language, conditional answers, problems as responses."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response

from kgraph.errors import KgraphError, RequestError
from kgraph.languages import LANGUAGES, choose_language
from kgraph.settings import Settings
from kgraph.web.exchanges import exchange_of
from kgraph.web.problems import problem_of, render_problem

LANGUAGE_COOKIE = "kgraph-language"
_TAG = re.compile(r'(?:W/)?"[^"]*"')

__all__ = [
    "LANGUAGE_COOKIE",
    "is_fresh",
    "language_of",
    "preflight_headers",
    "problem_response",
    "read_body",
    "read_tags",
    "run_in_threadpool",
]


def language_of(request: Request, settings: Settings) -> str:
    """Return the language of an answer: the parameter ``lang``, the cookie, ``Accept-Language``, the default."""
    for wanted in (request.query_params.get("lang"), request.cookies.get(LANGUAGE_COOKIE)):
        if wanted in LANGUAGES:
            return str(wanted)
    header = request.headers.get("accept-language")
    if not header:
        return settings.default_language
    # "*" means that any language will do, so the default answers.
    return choose_language(f"{header}, {settings.default_language};q=0.001")


def is_fresh(request: Request, tag: str) -> bool:
    """Tell whether a client holds the answer with this ETag already (weak comparison, RFC 9110 section 13.1.2)."""
    held = [part.removeprefix("W/") for part in read_tags(request, "if-none-match")]
    return bool(tag) and request.method in ("GET", "HEAD", "QUERY") and (tag.removeprefix("W/") in held or "*" in held)


def read_tags(request: Request, name: str) -> frozenset[str]:
    """Return the entity tags that a condition names, in quotation marks, weak ones with their ``W/`` (RFC 9110, 8.8.3).

    ``name`` is that of the field, which may stand in several lines; ``*`` is a tag of its own.
    """
    lines = request.headers.getlist(name)
    return frozenset(tag for line in lines for tag in (["*"] if line.strip() == "*" else _TAG.findall(line)))


def preflight_headers(methods: Iterable[str]) -> dict[str, str]:
    """Return what OPTIONS tells of an address that takes these methods, to other sites too."""
    listing = ", ".join(methods)
    return {
        "Allow": listing,
        "Access-Control-Allow-Methods": listing,
        "Access-Control-Allow-Headers": (
            "Accept, Accept-Language, Authorization, Cache-Control, Content-Type, If-Match, If-None-Match, "
            "If-Unmodified-Since, X-Request-Id"
        ),
        "Access-Control-Max-Age": "86400",
    }


def problem_response(request: Request, error: KgraphError, settings: Settings) -> Response:
    """Return an error as a response in the client's language and form."""
    problem = problem_of(error, language_of(request, settings))
    exchange_of(request.scope).outcome = problem.code
    body, content_type = render_problem(problem, request.headers.get("accept"), request.url.path)
    headers = {"Vary": "Accept, Accept-Language", "Cache-Control": "no-store", **problem.headers}
    content = b"" if request.method == "HEAD" else body
    response = Response(content, problem.status, headers, media_type=None)
    response.headers["Content-Type"] = content_type
    response.headers["Content-Length"] = str(len(body))
    return response


async def read_body(request: Request, limit: int) -> bytes:
    """Read a request's body, counting while it comes.

    Raises :class:`kgraph.errors.RequestError`: 413 as soon as it is longer than ``limit``, 415 if it is compressed.
    """
    coding = request.headers.get("content-encoding", "identity")
    if coding.strip().lower() not in ("", "identity"):
        raise RequestError("unsupported-content-coding", 415, headers={"Accept-Encoding": "identity"})
    announced = request.headers.get("content-length", "0")
    if announced.isdigit() and int(announced) > limit:
        raise RequestError("body-too-large", 413, limit=limit)
    parts = bytearray()
    exchange = exchange_of(request.scope)
    async for part in request.stream():
        parts += part
        exchange.received = len(parts)
        if len(parts) > limit:
            raise RequestError("body-too-large", 413, limit=limit)
    return bytes(parts)
