"""The process that holds the dataset and forks a process for each place queries are answered in.

It runs alone and without threads (``python -m kgraph.store.zygote FD SOURCE``): it loads the dataset, says ``READY``
with revision and graphs, and for each ``FORK`` that comes with a socket it forks a process that answers the queries
arriving there; for each ``DRAFT`` one that works out changes on its own copy of the data; for each ``BORROW`` one that
answers requests on connections that it is lent. Data on disk are opened by
the forks alone, since a process that has opened them cannot be forked. The process's descriptor
goes back, so that it can be killed without mistaking it for another one. ``APPLY`` brings a change that counts.

``KEEP`` makes a fork that writes the engine's files for the next start, ``FOLLOW`` has the journal's newest changes
made, and after ``RETIRE`` the process ends as soon as the last of its forks has.
"""

from __future__ import annotations

import contextlib
import ctypes
import faulthandler
import gc
import json
import mmap
import os
import resource
import signal
import socket
import struct
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TypeVar

from kgraph.errors import AnswerUnfitError, ChangeMemoryError, KgraphError, QueryFailedError, QuerySyntaxError
from kgraph.formats import GRAPHS, JSON_LD_EXPANDED, RESULTS
from kgraph.store.base import Query
from kgraph.store.disk import open_disk
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.forks import end_with_parent
from kgraph.store.frames import (
    APPLY,
    BORROW,
    DRAFT,
    ERROR,
    FOLLOW,
    FORK,
    KEEP,
    QUERY,
    READY,
    RETIRE,
    FrameWriter,
    receive_frame,
    receive_request,
    send_frame,
)
from kgraph.store.held import Drafter, Held, Holding, Source, find_borrower, open_held
from kgraph.store.wire import find_format, pack_draft, pack_error, unpack_change, unpack_draft

_PR_SET_NO_NEW_PRIVS = 38
_CLONE_NEWUSER = 0x10000000
_CLONE_NEWNET = 0x40000000
_MIB = 1024 * 1024
_CHANGES = struct.Struct("=Q")
_OF_BORROWERS = 512
"""Files that a borrower may have open: its connections, and a few more."""

T = TypeVar("T")


def main(control_descriptor: int, source: Source) -> int:
    """Load the dataset and serve requests until the control socket closes."""
    control = socket.socket(fileno=control_descriptor)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    try:
        held: Holding = open_disk(source) if source.on_disk else open_held(source)
    except KgraphError as error:
        send_frame(control, ERROR, str(error).encode())
        return 1
    borrow = find_borrower(source)
    # The collector would touch, and so copy, every page that the forks share.
    gc.collect()
    gc.freeze()
    # Shared with all forks: the number of changes so far, by which one knows whether its data are still current.
    changes = mmap.mmap(-1, _CHANGES.size)
    _tell(control, held)
    while True:
        message, descriptors, _, _ = socket.recv_fds(control, 1, 1)
        if message == FORK and descriptors:
            _fork(control, descriptors[0], held, source.memory, held.open_reader, _answer_queries)
        elif message == DRAFT and descriptors:
            memory = source.draft_memory
            serve = partial(_work_out_changes, memory=memory)
            held.note_drafter(_fork(control, descriptors[0], held, memory, held.open_drafter, serve))
        elif message == BORROW and descriptors and borrow is not None:
            serve_requests = partial(borrow, is_current=partial(_is_unchanged, changes, changes[:]))
            open_ = held.open_reader
            _fork(control, descriptors[0], held, source.memory, open_, serve_requests, _OF_BORROWERS)
        elif message == APPLY:
            _CHANGES.pack_into(changes, 0, _CHANGES.unpack_from(changes)[0] + 1)
            _apply(control, held)
        elif message == KEEP and isinstance(held, Held):
            _keep(control, held)
        elif message == FOLLOW and isinstance(held, Held):
            held.follow()
            _tell(control, held)
        else:
            if message == RETIRE:
                _wait_for_forks()
            return 0


def _is_unchanged(changes: mmap.mmap, before: bytes) -> bool:
    return changes[:] == before


def _tell(control: socket.socket, held: Holding) -> None:
    send_frame(control, READY, json.dumps(held.describe()).encode())


def _apply(control: socket.socket, held: Holding) -> None:
    draft, revision = unpack_draft(receive_frame(control)[1])
    if revision is None:
        raise ValueError("a change that counts came without the revision that it makes")
    held.apply(draft, revision)
    _tell(control, held)


def _keep(control: socket.socket, held: Held) -> None:
    """Fork a process that writes the engine's files for the next start, and dies with this one."""
    parent = os.getpid()
    if os.fork() == 0:
        try:
            control.close()
            end_with_parent(parent)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            held.keep()
        finally:
            os._exit(0)


def _wait_for_forks() -> None:
    # Where the signal is ignored, waiting lasts until the last one has ended, and then says that there is none.
    with contextlib.suppress(ChildProcessError):
        os.wait()


def _fork(
    control: socket.socket,
    descriptor: int,
    held: Holding,
    memory: int,
    open_: Callable[[], T],
    serve: Callable[[socket.socket, T], None],
    descriptors: int = 0,
) -> int:
    """Fork a process that opens the data and serves the socket ``descriptor``; return its number.

    It may have as many ``descriptors`` as it allows itself beside those that the data need.
    """
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            _shut_in(descriptor, parent, held)
            opened = open_()
            _limit(memory, held.descriptors, descriptors)
            serve(socket.socket(fileno=descriptor), opened)
        finally:
            os._exit(0)
    os.close(descriptor)
    handle = os.pidfd_open(child)
    socket.send_fds(control, [READY + child.to_bytes(4, "big")], [handle])
    os.close(handle)
    return child


def _shut_in(descriptor: int, parent: int, held: Holding) -> None:
    """Leave a fork nothing but its own socket and what it needs of the data: no network, no new rights."""
    end_with_parent(parent)
    libc = ctypes.CDLL(None, use_errno=True)
    # An engine that finds no memory says so there with its last words (:func:`kgraph.store.frames.read_frames`).
    os.dup2(descriptor, 2)
    lowest = 3
    for kept in sorted((descriptor, *held.leases)):
        os.closerange(lowest, kept)
        lowest = kept + 1
    os.closerange(lowest, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    # Without the right to make namespaces the limit on descriptors still keeps sockets from being opened.
    libc.unshare(_CLONE_NEWUSER | _CLONE_NEWNET)
    if held.descriptors:
        # The engine arranges itself with what it finds.
        resource.setrlimit(resource.RLIMIT_NOFILE, (held.descriptors, held.descriptors))


def _limit(memory: int, of_data: int, of_its_own: int) -> None:
    """Let a fork take so many MiB more, and open no further file if neither its data nor its work need any."""
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    address_space = pages * resource.getpagesize() + memory * _MIB
    resource.setrlimit(resource.RLIMIT_AS, (address_space, address_space))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if not of_data:
        resource.setrlimit(resource.RLIMIT_NOFILE, (0, of_its_own))


def _answer_queries(channel: socket.socket, store: EmbeddedStore) -> None:
    while True:
        try:
            kind, body = receive_request(channel)
        except (EOFError, OSError):
            return
        if kind != QUERY:
            return
        try:
            _answer(json.loads(body), channel, store)
        except OSError:
            return


def _answer(request: dict[str, object], channel: socket.socket, store: EmbeddedStore) -> None:
    dataset = request["dataset"]
    query = Query(
        str(request["text"]),
        (tuple(dataset[0]), tuple(dataset[1])) if isinstance(dataset, list) else None,
        dict(request["substitutions"]),  # type: ignore[call-overload]
        export=tuple(export) if isinstance(export := request.get("export"), list) else None,
    )
    writer = FrameWriter(channel)
    try:
        wanted = find_format(str(request["format"]), (*RESULTS, *GRAPHS, JSON_LD_EXPANDED))
        store.write_answer(query, wanted, writer)  # type: ignore[arg-type]
        writer.finish()
    except QuerySyntaxError as error:
        place = {"line": error.line, "column": error.column, "reason": error.params.get("reason", "")}
        send_frame(channel, ERROR, json.dumps(place).encode())
    except AnswerUnfitError as error:
        send_frame(channel, ERROR, json.dumps({"unfit": error.offered}).encode())
    except QueryFailedError as error:
        send_frame(channel, ERROR, json.dumps({"failed": str(error)}).encode())
    except MemoryError:
        send_frame(channel, ERROR, json.dumps({"memory": True}).encode())


def _work_out_changes(channel: socket.socket, drafter: Drafter, memory: int) -> None:
    """Answer each change with its draft; each one builds on those before it, so a draft that does not count ends it."""
    # An engine that crashes, for example over a body that nests too deeply, is then told from one that is killed.
    faulthandler.enable(2, all_threads=False)
    while True:
        try:
            _, body = receive_frame(channel)
            try:
                draft = drafter.draft(unpack_change(body))
            except KgraphError as error:
                send_frame(channel, ERROR, pack_error(error))
                return
            except MemoryError:
                send_frame(channel, ERROR, pack_error(ChangeMemoryError(memory)))
                return
            send_frame(channel, DRAFT, pack_draft(draft))
        except (EOFError, OSError):
            return


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), Source.from_json(sys.argv[2])))
