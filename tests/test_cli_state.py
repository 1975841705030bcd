"""The commands that keep a state directory: tokens, the journal, and exports."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kgraph.access import Role, Tokens
from kgraph.cli import run
from kgraph.dataset import Quad
from kgraph.store.patch import Patch, read_patch
from kgraph.store.state import StateView, open_state
from kgraph.vocabulary import GRAPHS, PREFIXES

Command = Callable[..., tuple[int, str, str]]


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """Run ``kgraph`` with arguments; return its exit code, what it printed and what it complained of."""

    def call(*arguments: str | Path, stdin: str = "") -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["kgraph", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
        with pytest.raises(SystemExit) as ended:
            run()
        return (ended.value.code if isinstance(ended.value.code, int) else 0, *capsys.readouterr())

    return call


def test_a_token_is_made_listed_and_revoked(command: Command, tmp_path: Path) -> None:
    """The token stands alone on standard output, so that a script can take it; lists never show it."""
    code, out, err = command("token", "create", "--role", "curator", "--name", "Kari", "--state", tmp_path)
    assert (code, "Kari" in err) == (0, True)
    token = out.strip()
    holder = Tokens(tmp_path, {}).identify(token)
    assert holder is not None and holder.role is Role.CURATOR
    code, out, _ = command("token", "list", "--home", tmp_path)
    assert code == 0 and out.startswith("Kari  curator  20") and token not in out
    assert command("token", "revoke", "Kari", "--state", tmp_path)[0] == 0
    assert Tokens(tmp_path, {}).identify(token) is None
    assert command("token", "revoke", "Kari", "--state", tmp_path)[0] == 2


def test_a_token_needs_a_folder_to_be_kept_in(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a state directory the command says how to name one."""
    monkeypatch.delenv("KGRAPH_STATE", raising=False)
    code, out, err = command("token", "create", "--role", "curator")
    assert (code, out) == (2, "")
    assert "KGRAPH_STATE" in err


XSD = PREFIXES["xsd"]
REPORT = GRAPHS + "report"
VALUE = Quad("<urn:a>", "<urn:value>", f'"7.30"^^<{XSD}decimal>', REPORT)
NOTE = Quad("<urn:b>", "<urn:note>", '"new"@nn', "")


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A home with one statement."""
    folder = tmp_path / "home"
    for name in ("ontology", "queries", "data/ttl/report"):
        (folder / name).mkdir(parents=True)
    (folder / "data" / "ttl" / "report" / "a.ttl").write_text("<urn:a> <urn:value> 7.30 .", encoding="utf-8")
    return folder


@pytest.fixture
def kept(tmp_path: Path, small: Path) -> Path:
    """A state directory with three changes."""
    folder = tmp_path / "state"
    with open_state(folder, small) as state:
        state.append(Patch(added=(NOTE,)), "Kari", "a note\non two lines")
        state.append(Patch(removed=(VALUE,)), "Ola")
        state.append(Patch(added=(VALUE,), removed=(NOTE,)), "Kari", "back")
    return folder


def line(quad: Quad) -> str:
    """Return a quad of the named graph as N-Quads."""
    return f"{quad.subject} {quad.predicate} {quad.object} <{quad.graph}> .\n"


def test_the_whole_dataset_is_exported_as_of_any_revision(command: Command, kept: Path) -> None:
    """The numbers are as they were written, and earlier states are to be had."""
    assert command("export", "--state", kept) == (0, line(VALUE), "")
    assert command("export", "--state", kept, "--revision", "3") == (0, '<urn:b> <urn:note> "new"@nn .\n', "")
    assert command("export", "--state", kept, "--revision", "1", "-f", "nquads")[1] == line(VALUE)
    code, _, err = command("export", "--state", kept, "--revision", "5")
    assert (code, "1 to 4" in err) == (2, True)


def test_one_graph_is_exported_in_formats_that_hold_one(command: Command, kept: Path) -> None:
    """Turtle keeps the lexical form; a prefixed name will do for the graph."""
    code, out, _ = command("export", "--state", kept, "--graph", "graph:report", "--format", "turtle")
    assert (code, "<urn:a> <urn:value> 7.30" in out) == (0, True)
    triples = line(VALUE).replace(f" <{REPORT}>", "")
    assert command("export", "--state", kept, "--graph", REPORT, "-f", "ntriples")[1] == triples
    assert command("export", "--state", kept, "--revision", "2", "--graph", "", "-f", "nt")[1].startswith("<urn:b>")
    code, out, _ = command("export", "--state", kept, "--format", "trig")
    assert (code, f"<{REPORT}> {{" in out, "7.30" in out) == (0, True, True)


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--format", "turtle"], "name it"),
        (["--format", "poem"], "no format poem"),
        (["--graph", "urn:none"], "no graph urn:none"),
    ],
)
def test_an_export_that_cannot_be_is_refused(
    command: Command, kept: Path, arguments: list[str], complaint: str
) -> None:
    """Nothing is printed that would look like a whole export."""
    code, out, err = command("export", "--state", kept, *arguments)
    assert (code, out) == (2, "")
    assert complaint in err


def test_the_files_are_exported_where_no_state_is_kept(
    command: Command, small: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a state directory the export is that of the files, which have one revision."""
    monkeypatch.delenv("KGRAPH_STATE", raising=False)
    assert command("export", "--home", small) == (0, line(VALUE), "")
    assert command("export", "--home", small, "--revision", "2")[0] == 2


def test_changes_are_listed_and_shown(command: Command, kept: Path) -> None:
    """Each change has a line; its patch can be read back."""
    code, out, _ = command("journal", "list", "--state", kept)
    rows = out.splitlines()
    assert (code, len(rows)) == (0, 4)
    assert rows[0].startswith("     1  20") and rows[0].endswith("1 statements")
    assert rows[1].endswith("-0      +1  Kari: a note on two lines")
    assert rows[2].endswith("-1      +0  Ola")
    code, out, _ = command("journal", "show", "4", "--home", kept)
    header, patch = read_patch(out)
    assert (code, header["author"], patch) == (0, "Kari", Patch((NOTE,), (VALUE,)))
    for number in ("1", "9"):
        code, _, err = command("journal", "show", number, "--state", kept)
        assert (code, "kgraph export --revision 1" in err) == (2, True)


def test_what_a_reason_says_does_not_reach_the_terminal_as_a_command(
    command: Command, tmp_path: Path, small: Path
) -> None:
    """It stays on its line, and colours nothing."""
    with open_state(tmp_path / "state", small) as state:
        state.append(Patch((), (NOTE,)), "Kari", "odd\n\x1b[2Jmore\x9b")
    code, out, _ = command("journal", "list", "--state", tmp_path / "state")
    assert code == 0
    assert out.splitlines()[-1].endswith("Kari: odd [2Jmore")


def test_a_sound_journal_is_told_to_be_so(command: Command, kept: Path) -> None:
    """check ends with 0 and names the last revision, also where a change was broken off at the end."""
    tag = StateView(kept).revision.tag
    code, out, _ = command("journal", "check", "--state", kept)
    assert (code, out.splitlines()[-1]) == (0, f"sound up to revision {tag}")
    with (kept / "journal.log").open("ab") as file:
        file.write(b"kgraph-entry 1 00")
    code, out, _ = command("journal", "check", "--state", kept)
    assert (code, "17 bytes" in out) == (0, True)
    assert command("journal", "repair", "--state", kept) == (0, "Nothing is damaged.\n", "")


def spoil(kept: Path, number: int) -> bytes:
    """Change a byte in the entry of a revision; return the journal as it is then."""
    path = kept / "journal.log"
    entry = next(entry for entry in StateView(kept).entries() if entry.revision.number == number)
    content = bytearray(path.read_bytes())
    content[entry.offset + 400] ^= 1
    path.write_bytes(content)
    return bytes(content)


def test_damage_is_named_and_set_aside_only_when_told(command: Command, kept: Path, small: Path) -> None:
    """check ends with 1; repair tells what is lost, asks, and keeps every byte in a file of its own."""
    sound = next(entry for entry in StateView(kept).entries() if entry.revision.number == 3).offset
    spoilt = spoil(kept, 3)
    for arguments in (["check"], ["repair"], ["list"]):
        code, out, err = command("journal", *arguments, "--state", kept, stdin="n\n")
        assert code == (1 if arguments == ["check"] else 2)
        assert f"entry 3 at byte {sound}: its body is damaged" in out + err
    assert (kept / "journal.log").read_bytes() == spoilt
    code, out, _ = command("journal", "repair", "--state", kept, stdin="y\n")
    assert code == 0
    assert "     4  20" in out and "Kari: back" in out
    (aside,) = kept.glob("journal.log.damaged-*")
    assert aside.read_bytes() == spoilt[sound:]
    assert (kept / "journal.log").read_bytes() == spoilt[:sound]
    with open_state(kept, small) as state:
        assert state.revision.number == 2
        assert state.append(Patch(removed=(VALUE,)), "Ola").number == 3
    assert command("journal", "check", "--state", kept)[0] == 0


def test_snapshots_that_do_not_fit_are_set_aside(command: Command, kept: Path, small: Path) -> None:
    """A damaged snapshot, and one of a state that the sound part does not reach, no longer stand in the way."""
    import pyoxigraph as ox

    with open_state(kept, small) as state:
        engine = ox.Store()
        path = state.write_snapshot(engine, state.load(engine))
        (kept / "snapshot-2.nq").write_bytes(path.read_bytes()[:-1])
    spoil(kept, 3)
    code, out, _ = command("journal", "repair", "--yes", "--state", kept)
    assert code == 0
    assert "snapshot-2.nq: the file is damaged" in out
    assert "does not reach revision 4" in out
    with open_state(kept, small) as state:
        assert (state.revision.number, state.notices) == (2, [])
    assert len(list(kept.glob("snapshot-*.nq.damaged-*"))) == 2


def test_a_server_that_runs_is_not_repaired_under_its_feet(command: Command, kept: Path, small: Path) -> None:
    """Repair needs the folder for itself."""
    with open_state(kept, small):
        content = spoil(kept, 3)
        code, _, err = command("journal", "repair", "--yes", "--state", kept)
        assert (code, "in use" in err) == (2, True)
        assert (kept / "journal.log").read_bytes() == content


def test_a_damaged_base_is_named(command: Command, kept: Path) -> None:
    """Without its base a journal means nothing, and only a backup helps."""
    (kept / "base.nq").write_bytes((kept / "base.nq").read_bytes()[1:])
    for arguments in (["journal", "check"], ["journal", "repair", "--yes"], ["export"]):
        code, out, err = command(*arguments, "--state", kept)
        assert (code, out, "base.nq: the file is damaged" in err) == (2, "", True)


DATA = """
<urn:same> <urn:value> 1 .
<urn:theirs> <urn:value> {theirs} .
<urn:ours> <urn:value> 1 .
<urn:both> <urn:value> {both} .
<urn:list> <urn:of> ( <urn:x> {last} ) .
"""


def write_data(home: Path, theirs: str, both: str, last: str) -> None:
    """Write the dataset of a package."""
    path = home / "data" / "ttl" / "report" / "a.ttl"
    path.write_text(DATA.format(theirs=theirs, both=both, last=last), encoding="utf-8")


def number(subject: str, value: str) -> Quad:
    """Return the statement that a resource has a whole number."""
    return Quad(f"<urn:{subject}>", "<urn:value>", f'"{value}"^^<{XSD}integer>', REPORT)


@pytest.fixture
def changed(tmp_path: Path, small: Path) -> Path:
    """A state directory that began from a dataset which both the package and people changed since."""
    write_data(small, "1", "1", "<urn:y>")
    folder = tmp_path / "state"
    with open_state(folder, small) as state:
        state.append(
            Patch((number("ours", "1"), number("both", "1")), (number("ours", "2"), number("both", "2"))), "Ola"
        )
    write_data(small, "3", "1", "<urn:y>")
    return folder


def values(command: Command, folder: Path) -> dict[str, list[str]]:
    """Return the whole numbers that resources of a state have."""
    rows = [row.split(" ") for row in command("export", "--state", folder)[1].splitlines() if "<urn:value>" in row]
    found: dict[str, list[str]] = {}
    for subject, _, value, *_ in rows:
        found.setdefault(subject[5:-1], []).append(value.split('"')[1])
    return found


def test_an_upgrade_carries_over_what_the_package_changed(command: Command, changed: Path, small: Path) -> None:
    """It is shown first and made when told; changes made here stay; a list in the files is no change."""
    before = values(command, changed)
    code, out, _ = command("upgrade", "--state", changed, "--home", small)
    assert (code, out.splitlines()[0].endswith("-1 +1 statements"), "0 conflicts" in out) == (0, True, True)
    _, out, _ = command("upgrade", "--patch", "--state", changed, "--home", small)
    assert read_patch(out)[1] == Patch((number("theirs", "1"),), (number("theirs", "3"),))
    assert values(command, changed) == before
    assert command("upgrade", "--apply", "--state", changed, "--home", small)[0] == 0
    assert values(command, changed) == {"same": ["1"], "theirs": ["3"], "ours": ["2"], "both": ["2"]}
    assert "nothing to upgrade" in command("upgrade", "--state", changed, "--home", small)[1]
    assert "upgrade from kgraph" in command("journal", "list", "--state", changed)[1]


def test_the_next_upgrade_is_compared_with_the_last(command: Command, changed: Path, small: Path) -> None:
    """What the package takes back goes again, and a list that it changed is exchanged whole."""
    assert command("upgrade", "--apply", "--state", changed, "--home", small)[0] == 0
    write_data(small, "4", "1", "<urn:z>")
    assert command("upgrade", "--apply", "--state", changed, "--home", small)[0] == 0
    assert values(command, changed)["theirs"] == ["4"]
    out = command("export", "--state", changed)[1]
    assert ("<urn:y>" in out, "<urn:z>" in out, out.count("#rest>")) == (False, True, 2)


@pytest.mark.parametrize(("keep", "value"), [("here", "2"), ("package", "5")])
def test_a_conflict_is_decided_by_a_person(command: Command, changed: Path, small: Path, keep: str, value: str) -> None:
    """A property that both changed is shown with its three values; nothing is made until it is decided."""
    write_data(small, "3", "5", "<urn:y>")
    code, out, _ = command("upgrade", "--state", changed, "--home", small)
    assert (code, "1 conflicts" in out) == (1, True)
    assert [f'"{n}"^^' in out for n in (1, 2, 5)] == [True] * 3
    code, _, err = command("upgrade", "--apply", "--state", changed, "--home", small)
    assert (code, "--keep" in err, values(command, changed)["theirs"]) == (2, True, ["1"])
    assert command("upgrade", "--apply", "--keep", keep, "--state", changed, "--home", small)[0] == 0
    assert values(command, changed)["both"] == [value]
    assert values(command, changed)["theirs"] == ["3"]
    assert "nothing to upgrade" in command("upgrade", "--state", changed, "--home", small)[1]


def test_the_same_change_here_and_in_the_package_is_no_conflict(command: Command, changed: Path, small: Path) -> None:
    """What both came to is simply there."""
    write_data(small, "1", "2", "<urn:y>")
    code, out, _ = command("upgrade", "--state", changed, "--home", small)
    assert (code, "-0 +0" in out, "0 conflicts" in out) == (0, True, True)
