"""What must be known of an update's text before an engine sees it: its operations, and what each may touch."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from kgraph.errors import QuerySyntaxError, RequestError
from kgraph.sparql.diagnosis import refine, settle_tokens
from kgraph.sparql.prologue import Prologue
from kgraph.sparql.scope import matching_bracket
from kgraph.sparql.templates import QuadPattern, TemplateReader
from kgraph.sparql.text import QUERY_FORMS, Limits, check_tokens, decode_text
from kgraph.sparql.tokens import Token, iter_tokens
from kgraph.turtle.iris import is_well_formed

_ON_GRAPHS = ("CLEAR", "DROP", "CREATE", "COPY", "MOVE", "ADD")


@dataclass(frozen=True)
class UpdateStep:
    """One operation of an update, as a text of its own.

    ``kind`` is ``INSERT DATA``, ``DELETE DATA``, ``DELETE WHERE``, ``MODIFY`` (templates with WHERE), ``CLEAR``,
    ``DROP``, ``CREATE``, ``COPY``, ``MOVE`` or ``ADD``. Each quad that the operation adds or removes matches one of
    ``touches``; for CREATE and DROP they also say which graphs come and go. ``literals`` are those that the engine may
    write in another form, as they stand in what is inserted. ``with_graph`` is the graph of WITH, ``using`` and
    ``using_named`` those of USING; all are ``None`` if the text has none. ``line`` and ``column`` say where ``body``
    begins in the request, ``insertion`` where in ``body`` a dataset may be written, ``None`` if nowhere. ``graphs`` are
    those that CLEAR, DROP, CREATE, COPY, MOVE and ADD name, in order, the unnamed one empty, ``None`` for one that is
    not known from the text; ``is_silent`` tells of SILENT.
    """

    prologue: str
    body: str
    kind: str
    line: int
    column: int
    touches: tuple[QuadPattern, ...]
    literals: tuple[str, ...] = ()
    with_graph: str | None = None
    using: tuple[str, ...] | None = None
    using_named: tuple[str, ...] | None = None
    insertion: int | None = None
    graphs: tuple[str | None, ...] = ()
    is_silent: bool = False

    @property
    def text(self) -> str:
        """The operation with all declarations that hold for it, so that it runs alone."""
        return f"{self.prologue}\n{self.body}"


@dataclass(frozen=True)
class UpdateText:
    """An update's text, after escapes outside of strings are decoded, and its operations in order; it may have none."""

    text: str
    steps: tuple[UpdateStep, ...]

    @property
    def literals(self) -> tuple[str, ...]:
        """The literals of all operations that the engine may write in another form, each once."""
        return tuple(dict.fromkeys(literal for step in self.steps for literal in step.literals))


def read_update_text(text: str, limits: Limits | None = None) -> UpdateText:
    """Read an update's text into its operations.

    The whole text is held against the grammar, so that an operation whose end is in doubt never runs. Raises
    :class:`kgraph.errors.QuerySyntaxError` where it does not fit, for names without declaration, for variables in
    data, and for blank nodes where none may stand; and :class:`kgraph.errors.RequestError` for a text that is too
    long or too deep, a query, LOAD and SERVICE. All have the parameter ``of`` with the value ``update``.
    """
    try:
        return _read(text, limits or Limits())
    except RequestError as error:
        error.params["of"] = "update"
        raise


def with_dataset(step: UpdateStep, default: Sequence[str], named: Sequence[str]) -> str:
    """Return the text of an operation whose WHERE is matched in these graphs (SPARQL 1.1 Protocol, section 2.2.3).

    An operation without WHERE, and any operation if no graph is given, keeps its text. Raises
    :class:`kgraph.errors.RequestError` if the operation has USING or WITH itself, or if a name is no absolute IRI.
    """
    if not (default or named) or step.insertion is None:
        return step.text
    if step.with_graph is not None or step.using is not None:
        raise RequestError("using-conflict", 400, line=step.line, column=step.column)
    for name, graphs in (("using-graph-uri", default), ("using-named-graph-uri", named)):
        for graph in graphs:
            if not is_well_formed(graph):
                raise RequestError("bad-parameter", 400, name=name, found=graph)
    return insert_dataset(step, default, named)


def insert_dataset(step: UpdateStep, default: Sequence[str], named: Sequence[str]) -> str:
    """Return the text of an operation without USING with these graphs in it, all of them absolute IRIs.

    WITH then names the graph of the templates alone.
    """
    clause = "".join([f"USING <{graph}> " for graph in default] + [f"USING NAMED <{graph}> " for graph in named])
    before, after = step.body[: step.insertion], step.body[step.insertion :]
    if step.kind == "DELETE WHERE":
        return f"{step.prologue}\nDELETE {after} {clause}WHERE {after}"
    return f"{step.prologue}\n{before}{clause}{after}"


def for_graph(text: UpdateText, graph: str) -> str:
    """Return an update whose operations are about one graph where they name none (Graph Store Protocol, section 5.7).

    Raises :class:`kgraph.errors.RequestError` for an operation that names a graph.
    """
    parts = []
    for step in text.steps:
        graphs = {pattern.graph for pattern in step.touches}
        if step.kind in _ON_GRAPHS or step.with_graph is not None or graphs - {""} or step.using is not None:
            raise RequestError("patch-other-graph", 400, line=step.line, column=step.column)
        if step.kind.endswith("DATA"):
            verb, _, data = step.body.partition("{")
            body = f"{verb}{{ GRAPH <{graph}> {{{data} }}"
        elif step.kind == "DELETE WHERE":
            pattern = step.body[step.insertion :]
            body = f"WITH <{graph}> DELETE {pattern} WHERE {pattern}"
        else:
            body = f"WITH <{graph}> {step.body}"
        parts.append(f"{step.prologue}\n{body}")
    return " ;\n".join(parts)


def refine_step(step: UpdateStep, error: QuerySyntaxError) -> QuerySyntaxError:
    """Return the complaint of an engine about ``step.text`` with the place in the request, and a clearer reason."""
    refined = refine(step.text, error, "Update")
    lines = step.prologue.count("\n") + 1
    if refined.line == lines + 1:
        refined.column += step.column - 1
    refined.line = max(refined.line - lines, 1) + step.line - 1
    refined.params["of"] = "update"
    return refined


def _read(text: str, limits: Limits) -> UpdateText:
    text = decode_text(text, limits)
    tokens = list(iter_tokens(text))
    prologue = Prologue()
    first = tokens[prologue.declare(tokens) :][:1]
    if first and first[0].is_word(*QUERY_FORMS):
        raise RequestError("query-as-update", 400, found=first[0].text.upper())
    tokens = _settle(text, tokens, limits)
    prologue, declarations = Prologue(), ""
    steps: list[UpdateStep] = []
    labels: set[str] = set()
    position = 0
    while position < len(tokens):
        start, position = position, prologue.declare(tokens, position)
        declarations += "".join(f"{token.text} " for token in tokens[start:position])
        end = _end_of_operation(tokens, position)
        operation = tokens[position:end]
        if operation:
            prologue.check_names(operation)
            last = operation[-1]
            body = text[operation[0].offset : last.offset + len(last.text)]
            steps.append(_Operation(operation, prologue, declarations, body).read())
            if steps[-1].kind == "INSERT DATA":
                _check_labels(operation, labels)
        position = end + 1
    return UpdateText(text, tuple(steps))


def _settle(text: str, tokens: list[Token], limits: Limits) -> list[Token]:
    for token in tokens:
        if token.is_word("LOAD"):
            raise RequestError("load-refused", 403, line=token.line, column=token.column)
    try:
        settled = settle_tokens(text, tokens, "Update", always=True)
    except QuerySyntaxError:
        # A bracket that is never closed says more than the token that does not fit because of it.
        check_tokens(tokens, limits)
        raise
    check_tokens(settled, limits)
    return settled


def _end_of_operation(tokens: Sequence[Token], position: int) -> int:
    depth = 0
    while position < len(tokens):
        sign = tokens[position].text if tokens[position].kind == "sign" else ""
        if sign == ";" and depth == 0:
            break
        depth += (sign == "{") - (sign == "}")
        position += 1
    return position


def _check_labels(tokens: Iterable[Token], labels: set[str]) -> None:
    """Refuse a label of a blank node that an earlier INSERT DATA has used (SPARQL 1.1 Query, section 19.6)."""
    found = {token.text: token for token in tokens if token.kind == "blank"}
    for label, token in found.items():
        if label in labels:
            raise QuerySyntaxError("update-shared-blank-node", token.line, token.column, length=len(label), found=label)
    labels.update(found)


class _Operation:
    """Reads one operation that fits the grammar."""

    def __init__(self, tokens: Sequence[Token], prologue: Prologue, declarations: str, body: str) -> None:
        self._tokens = tokens
        self._prologue = prologue
        self._declarations = declarations.rstrip()
        self._body = body
        self._templates = TemplateReader(prologue)
        self._touches: list[QuadPattern] = []
        self._literals: list[str] = []

    def read(self) -> UpdateStep:
        """Return the operation."""
        words = [token.text.upper() for token in self._tokens[:2]]
        if words[0] in _ON_GRAPHS:
            return self._on_graphs(words[0])
        if words in (["INSERT", "DATA"], ["DELETE", "DATA"], ["DELETE", "WHERE"]):
            kind = " ".join(words)
            self._take(kind, 2, "")
            return self._step(kind, insertion=self._offset(2) if kind == "DELETE WHERE" else None)
        return self._modify()

    def _on_graphs(self, kind: str) -> UpdateStep:
        graphs: list[str | None] = []
        for token in self._tokens[1:]:
            if token.kind in ("iri", "name"):
                graphs.append(self._prologue.certain_iri(token))
            elif token.is_word("DEFAULT", "NAMED", "ALL"):
                graphs.append("" if token.is_word("DEFAULT") else None)
        changed = graphs[1:] if kind in ("COPY", "ADD") else graphs
        self._touches = [QuadPattern(None, None, None, graph) for graph in changed]
        is_silent = self._tokens[1].is_word("SILENT")
        return replace(self._step(kind), graphs=tuple(graphs), is_silent=is_silent)

    def _modify(self) -> UpdateStep:
        tokens, position = self._tokens, 0
        with_graph: str | None = None
        graph: str | None = ""
        if tokens[0].is_word("WITH"):
            with_graph, graph = self._prologue.iri(tokens[1]), self._prologue.certain_iri(tokens[1])
            position = 2
        while tokens[position].is_word("DELETE", "INSERT"):
            position = self._take(tokens[position].text.upper(), position + 1, graph) + 1
        using: list[str] = []
        using_named: list[str] = []
        insertion = position
        while tokens[position].is_word("USING"):
            named = tokens[position + 1].is_word("NAMED")
            position += 2 if named else 1
            (using_named if named else using).append(self._prologue.iri(tokens[position]))
            position += 1
        found = position > insertion
        return self._step(
            "MODIFY",
            with_graph=with_graph,
            using=tuple(using) if found else None,
            using_named=tuple(using_named) if found else None,
            insertion=self._offset(insertion),
        )

    def _take(self, kind: str, opening: int, graph: str | None) -> int:
        """Take in the template or the data whose brace is at ``opening``; return the index of its end."""
        end = matching_bracket(self._tokens, opening)
        inner = self._tokens[opening + 1 : end]
        _check_terms(kind, inner)
        self._touches += self._templates.patterns(inner, graph)
        if kind.startswith("INSERT"):
            self._literals += self._templates.literals(inner)
        return end

    def _offset(self, position: int) -> int:
        return self._tokens[position].offset - self._tokens[0].offset

    def _step(
        self,
        kind: str,
        *,
        with_graph: str | None = None,
        using: tuple[str, ...] | None = None,
        using_named: tuple[str, ...] | None = None,
        insertion: int | None = None,
    ) -> UpdateStep:
        return UpdateStep(
            self._declarations,
            self._body,
            kind,
            self._tokens[0].line,
            self._tokens[0].column,
            tuple(dict.fromkeys(self._touches)),
            tuple(dict.fromkeys(self._literals)),
            with_graph,
            using,
            using_named,
            insertion,
        )


def _check_terms(kind: str, tokens: Sequence[Token]) -> None:
    """Refuse variables in data, and blank nodes in what is deleted (SPARQL 1.1 Query, section 19.8, notes 6 to 9)."""
    for position, token in enumerate(tokens):
        line, column, found = token.line, token.column, token.text
        if token.kind == "variable" and kind.endswith("DATA"):
            raise QuerySyntaxError("update-variable", line, column, length=len(found), found=found, form=kind)
        if kind.startswith("DELETE") and _is_blank_node(tokens, position):
            raise QuerySyntaxError("update-blank-node", line, column, length=len(found), found=found, form=kind)


def _is_blank_node(tokens: Sequence[Token], position: int) -> bool:
    token = tokens[position]
    if token.kind == "sign" and token.text == "(":
        return tokens[position + 1].text != ")"
    return token.kind == "blank" or (token.kind == "sign" and token.text == "[")
