"""Whether sealing beside the engine costs less than 5 % of its throughput, on a machine that is
not quiet: `python -m tests.benchmarks.paired [--database sqlite|postgres] [--pairs 20]
[--exports 600] [--every 2]`.

One cluster, one database and one sandbox for all of it. Short slices of exports with and without
a sealer follow each other in pairs, in an order that dice choose, so that whatever else the
machine does, and how full the database is, meets both of a pair alike. Nothing is left to seal
when a slice begins, and what a slice leaves is sealed, and counted, before the next.

What is compared is the median of the pairs' ratios with its limits at 95 % confidence (order
statistics: nothing is presumed of how ratios are distributed). Ends with 0 when the lower limit
for throughput is above 0.95, with 1 when the upper one is below it, with 2 when it is undecided:
then more pairs are needed.
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
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from tests.benchmarks import contenders
from tests.benchmarks import office as offices
from tests.benchmarks.processes import ROOT, cpu_seconds, running, until

_LEAST = 0.95
_IN_FLIGHT = 16


@dataclass
class Slice:
    """Seconds until all was accepted, processor seconds of the cluster and of the sealer."""

    seconds: float
    cpu_seconds: float
    sealer_cpu_seconds: float


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.paired")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="postgres")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--exports", type=int, default=600, help="of each slice")
    parser.add_argument("--every", type=float, default=2, help="seconds between two passes")
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    with offices.opened(options.database, tenants=3, latency_seconds=0.05) as office:
        pairs = measure(office, options)
    result = vars(options) | judged(pairs, options.exports)
    print(json.dumps(result, indent=1))
    return int(result["exit"])


def measure(office: offices.Office, options: Any) -> list[tuple[Slice, Slice]]:
    """(without, with) for each pair."""
    from django_q.models import Schedule

    # The cluster's own would seal in the slices without.
    Schedule.objects.filter(func="invoices.tasks.seal_audit").delete()
    ranges = [_taken_in(office, number, options.exports) for number in range(2 * options.pairs + 1)]
    dice, found = random.Random(options.seed), []
    environment = contenders.environment_of(office, _IN_FLIGHT, 1)
    with (
        running(["manage.py", "qcluster"], environment) as cluster,
        _sealer(office, options.every) as sealer,
    ):
        contenders.warm([cluster])
        _slice(cluster, sealer, ranges.pop(0), is_sealed=True)  # connections, caches, tokens
        while ranges:
            pair = {}
            for is_sealed in dice.sample([False, True], 2):
                pair[is_sealed] = _slice(cluster, sealer, ranges.pop(0), is_sealed=is_sealed)
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
    left = mine.exclude(status="reconciled")
    until(lambda: not left.exists(), "a slice did not end", 300, look_seconds=0.25)
    used = cpu_seconds(cluster.pid) - before
    if not is_sealed:
        _tell(sealer, "go")
    _tell(sealer, "stop")
    assert sealer.stdout.readline().strip() == "sealed"
    attempts = SubmissionAttempt.objects.filter(export__in=mine)
    found = attempts.aggregate(first=Min("started_at"), last=Max("finished_at"))
    seconds = (found["last"] - found["first"]).total_seconds()
    return Slice(seconds, used, cpu_seconds(sealer.pid) - sealer_before if is_sealed else 0.0)


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


def judged(pairs: list[tuple[Slice, Slice]], exports: int) -> dict[str, Any]:
    """What the pairs say; ratios of throughput and of the cluster's processor time, with sealing
    to without."""
    throughput = limits([without.seconds / sealed.seconds for without, sealed in pairs])
    cpu = limits([sealed.cpu_seconds / without.cpu_seconds for without, sealed in pairs])
    sealer = statistics.median(sealed.sealer_cpu_seconds for _without, sealed in pairs)
    cluster = statistics.median(without.cpu_seconds for without, _sealed in pairs)
    lower, upper = throughput["lower"], throughput["upper"]
    verdict = "proven" if lower > _LEAST else "refuted" if upper < _LEAST else "undecided"
    return {
        "throughput_ratio": throughput,
        "cluster_cpu_ratio": cpu,
        "cluster_cpu_ms_per_export": round(1000 * cluster / exports, 2),
        "sealer_cpu_ms_per_export": round(1000 * sealer / exports, 2),
        "within_5_percent": verdict,
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
