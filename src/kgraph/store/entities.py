"""The entities of a document in RDF/XML, looked at before a parser multiplies them (XML 1.0, section 4.2).

Entities that stand for namespaces are common in ontologies; those that hold others can make a short document as large
as memory allows.
"""

from __future__ import annotations

import re

from kgraph.errors import RequestError

_LONGEST = 500
_ENTITY = re.compile(rb"<!ENTITY\s+(?:%\s*)?[^\s>]+\s+(?:\"([^\"]*)\"|'([^']*)')?")
_REFERENCE = re.compile(rb"&(?!#|(?:amp|lt|gt|quot|apos);)|%")


def check_entities(body: bytes) -> None:
    """Refuse a document that declares an entity of entities, a long one, or one whose text lies elsewhere.

    Raises :class:`kgraph.errors.RequestError` (400) with the place.
    """
    for declared in _ENTITY.finditer(body):
        value = declared[1] if declared[1] is not None else declared[2]
        if value is None or len(value) > _LONGEST or _REFERENCE.search(value):
            before = body[: declared.start()]
            line, column = before.count(b"\n") + 1, len(before) - before.rfind(b"\n")
            raise RequestError("body-unreadable", 400, fault="fault-entity", limit=_LONGEST, line=line, column=column)
