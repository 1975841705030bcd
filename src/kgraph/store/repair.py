"""What is wrong in a state directory, and how what is damaged is set aside; nothing is ever deleted."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from kgraph.durability import disk_error, sync
from kgraph.errors import JournalError, StateError
from kgraph.store.base import Revision
from kgraph.store.dumps import load_dump
from kgraph.store.journal import Entry, JournalReader, find_entries
from kgraph.store.state import JOURNAL, lock_state, snapshots_of

_BLOCK = 1 << 20


@dataclass(frozen=True)
class Examination:
    """What was found in a state directory.

    ``last`` is the last revision that base and journal give soundly, and ``end`` the byte of the journal where its
    entry ends. ``damage`` tells each thing that is wrong. ``beyond`` holds what can still be read of the entries behind
    damage of the journal, and ``tail`` the number of bytes from there to its end, of which ``torn`` were never
    acknowledged. ``snapshots`` are those that are damaged or do not fit the sound part.
    """

    folder: Path
    last: Revision
    end: int
    damage: tuple[str, ...]
    beyond: tuple[Entry, ...]
    tail: int
    torn: int
    snapshots: tuple[Path, ...]


def examine(folder: Path, base: Revision) -> Examination:
    """Verify every byte of the journal and the snapshots of a state directory, whose base is of the revision ``base``.

    Raises :class:`kgraph.errors.JournalError` only if a file cannot be read at all.
    """
    reader = JournalReader(folder / JOURNAL, base)
    damage: list[str] = []
    beyond: tuple[Entry, ...] = ()
    tail = 0
    known = {base.number: base.digest}
    try:
        known |= {entry.revision.number: entry.revision.digest for entry in reader}
    except JournalError as error:
        damage.append(str(error))
        beyond = tuple(find_entries(reader.path, reader.end + 1))
        tail = reader.path.stat().st_size - reader.end
    strays = dict(_stray_snapshots(folder, known))
    damage += strays.values()
    return Examination(folder, reader.revision, reader.end, tuple(damage), beyond, tail, reader.torn, tuple(strays))


def set_aside(found: Examination) -> tuple[Path, ...]:
    """Move what an examination found damaged into files of their own, so that the sound part can be started from.

    Returns these files. Raises :class:`kgraph.errors.StateError` if a server has the folder or the files have changed
    since, and :class:`kgraph.errors.DiskFullError` where there is no room.
    """
    mark = f"damaged-{datetime.now(UTC):%Y%m%dT%H%M%SZ}"
    lock = lock_state(found.folder)
    made: list[Path] = []
    try:
        if found.tail:
            made.append(_cut(found, found.folder / f"{JOURNAL}.{mark}"))
        for path in found.snapshots:
            made.append(path.rename(path.with_name(f"{path.name}.{mark}")))
        sync(found.folder)
    except OSError as error:
        raise disk_error(found.folder, error, StateError) from error
    finally:
        os.close(lock)
    return tuple(made)


def _cut(found: Examination, aside: Path) -> Path:
    """Copy the damaged end of the journal to a file of its own, and only then cut it off."""
    journal = found.folder / JOURNAL
    if journal.stat().st_size != found.end + found.tail:
        raise StateError(f"{journal} has changed since it was examined")
    with journal.open("rb") as source, aside.open("xb") as target:
        source.seek(found.end)
        while block := source.read(_BLOCK):
            target.write(block)
        target.flush()
        os.fsync(target.fileno())
    sync(found.folder)
    with journal.open("r+b") as file:
        file.truncate(found.end)
        os.fsync(file.fileno())
    return aside


def _stray_snapshots(folder: Path, known: dict[int, str]) -> Iterator[tuple[Path, str]]:
    """Yield the snapshots that are damaged or of states that base and journal do not give, with what is wrong."""
    for number, path in sorted(snapshots_of(folder).items()):
        try:
            digest = load_dump(path).revision.digest
        except JournalError as error:
            yield path, str(error)
            continue
        if number not in known:
            yield path, f"{path}: sound, but the journal does not reach revision {number}"
        elif known[number] != digest:
            yield path, f"{path}: of another history than the journal"
