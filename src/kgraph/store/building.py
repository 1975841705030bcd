"""The engine's files of the last revision, found in a state directory or made from base and journal.

The engine is opened by a process of its own, which ends when it is done: the process that asks for the files forks.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kgraph.errors import DatasetError, JournalError, KgraphError
from kgraph.inference import Maintenance, Rule
from kgraph.store.base import ASSERTED, INFERRED, Revision
from kgraph.store.directories import (
    ORIGINALS,
    Directory,
    directory_of,
    iter_directories,
    ready,
    remove_temporary,
    remove_unused,
)
from kgraph.store.dumps import Dump
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.forks import end_with_parent
from kgraph.store.journal import Entry
from kgraph.store.literals import Originals
from kgraph.store.loading import materialise, unite
from kgraph.store.patch import n_quad
from kgraph.store.state import StateView

_LAYOUT = 1


class Building:
    """Finds or makes the directory of the last revision of a state directory."""

    def __init__(
        self,
        folder: Path,
        view: StateView,
        rules: tuple[Rule, ...],
        maintenance: Maintenance | None,
        *,
        separate: bool,
    ) -> None:
        """Look in ``folder`` for what ``view`` tells; ``separate`` as :class:`kgraph.store.held.Source` has it."""
        self._folder = folder
        self._view = view
        self._rules = rules
        self._maintenance = maintenance
        self._separate = separate
        depends = [_LAYOUT, ox.__version__, separate, repr(rules)]
        self._key = hashlib.sha256(json.dumps(depends).encode()).hexdigest()

    def build(self) -> tuple[Directory, Originals]:
        """Return the directory of the last revision and the literals that it holds in another form.

        Raises :class:`kgraph.errors.DatasetError` if it cannot be made, and ``OSError``.
        """
        self._folder.mkdir(exist_ok=True)
        remove_temporary(self._folder)
        for found in iter_directories(self._folder, self._key):
            with contextlib.suppress(JournalError, DatasetError, OSError, ValueError, KeyError):
                return self._catch_up(found)
        remove_unused(self._folder, None)
        return self._make(), self._originals(directory_of(self._folder, self._view.revision.number))

    def _catch_up(self, found: Directory) -> tuple[Directory, Originals]:
        """Bring a directory to the last revision; raises for one of another history or that cannot be opened."""
        behind = len(list(self._since(found.revision, found.journal_end)))
        if behind:
            _tell(f"the store on disk follows {behind} changes of the journal")
        made = _run_apart(lambda: self._replay(found) if behind else self._open(found))
        originals = self._originals(found.path)
        return (self._finish(made, found.path) if behind else found), originals

    def _make(self) -> Directory:
        _tell("the store on disk is made from base and journal, which takes a while for a large graph")
        return self._finish(_run_apart(self._fill))

    def _since(self, revision: Revision, journal_end: int) -> Iterator[Entry]:
        """Yield the entries after a revision. Raises :class:`kgraph.errors.JournalError` for one of another history."""
        last = self._view.revision
        if revision.number > last.number or (revision.number == last.number and revision.digest != last.digest):
            raise JournalError(f"revision {revision.tag} is not of this journal")
        return self._view.entries(Dump(self._view.base_path, revision, "", journal_end))

    def _finish(self, made: dict[str, Any], before: Path | None = None) -> Directory:
        revision = self._view.revision
        path = Path(made["path"])
        if before is not None:
            os.link(before / ORIGINALS, path / ORIGINALS)
        target = directory_of(self._folder, revision.number)
        directory = Directory(target, self._key, revision, made["graphs"], self._view.journal_end)
        directory.finish(path)
        remove_temporary(self._folder)
        return directory

    def _originals(self, path: Path) -> Originals:
        """Return the literals in another form as of the last revision: those told in a directory, and the journal's."""
        originals = Originals()
        with (path / ORIGINALS).open("rb") as file:
            told = json.loads(next(file).removeprefix(b"# "))
            originals.add_lines(file)
        for entry in self._since(Revision.from_json(told["revision"]), told["journal_end"]):
            originals.remove_lines(entry.removed.splitlines(keepends=True))
            originals.add_lines(entry.added.splitlines(keepends=True))
        return originals

    def _open(self, found: Directory) -> dict[str, Any]:
        """See that a directory can be opened."""
        ox.Store.read_only(str(found.path))
        return {}

    def _fill(self) -> dict[str, Any]:
        """Make the engine's files from base and journal."""
        engine = ox.Store(str(self._folder / f"build-{os.getpid()}"))
        originals = self._view.load(engine)
        if not self._separate:
            _tell("the store on disk: the union of the graphs")
            unite(engine)
            _tell("the store on disk: what follows from the statements")
            materialise(engine, self._rules)
        engine.optimize()
        made = self._leave(engine)
        told = {"revision": self._view.revision.to_json(), "journal_end": self._view.journal_end}
        lines = (n_quad(quad).encode() for quad in originals)
        with (Path(made["path"]) / ORIGINALS).open("wb") as file:
            file.write(f"# {json.dumps(told)}\n".encode())
            file.writelines(lines)
        return made

    def _replay(self, found: Directory) -> dict[str, Any]:
        """Make the changes since a directory's revision on a copy of it."""
        path = str(self._folder / f"build-{os.getpid()}")
        ox.Store.read_only(str(found.path)).backup(path)
        engine = ox.Store(path)
        store = EmbeddedStore(engine, found.revision, separate=self._separate, united=True, sizes=found.graphs)
        for entry in self._since(found.revision, found.journal_end):
            for name in entry.created:
                engine.add_graph(ox.NamedNode(name))
                store.recount(name, 0)
            lost, won = store.apply(entry.revision, entry.patch.removed, entry.patch.added, entry.dropped)
            if self._maintenance is not None:
                self._maintenance.derive(engine, ox.NamedNode(ASSERTED), ox.NamedNode(INFERRED), lost, won)
        return self._leave(engine)

    def _leave(self, engine: ox.Store) -> dict[str, Any]:
        """Leave a copy of the engine's files that nothing writes to any longer, and tell where and what it holds."""
        path = ready(self._folder, os.getpid())
        engine.backup(str(path))
        store = EmbeddedStore(engine, self._view.revision, separate=self._separate, united=True)
        return {"path": str(path), "graphs": dict(store.graphs())}


def _run_apart(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Run something in a fork and return what it gives.

    Raises :class:`kgraph.errors.DatasetError` with what it complains of.
    """
    reading, writing = os.pipe()
    parent = os.getpid()
    child = os.fork()
    if child == 0:
        try:
            end_with_parent(parent)
            with open(writing, "w", encoding="utf-8") as pipe:
                pipe.write(json.dumps(_outcome(work)))
        finally:
            os._exit(0)
    os.close(writing)
    with open(reading, encoding="utf-8") as pipe:
        told = pipe.read()
    with contextlib.suppress(ChildProcessError):
        os.waitpid(child, 0)
    outcome: dict[str, Any] = json.loads(told) if told else {"error": "the process that makes the store on disk ended"}
    if "error" in outcome:
        raise DatasetError(outcome["error"])
    return outcome


def _outcome(work: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    try:
        return work()
    except (KgraphError, OSError, RuntimeError, ValueError, MemoryError) as error:
        return {"error": f"the store on disk cannot be made: {error}"}


def _tell(what: str) -> None:
    print(f"kgraph: {what}", file=sys.stderr, flush=True)
