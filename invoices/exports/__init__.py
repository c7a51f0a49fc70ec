"""The life of an export: the only package that writes its status and its attempts.

Every move is a conditional UPDATE along ALLOWED_MOVES, in one transaction with its audit
event. An attempt is committed before its request leaves and closed once. What happens between
two moves (requests, look-ups) belongs to `engine` and `reconciliation`.
"""

from invoices.exports import steps
from invoices.exports.answers import (
    accepted,
    adopt,
    cannot_be_mapped,
    conflict,
    credential_refused,
    differs,
    look_again,
    not_submitted,
    not_there,
    read_back,
    read_later,
    refused,
    unknown,
)
from invoices.exports.attempts import (
    ClaimLost,
    Due,
    claim,
    claim_and_open,
    claim_next,
    close,
    distrust_all,
    due,
    due_to_submit,
    expire_leases,
    give_back,
    open_attempt,
)
from invoices.exports.moves import (
    ALLOWED_MOVES,
    QUEUEABLE,
    SKIPPABLE,
    change_status,
    create,
    hold_for_attention,
    park,
    queue,
    release_parked,
    skip,
)

__all__ = [
    "ALLOWED_MOVES",
    "QUEUEABLE",
    "SKIPPABLE",
    "ClaimLost",
    "Due",
    "accepted",
    "adopt",
    "cannot_be_mapped",
    "change_status",
    "claim",
    "claim_and_open",
    "claim_next",
    "close",
    "conflict",
    "create",
    "credential_refused",
    "differs",
    "distrust_all",
    "due",
    "due_to_submit",
    "expire_leases",
    "give_back",
    "hold_for_attention",
    "look_again",
    "not_submitted",
    "not_there",
    "open_attempt",
    "park",
    "queue",
    "read_back",
    "read_later",
    "refused",
    "release_parked",
    "skip",
    "steps",
    "unknown",
]
