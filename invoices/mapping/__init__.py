"""Document and tenant settings in, Procountor's payload out. Pure: no query, request or clock.

`map_invoice` gives a payload or every problem at once; `to_bytes` is what goes on the wire.
Words for the problems are in `invoices.problems`.
"""

from invoices.mapping.base import ExportSettings, FiscalPeriod, Mapped, ReferenceData
from invoices.mapping.basis import basis_of
from invoices.mapping.invoice import map_invoice, period_problem
from invoices.mapping.numbers import to_bytes
from invoices.mapping.tables import TableVersion

#: Kept with every attempt; raise it when the same document would map differently.
MAPPING_VERSION = "1"

__all__ = [
    "MAPPING_VERSION",
    "ExportSettings",
    "FiscalPeriod",
    "Mapped",
    "ReferenceData",
    "TableVersion",
    "basis_of",
    "map_invoice",
    "period_problem",
    "to_bytes",
]
