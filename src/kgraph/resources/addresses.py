"""Where IRIs of kgraph's own are answered for, and how IRIs are written short."""

from __future__ import annotations

import re

from kgraph.vocabulary import BASE, GRAPHS, PREFIXES, SHAPES, TERMS

_PATH = re.compile(r"[^\x00-\x20<>\"{}|^`\\]+")

_WHOLE_GRAPHS = {"ont": GRAPHS + "ontology", "shapes": GRAPHS + "shapes"}


def path_of(iri: str) -> str | None:
    """Return the path, without a leading slash, under which a server answers for an IRI of kgraph's."""
    if iri.startswith(TERMS):
        return "ont/" + iri.removeprefix(TERMS)
    if iri.startswith(SHAPES):
        return "shapes/" + iri.removeprefix(SHAPES)
    return iri.removeprefix(BASE) if iri.startswith(BASE) else None


def iri_of(path: str) -> str | None:
    """Return the IRI that a path (without a leading slash) stands for, ``None`` if it cannot be part of one."""
    if not _PATH.fullmatch(path):
        return None
    if path.startswith("ont/"):
        return TERMS + path.removeprefix("ont/")
    if path.startswith("shapes/"):
        return SHAPES + path.removeprefix("shapes/")
    return BASE + path


def graph_of(path: str) -> str | None:
    """Return the IRI of the graph that a path stands for as a whole, ``None`` if it stands for a resource."""
    if path in _WHOLE_GRAPHS:
        return _WHOLE_GRAPHS[path]
    return GRAPHS + path.removeprefix("graph/") if path.startswith("graph/") else None


def href_of(iri: str) -> str:
    """Return where a page links to for an IRI: this server's page for kgraph's own, else the address itself."""
    path = path_of(iri)
    if path is not None:
        return "/page/" + path
    return iri if iri.startswith(("http://", "https://")) else ""


def shorten(iri: str) -> str:
    """Return an IRI with one of kgraph's prefixes if that leaves a plain local name, else the IRI."""
    for prefix, namespace in PREFIXES.items():
        local = iri.removeprefix(namespace)
        if local != iri and local and "/" not in local and "#" not in local:
            return f"{prefix}:{local}"
    return iri
