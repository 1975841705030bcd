"""kgraph beside other SPARQL servers: the same graph, the same questions, one run."""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path

from generate import Graph, generate
from load import ANSWERS, CONNECTIONS, Loader
from measuring import describe_machine
from servers import Kgraph, OxigraphServe, Server
from throughput import Throughput, measure_throughput, render_throughput, tell, to_stderr

SERVERS: tuple[type[Server], ...] = (Kgraph, OxigraphServe)
UNIT = OxigraphServe.name


def compare_answers(servers: Sequence[Server]) -> None:
    """Ask each size of answer of each server. Raises ``SystemExit`` if the rows differ."""
    for answer in ANSWERS:
        found = {}
        for server in servers:
            rows = json.loads(server.ask(answer.text()))["results"]["bindings"]
            found[server.name] = Counter(json.dumps(row, sort_keys=True) for row in rows)
        first = found[servers[0].name]
        for name, rows_of in found.items():
            if rows_of != first:
                raise SystemExit(f"{answer.name}: {name} answers otherwise than {servers[0].name}")
        to_stderr(f"{answer.name}: {first.total()} rows, alike in {', '.join(found)}")


def available(names: Sequence[str], graph: Graph) -> list[Server]:
    """Return the servers that can be started here with this graph; the others are named with the reason."""
    chosen = []
    for kind in SERVERS:
        server = kind()
        reason = server.missing()
        if kind.name not in names:
            continue
        if reason is None and graph.triples > server.most_triples:
            reason = f"{graph.triples} triples are more than it can hold"
        if reason:
            to_stderr(f"{kind.name} is left out: {reason}")
        else:
            chosen.append(server)
    return chosen


def parse_arguments() -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    names = [kind.name for kind in SERVERS]
    parser.add_argument("--triples", type=int, default=100_000, help="size of the graph (default 100000)")
    parser.add_argument("--servers", default=",".join(names), help=f"of {','.join(names)} (default all)")
    parser.add_argument("--answers", default=",".join(a.name for a in ANSWERS), help="sizes of answers to load with")
    parser.add_argument("--connections", default=",".join(map(str, CONNECTIONS)))
    parser.add_argument("--rounds", type=int, default=3, help="samples of each cell (default 3)")
    parser.add_argument("--seconds", type=int, default=5, help="length of one sample (default 5)")
    parser.add_argument("--folder", type=Path, help="where graphs are kept from run to run (default: a temporary one)")
    parser.add_argument("--report", type=Path, help="file the report is written to (default: printed)")
    return parser.parse_args()


def main() -> None:
    """Generate, load, compare, measure, report."""
    options = parse_arguments()
    reason = Loader.missing()
    if reason:
        raise SystemExit(reason)
    with ExitStack() as stack:
        folder = options.folder or Path(stack.enter_context(tempfile.TemporaryDirectory()))
        graph = generate(folder / f"graph-{options.triples}", options.triples)
        to_stderr(f"{graph.triples} triples in {graph.home}")
        servers = available(options.servers.split(","), graph)
        for server in servers:
            stack.callback(server.stop)
            server.start(graph, folder / "run")
            to_stderr(f"{server.version()}: loaded in {server.load_seconds:.1f} s, {server.memory():.0f} MiB")
        compare_answers(servers)
        measured = Throughput()
        keep = tell(measured, to_stderr)
        for sample in measure_throughput(
            servers,
            [answer for answer in ANSWERS if answer.name in options.answers.split(",")],
            graph,
            connections=[int(count) for count in options.connections.split(",")],
            rounds=options.rounds,
            seconds=options.seconds,
        ):
            keep(*sample)
        names = [server.name for server in servers]
        report = [describe_machine(["kgraph", "pyoxigraph", "oxigraph"]), "", "Uncached, answers per second", ""]
        report += [render_throughput(measured, names, UNIT, False), "", "Repeated, answers per second", ""]
        report += [render_throughput(measured, names, UNIT, True)]
        text = "\n".join(report) + "\n"
        if options.report:
            options.report.write_text(text, encoding="utf-8")
        else:
            print(text)


if __name__ == "__main__":
    main()
