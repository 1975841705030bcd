"""The mix of twenty queries: how long each takes over one connection, at first and later."""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from answers import PATIENCE, Question
from bounds import Allowance
from servers import Server, ServerError


@dataclass
class MixTimes:
    """Seconds that questions took, by question and server: ``cold`` the first time, ``warm`` each time after it."""

    cold: dict[tuple[str, str], float] = field(default_factory=dict)
    warm: dict[tuple[str, str], list[float]] = field(default_factory=dict)

    def mean_ratio(self, server: str, to: str) -> float | None:
        """Return the geometric mean, over the questions both answered, of the ratios of the median warm times."""
        logarithms = [
            math.log(statistics.median(times) / statistics.median(self.warm[question, to]))
            for (question, name), times in self.warm.items()
            if name == server and (question, to) in self.warm
        ]
        return math.exp(statistics.mean(logarithms)) if logarithms else None


def ask_mix(
    servers: Sequence[Server],
    questions: Sequence[Question],
    left_out: Mapping[tuple[str, str], str],
    times: MixTimes,
    number: int,
    progress: Callable[[str], None],
    allowance: Allowance | None = None,
) -> None:
    """Ask each server each question once, in turns, in texts that have the ``number`` of this pass in them.

    A question is not asked of a server for which it is in ``left_out`` (by server and question), or that has used up
    its time.
    """
    allowance = allowance or Allowance()
    for question in questions:
        for server in servers:
            if (server.name, question.name) in left_out:
                continue
            begun = time.perf_counter()
            try:
                with allowance.of(server.name, PATIENCE) as seconds:
                    server.ask(question.varied(number), question.accept, timeout=seconds)
            except ServerError as error:
                progress(f"{question.name}: {error}")
                continue
            taken = time.perf_counter() - begun
            key = question.name, server.name
            if key in times.cold:
                times.warm.setdefault(key, []).append(taken)
            else:
                times.cold[key] = taken
    progress(f"asked the mix, pass {number}")
