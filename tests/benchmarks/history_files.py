"""Files of the export history over a long history: rows a second and peak memory of each format.

python -m tests.benchmarks.history_files [--database sqlite|postgres] [--exports 1000000]

Takes the database that `python -m tests.benchmarks.pages --keep` has left, or makes it, and
changes nothing in it: each file is written to a temporary file, by a process of its own.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks import pages


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.history_files")
    parser.add_argument("--database", choices=["sqlite", "postgres"], default="sqlite")
    parser.add_argument("--exports", type=int, default=1_000_000)
    parser.add_argument("--formats", nargs="+", default=["csv", "csv_fi", "xlsx"])
    parser.add_argument("--write", help="only this one, in this process")
    options = parser.parse_args()
    options.keep = True
    with ExitStack() as stack:
        pages._open(options, stack)
        if options.write:
            _write(options.write)
            return 0
    print(f"{options.database}, {options.exports:,} exports, load {os.getloadavg()[0]:.1f}")
    for file_format in options.formats:
        command = [sys.executable, "-m", "tests.benchmarks.history_files", "--write", file_format]
        command += ["--database", options.database, "--exports", str(options.exports)]
        subprocess.run(command, check=True)
    return 0


def _write(file_format: str) -> None:
    from django.utils import translation

    from invoices.report_models import HistoryFile
    from invoices.reports import files
    from invoices.reports.columns import USUAL

    # Nobody follows it: the row of a file that is not kept would be the database's only change.
    files._note = lambda file, count: None
    query = "period=all&day=taken"
    file = HistoryFile(query=query, columns=list(USUAL), format=file_format, language="fi")
    before = _peak_megabytes()
    began, used = time.monotonic(), time.process_time()
    with translation.override("fi"), tempfile.TemporaryFile() as out:
        count, _sums = files._write(file, out)
        size = out.seek(0, os.SEEK_END)
    spent, cpu = time.monotonic() - began, time.process_time() - used
    print(
        f"{file_format:8} {count:10,} rows {spent:7.1f} s {count / spent:8,.0f} rows/s "
        f"{cpu:7.1f} s CPU {size / 1e6:7.1f} MB, peak {_peak_megabytes():.0f} MB "
        f"({before:.0f} before)",
        flush=True,
    )


def _peak_megabytes() -> float:
    """Of this program: what `getrusage` tells counts the one that started it too."""
    [line] = [
        each for each in Path("/proc/self/status").read_text().splitlines() if "VmHWM" in each
    ]
    return int(line.split()[1]) / 1024


if __name__ == "__main__":
    raise SystemExit(main())
