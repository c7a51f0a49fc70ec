"""Keeps the bytes of uploaded files as rows, a piece at a time, and gives them back as a stream.

No file is ever held in memory or on a disk of the web server: whichever machine works on it reads
its pieces from the database.
"""

from __future__ import annotations

import hashlib
import io
from typing import Any, BinaryIO, NoReturn

from django.contrib.auth.models import User
from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.db import transaction
from django.http import HttpRequest
from django.utils import timezone

from integrations.models import Tenant
from invoices import audit
from invoices.intake.values import storable
from invoices.upload_models import (
    StagedFile,
    StagedInvoice,
    StagedPiece,
    StagedProblem,
    Upload,
    UploadState,
)

PIECE_BYTES = 1_000_000
#: What one upload may hold; a format may allow less.
MAX_BYTES = 1_000_000_000
MAX_FILES = 50
_SIGN_EVERY = 10


class Staged(UploadedFile):  # type: ignore[type-arg]
    """What a form gets in place of a file: the row that has it."""

    def __init__(self, row: StagedFile) -> None:
        super().__init__(file=io.BytesIO(), name=row.name, size=row.size)
        self.row = row


class StagingHandler(FileUploadHandler):
    """Writes uploaded files to pieces of a new `Upload` while they arrive.

    The upload stays RECEIVING, and is nobody's business, until the request has been found good.
    `refused` names the files that were not kept, with "too_many" or "too_large".
    """

    chunk_size = PIECE_BYTES

    def __init__(self, request: HttpRequest, by: User) -> None:
        super().__init__(request)
        self.by = by
        self.upload: Upload | None = None
        self.refused: list[tuple[str, str]] = []
        self.total = self.files = 0

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        super().new_file(*args, **kwargs)
        self.files += 1
        if self.files > MAX_FILES:
            self._refuse("too_many")
        if self.upload is None:
            self.upload = Upload.objects.create(made_by=self.by, seen_at=timezone.now())
        self.row = StagedFile.objects.create(
            upload=self.upload, position=self.files, name=storable((self.file_name or "")[-200:])
        )
        self.digest, self.size, self.pieces = hashlib.sha256(), 0, 0
        self.rest = bytearray()

    def receive_data_chunk(self, raw_data: bytes, start: int) -> None:
        self.total += len(raw_data)
        if self.total > MAX_BYTES:
            self.row.delete()
            self._refuse("too_large")
        self.digest.update(raw_data)
        self.size += len(raw_data)
        self.rest += raw_data
        while len(self.rest) >= PIECE_BYTES:
            self._keep(bytes(self.rest[:PIECE_BYTES]))
            del self.rest[:PIECE_BYTES]

    def file_complete(self, file_size: int) -> Staged:
        if self.rest:
            self._keep(bytes(self.rest))
        self.row.size, self.row.sha256 = self.size, self.digest.hexdigest()
        self.row.save(update_fields=["size", "sha256"])
        return Staged(self.row)

    def _refuse(self, why: str) -> NoReturn:
        self.refused.append((self.file_name or "", why))
        raise SkipFile

    def _keep(self, content: bytes) -> None:
        StagedPiece.objects.create(file=self.row, number=self.pieces, content=content)
        self.pieces += 1
        if self.pieces % _SIGN_EVERY == 0 and self.upload:
            Upload.objects.filter(pk=self.upload.pk).update(seen_at=timezone.now())

    def drop(self) -> None:
        """Forget what has been staged: the request was not good."""
        if self.upload is not None:
            drop(self.upload)


def accept(upload: Upload, tenant: Tenant, *, by: User) -> None:
    """The request was good: the files of `upload` are the tenant's, and are to be looked at."""
    with transaction.atomic():
        upload.tenant, upload.state = tenant, UploadState.PREVIEWING
        upload.seen_at = timezone.now()
        upload.save(update_fields=["tenant", "state", "seen_at"])
        files = [
            {"name": file.name, "sha256": file.sha256, "size": file.size}
            for file in upload.files.all()
        ]
        facts = {"upload": upload.pk, "files": files}
        audit.record("upload.staged", tenant=tenant, by=by, data=facts)


def drop(upload: Upload) -> None:
    """Delete an upload that never became one."""
    with transaction.atomic():
        forget_contents(upload)
        StagedFile.objects.filter(upload=upload).delete()
        Upload.objects.filter(pk=upload.pk, state=UploadState.RECEIVING).delete()


def forget_contents(upload: Upload, file: StagedFile | None = None) -> None:
    """Delete everything of the upload's files, or of one of them, that holds personal data."""
    files = StagedFile.objects.filter(upload=upload)
    if file is not None:
        files = files.filter(pk=file.pk)
    pks = list(files.values_list("pk", flat=True))
    for model in (StagedPiece, StagedInvoice, StagedProblem):
        rows = model._default_manager.filter(file__in=pks)
        rows._raw_delete(rows.db)
    # Values of the files stand in problems, and headings are the customer's words.
    files.update(sample=None, problems=[], causes=[])


def source_of(file: StagedFile) -> BinaryIO:
    """The bytes of a staged file as a seekable stream that holds one piece in memory."""
    return io.BufferedReader(_Pieces(file), PIECE_BYTES)


class _Pieces(io.RawIOBase):
    def __init__(self, file: StagedFile) -> None:
        self._file, self._at = file, 0
        self._number, self._piece = -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        begin = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._file.size}[whence]
        if begin + offset < 0:
            raise ValueError("before the beginning")
        self._at = begin + offset
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._file.size:
            return 0
        number, inside = divmod(self._at, PIECE_BYTES)
        if number != self._number:
            rows = StagedPiece.objects.filter(file=self._file, number=number)
            found = rows.values_list("content", flat=True).first()
            if found is None:
                raise ContentGone(self._file.pk)
            self._number, self._piece = number, bytes(found)
        part = self._piece[inside : inside + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)


class ContentGone(OSError):
    """The pieces were deleted while somebody read them: the upload was discarded meanwhile."""
