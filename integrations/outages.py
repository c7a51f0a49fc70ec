"""Whether Procountor answers at all: one circuit for each environment, shared by all workers.

Too many failures open it: nothing is sent then, no attempt is spent, and nothing is lost, because
the rows stay where they are. A probe now and then asks `GET /status`; when it is answered,
few requests are let through first and ever more after them.
"""

from __future__ import annotations

import datetime as dt
import time
from typing import Any

from django.conf import settings
from django.db.models import Case, F, IntegerField, QuerySet, Sum, Value, When
from django.utils import timezone

from integrations.enums import CircuitState
from integrations.models import Circuit, RequestTally
from integrations.procountor import NotSubmitted, OutcomeUnknown, ProcountorClient
from integrations.procountor.errors import ProcountorError
from integrations.signals import acted

WINDOW = dt.timedelta(minutes=5)
_FEWEST = 10
_FAILING_SHARE = 0.7
_FIRST_ALLOWED = 1
_ENOUGH_ALLOWED = 16
_FLUSH_SECONDS = 1.0


def is_failure(error: ProcountorError | None) -> bool:
    """Whether an answer, or its absence, speaks of an outage rather than of one request.

    A refusal is an answer; being told to slow down is one too.
    """
    return isinstance(error, (NotSubmitted, OutcomeUnknown)) and error.cause != "rate_limited"


def allowed_in_flight(environment: str) -> int | None:
    """How many requests one worker may have under way: None for no bound, 0 in an outage."""
    circuit = Circuit.objects.filter(pk=environment).first()
    if circuit is None or circuit.state == CircuitState.CLOSED:
        return None
    return 0 if circuit.state == CircuitState.OPEN else max(_FIRST_ALLOWED, circuit.allowed)


def closed_to_requests() -> list[str]:
    """The environments in an outage whose next probe is not due yet."""
    return list(
        Circuit.objects.filter(
            state=CircuitState.OPEN, probe_at__gt=timezone.now(), probe_at__lte=_next_probe()
        ).values_list("environment", flat=True)
    )


def claim_probe(environment: str) -> bool:
    """True for the one caller that is to probe an environment now."""
    now = timezone.now()
    due = Circuit.objects.filter(pk=environment, state=CircuitState.OPEN)
    # A moment further off than the interval was written by a clock that has been put right.
    due = due.exclude(probe_at__gt=now, probe_at__lte=_next_probe())
    return bool(due.update(probe_at=_next_probe()))


def probe(client: ProcountorClient) -> bool:
    """Ask Procountor for its own health; True when it answers and does not call itself failing.

    A refusal is an answer: whoever gives it is there.
    """
    try:
        return client.status().status != "FAILING"
    except (NotSubmitted, OutcomeUnknown):
        return False
    except ProcountorError:
        return True


def probed(environment: str, answered: bool) -> None:
    """What a probe found: an answer lets the first requests through."""
    if answered and Circuit.objects.filter(pk=environment, state=CircuitState.OPEN).update(
        state=CircuitState.RAMPING,
        allowed=_FIRST_ALLOWED,
        answered=0,
        probe_at=timezone.now() + WINDOW,
    ):
        _tell("outage.ramping", environment)


def end_quiet_ramps() -> None:
    """Close what has been ramping for a while without a failure: too little was sent to tell
    more. For a schedule."""
    ramping = Circuit.objects.filter(state=CircuitState.RAMPING, probe_at__lt=timezone.now())
    for environment in ramping.values_list("environment", flat=True):
        _close(ramping.filter(pk=environment), environment)


class Tally:
    """Counts what one worker's requests came to, and moves the circuit by it."""

    def __init__(self, environment: str) -> None:
        self.environment = environment
        self._answered = self._failed = 0
        self._cause = ""
        self._flush_at = 0.0

    def count(self, error: ProcountorError | None) -> None:
        """Count one request, by how it ended."""
        if is_failure(error):
            self._failed += 1
            self._cause = error.cause if error else ""
        else:
            self._answered += 1

    def flush(self, *, at_once: bool = False) -> bool:
        """Write down what was counted: failures at once, else once a second. True when there
        were failures: the circuit may have moved."""
        waits = not at_once and time.monotonic() < self._flush_at
        if not self._failed and (not self._answered or waits):
            return False
        answered, failed = self._answered, self._failed
        _add(self.environment, answered, failed)
        _ramp(self.environment, answered, failed, self._cause)
        if failed:
            _open_if_failing(self.environment, self._cause)
        self._answered = self._failed = 0
        self._flush_at = time.monotonic() + _FLUSH_SECONDS
        return failed > 0


def _add(environment: str, answered: int, failed: int) -> None:
    minute = timezone.now().replace(second=0, microsecond=0)
    tallies = RequestTally.objects.filter(environment=environment)
    while not tallies.filter(minute=minute).update(
        answered=F("answered") + answered, failed=F("failed") + failed
    ):
        new = RequestTally(environment=environment, minute=minute)
        RequestTally.objects.bulk_create([new], ignore_conflicts=True)
        tallies.filter(minute__lt=minute - WINDOW).delete()


def _open_if_failing(environment: str, cause: str) -> None:
    sums = RequestTally.objects.filter(
        environment=environment, minute__gt=timezone.now() - WINDOW
    ).aggregate(answered=Sum("answered"), failed=Sum("failed"))
    answered, failed = sums["answered"] or 0, sums["failed"] or 0
    if answered + failed < _FEWEST or failed < _FAILING_SHARE * (answered + failed):
        return
    Circuit.objects.bulk_create([Circuit(environment=environment)], ignore_conflicts=True)
    opened = Circuit.objects.filter(pk=environment, state=CircuitState.CLOSED).update(
        state=CircuitState.OPEN, since=timezone.now(), probe_at=_next_probe(), cause=cause[:40]
    )
    if opened:
        _tell("outage.began", environment, cause=cause, failed=failed, of=answered + failed)


def _ramp(environment: str, answered: int, failed: int, cause: str) -> None:
    """While ramping: back to an outage when as much fails as is answered, else ever faster."""
    ramping = Circuit.objects.filter(pk=environment, state=CircuitState.RAMPING)
    if not ramping.exists():
        return
    if failed and failed >= answered:
        if ramping.update(state=CircuitState.OPEN, probe_at=_next_probe(), cause=cause[:40]):
            _tell("outage.went_on", environment, cause=cause)
        return
    enough = When(answered__gte=F("allowed") * 2 - answered, then=F("allowed") * 2)
    ramping.update(
        allowed=Case(enough, default=F("allowed"), output_field=IntegerField()),
        answered=Case(
            When(answered__gte=F("allowed") * 2 - answered, then=Value(0)),
            default=F("answered") + answered,
            output_field=IntegerField(),
        ),
    )
    _close(ramping.filter(allowed__gte=_ENOUGH_ALLOWED), environment)


def _close(circuit: QuerySet[Circuit], environment: str) -> None:
    closed = {"state": CircuitState.CLOSED, "since": None, "probe_at": None}
    if circuit.update(**closed, allowed=0, answered=0, cause=""):
        RequestTally.objects.filter(environment=environment).delete()
        _tell("outage.ended", environment)


def _next_probe() -> dt.datetime:
    return timezone.now() + dt.timedelta(seconds=settings.PROCOUNTOR_PROBE_SECONDS)


def _tell(action: str, environment: str, **facts: Any) -> None:
    data = {"environment": environment} | facts
    acted.send(Circuit, action=action, tenant=None, by=None, data=data)
