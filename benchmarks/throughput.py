"""Throughput of several servers, measured in turns, so that what else the machine does meets all of them."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from generate import Graph
from load import Answer, Loader, Sample
from servers import Server


@dataclass(frozen=True)
class Cell:
    """One measured combination: size of answer, connections, and whether each request repeats the one before."""

    answer: str
    connections: int
    cached: bool


@dataclass
class Throughput:
    """The samples of each cell and server, in the order they were taken."""

    samples: dict[tuple[Cell, str], list[Sample]] = field(default_factory=dict)

    def add(self, cell: Cell, server: str, sample: Sample) -> None:
        """Keep a sample."""
        self.samples.setdefault((cell, server), []).append(sample)

    def cells(self) -> list[Cell]:
        """Return the cells in the order they were first measured."""
        return list(dict.fromkeys(cell for cell, _ in self.samples))

    def median(self, cell: Cell, server: str) -> float | None:
        """Return the median of whole answers per second, or ``None`` if it was not measured."""
        samples = self.samples.get((cell, server))
        return statistics.median(sample.rate for sample in samples) if samples else None

    def ratio(self, cell: Cell, server: str, to: str) -> float | None:
        """Return the median of one server as a multiple of that of another, or ``None`` if either is missing."""
        own, other = self.median(cell, server), self.median(cell, to)
        return own / other if own is not None and other else None


def measure_throughput(
    servers: Sequence[Server],
    answers: Sequence[Answer],
    graph: Graph,
    *,
    connections: Sequence[int],
    rounds: int,
    seconds: int,
) -> Iterator[tuple[Cell, str, Sample]]:
    """Yield samples: all uncached rounds first, then all with repeated requests; in each round the servers take turns.

    Each second round goes through the servers backwards, so that none is always first.
    """
    loader = Loader()
    for cached in (False, True):
        for number in range(rounds):
            for answer in answers:
                for count in connections:
                    for server in servers if number % 2 == 0 else reversed(servers):
                        sample = loader.measure(server, answer, graph, count, seconds, cached=cached)
                        yield Cell(answer.name, count, cached), server.name, sample


def render_throughput(measured: Throughput, servers: Sequence[str], unit: str, cached: bool) -> str:
    """Return a Markdown table: whole answers per second (median, least – most) and the ratio to ``unit``."""
    lines = [
        "| answer | connections | " + " | ".join(servers) + " |",
        "|---|---|" + "---|" * len(servers),
    ]
    for cell in measured.cells():
        if cell.cached == cached:
            shown = [_show(measured, cell, server, unit) for server in servers]
            lines.append(f"| {cell.answer} | {cell.connections} | " + " | ".join(shown) + " |")
    return "\n".join(lines)


def _show(measured: Throughput, cell: Cell, server: str, unit: str) -> str:
    samples = measured.samples.get((cell, server))
    if not samples:
        return "–"
    rates = [sample.rate for sample in samples]
    failed = sum(sample.failed for sample in samples)
    ratio = measured.ratio(cell, server, unit)
    parts = [f"{number(statistics.median(rates))} ({number(min(rates))} – {number(max(rates))})"]
    if ratio is not None and server != unit:
        parts.append(f"× {ratio:.2f}")
    if failed:
        parts.append(f"{failed} failed")
    return "; ".join(parts)


def number(value: float) -> str:
    """Return a number with as many decimals as tell something."""
    return f"{value:.0f}" if value >= 100 else f"{value:.1f}"


def tell(measured: Throughput, progress: Callable[[str], None]) -> Callable[[Cell, str, Sample], None]:
    """Return a function that keeps a sample and tells of it."""

    def keep(cell: Cell, server: str, sample: Sample) -> None:
        measured.add(cell, server, sample)
        kind = "repeated" if cell.cached else "uncached"
        failed = f", {sample.failed} failed" if sample.failed else ""
        progress(f"{kind} {cell.answer} × {cell.connections} {server}: {number(sample.rate)}/s{failed}")

    return keep


def to_stderr(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)
