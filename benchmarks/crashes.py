"""Kills a server that is written to, again and again, and looks what is there: all that it acknowledged, nothing half.

Each write is one update that takes statements from three graphs, puts others there, and adds a line to a log graph, so
that a write that is there by halves can be seen. The server is killed with SIGKILL, its whole process group with it, at
random moments and, by a hook, at each named step of a change and of the first start.
"""

from __future__ import annotations

import argparse
import contextlib
import http.client
import itertools
import os
import random
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from kgraph.access import Role, create_token
from kgraph.dataset import find_home
from kgraph.store.journal import STEPS as JOURNAL_STEPS
from kgraph.store.state import StateView
from kgraph.store.writing import STEPS as CHANGE_STEPS

FIRST_START = ("dump-half-written", "dump-before-sync", "dump-before-rename", "dump-renamed")
AT_RANDOM = "at random"
WRITERS = 4
LEAST_ROUNDS = 20
_EX = "https://example.org/crash/"
_LINE = re.compile(
    rf'<{_EX}w(?P<writer>\d+)> <{_EX}(?P<kind>is|did)> "(?P<value>\d+)"\S* (?:<{_EX}(?P<graph>\w+)> )?\.'
)


class CrashError(Exception):
    """What was acknowledged is not there, or what is there was never sent."""


@dataclass
class Tally:
    """What the writers know: the last write of each that was sent, and the last that was acknowledged."""

    sent: Counter[int] = field(default_factory=Counter)
    acknowledged: Counter[int] = field(default_factory=Counter)
    rounds: Counter[str] = field(default_factory=Counter)

    def total(self) -> int:
        """Return how many writes were acknowledged."""
        return sum(self.acknowledged.values())


def serve(home: Path, state: Path, step: str, count: int) -> None:
    """Serve, and kill this process when ``step`` is reached for the ``count``-th time; the port is printed."""
    import uvicorn

    from kgraph.settings import Settings
    from kgraph.store.held import Source
    from kgraph.store.writing import JournaledStore
    from kgraph.web.app import create_app
    from kgraph.web.server import server_config, worker_limits

    calls = itertools.count(1)

    def kill(reached: str) -> None:
        if reached == step and next(calls) == count:
            os.kill(os.getpid(), signal.SIGKILL)

    settings = Settings(state=str(state), home=str(home), log_file=os.devnull)
    source = Source(home, state, checker="kgraph.validation.changes:ChangeChecker")
    store = JournaledStore(source, worker_limits(settings), at=kill)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        print(listening.getsockname()[1], flush=True)
        uvicorn.Server(server_config(create_app(settings, store, home), settings)).run([listening])
    store.close()


@contextlib.contextmanager
def serving(home: Path, state: Path, step: str = "", count: int = 0) -> Iterator[tuple[subprocess.Popen[str], int]]:
    """Run :func:`serve` in a process group of its own; give the process and its port, 0 if it did not come so far."""
    command = [sys.executable, __file__, "--serve", str(home), str(state), step, str(count)]
    served = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, start_new_session=True)
    assert served.stdout is not None
    try:
        yield served, int(served.stdout.readline() or 0)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.pid, signal.SIGKILL)
        served.wait()
        served.stdout.close()


def write(port: int, token: str, writer: int, tally: Tally, stop: threading.Event) -> None:
    """Send one write after the other until the server is gone or ``stop`` is set."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/sparql-update"}
    with contextlib.suppress(OSError, http.client.HTTPException), contextlib.closing(connection):
        while not stop.is_set():
            number = tally.sent[writer] + 1
            tally.sent[writer] = number
            connection.request("POST", "/sparql", _update(writer, tally.acknowledged[writer], number), headers)
            answer = connection.getresponse()
            told = answer.read()
            if answer.status != 200:
                raise CrashError(f"write {number} of writer {writer}: {answer.status} {told.decode()}")
            tally.acknowledged[writer] = number


def _update(writer: int, before: int, number: int) -> str:
    def in_three(value: int) -> str:
        line = f":w{writer} :is {value}"
        return f"{line} . GRAPH :one {{ {line} }} GRAPH :two {{ {line} }}"

    return (
        f"PREFIX : <{_EX}> DELETE DATA {{ {in_three(before)} }} ; "
        f"INSERT DATA {{ {in_three(number)} . GRAPH :log {{ :w{writer} :did {number} }} }}"
    )


def look(port: int, tally: Tally) -> None:
    """Compare what a server holds with the tally, and take over writes that were made and not acknowledged.

    Raises :class:`CrashError`.
    """
    present: dict[int, list[tuple[str, int]]] = {}
    done: dict[int, list[int]] = {}
    for found in _LINE.finditer(_get(port, "/graphs?format=n-quads")):
        writer, value = int(found["writer"]), int(found["value"])
        if found["kind"] == "is":
            present.setdefault(writer, []).append((found["graph"] or "", value))
        else:
            done.setdefault(writer, []).append(value)
    query = f"SELECT%20?w%20?v%20{{?w%20%3C{_EX}is%3E%20?v}}"
    united = Counter(_get(port, f"/sparql?format=csv&query={query}").split("\r\n")[1:-1])
    for writer, sent in tally.sent.items():
        number, acknowledged = max(done.get(writer, [0])), tally.acknowledged[writer]
        graphs = ("", "one", "two") if number else ()
        if not acknowledged <= number <= sent:
            raise CrashError(f"writer {writer}: {acknowledged} acknowledged, {sent} sent, {number} there")
        if sorted(done.get(writer, [])) != list(range(1, number + 1)):
            raise CrashError(f"writer {writer}: the log has gaps: {done[writer]}")
        if sorted(present.get(writer, [])) != [(graph, number) for graph in graphs]:
            raise CrashError(f"writer {writer}: write {number} is there by halves: {present.get(writer)}")
        if number and united.pop(f"{_EX}w{writer},{number}", 0) != 1:
            raise CrashError(f"writer {writer}: the default graph does not have write {number}")
        tally.sent[writer] = tally.acknowledged[writer] = number
    if united:
        raise CrashError(f"the default graph has more than was written: {united}")


def _get(port: int, path: str) -> str:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    with contextlib.closing(connection):
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read().decode()
    if answer.status != 200:
        raise CrashError(f"{path}: {answer.status} {body}")
    return body


def run_round(home: Path, state: Path, token: str, tally: Tally, step: str, writes: int, chance: random.Random) -> None:
    """Start, compare what is there with the tally, write, and kill: at a step, or at random after some ``writes``.

    Raises :class:`CrashError`.
    """
    hooked = "" if step == AT_RANDOM else step
    with serving(home, state, hooked, writes if step in JOURNAL_STEPS + CHANGE_STEPS else 1) as (served, port):
        tally.rounds[step] += 1
        if not port:
            return
        look(port, tally)
        stop = threading.Event()
        threads = [threading.Thread(target=write, args=(port, token, w, tally, stop)) for w in range(WRITERS)]
        enough = tally.total() + writes
        for thread in threads:
            thread.start()
        while served.poll() is None and (hooked or tally.total() < enough) and any(t.is_alive() for t in threads):
            time.sleep(0.005)
        if not hooked:
            time.sleep(chance.uniform(0, 0.02))
        with contextlib.suppress(ProcessLookupError):
            os.killpg(served.pid, signal.SIGKILL)
        stop.set()
        for thread in threads:
            thread.join()
        if hooked and served.wait() != -signal.SIGKILL:
            raise CrashError(f"the server did not come to the step {step}")


def crash(home: Path, state: Path, writes: int, rounds: int, seed: int) -> Tally:
    """Kill a server at every step and at random until so many writes were acknowledged in so many rounds at least.

    Raises :class:`CrashError` for what is not as it was acknowledged, and what
    :class:`kgraph.store.state.StateView` raises for a journal that is not sound.
    """
    chance = random.Random(seed)
    token = create_token(state, Role.CURATOR)[0]
    tally = Tally()
    steps = [*JOURNAL_STEPS, *CHANGE_STEPS]
    order = [*FIRST_START, *itertools.chain.from_iterable(zip(steps, itertools.repeat(AT_RANDOM)))]
    each = -(-writes // max(rounds - len(FIRST_START), 1))
    planned = itertools.chain(order, itertools.cycle(order[len(FIRST_START) :]))
    while tally.total() < writes or tally.rounds.total() < rounds:
        run_round(home, state, token, tally, next(planned), each, chance)
    with serving(home, state) as (_, port):
        look(port, tally)
    entries = StateView(state).revision.number - 1
    if entries != tally.total():
        raise CrashError(f"{tally.total()} writes made {entries} revisions")
    return tally


def main() -> None:
    """Kill servers and tell how many writes were looked after."""
    if sys.argv[1:2] == ["--serve"]:
        serve(Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4], int(sys.argv[5]))
        return
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--writes", type=int, default=20_000, help="writes to be acknowledged (default 20,000)")
    parser.add_argument("--rounds", type=int, default=40, help="times the server is killed, at least (default 40)")
    parser.add_argument("--seed", type=int, default=1, help="seed of the random moments (default 1)")
    parser.add_argument("--home", type=Path, help="home to begin from; that of the repository if not given")
    parser.add_argument("--state", type=Path, required=True, help="a folder that is not there yet, for the state")
    options = parser.parse_args()
    options.state.mkdir(parents=True)
    began = time.monotonic()
    tally = crash(options.home or find_home(), options.state, options.writes, options.rounds, options.seed)
    print(f"{tally.total()} acknowledged writes, all there and whole; {time.monotonic() - began:.0f} s; killed:")
    for step, count in tally.rounds.items():
        print(f"  {count:3} × {step}")


if __name__ == "__main__":
    main()
