"""The engine's files in a state directory: a directory for each revision, whole and never changed once it has its name.

``store/rev-<number>`` holds a revision. It is made under another name, gets a marker that tells what it holds, is
synced, and only then gets this name. Who uses it holds a shared lock on its marker; what nobody uses goes.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kgraph.durability import sync
from kgraph.store.base import Revision

MARKER = "kgraph.json"
ORIGINALS = "originals.nq"
_REVISION = "rev-"
_TABLE = ".sst"
_TEMPORARY = ("build-", "draft-", "ready-")


@dataclass(frozen=True)
class Directory:
    """A directory with the engine's files of a revision.

    ``key`` names all beside base and journal that its content depends on; ``graphs`` are the sizes of the named
    graphs, and ``journal_end`` is the byte of the journal where the entry ends that made the revision.
    """

    path: Path
    key: str
    revision: Revision
    graphs: Mapping[str, int]
    journal_end: int

    def take_lease(self) -> int:
        """Return a descriptor; while it is open, here or in forks, the directory stays."""
        lease = os.open(self.path / MARKER, os.O_RDONLY | os.O_CLOEXEC)
        fcntl.flock(lease, fcntl.LOCK_SH)
        return lease

    def finish(self, made: Path) -> None:
        """Make the directory of what stands at ``made``, which nobody writes to any longer."""
        content = {
            "key": self.key,
            "revision": self.revision.to_json(),
            "graphs": dict(self.graphs),
            "journal_end": self.journal_end,
        }
        (made / MARKER).write_text(json.dumps(content), encoding="utf-8")
        # The engine syncs its tables itself, when it makes them.
        for path in made.iterdir():
            if path.suffix != _TABLE:
                sync(path)
        sync(made)
        shutil.rmtree(self.path, ignore_errors=True)
        made.rename(self.path)
        sync(self.path.parent)


def directory_of(folder: Path, number: int) -> Path:
    """Return where a revision stands or is to stand."""
    return folder / f"{_REVISION}{number}"


def ready(folder: Path, process: int) -> Path:
    """Return where a process leaves the outcome of its work."""
    return folder / f"ready-{process}"


def iter_directories(folder: Path, key: str) -> list[Directory]:
    """Return the directories with this key, that of the newest revision first; what cannot be read is left out."""
    found = []
    for path in folder.glob(f"{_REVISION}*"):
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            content = json.loads((path / MARKER).read_text(encoding="utf-8"))
            revision = Revision.from_json(content["revision"])
            if content["key"] == key and path == directory_of(folder, revision.number):
                found.append(Directory(path, key, revision, content["graphs"], content["journal_end"]))
    return sorted(found, key=lambda directory: -directory.revision.number)


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
