"""One request to the endpoint, read by the rules of the SPARQL 1.1 Protocol (sections 2.1 to 2.2)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import parse_qsl

from kgraph.errors import RequestError
from kgraph.formats import charset_of, media_type_of
from kgraph.turtle.iris import is_well_formed

METHODS = ("GET", "HEAD", "POST", "QUERY", "OPTIONS")
"""The methods of the endpoint, as its ``Allow`` header lists them."""

_SAFE = ("GET", "HEAD", "QUERY")
QUERY_TYPE = "application/sparql-query"
UPDATE_TYPE = "application/sparql-update"
FORM_TYPE = "application/x-www-form-urlencoded"
ACCEPT_POST = ", ".join((QUERY_TYPE, FORM_TYPE, UPDATE_TYPE))
ACCEPT_QUERY = ", ".join((QUERY_TYPE, FORM_TYPE))
"""What the body of a QUERY may be (RFC 10008, section 3)."""

_SINGLE = ("query", "update", "timeout", "lang", "dry-run")
_OF_QUERIES = ("default-graph-uri", "named-graph-uri")
_OF_UPDATES = ("using-graph-uri", "using-named-graph-uri")
_TRUTH = {"true": True, "false": False}
_MAX_PARAMETERS = 1000


@dataclass(frozen=True)
class QueryOperation:
    """A query as it was sent, with the graphs that the protocol's parameters name.

    ``default_graphs`` and ``named_graphs`` replace the dataset of the text; both are ``None`` if the
    request names none. ``timeout`` is in seconds; ``format`` holds the short names or media
    types, separated by commas, that a link asks for in place of ``Accept``; the first that fits counts.
    """

    text: str
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    timeout: float | None = None
    format: str | None = None


@dataclass(frozen=True)
class UpdateOperation:
    """An update as it was sent, with the graphs in which its WHERE is matched.

    ``default_graphs`` and ``named_graphs`` are those of ``using-graph-uri`` and ``using-named-graph-uri``; both are
    ``None`` if the request names none. ``timeout`` and ``format`` are as for queries; with ``dry_run`` nothing is to
    be kept of what the update does.
    """

    text: str
    default_graphs: tuple[str, ...] | None = None
    named_graphs: tuple[str, ...] | None = None
    timeout: float | None = None
    dry_run: bool = False
    format: str | None = None


@dataclass(frozen=True)
class DescriptionOperation:
    """A request without a query: for the service description, or for the page on which queries are written."""

    format: str | None = None


Operation = QueryOperation | UpdateOperation | DescriptionOperation


def is_update(method: str, headers: Mapping[str, str]) -> bool:
    """Tell whether a request says by its type, before its body is read, that it is an update."""
    return method == "POST" and media_type_of(headers.get("content-type")) == UPDATE_TYPE


def read_request(method: str, query_string: bytes, headers: Mapping[str, str], body: bytes = b"") -> Operation:
    """Read a request into the operation it asks for.

    ``headers`` are keyed by lower-case names. Each text is decoded once: percent-encoding first, then
    UTF-8. Raises :class:`kgraph.errors.RequestError` naming the rule that is broken.
    """
    parameters = _read_parameters(query_string)
    kind = media_type_of(headers.get("content-type"))
    if method == "QUERY" and kind == FORM_TYPE:
        parameters = _merge(parameters, _read_parameters(body))
    if method in _SAFE and "update" in parameters:
        raise RequestError("update-by-get", 405, headers={"Allow": ", ".join(METHODS)}, method=method)
    if method in ("GET", "HEAD"):
        return _query(parameters)
    if method not in ("POST", "QUERY"):
        raise RequestError("method-not-allowed", 405, headers={"Allow": ", ".join(METHODS)}, method=method)
    if kind == FORM_TYPE:
        return _form(parameters if method == "QUERY" else _merge(parameters, _read_parameters(body)))
    check_body_type(method, headers)
    if kind == QUERY_TYPE:
        if "update" in parameters:
            raise RequestError("query-and-update")
        return _query(_merge(parameters, {"query": [_decode(body)]}))
    if "query" in parameters:
        raise RequestError("query-and-update")
    return _update(_merge(parameters, {"update": [_decode(body)]}))


def check_body_type(method: str, headers: Mapping[str, str]) -> None:
    """Refuse what the body of a POST or QUERY request cannot be read as, which is known before it comes.

    Raises :class:`kgraph.errors.RequestError` (415).
    """
    kind = media_type_of(headers.get("content-type"))
    if kind == FORM_TYPE:
        return
    told = {"Accept-Post": ACCEPT_POST, "Accept-Query": ACCEPT_QUERY}
    check_charset(headers.get("content-type"), told)
    if kind == QUERY_TYPE or (kind == UPDATE_TYPE and method == "POST"):
        return
    accepted = ACCEPT_POST if method == "POST" else ACCEPT_QUERY
    raise RequestError("unsupported-media-type", 415, headers=told, found=kind or "-", accepted=accepted)


def _form(parameters: dict[str, list[str]]) -> Operation:
    if "update" in parameters:
        if "query" in parameters:
            raise RequestError("query-and-update")
        return _update(parameters)
    if "query" not in parameters:
        raise RequestError("missing-query")
    return _query(parameters)


def _query(parameters: dict[str, list[str]]) -> Operation:
    link_format = _read_format(parameters)
    if "query" not in parameters:
        return DescriptionOperation(link_format)
    _check_place(parameters, _OF_UPDATES, "query")
    default, named = _graphs(parameters, _OF_QUERIES)
    timeout = read_timeout(parameters.get("timeout", [None])[0])
    return QueryOperation(parameters["query"][0], default, named, timeout, link_format)


def _update(parameters: dict[str, list[str]]) -> UpdateOperation:
    _check_place(parameters, _OF_QUERIES, "update")
    default, named = _graphs(parameters, _OF_UPDATES)
    dry_run = parameters.get("dry-run", ["false"])[0]
    if dry_run not in _TRUTH:
        raise RequestError("bad-parameter", 400, name="dry-run", found=dry_run)
    return UpdateOperation(
        parameters["update"][0],
        default,
        named,
        read_timeout(parameters.get("timeout", [None])[0]),
        _TRUTH[dry_run],
        _read_format(parameters),
    )


def _graphs(
    parameters: dict[str, list[str]], names: tuple[str, str]
) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
    """Return the graphs that two parameters name, or two ``None`` if neither is given.

    A parameter without a value, as forms send it, is none. Raises :class:`kgraph.errors.RequestError` for what is no
    absolute IRI.
    """
    default, named = (tuple(value for value in parameters.get(name, ()) if value) for name in names)
    for name, graphs in zip(names, (default, named), strict=True):
        for graph in graphs:
            if not is_well_formed(graph):
                raise RequestError("bad-parameter", 400, name=name, found=graph)
    return (default, named) if default or named else (None, None)


def _check_place(parameters: dict[str, list[str]], names: tuple[str, str], kind: str) -> None:
    """Refuse the parameters of a query in an update, and those of an update in a query."""
    for name in names:
        if name in parameters:
            raise RequestError("misplaced-parameter", 400, name=name, kind=kind)


def _merge(one: dict[str, list[str]], other: dict[str, list[str]]) -> dict[str, list[str]]:
    merged = {name: list(values) for name, values in one.items()}
    for name, values in other.items():
        merged.setdefault(name, []).extend(values)
    _check_single(merged)
    return merged


def _check_single(parameters: dict[str, list[str]]) -> None:
    for name in _SINGLE:
        if len(parameters.get(name, ())) > 1:
            raise RequestError("repeated-parameter", 400, name=name)


def _read_parameters(encoded: bytes) -> dict[str, list[str]]:
    try:
        pairs = parse_qsl(
            encoded.decode("utf-8"),
            keep_blank_values=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=_MAX_PARAMETERS,
        )
    except UnicodeDecodeError as error:
        raise RequestError("not-utf-8") from error
    except ValueError as error:
        raise RequestError("too-many-parameters", 400, limit=_MAX_PARAMETERS) from error
    parameters: dict[str, list[str]] = {}
    for name, value in pairs:
        parameters.setdefault(name, []).append(value)
    _check_single(parameters)
    return parameters


def _read_format(parameters: dict[str, list[str]]) -> str | None:
    # Clients that are made for several kinds of endpoints send the parameter once for each name they know.
    return ",".join(parameters["format"]) if "format" in parameters else None


def read_timeout(text: str | None) -> float | None:
    """Read the parameter ``timeout``, in seconds. Raises :class:`kgraph.errors.RequestError` (400)."""
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError as error:
        raise RequestError("bad-timeout", 400, found=text) from error
    if not 0 < seconds < float("inf"):
        raise RequestError("bad-timeout", 400, found=text)
    return seconds


def check_charset(content_type: str | None, told: Mapping[str, str]) -> None:
    """Refuse a body that is said to be in another encoding than UTF-8.

    Raises :class:`kgraph.errors.RequestError` (415), whose answer has the headers ``told``.
    """
    charset = charset_of(content_type)
    if charset is not None and charset not in ("utf-8", "utf8", "us-ascii"):
        raise RequestError("unsupported-charset", 415, headers=told, found=charset)


def _decode(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RequestError("not-utf-8") from error
