"""What the server counts, in the text format of Prometheus."""

from __future__ import annotations

import time
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client import CollectorRegistry
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4, generate_latest
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4

_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
_PLACES = ("sparql", "graphs", "data", "page", "id", "catalogue", "healthz", "readyz", "metrics")
_STATUS = Path("/proc/self/statm")

Gauges = Callable[[], Iterable[tuple[str, str, float]]]
"""Gives name, meaning and value of what is measured when it is asked for."""


class Metrics(Collector):
    """Counts requests as they are answered, and measures the rest when it is asked.

    Used by the event loop alone.
    """

    def __init__(self, gauges: Gauges) -> None:
        """Count from nought; ``gauges`` measures the rest."""
        self._gauges = gauges
        self._requests: Counter[tuple[str, str, int]] = Counter()
        self._durations: dict[str, list[int]] = {}
        self._seconds: Counter[str] = Counter()
        self._bytes = 0
        self._started = time.time()
        self._registry = CollectorRegistry(auto_describe=False)
        self._registry.register(self)

    def count(self, path: str, outcome: str, status: int, seconds: float, sent: int) -> None:
        """Count one answer."""
        place = place_of(path)
        self._requests[place, outcome, status] += 1
        buckets = self._durations.get(place)
        if buckets is None:
            buckets = self._durations[place] = [0] * (len(_BUCKETS) + 1)
        buckets[bisect_left(_BUCKETS, seconds)] += 1
        self._seconds[place] += seconds  # type: ignore[assignment]
        self._bytes += sent

    def count_answered(self, path: str, answers: Iterable[tuple[float, int]]) -> None:
        """Count answers of status 200, each with its seconds and bytes."""
        for seconds, sent in answers:
            self.count(path, "ok", 200, seconds, sent)

    def render(self) -> bytes:
        """Return everything in the text format."""
        return generate_latest(self._registry)

    def collect(self) -> Iterator[Metric]:
        """Yield the families, as the library asks for them."""
        requests = CounterMetricFamily("kgraph_requests", "answers", labels=["place", "outcome", "status"])
        for (place, outcome, status), number in sorted(self._requests.items()):
            requests.add_metric([place, outcome, str(status)], number)
        yield requests
        durations = HistogramMetricFamily("kgraph_request_seconds", "time to the end of the answer", labels=["place"])
        for place, buckets in sorted(self._durations.items()):
            total, pairs = 0, []
            for bound, number in zip((*map(str, _BUCKETS), "+Inf"), buckets, strict=True):
                total += number
                pairs.append((bound, total))
            durations.add_metric([place], pairs, self._seconds[place])
        yield durations
        yield CounterMetricFamily("kgraph_sent_bytes", "bytes of answers' bodies", value=self._bytes)
        yield GaugeMetricFamily("kgraph_start_time_seconds", "when the server started", value=self._started)
        yield GaugeMetricFamily("kgraph_resident_bytes", "memory of the web process", value=resident_memory())
        for name, meaning, value in self._gauges():
            if name.endswith("_total"):
                yield CounterMetricFamily(name.removesuffix("_total"), meaning, value=value)
            else:
                yield GaugeMetricFamily(name, meaning, value=value)


def place_of(path: str) -> str:
    """Return the part of the server that an address belongs to, of which there are few."""
    first = path.split("/", 2)[1] if path.startswith("/") else ""
    return first if first in _PLACES else "other"


def resident_memory() -> int:
    """Return the bytes of memory that this process has in use, 0 where the system does not tell."""
    try:
        return int(_STATUS.read_text(encoding="ascii").split()[1]) * 4096
    except OSError:
        return 0
