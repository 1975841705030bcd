"""SPARQL 1.1 Update over HTTP: what is there after an update is what the specification says."""

from __future__ import annotations

import pyoxigraph as ox
import pytest
from conformance.asking import EX, Server
from conformance.update_cases import CASES, DATA, GRAPHS, PATTERNS, SEQUENCES, UpdateCase

PREFIX = f"PREFIX : <{EX}>\n"


def canonical(quads: ox.Dataset) -> set[str]:
    """Return the statements with blank nodes named alike in equal datasets."""
    quads.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    return {str(quad) for quad in quads}


def in_trig(text: str) -> ox.Dataset:
    """Return the dataset that a text in TriG is."""
    return ox.Dataset(ox.parse(f"{PREFIX}{text}", format=ox.RdfFormat.TRIG))


def found(server: Server) -> ox.Dataset:
    """Return the dataset of a server."""
    answer = server.send("GET", "/graphs", headers={"Accept": "application/n-quads"})
    assert answer.status_code == 200
    return ox.Dataset(ox.parse(answer.text, format=ox.RdfFormat.N_QUADS))


def fill(server: Server, text: str) -> None:
    """Make a server hold a dataset and nothing else."""
    parts = []
    for quad in in_trig(text):
        statement = f"{quad.subject} {quad.predicate} {quad.object} ."
        named = isinstance(quad.graph_name, ox.NamedNode)
        parts.append(f"GRAPH {quad.graph_name} {{ {statement} }}" if named else statement)
    assert server.update(f"DROP ALL ; INSERT DATA {{ {' '.join(parts)} }}").status_code == 200


def test_the_suite_is_whole() -> None:
    """120 cases in four groups, each with a name of its own."""
    assert [len(group) for group in (GRAPHS, DATA, PATTERNS, SEQUENCES)] == [47, 20, 37, 16]
    assert len({case.name for case in CASES}) == 120


@pytest.mark.parametrize("case", CASES, ids=[case.name for case in CASES])
def test_an_update_does_what_the_specification_says(separate: Server, case: UpdateCase) -> None:
    """The status, the statements and, where a case is about them, the graphs that are there."""
    fill(separate, case.before)
    answer = separate.update(PREFIX + case.update)
    assert answer.status_code == case.status, answer.text
    assert canonical(found(separate)) == canonical(in_trig(case.after))
    if case.graphs is not None:
        graphs = {row["g"]["value"].removeprefix(EX) for row in separate.rows("SELECT ?g { GRAPH ?g {} }")}
        assert graphs == set(case.graphs)
