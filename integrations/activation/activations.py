"""Activation requests: recorded from the customer's browser, asked of Procountor, and followed
until a person has decided them. What is decided, and the keys, are `activation_decisions`'.

Everything here may run twice or late: rows move by conditional UPDATE only.
"""

from __future__ import annotations

import datetime as dt
import logging
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Case, QuerySet, When
from django.utils import timezone

from integrations.activation.models import (
    UNDECIDED,
    ActivationCompany,
    ActivationRequest,
    ActivationState,
)
from integrations.clients import IntegratorKeyMissing, integrator_for
from integrations.models import Tenant, business_id_in
from integrations.procountor import (
    Activation,
    CredentialRefused,
    IntegrationCustomer,
    ProcountorError,
    Rejected,
)
from integrations.signals import acted

logger = logging.getLogger(__name__)

#: Numbers that anybody may have typed: so many are kept, for so long. One that has expired, or that
#: our company may not see, may be a customer's.
MOST_UNKNOWN = 200
FORGET_AFTER = {
    ActivationState.UNKNOWN: dt.timedelta(days=1),
    ActivationState.REFUSED: dt.timedelta(days=7),
    ActivationState.EXPIRED: dt.timedelta(days=7),
}
#: Whoever floods us with numbers must not use up our requests to Procountor.
MOST_QUESTIONS_A_MINUTE = 20
#: What a request's number can be: the contract's integer, in 64 bits.
MOST_DIGITS = 18

_STATE_OF_STATUS = {
    403: ActivationState.REFUSED,
    404: ActivationState.UNKNOWN,
    410: ActivationState.EXPIRED,
}
#: What Procountor says of an integration that must not be used any more.
_REMOVED = ("DELETED", "INVALIDATED", "REJECTED")


def number_in(text: str) -> int | None:
    """The number of a request in what was typed or came in an address; None for anything else."""
    text = text.strip()
    fits = text.isascii() and text.isdecimal() and len(text) <= MOST_DIGITS
    return int(text) if fits else None


def record(
    environment: str, number: int, *, by: Any = None
) -> tuple[ActivationRequest | None, bool]:
    """Keep a request's number, once; the second value is whether it is new.

    None when too many wait of which nobody knows whether they are true; a person's own entry
    (`by`) is always kept, and takes up again what was set aside.
    """
    wanted = ActivationRequest.objects.filter(environment=environment, number=number)
    if found := wanted.first():
        if by is not None:
            _reopen(found, by)
        return found, False
    if by is None and not _make_room():
        return None, False
    try:
        with transaction.atomic():
            made = ActivationRequest.objects.create(
                environment=environment, number=number, received_at=timezone.now(), entered_by=by
            )
            if by is not None:
                tell(made, "activation.entered", by=by)
    except IntegrityError:
        return wanted.first(), False  # the same browser, twice at once
    return made, True


def is_known(environment: str, number: int) -> bool:
    """Whether the number is kept already."""
    return ActivationRequest.objects.filter(environment=environment, number=number).exists()


def set_aside(request: ActivationRequest, reason: str, *, by: Any) -> bool:
    """Nothing more is done about a request; False for one that is decided or being decided. A
    person who enters its number again takes it up again."""
    with transaction.atomic():
        done = ActivationRequest.objects.filter(
            pk=request.pk, state__in=[*UNDECIDED, ActivationState.LOST]
        ).update(state=ActivationState.CLOSED)
        if done:
            tell(request, "activation.set_aside", by=by, reason=reason)
    return bool(done)


def _reopen(request: ActivationRequest, by: Any) -> None:
    """Take up again what was set aside; an answer that was lost is still lost."""
    closed = ActivationRequest.objects.filter(pk=request.pk, state=ActivationState.CLOSED)
    with transaction.atomic():
        lost = closed.filter(answer_lost_at__isnull=False).update(state=ActivationState.LOST)
        if lost or closed.update(state=ActivationState.RECEIVED, trouble=""):
            tell(request, "activation.entered", by=by)
    request.refresh_from_db()


def _make_room() -> bool:
    """Let the oldest number of which Procountor tells nothing go, when too many are kept."""
    unasked = ActivationRequest.objects.filter(state=ActivationState.RECEIVED)
    if unasked.count() + _untold().count() < MOST_UNKNOWN:
        return True
    # What Procountor does not know goes first: the rest may yet be a customer's.
    unknown_first = Case(When(state=ActivationState.UNKNOWN, then=0), default=1)
    oldest = _untold().order_by(unknown_first, "received_at").values_list("pk", flat=True)[:1]
    deleted, _rows = _untold().filter(pk__in=list(oldest)).delete()
    return bool(deleted)


def _untold() -> QuerySet[ActivationRequest]:
    """Numbers of which Procountor was asked and has never told anything."""
    return ActivationRequest.objects.filter(
        state__in=list(FORGET_AFTER), companies=None, entered_by=None
    )


def may_ask_now() -> bool:
    """Whether there is room for another question to Procountor in this minute."""
    since = timezone.now() - dt.timedelta(minutes=1)
    return ActivationRequest.objects.filter(asked_at__gt=since).count() < MOST_QUESTIONS_A_MINUTE


def fetch(request: ActivationRequest) -> None:
    """Ask Procountor what is requested. Reads only; a request that is decided stays as it is."""
    ActivationRequest.objects.filter(pk=request.pk).update(asked_at=timezone.now())
    try:
        found = integrator_for(request.environment).activation(request.number)
    except (IntegratorKeyMissing, ProcountorError) as error:
        changes = {"trouble": trouble_of(error)}
        if isinstance(error, Rejected) and error.status in _STATE_OF_STATUS:
            changes["state"] = _STATE_OF_STATUS[error.status]
        _undecided(request).update(**changes)
    else:
        _keep(request, found)
    request.refresh_from_db()


def trouble_of(error: Exception) -> str:
    """Why a question brought nothing: a code of `activation_words`."""
    if isinstance(error, IntegratorKeyMissing):
        return "no_integrator_key"
    if isinstance(error, CredentialRefused):
        return "integrator_key_refused"
    if isinstance(error, Rejected):
        return f"http_{error.status}" if error.status in (400, *_STATE_OF_STATUS) else "unexpected"
    return "not_answering"


def _undecided(request: ActivationRequest) -> QuerySet[ActivationRequest]:
    return ActivationRequest.objects.filter(pk=request.pk, state__in=UNDECIDED)


def _keep(request: ActivationRequest, found: Activation) -> None:
    is_new = request.state != ActivationState.KNOWN
    with transaction.atomic():
        kept = _undecided(request).update(
            state=ActivationState.KNOWN,
            trouble="",
            integration_id=found.integration_id[:100],
            expires=found.expires[:40],
            initiator_name=found.initiator_name[:120],
            initiator_email=found.initiator_email[:254],
            initiator_forgotten_at=None,
        )
        if not kept:
            return
        ids = [company.id for company in found.companies]
        request.companies.exclude(remote_id__in=ids).delete()
        for company in found.companies:
            request.companies.update_or_create(
                remote_id=company.id,
                defaults={
                    "name": company.name[:200],
                    "business_id": business_id_in(company.business_id),
                    "country": company.country[:40],
                    "accounting_office": company.accounting_office[:200],
                },
            )
        if is_new:
            tell(request, "activation.known", companies=len(ids))


def tenant_of(company: ActivationCompany) -> Tenant | None:
    """The tenant of that business ID in the request's environment."""
    if company.tenant is not None:
        return company.tenant
    return Tenant.objects.filter(
        business_id=company.business_id or None, environment=company.request.environment
    ).first()


def due() -> list[int]:
    """Requests that Procountor has still to be asked about, the oldest first."""
    waiting = ActivationRequest.objects.filter(state=ActivationState.RECEIVED)
    oldest = waiting.order_by("received_at").values_list("pk", flat=True)
    return list(oldest[:MOST_QUESTIONS_A_MINUTE])


def forget_unknown() -> int:
    """Forget numbers of which Procountor tells nothing, in time; returns how many."""
    forgotten = 0
    for state, age in FORGET_AFTER.items():
        old = _untold().filter(state=state, received_at__lt=timezone.now() - age)
        forgotten += old.delete()[0]
    return forgotten


def watch_customers() -> int:
    """Ask what became of our integrations; note those that ended. Returns how many did.

    An integration that Procountor does not answer for is asked about again the next day.
    """
    ended = 0
    asked = ActivationRequest.objects.exclude(integration_id="").filter(
        state=ActivationState.DECIDED
    )
    for environment, integration_id in (
        asked.order_by().values_list("environment", "integration_id").distinct()
    ):
        if not settings.PROCOUNTOR[environment]["integrator_api_key"]:
            continue
        try:
            customers = integrator_for(environment).integration_customers(integration_id)
        except ProcountorError as error:
            logger.warning("customers of the integration (%s): %s", environment, error)
            continue
        ended += sum(_note(environment, customer) for customer in customers)
    return ended


def _note(environment: str, customer: IntegrationCustomer) -> bool:
    """Keep a status that has changed; True when the integration ended by it."""
    company = (
        ActivationCompany.objects.filter(
            request__environment=environment,
            remote_id=customer.company_id,
            credential__isnull=False,
        )
        .select_related("tenant", "request")
        .order_by("-pk")
        .first()
    )
    status = customer.status[:40]
    if company is None or company.remote_status == status:
        return False
    ends = status in _REMOVED
    with transaction.atomic():
        changed = ActivationCompany.objects.filter(
            pk=company.pk, remote_status=company.remote_status
        ).update(remote_status=status)
        if not changed:
            return False
        if ends or status == "APPROVED":
            action = "integration.removed" if ends else "integration.approved"
            tell(company.request, action, tenant=company.tenant, status=status)
    return ends


def tell(
    request: ActivationRequest,
    action: str,
    *,
    tenant: Tenant | None = None,
    by: Any = None,
    **data: Any,
) -> None:
    """Report to whoever keeps the record."""
    facts = {"request": request.number, "environment": request.environment} | data
    acted.send(ActivationRequest, action=action, tenant=tenant, by=by, data=facts)
