"""Bulk plans: which exports a person wants re-sent, what was found of each, and what came of it.

Written by `invoices.plans` only. Kept for ever.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _


class PlanState(models.TextChoices):
    MAKING = "making", _("Being made")
    FROZEN = "frozen", _("Frozen, not begun")
    RUNNING = "running", _("Running")
    STOPPED = "stopped", _("Stopped")
    FINISHED = "finished", _("Finished")


class PlanPart(models.TextChoices):
    """What a plan says of one export."""

    SUBMIT = "submit", _("Will be submitted")
    LOOK = "look", _("Will be looked for in Procountor first, and adopted if it is there")
    PERIOD = "period", _("Parked by a closed period: left out")
    UNKNOWN = "unknown", _("Unknown: left out, settled by a look-up")
    UNDER_WAY = "under_way", _("Not allowed: queued or being submitted already")
    DONE = "done", _("Not allowed: in Procountor already")
    SKIPPED = "skipped", _("Not allowed: skipped by a person")
    TENANT = "tenant", _("Not allowed: the tenant is not active")


class ItemState(models.TextChoices):
    LEFT_OUT = "left_out", _("Left out")
    PENDING = "pending", _("Not begun")
    QUEUED = "queued", _("Under way")
    LANDED = "landed", _("In Procountor")
    FAILED = "failed", _("Failed")
    CHANGED = "changed", _("Left out: changed since")
    SKIPPED = "skipped", _("Skipped by a person meanwhile")


class BulkPlan(models.Model):
    """A frozen choice of exports and its execution.

    `chosen`: how many exports were chosen; the items are complete once it is frozen. `stage` is
    0 before the first, then 1 (the canary), 2 (five), 3 (the rest). `lease_until` and `holder`
    say which worker makes or drives it. `summary`: {part: {count, euros}} as it was frozen.
    """

    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("made by")
    )
    made_at = models.DateTimeField(_("made"), auto_now_add=True)
    expires_at = models.DateTimeField(_("frozen until"))
    filter_words = models.CharField(_("chosen"), max_length=1000)
    filter_url = models.CharField(_("filter"), max_length=2000, blank=True)
    chosen = models.PositiveIntegerField(_("invoices"), default=0)
    summary = models.JSONField(default=dict)
    reason = models.CharField(_("reason"), max_length=500, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=PlanState, default=PlanState.FROZEN)
    stage = models.PositiveSmallIntegerField(_("stage"), default=0)
    started_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("started by"),
    )
    started_at = models.DateTimeField(_("started"), null=True)
    #: Errors before it do not count towards stopping: a person has seen them.
    resumed_at = models.DateTimeField(_("resumed"), null=True)
    stopped_at = models.DateTimeField(_("stopped"), null=True)
    stopped_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("stopped by"),
    )
    #: The error that stopped it: {code, field, value, expected}; {} when a person did.
    stopped_for = models.JSONField(default=dict)
    finished_at = models.DateTimeField(_("finished"), null=True)
    moved_at = models.DateTimeField(null=True)
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("bulk re-send")
        verbose_name_plural = _("bulk re-sends")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state"], name="plans_by_state")]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def is_expired(self) -> bool:
        return self.state == PlanState.FROZEN and timezone.now() >= self.expires_at


class PlanChoice(models.Model):
    """Primary keys of chosen exports that were not looked at yet; goes when they have been."""

    plan = models.ForeignKey(BulkPlan, models.PROTECT, related_name="choices")
    keys = models.JSONField(default=list)

    class Meta:
        ordering = ["pk"]

    def __str__(self) -> str:
        return f"{self.plan_id}: {len(self.keys)}"


class BulkPlanItem(models.Model):
    """One export of a plan: as it was when the plan was frozen, and what came of it."""

    plan = models.ForeignKey(
        BulkPlan, models.PROTECT, related_name="items", verbose_name=_("bulk re-send")
    )
    export = models.ForeignKey(
        "invoices.InvoiceExport", models.PROTECT, related_name="+", verbose_name=_("export")
    )
    part = models.CharField(_("planned"), max_length=10, choices=PlanPart)
    state = models.CharField(_("state"), max_length=10, choices=ItemState)
    #: The export's status and last change when it was planned: else it has changed since.
    status = models.CharField(max_length=16)
    changed_at = models.DateTimeField()
    #: None for another currency.
    euros = models.DecimalField(_("euros"), max_digits=18, decimal_places=2, null=True)
    stage = models.PositiveSmallIntegerField(_("stage"), null=True)
    queued_at = models.DateTimeField(_("queued"), null=True)
    settled_at = models.DateTimeField(_("settled"), null=True)
    code = models.CharField(_("code"), max_length=200, blank=True)
    field = models.CharField(_("field"), max_length=200, blank=True)
    value = models.CharField(_("value"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("item of a bulk re-send")
        verbose_name_plural = _("items of bulk re-sends")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["plan", "export"], name="an_export_once_per_plan")
        ]
        indexes = [models.Index(fields=["plan", "state", "id"], name="plan_items_by_state")]

    def __str__(self) -> str:
        return f"{self.plan_id} / {self.export_id}"
