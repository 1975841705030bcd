"""The normalised text: the written examples, and what holds of every text."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kgraph.source.layout import load_layout
from kgraph.source.normalisation import ALGORITHM, digest, edge_digests, letters, normalise, tokens

ROOT = Path(__file__).resolve().parent.parent
PAGE = (ROOT / "docs" / "reference" / "normalisation.md").read_text(encoding="utf-8")
EXAMPLES = json.loads(re.search(r"```json\n(.*?)```", PAGE, re.DOTALL)[1])  # type: ignore[index]

CHARACTERS = st.sampled_from("abæøåABÅ019 -.,«»\n\r\t\f\u00ad\u00a0\u2022\u200b\ufffd\ufb01e\u0301\u2028")
TEXTS = st.text(CHARACTERS | st.characters(codec="utf-8"), max_size=80)
WORDS = st.lists(st.text("abcdeæøåABC", min_size=2, max_size=12), min_size=1, max_size=30)


@pytest.mark.parametrize("example", EXAMPLES, ids=lambda example: example["about"])
def test_the_written_examples_hold(example: dict[str, object]) -> None:
    """Each example of the reference page comes out as the page says, with its lines and its digest."""
    found = normalise(str(example["extraction"]))
    assert found.text == example["text"]
    for offset, line in example.get("lines", []):  # type: ignore[attr-defined]
        assert found.line_of(offset) == line
    if "digest" in example:
        assert digest(found.text) == example["digest"]


def test_the_page_names_the_algorithm() -> None:
    """The reference page speaks of the algorithm that the code carries out."""
    assert f"`{ALGORITHM}`" in PAGE.splitlines()[0]


@given(TEXTS)
def test_lines_never_go_backwards(text: str) -> None:
    """Each character has a line, and the lines of later characters are never earlier."""
    found = normalise(text)
    assert len(found.origins) == len(found.text)
    assert found.origins == sorted(found.origins)


@given(TEXTS)
def test_normalising_twice_changes_nothing(text: str) -> None:
    """A normalised text is its own normalised form."""
    once = normalise(text).text
    assert normalise(once).text == once


@given(TEXTS)
def test_a_normalised_text_has_single_spaces(text: str) -> None:
    """No space stands at either end or beside another, and no other white space is left."""
    found = normalise(text).text
    assert " ".join(found.split()) == found


@given(WORDS, st.data())
def test_digests_do_not_see_lines_hyphens_spaces_or_bullets(words: list[str], data: st.DataObject) -> None:
    """However an extraction wraps, divides and decorates the same words, the digest is that of the words."""
    pieces = []
    for word in words:
        cut = data.draw(st.integers(0, len(word) - 1))
        mark = data.draw(st.sampled_from(["", "\u00ad", "-\n", "\u00ad\n", "\u00ad \n  "]))
        glue = data.draw(st.sampled_from([" ", "\n", " \n", "\u00a0", " \u2022 ", ",\n", "\r\n", "\f"]))
        pieces.append(word[:cut] + (mark if cut else "") + word[cut:] + glue)
    assert digest(normalise("".join(pieces)).text) == digest(" ".join(words))


@given(TEXTS, TEXTS)
def test_letters_of_a_whole_are_those_of_its_parts(one: str, other: str) -> None:
    """Letters can be taken piece by piece, which is what finding spans again relies on."""
    one, other = normalise(one).text, normalise(other).text
    assume(one and other)
    assert letters(f"{one} {other}") == letters(one) + letters(other)


def test_edges_are_the_first_and_last_five_tokens() -> None:
    """The edge digests are those of five tokens at each end, or of all where there are fewer."""
    text = "ein to tre fire fem seks sju"
    assert edge_digests(text) == (digest("ein to tre fire fem"), digest("tre fire fem seks sju"))
    assert edge_digests("ein to") == (digest("ein to"), digest("ein to"))
    assert len(tokens(text)) == 7


def test_lines_give_their_range_of_characters() -> None:
    """The range of lines is where their characters stand; blank lines have none."""
    found = normalise("Ein\n\nTo\nTre")
    assert found.offsets_of_lines(3, 3) == [(3, 6)]
    assert found.offsets_of_lines(2, 2) == []


def test_the_report_keeps_its_offsets(source_text_path: Path, home: Path) -> None:
    """The pinned text has the normalised form that the published locators count in."""
    content = source_text_path.read_bytes()
    layout = load_layout(home / "data" / "layout" / "imdi-distriktssenteret-2010.toml")
    assert layout.normalisation == ALGORITHM
    found = normalise(content.decode("utf-8"))
    assert (len(found.text), len(tokens(found.text))) == (91740, 13419)
    assert digest(found.text) == "sha256:54d48852a94a5a3a68539c99cf33d7664f106c7e2011366957eaf941b6541408"
