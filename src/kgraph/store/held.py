"""What the process that holds the dataset knows: the store, the rules, the checks, and the state of each graph."""

from __future__ import annotations

import json
import socket
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol, Self

import pyoxigraph as ox

from kgraph.dataset import load_dataset
from kgraph.inference import Maintenance
from kgraph.report import Report
from kgraph.store.base import INFERRED, Change, Revision
from kgraph.store.copies import Copies
from kgraph.store.drafts import Checker, Draft, Drafting
from kgraph.store.embedded import UNNAMED, EmbeddedStore, read_quads
from kgraph.store.keeping import Keeping
from kgraph.store.literals import Originals
from kgraph.store.loading import compile_core, load_files, materialise, unite
from kgraph.store.patch import Patch
from kgraph.store.state import StateView


@dataclass(frozen=True)
class Source:
    """Where the data come from and what is done with them.

    ``home`` holds the packaged dataset, ``state`` the kept one, if there is one. With ``separate`` the default graph
    is the unnamed graph alone and nothing is inferred. ``checker`` names, as ``module:attribute``, what makes a
    :class:`Checking` of a home. ``memory`` and ``draft_memory`` are the MiB that one query and one
    change may add. ``copies`` is the number of statements up to which :class:`kgraph.store.copies.Copies` are kept.
    With ``on_disk`` the engine's files in the state directory are asked, else the engine in memory. ``quick`` is the
    number of statements from which such files are kept for the engine in memory, so that a start can begin with them;
    0 keeps none. With ``bridge`` files are asked that are there, brought up to date, and none are made. ``borrower``
    names, as ``module:attribute``, the :data:`Borrower` that processes made for it run; empty for none.
    """

    home: Path
    state: Path | None = None
    separate: bool = False
    checker: str = ""
    memory: int = 2048
    draft_memory: int = 4096
    copies: int = 3_000_000
    on_disk: bool = False
    quick: int = 0
    bridge: bool = False
    borrower: str = ""

    def to_json(self) -> str:
        """Return the source as text."""
        return json.dumps({**vars(self), "home": str(self.home), "state": self.state and str(self.state)})

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Read what :meth:`to_json` gave."""
        content = json.loads(text)
        state = content["state"]
        return cls(**{**content, "home": Path(content["home"]), "state": Path(state) if state else None})


class Borrower(Protocol):
    """What answers requests in a fork that is lent connections."""

    def __call__(self, channel: socket.socket, store: EmbeddedStore, *, is_current: Callable[[], bool]) -> None:
        """Answer on what comes by ``channel`` until that is closed; ``is_current`` tells whether the data still are."""


class Checking(Protocol):
    """What checks changes."""

    def check(self, after: ox.Store, patch: Patch) -> Report:
        """Check a store after a change; nothing may be read from disk, since the process that asks cannot."""


class Drafter(Protocol):
    """What works changes out, one on top of the other."""

    def draft(self, change: Change) -> Draft:
        """Work a change out.

        Raises what :meth:`kgraph.store.drafts.Drafting.draft` raises; then it is of no further use.
        """


class Holding(Protocol):
    """A dataset, as the process sees it whose forks ask and change it.

    ``leases`` are open files that forks keep as long as they use the data, ``descriptors`` the number of files that
    they may have open beside their socket.
    """

    leases: tuple[int, ...]
    descriptors: int

    def describe(self) -> dict[str, Any]:
        """Return the revision, the sizes of the graphs, the tag of each, and the notices, as JSON has it."""

    def open_reader(self) -> EmbeddedStore:
        """Return, in a fork, what queries are asked of."""

    def open_drafter(self) -> Drafter:
        """Return, in a fork, what works changes out."""

    def note_drafter(self, process: int) -> None:
        """Take note of the fork whose next draft may count."""

    def apply(self, draft: Draft, revision: Revision) -> None:
        """Make a draft count; forks that are made from now on are of that state."""


class GraphTags:
    """A name for the content of each graph: the revision at which it last changed."""

    def __init__(self, first: Revision) -> None:
        """Know of no change since the state ``first``."""
        self._changed: dict[str, Revision] = {}
        self._first = first

    def note(self, graphs: Iterable[str], revision: Revision) -> None:
        """Remember that a change of these graphs made a revision."""
        self._changed.update(dict.fromkeys(graphs, revision))

    def describe(self, revision: Revision, graphs: Mapping[str, int], notices: Sequence[str]) -> dict[str, Any]:
        """Return a state with these names as JSON has it."""
        return {
            "revision": revision.to_json(),
            "graphs": dict(graphs),
            "tags": {name: self._changed.get(name, self._first).tag for name in (UNNAMED, *graphs)},
            "notices": list(notices),
        }


class Held:
    """A dataset in memory that changes can be worked out on and applied to: its forks have all they need.

    ``notices`` tells what was found amiss in its files, and passed over.
    """

    leases: tuple[int, ...] = ()
    descriptors = 0

    def __init__(self, store: EmbeddedStore, maintenance: Maintenance | None, checker: Checker | None) -> None:
        """Hold a store, with the rules that its inferred graph follows and the checks that changes must pass."""
        self.store = store
        self._drafting = Drafting(store, maintenance, checker)
        self._keeping: Keeping | None = None
        self._tags = GraphTags(store.revision)
        self.notices: Sequence[str] = ()

    def describe(self) -> dict[str, Any]:
        """Return the revision, the sizes of the graphs, the tag of each, and the notices, as JSON has it."""
        return self._tags.describe(self.store.revision, self.store.graphs(), self.notices)

    def open_reader(self) -> EmbeddedStore:
        """Return the store."""
        return self.store

    def open_drafter(self) -> Self:
        """Return this, which a fork may spoil."""
        return self

    def note_drafter(self, process: int) -> None:
        """Do nothing: drafts are applied here."""

    def draft(self, change: Change) -> Draft:
        """Work a change out on the store itself, which is spoilt unless the draft counts.

        Raises what :meth:`kgraph.store.drafts.Drafting.draft` raises.
        """
        draft = self._drafting.draft(change)
        # The next draft wants to know the graphs; the revision of drafts is wanted by nobody.
        for name in draft.created:
            self.store.recount(name, 0)
        removed, added = (list(read_quads(quads)) for quads in (draft.patch.removed, draft.patch.added))
        self.store.advance(self.store.revision, removed, added, draft.dropped)
        return draft

    def apply(self, draft: Draft, revision: Revision) -> None:
        """Make a draft count."""
        for name in draft.created:
            self.store.engine.add_graph(ox.NamedNode(name))
            self.store.recount(name, 0)
        lost, won = self.store.apply(revision, draft.patch.removed, draft.patch.added, draft.dropped)
        unfollowed, followed = (list(read_quads(quads)) for quads in (draft.inferred.removed, draft.inferred.added))
        for quad in unfollowed:
            self.store.engine.remove(quad)
        self.store.engine.extend(followed)
        if self.store.copies is not None:
            self.store.copies.change(lost, won, unfollowed, followed)
        if draft.inferred:
            self.store.recount(INFERRED, len(draft.inferred.added) - len(draft.inferred.removed))
        self._tags.note(draft.graphs, revision)
        if self._keeping is not None:
            self._keeping.move()

    def keep_with(self, keeping: Keeping) -> None:
        """Be in the state of what ``keeping`` keeps."""
        self._keeping = keeping

    def follow(self) -> None:
        """Make the changes that the journal has got since the data were loaded.

        Raises :class:`kgraph.errors.JournalError` for damage.
        """
        assert self._keeping is not None
        for entry in self._keeping.follow(self.store):
            self._tags.note({*entry.patch.graphs, *entry.created, *entry.dropped}, entry.revision)

    def keep(self) -> None:
        """Bring the engine's files beside the journal up to date; in a fork."""
        assert self._keeping is not None
        self._keeping.keep(self.store)


def open_held(source: Source) -> Held:
    """Load the dataset of a source.

    Raises :class:`kgraph.errors.DatasetError`, :class:`kgraph.errors.RuleError`, and for a kept state
    :class:`kgraph.errors.JournalError` or :class:`kgraph.errors.StateError`.
    """
    dataset = load_dataset(source.home)
    notices: list[str] = []
    rules = () if source.separate else compile_core(dataset)
    maintenance = Maintenance(rules) if rules else None
    keeping: Keeping | None = None
    if source.state is None:
        engine, originals = load_files(dataset), Originals()
        revision: Revision | datetime = dataset.date
    else:
        view = StateView(source.state)
        keeping = Keeping(view, rules, maintenance, separate=source.separate) if source.quick else None
        kept = keeping.load() if keeping is not None else None
        if kept is not None:
            return _hold(source, kept, maintenance, keeping, view.notices)
        engine = ox.Store()
        originals = view.load(engine)
        view.write_snapshot_if_long(engine, originals)
        revision, notices = view.revision, view.notices
    if not source.separate:
        unite(engine)
        materialise(engine, rules)
    store = EmbeddedStore(engine, revision, separate=source.separate, originals=originals, united=True)
    return _hold(source, store, maintenance, keeping, notices)


def _hold(
    source: Source,
    store: EmbeddedStore,
    maintenance: Maintenance | None,
    keeping: Keeping | None,
    notices: Sequence[str],
) -> Held:
    if not source.separate and sum(store.graphs().values()) <= source.copies:
        store.copies = Copies(store.engine)
    held = Held(store, maintenance, make_checker(source))
    held.notices = notices
    if keeping is not None:
        held.keep_with(keeping)
    return held


def make_checker(source: Source) -> Checker | None:
    """Return what checks the changes of a source, if anything does."""
    make = import_checker(source.checker)
    return make(source.home).check if make is not None else None


def import_checker(named: str) -> Callable[[Path], Checking] | None:
    """Return what makes a checker, by its name as :class:`Source` has it; the import takes a good part of a second."""
    if not named:
        return None
    make: Callable[[Path], Checking] = _attribute(named)
    return make


def find_borrower(source: Source) -> Borrower | None:
    """Return what answers requests in forks that are made for it, if anything does."""
    return _attribute(source.borrower) if source.borrower else None


def _attribute(name: str) -> Any:
    module, _, attribute = name.partition(":")
    return getattr(import_module(module), attribute)
