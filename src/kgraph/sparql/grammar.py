"""The grammar of SPARQL queries in a form that one token of look-ahead can follow (SPARQL 1.1, section 19.8).

It is a little wider than the standard's: it only has to find where a text that an engine refused goes wrong.
Rules are written ``Name: alternatives``; words in capitals and quoted signs are tokens, ``?``, ``*`` and ``+``
have their usual meaning. Triple terms and ``VERSION`` are those of SPARQL 1.2, ``LATERAL`` is the engine's own.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

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
Prologue: ( 'BASE' IRI | 'PREFIX' NAME IRI | 'VERSION' STRING )*
Select: SelectClause Dataset Where Modifiers
SelectClause: 'SELECT' ( 'DISTINCT' | 'REDUCED' )? ( '*' | ( VARIABLE | '(' Expr 'AS' VARIABLE ')' )+ )
SubSelect: SelectClause Where Modifiers Values
Construct: 'CONSTRUCT' ( Template Dataset Where Modifiers | Dataset 'WHERE' Template Modifiers )
Template: '{' Triples? '}'
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
Datum: Iri | Literal | TripleTerm | 'UNDEF'
Group: '{' ( SubSelect | Triples? ( Other '.'? Triples? )* ) '}'
Other: Group ( 'UNION' Group )* | ( 'OPTIONAL' | 'MINUS' | 'LATERAL' ) Group | 'GRAPH' ( VARIABLE | Iri ) Group \
  | 'SERVICE' 'SILENT'? ( VARIABLE | Iri ) Group | 'FILTER' Constraint | 'BIND' '(' Expr 'AS' VARIABLE ')' \
  | 'VALUES' Data
Triples: Same ( '.' Triples? )?
Same: Term Properties | ( Collection | Blank ) Properties?
Properties: Verb Objects ( ';' ( Verb Objects )? )*
Objects: Object ( ',' Object )*
Object: Node ( '{|' Properties '|}' | '~' ( VARIABLE | Iri | BLANK )? )*
Node: Term | Collection | Blank
Collection: '(' Node* ')'
Blank: '[' Properties? ']'
Term: VARIABLE | Iri | Literal | BLANK | TripleTerm
TripleTerm: '<<' Node Verb Node '>>' | '<<(' Node Verb Node ')>>'
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
Primary: '(' Expr ')' | BuiltIn | Iri Arguments? | Literal | VARIABLE | TripleTerm
Arguments: '(' 'DISTINCT'? ( Expr ( ',' Expr )* )? ')'
BuiltIn: FUNCTION Arguments | AGGREGATE '(' 'DISTINCT'? ( '*' | Expr ) ( ';' 'SEPARATOR' '=' STRING )? ')' \
  | 'NOT'? 'EXISTS' Group
Literal: STRING ( LANGUAGE | '^^' Iri )? | ( '+' | '-' )? NUMBER | 'TRUE' | 'FALSE'
Iri: IRI | NAME
"""
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
def query_grammar() -> Grammar:
    """Return the grammar of queries."""
    rules: dict[str, Node] = {}
    for line in _RULES.replace("\\\n", "").strip().splitlines():
        name, _, body = line.partition(":")
        rules[name] = _Reader(_SYMBOL.findall(body)).choice()
    return Grammar(rules)


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
