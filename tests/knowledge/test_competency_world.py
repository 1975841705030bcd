"""What the competency questions answer of a world small enough to know by heart."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

Row = tuple[str | None, ...]
Ask = Callable[[str, Mapping[str, str], str], list[Row]]

QUERIES = Path(__file__).resolve().parents[2] / "queries"

HOMES, KEEPS, NOT = "Cheap homes make people stay.", "Work makes people stay.", "Work makes no difference."
BERG, DAL, VIK = "Berg's study", "Dal's study", "Vik's study"
FJORDBY, SOR = "municipality:0101-fjordby", "county:03-sor"
LAW = {"date": "2016-01-01"}
ACT = ("Old act", "2015-12-31", "doc:new-act")

Case = tuple[str, dict[str, str], str, set[Row]]

CASES: list[Case] = [
    (
        "cq-01-measures-tried-in-my-area",
        {"place": SOR},
        "kind measure project page item",
        {
            ("tea evenings", "tea in Elvby", "Elvby project", "20", "measure:elvby-tea"),
            ("new homes", "homes in Elvby", "Elvby project", "20", "measure:elvby-homes"),
        },
    ),
    (
        "cq-02-measures-of-a-kind-and-what-is-claimed",
        {"kind": "mt:housing"},
        "type carriedOut statement modality outcome effect page",
        {
            ("cheap homes", "homes in Fjordby", HOMES, "measured", "onward migration", "decrease", "12"),
            ("cheapest homes", "huts in Fjordby", None, None, None, None, "12"),
            ("new homes", "homes in Elvby", None, None, None, None, "20"),
        },
    ),
    (
        "cq-03-success-factors-also-challenges",
        {},
        "factor success successPage challenge challengePage",
        {
            ("anchoring", "Anchoring helps.", "30", "Anchoring is hard.", "31"),
            ("flexibility", "Flexibility helps.", "30", None, None),
        },
    ),
    (
        "cq-04-measures-for-a-group",
        {"group": "group:refugee-women"},
        "measure stated statedByMeasure page",
        {
            ("homes in Fjordby", "refugees", "false", "12"),
            ("huts in Fjordby", "refugees", "false", "12"),
            ("visits in Fjordby", "refugees", "false", "13"),
            ("tea in Elvby", "refugee women", "true", "20"),
            ("tea in Elvby", "newcomers", "false", "20"),
            ("homes in Elvby", "newcomers", "false", "20"),
        },
    ),
    (
        "cq-05-what-bears-on-an-outcome",
        {"outcome": "outcome:secondary-migration"},
        "modality factor effect on statement study page",
        {
            ("measured", None, "decrease", "onward migration", HOMES, BERG, "12"),
            ("measured", None, "decrease", "onward migration", HOMES, DAL, "14"),
            ("self-reported", "work", "decrease", "onward migration", KEEPS, BERG, "13"),
            ("measured", "work", "no difference", "onward migration", NOT, VIK, "15"),
        },
    ),
    (
        "cq-05-what-bears-on-an-outcome",
        {"outcome": "outcome:project-success"},
        "factor on statement page",
        {
            ("anchoring", "success of the project", "Anchoring helps.", "30"),
            ("success of the project", "onward migration", "Flexibility helps.", "30"),
        },
    ),
    (
        "cq-06-measures-used-without-known-outcome",
        {},
        "type share sharePage projects page",
        {
            ("tea evenings", "60", "20", "1", "20"),
            ("new homes", None, None, "1", "20"),
            ("cheapest homes", None, None, "1", "12"),
            ("job visits", None, None, "1", "13"),
        },
    ),
    (
        "cq-07-projects-combining-two-kinds",
        {"first": "mt:housing", "second": "mt:work-and-business"},
        "project ofFirst ofSecond page",
        {("Fjordby project", "2", "1", "12")},
    ),
    (
        "cq-07-projects-combining-two-kinds",
        {"first": "mt:cheap-homes", "second": "mt:job-visits"},
        "project ofFirst ofSecond",
        {("Fjordby project", "2", "1")},
    ),
    (
        "cq-08-what-the-law-requires",
        LAW,
        "what group act inForce ended replacement page",
        {
            ("course", "newcomers", "Old act", "false", "2015-12-31", "doc:new-act", "22"),
            ("right to the course", "newcomers", "Old act", "false", "2015-12-31", "doc:new-act", "23"),
            ("right to the course", "newcomers", "Older act", "false", "2000-12-31", "doc:lasting-act", "23"),
            ("right to the card", None, "Late act", "true", "2029-12-31", None, "23"),
            ("card", "everyone", "Lasting act", "true", None, None, "22"),
            ("right to the card", None, "Lasting act", "true", None, None, "23"),
        },
    ),
    (
        "cq-09-evidence-trail-of-a-claim",
        {"claim": "finding:homes-help"},
        "study report direction verification readIn page figure start end",
        {
            (BERG, "Berg 2008", "supports", "synthesis only", "Synthesis 2010", "12", None, "1200", "1250"),
            (DAL, "Dal 2009a", "disputes", "synthesis only", "Synthesis 2010", "14", "4", "1400", "1450"),
        },
    ),
    (
        "cq-10-claims-from-my-county-today",
        {"county": "county:05-nordvest"},
        "where whereThen statement page",
        {
            ("Fjordby", FJORDBY, HOMES, "12"),
            ("Fjordby", FJORDBY, KEEPS, "13"),
            ("Fjordby", FJORDBY, "Anchoring helps.", "30"),
            ("Fjordby", FJORDBY, "Fjordby is small.", "12"),
        },
    ),
    ("cq-10-claims-from-my-county-today", {"county": "county:01-nord"}, "where statement", set()),
    (
        "cq-10-claims-from-my-county-today",
        {"county": SOR},
        "where statement page",
        {
            ("Grensebu", KEEPS, "13"),
            ("Sor", HOMES, "12"),
            ("Elvby", "Sixty per cent give tea.", "20"),
            ("Sor", "Sixty per cent give tea.", "20"),
            ("Sor", "Both say so.", "16"),
            ("Sor", "Flexibility helps.", "30"),
            ("Sor", "Anchoring is hard.", "31"),
        },
    ),
    ("cq-10-claims-from-my-county-today", {"county": "county:07-aust"}, "where statement", {("Aust", NOT)}),
    ("cq-10-claims-from-my-county-today", {"county": "county:08-oy"}, "where statement", set()),
    (
        "cq-11-evidence-and-gap-map",
        {},
        "subject outcome studies claims contested firstPage",
        {
            ("cheap homes", "onward migration", "2", "1", "1", "12"),
            ("work", "onward migration", "2", "2", "2", "13"),
            ("anchoring", "success of the project", "1", "1", "0", "30"),
            ("flexibility", "success of the project", "1", "1", "0", "30"),
        },
    ),
    (
        "cq-12-contested-claims",
        {},
        "statement study page against againstStudy againstPage sharesDesign sharesPlace",
        {
            (NOT, VIK, "15", KEEPS, BERG, "13", "false", None),
            (HOMES, BERG, "12", HOMES, DAL, "14", "false", "false"),
        },
    ),
    (
        "cq-13-claims-from-one-place-only",
        {},
        "place study statement page",
        {("Fjordby", BERG, KEEPS, "13"), ("Fjordby", BERG, "Anchoring helps.", "30")},
    ),
    (
        "cq-14-resting-on-ended-law",
        LAW,
        "what act ended replacement page",
        {
            ("course", *ACT, "22"),
            ("right to the course", *ACT, "23"),
            ("right to the course", "Older act", "2000-12-31", "doc:lasting-act", "23"),
        },
    ),
    (
        "cq-15-county-results-against-national",
        {},
        "county ended succeeded printed computed national deviation page",
        {
            ("Nord", "60", "50", "83", "83.3", "60", "23.3", "21"),
            ("Sor", "40", "10", "25", "25", "60", "-35", "21"),
        },
    ),
    (
        "cq-16-strategies-and-what-was-found",
        {},
        "number strategy goal topic claims studies page",
        {
            ("1", "near family", "Fewer are to move on.", "onward migration", "2", "2", "16"),
            ("2", "everywhere", "All are to take part.", None, "0", "0", "16"),
            ("3", "at once", None, None, "0", "0", "16"),
        },
    ),
    (
        "cq-17-settlement-models-compared",
        {},
        "country model account statement outcome effect page",
        {("Xland", "agreed model", "The parties agree.", "Agreeing takes time.", None, None, "16")},
    ),
    (
        "cq-18-who-stands-behind-the-evidence",
        {},
        "organisation kind studies claims actsItself",
        {("Council", None, "1", "4", "true"), ("Institute", "institute", "1", "4", "false")},
    ),
    (
        "cq-19-gaps-and-what-touches-them",
        {},
        "gap topic claims studies efforts page",
        {
            ("clubs", "voluntary sector", "0", "0", "0", "32"),
            ("homes", "housing", "1", "2", "1", "32"),
            ("women", "onward migration", "2", "2", "0", "32"),
        },
    ),
    (
        "cq-20-resource-or-recipient",
        {},
        "group claims resource resourcePage recipient recipientPage",
        {("newcomers", "2", "1", "13", "1", "23"), ("refugee women", "1", "0", None, "1", "12")},
    ),
    (
        "cq-21-prose-figures-against-tables",
        {},
        "printed value sum total computed agrees unit page",
        {
            ("7", "7", "7", "9", "7", "true", "municipalities", "22"),
            ("45 %", "45", "90", "200", "45", "true", "persons", "22"),
            ("100", "100", "90", "200", "90", "false", "persons", "22"),
        },
    ),
    (
        "cq-22-citations-that-do-not-resolve",
        {},
        "kind printed probable candidates page",
        {
            ("missing from the list", "Vik 2005", None, "1", "15"),
            ("ambiguous citation", "Dal 2009", "Dal 2009a", "2", "14"),
        },
    ),
    (
        "cq-23-works-listed-cited-used",
        {},
        "work listed cited claims page",
        {("Dal 2009b", "true", "false", "0", "34"), ("Vik 2005", "false", "true", "4", "15")},
    ),
    (
        "cq-24-works-that-look-alike",
        {},
        "firstWork secondWork sameAuthorAndYear sameNumber judged note",
        {
            ("Berg 2006", "Berg 2008", "false", "true", "false", None),
            ("Dal 2009a", "Dal 2009b", "true", "false", "true", "Two reports of one year."),
        },
    ),
    (
        "cq-25-how-well-supported",
        {},
        "modality claims own secondHand severalStudies checked corroborated contested",
        {
            ("measured", "6", "2", "2", "1", "2", "0", "2"),
            ("interpreted", "6", "0", "6", "1", "0", "2", "0"),
            ("normative", "2", "2", "0", "0", "0", "0", "0"),
            ("self-reported", "1", "0", "1", "0", "0", "0", "1"),
            ("speculated", "1", "1", "0", "0", "0", "0", "0"),
        },
    ),
    (
        "cq-26-causes-without-a-design-for-it",
        {"relation": "relation:causes"},
        "link statement modality study designs page",
        {("causes", KEEPS, "self-reported", BERG, "interviews", "13")},
    ),
    (
        "cq-26-causes-without-a-design-for-it",
        {},
        "link statement",
        {("causes", KEEPS), ("hinders", "Anchoring is hard.")},
    ),
    (
        "cq-27-passages-hard-to-find-again",
        {"limit": "6"},
        "page section table words spans uses usedBy locator",
        {("21", "2", "2", "2", "1", "7", "after the course", "loc:cell")},
    ),
    (
        "cq-28-places-in-figures-today",
        {},
        "number place ended figures validThen numberNow placeNow page",
        {
            ("01", "Nord", "2019-12-31", "3", "true", "05", "Nordvest", "21"),
            ("0201", "Grensebu", "2018-12-31", "1", "false", "0302", "Grensebu", "22"),
            ("04", "Aust", "2019-12-31", "1", "true", "07", "Aust", "22"),
            ("06", "Storaust", "2023-12-31", "1", "false", "07", "Aust", "22"),
        },
    ),
    (
        "cq-29-what-depends-on-a-work",
        {"document": "doc:berg-2008"},
        "item page",
        {
            ("finding:homes-help", "12"),
            ("finding:work-keeps", "13"),
            ("success:anchoring", "30"),
            ("explanation:because", "16"),
            ("challenge:anchoring", "31"),
            ("finding:work-does-not", "15"),
            ("finding:fjord", "12"),
        },
    ),
    (
        "cq-29-what-depends-on-a-work",
        {"document": "doc:dal-2009a"},
        "item page",
        {
            ("finding:homes-help", "12"),
            ("finding:tea-used", "20"),
            ("finding:both", "16"),
            ("success:flexibility", "30"),
            ("challenge:anchoring", "31"),
            ("success:anchoring", "30"),
            ("obs:tea", "20"),
            ("table:after-introduction-programme-2007", "21"),
        },
    ),
    (
        "cq-30-what-is-linked-outside",
        {},
        "class resources withLink withoutLink",
        {
            ("municipality", "5", "0", "5"),
            ("county", "8", "1", "7"),
            ("country", "1", "0", "1"),
            ("region", "1", "0", "1"),
            ("organisation", "2", "0", "2"),
            ("person", "2", "0", "2"),
            ("report", "5", "0", "5"),
            ("legal resource", "5", "0", "5"),
            ("measure type", "7", "1", "6"),
            ("factor", "3", "0", "3"),
            ("topic", "6", "0", "6"),
            ("outcome", "5", "0", "5"),
            ("population group", "4", "0", "4"),
        },
    ),
]


@pytest.mark.parametrize(("name", "values", "columns", "expected"), CASES)
def test_a_question_answers_as_reasoned(
    name: str, values: dict[str, str], columns: str, expected: set[Row], ask_small_world: Ask
) -> None:
    """A question answers of the small world just the rows that follow from what stands there, each once."""
    rows = ask_small_world(name, values, columns)
    assert set(rows) == expected
    assert len(rows) == len(expected)


def test_every_question_is_asked_of_the_small_world() -> None:
    """No competency question goes without expected rows."""
    assert {case[0] for case in CASES} == {path.stem for path in (QUERIES / "competency").glob("*.rq")}


@pytest.mark.parametrize(("name", "values"), [(case[0], case[1]) for case in CASES])
def test_two_engines_agree(name: str, values: dict[str, str], ask_small_world: Ask, ask_rdflib: Ask) -> None:
    """The engine and rdflib give the same rows, so that no question leans on a quirk of one of them."""

    def bag(rows: list[Row]) -> list[Row]:
        pieces = [tuple("; ".join(sorted(cell.split("; "))) if cell else cell for cell in row) for row in rows]
        return sorted(pieces, key=repr)

    assert bag(ask_small_world(name, values, "")) == bag(ask_rdflib(name, values, ""))
