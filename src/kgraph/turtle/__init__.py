"""Turtle for stewards: reading that tells every fault where it stands, and one canonical form."""

from kgraph.turtle.canonical import render_canonical
from kgraph.turtle.literals import literal_parts, literal_term
from kgraph.turtle.model import (
    LOSSLESS,
    NESTING_LIMIT,
    REMARKS,
    UNDECLARED,
    WARNINGS,
    Document,
    SyntaxRemark,
    Term,
    Triple,
    is_placeholder,
)
from kgraph.turtle.reader import read_turtle

__all__ = [
    "LOSSLESS",
    "NESTING_LIMIT",
    "REMARKS",
    "UNDECLARED",
    "WARNINGS",
    "Document",
    "SyntaxRemark",
    "Term",
    "Triple",
    "is_placeholder",
    "literal_parts",
    "literal_term",
    "read_turtle",
    "render_canonical",
]
