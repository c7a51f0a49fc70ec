"""Forgets who asked for an activation, once the request has been over for long enough.

Name and e-mail are the person's; that somebody asked, when, and what came of it stays.
"""

from __future__ import annotations

import datetime as dt

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Coalesce
from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from integrations.activation.activations import tell
from integrations.activation.models import ActivationRequest, ActivationState

KEPT = dt.timedelta(days=30)
#: Nothing more happens to these by themselves.
_OVER = (
    ActivationState.DECIDED,
    ActivationState.EXPIRED,
    ActivationState.UNKNOWN,
    ActivationState.REFUSED,
    ActivationState.CLOSED,
)


def forget_initiators() -> int:
    """Daily: note which requests are over, and forget who made those that are for KEPT; returns
    how many."""
    now = timezone.now()
    _note_ends(now)
    due = _with_initiator().filter(over_since__lt=now - KEPT)
    count = 0
    for request in due:
        with transaction.atomic():
            # One that was taken up again meanwhile has no end.
            mine = ActivationRequest.objects.filter(pk=request.pk, over_since=request.over_since)
            if mine.update(initiator_name="", initiator_email="", initiator_forgotten_at=now):
                tell(request, "activation.initiator_forgotten")
                count += 1
    return count


def _note_ends(now: dt.datetime) -> None:
    """An end that nobody has noted is at its answer or now; one that was taken back has none."""
    requests = ActivationRequest.objects.all()
    over = Q(state__in=_OVER)
    requests.filter(over, over_since=None).update(over_since=Coalesce(F("answered_at"), now))
    waiting = _with_initiator().filter(state=ActivationState.KNOWN)
    expired = [request.pk for request in waiting if _has_expired(request.expires, now)]
    requests.filter(pk__in=expired, over_since=None).update(over_since=now)
    requests.filter(~over, over_since__isnull=False).exclude(pk__in=expired).update(over_since=None)


def _with_initiator() -> QuerySet[ActivationRequest]:
    return ActivationRequest.objects.exclude(initiator_name="", initiator_email="")


def _has_expired(text: str, now: dt.datetime) -> bool:
    """Whether Procountor's word for the end lies behind us; one that we cannot read does not."""
    try:
        moment, day = parse_datetime(text), parse_date(text[:10])
    except ValueError:
        return False
    if moment is not None:
        aware = moment if timezone.is_aware(moment) else timezone.make_aware(moment)
        return aware < now
    return day is not None and day < timezone.localdate(now)
