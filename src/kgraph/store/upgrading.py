"""A newer packaged dataset brought into a kept state: what the package changed, beside what was changed here.

Three states are compared: the packaged dataset that the state last began from, the state as it is, and the packaged
dataset now. What the package changed is carried over, save where the same property of the same resource was changed
here too and the two do not agree: that is a conflict, and a person decides it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import kgraph
from kgraph.dataset import Quad
from kgraph.errors import JournalError
from kgraph.store.base import Revision
from kgraph.store.dumps import Dump, load_dump, write_dump
from kgraph.store.exporting import kept_lines, packaged_lines
from kgraph.store.patch import Patch, read_quad
from kgraph.store.state import State, StateView

_HEADER = "upgrade"
_PACKAGE = "package-{}.nq"
_SHOWN_OF_DIGEST = 16


class Slot(NamedTuple):
    """A property of a resource in a graph."""

    subject: str
    predicate: str
    graph: str


@dataclass(frozen=True)
class Conflict:
    """A slot that package and state changed differently: its objects at first, as they are here, and in the package."""

    slot: Slot
    before: tuple[str, ...]
    here: tuple[str, ...]
    package: tuple[str, ...]


@dataclass(frozen=True)
class Upgrade:
    """What a newer package would change.

    ``is_newer`` tells whether the packaged dataset is another one than the state last began from. ``patch`` is what is
    not in conflict; ``lines`` is the packaged dataset, ``before`` the version of kgraph whose dataset the state last
    began from.
    """

    is_newer: bool
    patch: Patch
    conflicts: tuple[Conflict, ...]
    before: str
    lines: tuple[bytes, ...]

    def resolved(self, keep_here: bool) -> Patch:
        """Return the whole change, with conflicts decided for the state or for the package."""
        if keep_here:
            return self.patch
        removed, added = list(self.patch.removed), list(self.patch.added)
        for conflict in self.conflicts:
            here, package = set(conflict.here), set(conflict.package)
            removed += [_quad(conflict.slot, value) for value in here - package]
            added += [_quad(conflict.slot, value) for value in package - here]
        return Patch(tuple(removed), tuple(added)).in_order()


def plan_upgrade(view: StateView, home: Path) -> Upgrade:
    """Work out what the dataset of ``home`` would change in a state.

    Raises :class:`kgraph.errors.DatasetError` if it cannot be read, and :class:`kgraph.errors.JournalError` if the
    dataset that the state last began from is damaged or gone.
    """
    origin = _origin(view)
    here = _slots(kept_lines(view))
    before, lines = _slots(origin.iter_lines()), packaged_lines(home)
    package = _slots(lines)
    removed: list[Quad] = []
    added: list[Quad] = []
    conflicts: list[Conflict] = []
    for slot in sorted(before.keys() | package.keys()):
        old, ours, new = (slots.get(slot, frozenset()) for slots in (before, here, package))
        if new in (old, ours):
            continue
        if ours != old:
            conflicts.append(Conflict(slot, *(tuple(sorted(values)) for values in (old, ours, new))))
            continue
        removed += [_quad(slot, value) for value in ours - new]
        added += [_quad(slot, value) for value in new - ours]
    patch = Patch(tuple(removed), tuple(added)).in_order()
    return Upgrade(before != package, patch, tuple(conflicts), origin.package, tuple(lines))


def apply_upgrade(state: State, upgrade: Upgrade, patch: Patch, author: str) -> Revision:
    """Keep an upgrade as one change, and the packaged dataset as what the next upgrade is compared with.

    Raises what :meth:`kgraph.store.state.State.append` raises.
    """
    digest = hashlib.sha256(b"".join(upgrade.lines)).hexdigest()
    path = _package_path(state.folder, digest)
    write_dump(Dump(path, state.base.revision, kgraph.__version__), upgrade.lines)
    reason = f"upgrade from kgraph {upgrade.before} to {kgraph.__version__}"
    # Also where every conflict is decided for the state: the decision counts the next time.
    return state.append(patch, author, reason, even_if_empty=True, **{_HEADER: digest})


def _origin(view: StateView) -> Dump:
    """Return the packaged dataset that the state last began from or was upgraded to."""
    digest = ""
    for entry in view.entries():
        digest = entry.header.get(_HEADER, digest)
    if not digest:
        return view.base
    origin = load_dump(_package_path(view.folder, digest))
    if hashlib.sha256(b"".join(origin.iter_lines())).hexdigest() != digest:
        raise JournalError(f"{origin.path}: not the dataset that the last upgrade brought")
    return origin


def _package_path(folder: Path, digest: str) -> Path:
    return folder / _PACKAGE.format(digest[:_SHOWN_OF_DIGEST])


def _slots(lines: Iterable[bytes]) -> dict[Slot, frozenset[str]]:
    """Return the objects of each property of each resource in each graph."""
    slots: dict[Slot, set[str]] = {}
    for quad in _read(lines):
        slots.setdefault(Slot(quad.subject, quad.predicate, quad.graph), set()).add(quad.object)
    return {slot: frozenset(values) for slot, values in slots.items()}


def _read(lines: Iterable[bytes]) -> Iterator[Quad]:
    for line in lines:
        quad = read_quad(line.decode().rstrip("\n"))
        assert quad is not None
        yield quad


def _quad(slot: Slot, value: str) -> Quad:
    return Quad(slot.subject, slot.predicate, value, slot.graph)
