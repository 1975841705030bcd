"""Files in their one form (G1), and what a catalogue needs to know of the whole (G13)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from kgraph.turtle import read_turtle, render_canonical
from kgraph.vocabulary import PREFIXES

FOLDERS = ("ontology", "data/ttl")


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_turtle_file_is_in_canonical_form(home: Path, folder: str) -> None:
    """``kgraph format`` would change no file of the ontology, its shapes, alignments and examples, or of the data."""
    paths = sorted((home / folder).rglob("*.ttl"))
    assert len(paths) > 30
    others = []
    for path in paths:
        text = path.read_text(encoding="utf-8")
        if render_canonical(read_turtle(text), PREFIXES) != text:
            others.append(str(path.relative_to(home)))
    assert others == []


def test_the_citation_file_says_what_its_format_asks_for(repository: Path) -> None:
    """CITATION.cff has version, message, title, type, authors with names, and licences by their SPDX names."""
    citation = yaml.safe_load((repository / "CITATION.cff").read_text(encoding="utf-8"))
    assert re.fullmatch(r"1\.2\.\d", citation["cff-version"])
    assert citation["message"] and citation["title"]
    assert citation["type"] in ("software", "dataset")
    assert citation["authors"] and all(
        {"name"} <= author.keys() or {"family-names"} <= author.keys() for author in citation["authors"]
    )
    assert citation["license"] == ["MIT", "CC-BY-4.0"]
    assert len(citation["keywords"]) == len(set(citation["keywords"]))


def test_code_and_data_have_their_licences(repository: Path) -> None:
    """The code is under MIT, the knowledge under CC BY 4.0, and the package says both."""
    assert "MIT License" in (repository / "LICENSE").read_text(encoding="utf-8")
    data = (repository / "LICENSE-DATA").read_text(encoding="utf-8")
    assert "https://creativecommons.org/licenses/by/4.0/" in data
    assert all(f"{folder}/" in data for folder in ("ontology", "data", "queries"))
    package = (repository / "pyproject.toml").read_text(encoding="utf-8")
    assert 'license = "MIT AND CC-BY-4.0"' in package
