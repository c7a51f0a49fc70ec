"""Seals the evidence every few seconds beside a run: `python -m tests.benchmarks.sealer SECONDS`.

In a cluster the schedule does it once a minute in one of the workers; a run is shorter than that.
Every pass has as much to do a second as that one.
"""

from __future__ import annotations

import sys
import time


def main() -> None:
    import django

    django.setup()
    from invoices import evidence

    while True:
        time.sleep(float(sys.argv[1]))
        evidence.seal()


if __name__ == "__main__":
    main()
