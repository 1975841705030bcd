"""A server for tests: the real application on a free loopback port."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from kgraph.settings import Settings
from kgraph.store.base import Store
from kgraph.web.app import create_app
from kgraph.web.front import Front
from kgraph.web.server import open_settings_store, server_config


@contextlib.contextmanager
def front_of(settings: Settings, home: Path, store: Store | None = None) -> Iterator[Front]:
    """Give the application before a store, or before the one that the settings ask for; the store is closed then."""
    store = store or open_settings_store(settings, home)
    try:
        yield create_app(settings, store, home)
    finally:
        store.close()


@contextlib.contextmanager
def listening(config: uvicorn.Config) -> Iterator[str]:
    """Run a server in a thread and give its address."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [bound]})
        thread.start()
        try:
            while not server.started:
                thread.join(0.01)
                assert thread.is_alive(), "the server ended before it had started"
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


@contextlib.contextmanager
def serving(settings: Settings, home: Path, store: Store | None = None) -> Iterator[str]:
    """Serve ``home``, or a store with its queries, and give the address; all is closed at the end."""
    with front_of(settings, home, store) as front, listening(server_config(front, settings)) as address:
        yield address
