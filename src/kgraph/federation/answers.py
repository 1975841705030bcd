"""What another endpoint answers, read whole into solutions or refused: it is as little trusted as any client is."""

from __future__ import annotations

from collections.abc import Sequence

import httpx
import pyoxigraph as ox

from kgraph.errors import ServiceCallError
from kgraph.formats import JSON_RESULTS, media_type_of
from kgraph.sparql.federation import Solution
from kgraph.store.nesting import is_deep

_SHOWN = 200


def check_head(response: httpx.Response, most: int) -> None:
    """Raise :class:`kgraph.errors.ServiceCallError` for a response that does not promise a whole table in JSON.

    ``most`` is the number of bytes that it may have.
    """
    status, headers = response.status_code, response.headers
    if 300 <= status < 400:
        raise _failed(f"{status}: it sends elsewhere, which is not followed")
    if status != 200:
        raise _failed(f"{status} {response.reason_phrase}".strip())
    if "x-sql-state" in headers or "x-sparql-maxrows" in headers:
        raise _failed("it gave a part of its answer only")
    given = media_type_of(headers.get("content-type"))
    if given not in JSON_RESULTS.media_types:
        raise _failed(f'"{given}" where {JSON_RESULTS.media_type} was asked')
    if headers.get("content-encoding", "identity") != "identity":
        raise _failed("it is compressed, which was not asked")
    length = headers.get("content-length", "")
    if length.isdecimal() and int(length) > most:
        raise too_large(most)


async def read_body(response: httpx.Response, most: int) -> bytes:
    """Return the body of a response. Raises :class:`kgraph.errors.ServiceCallError` once it is longer than ``most``."""
    body = bytearray()
    async for chunk in response.aiter_raw():
        body += chunk
        if len(body) > most:
            raise too_large(most)
    return bytes(body)


def read_solutions(body: bytes, variables: Sequence[str], most: int) -> tuple[Solution, ...]:
    """Read a table in JSON into solutions for some variables, with terms as a query writes them.

    Raises :class:`kgraph.errors.ServiceCallError` for what is no table or is not whole, for more rows than ``most``,
    and for blank nodes, which no query can name.
    """
    if is_deep(body):
        raise _unreadable("its brackets nest too deep or do not match")
    solutions: list[Solution] = []
    results: ox.QuerySolutions | ox.QueryBoolean | None = None
    try:
        results = ox.parse_query_results(body, format=ox.QueryResultsFormat.JSON)
        if not isinstance(results, ox.QuerySolutions):
            raise _unreadable("it is no table")
        given = {variable.value for variable in results.variables}
        for row in results:
            if len(solutions) == most:
                raise ServiceCallError("service-too-many-rows", 503, limit=most)
            if not given.issuperset(variables):
                raise _unreadable("its head does not name the variables")
            solutions.append(tuple(_written(row[name], name) for name in variables))
    except (SyntaxError, ValueError) as error:
        raise _unreadable(str(error)) from error
    finally:
        # The traceback of an error keeps what this frame holds, and only the thread that made the engine's readers may
        # drop them.
        results = row = None
    return tuple(solutions)


def too_large(most: int) -> ServiceCallError:
    """Return the error for an answer that has more bytes than it may have."""
    return ServiceCallError("service-too-large", 503, limit=most)


def _failed(reason: str) -> ServiceCallError:
    return ServiceCallError("service-failed", 502, is_failure=True, reason=reason[:_SHOWN])


def _unreadable(reason: str) -> ServiceCallError:
    return ServiceCallError("service-unreadable", 502, is_failure=True, reason=reason[:_SHOWN])


_Term = ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple


def _written(term: _Term | None, variable: str) -> str | None:
    if term is None:
        return None
    if isinstance(term, ox.BlankNode):
        raise ServiceCallError("service-blank-node", 502, variable="?" + variable)
    if isinstance(term, ox.Triple):
        parts = (_written(part, variable) for part in (term.subject, term.predicate, term.object))
        return f"<<( {' '.join(str(part) for part in parts)} )>>"
    return str(term)
