"""Which of the W3C's tests are not passed, and why; docs/reference/endpoint.md tells the reasons."""

from __future__ import annotations

import re
from collections.abc import Mapping

SERVICE = re.compile(r"\bSERVICE\b", re.IGNORECASE)
"""What keeps a query from being answered: every test with it is held to the refusal."""

_BY_REASON: Mapping[str, str] = {
    "the engine keeps values, not how they were written": """
        distinct/distinct-1 distinct/distinct-9 expr-builtin/dawg-str-1 expr-builtin/dawg-str-2
        expr-builtin/sameTerm-simple expr-builtin/sameTerm-eq expr-builtin/sameTerm-not-eq
        expr-equals/eq-graph-1 expr-equals/eq-graph-2 open-world/open-eq-01 csv-tsv-res/csv03
        """,
    "the engine does not tell a date with a time zone from one without": "open-world/date-2",
    "BNODE of one text is one blank node in the whole answer": "functions/bnode01",
    "what cannot be an IRI is read as operators, where the longest token would be an IRI": "syntax-sparql3/syn-bad-26",
    "LOAD is refused, also where what follows it is wrong": """
        update-silent/load-silent update-silent/load-into-silent
        syntax-update-1/test_41 syntax-update-1/test_47 syntax-update-1/test_48 syntax-update-1/test_49
        """,
    "a decimal does not end with its point since SPARQL 1.1": "basic/term-6 basic/term-7 syntax-sparql1/syntax-lit-08",
    "a text without a datatype is a string since RDF 1.1": """
        distinct/distinct-2 functions/strdt03 functions/strlang03
        """,
    "what a prefixed name stands for is no IRI (RFC 3987)": """
        turtle/localName_with_assigned_nfc_PN_CHARS_BASE_character_boundaries
        """,
    "the test expects of a filter what dawg-optional-filter-005-not-simplified, of the same query, excludes": """
        optional-filter/dawg-optional-filter-005-simplified
        """,
}
DEVIATIONS: Mapping[str, str] = {name: reason for reason, names in _BY_REASON.items() for name in names.split()}
"""The reason for each test that is not passed."""
