"""The process that holds the dataset, started again if it dies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping
from pathlib import Path

from kgraph.errors import DatasetError, QueryFailedError
from kgraph.store.base import Revision
from kgraph.store.frames import ERROR, FORK, READY, receive_frame


class Zygote:
    """The process that the answering processes are forks of; they die with it."""

    def __init__(self, home: Path, memory: int) -> None:
        """Start the process and wait until the dataset is loaded; a fork may add ``memory`` MiB.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be loaded.
        """
        self._command = [sys.executable, "-m", "kgraph.store.zygote"]
        self._arguments = [str(memory), str(home)]
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._control, child = socket.socketpair()
        with child:
            arguments = [str(child.fileno()), *self._arguments]
            self._process = subprocess.Popen([*self._command, *arguments], pass_fds=[child.fileno()])
        try:
            kind, body = receive_frame(self._control)
        except (EOFError, OSError):
            kind, body = ERROR, b"the process that loads the dataset ended"
        if kind != READY:
            self._stop()
            raise DatasetError(body.decode())
        content = json.loads(body)
        self.revision = Revision.from_json(content["revision"])
        self.graphs: Mapping[str, int] = content["graphs"]

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def fork(self) -> tuple[socket.socket, int, int]:
        """Return the socket to a fresh fork, its number and its process descriptor.

        A process that died is started again first. Raises :class:`kgraph.errors.QueryFailedError` if it cannot be.
        """
        with self._lock:
            if self._closed:
                raise QueryFailedError("the store is closed")
            try:
                return self._fork()
            except (OSError, EOFError):
                self._restart()
                return self._fork()

    def _fork(self) -> tuple[socket.socket, int, int]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [FORK], [theirs.fileno()])
                message, descriptors, _, _ = socket.recv_fds(self._control, 5, 1)
                if not descriptors:
                    raise EOFError
            except (OSError, EOFError):
                ours.close()
                raise
        return ours, int.from_bytes(message[1:], "big"), descriptors[0]

    def _restart(self) -> None:
        revision, graphs = self.revision, self.graphs
        self._stop()
        try:
            self._start()
        except DatasetError as error:
            raise QueryFailedError(str(error)) from error
        if self.revision.digest != revision.digest:
            # Tags and counts that were given out speak of the other data: only a new server may serve these.
            self.revision, self.graphs = revision, graphs
            self._stop()
            raise QueryFailedError("the files of the dataset have changed since the server started")

    def _stop(self) -> None:
        self._control.close()
        self._process.wait(timeout=10)

    def close(self) -> None:
        """End the process; no fork can be had after that."""
        with self._lock:
            self._closed = True
            self._stop()
