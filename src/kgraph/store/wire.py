"""Changes and drafts as bytes, for the sockets between the server and the processes that hold the data.

A message is the length of a head (four bytes, big-endian), the head in JSON, and parts one after the other whose
lengths the head tells. No message can make its reader run anything.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from kgraph.errors import (
    ChangeMemoryError,
    KgraphError,
    QueryFailedError,
    QuerySyntaxError,
    RequestError,
)
from kgraph.formats import GRAPHS, Format, by_name
from kgraph.report import Remark, Report, Severity
from kgraph.store.base import Change, GraphWrite, Revision, Update
from kgraph.store.drafts import Draft
from kgraph.store.patch import read_patch, render_rows

_LENGTH = struct.Struct("!I")
_SYNTAX = ("line", "column", "length")
_SHOWN = 100


def pack(head: Mapping[str, Any], parts: Sequence[bytes] = ()) -> bytes:
    """Return a message."""
    content = json.dumps({**head, "parts": [len(part) for part in parts]}).encode()
    return b"".join((_LENGTH.pack(len(content)), content, *parts))


def unpack(message: bytes) -> tuple[dict[str, Any], list[bytes]]:
    """Return head and parts of a message."""
    start = _LENGTH.size + _LENGTH.unpack_from(message)[0]
    head = json.loads(message[_LENGTH.size : start])
    parts = []
    for length in head.pop("parts"):
        parts.append(message[start : start + length])
        start += length
    return head, parts


def pack_change(change: Change) -> bytes:
    """Return a change as a message; what does not concern the one who works it out is left out."""
    steps: list[dict[str, object]] = []
    parts = []
    for step in change.steps:
        if isinstance(step, Update):
            steps.append({"dataset": step.dataset})
            parts.append(step.text.encode())
        else:
            steps.append({"graph": step.graph, "action": step.action, "format": step.format.name, "base": step.base})
            parts.append(step.body)
    return pack({"steps": steps, "author": change.author}, parts)


def find_format(name: str, offered: Sequence[Format]) -> Format:
    """Return the format that a message names. Raises :class:`kgraph.errors.QueryFailedError` if it is none of them."""
    found = by_name(name, offered)
    if found is None:
        raise QueryFailedError(f'there is no format "{name[:_SHOWN]}"')
    return found


def unpack_change(message: bytes) -> Change:
    """Return the change of a message. Raises :class:`kgraph.errors.QueryFailedError` for a format that there is not."""
    head, parts = unpack(message)
    steps: list[Update | GraphWrite] = []
    for step, part in zip(head["steps"], parts, strict=True):
        if "action" in step:
            chosen = find_format(step["format"], GRAPHS)
            steps.append(GraphWrite(step["graph"], step["action"], part, chosen, step["base"]))
        else:
            dataset = step["dataset"]
            named = None if dataset is None else (tuple(dataset[0]), tuple(dataset[1]))
            steps.append(Update(part.decode(), named))
    return Change(tuple(steps), head["author"])


def pack_draft(draft: Draft, revision: Revision | None = None) -> bytes:
    """Return a draft as a message, with the revision that it became if it did."""
    head = {
        "created": sorted(draft.created),
        "dropped": sorted(draft.dropped),
        "report": [asdict(remark) for remark in draft.report],
        "revision": revision and revision.to_json(),
    }
    return pack(head, [render_rows(draft.patch).encode(), render_rows(draft.inferred).encode()])


def unpack_draft(message: bytes) -> tuple[Draft, Revision | None]:
    """Return draft and revision of a message."""
    head, parts = unpack(message)
    patch, inferred = (read_patch(part.decode())[1] for part in parts)
    remarks = [Remark(**{**remark, "severity": Severity(remark["severity"])}) for remark in head["report"]]
    draft = Draft(patch, inferred, frozenset(head["created"]), frozenset(head["dropped"]), Report(remarks))
    return draft, head["revision"] and Revision.from_json(head["revision"])


def pack_error(error: KgraphError) -> bytes:
    """Return an error as a message."""
    if isinstance(error, RequestError):
        head: dict[str, object] = {"code": error.code, "status": error.status, "params": error.params}
        if isinstance(error, QuerySyntaxError):
            head |= {name: getattr(error, name) for name in _SYNTAX} | {"expected": error.expected}
        return pack(head)
    if isinstance(error, ChangeMemoryError):
        return pack({"memory": error.mebibytes})
    return pack({"failed": str(error)})


def unpack_error(message: bytes) -> KgraphError:
    """Return the error of a message."""
    head, _ = unpack(message)
    if "memory" in head:
        return ChangeMemoryError(head["memory"])
    if "failed" in head:
        return QueryFailedError(head["failed"])
    if "line" in head:
        expected = tuple(head["expected"])
        params = head["params"]
        return QuerySyntaxError(
            head["code"], head["line"], head["column"], length=head["length"], expected=expected, **params
        )
    return RequestError(head["code"], head["status"], **head["params"])
