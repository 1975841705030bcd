"""Every exception that kgraph raises, in one tree.

``KgraphError``
    ``LayoutError``        a layout file cannot be read
    ``PassageError``       a passage is not where it is said to be
    ``DatasetError``       the dataset's folders or files cannot be read
    ``QueryFileError``     a file of the query library breaks the grammar of its header
    ``BindingError``       a value given for a query's parameter does not fit it
    ``RuleError``          an axiom cannot be compiled into a rule, or the rules do not end
    ``NotInferredError``   a statement to be explained is neither asserted nor inferred
"""

from __future__ import annotations


class KgraphError(Exception):
    """The root of kgraph's exceptions."""


class LayoutError(KgraphError):
    """A layout file cannot be read."""


class PassageError(KgraphError):
    """A passage of a source document is not where it is said to be."""


class DatasetError(KgraphError):
    """The dataset's folders or files cannot be read."""


class QueryFileError(KgraphError):
    """A file of the query library breaks the grammar of its header; the message opens with ``file:line``."""


class BindingError(KgraphError):
    """A value given for a query's parameter does not fit it."""


class RuleError(KgraphError):
    """An axiom cannot be compiled into a rule, or the rules do not come to an end."""


class NotInferredError(KgraphError):
    """A statement to be explained is neither asserted nor inferred."""
