"""The journal: what was acknowledged is there, a broken append is cut off, and a changed byte is noticed."""

from __future__ import annotations

import errno
import os
import resource
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kgraph.dataset import Quad
from kgraph.errors import DiskFullError, JournalError
from kgraph.store.base import Revision
from kgraph.store.journal import HEAD_SIZE, STEPS, Entry, JournalReader, JournalWriter, digest_after
from kgraph.store.patch import Patch, read_patch, render_patch

DATE = datetime(2026, 3, 1, 12, tzinfo=UTC)
START = Revision(1, "0" * 64, DATE)
NAME = "<urn:name>"
PATCHES = (
    Patch(added=(Quad("<urn:b>", NAME, '"7.30"^^<urn:number>', "urn:g"), Quad("<urn:a>", NAME, '"A ."@nn', ""))),
    Patch(
        removed=(Quad("<urn:a>", NAME, '"A ."@nn', ""),),
        added=(
            Quad("<urn:a>", NAME, '"\\"å\\n TX ."', "urn:g"),
            Quad("_:x", NAME, '<<( <urn:a> <urn:b> "c d" )>>', ""),
        ),
    ),
    Patch(removed=(Quad("<urn:b>", NAME, '"7.30"^^<urn:number>', "urn:g"),)),
)


def read(path: Path) -> list[Entry]:
    """Return all entries of a journal."""
    return list(JournalReader(path, START))


def open_writer(path: Path, at: object = None) -> JournalWriter:
    """Open a journal for writing, as a start does."""
    reader = JournalReader(path, START)
    for _ in reader:
        pass
    return JournalWriter(reader, at) if callable(at) else JournalWriter(reader)


def write_three(path: Path) -> bytes:
    """Write a journal with three entries and return its bytes."""
    writer = open_writer(path)
    for number, patch in enumerate(PATCHES):
        writer.append(patch, DATE, {"author": "Åse", "reason": f'reason "{number}"\nTX .'})
    writer.close()
    return path.read_bytes()


def test_changes_come_back_as_they_were_written(tmp_path: Path) -> None:
    """Entries follow each other with number, digest, date, author, reason and the quads in the order of their terms."""
    write_three(tmp_path / "journal.log")
    entries = read(tmp_path / "journal.log")
    assert [entry.revision.number for entry in entries] == [2, 3, 4]
    assert [entry.patch for entry in entries] == [patch.in_order() for patch in PATCHES]
    assert [(entry.author, entry.reason) for entry in entries] == [("Åse", f'reason "{n}"\nTX .') for n in range(3)]
    digest = START.digest
    for entry, patch in zip(entries, PATCHES, strict=True):
        assert entry.previous == digest
        digest = digest_after(digest, patch)
        assert (entry.revision.digest, entry.revision.date) == (digest, DATE)


def test_entries_give_their_statements_as_n_quads(tmp_path: Path) -> None:
    """What goes and what comes can be had as text for an engine, without reading each term."""
    write_three(tmp_path / "journal.log")
    first, second, third = read(tmp_path / "journal.log")
    assert first.added.decode().splitlines() == [
        '<urn:a> <urn:name> "A ."@nn .',
        '<urn:b> <urn:name> "7.30"^^<urn:number> <urn:g> .',
    ]
    assert (first.removed, third.added) == (b"", b"")
    assert second.removed == first.added.splitlines(keepends=True)[0]
    assert third.removed == first.added.splitlines(keepends=True)[1]


def test_the_order_of_a_changes_quads_does_not_matter_for_its_digest() -> None:
    """Two servers that get the same change in another order come to the same revision."""
    patch = PATCHES[1]
    turned = Patch(patch.removed, tuple(reversed(patch.added)))
    assert digest_after("0" * 64, patch) == digest_after("0" * 64, turned)
    assert digest_after("0" * 64, patch) != digest_after("1" * 64, patch)
    assert digest_after("0" * 64, patch) != digest_after("0" * 64, patch.inverted())


def test_a_digest_tells_which_graphs_came_and_went(tmp_path: Path) -> None:
    """Two histories that differ in nothing but an empty graph are two, and a name cannot be exchanged in the file."""
    digests = {
        open_writer(tmp_path / str(number)).append(Patch(), DATE, {"author": "A", **graphs}).digest
        for number, graphs in enumerate(
            ({"created": "urn:a"}, {"created": "urn:b"}, {"created": "urn:a urn:b"}, {"dropped": "urn:a"}, {})
        )
    }
    assert len(digests) == 5
    (entry,) = read(tmp_path / "2")
    assert entry.revision.digest == digest_after(START.digest, Patch(), "urn:a urn:b", "")
    assert entry.created == ("urn:a", "urn:b")


def test_a_changed_byte_anywhere_is_noticed(tmp_path: Path) -> None:
    """Each byte of each entry, head and body, the last entry included, is guarded."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1 << place % 8]) + whole[place + 1 :])
        with pytest.raises(JournalError, match=r"journal\.log: entry \d+ at byte \d+: "):
            read(path)


def test_damage_is_named_with_entry_and_place(tmp_path: Path) -> None:
    """The message tells the file, the number of the entry, where it begins and what is wrong."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    second = read(path)[1].offset
    place = second + HEAD_SIZE + 5
    path.write_bytes(whole[:place] + b"?" + whole[place + 1 :])
    reader = JournalReader(path, START)
    with pytest.raises(JournalError, match=f"{path}: entry 3 at byte {second}: its body is damaged"):
        list(reader)
    assert (reader.end, reader.revision.number) == (second, 2)


def test_a_journal_cut_at_any_byte_keeps_its_whole_entries(tmp_path: Path) -> None:
    """Whole entries stay as they were; the rest was never acknowledged and is cut off when writing goes on."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    ends = [entry.offset + HEAD_SIZE + len(entry.body) for entry in read(path)]
    for size in range(len(whole)):
        path.write_bytes(whole[:size])
        reader = JournalReader(path, START)
        patches = [entry.patch for entry in reader]
        assert patches == [patch.in_order() for patch, end in zip(PATCHES, ends, strict=True) if end <= size]
        assert reader.torn == size - reader.end
        open_writer(path).close()
        assert path.stat().st_size == reader.end


@pytest.mark.parametrize("lost", [0, 1])
def test_a_missing_entry_is_noticed(tmp_path: Path, lost: int) -> None:
    """An entry taken out of the middle or the beginning breaks the numbers."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    entries = read(path)
    path.write_bytes(whole[: entries[lost].offset] + whole[entries[lost + 1].offset :])
    with pytest.raises(JournalError, match=f"it is entry {lost + 3} that stands there"):
        read(path)


def test_a_journal_of_another_base_is_noticed(tmp_path: Path) -> None:
    """The first entry must follow from the base that stands beside it."""
    write_three(tmp_path / "journal.log")
    with pytest.raises(JournalError, match="does not follow"):
        list(JournalReader(tmp_path / "journal.log", Revision(1, "1" * 64, DATE)))


def fail_at(wanted: str, code: int) -> tuple[list[str], object]:
    """Return a hook that lets the disk fail once at a step, and the list of steps it saw."""
    seen: list[str] = []

    def at(step: str) -> None:
        if step == wanted and step not in seen:
            seen.append(step)
            raise OSError(code, os.strerror(code))
        seen.append(step)

    return seen, at


@pytest.mark.parametrize("step", STEPS[:3])
@pytest.mark.parametrize(
    ("code", "error"), [(errno.ENOSPC, DiskFullError), (errno.EDQUOT, DiskFullError), (errno.EIO, JournalError)]
)
def test_a_write_that_failed_leaves_nothing_and_the_next_goes_on(
    tmp_path: Path, step: str, code: int, error: type[Exception]
) -> None:
    """A full or failing disk refuses the change; the file ends with the last whole entry; writes resume."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    seen, at = fail_at(step, code)
    writer = open_writer(path, at)
    with pytest.raises(error, match=os.strerror(code)):
        writer.append(PATCHES[0], DATE, {"author": "Åse"})
    assert path.read_bytes() == whole
    assert writer.revision.number == 4
    assert writer.append(PATCHES[0], DATE, {"author": "Åse"}).number == 5
    assert [entry.revision.number for entry in read(path)] == [2, 3, 4, 5]
    assert seen[-4:] == list(STEPS)


def test_a_limit_of_the_system_in_the_middle_of_a_write_leaves_whole_entries(tmp_path: Path) -> None:
    """The system takes a part of the entry and no more: the part is cut off, and writing goes on when there is room."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    writer = open_writer(path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (len(whole) + HEAD_SIZE + 10, hard))
    try:
        with pytest.raises(DiskFullError, match=r"journal\.log"):
            writer.append(PATCHES[0], DATE, {})
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == whole
    assert writer.append(PATCHES[0], DATE, {}).number == 5
    assert len(read(path)) == 4


def test_a_failed_sync_is_not_tried_again_on_the_same_pages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a sync that failed, the file is opened anew and cut before anything else is written."""
    path = tmp_path / "journal.log"
    whole = write_three(path)
    writer = open_writer(path)

    def fail(descriptor: int) -> None:
        raise OSError(errno.EIO, "the disk does not answer")

    with monkeypatch.context() as patched:
        patched.setattr(os, "fdatasync", fail)
        patched.setattr(os, "fsync", fail)
        for _ in range(2):
            with pytest.raises(JournalError, match="the disk does not answer"):
                writer.append(PATCHES[0], DATE, {})
    assert path.read_bytes() == whole
    assert writer.append(PATCHES[0], DATE, {}).number == 5
    assert len(read(path)) == 4


def test_a_file_that_was_shortened_or_taken_away_is_not_written_to(tmp_path: Path) -> None:
    """A journal that lost acknowledged entries behind the writer's back refuses further ones."""
    path = tmp_path / "journal.log"
    write_three(path)
    for spoil, complaint in ((lambda: os.truncate(path, 10), "shorter"), (path.unlink, "gone")):
        _, at = fail_at("before-write", errno.EIO)
        path.unlink(missing_ok=True)
        write_three(path)
        writer = open_writer(path, at)
        writer.close()
        spoil()
        with pytest.raises(JournalError, match=complaint):
            writer.append(PATCHES[0], DATE, {})


def test_an_append_is_synced_before_it_returns(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each change is synced, and so is the folder when the file is new."""
    synced: list[str] = []

    def note(name: str, real: object) -> object:
        def call(descriptor: int) -> None:
            synced.append(f"{name} {os.readlink(f'/proc/self/fd/{descriptor}')}")
            real(descriptor)  # type: ignore[operator]

        return call

    monkeypatch.setattr(os, "fdatasync", note("data", os.fdatasync))
    monkeypatch.setattr(os, "fsync", note("all", os.fsync))
    path = tmp_path / "journal.log"
    writer = open_writer(path)
    assert synced == [f"all {path}", f"all {tmp_path}"]
    writer.append(PATCHES[0], DATE, {})
    writer.append(PATCHES[1], DATE, {})
    assert synced[2:] == [f"data {path}"] * 2
    writer.close()
    open_writer(path)
    assert synced[4:] == [f"all {path}"], "what a killed server wrote and did not sync"


TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)
LITERALS = TEXTS.map(
    lambda text: (
        '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n").replace("\r", "\\r") + '"@nn-x-y'
    )
)
TERMS = st.sampled_from(["<urn:a>", "_:b1", '<<( <urn:a> <urn:b> "c d" )>>', '"1"^^<urn:t>', '"<urn:x> ."']) | LITERALS
QUADS = st.builds(
    Quad, st.sampled_from(["<urn:s>", "_:s"]), st.just(NAME), TERMS, st.sampled_from(["", "urn:g", "_:g"])
)


@given(st.lists(QUADS, max_size=4), st.lists(QUADS, max_size=4), st.dictionaries(st.sampled_from("abc"), TEXTS))
def test_a_patch_reads_back_as_it_was_written(removed: list[Quad], added: list[Quad], header: dict[str, str]) -> None:
    """Header values and terms of any kind survive writing and reading."""
    patch = Patch(tuple(removed), tuple(added))
    assert read_patch(render_patch(patch, header)) == (header, patch)


def test_a_line_that_is_no_row_is_named() -> None:
    """A patch that someone edited wrongly is refused with the number of the line."""
    with pytest.raises(ValueError, match="line 2 is no row"):
        read_patch("TX .\nA <urn:a> .\nTC .\n")
