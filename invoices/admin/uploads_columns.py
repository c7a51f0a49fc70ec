"""What the columns of a table are: the page that asks, with what the first rows would be, and the
list of what was learnt."""

from __future__ import annotations

import io
from collections.abc import Sequence
from typing import Any

from django.contrib import admin, messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from unfold.decorators import display

from integrations.admin.desk import ReadOnlyAdmin, needs
from invoices import filing
from invoices.admin import privacy
from invoices.admin.filters import TenantFilter
from invoices.admin.uploads_page import buyer_words, explained_of
from invoices.admin.uploads_words import (
    A_PRICE,
    DATE_ORDERS,
    DECIMAL_MARKS,
    FIELDS,
    GROUPS,
    OUTCOME_COLOURS,
    OUTCOMES_ONE,
)
from invoices.admin.words import explained, money
from invoices.intake.columns import PRICES, REQUIRED, ColumnMapping, understood
from invoices.upload_models import ColumnLayout, StagedFile, Upload, UploadState
from invoices.uploads import layouts, previewing, tables, taking_in

UPLOAD = "invoices.upload_file"
_MOST_ROWS = 10
_SAMPLES = 3
_UNDECIDED = (UploadState.PREVIEWING, UploadState.PREVIEWED)


class Chosen:
    """What the form says: which column is read as what. `twice` are fields chosen for several
    columns."""

    def __init__(self, headings: Sequence[str], given: Any) -> None:
        columns: dict[str, str] = {}
        self.unread: list[str] = []
        self.twice: list[str] = []
        self.fields: dict[str, str] = {}
        for number, heading in enumerate(headings):
            name = given.get(f"column-{number}", "")
            if name not in FIELDS:
                self.unread.append(heading)
                continue
            self.fields[heading] = name
            if name in columns:
                self.twice.append(name)
            columns[name] = heading
        self.columns = columns
        self.decimal_mark = _one_of(given.get("decimal_mark"), DECIMAL_MARKS)
        self.date_order = _one_of(given.get("date_order"), DATE_ORDERS)

    @property
    def mapping(self) -> dict[str, Any]:
        return {
            "columns": self.columns,
            "unread": self.unread,
            "decimal_mark": self.decimal_mark,
            "date_order": self.date_order,
        }

    @property
    def missing(self) -> list[Any]:
        """Fields without which nothing is read, in words."""
        lacking: list[Any] = [FIELDS[name] for name in REQUIRED if name not in self.columns]
        priced = any(name in self.columns for name in PRICES)
        return lacking if priced else [*lacking, A_PRICE]


def _one_of(given: str | None, choices: list[tuple[str, Any]]) -> str:
    return given if given in {value for value, _label in choices} and given else ""


def chosen_now(file: StagedFile, headings: Sequence[str]) -> dict[str, str]:
    """The form as it is first shown: how the columns are read now."""
    fields = {heading: name for heading, name, _sheet in file.columns if name}
    given = {f"column-{n}": fields.get(heading, "") for n, heading in enumerate(headings)}
    mapping = file.mapping or {}
    return given | {name: mapping.get(name, "") for name in ("decimal_mark", "date_order")}


def headings_of(file: StagedFile) -> list[str]:
    """The different headings of a staged table, without our own."""
    found = (heading for heading, _field, _sheet in file.columns if heading)
    return [each for each in dict.fromkeys(found) if not layouts.is_ours(each)]


class ColumnPages:
    """Mixed into the uploads' admin: the page of a table's columns."""

    def get_urls(self) -> list[Any]:
        wrap = self.admin_site.admin_view
        where = "<int:pk>/files/<int:file_pk>/columns/"
        pages = [
            path(where, wrap(self.columns), name="invoices_upload_columns"),
            path(
                f"{where}shown/",
                wrap(require_POST(self.columns_shown)),
                name="invoices_upload_columns_shown",
            ),
        ]
        return [*pages, *super().get_urls()]

    def columns(self, request: HttpRequest, pk: int, file_pk: int) -> HttpResponse:
        """Says how the columns are read, and takes what a person says they are."""
        upload, file = _table(request, pk, file_pk)
        headings = headings_of(file)
        given = request.POST if request.method == "POST" else chosen_now(file, headings)
        chosen = Chosen(headings, given)
        page = reverse("admin:invoices_upload_change", args=[upload.pk])
        if "save" in request.POST and not chosen.twice:
            if _save(request, upload, file, headings, chosen):
                return HttpResponseRedirect(page)
            return HttpResponseRedirect(request.path)
        context = self.admin_site.each_context(request) | {
            "title": _t("Columns of %(name)s") % {"name": file.name},
            "file": file,
            "upload": upload,
            "back": page,
            "live": reverse("admin:invoices_upload_columns_shown", args=[pk, file_pk]),
            "opts": self.opts,
            **form_context(headings, chosen, _samples(file, headings)),
            **shown_context(file, chosen),
        }
        return render(request, "desk/upload_columns.html", context)

    def columns_shown(self, request: HttpRequest, pk: int, file_pk: int) -> HttpResponse:
        """The first rows as they would be read: a piece of the page."""
        _upload, file = _table(request, pk, file_pk)
        chosen = Chosen(headings_of(file), request.POST)
        return render(request, "desk/upload_columns_shown.html", shown_context(file, chosen))


def _table(request: HttpRequest, pk: int, file_pk: int) -> tuple[Upload, StagedFile]:
    needs(request, UPLOAD)
    files = StagedFile.objects.select_related("upload__tenant", "layout__saved_by")
    file = get_object_or_404(files, pk=file_pk, upload=pk, upload__state__in=_UNDECIDED)
    if file.format not in tables.FORMATS:
        raise Http404
    return file.upload, file


def _save(
    request: HttpRequest,
    upload: Upload,
    file: StagedFile,
    headings: Sequence[str],
    chosen: Chosen,
) -> bool:
    """Keep it for all such tables, and look at those of this upload again."""
    try:
        layouts.save(upload.tenant, headings, chosen.mapping, by=request.user)
        same = list(upload.files.filter(layout_key=file.layout_key).defer("sample"))
        taking_in.look_again(upload, files=same)
    except filing.TenantClosed as error:
        messages.error(request, str(error))
        return False
    except taking_in.NotPossible:
        messages.warning(request, _t("It had moved on meanwhile: look at its state now."))
        return True
    messages.success(
        request,
        _t("Saved: tables of this tenant with these headings are read like this from now on."),
    )
    return True


def form_context(
    headings: Sequence[str], chosen: Chosen, samples: dict[str, list[str]]
) -> dict[str, Any]:
    return {
        "columns": [
            {
                "name": f"column-{number}",
                "heading": heading,
                "field": chosen.fields.get(heading, ""),
                "samples": samples.get(heading, []),
            }
            for number, heading in enumerate(headings)
        ],
        "groups": [(label, [(name, FIELDS[name]) for name in names]) for label, names in GROUPS],
        "decimal_marks": DECIMAL_MARKS,
        "date_orders": DATE_ORDERS,
        "chosen": chosen,
        "twice": [FIELDS[name] for name in dict.fromkeys(chosen.twice)],
    }


def shown_context(file: StagedFile, chosen: Chosen) -> dict[str, Any]:
    """The first invoices as they would be, and what is missing."""
    tried = previewing.Tried([], [])
    if not chosen.missing and not chosen.twice and file.upload.tenant is not None:
        tenant = file.upload.tenant
        tried = previewing.try_columns(tenant, file, chosen.mapping, _MOST_ROWS)
    return {
        "missing": chosen.missing,
        "twice": [FIELDS[name] for name in dict.fromkeys(chosen.twice)],
        "told": explained(each.as_json() for each in tried.problems),
        "rows": [_row(one, file) for one in tried.invoices],
        "no_sample": file.sample is None,
    }


def _row(one: Any, file: StagedFile) -> dict[str, Any]:
    """One invoice as it would be."""
    shown: dict[str, Any] = {
        "number": one.item.number,
        "outcome": OUTCOMES_ONE.get(one.verdict, one.verdict),
        "colour": OUTCOME_COLOURS.get(one.verdict, ""),
        "problems": [explained_of(each.as_json(), file) for each in one.problems],
    }
    if document := one.item.document:
        buyer = document.buyer
        is_person = not (buyer.business_id or buyer.vat_number)
        shown |= {
            "date": document.date,
            "due_date": document.due_date,
            "buyer": buyer_words(buyer.address.name, is_person),
            "count": len(document.rows),
            "total": money(one.gross_total, one.currency),
        }
    return shown


def _samples(file: StagedFile, headings: Sequence[str]) -> dict[str, list[str]]:
    """The first different values under each heading, for whoever may see people."""
    if file.sample is None or not privacy.may_see():
        return {}
    found: dict[str, list[str]] = {heading: [] for heading in headings}
    where = [(sheet, heading) for heading, _field, sheet in file.columns]
    try:
        for row in tables.rows(io.BytesIO(bytes(file.sample)), file.format, where):
            for heading, values in found.items():
                text = row.text(heading)[:60] if row.headings else ""
                if text and len(values) < _SAMPLES and text not in values:
                    values.append(text)
    except tables.NotATable:
        return {}
    return found


@admin.register(ColumnLayout)
class ColumnLayoutAdmin(ReadOnlyAdmin):
    """What was learnt of tables' columns: looked at, changed and forgotten."""

    list_display = ["shown", "tenant", "saved_by", "saved_at", "used_at"]
    list_filter = [("tenant", TenantFilter)]
    list_select_related = ["tenant", "saved_by"]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return request.user.has_perm(UPLOAD)

    def has_module_permission(self, request: HttpRequest) -> bool:
        return request.user.has_perm(UPLOAD)

    @display(description=_("headings"))
    def shown(self, layout: ColumnLayout) -> str:
        return str(layout)

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kw: Any) -> Any:
        if not request.user.has_perm(UPLOAD):
            raise PermissionDenied
        known = object_id.isascii() and object_id.isdecimal() and len(object_id) < 19
        layouts_of = ColumnLayout.objects.select_related("tenant", "saved_by")
        layout = layouts_of.filter(pk=object_id).first() if known else None
        if layout is None:
            raise Http404
        back = reverse("admin:invoices_columnlayout_changelist")
        given = request.POST if request.method == "POST" else _as_given(layout)
        chosen = Chosen(layout.headings, given)
        if "delete" in request.POST:
            layouts.delete(layout, by=request.user)
            messages.success(request, _t("Forgotten: the next such table is read by its headings."))
            return HttpResponseRedirect(back)
        if "save" in request.POST and not chosen.twice:
            try:
                layouts.save(layout.tenant, layout.headings, chosen.mapping, by=request.user)
            except filing.TenantClosed as error:
                messages.error(request, str(error))
                return HttpResponseRedirect(request.path)
            messages.success(
                request,
                _t(
                    "Saved: tables of this tenant with these headings are read like this from now "
                    "on."
                ),
            )
            return HttpResponseRedirect(back)
        context = self.admin_site.each_context(request) | {
            "title": _t("Learnt columns of %(tenant)s") % {"tenant": layout.tenant},
            "layout": layout,
            "back": back,
            "opts": self.opts,
            "missing": chosen.missing,
            **form_context(layout.headings, chosen, {}),
        }
        return render(request, "desk/upload_columns.html", context)


def _as_given(layout: ColumnLayout) -> dict[str, str]:
    mapping = ColumnMapping(dict(layout.columns), unread=tuple(layout.unread))
    places = understood(layout.headings, mapping).places
    given = {f"column-{at}": name for name, at in places.items()}
    return given | {"decimal_mark": layout.decimal_mark, "date_order": layout.date_order}
