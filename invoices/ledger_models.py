"""Reconciliation by day: what was read from Procountor, what it came to, and what is different.

Written by `invoices.ledger` only. A seal is evidence: written once, never changed (triggers).
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class ReadKind(models.TextChoices):
    DAYS = "days", _("Days")
    CHANGES = "changes", _("Changes")


class ReadState(models.TextChoices):
    READING = "reading", _("Being read")
    DONE = "done", _("Read")
    NOT_COMPARABLE = "refused", _("Not comparable")
    GAVE_UP = "gave_up", _("Not read")


class DayVerdict(models.TextChoices):
    EQUAL = "equal", _("Equal")
    UNDER_WAY = "under_way", _("Under way")
    EXPLAINED = "explained", _("Explained")
    DIFFERENT = "different", _("Different")
    NOT_COMPARABLE = "refused", _("Not comparable")


class DifferenceKind(models.TextChoices):
    NOT_EXPORTED = "not_exported", _("Not in Procountor: not exported")
    MISSING_THERE = "missing_there", _("No longer in Procountor")
    INVALIDATED = "invalidated", _("Invalidated or deleted in Procountor")
    OTHER_TOTAL = "other_total", _("Other total or currency")
    OTHER_DATE = "other_date", _("Other date")
    OTHER_NUMBER = "other_number", _("Other invoice number")
    DOUBLE = "double", _("The same number twice in Procountor")
    ORPHAN = "orphan", _("In Procountor, unknown here")
    STILL_UNFINISHED = "unfinished", _("Still unfinished")


class LedgerRead(models.Model):
    """One reading of a tenant's sales invoices in Procountor, resumable after each page.

    DAYS: those dated `first_day` to `last_day`. CHANGES: those whose version is at or after
    `since`, in Procountor's own clock. Several pages are read in rounds until two say the same
    (`round`, `after_id`: the last id of the page before; `pages` of this round).
    """

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="ledger_reads")
    kind = models.CharField(max_length=8, choices=ReadKind, default=ReadKind.DAYS)
    first_day = models.DateField(null=True)
    last_day = models.DateField(null=True)
    since = models.CharField(max_length=19, blank=True)
    #: Which schedule asked for it; "" for a person or a change that was seen.
    plan = models.CharField(max_length=8, blank=True)
    asked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    state = models.CharField(max_length=8, choices=ReadState, default=ReadState.READING)
    #: A short code for why nothing could be compared, or what the last request failed with.
    cause = models.CharField(max_length=40, blank=True)
    #: {own_user: id of the key's user}, once asked.
    facts = models.JSONField(default=dict)
    round = models.PositiveSmallIntegerField(default=1)
    pages = models.PositiveIntegerField(default=0)
    after_id = models.BigIntegerField(null=True)
    is_read = models.BooleanField(default=False)
    requests = models.PositiveIntegerField(default=0)
    #: When the last request was made: a use of the tenant's key.
    asked_at = models.DateTimeField(null=True)
    failures = models.PositiveSmallIntegerField(default=0)
    not_before = models.DateTimeField()
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    created_at = models.DateTimeField(auto_now_add=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("reading of Procountor")
        verbose_name_plural = _("readings of Procountor")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["tenant", "plan", "-created_at"], name="reads_newest_first"),
            models.Index(
                fields=["not_before"], condition=Q(state="reading"), name="reads_to_be_done"
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(lease_until__isnull=False),
                name="one_reading_at_a_time_per_tenant",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.first_day or self.since}"


class ReadInvoice(models.Model):
    """One invoice of Procountor's as a reading saw it; goes when the reading is finished. `round`
    0 was asked for by its id, and `status` "" then means that it is not there."""

    read = models.ForeignKey(LedgerRead, models.CASCADE, related_name="invoices")
    round = models.PositiveSmallIntegerField()
    remote_id = models.BigIntegerField()
    number = models.CharField(max_length=100)
    remote_number = models.CharField(max_length=40)
    date = models.DateField(null=True)
    currency = models.CharField(max_length=10)
    total = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    status = models.CharField(max_length=40)
    creator_id = models.BigIntegerField(null=True)
    version = models.CharField(max_length=40)
    buyer = models.CharField(max_length=255)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["read", "round", "remote_id"], name="an_invoice_once_per_round"
            )
        ]

    def __str__(self) -> str:
        return f"{self.read_id} {self.remote_id}"


class DaySeal(models.Model):
    """What Procountor had of ours on a day when all was equal or explained. Evidence.

    `lines`: [[id, number, date, currency, total, "live" or "gone"]] by id; `digest` is their
    SHA-256.
    """

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="day_seals")
    day = models.DateField(_("day"))
    digest = models.CharField("SHA-256", max_length=64)
    lines = models.JSONField()
    sealed_at = models.DateTimeField(_("sealed"))

    class Meta:
        verbose_name = _("seal of a day")
        verbose_name_plural = _("seals of days")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.day}"


class LedgerDay(models.Model):
    """What the newest reading of one day came to.

    `sums`: [{currency, received: [count, sum], exported: […], remote: […]}]; `entries`: the
    invoices of ours that Procountor has, as [id, number, date, currency, total, status, remote
    number, buyer]; `others`: how many of that day are not ours; `breaks`: what differs from the
    seal, [{id, number, field, was, is}].
    """

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="ledger_days")
    day = models.DateField(_("day"))
    verdict = models.CharField(_("verdict"), max_length=10, choices=DayVerdict)
    cause = models.CharField(max_length=40, blank=True)
    sums = models.JSONField(default=list)
    entries = models.JSONField(default=list)
    others = models.PositiveIntegerField(default=0)
    read_at = models.DateTimeField(_("read"), null=True)
    seal = models.ForeignKey(DaySeal, models.PROTECT, null=True, related_name="+")
    breaks = models.JSONField(default=list)

    class Meta:
        verbose_name = _("day compared")
        verbose_name_plural = _("days compared")
        ordering = ["tenant", "day"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "day"], name="a_day_once_per_tenant")
        ]
        permissions = [("reconcile_ledgerday", "Can read days anew and settle differences")]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.day}"


class LedgerDifference(models.Model):
    """One thing that is not as it should be, from when it was seen until it moved on or a person
    explained it (`reason`). `facts`: {theirs, ours} as texts; the same facts are not opened a
    second time after a person's word."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="differences", verbose_name=_("tenant")
    )
    day = models.DateField(_("invoice date"))
    kind = models.CharField(_("what"), max_length=16, choices=DifferenceKind)
    export = models.ForeignKey(
        "invoices.InvoiceExport",
        models.PROTECT,
        null=True,
        related_name="differences",
        verbose_name=_("export"),
    )
    remote_id = models.BigIntegerField(_("Procountor id"), null=True)
    number = models.CharField(_("invoice number"), max_length=100, blank=True)
    currency = models.CharField(_("currency"), max_length=10, blank=True)
    total = models.DecimalField(_("total with VAT"), max_digits=18, decimal_places=2, null=True)
    facts = models.JSONField(default=dict)
    #: From when its age counts: seen, or for an unfinished one, submitted.
    since = models.DateTimeField(_("since"))
    assignee = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("looked after by"),
    )
    ended_at = models.DateTimeField(_("done"), null=True)
    ended_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    reason = models.CharField(_("reason"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("difference")
        verbose_name_plural = _("differences")
        ordering = ["since", "pk"]
        indexes = [
            models.Index(
                fields=["tenant", "day"], condition=Q(ended_at=None), name="differences_open"
            ),
            models.Index(fields=["tenant", "day", "kind"], name="differences_by_day"),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.number}"


class ChangesSeen(models.Model):
    """Up to which version, in Procountor's own clock, a tenant's changes have been followed."""

    tenant = models.OneToOneField(
        Tenant, models.PROTECT, primary_key=True, related_name="changes_seen"
    )
    version = models.CharField(max_length=19)
    at = models.DateTimeField()

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.version}"
