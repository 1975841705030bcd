"""The IRIs kgraph speaks of: namespaces, graphs and the prefixes that every file uses."""

from __future__ import annotations

BASE = "https://w3id.org/inkludering/"
ONTOLOGY = BASE + "ont"
TERMS = ONTOLOGY + "#"
SHAPES = BASE + "shapes#"
RESOURCES = BASE + "id/"
CONCEPTS = BASE + "vocab/"
GRAPHS = BASE + "graph/"

_RESOURCE_KINDS = {
    "doc": "document",
    "study": "study",
    "person": "person",
    "org": "organisation",
    "authorship": "authorship",
    "finding": "finding",
    "success": "success-factor",
    "challenge": "challenge",
    "explanation": "explanation",
    "line": "evidence-line",
    "loc": "locator",
    "span": "span",
    "project": "project",
    "measure": "measure",
    "model": "model",
    "strategy": "settlement-strategy",
    "service": "public-service",
    "goal": "goal",
    "award": "award",
    "grant": "award-grant",
    "municipality": "municipality",
    "county": "county",
    "region": "region",
    "country": "country",
    "unit": "administrative-unit",
    "period": "period",
    "table": "statistical-table",
    "obs": "observation",
    "structure": "data-structure",
    "gap": "knowledge-gap",
    "question": "research-question",
    "definition": "definition",
    "erratum": "erratum",
}

_SCHEMES = {
    "mt": "measure-type",
    "factor": "factor",
    "topic": "topic",
    "outcome": "outcome",
    "group": "population-group",
    "design": "study-design",
    "modality": "claim-modality",
    "qualifier": "qualifier",
    "relation": "relation",
    "direction": "evidence-direction",
    "effect": "effect-direction",
    "verification": "verification-status",
    "erratumkind": "erratum-kind",
    "pubstatus": "publication-status",
    "role": "authorship-role",
    "orgtype": "organisation-type",
    "unitof": "unit-of-measure",
    "obsstatus": "observation-status",
    "sizeclass": "size-class",
    "centrality": "centrality",
}

PREFIXES: dict[str, str] = {
    "ink": TERMS,
    "inksh": SHAPES,
    "graph": GRAPHS,
    **{prefix: RESOURCES + kind + "/" for prefix, kind in _RESOURCE_KINDS.items()},
    **{prefix: CONCEPTS + scheme + "/" for prefix, scheme in _SCHEMES.items()},
    "scheme": CONCEPTS,
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "rdfs": "http://www.w3.org/2000/01/rdf-schema#",
    "owl": "http://www.w3.org/2002/07/owl#",
    "xsd": "http://www.w3.org/2001/XMLSchema#",
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "dct": "http://purl.org/dc/terms/",
    "sh": "http://www.w3.org/ns/shacl#",
    "prov": "http://www.w3.org/ns/prov#",
    "qb": "http://purl.org/linked-data/cube#",
    "sdmx-dimension": "http://purl.org/linked-data/sdmx/2009/dimension#",
    "sdmx-attribute": "http://purl.org/linked-data/sdmx/2009/attribute#",
    "dcat": "http://www.w3.org/ns/dcat#",
    "void": "http://rdfs.org/ns/void#",
    "sd": "http://www.w3.org/ns/sparql-service-description#",
    "foaf": "http://xmlns.com/foaf/0.1/",
    "schema": "https://schema.org/",
    "geo": "http://www.opengis.net/ont/geosparql#",
    "eli": "http://data.europa.eu/eli/ontology#",
    "org-ont": "http://www.w3.org/ns/org#",
    "cito": "http://purl.org/spar/cito/",
    "fabio": "http://purl.org/spar/fabio/",
    "oa": "http://www.w3.org/ns/oa#",
    "vann": "http://purl.org/vocab/vann/",
    "wd": "http://www.wikidata.org/entity/",
    "disco": "http://rdf-vocabulary.ddialliance.org/discovery#",
    "sepio": "http://purl.obolibrary.org/obo/SEPIO_",
    "cpsv": "http://purl.org/vocab/cpsv#",
    "m8g": "http://data.europa.eu/m8g/",
    "time": "http://www.w3.org/2006/time#",
}
"""Prefix to namespace, as queries, records and pages abbreviate them."""
