"""Background tasks about exports. Thin: wake-ups with primary keys; the rows are the queue."""

from __future__ import annotations

from invoices import engine


def run_lane(tenant_pk: int) -> int:
    """Work through one tenant's due exports."""
    return engine.run_lane(tenant_pk)


def sweep() -> int:
    """Every minute: expire dead claims, wake lanes whose wake-up was lost."""
    return engine.sweep()
