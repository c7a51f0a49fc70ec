"""Why exports failed, folded so that one fix answers for many; and what healed them.

Causes are written by `invoices.exports.causes` with the move of status they belong to, everything
else by `invoices.causes` only.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class FixKind(models.TextChoices):
    """What was changed before a failed invoice passed."""

    SETTINGS = "settings", _("The tenant's settings")
    INVOICE = "invoice", _("The invoice's own data")
    PROCOUNTOR = "procountor", _("Something in Procountor")
    NOTHING = "nothing", _("Nothing that is known here: it was sent again")


class Fix(models.Model):
    """One change that healed failed invoices, a numbered rule of the tenant: which cause, by
    which change, when and by whom. The invoices are its `causes`."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="fixes", verbose_name=_("tenant")
    )
    version = models.PositiveIntegerField(_("version"))
    key = models.CharField(max_length=32)
    code = models.CharField(_("code"), max_length=200)
    field = models.CharField(_("field"), max_length=200, blank=True)
    value = models.CharField(_("value"), max_length=200, blank=True)
    kind = models.CharField(_("what was changed"), max_length=12, choices=FixKind)
    #: The audit event that tells the change; None when there is none.
    event = models.ForeignKey(
        "invoices.AuditEvent", models.PROTECT, null=True, related_name="+", verbose_name=_("change")
    )
    made_at = models.DateTimeField(_("changed"))
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )

    class Meta:
        verbose_name = _("fix")
        verbose_name_plural = _("fixes")
        ordering = ["-made_at", "-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "version"], name="a_fix_version_once_per_tenant"
            ),
        ]
        indexes = [models.Index(fields=["key", "-made_at"], name="fixes_of_a_cause")]

    def __str__(self) -> str:
        return f"{self.tenant} {self.version}"


class Recheck(models.Model):
    """One look at all exports of a cause with the settings and reference data as they are:
    nothing is sent. Which passed is on their causes (`passes`)."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", verbose_name=_("tenant"))
    key = models.CharField(max_length=32)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+", verbose_name=_("by")
    )
    requested_at = models.DateTimeField(_("requested"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    seen_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    expected = models.PositiveIntegerField(_("expected"), default=0)
    total = models.PositiveIntegerField(_("looked at"), default=0)
    passed = models.PositiveIntegerField(_("would pass"), default=0)

    class Meta:
        verbose_name = _("check of a cause")
        verbose_name_plural = _("checks of causes")
        indexes = [models.Index(fields=["key", "-id"], name="rechecks_of_a_cause")]

    def __str__(self) -> str:
        return f"{self.key} {self.requested_at:%Y-%m-%d %H:%M}"


class ExportCause(models.Model):
    """One cause for which one export needs attention or is parked. `key` stands for tenant,
    code, field and value together. Open until the export moves on; then settled: healed by a
    `fix` once it is in Procountor, or not."""

    export = models.ForeignKey(
        "invoices.InvoiceExport", models.PROTECT, related_name="causes", verbose_name=_("export")
    )
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", verbose_name=_("tenant"))
    key = models.CharField(max_length=32)
    code = models.CharField(_("code"), max_length=200)
    field = models.CharField(_("field"), max_length=200, blank=True)
    value = models.CharField(_("value"), max_length=200, blank=True)
    expected = models.CharField(_("expected"), max_length=500, blank=True)
    #: None for another currency.
    euros = models.DecimalField(_("euros"), max_digits=18, decimal_places=2, null=True)
    began_at = models.DateTimeField(_("began"))
    ended_at = models.DateTimeField(_("ended"), null=True)
    #: After it ended: whether it is known by now what came of it.
    settled = models.BooleanField(default=False)
    fix = models.ForeignKey(
        Fix, models.PROTECT, null=True, related_name="causes", verbose_name=_("healed by")
    )
    healed_at = models.DateTimeField(_("healed"), null=True)
    recheck = models.ForeignKey(Recheck, models.SET_NULL, null=True, related_name="causes")
    passes = models.BooleanField(_("would pass now"), null=True)

    class Meta:
        verbose_name = _("cause")
        verbose_name_plural = _("causes")
        permissions = [("recheck_exportcause", "Can check failed invoices again without sending")]
        indexes = [
            models.Index(
                fields=["key", "id"], name="open_causes_by_key", condition=Q(ended_at__isnull=True)
            ),
            models.Index(
                fields=["tenant", "key"],
                name="open_causes_by_tenant",
                condition=Q(ended_at__isnull=True),
            ),
            models.Index(
                fields=["id"],
                name="ended_causes_to_settle",
                condition=Q(ended_at__isnull=False, settled=False),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.code} {self.value}".strip()
