"""Background tasks about connections. Thin: primary keys in, one function called."""

from __future__ import annotations

from django.contrib.auth import get_user_model
from django.db import transaction
from django_q.tasks import async_task

from integrations import diagnosis
from integrations.enums import TenantState
from integrations.models import Tenant


def check_soon(tenant: Tenant, by: object = None) -> None:
    """Run the connection check of `tenant` in the background, once the data is committed."""
    user_pk = getattr(by, "pk", None)
    transaction.on_commit(
        lambda: async_task("integrations.tasks.check_connection", tenant.pk, user_pk)
    )


def check_connection(tenant_pk: int, user_pk: int | None = None) -> str:
    """Run one tenant's connection check."""
    user = get_user_model().objects.filter(pk=user_pk).first() if user_pk else None
    return str(diagnosis.run_check(Tenant.objects.get(pk=tenant_pk), by=user).outcome)


def check_all_connections() -> int:
    """Daily: queue a check of every tenant that is not closed and has a key."""
    due = Tenant.objects.exclude(state=TenantState.CLOSED).filter(credentials__state="active")
    for tenant_pk in due.values_list("pk", flat=True):
        async_task("integrations.tasks.check_connection", tenant_pk)
    return due.count()
