"""How much memory there is for something large."""

from __future__ import annotations

import contextlib
from pathlib import Path

_INFO = Path("/proc/meminfo")
_GROUP = Path("/sys/fs/cgroup")


def available() -> int:
    """Return the bytes that this process may take without pushing anything out; 0 where nothing tells."""
    found = []
    with contextlib.suppress(OSError, ValueError, StopIteration):
        line = next(line for line in _INFO.read_text(encoding="ascii").splitlines() if line.startswith("MemAvailable:"))
        found.append(int(line.split()[1]) * 1024)
    with contextlib.suppress(OSError, ValueError):
        # "max" where the group has no limit.
        limit = int((_GROUP / "memory.max").read_text(encoding="ascii"))
        found.append(limit - int((_GROUP / "memory.current").read_text(encoding="ascii")))
    return max(0, min(found, default=0))
