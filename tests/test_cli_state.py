"""The commands that keep a state directory: tokens, the journal, and exports."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from kgraph.access import Role, Tokens
from kgraph.cli import run

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
