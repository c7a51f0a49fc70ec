"""API keys from a mail until somebody files one: kept sealed, asked of Procountor whose they
are, filed for the tenant of that company, or forgotten. The mail's text is not kept."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import custody, diagnosis, keydesk
from integrations.clients import client_with
from integrations.enums import Environment, TenantState
from integrations.keydesk import KeyRefused
from integrations.mail import Found
from integrations.models import Credential, ReceivedKey, ReceivedMail, Tenant, business_id_in
from integrations.procountor import ProcountorClient, ProcountorError
from integrations.secrets import SecretUnreadable, fingerprint, seal
from integrations.signals import acted

#: More keys in one mail than anybody sends: the rest is not looked at.
MOST_KEYS = 10


def take_in(found: Found, *, via: str, by: Any, unread: tuple[str, ...] = ()) -> ReceivedMail:
    """Keep what was found in a mail: its keys sealed, and the facts beside them."""
    facts = asdict(found)
    del facts["api_keys"]
    with transaction.atomic():
        mail = ReceivedMail.objects.create(
            received_via=via,
            received_at=timezone.now(),
            received_by=by,
            facts=facts | {"unread": list(unread)},
        )
        for api_key in found.api_keys[:MOST_KEYS]:
            environment = keydesk.environment_of(keydesk.claims_of(api_key))
            _keep(mail, api_key, environment)
    return mail


def take_in_key(tenant: Tenant, api_key: str, iban: str, *, via: str, by: Any) -> ReceivedMail:
    """Keep one key that is meant for `tenant`, sealed, to ask Procountor whose it is."""
    facts = asdict(Found()) | {"ibans": [iban] if iban else [], "unread": []}
    del facts["api_keys"]
    with transaction.atomic():
        mail = ReceivedMail.objects.create(
            received_via=via,
            received_at=timezone.now(),
            received_by=by,
            facts=facts,
            meant_for=tenant,
        )
        _keep(mail, api_key, tenant.environment)
    return mail


def _keep(mail: ReceivedMail, api_key: str, environment: str) -> None:
    claims = keydesk.claims_of(api_key)
    ReceivedKey.objects.create(
        mail=mail,
        environment=environment,
        api_key=seal(api_key, _owner(mail)),
        last_four=api_key[-4:],
        fingerprint=fingerprint(api_key),
        claims=claims.as_json() if claims else {},
    )


def identify(key: ReceivedKey) -> None:
    """Ask Procountor which company the key opens, and for its accounts. Reads only; the answer,
    or why there is none, is kept with the key."""
    try:
        finding, company = ask(_open(key), key.environment)
    except SecretUnreadable:
        finding, company = {"code": "secret_unreadable", "value": ""}, {}
    ReceivedKey.objects.filter(pk=key.pk).update(
        answered_at=timezone.now(), finding=finding, company=company
    )


def ask(api_key: str, environment: str) -> tuple[dict[str, str], dict[str, Any]]:
    """Whose key it is by Procountor's own words: ({code, value} why that is not known, or {};
    name, business_id, user and accounts of the company, or {})."""
    try:
        keydesk.check_claims(api_key, environment)
        return {}, _company_of(client_with(environment, lambda: api_key))
    except KeyRefused as error:
        said = keydesk.claims_of(api_key)
        value = (said.audience if error.code == "wrong_client" else said.issuer) if said else ""
        return {"code": error.code, "value": value}, {}
    except ProcountorError as error:
        code, value = diagnosis.finding_of(error)
        return {"code": code, "value": value}, {}


def _company_of(client: ProcountorClient) -> dict[str, Any]:
    session, company = client.session_info(), client.company()
    return {
        "name": company.name or session.company_name,
        "business_id": business_id_in(company.business_id),
        "user": session.user_name,
        "accounts": {account.iban: account.status for account in client.bank_accounts()},
    }


def tenant_of(key: ReceivedKey) -> Tenant | None:
    """The tenant of the company that the key opens, in the key's environment."""
    return _tenants_of(key).filter(environment=key.environment).first()


def tenant_elsewhere(key: ReceivedKey) -> Tenant | None:
    """The same company's tenant in the other environment: the customer may have made the key in
    the wrong one."""
    return _tenants_of(key).exclude(environment=key.environment).first()


def _tenants_of(key: ReceivedKey) -> QuerySet[Tenant]:
    return Tenant.objects.filter(business_id=key.company.get("business_id") or None)


def is_for_another(key: ReceivedKey) -> bool:
    """Whether the key opens another company than the tenant it was entered for."""
    meant = key.mail.meant_for
    return bool(meant and key.company and key.company["business_id"] != meant.business_id)


def misfiled(key: ReceivedKey) -> str:
    """The sentence for that."""
    return _(
        "This key opens %(found)s, and you are filing it under %(meant)s: it is not filed."
    ) % {
        "found": key.company["name"],
        "meant": key.mail.meant_for,
    }


def credential_of(key: ReceivedKey) -> Credential | None:
    """Where this very key is filed already."""
    filed = Credential.objects.filter(fingerprint=key.fingerprint)
    return filed.select_related("tenant").first()


def file(key: ReceivedKey, account: str, *, by: Any) -> Credential:
    """File a key for the tenant of the company that Procountor named; a new tenant when there is
    none. `account` becomes the one invoices are paid into; empty keeps the one on file.

    Then the mail and its other keys are forgotten. Raises KeyRefused, or ValidationError for a
    company or an account that cannot be filed; nothing is saved then.
    """
    with transaction.atomic():
        mail = ReceivedMail.objects.select_for_update().filter(pk=key.mail_id).first()
        if mail is None:
            raise KeyRefused("gone", _("The key has been filed or forgotten meanwhile."))
        if not key.company:
            raise KeyRefused("unknown_company", _("Procountor has not said whose key this is."))
        if is_for_another(key):
            raise KeyRefused("other_company", misfiled(key))
        tenant = tenant_of(key) or _new_tenant(key, mail, by)
        if tenant.state == TenantState.CLOSED:
            raise KeyRefused(
                "closed", _("%(tenant)s is closed: no key is filed for it.") % {"tenant": tenant}
            )
        try:
            api_key = _open(key)
        except SecretUnreadable:
            raise KeyRefused(
                "unreadable", _("The key cannot be opened any more: read the mail again.")
            ) from None
        credential = custody.file_with_account(
            tenant, api_key, account, via=mail.received_via, by=by
        )
        mail.delete()
    return credential


def _new_tenant(key: ReceivedKey, mail: ReceivedMail, by: Any) -> Tenant:
    tenant = Tenant(
        name=key.company["name"],
        business_id=key.company["business_id"],
        environment=key.environment,
        contact_name=mail.facts["sender_name"],
        contact_email=mail.facts["sender"],
    )
    tenant.full_clean(exclude=["slug"])
    tenant.save()
    acted.send(Tenant, action="tenant.added", tenant=tenant, by=by, data={})
    return tenant


def forget_old() -> int:
    """Forget mails of which nobody has filed a key in RECEIVED_KEY_HOURS; returns how many."""
    until = timezone.now() - dt.timedelta(hours=settings.RECEIVED_KEY_HOURS)
    old = ReceivedMail.objects.filter(received_at__lt=until)
    count = old.count()
    old.delete()
    return count


def environment_name(key: ReceivedKey) -> str:
    return str(Environment(key.environment).label)


def _owner(mail: ReceivedMail) -> str:
    return f"received:{mail.pk}"


def _open(key: ReceivedKey) -> str:
    return str(key.api_key.open(_owner(key.mail)))
