"""The link by which a customer hands over its API key itself, and the days it goes through."""

from __future__ import annotations

import uuid

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from integrations.secrets import SealedField


class IntakeLink(models.Model):
    """A link to the customer page, for one tenant. Written by `intake_links` only.

    The link's token is found by its SHA-256; sealed beside it for as long as the link is of use,
    so that a reminder can name it. `api_key` holds a key while Procountor is being asked about
    it, `finding` ({code, value}) why the last one was not filed. `login_hash`: of the state of a
    log-in to Procountor that has not come back yet. What is left after the end is
    metadata.
    """

    class State(models.TextChoices):
        """INVITED: made. OPENED: the customer has pressed “Begin”. ASKING: a key is being asked
        about. HELD: a key is kept that Procountor does not answer for yet. FILED: the key is the
        tenant's. CLOSED: see `close_reason`. A link past `expires_at` is of no more use in any
        of them."""

        INVITED = "invited", _("Invited")
        OPENED = "opened", _("Opened")
        ASKING = "asking", _("Key being asked about")
        HELD = "held", _("Key not accepted yet")
        FILED = "filed", _("Key received")
        CLOSED = "closed", _("Closed")

    class CloseReason(models.TextChoices):
        WRONG_TRIES = "wrong_tries", _("Too many wrong tries")
        WITHDRAWN = "withdrawn", _("Withdrawn")
        REPLACED = "replaced", _("Replaced by a newer link")
        ENDED = "ended", _("Connection ended")

    #: States in which a key can still come by the link.
    OPEN = (State.INVITED, State.OPENED, State.ASKING, State.HELD)

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    tenant = models.ForeignKey("integrations.Tenant", models.PROTECT, related_name="intake_links")
    token_hash = models.CharField(max_length=64, unique=True, editable=False)
    token = SealedField(null=True, editable=False)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.INVITED)
    close_reason = models.CharField(max_length=12, choices=CloseReason, blank=True)
    created_at = models.DateTimeField(_("made"))
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, models.PROTECT, null=True, related_name="+"
    )
    expires_at = models.DateTimeField(_("valid until"))
    opened_at = models.DateTimeField(_("opened"), null=True)
    asked_at = models.DateTimeField(null=True)
    filed_at = models.DateTimeField(_("key received"), null=True)
    reminded_at = models.DateTimeField(_("reminded"), null=True)
    closed_at = models.DateTimeField(_("closed"), null=True)
    wrong_tries = models.PositiveSmallIntegerField(_("wrong tries"), default=0)
    api_key = SealedField(null=True, editable=False)
    #: What a log-in at Procountor brought, until it is exchanged for a key.
    login_code = SealedField(null=True, editable=False)
    #: Whether the key asked about has been counted as a wrong try.
    is_counted = models.BooleanField(default=False)
    account = models.CharField(max_length=34, blank=True)
    finding = models.JSONField(default=dict)
    login_hash = models.CharField(max_length=64, blank=True, editable=False, db_index=True)
    login_until = models.DateTimeField(null=True, editable=False)
    credential = models.ForeignKey(
        "integrations.Credential", models.PROTECT, null=True, related_name="intake_links"
    )

    class Meta:
        verbose_name = _("intake link")
        verbose_name_plural = _("intake links")
        ordering = ["-created_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["tenant"],
                condition=Q(state__in=["invited", "opened", "asking", "held"]),
                name="one_open_intake_link_per_tenant",
            )
        ]

    def __str__(self) -> str:
        return f"{self.tenant} {self.created_at:%Y-%m-%d}"

    @property
    def is_over(self) -> bool:
        """Whether the page behind it tells nothing any more."""
        return self.state == self.State.CLOSED or self.expires_at <= timezone.now()

    @property
    def is_open(self) -> bool:
        """Whether a key can still come by it."""
        return self.state in self.OPEN and not self.is_over
