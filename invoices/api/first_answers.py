"""`Idempotency-Key` (IETF draft-ietf-httpapi-idempotency-key-header): a request that is repeated
with its key takes effect once and gets the first answer again, byte for byte.

A row is committed before the work; the work and its answer are one transaction. So a process that
dies leaves either both, or a row whose lease ends. Answers are kept for API_ANSWER_HOURS, for all
tokens of a tenant together.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import re
import zlib
from collections.abc import Callable

from django.conf import settings
from django.db import IntegrityError, transaction
from django.http import HttpRequest, HttpResponse
from django.utils import timezone

from integrations.models import Tenant
from invoices.api.problems import ApiProblem
from invoices.api_models import ApiAnswer

#: Longer than a web server lets a request run.
LEASE = dt.timedelta(minutes=5)
REPLAYED = "Idempotency-Replayed"
_KEY = re.compile(r'"([\x21\x23-\x5b\x5d-\x7e]{1,255})"|([\x21\x23-\x5b\x5d-\x7e]{1,255})')
_KEPT_HEADERS = ("Content-Type", "Content-Language", "Location")
_RETRY_SECONDS = "1"


class KeyReused(Exception):
    """The key belongs to another request."""


def key_of(request: HttpRequest) -> str:
    """The request's key without quotation marks, "" when it has none. Raises ApiProblem."""
    header = request.headers.get("Idempotency-Key")
    if header is None:
        return ""
    found = _KEY.fullmatch(header.strip())
    if found is None:
        raise ApiProblem("idempotency-key-wrong")
    return found[1] or found[2]


def fingerprint_of(request: HttpRequest, body: bytes) -> str:
    """What makes a request the same: method, path, body."""
    head = f"{request.method} {request.path}\n".encode()
    return hashlib.sha256(head + body).hexdigest()


def once(
    tenant: Tenant, key: str, fingerprint: str, work: Callable[[], HttpResponse]
) -> HttpResponse:
    """The answer of `work`, or the one it gave the first time.

    `work` runs inside a transaction that also keeps its answer; if it raises, nothing of it is
    kept and the key is free again. Raises KeyReused, and ApiProblem while the first is under way.
    """
    held = _begin(tenant, key, fingerprint)
    if held.status is not None:
        return _again(held)
    try:
        with transaction.atomic():
            response = work()
            _keep(held, response)
    except BaseException:
        _mine(held).delete()
        raise
    return response


def forget() -> int:
    """Delete the answers whose time is over; returns how many."""
    before = timezone.now() - dt.timedelta(hours=settings.API_ANSWER_HOURS)
    return ApiAnswer.objects.filter(started_at__lt=before).delete()[0]


def _begin(tenant: Tenant, key: str, fingerprint: str) -> ApiAnswer:
    """A row to do the work under, or the one that has its answer."""
    now = timezone.now()
    fresh = ApiAnswer(
        tenant=tenant, key=key, fingerprint=fingerprint, started_at=now, lease_until=now + LEASE
    )
    try:
        with transaction.atomic():
            fresh.save(force_insert=True)
            return fresh
    except IntegrityError:
        known = ApiAnswer.objects.filter(tenant=tenant, key=key).first()
    if known is None:  # its time ended, or its work failed, between the two statements
        raise ApiProblem("request-in-progress", headers={"Retry-After": _RETRY_SECONDS})
    if known.fingerprint != fingerprint:
        raise KeyReused(key)
    if known.status is not None:
        return known
    return _taken_over(known, now)


def _taken_over(known: ApiAnswer, now: dt.datetime) -> ApiAnswer:
    """The row of a request that died; its work left nothing behind."""
    ended = _mine(known).filter(lease_until__lte=now)
    if not ended.update(lease_until=now + LEASE):
        raise ApiProblem("request-in-progress", headers={"Retry-After": _RETRY_SECONDS})
    known.lease_until = now + LEASE
    return known


def _mine(held: ApiAnswer):  # type: ignore[no-untyped-def]
    return ApiAnswer.objects.filter(pk=held.pk, lease_until=held.lease_until, status=None)


def _keep(held: ApiAnswer, response: HttpResponse) -> None:
    kept = {name: response[name] for name in _KEPT_HEADERS if name in response}
    body = zlib.compress(response.content)
    if not _mine(held).update(status=response.status_code, headers=kept, body=body):
        # Another took it over: this one's work is rolled back.
        raise ApiProblem("request-in-progress", headers={"Retry-After": _RETRY_SECONDS})


def _again(kept: ApiAnswer) -> HttpResponse:
    response = HttpResponse(zlib.decompress(bytes(kept.body)), status=kept.status)
    for name, value in kept.headers.items():
        response[name] = value
    response[REPLAYED] = "true"
    return response
