"""The digest of a first revision: SHA-256 of the canonical N-Quads (RDFC-1.0) of the asserted graphs.

Canonicalisation names blank nodes by the statements that they stand in and changes nothing else, so only these
statements go through it; the others are canonical as the engine writes them. The lines are sorted in parts, so that a
large graph needs no more memory than a small one.
"""

from __future__ import annotations

import hashlib
import heapq
import io
from collections.abc import Iterable, Iterator
from contextlib import ExitStack
from itertools import islice
from tempfile import SpooledTemporaryFile, TemporaryFile

import pyoxigraph as ox

from kgraph.store.base import ASSERTED, OUTSIDE_DEFAULT

_PART = 500_000
_AT_ONCE = 10_000
_IN_MEMORY = 64 << 20
_BLOCK = 4 << 20
_END = b" .\n"


def asserted_digest(engine: ox.Store, *, part: int = _PART) -> str:
    """Return the digest of an engine's asserted named graphs; ``part`` is the number of lines sorted at once."""
    hashed = hashlib.sha256()
    lines = _sorted(_canonical_lines(engine), part)
    while block := b"".join(islice(lines, _AT_ONCE)):
        hashed.update(block)
    return hashed.hexdigest()


def _canonical_lines(engine: ox.Store) -> Iterator[bytes]:
    """Yield the statements as lines of canonical N-Quads, in no order."""
    left_out = {*OUTSIDE_DEFAULT, ASSERTED}
    linked: list[bytes] = []
    for graph in engine.named_graphs():
        if graph.value in left_out:
            continue
        end = f" {graph} .\n".encode()
        with SpooledTemporaryFile(_IN_MEMORY) as content:
            engine.dump(content, format=ox.RdfFormat.N_TRIPLES, from_graph=graph)
            content.seek(0)
            while triples := content.readlines(_BLOCK):
                # Texts have no line ends of their own, so these signs stand at the end of each statement alone.
                block = b"".join(triples).replace(_END, end)
                for line in block.splitlines(keepends=True):
                    # A text may hold the signs of blank nodes; such a statement comes out as it went in.
                    if b"_:" in line:
                        linked.append(line)
                    else:
                        yield line
    dataset = ox.Dataset(ox.parse(b"".join(linked), format=ox.RdfFormat.N_QUADS))
    dataset.canonicalize(ox.CanonicalizationAlgorithm.RDFC_1_0)
    canonical = io.BytesIO()
    ox.serialize(dataset, canonical, format=ox.RdfFormat.N_QUADS)
    yield from canonical.getvalue().splitlines(keepends=True)


def _sorted(lines: Iterable[bytes], part: int) -> Iterator[bytes]:
    """Yield lines in the order of their bytes, holding no more than one part of them in memory."""
    rest = iter(lines)
    held = sorted(islice(rest, part))
    with ExitStack() as stack:
        parts = []
        while len(held) == part:
            file = stack.enter_context(TemporaryFile())
            file.writelines(held)
            file.seek(0)
            parts.append(file)
            held = sorted(islice(rest, part))
        yield from heapq.merge(*parts, held)
