"""What users install is what is tested: wheel, sdist and editable installation, without a network."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


def run(*command: str | Path, cwd: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a program to its end, with no trace of the repository in its environment."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("KGRAPH_", "PYTHON", "COV_"))}
    return subprocess.run(
        [str(part) for part in command], cwd=cwd, env=clean | environment, capture_output=True, text=True, check=False
    )


@pytest.fixture(scope="module")
def distributions(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and the wheel that was built from it."""
    folder = tmp_path_factory.mktemp("dist")
    built = run(sys.executable, "-m", "build", "--no-isolation", "--outdir", folder, ROOT, cwd=folder)
    assert built.returncode == 0, built.stdout + built.stderr
    return folder


def installed(target: Path, *what: str | Path) -> Path:
    """Install something in a new virtual environment that sees this one's libraries but not its kgraph."""
    venv.create(target, with_pip=False)
    python = target / "bin" / "python"
    site = Path(run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", cwd=target).stdout.strip())
    done = run(
        *(sys.executable, "-m", "pip", "--python", python, "install", "--quiet", "--no-deps", "--no-index"),
        *("--no-build-isolation", *what),
        cwd=target,
        PYTHONPATH=sysconfig.get_path("purelib"),
    )
    assert done.returncode == 0, done.stdout + done.stderr
    # A .pth file comes after the environment's own packages, so the freshly installed kgraph wins.
    (site / "zz-libraries.pth").write_text(sysconfig.get_path("purelib") + "\n", encoding="utf-8")
    return target / "bin" / "kgraph"


def test_the_wheel_carries_the_knowledge(distributions: Path) -> None:
    """The wheel holds ontology, data, queries, wording, types and licences, and none of the tests."""
    names = zipfile.ZipFile(next(distributions.glob("*.whl"))).namelist()
    for path in (
        "kgraph/_data/ontology/kgraph.ttl",
        "kgraph/_data/queries/README.md",
        "kgraph/messages/nn.toml",
        "kgraph/py.typed",
    ):
        assert path in names
    assert any(name.startswith("kgraph/_data/data/ttl/report/") for name in names)
    assert {"LICENSE", "LICENSE-DATA"} <= {Path(name).name for name in names}
    assert not [name for name in names if name.startswith("tests")]


def test_the_sdist_can_be_built_and_tested(distributions: Path) -> None:
    """The sdist holds sources, knowledge, tests and the build hook."""
    with tarfile.open(next(distributions.glob("*.tar.gz"))) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {"pyproject.toml", "hatch_build.py", "ontology/kgraph.ttl", "tests/conftest.py", "constraints.txt"} <= names


def test_the_installed_wheel_works_in_an_empty_folder(distributions: Path, tmp_path: Path) -> None:
    """With the wheel alone, in a folder with nothing in it, kgraph finds its data and answers."""
    kgraph = installed(tmp_path / "venv", next(distributions.glob("*.whl")))
    empty = tmp_path / "empty"
    empty.mkdir()
    info = run(kgraph, "info", cwd=empty)
    assert info.returncode == 0, info.stderr
    assert f"home      {tmp_path / 'venv'}" in info.stdout
    assert "_data" in info.stdout
    answer = run(kgraph, "query", "survey-shares", "--language", "en", cwd=empty)
    assert answer.stdout.endswith("(5 rows)\n"), answer.stderr
    assert list(empty.iterdir()) == []


def test_an_editable_installation_sees_the_repository(tmp_path: Path) -> None:
    """An editable installation answers from the repository's own files and carries no copy of them."""
    kgraph = installed(tmp_path / "venv", "--editable", ROOT)
    info = run(kgraph, "info", cwd=tmp_path)
    assert f"home      {ROOT}\n" in info.stdout, info.stderr
    assert not list((tmp_path / "venv").rglob("_data"))
