"""The engine's files in a state directory: a directory for each revision, whole and never changed once it has its name.

``store/rev-<number>`` holds a revision. It is made under another name, gets a marker that tells what it holds, with the
SHA-256 of each file, is synced, and only then gets this name. Who uses it holds a shared lock on its marker; what
nobody uses goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from pathlib import Path

from kgraph.durability import sync
from kgraph.errors import DatasetError
from kgraph.store.base import Revision

MARKER = "kgraph.json"
ORIGINALS = "originals.nq"
_REVISION = "rev-"
_TABLE = ".sst"
_LINES = ".nq"
_TEMPORARY = ("build-", "draft-", "ready-")
_READERS = 2


@dataclass(frozen=True)
class Directory:
    """A directory with the engine's files of a revision.

    ``key`` names all beside base and journal that its content depends on; ``graphs`` are the sizes of the named
    graphs, and ``journal_end`` is the byte of the journal where the entry ends that made the revision. ``digests`` has
    the SHA-256 of each file by its name.
    """

    path: Path
    key: str
    revision: Revision
    graphs: Mapping[str, int]
    journal_end: int
    digests: Mapping[str, str] = field(default_factory=dict)

    def take_lease(self) -> int:
        """Return a descriptor; while it is open, here or in forks, the directory stays."""
        lease = os.open(self.path / MARKER, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lease, fcntl.LOCK_SH)
        return lease

    def verify(self) -> None:
        """Read every file of the directory.

        Threads do it, so a process that forks leaves it to a fork. Raises :class:`kgraph.errors.DatasetError` unless
        all files are as they were written, and ``OSError``.
        """
        names = sorted(_names(self.path))
        with ThreadPoolExecutor(_READERS) as readers:
            found = dict(zip(names, readers.map(lambda name: _digest(self.path / name), names), strict=True))
        if found != self.digests:
            strange = sorted(name for name in {*found, *self.digests} if found.get(name) != self.digests.get(name))
            raise DatasetError(f"damaged, missing or strange: {', '.join(strange)}")

    def finish(self, made: Path, before: Directory | None = None) -> Directory:
        """Make the directory of what stands at ``made``, which nobody writes to any longer; return it with its digests.

        Files that are hard links to those of the directory ``before`` are not read again.
        """
        shared = {} if before is None else before.shared(made)
        digests = shared | {name: _digest(made / name) for name in _names(made) - shared.keys()}
        content = {
            "key": self.key,
            "revision": self.revision.to_json(),
            "graphs": dict(self.graphs),
            "journal_end": self.journal_end,
            "digests": digests,
        }
        (made / MARKER).write_text(_seal(json.dumps(content)), encoding="utf-8")
        # The engine syncs its tables itself, when it makes them.
        for path in made.iterdir():
            if path.suffix != _TABLE:
                sync(path)
        sync(made)
        shutil.rmtree(self.path, ignore_errors=True)
        made.rename(self.path)
        sync(self.path.parent)
        return replace(self, digests=digests)

    def shared(self, other: Path) -> dict[str, str]:
        """Return the digests of the files that another folder has as hard links to the same ones."""
        found = {}
        for name in self.digests.keys() & _names(other):
            with contextlib.suppress(FileNotFoundError):
                if (self.path / name).samefile(other / name) and (self.path / name).suffix in (_TABLE, _LINES):
                    found[name] = self.digests[name]
        return found


def directory_of(folder: Path, number: int) -> Path:
    """Return where a revision stands or is to stand."""
    return folder / f"{_REVISION}{number}"


def ready(folder: Path, process: int) -> Path:
    """Return where a process leaves the outcome of its work."""
    return folder / f"ready-{process}"


def read_directory(path: Path) -> Directory:
    """Return the directory at a path as its marker tells.

    Raises ``OSError``, ``ValueError``, ``KeyError`` or ``TypeError`` if that is missing or not as it was written.
    """
    content = json.loads(_open_sealed((path / MARKER).read_text(encoding="utf-8")))
    revision = Revision.from_json(content["revision"])
    if path.name != directory_of(path.parent, revision.number).name:
        raise ValueError(f"it holds revision {revision.number}")
    return Directory(path, content["key"], revision, content["graphs"], content["journal_end"], content["digests"])


def paths_of_revisions(folder: Path) -> list[Path]:
    """Return where directories of revisions stand, that of the newest first, whatever is in them."""
    numbers = {path: path.name.removeprefix(_REVISION) for path in folder.glob(f"{_REVISION}*")}
    return sorted((p for p, text in numbers.items() if text.isdecimal()), key=lambda p: -int(numbers[p]))


def remove_unused(folder: Path, kept: Path | None) -> None:
    """Remove the directories of revisions that no process uses, but for ``kept``."""
    for path in folder.glob(f"{_REVISION}*"):
        if path != kept and not _is_used(path):
            shutil.rmtree(path, ignore_errors=True)


def remove_temporary(folder: Path) -> None:
    """Remove what was begun and never got its name."""
    for before in _TEMPORARY:
        for path in folder.glob(f"{before}*"):
            shutil.rmtree(path, ignore_errors=True)


def _is_used(path: Path) -> bool:
    try:
        marker = os.open(path / MARKER, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return False
    try:
        fcntl.flock(marker, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(marker)
    return False


def _names(folder: Path) -> set[str]:
    """Return the names of the files of a directory but for the marker."""
    return {path.name for path in folder.iterdir()} - {MARKER}


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _seal(content: str) -> str:
    """Return a line of text with its digest, each on a line."""
    return f"{content}\n{hashlib.sha256(content.encode()).hexdigest()}\n"


def _open_sealed(text: str) -> str:
    """Return the line that :func:`_seal` closed. Raises ``ValueError`` if a byte of it is another."""
    content, _, rest = text.partition("\n")
    if _seal(content) != f"{content}\n{rest}":
        raise ValueError("the digest of the marker is another one")
    return content
