"""The languages kgraph speaks, and the catalogue that holds its wording in each of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

LANGUAGES = ("nn", "nb", "en")
"""Language tags (BCP 47) of the catalogue; the first one is the default."""

DEFAULT_LANGUAGE = LANGUAGES[0]

_MACRO_LANGUAGE = {"no": "nb"}
_RANGE = re.compile(r"^\s*([A-Za-z]{1,8}(?:-[A-Za-z0-9]{1,8})*|\*)\s*(?:;\s*q=([01](?:\.\d{0,3})?))?\s*$")


def choose_language(wanted: str | None) -> str:
    """Return the best of ``LANGUAGES`` for a language tag, a locale name or an ``Accept-Language`` value.

    Lookup follows RFC 4647 section 3.4: ``nn-NO`` finds ``nn``, and ``no`` finds ``nb`` since it is the
    macrolanguage (BCP 47). Ranges of quality 0 are passed by; Nynorsk answers where nothing fits.
    """
    ranges: list[tuple[float, str]] = []
    for part in re.sub(r"\.[A-Za-z][\w-]*$", "", wanted or "").replace("_", "-").split(","):
        found = _RANGE.match(part)
        if found:
            ranges.append((float(found[2] or 1), found[1].lower()))
    for quality, tag in sorted(ranges, key=lambda item: -item[0]):
        primary = tag.split("-")[0]
        language = _MACRO_LANGUAGE.get(primary, primary)
        if quality > 0 and language in LANGUAGES:
            return language
    return DEFAULT_LANGUAGE


def _flattened(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for name, value in table.items():
        if isinstance(value, dict):
            flat |= _flattened(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = str(value)
    return flat


@cache
def catalogue(language: str) -> Mapping[str, str]:
    """Return every text of one of ``LANGUAGES`` by its key (table names and key joined by dots)."""
    source = files("kgraph") / "messages" / f"{language}.toml"
    return _flattened(tomllib.loads(source.read_text(encoding="utf-8")))


def has_text(key: str) -> bool:
    """Tell whether the catalogue has a text of this key."""
    return key in catalogue(DEFAULT_LANGUAGE)


def text(key: str, language: str, **params: object) -> str:
    """Return the text of ``key`` in ``language`` (any tag), its ``{placeholders}`` filled from ``params``.

    Raises ``KeyError`` if the catalogue lacks the key or a parameter is missing.
    """
    return catalogue(choose_language(language))[key].format_map(params)


def texts(key: str, **params: object) -> dict[str, str]:
    """Return the text of ``key`` in all of ``LANGUAGES``."""
    return {language: text(key, language, **params) for language in LANGUAGES}
