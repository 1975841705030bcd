"""Reading the terms of Turtle: names, IRIs and literals, each with the remarks it deserves."""

from __future__ import annotations

import difflib
import re

from kgraph.turtle.iris import is_absolute, is_reference, is_well_formed, resolve_iri, wrong_character
from kgraph.turtle.literals import BadEscapeError, is_language_tag, is_well_typed, literal_term, unescape
from kgraph.turtle.model import UNDECLARED, XSD, Atom, Broken, Node
from kgraph.turtle.recovery import NAMES, Cursor, shown
from kgraph.turtle.tokens import Token
from kgraph.vocabulary import PREFIXES

_LOCAL_ESCAPE = re.compile(r"\\(.)")
_TO_ESCAPE = re.compile(r"(?<!\\)[/!$&'()*+,;=?#@~]|%(?![0-9A-Fa-f]{2})")
_LANGUAGE_WORD = re.compile(r"[a-z]{2}(?:[-_][A-Za-z]+)?")


class TermReader:
    """Reads terms at a cursor and knows the prefixes and the base declared so far."""

    def __init__(self, cursor: Cursor, base: str | None) -> None:
        """Start without prefixes; ``base`` is what relative IRIs are read against."""
        self.cursor = cursor
        self.base = base
        self.prefixes: dict[str, str] = {}
        self.lost_prefixes: set[str] = set()
        """Prefixes whose declaration is broken: their names are placeholders, but deserve no further remark."""
        self.remarked_prefixes: set[str] = set()
        """Undeclared prefixes remarked on in this statement."""
        self._names: dict[str, str] = {}

    def declare(self, prefix: str, namespace: str) -> None:
        """Take a prefix into use, from here on."""
        self.prefixes[prefix] = namespace
        self.lost_prefixes.discard(prefix)
        # What a name stands for is remembered only as long as its prefix means the same.
        self._names.clear()

    def iri(self) -> str | None:
        """Read an IRI or a prefixed name; None (and a remark) if it stands for no IRI."""
        token = self.cursor.advance()
        if token.kind == "pname":
            return self._names.get(token.text) or self._prefixed_name(token)
        if token.kind == "badname":
            self._remark_bad_name(token)
            return None
        if token.kind == "badiri":
            self._remark_bad_iri(token, token.text[1:-1])
            return None
        if token.kind == "openiri":
            self._refuse("turtle-unterminated-iri", token, found=shown(token))
            self.cursor.muted = True
            return None
        return self._names.get(token.text) or self._iri_reference(token)

    def _refuse(self, code: str, token: Token, **params: str) -> None:
        self.cursor.remark(code, token.start, token.end, **params)

    def _remark_bad_iri(self, token: Token, written: str) -> None:
        self._refuse("turtle-bad-iri", token, found=shown(token), character=wrong_character(written))

    def _iri_reference(self, token: Token) -> str | None:
        try:
            reference = unescape(token.text[1:-1], only_numeric=True)
        except BadEscapeError as error:
            start = token.start + 1 + error.offset
            self.cursor.remark("turtle-bad-escape", start, start + len(error.found), found=error.found)
            return None
        if self.base is None and not is_absolute(reference):
            self._refuse("turtle-relative-iri", token, found=shown(token))
            return None
        iri = reference if self.base is None else resolve_iri(self.base, reference)
        if not is_well_formed(iri) or not (is_absolute(reference) or is_reference(reference)):
            self._remark_bad_iri(token, reference)
            return None
        self._names[token.text] = iri
        return iri

    def _prefixed_name(self, token: Token) -> str | None:
        prefix, _, local = token.text.partition(":")
        local = _LOCAL_ESCAPE.sub(r"\1", local) if "\\" in local else local
        namespace = self.prefixes.get(prefix)
        if namespace is None:
            self._remark_undeclared(token, prefix)
            return f"{UNDECLARED}{prefix}:{local}"
        iri = namespace + local
        if not is_well_formed(iri):
            self._remark_bad_iri(token, iri)
            return None
        self._names[token.text] = iri
        return iri

    def _remark_undeclared(self, token: Token, prefix: str) -> None:
        if prefix in self.remarked_prefixes or prefix in self.lost_prefixes:
            return
        if self.cursor.is_torn(token):
            return
        self.remarked_prefixes.add(prefix)
        nearest = difflib.get_close_matches(prefix, self.prefixes, n=1)
        self.cursor.remark(
            "turtle-undeclared-prefix",
            token.start,
            token.start + len(prefix) + 1,
            prefix=prefix,
            suggestion=nearest[0] if nearest else "",
            namespace=PREFIXES.get(prefix, ""),
        )

    def _remark_bad_name(self, token: Token) -> None:
        prefix, _, local = token.text.partition(":")
        escaped = _TO_ESCAPE.sub(r"\\\g<0>", local)
        suggestion = f"<{token.text}>" if local.startswith("//") else f"{prefix}:{escaped}"
        self._refuse("turtle-bad-local-name", token, found=shown(token), suggestion=suggestion)

    def number(self) -> Node:
        """Read a number written without quotes (Turtle 1.1, section 2.5.2)."""
        token = self.cursor.advance()
        if token.kind == "badnumber":
            self.cursor.remark("turtle-bad-number", token.start, token.end, found=shown(token))
            return Broken(token.start, token.end)
        if self.cursor.token.kind == "number" and self.cursor.brackets[-1:] != ["("]:
            return self._spaced_number(token)
        # Norwegian decimals: sound Turtle, but two numbers instead of one.
        comma, after = self.cursor.token, self.cursor.peek(1)
        if comma.text == "," and comma.start == token.end and after.kind == "number" and after.start == comma.end:
            self.cursor.remark(
                "turtle-decimal-comma",
                token.start,
                after.end,
                found=f"{token.text},{after.text}",
                suggestion=f"{token.text}.{after.text}",
            )
        text = token.text
        kind = "double" if "e" in text or "E" in text else "decimal" if "." in text else "integer"
        return Atom(f'"{text}"^^<{XSD}{kind}>', token.start, token.end)

    def _spaced_number(self, first: Token) -> Node:
        """Remark on a number with spaces in it, such as ``1 000``."""
        while self.cursor.token.kind == "number":
            self.cursor.advance()
        end = self.cursor.last_end
        self.cursor.remark("turtle-bad-number", first.start, end, found=self.cursor.scan.text[first.start : end])
        return Broken(first.start, end)

    def literal(self) -> Node:
        """Read a quoted literal with its language tag or datatype."""
        token = self.cursor.advance()
        lexical = self._lexical_form(token)
        following = self.cursor.token
        language, datatype = None, None
        sound = lexical is not None
        if following.kind == "lang" and not self.cursor.is_directive(self.cursor.index):
            language = self.cursor.advance().text[1:]
            sound = self._check_language(following) and sound
        elif following.kind == "badlang":
            self.cursor.advance()
            sound = self._check_language(following)
        elif following.text in ("^^", "^"):
            datatype = self._datatype()
            sound = sound and datatype is not None
        elif following.kind == "word" and following.start == token.end and token.kind == "string":
            sound = self._word_after_quote(following)
        end = self.cursor.last_end
        if not sound or lexical is None:
            return Broken(token.start, end)
        if datatype is not None and not is_well_typed(lexical, datatype):
            self.cursor.remark(
                "turtle-ill-typed-literal", token.start, end, lexical=lexical, datatype=datatype.removeprefix(XSD)
            )
        return Atom(literal_term(lexical, language, datatype), token.start, end)

    def _lexical_form(self, token: Token) -> str | None:
        if token.kind == "string":
            width = 3 if token.text.startswith(('"""', "'''")) else 1
            try:
                return unescape(token.text[width:-width])
            except BadEscapeError as error:
                start = token.start + width + error.offset
                self.cursor.remark("turtle-bad-escape", start, start + len(error.found), found=error.found)
                return None
        code = "turtle-curly-quote" if token.kind == "curly" else "turtle-unterminated-string"
        # Where the quote went astray is unknown, so nothing up to the next mark is held against the text.
        if not self.cursor.muted:
            self._refuse(code, token, found=shown(token))
        self.cursor.muted = True
        return None

    def _check_language(self, token: Token) -> bool:
        if is_language_tag(token.text[1:]):
            return True
        self._refuse("turtle-bad-language-tag", token, found=token.text)
        return False

    def _word_after_quote(self, word: Token) -> bool:
        """Tell apart a language tag without its ``@`` and a quote inside a text."""
        after = self.cursor.peek(1)
        if _LANGUAGE_WORD.fullmatch(word.text) and after.text in (";", ",", ".", "]", ")"):
            self.cursor.advance()
            self._refuse("turtle-bad-language-tag", word, found=word.text)
            return False
        self.cursor.fault("turtle-unescaped-quote", word.start - 1, word.start, found=word.text)
        self.cursor.skip_to(";")
        self.cursor.muted = True
        return False

    def _datatype(self) -> str | None:
        carets = self.cursor.advance()
        following = self.cursor.token
        named = following.kind in NAMES or following.kind == "openiri"
        if carets.text == "^^" and named:
            return self.iri()
        # Something else glued to the carets was meant as the datatype.
        named = named or (following.kind in ("string", "word") and following.start == carets.end)
        end = following.end if named else carets.end
        self.cursor.remark("turtle-bad-datatype", carets.start, end, found=self.cursor.scan.text[carets.start : end])
        if named:
            self.cursor.advance()
        return None
