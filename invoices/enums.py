"""Closed lists of the export's life: statuses, outcomes, reasons."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class ExportStatus(models.TextChoices):
    DRAFT = "draft", _("Draft")
    QUEUED = "queued", _("Queued")
    SUBMITTING = "submitting", _("Submitting")
    SUBMITTED = "submitted", _("Submitted")
    RECONCILED = "reconciled", _("Reconciled")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    PARKED = "parked", _("Parked")
    UNKNOWN = "unknown", _("Unknown")
    SKIPPED = "skipped", _("Skipped")


class AttentionReason(models.TextChoices):
    """Why a person is needed: a closed list."""

    MAPPING = "mapping", _("Invoice data")
    REFUSED = "refused", _("Refused by Procountor")
    CONFLICT = "conflict", _("Different invoice in Procountor")
    LOOKUP_BLIND = "lookup_blind", _("Look-up proves nothing")
    RETRIES_EXHAUSTED = "retries_exhausted", _("Procountor not reached")


class ParkedReason(models.TextChoices):
    CLOSED_PERIOD = "closed_period", _("Closed period")
    CREDENTIAL = "credential", _("API key refused")
    RIGHTS = "rights", _("Rights missing")
    PERSON = "person", _("Paused by a person")


class AttemptOutcome(models.TextChoices):
    """How one POST ended; empty while it is open."""

    ACCEPTED = "accepted", _("Accepted")
    NOT_SUBMITTED = "not_submitted", _("Not submitted")
    REFUSED = "refused", _("Refused")
    CREDENTIAL_REFUSED = "credential_refused", _("Key refused")
    UNKNOWN = "unknown", _("No clear answer")


class AttemptTrigger(models.TextChoices):
    AUTOMATIC = "automatic", _("Automatic")
    PERSON = "person", _("By a person")


class ItemOutcome(models.TextChoices):
    """What became of one received invoice."""

    ACCEPTED = "accepted", _("Accepted")
    DUPLICATE = "duplicate", _("Duplicate")
    REJECTED = "rejected", _("Rejected")


class ReceivedVia(models.TextChoices):
    UPLOAD = "upload", _("Upload in the admin")
    COMMAND = "command", _("Command line")
