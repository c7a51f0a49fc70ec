"""Run the benchmarks: `python -m tests.benchmarks [--quick] [--only WORD …] [--out FILE]`."""

from __future__ import annotations

import argparse
import datetime as dt
import json
import os
import platform
import statistics
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.benchmarks.processes import ROOT

_VENV = ROOT / "var" / "benchmarks-venv"
_CELERY = "celery and redis in var/benchmarks-venv"


def cases(quick: bool) -> list[dict[str, Any]]:
    """Every case: its name, its description for `case.py`, and how often it is repeated."""
    repeat, exports = (1, 1500) if quick else (3, 6000)
    found: list[dict[str, Any]] = []

    def add(name: str, **case: Any) -> None:
        found.append({"name": name, "repeat": repeat, "kind": "throughput"} | case)

    def compare(latency_ms: int, in_flight: int, count: int) -> None:
        common = {"latency_ms": latency_ms, "in_flight": in_flight, "exports": count}
        where = f"{latency_ms} ms, {in_flight} at once"
        add(f"bare loop, {where}", contender="bare", database="sqlite", **common)
        for database in ("sqlite", "postgres"):
            for clusters in (1,) if quick else (1, 2, 3):
                add(
                    f"ours, {database}, {clusters} cluster(s), {where}",
                    contender="ours",
                    database=database,
                    arguments=[clusters],
                    # A lane is one cluster's at a time: their number has to divide evenly.
                    tenants=4 if clusters == 2 else 3,
                    **common,
                )

    compare(50, 16, exports)
    add(
        "ours and a sealer every 5 s, postgres, 50 ms, 16 at once",
        contender="ours",
        database="postgres",
        arguments=[1],
        sealing_seconds=5,
        latency_ms=50,
        in_flight=16,
        exports=exports,
    )
    compare(200, 16, max(300, exports // 3))
    if not quick:
        compare(0, 16, exports)
        compare(50, 8, exports // 2)
        compare(50, 32, exports)
    common = {"latency_ms": 50, "in_flight": 16, "exports": exports, "repeat": 1}
    where = "50 ms, 16 at once"
    for broker in ("database", "redis"):
        for database in ("sqlite", "postgres"):
            add(
                f"naive q2 task each, {database}, {broker} broker, {where}",
                contender="naive",
                database=database,
                broker=broker,
                arguments=[broker],
                **common,
            )
    for pool in ("threads", "prefork"):
        add(
            f"Celery + Redis task each, postgres, {pool}, {where}",
            contender="celery",
            database="postgres",
            arguments=[pool],
            needs=_CELERY,
            **common,
        )
    add(f"PyPI client, {where}", contender="public_client", database="sqlite", **common)
    for database in ("sqlite", "postgres"):
        for rows in (10_000, 100_000) if quick else (10_000, 100_000, 1_000_000):
            add(
                f"history of {rows:,}, {database}, {where}",
                contender="ours",
                database=database,
                history=rows,
                arguments=[1],
                **common,
            )
    for latency_ms in (0, 50):
        add(
            f"queue again to accepted, {latency_ms} ms, embedded default",
            kind="queue_again",
            database="sqlite",
            latency_ms=latency_ms,
            exports=20 if quick else 100,
            idle_seconds=6,
            repeat=1,
        )
    add(
        "limit of 15/s, three clusters, postgres",
        kind="speed_limit",
        database="postgres",
        limit=15,
        seconds=20,
        exports=150,
        repeat=1,
    )
    add(
        "3 behind very many at 15/s, sqlite",
        kind="fairness",
        database="sqlite",
        exports=2_000 if quick else 50_000,
        repeat=1,
    )
    return found


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks")
    parser.add_argument("--quick", action="store_true", help="fewer, smaller, once")
    parser.add_argument("--only", nargs="*", default=[], help="cases whose name has these words")
    parser.add_argument("--exports", type=int, help="invoices in each throughput case")
    parser.add_argument("--out", type=Path, default=ROOT / "var" / "benchmarks.json")
    options = parser.parse_args()
    results: list[dict[str, Any]] = []
    print(f"{'case':64} result (median of the repeats)")
    for case in cases(options.quick):
        if not all(word in case["name"] for word in options.only):
            continue
        if options.exports and case["kind"] == "throughput":
            case["exports"] = options.exports
        results.append(_measure(case))
        print(f"{case['name']:64} {_words(results[-1])}", flush=True)
        _write(options.out, results)
    wrong = [r for r in results if any(run.get("missing") or run.get("twice") for run in r["runs"])]
    return 1 if wrong else 0


def _measure(case: dict[str, Any]) -> dict[str, Any]:
    if case.get("needs") == _CELERY:
        python = _celery_python()
        if python is None:
            return {"case": case, "runs": [], "error": f"needs {_CELERY}"}
        case["arguments"] = [*case["arguments"], python]
    runs = []
    for _ in range(case["repeat"]):
        arguments = [sys.executable, "-m", "tests.benchmarks.case", json.dumps(case)]
        done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            return {"case": case, "runs": runs, "error": done.stderr.strip().splitlines()[-1]}
        runs.append(json.loads(done.stdout.strip().splitlines()[-1]))
    return {"case": case, "runs": runs, "median": _median(runs)}


def _median(runs: list[dict[str, Any]]) -> dict[str, float]:
    return {name: statistics.median(run[name] for run in runs) for name in runs[0]}


def _words(result: dict[str, Any]) -> str:
    if "error" in result:
        return f"not measured: {result['error']}"
    found = result["median"]
    return "  ".join(f"{name} {value:,.2f}" for name, value in found.items())


def _celery_python() -> str | None:
    """The interpreter of an environment with Celery; made on demand."""
    python = _VENV / "bin" / "python"
    if not (_VENV / "bin" / "celery").exists():
        locks = ["-r", "requirements.txt", "-r", "tests/benchmarks/requirements.txt"]
        steps = [
            [sys.executable, "-m", "venv", str(_VENV)],
            [str(python), "-m", "pip", "install", "-q", "--no-deps", "--require-hashes", *locks],
        ]
        for step in steps:
            if subprocess.run(step, cwd=ROOT, capture_output=True).returncode:
                return None
    return str(python)


def _write(path: Path, results: list[dict[str, Any]]) -> None:
    commit = subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    )
    machine = {
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "system": platform.platform(),
        "at": dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        "commit": commit.stdout.strip(),
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"machine": machine, "results": results}, indent=1))


if __name__ == "__main__":
    sys.exit(main())
