"""The accountant's and the auditor's pages. Each registers itself when imported."""

from invoices.admin import (
    alerts,
    causes,
    chains,
    dashboard,
    evidence,
    exports,
    history,
    history_files,
    ledger,
    mapping,
    periods,
    plans,
    received,
    rehearsals,
    unknown_codes,
    wording,
)

__all__ = [
    "alerts",
    "causes",
    "chains",
    "dashboard",
    "evidence",
    "exports",
    "history",
    "history_files",
    "ledger",
    "mapping",
    "periods",
    "plans",
    "received",
    "rehearsals",
    "unknown_codes",
    "wording",
]
