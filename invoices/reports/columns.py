"""The columns of the export history, on the page and in a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _


@dataclass(frozen=True)
class Column:
    """`kind` is text, number, money, day, moment or yes_no: what the value at `path` is."""

    label: Promise | str
    kind: str
    #: From an ExportFact.
    path: str
    #: Shown unless the reader chooses.
    usual: bool = True


COLUMNS: dict[str, Column] = {
    "number": Column(_("Invoice number"), "text", "export__invoice__number"),
    "remote_number": Column(_("Procountor number"), "text", "export__remote_number"),
    "tenant": Column(_("Tenant"), "text", "tenant__name"),
    "business_id": Column(_("Business ID"), "text", "tenant__business_id", False),
    "buyer": Column(_("Buyer"), "text", "export__invoice__buyer_name"),
    "date": Column(_("Invoice date"), "day", "export__invoice__date"),
    "due_date": Column(_("Due date"), "day", "export__invoice__due_date", False),
    "total": Column(_("Total with VAT"), "money", "total"),
    "currency": Column(_("Currency"), "text", "currency"),
    "status": Column(_("Status"), "text", "export__status"),
    "taken_in": Column(_("Taken in"), "moment", "export__created_at", False),
    "exported": Column(_("Exported"), "moment", "export__submitted_at"),
    "first_pass": Column(_("First pass"), "yes_no", "first_pass", False),
    "remote_id": Column(_("Procountor id"), "number", "export__remote_id", False),
    "remote_status": Column(_("Procountor status"), "text", "export__remote_status", False),
    "credit_note": Column(_("Credit note"), "yes_no", "export__invoice__is_credit_note", False),
}
USUAL = tuple(name for name, column in COLUMNS.items() if column.usual)


def chosen_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that there are, in our order; the usual ones when there is none."""
    wanted = set(names)
    return tuple(name for name in COLUMNS if name in wanted) or USUAL
