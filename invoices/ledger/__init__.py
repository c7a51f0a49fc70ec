"""Reconciliation by day: what was received, exported, and is in Procountor, and what becomes of
it there afterwards. Never POSTs. `reconciliation` settles single exports; here sets are compared.

`reading` asks Procountor page by page, `comparing` and `series` judge (pure), `days` keeps what a
day came to and its seal, `differences` what is open and who looks after it, `following` what
changed in Procountor since, `planning` when what is read.
"""

from invoices.ledger.days import explain
from invoices.ledger.differences import assign, open_counts
from invoices.ledger.planning import plan_due, read_days, to_be_driven
from invoices.ledger.reading import advance

__all__ = [
    "advance",
    "assign",
    "explain",
    "open_counts",
    "plan_due",
    "read_days",
    "to_be_driven",
]
