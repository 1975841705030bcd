"""kgraph beside other SPARQL servers: the same graph, the same questions, one run, one report."""

from __future__ import annotations

import argparse
import os
import shlex
import signal
import sys
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from answers import AnswersDifferError, compare_answers, load_questions
from bounds import Bounds
from generate import Graph, generate
from load import ANSWERS, CONNECTIONS, client_version, why_missing
from mix import ask_mix
from reporting import Result, render_report, tell
from servers import Kgraph, KgraphOnDisk, OxigraphServe, RdflibEndpoint, Server, ServerError
from throughput import COLD, REPEATED, WARM, Plan, Rounds
from virtuoso import Virtuoso

SERVERS: tuple[type[Server], ...] = (Kgraph, KgraphOnDisk, OxigraphServe, RdflibEndpoint, Virtuoso)


def choose_servers(names: Sequence[str], graph: Graph) -> tuple[list[Server], dict[str, str]]:
    """Return the servers that can be started here with this graph, and why the others cannot."""
    chosen, skipped = [], {}
    for kind in SERVERS:
        if kind.name not in names:
            continue
        server = kind()
        reason = server.missing()
        if reason is None and graph.triples > server.most_triples:
            reason = f"this graph is larger than the {server.most_triples:,} triples it is asked to hold"
        if reason is None:
            chosen.append(server)
        else:
            skipped[kind.name] = reason
            tell(f"{kind.name} is left out: {reason}")
    return chosen, skipped


def start_all(servers: list[Server], result: Result, folder: Path, stack: ExitStack, bounds: Bounds) -> None:
    """Start the servers one after the other and note how long each took; one that does not start is left out."""
    for server in list(servers):
        stack.callback(server.stop)
        server.longest_start = bounds.longest_load()
        try:
            server.start(result.graph, folder)
        except ServerError as error:
            server.stop()
            servers.remove(server)
            result.skipped[server.name] = str(error).replace(str(folder), "its folder")
            tell(f"{server.name} is left out: {error}")
            continue
        result.loads.setdefault(server.name, []).append(server.load_seconds)
        result.memory.setdefault(server.name, []).append(server.memory())
        tell(f"{server.name}: first answer after {server.load_seconds:.1f} s, {server.memory():.0f} MiB")


def measure(graph: Graph, options: argparse.Namespace, bounds: Bounds, folder: Path) -> Result:
    """Compare the answers of all servers, start them afresh and measure, and compare once more.

    Raises :class:`answers.AnswersDifferError`, for the first time before anything is timed.
    """
    questions = load_questions()
    servers, skipped = choose_servers(options.servers, graph)
    count = bounds.rounds(graph.triples, options.rounds)
    result = Result(graph, [], skipped=skipped)
    result.versions = {server.name: server.version() for server in servers}
    with ExitStack() as stack:
        start_all(servers, result, folder, stack, bounds)
        result.servers = [server.name for server in servers]
        result.comparison = compare_answers(servers, questions, tell, bounds.allowance())
        if count and bounds.starts(graph.triples, count) == 1:
            take_samples(servers, result, options, count, bounds)
            return result
    if count:
        with ExitStack() as stack:
            start_all(servers, result, folder, stack, bounds)
            take_samples(servers, result, options, count, bounds)
    return result


def take_samples(
    servers: list[Server], result: Result, options: argparse.Namespace, count: int, bounds: Bounds
) -> None:
    """Ask running servers the mix, measure throughput, and compare the answers under load once more.

    Raises :class:`answers.AnswersDifferError`.
    """
    questions = load_questions()
    plan = Plan([a for a in ANSWERS if a.name in options.answers], options.connections, options.seconds)
    rounds = Rounds(servers, result.graph, plan, tell, bounds.is_over)
    result.throughput = rounds.measured
    phases = [COLD, *[WARM] * count, *[REPEATED] * count] if why_missing() is None else []
    allowance = bounds.allowance()
    for number in range(1 + count):
        if bounds.is_over():
            break
        ask_mix(servers, questions, result.comparison.left_out, result.times, number, tell, allowance)
    for phase in phases:
        rounds.run(phase)
    asked = [question for question in questions if question.name in options.answers]
    after = compare_answers(servers, asked, tell, bounds.allowance())
    result.comparison.left_out |= {key: f"after the load: {why}" for key, why in after.left_out.items()}
    for server in servers:
        result.final_memory[server.name] = server.memory()


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    names = [kind.name for kind in SERVERS]
    sizes = [answer.name for answer in ANSWERS]
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--triples", type=_numbers, default=[100_000], help="sizes of graphs, as in 100000,1000000 (default 100000)"
    )
    parser.add_argument("--servers", type=_names, default=names, help=f"of {','.join(names)} (default all)")
    parser.add_argument("--answers", type=_names, default=sizes, help=f"of {','.join(sizes)} (default all)")
    parser.add_argument("--connections", type=_numbers, default=list(CONNECTIONS), help="default 1,8,32")
    parser.add_argument("--rounds", type=int, default=5, help="samples of each (default 5); 0 compares answers only")
    parser.add_argument("--seconds", type=int, default=5, help="length of one sample (default 5)")
    parser.add_argument(
        "--longest-load", type=float, default=1800, help="seconds a server may take to load a graph (default 1800)"
    )
    parser.add_argument(
        "--longest-questions",
        type=float,
        default=900,
        help="seconds all questions of one server may take, compared and in all passes of the mix (default 900)",
    )
    parser.add_argument(
        "--minutes", type=float, default=600, help="after so long nothing new is begun, and the report written"
    )
    parser.add_argument("--seed", type=int, default=2010, help="seed of the graphs (default 2010)")
    parser.add_argument("--folder", type=Path, help="where graphs are kept for the next run (default: nowhere)")
    parser.add_argument("--report", type=Path, help="file the report is written to (default: it is printed)")
    options = parser.parse_args()
    unknown = {*options.servers} - {*names} | {*options.answers} - {*sizes}
    if unknown:
        parser.error(f"there is no {', '.join(sorted(unknown))}")
    return options


def main() -> int:
    """Generate, compare, measure, report; return 1 if servers do not answer alike."""
    options = parse_arguments()
    # An end by a signal must end the servers as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    load_before = os.getloadavg()[0]
    if reason := why_missing():
        tell(f"throughput is left out: {reason}")
    cells = len(options.answers) * len(options.connections)
    bounds = Bounds(options.longest_load, options.longest_questions, options.minutes * 60).begin()
    length = bounds.describe(
        options.triples, len(options.servers), cells if why_missing() is None else 0, options.rounds, options.seconds
    )
    tell(length)
    results, differ = [], ""
    with tempfile.TemporaryDirectory(prefix="kgraph-benchmark-") as temporary:
        for triples in options.triples:
            if bounds.is_over():
                length += f"; {triples:,} triples were not begun, since the time was up"
                tell(length)
                continue
            folder = options.folder or Path(temporary)
            graph = generate(folder / f"graph-{triples}-{options.seed}", triples, options.seed)
            tell(f"{graph.triples:,} triples in {graph.home}")
            try:
                results.append(measure(graph, options, bounds, Path(temporary) / f"run-{triples}"))
            except AnswersDifferError as error:
                differ = str(error)
                tell(differ)
                break
    conditions = (
        f"seed {options.seed}, {options.rounds} rounds, samples of {options.seconds} s, {_client()}; {length}; "
        f"load of the machine before {load_before:.1f}, after {os.getloadavg()[0]:.1f}"
    )
    report = render_report(results, load_questions(), _command(options), conditions)
    if options.report:
        options.report.write_text(report, encoding="utf-8")
    else:
        print(report)
    return 1 if differ else 0


def _command(options: argparse.Namespace) -> str:
    """Return the command that measures the same, without the folders of this machine."""
    command = ["python", "benchmarks/compare.py"]
    for name, value in sorted(vars(options).items()):
        if name not in ("folder", "report"):
            text = ",".join(map(str, value)) if isinstance(value, list) else f"{value:g}"
            command += [f"--{name.replace('_', '-')}", text]
    return shlex.join(command)


def _client() -> str:
    if reason := why_missing():
        return f"throughput is left out: {reason}"
    return f"{client_version()} with one thread"


def _names(text: str) -> list[str]:
    return text.split(",")


def _numbers(text: str) -> list[int]:
    return [int(part.replace("_", "")) for part in text.split(",")]


if __name__ == "__main__":
    sys.exit(main())
