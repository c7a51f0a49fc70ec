"""What follows once an invoice is in Procountor: attach, approve, send, each with attempts.

The only package that writes steps and their attempts. `due`, `settle` and the rest are database
work of the coordinator; `StepCall.ask` makes the requests. A lost answer is settled by reading:

* send is never repeated by the program. Two readings, apart in time, that do not show it lead to
  a person, whose confirmation is followed by another reading.
* approve is repeated after two readings of UNFINISHED: it delivers nothing to anybody.
* a file is attached again after two readings that do not list it.
"""

from invoices.exports.steps.calls import StepAnswer, StepCall, due
from invoices.exports.steps.leases import after_restore, expire_leases
from invoices.exports.steps.moves import ALLOWED_STEP_MOVES, SKIPPABLE_STEPS, move_step
from invoices.exports.steps.people import attach, attachable, skip_step, try_step_again
from invoices.exports.steps.planning import any_due, next_due_at, plan, tenants_with_due
from invoices.exports.steps.settling import Settled, settle

__all__ = [
    "ALLOWED_STEP_MOVES",
    "SKIPPABLE_STEPS",
    "Settled",
    "StepAnswer",
    "StepCall",
    "after_restore",
    "any_due",
    "attach",
    "attachable",
    "due",
    "expire_leases",
    "move_step",
    "next_due_at",
    "plan",
    "settle",
    "skip_step",
    "tenants_with_due",
    "try_step_again",
]
