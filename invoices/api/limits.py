"""How often a token may be used, over all processes and machines.

One row for each token, moved on by one UPDATE by the database's clock: a minute's allowance may be
used at once and comes back evenly. A large body costs more, so that what is kept of what nobody
can read is bounded too.
"""

from __future__ import annotations

import math

from django.conf import settings
from django.db import connection
from django.http import HttpRequest
from ninja.throttling import BaseThrottle

from invoices.api.problems import ApiProblem
from invoices.api_models import ApiAllowance, ApiToken

WINDOW_SECONDS = 60.0
#: A request costs one, and one more for each of these.
BYTES_A_TURN = 100_000

_NOW = {
    "postgresql": "EXTRACT(EPOCH FROM clock_timestamp())::double precision",
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
}


class TokenThrottle(BaseThrottle):
    """django-ninja asks it once the token is known."""

    def allow_request(self, request: HttpRequest) -> bool:
        """True, or raises ApiProblem with Retry-After. One instance serves all threads, so it
        keeps no seconds for the library's own answer."""
        length = request.META.get("CONTENT_LENGTH") or "0"
        size_bytes = int(length) if length.isdecimal() else 0
        wait_seconds = take(request.auth, size_bytes)  # type: ignore[attr-defined]
        if wait_seconds:
            headers = {"Retry-After": str(int(wait_seconds))}
            raise ApiProblem("too-many-requests", headers=headers)
        return True


def take(token: ApiToken, size_bytes: int) -> float:
    """Use the token once, for a body of `size_bytes`. 0 when it may be; else nothing was taken,
    and the seconds until it may."""
    allowed = settings.API_REQUESTS_PER_MINUTE
    cost = min(1 + size_bytes // BYTES_A_TURN, allowed)
    seconds = cost * WINDOW_SECONDS / allowed
    now = _NOW[connection.vendor]
    # A moment further off was written by a clock that has been put right since.
    start = f"CASE WHEN full_at BETWEEN {now} AND {now} + %s THEN full_at ELSE {now} END"
    # Only the constants above are put into the statement; values are parameters.
    statement = (
        f"UPDATE invoices_apiallowance SET full_at = {start} + %s "  # nosec B608
        f"WHERE token_id = %s AND {start} + %s <= {now} + %s"
    )
    values = [WINDOW_SECONDS, seconds, token.pk, WINDOW_SECONDS, seconds, WINDOW_SECONDS]
    with connection.cursor() as cursor:
        cursor.execute(statement, values)
        if cursor.rowcount:
            return 0.0
        # A token's first request has no row yet; another thread may just have made it.
        ApiAllowance.objects.bulk_create([ApiAllowance(token=token)], ignore_conflicts=True)
        cursor.execute(statement, values)
        if cursor.rowcount:
            return 0.0
    return float(max(1, math.ceil(_waits(token) + seconds - WINDOW_SECONDS)))


def _waits(token: ApiToken) -> float:
    """Seconds until the token's whole allowance is free."""
    now = _NOW[connection.vendor]
    statement = f"SELECT full_at - {now} FROM invoices_apiallowance WHERE token_id = %s"  # nosec B608
    with connection.cursor() as cursor:
        cursor.execute(statement, [token.pk])
        row = cursor.fetchone()
    return max(0.0, float(row[0])) if row else 0.0
