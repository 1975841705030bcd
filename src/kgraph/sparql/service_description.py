"""The endpoint described in RDF (SPARQL 1.1 Service Description)."""

from __future__ import annotations

from collections.abc import Mapping

from kgraph.formats import GRAPHS, RESULTS
from kgraph.vocabulary import PREFIXES

_SD, _RDF, _VOID, _XSD = (PREFIXES[prefix] for prefix in ("sd", "rdf", "void", "xsd"))
_FEATURES = ("UnionDefaultGraph", "EmptyGraphs")
_LANGUAGES = ("SPARQL10Query", "SPARQL11Query")


def describe_service(endpoint: str, graphs: Mapping[str, int], in_default: int) -> str:
    """Return the description of the endpoint at an address, in N-Triples.

    ``graphs`` maps the IRIs of the named graphs to their numbers of statements; ``in_default`` is the number
    of statements in the default graph, where each counts once.
    """
    service, dataset, default = "_:service", "_:dataset", "_:default"
    lines = [
        _line(service, _RDF + "type", _iri(_SD + "Service")),
        _line(service, _SD + "endpoint", _iri(endpoint)),
        *(_line(service, _SD + "supportedLanguage", _iri(_SD + name)) for name in _LANGUAGES),
        *(_line(service, _SD + "feature", _iri(_SD + name)) for name in _FEATURES),
        *(_line(service, _SD + "resultFormat", _iri(f.iri)) for f in (*RESULTS, *GRAPHS) if f.iri),
        _line(service, _SD + "defaultDataset", dataset),
        _line(dataset, _RDF + "type", _iri(_SD + "Dataset")),
        _line(dataset, _SD + "defaultGraph", default),
        _line(default, _RDF + "type", _iri(_SD + "Graph")),
        _line(default, _VOID + "triples", _integer(in_default)),
    ]
    for number, (name, count) in enumerate(sorted(graphs.items())):
        named, graph = f"_:named{number}", f"_:graph{number}"
        lines += [
            _line(dataset, _SD + "namedGraph", named),
            _line(named, _RDF + "type", _iri(_SD + "NamedGraph")),
            _line(named, _SD + "name", _iri(name)),
            _line(named, _SD + "graph", graph),
            _line(graph, _RDF + "type", _iri(_SD + "Graph")),
            _line(graph, _VOID + "triples", _integer(count)),
        ]
    return "".join(lines)


def _line(subject: str, predicate: str, value: str) -> str:
    return f"{subject} <{predicate}> {value} .\n"


def _iri(iri: str) -> str:
    return f"<{iri}>"


def _integer(number: int) -> str:
    return f'"{number}"^^<{_XSD}integer>'
