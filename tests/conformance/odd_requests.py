"""Requests that nobody would write by hand: sound ones, mutated by chance, always the same for one seed."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from urllib.parse import quote, quote_from_bytes

QUERIES = [
    "SELECT * { ?s ?p ?o } LIMIT 5",
    "ASK { <https://example.org/a> ?p 'x'@en }",
    "CONSTRUCT { ?s ?p ?o } WHERE { ?s ?p ?o OPTIONAL { ?s <http://e/p>* ?x } }",
    "DESCRIBE <https://example.org/a>",
    "PREFIX : <http://e/> SELECT (COUNT(DISTINCT ?x) AS ?n) FROM :g { ?x :p+/^:q|!(:r|^:s) 1.5e3 } "
    "GROUP BY ?y HAVING(?n > 1)",
    "SELECT * { VALUES (?a ?b) { (1 UNDEF) ('''long\ntext''' true) } FILTER(REGEX(STR(?a), '^(a|b)*c$', 'i')) }",
    "SELECT (REPLACE('aaa', 'a*', '$0') AS ?x) (STRDT('x', <http://e/t>) AS ?y) { "
    "{ SELECT ?z { ?z a ?t } } MINUS { ?z ?z ?z } }",
    'VERSION "1.2" SELECT * { <<( ?s ?p ?o )>> ?q ?r . ?a ?b ?c ~ :i {| ?d ?e |} }',
    "SELECT (xsd:date('2002-02-30') AS ?d) { BIND(NOW() AS ?n) FILTER EXISTS { GRAPH ?g { ?s ?p ?n } } }",
]
UPDATES = [
    "INSERT DATA { <http://e/a> <http://e/p> 1, 'x'@nn, _:b . GRAPH <http://e/g> { <http://e/a> <http://e/p> 01.50 } }",
    "DELETE { ?s ?p ?o } INSERT { GRAPH <http://e/g> { ?s ?p ?n } } USING <http://e/g> "
    "WHERE { ?s ?p ?o BIND(1 AS ?n) }",
    "WITH <http://e/g> DELETE WHERE { ?s ?p ?o }",
    "CREATE SILENT GRAPH <http://e/h> ; MOVE SILENT <http://e/g> TO DEFAULT ; CLEAR NAMED ; DROP ALL",
    "PREFIX e: <http://e/> DELETE DATA { e:a e:p ( 1 2 [ e:q true ] ) }",
]
DOCUMENTS = [
    ("text/turtle", '@prefix : <http://e/> . :a :p 1, \'x\'@en, """y"""^^:t ; :q ( 1 [ :r true ] ) .'),
    ("application/n-triples", '<http://e/a> <http://e/p> "x\\u00e9"@en .\n'),
    ("application/ld+json", '{"@context": {"p": "http://e/p"}, "@id": "http://e/a", "p": [1, {"@value": "x"}]}'),
    (
        "application/rdf+xml",
        '<?xml version="1.0"?><rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="http://e/">'
        '<rdf:Description rdf:about="http://e/a"><e:p xml:lang="en">x</e:p></rdf:Description></rdf:RDF>',
    ),
    (
        "multipart/form-data; boundary=x",
        "--x\r\nContent-Type: text/turtle\r\n\r\n<http://e/a> <http://e/p> 1 .\r\n--x--\r\n",
    ),
]
PATHS = [
    *("/", "/query", "/sparql", "/sparql/", "/graphs", "/graphs/a/b", "/graphs?default", "/graphs?graph=http://e/g"),
    *(
        "/page/id/finding/x",
        "/data/id/finding/x.ttl",
        "/id/finding/x",
        "/vocab/x",
        "/ont",
        "/ont/Finding.ttl",
        "/shapes",
    ),
    *("/graph/report", "/data/graph/report.nt", "/.well-known/void", "/.well-known/sparql-examples", "/catalogue"),
    *(
        "/problem/busy",
        "/problem/none",
        "/healthz",
        "/readyz",
        "/metrics",
        "/favicon.ico",
        "/assets/style.css",
        "/nothing",
    ),
]
METHODS = [
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "DELETE",
    "PATCH",
    "OPTIONS",
    "QUERY",
    "TRACE",
    "CONNECT",
    "get",
    "PROPFIND",
    "X" * 300,
]
ACCEPTS = [
    *(
        "*/*",
        "text/html",
        "application/json;q=2",
        "text/csv;q=-1",
        ";;;",
        "text/turtle;q=0.0000001",
        "*/turtle",
        ",,,",
        "a/b" * 999,
    ),
    *(
        "text/html, */*;q=0.8",
        "application/problem+json",
        "application/sarif+json",
        "text/plain",
        'a/b;c="',
        "\u00e9/x",
        "q=1",
    ),
]
TYPES = [
    *("", "text/plain", "application/sparql-query", "application/sparql-update", "application/x-www-form-urlencoded"),
    *(
        "multipart/form-data",
        "multipart/form-data; boundary=",
        "application/json",
        "text/turtle; charset=utf-16",
        "/",
        ";",
        "é",
    ),
]
FIELDS = [
    ("Accept-Encoding", "gzip;q=x, br;;, *"),
    ("Accept-Language", "xx, nn;q=9, \x7f"),
    ("If-Match", '"", W/"x", *'),
    ("If-None-Match", '*, "'),
    ("Range", "bytes=5-1"),
    ("Content-Encoding", "gzip"),
    ("Expect", "100-continue"),
    ("Authorization", "Basic ???"),
    ("Authorization", "Bearer " + "a" * 5000),
    ("Cookie", "kgraph-language=xx; a=b=c; ;"),
    ("X-Forwarded-For", "::1, not an address, 256.1.1.1"),
    ("X-Request-Id", "\x80\xff <script>"),
    ("Host", "evil.example:99999"),
    ("Host", "[::1"),
    ("Cache-Control", "no-cache, max-age=-1"),
    ("Origin", "null"),
    ("Transfer-Encoding", "gzip, chunked"),
    ("Content-Length", "-1"),
    ("Content-Length", "1e3"),
    ("Connection", "Upgrade"),
    ("Upgrade", "websocket"),
]
PARAMETERS = [
    *(
        "timeout=0",
        "timeout=nan",
        "timeout=-1",
        "timeout=1e999",
        "timeout=0.001",
        "format=",
        "format=html",
        "format=..%2F",
    ),
    *(
        "lang=xx",
        "lang=nn",
        "dry-run=true",
        "dry-run=maybe",
        "default-graph-uri=",
        "default-graph-uri=%00",
        "default-graph-uri=x",
    ),
    *(
        "named-graph-uri=http://e/%3E%20%7B",
        "using-graph-uri=http://e/g",
        "using-named-graph-uri=%22",
        "reason=%0A%00",
        "&&&=&",
    ),
    *("query=ASK%7B%7D", "update=DROP+ALL", "graph=http://e/g", "default", "%FF=%FE", "list=x", "query=" + "x" * 3000),
]
PIECES = [
    *(
        "\x00",
        "\ufeff",
        "\u202e",
        "\U0001f600",
        "\ufffe",
        "\\uD800",
        "\\U0010FFFF",
        "\\U00110000",
        "\\u0000",
        "\\",
        "\\u00",
        "%",
        "\r",
    ),
    *(
        "9" * 400,
        "1e99999",
        "-0.0",
        "1.",
        ".",
        "..",
        "'",
        '"',
        "'''",
        '"""',
        "<",
        ">",
        "<<",
        ">>",
        "<<(",
        ")>>",
        "{|",
        "|}",
        "~",
        "^^",
    ),
    *(
        "(" * 150,
        "{" * 150,
        "[" * 150,
        "(" * 3000,
        "!" * 300,
        "-" * 300,
        "}" * 9,
        ")",
        "]",
        ";",
        ",",
        ".",
        "@",
        "@en--ltr",
        "_:",
        "?",
        "$",
    ),
    *(
        "SERVICE <http://e/>",
        "LOAD <http://e/>",
        "BASE <x>",
        "PREFIX : <>",
        "LATERAL {}",
        "GROUP BY",
        "ORDER BY",
        "LIMIT 1e3",
        "#",
    ),
    *(
        "<http://e/\\u0020>",
        "<x>",
        "<>",
        "a:b",
        ":",
        "UNION" * 3,
        "VALUES ?x {}",
        "!()",
        "TRUE",
        "/*",
        "*",
        "+",
        "{0,}",
        "AS",
        "<http://e/f>(1)",
    ),
    *(
        "'\\x'",
        "'2002-02-30'^^<http://www.w3.org/2001/XMLSchema#date>",
        "IF(1)",
        "COUNT(*)",
        "GRAPH ?g",
        "&x;",
        "]]>",
        "<!DOCTYPE a>",
        "}}",
    ),
]


@dataclass
class Request:
    """A request as it is to be sent, still in its parts."""

    method: str
    target: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    version: str = "HTTP/1.1"

    def encode(self) -> bytes:
        """Return the bytes."""
        fields = list(self.fields)
        if self.body and not any(name in ("Content-Length", "Transfer-Encoding") for name, _ in fields):
            fields.append(("Content-Length", str(len(self.body))))
        if not any(name == "Host" for name, _ in fields):
            fields.append(("Host", "127.0.0.1"))
        head = "".join(f"{name}: {value}\r\n" for name, value in fields)
        line = f"{self.method} {self.target} {self.version}\r\n"
        return f"{line}{head}Connection: close\r\n\r\n".encode("utf-8", "surrogatepass") + self.body


def make_request(seed: str, token: str) -> Request:
    """Return the request of a seed; ``token`` may change the data."""
    chance = random.Random(seed)
    request = _sound(chance, token)
    for _ in range(chance.randrange(4)):
        _mutate(request, chance)
    return request


def _sound(chance: random.Random, token: str) -> Request:
    """Return a request that is sound but for the text in it."""
    kind = chance.randrange(6)
    may = [("Authorization", f"Bearer {token}")] if chance.random() < 0.8 else []
    if kind == 0:
        return Request(chance.choice(METHODS[:8]), chance.choice(PATHS), may)
    if kind == 1:
        return Request(chance.choice(["GET", "HEAD"]), "/sparql?query=" + quote(_odd(chance, chance.choice(QUERIES))))
    if kind == 2:
        fields = [("Content-Type", "application/sparql-query")]
        return Request(
            chance.choice(["POST", "QUERY"]), "/sparql", fields, _bytes(_odd(chance, chance.choice(QUERIES)))
        )
    if kind == 3:
        fields = [*may, ("Content-Type", "application/sparql-update")]
        return Request("POST", "/sparql", fields, _bytes(_odd(chance, chance.choice(UPDATES))))
    if kind == 4:
        name, texts = chance.choice([("query", QUERIES), ("update", UPDATES)])
        fields = [*may, ("Content-Type", "application/x-www-form-urlencoded")]
        return Request("POST", "/sparql", fields, f"{name}={quote(_odd(chance, chance.choice(texts)))}".encode())
    content_type, text = chance.choice(DOCUMENTS)
    path = chance.choice(["/graphs?graph=http://e/g", "/graphs/g", "/graphs?default", "/graphs"])
    return Request(
        chance.choice(["PUT", "POST"]), path, [*may, ("Content-Type", content_type)], _bytes(_odd(chance, text))
    )


def _odd(chance: random.Random, text: str) -> str:
    """Return a text with a few pieces put in, taken out, doubled or moved."""
    for _ in range(chance.randrange(4)):
        place, other = sorted((chance.randrange(len(text) + 1), chance.randrange(len(text) + 1)))
        match chance.randrange(5):
            case 0 | 1:
                text = text[:place] + chance.choice(PIECES) + text[place:]
            case 2:
                text = text[:place] + text[min(other, place + 8) :]
            case 3:
                text = text[:other] + text[place:]
            case _:
                text = text[place:] + " " + text[:place]
    return text


def _bytes(text: str) -> bytes:
    return text.encode("utf-8", "surrogatepass")


def _mutate(request: Request, chance: random.Random) -> None:
    """Change one thing of a request."""
    match chance.randrange(10):
        case 0:
            request.method = chance.choice(METHODS)
        case 1 | 2:
            request.fields.append(("Accept", chance.choice(ACCEPTS)))
        case 3:
            request.fields = [pair for pair in request.fields if pair[0] != "Content-Type"]
            request.fields.append(("Content-Type", chance.choice(TYPES)))
        case 4 | 5:
            request.fields.append(chance.choice(FIELDS))
        case 6 | 7:
            request.target += ("&" if "?" in request.target else "?") + chance.choice(PARAMETERS)
        case 8:
            raw = bytes(chance.randrange(256) for _ in range(chance.randrange(1, 6)))
            request.target += chance.choice(
                [quote_from_bytes(raw), "%", "%zz", "//..//", "\u00e9", "#x", "?", ";a", "%2e%2e/"]
            )
        case _:
            body = bytearray(request.body)
            for _ in range(chance.randrange(1, 4)):
                if body:
                    body[chance.randrange(len(body))] = chance.randrange(256)
            request.body = bytes(body)
