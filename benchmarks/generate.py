"""Synthetic evidence graphs of a wanted size, with the real ontology and concept schemes, as homes of kgraph.

The same size and seed give the same bytes. Statements are written as they are made, so ten million triples take
no more memory than ten thousand. Each *block* is a project with its measures, studies, documents and 117 claims;
2,500 claims in a row are reported in the same synthesis, and each claim has two lines of evidence from different
studies, each done in two places. So one project gives 351 labels of claims and one synthesis 10,000 rows of
claim, study and place, whatever the size of the graph.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import random
import shutil
import sys
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TextIO

import pyoxigraph as ox

from kgraph.dataset import find_home, iter_files, load_dataset
from kgraph.store.base import OUTSIDE_DEFAULT
from kgraph.vocabulary import PREFIXES

CLAIMS_OF_A_PROJECT = 117
CLAIMS_OF_A_REPORT = 2500
STUDIES_OF_A_PROJECT = 10
TRIPLES_OF_A_FILE = 400_000
PARAMETERS = "parameters.json"

_COPIED = ("ontology", "queries", "data/ttl/vocabulary")
_LANGUAGES = ("nn", "nb", "en")
_COUNTIES = 10
_MUNICIPALITIES = 100
_SCHEMES = {
    "group": "population-group",
    "topic": "topic",
    "outcome": "outcome",
    "modality": "claim-modality",
    "direction": "evidence-direction",
    "effect": "effect-direction",
    "type": "measure-type",
    "design": "study-design",
}
_USED_PREFIXES = (
    *("ink", "skos", "dct", "doc", "study", "person", "org", "authorship", "finding", "success", "challenge", "line"),
    *("loc", "span", "project", "measure", "municipality", "county", "table", "obs", "period", "role", "obsstatus"),
    *("group", "topic", "outcome", "modality", "direction", "effect", "mt", "design", "unitof", "qb", "sdmx-dimension"),
    "sdmx-attribute",
)
_WORDS = {
    "nn": ("tiltak", "busetjing", "arbeid", "skule", "grannar", "bustad", "frivillige", "språk", "kommune", "næring"),
    "nb": ("tiltak", "bosetting", "arbeid", "skole", "naboer", "bolig", "frivillige", "språk", "kommune", "næring"),
    "en": ("measure", "settlement", "work", "school", "neighbours", "home", "volunteers", "language", "town", "trade"),
}

Statement = tuple[str, str]
Described = tuple[str, list[Statement]]


@dataclass(frozen=True)
class Graph:
    """A generated home: its folder, its number of ``triples`` in the default graph and of some of its resources.

    Resources of a kind are numbered from 0: ``finding:s0``, ``project:s0``, ``doc:r0`` (a synthesis).
    ``reports`` counts the syntheses with 2,500 claims, ``projects`` those with 117. ``recipe`` is a digest of this
    generator, the ontology and the concept schemes; ``wanted`` is the size that was asked for.
    """

    home: Path
    seed: int
    recipe: str
    wanted: int
    triples: int
    claims: int
    projects: int
    reports: int

    @property
    def files(self) -> tuple[Path, ...]:
        """The Turtle files whose union is the default graph, so what the other servers load."""
        return tuple(file.path for file in iter_files(self.home) if file.graph not in OUTSIDE_DEFAULT)


def generate(home: Path, triples: int, seed: int = 2010) -> Graph:
    """Write a home with about ``triples`` triples in its default graph; one that was made alike before is kept.

    Ontology and concept schemes count: they are about 7,600. Raises ``FileExistsError`` if the folder holds
    something else.
    """
    source = find_home()
    recipe = _digest(source)
    if (home / PARAMETERS).exists():
        found = json.loads((home / PARAMETERS).read_text(encoding="utf-8"))
        if (found.get("seed"), found.get("recipe"), found.get("wanted")) == (seed, recipe, triples):
            return Graph(home, **found)
        shutil.rmtree(home)
    elif home.exists() and any(home.iterdir()):
        raise FileExistsError(f"{home} holds something else than a generated graph")
    for name in _COPIED:
        shutil.copytree(source / name, home / name)
    base = _count_default(home)
    writer = _Writer(home / "data" / "ttl" / "report", max(0, triples - base))
    blocks = _Blocks(random.Random(seed), _read_concepts(home))
    writer.write(blocks.places())
    number = 0
    while not writer.full:
        writer.write(blocks.block(number))
        number += 1
    writer.close()
    claims = writer.claims
    graph = Graph(
        home=home,
        seed=seed,
        recipe=recipe,
        wanted=triples,
        triples=base + writer.count,
        claims=claims,
        projects=claims // CLAIMS_OF_A_PROJECT,
        reports=claims // CLAIMS_OF_A_REPORT,
    )
    values = {name: value for name, value in asdict(graph).items() if name != "home"}
    (home / PARAMETERS).write_text(json.dumps(values, indent=1) + "\n", encoding="utf-8")
    return graph


def _digest(source: Path) -> str:
    digest = hashlib.sha256(Path(__file__).read_bytes())
    for name in _COPIED:
        for path in sorted(path for path in (source / name).rglob("*") if path.is_file()):
            digest.update(path.relative_to(source).as_posix().encode() + path.read_bytes())
    return digest.hexdigest()


def _count_default(home: Path) -> int:
    store = ox.Store()
    for file in load_dataset(home).files:
        if file.graph not in OUTSIDE_DEFAULT:
            store.load(path=str(file.path), format=ox.RdfFormat.TURTLE)
    return len(store)


def _read_concepts(home: Path) -> dict[str, list[str]]:
    """Return the concepts of each scheme that is used, in the order of their IRIs, as prefixed names."""
    concepts = {}
    for kind, scheme in _SCHEMES.items():
        path = home / "data" / "ttl" / "vocabulary" / f"{scheme}.ttl"
        prefix = next(name for name, base in PREFIXES.items() if base.endswith(f"/vocab/{scheme}/"))
        iris = {str(quad.subject.value) for quad in ox.parse(path=str(path), format=ox.RdfFormat.TURTLE)}
        base = PREFIXES[prefix]
        concepts[kind] = sorted(f"{prefix}:{iri.removeprefix(base)}" for iri in iris if iri.startswith(base))
    return concepts


class _Writer:
    """Writes descriptions into numbered Turtle files until a number of triples is reached."""

    def __init__(self, folder: Path, most: int) -> None:
        folder.mkdir(parents=True)
        self.count = 0
        self.claims = 0
        self._folder = folder
        self._most = most
        self._file = self._open(0)

    @property
    def full(self) -> bool:
        """Whether the wanted number of triples is reached."""
        return self.count >= self._most

    def write(self, described: Iterable[Described]) -> None:
        """Write descriptions until there are no more or the graph is full."""
        for subject, statements in described:
            if self.full:
                return
            if self.count // TRIPLES_OF_A_FILE != (self.count + len(statements)) // TRIPLES_OF_A_FILE:
                self._file.close()
                self._file = self._open((self.count + len(statements)) // TRIPLES_OF_A_FILE)
            lines = " ;\n    ".join(f"{predicate} {value}" for predicate, value in statements)
            self._file.write(f"{subject} {lines} .\n")
            self.count += len(statements)
            self.claims += subject.startswith("finding:")

    def close(self) -> None:
        """End the last file."""
        self._file.close()

    def _open(self, number: int) -> TextIO:
        file = (self._folder / f"synthetic-{number:04}.ttl").open("w", encoding="utf-8")
        file.writelines(f"@prefix {prefix}: <{PREFIXES[prefix]}> .\n" for prefix in _USED_PREFIXES)
        return file


class _Blocks:
    """Makes the descriptions; all chance comes from one generator of random numbers."""

    def __init__(self, chance: random.Random, concepts: dict[str, list[str]]) -> None:
        self._chance = chance
        self._concepts = concepts

    def places(self) -> Iterator[Described]:
        """Yield the counties and municipalities that all blocks share, and the publishers."""
        for number in range(_COUNTIES):
            yield (
                f"county:s{number}",
                [("a", "ink:County"), ("skos:prefLabel", f'"Fylke {number}"'), ("ink:countyNumber", f'"{number:02}"')],
            )
        for number in range(_MUNICIPALITIES):
            statements = [
                ("a", "ink:Municipality"),
                ("skos:prefLabel", f'"Kommune {number}"'),
                ("ink:municipalityNumber", f'"{number:04}"'),
                ("ink:directlyWithin", f"county:s{number % _COUNTIES}"),
            ]
            yield f"municipality:s{number}", statements
        for number in range(10):
            yield f"org:s{number}", [("a", "ink:Organisation"), ("skos:prefLabel", f'"Institutt {number}"')]

    def block(self, number: int) -> Iterator[Described]:
        """Yield a project with what is known of it."""
        yield from self._project(number)
        for index in range(number * STUDIES_OF_A_PROJECT, (number + 1) * STUDIES_OF_A_PROJECT):
            yield from self._document(index)
            yield self._study(index)
        for index in range(number * 10, (number + 1) * 10):
            yield self._observation(index)
        for index in range(number * CLAIMS_OF_A_PROJECT, (number + 1) * CLAIMS_OF_A_PROJECT):
            if index % CLAIMS_OF_A_REPORT == 0:
                yield self._report(index // CLAIMS_OF_A_REPORT)
            yield from self._claim(index, number)

    def _concept(self, kind: str) -> str:
        return self._chance.choice(self._concepts[kind])

    def _place(self) -> str:
        return f"municipality:s{self._chance.randrange(_MUNICIPALITIES)}"

    def _texts(self, predicate: str, words: int, number: int) -> list[Statement]:
        chosen = [self._chance.randrange(10) for _ in range(words)]
        return [
            (predicate, f'"{" ".join(_WORDS[language][word] for word in chosen)} {number}"@{language}')
            for language in _LANGUAGES
        ]

    def _project(self, number: int) -> Iterator[Described]:
        statements = [
            ("a", "ink:InclusionProject"),
            *self._texts("skos:prefLabel", 2, number),
            ("ink:carriedOutIn", self._place()),
            ("ink:targetsGroup", self._concept("group")),
            ("ink:hasTopic", self._concept("topic")),
        ]
        yield f"project:s{number}", statements
        for index in range(number * 10, (number + 1) * 10):
            statements = [
                ("a", "ink:Measure"),
                *self._texts("skos:prefLabel", 3, index),
                ("ink:hasMeasureType", self._concept("type")),
                ("ink:partOfProject", f"project:s{number}"),
                ("ink:appliedIn", self._place()),
            ]
            yield f"measure:s{index}", statements

    def _report(self, number: int) -> Described:
        statements = [
            ("a", "ink:KnowledgeSynthesis"),
            ("skos:prefLabel", f'"Kunnskapsoppsummering {number}"'),
            ("ink:publicationYear", str(2010 + number % 15)),
            ("ink:publisher", "org:s0"),
        ]
        return f"doc:r{number}", statements

    def _document(self, number: int) -> Iterator[Described]:
        earlier = sorted({self._chance.randrange(number) for _ in range(2)}) if number else []
        authors = [number // 2, number // 2 + 1]
        statements = [
            ("a", self._chance.choice(("ink:Report", "ink:Report", "ink:DoctoralThesis", "ink:StatisticalNote"))),
            ("skos:prefLabel", f'"Rapport {number}"'),
            ("dct:title", f'"{" ".join(self._chance.choices(_WORDS["nb"], k=6))} {number}"@nb'),
            ("ink:publicationYear", str(self._chance.randrange(1990, 2025))),
            ("ink:publisher", f"org:s{self._chance.randrange(10)}"),
            *(("ink:cites", f"doc:s{other}") for other in earlier),
            *(("ink:authorship", f"authorship:s{number}-{position}") for position in (1, 2)),
        ]
        yield f"doc:s{number}", statements
        for position, person in enumerate(authors, 1):
            statements = [
                ("a", "ink:Authorship"),
                ("ink:agent", f"person:s{person}"),
                ("ink:authorshipRole", "role:author"),
                ("ink:position", str(position)),
            ]
            yield f"authorship:s{number}-{position}", statements
        if number % 2 == 0:
            statements = [
                ("a", "ink:Person"),
                ("skos:prefLabel", f'"Person {number // 2}"'),
                ("ink:familyName", f'"Namn{number // 2}"'),
            ]
            yield f"person:s{number // 2}", statements

    def _study(self, number: int) -> Described:
        places = self._chance.sample(range(_MUNICIPALITIES), 2)
        statements = [
            ("a", self._chance.choice(("ink:Study", "ink:Survey", "ink:CaseStudy", "ink:Evaluation"))),
            *self._texts("skos:prefLabel", 3, number),
            *(("ink:conductedIn", f"municipality:s{place}") for place in places),
            ("ink:documentedBy", f"doc:s{number}"),
            ("ink:hasDesign", self._concept("design")),
            ("ink:hasTopic", self._concept("topic")),
            ("ink:sampleSize", str(self._chance.randrange(5, 5000))),
        ]
        return f"study:s{number}", statements

    def _observation(self, number: int) -> Described:
        statements = [
            ("a", "ink:Observation"),
            ("ink:share", f"{self._chance.randrange(1000) / 10:.1f}"),
            ("ink:base", str(self._chance.randrange(50, 500))),
            ("ink:populationDimension", self._concept("group")),
            ("ink:topicDimension", self._concept("topic")),
            ("qb:dataSet", f"table:s{number // 100}"),
            ("qb:measureType", "ink:share"),
            ("sdmx-dimension:refArea", self._place()),
            ("sdmx-attribute:unitMeasure", "unitof:percent"),
        ]
        return f"obs:s{number}", statements

    def _claim(self, number: int, project: int) -> Iterator[Described]:
        studies = self._chance.sample(range(STUDIES_OF_A_PROJECT), 2)
        statements = [
            ("a", self._chance.choice(("ink:Finding", "ink:Finding", "ink:SuccessFactor", "ink:Challenge"))),
            *self._texts("skos:prefLabel", 4, number),
            *(self._texts("ink:statement", 15, number) if number % 3 == 0 else ()),
            ("ink:reportedIn", f"doc:r{number // CLAIMS_OF_A_REPORT}"),
            ("ink:concerns", f"project:s{project}"),
            ("ink:claimModality", self._concept("modality")),
            ("ink:effectDirection", self._concept("effect")),
            ("ink:aboutGroup", self._concept("group")),
            ("ink:aboutPlace", self._place()),
            ("ink:aboutOutcome", self._concept("outcome")),
            ("ink:hasTopic", self._concept("topic")),
            *(("ink:hasEvidenceLine", f"line:s{number * 2 + side}") for side in (0, 1)),
        ]
        if number % 20 == 19:
            statements.append(("ink:contradicts", f"finding:s{number - self._chance.randrange(1, 19)}"))
        yield f"finding:s{number}", statements
        for side in (0, 1):
            yield from self._line(number * 2 + side, project * STUDIES_OF_A_PROJECT + studies[side])

    def _line(self, number: int, study: int) -> Iterator[Described]:
        statements = [
            ("a", "ink:EvidenceLine"),
            ("ink:evidenceDirection", self._concept("direction")),
            ("ink:fromStudy", f"study:s{study}"),
            ("ink:hasLocator", f"loc:s{number}"),
        ]
        yield f"line:s{number}", statements
        statements = [
            ("a", "ink:EvidenceLocator"),
            ("ink:locatedIn", f"doc:s{study}"),
            ("ink:page", str(self._chance.randrange(1, 200))),
        ]
        if number % 10 == 0:
            statements.append(("ink:hasSpan", f"span:s{number}"))
            start = self._chance.randrange(500_000)
            numbers = (("ink:start", start), ("ink:end", start + 80), ("ink:tokenCount", 12))
            yield f"span:s{number}", [("a", "ink:TextSpan"), *((name, str(value)) for name, value in numbers)]
        yield f"loc:s{number}", statements


def main() -> None:
    """Write a graph and tell what it holds."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("home", type=Path, help="folder to write; kgraph serve --home takes it")
    parser.add_argument("--triples", type=int, default=100_000, help="10000 to 10000000 (default 100000)")
    parser.add_argument("--seed", type=int, default=2010)
    arguments = parser.parse_args()
    graph = generate(arguments.home, arguments.triples, arguments.seed)
    print(f"{graph.home}: {graph.triples} triples, {graph.claims} claims, {graph.projects} projects", file=sys.stderr)


if __name__ == "__main__":
    main()
