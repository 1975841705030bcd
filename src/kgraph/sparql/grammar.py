"""The grammar of SPARQL in a form that one token of look-ahead can follow (SPARQL 1.1, section 19.8).

It is a little wider than the standard's: where it leads astray, the text is wrong. LOAD is not in it.
Rules are written ``Name: alternatives``; words in capitals and quoted signs are tokens, ``?``, ``*`` and ``+``
have their usual meaning. Triple terms and ``VERSION`` are those of SPARQL 1.2, ``LATERAL`` is the engine's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from kgraph.sparql.tokens import Token, iter_tokens

_FUNCTION_NAMES = """
STR LANG LANGMATCHES LANGDIR DATATYPE BOUND IRI URI BNODE RAND ABS CEIL FLOOR ROUND CONCAT STRLEN UCASE LCASE
ENCODE_FOR_URI CONTAINS STRSTARTS STRENDS STRBEFORE STRAFTER YEAR MONTH DAY HOURS MINUTES SECONDS TIMEZONE TZ NOW
UUID STRUUID MD5 SHA1 SHA256 SHA384 SHA512 COALESCE IF STRLANG STRLANGDIR HASLANG HASLANGDIR STRDT SAMETERM SAMEVALUE
ISIRI ISURI ISBLANK ISLITERAL ISNUMERIC ISTRIPLE TRIPLE SUBJECT PREDICATE OBJECT REGEX SUBSTR REPLACE ADJUST
"""
FUNCTIONS = frozenset(_FUNCTION_NAMES.split())
AGGREGATES = frozenset(("COUNT", "SUM", "MIN", "MAX", "AVG", "SAMPLE", "GROUP_CONCAT"))

_RULES = """
Query: Prologue ( Select | Construct | Describe | Ask ) Values
Update: Prologue ( Operation ( ';' Update )? )?
Operation: 'INSERT' ( 'DATA' Quads | Quads Rest ) | 'DELETE' ( 'DATA' Quads | 'WHERE' Quads | Quads Insert? Rest ) \
  | 'WITH' Iri ( Insert | 'DELETE' Quads Insert? ) Rest \
  | ( 'CLEAR' | 'DROP' ) 'SILENT'? ( 'GRAPH' Iri | 'DEFAULT' | 'NAMED' | 'ALL' ) | 'CREATE' 'SILENT'? 'GRAPH' Iri \
  | ( 'COPY' | 'MOVE' | 'ADD' ) 'SILENT'? GraphOrDefault 'TO' GraphOrDefault
Insert: 'INSERT' Quads
Rest: ( 'USING' 'NAMED'? Iri )* 'WHERE' Group
GraphOrDefault: 'DEFAULT' | 'GRAPH'? Iri
Quads: '{' TemplateTriples? ( 'GRAPH' ( VARIABLE | Iri ) Template '.'? TemplateTriples? )* '}'
Prologue: ( 'BASE' IRI | 'PREFIX' NAME IRI | 'VERSION' STRING )*
Select: SelectClause Dataset Where Modifiers
SelectClause: 'SELECT' ( 'DISTINCT' | 'REDUCED' )? ( '*' | ( VARIABLE | '(' Expr 'AS' VARIABLE ')' )+ )
SubSelect: SelectClause Where Modifiers Values
Construct: 'CONSTRUCT' ( Template Dataset Where Modifiers | Dataset 'WHERE' Template Modifiers )
Template: '{' TemplateTriples? '}'
Describe: 'DESCRIBE' ( ( VARIABLE | Iri )+ | '*' ) Dataset Where? Modifiers
Ask: 'ASK' Dataset Where Modifiers
Dataset: ( 'FROM' 'NAMED'? Iri )*
Where: 'WHERE'? Group
Modifiers: ( 'GROUP' 'BY' GroupBy+ )? ( 'HAVING' Constraint+ )? ( 'ORDER' 'BY' OrderBy+ )? Slice
GroupBy: Call | '(' Expr ( 'AS' VARIABLE )? ')' | VARIABLE
OrderBy: ( 'ASC' | 'DESC' ) '(' Expr ')' | Constraint | VARIABLE
Slice: ( 'LIMIT' NUMBER | 'OFFSET' NUMBER )*
Constraint: '(' Expr ')' | Call
Call: BuiltIn | Iri Arguments
Values: ( 'VALUES' Data )?
Data: VARIABLE '{' Datum* '}' | '(' VARIABLE* ')' '{' ( '(' Datum* ')' )* '}'
Datum: Iri | Literal | TripleTerm | Reified | 'UNDEF'
Group: '{' ( SubSelect | Triples? ( Other '.'? Triples? )* ) '}'
Other: Group ( 'UNION' Group )* | ( 'OPTIONAL' | 'MINUS' | 'LATERAL' ) Group | 'GRAPH' ( VARIABLE | Iri ) Group \
  | 'SERVICE' 'SILENT'? ( VARIABLE | Iri ) Group | 'FILTER' Constraint | 'BIND' '(' Expr 'AS' VARIABLE ')' \
  | 'VALUES' Data
Triples: Same ( '.' Triples? )?
Same: Subject Properties | ( Collection | Blank | Reified ) Properties?
Subject: VARIABLE | Iri | Literal | BLANK | TripleTerm
Properties: Verb Objects ( ';' ( Verb Objects )? )*
Objects: Object ( ',' Object )*
Object: Node ( '{|' Properties '|}' | '~' ( VARIABLE | Iri | BLANK )? )*
Node: Term | Collection | Blank
Collection: '(' Node* ')'
Blank: '[' Properties? ']'
Term: Subject | Reified
TripleTerm: '<<(' Node Verb Node ')>>'
Reified: '<<' Node Verb Node ( '~' ( VARIABLE | Iri | BLANK )? )? '>>'
Verb: VARIABLE | Path
Path: Steps ( '|' Steps )*
Steps: Step ( '/' Step )*
Step: '^'? ( Iri | 'A' | '!' Negated | '(' Path ')' ) ( '?' | '*' | '+' )?
Negated: One | '(' ( One ( '|' One )* )? ')'
One: '^'? ( Iri | 'A' )
Expr: And ( '||' And )*
And: Relation ( '&&' Relation )*
Relation: Sum ( ( '=' | '!=' | '<' | '>' | '<=' | '>=' ) Sum | 'IN' Arguments | 'NOT' 'IN' Arguments )?
Sum: Product ( ( '+' | '-' ) Product )*
Product: Unary ( ( '*' | '/' ) Unary )*
Unary: ( '!' | '+' | '-' )* Primary
Primary: '(' Expr ')' | BuiltIn | Iri Arguments? | Literal | VARIABLE | TripleTerm | Reified
Arguments: '(' 'DISTINCT'? ( Expr ( ',' Expr )* )? ')'
BuiltIn: FUNCTION Arguments | AGGREGATE '(' 'DISTINCT'? ( '*' | Expr ) ( ';' 'SEPARATOR' '=' STRING )? ')' \
  | 'NOT'? 'EXISTS' Group
Literal: STRING ( LANGUAGE | '^^' Iri )? | ( '+' | '-' )? NUMBER | 'TRUE' | 'FALSE'
Iri: IRI | NAME
"""
_IN_TEMPLATES = ("Triples", "Same", "Properties", "Objects", "Object", "Node", "Collection", "Blank", "Verb")
_TEMPLATE_NAME = re.compile(rf"\b({'|'.join(_IN_TEMPLATES)})\b")
_TEMPLATE_VERB = "VARIABLE | Iri | 'A'"
_KINDS = {
    "iri": "IRI",
    "string": "STRING",
    "variable": "VARIABLE",
    "blank": "BLANK",
    "name": "NAME",
    "number": "NUMBER",
    "language": "LANGUAGE",
}
_SYMBOL = re.compile(r"'[^']+'|[A-Za-z]+|[()|?*+]")


@dataclass(frozen=True, eq=False)
class Node:
    """A part of a rule: ``kind`` is ``token``, ``rule``, ``sequence``, ``choice``, ``optional`` or ``repeat``.

    Two parts are the same only if they stand in the same place.
    """

    kind: str
    name: str = ""
    parts: tuple[Node, ...] = ()


class Grammar:
    """The rules, with the tokens that each part can begin with and what follows then."""

    def __init__(self, rules: dict[str, Node]) -> None:
        """Take the rules by name."""
        self.rules = rules
        self._first: dict[Node, frozenset[str]] = {}
        self._after: dict[tuple[Node, str], tuple[Node, ...] | None] = {}

    def first(self, node: Node) -> frozenset[str]:
        """Return the tokens that a part can begin with."""
        if node not in self._first:
            self._first[node] = self._find_first(node)
        return self._first[node]

    def after(self, node: Node, token: str) -> tuple[Node, ...] | None:
        """Return what has to come after the first token of a part, the nearest last; ``None`` if it cannot be first."""
        key = (node, token)
        if key not in self._after:
            self._after[key] = self._find_after(node, token) if token in self.first(node) else None
        return self._after[key]

    def can_be_empty(self, node: Node) -> bool:
        """Tell whether a part may match nothing."""
        match node.kind:
            case "token":
                return False
            case "optional" | "repeat":
                return True
            case "rule":
                return self.can_be_empty(self.rules[node.name])
            case "choice":
                return any(self.can_be_empty(part) for part in node.parts)
            case _:
                return all(self.can_be_empty(part) for part in node.parts)

    def _find_after(self, node: Node, token: str) -> tuple[Node, ...] | None:
        match node.kind:
            case "token":
                return ()
            case "rule":
                return self.after(self.rules[node.name], token)
            case "sequence":
                # The parts before the one that takes the token can be empty, or it could not be first.
                index = next(i for i, part in enumerate(node.parts) if token in self.first(part))
                return (*reversed(node.parts[index + 1 :]), *(self.after(node.parts[index], token) or ()))
            case "repeat":
                return (node, *(self.after(node.parts[0], token) or ()))
            case _:
                return self.after(next(part for part in node.parts if token in self.first(part)), token)

    def _find_first(self, node: Node) -> frozenset[str]:
        if node.kind == "token":
            return frozenset((node.name,))
        if node.kind == "rule":
            return self.first(self.rules[node.name])
        found: frozenset[str] = frozenset()
        for part in node.parts:
            found |= self.first(part)
            if node.kind == "sequence" and not self.can_be_empty(part):
                break
        return found


@cache
def sparql_grammar() -> Grammar:
    """Return the grammar; queries begin with the rule ``Query``, updates with ``Update``."""
    rules: dict[str, Node] = {}
    for line in _RULES.replace("\\\n", "").strip().splitlines():
        name, _, body = line.partition(":")
        rules[name] = _read_rule(body)
        if name in _IN_TEMPLATES:
            body = _TEMPLATE_VERB if name == "Verb" else _TEMPLATE_NAME.sub(r"Template\1", body)
            rules["Template" + name] = _read_rule(body)
    return Grammar(rules)


@dataclass(frozen=True)
class Misfit:
    """The first token that does not fit, ``None`` if the text ends early, and the names of those that would."""

    token: Token | None
    expected: frozenset[str]


class Followed(NamedTuple):
    """A text's tokens up to the first that does not fit, that misfit, and those that are called as functions by IRI."""

    tokens: list[Token]
    misfit: Misfit | None
    called: list[Token]


def follow_tokens(text: str, start: str) -> Followed:
    """Read a text along the grammar from the rule ``start``, up to the first token that does not fit.

    ``<`` is read as an operator where only that fits. A stack of its own is used in place of recursion, since
    brackets may nest deeply. Raises :class:`kgraph.errors.QuerySyntaxError` where no token can begin.
    """
    grammar = sparql_grammar()
    stack: list[Node] = [grammar.rules[start]]
    passed: list[Node] = []
    read: list[Token] = []
    called: list[Token] = []
    tokens = iter_tokens(text)
    token = next(tokens, None)
    while stack:
        node = stack.pop()
        after = grammar.after(node, _name(token) if token else "")
        if after is not None and token:
            if _holds_arguments(node) and read[-1].kind in ("iri", "name"):
                called.append(read[-1])
            stack += after
            read.append(token)
            token = next(tokens, None)
            passed.clear()
            continue
        passed.append(node)
        if grammar.can_be_empty(node):
            continue
        if token is None or token.kind != "iri" or not any("<" in grammar.first(part) for part in passed):
            break
        token = tokens.send(True)
        stack += reversed(passed)
        passed.clear()
    else:
        if token is None:
            return Followed(read, None, called)
    expected = frozenset().union(*(grammar.first(part) for part in passed))
    return Followed([*read, token] if token else read, Misfit(token, expected), called)


def _holds_arguments(node: Node) -> bool:
    return (node.parts[0] if node.kind == "optional" else node).name == "Arguments"


def _name(token: Token) -> str:
    """Return the name that the grammar has for a token."""
    if token.kind != "word":
        return _KINDS.get(token.kind, token.text)
    word = token.text.upper()
    return "FUNCTION" if word in FUNCTIONS else "AGGREGATE" if word in AGGREGATES else word


def _read_rule(body: str) -> Node:
    return _Reader(_SYMBOL.findall(body)).choice()


class _Reader:
    """Reads the right side of a rule."""

    def __init__(self, symbols: list[str]) -> None:
        self._symbols = symbols
        self._position = 0

    def choice(self) -> Node:
        """Read alternatives."""
        parts = [self._sequence()]
        while self._peek() == "|":
            self._position += 1
            parts.append(self._sequence())
        return parts[0] if len(parts) == 1 else Node("choice", parts=tuple(parts))

    def _peek(self) -> str:
        return self._symbols[self._position] if self._position < len(self._symbols) else ""

    def _sequence(self) -> Node:
        parts: list[Node] = []
        while self._peek() not in ("", "|", ")"):
            parts += self._repeated(self._single())
        return Node("sequence", parts=tuple(parts))

    def _single(self) -> Node:
        symbol = self._peek()
        self._position += 1
        if symbol == "(":
            inner = self.choice()
            self._position += 1
            return inner
        if symbol.startswith("'"):
            return Node("token", symbol[1:-1])
        return Node("token", symbol) if symbol.isupper() else Node("rule", symbol)

    def _repeated(self, node: Node) -> tuple[Node, ...]:
        mark = self._peek()
        if mark not in ("?", "*", "+"):
            return (node,)
        self._position += 1
        if mark == "+":
            return node, Node("repeat", parts=(node,))
        return (Node("optional" if mark == "?" else "repeat", parts=(node,)),)
