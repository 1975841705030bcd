"""Throughput of several servers, measured in turns, so that what else the machine does meets all of them."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from generate import Graph
from load import Answer, Sample, measure_load
from servers import Server, ServerError

COLD, WARM, REPEATED = "cold", "warm", "repeated"
"""Phases: the first uncached sample after a fresh start, the uncached ones after it, and one text again and again."""


@dataclass(frozen=True)
class Cell:
    """One measured combination of phase, size of answer and number of connections."""

    phase: str
    answer: str
    connections: int


@dataclass
class Throughput:
    """The samples of each cell and server, in the order they were taken, so one of each round."""

    samples: dict[tuple[Cell, str], list[Sample]] = field(default_factory=dict)

    def add(self, cell: Cell, server: str, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.setdefault((cell, server), []).append(sample)

    def cells(self, phase: str) -> list[Cell]:
        """Return the cells of a phase in the order they were first measured."""
        return list(dict.fromkeys(cell for cell, _ in self.samples if cell.phase == phase))

    def rates(self, cell: Cell, server: str) -> list[float]:
        """Return whole answers per second, one number for each round; none if it was not measured."""
        return [sample.rate for sample in self.samples.get((cell, server), ())]

    def failed(self, cell: Cell, server: str) -> int:
        """Return how many requests got no answer, or a refusal."""
        return sum(sample.failed for sample in self.samples.get((cell, server), ()))

    def ratio(self, cell: Cell, server: str, to: str) -> float | None:
        """Return the median of one server as a multiple of that of another, or ``None`` if there is none."""
        own, other = self.rates(cell, server), self.rates(cell, to)
        if not own or not other or not statistics.median(other):
            return None
        return statistics.median(own) / statistics.median(other)

    def ratios(self, cell: Cell, server: str, to: str) -> list[float]:
        """Return the ratio of each round, where the other server answered anything."""
        pairs = zip(self.rates(cell, server), self.rates(cell, to), strict=False)
        return [own / other for own, other in pairs if other]


@dataclass(frozen=True)
class Plan:
    """What is measured: sizes of answers, numbers of connections, and the seconds of one sample."""

    answers: Sequence[Answer]
    connections: Sequence[int]
    seconds: int


class Rounds:
    """Measures round after round into ``measured``; each second one goes through the servers backwards."""

    def __init__(
        self,
        servers: Sequence[Server],
        graph: Graph,
        plan: Plan,
        progress: Callable[[str], None],
        is_over: Callable[[], bool] = lambda: False,
    ) -> None:
        """Measure ``servers``, which hold ``graph``; ``progress`` is told of each sample.

        When ``is_over`` says so, no further cell is begun.
        """
        self._is_over = is_over
        self.measured = Throughput()
        self._servers = servers
        self._graph = graph
        self._plan = plan
        self._progress = progress
        self._number = 0
        self._run = 0

    def run(self, phase: str) -> None:
        """Take one sample of each cell of a phase from each server."""
        self._number += 1
        for answer in self._plan.answers:
            for connections in self._plan.connections:
                if self._is_over():
                    return
                self._run += 1
                for server in self._servers if self._number % 2 else reversed(self._servers):
                    cell = Cell(phase, answer.name, connections)
                    sample = self._sample(server, answer, cell)
                    self.measured.add(cell, server.name, sample)
                    server.settle()
                    failed = f", {sample.failed} failed" if sample.failed else ""
                    self._progress(
                        f"{phase} {answer.name} × {connections} {server.name}: {number(sample.rate)}/s{failed}"
                    )

    def _sample(self, server: Server, answer: Answer, cell: Cell) -> Sample:
        try:
            return measure_load(
                server,
                answer,
                self._graph,
                cell.connections,
                self._plan.seconds,
                run=self._run,
                cached=cell.phase == REPEATED,
            )
        except ServerError as error:
            self._progress(str(error))
            return Sample(rate=0.0, failed=1)


def number(value: float) -> str:
    """Return a number with as many decimals as tell something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}" if value >= 10 else f"{value:.2f}"
