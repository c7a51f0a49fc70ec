"""Seals the evidence every few seconds beside a run: `python -m tests.benchmarks.sealer SECONDS
[--told]`; with --told only from a line "go" on its input until a line "stop", after which it
seals what is left and prints "sealed".

In a cluster the schedule does it once a minute in one of the workers; a run is shorter than that.
Every pass has as much to do a second as that one.
"""

from __future__ import annotations

import select
import sys
import time


def main() -> None:
    import django

    django.setup()
    from invoices import evidence

    every = float(sys.argv[1])
    if "--told" not in sys.argv:
        while True:
            time.sleep(every)
            evidence.seal()
    # Without a buffer, in which a line could be that `select` does not see.
    told = sys.stdin.buffer.raw
    while told.readline():  # "go"
        while not select.select([told], [], [], every)[0]:
            evidence.seal()
        told.readline()
        evidence.seal(float("inf"))
        print("sealed", flush=True)


if __name__ == "__main__":
    main()
