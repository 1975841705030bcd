"""How small queries fare while hostile ones come: twice as many of these as there are places.

``python benchmarks/hostile.py`` starts a server with the packaged data, sends it hostile queries of several kinds
without a pause, and asks ``ASK {}`` over one connection meanwhile. It prints the latencies of that, how the hostile
ones ended, and the memory of the server's processes before, during and after.
"""

from __future__ import annotations

import argparse
import collections
import http.client
import os
import subprocess
import sys
import threading
import time
import urllib.parse

_EVERYTHING = "?a{0} ?b{0} ?c{0}"

HOSTILE = {
    "cross product": "SELECT (COUNT(*) AS ?n) { " + " . ".join(_EVERYTHING.format(n) for n in range(6)) + " }",
    "regex": 'SELECT * { ?a ?b ?c . ?d ?e ?f FILTER(REGEX(CONCAT(STR(?a), STR(?d)), "(.*a){8}(.*b){8}$")) }',
    "path": "SELECT (COUNT(*) AS ?n) { ?a (!<urn:x>|^!<urn:x>)* ?b }",
    "doubling": "SELECT (STRLEN(?v40) AS ?n) { BIND('0123456789' AS ?v0) "
    + " ".join(f"BIND(CONCAT(?v{n}, ?v{n}) AS ?v{n + 1})" for n in range(40))
    + " }",
    "group_concat": "SELECT (GROUP_CONCAT(CONCAT(STR(?a0), STR(?a1), STR(?a2))) AS ?all) { "
    + " . ".join(_EVERYTHING.format(n) for n in range(3))
    + " }",
    "sorting": "SELECT * { " + " . ".join(_EVERYTHING.format(n) for n in range(3)) + " } ORDER BY ?c2 ?a0",
}


def main() -> int:
    """Measure, and print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=20.0)
    parser.add_argument("--clients", type=int, default=8, help="hostile clients; the default has four places")
    parser.add_argument("--different", action="store_true", help="no two hostile queries have the same text")
    asked = parser.parse_args()
    process, port = _start()
    try:
        _report(process.pid, port, asked)
    finally:
        process.terminate()
        process.wait()
    return 0


def _start() -> tuple[subprocess.Popen[str], int]:
    environment = {**os.environ, "KGRAPH_LOG_FILE": os.devnull}
    command = [sys.executable, "-m", "kgraph", "serve", "--port", "0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment)
    assert process.stdout is not None
    line = process.stdout.readline()
    return process, int(line.rsplit(":", 1)[1])


def _report(pid: int, port: int, asked: argparse.Namespace) -> None:
    ends: collections.Counter[str] = collections.Counter()
    stop = threading.Event()
    before = _memory(pid)
    quiet, _ = _ask_small(port, 2.0)
    threads = [
        threading.Thread(target=_attack, args=(port, number, asked.different, stop, ends))
        for number in range(asked.clients)
    ]
    for thread in threads:
        thread.start()
    time.sleep(1)
    latencies, failed = _ask_small(port, asked.seconds)
    during = _memory(pid)
    stop.set()
    for thread in threads:
        thread.join()
    time.sleep(2)
    after = _memory(pid)
    print(f"| ASK {{}} | asked | p50 ms | p95 ms | p99 ms | most ms | failed |\n|{'---|' * 7}")
    for name, values, bad in (("alone", quiet, 0), (f"beside {asked.clients} hostile clients", latencies, failed)):
        row = [_quantile(values, q) * 1000 for q in (0.5, 0.95, 0.99, 1.0)]
        print(f"| {name} | {len(values)} | " + " | ".join(f"{value:.1f}" for value in row) + f" | {bad} |")
    print("\nHostile queries ended: " + ", ".join(f"{end} {number}" for end, number in ends.most_common()))
    print(f"MiB of all processes: {before} before, {during} during, {after} after.")


def _ask_small(port: int, seconds: float) -> tuple[list[float], int]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    latencies, failed = [], 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        began = time.monotonic()
        # Another text each time, so that no answer comes from the cache.
        query = urllib.parse.quote(f"ASK {{}} # {began}")
        connection.request("GET", f"/sparql?query={query}")
        answer = connection.getresponse()
        failed += answer.status != 200 or b"true" not in answer.read()
        latencies.append(time.monotonic() - began)
        time.sleep(0.01)
    return latencies, failed


def _attack(port: int, number: int, different: bool, stop: threading.Event, ends: collections.Counter[str]) -> None:
    names = list(HOSTILE)
    while not stop.is_set():
        number += 1
        text = HOSTILE[names[number % len(names)]] + (f" # {time.monotonic()}" if different else "")
        body = urllib.parse.urlencode({"query": text})
        try:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
            headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "text/csv"}
            connection.request("POST", "/sparql", body, headers)
            answer = connection.getresponse()
            last = answer.read().decode().strip().rsplit("/", 1)[-1]
            ends[f"{answer.status} {last if answer.status != 200 else ''}".strip()] += 1
            connection.close()
        except (OSError, http.client.HTTPException) as error:
            ends[type(error).__name__] += 1


def _memory(pid: int) -> int:
    """Return the MiB of private memory of a process and of those it started."""
    total = 0
    for process in [pid, *_descendants(pid)]:
        try:
            with open(f"/proc/{process}/smaps_rollup", encoding="ascii") as file:
                total += sum(int(line.split()[1]) for line in file if line.startswith("Pss:"))
        except OSError:
            continue
    return total // 1024


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    try:
        for task in os.listdir(f"/proc/{pid}/task"):
            with open(f"/proc/{pid}/task/{task}/children", encoding="ascii") as file:
                found += [int(child) for child in file.read().split()]
    except OSError:
        return found
    return found + [lower for child in found for lower in _descendants(child)]


def _quantile(values: list[float], part: float) -> float:
    ordered = sorted(values)
    return ordered[min(int(part * len(ordered)), len(ordered) - 1)] if ordered else 0.0


if __name__ == "__main__":
    sys.exit(main())
