"""The functions that the engine has, and a stand-in for those that it does not have."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable
from typing import TypeVar

import pyoxigraph as ox

Functions = dict[ox.NamedNode, Callable[..., ox.NamedNode | ox.BlankNode | ox.Literal | ox.Triple | None]]
"""Functions by IRI, as the engine is given them."""

_UNKNOWN_CALL = re.compile(r"The custom function <([^<>]*)> is not supported")
_NOTHING = ox.Store()
_T = TypeVar("_T")


def with_unknown_functions(error: RuntimeError, again: Callable[[Functions], _T]) -> _T:
    """Return what the engine answers to a text that calls functions it does not have, once it said so for the first.

    A call of a function that nobody knows is an error of the expression it stands in (SPARQL 1.1 Query, section 17.6).
    The engine refuses the whole text and names one function at a time, so it is asked ``again`` with a stand-in for
    each. Raises ``RuntimeError`` for what else it complains of, ``error`` itself among it.
    """
    functions: Functions = {}
    try:
        while unknown := _UNKNOWN_CALL.fullmatch(str(error)):
            functions[ox.NamedNode(unknown[1])] = _no_value
            try:
                return again(functions)
            except RuntimeError as next_error:
                error = next_error
        raise error
    finally:
        # An exception knows the frames it came through, this one among them: neither is to keep the other.
        del error


def _no_value(*arguments: object) -> None:
    """Give no value, which the engine takes for an error."""


@functools.lru_cache(maxsize=1024)
def has_function(iri: str) -> bool:
    """Tell whether the engine has a function of this IRI."""
    try:
        _NOTHING.query(f"ASK {{ FILTER({ox.NamedNode(iri)}()) }}")
    except RuntimeError as error:
        return _UNKNOWN_CALL.fullmatch(str(error)) is None
    except ValueError:
        return False
    return True
