"""What the benchmarks share: timing in rounds, and a table that tells machine and versions."""

from __future__ import annotations

import os
import platform
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version


def seconds(work: Callable[[], object], rounds: int) -> list[float]:
    """Run ``work`` ``rounds`` times and return the seconds each took."""
    taken = []
    for _ in range(rounds):
        start = time.perf_counter()
        work()
        taken.append(time.perf_counter() - start)
    return taken


def describe_machine(packages: Sequence[str]) -> str:
    """Return one line on the machine and the versions of ``packages``."""
    named = []
    for package in packages:
        try:
            named.append(f"{package} {version(package)}")
        except PackageNotFoundError:
            named.append(f"{package} not installed")
    return f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}; " + ", ".join(named)


def render_rows(measured: Mapping[str, Sequence[float]], unit_of: str) -> str:
    """Return a Markdown table of medians and spreads, with each median as a ratio to that of ``unit_of``."""
    unit = statistics.median(measured[unit_of])
    lines = ["| step | median, s | least – most, s | ratio |", "|---|---|---|---|"]
    for name, taken in measured.items():
        median = statistics.median(taken)
        lines.append(f"| {name} | {median:.3f} | {min(taken):.3f} – {max(taken):.3f} | {median / unit:.1f} |")
    return "\n".join(lines)
