"""Every minute: goes on with uploads whose worker died, and forgets what nobody decided about."""

from __future__ import annotations

import datetime as dt

from django.conf import settings
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from invoices.upload_models import Upload, UploadState
from invoices.uploads import staging, taking_in
from invoices.uploads.work import LOST_AFTER

#: Without a new piece for so long the browser has gone away.
_GONE_AFTER = dt.timedelta(hours=1)
_TASKS = {
    UploadState.PREVIEWING: "invoices.tasks.preview_upload",
    UploadState.TAKING_IN: "invoices.tasks.take_in_upload",
}


def follow() -> int:
    """Returns how many uploads a worker was sent to."""
    now = timezone.now()
    silent = Q(seen_at=None) | Q(seen_at__lt=now - LOST_AFTER)
    lost = list(Upload.objects.filter(silent, state__in=list(_TASKS)).values_list("pk", "state"))
    for pk, state in lost:
        async_task(_TASKS[UploadState(state)], pk)
    for upload in Upload.objects.filter(state=UploadState.RECEIVING, seen_at__lt=now - _GONE_AFTER):
        staging.drop(upload)
    old = now - dt.timedelta(days=settings.UPLOAD_DAYS)
    for upload in Upload.objects.filter(state__in=taking_in.UNDECIDED, made_at__lt=old):
        taking_in.discard(upload, by=None)
    return len(lost)
