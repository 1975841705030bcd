"""Options that several commands share, and the way a command ends when it cannot do its work."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

from kgraph.errors import KgraphError


class ExitCode(IntEnum):
    """What the command's exit code says."""

    DONE = 0
    VIOLATIONS = 1
    UNUSABLE = 2


class Language(StrEnum):
    """The languages that kgraph speaks to people."""

    NN = "nn"
    NB = "nb"
    EN = "en"


class CommandError(KgraphError):
    """A command cannot do what it was asked to; the message is for the person who asked."""


LanguageOption = Annotated[
    Language, typer.Option("--language", "-l", envvar="KGRAPH_DEFAULT_LANGUAGE", help="Language of texts and remarks.")
]
HomeOption = Annotated[
    Path | None,
    typer.Option("--home", envvar="KGRAPH_HOME", help="Folder with ontology/, data/ and queries/.", show_default=False),
]
StateOption = Annotated[
    Path | None,
    typer.Option("--state", envvar="KGRAPH_STATE", help="Folder that keeps changes and tokens.", show_default=False),
]


class Folders(NamedTuple):
    """Where knowledge comes from, and where changes of it are kept if they are."""

    home: Path
    state: Path | None


def home_of(home: Path | None) -> Path:
    """Return the home that was named, else the one of the installed package or the repository.

    Raises :class:`kgraph.errors.DatasetError` if there is none.
    """
    from kgraph.dataset import find_home, load_dataset

    return find_home() if home is None else load_dataset(home).home


def folders_of(home: Path | None, state: Path | None) -> Folders:
    """Return the folders that the options ``--home`` and ``--state`` name.

    A home that is a state directory, an empty folder or not there yet is taken as the state directory, and the home
    is then the packaged one. Raises :class:`CommandError` if the options name two state directories, and what
    :func:`home_of` raises.
    """
    from kgraph.settings import is_state_folder

    if home is None or not is_state_folder(home):
        return Folders(home_of(home), state)
    if state is not None and state.resolve() != home.resolve():
        raise CommandError(f"--home {home} is a state directory, and --state names another: {state}")
    return Folders(home_of(None), home)


def state_of(home: Path | None, state: Path | None) -> Path:
    """Return the state directory that the options name.

    Raises :class:`CommandError` if they name none, and what :func:`folders_of` raises.
    """
    found = folders_of(home, state).state
    if found is None:
        raise CommandError("name the folder that keeps changes: --state DIR or KGRAPH_STATE")
    return found
