"""The accountant's and the auditor's pages. Each registers itself when imported."""

from invoices.admin import alerts, evidence, exports, received, rehearsals, unknown_codes, wording

__all__ = ["alerts", "evidence", "exports", "received", "rehearsals", "unknown_codes", "wording"]
