"""What something costs the engine, on a machine that is not quiet: `python -m
tests.benchmarks.paired [--what sealing|engine] [--database sqlite|postgres] [--pairs 20]
[--exports 600] [--least 0.95]`.

`sealing`: whether the engine with a sealer beside it keeps 95 % of its throughput without one.
`engine`: whether the engine, until its exports are accepted, reaches 95 % of a bare loop that posts
payloads of the same kind with as many threads, and keeps nothing.

One cluster, one database and one sandbox for all of it. Short slices of exports of the two kinds
follow each other in pairs, in an order that dice choose, so that whatever else the machine does,
and how full the database is, meets both of a pair alike. Nothing is left to seal when a slice
begins, and what a slice leaves is sealed, and counted, before the next.

What is compared is the median of the pairs' ratios with its limits at 95 % confidence (order
statistics: nothing is presumed of how ratios are distributed). Ends with 0 when the lower limit
for throughput is above `--least`, with 1 when the upper one is below it, with 2 when it is
undecided: then more pairs are needed.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import random
import statistics
import subprocess
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import contenders
from tests.benchmarks import office as offices
from tests.benchmarks.processes import ROOT, cpu_seconds, running, until

_IN_FLIGHT = 16


@dataclass
class Slice:
    """Seconds until all was accepted, processor seconds of who posts and of the sealer."""

    seconds: float
    cpu_seconds: float
    sealer_cpu_seconds: float = 0.0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.paired")
    parser.add_argument("--what", choices=["sealing", "engine"], default="sealing")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--exports", type=int, default=600, help="of each slice")
    parser.add_argument("--every", type=float, default=2, help="seconds between two passes")
    parser.add_argument("--least", type=float, default=0.95, help="ratio of throughput")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with offices.opened(options.database, tenants=3, latency_seconds=0.05) as office:
        pairs = measure(office, options)
    result = vars(options) | judged(pairs, options.exports, options.least)
    print(json.dumps(result, indent=1))
    return int(result["exit"])


def measure(office: offices.Office, options: Any) -> list[tuple[Slice, Slice]]:
    """(what it is compared with, what is judged) for each pair."""
    from django_q.models import Schedule

    # The cluster's own would seal in the slices without; and what is scheduled would run while a
    # bare loop does, because the engine's slices keep the one worker busy.
    Schedule.objects.all().delete()
    ranges = [_taken_in(office, number, options.exports) for number in range(2 * options.pairs + 1)]
    dice, found = random.Random(options.seed), []
    environment = contenders.environment_of(office, _IN_FLIGHT, 1)
    with (
        running(["manage.py", "qcluster"], environment) as cluster,
        _sealer(office, options.every) as sealer,
    ):
        contenders.warm([cluster])

        def run(is_judged: bool) -> Slice:
            pks = ranges.pop(0)
            if options.what == "engine" and not is_judged:
                return _bare(office, pks)
            return _slice(cluster, sealer, pks, is_sealed=options.what == "sealing" and is_judged)

        run(True)  # connections, caches, tokens
        while ranges:
            pair = {is_judged: run(is_judged) for is_judged in dice.sample([False, True], 2)}
            found.append((pair[False], pair[True]))
            print(f"{len(found)}: {pair[False].seconds / pair[True].seconds:.3f}", file=sys.stderr)
    return found


def _taken_in(office: offices.Office, number: int, count: int) -> tuple[int, int]:
    """A slice's exports as drafts: the first and the last primary key."""
    from invoices.models import InvoiceExport

    before = InvoiceExport.objects.order_by("-pk").values_list("pk", flat=True).first() or 0
    for index, tenant in enumerate(office.tenants):
        offices.take_in(tenant, count // len(office.tenants), f"S{number}T{index}")
    return before + 1, InvoiceExport.objects.latest("pk").pk


def _slice(cluster: Any, sealer: Any, pks: tuple[int, int], *, is_sealed: bool) -> Slice:
    from django.db.models import Max, Min
    from django.utils import timezone
    from django_q.tasks import async_task

    from invoices.models import InvoiceExport, SubmissionAttempt

    before, sealer_before = cpu_seconds(cluster.pid), cpu_seconds(sealer.pid)
    if is_sealed:
        _tell(sealer, "go")
    mine, now = InvoiceExport.objects.filter(pk__range=pks), timezone.now()
    mine.update(status="queued", not_before=now, queued_at=now)
    async_task("invoices.tasks.run_lanes")
    # By names: with `exclude` each look would read the slices before.
    left = mine.filter(status__in=["queued", "submitting", "unknown"])
    until(lambda: not left.exists(), "a slice did not end", 300, look_seconds=0.25)
    used = cpu_seconds(cluster.pid) - before
    left = mine.filter(status="submitted")
    until(lambda: not left.exists(), "a slice was not read back", 300, look_seconds=0.25)
    if not is_sealed:
        _tell(sealer, "go")
    _tell(sealer, "stop")
    assert sealer.stdout.readline().strip() == "sealed"
    attempts = SubmissionAttempt.objects.filter(export__in=mine)
    found = attempts.aggregate(first=Min("started_at"), last=Max("finished_at"))
    seconds = (found["last"] - found["first"]).total_seconds()
    return Slice(seconds, used, cpu_seconds(sealer.pid) - sealer_before if is_sealed else 0.0)


def _bare(office: offices.Office, pks: tuple[int, int]) -> Slice:
    """The loop posts what the drafts would, which nobody queues."""
    figures = contenders.bare(office, _IN_FLIGHT, pks)
    return Slice(figures.seconds, figures.cpu_seconds)


@contextlib.contextmanager
def _sealer(office: offices.Office, every: float) -> Iterator[Any]:
    """A process that seals between "go" and "stop"."""
    process = subprocess.Popen(
        [sys.executable, "-m", "tests.benchmarks.sealer", str(every), "--told"],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def _tell(sealer: Any, word: str) -> None:
    sealer.stdin.write(word + "\n")
    sealer.stdin.flush()


def judged(pairs: list[tuple[Slice, Slice]], exports: int, least: float = 0.95) -> dict[str, Any]:
    """What the pairs say; ratios of throughput and of processor time."""
    throughput = limits([base.seconds / own.seconds for base, own in pairs])
    cpu = limits([own.cpu_seconds / base.cpu_seconds for base, own in pairs])
    lower, upper = throughput["lower"], throughput["upper"]
    verdict = "proven" if lower > least else "refuted" if upper < least else "undecided"

    def each(seconds: Iterable[float]) -> float:
        return round(1000 * statistics.median(seconds) / exports, 2)

    return {
        "throughput_ratio": throughput,
        "cpu_ratio": cpu,
        "exports_per_second": round(
            exports / statistics.median(own.seconds for _base, own in pairs), 1
        ),
        "base_per_second": round(
            exports / statistics.median(base.seconds for base, _own in pairs), 1
        ),
        "cpu_ms_per_export": each(own.cpu_seconds for _base, own in pairs),
        "base_cpu_ms_per_export": each(base.cpu_seconds for base, _own in pairs),
        "sealer_cpu_ms_per_export": each(own.sealer_cpu_seconds for _base, own in pairs),
        "verdict": verdict,
        "exit": {"proven": 0, "refuted": 1, "undecided": 2}[verdict],
    }


def limits(ratios: list[float]) -> dict[str, float]:
    """The median and its limits: each of them is wrong in 2.5 of 100 cases at most. With fewer
    than six there are none."""
    ordered, count = sorted(ratios), len(ratios)
    below, cut = 0.0, 0
    # So many at either end lie beyond the median with a probability of 2.5 % at most.
    while (below := below + math.comb(count, cut) / 2**count) <= 0.025:
        cut += 1
    lower, upper = (ordered[cut - 1], ordered[-cut]) if cut else (0.0, math.inf)
    named = {"median": statistics.median(ordered), "lower": lower, "upper": upper}
    return {name: round(value, 4) for name, value in named.items()}


if __name__ == "__main__":
    sys.exit(main())
