"""Cases of SPARQL 1.1 Update: a dataset, an update, and the dataset after it; by the specification's sections.

A dataset is TriG with the prefix ``:``. The groups are those of the W3C's suite for update evaluation.
"""

from __future__ import annotations

from dataclasses import dataclass

D = ":s :p 1 ."
G1 = ":g1 { :a :p 1 }"
G2 = ":g2 { :b :p 2 }"
ALL = f"{D} {G1} {G2}"
PEOPLE = ":jo :name 'Jo' ; :knows :al, :bo . :al :name 'Al' ; :age 40 . :bo :name 'Bo' ; :age 30 ."


@dataclass(frozen=True)
class UpdateCase:
    """An update, what is there before and after it, and the status it is answered with.

    ``graphs`` are the graphs that are there afterwards, empty ones too, if the case is about that.
    """

    name: str
    before: str
    update: str
    after: str
    status: int = 200
    graphs: tuple[str, ...] | None = None


def _of_graphs() -> list[UpdateCase]:
    """Return the cases of ADD, COPY and MOVE (section 3.2), alike in form."""
    found = []
    for verb in ("ADD", "COPY", "MOVE"):
        low = verb.lower()
        keeps, adds = verb != "MOVE", verb == "ADD"
        d, g1, merged = (D if keeps else ""), (G1 if keeps else ""), ":g2 { :b :p 2 . :%s :p 1 }"
        into = merged if adds else ":g2 { :%s :p 1 }"
        found += [
            UpdateCase(f"{low}-default-to-new", D, f"{verb} DEFAULT TO :n", f"{d} :n {{ :s :p 1 }}"),
            UpdateCase(f"{low}-default-to-graph", f"{D} {G2}", f"{verb} DEFAULT TO :g2", f"{d} {into % 's'}"),
            UpdateCase(f"{low}-graph-to-graph", ALL, f"{verb} :g1 TO :g2", f"{D} {g1} {into % 'a'}"),
            UpdateCase(f"{low}-graph-to-new", G1, f"{verb} GRAPH :g1 TO GRAPH :n", f"{g1} :n {{ :a :p 1 }}"),
            UpdateCase(
                f"{low}-graph-to-default",
                f"{D} {G1}",
                f"{verb} :g1 TO DEFAULT",
                f"{':s :p 1 .' if adds else ''} :a :p 1 . {g1}",
            ),
            UpdateCase(f"{low}-graph-to-itself", f"{D} {G1}", f"{verb} :g1 TO :g1", f"{D} {G1}"),
            UpdateCase(f"{low}-default-to-itself", D, f"{verb} DEFAULT TO DEFAULT", D),
            UpdateCase(f"{low}-no-such-graph", ALL, f"{verb} :none TO :g2", ALL, 409),
            UpdateCase(f"{low}-silent-no-such-graph-to-new", ALL, f"{verb} SILENT :none TO :n", ALL),
        ]
    return found


GRAPHS = [
    *_of_graphs(),
    UpdateCase("clear-default", ALL, "CLEAR DEFAULT", f"{G1} {G2}"),
    UpdateCase("clear-graph", ALL, "CLEAR GRAPH :g1", f"{D} {G2}", graphs=("g1", "g2")),
    UpdateCase("clear-named", ALL, "CLEAR NAMED", D, graphs=("g1", "g2")),
    UpdateCase("clear-all", ALL, "CLEAR ALL", "", graphs=("g1", "g2")),
    UpdateCase("clear-dotted-base", ALL, "BASE <https://example.org/x/../> CLEAR GRAPH <none>", ALL, 409),
    UpdateCase(
        "drop-dotted-name", ALL, "BASE <https://example.org/x/> DROP GRAPH <../g1>", f"{D} {G2}", graphs=("g2",)
    ),
    UpdateCase("clear-no-such-graph", ALL, "CLEAR GRAPH :none", ALL, 409),
    UpdateCase("clear-silent-no-such-graph", ALL, "CLEAR SILENT GRAPH :none", ALL),
    UpdateCase("drop-default", ALL, "DROP DEFAULT", f"{G1} {G2}"),
    UpdateCase("drop-graph", ALL, "DROP GRAPH :g1", f"{D} {G2}", graphs=("g2",)),
    UpdateCase("drop-named", ALL, "DROP NAMED", D, graphs=()),
    UpdateCase("drop-all", ALL, "DROP ALL", "", graphs=()),
    UpdateCase("drop-no-such-graph", ALL, "DROP GRAPH :none", ALL, 409),
    UpdateCase("drop-silent-no-such-graph", ALL, "DROP SILENT GRAPH :none", ALL),
    UpdateCase("create-new", G1, "CREATE GRAPH :n", G1, graphs=("g1", "n")),
    UpdateCase("create-there", G1, "CREATE GRAPH :g1", G1, 409),
    UpdateCase("create-silent-there", G1, "CREATE SILENT GRAPH :g1", G1, graphs=("g1",)),
    UpdateCase("create-then-fill", "", "CREATE GRAPH :n ; INSERT DATA { GRAPH :n { :a :p 1 } }", ":n { :a :p 1 }"),
    UpdateCase("load-refused", G1, "LOAD <http://127.0.0.1:9/x>", G1, 403),
    UpdateCase("load-silent-refused", G1, "LOAD SILENT <http://127.0.0.1:9/x> INTO GRAPH :g1", G1, 403),
]

DATA = [
    UpdateCase("insert-data-default", "", "INSERT DATA { :s :p 1 }", D),
    UpdateCase("insert-data-named", D, "INSERT DATA { GRAPH :g1 { :a :p 1 } }", f"{D} {G1}"),
    UpdateCase("insert-data-both", "", "INSERT DATA { :s :p 1 . GRAPH :g1 { :a :p 1 } GRAPH :g2 { :b :p 2 } }", ALL),
    UpdateCase("insert-data-again", D, "INSERT DATA { :s :p 1 }", D),
    UpdateCase("insert-data-lists", "", "INSERT DATA { :s :p 1, 2 ; :q ( 'a' 'b' ) . }", ":s :p 1, 2 ; :q ('a' 'b') ."),
    UpdateCase("insert-data-blank-node", "", "INSERT DATA { _:b :p 1 ; :q [ :r _:b ] }", "_:b :p 1 ; :q [ :r _:b ] ."),
    UpdateCase(
        "insert-data-blank-node-twice", "", "INSERT DATA { [] :p 1 } ; INSERT DATA { [] :p 1 }", "[] :p 1 . [] :p 1 ."
    ),
    UpdateCase("insert-data-shared-label", "", "INSERT DATA { _:b :p 1 } ; INSERT DATA { _:b :p 2 }", "", 400),
    UpdateCase("insert-data-variable", "", "INSERT DATA { ?s :p 1 }", "", 400),
    UpdateCase("insert-data-empty", D, "INSERT DATA { }", D),
    UpdateCase("insert-data-empty-graph", D, "INSERT DATA { GRAPH :g { } }", D),
    UpdateCase("insert-data-truth", "", "INSERT DATA { :s :p TRUE, false }", ":s :p true, false ."),
    UpdateCase("delete-data-default", ":s :p 1, 2 .", "DELETE DATA { :s :p 2 }", D),
    UpdateCase("delete-data-named", ALL, "DELETE DATA { GRAPH :g1 { :a :p 1 } }", f"{D} {G2}"),
    UpdateCase("delete-data-both", ALL, "DELETE DATA { :s :p 1 . GRAPH :g2 { :b :p 2 } }", G1),
    UpdateCase("delete-data-not-there", ALL, "DELETE DATA { :s :p 3 . GRAPH :none { :a :p 1 } }", ALL),
    UpdateCase("delete-data-other-graph", ALL, "DELETE DATA { :a :p 1 }", ALL),
    UpdateCase("delete-data-blank-node", D, "DELETE DATA { _:b :p 1 }", D, 400),
    UpdateCase("delete-data-variable", D, "DELETE DATA { :s :p ?o }", D, 400),
    UpdateCase("delete-data-language", ":s :p 'a'@en, 'a'@nn .", "DELETE DATA { :s :p 'a'@en }", ":s :p 'a'@nn ."),
]

PATTERNS = [
    UpdateCase(
        "delete-where",
        PEOPLE,
        "DELETE WHERE { ?s :age ?a }",
        PEOPLE.replace(" ; :age 40", "").replace(" ; :age 30", ""),
    ),
    UpdateCase(
        "delete-where-join", ":a :p :b . :b :q 1 . :c :p :d .", "DELETE WHERE { ?s :p ?o . ?o :q ?v }", ":c :p :d ."
    ),
    UpdateCase("delete-where-named", ALL, "DELETE WHERE { GRAPH :g1 { ?s ?p ?o } }", f"{D} {G2}"),
    UpdateCase("delete-where-any-graph", ALL, "DELETE WHERE { GRAPH ?g { ?s ?p 2 } }", f"{D} {G1}"),
    UpdateCase(
        "delete-where-two-graphs", f"{D} :g1 {{ :s :q 2 }}", "DELETE WHERE { ?s :p 1 . GRAPH :g1 { ?s :q ?v } }", ""
    ),
    UpdateCase("delete-where-nothing", ALL, "DELETE WHERE { ?s :none ?o }", ALL),
    UpdateCase("delete-where-blank-node", D, "DELETE WHERE { _:b :p 1 }", D, 400),
    UpdateCase("delete-pattern", ":s :p 1, 2 .", "DELETE { ?s :p ?o } WHERE { ?s :p ?o FILTER(?o > 1) }", D),
    UpdateCase("delete-blank-node", D, "DELETE { [] :p 1 } WHERE { ?s :p ?o }", D, 400),
    UpdateCase("delete-with", ALL, "WITH :g1 DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", f"{D} {G2}"),
    UpdateCase(
        "delete-with-graph-wins",
        ALL,
        "WITH :g1 DELETE { GRAPH :g2 { ?s ?p ?o } } WHERE { GRAPH :g2 { ?s ?p ?o } }",
        f"{D} {G1}",
    ),
    UpdateCase("delete-using", ":a :p 1 . :g1 { :a :p 1 }", "DELETE { ?s ?p ?o } USING :g1 WHERE { ?s ?p ?o }", G1),
    UpdateCase("delete-using-elsewhere", ALL, "DELETE { ?s ?p ?o } USING :g1 WHERE { ?s ?p ?o }", ALL),
    UpdateCase(
        "delete-using-graph", ALL, "DELETE { GRAPH :g1 { ?s ?p ?o } } USING :g1 WHERE { ?s ?p ?o }", f"{D} {G2}"
    ),
    UpdateCase(
        "delete-using-named",
        ALL,
        "DELETE { GRAPH ?g { ?s ?p ?o } } USING NAMED :g1 WHERE { GRAPH ?g { ?s ?p ?o } }",
        f"{D} {G2}",
    ),
    UpdateCase(
        "delete-using-hides-graphs",
        ALL,
        "DELETE { GRAPH :g1 { ?s ?p ?o } } USING :g2 WHERE { GRAPH :g1 { ?s ?p ?o } }",
        ALL,
    ),
    UpdateCase("delete-using-over-with", ALL, "WITH :g1 DELETE { ?s ?p ?o } USING :g2 WHERE { ?s ?p ?o }", ALL),
    UpdateCase(
        "delete-unbound", PEOPLE, "DELETE { ?s :age ?x } WHERE { ?s :name 'Jo' OPTIONAL { ?s :age ?x } }", PEOPLE
    ),
    UpdateCase(
        "insert-pattern",
        PEOPLE,
        "INSERT { ?s :is :old } WHERE { ?s :age ?a FILTER(?a > 35) }",
        f"{PEOPLE} :al :is :old .",
    ),
    UpdateCase("insert-named", D, "INSERT { GRAPH :n { ?s ?p ?o } } WHERE { ?s ?p ?o }", f"{D} :n {{ :s :p 1 }}"),
    UpdateCase(
        "insert-computed-graph",
        D,
        "INSERT { GRAPH ?g { ?s :p ?o } } WHERE { ?s :p ?o BIND(IRI(CONCAT(STR(:n), STR(?o))) AS ?g) }",
        f"{D} :n1 {{ :s :p 1 }}",
    ),
    UpdateCase(
        "insert-with", ALL, "WITH :g1 INSERT { ?s :q 9 } WHERE { ?s :p 1 }", f"{D} {G2} :g1 {{ :a :p 1 ; :q 9 }}"
    ),
    UpdateCase(
        "insert-using", ALL, "INSERT { ?s ?p ?o } USING :g1 USING :g2 WHERE { ?s ?p ?o }", f"{ALL} :a :p 1 . :b :p 2 ."
    ),
    UpdateCase(
        "insert-using-named",
        ALL,
        "INSERT { ?s ?p ?o } USING NAMED :g2 WHERE { GRAPH ?g { ?s ?p ?o } }",
        f"{ALL} :b :p 2 .",
    ),
    UpdateCase(
        "insert-blank-node-each",
        ":a :p 1 . :b :p 1 .",
        "INSERT { ?s :q _:n . _:n :r 1 } WHERE { ?s :p 1 }",
        ":a :p 1 ; :q [ :r 1 ] . :b :p 1 ; :q [ :r 1 ] .",
    ),
    UpdateCase(
        "insert-illegal-skipped", ":s :p 1, :o .", "INSERT { ?o :q 1 } WHERE { ?s :p ?o }", ":s :p 1, :o . :o :q 1 ."
    ),
    UpdateCase("insert-unbound-skipped", D, "INSERT { ?s :q ?none ; :r 1 } WHERE { ?s :p ?o }", ":s :p 1 ; :r 1 ."),
    UpdateCase("insert-no-pattern", "", "INSERT { :s :p 1 } WHERE {}", D),
    UpdateCase(
        "modify", D, "DELETE { ?s :p ?o } INSERT { ?s :p ?n } WHERE { ?s :p ?o BIND(?o + 1 AS ?n) }", ":s :p 2 ."
    ),
    UpdateCase("modify-same", D, "DELETE { ?s ?p ?o } INSERT { ?s ?p ?o } WHERE { ?s ?p ?o }", D),
    UpdateCase(
        "modify-sees-the-state-before",
        ":a :p :b .",
        "DELETE { ?x :p ?y } INSERT { ?y :p ?x } WHERE { ?x :p ?y }",
        ":b :p :a .",
    ),
    UpdateCase(
        "modify-with",
        ALL,
        "WITH :g1 DELETE { ?s ?p ?o } INSERT { ?s ?p 7 } WHERE { ?s ?p ?o }",
        f"{D} {G2} :g1 {{ :a :p 7 }}",
    ),
    UpdateCase(
        "modify-across-graphs",
        ALL,
        "DELETE { GRAPH :g1 { ?s ?p ?o } } INSERT { GRAPH :g2 { ?s ?p ?o } } WHERE { GRAPH :g1 { ?s ?p ?o } }",
        f"{D} :g2 {{ :b :p 2 . :a :p 1 }}",
    ),
    UpdateCase(
        "modify-subquery",
        PEOPLE,
        "INSERT { :all :count ?n } WHERE { SELECT (COUNT(?s) AS ?n) { ?s :name ?x } }",
        f"{PEOPLE} :all :count 3 .",
    ),
    UpdateCase(
        "modify-negation",
        PEOPLE,
        "INSERT { ?s :age 0 } WHERE { ?s :name ?n FILTER NOT EXISTS { ?s :age ?a } }",
        f"{PEOPLE} :jo :age 0 .",
    ),
    UpdateCase(
        "modify-path",
        PEOPLE,
        "INSERT { ?s :reaches ?o } WHERE { ?s :knows/:name ?o }",
        f"{PEOPLE} :jo :reaches 'Al', 'Bo' .",
    ),
    UpdateCase("modify-values", "", "INSERT { ?s :p ?o } WHERE { VALUES (?s ?o) { (:a 1) (:b UNDEF) } }", ":a :p 1 ."),
]

SEQUENCES = [
    UpdateCase(
        "sequence",
        "",
        "INSERT DATA { :s :p 1 } ; DELETE { ?s :p ?o } INSERT { ?s :p 2 } WHERE { ?s :p ?o } ;",
        ":s :p 2 .",
    ),
    UpdateCase(
        "sequence-sees-what-came-before",
        "",
        "INSERT DATA { :a :p 1 } ; INSERT { GRAPH :g { ?s ?p ?o } } WHERE { ?s ?p ?o }",
        ":a :p 1 . :g { :a :p 1 }",
    ),
    UpdateCase(
        "sequence-prefix-later",
        "",
        "PREFIX e: <https://example.org/e/> INSERT DATA { e:a :p 1 } ; "
        "PREFIX e: <https://example.org/f/> INSERT DATA { e:a :p 1 }",
        "<https://example.org/e/a> :p 1 . <https://example.org/f/a> :p 1 .",
    ),
    UpdateCase(
        "sequence-all-or-nothing", D, "DELETE WHERE { ?s ?p ?o } ; CREATE GRAPH :n ; CREATE GRAPH :n", D, 409, ()
    ),
    UpdateCase("sequence-empty", D, "", D),
    UpdateCase("sequence-prologue-only", D, "BASE <https://example.org/>", D),
    UpdateCase("sequence-fault-at-the-end", D, "CLEAR ALL ; INSERT DATA { :s :p }", D, 400),
    UpdateCase("base-of-the-text", "", "BASE <https://example.org/> INSERT DATA { <s> <p> 1 }", D),
    UpdateCase("comment-and-case", "", "insert # a comment ; with } signs\n data { :s :p 1 }", D),
    UpdateCase("no-iri-in-data", D, "INSERT DATA { <http:]//e/a> :p 1 }", D, 400),
    UpdateCase("no-iri-as-graph", D, "INSERT DATA { GRAPH <http:]//e/a> { :a :p 1 } }", D, 400),
    UpdateCase("no-iri-in-delete", D, "DELETE WHERE { ?s <http://e/%zz> ?o }", D, 400),
    UpdateCase("no-iri-cleared", D, "CLEAR SILENT GRAPH <http://e/[>", D, 400),
    UpdateCase("no-iri-with", D, "WITH <http://e/[> DELETE { ?s ?p ?o } WHERE { ?s ?p ?o }", D, 400),
    UpdateCase("no-iri-using", D, "DELETE { ?s ?p ?o } USING <http://e/[> WHERE { ?s ?p ?o }", D, 400),
    UpdateCase("service-refused", D, "INSERT { ?s :q 1 } WHERE { SERVICE <http://127.0.0.1:9/> { ?s ?p ?o } }", D, 403),
]

CASES = [*GRAPHS, *DATA, *PATTERNS, *SEQUENCES]
