"""What was sent and answered, byte for byte: opened by a person, and that is recorded."""

from __future__ import annotations

from typing import Any

import simplejson
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.urls import path, reverse
from django.utils.translation import gettext as _t

from integrations.admin.desk import RecordAdmin, needs
from invoices import audit
from invoices.admin import privacy
from invoices.models import SubmissionAttempt


class PayloadPages(RecordAdmin):
    """Mixed into the exports' admin: the page of one attempt's request and answer."""

    def get_urls(self) -> list[Any]:
        page = path(
            "<int:pk>/attempt/<int:number>/",
            self.admin_site.admin_view(self.payload),
            name="invoices_attempt_payload",
        )
        return [page, *super().get_urls()]

    def payload(self, request: HttpRequest, pk: int, number: int) -> HttpResponse:
        needs(request, "invoices.view_submissionattempt")
        attempts = SubmissionAttempt.objects.select_related("export__invoice", "export__tenant")
        attempt = get_object_or_404(attempts, export=pk, number=number)
        audit.record(
            "payload.viewed", export=attempt.export, by=request.user, data={"attempt": number}
        )
        words = {"number": number, "invoice": attempt.export.invoice.number}
        context = self.admin_site.each_context(request) | {
            "title": _t("Invoice %(invoice)s, attempt %(number)d: request and answer") % words,
            "attempt": attempt,
            "sent": pretty(attempt.request_body),
            "answered": pretty(attempt.response_body),
            "back": reverse("admin:invoices_invoiceexport_change", args=[pk]),
            "opts": self.opts,
        }
        page = render(request, "desk/payload.html", context)
        return privacy.hide(page, [attempt.export.invoice])


def pretty(text: str) -> str:
    """Indented when it is JSON, as it is otherwise; decimals keep their digits."""
    try:
        read = simplejson.loads(text, use_decimal=True)
        return simplejson.dumps(read, indent=2, ensure_ascii=False, use_decimal=True)
    except (ValueError, RecursionError):
        return text
