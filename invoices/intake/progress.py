"""How far reading a file of any size has come, and where its bytes come from."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Protocol

from invoices.document import Problem

BLOCK_BYTES = 1 << 20


class Source(Protocol):
    """What is read: seekable, of bytes. Nothing but these two is asked of it."""

    def read(self, size: int = -1, /) -> bytes: ...

    def seek(self, offset: int, whence: int = 0, /) -> int: ...


@dataclass
class Progress:
    """`done_bytes` of the source are behind the invoice read last; `problems` are about the file
    as a whole; `kept` is closed when nobody reads any more."""

    size: int
    done_bytes: int = 0
    problems: list[Problem] = field(default_factory=list)
    kept: ExitStack = field(default_factory=ExitStack)


def blocks(source: Source, start: int = 0) -> Iterator[bytes]:
    """The bytes from `start` on, a block at a time."""
    source.seek(start)
    while block := source.read(BLOCK_BYTES):
        yield block


def between(source: Source, start: int, end: int) -> bytes:
    """The bytes from one offset to another; the caller sees to it that they fit in memory."""
    source.seek(start)
    parts, missing = [], end - start
    while missing > 0 and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)
