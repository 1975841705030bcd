"""The process that holds the dataset, started again if it dies."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
from collections.abc import Mapping

from kgraph.errors import DatasetError, QueryFailedError
from kgraph.store.base import Revision
from kgraph.store.drafts import Draft
from kgraph.store.frames import APPLY, DRAFT, ERROR, FORK, receive_frame, send_frame
from kgraph.store.held import Source
from kgraph.store.wire import pack_draft


class Zygote:
    """The process that the answering processes are forks of; they die with it.

    ``revision`` is the state of the data that it holds, ``graphs`` the numbers of statements of the named graphs and
    ``tags`` a name for the content of each, the unnamed graph under an empty name.
    """

    revision: Revision
    graphs: Mapping[str, int]
    tags: Mapping[str, str]

    def __init__(self, source: Source) -> None:
        """Start the process and wait until the dataset is loaded.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be loaded.
        """
        self._source = source
        self._lock = threading.Lock()
        self._closed = False
        self._start()

    def _start(self) -> None:
        self._control, child = socket.socketpair()
        with child:
            command = [sys.executable, "-m", "kgraph.store.zygote", str(child.fileno()), self._source.to_json()]
            self._process = subprocess.Popen(command, pass_fds=[child.fileno()])
        try:
            self._hear()
        except (EOFError, OSError) as error:
            self._stop()
            raise DatasetError(str(error) or "the process that loads the dataset ended") from error

    def _hear(self) -> None:
        """Take in what the process says of the data that it holds. Raises ``OSError`` with what it complains of."""
        kind, body = receive_frame(self._control)
        if kind == ERROR:
            raise OSError(body.decode())
        content = json.loads(body)
        self.graphs, self.tags = content["graphs"], content["tags"]
        self.revision = Revision.from_json(content["revision"])

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def fork(self, *, for_draft: bool = False) -> tuple[socket.socket, int, int, Revision]:
        """Return the socket to a fresh fork, its number, its process descriptor and the state of its data.

        The fork answers queries, or with ``for_draft`` works out changes. A process that died is started again
        first. Raises :class:`kgraph.errors.QueryFailedError` if it cannot be.
        """
        kind = DRAFT if for_draft else FORK
        with self._lock:
            if self._closed:
                raise QueryFailedError("the store is closed")
            try:
                return self._fork(kind)
            except (OSError, EOFError):
                self._restart()
                return self._fork(kind)

    def apply(self, draft: Draft, revision: Revision) -> None:
        """Bring a change that counts into the data; when this returns, new forks see it.

        A process that died is started again, and then has the change from the journal. Raises
        :class:`kgraph.errors.QueryFailedError` if it cannot be.
        """
        with self._lock:
            try:
                self._control.sendall(APPLY)
                send_frame(self._control, APPLY, pack_draft(draft, revision))
                self._hear()
            except (OSError, EOFError):
                self._restart(expected=revision)

    def _fork(self, kind: bytes) -> tuple[socket.socket, int, int, Revision]:
        ours, theirs = socket.socketpair()
        with theirs:
            try:
                socket.send_fds(self._control, [kind], [theirs.fileno()])
                message, descriptors, _, _ = socket.recv_fds(self._control, 5, 1)
                if not descriptors:
                    raise EOFError
            except (OSError, EOFError):
                ours.close()
                raise
        return ours, int.from_bytes(message[1:], "big"), descriptors[0], self.revision

    def _restart(self, expected: Revision | None = None) -> None:
        revision, graphs, tags = expected or self.revision, self.graphs, self.tags
        self._stop()
        try:
            self._start()
        except DatasetError as error:
            raise QueryFailedError(str(error)) from error
        if self.revision.digest != revision.digest:
            # Tags and counts that were given out speak of the other data: only a new server may serve these.
            self.revision, self.graphs, self.tags = revision, graphs, tags
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
