"""What exports are found by, written by `invoices.finding` only."""

from __future__ import annotations

from django.db import models


class SearchKey(models.Model):
    """One way to begin typing what an export is found by: its invoice's number, or the buyer's
    name from one of its words on. A shortcut and no record: made from the invoice and its
    corrections, and can be made again."""

    # Deleting an export looks for its keys.
    export = models.ForeignKey("invoices.InvoiceExport", models.CASCADE, related_name="search_keys")
    key = models.CharField(max_length=60)

    class Meta:
        indexes = [
            # The class of operators lets PostgreSQL look for a beginning in any collation.
            models.Index(
                fields=["key", "export"],
                opclasses=["varchar_pattern_ops", "int8_ops"],
                name="search_keys_by_beginning",
            )
        ]

    def __str__(self) -> str:
        return self.key
