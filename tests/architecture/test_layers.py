"""The house keeps its shape: layers, homes of outside libraries, budgets, and nothing heavy at start-up."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src" / "kgraph"
MODULES = sorted(SOURCE.rglob("*.py"))

MODULE_LINES = 400
FUNCTION_LINES = 80

HOMES = {
    "pyoxigraph": ("store/", "federation/", "turtle/", "validation/", "inference/", "reasoning"),
    "httpx": ("store/remote/", "federation/"),
    "pyshacl": ("validation/",),
    "shacl": ("validation/",),
    "rdflib": ("validation/", "reasoning", "inference/"),
    "owlready2": ("reasoning",),
    "fastapi": ("web/",),
    "starlette": ("web/",),
    "uvicorn": ("web/",),
    "brotli": ("web/compression.py",),
    "prometheus_client": ("web/metrics.py",),
    "jinja2": ("web/",),
    "typer": ("cli/",),
    "yaml": ("query_library.py", "validation/rules.py"),
}

HEAVY = (
    "pyoxigraph",
    "httpx",
    "rdflib",
    "pyshacl",
    "owlready2",
    "fastapi",
    "starlette",
    "uvicorn",
    "jinja2",
    "yaml",
    "brotli",
)


def relative(path: Path) -> str:
    """Return a module's path as it is seen from the package."""
    return path.relative_to(SOURCE).as_posix()


def iter_imports(path: Path) -> Iterator[tuple[str, int]]:
    """Yield the name and line of each module that a file imports, wherever the import stands."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            yield node.module, node.lineno


def run(*command: str) -> subprocess.CompletedProcess[str]:
    """Run a module of this Python in the repository."""
    return subprocess.run([sys.executable, "-m", *command], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_point_down() -> None:
    """Every contract of import-linter in pyproject.toml holds: a module imports only from layers below its own."""
    result = subprocess.run(
        [sys.executable, "-c", "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports())"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stdout + result.stderr


def test_ruff_finds_nothing() -> None:
    """The linter has no remark on any Python file of the repository."""
    result = run("ruff", "check", "--quiet", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_file_is_formatted() -> None:
    """The formatter would change no Python file."""
    result = run("ruff", "format", "--check", "--quiet", ".")
    assert result.returncode == 0, result.stdout + result.stderr


def test_types_are_whole() -> None:
    """Mypy in strict mode has no complaint about the package."""
    result = run("mypy")
    assert result.returncode == 0, result.stdout + result.stderr


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_outside_libraries_have_one_home(path: Path) -> None:
    """A library from outside is imported only by the modules that adapt it."""
    strays = [
        f"{relative(path)}:{line} imports {name}"
        for name, line in iter_imports(path)
        if (homes := HOMES.get(name.split(".")[0])) and not relative(path).startswith(homes)
    ]
    assert not strays


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_modules_and_functions_stay_short(path: Path) -> None:
    """No module is longer than 400 lines and no function longer than 80."""
    text = path.read_text(encoding="utf-8")
    assert len(text.splitlines()) <= MODULE_LINES
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            length = (node.end_lineno or node.lineno) - node.lineno + 1
            assert length <= FUNCTION_LINES, f"{relative(path)}:{node.lineno} {node.name} has {length} lines"


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_no_exception_is_swallowed_whole(path: Path) -> None:
    """No module catches every exception there is."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ExceptHandler):
            names = {name.id for name in ast.walk(node.type) if isinstance(name, ast.Name)} if node.type else {""}
            assert not names & {"", "Exception", "BaseException"}, f"{relative(path)}:{node.lineno}"


def test_the_command_starts_without_engines() -> None:
    """Importing the command line loads no engine, no web framework and no validator."""
    code = f"import sys, kgraph.cli; print(sorted(set({HEAVY!r}) & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout.strip() == "[]"


def test_the_exception_tree_is_drawn_whole() -> None:
    """Each exception class of errors.py stands in the tree of its docstring."""
    tree = ast.parse((SOURCE / "errors.py").read_text(encoding="utf-8"))
    names = [node.name for node in tree.body if isinstance(node, ast.ClassDef)]
    drawn = ast.get_docstring(tree) or ""
    assert [name for name in names if f"``{name}``" not in drawn] == []
