"""The only writer of Credential: files an API key, and lets it take its predecessor's place."""

from __future__ import annotations

import datetime as dt
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import keydesk
from integrations.enums import CredentialState, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import BankAccount, Credential, Tenant
from integrations.secrets import fingerprint, seal
from integrations.signals import acted


def file_api_key(
    tenant: Tenant, pasted: str, *, via: str, by: Any = None, received_at: dt.datetime | None = None
) -> Credential:
    """Seal an API key for `tenant` and make it the active one; the older one is superseded.

    An active tenant becomes pending with it: nothing is submitted with a key whose company no
    connection check has seen.

    Filing the tenant's own active key again returns the credential as it is. Raises KeyRefused
    for a key of another environment or client id, or one filed before; nothing is saved then.
    """
    api_key = keydesk.clean(pasted)
    claims = keydesk.check_claims(api_key, tenant.environment)
    mark = fingerprint(api_key)
    known = Credential.objects.filter(fingerprint=mark).select_related("tenant").first()
    if known:
        return _already_filed(known, tenant)
    try:
        with transaction.atomic():
            tenant.credentials.filter(state=CredentialState.ACTIVE).update(
                state=CredentialState.SUPERSEDED, superseded_at=timezone.now()
            )
            Tenant.objects.filter(pk=tenant.pk, state=TenantState.ACTIVE).update(
                state=TenantState.PENDING
            )
            credential = Credential.objects.create(
                tenant=tenant,
                api_key=seal(api_key, tenant.pk),
                last_four=api_key[-4:],
                fingerprint=mark,
                claims=claims.as_json() if claims else {},
                received_at=received_at or timezone.now(),
                received_via=via,
                received_by=by,
            )
            acted.send(
                Credential,
                action="credential.filed",
                tenant=tenant,
                by=by,
                data={
                    "last_four": credential.last_four,
                    "fingerprint": credential.short_fingerprint,
                    "via": via,
                },
            )
    except IntegrityError:
        # Someone filed a key for this tenant, or this key elsewhere, at the same moment.
        raise KeyRefused(
            "simultaneous",
            _("Another person filed a key at the same moment. Look at the tenant and try again."),
        ) from None
    return credential


def file_with_account(
    tenant: Tenant, pasted: str, account: str, *, via: str, by: Any = None
) -> Credential:
    """File an API key and, when `account` is not empty, make it the account invoices are paid
    into. Both or neither. Raises KeyRefused, or ValidationError naming `iban`."""
    with transaction.atomic():
        if account.strip():
            found = BankAccount(tenant=tenant)
            found.set_number(account)
            tenant.bank_accounts.exclude(iban=found.iban).update(is_default=False)
            tenant.bank_accounts.update_or_create(
                iban=found.iban,
                defaults={"bic": found.bic, "bank_name": found.bank_name, "is_default": True},
            )
        return file_api_key(tenant, pasted, via=via, by=by)


def _already_filed(known: Credential, tenant: Tenant) -> Credential:
    if known.tenant_id != tenant.pk:
        raise KeyRefused(
            "filed_elsewhere",
            _(
                "This API key is already filed under another tenant, %(tenant)s. Each company "
                "needs its own key: the customer must make one in the company %(name)s."
            )
            % {"tenant": known.tenant.name, "name": tenant.name},
        )
    if known.state != CredentialState.ACTIVE:
        raise KeyRefused(
            "superseded",
            _(
                "This API key was replaced by a newer one and is not taken back into use. "
                "The customer must make a new API key."
            ),
        )
    return known


def open_api_key(credential: Credential) -> str:
    """The key in clear, for the token request and nothing else. Raises SecretUnreadable."""
    if credential.api_key is None:
        raise ValueError("The secret of this credential has been destroyed.")
    return str(credential.api_key.open(credential.tenant_id))
