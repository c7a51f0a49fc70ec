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
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import accounts, custody, keydesk, received
from integrations.connect.models import IntakeLink
from integrations.enums import ReceivedBy, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import BankAccount, Tenant
from integrations.secrets import SecretUnreadable, seal
from integrations.signals import acted

State, CloseReason = IntakeLink.State, IntakeLink.CloseReason
MOST_WRONG_TRIES = 5
#: With these Procountor, or the customer there, may yet make the key work: it is kept.
_MAY_YET_WORK = frozenset(
    {"key_refused", "not_answering", "step_forbidden", "unexpected_answer", "wrong_address"}
)
#: Not the customer's doing, so no wrong try.
_NOT_COUNTED = _MAY_YET_WORK - {"key_refused"}
#: A question that nobody answered: its task was lost.
_ASK_AGAIN = dt.timedelta(minutes=1)


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
    return None if link is None or link.is_over or link.tenant.state == "closed" else link


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
    submitted = _open(link).filter(state__in=[State.OPENED, State.HELD])
    return bool(
        submitted.update(
            state=State.ASKING,
            asked_at=timezone.now(),
            api_key=seal(api_key, owner_of(link)),
            account=iban,
            finding={},
        )
    )


def ask_again(link: IntakeLink) -> bool:
    """Ask about the key that is kept once more."""
    kept = _open(link).filter(state=State.HELD, api_key__isnull=False)
    return bool(kept.update(state=State.ASKING, asked_at=timezone.now()))


def try_key(link: IntakeLink) -> bool:
    """Ask Procountor about the submitted key, and file it when it opens the tenant's company:
    True then. Does nothing when it was answered meanwhile; reads only in Procountor."""
    if link.state != State.ASKING or link.api_key is None:
        return False
    # A key that was asked about before is one try, however often that is repeated.
    is_first = link.finding.get("code", "not_answering") in _NOT_COUNTED
    try:
        api_key = str(link.api_key.open(owner_of(link)))
    except SecretUnreadable:
        return _refuse(link, {"code": "unreadable", "value": ""}, is_first)
    finding, company = received.ask(api_key, link.tenant.environment)
    if not finding and company["business_id"] != link.tenant.business_id:
        # Whose it is stays unsaid: the page must not tell what a found key opens.
        finding = {"code": "wrong_company", "value": ""}
    if finding:
        return _refuse(link, finding, is_first)
    try:
        return _file(link, api_key)
    except KeyRefused as error:
        return _refuse(link, {"code": error.code, "value": ""}, is_first)


def _file(link: IntakeLink, api_key: str) -> bool:
    with transaction.atomic():
        asked = IntakeLink.objects.filter(
            pk=link.pk, state=State.ASKING, asked_at=link.asked_at
        ).update(state=State.FILED, filed_at=timezone.now(), api_key=None, token=None, finding={})
        if not asked:
            return False
        link.credential = custody.file_with_account(
            link.tenant, api_key, link.account, via=ReceivedBy.LINK
        )
        IntakeLink.objects.filter(pk=link.pk).update(credential=link.credential)
        _tell(link, "intake_link.key_filed", last_four=link.credential.last_four)
    return True


def _refuse(link: IntakeLink, finding: dict[str, str], is_first: bool) -> bool:
    """Not filed, and why; False. A key that may yet work is kept; the fifth wrong try ends the
    link."""
    code = finding["code"]
    wrong = link.wrong_tries + int(is_first and code not in _NOT_COUNTED)
    changes: dict[str, Any] = {"state": State.OPENED, "api_key": None}
    if wrong >= MOST_WRONG_TRIES:
        changes = _closed(CloseReason.WRONG_TRIES)
    elif code in _MAY_YET_WORK:
        changes = {"state": State.HELD}
    with transaction.atomic():
        refused = IntakeLink.objects.filter(
            pk=link.pk, state=State.ASKING, asked_at=link.asked_at
        ).update(finding=finding, wrong_tries=wrong, **changes)
        if refused and is_first:
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


def change_account(link: IntakeLink, text: str) -> BankAccount:
    """Another account for the key that is filed: one that the company has in Procountor, so that
    the link cannot stop what works. Raises AccountInvalid and AccountUnknown."""
    iban = accounts.parse(text).iban
    check = link.credential.newest_check if link.credential else None
    if check is None or iban not in check.reference_data.get("active_accounts", []):
        raise AccountUnknown(accounts.formatted(iban))
    with transaction.atomic():
        account = custody.file_account(link.tenant, iban)
        IntakeLink.objects.filter(pk=link.pk).update(account=iban)
        _tell(link, "intake_link.account_changed", iban=iban)
    return account


def close(link: IntakeLink, reason: str, *, by: Any = None) -> bool:
    """End a link before its time; False when it had ended, or a key had come by it."""
    with transaction.atomic():
        closed = IntakeLink.objects.filter(pk=link.pk, state__in=IntakeLink.OPEN)
        done = closed.update(**_closed(reason))
        if done:
            _tell(link, "intake_link.closed", by=by, reason=str(reason))
    return bool(done)


def due_again() -> list[Any]:
    """Keys of links to ask about again: Procountor did not answer, or a task was lost."""
    until = timezone.now() - _ASK_AGAIN
    usable = IntakeLink.objects.filter(expires_at__gt=timezone.now(), asked_at__lt=until)
    silent = list(usable.filter(state=State.HELD, finding__code="not_answering"))
    lost = usable.filter(state=State.ASKING)
    return [link.pk for link in [*lost, *filter(ask_again, silent)]]


def destroy_expired() -> int:
    """Destroy token and key of links that ended by their date; returns how many. The rest of
    them stays."""
    over = IntakeLink.objects.filter(expires_at__lte=timezone.now())
    return over.exclude(token__isnull=True, api_key__isnull=True).update(token=None, api_key=None)


def owner_of(link: IntakeLink) -> str:
    """For whom the secrets of a link are sealed."""
    return _owner(link.pk)


def _owner(number: uuid.UUID) -> str:
    return f"intake-link:{number}"


def _open(link: IntakeLink) -> Any:
    return IntakeLink.objects.filter(pk=link.pk, expires_at__gt=timezone.now())


def _closed(reason: str) -> dict[str, Any]:
    return {
        "state": State.CLOSED,
        "close_reason": reason,
        "closed_at": timezone.now(),
        "api_key": None,
        "token": None,  # nosec B105 - emptied
    }


def _tell(link: IntakeLink, action: str, *, by: Any = None, **data: Any) -> None:
    facts = {"link": str(link.pk)} | data
    acted.send(IntakeLink, action=action, tenant=link.tenant, by=by, data=facts)


def _hash(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
