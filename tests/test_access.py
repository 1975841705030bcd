"""Tokens: made once, kept as digests, known at once by a server that runs, and worthless when revoked."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import pytest

from kgraph.access import Holder, Role, Tokens, create_token, load_tokens, revoke_token
from kgraph.errors import StateError


def test_a_token_is_told_once_and_kept_as_a_digest(tmp_path: Path) -> None:
    """The file holds no token, is readable by its owner alone, and identifies the holder."""
    token, holder = create_token(tmp_path / "state", Role.CURATOR, "Kari Nordmann")
    path = tmp_path / "state" / "tokens.json"
    assert token not in path.read_text(encoding="utf-8")
    assert path.stat().st_mode & 0o777 == 0o600
    assert [record.digest for record in load_tokens(path.parent)] == [hashlib.sha256(token.encode()).hexdigest()]
    assert Tokens(path.parent, {}).identify(token) == holder == Holder("Kari Nordmann", Role.CURATOR)
    assert len(token) > 43


@pytest.mark.parametrize("wrong", ["", "x", "kgraph_", "\udc80", "ø" * 10_000])
def test_another_token_names_nobody(tmp_path: Path, wrong: str) -> None:
    """Neither an empty text nor an odd one is let in."""
    token, _ = create_token(tmp_path, Role.CURATOR)
    tokens = Tokens(tmp_path, {"KGRAPH_TOKEN": " secret \n"})
    assert tokens.identify(wrong) is None
    assert tokens.identify(token[:-1]) is None
    assert tokens.identify("secret") == Holder("environment", Role.CURATOR)


def test_without_tokens_nobody_is_let_in() -> None:
    """No state directory and an empty variable make no token."""
    tokens = Tokens(None, {"KGRAPH_TOKEN": "  "})
    assert not tokens
    assert tokens.identify("") is None
    assert Tokens(None, {"KGRAPH_TOKEN": "secret"})


def test_a_server_that_runs_knows_new_tokens_and_forgets_revoked_ones(tmp_path: Path) -> None:
    """The file is read again when it changes."""
    tokens = Tokens(tmp_path, {})
    assert not tokens
    first, _ = create_token(tmp_path, Role.STEWARD, "Ola")
    second, _ = create_token(tmp_path, Role.CURATOR, "Kari")
    assert (tokens.identify(first), tokens.identify(second)) == (
        Holder("Ola", Role.STEWARD),
        Holder("Kari", Role.CURATOR),
    )
    revoke_token(tmp_path, "Ola")
    assert tokens.identify(first) is None
    assert tokens.identify(second) is not None


def test_a_curator_may_do_what_a_steward_may_and_not_the_other_way() -> None:
    """Roles build on each other."""
    assert Holder("a", Role.CURATOR).may(Role.STEWARD)
    assert Holder("a", Role.CURATOR).may(Role.CURATOR)
    assert Holder("a", Role.STEWARD).may(Role.STEWARD)
    assert not Holder("a", Role.STEWARD).may(Role.CURATOR)


@pytest.mark.parametrize("name", ["environment", " Kari", "a\nb", "x" * 65, '"'])
def test_a_name_that_would_mislead_is_refused(tmp_path: Path, name: str) -> None:
    """Names stand in journals and lists, so they are short, on one line, and not that of the environment."""
    with pytest.raises(StateError, match="cannot be the name"):
        create_token(tmp_path, Role.CURATOR, name)


def test_a_name_is_given_once(tmp_path: Path) -> None:
    """Two tokens of one name could not be told apart when one is revoked; without a name each gets its own."""
    create_token(tmp_path, Role.CURATOR, "Kari")
    with pytest.raises(StateError, match="already"):
        create_token(tmp_path, Role.STEWARD, "Kari")
    with pytest.raises(StateError, match="no token"):
        revoke_token(tmp_path, "Ola")
    _, holder = create_token(tmp_path, Role.STEWARD)
    assert holder.name.startswith("steward-")


def test_tokens_made_at_the_same_time_are_all_kept(tmp_path: Path) -> None:
    """Nobody overwrites what another is writing."""
    threads = [threading.Thread(target=create_token, args=(tmp_path, Role.STEWARD, f"s{n}")) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {record.holder.name for record in load_tokens(tmp_path)} == {f"s{n}" for n in range(8)}


@pytest.mark.parametrize("content", ["", "[]", '{"tokens": [{"name": "a"}]}', '{"tokens": [{"role": "king"}]}'])
def test_a_spoilt_file_lets_nobody_in_and_is_named(tmp_path: Path, content: str) -> None:
    """A file that is no list of tokens stops the start, and stops everyone if it comes to be later."""
    token, _ = create_token(tmp_path, Role.CURATOR)
    tokens = Tokens(tmp_path, {})
    (tmp_path / "tokens.json").write_text(content, encoding="utf-8")
    for _ in range(2):
        with pytest.raises(StateError, match=r"tokens\.json"):
            tokens.identify(token)
    with pytest.raises(StateError, match=r"tokens\.json"):
        Tokens(tmp_path, {})


def test_the_list_of_tokens_is_plain_json(tmp_path: Path) -> None:
    """Other tools can read who holds tokens."""
    create_token(tmp_path, Role.CURATOR, "Åse")
    content = json.loads((tmp_path / "tokens.json").read_text(encoding="utf-8"))
    assert [(row["name"], row["role"]) for row in content["tokens"]] == [("Åse", "curator")]
