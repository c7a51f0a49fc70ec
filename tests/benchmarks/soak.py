"""The fault run by the clock: `python -m tests.benchmarks.soak --minutes 30 --database postgres`.

Everything of tests/faults (its README says what goes wrong and what is judged), for as long as
wanted. Exit code 0: no finding.
"""

from __future__ import annotations

import argparse
import os
import secrets
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.settings")

import django

django.setup()

from tests.faults.harness import Plan, Report, drive

_SETTLE_SECONDS = 600
_LINE_SECONDS = 60.0


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--clusters", type=int, default=1)
    parser.add_argument("--seed", default=secrets.token_hex(4))
    parser.add_argument("--exports", type=int, default=2_000, help="a fifth is kept waiting")
    parser.add_argument("--fault-rate", type=float, default=0.2)
    parser.add_argument("--keep", action="store_true", help="keep the folder with all logs")
    return parser.parse_args()


class Progress:
    """A line now and then."""

    def __init__(self) -> None:
        self._started = self._at = time.monotonic()

    def __call__(self, facts: dict[str, Any]) -> None:
        now = time.monotonic()
        if now >= self._at:
            self._at = now + _LINE_SECONDS
            print(f"{(now - self._started) / 60:6.1f} min  {facts}", flush=True)


def soak(options: argparse.Namespace, folder: Path) -> Report:
    plan = Plan(
        options.database,
        options.clusters,
        options.seed,
        exports=options.exports,
        kills=None,
        freezes=None,
        fault_rate=options.fault_rate,
        minutes=options.minutes,
        timeout_seconds=60 * options.minutes + _SETTLE_SECONDS,
        progress=Progress(),
    )
    return drive(plan, folder)


def main() -> int:
    options = arguments()
    # So that the processes end with this one, and the database is dropped.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="flashnode-soak-"))
    print(f"FAULT_SEED={options.seed}, {options.database}, logs in {folder}", flush=True)
    try:
        report = soak(options, folder / "run")
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(report)
    print("Good." if not report.findings else "NOT good.")
    return int(bool(report.findings))


if __name__ == "__main__":
    sys.exit(main())
