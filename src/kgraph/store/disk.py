"""A dataset whose engine is on disk: forks open the directory of their revision, and a change makes the next one.

The process that forks never opens the engine's files, since the engine has threads. A fork that answers queries opens
the directory of the present revision to read. A fork that works changes out makes a checkpoint of it (hard links),
changes that, and makes a checkpoint of the outcome; if the draft counts, this becomes the directory of the next
revision. Base and journal are the truth: directories that are missing, of another history or made by other rules are
made from them (:mod:`kgraph.store.building`).
"""

from __future__ import annotations

import contextlib
import os
import shutil
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pyoxigraph as ox

from kgraph.dataset import load_dataset
from kgraph.errors import DatasetError, QueryFailedError
from kgraph.inference import Maintenance
from kgraph.store.base import INFERRED, Change, Revision
from kgraph.store.building import FOLDER, Building
from kgraph.store.directories import ORIGINALS, Directory, directory_of, ready, remove_temporary, remove_unused
from kgraph.store.drafts import Draft
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.held import GraphTags, Held, Source, import_checker, make_checker
from kgraph.store.literals import Originals
from kgraph.store.loading import compile_core
from kgraph.store.state import JOURNAL, StateView

DESCRIPTORS = 1024
"""Files that a process may have open: the engine keeps no more than that open, however many it has."""


class DiskHeld:
    """A dataset on disk, as the process sees it whose forks ask and change it."""

    descriptors = DESCRIPTORS

    def __init__(
        self, source: Source, state: Path, maintenance: Maintenance | None, built: tuple[Directory, Originals]
    ) -> None:
        """Hold the present revision of a state directory: what was built of it."""
        self._separate = source.separate
        self._folder = state / FOLDER
        self._journal = state / JOURNAL
        self._directory, self._originals = built
        self._maintenance = maintenance
        self._checker = make_checker(source)
        self._tags = GraphTags(self._directory.revision)
        self.notices: Sequence[str] = ()
        self._drafter = 0
        self.leases: tuple[int, ...] = (self._directory.take_lease(),)
        remove_unused(self._folder, self._directory.path)

    def describe(self) -> dict[str, Any]:
        """Return the revision, the sizes of the graphs, the tag of each, and the notices, as JSON has it."""
        return self._tags.describe(self._directory.revision, self._directory.graphs, self.notices)

    def open_reader(self) -> EmbeddedStore:
        """Open the present revision to read."""
        return self._store(ox.Store.read_only(str(self._directory.path)))

    def open_drafter(self) -> _DiskDrafter:
        """Make a copy of the present revision that can be changed."""
        remove_temporary(self._folder)
        path = self._folder / f"draft-{os.getpid()}"
        ox.Store.read_only(str(self._directory.path)).backup(str(path))
        for lease in self.leases:
            os.close(lease)
        store = self._store(ox.Store(str(path)))
        return _DiskDrafter(Held(store, self._maintenance, self._checker), ready(self._folder, os.getpid()))

    def note_drafter(self, process: int) -> None:
        """Take note of the fork whose outcome may become the next revision."""
        self._drafter = process

    def apply(self, draft: Draft, revision: Revision) -> None:
        """Make the outcome of the fork that worked a draft out the present revision."""
        before = self._directory
        made = ready(self._folder, self._drafter)
        with contextlib.suppress(FileExistsError):
            os.link(before.path / ORIGINALS, made / ORIGINALS)
        directory = Directory(
            directory_of(self._folder, revision.number),
            before.key,
            revision,
            _count(before.graphs, draft),
            self._journal.stat().st_size,
        )
        self._directory = directory.finish(made, before)
        self._originals.apply(draft.patch)
        self._tags.note(draft.graphs, revision)
        (lease,) = self.leases
        self.leases = (self._directory.take_lease(),)
        os.close(lease)
        remove_unused(self._folder, self._directory.path)

    def _store(self, engine: ox.Store) -> EmbeddedStore:
        return EmbeddedStore(
            engine,
            self._directory.revision,
            separate=self._separate,
            originals=self._originals,
            united=True,
            sizes=self._directory.graphs,
        )


class _DiskDrafter:
    """Works changes out on a directory of its own, and leaves the outcome of the last one as another."""

    def __init__(self, held: Held, outcome: Path) -> None:
        self._held = held
        self._outcome = outcome

    def draft(self, change: Change) -> Draft:
        draft = self._held.draft(change)
        if not change.dry_run and (draft.patch or draft.created or draft.dropped):
            shutil.rmtree(self._outcome, ignore_errors=True)
            try:
                self._held.store.engine.backup(str(self._outcome))
            except (OSError, RuntimeError, ValueError) as error:
                raise QueryFailedError(str(error)) from error
        return draft


def open_disk(source: Source) -> DiskHeld:
    """Find or make the directory of the last revision of a source's state directory.

    Raises :class:`kgraph.errors.DatasetError`, :class:`kgraph.errors.RuleError`, :class:`kgraph.errors.JournalError`
    or :class:`kgraph.errors.StateError`.
    """
    if source.state is None:
        raise DatasetError("a store on disk needs a state directory")
    rules = () if source.separate else compile_core(load_dataset(source.home))
    maintenance = Maintenance(rules) if rules else None
    view = StateView(source.state)
    building = Building(
        view, rules, maintenance, separate=source.separate, meanwhile=lambda: import_checker(source.checker)
    )
    try:
        built = building.catch_up() if source.bridge else building.build()
        if built is None:
            raise DatasetError(f"{source.state / FOLDER} has no files to begin with")
        held = DiskHeld(source, source.state, maintenance, built)
    except OSError as error:
        raise DatasetError(f"{source.state / FOLDER}: {error.strerror or error}") from error
    held.notices = view.notices
    return held


def _count(graphs: Mapping[str, int], draft: Draft) -> dict[str, int]:
    """Return the sizes of the named graphs after a draft."""
    sizes = dict(graphs)
    for name in draft.created:
        sizes.setdefault(name, 0)
    for quads, sign in ((draft.patch.removed, -1), (draft.patch.added, 1)):
        for name, count in Counter(quad.graph for quad in quads if quad.graph).items():
            sizes[name] = sizes.get(name, 0) + sign * count
    for name in draft.dropped:
        sizes.pop(name, None)
    if draft.inferred:
        sizes[INFERRED] = sizes.get(INFERRED, 0) + len(draft.inferred.added) - len(draft.inferred.removed)
    return sizes
