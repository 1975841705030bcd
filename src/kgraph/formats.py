"""The media types that kgraph answers in, and the choice between them (RFC 9110, section 12).

SPARQL results come as JSON, XML, CSV or TSV; graphs as Turtle, N-Triples, N-Quads, TriG, RDF/XML or
JSON-LD. An answer always carries a format's own media type, also when it was asked for by an alias.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Format:
    """One representation: a short name, its media type, the aliases it also answers to, a file suffix.

    ``iri`` is the name the W3C gives the format (used in service descriptions); ``other_names`` are short names
    under which clients know it; ``profile`` names a form of the media type (RFC 6906).
    """

    name: str
    media_type: str
    suffix: str
    aliases: tuple[str, ...] = ()
    iri: str | None = None
    other_names: tuple[str, ...] = ()
    profile: str = ""

    @property
    def content_type(self) -> str:
        """The value of ``Content-Type``: the media type, for text with its character encoding, and the profile."""
        if self.profile:
            return f'{self.media_type};profile="{self.profile}"'
        return f"{self.media_type}; charset=utf-8" if self.media_type.startswith("text/") else self.media_type

    @property
    def media_types(self) -> tuple[str, ...]:
        """The media type, then the aliases."""
        return (self.media_type, *self.aliases)


_W3C = "http://www.w3.org/ns/formats/"

JSON_RESULTS = Format(
    "json", "application/sparql-results+json", "json", ("application/json",), _W3C + "SPARQL_Results_JSON"
)
XML_RESULTS = Format(
    "xml", "application/sparql-results+xml", "xml", ("application/xml", "text/xml"), _W3C + "SPARQL_Results_XML"
)
CSV = Format("csv", "text/csv", "csv", (), _W3C + "SPARQL_Results_CSV")
TSV = Format("tsv", "text/tab-separated-values", "tsv", (), _W3C + "SPARQL_Results_TSV")

TURTLE = Format(
    "turtle", "text/turtle", "ttl", ("application/x-turtle", "application/turtle"), _W3C + "Turtle", ("n3",)
)
N_TRIPLES = Format("n-triples", "application/n-triples", "nt", ("text/plain",), _W3C + "N-Triples")
RDF_XML = Format(
    "rdf-xml", "application/rdf+xml", "rdf", ("application/xml", "text/xml"), _W3C + "RDF_XML", ("rdf+xml", "xml")
)
JSON_LD = Format("json-ld", "application/ld+json", "jsonld", ("application/json",), _W3C + "JSON-LD", ("json",))
JSON_LD_EXPANDED = Format(
    "json-ld-expanded", "application/ld+json", "jsonld", profile="http://www.w3.org/ns/json-ld#expanded"
)
"""JSON-LD without context and prefixed names, for clients that ask for it; :data:`JSON_LD` is compact."""

N_QUADS = Format("n-quads", "application/n-quads", "nq", ("text/x-nquads",), _W3C + "N-Quads")
TRIG = Format("trig", "application/trig", "trig", ("application/x-trig",), _W3C + "TriG")

HTML = Format("html", "text/html", "html", ("application/xhtml+xml",))
PROBLEM = Format("problem", "application/problem+json", "json", ("application/json",))
PLAIN = Format("text", "text/plain", "txt")
JSON = Format("json", "application/json", "json")
SARIF = Format("sarif", "application/sarif+json", "sarif")
PATCH = Format("rdf-patch", "application/rdf-patch", "rdfp", ("text/rdf-patch",))

RESULTS: tuple[Format, ...] = (JSON_RESULTS, XML_RESULTS, CSV, TSV)
"""The formats of SELECT and ASK, the default first."""

GRAPHS: tuple[Format, ...] = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD, N_QUADS, TRIG)
"""The formats of CONSTRUCT, DESCRIBE and of resources, the default first."""

ONE_GRAPH: tuple[Format, ...] = (TURTLE, N_TRIPLES, RDF_XML, JSON_LD)
"""The formats in which a single graph is told: descriptions, reports, and bodies that are sent."""

_RANGE = re.compile(r"\s*(?P<type>[\w!#$&^.+*-]+)/(?P<subtype>[\w!#$&^.+*-]+)\s*(?P<parameters>(;.*)?)", re.ASCII)
_WEIGHT = re.compile(r";\s*q\s*=\s*(?P<q>0?\.\d+|0\.?|1(\.0*)?)\s*(;|$)", re.ASCII | re.IGNORECASE)
_EXPANDED = re.compile(
    rf'application/ld\+json\s*;[^,]*\bprofile\s*=\s*"[^"]*(?<=["\s]){re.escape(JSON_LD_EXPANDED.profile)}[\s"]',
    re.IGNORECASE,
)
_EVERYTHING = {("*", "*"): 1.0}


def read_accept(header: str | None) -> dict[tuple[str, str], float]:
    """Read an ``Accept`` header into media ranges (type, subtype) and their weights.

    Parameters other than ``q`` are ignored, and so are ranges that are not well formed. No header, an
    empty one and one without a single readable range all mean ``*/*``.
    """
    ranges: dict[tuple[str, str], float] = {}
    for item in (header or "").split(","):
        match = _RANGE.fullmatch(item)
        if not match or (match["type"] == "*" and match["subtype"] != "*"):
            continue
        weight = _WEIGHT.search(match["parameters"])
        key = (match["type"].lower(), match["subtype"].lower())
        ranges[key] = max(ranges.get(key, 0.0), float(weight["q"]) if weight else 1.0)
    return ranges or dict(_EVERYTHING)


def negotiate(accept: str | None, offered: Sequence[Format]) -> Format | None:
    """Return the offered format that a client likes best, or ``None`` if it accepts none of them.

    The weight of a format is that of the most specific range that names it: its own media type, then an
    alias, then ``type/*``, then ``*/*``. Between equal weights the more specific range wins, then the
    order of ``offered``.
    """
    ranges = read_accept(accept)
    best: tuple[float, int] = (0.0, -1)
    chosen: Format | None = None
    for candidate in offered:
        rank = _rank(candidate, ranges)
        if rank[0] > 0 and rank > best:
            best, chosen = rank, candidate
    return chosen


def in_profile(chosen: Format, accept: str | None) -> Format:
    """Return the form of a format that ``Accept`` asks for by a profile, else the format itself."""
    return JSON_LD_EXPANDED if chosen is JSON_LD and accept and _EXPANDED.search(accept) else chosen


def by_suffix(suffix: str, offered: Iterable[Format]) -> Format | None:
    """Return the offered format with that file suffix (without its dot), or ``None``."""
    return next((candidate for candidate in offered if candidate.suffix == suffix), None)


def by_name(name: str, offered: Iterable[Format]) -> Format | None:
    """Return the offered format of that short name, media type or suffix, or ``None``.

    Of several names, separated by commas, the first that is offered counts.
    """
    formats = tuple(offered)
    for wanted in (item.strip().lower() for item in name.split(",")):
        for candidate in formats:
            if wanted in (candidate.name, candidate.suffix, *candidate.media_types, *candidate.other_names):
                return candidate
    return None


def media_type_of(content_type: str | None) -> str:
    """Return the bare media type of a ``Content-Type`` header, lower-cased; empty if there is none."""
    return (content_type or "").split(";", 1)[0].strip().lower()


def charset_of(content_type: str | None) -> str | None:
    """Return the encoding that a ``Content-Type`` header names, lower-cased; ``None`` if it names none."""
    for parameter in (content_type or "").split(";")[1:]:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "charset":
            return value.strip().strip('"').lower()
    return None


def _rank(candidate: Format, ranges: dict[tuple[str, str], float]) -> tuple[float, int]:
    """Return weight and specificity (3 own type, 2 alias, 1 ``type/*``, 0 ``*/*``) of a format."""
    own, *aliases = ((kind, sub) for kind, _, sub in (media.partition("/") for media in candidate.media_types))
    if own in ranges:
        return ranges[own], 3
    named = [ranges[alias] for alias in aliases if alias in ranges]
    if named:
        return max(named), 2
    if (own[0], "*") in ranges:
        return ranges[own[0], "*"], 1
    return ranges.get(("*", "*"), 0.0), 0
