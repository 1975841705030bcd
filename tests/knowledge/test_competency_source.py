"""What the competency questions answer of the packaged graph, against what a reader finds in the report itself.

The expected values were read in the report, page by page, before the questions were asked.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping

Row = tuple[str | None, ...]
Ask = Callable[[str, Mapping[str, str], str], list[Row]]

HJELMELAND = {
    "hjelmeland-cheap-housing",
    "hjelmeland-housing-for-newcomers",
    "hjelmeland-startup-loan",
    "hjelmeland-childcare-guarantee",
    "hjelmeland-education-support",
    "hjelmeland-voluntary-cooperation",
    "hjelmeland-local-events",
    "hjelmeland-welcome-letter",
    "hjelmeland-business-cooperation",
    "hjelmeland-school-inclusion",
    "hjelmeland-language-course",
}
"""The eleven measures of figure 2."""

SURVEY = {
    "newcomer-information-channels",
    "language-course-no-right",
    "library-meeting-place",
    "school-inclusion",
    "rapid-settlement",
    "business-cooperation",
    "local-events",
    "buddy-scheme",
    "affordable-housing",
    "attitude-work",
    "newcomer-hosts",
    "welcome-letter",
    "voluntary-cooperation",
    "business-startup-support",
    "education-support",
    "childcare-guarantee",
    "housing-for-newcomers",
    "project-marketing",
}
"""The eighteen measures that the survey of page 30 asked about."""

TABLE_2 = {
    "Finnmark": (25, 18, 72),
    "Sogn og Fjordane": (64, 45, 70),
    "Akershus": (163, 100, 61),
    "Hedmark": (97, 57, 59),
    "Oppland": (57, 32, 56),
    "Buskerud": (192, 107, 56),
    "Nord-Trøndelag": (86, 48, 56),
    "Nordland": (148, 80, 54),
    "Telemark": (95, 50, 53),
    "Troms": (100, 52, 52),
    "Sør-Trøndelag": (145, 76, 52),
    "Hordaland": (185, 91, 49),
    "Vestfold": (105, 49, 47),
    "Vest-Agder": (103, 48, 47),
    "Møre og Romsdal": (111, 52, 47),
    "Rogaland": (162, 75, 46),
    "Aust-Agder": (71, 32, 45),
    "Østfold": (103, 45, 44),
    "Oslo": (291, 116, 40),
}
"""Participants who left the programme in 2007, those in work or education, and the printed percentage."""

SUCCESSORS = {
    "Østfold": "31",
    "Akershus": "32",
    "Hedmark": "34",
    "Oppland": "34",
    "Buskerud": "33",
    "Vestfold": "39",
    "Telemark": "40",
    "Aust-Agder": "42",
    "Vest-Agder": "42",
    "Hordaland": "46",
    "Sogn og Fjordane": "46",
    "Sør-Trøndelag": "50",
    "Nord-Trøndelag": "50",
    "Troms": "55",
    "Finnmark": "56",
}
"""The counties of tables 1 and 2 that have since got another number, and today's number."""


def test_rogaland_has_the_eleven_measures_of_hjelmeland(ask_real_graph: Ask) -> None:
    """Of the examples in the report only Hjelmeland lies in Rogaland; its measures stand in figure 2 on page 13."""
    rows = ask_real_graph("cq-01-measures-tried-in-my-area", {"place": "county:11-rogaland"}, "item page")
    assert set(rows) == {(f"measure:{name}", "13") for name in HJELMELAND}


def test_only_hjelmeland_combines_housing_and_work(ask_real_graph: Ask) -> None:
    """Figure 2 has three measures for homes and one with business; Verdal and Lofoten have none for homes."""
    values = {"first": "mt:housing", "second": "mt:work-and-business"}
    rows = ask_real_graph("cq-07-projects-combining-two-kinds", values, "item ofFirst ofSecond")
    assert rows == [("project:hjelmeland-inclusion", "3", "1")]


def test_anchoring_is_named_on_both_sides_of_page_30(ask_real_graph: Ask) -> None:
    """Of the success criteria and challenges of chapter 8, anchoring alone stands on both lists."""
    rows = ask_real_graph("cq-03-success-factors-also-challenges", {}, "factor successPage challengePage")
    on_page_30 = {row for row in rows if row[1] == "30"}
    assert on_page_30 == {
        ("anchoring", "30", "30"),
        ("adapted way of working", "30", None),
        ("clear target groups", "30", None),
        ("follow-up of the target group", "30", None),
        ("flexibility", "30", None),
    }


def test_women_who_came_by_family_are_reached_by_lofoten_and_verdal(ask_real_graph: Ask) -> None:
    """Figures 6 and 7 list five measures each: for immigrants in Verdal, for immigrant women in Lofoten."""
    values = {"group": "group:family-immigrant-women"}
    found = {str(row[0]) for row in ask_real_graph("cq-04-measures-for-a-group", values, "item")}
    assert Counter(name.removeprefix("measure:").split("-")[0] for name in found) == {"riskit": 5, "verdal": 5}


def test_leaving_the_first_municipality_is_spoken_of_in_four_chapters(ask_real_graph: Ask) -> None:
    """Chapters 2, 3, 4 and 5 bear on it: the monitor of 2009, jobs, networks elsewhere, and Høydahl 2007."""
    values = {"outcome": "outcome:secondary-migration"}
    pages = {row[0] for row in ask_real_graph("cq-05-what-bears-on-an-outcome", values, "page")}
    assert {"11", "13", "16", "19", "24"} <= pages
    effects = ask_real_graph("cq-05-what-bears-on-an-outcome", values, "factor effect on page")
    assert ("secondary migration", "decrease", "integration", "16") in effects
    assert ("ethnic network", "increase", "secondary migration", "19") in effects


def test_use_is_all_that_is_known_of_the_surveys_measures(ask_real_graph: Ask) -> None:
    """The report gives use and no outcome for any of the eighteen; five have a share, the most used first."""
    rows = ask_real_graph("cq-06-measures-used-without-known-outcome", {}, "concept share")
    printed = ask_real_graph("cq-06-measures-used-without-known-outcome", {}, "share sharePage")
    assert {row[1] for row in printed if row[0]} == {"30"}
    assert [row for row in rows if row[1]] == [
        ("mt:local-events", "69"),
        ("mt:welcome-letter", "67"),
        ("mt:business-cooperation", "64"),
        ("mt:project-marketing", "55"),
        ("mt:voluntary-cooperation", "47"),
    ]
    assert {f"mt:{name}" for name in SURVEY} <= {str(row[0]) for row in rows}


def test_both_services_rested_on_the_introduction_act(ask_real_graph: Ask) -> None:
    """In 2010 the programme and the language training rested on an act in force; by 2025 it had been replaced."""
    columns = "item act inForce"
    for date, in_force in (("2010-07-01", "true"), ("2025-01-01", "false")):
        rows = ask_real_graph("cq-08-what-the-law-requires", {"date": date}, columns)
        for service in ("introduction-programme", "language-and-society-training"):
            assert (f"service:{service}", "Introduksjonslova (2003)", in_force) in rows
    ended = ask_real_graph("cq-14-resting-on-ended-law", {"date": "2025-01-01"}, "act")
    assert set(ended) == {("Introduksjonslova (2003)",)}


def test_rindal_levanger_and_verdal_are_in_trondelag_today(ask_real_graph: Ask) -> None:
    """Pages 9, 18 and 23 speak of them; Rindal lay in Møre og Romsdal, and must not be found there now."""
    values = {"county": "county:50-trondelag"}
    found = set(ask_real_graph("cq-10-claims-from-my-county-today", values, "where page"))
    assert {("Rindal", "9"), ("Nord-Trøndelag", "11"), ("Levanger", "18"), ("Verdal", "23")} <= found
    before = ask_real_graph("cq-10-claims-from-my-county-today", {"county": "county:15-more-og-romsdal"}, "where")
    assert ("Rindal",) not in before
    assert ("Møre og Romsdal",) in before


def test_one_disagreement_and_two_rejected_beliefs_are_told_apart(ask_real_graph: Ask) -> None:
    """Onward moves are called a problem and a gain (16).

    Steen rejects what many believe of large municipalities (20), and Høydahl that it is the jobless who move (24).
    That large municipalities are more content (19) and yet no more willing (20) is no disagreement.
    """
    rows = set(ask_real_graph("cq-12-contested-claims", {}, "page againstPage againstStudy"))
    assert {frozenset(row[:2]) for row in rows if row[2]} == {frozenset({"16"})}
    assert {row[:2] for row in rows if not row[2]} == {("20", "20"), ("24", "24")}


def test_table_2_is_recomputed_county_by_county(ask_real_graph: Ask) -> None:
    """Every row of table 2 is there; 1173 of 2303 make 50.9 per cent, and eleven counties lie above that."""
    name = "cq-15-county-results-against-national"
    rows = ask_real_graph(name, {}, "county ended succeeded printed national deviation")
    assert {str(row[0]): tuple(int(str(cell)) for cell in row[1:4]) for row in rows} == TABLE_2
    assert {row[4] for row in rows} == {"50.9"}
    assert sum(not str(row[5]).startswith("-") for row in rows) == 11
    assert [row[0] for row in rows][:2] == ["Finnmark", "Sogn og Fjordane"]
    assert rows[-1][0] == "Oslo"


def test_nine_strategies_with_their_goals(ask_real_graph: Ask) -> None:
    """Figure 3 numbers nine strategies; for the second it prints background where the others have goals."""
    rows = ask_real_graph("cq-16-strategies-and-what-was-found", {}, "number aim")
    goals = Counter({str(number): 0 for number in range(1, 10)})
    goals.update(str(number) for number, aim in set(rows) if aim)
    assert goals == {"1": 2, "2": 0, "3": 4, "4": 3, "5": 1, "6": 2, "7": 2, "8": 1, "9": 2}


def test_three_countries_settle_in_three_ways(ask_real_graph: Ask) -> None:
    """Page 16 compares Denmark and Sweden with Norway; the Swedish model settled fast."""
    rows = ask_real_graph("cq-17-settlement-models-compared", {}, "item page effect outcome")
    assert {row[0] for row in rows} == {"model:denmark", "model:norway", "model:norway-2002", "model:sweden"}
    assert {row[1] for row in rows if row[0] in ("model:denmark", "model:sweden")} == {"16"}
    assert any(row[0] == "model:sweden" and row[3] == "speed of settlement" for row in rows)


def test_imdi_commissioned_the_survey_by_perduco(ask_real_graph: Ask) -> None:
    """The entry on page 34 says for whom Perduco made the survey; IMDi also hands out the Settlement Prize."""
    rows = ask_real_graph("cq-18-who-stands-behind-the-evidence", {}, "agent role actsItself")
    assert ("org:imdi", "commissioned by", "true") in rows


def test_six_gaps_on_page_32(ask_real_graph: Ask) -> None:
    """Section 9.1 has six points on what is not known."""
    rows = ask_real_graph("cq-19-gaps-and-what-touches-them", {}, "item page")
    assert len({row[0] for row in rows}) == 6
    assert {row[1] for row in rows} == {"32"}


def test_prose_on_page_22_agrees_with_table_3(ask_real_graph: Ask) -> None:
    """50 + 80 + 148 are 278; 36 + 7 are 43, 10.3 per cent of 417; they hold 23341 of 36184 persons.

    Each percentage agrees with one of the two counts, and not with the other.
    """
    rows = ask_real_graph("cq-21-prose-figures-against-tables", {}, "value sum total computed agrees")
    assert set(rows) == {
        ("278", "278", "417", "278", "true"),
        ("43", "43", "417", "43", "true"),
        ("10", "43", "417", "10.3", "true"),
        ("64.5", "23341", "36184", "64.5", "true"),
        ("10", "23341", "36184", "64.5", "false"),
        ("64.5", "43", "417", "10.3", "false"),
    }


def test_citations_that_a_reader_stumbles_over(ask_real_graph: Ask) -> None:
    """One report stands in no list, one name fits two works, and one white paper bears another's number."""
    rows = ask_real_graph("cq-22-citations-that-do-not-resolve", {}, "printed kind candidates page")
    found = {(row[0], row[1], row[2]): row[3] for row in rows}
    assert found["Hidle, Ellingsen og Vangstad 2009", "missing from the list", "1"] == "29"
    assert found["Thorshaug, Valenta og Berg 2009", "ambiguous citation", "2"] == "28"
    assert found["St. meld. Nr. 18 (2008-2009:38)", "wrong number", "1"] == "7"
    assert found["Bakken, F., Bråthen, M., Handal, J.", "missing from the list", "1"] == "29"


def test_works_of_the_list_that_carry_no_claim(ask_real_graph: Ask) -> None:
    """The three government documents and the four websites are in the list; no study lies behind them."""
    rows = ask_real_graph("cq-23-works-listed-cited-used", {}, "document listed claims")
    unused = {str(row[0]) for row in rows if row[1:] == ("true", "0")}
    papers = {"prop-1-s-2009-2010", "st-meld-18-2007-2008", "st-meld-25-2008-2009"}
    sites = {"ssb-no", "distriktssenteret-no", "husbanken-no", "imdi-no"}
    assert {f"doc:{name}" for name in papers | sites} <= unused
    assert ("doc:hidle-et-al-2009", "false") in {(row[0], row[1]) for row in rows}


def test_two_works_of_thorshaug_valenta_and_berg_are_kept_apart(ask_real_graph: Ask) -> None:
    """Page 35 lists two reports of 2009 by the same three; one is about homes, the other about labour."""
    rows = ask_real_graph("cq-24-works-that-look-alike", {}, "one two sameAuthorAndYear judged")
    pair = ("doc:thorshaug-et-al-2009-arbeidsinnvandring", "doc:thorshaug-et-al-2009-bosetting")
    assert (*pair, "true", "true") in rows


def test_fifteen_of_nineteen_counties_have_a_new_number(ask_real_graph: Ask) -> None:
    """Oslo, Rogaland, Møre og Romsdal and Nordland remain; every number was valid in the year of the figures."""
    rows = ask_real_graph("cq-28-places-in-figures-today", {}, "unit place numberNow validThen")
    assert {row[1]: row[2] for row in rows if str(row[0]).startswith("county:")} == SUCCESSORS
    assert {row[3] for row in rows} == {"true"}


def test_pettersen_is_drawn_on_in_two_chapters(ask_real_graph: Ask) -> None:
    """What hangs on the report of 2009 stands on pages 10 and 24, explanations among it."""
    values = {"document": "doc:pettersen-2009"}
    rows = ask_real_graph("cq-29-what-depends-on-a-work", values, "item page via")
    assert {row[1] for row in rows} == {"10", "24"}
    assert any(str(row[0]).startswith("explanation:") for row in rows)


def test_homes_are_offered_and_used_with_no_effect_told(ask_real_graph: Ask) -> None:
    """Pages 13, 17, 18 and 30 name eight ways to homes; cheap ones are little used, and no outcome is told of any."""
    name, values = "cq-02-measures-of-a-kind-and-what-is-claimed", {"kind": "mt:housing"}
    rows = ask_real_graph(name, values, "type carriedOut outcome effect page")
    places = {str(row[0]): str(row[1]).split()[-1] if row[1] else None for row in rows}
    assert places == {
        "free or affordable housing": "Hjelmeland",
        "building of homes for newcomers": "Hjelmeland",
        "start-up loan for housing": "Hjelmeland",
        "from renting to owning": "Vegårshei",
        "self-building": "Vegårshei",
        "buying existing homes": "Vegårshei",
        "work for one's own home": "Vadsø",
        "shared housing": None,
    }
    assert {row[2] for row in rows} <= {None, "use of the measure"}
    assert {row[3] for row in rows} <= {None, "not reported"}
    assert {row[4] for row in rows} == {"17", "18", "30"}


def test_five_reports_say_that_homes_are_wanting(ask_real_graph: Ask) -> None:
    """Page 17 names them; the synthesis alone was read, and no figure is concerned."""
    name, values = "cq-09-evidence-trail-of-a-claim", {"claim": "finding:b7vb58n"}
    rows = ask_real_graph(name, values, "report direction verification readIn page figure")
    read = ("supports", "read in the synthesis only", "IMDi og Distriktssenteret 2010", "17", None)
    assert set(rows) == {
        ("Søholt og Holm 2010", *read),
        ("Thorshaug, Valenta og Berg 2009a", *read),
        ("Perduco 2009", *read),
        ("Hanche-Dalseth, Bergem og Aarflot 2009", *read),
        ("Ibenholt og Bakli 2009", *read),
    }


def test_homes_and_speed_of_settlement_have_most_studies_behind_them(ask_real_graph: Ask) -> None:
    """Five studies stand on page 17, more than on any other pair; others rest on the one study of their page."""
    rows = ask_real_graph("cq-11-evidence-and-gap-map", {}, "about result studies contested firstPage")
    found = {(row[0], row[1]): row[2:] for row in rows}
    pair = ("factor:housing-supply", "outcome:settlement-speed")
    assert found[pair] == ("5", "0", "17")
    assert all(int(str(studies[0])) < 5 for other, studies in found.items() if other != pair)
    assert found["factor:ethnic-network", "outcome:secondary-migration"] == ("1", "0", "19")
    assert found["factor:introduction-act", "outcome:secondary-migration"] == ("1", "0", "11")
    assert found["factor:municipality-size", "outcome:willingness-to-settle"] == ("1", "0", "20")
    assert found["factor:municipality-size", "outcome:satisfaction-with-settlement"] == ("1", "0", "19")
    assert found["factor:contact", "outcome:attitudes"][2] == "12"
    assert "outcome:use-of-measure" not in {row[1] for row in rows}


def test_six_studies_are_of_one_place(ask_real_graph: Ask) -> None:
    """Klepp, Møreforsking twice, Ytre Arna, and Agder twice; where Pedersen's two places lie is not told."""
    rows = ask_real_graph("cq-13-claims-from-one-place-only", {}, "place study page claim")
    pages: dict[tuple[str, str], set[str]] = {}
    for place, study, page, _ in rows:
        pages.setdefault((str(place), str(study)), set()).add(str(page))
    assert sorted((place, *sorted(found)) for (place, _), found in pages.items()) == [
        ("Agder", "25"),
        ("Agder", "29"),
        ("Møre og Romsdal", "13"),
        ("Møre og Romsdal", "13", "19"),
        ("Møre og Romsdal", "29"),
        ("Ytre Arna", "15"),
    ]
    assert "finding:b7vb58n" not in {row[3] for row in rows}


def test_refugees_receive_and_labour_immigrants_bring(ask_real_graph: Ask) -> None:
    """Chapters 4 and 5 speak of what refugees get; chapters 5 and 7 of what others bring."""
    rows = ask_real_graph("cq-20-resource-or-recipient", {}, "about resource resourcePage recipient recipientPage")
    sides = {str(row[0]).removeprefix("group:"): (int(str(row[1])), int(str(row[3]))) for row in rows}
    assert sides["labour-immigrants"][0] > sides["labour-immigrants"][1]
    assert sides["refugees"][0] < sides["refugees"][1]
    assert sides["minority-entrepreneurs"][0] > 0 == sides["minority-entrepreneurs"][1]
    for group in ("unaccompanied-minors", "single-adult-refugees", "immigrant-women"):
        assert sides[group][0] == 0 < sides[group][1]
    pages = {row[0]: (row[2], row[4]) for row in rows}
    assert pages["group:minority-entrepreneurs"] == ("25", None)
    assert pages["group:unaccompanied-minors"] == (None, "17")


def test_nothing_that_is_rendered_was_checked_in_its_own_source(ask_real_graph: Ask) -> None:
    """One claim names several works (17); one pair of claims is disputed; what is speculated is least of all."""
    rows = ask_real_graph("cq-25-how-well-supported", {}, "claims own secondHand severalStudies checked contested way")
    assert all(int(str(row[1])) + int(str(row[2])) == int(str(row[0])) for row in rows)
    assert sum(int(str(row[3])) for row in rows) == 1
    assert {row[4] for row in rows} == {"0"}
    assert sum(int(str(row[5])) for row in rows) == 2
    assert rows[-1][6] == "modality:speculated"


def test_interviews_do_not_bear_causes_but_an_evaluation_may(ask_real_graph: Ask) -> None:
    """Page 19 gives a cause from interviews, page 15 a preventive effect; the models of page 16 were evaluated."""
    rows = ask_real_graph("cq-26-causes-without-a-design-for-it", {}, "link study page designs")
    assert {row[0] for row in rows} == {"causes", "contributes to", "hinders"}
    assert {("contributes to", "15", "interview study"), ("contributes to", "19", "interview study")} <= {
        (row[0], row[2], row[3]) for row in rows
    }
    assert "29" in {row[2] for row in rows if row[0] == "causes"}
    assert not any("settlement model" in str(row[1]) for row in rows)


def test_rows_of_table_1_are_among_the_shortest_passages(ask_real_graph: Ask) -> None:
    """A row of page 10 is a county and a number: two words, or four where the name has three; a website is one."""
    values = {"limit": "5"}
    rows = ask_real_graph("cq-27-passages-hard-to-find-again", values, "page table words usedBy")
    counties = {str(row[3]): row[2] for row in rows if row[:2] == ("10", "1")}
    long = {"Sogn og Fjordane", "Møre og Romsdal"}
    assert {name: "4" if name in long else "2" for name in TABLE_2} == counties
    websites = {"www.ssb.no", "www.distriktssenteret.no", "www.husbanken.no", "www.imdi.no"}
    assert {str(row[3]) for row in rows if row[0] == "35" and row[2] == "1"} == websites


def test_what_lay_in_the_report_is_linked(ask_real_graph: Ask) -> None:
    """The nineteen counties of the tables, every country and both acts are found in registers outside."""
    rows = ask_real_graph("cq-30-what-is-linked-outside", {}, "kind withLink withoutLink")
    found = {row[0]: row[1:] for row in rows}
    assert found["ink:County"] == (str(len(TABLE_2)), str(len(set(SUCCESSORS.values()) | {"30", "38", "54"})))
    assert found["ink:Country"][1] == found["ink:LegalResource"][1] == "0"
