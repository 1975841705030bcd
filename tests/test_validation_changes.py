"""Changes checked before they count: what they reach, what they made wrong, and what was wrong before."""

from __future__ import annotations

import os
import random
import resource
import traceback
from collections.abc import Iterable, Iterator
from pathlib import Path

import pyoxigraph as ox
import pytest

from kgraph.dataset import Quad, iter_files
from kgraph.report import Report, Severity
from kgraph.store.base import ASSERTED, INFERRED
from kgraph.store.patch import Patch, n_quad
from kgraph.validation import load_rules
from kgraph.validation.changes import ChangeChecker
from kgraph.validation.engines import compile_shacl, named_blank
from kgraph.validation.findings import Findings, QueryRunner, n_triples
from kgraph.validation.neighbourhood import LEFT_OUT
from kgraph.validation.reach import NotDerivableError, query_reach
from kgraph.vocabulary import CONCEPTS, GRAPHS, PREFIXES, RESOURCES, TERMS

REPORT = GRAPHS + "report"
A = f"<{PREFIXES['rdf']}type>"
XSD = PREFIXES["xsd"]
STEPS, SEED = 32, 20250514


@pytest.fixture(scope="module")
def checker(home: Path) -> ChangeChecker:
    """The checker with the rules of the repository."""
    return ChangeChecker(home)


@pytest.fixture(scope="module")
def part(home: Path) -> list[ox.Quad]:
    """The ontology, the vocabularies and a part of the report's records; many of their references dangle."""
    quads: list[ox.Quad] = []
    for number, file in enumerate(file for file in iter_files(home)):
        graph = ox.NamedNode(file.graph)
        if graph in LEFT_OUT or (file.graph not in (GRAPHS + "ontology", GRAPHS + "vocabulary") and number % 9):
            continue
        triples = ox.parse(path=str(file.path), format=ox.RdfFormat.TURTLE)
        quads.extend(ox.Quad(t.subject, t.predicate, t.object, graph) for t in triples)
    return quads


@pytest.fixture
def store(part: list[ox.Quad]) -> ox.Store:
    """A store with the part of the dataset."""
    made = ox.Store()
    made.bulk_extend(part)
    return made


def ink(name: str) -> str:
    """Return a term of the ontology."""
    return f"<{TERMS}{name}>"


def res(name: str) -> str:
    """Return a resource."""
    return f"<{RESOURCES}{name}>"


def quads(text: str, graph: str = REPORT) -> tuple[Quad, ...]:
    """Return the lines of subject, predicate and object as quads of a graph."""
    rows = (line.strip().split(" ", 2) for line in text.splitlines() if line.strip())
    return tuple(Quad(subject, predicate, value, graph) for subject, predicate, value in rows)


def engine_quads(given: Iterable[Quad]) -> list[ox.Quad]:
    """Return quads as the engine's."""
    return list(ox.parse("".join(map(n_quad, given)), format=ox.RdfFormat.N_QUADS))


def carry_out(store: ox.Store, patch: Patch) -> None:
    """Apply a patch to a store."""
    for quad in engine_quads(patch.removed):
        store.remove(quad)
    store.extend(engine_quads(patch.added))


def change(checker: ChangeChecker, store: ox.Store, added: str = "", removed: str = "", graph: str = REPORT) -> Report:
    """Carry a change out in a store and return its report."""
    patch = Patch(quads(removed, graph), quads(added, graph))
    carry_out(store, patch)
    return checker.check(store, patch)


def blocking(report: Report) -> set[str]:
    """Return the codes of the violations."""
    return {remark.code for remark in report if remark.severity is Severity.VIOLATION}


NAMES = "\n".join(f'{{0}} <{PREFIXES["skos"]}prefLabel> "Namn"@{tag}' for tag in ("nn", "nb", "en"))
PERSON = f"""
{res("person/ny")} {A} {ink("Person")}
{res("person/ny")} <{PREFIXES["skos"]}prefLabel> "N. Ny"
{res("person/ny")} {ink("familyName")} "Ny"
"""


def test_a_sound_record_gives_no_remark(checker: ChangeChecker, store: ox.Store) -> None:
    """A write of a whole record passes without a word."""
    assert change(checker, store, PERSON).remarks == ()


def test_a_record_that_lacks_something_is_a_violation_with_its_cure(checker: ChangeChecker, store: ox.Store) -> None:
    """The remark has what `kgraph check` gives, and names the change instead of a file."""
    patch = Patch((), quads("\n".join(PERSON.strip().splitlines()[:2])))
    carry_out(store, patch)
    (remark,) = checker.check(store, patch, "request")
    assert (remark.code, remark.severity, remark.focus) == ("INK-016l", Severity.VIOLATION, res("person/ny"))
    assert (remark.file, remark.line, remark.path) == ("request", None, ink("familyName"))
    assert set(remark.messages) == set(remark.cures) == {"nn", "nb", "en"}


def test_a_removed_statement_is_missed(checker: ChangeChecker, store: ox.Store) -> None:
    """What a deletion leaves wanting blocks it."""
    carry_out(store, Patch((), quads(PERSON)))
    assert blocking(change(checker, store, removed=PERSON.strip().splitlines()[2])) == {"INK-016l"}


def test_a_reference_dangles_when_its_resource_goes(checker: ChangeChecker, store: ox.Store) -> None:
    """The fault is on a resource that the change does not touch."""
    friend = (
        PERSON.replace("person/ny", "person/ven")
        + f"{res('person/ven')} <{PREFIXES['skos']}related> "
        + res("person/ny")
    )
    carry_out(store, Patch((), quads(PERSON + friend)))
    report = change(checker, store, removed=PERSON)
    assert [(remark.code, remark.focus) for remark in report] == [("INK-030h", res("person/ven"))]


def test_a_changed_class_is_wrong_where_the_resource_is_referred_to(checker: ChangeChecker, store: ox.Store) -> None:
    """sh:class looks at the value's class, so a change of it reaches the referrers."""
    works = f"""
    {res("document/bok")} {ink("publisher")} {res("organisation/hus")}
    {res("organisation/hus")} {A} {ink("Organisation")}
    """
    carry_out(store, Patch((), quads(works)))
    report = change(
        checker,
        store,
        f"{res('organisation/hus')} {A} {ink('Period')}",
        f"{res('organisation/hus')} {A} {ink('Organisation')}",
    )
    assert (res("document/bok"), ink("publisher")) in {
        (remark.focus, remark.path) for remark in report if remark.severity is Severity.VIOLATION
    }


def test_an_old_debt_does_not_block_and_is_told_where_it_is_touched(checker: ChangeChecker, store: ox.Store) -> None:
    """A remark that was due before is an info of its code, and says so in three languages."""
    lacking = "\n".join(PERSON.strip().splitlines()[:2])
    carry_out(store, Patch((), quads(lacking)))
    report = change(checker, store, f'{res("person/ny")} {ink("givenInitials")} "N."')
    (debt,) = report
    assert (debt.code, debt.severity) == ("INK-016l", Severity.INFO)
    assert debt.messages["en"].startswith("This was so before")
    assert debt.messages["nn"] != debt.messages["nb"]
    assert change(checker, store, PERSON.replace("person/ny", "person/annan")).remarks == ()


def test_a_warning_passes_and_is_reported(checker: ChangeChecker, store: ox.Store) -> None:
    """Warnings keep their severity."""
    report = change(checker, store, PERSON.replace('"Ny"', '"Ny "'))
    assert [(remark.code, remark.severity) for remark in report] == [("INK-006a", Severity.WARNING)]


@pytest.mark.parametrize("value", [f'"2009"^^<{XSD}int>', f'"2009.0"^^<{XSD}decimal>', f'"02009x"^^<{XSD}integer>'])
def test_shapes_see_a_literal_as_it_was_sent(value: str, checker: ChangeChecker, store: ox.Store) -> None:
    """The engine turns xsd:int into xsd:integer; the check does not."""
    period = f"{res('period/p')} {A} {ink('Period')}\n{res('period/p')} {ink('startYear')} "
    report = change(checker, store, period + value)
    assert any(r.path == ink("startYear") and r.value == value and r.severity is Severity.VIOLATION for r in report)
    other = Patch((), quads(period.replace("period/p", "period/q") + f'"2009"^^<{XSD}integer>'))
    carry_out(store, other)
    assert not [remark for remark in checker.check(store, other) if remark.path == ink("startYear")]


def test_two_values_that_are_sound_alone_are_one_too_many_together(checker: ChangeChecker, store: ox.Store) -> None:
    """The second of two writers sees what the first one wrote."""
    claim = str(next(store.quads_for_pattern(None, ox.NamedNode(TERMS + "claimModality"), None)).subject)
    for quad in list(store.quads_for_pattern(ox.NamedNode(claim[1:-1]), ox.NamedNode(TERMS + "effectDirection"), None)):
        store.remove(quad)
    writes = [
        f"{claim} {ink('effectDirection')} <{CONCEPTS}effect-direction/{way}>" for way in ("increase", "decrease")
    ]
    for first, second in (writes, writes[::-1]):
        assert blocking(change(checker, store, first)) == set()
        assert blocking(change(checker, store, second)) == {"INK-031b"}
        carry_out(store, Patch(quads("\n".join(writes)), ()))


def test_two_links_that_are_sound_alone_make_a_circle_together(checker: ChangeChecker, store: ox.Store) -> None:
    """Neither writer touches the other's resource."""
    one, two, three = (f"<{CONCEPTS}measure-type/ring-{name}>" for name in "abc")
    concepts = "".join(f"\n{one} {A} <{PREFIXES['skos']}Concept>".replace(one, each) for each in (one, two, three))
    broader = f"<{PREFIXES['skos']}broader>"
    carry_out(store, Patch((), quads(f"{concepts}\n{two} {broader} {three}\n{three} {broader} {one}")))
    report = change(checker, store, f"{one} {broader} {two}")
    circles = {remark.focus for remark in report if remark.code == "INK-029f"}
    assert circles == {one, two, three}


def test_a_line_of_two_claims_is_found_at_the_second_one(checker: ChangeChecker, store: ox.Store) -> None:
    """The evidence line itself is not part of the change."""
    line = next(quad for quad in store.quads_for_pattern(None, ox.NamedNode(TERMS + "hasEvidenceLine"), None))
    report = change(checker, store, f"{res('finding/annan')} {ink('hasEvidenceLine')} {line.object}")
    assert ("INK-033i", str(line.object)) in {(remark.code, remark.focus) for remark in report}


def test_claims_that_contradict_and_corroborate_are_found_from_either_side(
    checker: ChangeChecker, store: ox.Store
) -> None:
    """The last link written is the one that is refused."""
    one, two = res("finding/ein"), res("finding/to")
    for claim in (one, two):
        carry_out(store, Patch((), quads(f"{claim} {A} {ink('Finding')}")))
    carry_out(store, Patch((), quads(f"{one} {ink('contradicts')} {two}")))
    report = change(checker, store, f"{two} {ink('corroborates')} {one}")
    assert "INK-026a" in blocking(report)


def test_data_on_resources_of_others_pass_in_any_graph(checker: ChangeChecker, store: ox.Store) -> None:
    """Statements that the rules do not speak of are nobody's fault, whatever vocabulary they use."""
    text = f"""
    <http://example.org/a> {A} <{PREFIXES["skos"]}Concept>
    <http://example.org/a> <{PREFIXES["dct"]}title> "no  tag "
    <http://example.org/a> <{PREFIXES["skos"]}prefLabel> "x"@fr
    <http://example.org/a> <{PREFIXES["skos"]}broader> <http://example.org/a>
    <http://example.org/a> <{PREFIXES["rdfs"]}subClassOf> _:b
    _:b <http://example.org/p> "01"^^<{XSD}integer>
    """
    for graph in ("", REPORT, GRAPHS + "ontology", "http://example.org/g"):
        assert change(checker, store, text, graph=graph).remarks == ()


def test_our_own_terms_are_checked_on_resources_of_others(checker: ChangeChecker, store: ox.Store) -> None:
    """Who uses our classes keeps their shapes."""
    report = change(checker, store, f"<http://example.org/p> {A} {ink('Person')}", graph="")
    assert "INK-016l" in blocking(report)


def test_graphs_that_are_derived_or_apart_are_left_out(checker: ChangeChecker, store: ox.Store) -> None:
    """What follows and the union's copy are no second statement, and cure nothing."""
    for graph in (ASSERTED, INFERRED):
        store.extend(engine_quads(quads(PERSON, graph)))
    report = change(checker, store, "\n".join(PERSON.strip().splitlines()[:2]))
    assert blocking(report) == {"INK-016l"}


def test_a_subclass_axiom_reaches_all_that_its_classes_decide_on(checker: ChangeChecker, store: ox.Store) -> None:
    """Without the axiom, values are no longer of the class that a shape asks for."""
    place = f"{res('municipality/x')} {A} {ink('Municipality')}"
    claims = [f"{res(f'finding/x{number}')} {ink('aboutPlace')} {res('municipality/x')}" for number in range(5)]
    carry_out(store, Patch((), quads("\n".join([place, *claims]))))
    axiom = f"{ink('Municipality')} <{PREFIXES['rdfs']}subClassOf> {ink('Place')}"
    report = change(checker, store, removed=axiom, graph=GRAPHS + "ontology")
    wrong = {remark.focus for remark in report if remark.severity is Severity.VIOLATION}
    assert {res(f"finding/x{number}") for number in range(5)} <= wrong


def test_a_check_changes_nothing(checker: ChangeChecker, store: ox.Store) -> None:
    """The store is only read."""
    patch = Patch((), quads(PERSON.replace("familyName", "family")))
    carry_out(store, patch)
    before = {str(quad) for quad in store}
    assert checker(store, patch).exit_code() == 1
    assert {str(quad) for quad in store} == before


def test_a_forked_process_that_can_open_no_file_checks_as_well(checker: ChangeChecker, store: ox.Store) -> None:
    """Everything was loaded when the checker was made, confirmation by the second engine included."""
    patch = Patch((), quads("\n".join(PERSON.strip().splitlines()[:2]) + f"\n{res('x')} {ink('cites')} {res('y')}"))
    carry_out(store, patch)
    expected = blocking(checker.check(store, patch))
    assert len(expected) > 1
    child = os.fork()
    if child == 0:
        try:
            resource.setrlimit(resource.RLIMIT_NOFILE, (0, 0))
            os._exit(0 if blocking(checker.check(store, patch)) == expected else 1)
        except BaseException:
            traceback.print_exc()
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


def test_the_page_of_checks_names_the_queries_that_do_not_run_at_a_change(
    checker: ChangeChecker, repository: Path
) -> None:
    """A reader learns which rules only `kgraph check` keeps."""
    page = (repository / "docs/reference/checks.md").read_text(encoding="utf-8")
    (line,) = [line for line in page.splitlines() if line.startswith("Only `kgraph check`")]
    assert [code for code in checker.left_out if f"`{code}`" not in line] == []


# What is found step by step, against what a check of everything finds.


class Mutations:
    """Random changes of a store: statements that go, come, change value, property or class; resources that go."""

    def __init__(self, store: ox.Store) -> None:
        self.random = random.Random(SEED)
        self.store = store
        self.pool = sorted((quad for quad in store), key=str)
        self.by_predicate: dict[str, list[ox.Quad]] = {}
        for quad in self.pool:
            self.by_predicate.setdefault(quad.predicate.value, []).append(quad)
        self.predicates = sorted(self.by_predicate)

    def quad(self) -> ox.Quad:
        """Return a quad; rare properties are taken as often as common ones."""
        return self.random.choice(self.by_predicate[self.random.choice(self.predicates)])

    def patch(self) -> Patch:
        """Return a change of up to six mutations; no quad is in both parts."""
        removed: set[ox.Quad] = set()
        added: set[ox.Quad] = set()
        for _ in range(self.random.randint(1, 6)):
            gone, come = self.one()
            removed.update(quad for quad in gone if quad in self.store)
            added.update(come)
        added = {quad for quad in added if quad not in self.store}
        return Patch(tuple(map(as_row, removed - added)), tuple(map(as_row, added - removed)))

    def one(self) -> tuple[list[ox.Quad], list[ox.Quad]]:
        """Return the quads that one mutation removes and adds."""
        quad, other = self.quad(), self.quad()
        subject, predicate, value, graph = quad.subject, quad.predicate, quad.object, quad.graph_name
        like = self.random.choice(self.by_predicate[predicate.value]).object
        match self.random.randrange(8):
            case 0:
                return [quad], []
            case 1:
                return [quad], [ox.Quad(subject, predicate, like, graph)]
            case 2:
                return [], [ox.Quad(subject, predicate, like, graph)]
            case 3:
                return [quad], [ox.Quad(subject, other.predicate, value, graph)]
            case 4:
                return [], [ox.Quad(other.subject, predicate, value, graph)]
            case 5:
                return list(self.store.quads_for_pattern(subject, None, None)), []
            case 6:
                kinds = self.by_predicate[PREFIXES["rdf"] + "type"]
                kind = self.random.choice(kinds)
                old = self.store.quads_for_pattern(subject, kind.predicate, None)
                return list(old), [ox.Quad(subject, kind.predicate, kind.object, graph)]
            case _:
                new = ox.NamedNode(f"{RESOURCES}finding/new-{self.random.randrange(50)}")
                same = self.store.quads_for_pattern(subject, None, None)
                return [], [ox.Quad(new, each.predicate, each.object, each.graph_name) for each in same]


def as_row(quad: ox.Quad) -> Quad:
    """Return an engine's quad as a row of a patch."""
    graph = "" if isinstance(quad.graph_name, ox.DefaultGraph) else quad.graph_name.value
    return Quad(str(quad.subject), str(quad.predicate), str(quad.object), graph)


class Everything:
    """Checks the whole of a store, without regard to what changed."""

    def __init__(self, home: Path) -> None:
        rules = load_rules(home)
        self.shapes = {rule.iri: rule for rule in rules.shapes}
        self.run = compile_shacl("".join(rule.statements for rule in rules.shapes))
        assert self.run is not None
        self.queries = list(self._known(rules.queries))

    @staticmethod
    def _known(rules: Iterable) -> Iterator[QueryRunner]:  # type: ignore[type-arg]
        for rule in rules:
            try:
                yield QueryRunner(rule, query_reach(rule.text))
            except NotDerivableError:
                continue

    def found(self, store: ox.Store) -> set[tuple[str | None, ...]]:
        """Return the keys of all that is found on our resources, and by our terms on others."""
        kept = [quad for quad in store if quad.graph_name not in LEFT_OUT]
        data = n_triples(kept, {}, named_blank)
        keys: set[tuple[str | None, ...]] = set()
        for result in self.run(data):
            targets = self.shapes[result.shape].targets
            if ours(result.focus) or any(term.startswith(f"<{TERMS}") for _, term in targets):
                keys.add(tuple(result))
        union = ox.Store()
        union.bulk_extend(ox.Quad(quad.subject, quad.predicate, quad.object) for quad in kept)
        for query in self.queries:
            keys.update(finding.key for finding in query.run(union) if ours(finding.focus))
        return keys


def ours(focus: str) -> bool:
    """Tell whether a resource is one of ours."""
    return focus.startswith((f"<{RESOURCES}", f"<{CONCEPTS}"))


def keys_of(findings: Findings) -> set[tuple[str | None, ...]]:
    """Return what tells findings apart."""
    return {*map(tuple, findings.results), *(row.key for row in findings.rows)}


def test_what_a_change_is_found_to_do_is_what_a_check_of_everything_finds(
    checker: ChangeChecker, store: ox.Store, home: Path
) -> None:
    """New are exactly the findings that the whole has after and had not before, over a row of random changes."""
    pytest.importorskip("shacl", reason="the whole is checked by the fast SHACL engine")
    everything, mutations = Everything(home), Mutations(store)
    before = everything.found(store)
    news = 0
    for _ in range(STEPS):
        patch = mutations.patch()
        carry_out(store, patch)
        after = everything.found(store)
        new, old = checker.findings(store, patch)
        assert keys_of(new) == after - before, patch
        assert keys_of(old) <= after & before, patch
        news += len(after - before)
        before = after
    assert news > STEPS


def test_both_engines_judge_the_parts_alike(home: Path, store: ox.Store) -> None:
    """With pySHACL alone a change is judged as with the fast engine."""
    pytest.importorskip("shacl", reason="the second SHACL engine is not installed")
    fast, slow = ChangeChecker(home), ChangeChecker(home, engine="pyshacl")
    mutations = Mutations(store)
    found = 0
    for _ in range(STEPS // 4):
        patch = mutations.patch()
        carry_out(store, patch)
        results = [set(each.findings(store, patch)[0].results) for each in (fast, slow)]
        assert results[0] == results[1], patch
        found += len(results[0])
    assert found > 0


def test_a_change_that_reaches_too_much_is_checked_by_checking_everything(
    checker: ChangeChecker, store: ox.Store, home: Path
) -> None:
    """The way to the findings differs; what the change brings does not."""
    everything = ChangeChecker(home, widest=-1_000)
    patch = Patch((), quads("\n".join(PERSON.strip().splitlines()[:2])))
    carry_out(store, patch)
    narrow, whole = checker.findings(store, patch), everything.findings(store, patch)
    assert keys_of(narrow[0]) == keys_of(whole[0]) != set()
    assert keys_of(narrow[1]) < keys_of(whole[1])
    assert checker.check(store, patch).remarks == everything.check(store, patch).remarks
