"""The endpoint described in RDF (SPARQL 1.1 Service Description)."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.formats import GRAPHS, N_QUADS, RESULTS, TRIG
from kgraph.sparql.statements import integer, iri, literal, statement, term
from kgraph.vocabulary import BASE, PREFIXES

PREFIX_SET = BASE + "catalogue#prefixes"
"""The resource that declares kgraph's prefixes."""

_DESCRIBED_DATASET = BASE + "catalogue#dataset"
_LANGUAGES = ("SPARQL10Query", "SPARQL11Query", "SPARQL12Query")
_INPUTS = tuple(f for f in GRAPHS if f not in (N_QUADS, TRIG))


def describe_service(
    endpoint: str,
    graphs: Mapping[str, int],
    in_default: int,
    *,
    is_union: bool = True,
    is_writable: bool = False,
    is_federated: bool = False,
) -> str:
    """Return the description of the endpoint at an address, in N-Triples.

    ``graphs`` maps the IRIs of the named graphs to their numbers of statements; ``in_default`` is the number
    of statements in the default graph, where each counts once. ``is_union`` tells that the default graph is the union
    of the others, ``is_writable`` that those who hold a token may send updates and graphs, ``is_federated`` that
    queries may call other endpoints.
    """
    service, dataset, default = "_:service", "_:dataset", "_:default"
    languages = (*_LANGUAGES, *(["SPARQL11Update"] if is_writable else []))
    federated = ["BasicFederatedQuery"] if is_federated else []
    features = (*(["UnionDefaultGraph"] if is_union else []), "EmptyGraphs", *federated)
    inputs = _INPUTS if is_writable else ()
    lines = [
        statement(service, "rdf:type", term("sd:Service")),
        statement(service, "sd:endpoint", iri(endpoint)),
        statement(service, "sd:supportedLanguage", *(term("sd:" + name) for name in languages)),
        statement(service, "sd:feature", *(term("sd:" + name) for name in features)),
        statement(service, "sd:resultFormat", *(iri(f.iri) for f in (*RESULTS, *GRAPHS) if f.iri)),
        statement(service, "sd:inputFormat", *(iri(f.iri) for f in inputs if f.iri)),
        statement(service, "rdfs:seeAlso", iri(endpoint.removesuffix("/sparql") + "/.well-known/void")),
        statement(service, "sh:prefixes", iri(PREFIX_SET)),
        statement(service, "sd:defaultDataset", dataset),
        statement(dataset, "rdf:type", term("sd:Dataset")),
        statement(dataset, "rdfs:seeAlso", iri(_DESCRIBED_DATASET)),
        statement(dataset, "sd:defaultGraph", default),
        statement(default, "rdf:type", term("sd:Graph")),
        statement(default, "void:triples", integer(in_default)),
    ]
    for number, (name, count) in enumerate(sorted(graphs.items())):
        named, graph = f"_:named{number}", f"_:graph{number}"
        lines += [
            statement(dataset, "sd:namedGraph", named),
            statement(named, "rdf:type", term("sd:NamedGraph")),
            statement(named, "sd:name", iri(name)),
            statement(named, "sd:graph", graph),
            statement(graph, "rdf:type", term("sd:Graph")),
            statement(graph, "void:triples", integer(count)),
        ]
    return "".join(lines) + describe_prefixes()


def describe_prefixes() -> str:
    """Return the declarations of kgraph's prefixes in N-Triples (SHACL, section 5.2.1)."""
    lines = []
    for prefix, namespace in sorted(PREFIXES.items()):
        declaration = "_:prefix-" + prefix
        lines += [
            statement(iri(PREFIX_SET), "sh:declare", declaration),
            statement(declaration, "sh:prefix", literal(prefix)),
            statement(declaration, "sh:namespace", f"{literal(namespace)}^^{term('xsd:anyURI')}"),
        ]
    return "".join(lines)
