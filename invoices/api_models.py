"""What the HTTP API keeps: tokens, how often each may be used, and first answers.

Written by `invoices.api` only. No evidence: making and revoking a token is in the audit trail, and
what comes in by one is a received file. Answers are kept for days and may name what a source sent.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class ApiToken(models.Model):
    """Lets one source act for one tenant. The token itself is shown once and kept as its SHA-256:
    it has 238 random bits, so a slow hash would protect nothing more."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="api_tokens", verbose_name=_("tenant")
    )
    name = models.CharField(
        _("name"), max_length=80, help_text=_("The system that uses it, such as “Web shop”.")
    )
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    last_four = models.CharField(_("last four"), max_length=4, editable=False)
    can_write = models.BooleanField(_("may post invoices (invoices:write)"), default=True)
    can_read = models.BooleanField(_("may read invoices and exports (invoices:read)"), default=True)
    queue = models.BooleanField(
        _("queue at once"),
        default=False,
        help_text=_("Otherwise what comes in waits as a draft until a person queues it."),
    )
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("made by"),
    )
    #: Written at most once a minute.
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)
    revoked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        editable=False,
        related_name="+",
        verbose_name=_("revoked by"),
    )

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-pk"]
        permissions = [("manage_apitoken", "Can make and revoke API tokens")]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "name"],
                condition=Q(revoked_at__isnull=True),
                name="one_token_of_a_name_in_use_per_tenant",
            ),
            models.CheckConstraint(
                condition=Q(can_write=True) | Q(can_read=True), name="a_token_may_do_something"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.name} (…{self.last_four})"

    @property
    def scopes(self) -> list[str]:
        found = {"invoices:write": self.can_write, "invoices:read": self.can_read}
        return [scope for scope, has in found.items() if has]

    @property
    def is_over(self) -> bool:
        """Whether its time has passed; a token without an end has none."""
        return self.expires_at is not None and self.expires_at <= timezone.now()

    @property
    def is_usable(self) -> bool:
        return self.revoked_at is None and not self.is_over


class ApiAllowance(models.Model):
    """How far ahead of its speed limit a token is: written by one UPDATE for each request, apart
    from the token's row. `full_at` is when its whole allowance is free again, in seconds since
    1970 by the database's clock."""

    token = models.OneToOneField(
        ApiToken, models.CASCADE, primary_key=True, related_name="allowance"
    )
    full_at = models.FloatField(default=0)

    def __str__(self) -> str:
        return str(self.token_id)


class ApiAnswer(models.Model):
    """The first answer to a request with an `Idempotency-Key`, given again byte for byte.

    `status` is NULL while the first request is under way; who holds it longer than
    `lease_until` has died.
    """

    tenant = models.ForeignKey(Tenant, models.CASCADE, related_name="+", db_index=False)
    key = models.CharField(max_length=255)
    #: Of method, path and body.
    fingerprint = models.CharField(max_length=64)
    started_at = models.DateTimeField()
    lease_until = models.DateTimeField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.BinaryField(default=b"")

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "key"], name="an_idempotency_key_once_per_tenant"
            )
        ]
        indexes = [models.Index(fields=["started_at"], name="answers_by_time")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.started_at:%Y-%m-%d %H:%M}"
