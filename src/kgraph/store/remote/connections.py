"""Connections to one engine: one query at a time on each, and each can be cut from another thread."""

from __future__ import annotations

import contextlib
import queue
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpx

from kgraph.errors import StoreBusyError

CONNECT_TIMEOUT = 5.0
"""Seconds that reaching the engine may take."""

_CONNECTED = ("connection.connect_tcp.complete", "connection.start_tls.complete")


class Connection:
    """One connection: made when it is first used, kept, and made again when it was cut or the engine closed it."""

    def __init__(self, address: str, context: ssl.SSLContext, authorization: str) -> None:
        """Reach ``address``, with ``authorization`` as the value of that header unless it is empty."""
        self._address = address
        self._stream: Any = None
        self._lock = threading.Lock()
        self._is_cut = self._is_fresh = False
        headers = {"Accept-Encoding": "identity", "User-Agent": "kgraph"}
        if authorization:
            headers["Authorization"] = authorization
        # No proxy and no credentials from the environment, and no redirect: what is asked goes to this address only.
        self._client = httpx.Client(
            verify=context,
            trust_env=False,
            follow_redirects=False,
            headers=headers,
            limits=httpx.Limits(max_connections=1, max_keepalive_connections=1),
        )

    @contextlib.contextmanager
    def post(self, form: dict[str, list[str]], accept: str, timeout: float) -> Iterator[httpx.Response]:
        """Send a form and give the response before its body is read.

        ``timeout`` is the seconds that each step may take. A kept connection that the engine has just closed is
        made again once. Raises ``httpx.HTTPError``, and ``httpx.ReadError`` when the connection is cut.
        """
        self._is_fresh = False
        request = self._client.build_request(
            "POST",
            self._address,
            data=form,
            headers={"Accept": accept},
            timeout=httpx.Timeout(timeout, connect=min(timeout, CONNECT_TIMEOUT)),
            extensions={"trace": self._trace},
        )
        try:
            response = self._client.send(request, stream=True)
        except (httpx.RemoteProtocolError, httpx.ReadError, httpx.WriteError):
            if self._is_fresh or self._is_cut:
                raise
            response = self._client.send(request, stream=True)
        try:
            yield response
        finally:
            response.close()

    def ready(self) -> None:
        """Forget an earlier cut."""
        with self._lock:
            self._is_cut = False

    def cut(self) -> None:
        """Cut the connection: whoever reads from it gets an error at once."""
        with self._lock:
            self._is_cut = True
            _shut(self._stream)

    def close(self) -> None:
        """Close the connection; nobody may be using it."""
        self._client.close()

    def _trace(self, event: str, info: dict[str, Any]) -> None:
        if event in _CONNECTED:
            with self._lock:
                self._stream, self._is_fresh = info["return_value"], True
                if self._is_cut:
                    _shut(self._stream)


class Connections:
    """A limited number of connections, given out one by one."""

    def __init__(self, address: str, places: int, patience: float, authorization: str = "") -> None:
        """Give out ``places`` connections; a query waits ``patience`` seconds for one."""
        context = httpx.create_ssl_context()
        self._patience = patience
        self._free: queue.LifoQueue[Connection] = queue.LifoQueue()
        for _ in range(places):
            self._free.put(Connection(address, context, authorization))

    def take(self) -> Connection:
        """Return a free connection. Raises :class:`kgraph.errors.StoreBusyError` if none becomes free."""
        try:
            connection = self._free.get(timeout=self._patience)
        except queue.Empty as error:
            raise StoreBusyError("no connection to the engine became free") from error
        connection.ready()
        return connection

    def give_back(self, connection: Connection) -> None:
        """Let others use a connection."""
        self._free.put(connection)

    def close(self) -> None:
        """Close all that are free."""
        while True:
            try:
                self._free.get_nowait().close()
            except queue.Empty:
                return


def _shut(stream: Any) -> None:
    if stream is None:
        return
    raw = stream.get_extra_info("socket")
    with contextlib.suppress(OSError):
        if raw is not None:
            raw.shutdown(socket.SHUT_RDWR)
