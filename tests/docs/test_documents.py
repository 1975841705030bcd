"""The documents tell the truth: shown answers, links, commands and options."""

from __future__ import annotations

import re
import shlex
import sys
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from kgraph.cli import run
from kgraph.cli.app import app
from kgraph.settings import iter_descriptions

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/**/*.md", "queries/*.md", "ontology/*.md", "data/**/*.md")
    for path in sorted(ROOT.glob(pattern))
]
SHOWN = [
    pytest.param(match[1], match[2], id=f"{path.name}: {match[1][:60]}")
    for path in DOCUMENTS
    for match in re.finditer(r"```console\n\$ (.*)\n((?:.*\n)*?)```", path.read_text(encoding="utf-8"))
]


@pytest.mark.parametrize(("command", "shown"), SHOWN)
def test_a_shown_answer_is_the_real_one(
    command: str, shown: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A command in a document, run again, prints what the document shows."""
    monkeypatch.setattr(sys, "argv", shlex.split(command))
    monkeypatch.setenv("COLUMNS", "100")
    with pytest.raises(SystemExit):
        run()
    assert capsys.readouterr().out.replace("\r\n", "\n") == shown


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path: Path) -> None:
    """A link to a file of the repository leads to one that is there."""
    targets = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", path.read_text(encoding="utf-8"))
    assert [target for target in targets if not (path.parent / target).exists()] == []


def test_the_readme_shows_three_answers() -> None:
    """The README opens with the two commands and shows at least three real answers."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert len(re.findall(r"```console\n\$ kgraph query", text)) >= 3
    assert ".venv/bin/kgraph serve\n" in text
    assert ".venv/bin/python -m pytest --cov\n" in text


def test_ci_runs_the_readmes_test_command() -> None:
    """The script for CI installs and tests exactly as the README says."""
    script = (ROOT / ".ci/run").read_text(encoding="utf-8")
    assert "-c constraints.txt -e '.[test]'" in script
    assert "-m pytest --cov\n" in script


def test_the_reference_knows_every_command_and_option() -> None:
    """Each command has a section in the reference, and the reference names each of its options."""
    text = (ROOT / "docs/reference/cli.md").read_text(encoding="utf-8")
    commands = get_command(app).commands  # type: ignore[attr-defined]
    sections = dict(re.findall(r"## `kgraph ([\w-]+).*`\n((?:(?!## ).*\n)*)", text))
    assert sections.keys() == commands.keys()
    for name, command in commands.items():
        parts = [command, *getattr(command, "commands", {}).values()]
        options = {option for part in parts for item in part.params for option in item.opts if option.startswith("--")}
        missing = sorted(option for option in options - {"--help"} if option not in sections[name])
        assert missing == [], f"kgraph {name}"
        missing = [part for part in getattr(command, "commands", {}) if f"`kgraph {name} {part}" not in sections[name]]
        assert missing == [], f"kgraph {name}"


def test_the_reference_knows_every_setting() -> None:
    """The page on settings has one row for each, with its variable, default and meaning."""
    text = (ROOT / "docs/reference/settings.md").read_text(encoding="utf-8")
    rows = [
        f"| `{item.variable}` | {item.type} | {f'`{item.default}`' if item.default else ''} | {item.meaning} |"
        for item in iter_descriptions()
    ]
    assert re.findall(r"^\| `.*$", text, re.MULTILINE) == rows


def test_the_architecture_names_every_part() -> None:
    """Each module and package of kgraph stands in the page on the architecture."""
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    parts = {
        path.stem for path in (ROOT / "src/kgraph").iterdir() if path.suffix in ("", ".py") and path.stem[0] != "_"
    }
    assert sorted(part for part in parts - {"messages"} if part not in text) == []


def test_the_architecture_draws_the_layers_as_they_are_enforced() -> None:
    """The lines of the drawing are the layers of the contract, with its bars."""
    text = (ROOT / "docs/explanation/architecture.md").read_text(encoding="utf-8")
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    (contract,) = project["tool"]["importlinter"]["contracts"]
    drawn = text.partition("```text\n")[2].partition("```")[0].splitlines()
    assert [line.split() for line in drawn] == [layer.replace(" : ", " ").split() for layer in contract["layers"]]


def test_the_index_leads_to_every_page() -> None:
    """Each page of the documentation is linked from the index, or lies in the folder of decisions."""
    text = (ROOT / "docs/index.md").read_text(encoding="utf-8")
    pages = [path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")]
    assert [page for page in pages if f"]({page})" not in text and not page.startswith(("decisions/", "index"))] == []
