"""Activation requests of customers (REFERENCE section 4.3). Written by `activations` and
`activation_decisions` of this package only."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from integrations.enums import Environment
from integrations.secrets import SealedField


class ActivationState(models.TextChoices):
    """RECEIVED: Procountor has not been asked yet. KNOWN: a person decides. DECIDING: decided
    here, on its way to Procountor. LOST: whether Procountor took the decision is not known.
    UNKNOWN, REFUSED, EXPIRED: its 404, 403 and 410. CLOSED: set aside by a person."""

    RECEIVED = "received", _("Received")
    KNOWN = "known", _("Waits for a decision")
    DECIDING = "deciding", _("Being decided")
    LOST = "lost", _("No clear answer")
    DECIDED = "decided", _("Decided")
    EXPIRED = "expired", _("Expired")
    UNKNOWN = "unknown", _("Unknown to Procountor")
    REFUSED = "refused", _("Refused by Procountor")
    CLOSED = "closed", _("Set aside")


#: Nothing has been decided: asking Procountor again may move these.
UNDECIDED = (
    ActivationState.RECEIVED,
    ActivationState.KNOWN,
    ActivationState.UNKNOWN,
    ActivationState.REFUSED,
    ActivationState.EXPIRED,
)


class ActivationRequest(models.Model):
    """A customer asks in Procountor that we integrate some companies of theirs.

    `put_at`: when the decision went on its way, which one task does. `answer_lost_at`: since when
    Procountor may have taken a decision whose answer we do not have. `trouble`: a code of
    `activation_words`, why the last question to Procountor brought nothing.
    """

    environment = models.CharField(_("environment"), max_length=10, choices=Environment)
    number = models.PositiveBigIntegerField(_("number"))
    state = models.CharField(
        _("state"), max_length=10, choices=ActivationState, default=ActivationState.RECEIVED
    )
    received_at = models.DateTimeField(_("received"))
    entered_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("entered by"),
    )
    asked_at = models.DateTimeField(null=True)
    trouble = models.CharField(max_length=40, blank=True)
    integration_id = models.CharField(max_length=100, blank=True)
    expires = models.CharField(_("expires"), max_length=40, blank=True)
    initiator_name = models.CharField(_("initiator"), max_length=120, blank=True)
    initiator_email = models.CharField(_("initiator's e-mail"), max_length=254, blank=True)
    #: Written by `forgetting` of this package.
    over_since = models.DateTimeField(null=True)
    initiator_forgotten_at = models.DateTimeField(null=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        models.PROTECT,
        null=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    put_at = models.DateTimeField(null=True)
    answer_lost_at = models.DateTimeField(null=True)
    answered_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("activation request")
        verbose_name_plural = _("activation requests")
        ordering = ["-received_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["environment", "number"], name="an_activation_request_is_recorded_once"
            )
        ]
        indexes = [models.Index(fields=["state"], name="activations_by_state")]
        permissions = [("decide_activationrequest", "Can decide an activation request")]

    def __str__(self) -> str:
        return str(self.number)


class ActivationCompany(models.Model):
    """A company of an activation request: what Procountor tells, what we decided, what came.

    `api_key` is sealed here from the answer until it is filed; `problem` is a code of
    `activation_words`, why it was not. `remote_status` is what Procountor says later.
    """

    class Decision(models.TextChoices):
        APPROVE = "approve", _("Approve")
        REJECT = "reject", _("Reject")

    request = models.ForeignKey(ActivationRequest, models.CASCADE, related_name="companies")
    remote_id = models.BigIntegerField()
    name = models.CharField(max_length=200, blank=True)
    business_id = models.CharField(max_length=40, blank=True)
    country = models.CharField(max_length=40, blank=True)
    accounting_office = models.CharField(max_length=200, blank=True)
    decision = models.CharField(max_length=10, choices=Decision, blank=True)
    reason = models.CharField(max_length=255, blank=True)
    api_key = SealedField(null=True, editable=False)
    tenant = models.ForeignKey("integrations.Tenant", models.PROTECT, null=True, related_name="+")
    credential = models.ForeignKey(
        "integrations.Credential", models.PROTECT, null=True, related_name="+"
    )
    problem = models.CharField(max_length=40, blank=True)
    remote_status = models.CharField(max_length=40, blank=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(
                fields=["request", "remote_id"], name="a_company_once_per_activation_request"
            )
        ]

    def __str__(self) -> str:
        return self.name or str(self.remote_id)
