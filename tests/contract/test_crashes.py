"""Servers that are killed, at any moment and at every step: what was acknowledged is there, nothing is half."""

from __future__ import annotations

import importlib
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pyoxigraph as ox
import pytest

from kgraph.dataset import Quad
from kgraph.store.journal import STEPS as JOURNAL_STEPS
from kgraph.store.patch import Patch
from kgraph.store.state import StateView, open_state
from kgraph.store.writing import STEPS as CHANGE_STEPS

WRITES = int(os.environ.get("CRASH_WRITES", "1000"))
"""Writes that must be acknowledged; ``benchmarks/crashes.py`` does the same with twenty thousand."""


@pytest.fixture(scope="module")
def crashes() -> Iterator[ModuleType]:
    """The program that kills servers."""
    folder = str(Path(__file__).resolve().parent.parent.parent / "benchmarks")
    sys.path.insert(0, folder)
    try:
        yield importlib.import_module("crashes")
    finally:
        sys.path.remove(folder)


def test_every_acknowledged_write_outlives_kills_at_every_step_and_at_random(
    crashes: ModuleType, tiny_home: Path, tmp_path: Path
) -> None:
    """Four writers, each write in four graphs, some with deletions; each start compares all that was written so far."""
    (tmp_path / "state").mkdir()
    tally = crashes.crash(tiny_home, tmp_path / "state", WRITES, crashes.LEAST_ROUNDS, seed=WRITES)
    assert tally.total() >= WRITES
    assert tally.rounds.total() >= 20
    assert {*JOURNAL_STEPS, *CHANGE_STEPS, *crashes.FIRST_START, crashes.AT_RANDOM} == set(tally.rounds)


@pytest.mark.parametrize(
    ("graphs", "logged", "united", "sent", "complaint"),
    [
        (("", "one", "two"), 1, 1, 1, ""),
        (("", "one"), 1, 1, 1, "write 1 is there by halves"),
        (("", "one", "two", "two"), 1, 1, 1, "write 1 is there by halves"),
        (("", "one", "two"), 0, 1, 1, "1 acknowledged, 1 sent, 0 there"),
        (("", "one", "two"), 1, 0, 1, "the default graph does not have write 1"),
        (("", "one", "two"), 1, 2, 1, "the default graph does not have write 1"),
        (("", "one", "two"), 1, 1, 0, "1 acknowledged, 0 sent, 1 there"),
    ],
)
def test_the_comparison_sees_what_is_gone_half_or_too_much(
    crashes: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    graphs: tuple[str, ...],
    logged: int,
    united: int,
    sent: int,
    complaint: str,
) -> None:
    """A test of kills that sees nothing would pass."""
    example = "https://example.org/crash/"
    number = '"1"^^<http://www.w3.org/2001/XMLSchema#integer>'
    lines = [f"<{example}w0> <{example}is> {number} {graph and f'<{example}{graph}> '}.\n" for graph in graphs]
    lines += [f"<{example}w0> <{example}did> {number} <{example}log> .\n"] * logged
    answers = {"/graphs": "".join(lines), "/sparql": "\r\n".join(["w,v", *[f"{example}w0,1"] * united, ""])}
    monkeypatch.setattr(crashes, "_get", lambda port, path: answers[path.partition("?")[0]])
    tally = crashes.Tally()
    tally.sent[0], tally.acknowledged[0] = sent, 1
    if not complaint:
        crashes.look(0, tally)
        return
    with pytest.raises(crashes.CrashError, match=complaint):
        crashes.look(0, tally)


@pytest.mark.parametrize("step", ["dump-half-written", "dump-before-sync", "dump-before-rename", "dump-renamed"])
def test_a_kill_while_a_snapshot_is_written_leaves_a_start_that_has_all(
    tiny_home: Path, tmp_path: Path, step: str
) -> None:
    """Whether the next start has the snapshot or not, its state is the same."""
    quad = Quad("<urn:a>", "<urn:b>", '"7.30"^^<http://www.w3.org/2001/XMLSchema#decimal>', "urn:g")
    with open_state(tmp_path, tiny_home) as state:
        state.append(Patch(added=(quad,)), "test", created=("urn:empty", "urn:g"))
    child = os.fork()
    if child == 0:
        view, engine = StateView(tmp_path), ox.Store()
        originals = view.load(engine)
        view.write_snapshot(
            engine, originals, lambda reached: os.kill(os.getpid(), signal.SIGKILL) if reached == step else None
        )
        os._exit(0)
    assert os.WIFSIGNALED(os.waitpid(child, 0)[1])
    with open_state(tmp_path, tiny_home) as state:
        engine = ox.Store()
        originals = state.load(engine)
        assert state.notices == []
        assert engine.contains_named_graph(ox.NamedNode("urn:empty"))
        assert originals.restore(quad._replace(object=quad.object.replace("7.30", "7.3"))) == quad
        assert (state.replayed == 0) == (step == "dump-renamed")
