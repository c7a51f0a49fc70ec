"""Intake links: made for one tenant, opened, given a key, and over after a success, five wrong
tries or seven days.

Nothing here is done by reading the page. A key that Procountor refuses for now, or does not
answer for, is kept sealed until the link's end, because Procountor shows a key only once.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
import uuid
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import accounts, custody, keydesk, keylogin, received
from integrations.connect.models import IntakeLink
from integrations.enums import ReceivedBy, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import Tenant
from integrations.procountor import NotSubmitted, OutcomeUnknown, ProcountorError
from integrations.secrets import SecretUnreadable, seal
from integrations.signals import acted

State, CloseReason = IntakeLink.State, IntakeLink.CloseReason
MOST_WRONG_TRIES = 5
#: With these Procountor, or the customer there, may yet make the key work: it is kept.
_MAY_YET_WORK = frozenset(
    {
        "key_refused",
        "not_answering",
        "simultaneous",
        "step_forbidden",
        "unexpected_answer",
        "wrong_address",
    }
)
#: Not the customer's doing, so no wrong try.
_NOT_COUNTED = (_MAY_YET_WORK - {"key_refused", "step_forbidden"}) | {"login_unclear"}
#: Asked about again by the program itself.
_ASKED_AGAIN = ("not_answering", "simultaneous")
#: A question that nobody answered: its task was lost.
_ASK_AGAIN = dt.timedelta(minutes=1)
#: A question whose task dies again and again ends, so that another key can be entered.
_GIVE_UP = dt.timedelta(minutes=30)
#: What is left of a link's secrets when it is of no more use.
_DESTROYED = dict.fromkeys(["token", "api_key", "login_code"])


class AccountUnknown(ValueError):
    """An account that was not active in Procountor at the last check."""


def make(tenant: Tenant, *, by: Any) -> IntakeLink:
    """Make a link for `tenant`; an older one that is still open ends. Raises KeyRefused for a
    closed tenant."""
    if tenant.state == TenantState.CLOSED:
        raise KeyRefused(
            "closed", _("%(tenant)s is closed: no key is filed for it.") % {"tenant": tenant}
        )
    token, now = secrets.token_urlsafe(32), timezone.now()
    with transaction.atomic():
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        for older in IntakeLink.objects.filter(tenant=tenant, state__in=IntakeLink.OPEN):
            close(older, CloseReason.REPLACED, by=by)
        number = uuid.uuid4()
        link = IntakeLink.objects.create(
            pk=number,
            tenant=tenant,
            token_hash=_hash(token),
            token=seal(token, _owner(number)),
            created_at=now,
            created_by=by,
            expires_at=now + dt.timedelta(days=settings.INTAKE_LINK_DAYS),
        )
        _tell(link, "intake_link.made", by=by)
    return link


def found(token: str) -> IntakeLink | None:
    """The link of a token whose page still tells something; None for every other reason, which
    the page must not tell apart."""
    link = IntakeLink.objects.select_related("tenant").filter(token_hash=_hash(token)).first()
    return None if link is None or link.is_over or link.tenant.state == TenantState.CLOSED else link


def token_of(link: IntakeLink) -> str:
    """The token, to show or send the link; "" when it has been destroyed."""
    try:
        return str(link.token.open(owner_of(link))) if link.token else ""
    except SecretUnreadable:
        return ""


def begin(link: IntakeLink) -> bool:
    """The customer has pressed the button that a mail scanner does not press."""
    with transaction.atomic():
        begun = _open(link).filter(state=State.INVITED)
        done = begun.update(state=State.OPENED, opened_at=timezone.now())
        if done:
            _tell(link, "intake_link.opened")
    return bool(done)


def submit(link: IntakeLink, pasted: str, account: str) -> bool:
    """Keep a key, sealed, to ask Procountor about it. False when another is being asked about,
    or the link is over. Raises KeyRefused for an empty key and AccountInvalid; both change
    nothing."""
    api_key = keydesk.clean(pasted)
    if not api_key:
        raise KeyRefused("empty", "")
    iban = accounts.parse(account).iban if account.strip() else ""
    return _ask_about(link, account=iban, api_key=seal(api_key, owner_of(link)), login_code=None)


def submit_code(link: IntakeLink, code: str) -> bool:
    """Keep the code of a log-in at Procountor, sealed, to exchange it for a key. False as above."""
    return _ask_about(link, login_code=seal(code, owner_of(link)), api_key=None)


def _ask_about(link: IntakeLink, **given: Any) -> bool:
    submitted = _open(link).filter(state__in=[State.OPENED, State.HELD])
    return bool(
        submitted.update(
            state=State.ASKING, asked_at=timezone.now(), finding={}, is_counted=False, **given
        )
    )


def ask_again(link: IntakeLink) -> bool:
    """Ask about the key that is kept once more."""
    kept = _open(link).filter(state=State.HELD, api_key__isnull=False)
    return bool(kept.update(state=State.ASKING, asked_at=timezone.now()))


def try_key(link: IntakeLink) -> bool:
    """Ask Procountor about the submitted key, and file it when it opens the tenant's company:
    True then. Does nothing when it was answered meanwhile or the link has ended; changes nothing
    in Procountor, but that a log-in's code becomes a key."""
    if not _open(link).filter(state=State.ASKING, asked_at=link.asked_at).exists():
        return False
    try:
        api_key = _key_of(link)
    except KeyRefused as error:
        return _refuse(link, error.code)
    if not api_key:
        return False
    finding, company = received.ask(api_key, link.tenant.environment)
    if finding:
        return _refuse(link, finding["code"], finding["value"])
    if company["business_id"] != link.tenant.business_id:
        # Whose it is stays unsaid: the page must not tell what a found key opens.
        return _refuse(link, "wrong_company")
    try:
        return _file(link, api_key, company["accounts"])
    except KeyRefused as error:
        return _refuse(link, error.code)


def _key_of(link: IntakeLink) -> str:
    """The key that was pasted, or that the log-in's code stands for; "" when another task has
    the code. Raises KeyRefused."""
    try:
        if link.api_key is not None:
            return str(link.api_key.open(owner_of(link)))
        # Without the code, whoever had it died before there was a key.
        code = str(link.login_code.open(owner_of(link))) if link.login_code else ""
    except SecretUnreadable:
        raise KeyRefused("unreadable", "") from None
    mine = IntakeLink.objects.filter(pk=link.pk, state=State.ASKING, asked_at=link.asked_at)
    if code and not mine.filter(login_code__isnull=False).update(login_code=None):
        return ""
    api_key = _exchanged(link, code)
    link.api_key = seal(api_key, owner_of(link))
    mine.update(api_key=link.api_key)
    return api_key


def _exchanged(link: IntakeLink, code: str) -> str:
    if not code:
        raise KeyRefused("login_unclear", "")
    try:
        api_key = keydesk.clean(keylogin.api_key_for(link.tenant.environment, code))
    except (OutcomeUnknown, NotSubmitted):
        raise KeyRefused("login_unclear", "") from None
    except ProcountorError:
        raise KeyRefused("login_failed", "") from None
    if not api_key.isascii() or not api_key:
        raise KeyRefused("login_failed", "")
    return api_key


def _file(link: IntakeLink, api_key: str, theirs: dict[str, str]) -> bool:
    """File the key. An active tenant's account is replaced only by one that is active in
    Procountor: the link must not stop what works before its key is checked."""
    with transaction.atomic():
        # The tenant first, as everywhere: two that lock the other way round wait for each other.
        tenant = Tenant.objects.select_for_update().get(pk=link.tenant_id)
        if tenant.state == TenantState.CLOSED:
            raise KeyRefused("closed", "")
        works, account = tenant.state == TenantState.ACTIVE, link.account
        finding = {}
        if works and account and theirs.get(account) != "ACTIVE":
            finding = {"code": "account_unknown", "value": accounts.formatted(account)}
            account = ""
        asked = _open(link).filter(state=State.ASKING, asked_at=link.asked_at)
        filed = {"state": State.FILED, "filed_at": timezone.now(), "finding": finding}
        if not asked.update(**_DESTROYED, **filed):
            return False
        link.credential = custody.file_with_account(tenant, api_key, account, via=ReceivedBy.LINK)
        IntakeLink.objects.filter(pk=link.pk).update(credential=link.credential)
        _tell(link, "intake_link.key_filed", last_four=link.credential.last_four)
    return True


def _refuse(link: IntakeLink, code: str, value: str = "") -> bool:
    """Not filed, and why; False. A key that may yet work is kept, and is one try however often
    it is asked about; the fifth wrong try ends the link."""
    counts = code not in _NOT_COUNTED and not link.is_counted
    wrong = link.wrong_tries + int(counts)
    changes: dict[str, Any] = {"state": State.OPENED, "api_key": None, "login_code": None}
    if wrong >= MOST_WRONG_TRIES:
        changes = _closed(CloseReason.WRONG_TRIES)
    elif code in _MAY_YET_WORK:
        changes = {"state": State.HELD}
    with transaction.atomic():
        refused = IntakeLink.objects.filter(
            pk=link.pk, state=State.ASKING, asked_at=link.asked_at
        ).update(
            finding={"code": code, "value": value},
            wrong_tries=wrong,
            is_counted=link.is_counted or counts,
            **changes,
        )
        if refused and code != link.finding.get("code"):
            _tell(link, "intake_link.key_refused", code=code, wrong_tries=wrong)
        if refused and changes["state"] == State.CLOSED:
            _tell(link, "intake_link.closed", reason=CloseReason.WRONG_TRIES.value)
    return False


def ask_for_check(link: IntakeLink, *, pause: dt.timedelta = dt.timedelta(0)) -> bool:
    """Note that the customer asks for a check of the key that is filed; False within `pause` of
    the last time."""
    now = timezone.now()
    filed = IntakeLink.objects.filter(pk=link.pk, state=State.FILED, asked_at__lte=now - pause)
    return bool(filed.update(asked_at=now))


def awaits_check(link: IntakeLink) -> bool:
    """Whether a check that was asked for has not begun."""
    check = link.credential.newest_check if link.credential else None
    return check is None or (link.asked_at is not None and check.started_at < link.asked_at)


def change_account(link: IntakeLink, text: str) -> bool:
    """Another account for the key that is filed, while the account is what is wrong: one that the
    company has in Procountor. False when it is not wrong. Raises AccountInvalid and
    AccountUnknown."""
    iban = accounts.parse(text).iban
    check = link.credential.newest_check if link.credential else None
    wrong = check is not None and any("account" in step["code"] for step in check.steps)
    if check is None or not (wrong or link.finding.get("code") == "account_unknown"):
        return False
    if iban not in check.reference_data.get("active_accounts", []):
        raise AccountUnknown(accounts.formatted(iban))
    with transaction.atomic():
        custody.file_account(link.tenant, iban)
        IntakeLink.objects.filter(pk=link.pk).update(account=iban, finding={})
        _tell(link, "intake_link.account_changed", iban=iban)
    return True


def close(link: IntakeLink, reason: str, *, by: Any = None) -> bool:
    """End a link before its time; False when it had ended, or a key had come by it."""
    with transaction.atomic():
        closed = IntakeLink.objects.filter(pk=link.pk, state__in=IntakeLink.OPEN)
        done = closed.update(**_closed(reason))
        if done:
            _tell(link, "intake_link.closed", by=by, reason=str(reason))
    return bool(done)


def close_all(tenant: Tenant, *, by: Any) -> None:
    """End the open links of a tenant whose connection ends."""
    for link in IntakeLink.objects.filter(tenant=tenant, state__in=IntakeLink.OPEN):
        close(link, CloseReason.ENDED, by=by)


def due_again() -> list[Any]:
    """Keys of links to ask about again: Procountor did not answer, or a task was lost."""
    now = timezone.now()
    usable = IntakeLink.objects.filter(expires_at__gt=now, asked_at__lt=now - _ASK_AGAIN)
    lost = usable.filter(state=State.ASKING)
    hopeless = lost.filter(asked_at__lt=now - _GIVE_UP)
    for link in hopeless:
        _refuse(link, "unexpected_answer")
    silent = list(usable.filter(state=State.HELD, finding__code__in=_ASKED_AGAIN))
    return [link.pk for link in [*lost, *filter(ask_again, silent)]]


def unchecked() -> list[Tenant]:
    """Tenants whose key came by a link and was never checked: whoever filed it died."""
    since = timezone.now() - _ASK_AGAIN
    filed = IntakeLink.objects.filter(
        state=State.FILED, filed_at__lt=since, expires_at__gt=timezone.now()
    )
    return [
        link.tenant
        for link in filed.filter(credential__connectioncheck=None).select_related("tenant")
    ]


def destroy_expired() -> int:
    """Destroy token and key of links that ended by their date; returns how many. The rest of
    them stays."""
    over = IntakeLink.objects.filter(expires_at__lte=timezone.now())
    held = Q(token__isnull=False) | Q(api_key__isnull=False) | Q(login_code__isnull=False)
    return over.filter(held).update(**_DESTROYED)


def owner_of(link: IntakeLink) -> str:
    """For whom the secrets of a link are sealed."""
    return _owner(link.pk)


def _owner(number: uuid.UUID) -> str:
    return f"intake-link:{number}"


def _open(link: IntakeLink) -> Any:
    usable = IntakeLink.objects.filter(pk=link.pk, expires_at__gt=timezone.now())
    return usable.exclude(tenant__state=TenantState.CLOSED)


def _closed(reason: str) -> dict[str, Any]:
    return {
        "state": State.CLOSED,
        "close_reason": reason,
        "closed_at": timezone.now(),
        **_DESTROYED,
    }


def _tell(link: IntakeLink, action: str, *, by: Any = None, **data: Any) -> None:
    facts = {"link": str(link.pk)} | data
    acted.send(IntakeLink, action=action, tenant=link.tenant, by=by, data=facts)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
