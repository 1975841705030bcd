"""Changes: worked out in a process of their own, checked, journaled, and then seen by every reader at once.

There is one writer. A change is carried out by a fork of the process that holds the data, on its private copy, where
it can be stopped and can spoil nothing; what comes back is a draft. A draft that keeps the rules is written to the
journal, then applied to the data, then acknowledged. The fork lives on with the change in its copy and takes the next
one, unless the draft did not count.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from kgraph.errors import (
    ChangeMemoryError,
    ChangeRefusedError,
    ChangeTimeoutError,
    DatasetError,
    PreconditionError,
    QueryFailedError,
    RequestError,
    StoreBusyError,
    StoreError,
)
from kgraph.report import Severity
from kgraph.store.base import Change, GraphWrite, Outcome, Revision
from kgraph.store.drafts import Draft
from kgraph.store.frames import CHANGE, DRAFT, OUT_OF_MEMORY, receive_frame, send_frame
from kgraph.store.held import Source
from kgraph.store.state import State, open_state
from kgraph.store.supervision import Zygote
from kgraph.store.wire import pack_change, unpack_draft, unpack_error
from kgraph.store.workers import WorkerLimits, WorkerStore

STEPS = ("drafted", "checked", "journaled", "applied")
"""The steps of a change at which the hook of :class:`Writer` is called."""

_PARTING = 0.1


@dataclass(frozen=True)
class WriteLimits:
    """How much changes may take: ``waiting`` wait for ``patience`` seconds while one runs for up to ``timeout``."""

    waiting: int = 64
    patience: float = 30.0
    timeout: float = 60.0


class Writer:
    """Carries changes out, one at a time."""

    def __init__(
        self,
        zygote: Zygote,
        state: State,
        limits: WriteLimits | None = None,
        memory: int = 0,
        at: Callable[[str], None] = lambda step: None,
    ) -> None:
        """Write to ``state``; a change may add ``memory`` MiB; ``at`` is called at each step, for tests."""
        self._zygote = zygote
        self._state = state
        self._limits = limits or WriteLimits()
        self._memory = memory
        self._at = at
        self._closed = False
        self._turn = threading.Lock()
        self._queue = threading.BoundedSemaphore(self._limits.waiting + 1)
        self._drafter: _DraftingProcess | None = None

    def change(self, change: Change) -> Outcome:
        """Carry a change out, as :meth:`kgraph.store.base.WritableStore.change` says."""
        with self._my_turn(), contextlib.ExitStack() as unless_it_counts:
            draft = self._draft(change, unless_it_counts)
            self._at("drafted")
            if draft.report.counts()[Severity.VIOLATION] and not change.dry_run:
                raise ChangeRefusedError(draft.report)
            self._at("checked")
            if change.dry_run:
                return _outcome(self._zygote.revision, draft)
            outcome = _outcome(self._commit(draft, change), draft)
            unless_it_counts.pop_all()
            return outcome

    def close(self) -> None:
        """End the process that works changes out; a change that is not yet in the journal is given up."""
        self._closed = True
        drafter = self._drafter
        if drafter is not None:
            drafter.stop()
        with self._turn:
            self._drop_drafter()

    @contextlib.contextmanager
    def _my_turn(self) -> Iterator[None]:
        if not self._queue.acquire(blocking=False):
            raise StoreBusyError("too many changes wait")
        try:
            if not self._turn.acquire(timeout=self._limits.patience):
                raise StoreBusyError("the changes before this one take too long")
            try:
                yield
            finally:
                self._turn.release()
        finally:
            self._queue.release()

    def _check_expected(self, change: Change) -> None:
        if change.revision not in ("", self._zygote.revision.tag):
            raise PreconditionError("")
        for graph, tag in change.expected:
            present = self._zygote.tags.get(graph, "")
            if not (present if tag == "*" else present == tag):
                raise PreconditionError(graph)

    def _draft(self, change: Change, unless_it_counts: contextlib.ExitStack) -> Draft:
        """Have a change worked out; the process that did it is of no further use unless the draft counts."""
        seconds = min(change.timeout or self._limits.timeout, self._limits.timeout)
        drafter = self._have_drafter()
        # A process that holds the data and died is alive again by now, and what it says is of the present state.
        self._check_expected(change)
        parent = self._zygote.pid
        unless_it_counts.callback(self._drop_drafter)
        try:
            return drafter.draft(change, seconds)
        except (QueryFailedError, RequestError):
            if not self._has_lost(parent):
                raise
        # The process died with the one it is a fork of, and not of the change.
        self._drop_drafter()
        return self._have_drafter().draft(change, seconds)

    def _have_drafter(self) -> _DraftingProcess:
        if self._closed:
            raise QueryFailedError("the store is closed")
        drafter, parent = self._drafter, self._zygote.pid
        # One of a process that is no longer asked has the same data, but may have them on disk.
        if drafter is None or drafter.parent != parent or not drafter.is_alive():
            self._drop_drafter()
            channel, _, handle, _ = self._zygote.fork(DRAFT)
            drafter = self._drafter = _DraftingProcess(channel, handle, self._memory, self._zygote.pid)
        return drafter

    def _has_lost(self, parent: int) -> bool:
        """Tell whether the process that holds the data is gone; its forks may be so a moment before it is."""
        until = time.monotonic() + _PARTING
        while self._zygote.pid == parent and self._zygote.is_alive():
            if time.monotonic() > until:
                return False
            time.sleep(_PARTING / 10)
        return not self._closed

    def _commit(self, draft: Draft, change: Change) -> Revision:
        if not (draft.patch or draft.created or draft.dropped):
            return self._zygote.revision
        with self._zygote.unmoved():
            revision = self._state.append(
                draft.patch, change.author, change.reason, created=draft.created, dropped=draft.dropped
            )
            self._at("journaled")
            self._zygote.apply(draft, revision)
        self._at("applied")
        return revision

    def _drop_drafter(self) -> None:
        if self._drafter is not None:
            self._drafter.kill()
            self._drafter = None


def _outcome(revision: Revision, draft: Draft) -> Outcome:
    return Outcome(revision, draft.patch, draft.report, draft.created, draft.dropped)


class _DraftingProcess:
    """The process that works changes out."""

    def __init__(self, channel: socket.socket, handle: int, memory: int, parent: int) -> None:
        self.parent = parent
        self._channel = channel
        self._handle = handle
        self._memory = memory
        self._lock = threading.Lock()

    def draft(self, change: Change, seconds: float) -> Draft:
        """Have a change worked out within so many seconds."""
        until = time.monotonic() + seconds
        try:
            self._channel.settimeout(seconds)
            send_frame(self._channel, CHANGE, pack_change(change))
            self._channel.settimeout(max(until - time.monotonic(), 0.001))
            kind, body = receive_frame(self._channel)
        except TimeoutError as error:
            raise ChangeTimeoutError(seconds) from error
        except (EOFError, OSError, ValueError) as error:
            raise _last_words(change, error, self._memory) from error
        if kind != DRAFT:
            raise unpack_error(body)
        return unpack_draft(body)[0]

    def is_alive(self) -> bool:
        """Tell whether the process still waits for a change: then it says nothing."""
        poll = select.poll()
        poll.register(self._channel, select.POLLIN)
        return not poll.poll(0)

    def stop(self) -> None:
        """End the process, whatever it does; another thread may be waiting for its draft."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._handle >= 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def kill(self) -> None:
        """End the process and let go of it."""
        self.stop()
        with self._lock:
            os.close(self._handle)
            self._handle = -1
        self._channel.close()


def _last_words(change: Change, error: Exception, memory: int) -> StoreError | RequestError:
    """Return what to say when the process died over a change: a body that no parser survives is the client's fault."""
    words = error.args[0] if isinstance(error, ValueError) else b""
    if words.startswith(OUT_OF_MEMORY):
        return ChangeMemoryError(memory)
    # A process that was killed from outside says nothing.
    if words and any(isinstance(step, GraphWrite) for step in change.steps):
        return RequestError("body-unreadable", 400, fault="fault-deep")
    return QueryFailedError("the process that worked the change out is gone")


class JournaledStore(WorkerStore):
    """A dataset that can be asked in processes of its own, and changed; what is acknowledged is on disk."""

    def __init__(
        self,
        source: Source,
        reading: WorkerLimits | None = None,
        writing: WriteLimits | None = None,
        at: Callable[[str], None] = lambda step: None,
    ) -> None:
        """Take the state directory of ``source`` and start the processes; ``at`` is called at each step, for tests.

        Raises what :func:`kgraph.store.state.open_state` raises, and :class:`kgraph.errors.DatasetError`.
        """
        if source.state is None:
            raise DatasetError("a store that can be changed needs a state directory")
        self._state = open_state(source.state, source.home, at)
        with contextlib.ExitStack() as unless_done:
            unless_done.callback(self._state.close)
            super().__init__(source, reading)
            unless_done.pop_all()
        self._writer = Writer(self.zygote, self._state, writing, source.draft_memory, at)

    @property
    def notices(self) -> tuple[str, ...]:
        """What was found amiss in the state directory when it was opened, and passed over."""
        return (*self._state.notices, *self.zygote.notices)

    def graph_tag(self, graph: str) -> str:
        """Return a name for the present content of a graph, empty if there is no such graph."""
        return self.zygote.tags.get(graph, "")

    def change(self, change: Change) -> Outcome:
        """Carry a change out, as :meth:`kgraph.store.base.WritableStore.change` says."""
        return self._writer.change(change)

    def close(self) -> None:
        """End all processes and let go of the state directory."""
        self._writer.close()
        super().close()
        self._state.close()
