"""What changed between two snapshots, in words for staff. The words of warnings are `advice`'s."""

from __future__ import annotations

import datetime as dt

from django.utils.formats import date_format
from django.utils.functional import Promise
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _

from integrations import accounts, percents
from integrations.radar import Change

RIGHTS: dict[str, Promise] = {
    "sales.salesOrGroupInvoices": _("sales invoices"),
    "sales.salesInvoiceSearch": _("searching sales invoices"),
    "sales.customerRegister": _("customer register"),
    "sales.productRegister": _("product register"),
    "sales.personalSalesInvoicesOnly": _("sees its own sales invoices only"),
    "management.basicCompanyInfo": _("basic company info"),
    "invoiceCirculation.approval": _("approving in invoice circulation"),
    "accounting.preventCreatingEditingInvoices": _("creating and editing invoices prevented"),
    "accounting.preventEditingAccountingPage": _("editing the accounting page prevented"),
}
_KINDS: dict[str, Promise] = {
    "right": _("Right “%(name)s”"),
    "role": _("Role"),
    "operation_type": _("Company's mode of operation"),
    "product_version": _("Product version"),
    "currency": _("Company's currency"),
    "account": _("Bank account %(name)s"),
    "vat_percent": _("VAT %(name)s"),
    "vat_status": _("VAT status %(name)s"),
    "period": _("Accounting period %(name)s"),
}
_VALUES: dict[str, Promise] = {
    "": _("none"),
    "ALL_RIGHTS": _("all rights"),
    "VIEWING_RIGHTS": _("viewing"),
    "NO_ACCESS": _("no access"),
    "NOT_ENABLED": _("not in use in the company"),
    "on": _("on"),
    "off": _("off"),
    "open": _("open"),
    "closed": _("closed"),
    "in_use": _("in use"),
    "ACTIVE": _("active"),
    "INACTIVE": _("inactive"),
}


def sentence(change: Change) -> str:
    """One change on one line, in the active language."""
    what = str(_KINDS[change.kind]) % {"name": _name(change)}
    return _t("%(what)s: %(old)s → %(new)s") % {
        "what": what,
        "old": _value(change.old),
        "new": _value(change.new),
    }


def _name(change: Change) -> str:
    if change.kind == "right":
        return str(RIGHTS.get(change.name, change.name))
    if change.kind == "account":
        return accounts.formatted(change.name)
    if change.kind == "period":
        days = map(dt.date.fromisoformat, change.name.split("/"))
        return "–".join(date_format(day, "SHORT_DATE_FORMAT") for day in days)
    return percents.in_sentence(change.name)


def _value(value: str) -> str:
    return str(_VALUES.get(value, value))
