"""The process that holds the dataset, started again if it dies.

Where the engine's files of a state directory are kept, a large dataset is first held on disk, by a process that is soon
there. A second one loads it into memory meanwhile. When it has, it makes the changes that came since, and takes the
first one's place, which ends with the last of its forks.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from kgraph.errors import DatasetError, QueryFailedError
from kgraph.store.base import Revision, new_run
from kgraph.store.building import FOLDER, tell
from kgraph.store.directories import paths_of_revisions
from kgraph.store.drafts import Draft
from kgraph.store.frames import APPLY, BORROW, ERROR, FOLLOW, FORK, KEEP, RETIRE, receive_frame, send_frame
from kgraph.store.held import Source
from kgraph.store.wire import pack_draft

_ALLOCATION = {"GLIBC_TUNABLES": "glibc.malloc.tcache_count=200:glibc.malloc.hugetlb=1"}
"""The engine reads a query into many small pieces and drops them together. With room for only seven of a size, as is
usual, the C library sorts the rest into its common lists, which takes an eighth of the time of a short query. And with
the data in large pages, where the system has them (``transparent_hugepage`` as ``madvise`` or ``always``), a fork takes
a tenth of the time or less, since there are fewer entries of pages to be copied."""

_PARTING = 10.0
_BEHIND = 200
"""Changes after which the files for the next start are brought up to date: it makes so many in about a second."""


class Zygote:
    """The process that the answering processes are forks of; they die with it.

    ``revision`` is the state of the data that it holds, ``graphs`` the numbers of statements of the named graphs and
    ``tags`` a name for the content of each, the unnamed graph under an empty name. ``notices`` tells what was found
    amiss when the data were loaded, and passed over. ``run`` is a name for the process: one that is started later has
    the same data in another order.
    """

    run: str
    revision: Revision
    graphs: Mapping[str, int]
    tags: Mapping[str, str]
    notices: tuple[str, ...]

    def __init__(self, source: Source) -> None:
        """Start the process and wait until the dataset is loaded.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be loaded.
        """
        self._source = source
        # Who takes both takes this one first.
        self._kept = threading.Lock()
        self._lock = threading.Lock()
        self._closed = False
        self._behind = 0
        self._retired: subprocess.Popen[bytes] | None = None
        self._coming: subprocess.Popen[bytes] | None = None
        self._mover: threading.Thread | None = None
        if not self._start_on_disk():
            self._start()
            self._keep()

    def _start_on_disk(self) -> bool:
        """Begin with the files that are kept for this, if there are any of use, and load into memory meanwhile."""
        source = self._source
        if source.on_disk or not source.quick or source.state is None or not paths_of_revisions(source.state / FOLDER):
            return False
        self._source = replace(source, on_disk=True, bridge=True, borrower="")
        try:
            self._start()
        except DatasetError as error:
            tell(f"the graph is loaded and all that follows worked out anew: {error}")
            self._source = source
            return False
        self._mover = threading.Thread(target=self._move, args=[source], name="kgraph-move", daemon=True)
        self._mover.start()
        return True

    def _start(self) -> None:
        self._process, self._control = _launch(self._source)
        self.run = new_run()
        try:
            self._take_in(_hear(self._control))
        except (EOFError, OSError) as error:
            self._stop()
            raise DatasetError(str(error) or "the process that loads the dataset ended") from error

    def _move(self, source: Source) -> None:
        """Have another process load the data, and put it in the place of this one."""
        with self._lock:
            if self._closed:
                return
            self._coming, control = _launch(source)
        coming = self._coming
        try:
            _hear(control)
            with self._kept, self._lock:
                if self._closed:
                    raise EOFError
                control.sendall(FOLLOW)
                told = _hear(control)
                if told["revision"] != self.revision.to_json():
                    raise OSError(f"it holds revision {told['revision']['number']}, not {self.revision.number}")
                before, self._retired = self._control, self._process
                self._process, self._control, self._source, self._coming = coming, control, source, None
                self.run = new_run()
                self._take_in(told)
        except (EOFError, OSError) as error:
            if not self._closed:
                tell(f"queries are answered from disk, since the graph could not be loaded into memory: {error}")
            control.close()
            coming.kill()
            coming.wait()
            return
        tell("the graph is in memory")
        with before, contextlib.suppress(OSError):
            before.sendall(RETIRE)

    def _keep(self) -> None:
        """Have the files for the next start brought up to date, if there are to be any."""
        self._behind = 0
        source = self._source
        if source.state is None or source.on_disk or not source.quick or sum(self.graphs.values()) < source.quick:
            return
        with contextlib.suppress(OSError):
            self._control.sendall(KEEP)

    def _take_in(self, content: Mapping[str, Any]) -> None:
        """Take in what the process says of the data that it holds."""
        # In this order: who reads a tag and then asks may get newer content than the tag says, never older.
        self.revision = Revision.from_json(content["revision"])
        self.graphs, self.tags = content["graphs"], content["tags"]
        self.notices = tuple(content["notices"])

    @property
    def can_lend(self) -> bool:
        """Tell whether there are forks that answer requests on connections that they are lent."""
        return bool(self._source.borrower)

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self._process.pid

    def is_alive(self) -> bool:
        """Tell whether the process runs."""
        return self._process.poll() is None

    def fork(self, kind: bytes = FORK) -> tuple[socket.socket, int, int, Revision]:
        """Return the socket to a fresh fork, its number, its process descriptor and the state of its data.

        The fork answers queries (:data:`kgraph.store.frames.FORK`), works out changes (``DRAFT``), or answers requests
        on connections that it is lent (``BORROW``). A process that died is started again first. Raises
        :class:`kgraph.errors.QueryFailedError` if it cannot be.
        """
        with self._lock, contextlib.suppress(OSError, EOFError):
            return self._fork(kind)
        with self._kept, self._lock:
            try:
                return self._fork(kind)
            except (OSError, EOFError):
                self._restart(self.revision)
                return self._fork(kind)

    @contextlib.contextmanager
    def unmoved(self) -> Iterator[None]:
        """Keep a process that dies from being started again meanwhile.

        Whoever adds to the journal and then calls :meth:`apply` does both within this: a process that is started in
        between would have the change already, or half of it.
        """
        with self._kept:
            yield

    def apply(self, draft: Draft, revision: Revision) -> None:
        """Bring a change that is on disk into the data; when this returns, new forks see it, within :meth:`unmoved`.

        A process that died is started again, and then has the change from the journal. If it cannot be, there are no
        forks until it can, and then they have the change: none is of the state before.
        """
        with self._lock:
            try:
                self._control.sendall(APPLY)
                send_frame(self._control, APPLY, pack_draft(draft, revision))
                self._take_in(_hear(self._control))
                self._behind += 1
                if self._behind >= _BEHIND:
                    self._keep()
            except (OSError, EOFError):
                with contextlib.suppress(QueryFailedError):
                    self._restart(revision)

    def _fork(self, kind: bytes) -> tuple[socket.socket, int, int, Revision]:
        if self._closed:
            raise QueryFailedError("the store is closed")
        # What is lent goes with a message, and messages are to stay apart.
        ours, theirs = socket.socketpair(type=socket.SOCK_SEQPACKET if kind == BORROW else socket.SOCK_STREAM)
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

    def _restart(self, expected: Revision) -> None:
        """Start the process again, which is then to hold the state ``expected``."""
        graphs, tags = self.graphs, self.tags
        self.revision = expected
        self._stop()
        if self._closed:
            raise QueryFailedError("the store is closed")
        try:
            self._start()
        except DatasetError as error:
            raise QueryFailedError(str(error)) from error
        if self.revision.digest != expected.digest:
            # Tags and counts that were given out speak of the other data: only a new server may serve these.
            self.revision, self.graphs, self.tags = expected, graphs, tags
            self._stop()
            raise QueryFailedError("the files of the dataset have changed since the server started")

    def _stop(self) -> None:
        self._control.close()
        try:
            self._process.wait(timeout=_PARTING)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def close(self) -> None:
        """End the process; no fork can be had after that."""
        with self._lock:
            self._closed = True
            if self._coming is not None:
                self._coming.kill()
            self._stop()
        if self._mover is not None:
            self._mover.join()
        if self._retired is not None:
            self._retired.kill()
            self._retired.wait()


def _launch(source: Source) -> tuple[subprocess.Popen[bytes], socket.socket]:
    """Start a process that holds the data of a source; return it with the socket over which it is told what to do."""
    control, child = socket.socketpair()
    with child:
        command = [sys.executable, "-m", "kgraph.store.zygote", str(child.fileno()), source.to_json()]
        return subprocess.Popen(command, pass_fds=[child.fileno()], env={**_ALLOCATION, **os.environ}), control


def _hear(control: socket.socket) -> dict[str, Any]:
    """Return what a process says of the data that it holds. Raises ``OSError`` with what it complains of."""
    kind, body = receive_frame(control)
    if kind == ERROR:
        raise OSError(body.decode())
    content: dict[str, Any] = json.loads(body)
    return content
