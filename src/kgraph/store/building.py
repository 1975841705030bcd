"""The engine's files of the last revision, found in a state directory or made from base and journal.

The engine's files are opened by a process of their own, which ends when it is done: the process that asks for them
forks.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import pyoxigraph as ox

import kgraph
from kgraph.errors import DatasetError, JournalError
from kgraph.inference import Maintenance, Rule
from kgraph.store.apart import Apart, run_apart
from kgraph.store.base import Revision
from kgraph.store.directories import (
    ORIGINALS,
    Directory,
    directory_of,
    paths_of_revisions,
    read_directory,
    ready,
    remove_temporary,
    remove_unused,
)
from kgraph.store.dumps import Dump
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.following import follow
from kgraph.store.journal import Entry
from kgraph.store.literals import Originals
from kgraph.store.loading import materialise, unite
from kgraph.store.memory import available
from kgraph.store.patch import n_quad
from kgraph.store.state import StateView

FOLDER = "store"
"""The folder of the engine's files in a state directory."""

_LAYOUT = 2
_AT_ONCE = 500_000
_IN_MEMORY = 8
"""Bytes of memory that a byte of base or journal comes to at most, with the union and what follows."""

_WRITING = 1 << 30
"""Bytes of memory that writing the engine's files takes."""

_UNREADABLE = "its files"
_FAILED = "the store on disk cannot be made"
_USELESS = (JournalError, DatasetError, OSError, ValueError, KeyError)
"""What is raised for a directory that is of another history, damaged, or gone meanwhile."""


class Point(NamedTuple):
    """A revision, and the byte of the journal where the entry ends that made it."""

    revision: Revision
    journal_end: int


class Building:
    """Finds or makes the directory of the last revision of a state directory."""

    def __init__(
        self,
        view: StateView,
        rules: tuple[Rule, ...],
        maintenance: Maintenance | None,
        *,
        separate: bool,
        meanwhile: Callable[[], object] = lambda: None,
    ) -> None:
        """Look for what ``view`` tells; ``separate`` as :class:`kgraph.store.held.Source` has it.

        ``meanwhile`` is called while a directory is verified, which another process does.
        """
        self._meanwhile = meanwhile
        self._folder = view.folder / FOLDER
        self._view = view
        self._last = Point(view.revision, view.journal_end)
        self._rules = rules
        self._maintenance = maintenance
        self._separate = separate
        depends = [_LAYOUT, kgraph.__version__, ox.__version__, separate, repr(rules)]
        self._key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()

    def build(self) -> tuple[Directory, Originals]:
        """Return the directory of the last revision, made if need be, and the literals that it holds in another form.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be made, and ``OSError``.
        """
        return self.catch_up() or self._make()

    def catch_up(self) -> tuple[Directory, Originals] | None:
        """Return the directory of the last revision if one that is there only lacks changes, brought up to date.

        Each directory that is of no use is told of on standard error. Raises ``OSError``.
        """
        self._folder.mkdir(exist_ok=True)
        remove_temporary(self._folder)
        for found in self._candidates():
            try:
                return self._catch_up(found)
            except _USELESS as error:
                tell(f"{found.path} is not used: {error}")
        return None

    def load(self) -> tuple[ox.Store, Directory, Originals] | None:
        """Return an engine in memory with all that the newest directory of use holds, and that directory.

        It may be of an earlier revision than the last. The third are the literals that it holds in another form.
        """
        for found in self._candidates():
            try:
                lease = found.take_lease()
            except OSError:
                continue
            try:
                self.since(found)
                return self._load(found), found, self._originals(found.path, found)
            except _USELESS as error:
                tell(f"{found.path} is not used: {error}")
            finally:
                os.close(lease)
        return None

    def write(self, engine: ox.Store, originals: Originals, at: Point) -> Directory:
        """Make the directory of a revision from an engine that holds it in memory, with what follows.

        Raises what :meth:`build` raises.
        """
        self._folder.mkdir(exist_ok=True)
        remove_temporary(self._folder)
        return self._finish(run_apart(lambda: self._copy(engine, originals, at), _FAILED), at)

    def since(self, directory: Directory) -> Iterator[Entry]:
        """Yield the changes since a directory's revision.

        Raises :class:`kgraph.errors.JournalError` at once if it is of another history.
        """
        return self._since(directory.revision, directory.journal_end)

    def _candidates(self) -> Iterator[Directory]:
        """Yield the directories that may be of use, that of the newest revision first, and tell of the others."""
        for path in paths_of_revisions(self._folder):
            try:
                found = read_directory(path)
                if found.key != self._key:
                    raise DatasetError("another ontology, other rules or another version made it")
            except (*_USELESS, TypeError) as error:
                tell(f"{path} is not used: {error}")
            else:
                yield found

    def _catch_up(self, found: Directory) -> tuple[Directory, Originals]:
        """Bring a directory to the last revision; raises for one of another history or that cannot be opened."""
        behind = sum(1 for _ in self.since(found))
        if behind:
            tell(f"the store on disk follows {behind} changes of the journal")
        work = Apart(lambda: self._replay(found) if behind else self._open(found), _UNREADABLE)
        self._meanwhile()
        made = work.wait()
        originals = self._originals(found.path)
        return (self._finish(made, self._last, found) if behind else found), originals

    def _make(self) -> tuple[Directory, Originals]:
        remove_unused(self._folder, None)
        tell("the store on disk is made from base and journal, which takes a while for a large graph")
        directory = self._finish(run_apart(self._fill, _FAILED), self._last)
        return directory, self._originals(directory.path)

    def _since(self, revision: Revision, journal_end: int) -> Iterator[Entry]:
        last = self._last.revision
        if revision.number > last.number or (revision.number == last.number and revision.digest != last.digest):
            raise JournalError(f"revision {revision.tag} is not of this journal")
        return self._view.entries(Dump(self._view.base_path, revision, "", journal_end))

    def _finish(self, made: dict[str, Any], at: Point, before: Directory | None = None) -> Directory:
        path = Path(made["path"])
        if before is not None:
            os.link(before.path / ORIGINALS, path / ORIGINALS)
        target = directory_of(self._folder, at.revision.number)
        directory = Directory(target, self._key, at.revision, made["graphs"], at.journal_end)
        finished = directory.finish(path, before)
        remove_temporary(self._folder)
        return finished

    def _originals(self, path: Path, until: Directory | None = None) -> Originals:
        """Return the literals in another form as of the last revision, or of that of the directory ``until``.

        They are those told in a directory, and the journal's.
        """
        originals = Originals()
        with (path / ORIGINALS).open("rb") as file:
            told = json.loads(next(file).removeprefix(b"# "))
            originals.add_lines(file)
        for entry in self._since(Revision.from_json(told["revision"]), told["journal_end"]):
            if until is not None and entry.revision.number > until.revision.number:
                break
            originals.remove_lines(entry.removed.splitlines(keepends=True))
            originals.add_lines(entry.added.splitlines(keepends=True))
        return originals

    def _open(self, found: Directory) -> dict[str, Any]:
        """See that a directory is as it was written and can be opened."""
        found.verify()
        ox.Store.read_only(str(found.path))
        return {}

    def _load(self, found: Directory) -> ox.Store:
        run_apart(lambda: self._open(found), _UNREADABLE)
        reading, writing = os.pipe()

        def pour() -> dict[str, Any]:
            os.close(reading)
            with open(writing, "wb") as pipe:
                ox.Store.read_only(str(found.path)).dump(pipe, format=ox.RdfFormat.N_QUADS)
            return {}

        pouring = Apart(pour, _UNREADABLE)
        os.close(writing)
        engine = ox.Store()
        with open(reading, "rb") as pipe:
            # Labels of blank nodes are kept by this way of reading.
            engine.bulk_extend(ox.parse(pipe, format=ox.RdfFormat.N_QUADS, lenient=True))
        # Only what ends well is whole.
        pouring.wait()
        for name in found.graphs:
            engine.add_graph(ox.NamedNode(name))
        return engine

    def _fill(self) -> dict[str, Any]:
        """Make the engine's files from base and journal: by way of memory where there is room for the whole."""
        size = self._view.base_path.stat().st_size + self._view.journal_end
        in_memory = size * _IN_MEMORY + _WRITING < available()
        engine = ox.Store() if in_memory else ox.Store(str(self._folder / f"build-{os.getpid()}"))
        originals = self._view.load(engine)
        if not self._separate:
            tell("the store on disk: the union of the graphs")
            unite(engine)
            tell("the store on disk: what follows from the statements")
            materialise(engine, self._rules)
        if in_memory:
            return self._copy(engine, originals, self._last)
        engine.optimize()
        return self._leave(engine, self._last, originals)

    def _copy(self, engine: ox.Store, originals: Originals, at: Point) -> dict[str, Any]:
        """Make the engine's files from an engine in memory."""
        tell("the store on disk: its files")
        copy = ox.Store(str(self._folder / f"build-{os.getpid()}"))
        quads = iter(engine)
        while part := list(islice(quads, _AT_ONCE)):
            copy.bulk_extend(part)
        for graph in engine.named_graphs():
            copy.add_graph(graph)
        copy.optimize()
        return self._leave(copy, at, originals)

    def _replay(self, found: Directory) -> dict[str, Any]:
        """Make the changes since a directory's revision on a copy of it."""
        found.verify()
        path = str(self._folder / f"build-{os.getpid()}")
        ox.Store.read_only(str(found.path)).backup(path)
        engine = ox.Store(path)
        store = EmbeddedStore(engine, found.revision, separate=self._separate, united=True, sizes=found.graphs)
        for _ in follow(store, self._maintenance, self.since(found)):
            pass
        return self._leave(engine, self._last, sizes=store.graphs())

    def _leave(
        self,
        engine: ox.Store,
        at: Point,
        originals: Originals | None = None,
        sizes: Mapping[str, int] | None = None,
    ) -> dict[str, Any]:
        """Leave a copy of the engine's files that nothing writes to any longer, and tell where and what it holds."""
        path = ready(self._folder, os.getpid())
        engine.backup(str(path))
        if originals is not None:
            told = {"revision": at.revision.to_json(), "journal_end": at.journal_end}
            lines = (n_quad(quad).encode() for quad in originals)
            with (path / ORIGINALS).open("wb") as file:
                file.write(f"# {json.dumps(told)}\n".encode())
                file.writelines(lines)
        store = EmbeddedStore(engine, at.revision, separate=self._separate, united=True, sizes=sizes)
        return {"path": str(path), "graphs": dict(store.graphs())}


def tell(what: str) -> None:
    """Tell whoever runs the server, on standard error."""
    print(f"kgraph: {what}", file=sys.stderr, flush=True)
