"""The passages behind a claim, shown to someone who has the text of the document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kgraph.source.stated import PREFERRED_LABEL, TITLE, StatedLocator, Statements, term
from kgraph.source.verification import CheckedLocator, Extraction, Outcome, verify_locators
from kgraph.turtle import Term

GAP = " […] "
"""What stands between the spans of one passage."""


@dataclass(frozen=True)
class ClaimPassage:
    """What a resource says and the words that it rests on.

    ``passage`` is empty if the locator was not found in the text; ``figure`` is the number of the
    figure or table it stands in, or an empty string.
    """

    resource: Term
    label: str
    statement: str
    locator: Term
    pages: tuple[int, ...]
    section: str
    figure: str
    outcome: Outcome
    passage: str

    def to_dict(self) -> dict[str, object]:
        """Return the passage as a JSON object."""
        return {
            "resource": self.resource[1:-1],
            "label": self.label,
            "statement": self.statement,
            "locator": self.locator[1:-1],
            "pages": list(self.pages),
            "section": self.section,
            "figure": self.figure,
            "outcome": str(self.outcome),
            "passage": self.passage,
        }


def passage(extraction: Extraction, checked: CheckedLocator) -> str:
    """Return the words a locator stands for in the text it was checked against, its spans joined by ``GAP``."""
    return GAP.join(extraction.text.text[start:end] for start, end in checked.ranges)


def iter_claim_passages(
    statements: Statements, extraction: Extraction, resource: Term | None = None, language: str = "nn"
) -> Iterator[ClaimPassage]:
    """Yield each resource with its passages, or only those of ``resource`` (an IRI in N-Triples syntax).

    A claim has the passages of its evidence lines; an evidence line or a locator may be asked for too.
    The order is that of the locators' files.
    """
    languages = (language, "nn", "nb", "en", "")
    for checked in verify_locators(statements, extraction).checked:
        locator = checked.locator
        holders = list(dict.fromkeys(statements.iter_leaning_on(locator.iri)))
        if resource is not None and resource not in holders:
            asked = resource == locator.iri or resource in statements.subjects(term("hasLocator"), locator.iri)
            holders = [resource] if asked else []
        for holder in holders:
            yield ClaimPassage(
                resource=holder,
                label=statements.text_in(holder, PREFERRED_LABEL, languages) or statements.text(holder, TITLE),
                statement=statements.text_in(holder, term("statement"), languages),
                locator=locator.iri,
                pages=locator.pages,
                section=locator.section,
                figure=_figure(statements, locator),
                outcome=checked.outcome,
                passage=passage(extraction, checked),
            )


def _figure(statements: Statements, locator: StatedLocator) -> str:
    return statements.text(locator.iri, term("figure")) or statements.text(locator.iri, term("tableNumber"))
