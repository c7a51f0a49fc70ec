"""The accountant's and the auditor's pages. Each registers itself when imported."""

from invoices.admin import evidence, exports, received

__all__ = ["evidence", "exports", "received"]
