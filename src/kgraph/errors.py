"""Every exception that kgraph raises, in one tree.

``KgraphError``
    ``LayoutError``        a layout file cannot be read
    ``PassageError``       a passage is not where it is said to be
    ``SourceTextError``    the text of a source document cannot be read
    ``UnknownClassError``  no record is of the class that was asked for
    ``DatasetError``       the dataset's folders or files cannot be read
    ``QueryFileError``     a file of the query library breaks the grammar of its header
    ``BindingError``       a value given for a query's parameter does not fit it
    ``RuleError``          an axiom cannot be compiled into a rule, or the rules do not end
    ``NotInferredError``   a statement to be explained is neither asserted nor inferred
    ``SettingError``       a setting's value does not fit it
    ``RequestError``       a request breaks a rule of the protocol or asks for what is refused
        ``QuerySyntaxError``   the text of a query breaks the grammar
        ``ServiceCallError``   another endpoint that a query calls gives no answer that can be used
    ``StoreError``         a query that was understood has no answer
        ``QueryTimeoutError``  it took longer than it may
        ``QueryMemoryError``   it wanted more memory than it may have
        ``AnswerTooLargeError`` its answer is longer than it may be
        ``AnswerUnfitError``   the format has no place for what its answer says
        ``QueryFailedError``   the engine gave it up
        ``StoreBusyError``     too many queries wait already
        ``ChangeTimeoutError`` a change took longer than it may
        ``ChangeMemoryError``  a change wanted more memory than it may have
        ``DiskFullError``      a change finds no room on the disk
        ``JournalError``       the journal of changes is damaged
    ``StateError``         a state directory is in use, or cannot be read or written
    ``ChangeRefusedError`` a change breaks rules that the data keep
    ``PreconditionError``  a graph is not in the state that a request expects
    ``FormatError``        a record cannot be brought to canonical form without losing something
    ``ShapeError``         a shape lacks its code, severity or wording
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from kgraph.report import Report


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


class SettingError(KgraphError):
    """A setting's value does not fit it; the message names the variable or option."""


class RequestError(KgraphError):
    """A request breaks a rule of the protocol or asks for what is refused.

    ``code`` is the stable name of the problem, ``status`` the HTTP status it is answered with, ``params``
    what the wording of the problem tells, ``headers`` what the answer carries besides.
    """

    def __init__(
        self, code: str, status: int = 400, *, headers: Mapping[str, str] | None = None, **params: str | int
    ) -> None:
        super().__init__(code)
        self.code = code
        self.status = status
        self.params: dict[str, str | int] = dict(params)
        self.headers = dict(headers or {})


class QuerySyntaxError(RequestError):
    """The text of a query breaks the grammar at ``line`` and ``column`` (both from 1, of the first character)."""

    def __init__(
        self, code: str, line: int, column: int, *, length: int = 1, expected: tuple[str, ...] = (), **params: str
    ) -> None:
        super().__init__(code, 400)
        self.params.update(params)
        self.line = line
        self.column = column
        self.length = length
        self.expected = expected


class ServiceCallError(RequestError):
    """Another endpoint that a query calls with SERVICE gives no answer that can be used, or must not be called.

    ``is_failure`` tells that the fault lies with the other endpoint or the way to it, which SERVICE SILENT passes over;
    otherwise a rule of this server is broken.
    """

    def __init__(self, code: str, status: int, *, is_failure: bool = False, **params: str | int) -> None:
        super().__init__(code, status, headers=None, **params)
        self.is_failure = is_failure


class StoreError(KgraphError):
    """A query that was understood has no answer."""


class QueryTimeoutError(StoreError):
    """A query took longer than it may."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"stopped after {seconds:g} s")
        self.seconds = seconds


class QueryMemoryError(StoreError):
    """A query wanted more memory than it may have; ``mebibytes`` is how much that is, 0 where it is not known."""

    def __init__(self, mebibytes: int = 0) -> None:
        super().__init__(f"more than {mebibytes} MiB")
        self.mebibytes = mebibytes


class AnswerTooLargeError(StoreError):
    """The answer to a query is longer than it may be; ``limit`` is in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"more than {limit} bytes")
        self.limit = limit


class AnswerUnfitError(StoreError):
    """The format that was asked for has no place for the answer; ``offered`` are the media types that have."""

    def __init__(self, offered: str) -> None:
        super().__init__(f"the answer exists as {offered}")
        self.offered = offered


class QueryFailedError(StoreError):
    """The engine gave a query up, or the process that answered it died."""


class StoreBusyError(StoreError):
    """Too many queries wait already."""


class ChangeTimeoutError(StoreError):
    """A change took longer than it may; nothing of it was kept."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"stopped after {seconds:g} s")
        self.seconds = seconds


class ChangeMemoryError(StoreError):
    """A change wanted more memory than it may have; nothing of it was kept; ``mebibytes`` is how much that is."""

    def __init__(self, mebibytes: int) -> None:
        super().__init__(f"more than {mebibytes} MiB")
        self.mebibytes = mebibytes


class DiskFullError(StoreError):
    """A change finds no room on the disk; nothing of it was kept."""


class JournalError(StoreError):
    """The journal of changes is damaged; the message names the file, the entry and the place in it."""


class StateError(KgraphError):
    """A state directory is in use by another process, or cannot be read or written; the message names it."""


class ChangeRefusedError(KgraphError):
    """A change breaks rules that the data keep; ``report`` holds the remarks (:class:`kgraph.report.Report`)."""

    def __init__(self, report: Report) -> None:
        super().__init__("the change breaks rules that the data keep")
        self.report = report


class PreconditionError(KgraphError):
    """A graph is not in the state that a request expects; ``graph`` is its IRI, empty for the unnamed graph."""

    def __init__(self, graph: str) -> None:
        super().__init__(graph)
        self.graph = graph


class SourceTextError(KgraphError):
    """The text of a source document cannot be read."""


class FormatError(KgraphError):
    """A record cannot be brought to canonical form without losing something; ``line`` says where the cause is."""

    def __init__(self, message: str, line: int) -> None:
        """Keep the message, which names the line and the cure, and the line."""
        super().__init__(message)
        self.line = line


class UnknownClassError(KgraphError):
    """No record is of the class that was asked for; ``known`` holds the names of those that records are of."""

    def __init__(self, name: str, known: list[str]) -> None:
        super().__init__(f"{name}: not a class of records; known are {', '.join(known)}")
        self.name = name
        self.known = known


class ShapeError(KgraphError):
    """A shape lacks what every rule must have: a code, a severity and wording in each language."""
