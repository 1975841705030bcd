"""The table of behaviours: what is asked, what is to be answered, and the fault of a server that gets it wrong."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from dataclasses import dataclass

from conformance.asking import EX, Server

Check = Callable[[Server], None]

BEHAVIOURS = {
    1: "A query by GET is answered without any header",
    2: "A query may be the body of a POST",
    3: "A form is decoded once",
    4: "A body of another type is refused",
    5: "An error tells its place",
    6: "A request asks for one thing, and an update never runs by GET",
    7: "The request may name the dataset of a query",
    8: "The request may name the dataset of an update",
    9: "The format is negotiated",
    10: "What is not there is not acceptable",
    11: "CSV is CSV",
    12: "TSV holds terms",
    13: "ASK is answered in every format",
    14: "Graphs come in six formats, and a description is whole",
    15: "The service describes itself",
    16: "A browser gets a page",
    17: "Dataset, prefixes and example queries are told as RDF",
    18: "HEAD is GET without its body",
    19: "Pages of other sites may ask",
    20: "Methods are those of the protocol, and QUERY",
    21: "Answers are compressed for those who ask",
    22: "An answer that is held is not sent again",
    23: "A slow query ends, and harms nobody",
    24: "Graphs are written whole or not at all, by those who may",
    25: "Nothing is called, and harmless oddities are accepted",
}
"""The behaviours that somebody who knows SPARQL tries first, by number."""


@dataclass(frozen=True)
class Case:
    """One request, or a few that belong together.

    ``fault`` is the switch of :mod:`conformance.broken` with which the case must fail.
    """

    behaviour: int
    asked: str
    answered: str
    fault: str
    check: Check


CASES: list[Case] = []


def case(behaviour: int, asked: str, answered: str, fault: str) -> Callable[[Check], Check]:
    """Put a check into the table."""

    def keep(check: Check) -> Check:
        CASES.append(Case(behaviour, asked, answered, fault, check))
        return check

    return keep


def numbered() -> list[tuple[str, Case]]:
    """Return the cases with their numbers, such as 3.2, in order."""
    counts = dict.fromkeys(BEHAVIOURS, 0)
    found = []
    for each in sorted(CASES, key=lambda item: item.behaviour):
        counts[each.behaviour] += 1
        found.append((f"{each.behaviour}.{counts[each.behaviour]}", each))
    return found


OTHERS = """\
What the suites of the W3C test is tested in cases of our own, against a server with `KGRAPH_DEFAULT_GRAPH=separate`:
the protocol (`test_protocol.py`) and the graph store (`test_graph_store.py`), a case for each test and named as it is;
updates (`test_update.py`); queries and the formats of their results (`test_query_results.py`). Each file asserts how
many cases it has, and [what the engine does otherwise](endpoint.md#asking) is tested to be so. `test_calls.py` tries
in many disguises to make the server call another. `test_odd_input.py` sends 1,000 mutated requests, or as many as
`ODD_REQUESTS` says, and none may be answered by a fault of the server."""


def render_page() -> str:
    """Return the page of the documentation that lists the cases."""
    lines = [
        "# What the endpoint is held to",
        "",
        "<!-- Written by tests/conformance/write_page.py from the table of cases; edit the cases. -->",
        "",
        *textwrap.wrap(
            f"{len(BEHAVIOURS)} behaviours that somebody who knows SPARQL tries in the first ten minutes, in "
            f"{len(CASES)} cases. Each case is sent over HTTP to a real server by "
            "`tests/conformance/test_behaviours.py`, and each has been seen to fail: the same test sends it to a "
            "server with the fault that is named with it (`tests/conformance/broken.py`), as other servers have it.",
            120,
        ),
        "",
        *OTHERS.splitlines(),
    ]
    for number, title in BEHAVIOURS.items():
        lines += ["", f"## {number}. {title}", "", "| case | asked | answered | fault it was seen to find |"]
        lines.append("|---|---|---|---|")
        for name, each in numbered():
            if each.behaviour == number:
                lines.append(f"| {name} | {each.asked} | {each.answered} | {each.fault} |")
    return "\n".join(lines) + "\n"


STUDIES = f"{EX}studies"
STUDY_DATA = f"""
@prefix : <{EX}> .
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
:a :label "Study A"@en ; :size 120 ; :on "2002-03-04"^^xsd:date .
:b :label "\u00c9tude, \\"A\\"\\nog meir" .
:c :note "tab\\there\\nand more" ; :part [ :inner [ :deep true ] ] .
"""
"""The graph that the cases ask about."""
