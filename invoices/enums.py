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
    API = "api", _("HTTP API")
    SHOP = "shop", _("Shop")


class LookUpPurpose(models.TextChoices):
    """Why Procountor was asked whether it has an invoice."""

    SETTLE = "settle", _("An answer was lost")
    BEFORE_SUBMIT = "before_submit", _("It was tried before")


class LookUpVerdict(models.TextChoices):
    """What a look-up says about one invoice."""

    ABSENT = "absent", _("Not in Procountor")
    EQUAL = "equal", _("The same invoice")
    DIFFERENT = "different", _("A different invoice with this number")
    SEVERAL = "several", _("Several invoices with this number")
    NO_ANSWER = "no_answer", _("No clear answer")
    REFUSED = "refused", _("Refused")


class StepKind(models.TextChoices):
    """What may follow once an invoice is in Procountor."""

    ATTACH = "attach", _("Attach a PDF")
    APPROVE = "approve", _("Approve")
    SEND = "send", _("Send to the buyer")


class StepStatus(models.TextChoices):
    WAITING = "waiting", _("Waiting")
    RUNNING = "running", _("On its way")
    DONE = "done", _("Done")
    UNKNOWN = "unknown", _("Unknown")
    NEEDS_ATTENTION = "needs_attention", _("Needs attention")
    SKIPPED = "skipped", _("Skipped")


class StepCallPurpose(models.TextChoices):
    """Why Procountor is called for a step: only ACT changes anything there."""

    ACT = "act", _("The step itself")
    CHECK = "check", _("Read before the step")
    SETTLE = "settle", _("Read after a lost answer")


class EntryState(models.TextChoices):
    """What came of the word of a person that an invoice was entered by hand."""

    WAITING = "waiting", _("Being looked up")
    ADOPTED = "adopted", _("Found and agreed")
    ABSENT = "absent", _("No such sales invoice")
    DIFFERENT = "different", _("Different from our invoice")
    TAKEN = "taken", _("It belongs to another export")
    DOUBLE = "double", _("Another one has our number")
    NO_ANSWER = "no_answer", _("No clear answer")
    MOVED_ON = "moved_on", _("The export had moved on")
