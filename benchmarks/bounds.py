"""How long a run may take: what each server may use, and the length of the whole."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

from servers import ServerError

LARGE = 3_000_000
"""Triples from which a graph is measured in fewer rounds, with each server started once."""

ROUNDS_OF_LARGE = 2
_OVERHEAD = 1.0
_PHASES = 2


@dataclass
class Allowance:
    """Seconds that each server may take for its answers to questions, one after the other."""

    seconds: float = float("inf")
    used: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def of(self, server: str, most: float) -> Iterator[float]:
        """Yield the seconds that the next answer may take; what it takes counts.

        Raises :class:`servers.ServerError` if nothing is left.
        """
        left = self.seconds - self.used.get(server, 0.0)
        if left <= 0:
            raise ServerError(f"{server}: its {self.seconds:.0f} s for questions are used up")
        begun = time.perf_counter()
        try:
            yield min(most, left)
        finally:
            self.used[server] = self.used.get(server, 0.0) + time.perf_counter() - begun


@dataclass(frozen=True)
class Bounds:
    """What a run may take: seconds for one load, for all questions of one server at a time, and for the whole.

    ``until`` is the time, as ``time.monotonic`` counts, at which nothing new is begun.
    """

    load: float
    questions: float
    whole: float
    until: float = float("inf")

    def begin(self) -> Bounds:
        """Return the bounds of a run that begins now."""
        return replace(self, until=time.monotonic() + self.whole)

    def is_over(self) -> bool:
        """Tell whether nothing new is to be begun."""
        return time.monotonic() >= self.until

    def longest_load(self) -> float:
        """Return the seconds that a server may take to load now."""
        return max(0.0, min(self.load, self.until - time.monotonic()))

    def allowance(self) -> Allowance:
        """Return what each server may take now for the questions."""
        return Allowance(max(0.0, min(self.questions, self.until - time.monotonic())))

    def rounds(self, triples: int, wanted: int) -> int:
        """Return the rounds in which a graph is measured."""
        return min(wanted, ROUNDS_OF_LARGE) if triples >= LARGE else wanted

    def starts(self, triples: int, rounds: int) -> int:
        """Return how often each server is started: a large graph is not loaded twice."""
        return 1 if triples >= LARGE or not rounds else 2

    def describe(self, sizes: Sequence[int], servers: int, cells: int, rounds: int, seconds: float) -> str:
        """Return a line that tells how long samples take, and how long the run may take with loads and questions."""
        samples = most = 0.0
        for triples in sizes:
            here = self.rounds(triples, rounds)
            samples += servers * cells * (1 + _PHASES * here if here else 0) * (seconds + _OVERHEAD)
            most += servers * (self.starts(triples, here) * self.load + (3 if here else 1) * self.questions)
        whole = min(samples + most, self.whole)
        return f"samples of throughput take about {samples / 60:.0f} min, the whole run at most {whole / 60:.0f} min"
