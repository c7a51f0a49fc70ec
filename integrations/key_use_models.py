"""Uses of a key that leave no row elsewhere, written by `integrations.key_uses` only."""

from __future__ import annotations

from django.db import models


class KeyUse(models.Model):
    """Uses of one key for one purpose, counted together until the connection ends, and anew
    after each end: `ended_at` is when it had ended as the use happened, None before."""

    class Kind(models.TextChoices):
        TOKEN = "token"  # nosec B105
        READ_BACK = "read_back"

    credential = models.ForeignKey("integrations.Credential", models.PROTECT, related_name="uses")
    kind = models.CharField(max_length=10, choices=Kind)
    ended_at = models.DateTimeField(null=True)
    count = models.PositiveIntegerField(default=0)
    last_at = models.DateTimeField()

    class Meta:
        indexes = [models.Index(fields=["credential", "kind"], name="key_uses_of_a_key")]

    def __str__(self) -> str:
        return f"{self.credential} {self.kind}: {self.count}"
