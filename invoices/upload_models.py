"""Files on their way in: staged and looked at, until a person takes them in or discards them.

Passing work, no evidence: what is taken in becomes a `ReceivedFile`, and every act of a person is
an audit event. Pieces, samples, shown invoices and problems hold personal data; they go when the
upload is over, at the latest after `settings.UPLOAD_DAYS`. What stays is which file it was and what
became of it.
"""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.models import Tenant


class UploadState(models.TextChoices):
    RECEIVING = "receiving", _("Being uploaded")
    PREVIEWING = "previewing", _("Being looked at")
    PREVIEWED = "previewed", _("Waits for a decision")
    TAKING_IN = "taking_in", _("Being taken in")
    DONE = "done", _("Taken in")
    CANCELLED = "cancelled", _("Cancelled")
    DISCARDED = "discarded", _("Discarded")
    FAILED = "failed", _("Failed")


class StagedState(models.TextChoices):
    WAITING = "waiting", _("Not looked at yet")
    LOOKED_AT = "looked_at", _("Looked at")
    TAKEN_IN = "taken_in", _("Taken in")
    PARTLY = "partly", _("Taken in as far as it was cancelled")
    LEFT = "left", _("Not taken in")


class ColumnLayout(models.Model):
    """What the columns of a tenant's tables with these headings are read as, as a person said.

    `key` is a digest of the headings without case, spaces and marks, in any order. `columns` is
    {our field: heading}; `unread` are headings that are not read although we know their words.
    """

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, related_name="column_layouts", verbose_name=_("tenant")
    )
    key = models.CharField(max_length=64)
    headings = models.JSONField(_("headings"), default=list)
    columns = models.JSONField(_("columns"), default=dict)
    unread = models.JSONField(default=list)
    decimal_mark = models.CharField(_("decimal mark"), max_length=10, blank=True)
    date_order = models.CharField(_("order of dates"), max_length=12, blank=True)
    saved_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("saved by")
    )
    saved_at = models.DateTimeField(_("saved"))
    used_at = models.DateTimeField(_("last used"), null=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("learnt columns")
        verbose_name_plural = _("learnt columns")
        ordering = ["tenant", "pk"]
        constraints = [
            models.UniqueConstraint(fields=["tenant", "key"], name="columns_once_per_headings")
        ]

    def __str__(self) -> str:
        return ", ".join(self.headings)[:80]


class Upload(models.Model):
    """The files a person uploaded together, for one tenant.

    The row is the queue: `holder` works on it and gives a sign of life in `seen_at`; another
    worker takes over from one that has been silent. Whoever changes `state` empties `holder`, so
    that no worker writes after it.
    """

    tenant = models.ForeignKey(
        Tenant, models.PROTECT, null=True, related_name="uploads", verbose_name=_("tenant")
    )
    state = models.CharField(
        _("state"), max_length=12, choices=UploadState, default=UploadState.RECEIVING
    )
    made_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, related_name="+", verbose_name=_("uploaded by")
    )
    made_at = models.DateTimeField(_("uploaded"), auto_now_add=True)
    #: Whether what is accepted is queued at once; None until a person has confirmed.
    queue = models.BooleanField(_("queued at once"), null=True)
    confirmed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("confirmed by"),
    )
    holder = models.CharField(max_length=32, blank=True)
    seen_at = models.DateTimeField(null=True)
    #: How often work on it was begun; what kills every worker must not be tried for ever.
    tries = models.PositiveSmallIntegerField(default=0)
    #: Why it failed: a code of this module's pages, never words of the files.
    failure = models.CharField(max_length=40, blank=True)
    finished_at = models.DateTimeField(_("finished"), null=True)

    class Meta:
        default_permissions = ()
        verbose_name = _("upload")
        verbose_name_plural = _("uploads")
        ordering = ["-pk"]
        indexes = [models.Index(fields=["state", "-id"], name="uploads_by_state")]

    def __str__(self) -> str:
        return f"{self.pk}"


class StagedFile(models.Model):
    """One file of an upload, what was found in it, and what became of it.

    `counts` are {verdict of filing: invoices}, `sums` {verdict: {currency: total}}; `causes` fold
    the problems: [{code, field, count, value, expected, waits}], the most frequent first. What
    `waits` rejects nothing: the invoice would be taken in and wait for a person.
    """

    upload = models.ForeignKey(Upload, models.CASCADE, related_name="files")
    position = models.PositiveSmallIntegerField()
    name = models.CharField(_("file name"), max_length=255)
    size = models.PositiveBigIntegerField(_("size, bytes"), default=0)
    sha256 = models.CharField("SHA-256", max_length=64, blank=True)
    state = models.CharField(
        _("state"), max_length=12, choices=StagedState, default=StagedState.WAITING
    )
    format = models.CharField(_("format"), max_length=20, blank=True)
    problems = models.JSONField(default=list)
    #: A table's columns, [[heading, field, sheet]], as they are read.
    columns = models.JSONField(default=list)
    layout_key = models.CharField(max_length=64, blank=True)
    layout = models.ForeignKey(ColumnLayout, models.SET_NULL, null=True, related_name="+")
    #: The layout as it was applied, {"columns", "unread", "decimal_mark", "date_order"}.
    mapping = models.JSONField(default=dict)
    #: The first rows of a table, in its own format.
    sample = models.BinaryField(null=True)
    counts = models.JSONField(default=dict)
    sums = models.JSONField(default=dict)
    causes = models.JSONField(default=list)
    #: False when time ran out before all of it was looked at.
    complete = models.BooleanField(default=True)
    done_bytes = models.PositiveBigIntegerField(default=0)
    #: No constraint of the database: received files are deleted with their financial year.
    received = models.ForeignKey(
        "invoices.ReceivedFile",
        models.DO_NOTHING,
        null=True,
        related_name="staged",
        db_constraint=False,
        verbose_name=_("received file"),
    )

    class Meta:
        default_permissions = ()
        ordering = ["upload", "position"]
        constraints = [
            models.UniqueConstraint(fields=["upload", "position"], name="a_staged_file_once")
        ]

    def __str__(self) -> str:
        return self.name


class StagedPiece(models.Model):
    """A piece of a staged file: in the database, so that every machine's workers have it."""

    file = models.ForeignKey(StagedFile, models.CASCADE, related_name="pieces")
    number = models.PositiveIntegerField()
    content = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["file", "number"], name="a_staged_piece_once")
        ]

    def __str__(self) -> str:
        return f"{self.file_id}/{self.number}"


class StagedInvoice(models.Model):
    """One of the first invoices of a staged file, as it will be."""

    file = models.ForeignKey(StagedFile, models.CASCADE, related_name="invoices")
    position = models.PositiveIntegerField()
    outcome = models.CharField(max_length=10)
    number = models.CharField(max_length=40)
    date = models.DateField(null=True)
    buyer_name = models.CharField(max_length=255, blank=True)
    is_person = models.BooleanField(default=True)
    total = models.DecimalField(max_digits=18, decimal_places=2, null=True)
    currency = models.CharField(max_length=3, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["file", "position"]

    def __str__(self) -> str:
        return self.number


class StagedProblem(models.Model):
    """One problem of a rejected invoice of a staged file; of the first ones only, `causes` count
    all."""

    file = models.ForeignKey(StagedFile, models.CASCADE, related_name="item_problems")
    position = models.PositiveIntegerField()
    number = models.CharField(max_length=100, blank=True)
    code = models.CharField(max_length=60)
    field = models.CharField(max_length=200, blank=True)
    problem = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering = ["file", "pk"]
        indexes = [models.Index(fields=["file", "code", "field"], name="staged_problems_by_cause")]

    def __str__(self) -> str:
        return self.code
