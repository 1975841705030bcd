"""One process that answers queries, as the server sees it, and how much of the machine queries may take."""

from __future__ import annotations

import contextlib
import os
import select
import signal
import socket
import sys
import threading
import time
from dataclasses import dataclass

from kgraph.store.base import Revision

_NICE = 10
_COPYING = 5e-9
_LONGEST_COPYING = 0.4
"""Seconds that a process may take for each byte of memory that it makes its own, which a fresh fork does where it reads
for the first time, and seconds that one query may take for that."""

_PROCESS_CLOCK = 2
_MINOR_FAULTS = 10
"""The field of proc_pid_stat(5) with the number of pages that a process had to ask for and that were in memory."""

# More than this at once costs an allocation that goes to the system each time, also for small answers.
_READ = 65536


@dataclass(frozen=True)
class WorkerLimits:
    """How much queries may take.

    ``places`` processes wait for queries, ``slow_places`` slow queries may go on beside them, ``waiting``
    queries may wait for a place for ``patience`` seconds; ``timeout`` is the longest a query may take and
    ``stream_timeout`` the longest its answer may take to be fetched; ``memory`` is in MiB; ``answer`` is the most
    bytes an answer may have, 0 for any number; ``queries`` is the number after which a process is replaced.
    """

    places: int = 4
    slow_places: int = 4
    waiting: int = 64
    patience: float = 5.0
    timeout: float = 10.0
    stream_timeout: float = 300.0
    memory: int = 2048
    answer: int = 0
    queries: int = 1000


class Worker:
    """One process that answers queries, one at a time, from the state of the data in which it was forked."""

    def __init__(self, channel: socket.socket, pid: int, handle: int, revision: Revision, parent: int) -> None:
        """Hold the socket to it, its number, its process descriptor, its revision and its parent's number."""
        channel.setblocking(False)
        self.channel = channel
        self.descriptor = channel.fileno()
        self.pid = pid
        self.revision = revision
        self.parent = parent
        self.answered = 0
        self.is_lost = False
        self._granted = 0
        self._handle = handle
        self._lock = threading.Lock()
        self._in_use = threading.RLock()

    def send(self, data: bytes, seconds: float) -> None:
        """Send bytes, waiting so long. Raises ``OSError`` if the process is gone or takes nothing."""
        with self._in_use:
            self.channel.settimeout(max(seconds, 0.001))
            self.channel.sendall(data)

    def send_now(self, data: bytes) -> None:
        """Send few bytes without waiting. Raises ``OSError`` if the process is gone."""
        with self._in_use:
            if self._handle < 0 or os.write(self.descriptor, data) != len(data):
                raise BrokenPipeError

    def wait(self, seconds: float) -> bool:
        """Wait until there is something to read or the process is gone; tell whether that is so."""
        poll = select.poll()
        with self._in_use:
            if self._handle < 0:
                return True
            poll.register(self.descriptor, select.POLLIN)
            return bool(poll.poll(max(seconds, 0.0) * 1000))

    def read(self) -> bytes:
        """Return what can be read now.

        Raises ``BlockingIOError`` if that is nothing and ``EOFError`` if the process is gone.
        """
        with self._in_use:
            data = b"" if self._handle < 0 else os.read(self.descriptor, _READ)
        if not data:
            raise EOFError
        return data

    def stop(self) -> None:
        """End the process, whatever it does; what it has sent may still be read, and ends when it has."""
        with self._lock, contextlib.suppress(ProcessLookupError):
            if self._handle >= 0:
                signal.pidfd_send_signal(self._handle, signal.SIGKILL)

    def kill(self) -> None:
        """End the process, whatever it does, and let go of it; a second call does nothing."""
        self.stop()
        with self._lock:
            if self._handle < 0:
                return
            os.close(self._handle)
            self._handle = -1
        # Another thread may be waiting on the socket: it is woken first, and the socket closed when it let go.
        with contextlib.suppress(OSError):
            self.channel.shutdown(socket.SHUT_RDWR)
        with self._in_use:
            self.channel.close()

    def processor_time(self) -> float:
        """Return the seconds of processor time that the process has used."""
        # The clock of another process, as clock_getcpuclockid(3) makes its number from the process's.
        try:
            return time.clock_gettime((~self.pid << 3) | _PROCESS_CLOCK)
        except OSError:
            return float("inf")

    def memory_taken(self) -> int:
        """Return how many bytes of memory the process has made its own at most, by the pages that it had to ask for."""
        try:
            with open(f"/proc/{self.pid}/stat", encoding="ascii", errors="replace") as status:
                # The second field, in brackets, is the command's name; those after it are counted from the third.
                pages = int(status.read().rpartition(")")[2].split()[_MINOR_FAULTS - 3])
        except OSError:
            return 0
        return pages * os.sysconf("SC_PAGE_SIZE")

    def grant(self, *, is_over: bool = False) -> float:
        """Return the seconds that a query is granted for memory that the process made its own meanwhile.

        Once the query ``is_over``, the next one is granted nothing for what was taken until then.
        """
        taken = self.memory_taken()
        granted = min(_COPYING * (taken - self._granted), _LONGEST_COPYING)
        if is_over:
            self._granted = taken
        return granted

    def yield_processor(self) -> None:
        """Let other processes go first from now on."""
        with contextlib.suppress(ProcessLookupError):
            os.setpriority(os.PRIO_PROCESS, self.pid, _NICE)

    def regain_processor(self) -> bool:
        """Let it have as much of the processors as others again; tell whether that is allowed.

        It is with ``CAP_SYS_NICE`` or where ``RLIMIT_NICE`` is so high (setpriority(2)).
        """
        try:
            os.setpriority(os.PRIO_PROCESS, self.pid, os.getpriority(os.PRIO_PROCESS, 0))
        except OSError:
            return False
        return True


def can_isolate() -> bool:
    """Tell whether this platform has what the processes need (Linux: fork, pidfd, resource limits)."""
    return sys.platform == "linux" and hasattr(os, "fork") and hasattr(os, "pidfd_open")
