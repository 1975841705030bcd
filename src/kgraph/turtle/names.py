"""Writing terms as short as Turtle allows: prefixed names, numbers and booleans without quotes."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kgraph.turtle.literals import literal_parts, quote_string
from kgraph.turtle.model import RDF, XSD, Term
from kgraph.turtle.tokens import is_local_name

# Leading zeros keep their quotes, so that "01" is seen to be more than a number.
_BARE = {
    XSD + "integer": re.compile(r"[+\-]?(?:0|[1-9][0-9]*)"),
    XSD + "decimal": re.compile(r"[+\-]?(?:0|[1-9][0-9]*)\.[0-9]+"),
    XSD + "double": re.compile(r"[+\-]?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?[eE][+\-]?[0-9]+"),
    XSD + "boolean": re.compile("true|false"),
}


class Abbreviator:
    """Shortens terms by prefixes, and remembers in ``used`` which ones it needed."""

    def __init__(self, preferred: Mapping[str, str], declared: Mapping[str, str]) -> None:
        """Prefer some prefixes; ``declared`` ones serve where they name another namespace by another prefix."""
        known = set(preferred.values())
        extra = {
            prefix: namespace
            for prefix, namespace in declared.items()
            if prefix not in preferred and namespace not in known
        }
        self.used: dict[str, str] = {}
        self._namespaces: dict[str, str] = {}
        # Of two prefixes for one namespace the first in the alphabet is kept, being written last.
        for prefix, namespace in sorted((*preferred.items(), *extra.items()), reverse=True):
            self._namespaces[namespace] = prefix
        self._lengths = sorted({len(namespace) for namespace in self._namespaces if namespace}, reverse=True)
        self._names: dict[str, tuple[str, str]] = {}

    def iri(self, term: Term) -> str:
        """Return an IRI term as a prefixed name under the longest namespace that fits, else as it is."""
        found = self._names.get(term)
        if found is None:
            found = self._names[term] = self._shorten(term)
            if found[0] != term:
                self.used[found[1]] = term[1:-1].removesuffix(found[0].partition(":")[2])
        return found[0]

    def _shorten(self, term: Term) -> tuple[str, str]:
        iri = term[1:-1]
        for length in self._lengths:
            prefix = self._namespaces.get(iri[:length])
            if prefix is not None and is_local_name(iri[length:]):
                return f"{prefix}:{iri[length:]}", prefix
        return term, ""

    def term(self, term: Term) -> str:
        """Return any term as Turtle text."""
        if term.startswith("_:"):
            return term
        if term.startswith("<"):
            return "()" if term == f"<{RDF}nil>" else self.iri(term)
        lexical, language, datatype = literal_parts(term)
        if datatype in _BARE and _BARE[datatype].fullmatch(lexical):
            return lexical
        quoted = quote_string(lexical)
        if language:
            return f"{quoted}@{language}"
        return f"{quoted}^^{self.iri(f'<{datatype}>')}" if datatype else quoted
