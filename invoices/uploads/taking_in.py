"""Has what a person confirmed filed in the background, and stopped when a person says so.

A file is received once, however often its worker is killed; what was taken in stays, whatever
happens to the rest.
"""

from __future__ import annotations

import time
from functools import partial

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django_q.tasks import async_task

from integrations.models import Tenant
from invoices import audit, filing
from invoices.enums import ReceivedVia
from invoices.filing_models import FilingRun, RunState
from invoices.intake import ColumnMapping
from invoices.models import ReceivedFile
from invoices.upload_models import StagedFile, StagedState, Upload, UploadState
from invoices.uploads import refuse_closed, staging
from invoices.uploads.work import MOST_TRIES, Stopped, Work

_TURN_SECONDS = 2.0
#: Less than a background task may take; the next one goes on.
_MOST_SECONDS = 300.0
#: States in which nothing has been decided yet.
UNDECIDED = (UploadState.PREVIEWING, UploadState.PREVIEWED, UploadState.FAILED)


_OVER = (StagedState.TAKEN_IN, StagedState.PARTLY)


class NotPossible(Exception):
    """The upload is in another state by now."""


def look_soon(upload: Upload) -> None:
    """Have it looked at in the background, once this is committed."""
    transaction.on_commit(partial(async_task, "invoices.tasks.preview_upload", upload.pk))


def look_again(upload: Upload, *, files: list[StagedFile]) -> None:
    """Have these files of an undecided upload looked at anew. Raises NotPossible, TenantClosed."""
    with transaction.atomic():
        _open_tenant(upload)
        _move(upload, UNDECIDED, UploadState.PREVIEWING, failure="")
        # Of a file that is received already there is nothing left to look at.
        chosen = StagedFile.objects.filter(pk__in=[file.pk for file in files], received=None)
        chosen.update(state=StagedState.WAITING, done_bytes=0, counts={}, sums={}, causes=[])
        look_soon(upload)


def confirm(upload: Upload, *, queue: bool, by: User) -> None:
    """Have all files of the upload taken in. Raises NotPossible, TenantClosed."""
    with transaction.atomic():
        _open_tenant(upload)
        _move(
            upload,
            (UploadState.PREVIEWED,),
            UploadState.TAKING_IN,
            queue=queue,
            confirmed_by=by,
        )
        files = [{"name": file.name, "sha256": file.sha256} for file in _files(upload)]
        facts = {"upload": upload.pk, "files": files, "queue": queue}
        audit.record("upload.confirmed", tenant=upload.tenant, by=by, data=facts)
        take_in_soon(upload)


def take_in_soon(upload: Upload) -> None:
    transaction.on_commit(partial(async_task, "invoices.tasks.take_in_upload", upload.pk))


def discard(upload: Upload, *, by: User | None) -> None:
    """Delete what nobody has decided to take in. Raises NotPossible."""
    with transaction.atomic():
        over = {"finished_at": timezone.now()}
        _move(upload, UNDECIDED, UploadState.DISCARDED, **over)
        upload.files.filter(received=None).update(state=StagedState.LEFT)
        staging.forget_contents(upload)
        facts = {"upload": upload.pk, "files": [file.sha256 for file in _files(upload)]}
        audit.record("upload.discarded", tenant=upload.tenant, by=by, data=facts)


def cancel(upload: Upload, *, by: User) -> None:
    """Stop taking in: what is in stays. Raises NotPossible."""
    with transaction.atomic():
        # Waits for a worker that is in the middle of a transaction.
        over = {"finished_at": timezone.now()}
        _move(upload, (UploadState.TAKING_IN,), UploadState.CANCELLED, **over)
        for file in _files(upload).exclude(state__in=_OVER):
            file.state = _cancelled(file, by)
            file.save(update_fields=["state"])
        staging.forget_contents(upload)
        states = {file.sha256: file.state for file in _files(upload)}
        facts = {"upload": upload.pk, "files": states}
        audit.record("upload.cancelled", tenant=upload.tenant, by=by, data=facts)


def _cancelled(file: StagedFile, by: User) -> StagedState:
    """Stop the file's run, and say what that makes of it."""
    run = filing.run_of(file.received) if file.received else None
    if run is None:
        return StagedState.LEFT
    return StagedState.PARTLY if filing.cancel(run, by=by) else StagedState.TAKEN_IN


def run(pk: int) -> bool:
    """Take in the files of a confirmed upload. False when there was nothing to do, a person decided
    otherwise meanwhile, or somebody else goes on with one of the files."""
    work = Work.take(pk, UploadState.TAKING_IN)
    if work is None:
        return False
    try:
        if work.upload.tries > MOST_TRIES:
            work.move(UploadState.FAILED, failure="too_often", finished_at=timezone.now())
            return False
        ends_at = time.monotonic() + _MOST_SECONDS
        for file in _files(work.upload).exclude(state__in=_OVER):
            if not _take_in(work, file, ends_at):
                work.let_go()
                if time.monotonic() >= ends_at:
                    async_task("invoices.tasks.take_in_upload", pk)
                return False
        work.move(UploadState.DONE, finished_at=timezone.now())
    except filing.TenantClosed:
        work.move(UploadState.FAILED, failure="tenant_closed", finished_at=timezone.now())
        return False
    except (Stopped, staging.ContentGone):
        return False
    return True


def _take_in(work: Work, file: StagedFile, ends_at: float) -> bool:
    """False when another worker has the file, or time is over. Raises Stopped, TenantClosed."""
    run = _begun(work, file)
    ended = False
    while not ended:
        before = run.items
        ended = filing.go_on(run, seconds=_TURN_SECONDS, moved=lambda run: work.sign())
        work.sign()
        if not ended and (run.items == before or time.monotonic() >= ends_at):
            return False
    is_whole = run.state == RunState.DONE
    file.state = StagedState.TAKEN_IN if is_whole else StagedState.PARTLY
    file.save(update_fields=["state"])
    if run.state == RunState.REFUSED:
        refuse_closed(Tenant.objects.get(pk=work.tenant.pk))
    return True


def _begun(work: Work, file: StagedFile) -> FilingRun:
    """The file's run, begun once: a worker may have died when it was begun and not noted yet."""
    work.sign()
    if file.received is None:
        file.received = _found(work, file)
    if file.received is None:
        file.received = filing.begin(
            work.tenant,
            file.name,
            staging.source_of(file),
            via=ReceivedVia.UPLOAD,
            by=work.upload.confirmed_by,
            queue=bool(work.upload.queue),
            mapping=ColumnMapping.from_json(file.mapping) if file.mapping else None,
        ).received
    with transaction.atomic():
        work.sign()
        file.save(update_fields=["received"])
        # Its bytes are evidence now.
        staging.forget_contents(work.upload, file)
    found = filing.run_of(file.received)
    assert found is not None  # `begin` makes one
    return found


def _found(work: Work, file: StagedFile) -> ReceivedFile | None:
    """A received file of this upload that no staged file is noted for."""
    rows = ReceivedFile.objects.filter(
        tenant=work.tenant,
        sha256=file.sha256,
        name=file.name,
        received_via=ReceivedVia.UPLOAD,
        received_by=work.upload.confirmed_by,
        received_at__gte=work.upload.made_at,
        run__isnull=False,
        staged=None,
    )
    return rows.defer("content").order_by("pk").first()


def _files(upload: Upload) -> QuerySet[StagedFile]:
    files = upload.files.defer("sample", "received__content")
    return files.select_related("received").order_by("position")


def _open_tenant(upload: Upload) -> None:
    """Whoever ends the connection waits, or has done so before."""
    rows = Tenant.objects.select_for_update(no_key=True)
    refuse_closed(rows.filter(pk=upload.tenant_id or 0).first())


def _move(upload: Upload, old: tuple[str, ...], new: str, **fields: object) -> None:
    fields |= {"holder": "", "tries": 0, "seen_at": timezone.now()}
    if not Upload.objects.filter(pk=upload.pk, state__in=old).update(state=new, **fields):
        raise NotPossible
    upload.refresh_from_db()
