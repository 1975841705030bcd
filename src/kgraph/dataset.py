"""The dataset as files: where they are, which named graph each belongs to, and what each line states."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import kgraph
from kgraph.errors import DatasetError
from kgraph.turtle import Document, Term, Triple, read_turtle
from kgraph.vocabulary import GRAPHS

KNOWLEDGE_FOLDERS = ("ontology", "data", "queries")
"""The folders that make a home."""

_ONTOLOGY_GRAPHS = {"shapes": "shapes", "alignments": "alignments", "modules": "ontology"}
_DL_SUPPLEMENT = "dl.ttl"


class Quad(NamedTuple):
    """A statement and the IRI of the named graph it stands in; terms are in N-Triples syntax."""

    subject: Term
    predicate: Term
    object: Term
    graph: str


class Place(NamedTuple):
    """Where a statement stands: a file and a 1-based line in it."""

    path: Path
    line: int


@dataclass(frozen=True)
class DataFile:
    """A Turtle file of the dataset and the IRI of the named graph it belongs to."""

    path: Path
    graph: str

    @property
    def in_core(self) -> bool:
        """Whether the file belongs to the OWL 2 RL core of the ontology, from which the rules are compiled."""
        return self.graph == GRAPHS + "ontology" and self.path.name != _DL_SUPPLEMENT

    @cached_property
    def document(self) -> Document:
        """The file's statements with their positions, read when first asked for.

        Raises :class:`kgraph.errors.DatasetError` if the file cannot be read as UTF-8 text.
        """
        return read_turtle(load_text(self.path))


@dataclass(frozen=True)
class Dataset:
    """The Turtle files of a home, in the order of their paths.

    ``home`` holds ``ontology/``, ``data/`` and ``queries/``. A store loads ``files`` by their paths;
    the statements with their lines are read only when a method here asks for them.
    """

    home: Path
    files: tuple[DataFile, ...]

    @property
    def graphs(self) -> tuple[str, ...]:
        """The IRIs of the named graphs, sorted, each once."""
        return tuple(sorted({file.graph for file in self.files}))

    @cached_property
    def date(self) -> datetime:
        """When the newest file was last changed, in whole seconds of UTC."""
        newest = max((file.path.stat().st_mtime for file in self.files), default=0.0)
        return datetime.fromtimestamp(int(newest), UTC)

    def iter_quads(self) -> Iterator[Quad]:
        """Yield each statement of each file with its graph, in the order in which they are written."""
        for file in self.files:
            for triple in file.document.triples:
                yield Quad(triple.subject, triple.predicate, triple.object, file.graph)

    def line_of(self, triple: Triple | tuple[Term, Term, Term]) -> Place | None:
        """Return where a statement first stands, or ``None`` if no file states it."""
        if isinstance(triple, Triple):
            triple = (triple.subject, triple.predicate, triple.object)
        return self._statements.get(triple)

    def line_of_subject(self, subject: Term) -> Place | None:
        """Return where a resource is first described, or ``None`` if no file has it as a subject."""
        return self._subjects.get(subject)

    @cached_property
    def _statements(self) -> dict[tuple[Term, Term, Term], Place]:
        places: dict[tuple[Term, Term, Term], Place] = {}
        for file in self.files:
            for triple in file.document.triples:
                key = (triple.subject, triple.predicate, triple.object)
                places.setdefault(key, Place(file.path, triple.line))
        return places

    @cached_property
    def _subjects(self) -> dict[Term, Place]:
        places: dict[Term, Place] = {}
        for file in self.files:
            for triple in file.document.triples:
                places.setdefault(triple.subject, Place(file.path, triple.subject_line))
        return places


def find_home() -> Path:
    """Return the folder that holds ``ontology/``, ``data/`` and ``queries/``.

    That is the folder ``_data`` of the installed package, else the repository that the package's
    source stands in. Raises :class:`kgraph.errors.DatasetError` if neither is there.
    """
    package = Path(kgraph.__file__).resolve().parent
    for candidate in (package / "_data", package.parent.parent):
        if is_home(candidate):
            return candidate
    raise DatasetError(f"no ontology/, data/ and queries/ in {package / '_data'} or {package.parent.parent}")


def is_home(folder: Path) -> bool:
    """Tell whether a folder holds ``ontology/``, ``data/`` and ``queries/``."""
    return all((folder / name).is_dir() for name in KNOWLEDGE_FOLDERS)


def graph_of(path: Path, home: Path) -> str | None:
    """Return the IRI of the named graph that a file belongs to, or ``None`` if it is not of the dataset.

    ``data/ttl/<name>/…`` is graph ``<name>``; ``ontology/shapes`` and ``ontology/alignments`` are graphs
    of those names; the rest of the ontology, its modules included, is graph ``ontology``. The examples
    beside the ontology belong to no graph.
    """
    return _graph_of(path, home.resolve())


def _graph_of(path: Path, home: Path) -> str | None:
    try:
        parts = path.resolve().relative_to(home).parts
    except ValueError:
        return None
    match parts:
        case ("data", "ttl", folder, _, *_):
            return GRAPHS + folder
        case ("ontology", _):
            return GRAPHS + "ontology"
        case ("ontology", folder, _, *_) if folder in _ONTOLOGY_GRAPHS:
            return GRAPHS + _ONTOLOGY_GRAPHS[folder]
        case _:
            return None


def iter_files(home: Path) -> Iterator[DataFile]:
    """Yield the Turtle files of a home that belong to a named graph, in the order of their paths."""
    paths = [path for name in ("ontology", "data") for path in (home / name).rglob("*.ttl")]
    resolved = home.resolve()
    for path in sorted(paths):
        graph = _graph_of(path, resolved)
        if graph is not None:
            yield DataFile(path, graph)


def load_dataset(home: Path) -> Dataset:
    """List the dataset's files.

    Raises :class:`kgraph.errors.DatasetError` if ``home`` does not hold the folders of a dataset.
    """
    if not is_home(home):
        missing = ", ".join(name + "/" for name in KNOWLEDGE_FOLDERS if not (home / name).is_dir())
        raise DatasetError(f"{home} is not a home of kgraph: it has no {missing}")
    return Dataset(home, tuple(iter_files(home)))


def load_text(path: Path) -> str:
    """Read a file as UTF-8 text; a byte-order mark at its start is dropped.

    Raises :class:`kgraph.errors.DatasetError` if the file cannot be read or is not UTF-8.
    """
    try:
        return path.read_text(encoding="utf-8-sig")
    except UnicodeDecodeError as error:
        raise DatasetError(f"{path}: not UTF-8 text (byte {error.start})") from error
    except OSError as error:
        raise DatasetError(f"{path}: {error.strerror or error}") from error
