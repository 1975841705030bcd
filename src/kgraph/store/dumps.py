"""A whole dataset as one file of N-Quads that tells at its end what it is and whether it is whole.

The last line is a comment, ``# kgraph-dump 1``, a JSON object, and the SHA-256 in hexadecimal of every byte before it.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kgraph.durability import disk_error, sync
from kgraph.errors import JournalError, StateError
from kgraph.store.base import Revision

_MARK = b"# kgraph-dump 1 "
_EMPTY_GRAPH = "# graph <{}>\n"
_TAIL = 4096
_BLOCK = 1 << 20
_HASH_SIZE = 64


@dataclass(frozen=True)
class Dump:
    """A file of N-Quads with the state that it holds.

    ``package`` is the version of kgraph that wrote it, ``quads`` the number of its statements, and ``journal_end``
    the byte of the journal where the entry ends that made this state.
    """

    path: Path
    revision: Revision
    package: str
    journal_end: int = 0
    quads: int = 0

    def iter_lines(self) -> Iterator[bytes]:
        """Yield the statements as lines of N-Quads."""
        with self.path.open("rb") as file:
            yield from (line for line in file if not line.startswith(b"#"))

    def iter_empty_graphs(self) -> Iterator[str]:
        """Yield the IRIs of graphs that are there without a statement; they stand in comments before the first one."""
        before, after = _EMPTY_GRAPH.split("{}")
        with self.path.open(encoding="utf-8") as file:
            for line in file:
                if not line.startswith(before):
                    return
                yield line.removeprefix(before).removesuffix(after)


def empty_graph_line(graph: str) -> bytes:
    """Return the line that tells of a graph without a statement; such lines come before those of statements."""
    return _EMPTY_GRAPH.format(graph).encode()


def write_dump(dump: Dump, lines: Iterable[bytes], at: Callable[[str], None] = lambda step: None) -> None:
    """Write the file of a dump: all of it, or none; its statements are counted here.

    ``at`` is called with the name of each step, for tests. Raises :class:`kgraph.errors.DiskFullError` where there is
    no room and :class:`kgraph.errors.StateError` where the file cannot be written otherwise.
    """
    temporary = dump.path.with_name(dump.path.name + ".tmp")
    facts = {"revision": dump.revision.to_json(), "package": dump.package, "journal_end": dump.journal_end}
    try:
        with temporary.open("wb") as file:
            _write(file, lines, facts, at)
            file.flush()
            at("dump-before-sync")
            os.fsync(file.fileno())
        at("dump-before-rename")
        temporary.replace(dump.path)
        at("dump-renamed")
        sync(dump.path.parent)
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise disk_error(dump.path, error, StateError) from error


def load_dump(path: Path) -> Dump:
    """Read what a dump says of itself, and verify every byte of it.

    Raises :class:`kgraph.errors.JournalError` if the file is not whole or not as it was written.
    """
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            file.seek(max(0, size - _TAIL))
            last = file.read()
            file.seek(0)
            return _read(path, last[last.rfind(b"\n", 0, -1) + 1 :], _hash(file, size - _HASH_SIZE - 1))
    except OSError as error:
        raise JournalError(f"{path}: {error.strerror or error}") from error


def _read(path: Path, line: bytes, found: str) -> Dump:
    content, _, told = line.removesuffix(b"\n").rpartition(b" ")
    if not content.startswith(_MARK) or not line.endswith(b"\n") or len(told) != _HASH_SIZE:
        raise JournalError(f"{path}: the file is damaged: its last line is not the one it was written with")
    if told.decode(errors="replace") != found:
        raise JournalError(f"{path}: the file is damaged (another SHA-256)")
    facts = json.loads(content.removeprefix(_MARK))
    revision = Revision.from_json(facts["revision"])
    return Dump(path, revision, facts["package"], facts["journal_end"], facts["quads"])


def _write(file: IO[bytes], lines: Iterable[bytes], facts: dict[str, object], at: Callable[[str], None]) -> None:
    hashed = hashlib.sha256()
    count = 0
    for line in lines:
        hashed.update(line)
        file.write(line)
        count += not line.startswith(b"#")
    at("dump-half-written")
    head = _MARK + json.dumps(facts | {"quads": count}).encode() + b" "
    hashed.update(head)
    file.write(head + hashed.hexdigest().encode() + b"\n")


def _hash(file: IO[bytes], length: int) -> str:
    hashed = hashlib.sha256()
    while length > 0 and (block := file.read(min(_BLOCK, length))):
        hashed.update(block)
        length -= len(block)
    return hashed.hexdigest()
