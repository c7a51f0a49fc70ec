"""Background tasks about exports. Thin: hints that something is due; the rows are the queue."""

from __future__ import annotations

from invoices import engine, entered, rehearsal
from invoices.watch import beat


def run_lanes() -> int:
    """Work through what is due."""
    return engine.run_lanes()


def sweep() -> int:
    """Every minute: expire dead claims, wake lanes whose wake-up was lost."""
    beat("sweep")
    entered.look_up_overdue()
    return engine.sweep()


def rehearse(rehearsal_pk: int) -> bool:
    """Run a rehearsal that was asked for."""
    return rehearsal.run(rehearsal_pk)


def look_up_entered(entry_pk: int) -> str:
    """Look up an invoice that a person says was entered by hand; returns what came of it."""
    return entered.look_up(entry_pk)
