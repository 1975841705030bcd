"""A server for tests: the real application on a free loopback port, with the tiny world or the packaged data."""

from __future__ import annotations

import contextlib
import shutil
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import uvicorn

from kgraph.settings import Settings
from kgraph.store.base import Store
from kgraph.web.app import create_app
from kgraph.web.server import open_settings_store, server_config

ROOT = Path(__file__).resolve().parent.parent


def make_tiny_home(folder: Path) -> Path:
    """Return a home with the repository's ontology and queries and the data of the tiny world."""
    home = folder / "tiny"
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, home / name)
    shutil.copytree(ROOT / "tests" / "worlds" / "tiny" / "data", home / "data")
    return home


@contextlib.contextmanager
def serving(settings: Settings, home: Path, store: Store | None = None) -> Iterator[str]:
    """Serve ``home``, or a store with its queries, in a thread and give the address; all is closed at the end."""
    store = store or open_settings_store(settings, home)
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        server = uvicorn.Server(server_config(create_app(settings, store, home), settings))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()
            store.close()
