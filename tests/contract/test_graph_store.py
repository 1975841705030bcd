"""The SPARQL 1.1 Graph Store HTTP Protocol."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from web_server import serving

from kgraph.access import Role, create_token
from kgraph.settings import Settings

EX = "https://example.org/"
TURTLE = {"Content-Type": "text/turtle"}
GRAPH = {"graph": f"{EX}g"}


@pytest.fixture
def client(writable: tuple[str, Path]) -> Iterator[httpx.Client]:
    """A client with a curator's token, of a server without the example's graph and with an empty unnamed graph."""
    address, state = writable
    token = create_token(state, Role.CURATOR)[0]
    with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}, timeout=30) as client:
        client.delete("/graphs", params=GRAPH)
        client.delete("/graphs", params={"default": ""})
        yield client


def put(client: httpx.Client, body: str, **options: object) -> httpx.Response:
    """Put a graph in Turtle."""
    headers = {**TURTLE, **options.pop("headers", {})}  # type: ignore[dict-item]
    params = options.pop("params", GRAPH)
    return client.put("/graphs", content=body, headers=headers, params=params)  # type: ignore[arg-type]


def n_triples(client: httpx.Client, **params: str) -> list[str]:
    """Return a graph's statements."""
    answer = client.get("/graphs", params=params or GRAPH, headers={"Accept": "application/n-triples"})
    assert answer.status_code == 200
    return sorted(answer.text.splitlines())


def test_a_graph_lives_from_put_to_delete(client: httpx.Client) -> None:
    """201 for a new one, 200 or 204 for one that is there, 404 for one that is not."""
    assert client.get("/graphs", params=GRAPH).status_code == 404
    created = put(client, "<a> <p> 1 .")
    assert created.status_code == 201
    assert client.get(created.headers["location"]).status_code == 200
    assert put(client, "<a> <p> 2 .").status_code in (200, 204)
    assert n_triples(client) == [f'<{EX}a> <{EX}p> "2"^^<http://www.w3.org/2001/XMLSchema#integer> .'.replace(EX, EX)]
    assert client.delete("/graphs", params=GRAPH).status_code in (200, 204)
    assert client.get("/graphs", params=GRAPH).status_code == 404
    assert client.delete("/graphs", params=GRAPH).status_code == 404


def test_post_merges(client: httpx.Client) -> None:
    """What was there stays; a graph that was not there is made."""
    assert client.post("/graphs", params=GRAPH, content="<a> <p> 1 .", headers=TURTLE).status_code == 201
    assert client.post("/graphs", params=GRAPH, content="<a> <p> 2 .", headers=TURTLE).status_code in (200, 204)
    assert len(n_triples(client)) == 2


def test_post_to_the_store_makes_a_graph_with_an_address(client: httpx.Client) -> None:
    """201 with its Location, which answers to all methods and is the graph's IRI."""
    created = client.post("/graphs", content="<a> <p> 1 .", headers=TURTLE)
    location = created.headers["location"]
    assert created.status_code == 201
    assert location.startswith(f"{client.base_url}/graphs/".replace("//graphs", "/graphs"))
    assert client.get(location, headers={"Accept": "text/turtle"}).status_code == 200
    ask = {"query": f"ASK {{ GRAPH <{location}> {{ ?s ?p 1 }} }}"}
    assert client.get("/sparql", params=ask).json()["boolean"] is True
    assert client.delete(location).status_code in (200, 204)
    assert client.get(location).status_code == 404


def test_an_address_with_percent_signs_is_the_name_of_its_graph(client: httpx.Client) -> None:
    """As it was sent; an address that is no IRI names no graph."""
    assert client.put("/graphs/a%20b/%C3%A5", content="<a> <p> 1 .", headers=TURTLE).status_code == 201
    ask = {"query": f"ASK {{ GRAPH <{str(client.base_url).rstrip('/')}/graphs/a%20b/%C3%A5> {{ ?s ?p 1 }} }}"}
    assert client.get("/sparql", params=ask).json()["boolean"] is True
    assert client.delete("/graphs/a%20b/%C3%A5").status_code == 200
    with httpx.Client(base_url=client.base_url, headers=client.headers) as raw:
        target = raw.build_request("PUT", "/graphs/x", content="<a> <p> 1 .", headers=TURTLE)
        target.extensions = {**target.extensions, "target": b"/graphs/a%zz"}
        assert raw.send(target).status_code == 400


def test_a_graph_whose_name_is_not_ascii_is_found_at_its_location(client: httpx.Client) -> None:
    """Percent-encoded in a path it would be another name."""
    graph = {"graph": f"{str(client.base_url).rstrip('/')}/graphs/€"}
    made = put(client, "<a:a> <a:b> <a:c> .", params=graph)
    assert made.status_code == 201
    assert client.get(made.headers["location"], headers={"Accept": "application/n-triples"}).text.count("\n") == 1
    assert client.delete("/graphs", params=graph).status_code == 200


def test_a_graph_may_be_empty(client: httpx.Client) -> None:
    """An empty body makes a graph without statements, which is there."""
    assert put(client, "").status_code == 201
    assert n_triples(client) == []


def test_the_unnamed_graph_is_called_default(client: httpx.Client) -> None:
    """It is always there; what is put into it is seen by queries without a graph, and nothing else of it is."""
    default = {"default": ""}
    assert put(client, f"<{EX}a> <{EX}p> 1 .", params=default).status_code in (200, 204)
    assert len(n_triples(client, default="")) == 1
    assert client.get("/sparql", params={"query": f"ASK {{ <{EX}a> ?p 1 }}"}).json()["boolean"] is True
    assert client.delete("/graphs", params=default).status_code in (200, 204)
    assert n_triples(client, default="") == []


def test_head_has_the_headers_of_get(client: httpx.Client) -> None:
    """Without the body."""
    put(client, "<a> <p> 1 .")
    got, head = client.get("/graphs", params=GRAPH), client.head("/graphs", params=GRAPH)
    for name in ("content-type", "content-length", "etag", "kgraph-revision", "vary"):
        assert head.headers.get(name) == got.headers.get(name), name
    assert head.content == b""
    assert client.head("/graphs", params={"graph": f"{EX}none"}).status_code == 404


def test_every_format_goes_in_and_out(client: httpx.Client) -> None:
    """Turtle, N-Triples, RDF/XML and JSON-LD in; the formats of graphs out, labelled as they are."""
    bodies = {
        "text/turtle": "<a> <p> <b> .",
        "application/n-triples": f"<{EX}a> <{EX}p> <{EX}b> .",
        "application/rdf+xml": (
            '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:e="https://example.org/">'
            '<rdf:Description rdf:about="https://example.org/a"><e:p rdf:resource="https://example.org/b"/>'
            "</rdf:Description></rdf:RDF>"
        ),
        "application/ld+json": f'{{"@id": "{EX}a", "{EX}p": {{"@id": "{EX}b"}}}}',
    }
    for kind, body in bodies.items():
        assert put(client, body, headers={"Content-Type": f"{kind}; charset=utf-8"}).status_code in (200, 201, 204)
        assert n_triples(client) == [f"<{EX}a> <{EX}p> <{EX}b> ."], kind
    for kind in (*bodies, "application/n-quads", "application/trig"):
        answer = client.get("/graphs", params=GRAPH, headers={"Accept": kind})
        assert answer.headers["content-type"].split(";")[0] == kind
        assert answer.content
    assert client.get("/graphs", params=GRAPH, headers={"Accept": "application/pdf"}).status_code == 406


def test_a_statement_about_a_statement_is_kept_as_it_was_sent(client: httpx.Client) -> None:
    """Triple terms of RDF 1.2, in graphs that are sent and in updates, with the literals in them."""
    told = f'<{EX}r> <{EX}says> <<( <{EX}a> <{EX}p> "01"^^<http://www.w3.org/2001/XMLSchema#integer> )>> .'
    assert put(client, told).status_code == 201
    assert n_triples(client) == [told]
    update = f"DELETE {{ ?s ?p ?o }} INSERT {{ ?s <{EX}was> ?o }} WHERE {{ GRAPH <{GRAPH['graph']}> {{ ?s ?p ?o }} }}"
    patched = client.post("/sparql", data={"update": f"WITH <{GRAPH['graph']}> {update}"})
    assert patched.status_code == 200
    assert len(n_triples(client)) == 1 and "<<( " in n_triples(client)[0]


def test_a_form_with_files_is_merged(client: httpx.Client) -> None:
    """POST of multipart/form-data, each part with a type of its own."""
    files = {
        "one": ("one.ttl", f"<{EX}a> <{EX}p> 1 .", "text/turtle"),
        "two": ("two.nt", f'<{EX}a> <{EX}p> "b" .\n', "application/n-triples"),
    }
    assert client.post("/graphs", params=GRAPH, files=files).status_code == 201
    assert len(n_triples(client)) == 2


def test_a_form_of_forms_within_forms_is_refused(client: httpx.Client) -> None:
    """400 for one that nests a little and for one that nests deeper than a parser goes."""
    for depth in (2, 1500):
        opened = "".join(f"--b{n}\r\nContent-Type: multipart/mixed; boundary=b{n + 1}\r\n\r\n" for n in range(depth))
        body = f"{opened}--b{depth}\r\nContent-Type: text/turtle\r\n\r\n<{EX}a> <{EX}p> 1 .\r\n"
        headers = {"Content-Type": "multipart/form-data; boundary=b0"}
        answer = client.post("/graphs", params=GRAPH, content=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "body-unreadable"), depth
    assert client.get("/graphs", params=GRAPH).status_code == 404


def test_a_broken_body_leaves_the_graph_as_it_was(client: httpx.Client) -> None:
    """400 with the place of the fault; a type that is no graph's is 415; a body that is too long 413."""
    put(client, "<a> <p> 1 .")
    before = n_triples(client)
    broken = put(client, "<a> <p> 1 .\n<a> <p> oops .")
    assert (broken.status_code, broken.json()["code"], broken.json()["line"]) == (400, "body-unreadable", 2)
    assert put(client, "<a> <p> 1 .", headers={"Content-Type": "application/rdf+xml"}).status_code == 400
    assert put(client, "a,b", headers={"Content-Type": "text/csv"}).status_code == 415
    assert put(client, "x", headers={"Content-Encoding": "gzip"}).status_code == 415
    assert n_triples(client) == before


def test_a_stale_tag_is_412(client: httpx.Client) -> None:
    """If-Match compares strongly; If-None-Match: * makes a graph only where there is none."""
    put(client, "<a> <p> 1 .")
    tag = client.get("/graphs", params=GRAPH).headers["etag"]
    assert not tag.startswith("W/")
    assert put(client, "<a> <p> 2 .", headers={"If-Match": tag}).status_code in (200, 204)
    assert put(client, "<a> <p> 3 .", headers={"If-Match": tag}).status_code == 412
    assert put(client, "<a> <p> 3 .", headers={"If-Match": f"W/{tag}"}).status_code == 412
    assert put(client, "<a> <p> 3 .", headers={"If-None-Match": "*"}).status_code == 412
    assert client.delete("/graphs", params=GRAPH, headers={"If-Match": tag}).status_code == 412
    assert put(client, "<a> <p> 3 .", headers={"If-Match": "*"}).status_code in (200, 204)
    now = client.get("/graphs", params=GRAPH).headers["etag"]
    assert put(client, "<a> <p> 3 .", headers={"If-None-Match": f'"x", {now}'}).status_code == 412
    assert put(client, "<a> <p> 4 .", headers={"If-None-Match": tag}).status_code in (200, 204)
    now = client.get("/graphs", params=GRAPH).headers["etag"]
    listed = {"If-Match": f'"a,b", {tag} , {now}'}
    turtle = {"Content-Type": "text/turtle"}
    patch = {**listed, "Content-Type": "application/sparql-update"}
    assert client.patch("/graphs", params=GRAPH, content="INSERT DATA { <a> <p> 5 }", headers=patch).status_code == 200
    assert client.post("/graphs", params=GRAPH, content="<a> <p> 6 .", headers=listed | turtle).status_code == 412
    assert client.post("/graphs", content="<a> <p> 6 .", headers=turtle | {"If-Match": "*"}).status_code == 412
    assert client.delete("/graphs", params=GRAPH, headers=listed).status_code == 412
    assert put(client, "<a> <p> 3 .").status_code in (200, 204)
    held = {"If-None-Match": client.get("/graphs", params=GRAPH).headers["etag"]}
    assert client.get("/graphs", params=GRAPH, headers=held).status_code == 304


def test_a_tag_of_a_compressed_answer_counts_too(client: httpx.Client) -> None:
    """Strong tags differ from coding to coding; each of them names the graph's content."""
    put(client, "\n".join(f"<a> <p> {n} ." for n in range(500)))
    tags = {
        client.get("/graphs", params=GRAPH, headers={"Accept-Encoding": coding}).headers["etag"]
        for coding in ("gzip", "identity")
    }
    assert len(tags) == 2
    for tag in tags:
        dry = put(client, "<a> <p> 2 .", headers={"If-Match": tag}, params={**GRAPH, "dry-run": "true"})
        assert dry.status_code in (200, 204)


def test_patch_is_an_update_of_one_graph(client: httpx.Client) -> None:
    """Operations that name no graph are about this one; those that name one are refused."""
    put(client, f"<{EX}a> <{EX}p> 1 .")
    headers = {"Content-Type": "application/sparql-update"}
    text = f"DELETE {{ ?s ?p ?o }} INSERT {{ ?s ?p 2 }} WHERE {{ ?s ?p ?o }} ; INSERT DATA {{ <{EX}b> <{EX}p> 3 }}"
    assert client.patch("/graphs", params=GRAPH, content=text, headers=headers).status_code in (200, 204)
    assert [line.split('"')[1] for line in n_triples(client)] == ["2", "3"]
    for refused in (f"DROP GRAPH <{EX}g>", f"INSERT DATA {{ GRAPH <{EX}h> {{ <{EX}b> <{EX}p> 3 }} }}"):
        answer = client.patch("/graphs", params=GRAPH, content=refused, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (400, "patch-other-graph")


def test_the_whole_dataset_comes_with_its_graphs_or_not_at_all(client: httpx.Client) -> None:
    """N-Quads and TriG name the graphs; Turtle cannot, so it is 406."""
    put(client, "<a> <p> 1 .")
    dataset = client.get("/graphs", headers={"Accept": "application/n-quads"})
    assert f"<{EX}g> ." in dataset.text
    assert "graph/asserted>" not in dataset.text
    assert client.get("/graphs", headers={"Accept": "text/turtle"}).status_code == 406
    assert client.delete("/graphs").status_code == 400


def test_literals_come_back_as_they_were_sent(client: httpx.Client) -> None:
    """The store normalises values; an export does not."""
    put(client, "<a> <p> 01, 7.30 .")
    assert {line.split('"')[1] for line in n_triples(client)} == {"01", "7.30"}


def test_a_violation_is_422_and_the_old_graph_stays(client: httpx.Client) -> None:
    """The report is that of updates."""
    put(client, "<a> <p> 1 .")
    before = n_triples(client)
    bad = put(client, "<f> a <https://w3id.org/inkludering/ont#Finding> .")
    assert (bad.status_code, bad.json()["code"]) == (422, "change-refused")
    assert n_triples(client) == before


def test_reading_needs_no_token_and_writing_does(client: httpx.Client) -> None:
    """For each method that writes."""
    put(client, "<a> <p> 1 .")
    with httpx.Client(base_url=client.base_url) as stranger:
        assert stranger.get("/graphs", params=GRAPH).status_code == 200
        for method in ("PUT", "POST", "DELETE", "PATCH"):
            answer = stranger.request(method, "/graphs", params=GRAPH, content="<a> <p> 2 .", headers=TURTLE)
            assert answer.status_code == 401, method
            assert "www-authenticate" in answer.headers


def test_the_request_must_name_one_graph(client: httpx.Client) -> None:
    """Two names, a relative IRI and other methods are refused; OPTIONS tells what there is."""
    assert client.get("/graphs", params={"graph": f"{EX}g", "default": ""}).status_code == 400
    assert client.get("/graphs", params={"graph": "relative"}).status_code == 400
    options = client.options("/graphs", headers={"Origin": "https://example.com"})
    assert options.status_code == 204
    assert "PATCH" in options.headers["access-control-allow-methods"]
    refused = client.request("TRACE", "/graphs", params=GRAPH)
    assert refused.status_code == 405
    assert set(refused.headers["allow"].split(", ")) >= {"GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"}


def test_a_write_may_say_how_long_it_may_take(client: httpx.Client) -> None:
    """What is no number is refused; a time that is too short stops the write and leaves the graph as it was."""
    assert put(client, "<a> <p> 1 .", params={**GRAPH, "timeout": "soon"}).status_code == 400
    assert put(client, "<a> <p> 1 .", params={**GRAPH, "timeout": "30"}).status_code == 201
    many = "\n".join(f"<a{n}> <p> {n} ." for n in range(20_000))
    late = put(client, many, params={**GRAPH, "timeout": "0.01"})
    assert (late.status_code, late.json()["code"]) == (503, "change-timeout")
    assert len(n_triples(client)) == 1


UPDATE = {"Content-Type": "application/sparql-update"}


def test_a_patch_that_makes_a_graph_is_201(client: httpx.Client) -> None:
    """And tells where it is; a dry run and one that changes a graph or nothing are 200 (Graph Store Protocol, 5.7)."""
    text = "INSERT DATA { <a> <p> 1 }"
    dry = client.patch("/graphs", params={**GRAPH, "dry-run": "true"}, content=text, headers=UPDATE)
    nothing = client.patch("/graphs", params=GRAPH, content="DELETE DATA { <a> <p> 1 }", headers=UPDATE)
    assert (dry.status_code, nothing.status_code) == (200, 200)
    assert client.get("/graphs", params=GRAPH).status_code == 404
    created = client.patch("/graphs", params=GRAPH, content=text, headers=UPDATE)
    assert created.status_code == 201
    assert client.get(created.headers["location"]).status_code == 200
    again = client.patch("/graphs", params=GRAPH, content="INSERT DATA { <a> <p> 2 }", headers=UPDATE)
    assert (again.status_code, "location" in again.headers) == (200, False)


def test_a_part_of_a_graph_is_not_taken_for_the_whole(client: httpx.Client) -> None:
    """RFC 9110, section 14.5."""
    put(client, "<a> <p> 1 .")
    answer = put(client, "<a> <p> 2 .", headers={"Content-Range": "bytes 0-10/40"})
    assert (answer.status_code, answer.json()["code"]) == (400, "partial-put")
    assert '"1"' in n_triples(client)[0]


@pytest.mark.parametrize("charset", ["iso-8859-1", '"UTF-16"', "x"])
@pytest.mark.parametrize("kind", ["text/turtle", "application/n-triples", "application/ld+json"])
def test_a_body_in_an_encoding_that_its_format_does_not_have_is_415(
    client: httpx.Client, kind: str, charset: str
) -> None:
    """Also where its bytes could be read as UTF-8, as other characters than were meant."""
    headers = {"Content-Type": f"{kind};charset={charset}"}
    bodies: list[dict[str, object]] = [
        {"content": "<a> <p> '\u00c3\u00a6' .".encode("latin-1"), "headers": headers},
        {"files": {"file": ("a.ttl", b"<a> <p> 1 .", headers["Content-Type"])}},
    ]
    for body in bodies:
        answer = client.put("/graphs", params=GRAPH, **body)  # type: ignore[arg-type]
        assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-charset")
    assert client.get("/graphs", params=GRAPH).status_code == 404
    patch = {"Content-Type": f"application/sparql-update;charset={charset}"}
    answer = client.patch("/graphs", params=GRAPH, content="INSERT DATA { <a> <p> 1 }", headers=patch)
    assert (answer.status_code, answer.headers["accept-patch"]) == (415, UPDATE["Content-Type"])


RDF = (
    '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="a">'
    '<p xmlns="https://example.org/">\u00c3\u00a6\u00f8\u00e5</p></rdf:Description></rdf:RDF>'
)


@pytest.mark.parametrize(
    ("declared", "named", "encoding"),
    [
        ("", "", "utf-8"),
        ("UTF-8", "", "utf-8-sig"),
        ("ISO-8859-1", "", "latin-1"),
        ("windows-1252", "", "cp1252"),
        ("UTF-16", "", "utf-16"),
        ("", "ISO-8859-1", "latin-1"),
        ("ISO-8859-1", "utf-8", "utf-8"),
        ("UTF-8", '"iso-8859-1"', "latin-1"),
    ],
)
def test_rdf_xml_may_come_in_other_encodings(client: httpx.Client, declared: str, named: str, encoding: str) -> None:
    """A mark before it counts first, then what the request names, then what it declares (RFC 7303, section 3)."""
    body = (f'<?xml version="1.0" encoding="{declared}"?>\n{RDF}' if declared else RDF).encode(encoding)
    headers = {"Content-Type": f"application/rdf+xml;charset={named}" if named else "application/rdf+xml"}
    assert client.put("/graphs", params=GRAPH, content=body, headers=headers).status_code == 201
    assert n_triples(client) == [f'<{EX}a> <{EX}p> "\u00c3\u00a6\u00f8\u00e5" .']
    files = {"file": ("a.rdf", body, headers["Content-Type"])}
    assert client.put("/graphs", params=GRAPH, files=files).status_code == 200
    assert n_triples(client) == [f'<{EX}a> <{EX}p> "\u00c3\u00a6\u00f8\u00e5" .']


@pytest.mark.parametrize(("declared", "status"), [("ebcdic-cp-us", 415), ("nonsense", 415), ("us-ascii", 400)])
def test_rdf_xml_that_cannot_be_decoded_is_refused(client: httpx.Client, declared: str, status: int) -> None:
    """Whether the encoding is unknown or is not that of the body."""
    body = f'<?xml version="1.0" encoding="{declared}"?>\n{RDF}'.encode()
    answer = client.put("/graphs", params=GRAPH, content=body, headers={"Content-Type": "application/rdf+xml"})
    assert answer.status_code == status
    assert client.get("/graphs", params=GRAPH).status_code == 404


def test_a_file_whose_type_the_client_does_not_know_is_read_by_its_name(client: httpx.Client) -> None:
    """As curl sends it: ``-F file=@a.ttl``."""
    files = [
        ("file", ("a.ttl", b"<a> <p> 1 .", "application/octet-stream")),
        ("file", ("B.NT", b'<a:b> <a:p> "2" .', "application/octet-stream")),
    ]
    assert client.put("/graphs", params=GRAPH, files=files).status_code == 201
    assert len(n_triples(client)) == 2
    unknown = {"file": ("a.xyz", b"<a> <p> 1 .", "application/octet-stream")}
    assert client.put("/graphs", params=GRAPH, files=unknown).status_code == 415
    bare = b'--x\r\nContent-Disposition: form-data; name="f"; filename="a.ttl"\r\n\r\n<a> <p> 3 .\r\n--x--\r\n'
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    assert client.put("/graphs", params=GRAPH, content=bare, headers=headers).status_code == 200
    assert '"3"' in n_triples(client)[0]


def test_a_form_that_is_cut_off_is_refused(client: httpx.Client) -> None:
    """What is missing could be more files, or the rest of one."""
    put(client, "<a> <p> 1 .")
    parts = (f"--x\r\nContent-Type: text/turtle\r\n\r\n<a> <p> {n} .\r\n" for n in (2, 3))
    body = "".join(parts).encode()
    headers = {"Content-Type": "multipart/form-data; boundary=x"}
    answer = client.put("/graphs", params=GRAPH, content=body, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (400, "body-unreadable")
    assert '"1"' in n_triples(client)[0]
    assert client.put("/graphs", params=GRAPH, content=body + b"--x--\r\n", headers=headers).status_code == 200
    assert len(n_triples(client)) == 2


def test_files_for_the_unnamed_graph_have_its_base(client: httpx.Client) -> None:
    """The same that a single body has."""
    sent = "<a> <p> <> ."
    put(client, sent, params={"default": ""})
    alone = n_triples(client, default="")
    assert client.put("/graphs", params={"default": ""}, files={"f": ("a.ttl", sent, "text/turtle")}).is_success
    assert n_triples(client, default="") == alone


@pytest.mark.parametrize("coding", ["br", "gzip", "identity"])
def test_a_graph_that_is_held_is_told_by_its_own_tag(client: httpx.Client, coding: str) -> None:
    """A cache finds by the tag of a 304 which of its answers still holds (RFC 9111, section 4.3.4)."""
    put(client, "\n".join(f"<a> <p> {n} ." for n in range(500)))
    headers = {"Accept-Encoding": coding}
    whole = client.get("/graphs", params=GRAPH, headers=headers)
    for method in ("GET", "HEAD"):
        held = headers | {"If-None-Match": f'"x", {whole.headers["etag"]}'}
        answer = client.request(method, "/graphs", params=GRAPH, headers=held)
        assert (answer.status_code, answer.headers["etag"]) == (304, whole.headers["etag"])
        for name in ("vary", "cache-control", "last-modified"):
            assert answer.headers[name] == whole.headers[name]
        assert not {"content-type", "content-length", "content-encoding"} & answer.headers.keys()
    other = {"br": "gzip", "gzip": "br", "identity": ""}[coding]
    if other:
        held = {"Accept-Encoding": other, "If-None-Match": whole.headers["etag"]}
        assert client.get("/graphs", params=GRAPH, headers=held).status_code == 200


def test_a_strong_tag_is_of_the_same_bytes_and_a_change_looks_at_the_content(tiny_home: Path, tmp_path: Path) -> None:
    """After a restart the statements may come in another order: no 304, but ``If-Match`` still holds."""
    seen: dict[str, set[bytes]] = {}
    body = "\n".join(f"<s{n % 7}> <p{n % 5}> {n}, [ <q> {n} ] ." for n in range(100))
    held = ""
    for start in range(3):
        with serving(Settings(state=str(tmp_path / "state"), log_file=os.devnull), tiny_home) as address:
            token = create_token(tmp_path / "state", Role.CURATOR)[0]
            with httpx.Client(base_url=address, headers={"Authorization": f"Bearer {token}"}) as client:
                if start == 0:
                    assert put(client, body).status_code == 201
                if held:
                    assert client.get("/graphs", params=GRAPH, headers={"If-None-Match": held}).status_code == 200
                    dry = {**GRAPH, "dry-run": "true"}
                    assert put(client, "<a> <p> 1 .", headers={"If-Match": held}, params=dry).status_code == 200
                    new = client.put("/graphs", params=dry, headers={**TURTLE, "If-None-Match": held}, content="")
                    assert new.status_code == 412
                for _ in range(3):
                    answer = client.get("/graphs", params=GRAPH, headers={"Accept-Encoding": "identity"})
                    held = answer.headers["etag"]
                    seen.setdefault(held, set()).add(answer.content)
    assert len(set().union(*seen.values())) > 1
    assert all(len(bodies) == 1 for bodies in seen.values())


@pytest.mark.parametrize("coding", ["br", "identity"])
def test_a_read_may_be_of_one_state_alone(client: httpx.Client, coding: str) -> None:
    """``If-Match`` counts for GET and HEAD too (RFC 9110, section 13.1.1)."""
    put(client, "\n".join(f"<a> <p> {n} ." for n in range(500)))
    headers = {"Accept-Encoding": coding}
    tag = client.get("/graphs", params=GRAPH, headers=headers).headers["etag"]
    for method in ("GET", "HEAD"):
        for wanted, status in ((tag, 200), (f'"x", {tag}', 200), ("*", 200), ('"x"', 412), (f"W/{tag}", 412)):
            answer = client.request(method, "/graphs", params=GRAPH, headers={**headers, "If-Match": wanted})
            assert answer.status_code == status
