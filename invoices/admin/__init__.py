"""The accountant's and the auditor's pages. Each registers itself when imported."""

from invoices.admin import alerts, evidence, exports, mapping, periods, received, rehearsals

__all__ = ["alerts", "evidence", "exports", "mapping", "periods", "received", "rehearsals"]
