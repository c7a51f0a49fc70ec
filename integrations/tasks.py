"""Background tasks about connections. Thin: primary keys in, one function called."""

from __future__ import annotations

from functools import partial

from django.contrib.auth import get_user_model
from django.db import transaction
from django_q.tasks import async_task

from integrations import custody, diagnosis, offboarding, received
from integrations.enums import TenantState
from integrations.models import ReceivedKey, ReceivedMail, Tenant


def check_soon(tenant: Tenant, by: object = None) -> None:
    """Run the connection check of `tenant` in the background, once the data is committed."""
    user_pk = getattr(by, "pk", None)
    transaction.on_commit(
        lambda: async_task("integrations.tasks.check_connection", tenant.pk, user_pk)
    )


def check_connection(tenant_pk: int, user_pk: int | None = None) -> str:
    """Run one tenant's connection checks; of one that was closed meanwhile, none."""
    user = get_user_model().objects.filter(pk=user_pk).first() if user_pk else None
    try:
        return str(diagnosis.run_checks(Tenant.objects.get(pk=tenant_pk), by=user).outcome)
    except diagnosis.ConnectionEnded:
        return "closed"


def check_all_connections() -> int:
    """Daily: queue a check of every tenant that is not closed and has a key."""
    due = Tenant.objects.exclude(state=TenantState.CLOSED).filter(credentials__state="active")
    for tenant_pk in due.values_list("pk", flat=True):
        async_task("integrations.tasks.check_connection", tenant_pk)
    return due.count()


def destroy_superseded_keys() -> int:
    """Daily: destroy the secrets of keys that were replaced long enough ago, and of connections
    that ended and whose day has come."""
    return custody.destroy_superseded() + offboarding.destroy_due()


def identify_soon(mail: ReceivedMail) -> None:
    """Ask in the background whose keys these are, once the data is committed."""
    for pk in mail.keys.values_list("pk", flat=True):
        transaction.on_commit(partial(async_task, "integrations.tasks.identify_key", pk))


def identify_key(key_pk: int) -> bool:
    """Ask Procountor whose key this is; False when it was filed or forgotten meanwhile."""
    key = ReceivedKey.objects.select_related("mail").filter(pk=key_pk).first()
    if key is not None:
        received.identify(key)
    return key is not None


def forget_received_mails() -> int:
    """Hourly: forget the keys from mails that nobody has filed."""
    return received.forget_old()
