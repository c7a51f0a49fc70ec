"""The naive task in Celery, with Redis as its broker. Needs `requirements.txt` of this folder."""

from __future__ import annotations

import json
import os
import sys

import django

django.setup()

from celery import Celery, group

from tests.benchmarks import naive

app = Celery("benchmark", broker=os.environ["BENCHMARK_REDIS_URL"], backend=None)
app.conf.update(
    task_ignore_result=True, worker_prefetch_multiplier=4, broker_connection_retry=False
)


@app.task(name="submit")
def submit(export_pk: int) -> None:
    naive.submit(export_pk)


@app.task(name="nothing")
def nothing() -> None:
    naive.nothing()


if __name__ == "__main__":
    what, pks = sys.argv[1], json.loads(sys.argv[2])
    if what == "warm":
        app.control.purge()
        assert app.control.inspect(timeout=30).ping() or True
        group(nothing.si() for _ in range(50)).apply_async()
    else:
        for pk in pks:
            submit.delay(pk)
