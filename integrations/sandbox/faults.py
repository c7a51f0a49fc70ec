"""Faults the sandbox shows on purpose: scripted ones, used up in order, and random ones."""

from __future__ import annotations

import random
import threading
from dataclasses import dataclass, replace
from typing import Any

from .wire import Answer, answer, error, refused

KINDS = (
    "html_500",
    "html",
    "reset",
    "slow",
    "rate_limited",
    "status",
    "expired_token",
    "not_json",
    "drop_mid_body",
    "no_id",
    "redirect",
    "bad_gzip",
)
#: Never after the effect in random mode: these two promise that nothing was processed.
_BEFORE_ONLY = {"rate_limited", "expired_token"}
_SCRIPTED_ONLY = ("status", "html", "no_id", "redirect", "bad_gzip")
_RANDOM_KINDS = tuple(kind for kind in KINDS if kind not in _SCRIPTED_ONLY)
_RANDOM_DELAY_SECONDS = 0.05
_HTML = (
    b"<html><head><title>500 Internal Server Error</title></head><body><center>"
    b"<h1>500 Internal Server Error</h1></center><hr><center>nginx</center></body></html>"
)


@dataclass(frozen=True)
class Fault:
    """What goes wrong and where. `path` matches itself and what begins with it ("" is all);
    `skip` matching requests pass first, then `times` are hit. With `after_effect` the request
    takes effect and its answer is spoilt; "slow" only delays, before or after the effect."""

    kind: str
    method: str = "POST"
    path: str = "/invoices"
    times: int = 1
    after_effect: bool = False
    company_id: int | None = None
    skip: int = 0
    delay_seconds: float = 0
    status: int = 500
    retry_after: float | None = None
    message: str = "Simulated fault"
    field: str = ""

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise ValueError(f"There is no fault {self.kind}; there are: {', '.join(KINDS)}.")
        if self.times < 1 or self.skip < 0 or self.delay_seconds < 0:
            raise ValueError("times must be 1 or more, skip and delay_seconds 0 or more.")
        if not 400 <= self.status <= 599:
            raise ValueError("status must be from 400 to 599.")

    def fits(self, method: str, path: str, company_id: int | None) -> bool:
        return (
            self.method in ("", method)
            and path.startswith(self.path)
            and self.company_id in (None, company_id)
        )


class FaultBook:
    """The faults still to come; thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pending: list[Fault] = []
        self._rate = 0.0
        self._dice = random.Random()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._pending.append(fault)

    def chaos(self, rate: float, seed: Any = None) -> None:
        """From now on spoil this share of the requests, 0 to end; a seed repeats the dice."""
        if not 0 <= rate <= 1:
            raise ValueError("rate must be from 0 to 1.")
        with self._lock:
            self._rate = rate
            self._dice = random.Random(seed)

    def clear(self) -> None:
        with self._lock:
            self._pending.clear()
            self._rate = 0.0

    def pending(self) -> list[Fault]:
        with self._lock:
            return list(self._pending)

    def take(self, method: str, path: str, company_id: int | None) -> Fault | None:
        """Use up and return the fault for this request, if there is one."""
        with self._lock:
            taken: Fault | None = None
            kept: list[Fault] = []
            for fault in self._pending:
                if not fault.fits(method, path, company_id):
                    kept.append(fault)
                elif fault.skip:
                    kept.append(replace(fault, skip=fault.skip - 1))
                elif taken is not None:
                    kept.append(fault)
                else:
                    taken = fault
                    if fault.times > 1:
                        kept.append(replace(fault, times=fault.times - 1))
            self._pending = kept
            return taken or self._roll()

    def _roll(self) -> Fault | None:
        if self._rate == 0 or self._dice.random() >= self._rate:
            return None
        kind = self._dice.choice(_RANDOM_KINDS)
        after = self._dice.random() < 0.5 and kind not in _BEFORE_ONLY
        return Fault(kind, after_effect=after, delay_seconds=_RANDOM_DELAY_SECONDS, retry_after=0)


def spoilt(fault: Fault, real: Answer | None) -> Answer:
    """What the client sees; `real` is None when the request took no effect.

    Cutting the connection or the body is up to the caller, who sends this answer or part of it.
    """
    if fault.kind == "html_500":
        return Answer(500, _HTML, "text/html")
    if fault.kind == "html":
        return Answer(fault.status, _HTML, "text/html")
    if fault.kind == "not_json":
        return Answer(200, _HTML, "text/html")
    if fault.kind == "no_id":
        return answer({"message": "Saved."})
    if fault.kind == "redirect":
        return Answer(302, _HTML, "text/html", {"Location": "/elsewhere"})
    if fault.kind == "bad_gzip":
        return Answer(200, _HTML, "application/json", {"Content-Encoding": "gzip"})
    if fault.kind == "expired_token":
        return refused(401, "Unauthorized").answer
    if fault.kind == "rate_limited":
        return answer({"errors": [error("Too many requests", status=429)]}, 429, _headers(fault))
    if fault.kind == "status":
        found = error(fault.message, fault.field, fault.status)
        return answer({"errors": [found]}, fault.status, _headers(fault))
    return real or answer({"message": "This answer is never complete."})


def _headers(fault: Fault) -> dict[str, str]:
    return {} if fault.retry_after is None else {"Retry-After": f"{fault.retry_after:g}"}
