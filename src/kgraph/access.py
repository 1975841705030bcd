"""Who may change the data: tokens, what each is for, and the file that keeps their digests.

A token is ``kgraph_`` and 256 random bits in base64url. ``tokens.json`` in the state directory keeps names, roles,
dates and SHA-256 digests of the tokens, never a token itself.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import re
import secrets
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path

from kgraph.durability import replace_file
from kgraph.errors import StateError

TOKENS_FILE = "tokens.json"
ENVIRONMENT_TOKEN = "KGRAPH_TOKEN"
"""The variable that may hold a token with the curator's role."""

ENVIRONMENT_NAME = "environment"
"""Who holds the token of the environment."""

_PREFIX = "kgraph_"
_BYTES = 32
_NAME = re.compile(r"\w(?:[\w .@+-]{0,62}\w)?")


class Role(StrEnum):
    """What a token is for: a curator changes the data; a steward submits records, which nothing takes over HTTP yet."""

    STEWARD = "steward"
    CURATOR = "curator"


@dataclass(frozen=True)
class Holder:
    """Someone whom a token names, and what it lets them do."""

    name: str
    role: Role

    def may(self, role: Role) -> bool:
        """Tell whether the holder may do what a role is for; a curator may do what a steward may."""
        return self.role is Role.CURATOR or self.role is role


@dataclass(frozen=True)
class TokenRecord:
    """What is kept of a token: holder, SHA-256 in hexadecimal, and when it was made, in UTC."""

    holder: Holder
    digest: str
    created: datetime


class Tokens:
    """The tokens of a server: those of its state directory, as they are at each request, and the environment's."""

    def __init__(self, folder: Path | None, environment: Mapping[str, str]) -> None:
        """Read the file in ``folder``, which may be missing.

        Raises :class:`kgraph.errors.StateError` if it cannot be read.
        """
        given = environment.get(ENVIRONMENT_TOKEN, "").strip()
        self._fixed = {_digest(given): Holder(ENVIRONMENT_NAME, Role.CURATOR)} if given else {}
        self._path = None if folder is None else folder / TOKENS_FILE
        self._seen: tuple[int, int, int] | None = None
        self._kept: dict[str, Holder] = {}
        self._refresh()

    def __bool__(self) -> bool:
        """Whether anyone holds a token."""
        self._refresh()
        return bool(self._fixed or self._kept)

    def identify(self, token: str) -> Holder | None:
        """Return who holds a token, or ``None``; how long that takes tells nothing about the tokens that there are.

        Raises :class:`kgraph.errors.StateError` if the file has changed and cannot be read: then nobody is let in.
        """
        self._refresh()
        digest = _digest(token)
        found = None
        for known, holder in (*self._kept.items(), *self._fixed.items()):
            if hmac.compare_digest(known, digest):
                found = holder
        return found

    def _refresh(self) -> None:
        """Read the file again if it is another one than last time."""
        if self._path is None:
            return
        try:
            status = self._path.stat()
            seen = (status.st_ino, status.st_size, status.st_mtime_ns)
        except FileNotFoundError:
            seen = None
        if seen != self._seen:
            self._kept = {record.digest: record.holder for record in load_tokens(self._path.parent)}
            self._seen = seen


def load_tokens(folder: Path) -> tuple[TokenRecord, ...]:
    """Return what a state directory keeps of its tokens, in the order in which they were made.

    Raises :class:`kgraph.errors.StateError` if the file cannot be read.
    """
    path = folder / TOKENS_FILE
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        return tuple(
            TokenRecord(Holder(row["name"], Role(row["role"])), row["sha256"], datetime.fromisoformat(row["created"]))
            for row in content["tokens"]
        )
    except FileNotFoundError:
        return ()
    except OSError as error:
        raise StateError(f"{path}: {error.strerror or error}") from error
    except (ValueError, KeyError, TypeError) as error:
        raise StateError(f"{path}: not a list of tokens as kgraph writes it ({error})") from error


def create_token(folder: Path, role: Role, name: str = "") -> tuple[str, Holder]:
    """Make a token, keep its digest in a state directory, and return it with its holder; it cannot be had again.

    Without a name the holder is called by the role and four random characters. Raises
    :class:`kgraph.errors.StateError` for a name that is taken or cannot be one, and if the file cannot be written.
    """
    is_chosen = bool(name)
    name = name or _random_name(role)
    if not _NAME.fullmatch(name) or name == ENVIRONMENT_NAME:
        raise StateError(f'"{name}" cannot be the name of a token: up to 64 letters, digits, spaces or . @ + - _')
    token = _PREFIX + secrets.token_urlsafe(_BYTES)
    holder = Holder(name, role)
    with _locked(folder):
        records = load_tokens(folder)
        taken = {record.holder.name for record in records}
        while not is_chosen and holder.name in taken:
            holder = Holder(_random_name(role), role)
        if holder.name in taken:
            raise StateError(f'there is a token named "{name}" already; revoke it or choose another name')
        created = datetime.now(UTC).replace(microsecond=0)
        _save(folder, (*records, TokenRecord(holder, _digest(token), created)))
    return token, holder


def _random_name(role: Role) -> str:
    return f"{role}-{secrets.token_hex(2)}"


def revoke_token(folder: Path, name: str) -> None:
    """Make the token of that name worthless, at once.

    Raises :class:`kgraph.errors.StateError` if there is none and if the file cannot be written.
    """
    with _locked(folder):
        records = load_tokens(folder)
        kept = tuple(record for record in records if record.holder.name != name)
        if len(kept) == len(records):
            raise StateError(f'there is no token named "{name}"; kgraph token list shows those that there are')
        _save(folder, kept)


def _digest(token: str) -> str:
    return hashlib.sha256(token.encode("utf-8", errors="surrogatepass")).hexdigest()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    """Keep others from writing the file between reading and writing it."""
    # Only where tokens are made: not every platform that reads them has this module.
    import fcntl

    try:
        folder.mkdir(parents=True, exist_ok=True)
        lock = os.open(folder / f"{TOKENS_FILE}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise StateError(f"{folder}: {error.strerror or error}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _save(folder: Path, records: tuple[TokenRecord, ...]) -> None:
    """Write the file whole, readable by its owner alone."""
    path = folder / TOKENS_FILE
    rows = [
        {
            "name": record.holder.name,
            "role": record.holder.role,
            "sha256": record.digest,
            "created": record.created.isoformat(),
        }
        for record in records
    ]
    try:
        replace_file(path, json.dumps({"format": 1, "tokens": rows}, ensure_ascii=False, indent=2) + "\n", 0o600)
    except OSError as error:
        raise StateError(f"{path}: {error.strerror or error}") from error
