"""Writing so that it lasts: what is on the disk after a crash is the old or the new, and never a part."""

from __future__ import annotations

import errno
import os
import tempfile
from pathlib import Path

from kgraph.errors import DiskFullError, JournalError, StateError

_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


def sync(path: Path) -> None:
    """Bring the content of a file, or the names in a folder, to the disk. Raises ``OSError``."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def replace_file(path: Path, text: str, mode: int) -> None:
    """Write a file whole, in UTF-8 and with these permissions, in place of what stands at ``path``, if anything.

    A reader sees the old file or the new one. Raises ``OSError``; then the old one stands.
    """
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8", newline="") as file:
            file.write(text)
            file.flush()
            os.chmod(name, mode)
            os.fsync(file.fileno())
        os.replace(name, path)
    except OSError:
        os.unlink(name)
        raise
    # Elsewhere a folder cannot be opened.
    if os.name == "posix":
        sync(path.parent)


def disk_error(
    path: Path, error: OSError, otherwise: type[StateError] | type[JournalError]
) -> DiskFullError | StateError | JournalError:
    """Return what to raise where ``path`` could not be written: there is no room, or it failed ``otherwise``."""
    reason = f"{path}: {error.strerror or error}"
    return DiskFullError(reason) if error.errno in _NO_ROOM else otherwise(reason)
