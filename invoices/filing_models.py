"""Received files that are too large for one row, and the runs that take their invoices in.

Pieces are written by `invoices.pieces` only, runs by `invoices.filing` only.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class ReceivedPiece(models.Model):
    """A piece of a large received file, byte for byte. Evidence: never changed (triggers).

    All pieces of a file, by their numbers from 0 on, are the file; its own `content` is empty.
    """

    file = models.ForeignKey(
        "invoices.ReceivedFile", models.PROTECT, related_name="pieces", db_index=False
    )
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        default_permissions = ()
        ordering = ["file", "number"]
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="a_piece_number_once_per_file")
        ]

    def __str__(self) -> str:
        return f"{self.file_id} / {self.number}"


class RunState(models.TextChoices):
    RUNNING = "running", _("Being taken in")
    DONE = "done", _("Taken in")
    CANCELLED = "cancelled", _("Cancelled")
    REFUSED = "refused", _("Stopped: the tenant was closed")


class FilingRun(models.Model):
    """How far a received file is taken in, batch by batch; its primary key is the file's.

    `items` of the file are accounted for, `bytes_done` of its bytes are behind them; both move in
    the transaction that accounts for the items. `holder` and `lease_until` say which worker is at
    it. `mapping` is a `ColumnMapping` as JSON, `problems` are about the file as a whole.
    """

    received = models.OneToOneField(
        "invoices.ReceivedFile", models.PROTECT, primary_key=True, related_name="run"
    )
    tenant = models.ForeignKey(Tenant, models.PROTECT, related_name="+", db_index=False)
    queue = models.BooleanField(default=False)
    mapping = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=10, choices=RunState, default=RunState.RUNNING)
    items = models.PositiveIntegerField(_("items"), default=0)
    bytes_done = models.PositiveIntegerField(_("bytes"), default=0)
    accepted = models.PositiveIntegerField(_("accepted"), default=0)
    duplicate = models.PositiveIntegerField(_("duplicates"), default=0)
    rejected = models.PositiveIntegerField(_("rejected"), default=0)
    problems = models.JSONField(_("problems"), default=list)
    started_at = models.DateTimeField(_("started"), auto_now_add=True)
    moved_at = models.DateTimeField(_("last batch"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    cancelled_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("cancelled by"),
        db_index=False,
    )
    holder = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("taking in of a file")
        verbose_name_plural = _("takings in of files")
        indexes = [
            models.Index(
                fields=["received"],
                name="runs_under_way",
                condition=Q(finished_at__isnull=True),
            )
        ]

    def __str__(self) -> str:
        return f"#{self.pk}"

    @property
    def counts(self) -> dict[str, int]:
        """Items by outcome, as `filing.counts`."""
        return {
            "accepted": self.accepted,
            "duplicate": self.duplicate,
            "rejected": self.rejected,
        }
