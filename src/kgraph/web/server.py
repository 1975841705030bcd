"""A server that answers until it is stopped, and then lets running answers end."""

from __future__ import annotations

import contextlib
import errno
import gc
import signal
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from kgraph.dataset import load_dataset
from kgraph.errors import SettingError
from kgraph.settings import Settings
from kgraph.store.base import Store
from kgraph.store.embedded import open_store
from kgraph.store.held import Source
from kgraph.store.workers import WorkerLimits, WorkerStore, can_isolate
from kgraph.store.writing import JournaledStore, WriteLimits
from kgraph.web.app import create_app
from kgraph.web.front import Front
from kgraph.web.protocol import Connection

_COLLECT_AFTER = 20_000
_BORROWER = "kgraph.web.borrower:borrow"
_CHECKER = "kgraph.validation.changes:ChangeChecker"


def open_settings_store(settings: Settings, home: Path) -> Store:
    """Open the store that the settings ask for: another engine, or processes of its own where the platform has them.

    Raises :class:`kgraph.errors.DatasetError` if the dataset cannot be read, :class:`kgraph.errors.SettingError` for
    settings that do not fit together, :class:`kgraph.errors.StoreError` if the other engine does not answer, and what
    :func:`kgraph.store.state.open_state` raises.
    """
    if settings.remote_query_address:
        return _open_remote(settings)
    on_disk = settings.engine == "disk"
    if on_disk and not (settings.state and settings.isolation and can_isolate()):
        raise SettingError("KGRAPH_ENGINE: a graph on disk needs KGRAPH_STATE and processes of their own (Linux)")
    if settings.isolation and can_isolate():
        limits = worker_limits(settings)
        state = Path(settings.state) if settings.state else None
        separate = settings.default_graph == "separate"
        if state is None:
            return WorkerStore(Source(home, separate=separate, copies=settings.copies, borrower=_BORROWER), limits)
        source = Source(
            home,
            state,
            separate,
            _CHECKER,
            draft_memory=settings.update_memory_mib,
            copies=settings.copies,
            on_disk=on_disk,
            quick=settings.quick_start,
            borrower="" if on_disk else _BORROWER,
        )
        patience = settings.update_queue_timeout
        return JournaledStore(source, limits, WriteLimits(settings.update_queue, patience, settings.update_timeout))
    if settings.state:
        raise SettingError("KGRAPH_STATE: changes need processes of their own (Linux, KGRAPH_ISOLATION=true)")
    return open_store(load_dataset(home), separate=settings.default_graph == "separate")


def _open_remote(settings: Settings) -> Store:
    # Imported here: a server that holds its data itself need not wait for the client's library.
    from kgraph.store.remote import RemoteLimits, RemoteStore
    from kgraph.store.remote.dialects import DIALECTS

    limits = RemoteLimits(
        connections=settings.remote_connections,
        patience=settings.queue_timeout,
        timeout=settings.query_timeout,
        stream_timeout=settings.stream_timeout,
    )
    number, _, digest = settings.remote_revision.partition("-")
    return RemoteStore(
        settings.remote_query_address,
        DIALECTS[settings.remote_engine],
        limits,
        authorization=settings.remote_authorization,
        revision=(int(number), digest) if digest else None,
    )


def worker_limits(settings: Settings) -> WorkerLimits:
    """Return how much queries may take by the settings."""
    return WorkerLimits(
        places=settings.query_workers,
        slow_places=settings.query_workers,
        waiting=settings.queue_length,
        patience=settings.queue_timeout,
        timeout=settings.query_timeout,
        stream_timeout=settings.stream_timeout,
        memory=settings.worker_memory_mib,
        answer=settings.max_answer,
        queries=settings.worker_queries,
    )


def serve(settings: Settings, home: Path) -> None:
    """Serve ``home`` until interrupted; the address is printed when the server answers.

    Raises :class:`kgraph.errors.SettingError` for an address that cannot be listened on, and what
    :func:`open_settings_store` raises.
    """
    _check_address(settings)
    _check_endpoints(settings)
    if not settings.remote_query_address and not (can_isolate() and settings.isolation):
        print("Queries run without isolation: nothing stops one that takes long.", file=sys.stderr)
    store = open_settings_store(settings, home)
    for notice in getattr(store, "notices", ()):
        print(notice, file=sys.stderr)
    try:
        front = create_app(settings, store, home)
        # What is there now stays: the collector need not look at it again with every few thousand requests.
        gc.collect()
        gc.freeze()
        gc.set_threshold(_COLLECT_AFTER, 20, 100)
        kept = f"Changes are kept in {settings.state}" if settings.state else "Read-only; --state DIR keeps changes"
        _Server(server_config(front, settings), kept).run()
    finally:
        store.close()


def _check_address(settings: Settings) -> None:
    """Refuse an address that is taken or not this machine's before the dataset is read, which takes seconds."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[
            0
        ]
        with socket.socket(family, kind, protocol) as attempt:
            # As asyncio does it: a port whose last connections are not quite closed is free.
            attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            attempt.bind(address)
    except OSError as error:
        hint = "; --port names another, 0 any free one" if error.errno == errno.EADDRINUSE else ""
        where = f"{settings.host}:{settings.port}"
        raise SettingError(f"cannot listen on {where}: {error.strerror or error}{hint}") from error


def _check_endpoints(settings: Settings) -> None:
    """Refuse endpoints that may not be called before the dataset is read."""
    if settings.federation:
        from kgraph.federation.addresses import read_endpoints

        read_endpoints(settings.federation)


def server_config(front: Front, settings: Settings) -> uvicorn.Config:
    """Return how the server listens: with our connections, and with the fastest event loop there is."""
    connection = type("ServedConnection", (Connection,), {"front": front, "settings": settings})
    return uvicorn.Config(
        front,
        host=settings.host,
        port=settings.port,
        log_level="error",
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_keep_alive=settings.idle_timeout,
        timeout_graceful_shutdown=settings.shutdown_timeout,
        backlog=1024,
        loop="auto",
        http=connection,
        ws="none",
    )


class _Server(uvicorn.Server):
    """Says where it answers once it does, and whether it keeps changes."""

    def __init__(self, config: uvicorn.Config, kept: str) -> None:
        super().__init__(config)
        self._kept = kept

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Have signals end the server, and the process go on to let go of what it holds."""
        before = {number: signal.signal(number, self.handle_exit) for number in (signal.SIGINT, signal.SIGTERM)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    async def startup(self, sockets: list[object] | None = None) -> None:  # type: ignore[override]
        await super().startup()
        for server in self.servers:
            for listening in server.sockets:
                host, port = listening.getsockname()[:2]
                print(f"kgraph answers on http://{f'[{host}]' if ':' in host else host}:{port}", flush=True)
        print(self._kept, flush=True)
