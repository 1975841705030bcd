"""How files come into the engine: the revision's digest, blank nodes, and what follows from the statements."""

from __future__ import annotations

import hashlib
import io
import random
from pathlib import Path

import pyoxigraph as ox
import pytest
from homes import make_home

from kgraph.dataset import load_dataset
from kgraph.errors import DatasetError
from kgraph.inference import Pattern, Rule, close, infer
from kgraph.store.base import ASSERTED, INFERRED, OUTSIDE_DEFAULT
from kgraph.store.digests import asserted_digest
from kgraph.store.loading import load_files, load_graphs
from kgraph.vocabulary import GRAPHS

EX = "https://example.org/"


def canonical_digest(engine: ox.Store) -> str:
    """Return the digest as it is defined: all asserted graphs go through the canonicalisation, and then in order."""
    left_out = {*OUTSIDE_DEFAULT, ASSERTED}
    graphs = [graph for graph in engine.named_graphs() if graph.value not in left_out]
    dataset = ox.Dataset(quad for graph in graphs for quad in engine.quads_for_pattern(None, None, None, graph))
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    content = io.BytesIO()
    ox.serialize(dataset, content, format=ox.RdfFormat.N_QUADS)
    return hashlib.sha256(b"".join(sorted(content.getvalue().splitlines(keepends=True)))).hexdigest()


def random_engine(generator: random.Random) -> ox.Store:
    """Return a store with named graphs that share blank nodes, and texts that look like them."""
    blanks = [ox.BlankNode() for _ in range(generator.randint(0, 7))]
    names = [ox.NamedNode(f"{EX}{number}") for number in range(6)]
    texts = [ox.Literal(text) for text in (" _:b ", "a .\n b", '"', "_:c", "å")]
    graphs = [ox.NamedNode(GRAPHS + name) for name in ("report", "vocabulary", "shapes")]
    subjects: list[ox.NamedNode | ox.BlankNode] = [*blanks, *names]
    values: list[ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple] = [*blanks, *names, *texts]
    engine = ox.Store()
    for _ in range(generator.randint(0, 60)):
        subject = generator.choice(subjects)
        predicate = generator.choice(names[:2])
        value = generator.choice(values)
        if generator.random() < 0.1:
            value = ox.Triple(subject, predicate, value)
        engine.add(ox.Quad(subject, predicate, value, generator.choice(graphs)))
    engine.add(ox.Quad(names[0], names[1], names[2]))
    return engine


def test_the_digest_is_that_of_the_canonical_statements(home: Path) -> None:
    """What no blank node stands in needs no canonicalisation: the dataset's digest is the same without."""
    engine = load_graphs(load_dataset(home)).engine
    expected = canonical_digest(engine)
    assert asserted_digest(engine) == expected
    assert asserted_digest(engine, part=1000) == expected


@pytest.mark.parametrize("seed", range(150))
def test_the_digest_of_any_graphs_is_that_of_the_canonical_statements(seed: int) -> None:
    """Blank nodes in circles, in several graphs, in triple terms, and texts that look like them make no difference."""
    engine = random_engine(random.Random(seed))
    expected = canonical_digest(engine)
    assert asserted_digest(engine) == expected
    assert asserted_digest(engine, part=3) == expected


def test_the_engine_infers_what_the_rules_give(home: Path) -> None:
    """Worked out inside the engine, what follows from the dataset is what it is round by round."""
    graphs = load_graphs(load_dataset(home))
    inferred = {quad.triple for quad in graphs.engine.quads_for_pattern(None, None, None, ox.NamedNode(INFERRED))}
    assert inferred == set(graphs.inference.triples)
    asserted = {quad.triple for quad in graphs.engine.quads_for_pattern(None, None, None, ox.NamedNode(ASSERTED))}
    assert asserted == {quad.triple for quad in graphs.asserted}


def test_a_rule_that_gives_very_much_gives_all_of_it() -> None:
    """Conclusions are added in parts while the engine still finds further ones."""
    p, q, r = (ox.NamedNode(EX + name) for name in "pqr")
    rules = tuple(
        Rule(f"{one.value}/{other.value}", "prp-spo1", one.value, (Pattern("x", one, "y"),), Pattern("x", other, "y"))
        for one, other in ((q, r), (p, q))
    )
    asserted, inferred = ox.NamedNode(ASSERTED), ox.NamedNode(INFERRED)
    engine = ox.Store()
    engine.bulk_extend(ox.Quad(ox.NamedNode(f"{EX}{number}"), p, p, asserted) for number in range(25_000))
    expected = set(infer(engine, rules).triples)
    close(engine, rules, asserted, inferred)
    assert {quad.triple for quad in engine.quads_for_pattern(None, None, None, inferred)} == expected
    assert len(expected) == 50_000


@pytest.fixture
def large(tmp_path: Path) -> Path:
    """A home with the ontology and files of more than a megabyte."""
    home = make_home(tmp_path / "home")
    folder = home / "data" / "ttl" / "report"
    rows = "".join(f'<{EX}{number}> <{EX}p> "{"x" * 100}" .\n' for number in range(9000))
    for name in ("one", "two"):
        (folder / f"{name}.ttl").write_text(rows + f'_:b <{EX}name> "{name}" .\n', encoding="utf-8")
    return home


def test_files_share_no_blank_node(large: Path) -> None:
    """A label means another node in each file, also in those that are too large to be read at once."""
    engine = load_files(load_dataset(large))
    named = list(engine.quads_for_pattern(None, ox.NamedNode(EX + "name"), None, None))
    assert {quad.object.value for quad in named} == {"one", "two"}  # type: ignore[union-attr]
    assert len({quad.subject for quad in named}) == 2


def test_a_fault_in_a_large_file_has_its_line(large: Path) -> None:
    """The place of a fault is told, wherever in the file it is."""
    path = large / "data" / "ttl" / "report" / "two.ttl"
    path.write_text(path.read_text(encoding="utf-8") + f"<{EX}a> <{EX}b>\n c .\n", encoding="utf-8")
    with pytest.raises(DatasetError, match=r"two\.ttl:9003"):
        load_files(load_dataset(large))
