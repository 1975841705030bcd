"""The catalogue of wording, and the choice of a language."""

from __future__ import annotations

import string

import pytest

from kgraph.languages import LANGUAGES, catalogue, choose_language, text, texts
from kgraph.turtle.model import REMARKS


def placeholders(wording: str) -> set[str]:
    """Return the names that a text leaves to be filled."""
    return {name for _, name, _, _ in string.Formatter().parse(wording) if name}


@pytest.mark.parametrize(
    ("wanted", "chosen"),
    [
        ("nn", "nn"),
        ("no", "nb"),
        ("no-NO", "nb"),
        ("nn-NO", "nn"),
        ("EN-gb", "en"),
        ("nb_NO.UTF-8", "nb"),
        ("en;q=0.5, nb;q=0.8, se", "nb"),
        ("en;q=0, nb;q=0.1", "nb"),
        ("de", "nn"),
        ("", "nn"),
        (None, "nn"),
    ],
)
def test_the_best_language_answers_and_nynorsk_where_none_fits(wanted: str | None, chosen: str) -> None:
    """Tags, locale names and Accept-Language values are all understood."""
    assert choose_language(wanted) == chosen


def test_all_catalogues_have_the_same_keys_and_placeholders() -> None:
    """No text is missing in a language, and none leaves out or adds a fact."""
    first = catalogue(LANGUAGES[0])
    for language in LANGUAGES[1:]:
        other = catalogue(language)
        assert set(other) == set(first)
        for key, wording in first.items():
            assert placeholders(other[key]) == placeholders(wording), key


def test_every_syntax_remark_has_a_message_and_a_cure_that_its_parameters_fill() -> None:
    """A fault found by the Turtle reader can always be told to a person."""
    for code, names in REMARKS.items():
        params = dict.fromkeys(names, "x")
        assert texts(f"{code}.message", **params)["nn"]
        assert texts(f"{code}.cure", **params)["en"]


def test_a_text_is_filled_with_its_parameters() -> None:
    """The placeholder is replaced by the value given."""
    assert "abc:" in text("turtle-undeclared-prefix.message", "en", prefix="abc")
