"""The end of a financial year's evidence: found and decided by two people (`deciding`), chosen
record by record (`choosing`), deleted in turns (`deleting`) and certified (`certifying`).

The only code that deletes evidence. What it may delete the database's triggers decide again.
"""

from invoices.expiry.deleting import advance, unfinished

__all__ = ["advance", "unfinished"]
