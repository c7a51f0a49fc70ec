"""The only writer of Credential: files an API key, and lets it take its predecessor's place."""

from __future__ import annotations

import datetime as dt
from collections.abc import Collection
from typing import Any

from django.conf import settings
from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from integrations import keydesk
from integrations.enums import CredentialState, PauseReason, TenantState
from integrations.keydesk import KeyRefused
from integrations.models import BankAccount, Credential, ReceivedKey, Tenant
from integrations.secrets import fingerprint, seal
from integrations.signals import acted


def file_api_key(
    tenant: Tenant, pasted: str, *, via: str, by: Any = None, received_at: dt.datetime | None = None
) -> Credential:
    """Seal an API key for `tenant`. Nothing is submitted with a key no connection check has seen.

    While the tenant's older key works, the new one is a candidate: it takes the other's place
    when every check of it has passed (`promote`). Else it is the active one at once, of a tenant
    that is not active; an older one is superseded.

    Filing a key again that the tenant has returns the credential as it is. Raises KeyRefused
    for a key of another environment or client id, one filed before, or one of a closed tenant;
    nothing is saved then.
    """
    api_key = keydesk.clean(pasted)
    claims = keydesk.check_claims(api_key, tenant.environment)
    mark = fingerprint(api_key)
    known = Credential.objects.filter(fingerprint=mark).select_related("tenant").first()
    if known:
        return _already_filed(known, tenant)
    try:
        with transaction.atomic():
            locked = Tenant.objects.select_for_update().get(pk=tenant.pk)
            if locked.state == TenantState.CLOSED:
                raise KeyRefused(
                    "closed",
                    _("%(tenant)s is closed: no key is filed for it.") % {"tenant": tenant},
                )
            # A person's pause says nothing about the key.
            in_use = locked.state == TenantState.ACTIVE or locked.pause_reason == PauseReason.PERSON
            works = in_use and locked.active_credential is not None
            state = CredentialState.CANDIDATE if works else CredentialState.ACTIVE
            _supersede(tenant, {CredentialState.CANDIDATE, state})
            # An active tenant without a key would submit with one that no check has seen.
            if state == CredentialState.ACTIVE:
                Tenant.objects.filter(pk=tenant.pk, state=TenantState.ACTIVE).update(
                    state=TenantState.PENDING
                )
            credential = Credential.objects.create(
                tenant=tenant,
                state=state,
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
                data=_named(credential) | {"via": via},
            )
    except IntegrityError:
        # Someone filed a key for this tenant, or this key elsewhere, at the same moment.
        raise KeyRefused(
            "simultaneous",
            _("Another person filed a key at the same moment. Look at the tenant and try again."),
        ) from None
    return credential


def _named(credential: Credential) -> dict[str, str]:
    """How the audit trail names a key."""
    return {"last_four": credential.last_four, "fingerprint": credential.short_fingerprint}


def _supersede(tenant: Tenant, states: Collection[CredentialState]) -> None:
    tenant.credentials.filter(state__in=states).update(
        state=CredentialState.SUPERSEDED, superseded_at=timezone.now()
    )


def promote(candidate: Credential) -> bool:
    """Let a candidate whose checks have all passed take the active key's place. False when it
    is no candidate any more."""
    tenant = candidate.tenant
    with transaction.atomic():
        waiting = Credential.objects.select_for_update(of=["self"]).filter(
            pk=candidate.pk, state=CredentialState.CANDIDATE
        )
        # Those of a closed tenant stay as they are until they are destroyed.
        waiting = waiting.exclude(tenant__state=TenantState.CLOSED)
        if not waiting.exists():
            return False
        _supersede(tenant, {CredentialState.ACTIVE})
        waiting.update(state=CredentialState.ACTIVE)
        acted.send(
            Credential,
            action="credential.replaced",
            tenant=tenant,
            by=None,
            data=_named(candidate),
        )
    candidate.refresh_from_db()
    return True


def destroy_superseded() -> int:
    """Destroy the secrets of keys replaced longer ago than SUPERSEDED_KEY_DAYS; what is known
    about them stays. Returns how many."""
    until = timezone.now() - dt.timedelta(days=settings.SUPERSEDED_KEY_DAYS)
    old = Credential.objects.filter(
        state=CredentialState.SUPERSEDED, superseded_at__lt=until, api_key__isnull=False
    )
    count = 0
    for credential in old.select_related("tenant"):
        count += _destroy(credential)
    return count


def revoke_all(tenant: Tenant, by: Any = None) -> int:
    """Destroy the secrets of all keys of a closed tenant; those that were in use or waiting are
    REVOKED then. What is known about them stays. Returns how many were destroyed."""
    with transaction.atomic():
        held = list(tenant.credentials.filter(api_key__isnull=False))
        # The same key may have come once more, in a mail that nobody has filed.
        prints = tenant.credentials.values("fingerprint")
        ReceivedKey.objects.filter(fingerprint__in=prints).delete()
        tenant.credentials.exclude(state=CredentialState.SUPERSEDED).update(
            state=CredentialState.REVOKED
        )
        return sum(_destroy(credential, by) for credential in held)


def _destroy(credential: Credential, by: Any = None) -> bool:
    with transaction.atomic():
        held = Credential.objects.filter(pk=credential.pk, api_key__isnull=False)
        destroyed = held.update(api_key=None, destroyed_at=timezone.now())
        if destroyed:
            acted.send(
                Credential,
                action="credential.destroyed",
                tenant=credential.tenant,
                by=by,
                data=_named(credential),
            )
    return bool(destroyed)


def file_with_account(
    tenant: Tenant, pasted: str, account: str, *, via: str, by: Any = None
) -> Credential:
    """File an API key and, when `account` is not empty, make it the account invoices are paid
    into. Both or neither. Raises KeyRefused, or ValidationError naming `iban`."""
    with transaction.atomic():
        if account.strip():
            file_account(tenant, account)
        return file_api_key(tenant, pasted, via=via, by=by)


def file_account(tenant: Tenant, number: str) -> BankAccount:
    """Make an account the one invoices are paid into. Raises ValidationError naming `iban`."""
    found = BankAccount(tenant=tenant)
    found.set_number(number)
    with transaction.atomic():
        # Two at once would both find no other account to set aside.
        Tenant.objects.select_for_update().get(pk=tenant.pk)
        tenant.bank_accounts.exclude(iban=found.iban).update(is_default=False)
        filed, _made = tenant.bank_accounts.update_or_create(
            iban=found.iban,
            defaults={"bic": found.bic, "bank_name": found.bank_name, "is_default": True},
        )
    return filed


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
    if known.state not in (CredentialState.ACTIVE, CredentialState.CANDIDATE):
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
