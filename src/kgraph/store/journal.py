"""The journal: an append-only file with every change since the base, each on disk before it is acknowledged.

An entry is a head of :data:`HEAD_SIZE` ASCII characters and a body. The head holds the number of the revision that
the entry makes, the length of the body in bytes and its SHA-256, the digest of the revision before and of the one
made, and a SHA-256 of all that; the body is an RDF Patch. ``docs/reference/journal.md`` describes the format.
"""

from __future__ import annotations

import hashlib
import mmap
import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import IO

from kgraph.durability import disk_error, sync
from kgraph.errors import JournalError, RequestError
from kgraph.store.base import Revision
from kgraph.store.patch import Patch, read_patch, render_patch

_MAGIC = b"kgraph-entry 1"
_HEAD = re.compile(
    rb"kgraph-entry 1 (?P<number>\d{10}) (?P<length>\d{13}) (?P<body>[0-9a-f]{64})"
    rb" (?P<previous>[0-9a-f]{64}) (?P<digest>[0-9a-f]{64}) (?P<check>[0-9a-f]{64})\n"
)
_CHECK_SIZE = 65
_NO_DATE = datetime.min.replace(tzinfo=UTC)
HEAD_SIZE = len(_MAGIC) + 11 + 14 + 3 * 65 + 1 + _CHECK_SIZE
"""Bytes of an entry's head, its line end included."""

_BEGIN, _END = b"TX .\n", b"TC .\n"
_OF_GRAPHS = ("created", "dropped")

LONGEST_ROW = 8 << 20
"""Bytes that a statement may have: the engine reads lines of up to twice that, and what is kept must be readable."""

STEPS = ("before-write", "half-written", "before-sync", "after-sync")
"""The steps of an append at which its hook is called."""


def digest_after(previous: str, patch: Patch, created: str = "", dropped: str = "") -> str:
    """Return the digest of the revision that a change makes of the one with the digest ``previous``.

    It is the SHA-256 of that digest, a line end, the header rows that name the graphs that come to be and that are no
    more (here their IRIs in order, with a space between two), and the rows of the patch in the order of their terms.
    """
    graphs = {name: value for name, value in zip(_OF_GRAPHS, (created, dropped), strict=True) if value}
    body = render_patch(patch.in_order(), graphs).encode()
    return _digest(previous, _graph_rows(body), _rows(body))


@dataclass(frozen=True)
class Entry:
    """One change in a journal.

    ``revision`` is the state it makes, ``previous`` the digest of the one before, ``offset`` the byte at which it
    begins in the file, ``header`` what is said of it, and ``body`` the RDF Patch as it stands there, in UTF-8.
    """

    revision: Revision
    previous: str
    offset: int
    header: Mapping[str, str]
    body: bytes

    @property
    def author(self) -> str:
        """Who made the change."""
        return self.header.get("author", "")

    @property
    def reason(self) -> str:
        """Why it was made; may be empty."""
        return self.header.get("reason", "")

    @property
    def created(self) -> tuple[str, ...]:
        """The graphs that came to be, also those that have no statement yet."""
        return tuple(self.header.get("created", "").split())

    @property
    def dropped(self) -> tuple[str, ...]:
        """The graphs that are no more."""
        return tuple(self.header.get("dropped", "").split())

    @property
    def rows(self) -> bytes:
        """The rows of the patch as they stand in the file, those that remove (``D``) before those that add (``A``)."""
        return _rows(self.body)

    @property
    def removed(self) -> bytes:
        """The statements that go, as N-Quads."""
        return _quads(self.rows, b"D ")

    @property
    def added(self) -> bytes:
        """The statements that come, as N-Quads."""
        return _quads(self.rows, b"A ")

    @cached_property
    def patch(self) -> Patch:
        """The change, read when first asked for."""
        return read_patch(self.rows.decode())[1]


class JournalReader:
    """The entries of a journal, read one after the other and verified.

    Iterating raises :class:`kgraph.errors.JournalError` at the first entry that is damaged, missing or does not
    follow from the one before. ``end`` is then the byte where the last sound entry ends, ``revision`` the state it
    made, and ``torn`` the number of bytes of an append that was broken off at the end of the file; they were never
    acknowledged and are passed over.
    """

    def __init__(self, path: Path, start: Revision, offset: int = 0) -> None:
        """Read the file at ``path`` from the byte ``offset``, where the entry stands that follows ``start``.

        A file that is not there has no entries.
        """
        self.path = path
        self.revision = start
        self.end = offset
        self.torn = 0

    def __iter__(self) -> Iterator[Entry]:
        """Yield the entries; the file may grow meanwhile, and what is added then is not read."""
        try:
            with self.path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                file.seek(self.end)
                while self.end < size:
                    entry = self._read(file, size)
                    if entry is None:
                        self.torn = size - self.end
                        return
                    self.end += HEAD_SIZE + len(entry.body)
                    self.revision = entry.revision
                    yield entry
        except FileNotFoundError:
            return
        except OSError as error:
            raise self._damage(error.strerror or str(error)) from error

    def _read(self, file: IO[bytes], size: int) -> Entry | None:
        """Return the entry at ``end``, or ``None`` if the file ends before it does."""
        head = file.read(HEAD_SIZE)
        if len(head) < HEAD_SIZE:
            return None
        found = _HEAD.fullmatch(head)
        if found is None or _sha256(head[:-_CHECK_SIZE]) != found["check"].decode():
            raise self._damage("its head is damaged")
        number, length = int(found["number"]), int(found["length"])
        previous, digest = found["previous"].decode(), found["digest"].decode()
        if number != self.revision.number + 1:
            raise self._damage(f"it is entry {number} that stands there")
        if previous != self.revision.digest:
            raise self._damage("it does not follow from the revision before it (another digest)")
        if self.end + HEAD_SIZE + length > size:
            return None
        body = file.read(length)
        if _sha256(body) != found["body"].decode():
            raise self._damage("its body is damaged (another SHA-256)")
        if _digest(previous, _graph_rows(body), _rows(body)) != digest:
            raise self._damage("its digest is not that of its rows")
        return self._entry(number, previous, digest, body)

    def _entry(self, number: int, previous: str, digest: str, body: bytes) -> Entry:
        try:
            header, _ = read_patch(body[: body.index(_BEGIN)].decode())
            date = datetime.fromisoformat(header["date"])
        except (ValueError, KeyError) as error:
            raise self._damage(f"its header cannot be read ({error})") from error
        return Entry(Revision(number, digest, date), previous, self.end, header, body)

    def _damage(self, what: str) -> JournalError:
        return JournalError(f"{self.path}: entry {self.revision.number + 1} at byte {self.end}: {what}")


def find_entries(path: Path, offset: int) -> Iterator[Entry]:
    """Yield the entries from a byte on that are sound by themselves, wherever they begin and whatever they follow.

    It is for telling what stands behind damage; what it yields need not follow from anything.
    """
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        while (offset := content.find(_MAGIC, offset)) >= 0:
            found = _HEAD.fullmatch(content[offset : offset + HEAD_SIZE])
            offset += 1
            if found is None:
                continue
            before = Revision(int(found["number"]) - 1, found["previous"].decode(), _NO_DATE)
            reader = JournalReader(path, before, offset - 1)
            try:
                entry = next(iter(reader), None)
            except JournalError:
                continue
            if entry is not None:
                yield entry
                offset = reader.end


class JournalWriter:
    """The end of a journal, where changes are added.

    Calls come one at a time. After an error nothing of the change stays: the file is cut back to its last
    acknowledged entry and that is synced before anything else is written, now or when the next change comes.
    """

    def __init__(self, reader: JournalReader, at: Callable[[str], None] = lambda step: None) -> None:
        """Go on where a reader, read to its end, found the last sound entry; a torn one behind it is cut off.

        ``at`` is called at each of :data:`STEPS`, for tests that end the process there or let the disk fail.
        Raises :class:`kgraph.errors.JournalError` if the file cannot be opened for writing.
        """
        self._path = reader.path
        self._end = reader.end
        self._revision = reader.revision
        self._at = at
        self._file = -1
        self._in_doubt = bool(reader.torn)
        self._open()

    @property
    def revision(self) -> Revision:
        """The state that the last entry made."""
        return self._revision

    @property
    def size(self) -> int:
        """The number of bytes of all entries."""
        return self._end

    def append(self, patch: Patch, date: datetime, header: Mapping[str, str]) -> Revision:
        """Add a change and return the revision it makes; when this returns, it is on disk.

        Of the rows of ``header``, ``created`` and ``dropped`` are a part of what the revision is.
        Raises :class:`kgraph.errors.RequestError` for a statement longer than :data:`LONGEST_ROW`,
        :class:`kgraph.errors.DiskFullError` where there is no room and :class:`kgraph.errors.JournalError` where the
        disk fails otherwise. Then the change may not be taken as made, and later ones can be tried.
        """
        patch = patch.in_order()
        previous = self._revision.digest
        digest = digest_after(previous, patch, *(header.get(name, "") for name in _OF_GRAPHS))
        revision = Revision(self._revision.number + 1, digest, date)
        told = {"revision": str(revision.number), "digest": revision.digest, "previous": previous}
        body = render_patch(patch, {**told, "date": date.isoformat(), **header}).encode()
        if len(body) > LONGEST_ROW and max(map(len, body.split(b"\n"))) > LONGEST_ROW:
            raise RequestError("statement-too-long", 413, limit=LONGEST_ROW)
        entry = _head(revision, previous, body) + body
        try:
            self._open()
            self._write(entry)
        except OSError as error:
            self._open_if_possible()
            raise disk_error(self._path, error, JournalError) from error
        self._end += len(entry)
        self._revision = revision
        return revision

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1

    def _write(self, entry: bytes) -> None:
        self._at("before-write")
        self._in_doubt = True
        for part, step in ((entry[: len(entry) // 2], "half-written"), (entry[len(entry) // 2 :], "before-sync")):
            while part:
                part = part[os.write(self._file, part) :]
            self._at(step)
        os.fdatasync(self._file)
        self._at("after-sync")
        self._in_doubt = False

    def _open(self) -> None:
        """Have the file open and synced, up to its last acknowledged entry and no further if that is in doubt.

        It is synced also where nothing is in doubt: a server that was killed may have written a whole entry and not
        come to sync it, and whoever reads it now must be able to rely on it.

        A failed sync is not repeated: the kernel may have dropped the pages and call the next one a success. The file
        is opened anew and cut instead, so that nothing depends on those pages.
        """
        if self._file >= 0 and not self._in_doubt:
            return
        self.close()
        new = not self._path.exists()
        if new and self._end:
            raise JournalError(f"{self._path}: the file is gone")
        self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        if os.fstat(self._file).st_size < self._end:
            raise JournalError(f"{self._path}: the file is shorter than what was written to it")
        if self._in_doubt:
            os.ftruncate(self._file, self._end)
        os.fsync(self._file)
        self._in_doubt = False
        if new:
            sync(self._path.parent)

    def _open_if_possible(self) -> None:
        try:
            self._open()
        except OSError:
            self.close()


def _head(revision: Revision, previous: str, body: bytes) -> bytes:
    fields = f" {revision.number:010d} {len(body):013d} {_sha256(body)} {previous} {revision.digest} "
    head = _MAGIC + fields.encode()
    return head + _sha256(head).encode() + b"\n"


def _rows(body: bytes) -> bytes:
    return body[body.find(_BEGIN) + len(_BEGIN) : -len(_END)]


def _quads(rows: bytes, sign: bytes) -> bytes:
    """Return the rows of one kind without their sign; in a sorted patch those that remove come first."""
    border = 0 if rows.startswith(b"A ") else rows.find(b"\nA ") + 1 or len(rows)
    part = rows[:border] if sign == b"D " else rows[border:]
    return part.replace(b"\n" + sign, b"\n")[len(sign) :]


def _graph_rows(body: bytes) -> bytes:
    """Return the rows of a header that name graphs, as they stand there."""
    header = body[: body.find(_BEGIN)].splitlines(keepends=True)
    return b"".join(row for name in _OF_GRAPHS for row in header if row.startswith(f"H {name} ".encode()))


def _digest(previous: str, *rows: bytes) -> str:
    hashed = hashlib.sha256(previous.encode() + b"\n")
    for part in rows:
        hashed.update(part)
    return hashed.hexdigest()


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
