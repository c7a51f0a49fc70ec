"""A rehearsal: what would become of a tenant's invoices if they were exported now.

It stands here because the tenant's page and the gate before going live read it. The invoices it
is about are known to `invoices.rehearsal` only, which runs it and writes these rows.
"""

from __future__ import annotations

import datetime as dt
from decimal import ROUND_DOWN, Decimal

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

#: Longer than the longest connection check, during which no sign of life is given.
_LOST_AFTER = dt.timedelta(minutes=10)


class RehearsedInvoices(models.TextChoices):
    """Which invoices a rehearsal is about."""

    WAITING = "waiting", _("Invoices that wait to be exported")
    RECENT = "recent", _("Invoices of the last 31 days")


class Rehearsal(models.Model):
    """One run over a tenant's invoices with Procountor's data of that moment; nothing is exported.

    `settings_tried`: {field of Tenant: JSON-ready value} where the run was of proposed settings;
    empty for the settings as they are; or {"mapping_table": {table, since, entries}}, a version
    of a mapping table that is tried. `basis` is `integrations.going_live.basis_of` at the run.

    `findings`: [{code, field, value, expected, mover, count, examples}], the most frequent
    first; `examples`, `newly_passing` and `newly_failing` name some invoices only:
    {count, examples: [{number, export}]}. `payload_changes`, of what was tried, over the newest
    invoices whatever became of them: {looked_at, changed, fields: [{field, count, examples:
    [{number, export, before, after}]}]}.
    """

    tenant = models.ForeignKey(
        "integrations.Tenant",
        models.PROTECT,
        related_name="rehearsals",
        verbose_name=_("tenant"),
    )
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("requested by"),
    )
    requested_at = models.DateTimeField(_("requested"), default=timezone.now)
    started_at = models.DateTimeField(_("started"), null=True, blank=True)
    seen_at = models.DateTimeField(_("last sign of life"), null=True, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True, blank=True)
    connection_check = models.ForeignKey(
        "integrations.ConnectionCheck",
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("connection check"),
    )
    basis = models.CharField(max_length=64, blank=True)
    settings_tried = models.JSONField(_("settings tried"), default=dict)
    #: The check found too little for a rehearsal: it ended without looking at any invoice.
    check_failed = models.BooleanField(_("ended by the connection check"), default=False)
    invoices = models.CharField(_("invoices"), max_length=10, choices=RehearsedInvoices, blank=True)
    expected = models.PositiveIntegerField(_("to look at"), default=0)
    total = models.PositiveIntegerField(_("looked at"), default=0)
    passed = models.PositiveIntegerField(_("would pass"), default=0)
    #: Of proposed settings: how many pass with the settings as they are.
    passed_before = models.PositiveIntegerField(
        _("pass with the present settings"), null=True, blank=True
    )
    #: Invoices of the last 31 days that were refused at intake, so that no figure counts them.
    rejected = models.PositiveIntegerField(_("rejected at intake"), default=0)
    findings = models.JSONField(_("findings"), default=list)
    newly_passing = models.JSONField(_("newly passing"), default=dict)
    newly_failing = models.JSONField(_("newly failing"), default=dict)
    payload_changes = models.JSONField(_("changes of the payload"), default=dict)
    saved_at = models.DateTimeField(_("settings saved"), null=True, blank=True)

    class Meta:
        verbose_name = _("rehearsal")
        verbose_name_plural = _("rehearsals")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["tenant", "-id"], name="rehearsals_newest_first")]
        permissions = [
            ("rehearse", "Can rehearse the export of a tenant's invoices"),
            ("go_live", "Can let a tenant go live"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} {self.requested_at:%Y-%m-%d %H:%M}"

    @property
    def is_done(self) -> bool:
        """Whether there is a result."""
        return self.finished_at is not None and not self.check_failed

    @property
    def is_under_way(self) -> bool:
        """Asked for or running; not one whose worker or task was lost."""
        sign = self.seen_at or self.requested_at
        return self.finished_at is None and sign > timezone.now() - _LOST_AFTER

    @property
    def failed(self) -> int:
        return self.total - self.passed

    @property
    def score(self) -> Decimal | None:
        """Percent that would pass, rounded down to a tenth; None without invoices."""
        return percent(self.passed, self.total)

    @property
    def is_enough(self) -> bool:
        """Whether the share that passes reaches GO_LIVE_SCORE; never without invoices."""
        needed = Decimal(str(settings.GO_LIVE_SCORE))
        return self.is_done and self.total > 0 and 100 * self.passed >= needed * self.total


def percent(part: int, whole: int) -> Decimal | None:
    """`part` of `whole` in percent, rounded down to a tenth so that 100 means all."""
    if not whole:
        return None
    return (Decimal(100 * part) / whole).quantize(Decimal("0.1"), ROUND_DOWN)
