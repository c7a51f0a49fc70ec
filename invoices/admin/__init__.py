"""The accountant's and the auditor's pages. Each registers itself when imported."""

from invoices.admin import (
    alerts,
    causes,
    dashboard,
    evidence,
    exports,
    history,
    history_files,
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
    "dashboard",
    "evidence",
    "exports",
    "history",
    "history_files",
    "mapping",
    "periods",
    "plans",
    "received",
    "rehearsals",
    "unknown_codes",
    "wording",
]
