"""What keeping changes takes: an acknowledged change, a start from journal or snapshot, as ratios to a bare sync."""

from __future__ import annotations

import argparse
import os
import tempfile
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pyoxigraph as ox
from measuring import describe_machine, render_rows, seconds

from kgraph.dataset import Quad, find_home
from kgraph.store.patch import Patch
from kgraph.store.state import State, StateView, open_state
from kgraph.vocabulary import GRAPHS, PREFIXES, RESOURCES, TERMS

SYNC = "write 600 bytes and fdatasync, without kgraph"
_OF_ONE_CHANGE = 50_000


def _quads(count: int) -> Iterator[Quad]:
    """Yield invented findings: texts, numbers of which some are not canonical, years and links."""
    for number in range(count // 4):
        subject, graph = f"<{RESOURCES}finding/f{number}>", GRAPHS + "report"
        places = "50" if number % 10 == 0 else "5"
        yield Quad(subject, f"<{TERMS}statement>", f'"what the finding number {number} says"@en', graph)
        yield Quad(subject, f"<{TERMS}value>", f'"{number}.{places}"^^<{PREFIXES["xsd"]}decimal>', graph)
        yield Quad(subject, f"<{TERMS}year>", f'"{1900 + number % 120}"^^<{PREFIXES["xsd"]}integer>', graph)
        yield Quad(subject, f"<{TERMS}about>", f"<{RESOURCES}measure/m{number % 1000}>", graph)


def _bare_sync(folder: Path) -> None:
    descriptor = os.open(folder / "bare", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    os.write(descriptor, b"x" * 600)
    os.fdatasync(descriptor)
    os.close(descriptor)


def _turn(state: State) -> None:
    """Add a statement, or take it away if the last call added it."""
    quads = (Quad("<urn:a>", "<urn:b>", '"c"', ""),)
    state.append(Patch(removed=quads) if state.revision.number % 2 else Patch(added=quads), "benchmark")


def _load(folder: Path) -> tuple[StateView, ox.Store]:
    view, engine = StateView(folder), ox.Store()
    view.load(engine)
    return view, engine


def main() -> None:
    """Fill a state directory in a temporary folder, measure, and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--triples", type=int, default=1_000_000, help="statements in the journal (default 1,000,000)")
    parser.add_argument(
        "--changes", type=int, default=20_000, help="small changes of a second journal (default 20,000)"
    )
    parser.add_argument("--rounds", type=int, default=3, help="starts of each kind (default 3)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as name:
        folder = Path(name, "large")
        folder.mkdir()
        with open_state(folder, find_home()) as state:
            quads = _quads(options.triples)
            while part := tuple(islice(quads, _OF_ONE_CHANGE)):
                state.append(Patch(added=part), "benchmark")
            measured = {SYNC: seconds(lambda: _bare_sync(folder), 200)}
            measured["keep a change of one statement"] = seconds(lambda: _turn(state), 200)
        measured["verify base and journal"] = seconds(lambda: StateView(folder), options.rounds)
        measured["verify, and fill the engine from the journal"] = seconds(lambda: _load(folder), options.rounds)
        view, engine = StateView(folder), ox.Store()
        originals = view.load(engine)
        measured["write a snapshot"] = seconds(lambda: view.write_snapshot(engine, originals), options.rounds)
        measured["verify, and fill the engine from the snapshot"] = seconds(lambda: _load(folder), options.rounds)
        many = Path(name, "many")
        with open_state(many, find_home()) as state:
            for _ in range(options.changes):
                _turn(state)
        verified, filled = "verify base and a journal of many changes", "verify, and fill the engine from many changes"
        measured[verified] = seconds(lambda: StateView(many), options.rounds)
        measured[filled] = seconds(lambda: _load(many), options.rounds)
    counts = f"{options.triples} statements in one journal, {options.changes} changes in another"
    print(f"{describe_machine(('kgraph', 'pyoxigraph'))}; {counts}\n")
    print(render_rows(measured, SYNC))


if __name__ == "__main__":
    main()
