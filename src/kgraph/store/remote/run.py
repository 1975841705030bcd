"""One query of another engine, from its start until its answer is read or given up."""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Iterator
from typing import IO, cast

import httpx

from kgraph.errors import KgraphError, QueryFailedError, QueryTimeoutError
from kgraph.formats import GRAPHS, JSON_RESULTS, Format
from kgraph.sparql.rewriting import count_rows
from kgraph.store.base import Answer, Revision
from kgraph.store.frames import CHUNK
from kgraph.store.remote.answers import Body, carrier_of, check_response, write_answer
from kgraph.store.remote.channel import AbandonedError, Channel, ChannelWriter
from kgraph.store.remote.connections import Connection, Connections
from kgraph.store.remote.dialects import Dialect

_GRACE = 1.0


class Run:
    """A query on one connection: one thread fetches and writes anew, another reads, a few chunks behind."""

    def __init__(self, connections: Connections, dialect: Dialect, timeout: float, stream_timeout: float) -> None:
        """Take a connection, which :meth:`fetch` gives back. Raises :class:`kgraph.errors.StoreBusyError`."""
        self._connections = connections
        self._connection: Connection | None = connections.take()
        self._dialect = dialect
        self._timeout = timeout
        self._left = timeout
        self._channel = Channel()
        self._lock = threading.Lock()
        self._watch = threading.Timer(stream_timeout, self.close)
        self._watch.daemon = True

    def start(self, format: Format, revision: Revision | None) -> Answer:
        """Wait for the first chunk of the answer and, if that is all, for its end.

        Raises what :meth:`kgraph.store.base.Store.query` raises.
        """
        first = self._receive()
        if first is None or len(first) < CHUNK:
            # Only the last chunk is short: what comes now is the end, or the error that the answer ends with.
            if first is not None:
                self._receive()
            return Answer(format, revision, iter((first or b"",)), len(first or b""))
        self._watch.start()
        return Answer(format, revision, self._chunks(first), None, self.close)

    def close(self) -> None:
        """Give up what was not read: the connection is cut, unless the whole answer was fetched already."""
        self._watch.cancel()
        self._channel.abandon()
        with self._lock:
            if self._connection is not None:
                self._connection.cut()

    def fetch(self, text: str, dataset: tuple[list[str], list[str]], format: Format) -> None:
        """Ask the engine and pass its answer on, or the error that there is in its place."""
        connection = self._connection
        assert connection is not None
        end: Exception = QueryFailedError("the answer could not be read")
        try:
            self._fetch(connection, self._form(text, dataset, format), format)
            return
        except (AbandonedError, KgraphError) as error:
            _clear_frames(error)
            end = error
        except httpx.HTTPError as error:
            _clear_frames(error)
            end = self._told(error)
        finally:
            with self._lock:
                self._connection = None
            self._connections.give_back(connection)
            self._channel.end(end)

    def _fetch(self, connection: Connection, form: dict[str, list[str]], format: Format) -> None:
        carrier, wait = carrier_of(format), self._timeout + _GRACE
        counting = count_rows(form["query"][0]) if format in GRAPHS and self._dialect.hides_cut_graphs else None
        if counting is not None:
            with connection.post(form | {"query": [counting]}, JSON_RESULTS.media_type, wait) as response:
                check_response(response, JSON_RESULTS, self._timeout)
        with connection.post(form, carrier.media_type, wait) as response:
            check_response(response, carrier, self._timeout)
            writer = ChannelWriter(self._channel)
            write_answer(Body(response.iter_raw(), carrier, self._dialect.repairs), format, cast(IO[bytes], writer))
            writer.finish()

    def _form(self, text: str, dataset: tuple[list[str], list[str]], format: Format) -> dict[str, list[str]]:
        prefix = self._dialect.describe if format in GRAPHS else ""
        form = {"query": [prefix + text], "default-graph-uri": dataset[0], "named-graph-uri": dataset[1]}
        if self._dialect.sends_timeout:
            form["timeout"] = [str(int(self._timeout * 1000))]
        return form

    def _chunks(self, chunk: bytes | None) -> Iterator[bytes]:
        try:
            while chunk is not None:
                yield chunk
                chunk = self._receive()
        finally:
            self.close()

    def _receive(self) -> bytes | None:
        """Return the next chunk, ``None`` at the end; only the time that the engine takes is counted."""
        began = time.monotonic()
        try:
            return self._channel.get(self._left)
        except TimeoutError as error:
            self.close()
            raise QueryTimeoutError(self._timeout) from error
        except AbandonedError as error:
            raise QueryFailedError("the query was given up") from error
        finally:
            self._left -= time.monotonic() - began

    def _told(self, error: httpx.HTTPError) -> KgraphError:
        """Return the error of ours that one of the connection stands for."""
        if isinstance(error, httpx.TimeoutException) and not isinstance(error, httpx.ConnectTimeout):
            return QueryTimeoutError(self._timeout)
        if isinstance(error, httpx.ConnectError | httpx.ConnectTimeout):
            return QueryFailedError(f"the engine cannot be reached: {error}")
        return QueryFailedError(f"the engine's answer was cut: {error}")


def _clear_frames(error: BaseException) -> None:
    """Let go of what the frames of an error hold: the engine's readers may not be dropped by another thread."""
    errors: list[BaseException] = [error]
    # An error may lead back to itself, so each is taken once.
    for known in errors:
        traceback.clear_frames(known.__traceback__)
        errors += [other for other in (known.__cause__, known.__context__) if other is not None and other not in errors]
