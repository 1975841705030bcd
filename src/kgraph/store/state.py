"""The state directory: the dataset as it was at first, every change since, and snapshots that shorten the start.

``base.nq`` holds revision 1, ``journal.log`` the changes, ``snapshot-<number>.nq`` later states. Only the process
that holds the lock on ``kgraph.lock`` writes the journal; reading needs no lock.
"""

from __future__ import annotations

import fcntl
import os
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

import pyoxigraph as ox

import kgraph
from kgraph.dataset import Dataset, load_dataset
from kgraph.errors import DatasetError, DiskFullError, JournalError, StateError
from kgraph.store.base import Revision
from kgraph.store.blank_nodes import stable_lines
from kgraph.store.digests import asserted_digest
from kgraph.store.dumps import Dump, load_dump, write_dump
from kgraph.store.journal import Entry, JournalReader, JournalWriter
from kgraph.store.literals import Originals
from kgraph.store.patch import Patch
from kgraph.store.replay import iter_original_lines, replay

BASE = "base.nq"
JOURNAL = "journal.log"
LOCK = "kgraph.lock"
_SNAPSHOT = "snapshot-{}.nq"
_SNAPSHOTS_KEPT = 2
_LONG_REPLAY = 16 << 20
_BATCH = 100_000


class StateView:
    """A state directory, read. Base and journal are verified when it is opened.

    ``base`` is the dataset of the first start, ``revision`` the state when it was opened, ``notices`` tells what was
    found amiss and passed over, and ``replayed`` how many bytes of the journal the last :meth:`load` read.
    """

    def __init__(self, folder: Path) -> None:
        """Verify base and journal.

        Raises :class:`kgraph.errors.StateError` if the folder keeps no state yet and
        :class:`kgraph.errors.JournalError` for damage.
        """
        self.folder = folder
        self.notices: list[str] = []
        self.replayed = 0
        self.base = load_base(folder)
        self._reader = JournalReader(folder / JOURNAL, self.base.revision)
        snapshots = snapshots_of(folder)
        self._digests = {self.base.revision.number: self.base.revision.digest}
        for entry in self._reader:
            if entry.revision.number in snapshots:
                self._digests[entry.revision.number] = entry.revision.digest
        if self._reader.torn:
            self.notices.append(
                f"{folder / JOURNAL}: {self._reader.torn} bytes at the end are of a change that was broken off before "
                "it was acknowledged; they do not count"
            )
        newest = max(snapshots, default=0)
        if newest > self._reader.revision.number:
            raise JournalError(
                f"{folder / JOURNAL}: entry {self._reader.revision.number + 1} at byte {self._reader.end}: it is "
                f"missing, since there is a snapshot of revision {newest}"
            )

    @property
    def revision(self) -> Revision:
        """The last state."""
        return self._reader.revision

    @property
    def journal_end(self) -> int:
        """The byte of the journal where the entry ends that made the last state."""
        return self._reader.end

    @property
    def base_path(self) -> Path:
        """The file that holds revision 1."""
        return self.base.path

    def entries(self, after: Dump | None = None) -> Iterator[Entry]:
        """Yield the changes since the base, or since a dump, up to the last state.

        Raises :class:`kgraph.errors.JournalError` for damage.
        """
        start = after or self.base
        last = self.revision.number
        for entry in JournalReader(self.folder / JOURNAL, start.revision, start.journal_end):
            if entry.revision.number > last:
                return
            yield entry

    def start_point(self, until: int | None = None) -> Dump:
        """Return the newest sound snapshot, not newer than the revision ``until``, else the base.

        A snapshot that is damaged or of another history is told in ``notices`` and passed over.
        """
        last = self.revision.number if until is None else until
        for number, path in sorted(snapshots_of(self.folder).items(), reverse=True):
            if number > last:
                continue
            try:
                dump = load_dump(path)
            except JournalError as error:
                self.notices.append(f"{error}; base and journal are used instead")
                continue
            known = self._digests.get(number, dump.revision.digest)
            if dump.revision.number == number and dump.revision.digest == known:
                return dump
            self.notices.append(f"{path}: the snapshot is of another history; base and journal are used instead")
        return self.base

    def load(self, engine: ox.Store, until: int | None = None) -> Originals:
        """Fill an empty engine with the last state, or with that of the revision ``until``.

        Returns the literals that the engine holds in another form than they were sent in. Raises
        :class:`kgraph.errors.StateError` for a revision that there is not.
        """
        if until is not None and not self.base.revision.number <= until <= self.revision.number:
            raise StateError(f"{self.folder} has the revisions 1 to {self.revision.number}, not {until}")
        start = self.start_point(until)
        self.replayed = self._reader.end - start.journal_end
        return replay(engine, start, (e for e in self.entries(start) if until is None or e.revision.number <= until))

    def write_snapshot(
        self, engine: ox.Store, originals: Originals, at: Callable[[str], None] = lambda step: None
    ) -> Path:
        """Write the state that :meth:`load` just filled an engine with, so that later starts begin from there.

        Nothing else may have been added to the engine. The two newest snapshots are kept. ``at`` is called at each
        step, for tests. Raises
        :class:`kgraph.errors.DiskFullError` or :class:`kgraph.errors.StateError` if it cannot be written.
        """
        path = self.folder / _SNAPSHOT.format(self.revision.number)
        revision = self.revision
        dump = Dump(path, revision, kgraph.__version__, self._reader.end)
        write_dump(dump, iter_original_lines(engine, originals), at)
        self._digests[revision.number] = revision.digest
        for _, old in sorted(snapshots_of(self.folder).items())[:-_SNAPSHOTS_KEPT]:
            old.unlink(missing_ok=True)
        return path

    def write_snapshot_if_long(self, engine: ox.Store, originals: Originals) -> None:
        """Write a snapshot if :meth:`load` replayed so much that later starts gain by it.

        Where there is no room for one, that is told in ``notices``: a snapshot is never needed.
        """
        if self.replayed < _LONG_REPLAY:
            return
        try:
            self.write_snapshot(engine, originals)
        except (DiskFullError, StateError) as error:
            self.notices.append(f"no snapshot was written: {error}")


class State(StateView):
    """A state directory that this process alone may change; close it to let it go."""

    def __init__(self, folder: Path, lock: int, at: Callable[[str], None]) -> None:
        """Take over a folder whose lock is held with the descriptor ``lock``."""
        self._lock = lock
        self._appending = threading.Lock()
        super().__init__(folder)
        try:
            self._writer = JournalWriter(self._reader, at)
        except OSError as error:
            raise StateError(f"{folder / JOURNAL}: {error.strerror or error}") from error

    def append(
        self,
        patch: Patch,
        author: str,
        reason: str = "",
        *,
        created: Collection[str] = (),
        dropped: Collection[str] = (),
        even_if_empty: bool = False,
        **details: str,
    ) -> Revision:
        """Keep a change and return the revision it makes; when this returns, it is on disk.

        ``created`` and ``dropped`` name graphs that come to be and that are no more; ``details`` become header rows.
        A change of nothing is kept only if that is asked for. Raises :class:`kgraph.errors.RequestError` for a
        statement that is too long, :class:`kgraph.errors.DiskFullError` where there is no room and
        :class:`kgraph.errors.JournalError` where the disk fails; then nothing was changed and later calls may succeed.
        """
        if not (patch or created or dropped or even_if_empty):
            return self.revision
        graphs = {"created": " ".join(sorted(created)), "dropped": " ".join(sorted(dropped))}
        told = {"author": author, "reason": reason, "package": kgraph.__version__, **details}
        told |= {name: value for name, value in graphs.items() if value}
        with self._appending:
            if self._lock < 0:
                raise StateError(f"{self.folder} is closed: another process may have it")
            revision = self._writer.append(patch, datetime.now(UTC), told)
            self._reader.revision, self._reader.end = revision, self._writer.size
        return revision

    def close(self) -> None:
        """Let go of the folder."""
        with self._appending:
            self._writer.close()
            if self._lock >= 0:
                os.close(self._lock)
                self._lock = -1

    def __enter__(self) -> Self:
        """Return the state."""
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        """Let go of the folder."""
        self.close()


def open_state(folder: Path, home: Path, at: Callable[[str], None] = lambda step: None) -> State:
    """Take a state directory for this process; on its first start, write the dataset of ``home`` as revision 1.

    ``at`` is called at each step of writing, for tests. Raises :class:`kgraph.errors.StateError` if another process
    has the folder or it cannot be written, :class:`kgraph.errors.DatasetError` if the dataset cannot be read,
    :class:`kgraph.errors.DiskFullError`, and :class:`kgraph.errors.JournalError` for damage.
    """
    lock = lock_state(folder)
    with ExitStack() as undo:
        undo.callback(os.close, lock)
        for leftover in folder.glob("*.nq.tmp"):
            leftover.unlink()
        if not (folder / BASE).exists() and not (folder / JOURNAL).exists():
            _write_base(folder / BASE, load_dataset(home), at)
        state = State(folder, lock, at)
        undo.pop_all()
    return state


def lock_state(folder: Path) -> int:
    """Make the folder if it is not there, and take its lock; closing the descriptor that is returned lets it go.

    Raises :class:`kgraph.errors.StateError` if another process has the lock or the folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        holder = os.pread(lock, 20, 0).decode("ascii", errors="replace").strip()
        os.close(lock)
        raise StateError(f"{folder} is in use by another kgraph (process {holder or 'unknown'})") from error
    os.ftruncate(lock, 0)
    os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
    return lock


def load_base(folder: Path) -> Dump:
    """Return the dataset of a state directory's first start, verified.

    Raises :class:`kgraph.errors.StateError` if the folder keeps no state yet and :class:`kgraph.errors.JournalError`
    if the file is damaged or gone.
    """
    path = folder / BASE
    if not path.exists():
        if (folder / JOURNAL).exists():
            raise JournalError(f"{path}: the file is gone, and the journal stands alone")
        raise StateError(f"{folder} keeps no state yet; kgraph serve --state {folder} makes one")
    return load_dump(path)


def snapshots_of(folder: Path) -> dict[int, Path]:
    """Return the snapshots in a folder by the number of their revision; they may be damaged."""
    before, after = _SNAPSHOT.split("{}")
    names = {path.name.removeprefix(before).removesuffix(after): path for path in folder.glob(_SNAPSHOT.format("*"))}
    return {int(number): path for number, path in names.items() if number.isdecimal()}


def _write_base(path: Path, dataset: Dataset, at: Callable[[str], None]) -> None:
    lines = stable_lines(iter_file_quads(dataset))
    engine = ox.Store()
    for start in range(0, len(lines), _BATCH):
        engine.bulk_extend(ox.parse(b"".join(lines[start : start + _BATCH]), format=ox.RdfFormat.N_QUADS))
    revision = Revision(1, asserted_digest(engine), dataset.date)
    write_dump(Dump(path, revision, kgraph.__version__), lines, at)


def iter_file_quads(dataset: Dataset) -> Iterator[ox.Quad]:
    """Yield the statements of a dataset's files as they are written; each file has blank nodes of its own."""
    for file in dataset.files:
        graph = ox.NamedNode(file.graph)
        try:
            for quad in ox.parse(path=str(file.path), format=ox.RdfFormat.TURTLE, rename_blank_nodes=True):
                yield ox.Quad(quad.subject, quad.predicate, quad.object, graph)
        except SyntaxError as error:
            raise DatasetError(f"{file.path}:{error.lineno or 1}: {error.msg}") from error
        except OSError as error:
            raise DatasetError(f"{file.path}: {error}") from error
