"""What follows from the ontology on small data, and what must not, by an outside engine and by our own rules."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import owlrl
import pytest
from pyoxigraph import RdfFormat, Store
from rdflib import RDF, Graph, URIRef

from kgraph.inference import compile_rules, infer
from kgraph.vocabulary import PREFIXES, RESOURCES, TERMS

ROOT = Path(__file__).resolve().parents[2] / "ontology"
CORE = (ROOT / "kgraph.ttl", *sorted((ROOT / "modules").glob("*.ttl")))
HEADER = "".join(f"@prefix {prefix}: <{namespace}> .\n" for prefix, namespace in PREFIXES.items())

GOLD = """
municipality:a ink:directlyWithin county:a ; ink:hasCentrality centrality:remote .
municipality:a ink:directlyReplacedBy municipality:b .
municipality:b ink:directlyReplacedBy municipality:c .
municipality:a a ink:Municipality .
municipality:d a ink:Municipality ; ink:hasCentrality centrality:central .
county:a ink:directlyWithin region:a . region:a ink:directlyWithin country:a .
centrality:remote a ink:RemoteCentralityClass . centrality:central a ink:CentralityClass .

project:p ink:carriedOutIn municipality:a ; ink:targetsGroup group:minors ; ink:follows model:m .
measure:x ink:partOfProject project:p ; ink:hasMeasureType mt:housing .
project:q a ink:InclusionProject ; ink:appliedIn municipality:d ; ink:hasMeasure measure:y .
group:minors ink:directSubgroupOf group:refugees . group:refugees ink:directSubgroupOf group:immigrants .
goal:low ink:directSubgoalOf goal:middle . goal:middle ink:directSubgoalOf goal:high .

finding:contested ink:hasEvidenceLine line:for , line:against ; ink:concerns measure:x ; ink:aboutGroup group:minors .
line:for ink:evidenceDirection direction:supports ; ink:fromStudy study:one ; ink:hasLocator loc:one ;
    ink:verification verification:synthesis-only .
line:against ink:evidenceDirection direction:disputes ; ink:fromStudy study:two ;
    ink:verification verification:checked-in-primary .
line:lone ink:evidenceLineFor finding:agreed ; ink:evidenceDirection direction:supports ; ink:fromStudy study:two ;
    ink:verification verification:checked-in-primary .
finding:undecided ink:hasEvidenceLine line:unclear . line:unclear ink:evidenceDirection direction:inconclusive .
finding:undecided ink:hasEvidenceLine line:dissent . line:dissent ink:evidenceDirection direction:disputes .
loc:one ink:locatedIn doc:synthesis .
study:one ink:conductedIn municipality:a ; ink:hasDesign design:survey , design:case-study .
study:one ink:documentedBy doc:report .
study:two ink:hasDesign design:interview-study . study:three ink:hasDesign design:register-study .
study:four ink:hasDesign design:evaluation . study:five ink:hasDesign design:literature-review .
finding:contested ink:contradicts finding:agreed . finding:agreed ink:corroborates finding:undecided .
doc:report ink:judgedDistinctFrom doc:other .
"""

FOLLOWS = """
municipality:a ink:within county:a , region:a , country:a ; ink:replacedBy municipality:b , municipality:c .
municipality:a a ink:DistrictMunicipality , ink:Place . county:a a ink:Place .
measure:x ink:appliedIn municipality:a , county:a , region:a , country:a .
measure:x a ink:Measure , ink:Intervention , ink:Process .
measure:x ink:appliedInSuccessor municipality:b , municipality:c ; ink:targetsGroup group:minors , group:refugees .
measure:x ink:targetsGroup group:immigrants ; a ink:DistrictIntervention ; ink:subjectOfClaim finding:contested .
measure:x ink:hasEvidenceFor study:one , study:two .
project:p ink:hasMeasure measure:x ; ink:appliedIn municipality:a ; a ink:InclusionProject , ink:DistrictIntervention .
measure:y ink:partOfProject project:q ; a ink:Measure .
group:minors ink:subgroupOf group:refugees , group:immigrants ; a ink:PopulationGroup .
goal:low ink:subgoalOf goal:middle , goal:high ; a ink:Goal .
finding:contested a ink:ContestedClaim , ink:SecondHandClaim , ink:Claim ; ink:basedOnStudy study:one , study:two .
finding:contested ink:reportedIn doc:synthesis ; ink:evidenceFromPlace municipality:a , county:a , country:a .
finding:contested ink:hasContext group:minors .
finding:agreed ink:hasEvidenceLine line:lone ; ink:basedOnStudy study:two ; ink:contradicts finding:contested .
line:for ink:evidenceLineFor finding:contested ; a ink:EvidenceLine , ink:InformationEntity .
finding:undecided ink:corroborates finding:agreed .
study:one a ink:Survey , ink:CaseStudy , ink:Study . study:two a ink:InterviewStudy . study:three a ink:RegisterStudy .
study:four a ink:Evaluation . study:five a ink:LiteratureReview .
doc:report ink:documents study:one ; a ink:Document . doc:other ink:judgedDistinctFrom doc:report .
direction:supports a ink:EvidenceDirection , ink:ControlledValue .
"""

DOES_NOT_FOLLOW = """
county:a ink:within municipality:a . municipality:a ink:directlyWithin region:a . region:a ink:within region:a .
municipality:b ink:replacedBy municipality:a . municipality:a ink:directlyReplacedBy municipality:c .
municipality:d a ink:DistrictMunicipality . municipality:b a ink:DistrictMunicipality .
project:q a ink:DistrictIntervention . measure:y a ink:DistrictIntervention ; ink:appliedIn municipality:d .
project:p ink:targetsGroup group:women . measure:x ink:carriedOutIn municipality:a ; a ink:InclusionProject .
project:p ink:appliedInSuccessor municipality:a . measure:x ink:follows model:m .
group:immigrants ink:subgroupOf group:minors . goal:high ink:subgoalOf goal:low .
goal:low ink:directSubgoalOf goal:high .
finding:agreed a ink:ContestedClaim , ink:SecondHandClaim ; ink:reportedIn doc:synthesis .
finding:undecided a ink:ContestedClaim , ink:SecondHandClaim .
finding:agreed ink:evidenceFromPlace municipality:a . finding:contested ink:reportedIn doc:report .
finding:contested ink:corroborates finding:agreed . finding:contested ink:contradicts finding:undecided .
measure:y ink:hasEvidenceFor study:one . study:two ink:documentedBy doc:report .
study:two a ink:Survey . study:one a ink:InterviewStudy . study:three a ink:Evaluation .
doc:report a ink:Report . doc:synthesis a ink:KnowledgeSynthesis . line:for ink:evidenceLineFor finding:agreed .
"""


def outside_engine() -> Graph:
    """The closure by owlrl, which follows the W3C's rule set."""
    graph = Graph().parse(data=HEADER + GOLD, format="turtle")
    for path in CORE:
        graph.parse(path)
    owlrl.DeductiveClosure(owlrl.OWLRL_Semantics).expand(graph)
    return graph


def own_rules() -> Graph:
    """The closure by the rules compiled from the ontology."""
    axioms, data = Store(), Store()
    for path in CORE:
        axioms.load(input=path.read_bytes(), format=RdfFormat.TURTLE)
    data.load(input=(HEADER + GOLD).encode(), format=RdfFormat.TURTLE)
    inferred = infer(data, compile_rules(axioms)).triples
    graph = Graph().parse(data=HEADER + GOLD, format="turtle")
    graph.parse(data="".join(f"{t} .\n" for t in inferred), format="nt")
    return graph


ENGINES: dict[str, Callable[[], Graph]] = {"owlrl": outside_engine, "own rules": own_rules}


@cache
def closure(engine: str) -> Graph:
    """The closure of the gold data by one of the engines."""
    return ENGINES[engine]()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_should_follow_is_inferred(engine: str) -> None:
    """Places, groups, goals, claims and studies: every expected statement is there."""
    expected = set(Graph().parse(data=HEADER + FOLLOWS, format="turtle"))
    assert len(expected) > 60
    assert expected - set(closure(engine)) == set()


@pytest.mark.parametrize("engine", ENGINES)
def test_what_should_not_follow_is_not_inferred(engine: str) -> None:
    """Nothing runs backwards, leaks to a neighbour or is decided by silence."""
    forbidden = set(Graph().parse(data=HEADER + DOES_NOT_FOLLOW, format="turtle"))
    assert forbidden & set(closure(engine)) == set()


def test_the_two_engines_agree_on_every_resource() -> None:
    """On the things of the gold data, both infer the same statements with our terms."""

    def about_resources(graph: Graph) -> set[tuple[str, str, str]]:
        return {
            (str(s), str(p), str(o))
            for s, p, o in graph
            if str(s).startswith(RESOURCES)
            and (str(p).startswith(TERMS) or (p == RDF.type and str(o).startswith(TERMS)))
            and isinstance(o, URIRef)
        }

    assert about_resources(closure("owlrl")) == about_resources(closure("own rules"))
