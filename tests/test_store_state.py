"""The state directory: a first start that is whole or not at all, changes that are replayed, damage that is told."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pyoxigraph as ox
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.dataset import Quad, load_dataset
from kgraph.errors import DiskFullError, JournalError, RequestError, StateError
from kgraph.store.blank_nodes import stable_lines
from kgraph.store.embedded import open_store
from kgraph.store.journal import LONGEST_ROW, STEPS
from kgraph.store.literals import Originals, stored_form, term_text
from kgraph.store.patch import Patch, n_quad
from kgraph.store.replay import iter_original_lines
from kgraph.store.state import State, StateView, open_state
from kgraph.vocabulary import GRAPHS, PREFIXES

XSD = PREFIXES["xsd"]
DATA = """
@prefix xsd: <http://www.w3.org/2001/XMLSchema#> .
<urn:a> <urn:value> 7.30, "01"^^xsd:integer ; <urn:part> [ <urn:name> "blank"@nn ] .
"""
NEW = Quad("<urn:b>", "<urn:value>", f'"5"^^<{XSD}int>', GRAPHS + "report")
OLD = Quad("<urn:a>", "<urn:value>", f'"7.30"^^<{XSD}decimal>', GRAPHS + "report")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A home with one small file."""
    folder = tmp_path / "home"
    for name in ("ontology", "queries", "data/ttl/report"):
        (folder / name).mkdir(parents=True)
    (folder / "data" / "ttl" / "report" / "a.ttl").write_text(DATA, encoding="utf-8")
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A state directory that is not there yet."""
    return tmp_path / "state"


def lines_of(state: StateView, until: int | None = None) -> set[str]:
    """Return what a state holds, as lines with literals as they were sent."""
    engine = ox.Store()
    originals = state.load(engine, until)
    return {line.decode() for line in iter_original_lines(engine, originals)}


def test_the_packaged_dataset_becomes_revision_1(home: Path, folder: Path) -> None:
    """Revision 1 has the digest that a server without a state directory gives, and every statement as it was sent."""
    with open_state(folder, home) as state:
        assert state.revision == open_store(load_dataset(home)).revision
        lines = lines_of(state)
    assert len(lines) == state.base.quads
    literal = '"7.30"^^<' + XSD + "decimal>"
    with open_state(folder, folder / "no such home") as state:
        assert lines_of(state) == lines
    assert lines == {line.decode() for line in state.base.iter_lines()}
    assert literal not in lines


def test_literals_and_blank_nodes_are_kept_as_they_were_sent(small: Path, folder: Path) -> None:
    """The base holds 7.30 and 01, and the labels of its blank nodes stay the same from start to start."""
    with open_state(folder, small) as state:
        before = lines_of(state)
        assert {n_quad(OLD), n_quad(OLD._replace(object=f'"01"^^<{XSD}integer>'))} <= before
        blank = next(line for line in before if line.startswith("_:"))
        subject, *_ = blank.split(" ")
        gone = Quad(subject, "<urn:name>", '"blank"@nn', OLD.graph)
        state.append(Patch(removed=(gone, OLD), added=(NEW,)), "Kari", "a test")
        assert lines_of(state) == before - {n_quad(gone), n_quad(OLD)} | {n_quad(NEW)}
        assert lines_of(state, until=1) == before


def test_the_same_files_give_the_same_base(home: Path, tmp_path: Path) -> None:
    """Two servers that start from the same dataset name its blank nodes alike; a change elsewhere renames none."""
    contents = []
    for name in ("first", "second"):
        with open_state(tmp_path / name, home) as state:
            contents.append(list(state.base.iter_lines()))
    assert contents[0] == contents[1]
    assert any(line.startswith(b"_:") for line in contents[0])


def test_blank_nodes_are_named_by_what_is_said_of_them() -> None:
    """Lists, circles and triple terms keep their shape, and what is not connected does not matter for a label."""
    first = '_:x <urn:p> _:y . _:y <urn:p> _:x . <urn:a> <urn:q> _:x, "_:x" . _:z <urn:p> <<( _:w <urn:p> "1" )>> .'
    lines = renamed(first)
    assert len(lines) == 5
    assert lines == renamed(first.replace("_:x ", "_:other ").replace("_:x,", "_:other,"))
    assert lines < renamed(first + " _:new <urn:p> <urn:b> .")
    assert renamed("_:x <urn:p> _:y .") != renamed("_:x <urn:p> _:x .")


def renamed(turtle: str) -> set[bytes]:
    """Return statements with the labels that a base gives them."""
    return set(stable_lines(ox.parse(turtle, format=ox.RdfFormat.TURTLE, rename_blank_nodes=True)))


def test_changes_are_there_after_a_new_start(small: Path, folder: Path) -> None:
    """Each acknowledged change is replayed; numbers go on where they ended."""
    with open_state(folder, small) as state:
        first = state.append(Patch(added=(NEW,)), "Kari", "more", request="r1")
        assert state.append(Patch(), "Kari") == first
    with open_state(folder, small) as state:
        assert state.revision == first
        (entry,) = state.entries()
        assert (entry.author, entry.reason, entry.header["request"]) == ("Kari", "more", "r1")
        assert state.append(Patch(removed=(NEW,)), "Ola").number == 3
        assert state.revision.number == 3
        assert len(list(state.entries())) == 2


def test_a_second_server_is_told_that_the_folder_is_in_use(small: Path, folder: Path) -> None:
    """The lock is exclusive, names the folder and the process, and is let go when the state is closed."""
    with open_state(folder, small), pytest.raises(StateError, match=f"{folder} is in use .*process {os.getpid()}"):
        open_state(folder, small)
    open_state(folder, small).close()


@pytest.mark.parametrize("step", ["dump-half-written", "dump-before-sync", "dump-before-rename", "dump-renamed"])
def test_a_first_start_that_breaks_off_leaves_nothing_half(small: Path, folder: Path, step: str) -> None:
    """Killed at any step, the first start is simply made once more."""
    crash(folder, small, step, changes=0)
    with open_state(folder, small) as state:
        assert state.revision.number == 1
        assert len(lines_of(state)) == 4
    assert sorted(path.name for path in folder.iterdir()) == ["base.nq", "journal.log", "kgraph.lock"]


@pytest.mark.parametrize("step", STEPS)
def test_a_kill_at_any_step_of_a_change_loses_nothing_acknowledged(small: Path, folder: Path, step: str) -> None:
    """What was acknowledged before the kill is there; the change that was under way is there whole or not at all."""
    crash(folder, small, step, changes=3)
    with open_state(folder, small) as state:
        last = 4 if step in ("before-sync", "after-sync") else 3
        assert state.revision.number == last
        values = {f'<urn:n{number}> <urn:value> "{number}" <{OLD.graph}> .\n' for number in range(1, last)}
        assert {line for line in lines_of(state) if line.startswith("<urn:n")} == values
        assert state.append(Patch(added=(NEW,)), "Kari").number == last + 1


def crash(folder: Path, home: Path, step: str, changes: int) -> None:
    """Open a state in another process and make changes; it kills itself at a step of the last one."""
    script = f"""
import os, signal, sys
from pathlib import Path
from kgraph.dataset import Quad
from kgraph.store.patch import Patch
from kgraph.store.state import open_state

made = 0
def at(step):
    if step == {step!r} and made >= {changes - 1}:
        os.kill(os.getpid(), signal.SIGKILL)

state = open_state(Path({str(folder)!r}), Path({str(home)!r}), at)
for number in range(1, {changes + 1}):
    quad = Quad(f"<urn:n{{number}}>", "<urn:value>", f'"{{number}}"', {OLD.graph!r})
    state.append(Patch(added=(quad,)), "Kari")
    made = number
"""
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    result = subprocess.run([sys.executable, "-c", script], env=environment, check=False)
    assert result.returncode == -signal.SIGKILL


def test_a_broken_off_change_is_told_and_cut_off(small: Path, folder: Path) -> None:
    """A reader passes it over with a notice; the next start cuts it off."""
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW,)), "Kari")
    whole = (folder / "journal.log").read_bytes()
    (folder / "journal.log").write_bytes(whole + whole[:100])
    view = StateView(folder)
    assert view.revision.number == 2
    assert "100 bytes" in view.notices[0]
    with open_state(folder, small) as state:
        assert state.notices == view.notices
    assert (folder / "journal.log").read_bytes() == whole


def test_a_changed_byte_in_the_base_stops_the_start(small: Path, folder: Path) -> None:
    """Each byte of the base is guarded, and so is each byte that is missing."""
    open_state(folder, small).close()
    path = folder / "base.nq"
    whole = path.read_bytes()
    for place in range(len(whole)):
        for spoilt in (whole[:place], whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :]):
            path.write_bytes(spoilt)
            with pytest.raises(JournalError, match=r"base\.nq"):
                StateView(folder)


def test_a_base_that_is_gone_is_not_made_anew_over_a_journal(small: Path, folder: Path) -> None:
    """A journal without its base stops the start; an empty folder keeps no state."""
    with pytest.raises(StateError, match="keeps no state yet"):
        StateView(folder)
    open_state(folder, small).close()
    (folder / "base.nq").unlink()
    with pytest.raises(JournalError, match="gone"):
        open_state(folder, small)


def snapshot(state: State) -> Path:
    """Write a snapshot of a state as it is."""
    engine = ox.Store()
    return state.write_snapshot(engine, state.load(engine))


def test_a_snapshot_shortens_the_start(small: Path, folder: Path) -> None:
    """From a snapshot only later changes are replayed, and the state is the same, literals included."""
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW,), removed=(OLD,)), "Kari")
        path = snapshot(state)
        assert state.replayed == (folder / "journal.log").stat().st_size
        lines_of(state)
        assert state.replayed == 0
        state.append(Patch(added=(OLD,)), "Kari")
    with open_state(folder, small) as state:
        assert state.start_point().path == path
        assert [entry.revision.number for entry in state.entries(state.start_point())] == [3]
        assert {n_quad(NEW), n_quad(OLD)} <= lines_of(state)
        assert n_quad(OLD) not in lines_of(state, until=2)
        before = lines_of(state)
        path.unlink()
        assert lines_of(state) == before


def test_a_start_that_replays_much_leaves_a_snapshot_for_the_next(
    small: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A short journal makes none; a long one does; a full disk is told and no hindrance."""
    text = "x" * (6 << 20)
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW,)), "Kari")
        assert load_as_servers_do(state) == []
        state.append(Patch(added=tuple(NEW._replace(object=f'"{text}{number}"') for number in range(3))), "Kari")
    view = StateView(folder)
    with monkeypatch.context() as full:
        full.setattr(os, "fsync", no_room)
        assert load_as_servers_do(view) == []
    assert "no snapshot was written" in view.notices[0]
    assert load_as_servers_do(StateView(folder)) == ["snapshot-3.nq"]


def test_a_statement_that_no_start_could_read_is_refused(small: Path, folder: Path) -> None:
    """The longest statement that is kept can be read again; a longer one is refused before it is written."""
    room = LONGEST_ROW - len(n_quad(NEW._replace(object='""'))) - len("A ")
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW._replace(object='"' + "x" * room + '"'),)), "Kari")
        with pytest.raises(RequestError, match="statement-too-long"):
            state.append(Patch(added=(NEW._replace(object='"' + "x" * (room + 2) + '"'),)), "Kari")
    with open_state(folder, small) as state:
        assert state.revision.number == 2
        snapshot(state)
        assert max(map(len, lines_of(state))) > room


def no_room(descriptor: int) -> None:
    """Fail as a full disk does."""
    raise OSError(28, "No space left on device")


def load_as_servers_do(view: StateView) -> list[str]:
    """Load a state, write a snapshot if it is worth it, and return the names of those that there are."""
    engine = ox.Store()
    view.write_snapshot_if_long(engine, view.load(engine))
    return sorted(path.name for path in view.folder.glob("snapshot-*.nq"))


def test_a_damaged_snapshot_is_told_and_passed_over(small: Path, folder: Path) -> None:
    """Base and journal are used instead, and nothing is lost."""
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW,)), "Kari")
        path = snapshot(state)
        before = lines_of(state)
    path.write_bytes(path.read_bytes().replace(b"urn:b", b"urn:c"))
    view = StateView(folder)
    assert lines_of(view) == before
    assert [path.name in notice and "damaged" in notice for notice in view.notices] == [True]


def test_a_journal_shorter_than_a_snapshot_is_damage(small: Path, folder: Path) -> None:
    """Changes that a snapshot proves cannot go unnoticed from the end of the journal."""
    with open_state(folder, small) as state:
        state.append(Patch(added=(NEW,)), "Kari")
        snapshot(state)
    (folder / "journal.log").write_bytes(b"")
    with pytest.raises(JournalError, match="entry 2 at byte 0: it is missing"):
        open_state(folder, small)


def test_two_snapshots_are_kept(small: Path, folder: Path) -> None:
    """Older snapshots go; the journal never does."""
    with open_state(folder, small) as state:
        for patch in (Patch(added=(NEW,)), Patch(removed=(NEW,)), Patch(added=(NEW,))):
            state.append(patch, "Kari")
            snapshot(state)
        assert len(list(state.entries())) == 3
    assert sorted(path.name for path in folder.glob("snapshot*")) == ["snapshot-3.nq", "snapshot-4.nq"]


def test_a_snapshot_of_another_history_is_passed_over(small: Path, folder: Path, tmp_path: Path) -> None:
    """A snapshot copied from elsewhere does not become part of the data."""
    other = tmp_path / "other"
    for place, subject in ((folder, "<urn:x>"), (other, "<urn:y>")):
        with open_state(place, small) as state:
            state.append(Patch(added=(NEW._replace(subject=subject),)), "Kari")
            snapshot(state)
    shutil.copy(other / "snapshot-2.nq", folder)
    view = StateView(folder)
    assert any(line.startswith("<urn:x>") for line in lines_of(view))
    assert "another history" in view.notices[0]


def test_a_full_disk_at_the_first_start_is_told(small: Path, folder: Path) -> None:
    """Nothing half stays, and the folder can be used by the next start."""

    def at(step: str) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(DiskFullError, match="No space left"):
        open_state(folder, small, at)
    assert [path.name for path in folder.iterdir()] == ["kgraph.lock"]
    open_state(folder, small).close()


def test_a_revision_that_is_not_there_is_refused(small: Path, folder: Path) -> None:
    """Asking for a later state than there is gives an error that tells which there are."""
    with open_state(folder, small) as state, pytest.raises(StateError, match="1 to 1, not 2"):
        state.load(ox.Store(), until=2)


@pytest.mark.parametrize(
    ("sent", "stored"),
    [
        (f'"01"^^<{XSD}integer>', f'"1"^^<{XSD}integer>'),
        (f'"7.30"^^<{XSD}decimal>', f'"7.3"^^<{XSD}decimal>'),
        (f'"5"^^<{XSD}int>', f'"5"^^<{XSD}integer>'),
        (f'"5"^^<{XSD}nonNegativeInteger>', f'"5"^^<{XSD}integer>'),
        (f'"2026-01-01T00:00:00Z"^^<{XSD}dateTimeStamp>', f'"2026-01-01T00:00:00Z"^^<{XSD}dateTime>'),
        (f'"1"^^<{XSD}boolean>', f'"true"^^<{XSD}boolean>'),
        ('"text"@NN', '"text"@nn'),
        ('"text"', '"text"'),
        ("<urn:a>", "<urn:a>"),
        ("_:a", "_:a"),
        ('"x"^^<urn:own>', '"x"^^<urn:own>'),
        (f'"two"^^<{XSD}integer>', f'"two"^^<{XSD}integer>'),
        (f'<<( <urn:a> <urn:b> "01"^^<{XSD}integer> )>>', f'<<( <urn:a> <urn:b> "1"^^<{XSD}integer> )>>'),
    ],
)
def test_the_form_that_the_engine_gives_back_is_known(sent: str, stored: str) -> None:
    """Values come back in one form, texts as they were sent."""
    assert stored_form(sent) == stored
    assert engine_form(sent) == stored


def engine_form(term: str) -> str:
    """Return what the engine itself gives back for a term."""
    store = ox.Store()
    store.extend(ox.parse(f"<urn:s> <urn:p> {term} .", format=ox.RdfFormat.N_TRIPLES))
    return term_text(next(iter(store)).object)


NUMBERS = st.from_regex(r"-?[0-9]{1,20}(\.[0-9]{0,18})?", fullmatch=True)
DATES = st.from_regex(r"[0-9]{4}-[01][0-9]-[0-3][0-9](Z|\+00:00)?", fullmatch=True)


@given(NUMBERS | DATES, st.sampled_from(["integer", "decimal", "double", "date", "int", "boolean", "string", "gYear"]))
def test_the_short_way_to_the_stored_form_is_the_engines(text: str, datatype: str) -> None:
    """Where the engine is not asked, it would have said the same."""
    term = f'"{text}"^^<{XSD}{datatype}>'
    assert stored_form(term) == engine_form(term)


def test_the_form_that_came_first_is_restored_until_it_goes() -> None:
    """Two forms of one value are one statement; once removed in any form, nothing of it is left."""
    originals = Originals()
    other = OLD._replace(object=f'"7.300"^^<{XSD}decimal>')
    stored = OLD._replace(object=f'"7.3"^^<{XSD}decimal>')
    originals.apply(Patch(added=(OLD, other)))
    assert (originals.restore(stored), len(originals)) == (OLD, 1)
    assert originals.restore(NEW) == NEW
    originals.apply(Patch(removed=(stored,)))
    assert (originals.restore(stored), len(originals)) == (stored, 0)
