"""Homes for tests: the repository's ontology and queries, with data of a test's own."""

from __future__ import annotations

import shutil
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def make_home(home: Path, *records: Path) -> Path:
    """Make a home whose data are the records, in the graph ``report``, and return it."""
    for name in ("ontology", "queries"):
        shutil.copytree(ROOT / name, home / name)
    report = home / "data" / "ttl" / "report"
    report.mkdir(parents=True)
    for record in records:
        shutil.copy(record, report)
    return home


def make_tiny_home(home: Path) -> Path:
    """Make a home with the data of the tiny world, and return it."""
    make_home(home)
    shutil.copytree(ROOT / "tests" / "worlds" / "tiny" / "data", home / "data", dirs_exist_ok=True)
    return home
