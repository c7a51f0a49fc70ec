"""Re-sends many exports as one act of a person: planned, frozen, and executed in stages.

`making` chooses and says what will become of each, `running` executes. Exports are queued through
`invoices.exports` only: claims, attempts and look-ups are as for a single one.
"""

from invoices.plans.making import AT_ONCE, FROZEN_FOR, make
from invoices.plans.running import (
    EQUAL_ERRORS,
    NotPossible,
    advance,
    resume,
    settle_stopped,
    start,
    stop,
    unfinished,
)

__all__ = [
    "AT_ONCE",
    "EQUAL_ERRORS",
    "FROZEN_FOR",
    "NotPossible",
    "advance",
    "make",
    "resume",
    "settle_stopped",
    "start",
    "stop",
    "unfinished",
]
