"""Every exception that kgraph raises, in one tree.

``KgraphError``
    ``LayoutError``        a layout file cannot be read
    ``PassageError``       a passage is not where it is said to be
"""

from __future__ import annotations


class KgraphError(Exception):
    """The root of kgraph's exceptions."""


class LayoutError(KgraphError):
    """A layout file cannot be read."""


class PassageError(KgraphError):
    """A passage of a source document is not where it is said to be."""
