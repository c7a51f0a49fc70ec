"""In what condition a tenant's connection is: what staff see of state, key, last check and use.

The stored `TenantState` decides what the engine does; a condition only describes, and nothing is
decided by it. Computed in the database, so that a list of tenants costs no query more.
"""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Case, Exists, OuterRef, Q, QuerySet, Subquery, Value, When
from django.db.models.fields.json import KT
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from integrations.diagnosis import STEPS
from integrations.enums import CheckOutcome, CredentialState, PauseReason, TenantState
from integrations.models import ConnectionCheck, Credential, Tenant


class Condition(models.TextChoices):
    PENDING = "pending", _("Pending")
    ACTIVE = "active", _("Active")
    DEGRADED = "degraded", _("Degraded")
    PAUSED = "paused", _("Paused")
    IDLE = "idle", _("Idle")
    REVOKED = "revoked", _("Key revoked")
    CLOSED = "closed", _("Closed")


_BY_KEY = (Condition.PENDING, Condition.DEGRADED, Condition.PAUSED)
#: Of these a person should look at the connection.
NOT_IN_ORDER = (Condition.PENDING, Condition.DEGRADED, Condition.PAUSED, Condition.REVOKED)
COLOURS = {
    Condition.PENDING: "info",
    Condition.ACTIVE: "success",
    Condition.DEGRADED: "warning",
    Condition.PAUSED: "warning",
    Condition.REVOKED: "danger",
}
_SENTENCES: dict[str, Promise] = {
    Condition.PENDING: _(
        "Pending: nothing is exported yet. Our move: file the API key, or invite the customer to "
        "hand it over."
    ),
    Condition.ACTIVE: _("Active: invoices are exported. Nobody has to do anything."),
    Condition.DEGRADED: _(
        "Degraded: invoices are exported, but the last check found something that will stop them "
        "or is wrong already. It is said below whose move it is."
    ),
    Condition.PAUSED: _(
        "Paused: nothing is submitted. Our move: the reason is below; the queue goes on when it "
        "is gone."
    ),
    Condition.IDLE: _(
        "Idle: the connection works, and nothing has come in or gone out for a long time. Our "
        "move: ask the customer whether it is still needed."
    ),
    Condition.REVOKED: _(
        "Key revoked: the API key cannot be used, because Procountor refuses it or it has been "
        "revoked or destroyed. Nothing is submitted. Customer's move: send a new key."
    ),
    Condition.CLOSED: _(
        "Closed: the connection has been ended and no key is used. Nobody has to do anything; it "
        "can be reopened."
    ),
}
_PENDING_RED = _(
    "Pending: nothing is exported yet, because the last check is red. It is said below whose move "
    "it is."
)
_PENDING_GREEN = _(
    "Pending: every check is green, and nothing is exported yet. Our move: rehearse, then go live."
)
_PENDING_AGAIN = _(
    "Pending: nothing is exported. It goes on by itself when the next connection check passes."
)
_UNREADABLE = _(
    "The stored API key cannot be opened, so nothing is submitted. Our move: FERNET_KEYS lacks the "
    "key it was sealed under. The customer has nothing to do and needs no new key."
)
_UNCHECKED = _(
    "A new API key has been filed and not been checked yet: nothing is submitted until its check "
    "passes. Our move: the check runs by itself; if none comes, run it."
)
#: A pause says more than that it is one.
_PAUSES: dict[str, Promise] = {
    PauseReason.UNREADABLE: _UNREADABLE,
    PauseReason.RIGHTS: _(
        "Paused, rights missing: nothing is submitted. Customer's move: give the rights named "
        "below. It goes on by itself when a connection check passes."
    ),
    PauseReason.PERSON: _(
        "Paused by a person: nothing is submitted. Our move: resume it when the reason is gone."
    ),
}


def sentence(tenant: Any) -> str:
    """What the condition of an annotated tenant means, and whose move it is."""
    if tenant.condition in _BY_KEY and _key_sentence(tenant):
        return str(_key_sentence(tenant))
    if tenant.condition == Condition.PAUSED and tenant.pause_reason in _PAUSES:
        return str(_PAUSES[tenant.pause_reason])
    if tenant.condition == Condition.PENDING:
        return str(_pending(tenant))
    return str(_SENTENCES[tenant.condition])


def _key_sentence(tenant: Any) -> Promise | None:
    """What the state of the key says before anything else, if it does."""
    if tenant.pause_reason == PauseReason.PERSON:
        return None
    if tenant.is_key_unchecked:
        told = tenant.condition == Condition.PENDING or tenant.is_refused
        return _UNCHECKED if told else None
    return _UNREADABLE if tenant.claims_code == "secret_unreadable" else None


def _pending(tenant: Any) -> Promise:
    if tenant.finished_outcome == CheckOutcome.FAILED:
        return _PENDING_RED
    if tenant.went_live_at is not None:
        return _PENDING_AGAIN
    checked = tenant.finished_outcome == CheckOutcome.PASSED
    return _PENDING_GREEN if checked else _SENTENCES[Condition.PENDING]


def annotated(tenants: QuerySet[Tenant]) -> QuerySet[Any]:
    """Adds `condition`, and `finished_warnings`: those of the newest finished check of the key
    in use, None without one."""
    newest = ConnectionCheck.objects.filter(
        tenant=OuterRef("pk"), of_candidate=False, finished_at__isnull=False
    ).order_by("-started_at")
    with_codes = newest.annotate(
        claims_code=KT(f"steps__{STEPS.index('claims')}__code"),
        token_code=KT(f"steps__{STEPS.index('token')}__code"),
    )
    checked = ConnectionCheck.objects.filter(credential=OuterRef("pk"), finished_at__isnull=False)
    of_tenant = Credential.objects.filter(tenant=OuterRef("pk"))
    in_use = of_tenant.filter(state__in=[CredentialState.ACTIVE, CredentialState.CANDIDATE])
    found = tenants.annotate(
        finished_outcome=Subquery(newest.values("outcome")[:1]),
        refusal_code=Subquery(with_codes.values("token_code")[:1]),
        claims_code=Subquery(with_codes.values("claims_code")[:1]),
        is_key_unchecked=Exists(in_use.filter(~Exists(checked))),
        finished_warnings=Subquery(newest.values("warnings")[:1]),
        checked_key=Subquery(newest.values("credential__state")[:1]),
        newest_check=Subquery(newest.values("pk")[:1]),
        is_warned=Exists(
            ConnectionCheck.objects.filter(pk=OuterRef("newest_check")).exclude(warnings=[])
        ),
    )
    # A key filed since is not the one that was refused, and one that we cannot open was not either.
    refused = Q(refusal_code="key_refused", checked_key=CredentialState.ACTIVE) | Q(
        state=TenantState.PAUSED, pause_reason=PauseReason.CREDENTIAL
    )
    # NULL, without a check, is neither true nor false.
    ours = Q(is_key_unchecked=True) | Q(claims_code__isnull=False, claims_code="secret_unreadable")
    lost = Exists(of_tenant) & ~Exists(in_use)
    wrong = Q(finished_outcome=CheckOutcome.FAILED) | Q(is_warned=True)
    return found.annotate(
        is_refused=Case(When(refused, then=True), default=False),
        condition=Case(
            When(state=TenantState.CLOSED, then=Value(Condition.CLOSED)),
            When((refused & ~ours) | Q(lost), then=Value(Condition.REVOKED)),
            When(state=TenantState.PENDING, then=Value(Condition.PENDING)),
            When(state=TenantState.PAUSED, then=Value(Condition.PAUSED)),
            When(wrong, then=Value(Condition.DEGRADED)),
            When(_is_idle(), then=Value(Condition.IDLE)),
            default=Value(Condition.ACTIVE),
            output_field=models.CharField(),
        ),
    )


def of(tenant: Tenant) -> Any:
    """The tenant with its condition."""
    return annotated(Tenant.objects.filter(pk=tenant.pk)).get()


def not_in_order(tenants: QuerySet[Tenant]) -> QuerySet[Any]:
    return annotated(tenants).filter(condition__in=NOT_IN_ORDER)


def _is_idle() -> Q:
    """Nothing taken in, and the engine had nothing to do, in IDLE_DAYS; nor is the tenant new.

    Both are asked of rows that are few: files, and the lane, which notes each time it is served.
    """
    since = timezone.now() - dt.timedelta(days=settings.IDLE_DAYS)
    files: Any = Tenant.received_files.rel.related_model
    taken_in = files.objects.filter(tenant=OuterRef("pk"), received_at__gte=since)
    exported = Q(lane__served_at__gte=since)
    return Q(created_at__lt=since) & ~Q(Exists(taken_in)) & (~exported | Q(lane=None))
