"""From files to answers: what each step of building the graph takes, as ratios to loading it."""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
import urllib.request

from measuring import describe_machine, render_rows, seconds

from kgraph.dataset import find_home, load_dataset
from kgraph.inference import infer
from kgraph.store.embedded import open_store
from kgraph.store.loading import load_graphs
from kgraph.validation import check_dataset

LOAD = "load files into the engine, with what follows"


def _read_files() -> None:
    list(load_dataset(find_home()).iter_quads())


def _rules() -> None:
    graphs = load_graphs(load_dataset(find_home()))
    infer(graphs.asserted, graphs.rules)


def _first_answer() -> None:
    """Start a server as a user does and wait for its first answer."""
    command = [sys.executable, "-m", "kgraph", "serve", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as server:
        try:
            assert server.stdout is not None
            address = next(line.split()[-1] for line in server.stdout if "http://" in line)
            with urllib.request.urlopen(f"{address}/sparql?query=ASK%7B%7D", timeout=30) as answer:
                answer.read()
        finally:
            server.terminate()


def _command_line() -> None:
    subprocess.run([sys.executable, "-m", "kgraph", "--help"], check=True, capture_output=True)


def main() -> None:
    """Measure each step and print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="times each step is run (default 3)")
    rounds = parser.parse_args().rounds
    steps = {
        LOAD: lambda: load_graphs(load_dataset(find_home())),
        "the same, as a store with its revision": lambda: open_store(load_dataset(find_home())),
        "load, and apply the rules once more": _rules,
        "read every file with positions": _read_files,
        "check the whole dataset": lambda: check_dataset(find_home()),
        "start a server and get its first answer": _first_answer,
        "kgraph --help": _command_line,
    }
    measured: dict[str, list[float]] = {}
    begun = time.perf_counter()
    for name, step in steps.items():
        measured[name] = seconds(step, rounds)
        print(f"{name}: done after {time.perf_counter() - begun:.0f} s", file=sys.stderr)
    print(describe_machine(["kgraph", "pyoxigraph", "pyshacl", "rdflib"]) + "\n")
    print(render_rows(measured, LOAD))


if __name__ == "__main__":
    main()
