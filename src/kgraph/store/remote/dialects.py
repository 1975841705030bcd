"""What engines do otherwise than the standard says, and how each is asked so that it answers as it should."""

from __future__ import annotations

from dataclasses import dataclass

from kgraph.store.base import Deviation
from kgraph.store.embedded import DEVIATIONS

_BAGS = Deviation(
    "union-of-bags",
    "A statement that stands in two of several default graphs counts twice; keep the union in graph/asserted.",
    ("test_a_statement_in_two_graphs_counts_once_in_their_union",),
)


@dataclass(frozen=True)
class Dialect:
    """One kind of engine.

    ``deviations`` remain in its answers. ``sends_timeout`` tells that it takes the parameter ``timeout`` in
    milliseconds. ``describe`` is put before a DESCRIBE. ``repairs`` are replaced in its JSON: each stands for a piece
    of JSON's structure and cannot occur inside a string, where quotes are escaped. ``hides_cut_graphs`` tells that
    it cuts a graph without a word, so that the rows behind the graph are asked for too.
    """

    name: str
    deviations: tuple[Deviation, ...] = (_BAGS,)
    sends_timeout: bool = False
    describe: str = ""
    repairs: tuple[tuple[bytes, bytes], ...] = ()
    hides_cut_graphs: bool = False


STANDARD = Dialect("standard")
"""An engine that follows SPARQL 1.1."""

OXIGRAPH = Dialect("oxigraph", (*DEVIATIONS, _BAGS))
"""``oxigraph serve``."""

VIRTUOSO = Dialect(
    "virtuoso",
    (
        _BAGS,
        Deviation(
            "canonical-literals",
            "Numbers and truth values are kept by value: 007 comes back as 7, 7.30 as 7.3.",
            ("test_lexical_forms_are_kept",),
        ),
        Deviation(
            "large-integers",
            "An integer of more than 64 bits comes back as a decimal.",
            ("test_a_literal_comes_back_with_its_datatype[long-12345678901234567890123456789-integer]",),
        ),
        Deviation(
            "paths-around-circles",
            "A path of one or more steps does not come back to the node that it set out from.",
            ("test_paths_are_followed[plus]",),
        ),
        Deviation(
            "integer-division",
            "An integer divided by an integer is an integer: 7 / 2 is 3.",
            ("test_what_queries_lean_on_is_there[division]",),
        ),
        Deviation(
            "truth-values-as-numbers",
            "A truth value that BIND works out is the number 1 or 0.",
            (
                "test_what_queries_lean_on_is_there[comparison]",
                "test_what_queries_lean_on_is_there[exists]",
            ),
        ),
        Deviation(
            "errors-end-queries",
            "A function that cannot be applied to a value ends the query instead of leaving its variable unbound.",
            ("test_what_queries_lean_on_is_there[error]",),
        ),
        Deviation(
            "order-of-kinds",
            "ORDER BY puts literals before IRIs.",
            ("test_answers_are_ordered[kinds]",),
        ),
        Deviation(
            "place-of-faults",
            "A syntax error has a line without a column, and at the end of a text not even that.",
            ("test_a_syntax_error_has_a_place[bracket]",),
        ),
    ),
    sends_timeout=True,
    describe='DEFINE sql:describe-mode "CBD" ',
    repairs=(
        (b'"type": "bnode", "value": "nodeID://', b'"type": "bnode", "value": "'),
        (
            b'"datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "1"',
            b'"datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "true"',
        ),
        (
            b'"datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "0"',
            b'"datatype": "http://www.w3.org/2001/XMLSchema#boolean", "value": "false"',
        ),
    ),
    hides_cut_graphs=True,
)
"""OpenLink Virtuoso 7."""

DIALECTS = {dialect.name: dialect for dialect in (STANDARD, OXIGRAPH, VIRTUOSO)}
"""The kinds of engines by their names."""
