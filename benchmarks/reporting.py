"""The report: what was measured, on what, with its spread, and which goals are met."""

from __future__ import annotations

import os
import platform
import statistics
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from answers import Comparison, Question
from generate import Graph
from mix import MixTimes
from throughput import COLD, REPEATED, WARM, Cell, Throughput, number

UNIT = "oxigraph"
"""The server whose numbers the others' are given as multiples of."""

_OWN = "kgraph"
_HEADINGS = {
    WARM: "Uncached, warm: each request is another text",
    COLD: "Uncached, cold: the first sample after a fresh start",
    REPEATED: "Repeated: the same text again and again at the same revision",
}


@dataclass(frozen=True)
class Goal:
    """At least so many times as many answers per second as another server, for a size of answer in a phase."""

    phase: str
    answer: str
    connections: int
    other: str
    least: float


GOALS = (
    *(Goal(WARM, "tiny", count, UNIT, 0.35 if count == 1 else 0.25) for count in (1, 8, 32)),
    *(Goal(WARM, answer, count, UNIT, 0.9) for answer in ("middle", "large") for count in (1, 8, 32)),
    *(Goal(REPEATED, "tiny", count, UNIT, 1.0) for count in (1, 8, 32)),
    *(Goal(REPEATED, answer, count, UNIT, 10.0) for answer in ("middle", "large") for count in (1, 8, 32)),
    *(Goal(WARM, "middle", count, "rdflib-endpoint", 50.0) for count in (1, 8, 32)),
)


@dataclass
class Result:
    """All that was measured on one graph. ``loads`` are seconds, ``memory`` MiB after each loading and at the end."""

    graph: Graph
    servers: list[str]
    versions: dict[str, str] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    loads: dict[str, list[float]] = field(default_factory=dict)
    memory: dict[str, list[float]] = field(default_factory=dict)
    final_memory: dict[str, float] = field(default_factory=dict)
    comparison: Comparison = field(default_factory=Comparison)
    times: MixTimes = field(default_factory=MixTimes)
    throughput: Throughput = field(default_factory=Throughput)


def render_report(results: Sequence[Result], questions: Sequence[Question], command: str, conditions: str) -> str:
    """Return the report in Markdown. ``conditions`` tells how long and how often, and the machine's load."""
    lines = [
        "# Benchmark of the SPARQL endpoint",
        "",
        "Written by `compare.py`; `README.md` beside it tells what is measured and how.",
        "",
    ]
    lines += [f"- {line}" for line in (*_describe_run(results), f"command: `{command}`", conditions)]
    for result in results:
        lines += ["", f"## {result.graph.triples:,} triples", "", *_loading(result)]
        lines += ["", *_answers(result, questions)]
        for phase in (WARM, COLD, REPEATED):
            lines += _throughput(result, phase)
        lines += _goals(result)
    return "\n".join(lines) + "\n"


def _describe_run(results: Sequence[Result]) -> list[str]:
    versions = dict.fromkeys(text for result in results for text in result.versions.values())
    changed = sorted(f"{name}={value}" for name, value in os.environ.items() if name.startswith("KGRAPH_"))
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30
    return [
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        f"{_processor()}, {os.cpu_count()} cores, {memory:.0f} GiB, {platform.system()} {platform.release()}, "
        f"Python {platform.python_version()}",
        "; ".join(versions),
        f"kgraph's settings: {', '.join(changed) or 'the defaults'}",
    ]


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.machine()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())


def _loading(result: Result) -> list[str]:
    lines = [f"- {name} is left out: {reason}" for name, reason in result.skipped.items()]
    lines += [""] if lines else []
    lines += [
        "| server | start to first answer, s | MiB after loading | MiB at the end |",
        "|---|---|---|---|",
    ]
    for name in result.servers:
        final = f"{result.final_memory[name]:.0f}" if name in result.final_memory else "–"
        lines.append(f"| {name} | {_spread(result.loads[name])} | {_spread(result.memory[name])} | {final} |")
    note = "kgraph also applies the ontology's rules and takes the digest that is its revision while it loads."
    return [*lines, "", note] if _OWN in result.servers else lines


def _answers(result: Result, questions: Sequence[Question]) -> list[str]:
    lines = ["### The mix", "", f"Milliseconds over one connection, each text new; cold → warm. Ratios to {UNIT}.", ""]
    lines += ["| question | rows | " + " | ".join(result.servers) + " |", "|---|---|" + "---|" * len(result.servers)]
    for question in questions:
        shown = [_mix_cell(result, question.name, server) for server in result.servers]
        rows = result.comparison.rows.get(question.name, "–")
        lines.append(f"| {question.name} | {rows} | " + " | ".join(shown) + " |")
    means = [result.times.mean_ratio(server, UNIT) for server in result.servers]
    shown = ["–" if mean is None else f"× {mean:.2f}" for mean in means]
    lines.append("| geometric mean of the ratios | | " + " | ".join(shown) + " |")
    compared = f"{len(result.comparison.rows)} questions were compared row for row over {', '.join(result.servers)}."
    notes = [f"- {server}, {question}: {reason}" for (server, question), reason in result.comparison.left_out.items()]
    return [*lines, "", compared, *(["Not compared, or not timed:", "", *notes] if notes else [])]


def _mix_cell(result: Result, question: str, server: str) -> str:
    key = question, server
    cold, warm = result.times.cold.get(key), result.times.warm.get(key)
    if cold is None:
        return "–"
    if not warm:
        return f"{number(cold * 1000)} →"
    text = f"{number(cold * 1000)} → {_spread([taken * 1000 for taken in warm])}"
    unit = result.times.warm.get((question, UNIT))
    return (
        text if unit is None or server == UNIT else f"{text}; × {statistics.median(warm) / statistics.median(unit):.1f}"
    )


def _throughput(result: Result, phase: str) -> list[str]:
    cells = result.throughput.cells(phase)
    if not cells:
        return []
    lines = [
        "",
        f"### {_HEADINGS[phase]}",
        "",
        f"Whole answers per second: median (least – most); ratio to {UNIT}.",
        "",
    ]
    lines += ["| answer | connections | " + " | ".join(result.servers) + " |"]
    lines += ["|---|---|" + "---|" * len(result.servers)]
    for cell in cells:
        shown = [_throughput_cell(result.throughput, cell, server) for server in result.servers]
        lines.append(f"| {cell.answer} | {cell.connections} | " + " | ".join(shown) + " |")
    return lines


def _throughput_cell(measured: Throughput, cell: Cell, server: str) -> str:
    rates = measured.rates(cell, server)
    if not rates:
        return "–"
    ratio, failed = measured.ratio(cell, server, UNIT), measured.failed(cell, server)
    parts = [_spread(rates)]
    parts += [f"× {ratio:.2f}"] if ratio is not None and server != UNIT else []
    parts += [f"{failed} failed"] if failed else []
    return "; ".join(parts)


def _goals(result: Result) -> list[str]:
    if not result.throughput.samples:
        return []
    lines = ["", "### Goals", "", "Ratios of the medians (least – most of a round).", ""]
    lines += [
        "| throughput of kgraph | connections | beside | at least × | measured × | |",
        "|---|---|---|---|---|---|",
    ]
    for goal in GOALS:
        about = f"{goal.phase} {goal.answer} | {goal.connections} | {goal.other} | {goal.least:g}"
        lines.append(f"| {about} | {_verdict(goal, result.throughput)} |")
    return lines


def _verdict(goal: Goal, measured: Throughput) -> str:
    cell = Cell(goal.phase, goal.answer, goal.connections)
    ratio, failed = measured.ratio(cell, _OWN, goal.other), measured.failed(cell, _OWN)
    if ratio is None:
        return "– | not measured"
    rounds = measured.ratios(cell, _OWN, goal.other)
    met = "met" if ratio >= goal.least and not failed else f"missed, {failed} failed" if failed else "missed"
    return f"{number(ratio)} ({number(min(rounds))} – {number(max(rounds))}) | {met}"


def _spread(values: Sequence[float]) -> str:
    if len(values) == 1:
        return number(values[0])
    return f"{number(statistics.median(values))} ({number(min(values))} – {number(max(values))})"


def tell(line: str) -> None:
    """Print a line of progress."""
    print(line, file=sys.stderr, flush=True)
