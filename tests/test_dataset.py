"""The dataset's files: where they are found, which graph each belongs to, and where a statement stands."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from kgraph.dataset import find_home, graph_of, load_dataset, load_text
from kgraph.errors import DatasetError
from kgraph.vocabulary import GRAPHS

RECORD = """@prefix ex: <https://example.org/> .

ex:a ex:p "one"@nn ;
  ex:q ex:b .
ex:b ex:p "two" .
"""


@pytest.fixture
def small_home(tmp_path: Path) -> Path:
    """A home with one record, one ontology module, one shape and files that belong to no graph."""
    for name in (
        "data/ttl/report",
        "data/layout",
        "ontology/modules",
        "ontology/shapes",
        "ontology/examples",
        "queries",
    ):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "data/ttl/report/record.ttl").write_text(RECORD, encoding="utf-8")
    for name in ("kgraph.ttl", "modules/a.ttl", "shapes/a.ttl", "examples/a.ttl"):
        (tmp_path / "ontology" / name).write_text("", encoding="utf-8")
    (tmp_path / "data/ttl/stray.ttl").write_text("", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize(
    ("path", "graph"),
    [
        ("ontology/kgraph.ttl", "ontology"),
        ("ontology/modules/claims.ttl", "ontology"),
        ("ontology/shapes/claims.ttl", "shapes"),
        ("ontology/alignments/prov.ttl", "alignments"),
        ("data/ttl/report/findings.ttl", "report"),
        ("data/ttl/authority/deep/places.ttl", "authority"),
    ],
)
def test_a_folder_decides_the_graph(path: str, graph: str, small_home: Path) -> None:
    """A file's folder alone says which named graph its statements belong to."""
    assert graph_of(small_home / path, small_home) == GRAPHS + graph


@pytest.mark.parametrize("path", ["ontology/examples/a.ttl", "data/ttl/stray.ttl", "data/layout/a.toml", "../a.ttl"])
def test_other_files_belong_to_no_graph(path: str, small_home: Path) -> None:
    """Examples, files outside a graph's folder and files outside the home belong to no graph."""
    assert graph_of(small_home / path, small_home) is None


def test_a_dataset_lists_its_files_and_graphs(small_home: Path) -> None:
    """A dataset holds the Turtle files that belong to a graph, in the order of their paths."""
    dataset = load_dataset(small_home)
    assert [file.path.relative_to(small_home).as_posix() for file in dataset.files] == [
        "data/ttl/report/record.ttl",
        "ontology/kgraph.ttl",
        "ontology/modules/a.ttl",
        "ontology/shapes/a.ttl",
    ]
    assert dataset.graphs == (GRAPHS + "ontology", GRAPHS + "report", GRAPHS + "shapes")


def test_each_statement_knows_its_line(small_home: Path) -> None:
    """A statement leads back to the file and the line of its object, a resource to its first line."""
    dataset = load_dataset(small_home)
    record = small_home / "data/ttl/report/record.ttl"
    assert len(list(dataset.iter_quads())) == 3
    assert dataset.line_of(("<https://example.org/a>", "<https://example.org/q>", "<https://example.org/b>")) == (
        record,
        4,
    )
    assert dataset.line_of_subject("<https://example.org/b>") == (record, 5)
    assert dataset.line_of_subject("<https://example.org/c>") is None
    triple = dataset.files[0].document.triples[0]
    assert dataset.line_of(triple) == (record, 3)


def test_a_folder_without_data_is_no_home(tmp_path: Path) -> None:
    """A folder that lacks one of the three folders is refused, and the missing ones are named."""
    (tmp_path / "ontology").mkdir()
    with pytest.raises(DatasetError, match="has no data/, queries/"):
        load_dataset(tmp_path)


def test_the_repository_is_found_from_its_source(home: Path) -> None:
    """With the package's source in a repository, the repository is the home."""
    found = subprocess.run(
        [sys.executable, "-c", "from kgraph.dataset import find_home; print(find_home())"],
        cwd="/",
        env={"PYTHONPATH": str(home / "src")},
        capture_output=True,
        text=True,
        check=True,
    )
    assert Path(found.stdout.strip()) == home
    assert (find_home() / "ontology").is_dir()


def test_text_that_is_not_utf8_is_named(tmp_path: Path) -> None:
    """A file in another encoding, or one that is not there, is an error that names it."""
    path = tmp_path / "latin.ttl"
    path.write_bytes("blåbær".encode("latin-1"))
    with pytest.raises(DatasetError, match=r"latin\.ttl: not UTF-8 text \(byte 2\)"):
        load_text(path)
    with pytest.raises(DatasetError, match=r"none\.ttl: No such file"):
        load_text(tmp_path / "none.ttl")


def test_a_byte_order_mark_is_dropped(tmp_path: Path) -> None:
    """A byte-order mark at the start of a file is no part of its text."""
    path = tmp_path / "marked.ttl"
    path.write_bytes(b"\xef\xbb\xbf# text")
    assert load_text(path) == "# text"
