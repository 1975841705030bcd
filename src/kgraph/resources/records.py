"""What a page tells about a resource: frozen records, their texts chosen for one language."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Text:
    """A text and its language; ``None`` for names and for what has no language."""

    text: str
    language: str | None = None


@dataclass(frozen=True)
class Link:
    """A resource that a page points to: its IRI, the path or address to follow, and its name."""

    iri: str
    href: str
    label: Text


@dataclass(frozen=True)
class Value:
    """One value of a property: a text, with a link if it is a resource and a datatype if it is typed."""

    text: Text
    link: Link | None = None
    datatype: str | None = None


@dataclass(frozen=True)
class Property:
    """A property with its values in order; ``definition`` says what it means."""

    link: Link
    definition: str
    values: tuple[Value, ...]


@dataclass(frozen=True)
class Passage:
    """A place in a source: the document, and page, section, figure, table and footnote as far as given.

    ``spans`` are offsets into the normalised text of the document.
    """

    locator: Link
    document: Link
    page: str
    section: str
    figure: str
    table: str
    footnote: str
    spans: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class Evidence:
    """An evidence line: which way it points, how it was verified, its study, the study's documents, the passages."""

    line: Link
    direction: Link | None
    verification: Link | None
    study: Link | None
    documents: tuple[Link, ...]
    passages: tuple[Passage, ...]


@dataclass(frozen=True)
class Author:
    """One author in the order of the work: the name as credited and the person or body."""

    position: int
    name: str
    agent: Link


@dataclass(frozen=True)
class Share:
    """What share of those asked use a measure.

    ``percent`` is empty where no share is printed, and then ``status`` says so; ``printed`` is the figure as
    the source has it.
    """

    observation: Link
    table: Link | None
    percent: str
    printed: str
    status: str


@dataclass(frozen=True)
class Figure:
    """One figure of a table as it is printed, with its unit; ``status`` tells why nothing is printed."""

    observation: Link
    printed: str
    unit: Link | None
    status: str


@dataclass(frozen=True)
class MeasureRow:
    """A measure with its types, or with its projects."""

    measure: Link
    others: tuple[Link, ...]


@dataclass(frozen=True)
class Incoming:
    """Resources that refer to this one by one property."""

    property: Link
    sources: tuple[Link, ...]


@dataclass(frozen=True)
class View:
    """All that a page about one resource tells.

    ``kinds`` are its classes, the most telling first; ``subtitle`` is the full title of a work; ``instances``
    are the resources of a class and of its subclasses. What is not told is empty.
    """

    iri: str
    path: str
    title: Text
    subtitle: Text | None = None
    kinds: tuple[Link, ...] = ()
    statement: Text | None = None
    definition: Text | None = None
    properties: tuple[Property, ...] = ()
    evidence: tuple[Evidence, ...] = ()
    passages: tuple[Passage, ...] = ()
    authors: tuple[Author, ...] = ()
    claims: tuple[Link, ...] = ()
    works: tuple[Link, ...] = ()
    instances: tuple[Link, ...] = ()
    shares: tuple[Share, ...] = ()
    figures: tuple[Figure, ...] = ()
    measures: tuple[MeasureRow, ...] = ()
    projects: tuple[Link, ...] = ()
    incoming: tuple[Incoming, ...] = ()


@dataclass(frozen=True)
class ClassCount:
    """A class of the ontology and the number of its resources."""

    link: Link
    definition: str
    count: int
