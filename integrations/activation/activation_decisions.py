"""The decision about an activation request: kept here, told to Procountor once, its keys filed.

The decision is committed before the PUT leaves, and one task sends it. An answer that was lost is
asked for again with the same decision, which brings the same keys (REFERENCE section 4.3). The
keys are sealed in the transaction that closes the request, and each is filed in one of its own.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from integrations import custody, keydesk, received
from integrations.activation import activations
from integrations.activation.activations import tell, tenant_of, trouble_of
from integrations.activation.models import (
    ActivationCompany,
    ActivationRequest,
    ActivationState,
)
from integrations.clients import IntegratorKeyMissing, integrator_for
from integrations.enums import ReceivedBy, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import Tenant
from integrations.procountor import ActivationAnswer, OutcomeUnknown, ProcountorError
from integrations.secrets import SecretUnreadable, seal

Choice = ActivationCompany.Decision
#: Longer than a PUT and its repeat after a 401 can take: then its task is dead.
ANSWER_IS_LOST_AFTER = dt.timedelta(seconds=600)
#: What another question to Procountor may bring.
ASKED_FOR_AGAIN = ("no_key", "unreadable")
#: An answer may come late: when its task was given up, or a person set the request aside.
_ANSWERABLE = (ActivationState.DECIDING, ActivationState.LOST, ActivationState.CLOSED)


class DecisionUnfit(ValueError):
    """The decision does not name exactly the companies of the request: look at it again."""


@dataclass(frozen=True)
class Decision:
    """For one company; a rejection has a reason of 1 to 255 characters for the customer."""

    approve: bool
    reason: str = ""


def decide(request: ActivationRequest, decisions: Mapping[int, Decision], *, by: Any) -> bool:
    """Keep a decision for each company, by its primary key. False when another person was first.

    Raises DecisionUnfit; nothing is kept then.
    """
    with transaction.atomic():
        decided = ActivationRequest.objects.filter(
            pk=request.pk, state=ActivationState.KNOWN
        ).update(
            state=ActivationState.DECIDING,
            decided_by=by,
            decided_at=timezone.now(),
            put_at=None,
            trouble="",
        )
        if not decided:
            return False
        companies = list(request.companies.all())
        if not companies or {company.pk for company in companies} != set(decisions):
            raise DecisionUnfit
        for company in companies:
            chosen = decisions[company.pk]
            ActivationCompany.objects.filter(pk=company.pk).update(
                decision=Choice.APPROVE if chosen.approve else Choice.REJECT,
                reason="" if chosen.approve else chosen.reason,
                problem="",
            )
        approved = sum(chosen.approve for chosen in decisions.values())
        tell(
            request,
            "activation.decided",
            by=by,
            approved=approved,
            rejected=len(decisions) - approved,
        )
    return True


def ask_again(request: ActivationRequest, *, by: Any) -> bool:
    """Let the same decision be told once more, where its answer or a key of it is missing."""
    missing = Q(state=ActivationState.DECIDED) & Q(
        companies__credential=None, companies__problem__in=ASKED_FOR_AGAIN
    )
    fits = ActivationRequest.objects.filter(missing | Q(state=ActivationState.LOST), pk=request.pk)
    with transaction.atomic():
        asked = ActivationRequest.objects.filter(
            pk__in=list(fits.values_list("pk", flat=True).distinct()),
            state__in=[ActivationState.LOST, ActivationState.DECIDED],
        ).update(
            state=ActivationState.DECIDING, put_at=None, trouble="", answer_lost_at=timezone.now()
        )
        if asked:
            tell(request, "activation.asked_again", by=by)
    return bool(asked)


def submit(request: ActivationRequest) -> None:
    """Tell Procountor the decision: one PUT, by whoever claims it first. Then file the keys."""
    claim = timezone.now()
    claimed = ActivationRequest.objects.filter(
        pk=request.pk, state=ActivationState.DECIDING, put_at=None
    ).update(put_at=claim)
    if claimed:
        request.refresh_from_db()
        _tell_procountor(request)
    file_keys(request)


def _tell_procountor(request: ActivationRequest) -> None:
    companies = list(request.companies.all())
    approve = [c.remote_id for c in companies if c.decision == Choice.APPROVE]
    reject = {c.remote_id: c.reason for c in companies if c.decision == Choice.REJECT}
    try:
        client = integrator_for(request.environment)
        answer = client.decide_activation(request.number, approve=approve, reject=reject)
    except OutcomeUnknown as error:
        _lose(request, error.cause)
    except (IntegratorKeyMissing, ProcountorError) as error:
        _take_back(request, error)
    else:
        settle(request, answer)


def _lose(request: ActivationRequest, cause: str) -> None:
    with transaction.atomic():
        lost = ActivationRequest.objects.filter(
            pk=request.pk, state=ActivationState.DECIDING, put_at=request.put_at
        ).update(
            state=ActivationState.LOST,
            trouble="answer_lost",
            answer_lost_at=request.answer_lost_at or timezone.now(),
        )
        if lost:
            tell(request, "activation.answer_lost", cause=cause)


def _take_back(request: ActivationRequest, error: Exception) -> None:
    """Certainly not taken this time: back to a person, unless an earlier answer is missing."""
    trouble = trouble_of(error)
    states = {
        "http_403": ActivationState.REFUSED,
        "http_404": ActivationState.UNKNOWN,
        "http_410": ActivationState.EXPIRED,
    }
    state = states.get(trouble, ActivationState.KNOWN)
    if request.answer_lost_at:
        state = ActivationState.LOST
    with transaction.atomic():
        back = ActivationRequest.objects.filter(
            pk=request.pk, state=ActivationState.DECIDING, put_at=request.put_at
        ).update(state=state, trouble=trouble)
        if back:
            tell(request, "activation.not_taken", cause=trouble)
    if back and state == ActivationState.KNOWN and trouble == "http_400":
        # Other companies are requested by now than those decided about.
        activations.fetch(request)
        ActivationRequest.objects.filter(pk=request.pk, state=state).update(trouble=trouble)


def settle(request: ActivationRequest, answer: ActivationAnswer) -> bool:
    """Close the request with Procountor's answer and seal its keys, in one transaction. False
    when another answer did so before."""
    keys = {key.company_id: key.api_key for key in answer.keys}
    with transaction.atomic():
        closed = ActivationRequest.objects.filter(pk=request.pk, state__in=_ANSWERABLE).update(
            state=ActivationState.DECIDED,
            answered_at=timezone.now(),
            answer_lost_at=None,
            trouble="",
        )
        if not closed:
            return False
        for company in request.companies.filter(credential=None):
            _seal(company, keys.pop(company.remote_id, ""))
        known = set(request.companies.values_list("remote_id", flat=True))
        unasked = len(set(keys) - known)
        if unasked:
            ActivationRequest.objects.filter(pk=request.pk).update(trouble="unasked_key")
        tell(request, "activation.answered", keys=len(answer.keys), unasked=unasked)
    return True


def _seal(company: ActivationCompany, api_key: str) -> None:
    row = ActivationCompany.objects.filter(pk=company.pk)
    if company.decision == Choice.REJECT:
        row.update(problem="key_of_rejected" if api_key else "")
    elif not api_key:
        row.filter(api_key__isnull=True).update(problem="no_key")
    else:
        row.update(api_key=seal(api_key, _owner(company)), problem="")


def file_keys(request: ActivationRequest) -> int:
    """File every sealed key for its company's tenant; returns how many. What cannot be filed
    stays sealed, with the reason beside it."""
    waiting = request.companies.filter(api_key__isnull=False, credential=None)
    return sum(_file(company) for company in waiting.select_related("request", "tenant"))


def _file(company: ActivationCompany) -> bool:
    problem = ""
    try:
        api_key = str(company.api_key.open(_owner(company)))
        _check_company(company, api_key)
        with transaction.atomic():
            return _filed(company, api_key)
    except KeyRefused as error:
        problem = error.code
    except ValidationError:
        problem = "company_unfit"
    except SecretUnreadable:
        problem = "unreadable"
    ActivationCompany.objects.filter(pk=company.pk, credential=None).update(problem=problem[:40])
    return False


def _check_company(company: ActivationCompany, api_key: str) -> None:
    """Refuse a key that names another company; learn the business ID where none was told."""
    claims = keydesk.claims_of(api_key)
    if claims and claims.company_id and claims.company_id != str(company.remote_id):
        raise KeyRefused("other_company", "")
    if company.business_id:
        return
    finding, found = received.ask(api_key, company.request.environment)
    if finding or not found["business_id"]:
        raise KeyRefused("company_not_told", "")
    company.business_id = found["business_id"]
    company.name = company.name or found["name"][:200]
    company.save(update_fields=["business_id", "name"])


def _filed(company: ActivationCompany, api_key: str) -> bool:
    """Seal the key for the tenant and let the check follow, all or nothing."""
    row = ActivationCompany.objects.select_for_update().filter(pk=company.pk, credential=None)
    if not row.filter(api_key__isnull=False).exists():
        return False
    request = company.request
    tenant = tenant_of(company) or _new_tenant(company)
    if tenant.state == TenantState.CLOSED:
        raise KeyRefused("closed", "")
    credential = custody.file_api_key(
        tenant, api_key, via=ReceivedBy.ACTIVATION, by=request.decided_by
    )
    row.update(tenant=tenant, credential=credential, api_key=None, problem="")
    check = partial(
        async_task, "integrations.tasks.check_connection", tenant.pk, request.decided_by_id
    )
    transaction.on_commit(check)
    return True


def new_tenant(company: ActivationCompany) -> Tenant:
    """The tenant that an approval would make, not saved. Raises ValidationError."""
    request = company.request
    tenant = Tenant(
        name=company.name[:120],
        business_id=company.business_id,
        environment=request.environment,
        contact_name=request.initiator_name[:80],
        contact_email=_email_or_nothing(request.initiator_email),
    )
    tenant.full_clean(exclude=["slug"])
    return tenant


def _email_or_nothing(text: str) -> str:
    try:
        validate_email(text)
    except ValidationError:
        return ""
    return text


def _new_tenant(company: ActivationCompany) -> Tenant:
    tenant = new_tenant(company)
    tenant.save()
    tell(company.request, "tenant.added", tenant=tenant, by=company.request.decided_by)
    return tenant


def follow() -> list[int]:
    """Give up answers whose task is dead, and return the requests that have something to do: a
    decision nobody sent, or a key nobody filed."""
    dead = ActivationRequest.objects.filter(
        state=ActivationState.DECIDING, put_at__lt=timezone.now() - ANSWER_IS_LOST_AFTER
    )
    for request in dead:
        _lose(request, "task_died")
    waiting = Q(state=ActivationState.DECIDING, put_at=None) | Q(
        companies__api_key__isnull=False, companies__credential=None, companies__problem=""
    )
    return list(ActivationRequest.objects.filter(waiting).values_list("pk", flat=True).distinct())


def forget_unfiled_keys() -> int:
    """Destroy keys that could not be filed for as long as a replaced key is kept."""
    until = timezone.now() - dt.timedelta(days=settings.SUPERSEDED_KEY_DAYS)
    old = ActivationCompany.objects.filter(
        api_key__isnull=False, credential=None, request__answered_at__lt=until
    )
    return old.update(api_key=None, problem="no_key")


def _owner(company: ActivationCompany) -> str:
    return f"activation:{company.pk}"
