"""What a source may ask: one invoice, and its exports page by page."""

from __future__ import annotations

import datetime as dt
import re
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.translation import gettext as _

from invoices.api import paging, shapes
from invoices.api.numbers import number_at
from invoices.api.problems import ApiProblem, answer, parameter_error
from invoices.api_models import ApiToken
from invoices.enums import ExportStatus
from invoices.models import InvoiceExport

DEFAULT_LIMIT = 50
MAX_LIMIT = 200
_PARAMETERS = frozenset({"status", "changed_since", "limit", "cursor"})
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d{1,6})?([Zz]|[+-]\d\d:\d\d)")


def invoice(token: ApiToken, address: str) -> HttpResponse:
    """The invoice at this address, if it is the tenant's. Raises ApiProblem."""
    number = number_at(address)
    exports = InvoiceExport.objects.select_related("invoice")
    # By the invoice's own columns, which one index has.
    mine = exports.filter(invoice__tenant=token.tenant_id, invoice__number=number)
    found = mine.first() if number is not None else None
    if found is None:
        raise ApiProblem("not-found")
    return answer(shapes.invoice_shown(found))


def exports(request: HttpRequest, token: ApiToken) -> HttpResponse:
    """A page of the tenant's exports. Raises ApiProblem with every wrong parameter."""
    wrong: list[dict[str, str]] = []
    limit = _limit(request, wrong)
    walk = _walk(request, token, wrong)
    if wrong or walk is None:
        raise ApiProblem("parameters-wrong", errors=wrong)
    page, cursor = paging.page_of(walk, limit)
    following = urlencode({"cursor": cursor, "limit": limit}) if cursor else ""
    return answer(
        {
            "exports": [shapes.export_shown(export) for export in page],
            "next": f"{reverse('api:exports')}?{following}" if following else None,
            "as_of": shapes.moment(walk.as_of),
        }
    )


def _walk(request: HttpRequest, token: ApiToken, wrong: list[Any]) -> paging.Walk | None:
    asked = request.GET
    for name in asked.keys() - _PARAMETERS:
        wrong.append(
            parameter_error(
                name,
                "parameter_unknown",
                asked[name],
                _("There is no such parameter."),
                _("Leave it out; the reference lists the parameters."),
            )
        )
    for name in ("changed_since", "limit", "cursor"):
        if len(asked.getlist(name)) > 1:
            wrong.append(
                parameter_error(
                    name,
                    "parameter_twice",
                    "",
                    _("The parameter is given more than once."),
                    _("Give it once."),
                )
            )
    if "cursor" in asked:
        return _going_on(request, token, wrong)
    statuses, since = _statuses(request, wrong), _since(request, wrong)
    return None if wrong else paging.begin(token.tenant, statuses, since)


def _going_on(request: HttpRequest, token: ApiToken, wrong: list[Any]) -> paging.Walk | None:
    for name in ("status", "changed_since"):
        if name in request.GET:
            wrong.append(
                parameter_error(
                    name,
                    "parameter_with_cursor",
                    request.GET[name],
                    _("A cursor carries the filter of its first page."),
                    _("Follow “next” as it is, or begin anew without the cursor."),
                )
            )
    try:
        return paging.go_on(token.tenant, request.GET["cursor"])
    except paging.CursorWrong:
        wrong.append(
            parameter_error(
                "cursor",
                "cursor_wrong",
                request.GET["cursor"],
                _("This is no cursor that we gave to this company."),
                _("Follow “next” as it is, or begin anew without the cursor."),
            )
        )
    return None


def _limit(request: HttpRequest, wrong: list[Any]) -> int:
    text = request.GET.get("limit", str(DEFAULT_LIMIT))
    if text.isascii() and text.isdecimal() and len(text) < 6 and 1 <= int(text) <= MAX_LIMIT:
        return int(text)
    wrong.append(
        parameter_error(
            "limit",
            "not_a_limit",
            text,
            _("The limit is not a number from 1 to %(most)d.") % {"most": MAX_LIMIT},
            _("Give such a number, or leave it out."),
        )
    )
    return DEFAULT_LIMIT


def _statuses(request: HttpRequest, wrong: list[Any]) -> tuple[str, ...]:
    asked = request.GET.getlist("status")
    for status in asked:
        if status not in ExportStatus.values:
            wrong.append(
                parameter_error(
                    "status",
                    "not_a_status",
                    status,
                    _("This is not a status of an export."),
                    _("Give one of: %(statuses)s.") % {"statuses": ", ".join(ExportStatus.values)},
                )
            )
    return tuple(sorted(set(asked)))


def _since(request: HttpRequest, wrong: list[Any]) -> dt.datetime | None:
    text = request.GET.get("changed_since")
    if text is None:
        return None
    try:
        if not _MOMENT.fullmatch(text):
            raise ValueError
        return dt.datetime.fromisoformat(text.upper()).astimezone(dt.UTC)
    except (ValueError, OverflowError):
        wrong.append(
            parameter_error(
                "changed_since",
                "not_a_moment",
                text,
                _("This is not a moment with its offset (RFC 3339)."),
                _("Write it as 2026-09-16T08:00:00Z; a plus sign in an address has to be encoded."),
            )
        )
    return None
