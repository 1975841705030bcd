"""The grammar of SPARQL in a form that one token of look-ahead can follow (SPARQL 1.1, section 19.8).

It is a little wider than the standard's: where it leads astray, the text is wrong. LOAD is not in it.
Rules are written ``Name: alternatives``; words in capitals and quoted signs are tokens, ``?``, ``*`` and ``+``
have their usual meaning. Triple terms and ``VERSION`` are those of SPARQL 1.2, ``LATERAL`` is the engine's own.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache

from kgraph.sparql.tokens import Token

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


@dataclass(frozen=True)
class Node:
    """A part of a rule: ``kind`` is ``token``, ``rule``, ``sequence``, ``choice``, ``optional`` or ``repeat``."""

    kind: str
    name: str = ""
    parts: tuple[Node, ...] = ()


class Grammar:
    """The rules, with the tokens that each part can begin with."""

    def __init__(self, rules: dict[str, Node]) -> None:
        """Take the rules by name."""
        self.rules = rules
        self._first: dict[Node, frozenset[str]] = {}

    def first(self, node: Node) -> frozenset[str]:
        """Return the tokens that a part can begin with."""
        if node not in self._first:
            self._first[node] = self._find_first(node)
        return self._first[node]

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


def find_misfit(tokens: Sequence[Token], start: str) -> tuple[int, frozenset[str]] | None:
    """Return the index of the first token that does not fit the rule ``start``, and the names of those that would.

    The index is the number of tokens if the text ends early; ``None`` means that all fit. A stack of its own is
    used in place of recursion, since brackets may nest deeply.
    """
    grammar = sparql_grammar()
    stack: list[Node] = [grammar.rules[start]]
    expected: set[str] = set()
    position = 0
    while stack:
        node = stack.pop()
        ahead = _name(tokens[position]) if position < len(tokens) else ""
        if node.kind == "rule":
            stack.append(grammar.rules[node.name])
        elif node.kind == "sequence":
            stack.extend(reversed(node.parts))
        elif node.kind == "token":
            if ahead != node.name:
                return position, frozenset(expected | {node.name})
            position, expected = position + 1, set()
        else:
            chosen = next((part for part in node.parts if ahead in grammar.first(part)), None)
            expected |= grammar.first(node) if chosen is None else set()
            if chosen is not None:
                stack += [node, chosen] if node.kind == "repeat" else [chosen]
            elif not grammar.can_be_empty(node):
                return position, frozenset(expected)
    return (position, frozenset(expected)) if position < len(tokens) else None


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
