"""Background tasks about connections. Thin: primary keys in, one function called."""

from __future__ import annotations

import datetime as dt
from functools import partial

from django.contrib.auth import get_user_model
from django.core.cache import cache
from django.db import transaction
from django.db.models import Q
from django.utils import timezone
from django_q.tasks import async_task

from integrations import custody, diagnosis, offboarding, received
from integrations.activation import activation_decisions, activations, forgetting
from integrations.activation.models import ActivationRequest
from integrations.connect import intake_links, invitations
from integrations.connect.models import IntakeLink
from integrations.enums import CircuitState, TenantState
from integrations.models import Circuit, ReceivedKey, ReceivedMail, Tenant

_CHECKS_A_MINUTE = 20


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


def check_due_connections() -> int:
    """Every minute: queue checks of tenants whose last one is a day old; returns how many. A few
    at a time, because a check waits for Procountor and other tasks wait behind it, and none in an
    outage."""
    until = timezone.now() - dt.timedelta(days=1)
    out = Circuit.objects.filter(state=CircuitState.OPEN).values("environment")
    due = (
        Tenant.objects.with_last_check()
        .exclude(state=TenantState.CLOSED)
        .exclude(environment__in=out)
        .filter(Q(check_at=None) | Q(check_at__lt=until))  # type: ignore[misc]  # annotated
        .filter(credentials__state="active")
        .order_by("check_at", "pk")
    )
    count = 0
    for tenant_pk in due.values_list("pk", flat=True)[: 4 * _CHECKS_A_MINUTE]:
        # One that waits for its turn is not queued again.
        if count < _CHECKS_A_MINUTE and cache.add(f"check-queued:{tenant_pk}", 1, 3600):
            async_task("integrations.tasks.check_connection", tenant_pk)
            count += 1
    return count


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
    """Hourly: forget the keys from mails that nobody has filed, and those of links that ended."""
    return received.forget_old() + intake_links.destroy_expired()


def try_intake_key_soon(link: IntakeLink) -> None:
    """Ask in the background about the key a customer entered, once the data is committed."""
    transaction.on_commit(partial(async_task, "integrations.tasks.try_intake_key", str(link.pk)))


def try_intake_key(link_pk: str) -> str:
    """Ask about the key of one link and file it; the connection check follows. Returns the
    link's state."""
    link = IntakeLink.objects.select_related("tenant").get(pk=link_pk)
    if intake_links.try_key(link):
        check_soon(link.tenant)
    link.refresh_from_db()
    return link.state


def ask_about_intake_keys_again() -> int:
    """Every few minutes: keys of links that Procountor did not answer for, or nobody asked it."""
    for tenant in intake_links.unchecked():
        async_task("integrations.tasks.check_connection", tenant.pk)
    due = intake_links.due_again()
    for pk in due:
        async_task("integrations.tasks.try_intake_key", str(pk))
    return len(due)


def remind_invited() -> int:
    """Hourly: remind customers who have not used their link, where mail to customers is set up."""
    return invitations.remind_due()


def fetch_activation_soon(request: ActivationRequest, *, for_staff: bool = False) -> None:
    """Ask in the background what is requested, once the data is committed."""
    task = "integrations.tasks.fetch_activation"
    transaction.on_commit(partial(async_task, task, request.pk, for_staff))


def fetch_activation(request_pk: int, for_staff: bool = False) -> str:
    """Ask what is requested; when too many were asked about just now, the next round does."""
    request = ActivationRequest.objects.filter(pk=request_pk).first()
    if request is None:
        return ""
    if for_staff or activations.may_ask_now():
        activations.fetch(request)
    return request.state


def submit_activation_soon(request: ActivationRequest) -> None:
    """Tell Procountor the decision in the background, once it is committed."""
    transaction.on_commit(partial(async_task, "integrations.tasks.submit_activation", request.pk))


def submit_activation(request_pk: int) -> str:
    """Tell Procountor the decision, if nobody has, and file the keys that are here."""
    request = ActivationRequest.objects.get(pk=request_pk)
    activation_decisions.submit(request)
    request.refresh_from_db()
    return request.state


def follow_activations() -> int:
    """Every few minutes: what lost its task, and numbers that Procountor does not know."""
    to_ask, to_submit = activations.due(), activation_decisions.follow()
    for pk in to_ask:
        async_task("integrations.tasks.fetch_activation", pk)
    for pk in to_submit:
        async_task("integrations.tasks.submit_activation", pk)
    activations.forget_unknown()
    return len(to_ask) + len(to_submit)


def watch_integrations() -> int:
    """Daily: integrations that customers removed, keys that nobody could file, and who asked for
    an activation that has been over for long."""
    activation_decisions.forget_unfiled_keys()
    forgetting.forget_initiators()
    return activations.watch_customers()
