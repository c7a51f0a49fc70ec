"""Numbers of invoices that have expired: they were in Procountor once, and are never taken in a
second time. Kept as keyed digests, from which nobody can read a number."""

from __future__ import annotations

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

    def refusal(self, number: str) -> str:
        """The problem's code for which an unknown number cannot be taken in; "" when it can. With
        another key nobody can tell which numbers were there: then none can."""
        if self._any and self._rows.filter(digest=digest_of(self._tenant, number)).exists():
            return "number_expired"
        return "numbers_unreadable" if self._unreadable else ""
