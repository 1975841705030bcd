"""The process that holds the dataset, told by its socket what no server of ours tells it."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from kgraph.store.drafts import Draft
from kgraph.store.frames import APPLY, CHANGE, DRAFT, END, ERROR, FORK, QUERY, READY, receive_frame, send_frame
from kgraph.store.held import Source
from kgraph.store.patch import Patch, Quad
from kgraph.store.wire import pack, pack_draft, unpack_error
from kgraph.store.workers import can_isolate

pytestmark = pytest.mark.skipif(not can_isolate(), reason="needs processes that can be shut in")

Holder = tuple[subprocess.Popen[bytes], socket.socket]


@pytest.fixture(params=[(), ("-O",)], ids=["", "optimised"])
def holder(request: pytest.FixtureRequest, tiny_home: Path) -> Iterator[Holder]:
    """The process and its control socket; Python may be told to leave assertions out."""
    control, child = socket.socketpair()
    command = [sys.executable, *request.param, "-m", "kgraph.store.zygote", str(child.fileno())]
    with child:
        process = subprocess.Popen([*command, Source(tiny_home).to_json()], pass_fds=[child.fileno()])
    with process, control:
        control.settimeout(60)
        assert receive_frame(control)[0] == READY
        yield process, control
        process.kill()


def fork(control: socket.socket, kind: bytes) -> socket.socket:
    """Have a process forked, and return the socket that it listens on."""
    ours, theirs = socket.socketpair()
    ours.settimeout(60)
    with theirs:
        socket.send_fds(control, [kind], [theirs.fileno()])
        told, handles, _, _ = socket.recv_fds(control, 5, 1)
    assert told.startswith(READY)
    socket.close(handles[0])
    return ours


def test_a_query_in_an_unknown_format_fails_and_the_next_is_answered(holder: Holder) -> None:
    """The process says what is wrong."""
    query = {"text": "ASK {}", "dataset": None, "substitutions": {}, "format": "no-such"}
    with fork(holder[1], FORK) as channel:
        send_frame(channel, QUERY, json.dumps(query).encode())
        kind, body = receive_frame(channel)
        assert kind == ERROR and "no-such" in json.loads(body)["failed"]
        send_frame(channel, QUERY, json.dumps(query | {"format": "csv"}).encode())
        assert receive_frame(channel)[1] == b"true"
        assert receive_frame(channel)[0] == END


def test_a_change_in_an_unknown_format_fails(holder: Holder) -> None:
    """As one whose body cannot be read does."""
    step = {"graph": "a:g", "action": "merge", "format": "no-such", "base": "a:b"}
    with fork(holder[1], DRAFT) as channel:
        send_frame(channel, CHANGE, pack({"steps": [step], "author": ""}, [b""]))
        kind, body = receive_frame(channel)
        assert kind == ERROR and "no-such" in str(unpack_error(body))


def test_a_change_without_its_revision_never_counts(holder: Holder) -> None:
    """The process ends rather than be in a state without a name."""
    process, control = holder
    patch = Patch(added=(Quad("<a:a>", "<a:b>", '"c"', ""),))
    control.sendall(APPLY)
    send_frame(control, APPLY, pack_draft(Draft(patch, Patch(), frozenset(), frozenset())))
    with pytest.raises(EOFError):
        receive_frame(control)
    assert process.wait(60) == 1
