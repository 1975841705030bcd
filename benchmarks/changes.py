"""What the check of a change takes, as ratios to a check of the whole dataset."""

from __future__ import annotations

import argparse
from collections.abc import Callable

import pyoxigraph as ox
from measuring import describe_machine, render_rows, seconds

from kgraph.dataset import Quad, find_home, load_dataset
from kgraph.store.loading import load_graphs
from kgraph.store.patch import Patch
from kgraph.validation import check_dataset
from kgraph.validation.changes import ChangeChecker
from kgraph.vocabulary import GRAPHS, TERMS

WHOLE = "check the whole dataset"
_GRAPH = GRAPHS + "report"


def _first(store: ox.Store, predicate: str) -> list[ox.Quad]:
    """Return the statements of the first resource that has a property of ours, in the graph of the report."""
    graph = ox.NamedNode(_GRAPH)
    found = next(store.quads_for_pattern(None, ox.NamedNode(TERMS + predicate), None, graph))
    return list(store.quads_for_pattern(found.subject, None, None, graph))


def _foreign() -> list[ox.Quad]:
    subject = ox.NamedNode("http://example.org/resource")
    graph = ox.NamedNode(_GRAPH)
    predicates = (ox.NamedNode(f"http://example.org/p{number}") for number in range(10))
    return [ox.Quad(subject, predicate, ox.Literal("value"), graph) for predicate in predicates]


def _patch(quads: list[ox.Quad]) -> Patch:
    return Patch((), tuple(Quad(str(q.subject), str(q.predicate), str(q.object), _GRAPH) for q in quads))


def main() -> None:
    """Measure a write of each kind and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=20, help="times each write is checked (default 20)")
    rounds = parser.parse_args().rounds
    home = find_home()
    store = load_graphs(load_dataset(home)).engine
    checker = ChangeChecker(home)
    foreign = _foreign()
    store.extend(foreign)
    writes = {
        "a resource that no rule speaks of": _patch(foreign),
        "a claim": _patch(_first(store, "claimModality")),
        "the report itself, to which nearly everything refers": _patch(_first(store, "publicationYear")),
        "an evidence line": _patch(_first(store, "fromStudy")),
    }
    works: dict[str, Callable[[], object]] = {
        name: lambda patch=patch: checker.check(store, patch)  # type: ignore[misc]
        for name, patch in writes.items()
    }
    measured = {name: seconds(work, rounds) for name, work in works.items()}
    measured["make the checker"] = seconds(lambda: ChangeChecker(home), 2)
    measured[WHOLE] = seconds(lambda: check_dataset(home), 1)
    print(describe_machine(["kgraph", "pyoxigraph", "shacl", "pyshacl"]) + "\n")
    print(render_rows(measured, WHOLE))


if __name__ == "__main__":
    main()
