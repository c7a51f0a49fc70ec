"""The form in which a person corrects an invoice: a field for each place that may differ."""

from __future__ import annotations

import datetime as dt
import hashlib
import json
from typing import Any

from django import forms
from django.utils.formats import date_format
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from pydantic import ValidationError
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from integrations.enums import InvoiceChannel
from invoices import corrections
from invoices.document import InvoiceDocument, Problem, VatCategory
from invoices.mapping.codes import COUNTRIES
from invoices.problems import words_for

LABELS = {
    "date": _("Invoice date"),
    "due_date": _("Due date"),
    "reference_number": _("Reference number"),
    "invoice_channel": _("Channel of this invoice"),
    "order_reference": _("Order reference"),
    "buyer_reference": _("Buyer's reference"),
    "additional_information": _("Additional information"),
    "name": _("Name"),
    "specifier": _("Second line of the name"),
    "street": _("Street"),
    "zip": _("Postcode"),
    "city": _("City"),
    "country": _("Country"),
    "business_id": _("Business ID"),
    "vat_number": _("VAT number"),
    "customer_number": _("Customer number"),
    "contact_person": _("Contact person"),
    "email": _("E-mail"),
    "einvoice_address": _("E-invoice address"),
    "einvoice_operator": _("E-invoice operator"),
    "unit": _("Unit"),
    "vat_category": _("VAT category"),
}
GROUPS = {
    "header": _("Invoice"),
    "buyer": _("Buyer"),
    "billing_address": _("Billing address"),
    "rows": _("Rows"),
}
_CATEGORIES = {
    VatCategory.STANDARD: _("S · standard sale"),
    VatCategory.ZERO: _("Z · zero rate"),
    VatCategory.EXEMPT: _("E · exempt"),
    VatCategory.REVERSE_CHARGE: _("AE · reverse charge"),
    VatCategory.INTRA_COMMUNITY: _("K · goods to the EU"),
    VatCategory.EXPORT: _("G · export"),
    VatCategory.OUTSIDE_SCOPE: _("O · outside VAT"),
}
#: Rows beyond these are not offered: a page has its limits, and so has a browser's form.
SHOWN_ROWS = 200
#: What else the form's POST may hold.
_OWN = frozenset({"csrfmiddlewaretoken", "reason", "version", "seen", "check", "save"})


class CorrectionForm(forms.Form):
    """Named by places (`buyer.address.zip`), so that every problem of mapping has its field.
    `proposed` is the corrected document once the form is valid."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off"}),
        help_text=_("It is kept in the audit trail."),
    )

    def __init__(
        self, document: InvoiceDocument, data: Any = None, initial: dict[str, str] | None = None
    ) -> None:
        """`initial` has values by place that are offered instead of the document's."""
        super().__init__(data, initial=initial)
        self.document = document
        self.proposed: InvoiceDocument | None = None
        for place, value in corrections.places_of(document).items():
            if _row_of(place) <= SHOWN_ROWS:
                self.fields[place] = _field(place, value)
                if place.endswith("].unit"):
                    self.fields[place].help_text = document.rows[_row_of(place) - 1].name
        self.order_fields([name for name in self.fields if name != "reason"] + ["reason"])

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        for name in sorted(set(self.data) - self.fields.keys() - _OWN):
            self.add_error(None, _t("This cannot be changed: %(field)s.") % {"field": name[:80]})
        if self.errors.keys() - {"reason"}:
            return cleaned
        given = {
            place: cleaned.get(place)
            for place in self.fields
            if place != "reason" and place in self.data
        }
        try:
            self.proposed = corrections.corrected(self.document, given)
        except ValidationError as error:
            for each in error.errors():
                self.add_error(None, f"{'.'.join(map(str, each['loc']))}: {each['msg']}")
            return cleaned
        if self.proposed == self.document:
            self.add_error(None, _("Nothing differs from the invoice as it is."))
        return cleaned

    def tell(self, problems: tuple[Problem, ...]) -> None:
        """Put each problem at its field, or above the form when it has none."""
        for problem in problems:
            words = words_for(problem)
            field = problem.place if problem.place in self.fields else None
            place = "" if field or not problem.place else f"{problem.place}: "
            self.add_error(field, f"{place}{words.cause} {words.remedy}")

    def sections(self) -> list[dict[str, Any]]:
        """The fields in groups, each row's together."""
        found: dict[str, list[Any]] = {}
        for name in self.fields:
            if name != "reason":
                found.setdefault(_group(name), []).append(self[name])
        return [
            {"name": GROUPS[group], "fields": fields, "rows": group == "rows"}
            for group, fields in found.items()
        ]


def seen_of(document: InvoiceDocument) -> str:
    """A digest of what a preview showed, so that only that is saved."""
    content = json.dumps(document.as_json(), sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()


def label_of(place: str) -> str:
    """The place in words: "Row 2 · Unit"."""
    label = str(LABELS[place.rpartition(".")[2]])
    row = _row_of(place)
    if row:
        return _t("Row %(number)d") % {"number": row} + f" · {label}"
    prefix = {"buyer": GROUPS["buyer"], "billing_address": GROUPS["billing_address"]}
    group = _group(place)
    return f"{prefix[group]} · {label}" if group in prefix else label


def value_words(place: str, value: str) -> str:
    """A value as `places_of` has it, in the reader's words."""
    name = place.rpartition(".")[2]
    if name in ("date", "due_date") and value:
        return date_format(dt.date.fromisoformat(value), "SHORT_DATE_FORMAT")
    words = dict(_choices(name, value)).get(value, value)
    return str(words) or "–"


def _row_of(place: str) -> int:
    return int(place[5 : place.index("]")]) if place.startswith("rows[") else 0


def _group(place: str) -> str:
    head = place.partition(".")[0].partition("[")[0]
    return head if head in GROUPS else "header"


def _field(place: str, value: str) -> forms.Field:
    name = place.rpartition(".")[2]
    common: dict[str, Any] = {"label": label_of(place), "initial": value, "required": False}
    if name in ("date", "due_date"):
        common["required"] = name == "date"
        picker = UnfoldAdminTextInputWidget(attrs={"type": "date"})
        return forms.DateField(input_formats=["%Y-%m-%d"], widget=picker, **common)
    if choices := _choices(name, value):
        return forms.ChoiceField(choices=choices, widget=UnfoldAdminSelectWidget, **common)
    if name == "additional_information":
        area = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        return forms.CharField(max_length=10_000, widget=area, **common)
    return forms.CharField(max_length=1000, widget=UnfoldAdminTextInputWidget, **common)


def _choices(name: str, value: str) -> list[tuple[str, Any]]:
    if name == "invoice_channel":
        return [("", _("As the tenant's setting says")), *InvoiceChannel.choices]
    if name == "vat_category":
        return [("", "–"), *((str(code), words) for code, words in _CATEGORIES.items())]
    if name == "country":
        known = [("", "–"), *((code, code) for code in sorted(COUNTRIES))]
        return known if value in COUNTRIES or not value else [*known, (value, value)]
    return []
