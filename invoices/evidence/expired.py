"""The hashes of chains whose rows have expired, and what is known of those rows from their
certificates. Reads only."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from invoices.evidence_models import EvidenceChain
from invoices.retention_models import (
    DeletionCertificate,
    ExpiredHashes,
    Expiry,
    ExpiryStage,
    ExpiryState,
)

_SIZE = 32
#: Links of one row of `ExpiredHashes`.
AT_ONCE = 2000


class Hashes:
    """The hashes of an expired chain by position; one piece of them in memory. Position 0 is the
    chain's genesis. Raises LookupError for a position that is not there."""

    def __init__(self, chain: EvidenceChain) -> None:
        self.chain = chain
        self._first, self._piece = 0, b""

    @cached_property
    def count(self) -> int:
        newest = self._rows().order_by("-first").first()
        return newest.first - 1 + len(newest.hashes) // _SIZE if newest else 0

    def __getitem__(self, position: int) -> bytes:
        if position == 0:
            return bytes(self.chain.genesis)
        if not self._first <= position < self._first + len(self._piece) // _SIZE:
            row = self._rows().filter(first__lte=position).order_by("-first").first()
            if row is None:
                raise LookupError(position)
            self._first, self._piece = row.first, bytes(row.hashes)
        start = (position - self._first) * _SIZE
        found = self._piece[start : start + _SIZE]
        if len(found) != _SIZE or not self._first:
            raise LookupError(position)
        return found

    def get(self, position: int) -> bytes:
        """The same; b"" for a position that is not there."""
        try:
            return self[position]
        except LookupError:
            return b""

    def sha256(self) -> str:
        """SHA-256 (hex) of all of them, one after the other."""
        found = hashlib.sha256()
        for piece in self.pieces():
            found.update(piece)
        return found.hexdigest()

    def pieces(self) -> Iterator[bytes]:
        """All of them, one after the other."""
        stored = self._rows().order_by("first").values_list("hashes", flat=True)
        yield from map(bytes, stored.iterator())

    def _rows(self) -> Any:
        return ExpiredHashes.objects.filter(chain=self.chain)


def expiry_of(chain: EvidenceChain) -> Expiry | None:
    """The deletion that rows of this chain may have gone by; None while none can have."""
    begun = Expiry.objects.filter(chain=chain, state__in=(ExpiryState.RUNNING, ExpiryState.DONE))
    expiry = begun.first()
    return None if expiry is None or expiry.stage == ExpiryStage.HASHES else expiry


def certificates_of(tenant_pk: int | None) -> list[DeletionCertificate]:
    return list(DeletionCertificate.objects.filter(tenant=tenant_pk).order_by("pk"))


def facts_of(certificate: DeletionCertificate) -> dict[str, Any]:
    """What a certificate says. Raises ValueError when it is not JSON."""
    found: dict[str, Any] = json.loads(certificate.content)
    return found


def digest_of_numbers(expiry: Expiry) -> str:
    """SHA-256 (hex) of the digests of the numbers that expired with it, in order."""
    found = hashlib.sha256()
    digests = expiry.numbers.order_by("digest").values_list("digest", flat=True)
    for digest in digests.iterator():
        found.update(bytes.fromhex(digest))
    return found.hexdigest()
