"""The dataset described for those who look for data: its contents in VoID, its place in a catalogue in DCAT.

What is counted is counted by the queries in ``queries/catalogue``. The description for catalogues has the
properties that DCAT-AP-NO makes mandatory; a contact point only if the settings name one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from kgraph.formats import GRAPHS, JSON_LD, N_TRIPLES, RDF_XML, RESULTS, TURTLE, Format
from kgraph.languages import texts
from kgraph.query_library import load_query
from kgraph.sparql.statements import integer, iri, literal, literals, statement, statements, term
from kgraph.store.base import OUTSIDE_DEFAULT, AtRevision, Row, Store, select
from kgraph.vocabulary import BASE
from kgraph.vocabulary import GRAPHS as GRAPH_BASE

CATALOGUE = BASE + "catalogue"
DATASET = CATALOGUE + "#dataset"
SERVICE = CATALOGUE + "#service"
PUBLISHER = CATALOGUE + "#publisher"
CONTACT = CATALOGUE + "#contact"

_DUMPS = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD)
_EU = "http://publications.europa.eu/resource/authority/"
_EU_FORMATS = {TURTLE: "RDF_TURTLE", N_TRIPLES: "RDF_N_TRIPLES", RDF_XML: "RDF_XML", JSON_LD: "JSON_LD"}
_EU_LICENCES = {
    "https://creativecommons.org/licenses/by/4.0/": _EU + "licence/CC_BY_4_0",
    "https://creativecommons.org/publicdomain/zero/1.0/": _EU + "licence/CC0",
}
_EU_LANGUAGES = tuple(_EU + "language/" + code for code in ("NNO", "NOB", "ENG"))
_PROTOCOL = "https://www.w3.org/TR/sparql11-protocol/"


@dataclass(frozen=True)
class Publication:
    """Who serves the dataset, where, and under which licence its graphs stand unless they name one.

    ``address`` is that of the server, without a slash at its end; ``contact`` an e-mail address, the address of
    a page, or empty.
    """

    address: str
    publisher: str
    contact: str
    licence: str


class Catalogue:
    """What a store holds, counted once a revision by the queries of a home."""

    def __init__(self, store: Store, home: Path) -> None:
        """Read the queries of ``home``; nothing is asked yet."""
        self._store = store
        self._counted: AtRevision[Mapping[str, tuple[Row, ...]]] = AtRevision()
        self._queries = {path.stem: load_query(path).text for path in sorted((home / "queries/catalogue").glob("*.rq"))}

    def describe_void(self, publication: Publication) -> str:
        """Return the dataset's contents in N-Triples (VoID): sizes, parts, vocabularies, links, dumps."""
        document = iri(publication.address + "/.well-known/void")
        return "".join(
            (
                statements(
                    document,
                    "void:DatasetDescription",
                    [("dct:title", literals(texts("catalogue.dataset-title"))), ("foaf:primaryTopic", [iri(DATASET)])],
                ),
                self._describe_dataset(publication),
                *(self._describe_graph(name, publication) for name in sorted(self._store.graphs())),
                *self._partitions(),
                *self._linksets(),
            )
        )

    def describe_catalogue(self, publication: Publication) -> str:
        """Return catalogue, dataset and service in N-Triples (DCAT, with what DCAT-AP-NO makes mandatory)."""
        agent = statements(iri(PUBLISHER), "foaf:Agent", [("foaf:name", [literal(publication.publisher)])])
        catalogue = statements(
            iri(CATALOGUE),
            "dcat:Catalog",
            [
                *_named("catalogue-title", CATALOGUE),
                ("dct:description", literals(texts("catalogue.catalogue-description"))),
                *_held(publication),
                ("dct:language", map(iri, _EU_LANGUAGES)),
                ("foaf:homepage", [iri(publication.address + "/")]),
                ("dcat:dataset", [iri(DATASET)]),
                ("dcat:service", [iri(SERVICE)]),
            ],
        )
        return agent + _contact(publication) + catalogue + _dataset(publication) + self._access(publication)

    def _describe_dataset(self, publication: Publication) -> str:
        totals = self._counts["totals"][0]
        asserted = [name for name in self._store.graphs() if name not in OUTSIDE_DEFAULT]
        properties, classes = self._counts["properties"], self._counts["classes"]
        return statements(
            iri(DATASET),
            "void:Dataset",
            [
                ("dct:title", literals(texts("catalogue.dataset-title"))),
                ("dct:description", literals(texts("catalogue.dataset-description"))),
                ("dct:license", map(iri, sorted({self._licence(name, publication) for name in asserted}))),
                ("foaf:homepage", [iri(publication.address + "/")]),
                ("void:sparqlEndpoint", [iri(publication.address + "/sparql")]),
                ("void:uriSpace", [literal(BASE)]),
                ("void:triples", [integer(sum(_count(row, "triples") for row in properties))]),
                ("void:entities", [integer(_count(totals, "entities"))]),
                ("void:distinctSubjects", [integer(_count(totals, "subjects"))]),
                ("void:distinctObjects", [integer(_count(totals, "objects"))]),
                ("void:classes", [integer(len(classes))]),
                ("void:properties", [integer(len(properties))]),
                ("void:feature", [iri(f.iri) for f in GRAPHS if f.iri]),
                ("void:vocabulary", map(iri, self._vocabularies())),
                ("void:exampleResource", [iri(row["example"].value) for row in self._counts["example-resources"]]),
                ("void:subset", map(iri, sorted(asserted))),
                ("void:dataDump", [iri(_dump(name, f, publication)) for name in sorted(asserted) for f in _DUMPS]),
            ],
        )

    def _describe_graph(self, name: str, publication: Publication) -> str:
        return statements(
            iri(name),
            "void:Dataset",
            [
                ("void:triples", [integer(self._store.graphs()[name])]),
                ("dct:license", [iri(self._licence(name, publication))]),
                ("void:dataDump", [iri(_dump(name, f, publication)) for f in _DUMPS]),
            ],
        )

    def _partitions(self) -> Iterable[str]:
        for number, row in enumerate(self._counts["classes"]):
            part = f"_:class{number}"
            yield statement(iri(DATASET), "void:classPartition", part)
            yield statement(part, "void:class", iri(row["class"].value))
            yield statement(part, "void:entities", integer(_count(row, "entities")))
        for number, row in enumerate(self._counts["properties"]):
            part = f"_:property{number}"
            yield statement(iri(DATASET), "void:propertyPartition", part)
            yield statement(part, "void:property", iri(row["property"].value))
            yield statement(part, "void:triples", integer(_count(row, "triples")))
            yield statement(part, "void:distinctSubjects", integer(_count(row, "subjects")))
            yield statement(part, "void:distinctObjects", integer(_count(row, "objects")))

    def _linksets(self) -> Iterable[str]:
        targets = sorted({row["target"].value for row in self._counts["links"]})
        for target in targets:
            yield statements(f"_:target{targets.index(target)}", "void:Dataset", [("void:uriSpace", [literal(target)])])
        for number, row in enumerate(self._counts["links"]):
            properties = [
                ("void:subjectsTarget", [iri(DATASET)]),
                ("void:objectsTarget", [f"_:target{targets.index(row['target'].value)}"]),
                ("void:linkPredicate", [iri(row["link"].value)]),
                ("void:triples", [integer(_count(row, "triples"))]),
            ]
            yield statement(iri(DATASET), "void:subset", f"_:links{number}")
            yield statements(f"_:links{number}", "void:Linkset", properties)

    def _access(self, publication: Publication) -> str:
        service = statements(
            iri(SERVICE),
            "dcat:DataService",
            [
                *_named("service-title", SERVICE),
                *_held(publication),
                ("dcat:endpointURL", [iri(publication.address + "/sparql")]),
                ("dcat:endpointDescription", [iri(publication.address + "/sparql")]),
                ("dct:conformsTo", [iri(_PROTOCOL)]),
                ("dcat:servesDataset", [iri(DATASET)]),
                ("dcat:theme", [iri(_EU + "data-theme/SOCI")]),
                ("dcat:mediaType", [literal(f.media_type) for f in RESULTS]),
            ],
        )
        graphs = sorted(name for name in self._store.graphs() if name not in OUTSIDE_DEFAULT)
        return service + "".join(self._distribution(name, format, publication) for name in graphs for format in _DUMPS)

    def _distribution(self, name: str, format: Format, publication: Publication) -> str:
        distribution = iri(f"{CATALOGUE}#{name.removeprefix(GRAPH_BASE)}-{format.name}")
        address = iri(_dump(name, format, publication))
        licence = self._licence(name, publication)
        properties = [
            ("dct:title", [literal(f"{name.removeprefix(GRAPH_BASE)}.{format.suffix}", "en")]),
            ("dcat:accessURL", [address]),
            ("dcat:downloadURL", [address]),
            ("dct:license", [iri(_EU_LICENCES.get(licence, licence))]),
            ("dct:format", [iri(f"{_EU}file-type/{_EU_FORMATS[format]}")]),
            ("dcat:mediaType", [iri("https://www.iana.org/assignments/media-types/" + format.media_type)]),
        ]
        return statement(iri(DATASET), "dcat:distribution", distribution) + statements(
            distribution, "dcat:Distribution", properties
        )

    def _licence(self, graph: str, publication: Publication) -> str:
        named = [row["licence"].value for row in self._counts["licences"] if row["graph"].value == graph]
        return named[0] if named else publication.licence

    def _vocabularies(self) -> list[str]:
        names = [row["class"].value for row in self._counts["classes"]]
        names += [row["property"].value for row in self._counts["properties"]]
        return sorted({name[: max(name.rfind("#"), name.rfind("/")) + 1] for name in names})

    @property
    def _counts(self) -> Mapping[str, tuple[Row, ...]]:
        return self._counted.get(self._count_all, self._store.revision)

    def _count_all(self) -> Mapping[str, tuple[Row, ...]]:
        return {name: select(self._store, text) for name, text in self._queries.items()}


def _named(title: str, identifier: str) -> list[tuple[str, Iterable[str]]]:
    return [("dct:title", literals(texts("catalogue." + title))), ("dct:identifier", [literal(identifier)])]


def _held(publication: Publication) -> list[tuple[str, Iterable[str]]]:
    """Return who answers for a catalogue, a dataset or a service, and its licence."""
    held: list[tuple[str, Iterable[str]]] = [
        ("dct:publisher", [iri(PUBLISHER)]),
        ("dct:license", [iri(_EU_LICENCES.get(publication.licence, publication.licence))]),
    ]
    return [*held, ("dcat:contactPoint", [iri(CONTACT)])] if publication.contact else held


def _contact(publication: Publication) -> str:
    if not publication.contact:
        return ""
    is_page = publication.contact.startswith(("http://", "https://"))
    address = publication.contact if is_page else "mailto:" + publication.contact.removeprefix("mailto:")
    return statements(
        iri(CONTACT),
        "vcard:Kind",
        [
            ("vcard:fn", [literal(publication.publisher)]),
            ("vcard:hasURL" if is_page else "vcard:hasEmail", [iri(address)]),
        ],
    )


def _dataset(publication: Publication) -> str:
    return statements(
        iri(DATASET),
        "dcat:Dataset",
        [
            *_named("dataset-title", DATASET),
            ("dct:description", literals(texts("catalogue.dataset-description"))),
            *_held(publication),
            ("dcat:theme", [iri(_EU + "data-theme/SOCI")]),
            ("dcat:keyword", literals(texts("catalogue.keyword"))),
            ("dct:accessRights", [iri(_EU + "access-right/PUBLIC")]),
            ("dct:language", map(iri, _EU_LANGUAGES)),
            ("dct:spatial", [iri(_EU + "country/NOR")]),
            ("foaf:page", [iri(publication.address + "/.well-known/void")]),
        ],
    ) + statement(iri(DATASET), "rdf:type", term("void:Dataset"))


def _dump(graph: str, format: Format, publication: Publication) -> str:
    return f"{publication.address}/data/graph/{graph.removeprefix(GRAPH_BASE)}.{format.suffix}"


def _count(row: Row, name: str) -> int:
    return int(row[name].value)
