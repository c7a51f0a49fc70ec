"""How long evidence is kept, what stops its deletion, and what is left of what was deleted:
written by `invoices.retention` and `invoices.expiry` only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant
from invoices.evidence_models import EvidenceChain


class LegalHold(models.Model):
    """Nothing of a tenant, or of one of its financial years (`chain`), is deleted while it lasts.
    The rows stay: once lifted, one is never changed (triggers)."""

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="legal_holds", verbose_name=_("tenant")
    )
    chain = models.ForeignKey(
        EvidenceChain,
        models.PROTECT,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("financial year"),
    )
    reason = models.CharField(_("reason"), max_length=500)
    placed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("placed by")
    )
    placed_at = models.DateTimeField(_("placed"))
    lifted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("lifted by"),
    )
    lifted_at = models.DateTimeField(_("lifted"), null=True)
    lift_reason = models.CharField(_("lifted because"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("legal hold")
        verbose_name_plural = _("legal holds")
        ordering = ["-pk"]
        indexes = [
            models.Index(fields=["tenant"], name="holds_open", condition=Q(lifted_at__isnull=True))
        ]
        permissions = [("place_legalhold", "Can place and lift legal holds")]

    def __str__(self) -> str:
        return f"{self.tenant} {self.placed_at:%Y-%m-%d}"


class ExpiryState(models.TextChoices):
    PROPOSED = "proposed", _("Waits for a second person")
    RUNNING = "running", _("Being deleted")
    DONE = "done", _("Deleted")
    DECLINED = "declined", _("Declined or withdrawn")


class ExpiryStage(models.TextChoices):
    """What a running expiry is at, in this order."""

    HASHES = "hashes", _("Verifies the chain and keeps its hashes")
    CHOICE = "choice", _("Finds what may be deleted")
    INVOICES = "invoices", _("Deletes invoices with all that belongs to them")
    REST = "rest", _("Deletes files and the tenant's own events")
    CERTIFICATE = "certificate", _("Writes the certificate")


class Expiry(models.Model):
    """The deletion of one financial year of a tenant: proposed by one person, approved by
    another, then done in turns. Finished, it is never changed (triggers).

    The triggers of the evidence read it: a row goes only while its chain's expiry says so.
    `over_from` is the first day on which that may be. `found`: what there was when it was
    proposed, {rows, invoices, sums}. `position` is how far the stage is; `removed` counts what
    was deleted, {chain: {table: rows}}, and `sums` the totals of `invoices` by currency.
    """

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="expiries", verbose_name=_("tenant")
    )
    chain = models.ForeignKey(
        EvidenceChain, models.PROTECT, related_name="expiries", verbose_name=_("financial year")
    )
    years = models.PositiveSmallIntegerField(_("years kept"))
    over_from = models.DateField(_("may be deleted from"))
    found = models.JSONField(default=dict)
    reason = models.CharField(_("reason"), max_length=500)
    proposed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("proposed by")
    )
    proposed_at = models.DateTimeField(_("proposed"))
    state = models.CharField(
        _("state"), max_length=10, choices=ExpiryState, default=ExpiryState.PROPOSED
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
    stage = models.CharField(
        _("stage"), max_length=12, choices=ExpiryStage, default=ExpiryStage.HASHES
    )
    position = models.BigIntegerField(default=0)
    #: How many links the chain had, and the hash of the last of them, in hex.
    links = models.PositiveIntegerField(default=0)
    head = models.CharField(max_length=64, blank=True)
    removed = models.JSONField(default=dict)
    invoices = models.PositiveIntegerField(_("invoices"), default=0)
    sums = models.JSONField(default=dict)
    #: Why the last turn did nothing: "hold", "not_over", "damaged", "no_key"; "" when it did.
    waits_for = models.CharField(max_length=10, blank=True)
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        verbose_name = _("deletion of a financial year")
        verbose_name_plural = _("deletions of financial years")
        ordering = ["-pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["chain"],
                condition=~Q(state="declined"),
                name="a_financial_year_is_deleted_once",
            ),
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(state="running"),
                name="one_deletion_at_a_time_per_tenant",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["proposed", "declined"])
                | (Q(decided_by__isnull=False) & ~Q(decided_by=F("proposed_by"))),
                name="nobody_approves_own_deletion",
            ),
        ]
        indexes = [models.Index(fields=["tenant", "state"], name="expiries_of_a_tenant")]
        permissions = [
            ("propose_expiry", "Can propose to delete a financial year"),
            ("approve_expiry", "Can approve such a proposal of somebody else"),
        ]

    def __str__(self) -> str:
        return str(self.chain)


class ExpiringInvoice(models.Model):
    """An invoice that a running expiry has yet to delete; goes together with it."""

    expiry = models.ForeignKey(Expiry, models.PROTECT, related_name="+", db_index=False)
    invoice = models.BigIntegerField()

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["expiry", "invoice"], name="an_invoice_expires_once_at_a_time"
            )
        ]

    def __str__(self) -> str:
        return f"{self.expiry_id} / {self.invoice}"


class ExpiredHashes(models.Model):
    """The hashes of an expired chain's links, 32 bytes each, of the positions from `first` on:
    published heads are still found in them, and links that stay still follow from them. Never
    changed (triggers)."""

    chain = models.ForeignKey(
        EvidenceChain, models.PROTECT, related_name="expired_hashes", db_index=False
    )
    first = models.PositiveIntegerField()
    hashes = models.BinaryField()

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["chain", "first"], name="expired_hashes_once")
        ]

    def __str__(self) -> str:
        return f"{self.chain_id} / {self.first}"


class ExpiredNumber(models.Model):
    """That a tenant's invoice of some number was there and has expired, so that it is never taken
    in again. `digest` is keyed: no number can be read from it. `key` tells keys apart. Never
    changed, never deleted (triggers)."""

    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", db_index=False)
    expiry = models.ForeignKey(Expiry, models.PROTECT, related_name="numbers")
    digest = models.CharField(max_length=64)
    key = models.CharField(max_length=12)

    class Meta:
        constraints = [
            models.UniqueConstraint(fields=["tenant", "digest"], name="a_number_expires_once")
        ]

    def __str__(self) -> str:
        return f"{self.tenant_id} {self.digest[:12]}"


class DeletionCertificate(models.Model):
    """What was deleted, by whom and why it might be. Evidence: written once, never changed, never
    deleted (triggers). `content` is the JSON that `signature` (Ed25519) is of."""

    expiry = models.OneToOneField(
        Expiry, models.PROTECT, related_name="certificate", verbose_name=_("deletion")
    )
    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="certificates", verbose_name=_("tenant")
    )
    made_at = models.DateTimeField(_("made"))
    content = models.TextField()
    signature = models.BinaryField(max_length=64)
    public_key = models.CharField(max_length=44)

    class Meta:
        verbose_name = _("deletion certificate")
        verbose_name_plural = _("deletion certificates")
        ordering = ["-pk"]

    def __str__(self) -> str:
        return str(self.expiry)
