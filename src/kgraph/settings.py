"""Every limit and address of a running kgraph: one frozen record, read from the environment.

Each setting has a default that is fit for a laptop and for a small server. ``KGRAPH_`` and the
setting's name in capitals gives another value; a command's option wins over the environment.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import MISSING, dataclass, field, fields
from difflib import get_close_matches
from pathlib import Path
from typing import Any

from kgraph.errors import SettingError

ENVIRONMENT_PREFIX = "KGRAPH_"
STATE_MARKS = ("kgraph.lock", "base.nq", "journal.log", "tokens.json")
"""The files of which a state directory holds at least one."""

OTHER_VARIABLES = {"KGRAPH_TOKEN", "KGRAPH_SOURCE_TEXT", "KGRAPH_AUTHORITY"}
"""Variables of kgraph that are no settings: a secret, and where the tests find what is not in the repository."""

_NO_CONTENT = {"lost+found"}
LOG_LEVELS = ("debug", "info", "warning", "error")
"""How grave a line of the log is, the least first."""

_TRUE = {"1", "true", "yes", "on"}
_FALSE = {"0", "false", "no", "off"}


def _setting(
    default: object,
    meaning: str,
    *,
    least: float | None = None,
    most: float | None = None,
    choices: tuple[str, ...] = (),
    pattern: str = "",
    secret: bool = False,
) -> Any:
    metadata = {
        "meaning": meaning,
        "least": least,
        "most": most,
        "choices": choices,
        "pattern": pattern,
        "secret": secret,
    }
    return field(default=default, repr=not secret, metadata=metadata)


@dataclass(frozen=True)
class Settings:
    """The settings of one process. Times are in seconds, sizes in bytes unless the name says otherwise."""

    host: str = _setting("127.0.0.1", "address the server listens on")
    port: int = _setting(8000, "port the server listens on; 0 takes any free one", least=0, most=65535)
    home: str = _setting("", "folder with ontology/, data/ and queries/; empty means the packaged one")
    state: str = _setting("", "folder that keeps changes, tokens and snapshots; empty: the server is read-only")
    engine: str = _setting(
        "memory",
        "where the engine keeps the graph that it answers from: in memory, or on disk in the folder of the state",
        choices=("memory", "disk"),
    )
    public_address: str = _setting(
        "", "address under which the server is reached from outside; empty means the one a request names"
    )
    default_language: str = _setting(
        "nn", "language of pages and messages when a client asks for none that there is", choices=("nn", "nb", "en")
    )
    query_timeout: float = _setting(10.0, "seconds a query may take before it is stopped", least=0.01)
    query_workers: int = _setting(4, "processes that answer queries", least=1)
    borrowers: int = _setting(
        2,
        "processes that answer plain, quick queries on connections lent to them; 0 lends none. "
        "None is lent with a rate, hosts, proxies or CORS origins set, or with the graph on disk",
        least=0,
        most=64,
    )
    queue_length: int = _setting(64, "queries that may wait for a free process", least=0)
    queue_timeout: float = _setting(5.0, "seconds a query may wait for a free process", least=0.01)
    client_queries: int = _setting(48, "queries of one client that may run or wait at once; 0 for any number", least=0)
    stream_timeout: float = _setting(300.0, "seconds a client may take to fetch a long answer", least=0.01)
    max_answer: int = _setting(0, "bytes the answer to a query may have; 0 for any number", least=0)
    cache_mib: int = _setting(
        64,
        "mebibytes of answers kept for those who ask again, by the server and by all borrowers each, and an eighth of "
        "it of pages; 0 keeps none",
        least=0,
    )
    copies: int = _setting(
        3_000_000,
        "statements up to which the default graphs are held once more, for about 470 bytes each, so that queries "
        "answer faster; 0 holds none",
        least=0,
    )
    quick_start: int = _setting(
        200_000,
        "statements from which a server that keeps its state also keeps the engine's files in it, about 750 bytes a "
        "statement, so that a later start answers from them until the graph is in memory; 0 keeps none",
        least=0,
    )
    isolation: bool = _setting(True, "queries run in processes of their own that can be stopped (Linux)")
    worker_memory_mib: int = _setting(2048, "mebibytes of memory one query may add", least=64)
    worker_queries: int = _setting(10000, "queries after which a process is replaced by a fresh one", least=1)
    remote_query_address: str = _setting(
        "",
        "address at which another engine answers SPARQL queries and holds the data; empty means that kgraph holds them",
        pattern=r"https?://[^@\s]+",
    )
    remote_engine: str = _setting("standard", "kind of the other engine", choices=("standard", "oxigraph", "virtuoso"))
    remote_authorization: str = _setting(
        "", "value of the header Authorization for the other engine; never shown", pattern=r"[\x20-\x7e]+", secret=True
    )
    remote_revision: str = _setting(
        "",
        "state that the other engine's data are in, as a number, - and a digest; empty means that it is not known",
        pattern=r"\d+-[0-9a-f]{16,64}",
    )
    remote_connections: int = _setting(8, "queries that the other engine is asked at once", least=1)
    federation: str = _setting(
        "",
        "addresses of other endpoints that SERVICE may call, exactly as queries write them, separated by commas; "
        "empty refuses SERVICE",
        pattern=r"https?://[^@\s,]+(\s*,\s*https?://[^@\s,]+)*",
    )
    federation_calls: int = _setting(5, "calls of other endpoints that one query may make", least=1)
    federation_connections: int = _setting(8, "calls of other endpoints that may be under way at once", least=1)
    federation_timeout: float = _setting(
        5.0, "seconds another endpoint may take for its whole answer, which count as the query's own", least=0.01
    )
    federation_answer: int = _setting(4 * 1024 * 1024, "bytes the answer of another endpoint may have", least=1)
    federation_rows: int = _setting(10_000, "rows the answer of another endpoint may have", least=1)
    max_query_length: int = _setting(1_000_000, "characters a query may have", least=1)
    max_query_nesting: int = _setting(200, "depth to which brackets of a query may nest", least=1)
    max_query_branches: int = _setting(
        1000, "parts with UNION, OPTIONAL, FILTER and the like a query may have, and sums in a row", least=1
    )
    default_graph: str = _setting(
        "union",
        "default graph of queries: the union of all that is stated, or the unnamed graph alone (nothing is inferred)",
        choices=("union", "separate"),
    )
    update_timeout: float = _setting(60.0, "seconds a change may take before it is stopped", least=0.01)
    update_memory_mib: int = _setting(4096, "mebibytes of memory one change may add", least=64)
    update_queue: int = _setting(64, "changes that may wait for the one before them", least=0)
    update_queue_timeout: float = _setting(30.0, "seconds a change may wait for those before it", least=0.01)
    max_update_length: int = _setting(10_000_000, "characters an update may have", least=1)
    max_upload: int = _setting(100 * 1024 * 1024, "bytes the body of a write to a graph may have", least=1)
    max_body: int = _setting(10 * 1024 * 1024, "bytes the body of a request may have", least=1)
    max_url: int = _setting(65535, "bytes the address of a request may have, at most 65535", least=256, most=65535)
    max_connections: int = _setting(500, "connections served at once", least=1)
    rate_limit: float = _setting(0.0, "requests a second that one client may make; 0 for any number", least=0)
    rate_burst: int = _setting(50, "requests that one client may make at once before the rate counts", least=1)
    trusted_proxies: str = _setting(
        "", "addresses or networks of proxies that name the client in X-Forwarded-For, separated by commas"
    )
    hosts: str = _setting("", "host names the server answers to, separated by commas; empty means any")
    cors_origins: str = _setting("*", "origins whose pages may read answers, separated by commas; * means any")
    head_timeout: float = _setting(10.0, "seconds the head of a request may take to come", least=0.01)
    body_timeout: float = _setting(60.0, "seconds the body of a request may take to come", least=0.01)
    shutdown_timeout: int = _setting(30, "seconds running answers may take to end when the server stops", least=0)
    log_format: str = _setting("json", "form of the lines of the log", choices=("json", "text"))
    log_level: str = _setting("info", "least grave lines of the log that are written", choices=LOG_LEVELS)
    log_file: str = _setting("", "file the log is written to; empty means standard error")
    idle_timeout: int = _setting(15, "seconds an idle connection is kept open", least=1)
    page_rows: int = _setting(50, "rows of one list on one page", least=1)
    result_rows: int = _setting(200, "rows of a query's answer that one page shows", least=1)
    publisher: str = _setting("kgraph contributors", "publisher of the running service")
    contact: str = _setting("", "address that users of the service may write to; empty names none")
    licence: str = _setting(
        "https://creativecommons.org/licenses/by/4.0/", "address of the licence of graphs that name none themselves"
    )


@dataclass(frozen=True)
class SettingDescription:
    """One setting for people: its name, variable, type, default and meaning."""

    name: str
    variable: str
    type: str
    default: str
    meaning: str


def load_settings(environment: Mapping[str, str], **overrides: object) -> Settings:
    """Return the settings that an environment and a command's options give.

    An override that is ``None`` is no override. Raises :class:`kgraph.errors.SettingError` for a value
    that does not fit, and for a ``KGRAPH_`` override that names no setting.
    """
    values: dict[str, object] = {}
    known = {item.name for item in fields(Settings)}
    for name in known:
        variable = ENVIRONMENT_PREFIX + name.upper()
        if environment.get(variable, "") != "":
            values[name] = _read(name, environment[variable], variable)
    for name, value in overrides.items():
        if name not in known:
            raise SettingError(f"there is no setting {name}")
        if value is not None:
            values[name] = _read(name, str(value), name)
    return Settings(**values)  # type: ignore[arg-type]


def unknown_variables(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that look like settings and are none, each with the one it resembles or ``""``."""
    known = {ENVIRONMENT_PREFIX + item.name.upper() for item in fields(Settings)}
    strange = sorted(
        name for name in environment if name.startswith(ENVIRONMENT_PREFIX) and name not in known | OTHER_VARIABLES
    )
    return {name: next(iter(get_close_matches(name, known, 1)), "") for name in strange}


def iter_descriptions() -> Iterator[SettingDescription]:
    """Yield a description of each setting in the order in which they stand in :class:`Settings`."""
    for item in fields(Settings):
        assert item.default is not MISSING
        yield SettingDescription(
            name=item.name,
            variable=ENVIRONMENT_PREFIX + item.name.upper(),
            type=str(item.type),
            default="" if item.default == "" else str(item.default),
            meaning=item.metadata["meaning"],
        )


def home_of(settings: Settings, packaged: Path) -> Path:
    """Return the folder of knowledge that the settings name, else the packaged one."""
    return Path(settings.home) if settings.home else packaged


def is_state_folder(folder: Path) -> bool:
    """Tell whether a folder holds a state, or can become one since it is empty or not there."""
    if not folder.exists():
        return True
    if not folder.is_dir():
        return False
    names = {path.name for path in folder.iterdir()} - _NO_CONTENT
    return not names or not names.isdisjoint(STATE_MARKS)


def _read(name: str, text: str, source: str) -> object:
    """Turn a setting's text into its value; ``source`` is the variable or option named in an error."""
    item = next(item for item in fields(Settings) if item.name == name)
    if item.metadata["pattern"] and not re.fullmatch(item.metadata["pattern"], text.strip()):
        # An address may hold a password, so the value is not repeated.
        raise SettingError(f"{source}: the value does not fit {item.metadata['pattern']}")
    try:
        value = _convert(str(item.type), text.strip())
    except ValueError as error:
        raise SettingError(f'{source}: "{text}" is not a {item.type}') from error
    least, most, choices = (item.metadata[name] for name in ("least", "most", "choices"))
    if least is not None and isinstance(value, int | float) and not value >= least:
        raise SettingError(f"{source}: {text} is less than {least}")
    if most is not None and isinstance(value, int | float) and value > most:
        raise SettingError(f"{source}: {text} is more than {most}")
    if choices and value not in choices:
        raise SettingError(f'{source}: "{text}" is not one of {", ".join(choices)}')
    return value


def _convert(kind: str, text: str) -> object:
    match kind:
        case "int":
            return int(text)
        case "float":
            return float(text)
        case "bool":
            if text.lower() not in _TRUE | _FALSE:
                raise ValueError(text)
            return text.lower() in _TRUE
        case _:
            return text
