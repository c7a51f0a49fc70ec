"""One invoice, its tenant and company, and the pages as an accountant sees them."""

from __future__ import annotations

from django.utils import timezone, translation

from integrations import diagnosis
from invoices import engine, problems
from invoices.admin.explain import of_attempt
from invoices.document import Problem
from invoices.models import InvoiceExport
from tests import factories
from tests.staff import text, url

POSTS = {"method": "POST", "path": "/invoices"}
#: An invoice whose VAT category is not mapped.
EXEMPT = {
    "rows": [factories.invoice()["rows"][0] | {"vat_percent": "0", "vat_category": "E"}],
    "gross_total": "100.00",
    "additional_information": "AVL 39 §",
}


class Desk:
    """One invoice, its tenant and company, and the pages as an accountant sees them."""

    def __init__(self, tenant, queued, sandbox, settings, client, fields):
        self.tenant, self.sandbox, self.settings = tenant, sandbox, settings
        self.client, self.company = client, tenant.company
        self.user = factories.UserFactory(role="Administrator")
        client.force_login(self.user)
        (self.export,) = queued("A-1", **fields)

    def fault(self, kind, **more):
        self.sandbox.fault(kind=kind, **more, **POSTS)

    def run(self):
        engine.run_lane(self.tenant.pk)
        self.export.refresh_from_db()

    def check(self):
        diagnosis.run_check(self.tenant)
        self.tenant.refresh_from_db()

    def later(self):
        InvoiceExport.objects.filter(pk=self.export.pk).update(not_before=timezone.now())

    def until(self, *statuses):
        for _round in range(8):
            self.export.refresh_from_db()
            if self.export.status in statuses:
                break
            self.later()
            self.run()
        return self.export.status

    def queue_again(self):
        page = url("invoices_invoiceexport_queue_again", self.export.pk)
        self.client.post(page, {"confirmed": "1", "reason": "corrected"})
        self.export.refresh_from_db()

    def explained(self):
        """Codes of the panels of the export and of its newest attempt."""
        own = [problems.explain(Problem.from_json(each)) for each in self.export.problems]
        last = self.export.attempts.order_by("-number").first()
        return own + (of_attempt(last) if last else [])

    def page(self, language):
        address = url("invoices_invoiceexport_change", self.export.pk)
        return text(self.client.get(address, headers={"Accept-Language": language}))


def said_in_both_languages(desk, key):
    """The panel of the code on the export's page, in Finnish and in English."""
    for language in ("fi", "en"):
        with translation.override(language):
            (found, *_more) = [each for each in desk.explained() if each.key == key]
            cause, remedy = found.cause, found.remedy
        page = desk.page(language)
        assert cause.rstrip(" –") in page and remedy in page
        assert found.code in page


def booked_once(desk):
    numbers = [invoice["originalInvoiceNumber"] for invoice in desk.sandbox.ledger()]
    assert (numbers, desk.sandbox.duplicates()) == (["A-1"], [])
