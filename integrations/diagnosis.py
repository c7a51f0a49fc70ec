"""The ordered checks of a connection: claims, token, session, rights, company, bank accounts,
VAT, financial years. Each is green, or red with a code whose words are in `integrations.advice`.

Reads only; nothing is created in Procountor. What mapping needs to know about the company is
kept with the check, and the rest of the radar's snapshot with what it warns of
(`integrations.radar`). Order and meaning of the steps: REFERENCE section 6.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone

from integrations import custody, keydesk, radar
from integrations.clients import client_for, forget_tokens
from integrations.enums import CheckOutcome, CredentialState, PauseReason, TenantState
from integrations.models import (
    BankAccount,
    ConnectionCheck,
    Credential,
    Tenant,
    business_id_in,
)
from integrations.needs import needs_of
from integrations.procountor import (
    CredentialRefused,
    FiscalYear,
    ProcountorClient,
    ProcountorError,
    Rejected,
    TrackingPeriod,
)
from integrations.secrets import SecretUnreadable
from integrations.signals import acted, connection_checked

STEPS = (
    "claims",
    "token",
    "session",
    "rights",
    "company",
    "bank_accounts",
    "vat",
    "fiscal_years",
)
#: Codes that mean the key must not be used, whatever the other steps say.
_PAUSE_FOR = {
    "no_credential": PauseReason.CREDENTIAL,
    "key_refused": PauseReason.CREDENTIAL,
    "wrong_environment": PauseReason.CREDENTIAL,
    "wrong_client": PauseReason.CREDENTIAL,
    "wrong_company": PauseReason.CREDENTIAL,
    "company_differs_from_key": PauseReason.CREDENTIAL,
    "right_missing": PauseReason.RIGHTS,
    "creating_prevented": PauseReason.RIGHTS,
}

#: A check that runs longer has died.
LONGEST_CHECK = dt.timedelta(minutes=10)
#: What mapping takes from a check's reference data; the rest is for the radar alone.
MAPPING_FACTS = ("lookup_blind", "active_accounts", "vat_percents", "vat_statuses", "periods")


class _Red(Exception):
    """A step found something. `final` means that no later step can run."""

    def __init__(self, code: str, value: str = "", *, final: bool = False) -> None:
        super().__init__(code)
        self.code, self.value, self.final = code, value, final


class ConnectionEnded(Exception):
    """The tenant is closed: its keys are not used any more, for a check neither."""


def run_checks(tenant: Tenant, by: Any = None) -> ConnectionCheck:
    """Check a candidate key, if there is one, and the connection in use, unless that is the
    candidate's now; returns the last check. Raises ConnectionEnded."""
    candidate = tenant.candidate
    if candidate is not None:
        check = run_check(tenant, by, credential=candidate)
        if not check.of_candidate:
            return check
    return run_check(tenant, by)


def run_check(
    tenant: Tenant, by: Any = None, *, credential: Credential | None = None
) -> ConnectionCheck:
    """Run every step that can run, store the result, and move the tenant's state by it.

    Of the active key, or of `credential`, a candidate: it takes the active one's place when all
    is green, and else nothing is changed by it. Raises ConnectionEnded.
    """
    with transaction.atomic():
        # Whoever ends the connection counts this check, or has ended it before.
        Tenant.objects.select_for_update(no_key=True).get(pk=tenant.pk)
        if _is_closed(tenant):
            raise ConnectionEnded(f"Tenant {tenant.pk} is closed.")
        check = ConnectionCheck.objects.create(
            tenant=tenant,
            credential=credential or tenant.active_credential,
            of_candidate=credential is not None and credential.state == CredentialState.CANDIDATE,
            started_at=timezone.now(),
            requested_by=by,
        )
    run = _Run(tenant, check)
    check.steps = run.all_steps()
    check.reference_data = run.snapshot()
    check.finished_at = timezone.now()
    passed = all(step["ok"] for step in check.steps)
    check.outcome = CheckOutcome.PASSED if passed else CheckOutcome.FAILED
    if check.of_candidate and passed and credential and custody.promote(credential):
        check.of_candidate = False
    if not check.of_candidate:
        check.warnings = _warnings(tenant, check)
    check.save(
        update_fields=[
            *("steps", "reference_data", "warnings", "finished_at", "outcome", "of_candidate")
        ]
    )
    acted.send(
        ConnectionCheck,
        action=f"connection.{check.outcome}",
        tenant=tenant,
        by=by,
        data={
            "codes": [step["code"] for step in check.steps if step["code"]],
            "warnings": [each["code"] for each in check.warnings],
        },
    )
    if check.of_candidate:
        return check
    _move_tenant(tenant, check)
    connection_checked.send(ConnectionCheck, tenant=tenant, check=check)
    if tenant.state == TenantState.CLOSED:
        # It was closed meanwhile, and this check may have bought an access token since.
        forget_tokens(tenant)
    return check


def informed_checks(tenant: Tenant) -> QuerySet[ConnectionCheck]:
    """Finished checks of the connection in use that learnt something of the company, the newest
    first."""
    finished = tenant.checks.filter(finished_at__isnull=False, of_candidate=False)
    return finished.exclude(reference_data={}).order_by("-started_at")


def _is_closed(tenant: Tenant) -> bool:
    return Tenant.objects.filter(pk=tenant.pk, state=TenantState.CLOSED).exists()


def _warnings(tenant: Tenant, check: ConnectionCheck) -> list[radar.Warning]:
    """What the radar warns of and no step shows as red."""
    red = {(step["code"], step["value"]) for step in check.steps if step["code"]}
    found = radar.warnings(needs_of(tenant), check.reference_data, timezone.localdate())
    return [each for each in found if (each["code"], each["value"]) not in red]


def finding_of(error: ProcountorError, *, forbidden: str = "") -> tuple[str, str]:
    """The code and value of `integrations.advice` for a request that failed; `forbidden` is the
    value of a 403, when it is known what was asked for."""
    if isinstance(error, CredentialRefused):
        return "key_refused", error.cause
    if not isinstance(error, Rejected):
        return "not_answering", error.cause
    if error.status == 403:
        return "step_forbidden", forbidden or error.cause
    return ("wrong_address" if error.status == 404 else "unexpected_answer"), error.cause


class _Run:
    """One pass over the steps; collects reference data on the way."""

    def __init__(self, tenant: Tenant, check: ConnectionCheck) -> None:
        self.tenant = tenant
        self.credential = check.credential
        self.of_candidate = check.of_candidate
        self.client: ProcountorClient | None = None
        self.reference_data: dict[str, Any] = {}
        self.radar_facts: dict[str, Any] = {}

    def snapshot(self) -> dict[str, Any]:
        """What was seen. Facts for the radar alone are nothing mapping could work with: they do
        not make a check the newest one that knows the company."""
        return self.reference_data and self.reference_data | self.radar_facts

    def all_steps(self) -> list[dict[str, Any]]:
        steps: list[dict[str, Any]] = []
        stopped = False
        for name in STEPS:
            if stopped:
                steps.append(_step(name, None))
                continue
            step, stopped = self._run_one(name)
            steps.append(step)
        return steps

    def _run_one(self, name: str) -> tuple[dict[str, Any], bool]:
        method: Callable[[], str] = getattr(self, f"_{name}")
        try:
            return _step(name, True, facts=method()), False
        except _Red as red:
            return _step(name, False, red.code, red.value), red.final
        except ProcountorError as error:
            code, value = finding_of(error, forbidden=name)
            # No later step can do better without an access token, an answer or a session.
            is_final = not isinstance(error, Rejected) or (
                name == "session" or (name == "token" and code != "step_forbidden")
            )
            return _step(name, False, code, value), is_final

    @property
    def api(self) -> ProcountorClient:
        if self.client is None:
            self.client = client_for(self.tenant, self.credential)
        return self.client

    def _claims(self) -> str:
        ours = settings.PROCOUNTOR[self.tenant.environment]
        if self.credential is None:
            raise _Red("no_credential", ours["client_id"], final=True)
        try:
            api_key = custody.open_api_key(self.credential)
            claims = keydesk.check_claims(api_key, self.tenant.environment)
        except SecretUnreadable:
            raise _Red("secret_unreadable", final=True) from None
        except keydesk.KeyRefused as error:
            found = self.credential.claims
            value = found.get("aud" if error.code == "wrong_client" else "iss", "")
            raise _Red(error.code, value, final=True) from None
        return f"cid {claims.company_id}, jti {claims.key_id}" if claims else ""

    def _token(self) -> str:
        if not settings.PROCOUNTOR[self.tenant.environment]["client_secret"]:
            raise _Red("secret_missing", final=True)
        self.api.authenticate()
        return ""

    def _session(self) -> str:
        session = self.api.session_info()
        claimed = self.credential.claims.get("cid") if self.credential else None
        if claimed and str(session.company_id) != claimed:
            raise _Red("company_differs_from_key", f"{session.company_name}")
        if session.product_version and not session.product_version.startswith("FINANCIALS"):
            raise _Red("product_not_supported", session.product_version)
        self.radar_facts["product_version"] = session.product_version
        return f"{session.company_name}, {session.user_name}"

    def _rights(self) -> str:
        rights = self.api.user_rights()
        own_only = rights.sees_own_invoices_only
        self.reference_data["lookup_blind"] = own_only or not rights.may_search_invoices
        self.radar_facts["role"] = rights.role
        self.radar_facts["rights"] = {path: rights.level(path) for path in radar.WATCHED_RIGHTS} | {
            path: rights.flag(path) for path in radar.WATCHED_FLAGS
        }
        for needed, enough in radar.NEEDED_RIGHTS.items():
            level = rights.level(needed)
            if level not in enough:
                raise _Red("right_missing", f"{needed} = {level or '–'}")
        if not rights.may_create_invoices:
            raise _Red("creating_prevented")
        if own_only:
            raise _Red("sees_own_invoices_only")
        return rights.role

    def _company(self) -> str:
        company = self.api.company()
        found = f"{company.name}, {company.business_id}"
        self.radar_facts["operation_type"] = company.operation_type
        self.radar_facts["currency"] = company.currency
        if business_id_in(company.business_id) != self.tenant.business_id:
            raise _Red("wrong_company", found)
        if company.operation_type in ("CLOSED", "CEASED", "BROKEN"):
            raise _Red("company_not_in_production", company.operation_type)
        return found

    def _bank_accounts(self) -> str:
        theirs = {account.iban: account for account in self.api.bank_accounts()}
        active = sorted(iban for iban, account in theirs.items() if account.status == "ACTIVE")
        self.reference_data["active_accounts"] = active
        self.radar_facts["accounts"] = {
            iban: account.status for iban, account in sorted(theirs.items())
        }
        for account in self.tenant.bank_accounts.all():
            found = theirs.get(account.iban)
            state = (
                BankAccount.InProcountor.MISSING
                if found is None
                else BankAccount.InProcountor.ACTIVE
                if found.status == "ACTIVE"
                else BankAccount.InProcountor.INACTIVE
            )
            if not self.of_candidate:  # the key may be another company's
                BankAccount.objects.filter(pk=account.pk).update(in_procountor=state)
        ours = self.tenant.invoice_account
        if ours is None:
            raise _Red("no_account_filed", ", ".join(active) or "–")
        if ours.iban not in theirs:
            raise _Red("account_not_in_procountor", str(ours))
        if ours.iban not in active:
            raise _Red("account_not_active", str(ours))
        return str(ours)

    def _vat(self) -> str:
        vats = self.api.default_vats()
        percents = sorted(vats.sales_percents(), reverse=True)
        self.reference_data["vat_percents"] = [str(percent) for percent in percents]
        self.reference_data["vat_statuses"] = {str(n): text for n, text in vats.statuses.items()}
        if self.tenant.default_vat_status not in vats.statuses:
            raise _Red("vat_status_not_in_use", str(self.tenant.default_vat_status))
        return " · ".join(f"{percent.normalize():f} %" for percent in percents)

    def _fiscal_years(self) -> str:
        years = self.api.fiscal_years()
        self.reference_data["fiscal_years"] = [
            [year.start.isoformat(), year.end.isoformat()]
            for year in years
            if year.start and year.end
        ]
        periods = [
            [period.start.isoformat(), period.end.isoformat(), is_open]
            for year in years
            for period, is_open in _periods_of(year)
            if period.start and period.end
        ]
        self.reference_data["periods"] = periods
        today = timezone.localdate()
        if not any(_covers(period, today) for period in periods):
            raise _Red("no_open_period")
        return today.isoformat()


def _periods_of(year: FiscalYear) -> list[tuple[FiscalYear | TrackingPeriod, bool]]:
    """A year's tracking periods, or the year itself when it has none, and whether each is open."""
    if not year.periods:
        return [(year, year.is_open)]
    return [(period, year.is_open and period.status == "OPEN") for period in year.periods]


def _covers(period: list[Any], day: dt.date) -> bool:
    start, end, is_open = period
    return bool(is_open) and start <= day.isoformat() <= end


def _step(
    name: str, ok: bool | None, code: str = "", value: str = "", facts: str = ""
) -> dict[str, Any]:
    return {"step": name, "ok": ok, "code": code, "value": value[:200], "facts": facts[:300]}


def _move_tenant(tenant: Tenant, check: ConnectionCheck) -> None:
    """A key that must not be used pauses the lane; a check that passes resumes it.

    A tenant that never went live stays pending, one paused by a person stays paused, and one
    closed stays closed.
    """
    if check.outcome == CheckOutcome.PASSED:
        # A key filed while this check ran has not been seen by it.
        checked = Credential.objects.filter(connectioncheck=check, state=CredentialState.ACTIVE)
        resumable = Tenant.objects.filter(pk=tenant.pk, credentials__in=checked).exclude(
            pause_reason=PauseReason.PERSON
        )
        # What paused it has happened since this check asked.
        resumable = resumable.exclude(paused_at__gte=check.started_at).exclude(
            checks_after__gte=check.started_at
        )
        # The first time is a person's decision: see going_live.
        resumed = resumable.filter(
            state__in=[TenantState.PENDING, TenantState.PAUSED], went_live_at__isnull=False
        ).update(state=TenantState.ACTIVE, pause_reason="", paused_at=None)
        if resumed:
            acted.send(Tenant, action="tenant.activated", tenant=tenant, by=None, data={})
    else:
        for step in check.steps:
            reason = _PAUSE_FOR.get(step["code"])
            if reason:
                pause(tenant, reason)
                break
    tenant.refresh_from_db()


def pause(tenant: Tenant, reason: str, by: Any = None) -> bool:
    """Stop the tenant's lane. True when this call stopped it, so that one alert is raised."""
    paused = Tenant.objects.filter(pk=tenant.pk, state=TenantState.ACTIVE).update(
        state=TenantState.PAUSED, pause_reason=reason, paused_at=timezone.now()
    )
    if paused:
        acted.send(
            Tenant, action="tenant.paused", tenant=tenant, by=by, data={"reason": str(reason)}
        )
    return bool(paused)


def resume(tenant: Tenant, by: Any = None) -> bool:
    """End a person's pause: the lane opens when the next check passes, as after other pauses."""
    resumed = Tenant.objects.filter(
        pk=tenant.pk, state=TenantState.PAUSED, pause_reason=PauseReason.PERSON
    ).update(
        state=TenantState.PENDING, pause_reason="", paused_at=None, checks_after=timezone.now()
    )
    if resumed:
        acted.send(Tenant, action="tenant.resumed", tenant=tenant, by=by, data={})
    return bool(resumed)
