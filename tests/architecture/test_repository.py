"""What the repository may and may not hold."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FORBIDDEN = {
    "an unfinished mark": re.compile(r"\b(TO" + "DO|FIX" + r"ME|XX" + r"X)\b"),
    "a path of one machine": re.compile(r"(?<![\w./])/(wor" + r"k|home/\w+|Users/\w+)/"),
}
TEXT_SUFFIXES = {".py", ".md", ".ttl", ".rq", ".toml", ".txt", ".html", ".js", ".ts", ".css", ".cff", ".json", ""}


def tracked_files() -> list[Path]:
    """Return the files of the repository that exist in the working tree."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    try:
        listing = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("the files are not in a git repository")
    return [path for name in listing.splitlines() if (path := ROOT / name).is_file()]


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    """No text file of the repository holds an unfinished mark or a path of one machine."""
    found = [
        f"{path.relative_to(ROOT)}:{number}"
        for path in tracked_files()
        if path.suffix in TEXT_SUFFIXES
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        if FORBIDDEN[what].search(line)
    ]
    assert found == []


def test_the_citation_names_the_version() -> None:
    """CITATION.cff and the package speak of the same version."""
    version = re.search(r'__version__ = "(.+)"', (ROOT / "src/kgraph/__init__.py").read_text(encoding="utf-8"))
    assert version is not None
    assert f"version: {version[1]}\n" in (ROOT / "CITATION.cff").read_text(encoding="utf-8")


def test_constraints_are_versions_only() -> None:
    """constraints.txt pins names to versions and names no address."""
    lines = (ROOT / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [line for line in lines if line and not line.startswith("#")]
    assert pins and all(re.fullmatch(r"[A-Za-z0-9._-]+==[\w.]+", line) for line in pins)
