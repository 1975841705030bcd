"""Reading Turtle (W3C, 1.1) so that every fault is told and everything sound is kept."""

from __future__ import annotations

from kgraph.turtle.comments import attach_comments
from kgraph.turtle.directives import DirectiveReader
from kgraph.turtle.model import (
    NESTING_LIMIT,
    RDF,
    XSD,
    Atom,
    Broken,
    Collection,
    Directive,
    Document,
    Entry,
    Node,
    PropertyList,
    Statement,
    Term,
)
from kgraph.turtle.recovery import LITERALS, NAMES, Cursor, shown
from kgraph.turtle.terms import TermReader
from kgraph.turtle.tokens import scan_turtle
from kgraph.turtle.triples import emit_triples

_TYPE = f"<{RDF}type>"
_END_OF_OBJECTS = frozenset({",", ";", ".", "]", ")", ""})


class _Reader:
    """A recursive-descent reader; each method reads what it is named after and leaves the cursor behind it."""

    def __init__(self, text: str, base: str | None, nesting_limit: int) -> None:
        self.cursor = Cursor(scan_turtle(text))
        self.terms = TermReader(self.cursor, base)
        self.directives = DirectiveReader(self.cursor, self.terms)
        self.limit = nesting_limit
        self.statements: list[Statement] = []
        self.declared: list[Directive] = []
        self.ended = False
        """True when a missing dot is remarked on already, so that nobody looks for it again."""

    def read(self) -> None:
        cursor = self.cursor
        self._drop_invisible()
        while cursor.token.kind != "end":
            cursor.muted = False
            cursor.brackets.clear()
            self.ended = False
            self.terms.remarked_prefixes.clear()
            if self.directives.is_next():
                directive = self.directives.read()
                if directive is not None:
                    self.declared.append(directive)
            elif self.statements and self._after_a_dot() and cursor.continues_statement(cursor.index):
                self._go_on()
            else:
                self._statement()

    def _drop_invisible(self) -> None:
        """Remark once a line on characters that look like spaces but are none, and read on without them."""
        tokens = self.cursor.scan.tokens
        lines: set[int] = set()
        for token in tokens:
            line = self.cursor.scan.lines.line(token.start) if token.kind == "invisible" else 0
            if line and line not in lines:
                lines.add(line)
                self.cursor.remark(
                    "turtle-invisible-character", token.start, token.end, character=f"U+{ord(token.text[0]):04X}"
                )
        if lines:
            tokens[:] = [token for token in tokens if token.kind != "invisible"]

    def _after_a_dot(self) -> bool:
        return self.cursor.index > 0 and self.cursor.peek(-1).text == "."

    def _go_on(self) -> None:
        dot = self.cursor.peek(-1)
        self.cursor.fault("turtle-premature-dot", dot.start, dot.end, found=shown(self.cursor.token))
        statement = self.statements[-1]
        statement.entries.extend(self._entries(nested=False))
        self._end_statement(statement)

    def _statement(self) -> None:
        cursor = self.cursor
        if cursor.token.text in (".", ";", ",", "]", ")"):
            cursor.unexpected("subject")
            cursor.advance()
            return
        start = cursor.token.start
        cursor.margin = cursor.scan.lines.position(start)[1]
        subject = self._subject()
        statement = Statement(subject, [], start, cursor.last_end)
        self.statements.append(statement)
        # Only a property list with something in it is a statement by itself (rule [6], triples).
        alone = isinstance(subject, PropertyList) and subject.entries and cursor.token.text == "."
        if not alone and not cursor.muted:
            statement.entries.extend(self._entries(nested=False))
        self._end_statement(statement)

    def _end_statement(self, statement: Statement) -> None:
        cursor = self.cursor
        if cursor.token.text == "." and not self.ended:
            cursor.advance()
        elif not self.ended:
            cursor.missing("turtle-missing-dot", expected=".")
        statement.end = cursor.last_end

    def _subject(self) -> Node:
        cursor = self.cursor
        token = cursor.token
        if token.kind in LITERALS:
            cursor.remark("turtle-literal-subject", token.start, token.end, found=shown(token))
            cursor.advance()
            if cursor.token.kind in ("lang", "badlang"):
                cursor.advance()
            return Broken(token.start, cursor.last_end)
        # A literal is read on its own above: it has to be named as the fault, and its triples left out.
        if token.kind in NAMES or token.kind in ("blank", "openiri") or token.text in ("[", "("):
            return self._object()
        cursor.unexpected("subject")
        cursor.advance()
        if not (cursor.is_predicate(cursor.index) and cursor.is_term(cursor.index + 1)):
            cursor.skip_to("")
            cursor.muted = True
        return Broken(token.start, token.end)

    def _entries(self, nested: bool) -> list[Entry]:
        """Read predicates with their objects, up to the token that ends the list."""
        cursor = self.cursor
        entries: list[Entry] = []
        while True:
            if self._predicate_and_objects(entries, nested) != ";":
                return entries
            # Repeated semicolons, and one before the end, are allowed (rule [7], predicateObjectList).
            last_mark = cursor.index - 1
            while cursor.token.text == ";":
                cursor.advance()
            cursor.muted = False
            if cursor.token.text in (".", "") or (nested and cursor.token.text == "]"):
                return entries
            if cursor.starts_statement(cursor.index):
                mark = cursor.scan.tokens[last_mark]
                if not nested and mark.text == ";":
                    cursor.fault("turtle-missing-dot", mark.start, mark.end, found=";", expected=".")
                    self.ended = True
                return entries

    def _predicate_and_objects(self, entries: list[Entry], nested: bool) -> str:
        cursor = self.cursor
        start = cursor.token.start
        predicate = self._predicate()
        # After a fault the next mark is as sound a place as any to go on from.
        if cursor.muted and cursor.token.text in ("", ".", ";", "]"):
            return self._mark(nested)
        if predicate is not None and self._object_is_missing():
            return ";" if not self.ended else "."
        while True:
            node = self._object()
            entries.append(
                Entry(predicate, node if predicate else Broken(node.start, node.end), start, cursor.last_end)
            )
            mark = self._mark(nested)
            if mark != ",":
                return mark
            cursor.muted = False
            start = cursor.token.start
            if cursor.starts_statement(cursor.index) or cursor.starts_pair(cursor.index):
                return self._wrong_comma(nested)

    def _wrong_comma(self, nested: bool) -> str:
        """Remark on a comma where the next line shows that another mark was meant; return that."""
        cursor = self.cursor
        comma = cursor.peek(-1)
        if not cursor.starts_statement(cursor.index):
            cursor.fault("turtle-missing-semicolon", comma.start, comma.end, found=",")
            return ";"
        cursor.fault("turtle-missing-dot", comma.start, comma.end, found=",", expected=".")
        self.ended = not nested
        return "."

    def _predicate(self) -> Term | None:
        cursor = self.cursor
        token = cursor.token
        if token.text == "a" and token.kind == "word":
            cursor.advance()
            return _TYPE
        if token.kind in NAMES or token.kind == "openiri":
            iri = self.terms.iri()
            return None if iri is None else f"<{iri}>"
        if token.text in _END_OF_OBJECTS:
            cursor.missing("turtle-missing-predicate")
            cursor.skip_to(";")
            cursor.muted = True
        elif token.kind in LITERALS or token.text in ("[", "("):
            cursor.fault("turtle-missing-predicate", token.start, token.end, found=shown(token))
            # Text before an object stands for the predicate; alone it is an object whose predicate is gone.
            if cursor.is_term(cursor.index + 1) and token.kind in LITERALS:
                cursor.advance()
        else:
            cursor.unexpected("predicate")
            cursor.advance()
            if cursor.is_predicate(cursor.index) and cursor.is_term(cursor.index + 1):
                return self._predicate()
            if not cursor.is_term(cursor.index):
                cursor.skip_to(";")
                cursor.muted = True
        return None

    def _object_is_missing(self) -> bool:
        """Tell, and remark, that the next line starts with another predicate or subject instead of an object."""
        cursor = self.cursor
        index = cursor.index
        if cursor.starts_statement(index):
            self.ended = True
        elif not cursor.starts_pair(index):
            return False
        cursor.missing("turtle-missing-object")
        return True

    def _object(self) -> Node:
        cursor = self.cursor
        token = cursor.token
        if token.kind in NAMES or token.kind == "openiri":
            iri = self.terms.iri()
            return Broken(token.start, token.end) if iri is None else Atom(f"<{iri}>", token.start, token.end)
        if token.kind in ("number", "badnumber"):
            return self.terms.number()
        if token.kind in LITERALS:
            return self.terms.literal()
        if token.kind == "blank":
            cursor.advance()
            return Atom(token.text, token.start, token.end)
        if token.text in ("true", "false"):
            cursor.advance()
            return Atom(f'"{token.text}"^^<{XSD}boolean>', token.start, token.end)
        if token.text in ("[", "("):
            return self._bracket()
        if token.text in _END_OF_OBJECTS or cursor.is_directive(cursor.index):
            cursor.missing("turtle-missing-object")
        else:
            cursor.unexpected("object")
            cursor.muted = True
            cursor.advance()
        return Broken(token.start, cursor.last_end)

    def _mark(self, nested: bool) -> str:
        """Read the mark behind an object and return it; a missing one is remarked on and guessed."""
        cursor = self.cursor
        while True:
            text = cursor.token.text
            if text in (";", ","):
                cursor.advance()
                return text
            if text == "." or (text == "]" and nested):
                return text
            # A colon where a semicolon was meant reads as a name with an empty prefix.
            if text == ":" and "" not in self.terms.prefixes:
                cursor.unexpected(", ; ." if not nested else ", ; ]")
                cursor.advance()
                return ";"
            if text not in ("]", ")") or cursor.token.kind == "string":
                break
            # A closing bracket of the other kind ends the node too: two brackets that do not fit are one fault.
            if nested or {"]": "[", ")": "("}[text] in cursor.brackets:
                return ""
            cursor.unexpected(", ; ." if not nested else ", ; ]")
            cursor.advance()
        if cursor.token.kind == "end" or cursor.starts_statement(cursor.index, anywhere=True):
            return self._missing_dot(nested)
        return self._mark_missing_inside(nested)

    def _missing_dot(self, nested: bool) -> str:
        if nested:
            return ""
        self.cursor.missing("turtle-missing-dot", expected=".")
        self.ended = True
        return "."

    def _mark_missing_inside(self, nested: bool) -> str:
        cursor = self.cursor
        index = cursor.index
        # A name with a term behind it can only be the next predicate; else a comma may be what is missing.
        if cursor.is_predicate(index) and cursor.is_term(index + 1):
            cursor.missing("turtle-missing-semicolon")
            return ";"
        cursor.unexpected(", ; ." if not nested else ", ; ]")
        cursor.skip_to(";,")
        cursor.muted = True
        return self._mark(nested)

    def _bracket(self) -> Node:
        """Read a property list or a collection."""
        cursor = self.cursor
        opening = cursor.token
        if len(cursor.brackets) >= self.limit:
            return self._too_deep()
        cursor.advance()
        cursor.brackets.append(opening.text)
        node: PropertyList | Collection
        if opening.text == "(":
            node = Collection(self._items(), opening.start, cursor.last_end)
        elif cursor.token.text == "]":
            node = PropertyList([], opening.start, cursor.last_end)
        else:
            node = PropertyList(self._entries(nested=True), opening.start, cursor.last_end)
        cursor.brackets.pop()
        closing, other = ("]", ")") if opening.text == "[" else (")", "]")
        if cursor.token.text == other and {"]": "[", ")": "("}[other] not in cursor.brackets:
            cursor.unexpected(closing)
            closing = other
        node.closed = cursor.token.text == closing
        if node.closed:
            cursor.advance()
            cursor.muted = False
        else:
            self._remark_unclosed(opening.text, opening.start)
        node.end = cursor.last_end
        return node

    def _remark_unclosed(self, bracket: str, start: int) -> None:
        cursor = self.cursor
        found_line = str(cursor.scan.lines.line(cursor.token.start))
        cursor.fault(
            "turtle-unclosed-bracket",
            start,
            start + 1,
            bracket=bracket,
            found=shown(cursor.token),
            found_line=found_line,
        )

    def _items(self) -> list[Entry]:
        cursor = self.cursor
        items: list[Entry] = []
        while True:
            token = cursor.token
            if token.text in _END_OF_OBJECTS and token.text != ",":
                return items
            if cursor.starts_statement(cursor.index, among_items=True):
                return items
            if not (cursor.is_term(cursor.index) or token.kind == "openiri"):
                cursor.unexpected("object )")
                cursor.advance()
                continue
            node = self._object()
            items.append(Entry(None, node, token.start, cursor.last_end))

    def _too_deep(self) -> Node:
        cursor = self.cursor
        start = cursor.token.start
        cursor.fault("turtle-nesting-too-deep", start, start + 1, limit=str(self.limit))
        # Counting instead of descending: this is where the stack must not grow.
        depth = 0
        while cursor.token.kind != "end":
            text = cursor.advance().text
            depth += (text in ("[", "(")) - (text in ("]", ")"))
            if depth == 0:
                break
        cursor.muted = cursor.token.kind == "end"
        return Broken(start, cursor.last_end)


def read_turtle(text: str, base: str | None = None, nesting_limit: int = NESTING_LIMIT) -> Document:
    """Read Turtle text; relative IRIs are read against ``base`` until the text declares a base of its own.

    Nothing is raised for what is wrong in the text: each fault becomes one remark in ``problems``,
    and every statement that no fault touches gives its triples. A name with an undeclared prefix
    gives a placeholder IRI (see :func:`kgraph.turtle.is_placeholder`). At most ``nesting_limit``
    brackets may stand open at once; more than 100 of them would not fit Python's stack.
    """
    # A byte order mark is no part of the text and takes no column.
    reader = _Reader(text.removeprefix("\ufeff"), base, min(nesting_limit, 100))
    reader.read()
    scan = reader.cursor.scan
    document = Document(
        triples=emit_triples(reader.statements, scan.lines),
        problems=sorted(reader.cursor.problems, key=lambda problem: (problem.line, problem.column)),
        prefixes=reader.terms.prefixes,
        base=reader.terms.base,
        statements=reader.statements,
        directives=reader.declared,
    )
    attach_comments(document, scan)
    return document
