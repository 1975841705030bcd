"""Requests read by the rules of the SPARQL Protocol."""

from __future__ import annotations

import pytest

from kgraph.errors import RequestError
from kgraph.sparql.protocol import (
    DescriptionOperation,
    Operation,
    QueryOperation,
    UpdateOperation,
    read_request,
)

FORM = {"content-type": "application/x-www-form-urlencoded"}
QUERY = {"content-type": "application/sparql-query"}
UPDATE = {"content-type": "application/sparql-update"}


@pytest.mark.parametrize(
    ("method", "query_string", "headers", "body", "operation"),
    [
        ("GET", b"query=ASK+%7B%7D", {}, b"", QueryOperation("ASK {}")),
        ("HEAD", b"query=ASK%20%7B%7D", {}, b"", QueryOperation("ASK {}")),
        ("GET", b"", {}, b"", DescriptionOperation()),
        ("POST", b"", QUERY, b"ASK {}", QueryOperation("ASK {}")),
        ("QUERY", b"", QUERY, b"ASK {}", QueryOperation("ASK {}")),
        ("POST", b"", {"content-type": "application/sparql-query; charset=UTF-8"}, b"ASK {}", QueryOperation("ASK {}")),
        ("POST", b"", FORM, b"query=%22a%2541b%2Bc%22%C3%A5", QueryOperation('"a%41b+c"å')),
        ("POST", b"", UPDATE, b"DROP ALL", UpdateOperation("DROP ALL")),
        ("POST", b"", FORM, b"update=DROP+ALL", UpdateOperation("DROP ALL")),
        (
            "POST",
            b"using-graph-uri=http://a&using-graph-uri=http://b&timeout=2&dry-run=true&format=json",
            UPDATE,
            b"DROP ALL",
            UpdateOperation("DROP ALL", ("http://a", "http://b"), (), 2.0, True, "json"),
        ),
        (
            "POST",
            b"using-named-graph-uri=http://n",
            FORM,
            b"update=DROP+ALL&dry-run=false",
            UpdateOperation("DROP ALL", (), ("http://n",)),
        ),
        (
            "POST",
            b"default-graph-uri=http://a&default-graph-uri=http://b",
            QUERY,
            b"ASK {}",
            QueryOperation("ASK {}", ("http://a", "http://b"), ()),
        ),
        ("GET", b"query=ASK{}&named-graph-uri=http://n", {}, b"", QueryOperation("ASK{}", (), ("http://n",))),
        ("GET", b"query=ASK{}&default-graph-uri=&named-graph-uri=", {}, b"", QueryOperation("ASK{}")),
        ("GET", b"query=ASK{}&timeout=2.5&format=csv", {}, b"", QueryOperation("ASK{}", None, None, 2.5, "csv")),
    ],
)
def test_a_request_is_read_into_its_operation(
    method: str, query_string: bytes, headers: dict[str, str], body: bytes, operation: Operation
) -> None:
    """All forms of the protocol give the same operation, decoded exactly once."""
    assert read_request(method, query_string, headers, body) == operation


@pytest.mark.parametrize(
    ("method", "query_string", "headers", "body", "code", "status"),
    [
        ("GET", b"query=ASK{}&query=ASK{}", {}, b"", "repeated-parameter", 400),
        ("POST", b"query=ASK{}", FORM, b"query=ASK{}", "repeated-parameter", 400),
        ("POST", b"query=ASK{}", QUERY, b"ASK {}", "repeated-parameter", 400),
        ("GET", b"update=DROP+ALL", {}, b"", "update-by-get", 405),
        ("GET", b"query=ASK{}&update=DROP+ALL", {}, b"", "update-by-get", 405),
        ("QUERY", b"update=DROP+ALL", QUERY, b"ASK{}", "update-by-get", 405),
        ("QUERY", b"", FORM, b"update=DROP+ALL", "update-by-get", 405),
        ("POST", b"", FORM, b"query=ASK{}&update=DROP+ALL", "query-and-update", 400),
        ("POST", b"query=ASK{}", UPDATE, b"DROP ALL", "query-and-update", 400),
        ("POST", b"update=DROP+ALL", QUERY, b"ASK {}", "query-and-update", 400),
        ("POST", b"update=DROP+ALL", UPDATE, b"DROP ALL", "repeated-parameter", 400),
        ("POST", b"dry-run=yes", UPDATE, b"DROP ALL", "bad-parameter", 400),
        ("POST", b"dry-run=true&dry-run=true", UPDATE, b"DROP ALL", "repeated-parameter", 400),
        ("POST", b"timeout=0", UPDATE, b"DROP ALL", "bad-timeout", 400),
        ("POST", b"default-graph-uri=http://a", UPDATE, b"DROP ALL", "misplaced-parameter", 400),
        ("POST", b"", FORM, b"update=DROP+ALL&named-graph-uri=http://a", "misplaced-parameter", 400),
        ("GET", b"query=ASK{}&using-graph-uri=http://a", {}, b"", "misplaced-parameter", 400),
        ("POST", b"", FORM, b"", "missing-query", 400),
        ("POST", b"", {}, b"ASK {}", "unsupported-media-type", 415),
        ("POST", b"", {"content-type": "text/plain"}, b"ASK {}", "unsupported-media-type", 415),
        ("QUERY", b"", UPDATE, b"DROP ALL", "unsupported-media-type", 415),
        ("POST", b"", {"content-type": "application/sparql-query; charset=latin1"}, b"", "unsupported-charset", 415),
        ("POST", b"", QUERY, b"\xff", "not-utf-8", 400),
        ("GET", b"query=%FF", {}, b"", "not-utf-8", 400),
        ("GET", b"query=ASK{}&timeout=soon", {}, b"", "bad-timeout", 400),
        ("GET", b"query=ASK{}&default-graph-uri=%00", {}, b"", "bad-parameter", 400),
        ("GET", b"query=ASK{}&named-graph-uri=relative", {}, b"", "bad-parameter", 400),
        ("POST", b"using-graph-uri=http://e/%3E", UPDATE, b"DROP ALL", "bad-parameter", 400),
        ("GET", b"query=ASK{}&timeout=nan", {}, b"", "bad-timeout", 400),
        ("GET", b"&".join([b"a=1"] * 1001), {}, b"", "too-many-parameters", 400),
        ("PATCH", b"", {}, b"", "method-not-allowed", 405),
    ],
)
def test_a_request_that_breaks_a_rule_is_told_which(
    method: str, query_string: bytes, headers: dict[str, str], body: bytes, code: str, status: int
) -> None:
    """Nothing is guessed, and nothing runs."""
    with pytest.raises(RequestError) as caught:
        read_request(method, query_string, headers, body)
    assert (caught.value.code, caught.value.status) == (code, status)


def test_refusals_say_what_would_do() -> None:
    """405 lists the methods, 415 the types."""
    with pytest.raises(RequestError) as method:
        read_request("PATCH", b"", {})
    assert method.value.headers["Allow"] == "GET, HEAD, POST, QUERY, OPTIONS"
    with pytest.raises(RequestError) as kind:
        read_request("POST", b"", {})
    assert "application/sparql-query" in kind.value.headers["Accept-Post"]
