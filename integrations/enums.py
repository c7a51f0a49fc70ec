"""Closed lists that models, checks and the admin share."""

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class Environment(models.TextChoices):
    """Procountor's two environments; keys of one are refused by the other (REFERENCE 2)."""

    TEST = "test", _("Test")
    PRODUCTION = "production", _("Production")


class TenantState(models.TextChoices):
    PENDING = "pending", _("Pending")
    ACTIVE = "active", _("Active")
    PAUSED = "paused", _("Paused")
    CLOSED = "closed", _("Closed")


class PauseReason(models.TextChoices):
    CREDENTIAL = "credential", _("API key refused")
    UNREADABLE = "unreadable", _("API key cannot be opened by us")
    RIGHTS = "rights", _("Rights missing")
    PERSON = "person", _("Paused by a person")


class RetentionYears(models.IntegerChoices):
    """How long a tenant's evidence is kept (Accounting Act 1336/1997, chapter 2, section 10)."""

    VOUCHERS = 6, _("6 years, as vouchers")
    BOOKS = 10, _("10 years, as books")


class CredentialState(models.TextChoices):
    """CANDIDATE: filed for a tenant whose older key works on until every check of this one has
    passed."""

    CANDIDATE = "candidate", _("Being checked")
    ACTIVE = "active", _("Active")
    SUPERSEDED = "superseded", _("Superseded")
    REVOKED = "revoked", _("Revoked")


class ReceivedBy(models.TextChoices):
    """By which way an API key reached us."""

    EMAIL = "email", _("E-mail")
    PHONE = "phone", _("Phone")
    LETTER = "letter", _("Letter")
    COMMAND = "command", _("Command line")
    ACTIVATION = "activation", _("Activation link")
    LINK = "link", _("Intake link")

    @classmethod
    def by_hand(cls) -> list[tuple[str, Any]]:
        """The ways in which a person has a key before it is filed."""
        return [(way.value, way.label) for way in (cls.EMAIL, cls.PHONE, cls.LETTER)]


class InvoiceChannel(models.TextChoices):
    """How Procountor delivers the invoice to the buyer (contract.json, InvoiceChannel)."""

    NO_SENDING = "NO_SENDING", _("No sending")
    EMAIL = "EMAIL", _("E-mail")
    MAIL = "MAIL", _("Letter")
    ELECTRONIC_INVOICE = "ELECTRONIC_INVOICE", _("E-invoice")


class AfterSubmit(models.TextChoices):
    LEAVE_UNFINISHED = "unfinished", _("Leave unfinished")
    APPROVE = "approve", _("Approve")
    APPROVE_AND_SEND = "approve_and_send", _("Approve and send")


class StaffLanguage(models.TextChoices):
    """Languages we write to customers in."""

    FINNISH = "fi", _("Finnish")
    SWEDISH = "sv", _("Swedish")
    ENGLISH = "en", _("English")


class InvoiceLanguage(models.TextChoices):
    """Languages of an invoice in Procountor (contract.json, Language)."""

    FINNISH = "FINNISH", _("Finnish")
    SWEDISH = "SWEDISH", _("Swedish")
    ENGLISH = "ENGLISH", _("English")
    DANISH = "DANISH", _("Danish")
    ESTONIAN = "ESTONIAN", _("Estonian")
    NORWEGIAN = "NORWEGIAN", _("Norwegian")


class CheckOutcome(models.TextChoices):
    RUNNING = "running", _("Running")
    PASSED = "passed", _("Passed")
    FAILED = "failed", _("Failed")


class Mover(models.TextChoices):
    """Whose move it is when a step of the check is red."""

    CUSTOMER = "customer", _("Customer")
    US = "us", _("Flashnode")
    PROCOUNTOR = "procountor", _("Procountor")


class CircuitState(models.TextChoices):
    """Whether an environment of Procountor answers."""

    CLOSED = "closed", _("Answers")
    OPEN = "open", _("Outage")
    RAMPING = "ramping", _("Coming back")
