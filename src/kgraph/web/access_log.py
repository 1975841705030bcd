"""The log of requests: one line each, as JSON for programs or as text for people; never a query's text or a token."""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import TextIO

from kgraph.settings import LOG_LEVELS
from kgraph.web.exchanges import Exchange

_FLUSH_AFTER = 0.2
_LONGEST_PATH = 500


class AccessLog:
    """Writes lines to standard error or to a file, gathered so that many requests cost one write."""

    def __init__(self, format: str, level: str, path: str) -> None:
        """Open the file, which is appended to; an empty ``path`` means standard error.

        Raises ``OSError`` if the file cannot be opened.
        """
        self._as_json = format == "json"
        self._least = LOG_LEVELS.index(level)
        # Open for as long as the server runs.
        self._file: TextIO | None = Path(path).open("a", encoding="utf-8") if path else None  # noqa: SIM115
        self._lines: list[str] = []
        self._lock = threading.Lock()
        self._is_due = False

    def request(self, exchange: Exchange, seconds: float) -> None:
        """Tell of a request that was answered, or whose answer was cut."""
        level = "info" if exchange.status < 500 and exchange.outcome != "cut" else "warning"
        if LOG_LEVELS.index(level) >= self._least:
            self._write(render_line(level, _members_of(exchange, seconds)))

    def answered(self, lines: str) -> None:
        """Tell of requests that another process answered, in lines of :func:`render_answered`."""
        if LOG_LEVELS.index("info") >= self._least:
            self._write(lines)

    def event(self, level: str, event: str, **fields: object) -> None:
        """Tell of something else than a request, for example that the server starts or stops."""
        if LOG_LEVELS.index(level) >= self._least:
            self._write(render_line(level, json.dumps({"event": event, **fields}, ensure_ascii=False)[1:-1]))

    def flush(self) -> None:
        """Write what was gathered."""
        with self._lock:
            lines, self._lines, self._is_due = self._lines, [], False
        if lines:
            output = self._file or sys.stderr
            output.write("".join(lines))
            output.flush()

    def close(self) -> None:
        """Write what was gathered, and close the file."""
        self.flush()
        if self._file is not None:
            self._file.close()
            self._file = None

    def _write(self, lines: str) -> None:
        if not self._as_json:
            lines = "".join(_as_text(line) for line in lines.split("\n") if line)
        with self._lock:
            self._lines.append(lines)
            if self._is_due:
                return
            self._is_due = True
        if not _flush_later(self.flush):
            self.flush()


def render_answered(exchange: Exchange, seconds: float) -> str:
    """Return the line of a request that was answered."""
    return render_line("info", _members_of(exchange, seconds))


def render_line(level: str, members: str) -> str:
    """Return a line of the log."""
    seconds, milliseconds = divmod(time.time_ns() // 1_000_000, 1000)
    return f'{{"time": "{_time_of(seconds)}.{milliseconds:03d}+00:00", "level": "{level}", {members}}}\n'


def _members_of(exchange: Exchange, seconds: float) -> str:
    # Put together by hand: this is done for each request, and json.dumps takes four times as long.
    line = (
        f'"event": "request", "id": "{exchange.request_id}", "client": "{exchange.client}", '
        f'"method": "{exchange.method}", "path": {_quoted(exchange.path[:_LONGEST_PATH])}, '
        f'"status": {exchange.status}, "outcome": "{exchange.outcome}", "seconds": {seconds:.6f}, '
        f'"bytes": {exchange.sent}'
    )
    if exchange.revision is not None:
        line += f', "revision": {exchange.revision.number}'
    if exchange.query_hash:
        rows = "null" if exchange.rows is None else exchange.rows
        hit = "true" if exchange.is_hit else "false"
        line += f', "form": "{exchange.form}", "query": "{exchange.query_hash}", "rows": {rows}, "cache": {hit}'
    if exchange.calls:
        line += f', "calls": {exchange.calls}'
    return line


def _flush_later(flush: Callable[[], None]) -> bool:
    """Have the event loop write in a moment; tell whether there is one."""
    try:
        asyncio.get_running_loop().call_later(_FLUSH_AFTER, flush)
    except RuntimeError:
        return False
    return True


@lru_cache(maxsize=4)
def _time_of(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat()


@lru_cache(maxsize=256)
def _quoted(path: str) -> str:
    return json.dumps(path, ensure_ascii=False)


def _as_text(line: str) -> str:
    told = json.loads(line)
    head = f"{told.pop('time')} {told.pop('level')} {told.pop('event')}"
    return " ".join([head, *(f"{name}={_plain(value)}" for name, value in told.items() if value is not None)]) + "\n"


def _plain(value: object) -> str:
    """Return a value as it stands in a line of text; what could be taken for another value or line is quoted."""
    text = str(value)
    return text if text.isprintable() and not set(text) & set(' "=') else json.dumps(text)
