"""The query library: one SPARQL query a file, with a header that people and programs can read.

The grammar of the header is written down in ``queries/README.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import NoReturn

import yaml

from kgraph.errors import BindingError, QueryFileError
from kgraph.languages import LANGUAGES
from kgraph.vocabulary import PREFIXES

FOLDERS = ("examples", "competency")
"""The folders of ``queries/`` that hold queries for people to ask."""

CHARTS = ("bar", "line", "map", "table")
"""The ways a query may ask to have its answer drawn."""

HEADER_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""What reads the YAML of headers: the library in C where PyYAML has it, which takes a tenth of the time."""

_XSD = PREFIXES["xsd"]
_LEXICAL_FORMS = {
    _XSD + "string": re.compile(r"(?s).*"),
    _XSD + "integer": re.compile(r"[+-]?\d+"),
    _XSD + "decimal": re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)"),
    _XSD + "boolean": re.compile(r"true|false|1|0"),
    _XSD + "date": re.compile(r"-?\d{4,}-\d\d-\d\d(Z|[+-]\d\d:\d\d)?"),
    _XSD + "anyURI": re.compile(r"\S+"),
}
_IRI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[^\x00-\x20<>\"{}|^`\\]*")
_PREFIXED_NAME = re.compile(r"(?P<prefix>[A-Za-z][A-Za-z0-9-]*):(?P<local>[^\s/<>\"{}|^`\\]*)")
_LANGUAGE_TAG = re.compile(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")
_NAME = re.compile(r"[a-z][A-Za-z0-9_]*")
_SLUG = re.compile(r"[a-z0-9]+(-[a-z0-9]+)*")
_ESCAPES = str.maketrans({"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r"})


@dataclass(frozen=True)
class Parameter:
    """A variable of a query that the asker binds.

    ``kind`` is ``"iri"``, with ``value_class`` the class its values belong to, or ``"literal"``, with
    ``datatype`` or ``language``. ``example`` and ``default`` are written as an asker writes a value. A
    parameter with no default must be given, unless it is ``optional``: then the variable stays free.
    """

    name: str
    kind: str
    labels: Mapping[str, str]
    example: str
    default: str | None = None
    optional: bool = False
    value_class: str | None = None
    datatype: str | None = None
    language: str | None = None

    def term(self, value: str) -> str:
        """Return a value as an RDF term in N-Triples syntax.

        Raises :class:`kgraph.errors.BindingError` if the value does not fit the parameter.
        """
        if self.kind == "iri":
            return f"<{expand_iri(value, self.name)}>"
        lexical = value.translate(_ESCAPES)
        if self.language is not None:
            return f'"{lexical}"@{self.language}'
        datatype = self.datatype or _XSD + "string"
        if not _LEXICAL_FORMS[datatype].fullmatch(value):
            raise BindingError(f'{self.name}: "{value}" is not a {_shorten(datatype)}')
        return f'"{lexical}"' if datatype == _XSD + "string" else f'"{lexical}"^^<{datatype}>'


@dataclass(frozen=True)
class Chart:
    """How an answer is best drawn: the kind of chart and the variables along its axes."""

    kind: str
    x: str
    y: str


@dataclass(frozen=True)
class LibraryQuery:
    """One query of the library.

    ``titles`` and ``descriptions`` are by language; ``bounds`` is the least and the greatest number of
    rows that the packaged graph answers with the example values; ``defaults`` holds what an answer looks
    like when the asker says nothing (``format``); ``text`` is the file as it stands, header included.
    """

    name: str
    path: Path
    titles: Mapping[str, str]
    descriptions: Mapping[str, str]
    text: str
    tags: tuple[str, ...] = ()
    parameters: tuple[Parameter, ...] = ()
    defaults: Mapping[str, str] = field(default_factory=dict)
    bounds: tuple[int, int | None] = (1, None)
    chart: Chart | None = None

    def bind(self, values: Mapping[str, str]) -> dict[str, str]:
        """Return the terms, in N-Triples syntax, that the engine puts in place of the parameters.

        ``values`` holds what the asker gave, by parameter name: an IRI or a prefixed name, or the lexical
        form of a literal. Raises :class:`kgraph.errors.BindingError` for an unknown name, a value that
        does not fit, or a parameter that must be given and is not.
        """
        known = {parameter.name for parameter in self.parameters}
        for name in values:
            if name not in known:
                raise BindingError(f"{self.name} has no parameter {name}; it has {', '.join(sorted(known)) or 'none'}")
        terms: dict[str, str] = {}
        for parameter in self.parameters:
            value = values.get(parameter.name, parameter.default)
            if value is not None:
                terms[parameter.name] = parameter.term(value)
            elif not parameter.optional:
                raise BindingError(f"{self.name} needs {parameter.name}, for example {parameter.example}")
        return terms

    def example_values(self) -> dict[str, str]:
        """Return the example value of each parameter."""
        return {parameter.name: parameter.example for parameter in self.parameters}


class QueryLibrary(Mapping[str, LibraryQuery]):
    """The queries of a folder by name, in the order of their names."""

    def __init__(self, queries: Mapping[str, LibraryQuery]) -> None:
        """Hold the queries, given by name."""
        self._queries = dict(sorted(queries.items()))

    def __getitem__(self, name: str) -> LibraryQuery:
        """Return the query of that name; raises ``KeyError`` if there is none."""
        return self._queries[name]

    def __iter__(self) -> Iterator[str]:
        """Yield the names in order."""
        return iter(self._queries)

    def __len__(self) -> int:
        """Return the number of queries."""
        return len(self._queries)


def load_library(folder: Path) -> QueryLibrary:
    """Read the queries that stand in ``folder`` (``queries/`` of a home) for people to ask.

    A query's name is its file's, without ``.rq``; two files of one name are an error. Raises
    :class:`kgraph.errors.QueryFileError` for a file whose header breaks the grammar.
    """
    queries: dict[str, LibraryQuery] = {}
    for name in FOLDERS:
        for path in sorted((folder / name).glob("*.rq")):
            query = load_query(path)
            if query.name in queries:
                raise QueryFileError(f"{path}:1: the name is taken by {queries[query.name].path}")
            queries[query.name] = query
    return QueryLibrary(queries)


def load_query(path: Path) -> LibraryQuery:
    """Read one file of the library.

    Raises :class:`kgraph.errors.QueryFileError` if it cannot be read or its header breaks the grammar.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise QueryFileError(f"{path}:1: cannot be read: {error}") from error
    return read_query(text, path)


def read_query(text: str, path: Path) -> LibraryQuery:
    """Read a library query from its text; ``path`` gives its name and stands in errors.

    Raises :class:`kgraph.errors.QueryFileError` if the header breaks the grammar.
    """
    lines = text.splitlines()
    count = next((number for number, line in enumerate(lines) if not line.startswith("#+")), len(lines))
    if count == 0:
        raise QueryFileError(f'{path}:1: a header of lines that begin with "#+" is missing')
    for number in range(count, len(lines)):
        if lines[number].startswith("#+"):
            raise QueryFileError(f"{path}:{number + 1}: a header line after the header's end")
    header = _Header(path, "\n".join(line[2:] for line in lines[:count]))
    if not _SLUG.fullmatch(path.stem):
        raise QueryFileError(f"{path}:1: a file's name is lowercase words with hyphens")
    return header.query(text, set(re.findall(r"[?$](\w+)", "\n".join(lines[count:]))))


def expand_iri(value: str, name: str) -> str:
    """Return the IRI that a value names, in full or by a prefix of kgraph's; ``name`` stands in the error.

    Raises :class:`kgraph.errors.BindingError` if it is neither.
    """
    prefixed = _PREFIXED_NAME.fullmatch(value)
    if prefixed and prefixed["prefix"] in PREFIXES:
        return PREFIXES[prefixed["prefix"]] + prefixed["local"]
    bare = value[1:-1] if value.startswith("<") and value.endswith(">") else value
    if not _IRI.fullmatch(bare):
        raise BindingError(f'{name}: "{value}" is neither an IRI nor a prefixed name')
    return bare


def _shorten(iri: str) -> str:
    """Return an IRI of XML Schema as a prefixed name."""
    return iri.replace(_XSD, "xsd:")


class _Header:
    """A header read node by node, so that each fault is named with its line."""

    _FIELDS = ("title", "description", "tags", "parameters", "defaults", "bounds", "chart")
    _PARAMETER_FIELDS = ("name", "kind", "class", "datatype", "language", "example", "default", "optional", "label")

    def __init__(self, path: Path, source: str) -> None:
        self._path = path
        try:
            root = yaml.compose(source, Loader=HEADER_LOADER)
        except yaml.MarkedYAMLError as error:
            line = min(error.problem_mark.line, source.count("\n")) + 1 if error.problem_mark else 1
            raise QueryFileError(f"{path}:{line}: the header is not YAML: {error.problem}") from error
        if root is None:
            raise QueryFileError(f"{path}:1: the header is empty")
        self._root = root

    def query(self, text: str, variables: set[str]) -> LibraryQuery:
        """Return the query that the header describes; ``variables`` are those of the query itself."""
        fields = self._mapping(self._root, self._FIELDS, required=("title", "description"))
        parameters = tuple(self._parameter(node, variables) for node in self._items(fields.get("parameters")))
        return LibraryQuery(
            name=self._path.stem,
            path=self._path,
            titles=self._texts(fields["title"]),
            descriptions=self._texts(fields["description"]),
            text=text,
            tags=tuple(self._matching(node, _SLUG, "a tag") for node in self._items(fields.get("tags"))),
            parameters=parameters,
            defaults=self._defaults(fields.get("defaults")),
            bounds=self._bounds(fields.get("bounds")),
            chart=self._chart(fields.get("chart"), variables),
        )

    def _fail(self, node: yaml.Node, message: str) -> NoReturn:
        raise QueryFileError(f"{self._path}:{node.start_mark.line + 1}: {message}")

    def _mapping(self, node: yaml.Node, known: tuple[str, ...], required: tuple[str, ...] = ()) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode):
            self._fail(node, f"expected fields ({', '.join(known)})")
        fields: dict[str, yaml.Node] = {}
        for key, value in node.value:
            if key.value not in known:
                self._fail(key, f'unknown field "{key.value}"; known are {", ".join(known)}')
            if key.value in fields:
                self._fail(key, f'the field "{key.value}" is given twice')
            fields[key.value] = value
        for name in required:
            if name not in fields:
                self._fail(node, f'the field "{name}" is missing')
        return fields

    def _items(self, node: yaml.Node | None) -> list[yaml.Node]:
        if node is None:
            return []
        if not isinstance(node, yaml.SequenceNode):
            self._fail(node, "expected a list")
        return list(node.value)

    def _text(self, node: yaml.Node) -> str:
        if not isinstance(node, yaml.ScalarNode) or not node.value.strip():
            self._fail(node, "expected a text")
        return str(node.value).strip()

    def _texts(self, node: yaml.Node) -> dict[str, str]:
        fields = self._mapping(node, LANGUAGES, required=LANGUAGES)
        return {language: self._text(fields[language]) for language in LANGUAGES}

    def _matching(self, node: yaml.Node, pattern: re.Pattern[str], what: str) -> str:
        value = self._text(node)
        if not pattern.fullmatch(value):
            self._fail(node, f'"{value}" cannot be {what}')
        return value

    def _variable(self, node: yaml.Node, variables: set[str]) -> str:
        name = self._matching(node, _NAME, "a variable's name")
        if name not in variables:
            self._fail(node, f"the query has no variable ?{name}")
        return name

    def _choice(self, node: yaml.Node, choices: tuple[str, ...]) -> str:
        value = self._text(node)
        if value not in choices:
            self._fail(node, f'"{value}" is not one of {", ".join(choices)}')
        return value

    def _iri(self, node: yaml.Node) -> str:
        try:
            return expand_iri(self._text(node), "the header")
        except BindingError as error:
            self._fail(node, str(error))

    def _parameter(self, node: yaml.Node, variables: set[str]) -> Parameter:
        fields = self._mapping(node, self._PARAMETER_FIELDS, required=("name", "kind", "example", "label"))
        kind = self._choice(fields["kind"], ("iri", "literal"))
        typing = [name for name in ("class", "datatype", "language") if name in fields]
        if len(typing) != 1 or (kind == "iri") != (typing == ["class"]):
            self._fail(node, "an iri has a class; a literal has a datatype or a language")
        datatype = self._iri(fields["datatype"]) if "datatype" in fields else None
        if datatype is not None and datatype not in _LEXICAL_FORMS:
            self._fail(fields["datatype"], f"the datatype is one of {', '.join(map(_shorten, _LEXICAL_FORMS))}")
        optional = "optional" in fields and self._choice(fields["optional"], ("true", "false")) == "true"
        if optional and "default" in fields:
            self._fail(fields["default"], "an optional parameter has no default")
        parameter = Parameter(
            name=self._variable(fields["name"], variables),
            kind=kind,
            labels=self._texts(fields["label"]),
            example=self._text(fields["example"]),
            default=self._text(fields["default"]) if "default" in fields else None,
            optional=optional,
            value_class=self._iri(fields["class"]) if "class" in fields else None,
            datatype=datatype,
            language=self._matching(fields["language"], _LANGUAGE_TAG, "a language tag")
            if "language" in fields
            else None,
        )
        for name in ("example", "default"):
            if name in fields:
                self._fitting(fields[name], parameter)
        return parameter

    def _fitting(self, node: yaml.Node, parameter: Parameter) -> None:
        try:
            parameter.term(self._text(node))
        except BindingError as error:
            self._fail(node, str(error))

    def _defaults(self, node: yaml.Node | None) -> dict[str, str]:
        if node is None:
            return {}
        fields = self._mapping(node, ("format",))
        return {name: self._text(value) for name, value in fields.items()}

    def _bounds(self, node: yaml.Node | None) -> tuple[int, int | None]:
        if node is None:
            return 1, None
        fields = self._mapping(node, ("min", "max"), required=("min",))
        least = int(self._matching(fields["min"], re.compile(r"\d+"), "a number of rows"))
        if "max" not in fields:
            return least, None
        greatest = int(self._matching(fields["max"], re.compile(r"\d+"), "a number of rows"))
        if greatest < least:
            self._fail(fields["max"], "max is less than min")
        return least, greatest

    def _chart(self, node: yaml.Node | None, variables: set[str]) -> Chart | None:
        if node is None:
            return None
        fields = self._mapping(node, ("kind", "x", "y"), required=("kind", "x", "y"))
        kind = self._choice(fields["kind"], CHARTS)
        return Chart(kind, self._variable(fields["x"], variables), self._variable(fields["y"], variables))
