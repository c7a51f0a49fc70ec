"""Numbers of invoices that have expired: they were in Procountor once, and are never taken in a
second time. Kept as keyed digests, from which nobody can read a number."""

from __future__ import annotations

from collections.abc import Collection

from integrations.secrets import fingerprint
from invoices.retention_models import ExpiredNumber


def digest_of(tenant_pk: int, number: str) -> str:
    """HMAC-SHA256 (hex) under FINGERPRINT_KEY of tenant and number."""
    return fingerprint(f"expired number\n{tenant_pk}\n{number}")


def key_id() -> str:
    """Tells apart by which FINGERPRINT_KEY a digest was made."""
    return fingerprint("key of expired numbers")[:12]


class ExpiredNumbers:
    """The expired numbers of one tenant, as they are while the tenant is locked."""

    def __init__(self, tenant_pk: int) -> None:
        self._tenant = tenant_pk
        self._rows = ExpiredNumber.objects.filter(tenant=tenant_pk)
        self._any = self._rows.exists()
        self._unreadable = self._any and self._rows.exclude(key=key_id()).exists()

    def refusals(self, numbers: Collection[str]) -> dict[str, str]:
        """The problem's code of each unknown number that cannot be taken in, by number. With
        another key nobody can tell which numbers were there: then none can. One query."""
        if not self._any:
            return {}
        codes = dict.fromkeys(numbers, "numbers_unreadable") if self._unreadable else {}
        digests = {digest_of(self._tenant, number): number for number in numbers}
        found = self._rows.filter(digest__in=list(digests)).values_list("digest", flat=True)
        return codes | {digests[digest]: "number_expired" for digest in found}
