"""Wake-ups: tasks that say no more than that something is due."""

from __future__ import annotations

from django.db import transaction
from django_q.brokers import get_broker
from django_q.tasks import async_task

_TASK = "invoices.tasks.run_lanes"


def wake(tenant_pk: int) -> None:
    """Ask for a drain of due exports, once what was queued for the tenant is committed."""
    transaction.on_commit(wake_one_worker)


def wake_one_worker() -> None:
    """Ask for one more worker at what is due."""
    async_task(_TASK)


def call_for_help() -> bool:
    """Ask for one more worker unless an idle one would have found such a call already: a busy
    cluster fetches some tasks ahead, so the first calls may go no further than that."""
    if get_broker().queue_size():
        return False
    wake_one_worker()
    return True
