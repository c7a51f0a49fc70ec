"""Contenders that know no database: a loop of threads over ready-made bytes, in a process."""

from __future__ import annotations

import json
import queue
import resource
import sys
import threading
import time
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import requests


def main(what: str, threads: str, work_path: str, result_path: str) -> None:
    work = json.loads(Path(work_path).read_text())
    jobs: queue.SimpleQueue[tuple[dict[str, Any], str]] = queue.SimpleQueue()
    # Tenants take turns, as they do in the engine.
    longest = max(len(tenant["bodies"]) for tenant in work["tenants"])
    for number in range(longest):
        for tenant in work["tenants"]:
            if number < len(tenant["bodies"]):
                jobs.put((tenant, tenant["bodies"][number]))
    make = {"bare": _bare, "public_client": _public_client}[what]
    posters = [make(work) for _ in range(int(threads))]
    before, began = _cpu(), time.perf_counter()
    running = [threading.Thread(target=_drain, args=[jobs, poster]) for poster in posters]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    result = {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": _cpu() - before,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }
    Path(result_path).write_text(json.dumps(result))


Poster = Callable[[dict[str, Any], str], None]


def _drain(jobs: queue.SimpleQueue[tuple[dict[str, Any], str]], post: Poster) -> None:
    while True:
        try:
            tenant, body = jobs.get_nowait()
        except queue.Empty:
            return
        post(tenant, body)


def _bare(work: dict[str, Any]) -> Poster:
    session = requests.Session()
    session.trust_env = False
    url = f"{work['url']}/api/invoices"

    def post(tenant: dict[str, Any], body: str) -> None:
        headers = {
            "Authorization": f"Bearer {tenant['token']}",
            "Content-Type": "application/json",
        }
        answer = session.post(url, data=body.encode(), headers=headers)
        answer.raise_for_status()
        assert answer.json()["id"]

    return post


def _public_client(work: dict[str, Any]) -> Poster:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from procountor.client import Client

    Client._endpoints["hosts"]["test"] = work["url"]
    clients = {
        tenant["api_key"]: Client(
            api_key=tenant["api_key"],
            client_id="flashnodeClient",
            client_secret="benchmark",
            redirect_uri="https://flashnode.example/callback",
        )
        for tenant in work["tenants"]
    }

    def post(tenant: dict[str, Any], body: str) -> None:
        saved = clients[tenant["api_key"]].post_invoice(**json.loads(body))
        assert saved["status"] == 200, saved

    return post


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main(*sys.argv[1:])
