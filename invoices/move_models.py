"""Proposals to move invoices out of a closed period: written by `invoices.period_moves` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class MoveState(models.TextChoices):
    WAITING = "waiting", _("Waits for a second person")
    APPROVED = "approved", _("Approved")
    DECLINED = "declined", _("Declined or withdrawn")
    OVERTAKEN = "overtaken", _("Overtaken by a change")


class PeriodMove(models.Model):
    """One person's proposal to give invoices of a closed month a new date; another person decides.

    `lines`, what was seen and proposed: [{export, version, number, old_date, new_date, old_due,
    new_due, currency, net, vat}], dates and amounts as texts.
    """

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="period_moves", verbose_name=_("tenant")
    )
    month = models.DateField(_("closed month"))
    new_date = models.DateField(_("new invoice date"))
    keep_days = models.BooleanField(_("due dates move along"), default=True)
    lines = models.JSONField(_("invoices"))
    reason = models.CharField(_("reason"), max_length=500)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    proposed_at = models.DateTimeField(_("proposed"), default=timezone.now)
    state = models.CharField(
        _("state"), max_length=10, choices=MoveState, default=MoveState.WAITING
    )
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    decision_reason = models.CharField(_("reason of the decision"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("move out of a closed period")
        verbose_name_plural = _("moves out of closed periods")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant", "month"],
                condition=Q(state=MoveState.WAITING),
                name="one_waiting_move_per_month",
            ),
            models.CheckConstraint(
                condition=~Q(state=MoveState.APPROVED) | ~Q(decided_by=F("proposed_by")),
                name="nobody_approves_own_move",
            ),
        ]
        permissions = [
            ("propose_periodmove", "Can propose to move invoices out of a closed period"),
            ("approve_periodmove", "Can approve such a proposal of somebody else"),
        ]

    def __str__(self) -> str:
        return f"{self.tenant} {self.month:%Y-%m}"
