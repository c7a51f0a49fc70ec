"""The columns of the export history, on the page and in a file."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from invoices.enums import ExportStatus
from invoices.report_models import ExportFact


@dataclass(frozen=True)
class Column:
    """`kind` is text, number, money, day, moment or yes_no: what `value` gives."""

    label: Promise | str
    kind: str
    value: Callable[[ExportFact], Any]
    #: Shown unless the reader chooses.
    usual: bool = True


COLUMNS: dict[str, Column] = {
    "number": Column(_("Invoice number"), "text", lambda f: f.export.invoice.number),
    "remote_number": Column(_("Procountor number"), "text", lambda f: f.export.remote_number),
    "tenant": Column(_("Tenant"), "text", lambda f: f.tenant.name),
    "business_id": Column(_("Business ID"), "text", lambda f: f.tenant.business_id, False),
    "buyer": Column(_("Buyer"), "text", lambda f: f.export.invoice.buyer_name),
    "date": Column(_("Invoice date"), "day", lambda f: f.export.invoice.date),
    "due_date": Column(_("Due date"), "day", lambda f: f.export.invoice.due_date, False),
    "total": Column(_("Total with VAT"), "money", lambda f: f.total),
    "currency": Column(_("Currency"), "text", lambda f: f.currency),
    "status": Column(_("Status"), "text", lambda f: str(ExportStatus(f.export.status).label)),
    "taken_in": Column(_("Taken in"), "moment", lambda f: f.export.created_at, False),
    "exported": Column(_("Exported"), "moment", lambda f: f.export.submitted_at),
    "first_pass": Column(_("First pass"), "yes_no", lambda f: f.first_pass, False),
    "remote_id": Column(_("Procountor id"), "number", lambda f: f.export.remote_id, False),
    "remote_status": Column(
        _("Procountor status"), "text", lambda f: f.export.remote_status, False
    ),
    "credit_note": Column(
        _("Credit note"), "yes_no", lambda f: f.export.invoice.is_credit_note, False
    ),
}
USUAL = tuple(name for name, column in COLUMNS.items() if column.usual)


def chosen_columns(names: Iterable[str]) -> tuple[str, ...]:
    """Those of `names` that there are, in our order; the usual ones when there is none."""
    wanted = set(names)
    return tuple(name for name in COLUMNS if name in wanted) or USUAL
