"""One worker at a time on an upload: taking it up, giving signs of life, and being stopped."""

from __future__ import annotations

import datetime as dt
import secrets
import time
from typing import Any

from django.db.models import F, Q
from django.utils import timezone

from integrations.models import Tenant
from invoices.upload_models import Upload

#: Without a sign of life for so long whoever works on it is taken to be dead: longer than the first
#: look through the columns of the largest table.
LOST_AFTER = dt.timedelta(minutes=5)
#: So often work that died is begun anew.
MOST_TRIES = 5
_SIGN_SECONDS = 1.0


class Stopped(Exception):
    """A person has decided otherwise, or somebody else works on it by now."""


class Work:
    """The right to work on an upload in one state, until `Stopped` says that it is over."""

    def __init__(self, upload: Upload) -> None:
        self.upload = upload
        self._noted_at = 0.0

    @classmethod
    def take(cls, pk: int, state: str) -> Work | None:
        """Begin, unless it is not in that state, or somebody else is at it."""
        now, holder = timezone.now(), secrets.token_hex(16)
        free = Q(holder="") | Q(seen_at=None) | Q(seen_at__lt=now - LOST_AFTER)
        taken = Upload.objects.filter(free, pk=pk, state=state).update(
            holder=holder, seen_at=now, tries=F("tries") + 1
        )
        if not taken:
            return None
        return cls(Upload.objects.select_related("tenant", "made_by", "confirmed_by").get(pk=pk))

    @property
    def tenant(self) -> Tenant:
        assert self.upload.tenant is not None  # it has one in every state but RECEIVING
        return self.upload.tenant

    @property
    def _mine(self) -> Any:
        upload = self.upload
        return Upload.objects.filter(pk=upload.pk, state=upload.state, holder=upload.holder)

    def is_due(self) -> bool:
        """Whether it is time for the next sign of life."""
        return time.monotonic() - self._noted_at >= _SIGN_SECONDS

    def sign(self) -> None:
        """Raises Stopped."""
        if not self._mine.update(seen_at=timezone.now()):
            raise Stopped
        self._noted_at = time.monotonic()

    def let_go(self) -> None:
        """For whoever comes next; what was done counts as no failed try."""
        self._mine.update(holder="", tries=0)

    def move(self, state: str, **fields: Any) -> None:
        """On to another state, where nobody works on it yet. Raises Stopped."""
        fields |= {"holder": "", "tries": 0, "seen_at": timezone.now()}
        if not self._mine.update(state=state, **fields):
            raise Stopped
