"""Options that several commands share, and the way a command ends when it cannot do its work."""

from __future__ import annotations

from enum import IntEnum, StrEnum
from pathlib import Path
from typing import Annotated

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


def home_of(home: Path | None) -> Path:
    """Return the home that was named, else the one of the installed package or the repository.

    Raises :class:`kgraph.errors.DatasetError` if there is none.
    """
    from kgraph.dataset import find_home, load_dataset

    return find_home() if home is None else load_dataset(home).home
