"""The pages in a real browser: with the keyboard alone, on a phone, without scripts, and calling nobody."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import pytest

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")

CHROMIUM = shutil.which("chromium")
FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
CLAIM = "/page/id/finding/tea-helps"
FAULTY = "/query?lang=en&query=SELECT%20*%20WHERE%20%7B%0A%20%20%3Fs%20%3Fp%20%7D"
PAGES = (
    "/",
    "/query",
    FAULTY,
    "/query?query=SELECT%20*%20%7B%3Fs%20%3Fp%20%3Fo%7D",
    "/query?query=SELECT%20%2A%20%7B%3Fs%20a%20%3Chttps%3A%2F%2Fw3id.org%2Finkludering%2Font%23gaol%3E%7D",
    CLAIM,
    "/page/ont/Document",
    "/nope",
)

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (apt-get install chromium)")


@pytest.fixture(scope="module")
def browser() -> Iterator[sync_api.Browser]:
    """A fresh headless browser."""
    with sync_api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=list(FLAGS))
        yield opened
        opened.close()


@pytest.fixture(params=[(1200, 900), (390, 800), (320, 640)], ids=["desk", "phone", "small-phone"])
def page(request: pytest.FixtureRequest, browser: sync_api.Browser, server: str) -> Iterator[sync_api.Page]:
    """A page of each size, without scripts, that may ask this server alone."""
    width, height = request.param
    context = browser.new_context(
        viewport={"width": width, "height": height}, java_script_enabled=False, base_url=server, locale="nn-NO"
    )
    strangers: list[str] = []
    context.on("request", lambda asked: strangers.append(asked.url) if not asked.url.startswith(server) else None)
    yield context.new_page()
    context.close()
    assert strangers == []


@pytest.mark.parametrize("path", PAGES)
def test_a_page_fits_its_width_and_is_well_formed(browser: sync_api.Browser, server: str, path: str) -> None:
    """No page scrolls sideways, each has one main heading, headings skip no level, and each field has a label."""
    for width in (1200, 390, 320):
        with browser.new_page(viewport={"width": width, "height": 800}) as opened:
            opened.goto(server + path)
            assert opened.evaluate("document.documentElement.scrollWidth") <= width
    with browser.new_page() as opened:
        opened.goto(server + path)
        levels = opened.evaluate("[...document.querySelectorAll('h1,h2,h3,h4')].map(h => +h.tagName[1])")
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in pairwise(levels))
        assert opened.evaluate("[...document.querySelectorAll('textarea,input,select')].every(f => f.labels.length)")
        assert opened.evaluate("[...document.querySelectorAll('a')].every(a => a.textContent.trim() || a.ariaLabel)")
        ids = opened.evaluate("[...document.querySelectorAll('[id]')].map(e => e.id)")
        assert len(ids) == len(set(ids))


def test_a_question_is_asked_and_its_answer_followed(page: sync_api.Page) -> None:
    """Write, run, and go from a row of the answer to the page of the resource."""
    page.goto("/query")
    page.get_by_label("SPARQL-spørjing").fill("SELECT ?goal { ?goal a <https://w3id.org/inkludering/ont#Goal> }")
    page.get_by_role("button").click()
    assert page.get_by_text("1 rader").is_visible() or page.get_by_role("table").is_visible()
    page.get_by_role("link", name="goal:meet").click()
    assert page.get_by_role("heading", level=1).inner_text().lower() == "at folk møtest"


def test_an_error_is_announced_with_a_mark_under_the_place(page: sync_api.Page) -> None:
    """The alert has line, column and the mark; the query is still in its field."""
    page.goto(FAULTY)
    alert = page.get_by_role("alert")
    assert "Line 2, column 9" in alert.inner_text()
    assert alert.locator("pre").inner_text().rstrip().endswith("\n        ^")
    assert "?s ?p }" in page.get_by_label("SPARQL query").input_value()


def test_a_mistaken_name_is_mended_by_a_link(page: sync_api.Page) -> None:
    """The note says where it stands and what was meant; its link runs the query with that."""
    page.goto("/query")
    page.get_by_label("SPARQL-spørjing").fill("SELECT ?goal { ?goal a <https://w3id.org/inkludering/ont#gaol> }")
    page.get_by_role("button").click()
    note = page.locator(".notice")
    assert "Linje 1, kolonne 24" in note.inner_text() and "ont#Goal" in note.inner_text()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    note.get_by_role("link").click()
    assert page.get_by_role("link", name="goal:meet").is_visible()
    assert page.locator(".notice").count() == 0


def test_what_only_follows_is_a_link_away(page: sync_api.Page) -> None:
    """A class that nothing is stated to be in: the link has FROM in the text and an answer below it."""
    page.goto(
        "/query?query=SELECT%20%3Fx%20%7B%20%3Fx%20a%20%3Chttps%3A%2F%2Fw3id.org%2Finkludering%2Font%23Claim%3E%20%7D"
    )
    page.locator(".notice").get_by_role("link").click()
    assert "graph/all" in page.get_by_label("SPARQL-spørjing").input_value()
    assert page.get_by_role("link", name="finding:tea-helps").is_visible()


def test_the_claim_leads_to_its_source_in_each_language(page: sync_api.Page) -> None:
    """The language is switched by a link and stays chosen on the next page."""
    page.goto(CLAIM)
    assert page.get_by_text("Folk på Småøya møttest oftare").is_visible()
    page.get_by_role("link", name="English").click()
    assert page.get_by_text("People on Småøya met more often").is_visible()
    page.get_by_role("link", name="Oversyn 2002").click()
    assert page.get_by_role("heading", name="Properties").is_visible()
    assert page.locator("html").get_attribute("lang") == "en"


def test_the_keyboard_alone_is_enough(browser: sync_api.Browser, server: str) -> None:
    """The first stop skips to the content, focus can be seen, and a query is run with Enter on its button."""
    with browser.new_page() as opened:
        opened.goto(server + "/query?query=ASK%7B%7D")
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.getAttribute('href')") == "#content"
        assert opened.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
        opened.keyboard.press("Enter")
        opened.keyboard.press("Tab")
        assert opened.evaluate("document.activeElement.id") == "query"
        opened.keyboard.press("Tab")
        with opened.expect_navigation():
            opened.keyboard.press("Enter")
        assert opened.locator(".boolean").inner_text() in ("Ja", "Yes")


@pytest.mark.parametrize("path", PAGES)
def test_text_stands_out_from_its_ground(browser: sync_api.Browser, server: str, path: str) -> None:
    """Every text has a contrast of 4.5 to 1 or more (WCAG 1.4.3)."""
    script = (Path(__file__).parent / "contrast.js").read_text(encoding="utf-8")
    with browser.new_page() as opened:
        opened.goto(server + path)
        assert opened.evaluate(script) == []
