"""`/healthz` and `/readyz`, for load balancers and monitors: codes only, no tenant, no person.

Answered by a middleware in the first place, before hosts, TLS, sessions and languages are looked
at: a balancer asks by plain http and by the machine's own address, and Django has no setting that
exempts a path from ALLOWED_HOSTS. Nothing here reads the Host header.
"""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import Error as AnyDatabaseError
from django.db import connection
from django.db.migrations.loader import MigrationLoader
from django.db.migrations.recorder import MigrationRecorder
from django.http import HttpRequest, HttpResponse, HttpResponseBase, JsonResponse
from django.utils import timezone
from django.views.decorators.http import require_safe
from django_q.brokers import get_broker

from invoices.watch import beat
from invoices.watch.findings import SIGNS_OF_LIFE, Signs, evaluate

logger = logging.getLogger(__name__)

#: Anyone may ask, so what an answer writes is written at most this often.
_WRITE_EVERY_SECONDS = 5

_Answer = Callable[[HttpRequest], HttpResponseBase]


class HealthMiddleware:
    """Answers the two addresses itself and passes every other request on."""

    def __init__(self, get_response: _Answer) -> None:
        self.get_response = get_response
        self.answers: dict[str, _Answer] = {"/healthz": healthz, "/readyz": readyz}

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        answer = self.answers.get(request.path_info)
        if answer is None:
            return self.get_response(request)
        response = answer(request)
        response["Cache-Control"] = "no-store"
        return response


@require_safe
def healthz(request: HttpRequest) -> HttpResponse:
    """200 when this process answers and the database answers one query, else 503."""
    alive = _reachable()
    return HttpResponse(
        "live" if alive else "database", status=200 if alive else 503, content_type="text/plain"
    )


@require_safe
def readyz(request: HttpRequest) -> JsonResponse:
    """200 when this machine can do its work and the workers do theirs, else 503 and why."""
    codes = not_ready()
    return JsonResponse({"ready": not codes, "codes": codes}, status=503 if codes else 200)


def not_ready() -> list[str]:
    """Codes of what is missing: database_unreachable, migrations_missing, database_read_only,
    cache_failed, broker_unreachable, and the findings about signs of life."""
    if not _reachable():
        return ["database_unreachable"]
    if not _migrated():
        return ["migrations_missing"]
    codes = [] if _writable() else ["database_read_only"]
    codes += [] if _works("cache", _cache_remembers) else ["cache_failed"]
    codes += [] if _works("broker", lambda: bool(get_broker().ping())) else ["broker_unreachable"]
    return codes + [finding.code for finding in evaluate(Signs.read(), SIGNS_OF_LIFE)]


def _reachable() -> bool:
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
    except AnyDatabaseError as error:
        logger.warning("the database does not answer: %s", type(error).__name__)
        return False
    return True


@functools.cache
def _newest_migrations() -> frozenset[tuple[str, str]]:
    # They come with the code, so a process reads them from disk once.
    return frozenset(MigrationLoader(None).graph.leaf_nodes())


def _migrated() -> bool:
    try:
        applied = MigrationRecorder(connection).migration_qs.values_list("app", "name")
        return _newest_migrations() <= set(applied)
    except AnyDatabaseError:
        return False  # not even the table of migrations is there


def _writable() -> bool:
    try:
        beat("web")
    except AnyDatabaseError as error:
        logger.warning("the database takes no write: %s", type(error).__name__)
        return False
    return True


def _cache_remembers() -> bool:
    now = timezone.now().timestamp()
    if 0 <= now - cache.get("readyz", 0.0) < _WRITE_EVERY_SECONDS:
        return True
    cache.set("readyz", now, 60)
    return bool(cache.get("readyz") == now)


def _works(name: str, probe: Callable[[], bool]) -> bool:
    try:
        return probe()
    except Exception as error:
        # Each cache and each broker raises errors of its own library; all mean the same here.
        logger.warning("%s does not work: %s", name, type(error).__name__)
        return False
