"""An engine's response made an answer: checked for signs of a cut, read, and written in the format that was asked.

Results are fetched as JSON and graphs as N-Triples, which every engine writes well, and are written anew here. So the
label of an answer equals its body whatever the engine's other writers do, and what is read is whole or an error.
"""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import IO, cast

import httpx
import pyoxigraph as ox

from kgraph.errors import KgraphError, QueryFailedError, QuerySyntaxError, QueryTimeoutError, StoreBusyError
from kgraph.formats import GRAPHS, JSON_RESULTS, N_TRIPLES, Format, media_type_of
from kgraph.store.answers import write_results, write_triples
from kgraph.store.nesting import check_nesting

_SHOWN = 500
_ERROR_READ = 65536
_BOOLEAN_READ = 65536
_PLACES = (
    re.compile(r"\b(\d+):(\d+)\b"),
    re.compile(r"line (\d+),? col(?:umn)? (\d+)", re.I),
    re.compile(r"line (\d+)", re.I),
)
_TIMED_OUT = re.compile(r"S1TAT|S1T00|time[d-]?\s?-?out|timed out|operation has been cancelled", re.I)


def carrier_of(format: Format) -> Format:
    """Return the format in which the engine is asked for what is to be given in ``format``."""
    return N_TRIPLES if format in GRAPHS else JSON_RESULTS


def check_response(response: httpx.Response, carrier: Format, timeout: float) -> None:
    """Raise the error that a response stands for, if it does not promise the whole answer in ``carrier``.

    Raises :class:`kgraph.errors.QuerySyntaxError` for 400, and otherwise a :class:`kgraph.errors.StoreError`.
    """
    if response.status_code != 200:
        raise _refusal(response, timeout)
    headers = response.headers
    if "x-sql-state" in headers:
        if headers["x-sql-state"] == "S1TAT":
            raise QueryTimeoutError(timeout)
        raise QueryFailedError(f"the engine gave a part only: {headers.get('x-sql-message', '')[:_SHOWN]}")
    if "x-sparql-maxrows" in headers:
        rows = headers["x-sparql-maxrows"][:20]
        raise QueryFailedError(f"the engine cuts answers at {rows} rows")
    given = media_type_of(headers.get("content-type"))
    if given not in carrier.media_types:
        raise QueryFailedError(f'the engine answered "{given}" where {carrier.media_type} was asked')
    if carrier is N_TRIPLES and not {"content-length", "transfer-encoding"} & set(headers):
        raise QueryFailedError("the engine does not tell where its graph ends")


def write_answer(body: Body, format: Format, output: IO[bytes]) -> None:
    """Write a body anew in a format as it comes.

    Raises :class:`kgraph.errors.QueryFailedError` if the body is not whole or is not what it was said to be.
    """
    try:
        if format in GRAPHS:
            quads = ox.parse(cast(IO[bytes], body), format=ox.RdfFormat.N_TRIPLES)
            write_triples((quad.triple for quad in quads), format, output)
        else:
            results = ox.parse_query_results(cast(IO[bytes], body), format=ox.QueryResultsFormat.JSON)
            if isinstance(results, ox.QueryBoolean):
                body.check_boolean()
            write_results(results, format, output)
        body.read_rest()
    except (SyntaxError, ValueError, OSError) as error:
        if body.failure is not None:
            raise body.failure from error
        raise QueryFailedError(f"the engine's answer was cut or is not well formed: {error}") from error


class Body(io.RawIOBase):
    """The body of a response as a binary file; ``failure`` is the error that ended its reading, if one did."""

    def __init__(self, chunks: Iterable[bytes], carrier: Format, repairs: tuple[tuple[bytes, bytes], ...] = ()) -> None:
        """Read a text in ``carrier`` from ``chunks``, with each first part of ``repairs`` replaced by its second."""
        self._chunks = check_nesting(_repaired(chunks, repairs) if repairs else chunks, carrier)
        self._pending = b""
        self._start = b""
        self.failure: Exception | None = None

    def readable(self) -> bool:
        """Return that it can be read."""
        return True

    def read(self, size: int = -1) -> bytes:
        """Return at most ``size`` bytes, none at the end. Raises ``OSError`` after :attr:`failure` was set."""
        while not self._pending:
            try:
                chunk = next(self._chunks, None)
            except httpx.HTTPError as error:
                self.failure = error
                raise OSError(str(error)) from error
            except ValueError as error:
                self.failure = QueryFailedError(f"the engine's answer cannot be read: {error}")
                raise OSError(str(error)) from error
            if chunk is None:
                return b""
            self._pending = chunk
            self._start += chunk[: max(_BOOLEAN_READ - len(self._start), 0)]
        if size < 0:
            size = len(self._pending)
        given, self._pending = self._pending[:size], self._pending[size:]
        return given

    def read_rest(self) -> None:
        """Read on to the end: only there a connection tells whether all has come."""
        while self.read():
            pass

    def check_boolean(self) -> None:
        """Read a truth value to its end. Raises ``ValueError`` if it is not closed, which the parser does not see."""
        self.read_rest()
        json.loads(self._start)


def _repaired(chunks: Iterable[bytes], repairs: tuple[tuple[bytes, bytes], ...]) -> Iterator[bytes]:
    """Yield chunks with each first part of ``repairs`` replaced by its second, also across the ends of chunks."""
    kept = max(len(wrong) for wrong, _ in repairs) - 1
    held = b""
    for chunk in chunks:
        held += chunk
        for wrong, right in repairs:
            held = held.replace(wrong, right)
        if len(held) > kept:
            yield held[:-kept]
            held = held[-kept:]
    yield held


def _refusal(response: httpx.Response, timeout: float) -> KgraphError:
    """Return the error that a status other than 200 stands for."""
    status = response.status_code
    if 300 <= status < 400:
        return QueryFailedError(f"the engine sends elsewhere ({status}), and kgraph does not follow")
    reason = _read_reason(response)
    if status in (408, 504) or (status >= 500 and _TIMED_OUT.search(reason)):
        return QueryTimeoutError(timeout)
    if status == 400:
        return _syntax_error(reason)
    if status in (429, 503):
        return StoreBusyError(f"the engine is busy ({status})")
    if status in (401, 403, 407):
        return QueryFailedError(f"the engine refuses access ({status})")
    return QueryFailedError(f"the engine answered {status}: {reason}")


def _read_reason(response: httpx.Response) -> str:
    read = b""
    for chunk in response.iter_bytes():
        read += chunk
        if len(read) >= _ERROR_READ:
            break
    lines = read[:_ERROR_READ].decode("utf-8", "replace").strip().splitlines()
    return lines[0][:_SHOWN] if lines else ""


def _syntax_error(reason: str) -> QuerySyntaxError:
    for pattern in _PLACES:
        if match := pattern.search(reason):
            line, column = (int(number) for number in (*match.groups(), "1")[:2])
            return QuerySyntaxError("query-invalid", max(line, 1), max(column, 1), reason=reason)
    return QuerySyntaxError("query-invalid", 1, 1, reason=reason or "?")
