"""What two real engines do when they give a part only, and that none of it passes for the whole."""

from __future__ import annotations

from contextlib import closing

import pytest

from kgraph.errors import QueryFailedError, StoreError
from kgraph.formats import CSV, N_TRIPLES, TURTLE, Format
from kgraph.store.base import Query
from kgraph.store.remote import RemoteLimits, RemoteStore
from kgraph.store.remote.dialects import OXIGRAPH, VIRTUOSO

PAIRS = "{ ?s ?p ?o . ?t ?q ?r }"


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (f"SELECT ?s ?t {PAIRS} LIMIT 25000", CSV),
        (f"CONSTRUCT {{ <a:a> <b:b> <c:c> }} {PAIRS} LIMIT 25000", TURTLE),
        (f"DESCRIBE ?s {PAIRS} LIMIT 25000", TURTLE),
    ],
    ids=["select", "construct", "describe"],
)
def test_virtuoso_cuts_no_answer_unseen(virtuoso: str, text: str, format: Format) -> None:
    """More rows than the engine gives away are an error, also behind a graph of one statement."""
    with closing(RemoteStore(virtuoso, VIRTUOSO, RemoteLimits(timeout=30.0))) as store:
        with pytest.raises(QueryFailedError, match="20000 rows"):
            store.query(Query(text), format)
        assert store.query(Query(text.replace("25000", "2")), format).read()


@pytest.mark.parametrize(
    ("text", "format"),
    [
        (f"SELECT ?s ?t {PAIRS}", CSV),
        (f"CONSTRUCT {{ ?s <b:b> ?r }} {PAIRS}", N_TRIPLES),
        ("SELECT (COUNT(*) AS ?n) { ?s ?p ?o . ?t ?q ?r . ?u ?v ?w FILTER (STRLEN(STR(?w)) >= 0) }", CSV),
        ("ASK { ?s ?p ?o . ?t ?q ?r . ?u ?v ?w FILTER (STRLEN(STR(?w)) + STRLEN(STR(?o)) < 0) }", CSV),
    ],
    ids=["select", "construct", "count", "ask"],
)
def test_oxigraph_gives_nothing_up_unseen(impatient_oxigraph: str, text: str, format: Format) -> None:
    """It answers 200 and ends its own way after a second: an error here, while the answer is read or before."""
    with (
        closing(RemoteStore(impatient_oxigraph, OXIGRAPH, RemoteLimits(timeout=4.0))) as store,
        pytest.raises(StoreError),
        store.query(Query(text), format) as answer,
    ):
        for _ in answer.chunks:
            pass
