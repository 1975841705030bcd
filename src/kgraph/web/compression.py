"""Answers compressed with Brotli or gzip, for clients that ask for it (RFC 9110, section 12.5.3)."""

from __future__ import annotations

import zlib
from functools import lru_cache
from typing import Protocol

import brotli

LEAST = 1024
"""Bytes below which an answer is sent as it is."""

BROTLI, GZIP = "br", "gzip"

_BROTLI_QUALITY = 4
_GZIP_LEVEL = 5
_GZIP_WINDOW = 31
_COMPRESSIBLE = (b"text/", b"application/", b"image/svg")
_LONGEST_HEADER = 256


class Compressor(Protocol):
    """Compresses one body, chunk by chunk."""

    def add(self, data: bytes) -> bytes:
        """Return what can be sent after so much more of the body, perhaps nothing."""

    def finish(self) -> bytes:
        """Return the rest."""


class _Brotli:
    def __init__(self) -> None:
        self._engine = brotli.Compressor(quality=_BROTLI_QUALITY)

    def add(self, data: bytes) -> bytes:
        return bytes(self._engine.process(data) + self._engine.flush())

    def finish(self) -> bytes:
        return bytes(self._engine.finish())


class _Gzip:
    def __init__(self) -> None:
        self._engine = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)

    def add(self, data: bytes) -> bytes:
        return self._engine.compress(data) + self._engine.flush(zlib.Z_SYNC_FLUSH)

    def finish(self) -> bytes:
        return self._engine.flush()


def choose_coding(header: str) -> str:
    """Return ``br``, ``gzip`` or, for no compression, the empty string, by an ``Accept-Encoding`` header.

    Of codings liked equally Brotli wins over gzip, and gzip over none.
    """
    if not header or len(header) > _LONGEST_HEADER:
        return ""
    return _choose(header)


def coding_for(header: str, size: int) -> str:
    """Return the coding of a body of so many bytes: of a short one none, unless the client takes it in no other way."""
    return choose_coding(header) if size >= LEAST or (";" in header and _has_to(header)) else ""


def compressor(coding: str) -> Compressor:
    """Return a compressor for a coding."""
    return _Brotli() if coding == BROTLI else _Gzip()


def compress(coding: str, body: bytes) -> bytes:
    """Return a whole body compressed."""
    if coding == BROTLI:
        return bytes(brotli.compress(body, quality=_BROTLI_QUALITY))
    engine = zlib.compressobj(_GZIP_LEVEL, zlib.DEFLATED, _GZIP_WINDOW)
    return engine.compress(body) + engine.flush()


def is_compressible(content_type: bytes) -> bool:
    """Tell whether compressing content of a type is worth the time."""
    return content_type.startswith(_COMPRESSIBLE)


@lru_cache(maxsize=256)
def _choose(header: str) -> str:
    weights = _weights(header)
    others = weights.get("*", 0.0)
    liked = {
        BROTLI: weights.get(BROTLI, others),
        GZIP: weights.get(GZIP, weights.get("x-gzip", others)),
        "": weights.get("identity", 0.0),
    }
    best = max(liked, key=lambda coding: liked[coding])
    return best if liked[best] > 0 else ""


def _has_to(header: str) -> bool:
    """Tell whether a client refuses a body that is not coded (RFC 9110, section 12.5.3)."""
    weights = _weights(header)
    return weights.get("identity", weights.get("*", 1.0)) == 0


def _weights(header: str) -> dict[str, float]:
    weights: dict[str, float] = {}
    for item in header.lower().split(","):
        name, _, parameters = item.partition(";")
        weight = 1.0
        for parameter in parameters.split(";"):
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                weight = _weight(value)
        weights[name.strip()] = weight
    return weights


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 0.0
