"""The settings, where they are read from, and the page that documents them."""

from __future__ import annotations

from pathlib import Path

import pytest

from kgraph.cli.options import CommandError, folders_of, state_of
from kgraph.dataset import find_home
from kgraph.errors import DatasetError, SettingError
from kgraph.settings import STATE_MARKS, Settings, iter_descriptions, load_settings


def test_defaults_hold_in_an_empty_environment() -> None:
    """Without anything said, the documented defaults hold."""
    assert load_settings({}) == Settings()
    assert Settings().query_timeout == 10.0


def test_the_environment_changes_a_setting_and_an_option_wins_over_it() -> None:
    """KGRAPH_PORT sets the port; --port sets it again; an option not given changes nothing."""
    environment = {"KGRAPH_PORT": "9000", "KGRAPH_ISOLATION": "off", "KGRAPH_PUBLISHER": ""}
    assert load_settings(environment, port=None) == Settings(port=9000, isolation=False)
    assert load_settings(environment, port=0).port == 0


@pytest.mark.parametrize(
    "environment",
    [
        {"KGRAPH_PORT": "many"},
        {"KGRAPH_PORT": "-1"},
        {"KGRAPH_QUERY_TIMEOUT": "nan"},
        {"KGRAPH_ISOLATION": "perhaps"},
        {"KGRAPH_DEFAULT_LANGUAGE": "de"},
        {"KGRAPH_REMOTE_QUERY_ADDRESS": "engine.example/sparql"},
        {"KGRAPH_REMOTE_QUERY_ADDRESS": "https://user:word@engine.example/sparql"},
        {"KGRAPH_REMOTE_ENGINE": "other"},
        {"KGRAPH_REMOTE_REVISION": "today"},
    ],
)
def test_a_value_that_does_not_fit_is_named(environment: dict[str, str]) -> None:
    """The error names the variable."""
    with pytest.raises(SettingError, match=next(iter(environment))):
        load_settings(environment)


def test_credentials_are_never_shown() -> None:
    """Neither in the settings as text nor in the complaint about an address that holds them."""
    settings = load_settings({"KGRAPH_REMOTE_AUTHORIZATION": "Bearer hush"})
    assert settings.remote_authorization == "Bearer hush"
    assert "hush" not in repr(settings)
    with pytest.raises(SettingError) as caught:
        load_settings({"KGRAPH_REMOTE_QUERY_ADDRESS": "https://user:hush@engine.example/"})
    assert "hush" not in str(caught.value)


def test_an_unknown_override_is_refused() -> None:
    """A misspelt option of a program is an error, not silence."""
    with pytest.raises(SettingError, match="prot"):
        load_settings({}, prot=1)


def test_every_setting_is_documented(repository: Path) -> None:
    """docs/reference/settings.md has one row for each setting, with its variable, default and meaning."""
    page = (repository / "docs" / "reference" / "settings.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `KGRAPH_")]
    assert rows == [
        f"| `{item.variable}` | {item.type} | {f'`{item.default}`' if item.default else ''} | {item.meaning} |"
        for item in iter_descriptions()
    ]


@pytest.mark.parametrize("mark", ["", *STATE_MARKS])
def test_a_home_that_keeps_a_state_or_nothing_is_the_state_directory(tmp_path: Path, mark: str) -> None:
    """An empty folder and one with a file of a state are state directories; knowledge is then the packaged one."""
    if mark:
        (tmp_path / mark).touch()
    assert folders_of(tmp_path, None) == (find_home(), tmp_path)
    assert state_of(tmp_path, None) == state_of(tmp_path, tmp_path) == tmp_path


def test_a_home_that_is_not_there_will_be_the_state_directory(tmp_path: Path) -> None:
    """A server can be started with the name of a folder that it is to make."""
    assert folders_of(tmp_path / "new", None) == (find_home(), tmp_path / "new")


def test_a_home_with_knowledge_is_no_state_directory(home: Path, tmp_path: Path) -> None:
    """Knowledge and state may be named each by its option; without a state directory there is none."""
    assert folders_of(home, None) == (home, None)
    assert folders_of(home, tmp_path) == (home, tmp_path)
    with pytest.raises(CommandError, match="KGRAPH_STATE"):
        state_of(home, None)


def test_folders_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    """A folder with other files is neither home nor state, and two state directories are one too many."""
    (tmp_path / "notes.txt").touch()
    with pytest.raises(DatasetError, match="not a home"):
        folders_of(tmp_path, None)
    with pytest.raises(CommandError, match="another"):
        folders_of(tmp_path / "a", tmp_path / "b")
