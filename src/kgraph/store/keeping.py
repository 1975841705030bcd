"""The engine's files beside the journal, kept for a dataset in memory so that the next start can begin with them.

They are those of a store on disk (:mod:`kgraph.store.directories`), with the union and what follows. Base and journal
stay the truth: files that are missing, damaged, of another history, or made by other rules or versions are told of and
not used.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator

from kgraph.errors import DatasetError, JournalError, StateError
from kgraph.inference import Maintenance, Rule
from kgraph.store.building import FOLDER, Building, Point, tell
from kgraph.store.directories import remove_temporary, remove_unused
from kgraph.store.embedded import EmbeddedStore
from kgraph.store.following import follow
from kgraph.store.journal import Entry, JournalReader
from kgraph.store.state import JOURNAL, StateView

_LOCK = "keeping.lock"
_NICE = 10


class Keeping:
    """Files of a state directory, and the place in its journal that a dataset in memory has come to."""

    def __init__(
        self, view: StateView, rules: tuple[Rule, ...], maintenance: Maintenance | None, *, separate: bool
    ) -> None:
        """Keep the files of the state directory that ``view`` reads, for a dataset in its last state."""
        self._state = view.folder
        self._rules = rules
        self._maintenance = maintenance
        self._separate = separate
        self._building = self._build(view)
        self._end = view.journal_end

    def load(self) -> EmbeddedStore | None:
        """Return the last state in memory, from files that are there, or ``None`` if none are of use."""
        loaded = self._building.load()
        if loaded is None:
            return None
        engine, found, originals = loaded
        store = EmbeddedStore(
            engine, found.revision, separate=self._separate, originals=originals, united=True, sizes=found.graphs
        )
        for _ in follow(store, self._maintenance, self._building.since(found)):
            pass
        return store

    def follow(self, store: EmbeddedStore) -> Iterator[Entry]:
        """Make the changes on a store that the journal has got since, and yield each.

        Raises :class:`kgraph.errors.JournalError` for damage.
        """
        reader = JournalReader(self._state / JOURNAL, store.revision, self._end)
        yield from follow(store, self._maintenance, reader)
        self._end = reader.end

    def move(self) -> None:
        """Take note that the dataset has come to the end of the journal."""
        self._end = (self._state / JOURNAL).stat().st_size

    def keep(self, store: EmbeddedStore) -> None:
        """Bring the files up to date, or make them from a store; in a fork, which may take its time.

        What does not succeed is told on standard error and leaves the files as they were.
        """
        os.nice(_NICE)
        folder = self._state / FOLDER
        try:
            folder.mkdir(exist_ok=True)
            with (folder / _LOCK).open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self._keep(store)
        except BlockingIOError:
            # Another fork is at it.
            return
        except (DatasetError, JournalError, StateError, OSError) as error:
            remove_temporary(folder)
            tell(f"no files were made for the next start: {error}")

    def _keep(self, store: EmbeddedStore) -> None:
        building = self._build(StateView(self._state))
        found = building.catch_up()
        directory = (
            found[0] if found else building.write(store.engine, store.originals, Point(store.revision, self._end))
        )
        remove_unused(self._state / FOLDER, directory.path)
        tell(f"the files for the next start are those of revision {directory.revision.number}")

    def _build(self, view: StateView) -> Building:
        return Building(view, self._rules, self._maintenance, separate=self._separate)
