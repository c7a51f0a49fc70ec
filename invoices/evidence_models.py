"""The chains that make the evidence checkable: written by `invoices.evidence` only."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class EvidenceChain(models.Model):
    """One chain of hashes: a tenant's evidence of one financial year, or, without a tenant, the
    office's own of one calendar year. Never changed (triggers). `genesis` is the SHA-256 of the
    chain's own description, which its first link builds on."""

    tenant = models.ForeignKey(
        Tenant,
        models.PROTECT,
        null=True,
        related_name="evidence_chains",
        verbose_name=_("tenant"),
    )
    starts_on = models.DateField(_("first day"))
    ends_on = models.DateField(_("last day"))
    made_at = models.DateTimeField(_("begun"))
    genesis = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("chain of evidence")
        verbose_name_plural = _("chains of evidence")
        ordering = ["-starts_on", "tenant"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "starts_on"], name="a_chain_once_per_year"),
            models.UniqueConstraint(
                fields=["starts_on"],
                condition=Q(tenant__isnull=True),
                name="one_chain_of_the_office_per_year",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.tenant or 'Flashnode'} {self.ends_on:%Y}"


class EvidenceLink(models.Model):
    """One row of evidence in its chain. Never changed (triggers). `kind` is a number of
    `evidence.kinds`, `row` the row's primary key, `digest` the SHA-256 of its canonical form,
    `hash` that of the link before and this one."""

    chain = models.ForeignKey(
        EvidenceChain, models.PROTECT, related_name="links", verbose_name=_("chain"), db_index=False
    )
    position = models.PositiveIntegerField(_("position"))
    kind = models.PositiveSmallIntegerField()
    row = models.BigIntegerField()
    digest = models.BinaryField(max_length=32)
    hash = models.BinaryField(max_length=32)

    class Meta:
        verbose_name = _("link of a chain")
        verbose_name_plural = _("links of chains")
        constraints = [
            models.UniqueConstraint(fields=["chain", "position"], name="a_position_once_per_chain"),
            models.UniqueConstraint(fields=["kind", "row"], name="a_row_is_sealed_once"),
        ]

    def __str__(self) -> str:
        return f"{self.chain_id} / {self.position}"


class SealCursor(models.Model):
    """How far one kind of row has been sealed: nothing at or below `done_to` can still appear. A
    row above it is looked for in every pass. `pending_to` becomes `done_to` once all of
    `pending`, the transactions that were writing when it was read, have ended."""

    kind = models.PositiveSmallIntegerField(primary_key=True)
    done_to = models.BigIntegerField(default=0)
    pending_to = models.BigIntegerField(default=0)
    pending = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.kind}: {self.done_to}"


class EvidenceCheck(models.Model):
    """What the newest verification found of one chain, or, without a chain, of rows that are in
    none. `findings`: the first few, as [{what, table, row, chain, position}]."""

    chain = models.OneToOneField(
        EvidenceChain, models.PROTECT, null=True, related_name="check_result"
    )
    at = models.DateTimeField(_("verified"))
    rows = models.PositiveBigIntegerField(_("rows"), default=0)
    problems = models.PositiveBigIntegerField(_("damaged"), default=0)
    findings = models.JSONField(default=list)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                models.Value(1), condition=Q(chain__isnull=True), name="one_check_without_a_chain"
            )
        ]

    def __str__(self) -> str:
        return f"{self.chain_id}: {self.problems}"


class UnfinishedCheck(models.Model):
    """How far the nightly verification of one chain has come that did not fit one task: the last
    position that was read, the hash stored there, and what was found up to it."""

    chain = models.OneToOneField(EvidenceChain, models.PROTECT, related_name="unfinished_check")
    begun_at = models.DateTimeField()
    position = models.PositiveIntegerField()
    head = models.BinaryField(max_length=32)
    rows = models.PositiveBigIntegerField(default=0)
    problems = models.PositiveBigIntegerField(default=0)
    findings = models.JSONField(default=list)

    def __str__(self) -> str:
        return f"{self.chain_id} / {self.position}"
