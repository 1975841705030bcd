"""What SPARQL allows is let through: each construct of the language by itself."""

from __future__ import annotations

import contextlib

import pyoxigraph
import pytest

from kgraph.errors import QuerySyntaxError
from kgraph.sparql.diagnosis import refine
from kgraph.sparql.text import read_query_text
from kgraph.sparql.update import read_update_text

DECLARATIONS = "PREFIX e: <http://e/> PREFIX : <http://z/> BASE <http://b/c/d>\n"
QUERIES = r"""
SELECT * { e:a\,b e:p%20q e:x-y.z }
SELECT * { ?s a e:C ; a ?t , <rel> . }
SELECT * { ?s ?p <<( ?a ?b ?c )>> }
SELECT * { << ?a ?b ?c >> ?p ?o }
SELECT * { << ?a ?b ?c ~ ?r >> ?p ?o }
SELECT * { << ?a ?b ?c ~ >> ?p ?o }
SELECT * { << ?a ?b ?c >> }
SELECT * { << ?a ?b << ?c ?d ?e >> >> ?p ?o }
SELECT * { ?s ?p ?o {| ?q ?r |} . ?s ?p ?o ~ ?r {| ?q ?z ; ?y ?w |} }
SELECT * { ?s ?p ?o ~ e:r ~ _:b {| a e:C |} , ?o2 }
SELECT * { ?s ?p ?o ~ }
SELECT ?\u0078 { ?\u0078 e:\u0061 "\u00e5" }
SELECT * { VALUES ?x { } VALUES () { } VALUES () { () } VALUES (?a ?b) { (1 UNDEF) (<x> "y"@nn) } VALUES ?z {
    true -1 +2.5 1e3 UNDEF } }
SELECT * { VALUES ?t { <<( e:a e:b 1 )>> } }
SELECT * { ?s ?p ?o } VALUES (?s ?o) { (UNDEF 1) }
SELECT * { { SELECT ?s (COUNT(*) AS ?n) { ?s ?p ?o } GROUP BY ?s HAVING(COUNT(*) > 1) ORDER BY ?s LIMIT 1
    OFFSET 2 VALUES ?s { e:a } } }
SELECT * { { SELECT * { { SELECT * { } } } } }
SELECT * { ?s ^(e:a/e:b)* ?o ; !(^e:a|e:b) ?x ; !e:a ?y ; !^a ?z ; (e:a|^e:b/e:c)+ ?w ; e:a? ?v ; a/a ?t ; !a ?r }
SELECT * { ?s ^e:a/^e:b|(e:c)?/e:d* ?o }
SELECT * { ?s e:a?/e:b ?o . ?s (e:a)??x . ?s e:a*?x . ?s e:a+?x }
SELECT * { ?s (a|^a)/e:b ?o }
SELECT * FROM e:g FROM NAMED :h FROM <rel> { }
PREFIX service: <http://s/> SELECT ?service { ?service service:load service:service . service:x ?load "SERVICE" }
PREFIX select: <http://s/> PREFIX where: <http://s/> SELECT ?where where { select:where where:select ?where }
PREFIX e: <http://other/> SELECT * { e:a :b : }
SELECT * { : : : }
SELECT * { <> <#> <?q> . <a/../b> <//h/p> </x> . <urn:a:b> <#x> <#y> }
SELECT * { ?s ?p .5 , 1.5 , 1e3 , 1.e3 , .5e-3 , +1 , -1.0 , -1E+3 , 001 , 1 . ?s ?p 1. }
SELECT * { ?s ?p "a\"b", 'a\'b', "", '', "\t\n\r\b\f\\", "#no", "http://x"@en-GB, "d"^^e:t , "d"^^<t> }
SELECT * { ?s ?p "rtl"@ar--rtl }
SELECT (1+2*3-4/5 AS ?x) (-?y AS ?z) (!?a && ?b || ?c AS ?d) (?a=?b AS ?e) (?a IN (1,2) AS ?f) (?a NOT IN () AS
    ?g) (?x+1 AS ?h) (?x +1 AS ?i) (?x -1 AS ?j) (?x-1 AS ?k) { }
SELECT (IF(?a,?b,?c) AS ?x) (COALESCE(?a,?b) AS ?y) (COALESCE() AS ?q) (BNODE() AS ?z) (BNODE("a") AS ?w)
    (RAND() AS ?r) (UUID() AS ?u) (CONCAT() AS ?c1) (IRI("x") AS ?i) (URI("x") AS ?v) { }
SELECT (COUNT(DISTINCT *) AS ?a) (COUNT(*) AS ?b) (SUM(DISTINCT ?x) AS ?c) (GROUP_CONCAT(?x) AS ?d)
    (GROUP_CONCAT(DISTINCT ?x;SEPARATOR=", ") AS ?e) (SAMPLE(?x) AS ?f) (MIN(?x) AS ?g) (MAX(?x) AS ?h)
    (AVG(?x) AS ?i) { ?s ?p ?x }
SELECT (REGEX("a","b") AS ?x) (REGEX("a","b","i") AS ?y) (REPLACE("a","b","c") AS ?z) (REPLACE("a","b","c","i")
    AS ?w) (SUBSTR("a",1) AS ?v) (SUBSTR("a",1,2) AS ?u) { }
SELECT (STRLANG("a","nn") AS ?x) (STRDT("a",e:t) AS ?y) (SHA256("a") AS ?z) (MD5("a") AS ?m) (SHA1("a") AS ?s1)
    (SHA384("a") AS ?s3) (SHA512("a") AS ?s5) (ENCODE_FOR_URI("a") AS ?e) (YEAR(NOW()) AS ?n) (TZ(NOW()) AS ?t)
    (TIMEZONE(NOW()) AS ?tt) (LANGMATCHES("a","*") AS ?l) (sameTerm(1,1) AS ?st) (isNumeric(1) AS ?nu)
    (isTRIPLE(1) AS ?it) (TRIPLE(e:a,e:b,1) AS ?tr) (SUBJECT(?t) AS ?su) (PREDICATE(?t) AS ?pr) (OBJECT(?t) AS
    ?ob) (hasLang("a") AS ?hl) (hasLangdir("a") AS ?hd) (LANGDIR("a") AS ?ld) (STRLANGDIR("a","en","ltr") AS ?sd) {}
SELECT (<<( ?a ?b ?c )>> AS ?t) { }
SELECT * { BIND(<<( ?a e:b 1 )>> AS ?t) }
SELECT * { FILTER(<http://f>(1,?x)) FILTER e:f(1) FILTER e:f() FILTER EXISTS { ?s ?p ?o } FILTER NOT EXISTS { }
    FILTER(EXISTS{} && !EXISTS{}) FILTER bound(?x) FILTER(?a) }
SELECT * { OPTIONAL { } MINUS { } { } UNION { } UNION { } GRAPH ?g { } GRAPH e:g { ?s ?p ?o } . ?s ?p ?o .
    OPTIONAL { ?s ?p ?o FILTER(?s) } }
SELECT * { ?s ?p ?o LATERAL { ?o ?q ?r } }
SELECT * { ?s ?p ?o . FILTER(?o > 1) . ?a ?b ?c . BIND(1 AS ?z) . }
SELECT * { ?s ?p ?o ; . }
SELECT * { ?s ?p ?o ;; ?q ?r ; }
SELECT * { ?s ?p [] , [ ?q ?r ] , ( ) , ( 1 ?x [ ] ( 2 ) ) . [] ?p ?o . [ ?p ?o ] . [ ?p ?o ] ?q ?r . ( 1 ) ?p
    ?o . () ?p ?o . (1 2) . }
SELECT * { _:a ?p _:b.c , _:1 . }
SELECT DISTINCT * {}
SELECT REDUCED ?x ?y WHERE {}
SELECT * {} ORDER BY ?x ASC(?y) DESC(?z) (?x+1) STR(?x) e:f(?x) <http://www.w3.org/2001/XMLSchema#integer>(?z)
SELECT * {} LIMIT 1 OFFSET 1
SELECT * {} OFFSET 1 LIMIT 1
SELECT (COUNT(?x) AS ?n) ?y {?x ?p ?y} GROUP BY ?y (STR(?x) AS ?q) (?y) STR(?x) e:f(?y)  HAVING (?n>1)
    (COUNT(?x)<5) ORDER BY ?n
SELECT (1 AS ?x) (?x+1 AS ?y) {}
ASK {}
ASK WHERE { ?s ?p ?o } LIMIT 1
ASK FROM e:g { }
CONSTRUCT { } WHERE { }
CONSTRUCT { ?s ?p ?o . ?s ?p [ ?q (1 2) ] } WHERE { ?s ?p ?o } ORDER BY ?s LIMIT 1
CONSTRUCT WHERE { ?s ?p ?o . ?s a e:C }
CONSTRUCT FROM e:g WHERE { ?s ?p ?o } LIMIT 2
CONSTRUCT { ?s ?p ?o {| ?q 1 |} . << ?s ?p ?o >> ?q 2 . ?s ?p <<( ?s ?p ?o )>> } FROM NAMED e:g WHERE { ?s ?p ?o }
CONSTRUCT { ?s a e:C ; e:p -1 , +2.0 } WHERE { ?s ?p ?o } VALUES ?s { e:a }
DESCRIBE e:a
DESCRIBE e:a ?x <y> { ?x ?p ?o }
DESCRIBE * { ?x ?p ?o } LIMIT 1
DESCRIBE ?x FROM e:g WHERE { ?x ?p ?o } ORDER BY ?x
VERSION "1.2" SELECT * {}
SELECT*{?s?p?o}
SELECT(1 as?x){}
select distinct ?S where{graph?g{?S a?C}}
SELECT ?1 ?_a ?å ?a·b { ?1 ?_a ?å }
SELECT $x { $x $y ?x }
SELECT * { ?s e:1 e:a:b , e:_ , e:%41 , e:\~ , e:a\#b , e:a\. , e:å }
SELECT * { ?s ?p ?o } # end
SELECT * { FILTER(?a<?b) FILTER(?a>?b) FILTER(?a<=?b&&?c>=?d) FILTER(?a!=?b) FILTER(1<2) FILTER(?a<-1)
    FILTER(?a<?b&&?c>?d) FILTER(1<e:f(2)&&3>2) FILTER(true<false||false>true) }
SELECT * { FILTER(!?a) FILTER(!!?a) FILTER(- ?a) FILTER(-(?a)) FILTER(+?a) FILTER(?a*-1) FILTER(?a--1)
    FILTER(2*3-4) FILTER(1-2) FILTER(1 -2 -3 +4) }
SELECT * { FILTER(?a = "x"@nn) FILTER(?a = "2020"^^<http://www.w3.org/2001/XMLSchema#gYear>) FILTER(?x IN ("a",
    'b')) FILTER(?x not in (1)) }
SELECT (CONCAT("a", "b") as ?x) { bind("c" as ?y) filter exists { } }
SELECT (count(*) as ?c) (group_concat(?x; separator="|") as ?d) { ?x ?y ?z } group by ?y having (count(*)>0)
    order by desc(?c) limit 10 offset 0
SELECT * { ?s ?p true , false }
SELECT * { GRAPH ?g { GRAPH ?h { } } }
SELECT * { ?s <http://e/a#b> ?o . ?s <http://e/(x)> ?o }
"""
UPDATES = r"""
INSERT DATA { }
INSERT DATA { GRAPH <g> { } }
INSERT DATA { GRAPH <g> { e:a e:b e:c } GRAPH <h> { e:a e:b e:c . } . e:a e:b e:c ; a e:D , e:E ; . }
INSERT DATA { e:a e:b [ e:c ( 1 [ ] ) ] . [] a e:C . ( 1 ) e:p 2 . [ a e:C ] . _:x e:p _:y }
INSERT DATA { << e:a e:b e:c ~ e:r >> e:q 1 . e:a e:b <<( e:a e:b <<( e:c e:d 1 )>> )>> . e:a e:b e:c ~ e:r {|
    e:q 1 |} }
DELETE DATA { e:a e:b 1 , "x"@nn , true ; a e:C . GRAPH e:g { e:a e:b e:c } }
DELETE WHERE { ?s ?p ?o ; e:q ?r . GRAPH ?g { ?s ?p ?o } . ?a ?b () }
DELETE { ?s ?p ?o } WHERE { }
INSERT { ?s ?p ?o } WHERE { }
DELETE { } INSERT { } WHERE { }
DELETE { ?s ?p ?o . GRAPH ?g { ?s ?p ?o } } INSERT { ?s ?p [ ] } USING <g> USING NAMED e:h WHERE { ?s ?p ?o }
WITH <g> DELETE { ?s ?p ?o } INSERT { ?s ?p ?o } USING <x> WHERE { GRAPH <y> { ?s ?p ?o } }
with e:g delete { ?s a ?o } where { ?s a ?o }
INSERT { ?s ?p <<( ?s ?p ?o )>> . ?s ?p ?o {| e:q ?z |} } WHERE { ?s ?p ?o . BIND(1 AS ?z) }
DELETE { ?s ?p ?o } WHERE { { SELECT ?s ?p ?o { ?s ?p ?o } ORDER BY ?s LIMIT 1 } FILTER NOT EXISTS { ?s a e:C }
    VALUES ?s { e:a } }
CREATE GRAPH <g>
CREATE SILENT GRAPH e:g
DROP SILENT DEFAULT
DROP SILENT NAMED ; DROP ALL ; CLEAR SILENT GRAPH e:g ; CLEAR NAMED
COPY SILENT DEFAULT TO e:g
MOVE SILENT GRAPH e:g TO DEFAULT
ADD SILENT e:g TO GRAPH <h>
CLEAR ALL ;
CLEAR ALL; PREFIX x: <http://x/> BASE <http://y/> INSERT DATA { x:a x:b <c> } ; # the end
CLEAR ALL ; PREFIX x: <http://x/>
CLEAR ALL; BASE <z/> INSERT DATA { <a> <b> <c> }
INSERT DATA { e:select e:where e:insert } ; DELETE DATA { e:delete e:graph e:using }
INSERT { ?insert ?where ?using } WHERE { ?insert ?where ?using }
CREATE GRAPH <g>;CREATE GRAPH <h>;DROP GRAPH <g>
"""


def listed(lines: str) -> list[str]:
    """Return the texts of a list; a line that begins with spaces goes on from the one before."""
    return lines.strip().replace("\n    ", "\a    ").split("\n")


@pytest.mark.parametrize("text", listed(QUERIES))
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_construct_of_queries_is_let_through(text: str, end: str) -> None:
    """By the reader, by the grammar and by the engine."""
    text = ("" if text.startswith("VERSION") else DECLARATIONS) + text
    text = text.replace("\a", "\n").replace("\n", end)
    read = read_query_text(text)
    # Neither the grammar nor the rules beyond it find anything: what an engine may say of it is all there is.
    found = refine(text, QuerySyntaxError("query-invalid", 1, 1, reason="A reason is given"))
    assert (found.code, found.params["fault"]) == ("query-invalid", "fault-engine")
    assert found.params["words"] == "A reason is given"
    # A function that the engine does not know is no fault of the text.
    with contextlib.suppress(RuntimeError):
        pyoxigraph.Store().query(read.text)


@pytest.mark.parametrize("text", listed(UPDATES))
def test_a_construct_of_updates_is_let_through(text: str) -> None:
    """By the reader, and by the engine one operation at a time."""
    store = pyoxigraph.Store()
    for graph in ("http://e/g", "http://b/c/g", "http://b/c/h"):
        store.add_graph(pyoxigraph.NamedNode(graph))
    for step in read_update_text(DECLARATIONS + text.replace("\a", "\n")).steps:
        if step.kind == "CREATE":
            store.remove_graph(pyoxigraph.NamedNode(step.touches[0].graph or ""))
        store.update(step.text)
