"""The bytes of received files: in the file's own row while they are few, else in pieces. Nobody
holds a large file in memory: it is written and read a piece at a time."""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator
from typing import Any, BinaryIO

from django.db import transaction

from invoices.filing_models import ReceivedPiece
from invoices.models import ReceivedFile

#: A smaller file is one row.
INLINE_BYTES = 4_000_000
PIECE_BYTES = 1 << 20


def measured(source: Any) -> tuple[str, int]:
    """SHA-256 (hex) and size of what is to be kept; read from its beginning."""
    digest, size = hashlib.sha256(), 0
    for part in _parts(source):
        digest.update(part)
        size += len(part)
    return digest.hexdigest(), size


def keep(source: Any, *, sha256: str, size: int, **fields: Any) -> ReceivedFile:
    """Store a file that was `measured`, with the other fields of its row, in one transaction.
    `source` is seekable and of bytes."""
    is_small = size <= INLINE_BYTES
    source.seek(0)
    content = source.read(size) if is_small else b""
    with transaction.atomic():
        received = ReceivedFile.objects.create(content=content, sha256=sha256, size=size, **fields)
        if not is_small:
            for number, part in enumerate(_parts(source)):
                ReceivedPiece.objects.create(file=received, number=number, content=part)
    return received


def _parts(source: Any) -> Iterator[bytes]:
    source.seek(0)
    while part := source.read(PIECE_BYTES):
        # A source may give less than was asked for; the pieces all have one size but the last.
        while len(part) < PIECE_BYTES and (more := source.read(PIECE_BYTES - len(part))):
            part += more
        yield part


def chunks(received: ReceivedFile) -> Iterator[bytes]:
    """The file from its beginning to its end."""
    if not is_in_pieces(received):
        yield bytes(received.content)
        return
    for number in range(-(-received.size // PIECE_BYTES)):
        yield piece(received.pk, number)


def is_in_pieces(received: ReceivedFile) -> bool:
    return received.size > 0 and not received.content


def piece(file_pk: int, number: int) -> bytes:
    rows = ReceivedPiece.objects.filter(file=file_pk, number=number)
    return bytes(rows.values_list("content", flat=True).get())


def opened(received: ReceivedFile) -> BinaryIO:
    """The file for reading and seeking."""
    if not is_in_pieces(received):
        return io.BytesIO(bytes(received.content))
    return io.BufferedReader(_Pieces(received), PIECE_BYTES)


class _Pieces(io.RawIOBase):
    """The piece read last is kept, and no other."""

    def __init__(self, received: ReceivedFile) -> None:
        self._file, self._size = received.pk, received.size
        self._at, self._number, self._piece = 0, -1, b""

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = base + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def readinto(self, buffer: Any) -> int:
        if self._at >= self._size:
            return 0
        number, begin = divmod(self._at, PIECE_BYTES)
        if number != self._number:
            self._number, self._piece = number, piece(self._file, number)
        part = self._piece[begin : begin + len(buffer)]
        buffer[: len(part)] = part
        self._at += len(part)
        return len(part)
