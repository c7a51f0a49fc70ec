"""Whether what is missing of a chain was deleted as its certificate, or a deletion that goes on,
says: each row that is gone is accounted for. Reads only."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cached_property
from typing import Any

from cryptography.exceptions import InvalidSignature
from django.db import connection
from django.db.models import QuerySet

from invoices.evidence import expired, signing
from invoices.evidence.expired import Hashes
from invoices.evidence_models import EvidenceChain, EvidenceLink
from invoices.retention_models import DeletionCertificate, Expiry, ExpiryState

#: (what, table, row) of a finding.
Fault = tuple[str, str, int]


class Gone:
    """What of one chain may be missing: links up to position `to`."""

    def __init__(self, chain: EvidenceChain, expiry: Expiry) -> None:
        self.chain, self.expiry = chain, expiry
        self.hashes = Hashes(chain)
        self.to = expiry.links

    @classmethod
    def of(cls, chain: EvidenceChain) -> Gone | None:
        expiry = expired.expiry_of(chain)
        return cls(chain, expiry) if expiry else None

    def faults(self) -> Iterator[Fault]:
        """Everything that does not fit, but for what is wrong with a link or row by itself."""
        if self.hashes.count != self.to or self.hashes.get(self.to).hex() != self.expiry.head:
            yield "hashes changed", "invoices_expiredhashes", self.chain.pk
        for certificate in self._certificates:
            if not is_signed(certificate):
                yield "certificate changed", "invoices_deletioncertificate", certificate.pk
        if self.expiry.state == ExpiryState.DONE:
            yield from self._own_certificate()
        if self._entry is not None and not self._fits(self._entry):
            yield "hashes changed", "invoices_expiredhashes", self.chain.pk
        yield from self._links()

    def _own_certificate(self) -> Iterator[Fault]:
        facts = next((f for pk, f in self._facts if pk == self.expiry.pk), None)
        if facts is None:
            yield "certificate missing", "invoices_expiry", self.expiry.pk
        elif facts["numbers"] != {
            "count": self.expiry.numbers.count(),
            "sha256": expired.digest_of_numbers(self.expiry),
        }:
            yield "expired numbers changed", "invoices_expirednumber", self.expiry.pk

    def _fits(self, entry: dict[str, Any]) -> bool:
        return bool(
            entry["links"] == self.hashes.count
            and entry["last"] == self.hashes.get(self.to).hex()
            and entry["hashes_sha256"] == self.hashes.sha256()
        )

    def _links(self) -> Iterator[Fault]:
        """Links that are gone, or there, against what the newest certificate kept."""
        present, removed = self._counted()
        kept = self._kept
        expected = (self.to if kept is None else len(kept)) - removed
        if kept is not None:
            there = set(self._rows().values_list("position", flat=True))
            for position in sorted(there - kept):
                yield "link changed", "invoices_evidencelink", position
            if not removed:
                for position in sorted(kept - there):
                    yield "link removed", "invoices_evidencelink", position
                return
        if present != expected:
            yield "more deleted than recorded", "invoices_expiry", self.expiry.pk

    def _rows(self) -> QuerySet[EvidenceLink]:
        return EvidenceLink.objects.filter(chain=self.chain, position__lte=self.to)

    def _counted(self) -> tuple[int, int]:
        """How many of its links there are, and how many the deletion that runs has removed: of
        one moment, as turns go on meanwhile."""
        with connection.cursor() as cursor:
            cursor.execute(_COUNT, [self.chain.pk, self.to, self.chain.tenant_id])
            present, removed = cursor.fetchone()
        if isinstance(removed, str):
            removed = json.loads(removed)
        return present, sum((removed or {}).get(str(self.chain.pk), {}).values())

    @cached_property
    def _facts(self) -> list[tuple[int, dict[str, Any]]]:
        """(deletion, what its certificate says) of those that name this chain, the oldest first."""
        found = []
        for certificate in self._certificates:
            try:
                facts = expired.facts_of(certificate)
                if any(entry["chain"] == self.chain.pk for entry in facts["chains"]):
                    found.append((certificate.expiry_id, facts))
            except (ValueError, LookupError, TypeError):
                continue  # its signature does not fit either
        return found

    @cached_property
    def _certificates(self) -> list[DeletionCertificate]:
        return expired.certificates_of(self.chain.tenant_id)

    @cached_property
    def _entry(self) -> dict[str, Any] | None:
        """What the newest certificate says of this chain; None before there is one."""
        if not self._facts:
            return None
        entries: list[dict[str, Any]] = self._facts[-1][1]["chains"]
        return next(entry for entry in entries if entry["chain"] == self.chain.pk)

    @cached_property
    def _kept(self) -> set[int] | None:
        return None if self._entry is None else set(self._entry["kept"])


_COUNT = """
    SELECT
        (SELECT count(*) FROM invoices_evidencelink WHERE chain_id = %s AND position <= %s),
        (SELECT removed FROM invoices_expiry WHERE tenant_id = %s AND state = 'running')
"""


def is_signed(certificate: DeletionCertificate) -> bool:
    """Whether its signature is one of its content by the key that it names."""
    content = certificate.content.encode()
    try:
        signing.verify(certificate.public_key, bytes(certificate.signature), content)
    except (InvalidSignature, ValueError):
        return False
    return True
