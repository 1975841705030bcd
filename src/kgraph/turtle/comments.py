"""Giving each comment of a document to the line of the canonical form with which it travels."""

from __future__ import annotations

from bisect import bisect_right

from kgraph.turtle.model import Atom, Broken, Directive, Document, Entry, Statement
from kgraph.turtle.tokens import Comment, Scan


class _Attacher:
    def __init__(self, document: Document, scan: Scan) -> None:
        self.document = document
        self.lines = scan.lines
        self.top: list[Statement | Directive] = sorted(
            [*document.statements, *document.directives], key=lambda part: part.start
        )
        self.starts = [part.start for part in self.top]

    def attach(self, comment: Comment) -> None:
        place = bisect_right(self.starts, comment.start) - 1
        part = self.top[place] if place >= 0 else None
        if part is not None and comment.start < part.end:
            self._inside(part, comment)
        elif part is not None and self._same_line(part.end, comment):
            self._behind(part, comment)
        elif place + 1 < len(self.top):
            self.top[place + 1].leading.append(comment.text)
        else:
            self.document.footer.append(comment.text)

    def _same_line(self, end: int, comment: Comment) -> bool:
        return self.lines.line(end - 1) == self.lines.line(comment.start)

    def _inside(self, part: Statement | Directive, comment: Comment) -> None:
        if isinstance(part, Directive):
            part.leading.append(comment.text)
        elif comment.start < part.subject.end and not isinstance(part.subject, Atom | Broken):
            self._among(part.subject.entries, comment, part.subject.tail, part.leading, part.subject.start)
        else:
            self._among(part.entries, comment, part.tail, part.leading, part.subject.end)

    def _among(
        self, entries: list[Entry], comment: Comment, tail: list[str], opening: list[str], opening_end: int
    ) -> None:
        """Give a comment to one of ``entries``, to the ``opening`` line, or to the ``tail`` behind them all."""
        place = bisect_right(entries, comment.start, key=lambda entry: entry.start) - 1
        entry = entries[place] if place >= 0 else None
        if entry is not None and comment.start < entry.end:
            node = entry.node
            if isinstance(node, Atom | Broken) or comment.start < node.start:
                entry.leading.append(comment.text)
            else:
                self._among(node.entries, comment, node.tail, entry.leading, node.start + 1)
        elif entry is not None and self._same_line(entry.end, comment):
            entry.trailing.append(comment.text)
        elif entry is None and self._same_line(opening_end, comment):
            opening.append(comment.text)
        elif place + 1 < len(entries):
            entries[place + 1].leading.append(comment.text)
        else:
            tail.append(comment.text)

    def _behind(self, part: Statement | Directive, comment: Comment) -> None:
        if isinstance(part, Directive):
            part.trailing.append(comment.text)
        elif part.entries and self._same_line(part.entries[-1].end, comment):
            part.entries[-1].trailing.append(comment.text)
        else:
            part.tail.append(comment.text)


def _blocks(comments: list[Comment], scan: Scan) -> list[list[Comment]]:
    blocks: list[list[Comment]] = []
    for comment in comments:
        apart = not blocks or scan.lines.line(comment.start) > scan.lines.line(blocks[-1][-1].start) + 1
        if apart:
            blocks.append([comment])
        else:
            blocks[-1].append(comment)
    return blocks


def _take_header(document: Document, scan: Scan) -> list[Comment]:
    """Keep the comments that speak of the whole file, and return the others.

    Those are the ones before the first directive, and the ones before the first statement that a
    blank line sets apart from it.
    """
    first_statement = min((part.start for part in document.statements), default=len(scan.text) + 1)
    first_directive = min((part.start for part in document.directives), default=len(scan.text) + 1)
    first_part = min(first_statement, first_directive)
    after = max((part.end for part in document.directives if part.end <= first_statement), default=0)
    header = [comment for comment in scan.comments if comment.start < first_part]
    before = [comment for comment in scan.comments if max(after, first_part) <= comment.start < first_statement]
    # Without prefixes above it, the first comment may be about the file or about the first subject.
    if first_statement < first_directive:
        header, before = [], header
    elif before and scan.lines.line(before[0].start) == scan.lines.line(max(after - 1, 0)):
        before = before[1:]
    blocks = _blocks(before, scan)
    adjacent = bool(blocks) and scan.lines.line(blocks[-1][-1].start) + 1 >= scan.lines.line(first_statement)
    if first_statement <= len(scan.text) and adjacent:
        blocks.pop()
    taken = [*_blocks(header, scan), *(blocks if first_statement <= len(scan.text) else [])]
    document.header = [[comment.text for comment in block] for block in taken]
    starts = {comment.start for block in taken for comment in block}
    return [comment for comment in scan.comments if comment.start not in starts]


def attach_comments(document: Document, scan: Scan) -> None:
    """Give every comment of the text to the header, a directive, a statement, an entry or the footer.

    A comment on a line of its own belongs to what follows it, one behind something to what it follows.
    """
    if not scan.comments:
        return
    rest = _take_header(document, scan)
    attacher = _Attacher(document, scan)
    for comment in rest:
        attacher.attach(comment)
